"""Names that the command line offers and data sets keep; imports nothing, so that `--help` costs nothing."""

from enum import StrEnum


class Form(StrEnum):
    """How a question wants its answer."""

    CHOICE = "choice"
    NUMERIC = "numeric"
    OPEN = "open"
    SPAN = "span"
    """when one of its events happens, of videos that are no pairs"""


class Traces(StrEnum):
    """Which reasoning a data set's questions come with, written from the metadata."""

    NONE = "none"
    TOLD = "told"
    """events with their times, in sentences of several styles"""
    STAMPED = "stamped"
    """notes short enough for a small model: where things are, or what they look like, at the mean second of each two
    frames viewed (direction, speed, attribute_change), the operations (shell_game, sliding_puzzle), or the events, each
    at the second in which it begins (all others)"""


class Split(StrEnum):
    """What a data set is for. No two splits share a question or a video's content, whatever their seeds."""

    RL = "rl"
    COT = "cot"
    TEST = "test"


class Category(StrEnum):
    """SynRL's eight major categories (figure 3)."""

    SPEED = "speed"
    MOTION = "motion"
    DIRECTION = "direction"
    GRID = "grid"
    MATH = "math"
    SYMBOL = "symbol"
    CODE = "code"
    CONTAINERS = "containers"


class Term(StrEnum):
    """Perception over a moment, or a state followed through operations (SynRL, 2.1)."""

    SHORT = "short"
    LONG = "long"


class Domain(StrEnum):
    """What a kind trains (SynRL, table 9): where and how things move, or what happened and in which order."""

    SPATIAL = "spatial"
    TEMPORAL = "temporal"
