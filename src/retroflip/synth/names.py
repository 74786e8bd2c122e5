"""Names that the command line offers and data sets keep; imports nothing, so that `--help` costs nothing."""

from enum import StrEnum


class Form(StrEnum):
    """How a question wants its answer."""

    CHOICE = "choice"
    NUMERIC = "numeric"
    OPEN = "open"


class Traces(StrEnum):
    """Which reasoning a data set's questions come with, written from the metadata."""

    NONE = "none"
    TOLD = "told"
    """events with their times, in sentences of several styles"""
    STAMPED = "stamped"
    """notes at every time stamp of the frames viewed, short enough for a small model"""


class Split(StrEnum):
    """What a data set is for. No two splits share a question or a video's content, whatever their seeds."""

    RL = "rl"
    COT = "cot"
    TEST = "test"
