"""Two answerers that need no model: they prove that the scoring is sound before a model is scored with it.

The oracle must reach 100 % and the random one must land at chance. Both write a response as a model would
and go through the same parser, so a parser that loses or bends answers shows here first.
"""

from collections.abc import Callable, Sequence

from retroflip.bench.records import AnswerRecord, Control, answer_record
from retroflip.data.sample import Sample
from retroflip.draws import draw


def oracle_answers(samples: Sequence[Sample]) -> list[AnswerRecord]:
    """Answer every question with its solution."""
    return _answers(samples, Control.ORACLE, lambda sample: sample.solution)


def random_answers(samples: Sequence[Sample], seed: int = 0) -> list[AnswerRecord]:
    """Answer every question with an option drawn uniformly; the draw depends on `seed` and the question's id.

    A question without options has nothing to draw from and stays unparsed.
    """
    return _answers(samples, Control.RANDOM, lambda sample: _drawn_letter(sample, seed))


def _answers(
    samples: Sequence[Sample], control: Control, choose: Callable[[Sample], str]
) -> list[AnswerRecord]:
    return [answer_record(sample, rf"\boxed{{{choose(sample)}}}", control) for sample in samples]


def _drawn_letter(sample: Sample, seed: int) -> str:
    if not sample.options:
        return ""
    return list(sample.lettered)[int(draw(seed, "random-answer", sample.id).integers(len(sample.options)))]
