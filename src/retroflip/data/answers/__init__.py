r"""Answers: read out of responses, and compared.

Every reward and every metric compares *parsed* answers, never raw text. What cannot be read with certainty is `None`
(unparsed): it is counted on its own and never turned into a letter. There are two readings:

- `parse_answer`, of training (`strict.py`): what stands in `\boxed{}` behind the reasoning, which is what the model is
  trained to write;
- `read_answer`, of evaluation (`natural.py`): that, and what models write when somebody else's prompt asks for an
  option's letter.
"""

from retroflip.data.answers.answer import (
    Answer,
    answers_alike,
    credit,
    gold_answer,
    likeness,
    option_of,
    same_answer,
)
from retroflip.data.answers.lesson import trace_fault
from retroflip.data.answers.natural import read_answer
from retroflip.data.answers.strict import is_well_formed, parse_answer

__all__ = [
    "Answer",
    "answers_alike",
    "credit",
    "gold_answer",
    "is_well_formed",
    "likeness",
    "option_of",
    "parse_answer",
    "read_answer",
    "same_answer",
    "trace_fault",
]
