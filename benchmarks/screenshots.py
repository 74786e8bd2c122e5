"""The documentation's pictures of the viewer: every screen, as wide as a desk and as narrow as a phone.

    python benchmarks/screenshots.py docs/pictures/viewer --demo runs/demo --study runs/lambda --synthetic data/clips \\
        --routed data/clips/routed.jsonl --prefer data/clips/a.jsonl --prefer data/clips/b.jsonl

demo: of `retroflip demo`. study: runs that differ in a setting and in seeds, with the answers of their models in eval/;
the first one's data must lie in the folders given, since its frames are shown. Needs playwright and a Chromium, as
tests/browser do.
"""

import argparse
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTHS = {"desktop": (1280, 800), "phone": (390, 800)}
QUALITY = 72
CHROMIUM = os.environ.get("RETROFLIP_CHROMIUM", "/usr/bin/chromium")


def nothing(_: Any) -> None:
    """Do nothing before a picture is taken."""


class Screen(NamedTuple):
    """A picture: its name, its address behind #, and what is done before it is taken."""

    name: str
    address: str
    act: Callable[[Any], None] = nothing


def open_group(page: Any) -> None:
    """Open the group of the latest step whose answers differ."""
    page.locator("#groups button.link").first.click()
    page.locator(".film img").first.wait_for()
    page.locator("#groups h3").first.scroll_into_view_if_needed()
    page.evaluate("() => document.querySelector('#groups h3').scrollIntoView()")


def frame_by_frame(page: Any) -> None:
    """Show the fourth frame of both sides in the order that was drawn for a control."""
    page.get_by_role("button", name="Frame by frame").click()
    page.locator('[id="choose-Shown as"]').select_option("shuffled_frames")
    page.locator(".strip output", has_text="told as").wait_for()
    page.get_by_label("frame", exact=True).wait_for()
    for _ in range(3):
        page.get_by_label("frame", exact=True).press("ArrowRight")
    if page.viewport_size["width"] < 800:
        page.evaluate("() => document.querySelector('.pair h3').scrollIntoView()")


def show_pair(page: Any) -> None:
    """On a phone scroll from the list to the pair."""
    page.locator(".pair table").wait_for()
    if page.viewport_size["width"] < 800:
        page.evaluate("() => document.querySelector('.pair h3').scrollIntoView()")


def play(page: Any) -> None:
    """Let a second of a synthetic video pass."""
    page.evaluate("() => { document.querySelector('video').currentTime = 2.2; }")


def sign(page: Any) -> None:
    """Say who rates."""
    page.locator("#rater").fill("ada")
    page.locator("#rater").blur()


def screens(given: argparse.Namespace) -> list[Screen]:
    """Return every screen of what was given."""
    demo, study, clips = (path.resolve().name for path in (given.demo, given.study, given.synthetic))
    runs = sorted(path.parent.name for path in given.study.glob("*/metrics.jsonl"))
    beside = [f"{study}/{name}" for name in runs[1:]]
    both = {"with": f"{demo}/grpo", "smooth": "tenth"}
    sweep = urlencode({"with": beside, "preset": "crpo_sensitivity"}, doseq=True)
    seeds = urlencode({"with": beside, "preset": "crpo_dynamics", "smooth": "tenth"}, doseq=True)
    return [
        Screen("home", ""),
        Screen("run", f"run/{demo}/crpo?{urlencode({**both, 'preset': 'main'})}"),
        Screen("figure5", f"run/{demo}/crpo?{urlencode({**both, 'preset': 'crpo_dynamics'})}"),
        Screen("seeds", f"run/{study}/{runs[0]}?{seeds}"),
        Screen("sweep", f"run/{study}/{runs[0]}?{sweep}"),
        Screen("group", f"run/{study}/{runs[0]}?filter=disagreement", open_group),
        Screen("pairs", f"pairs/{demo}/data/pairs?model={demo}/eval/crpo&filter=both_right", show_pair),
        Screen(
            "frames", f"pairs/{demo}/data/pairs?model={demo}/eval/crpo&filter=same_answer", frame_by_frame
        ),
        Screen("verify", f"verify/{clips}", sign),
        Screen("audit", f"routed/{given.routed.name}", sign),
        Screen("preference", f"traces/{' and '.join(path.name for path in given.prefer)}", sign),
        Screen("synthetic", f"synthetic/{clips}", play),
    ]


def taken(page: Any, address: str, screen: Screen) -> Image.Image:
    """Return the picture of a screen."""
    page.goto("about:blank")
    page.goto(f"{address}#/{screen.address}")
    page.locator("h2").first.wait_for()
    page.wait_for_function(
        "() => !/reading|loading …|being read|so far/i.test(document.body.innerText)", timeout=120_000
    )
    screen.act(page)
    page.wait_for_timeout(1500)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    for name in ("--demo", "--study", "--synthetic", "--routed"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--prefer", type=Path, action="append", required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    folders = [given.demo, given.study, given.synthetic, given.routed]
    command = [sys.executable, "-m", "retroflip", "view", *map(str, folders), "--port", "0"]
    for path in given.prefer:
        command += ["--prefer", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    try:
        assert process.stdout is not None  # noqa: S101 - for mypy
        address = process.stdout.readline().strip()
        with sync_playwright() as started:
            browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            for width, (wide, high) in WIDTHS.items():
                page = browser.new_page(viewport={"width": wide, "height": high})
                for screen in screens(given):
                    path = given.out / f"{screen.name}-{width}.webp"
                    taken(page, address, screen).save(path, quality=QUALITY, method=6)
                    print(f"{path}: {path.stat().st_size / 1000:.0f} kB", flush=True)  # noqa: T201 - its result
            browser.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


if __name__ == "__main__":
    main()
