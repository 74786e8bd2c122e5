"""Errors a user can meet, each named after the boundary that was crossed.

Every message says what is wrong, where, and what to do about it. The command line prints the message alone and
exits with the class's `exit_code`; anything that is not a `RetroflipError` is a bug and keeps its traceback.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


class RetroflipError(Exception):
    """Base of every error that a user's input or environment can cause."""

    exit_code = 1


class UsageError(RetroflipError):
    """The command, recipe or path given is wrong; nothing has been started."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe has an unknown key, a wrong value or contradicts itself."""


class DataError(RetroflipError):
    """A data file breaks its format; the message names the file and the line."""


class UnroutedError(DataError):
    """A router could not say of every question whether its answer changes; what is written has no label there."""


class PathEscapeError(DataError):
    """A path in a data file leaves the root that the user named."""


class MediaError(RetroflipError):
    """One video or image cannot be used. In a data set it is recorded, counted and left out."""


class VideoError(MediaError):
    """One video cannot be used."""


class MissingVideoError(VideoError):
    """The file does not exist."""


class DecodeError(VideoError):
    """The file exists but cannot be decoded: empty, truncated, damaged, audio only, no video, too large or too slow."""


class DecodeLimitError(DecodeError):
    """Decoding crashed, or took more time or memory than it may: on another day or machine it might not."""


class HashMismatchError(VideoError):
    """The file's SHA-256 differs from its manifest's: the pixels cannot be trusted."""


class ImageError(MediaError):
    """One image cannot be used: missing, damaged, too large, of a format that is not read, or not its manifest's."""


class TooManyFailuresError(DataError):
    """More than the allowed share of a data set's videos and images failed."""


class BlindnessError(RetroflipError):
    """A pass would have run without (all of) its video; training on it would teach the model to guess."""


class NonFiniteLossError(RetroflipError):
    """The loss became NaN or infinite; raised before the optimizer step."""


class TooLittleMemoryError(RetroflipError):
    """The memory of the GPU or of the machine did not suffice for a step."""


class DiskFullError(RetroflipError):
    """A run could not be written on: the disk is full, or a quota or limit is reached."""


class RolloutServerError(RetroflipError):
    """The server that writes rollouts is down, too slow, or not the one that the run needs."""


class RunStoppedError(RetroflipError):
    """The run was told to stop and did, in good order: `step` is saved, and it can go on from there."""

    exit_code = 0

    def __init__(self, message: str, step: int) -> None:
        super().__init__(message)
        self.step = step


class OtherProcessError(RetroflipError):
    """Another process of the same run failed, and tells why itself."""


class RunDirectoryError(RetroflipError):
    """A run directory holds another recipe's run, or one that is damaged."""


def expected(fault: "ErrorDetails | Mapping[str, Any]", mapping: str = "an object") -> str:
    """Return what a value must be, from a fault that a pydantic model found. mapping: how an object is called."""
    kind = str(fault["type"])
    phrases = {
        "greater_than": "above {gt}",
        "greater_than_equal": "{ge} or more",
        "less_than": "below {lt}",
        "less_than_equal": "{le} or less",
        "multiple_of": "a multiple of {multiple_of}",
        "literal_error": "{expected}",
        "enum": "{expected}",
        "too_short": "a list of {min_length} or more",
        "string_too_short": "a text that is not empty",
        "finite_number": "a finite number",
    }
    if kind in phrases:
        return phrases[kind].format(**fault.get("ctx", {}))
    types = {
        **{"int": "a whole number", "float": "a number", "bool": "true or false", "string": "a text"},
        **{"tuple": "a list", "model": mapping, "dict": mapping, "mapping": mapping},
    }
    return types.get(kind.split("_")[0], str(fault["msg"]))


def first_fault(error: "ValidationError") -> str:
    """Return what is wrong first with what a pydantic model was given, in a few words."""
    fault = error.errors(include_url=False, include_input=False)[0]
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    return "it is missing" if fault["type"] == "missing" else f"it must be {expected(fault)}"


def counted(number: int, thing: str, form: str = "") -> str:
    """Return a number with what it counts, as sentences have it: "1 question", "2 questions".

    form: how the number is written, as a format has it: "," for 1,507.
    """
    return f"{number:{form}} {thing}{'' if number == 1 else 's'}"
