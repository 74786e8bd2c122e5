"""What every kind makes stays what it was, so that data sets which were made can be made again.

`tests/fixtures/kinds_as_made.json` has a digest for each kind, of the questions, the metadata and the courses of all
actors, to a ten-thousandth of the frame's side. Where a kind is meant to make other videos, run this file as a program
to write it anew, and audit the kind again.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from retroflip.draws import draw as draws_of
from retroflip.synth.animation import Actor
from retroflip.synth.episode import Draw, Pair, Redraw
from retroflip.synth.registry import TEMPORAL_KINDS
from retroflip.synth.settings import SceneSettings

MADE = Path(__file__).parents[1] / "fixtures" / "kinds_as_made.json"
SCENES = (
    SceneSettings(difficulty=1),
    SceneSettings(difficulty=4, distractors=2, viewed_frames=64, operation_scale=1.5),
)
TURNS = 2
ATTEMPTS = 8
ARRAYS = ("colour_T3", "x_T", "y_T", "half_width_T", "half_height_T", "angle_T", "opacity_T")


def pairs(kind: str) -> Iterator[Pair]:
    """Yield a few pairs of a kind, each of the first draw that is not to be drawn again."""
    for number, scene in enumerate(SCENES):
        for turn in range(TURNS):
            for attempt in range(ATTEMPTS):
                rng = draws_of(number, kind, turn, attempt)
                try:
                    yield TEMPORAL_KINDS[kind].make(Draw(number, kind, turn, scene, rng))
                except Redraw:
                    continue
                break


def course(one: Actor) -> bytes:
    """Return where an actor is and what it looks like, frame by frame."""
    looks = [(np.round(getattr(one, name), 4) + 0.0).tobytes() for name in ARRAYS]
    return b"".join([repr((one.id, one.shape, one.text)).encode(), *looks])


def digest(kind: str) -> str:
    """Return a digest of all that is made of a kind here."""
    found = hashlib.sha256()
    for pair in pairs(kind):
        for side in (pair.first, pair.second):
            clip, changed = side.animation, sorted(side.question.changed_by)
            found.update(json.dumps([side.metadata(), changed, pair.how, repr(clip.background)]).encode())
            for one in clip.actors:
                found.update(course(one))
    return found.hexdigest()


def noted() -> dict[str, str]:
    """Return the digests by kind, as they were noted down."""
    found: dict[str, str] = json.loads(MADE.read_text(encoding="utf-8"))
    return found


def test_every_kind_is_noted_down() -> None:
    assert set(noted()) == set(TEMPORAL_KINDS)


@pytest.mark.parametrize("kind", sorted(TEMPORAL_KINDS))
def test_a_kind_makes_what_it_made(kind: str) -> None:
    assert digest(kind) == noted()[kind]


if __name__ == "__main__":
    digests = {kind: digest(kind) for kind in sorted(TEMPORAL_KINDS)}
    MADE.write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")
