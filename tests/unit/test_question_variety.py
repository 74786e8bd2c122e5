"""Questions of a kind are asked in many ways, so that no wording is learnt instead of the video."""

from functools import cache

import pytest

from retroflip.data.sample import Sample
from retroflip.synth.corpus import CorpusSettings
from retroflip.synth.drawn import DrawnSamples
from retroflip.synth.registry import TEMPORAL_KINDS

DRAWN, DISTINCT = 60, 40


@cache
def drawn(kind: str) -> list[Sample]:
    """Return single questions of one kind."""
    return list(DrawnSamples(CorpusSettings(kinds=(kind,), per_task=DRAWN, seed=5, paired=False), (kind,)))


@pytest.mark.parametrize("kind", TEMPORAL_KINDS)
def test_a_fifth_of_three_hundred_questions_has_forty_texts(kind: str) -> None:
    assert len({sample.question for sample in drawn(kind)}) >= DISTINCT


def test_arithmetic_has_four_options() -> None:
    assert {len(sample.options) for sample in drawn("arithmetic")} == {4}
