"""The viewer in a real browser: `uv pip install playwright`, a Chromium at $RETROFLIP_CHROMIUM or /usr/bin/chromium.

$RETROFLIP_AXE names an axe.min.js (axe-core's release), by which every screen is checked in light and dark; without it
that test is passed over.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from retroflip.files.seals import SEAL
from retroflip.progress import Silence
from retroflip.synth.corpus import CorpusSettings, write_corpus
from retroflip.web.labels import Labels
from retroflip.workers import LocalEngine

pytestmark = pytest.mark.browser
playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = Path(os.environ.get("RETROFLIP_CHROMIUM", "/usr/bin/chromium"))
PAIRS = 20
AXE = os.environ.get("RETROFLIP_AXE")
MOST_FIRST_PAINT = 1.0
"""seconds until something is to be seen"""
HOSTILE = "<img src=x onerror=document.title='taken'> \u202eright to left 🎬 " + "w" * 3000


@contextmanager
def viewer(folder: Path, port: str = "0", *more: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start `retroflip view`, and give its address and process. more: arguments behind the folder."""
    command = [sys.executable, "-m", "retroflip", "view", str(folder), "--port", port, *more]
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
    """Pairs of synthetic videos, runs of several seeds with what their models answered, and hostile text everywhere."""
    folder = tmp_path_factory.mktemp("shown")
    settings = CorpusSettings(kinds=("direction",), per_task=1, seed=2)
    write_corpus(folder / "pairs", settings, engine=LocalEngine(1), progress=Silence())
    multiply(folder / "pairs" / "records.jsonl", PAIRS)
    (folder / "run").mkdir()
    rows(folder / "run" / "rollouts.jsonl", [rollout(1, HOSTILE[:60])])
    rows(folder / "run" / "metrics.jsonl", [{"step": n, "reward/correct": n / 2} for n in (1, 2)])
    for weight in (0.0, 0.3):
        for seed in (0, 1):
            write_run(folder / "study", weight, seed)
    write_hostile(folder / "hostile", folder / "pairs")
    write_rated(folder / "pairs")
    return folder


def multiply(records: Path, times: int) -> None:
    """Make many pairs of one, with the same videos, in a file of one's own: no manifest lists it."""
    both = [json.loads(line) for line in records.read_text().splitlines()]
    records.unlink()
    records.with_name("manifest.json").unlink()
    for number in range(times):
        more = [
            {**row, "problem_id": f"{row['problem_id']}-{number}", "pair": f"pair-{number}"} for row in both
        ]
        rows(records, [{name: value for name, value in row.items() if name != SEAL} for row in more])


def write_rated(pairs: Path) -> None:
    """Write what is audited and what is compared: questions with task types, and with two traces each."""
    records = [json.loads(line) for line in (pairs / "records.jsonl").read_text().splitlines()]
    texts = {
        "routed": {},
        "one": {"process": f"<think>{HOSTILE}</think>"},
        "two": {"process": "It goes left."},
    }
    for name, more in texts.items():
        rows(pairs / f"{name}.jsonl", [{**row, **more, "task_type": "temporal"} for row in records])
    flag = {"flag": "text", "sure": "low", "why": HOSTILE}
    rows(pairs / "quality.jsonl", [{"pair": f"pair-{number}", "flags": [flag]} for number in range(PAIRS)])


def rollout(step: int, sample: str) -> dict[str, Any]:
    """Return a row of rollouts.jsonl."""
    row = {
        "step": step,
        "sample": sample,
        "branch": "original",
        "view": "identity",
        "rollout": 0,
        "text": HOSTILE,
    }
    return row | {"answer": "A", "gold": "A", "rewards": {"correct": 1.0}, "total": 1.0, "advantage": None}


def rows(path: Path, those: list[dict[str, Any]]) -> None:
    """Add rows to a file of JSON lines."""
    with path.open("a") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in those)


def write_run(study: Path, weight: float, seed: int) -> None:
    """Write a run and what its model answered."""
    name = f"w{weight}-seed-{seed}"
    (study / name).mkdir(parents=True)
    method = {"name": "crpo", "lambda_d": weight, "lambda_s": weight}
    recipe = {"recipe": {"train": {"seed": seed}, "method": method}}
    (study / name / "run.json").write_text(json.dumps(recipe, indent=2))
    metrics = [
        {"step": n, "reward/correct": n / 9, "zero_advantage": seed / 2, "grad_norm": 1.0, "reward_std": 0.5}
        for n in range(1, 9)
    ]
    rows(study / name / "metrics.jsonl", metrics)
    answers = study / "eval" / name
    answers.mkdir(parents=True)
    (answers / "run.json").write_text("{}")
    rows(
        answers / "answers.jsonl",
        [answer(n, side, n < 3 + seed + 10 * weight) for n in range(10) for side in (0, 1)],
    )


def answer(number: int, side: int, right: bool) -> dict[str, Any]:
    """Return a row of answers.jsonl."""
    gold = "AB"[side]
    said = gold if right else "BA"[side]
    row = {
        "id": f"p{number}-{side}",
        "pair": f"p{number}",
        "side": side,
        "source_clip": f"p{number}",
        "gold": gold,
    }
    row |= {
        "options": ["left", HOSTILE],
        "problem_type": "multiple choice",
        "response": f"{HOSTILE} \\boxed{{{said}}}",
    }
    return {**row, "answer": said, "correct": right, "video": f"{number}.mp4"}


def write_hostile(folder: Path, pairs: Path) -> None:
    """Write a pair whose question, options, names and file names are hostile, and answers to it."""
    (folder / "data").mkdir(parents=True)
    videos = sorted((pairs / "videos").iterdir())[:2]
    for side, video in enumerate(videos):
        name = f"<b>\u202e🎬 a&b?c#d%20 {side}.mp4"
        shutil.copy(video, folder / "data" / name)
        record: dict[str, Any] = {
            "problem_id": f"p0-{side}",
            "problem": HOSTILE,
            "data_type": "video",
            "problem_type": "multiple choice",
        }
        record |= {
            "options": ["A. left", f"B. {HOSTILE}"],
            "solution": f"<answer>{'AB'[side]}</answer>",
            "path": f"./{name}",
        }
        rows(
            folder / "data" / "records.jsonl", [{**record, "pair": "p0", "side": side, "task": HOSTILE[:80]}]
        )
    (folder / HOSTILE[:40].replace("/", "")).mkdir()
    rows(folder / HOSTILE[:40].replace("/", "") / "answers.jsonl", [answer(0, side, True) for side in (0, 1)])


@pytest.fixture(scope="module")
def address(shown: Path) -> Iterator[str]:
    """A viewer of all that."""
    routed, *traces = (str(shown / "pairs" / f"{name}.jsonl") for name in ("routed", "one", "two"))
    prefer = [part for path in traces for part in ("--prefer", path)]
    with viewer(shown, "0", routed, *prefer) as (found, _):
        yield found


def as_it_is(_: Any) -> None:
    """Do nothing."""


def open_group(page: Any) -> None:
    """Open the first group."""
    page.locator("#groups button.link").first.click()
    page.get_by_role("heading", name="Step 1").wait_for()


def frame_by_frame(page: Any) -> None:
    """Show the frames of a pair."""
    page.get_by_role("button", name="Frame by frame").click()
    page.get_by_label("frame", exact=True).wait_for()


def read_responses(page: Any) -> None:
    """Open what a model wrote."""
    page.locator("summary", has_text="read").first.click()


def sign(page: Any) -> None:
    """Rate under a name."""
    page.get_by_label("Your name").fill("ada")
    page.get_by_label("Your name").press("Tab")
    page.get_by_text("1 of ").first.wait_for()


class Screen(NamedTuple):
    """A screen: its address behind #, {} for the folder's name, and what is done on it."""

    address: str
    act: Callable[[Any], None] = as_it_is


SCREENS = {
    "home": Screen(""),
    "run": Screen("run/{}/run"),
    "group": Screen("run/{}/run", open_group),
    "figures": Screen(
        "run/{}/study/w0.0-seed-0?with={}%2Fstudy%2Fw0.0-seed-1&preset=strive_dynamics&smooth=tenth"
    ),
    "sweep": Screen("run/{}/study/w0.0-seed-0?with={}%2Fstudy%2Fw0.3-seed-0&preset=crpo_sensitivity"),
    "pairs": Screen("pairs/{}/pairs"),
    "frames": Screen("benchmark/{}/pairs", frame_by_frame),
    "hostile": Screen("pairs/{}/hostile/data", read_responses),
    "answers": Screen("answers/{}/study/eval/w0.0-seed-0", read_responses),
    "verify": Screen("verify/{}/pairs", sign),
    "audit": Screen("routed/routed.jsonl", sign),
    "preference": Screen("traces/one.jsonl and two.jsonl", sign),
    "synthetic": Screen("synthetic/{}/pairs"),
    "nothing": Screen("run/no-such-run"),
}


def open_screen(page: Any, address: str, shown: Path, screen: str) -> None:
    """Open a screen, and wait until it is drawn."""
    page.goto("about:blank")
    page.goto(f"{address}#/{SCREENS[screen].address.replace('{}', shown.name)}")
    page.locator("h2, .fault").first.wait_for()
    page.wait_for_function("() => !/Reading …|Loading …/.test(document.body.innerText)")
    SCREENS[screen].act(page)
    page.wait_for_timeout(500)


def test_no_screen_is_left_out_of_these_tests(page: Any, address: str) -> None:
    page.goto(address)
    there = set(page.evaluate("async () => Object.keys((await import('/static/app.js')).SCREENS)"))
    assert {one.address.split("/")[0] for one in SCREENS.values()} == there | {""}


def verified(folder: Path, rater: str) -> set[str]:
    """Return the pairs that a rater labelled."""
    return {row["item"] for row in Labels(folder / "pairs").all("verify") if row["rater"] == rater}


def test_raters_are_told_what_to_look_at(page: Any, address: str, shown: Path) -> None:
    open_screen(page, address, shown, "verify")
    assert page.get_by_text("To look at: text (low): ").inner_text().endswith(HOSTILE.strip())


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
    page.get_by_text(f"· {counts.start - 1} done").wait_for()
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


def test_no_criterion_is_ticked_for_a_rater_and_each_key_says_what_it_says(
    page: Any, address: str, shown: Path
) -> None:
    rate(page, address, shown, "kim", range(1, 1))
    ticks = page.get_by_role("checkbox")
    assert [ticks.nth(number).is_checked() for number in range(3)] == [False] * 3
    for count, keys in enumerate(("a", "r", "12r", "1a"), start=1):
        for key in keys:
            page.locator("body").press(key)
        page.get_by_text(f"· {count} done").wait_for()
        assert [ticks.nth(number).is_checked() for number in range(3)] == [False] * 3
    kept = [row for row in Labels(shown / "pairs").all("verify") if row["rater"] == "kim"]
    names = ("static", "minimal", "unambiguous")
    assert [(row["verdict"], [row["criteria"].get(name) for name in names]) for row in kept] == [
        ("accept", [True] * 3), ("reject", [None] * 3), ("reject", [True, True, False]), ("accept", [True] * 3),
    ]  # fmt: skip
    # What was said before is shown again.
    page.locator("body").press("p")
    page.locator("body").press("p")
    page.get_by_text("3 of ").wait_for()
    assert [ticks.nth(number).is_checked() for number in range(3)] == [True, True, False]


def test_two_raters_at_once_see_each_others_agreement(browser: Any, address: str, shown: Path) -> None:
    pages = [browser.new_context().new_page() for _ in range(2)]
    for count in (1, 2, 3):
        for rater, page in zip(("ada", "bob"), pages, strict=True):
            rate(page, address, shown, rater, range(count, count + 1))
    pages[0].get_by_text("agree on").wait_for()
    for page in pages:
        page.context.close()
    assert (len(verified(shown, "ada")), len(verified(shown, "bob"))) == (3, 3)


def test_a_second_key_before_the_next_pair_labels_nothing(page: Any, address: str, shown: Path) -> None:
    rate(page, address, shown, "eve", range(1, 2))
    page.evaluate("""['a', 'a', 'a'].forEach((key) => document.body.dispatchEvent(
        new KeyboardEvent('keydown', { key, bubbles: true })))""")
    page.get_by_text("· 2 done").wait_for()
    page.wait_for_timeout(500)
    assert len(verified(shown, "eve")) == 2


def test_hostile_text_is_text(page: Any, address: str, shown: Path) -> None:
    open_screen(page, address, shown, "run")
    page.get_by_role("button", name="onerror").click()
    page.get_by_text("right to left").last.wait_for()
    open_screen(page, address, shown, "hostile")
    page.locator("caption", has_text="What models answered").wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('video')].every((video) => video.readyState >= 1)"
    )
    assert page.locator("video").count() == 2
    assert "taken" not in page.title()
    assert page.locator("img, .split b i").count() == 0


def test_a_question_of_ten_million_letters_is_shown_in_part(page: Any, tmp_path: Path) -> None:
    record: dict[str, Any] = {
        "problem_id": "long",
        "problem": "x" * 10**7,
        "data_type": "video",
        "path": "./a.mp4",
    }
    record |= {
        "problem_type": "multiple choice",
        "options": ["A. x", "B. y"],
        "solution": "<answer>A</answer>",
    }
    rows(tmp_path / "records.jsonl", [record])
    with viewer(tmp_path) as (address, _):
        page.route("**/media*", lambda route: route.fulfill(status=200, body=""))
        page.goto(f"{address}#/pairs/{tmp_path.name}")
        page.get_by_text("(the first 100000 of 10000000 letters)").wait_for()


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_fits_a_phone(browser: Any, address: str, shown: Path, screen: str) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 700})
    open_screen(page, address, shown, screen)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


@pytest.mark.skipif(AXE is None, reason="no axe.min.js in $RETROFLIP_AXE")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("dark", 360)])
def test_axe_finds_nothing(browser: Any, address: str, shown: Path, scheme: str, width: int) -> None:
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 700})
    found = []
    for screen in SCREENS:
        open_screen(page, address, shown, screen)
        page.evaluate(Path(AXE or "").read_text())
        faults = page.evaluate("axe.run()")["violations"]
        found += [(screen, fault["id"], fault["nodes"][0]["html"]) for fault in faults]
    page.close()
    assert found == []


def test_frames_step_with_both_videos(page: Any, address: str, shown: Path) -> None:
    open_screen(page, address, shown, "pairs")
    page.get_by_role("button", name="Frame by frame").click()
    slide = page.get_by_label("frame", exact=True)
    slide.wait_for()
    before = page.locator(".strip img").first.get_attribute("src")
    slide.press("ArrowRight")
    assert page.locator(".strip output").inner_text().startswith("frame 2 of 8")
    assert page.locator(".strip img").first.get_attribute("src") != before


def test_frames_are_those_of_the_control_that_is_chosen(page: Any, shown: Path, tmp_path: Path) -> None:
    records = [json.loads(line) for line in (shown / "pairs" / "records.jsonl").read_text().splitlines()[:2]]
    (tmp_path / "eval").mkdir()
    for control in ("full", "reversed", "text_only"):
        told = [{**answer(0, side, True), "control": control} for side in (0, 1)]
        named = [{**one, "id": record["problem_id"]} for one, record in zip(told, records, strict=True)]
        rows(tmp_path / "eval" / "answers.jsonl", named)
    about = {"data": str(shown / "pairs" / "records.jsonl"), "settings": {"seed": 0, "frames": 8}}
    (tmp_path / "eval" / "run.json").write_text(json.dumps(about, indent=2))
    with viewer(tmp_path, "0", str(shown / "pairs")) as (address, _):
        page.goto(f"{address}#/answers/{tmp_path.name}/eval")
        page.get_by_role("button", name="Frame by frame").click()
        first = page.locator(".strip img").first
        first.wait_for()
        whole = first.get_attribute("src")
        chooser = page.get_by_label("Shown as")
        assert chooser.locator("option").count() == 3
        chooser.select_option("reversed")
        page.locator(".strip output", has_text="(told as 0.00 s)").wait_for()
        assert first.get_attribute("src") != whole
        for _ in range(7):
            page.get_by_label("frame", exact=True).press("ArrowRight")
        assert first.get_attribute("src") == whole
        chooser.select_option("text_only")
        page.get_by_text("Nothing of the video was shown").wait_for()
        assert page.locator(".strip img").count() == 0


def test_figures_are_drawn_with_bands_and_single_runs_on_request(
    page: Any, address: str, shown: Path
) -> None:
    open_screen(page, address, shown, "figures")
    assert page.locator("figcaption").all_inner_texts()[0].startswith("Reward spread")
    page.get_by_text("w0.0 (2 seeds)").first.wait_for()
    assert page.locator(".plot canvas").count() == 3
    page.get_by_label("Runs of several seeds").focus()
    page.get_by_label("Runs of several seeds").select_option("apart")
    page.get_by_text("w0.0-seed-1").last.wait_for()
    assert page.evaluate("document.activeElement.id") == "choose-Runs of several seeds"


def test_a_sweep_is_drawn(page: Any, address: str, shown: Path) -> None:
    open_screen(page, address, shown, "sweep")
    page.get_by_text("Pair accuracy over lambda_d = lambda_s").wait_for()
    page.locator("#choose-Score").select_option("acc")
    page.get_by_text("Accuracy over lambda_d = lambda_s").wait_for()


def test_a_run_is_followed_through_half_lines_a_cut_and_a_restart_of_the_server(
    page: Any, tmp_path: Path
) -> None:
    run = tmp_path / "live"
    run.mkdir()
    rows(run / "metrics.jsonl", [{"step": n, "loss": 1.0} for n in (1, 2)])
    with viewer(tmp_path) as (address, _):
        page.goto(f"{address}#/run/{tmp_path.name}/live")
        page.get_by_text("2 steps", exact=True).wait_for()
        with (run / "metrics.jsonl").open("a") as stream:
            stream.write('{"step": 3, "loss"')
            stream.flush()
            page.wait_for_timeout(3000)
            page.get_by_text("2 steps", exact=True).wait_for()
            stream.write(': 2.0, "kl": 0.5}\n')
        page.get_by_text("3 steps", exact=True).wait_for(timeout=8000)
        page.get_by_text("divergence from the reference model").wait_for(timeout=8000)
        os.truncate(run / "metrics.jsonl", 0)
        rows(run / "metrics.jsonl", [{"step": n, "loss": 0.25} for n in range(1, 8)])
        page.get_by_text("7 steps", exact=True).wait_for(timeout=8000)
        page.locator(".key output", has_text="0.25").wait_for(timeout=8000)
        port = address.rsplit(":", 1)[1].strip("/")
    page.get_by_text("does not answer").wait_for(timeout=20_000)
    rows(run / "metrics.jsonl", [{"step": 8, "loss": 0.25}])
    with viewer(tmp_path, port):
        page.get_by_text("8 steps", exact=True).wait_for(timeout=40_000)
        page.wait_for_function("() => document.getElementById('told').textContent === ''")


def hide(page: Any, hidden: bool) -> None:
    """Have a tab be in the background, or seen again."""
    page.evaluate(
        """(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange')); }""",
        hidden,
    )


def counted(page: Any) -> int:
    """Return how many nodes a page has in memory once what nobody holds is gone."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return int(session.send("Memory.getDOMCounters")["nodes"])


def grow(page: Any, run: Path, step: int) -> None:
    """Write a step, let the page's clock pass to its next look, and wait until it shows it."""
    rows(run / "metrics.jsonl", [{"step": step, "loss": 1 / step}])
    page.clock.fast_forward(2000)
    page.get_by_text(f"{step} steps", exact=True).wait_for()


class Slow:
    """Holds a page's requests to an address until they are let go on."""

    def __init__(self, page: Any, address: str) -> None:
        self.held: list[Any] = []
        self._holds = True
        page.route(address, self._come)

    def _come(self, route: Any) -> None:
        if self._holds:
            self.held.append(route)
        else:
            route.continue_()

    def let_go(self) -> None:
        """Let all go on that are held, and all that come."""
        self._holds = False
        for route in self.held:
            route.continue_()


@pytest.fixture
def growing(page: Any, tmp_path: Path) -> Iterator[Path]:
    """A run of two steps, and a page that shows it and whose clock the test moves."""
    (tmp_path / "live").mkdir()
    rows(tmp_path / "live" / "metrics.jsonl", [{"step": n, "loss": 1.0} for n in (1, 2)])
    with viewer(tmp_path) as (address, _):
        page.clock.install()
        page.goto(f"{address}#/run/{tmp_path.name}/live")
        page.locator(".key output", has_text="1").wait_for()
        yield tmp_path / "live"


def test_a_slow_server_is_asked_each_thing_once_at_a_time(page: Any, growing: Path) -> None:
    curves = Slow(page, "**/api/curves*")
    for step in range(3, 8):
        grow(page, growing, step)
    assert len(curves.held) == 1
    curves.let_go()
    page.locator(".key output", has_text="0.1429").wait_for()
    # A tab that comes and goes while an answer is awaited begins no second round of questions.
    states = Slow(page, "**/api/state*")
    for _ in range(3):
        hide(page, hidden=True)
        hide(page, hidden=False)
    page.wait_for_timeout(300)
    assert len(states.held) == 1
    states.let_go()
    page.wait_for_timeout(300)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(3):
        page.clock.fast_forward(2000)
        page.wait_for_timeout(300)
    assert len(asked) == 3


def test_a_hidden_tab_asks_nothing_and_goes_on_when_it_is_seen(page: Any, growing: Path) -> None:
    hide(page, hidden=True)
    page.wait_for_timeout(300)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    rows(growing / "metrics.jsonl", [{"step": 3, "loss": 0.5}])
    for _ in range(5):
        page.clock.fast_forward(60_000)
    page.wait_for_timeout(300)
    assert asked == []
    hide(page, hidden=False)
    page.locator(".key output", has_text="0.5").wait_for()


def test_a_page_that_stays_open_does_not_grow(page: Any, growing: Path) -> None:
    for step in range(3, 13):
        grow(page, growing, step)
    before = counted(page)
    for step in range(13, 53):
        grow(page, growing, step)
    assert counted(page) <= before + 20


def test_answers_are_shown_as_they_come(page: Any, tmp_path: Path) -> None:
    (tmp_path / "eval").mkdir()
    rows(tmp_path / "eval" / "answers.jsonl", [answer(0, side, True) for side in (0, 1)])
    with viewer(tmp_path) as (address, _):
        page.clock.install()
        page.goto(f"{address}#/answers/{tmp_path.name}/eval")
        page.get_by_text("1 pair", exact=True).wait_for()
        page.locator("summary", has_text="read").click()
        page.get_by_label("Search").fill("half a wo")
        rows(
            tmp_path / "eval" / "answers.jsonl",
            [answer(n, side, n == 1) for n in (1, 2) for side in (0, 1)],
        )
        page.clock.fast_forward(2000)
        page.wait_for_function("() => document.querySelectorAll('.list a').length === 3")
        # Nobody who reads or types is disturbed.
        assert page.get_by_label("Search").input_value() == "half a wo"
        assert page.locator("details[open]").count() == 1


def test_groups_are_reached_and_read_by_keyboard_alone(page: Any, address: str, shown: Path) -> None:
    open_screen(page, address, shown, "run")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id.startsWith('group-')"):
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Step 1").wait_for()
    assert page.evaluate("document.activeElement.tagName") == "H3"


def test_a_filter_keeps_the_focus_and_a_space_on_a_button_presses_it(
    page: Any, address: str, shown: Path
) -> None:
    open_screen(page, address, shown, "pairs")
    search = page.get_by_label("Search")
    search.fill("no such text anywhere")
    search.press("Enter")
    page.get_by_text("No pair passes the filters.").wait_for()
    assert page.evaluate("document.activeElement.id") == "field-Search"
    open_screen(page, address, shown, "verify")
    page.get_by_label("Your name").fill("space")
    page.get_by_role("button", name="Reject").focus()
    page.keyboard.press("Space")
    wait_for(1, shown, "space")


def test_an_address_with_its_token_is_opened_by_a_link_from_elsewhere(page: Any, shown: Path) -> None:
    everywhere = "0.0.0.0"  # noqa: S104 - where a token is asked for
    with viewer(shown, "0", "--host", everywhere) as (address, _):
        here = address.replace(everywhere, "127.0.0.1")
        link = f"<a href='{here}'>look</a>"
        page.route("http://chat.example/", lambda route: route.fulfill(body=link, content_type="text/html"))
        page.goto("http://chat.example/")
        page.get_by_text("look").click()
        page.get_by_role("heading", name="Runs").wait_for()
        assert "token" not in page.url


def test_a_tab_that_closes_mid_video_leaves_the_server_well(browser: Any, address: str, shown: Path) -> None:
    page = browser.new_page()
    open_screen(page, address, shown, "pairs")
    page.get_by_role("button", name="Play").click()
    page.close()
    page = browser.new_page()
    open_screen(page, address, shown, "home")
    page.close()


def test_a_hundred_thousand_rollouts_and_three_thousand_pairs(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    rows(tmp_path / "run" / "metrics.jsonl", [{"step": n, "reward/correct": 0.5} for n in range(1, 1251)])
    text = {"text": "x" * 500}
    many = ({**rollout(n // 80 + 1, f"s{n // 8}"), "rollout": n % 8, **text} for n in range(100_000))
    rows(tmp_path / "run" / "rollouts.jsonl", list(many))
    (tmp_path / "data").mkdir()
    question: dict[str, Any] = {"problem": "Which way?", "data_type": "video"}
    question |= {
        "problem_type": "multiple choice",
        "options": ["A. left", "B. right"],
        "solution": "<answer>A</answer>",
        "path": "./a.mp4",
    }
    pairs = [(n, side) for n in range(3000) for side in (0, 1)]
    records = [{**question, "problem_id": f"p{n}-{side}", "pair": f"p{n}", "side": side} for n, side in pairs]
    rows(tmp_path / "data" / "records.jsonl", records)
    (tmp_path / "eval").mkdir()
    rows(tmp_path / "eval" / "answers.jsonl", [answer(n, side, n % 2 == 0) for n, side in pairs])
    with viewer(tmp_path) as (address, _):
        page = browser.new_page()
        page.goto(address)
        run, bench = (
            f"{address}#/{screen}/{tmp_path.name}/{name}"
            for screen, name in (("run", "run"), ("pairs", "data"))
        )
        paints = [min(painted(page, screen) for _ in range(3)) for screen in (bench, run)]
        page.goto(run)
        page.get_by_text(re.compile("^12500 groups$")).wait_for(timeout=120_000)
        page.goto(bench)
        page.get_by_text(re.compile(r"^3000 pairs")).wait_for()
        page.locator("#choose-Outcome").select_option("both_right", timeout=60_000)
        page.get_by_text(re.compile(r"^1500 pairs")).wait_for(timeout=60_000)
        page.close()
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        pytest.skip(f"first paints after {paints} s, which says nothing on a machine as busy as this one")
    assert max(paints) < MOST_FIRST_PAINT


def painted(page: Any, address: str) -> float:
    """Return the seconds from the call of an address until its screen has a first chart or pair."""
    page.goto("about:blank")
    begun = time.monotonic()
    page.goto(address)
    page.locator("figure.chart, .list a").first.wait_for(timeout=120_000)
    return time.monotonic() - begun
