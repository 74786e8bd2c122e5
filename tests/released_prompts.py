"""Prompts as the releases' own processors make them (fixtures/make_released_prompts.py made the table), and ours."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.models.encoding import Encoder
from retroflip.video.frames import Frames

TABLE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "fixtures" / "released_prompts.json").read_text(encoding="utf-8")
)
SAME = {"qwen3_vl_moe": "qwen3_vl"}
"""families whose processor is another's"""


class Case(NamedTuple):
    """One prompt: what is seen, the release's text and, for Qwen's real tokenizer, its ids; and our ids and text."""

    name: str
    released_text: str
    released_ids: list[int]
    ids: list[int]
    text: str


def cases_of(family: str, processor: Any) -> Iterator[Case]:
    """Yield every prompt of the table as the release makes it and as `processor` does here."""
    encoder = Encoder(processor, TABLE["system"])
    for name, row in TABLE[SAME.get(family, family)]["prompts"].items():
        modality, seconds, (height, width) = TABLE["shown"][name]
        frames = None
        if seconds:
            frames = Frames(np.zeros((len(seconds), 3, height, width), dtype=np.uint8), tuple(seconds))
        ids = encoder.encode(_question(Modality(modality)), frames).input_ids_L.tolist()
        released = [int(token) for token in row.get("ids", "").split()]
        yield Case(name, row["text"], released, ids, str(processor.tokenizer.decode(ids)))


def _question(modality: Modality) -> Sample:
    question, options = TABLE["question"].split("\nOptions:\n")
    return Sample(
        id="released",
        modality=modality,
        video="" if modality is Modality.TEXT else "shown",
        question=question,
        options=tuple(option.partition(". ")[2] for option in options.split("\n")),
        solution="A",
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source_clip="released",
    )
