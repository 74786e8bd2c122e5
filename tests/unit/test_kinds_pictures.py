"""The pictures that move in docs/synthetic.md: every kind has one, with the question and answer it is drawn for."""

import io
import runpy
from pathlib import Path

from PIL import Image

from retroflip.synth.registry import TEMPORAL_KINDS

ROOT = Path(__file__).parents[2]
KINDS = runpy.run_path(str(ROOT / "benchmarks" / "kinds.py"))
PICTURES = ROOT / "docs" / "pictures" / "kinds"
MOST_BYTES = 3_000_000


def test_the_page_has_what_is_drawn_today() -> None:
    assert KINDS["table"]() in (ROOT / "docs" / "synthetic.md").read_text(encoding="utf-8")


def test_every_kind_has_a_picture_in_a_loop() -> None:
    assert sorted(path.stem for path in PICTURES.iterdir()) == sorted(TEMPORAL_KINDS)
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < MOST_BYTES
    for path in PICTURES.iterdir():
        with Image.open(path) as picture:
            assert (picture.info["loop"], picture.size) == (0, (KINDS["SIDE"], KINDS["SIDE"])), path.name


def test_a_picture_plays_at_the_speed_of_its_video_and_lies_there_as_it_is_drawn() -> None:
    episode = KINDS["shown"]("direction")
    drawn = Image.open(io.BytesIO(KINDS["picture"](episode)))
    kept = Image.open(PICTURES / "direction.webp")
    assert (
        sum(durations(drawn)) == episode.animation.milliseconds(episode.animation.frames) + KINDS["HELD_MS"]
    )
    assert durations(kept) == durations(drawn)


def durations(picture: Image.Image) -> list[int]:
    """Return for how many milliseconds each picture of an animation stands."""
    found = []
    for number in range(getattr(picture, "n_frames", 1)):
        picture.seek(number)
        picture.load()
        found.append(picture.info["duration"])
    return found
