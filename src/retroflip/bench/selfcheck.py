"""A reward that validates itself: with no model at hand, the right answers must score and wrong ones must not."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from retroflip.bench.records import Control, answer_record, option_text
from retroflip.data.prompts import option_letter
from retroflip.data.sample import Sample
from retroflip.errors import DataError
from retroflip.rl.answers import gold_answer


class Fault(NamedTuple):
    """A question whose reward is wrong, and why."""

    id: str
    message: str


class SelfCheck(NamedTuple):
    """How many questions and complete pairs were tried, and what is wrong with them."""

    questions: int
    pairs: int
    faults: list[Fault]


def check_rewards(samples: Sequence[Sample]) -> SelfCheck:
    """Score three answers to every question: its own must be right, an empty one and the pair's other one wrong."""
    sides: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.pair is not None:
            sides.setdefault(sample.pair, []).append(sample)
    complete = {pair: both for pair, both in sides.items() if len(both) == 2}
    faults = [fault for sample in samples for fault in _alone(sample)]
    faulty = {fault.id for fault in faults}
    for a, b in complete.values():
        if not {a.id, b.id} & faulty:
            faults += [*_with_the_answer_of(a, b), *_with_the_answer_of(b, a)]
    return SelfCheck(len(samples), len(complete), faults)


def _alone(sample: Sample) -> Iterator[Fault]:
    try:
        gold_answer(sample)
    except DataError as error:
        yield Fault(sample.id, str(error))
        return
    if not _is_right(sample, sample.solution):
        yield Fault(
            sample.id, f"its own answer {sample.solution!r} is not read as right. Correct its solution."
        )
    if _is_right(sample, ""):
        yield Fault(sample.id, "an empty answer is read as right. Correct its solution.")


def _with_the_answer_of(sample: Sample, other: Sample) -> Iterator[Fault]:
    text = option_text(other.solution, other.options)
    answer = option_letter(sample.options.index(text)) if text in sample.options else text
    if _is_right(sample, answer):
        yield Fault(
            sample.id,
            f"the answer of its pair's other side ({other.id}), {text!r}, is right here too, so a model that never "
            "looks could get the pair right. Correct one side, or drop 'pair' and 'side' from both.",
        )


def _is_right(sample: Sample, answer: str) -> bool:
    return answer_record(sample, rf"\boxed{{{answer}}}", Control.ORACLE).correct
