"""Whether a reasoning trace, which supervised fine-tuning imitates, ends in the answer of its own record."""

from retroflip.data.answers.answer import credit, gold_answer
from retroflip.data.answers.strict import parse_answer
from retroflip.data.sample import Sample

HABIT = "habit"
"""the key of `labels` under which a record says that its trace shows a habit, whatever the right answer is"""


def trace_fault(sample: Sample) -> str:
    """Return what is wrong with the answer in which a sample's trace ends; "" where it is right, or there is no trace.

    A trace that is labelled as a habit's is meant as it is.

    Raises DataError, as `gold_answer` does, for a solution that is no answer to its question.
    """
    if sample.trace is None or HABIT in sample.labels:
        return ""
    answer, gold = parse_answer(sample.trace, sample), gold_answer(sample)
    if answer is None:
        return r"its trace ends in no answer that can be read. Write it behind the reasoning, in \boxed{}."
    if credit(answer, gold) > 0:
        return ""
    return f"its trace answers {answer.value!r:.60}, and its solution is {gold.value!r:.60}. Correct one of the two."
