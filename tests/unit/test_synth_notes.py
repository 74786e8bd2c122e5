"""Notes at time stamps: of every kind, and of a path by hand."""

from collections.abc import Mapping
from typing import Any

import pytest

from retroflip.synth.corpus import CorpusSettings, Job, described
from retroflip.synth.names import Split, Traces
from retroflip.synth.notes import stamped_notes
from retroflip.synth.registry import TEMPORAL_KINDS
from retroflip.synth.settings import SceneSettings


def traced(kind: str, turn: int) -> Mapping[str, Any]:
    settings = CorpusSettings(
        kinds=(kind,),
        per_task=1,
        seed=5,
        split=Split.COT,
        paired=False,
        traces=Traces.STAMPED,
        scene=SceneSettings(size=64, fps=12, difficulty=1),
    )
    ((_, metadata),) = described(Job(settings, kind, turn))
    return metadata


@pytest.mark.parametrize("kind", TEMPORAL_KINDS)
def test_notes_of_every_kind_end_in_the_answer(kind: str) -> None:
    for turn in range(4):
        metadata = traced(kind, turn)
        notes = metadata["trace"]
        assert notes == stamped_notes(metadata, 32)
        assert notes.startswith("<think>")
        assert notes.endswith(f"</think>\n\\boxed{{{metadata['question']['answer']}}}")


def test_notes_of_a_path_are_its_cells_at_the_stamps() -> None:
    metadata = {
        "kind": "direction",
        "video": {"fps": 2, "frames": 7},
        "states": [
            {"ms": 0, "positions": {"o1": [0.05, 0.05]}},
            {"ms": 1000, "positions": {"o1": [0.3, 0.05]}},
            {"ms": 2500, "positions": {"o1": [0.3, 0.99]}},
        ],
        "objects": [
            {"id": "o2", "colour": "red", "shape": "star"},
            {"id": "o1", "colour": "cyan", "shape": "ring"},
        ],
        "question": {"parameters": {"object": "o1"}, "answer": "first right, then down"},
    }
    # Frames 0 2 4 6 of two a second: seconds 0, 1, 2, 3 and stamps 0.5 and 2.5.
    assert stamped_notes(metadata, 4) == (
        "<think>it is a cyan ring, 0.5s a1, 2.5s c8, so it is first right, then down</think>\n"
        "\\boxed{first right, then down}"
    )
