"""Names that the command line offers and data sets keep; imports nothing, so that `--help` costs nothing."""

from enum import StrEnum


class Form(StrEnum):
    """How a question wants its answer."""

    CHOICE = "choice"
    NUMERIC = "numeric"
    OPEN = "open"


class Split(StrEnum):
    """What a data set is for. No two splits share a question or a video's content, whatever their seeds."""

    RL = "rl"
    COT = "cot"
    TEST = "test"
