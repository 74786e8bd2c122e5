"""The viewer in a real browser: `uv pip install playwright`, a Chromium at $RETROFLIP_CHROMIUM or /usr/bin/chromium."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from retroflip.engines import LocalEngine
from retroflip.progress import Silence
from retroflip.synth.corpus import CorpusSettings, write_corpus
from retroflip.web.labels import Labels

pytestmark = pytest.mark.browser
playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = Path(os.environ.get("RETROFLIP_CHROMIUM", "/usr/bin/chromium"))
PAIRS = 20
HOSTILE = "<img src=x onerror=document.title='taken'> \u202eright to left 🎬 " + "w" * 3000


@contextmanager
def viewer(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start `retroflip view`, and give its address and process."""
    command = [sys.executable, "-m", "retroflip", "view", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}: name one in RETROFLIP_CHROMIUM")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that may log no error."""
    found = browser.new_page()
    faults: list[str] = []
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    yield found
    found.close()
    # A page whose server has ended goes on to ask for it.
    assert [fault for fault in faults if "ERR_CONNECTION_REFUSED" not in fault] == []


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs, and a run with hostile text."""
    folder = tmp_path_factory.mktemp("shown")
    settings = CorpusSettings(kinds=("direction",), per_task=PAIRS, seed=2)
    write_corpus(folder / "pairs", settings, engine=LocalEngine(2), progress=Silence())
    run = folder / "run"
    run.mkdir()
    row = {
        "step": 1,
        "sample": HOSTILE[:60],
        "branch": "original",
        "view": "identity",
        "rollout": 0,
        "text": HOSTILE,
    }
    row |= {"answer": "A", "gold": "A", "rewards": {"correct": 1.0}, "total": 1.0, "advantage": 0.5}
    (run / "rollouts.jsonl").write_text(json.dumps(row) + "\n")
    (run / "metrics.jsonl").write_text(
        '{"step": 1, "reward/correct": 0.5}\n{"step": 2, "reward/correct": 0.7}\n'
    )
    return folder


def verified(folder: Path, rater: str) -> set[str]:
    """Return the pairs that a rater labelled."""
    return {row["item"] for row in Labels(folder / "pairs").all("verify") if row["rater"] == rater}


def wait_for(count: int, folder: Path, rater: str) -> None:
    """Wait until so many labels are kept."""
    for _ in range(200):
        if len(verified(folder, rater)) >= count:
            return
        time.sleep(0.05)
    pytest.fail(f"{len(verified(folder, rater))} labels of {count}")


def rate(page: Any, address: str, folder: Path, rater: str, counts: range) -> None:
    """Label pairs by keyboard until so many are done."""
    page.goto(f"{address}#/verify/{folder.name}/pairs")
    name = page.get_by_label("Your name")
    name.fill(rater)
    name.press("Tab")
    page.locator("video").first.wait_for()
    for count in counts:
        page.locator("body").press("a" if count % 2 else "r")
        wait_for(count, folder, rater)
        # A key that is pressed before the next pair is there labels nothing: nobody has seen it.
        page.get_by_text(f"· {count} done").wait_for()


def test_twenty_pairs_by_keyboard_with_a_kill_in_between(page: Any, shown: Path) -> None:
    with viewer(shown) as (address, process):
        rate(page, address, shown, "first", range(1, 11))
        process.kill()
        process.wait(30)
    page.goto("about:blank")
    with viewer(shown) as (address, _):
        rate(page, address, shown, "first", range(11, PAIRS + 1))
    assert len(verified(shown, "first")) == PAIRS


def test_two_raters_at_once(browser: Any, shown: Path) -> None:
    with viewer(shown) as (address, _):
        pages = [browser.new_context().new_page() for _ in range(2)]
        for count in (1, 2, 3):
            for rater, page in zip(("ada", "bob"), pages, strict=True):
                rate(page, address, shown, rater, range(count, count + 1))
        for page in pages:
            page.context.close()
    assert (len(verified(shown, "ada")), len(verified(shown, "bob"))) == (3, 3)


def test_hostile_text_is_text(page: Any, shown: Path) -> None:
    with viewer(shown) as (address, _):
        page.goto(f"{address}#/run/{shown.name}/run")
        page.get_by_role("button", name="onerror").click()
        page.get_by_text("right to left").last.wait_for()
        assert "taken" not in page.title()
        assert page.locator("img").count() == 0


@pytest.mark.parametrize(
    "screen", ["", "run/{}/run", "pairs/{}/pairs", "verify/{}/pairs", "synthetic/{}/pairs"]
)
def test_every_screen_fits_a_phone(browser: Any, shown: Path, screen: str) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 700})
    with viewer(shown) as (address, _):
        page.goto(f"{address}#/{screen.format(shown.name)}")
        page.locator("h2").first.wait_for()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.close()


def test_frames_step_with_both_videos(page: Any, shown: Path) -> None:
    with viewer(shown) as (address, _):
        page.goto(f"{address}#/pairs/{shown.name}/pairs")
        page.get_by_role("button", name="Frame by frame").click()
        slide = page.get_by_label("frame", exact=True)
        slide.wait_for()
        before = page.locator(".sides img").first.get_attribute("src")
        slide.press("ArrowRight")
        assert page.locator("output").inner_text().startswith("frame 2 of 8")
        assert page.locator(".sides img").first.get_attribute("src") != before
