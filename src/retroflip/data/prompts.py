"""The words put before a model: the system prompt, the question with its options, and the null option."""

import re
from collections.abc import Callable, Sequence
from itertools import chain, cycle
from typing import Any, TypeVar

from retroflip.data.media import around, placed
from retroflip.data.prompt_modes import PromptMode
from retroflip.data.sample import MAX_OPTIONS, Modality, ProblemType, Sample, option_letter
from retroflip.errors import DataError

PartT = TypeVar("PartT")

NULL_OPTION = "None of the above"
"""CRPO's null option: a transformed video may have an answer that no listed option names."""

_ONES = r"(?:options?|choices?|answers?|alternatives?|statements?|directions?)"
_NO_OPTION = re.compile(
    r"none(?:\s+of)?\s+(?:the\s+|these\s+)?(?:"
    rf"(?:above|listed|given|other|following|provided|mentioned|these)(?:\s+{_ONES})?|{_ONES}"
    r"(?:\s+(?:above|listed|given|provided|mentioned))?)(?:\s+(?:is|are)\s+(?:correct|right|true)|\s+appl(?:y|ies))?"
    rf"|neither\s+of\s+(?:the|these)\s+(?:above|{_ONES})|no\s+(?:correct|right)\s+{_ONES}|nota"
    r"|以上(?:选项)?(?:都|皆|均)?(?:不是|不对|不正确|非|错)",
    re.IGNORECASE,
)
"""what a data set's own null option says: CRPO's words and their relatives. "None of them" speaks of what is seen, and
"neither" too."""

_FORMAT = (
    "First think step by step inside <think> </think>, then give only the final answer inside \\boxed{}."
)
SYSTEM_PROMPT = f"Watch the video. {_FORMAT}"
"""What CRPO's training prompt (appendix B.1) asks of the model, in our words. `retroflip-tiny` is trained
on these very words; a recipe can set others."""

SYSTEM_PROMPTS = {
    Modality.VIDEO: SYSTEM_PROMPT,
    Modality.IMAGE: f"Look at the image. {_FORMAT}",
    Modality.TEXT: _FORMAT,
}
"""The same by what a sample is about; a recipe's own prompt stands before all of them."""

DIRECT_PROMPT = "Watch the video. Give only the final answer inside \\boxed{}."
"""asks for an answer without reasoning"""


def system_prompt_of(mode: PromptMode, native: str | None = None) -> str | None:
    """Return the system prompt of a mode: "" for none, None for the built-in ones of every modality.

    native: the benchmark's own.
    """
    return {PromptMode.NATIVE: native or "", PromptMode.THINK: None, PromptMode.DIRECT: DIRECT_PROMPT}[mode]


def system_text(sample: Sample, own: str | None) -> str:
    """Return what stands before a sample's question: a prompt of one's own, or else the one for what it is about."""
    return SYSTEM_PROMPTS[sample.modality] if own is None else own


def with_null_option(sample: Sample) -> Sample:
    """Return the sample with "None of the above" as its last option, once; only multiple choice changes, with a span or
    without.

    An option that says the same in other words ("None of these.") is the null option already. "All of the above" and
    "cannot be determined" say something else. Raises DataError when the sample already uses all 26 letters.
    """
    if sample.problem_type not in (ProblemType.MULTIPLE_CHOICE, ProblemType.GROUNDED_CHOICE):
        return sample
    if any(_NO_OPTION.fullmatch(option.strip(" ().!。（）")) for option in sample.options):
        return sample
    if len(sample.options) >= MAX_OPTIONS or sample.letters[-1:] == ("Z",):
        raise DataError(
            f"Sample {sample.id!r} has {len(sample.options)} options, so no letter is left for "
            f"{NULL_OPTION!r}. Remove an option, or train without the null option."
        )
    letters = (
        (*sample.letters, option_letter(ord(sample.letters[-1]) - ord("A") + 1)) if sample.letters else ()
    )
    return sample.model_copy(update={"options": (*sample.options, NULL_OPTION), "letters": letters})


def user_text(sample: Sample) -> str:
    """Return what the user's turn says: `asked_as`, or the question, followed, where it has options, by "Options:" and
    one "A. ..." line per option.

    Placeholders for what it shows (<image>, <video>) are left out.
    """
    parts = user_parts(sample)
    return parts[0] if len(parts) == 1 else "".join(parts).strip()


def user_parts(sample: Sample) -> list[str]:
    """Return the texts before, between and behind the places of what is shown, which is one more than is shown; or the
    whole text alone, where it does not say where."""
    words = sample.question if sample.asked_as is None else sample.asked_as
    text = words
    if sample.asked_as is None and sample.problem_type.has_options:
        lines = [f"{letter}. {option}" for letter, option in sample.lettered.items()]
        text = "\n".join([text, "Options:", *lines])
    return around(text) if placed(words, sample.shown) else [text]


def interleaved(
    sample: Sample, shown: Sequence[Sequence[PartT]], words: Callable[[str], PartT]
) -> list[PartT]:
    """Return the parts of a message: those of each thing shown, where the question says or else before it, and words.

    shown: the parts of each thing that the sample shows; nothing where it is asked without a look at them.
    """
    first, *others = user_parts(sample) if shown else [user_text(sample)]
    if not others:
        return [*chain.from_iterable(shown), words(first)]
    parts = [words(first)] if first else []
    for several, text in zip(shown, others, strict=True):
        parts += [*several, *([words(text)] if text else [])]
    return parts


def later_messages(turns: Sequence[str], content: Callable[[str], Any]) -> list[dict[str, Any]]:
    """Return what follows a question in a conversation: the model's response, the user's next words, and so on."""
    roles = cycle(("assistant", "user"))
    return [{"role": role, "content": content(text)} for role, text in zip(roles, turns, strict=False)]
