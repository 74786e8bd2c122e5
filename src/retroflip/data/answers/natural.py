r"""The reading of evaluation: what people's models write when a benchmark's own prompt asks for a letter or a word.

A marked answer (`\boxed{}`, `<answer>`) is read as in training, but for looser words inside; so is one in JSON or in
tags of another name (`wrapped.py`). Without a mark the text behind the reasoning is read by rules that look at form
alone, the surest first:

1. the whole text, or its first line, is an answer: "B", "(B)", "(B", "B. moving right", "Option B", "**moving right**";
2. sentences that announce an answer: "Answer: B", "The best option is C, because ...", "so the answer is moving
   right", "therefore, B.", "B is correct" (`announced.py`); or else letters with their own option's words, "the speed
   is C. time-lapse". All of them must agree, and a clause that denies or doubts announces nothing;
3. yes and no: the first word, with or without a sentence behind it;
4. an option's own words of at least two, said in a first sentence that denies nothing, names no other option and does
   not go on with something else ("moves left and then right").

Without any of these, a letter alone on the last line counts. Only what stands behind the last "wait" or "scratch that"
counts, and an option that a later sentence replaces ("Actually, C.") does not. Options that a text lists, whole or cut
off, are no answer (`listing.py`). Running text is searched for nothing else, and more than LONGEST signs of it for
nothing at all. "A man walks" names no option ('A' is an article), "A and B" and "not B" are no answers, nor is "Yes, B"
where A is yes; what is unsure is None.
On the recorded answers of Video-LLaVA, Gemini and Reka to TempCompass (multiple choice and yes/no) this agrees with
all 11,440 grades that the benchmark's own rules gave. Of 16,082 that OVO-Bench publishes, of nine models, it reads all
but 22, which name several options or none, each as the letter that stands first in it.
"""

import re
from collections.abc import Set as AbstractSet

from retroflip.data.answers.announced import CUE, announced
from retroflip.data.answers.answer import Answer, grounded, letters, of_type, option_texts, read_selection
from retroflip.data.answers.folding import first_sentence, folded, plain
from retroflip.data.answers.grounded import divided
from retroflip.data.answers.lettered import (
    REACH,
    SENTENCES,
    denied,
    lettered,
    letters_in,
    names_another,
    names_elsewhere,
    statement,
    taken_back,
)
from retroflip.data.answers.listing import begins_list, enumerates, listed
from retroflip.data.answers.numbers import read_number
from retroflip.data.answers.strict import behind_reasoning, boxed_text, is_marked, read_option
from retroflip.data.answers.wrapped import narrow, unwrapped
from retroflip.data.sample import ProblemType, Sample

LONGEST = 50_000
"""signs behind the reasoning up to which an answer without a mark is looked for: more is a model that runs on"""
_ENDS = re.compile(r"</s>|<\|im_end\|>|<\|endoftext\|>|<\|end\|>|<\|eot_id\|>|<eos>|<end_of_turn>")
_QUOTED = re.compile(r"""^([\"'])([^\"']+)\1\.?$""")
_CONCLUDED = re.compile(
    r"(?!.*\b(?:consider|compar|check|examin|look|options|choices)).*[.!?]$", re.IGNORECASE
)
"""a line behind which a letter alone is the answer, and not the first of options that are gone through"""
_THOUGHTS = r"(?:thinking|thoughts?|reasoning|analysis|reflection)"
_THOUGHT_BEGINS = re.compile(rf"<{_THOUGHTS}>|◁think▷", re.IGNORECASE)
_THOUGHT_ENDS = re.compile(rf"</{_THOUGHTS}>|◁/think▷", re.IGNORECASE)
"""reasoning in tags of other names, Kimi's among them: all up to its end, or all where it never ends"""
_SEEN_WRONG = re.compile("[\u274c\u274e\u2716-\u2718]")
_SYMBOLS = re.compile("[\u2600-\u27bf\U0001f000-\U0001faff\ufe0f]")
_CONTRAST = re.compile(
    r"\b[Nn]ot\s+(?:option\s+)?\(?[A-Z]\b\)?,?\s+but\s+(?:rather\s+)?(?=(?:option\s+)?\(?[A-Z]\b)"
)
"""'not A but B' says B"""
_TAKEN_BACK = re.compile(
    r"(?:\bno,?\s+wait\b|\bwait(?:,|[.!]+\s)|\bscratch\s+that\b|\bon\s+second\s+thoughts?\b)[\s,.:;!]*",
    re.IGNORECASE,
)
"""words by which a writer takes back all that stands before"""
_MARKDOWN = re.compile(r"^(?:\s*(?:[#>]+|[-*•](?=\s)))+\s*")
_OPENED = re.compile(r"^[(\[]([A-Z])$")
"""a letter whose bracket never closes, as a model leaves it that was made to begin with 'Best option:('"""
_ENCLOSED = re.compile(r"^\W*\b([A-Z])\b[\s)\]}>\"'`|\u00bb]*[.!]?$")
"""a letter alone between brackets or quotes of any kind"""
_GOES_ON_BEHIND_NO = (
    r"(?:an?|the|th(?:is|at|ese|ose|ere)|it|he|she|they|we|you|I|his|her|its|their|not|only|because|since|as|but|based"
    r"|in|on|at|from)"
)
_YES_NO = re.compile(
    r"(yes|no)\b(?!\s+(?:and|or)\s+(?:yes|no)\b|\W+(?:yes|no)\W*$|\s*/|-|\.\d)"
    rf"(?:(?<=yes)|(?!\s+(?!{_GOES_ON_BEHIND_NO}\b)\w))",
    re.IGNORECASE,
)
"""'no' before a noun answers nothing: 'No video was provided'"""
_YES_NO_ALONE = re.compile(
    r"(?:(?:so|therefore|thus|hence|indeed|well|(?:based\s+on|according\s+to|from|in)\s[^,.]{1,80}),?\s+)?(?=(?:yes|no)\b\W*(?:,|$))",
    re.IGNORECASE,
)
"""how a sentence begins that says no more than yes or no, or says it first"""
_DENIES = re.compile(
    r"\b(?:not|no|never|neither|nor|none|without|instead|rather|than|or|either|except|unlike|if|unclear|cannot|whether|doubt|may|"
    r"might|could|incorrect|wrong|false)\b|n['’]t\b|\?$|\b(?:option|choice|statement|caption|answer)\s+\(?[a-z]\)?\s+\w+s\b",
    re.IGNORECASE,
)
_SEVERAL_ARE = re.compile(
    r"(?:\b(?:answers|options|choices|letters)\s*(?:are\b|:)|^(?:options|choices|answers|letters)\b)[\s:]*",
    re.IGNORECASE,
)
_HEAD = re.compile(r"(?:^|(?<=[,;\s]))\(?([A-Z])[.):]\)?\s+(?=\S)")
"""a letter before its option's words"""
_GOES_ON = re.compile(r"\s*,?\s*(?:and|then|before|but)\b")
"""behind an option's words: something else happens too, as in 'moves left and then right'"""
_NUMBER = re.compile(r"[-+\N{MINUS SIGN}]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s*/\s*\d+)?\s*%?", re.ASCII)
# fmt: off
_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)
# fmt: on
_COUNTED = re.compile(
    r"^(?:(?:there|it|(?:the|this|that|its)(?:\s[^\W\d_]+){1,12}?)\s+(?:is|are|was|were|measures)\s+"
    r"|I\s+(?:see|count|counted)\s+)?"
    r"(?:(?:a\s+total\s+of|in\s+total|about|around|approximately|roughly|nearly|exactly|only)\s+|[~\u2248]\s*)*"
    r"(?=[-+\N{MINUS SIGN}]?\.?\d|(?:" + "|".join(_WORDS) + r")\b)",
    re.IGNORECASE,
)
"""what stands before a number that is all that a sentence says: 'There are about 3 balls.'"""
_UNIT = re.compile(r"\s*(?:[^\W\d_]|°)[^\W\d_.²³/]{0,14}(?:\s[^\W\d_]{1,14}){0,2}\s*[.!]?", re.UNICODE)


def read_answer(response: str, sample: Sample) -> Answer | None:
    """Return the answer that a response gives in any of the forms above, or None where it is not sure.

    `sample` must be the one that the prompt was made from, as for `parse_answer`; what that reads, this reads alike.
    """
    turns = _ENDS.split(_behind_thoughts(behind_reasoning(response)))
    text = next((turn.strip() for turn in turns if turn.strip()), "")
    if is_marked(text):
        content = boxed_text(text)
        return None if content is None or len(content) > LONGEST else _of_type(content, sample)
    if len(text) > LONGEST:
        return None
    begin = max((found.end() for found in _TAKEN_BACK.finditer(text)), default=0)
    inner = unwrapped(text[begin:])
    return _of_type(inner, sample) if inner else None


def _behind_thoughts(text: str) -> str:
    """Return what stands behind reasoning in tags of other names than training's."""
    return _THOUGHT_BEGINS.split(_THOUGHT_ENDS.split(text)[-1], maxsplit=1)[0]


def _of_type(text: str, sample: Sample) -> Answer | None:
    if sample.problem_type is ProblemType.MULTIPLE_CHOICE:
        letter = _option(text, option_texts(sample))
        return None if letter is None else Answer("option", letter)
    if sample.problem_type is ProblemType.GROUNDED_CHOICE:
        option, span = divided(text)
        return grounded(_option(option, option_texts(sample)), span)
    announced = _announced(text)
    if sample.problem_type is ProblemType.MULTI_SELECT:
        selected = _selection(announced, letters(sample))
        return None if selected is None else Answer("options", selected)
    if sample.problem_type in (ProblemType.NUMERICAL, ProblemType.REGRESSION):
        number = _number(announced)
        return None if number is None else of_type(number, sample)
    if sample.problem_type is ProblemType.FREE_FORM and folded(sample.solution) in ("yes", "no"):
        said = _yes_or_no(_lines(text))
        return None if said is None else Answer("text", said)
    return of_type(_QUOTED.sub(r"\2", announced), sample)


def _option(text: str, options: dict[str, str]) -> str | None:
    usual = narrow(text)
    return _read_option(text, options) or (_read_option(usual, options) if usual != text else None)


def _read_option(text: str, options: dict[str, str]) -> str | None:
    lines = [_ENCLOSED.sub(r"\1", _OPENED.sub(r"\1", line)) for line in _lines(text)]
    whole = " ".join(lines)
    alone = {line.rstrip(".") for line in lines} & options.keys()
    if len(alone) > 1 or _contradicts(lines[0], alone, options):
        return None
    if letter := read_option(whole, options):
        return letter
    letter = _first_said(lines, options) or _announced_option(lines, options)
    return None if letter is None or taken_back("\n".join(lines), letter, options) else letter


def _contradicts(line: str, alone: AbstractSet[str], options: dict[str, str]) -> bool:
    """Return whether a line says yes or no, which is one option, and names another in the same sentence, or the text in
    a line of its own: "Yes, B" where A is yes."""
    if {"yes", "no"}.isdisjoint(options.values()):
        return False
    for start in (0, *(cue.end() for cue in CUE.finditer(line))):
        sentence = first_sentence(line[start : start + REACH])
        said = _YES_NO.match(sentence)
        own = [one for one in options if said and options[one] == said[1].lower()]
        named = alone | letters_in(sentence, options)
        if own and named and named.isdisjoint(own):
            return True
    return False


def _first_said(lines: list[str], options: dict[str, str]) -> str | None:
    """Return the option that the first line is, if the lines are no list of options."""
    if begins_list(" ".join(lines), options) or enumerates(lines, options):
        return None
    return statement(lines[0], options)


def _announced_option(lines: list[str], options: dict[str, str]) -> str | None:
    """Return the option that a text announces or, without that, ends in or says in its own words."""
    whole = " ".join(lines)
    if lines[0][:1] in options and names_another(lines[0][1:], lines[0][0], options):
        return None
    said = announced(lines, options)
    if not said.letters and (
        said.doubted or enumerates(lines, options) or next(listed(whole, options), None) is not None
    ):
        return None
    if not said.letters and lines[-1].rstrip(".") in options and _CONCLUDED.match("".join(lines[-2:-1])):
        return lines[-1].rstrip(".")
    chosen: frozenset[str | None] = said.letters or frozenset(lettered(whole, options))
    if chosen:
        return next(iter(chosen)) if len(chosen) == 1 else None
    if set(options.values()) == {"yes", "no"}:
        yes_no = _yes_or_no(lines)
        found = next((letter for letter, option in options.items() if option == yes_no), None)
        return found if found and not names_elsewhere(lines[0], found, options) else None
    return _spoken(whole, options)


def _lines(text: str) -> list[str]:
    """Return the lines of a text that say something, plain and without Markdown; at least one, which may be ''."""
    shown = (line for line in _unemphasised(text).splitlines() if not _SEEN_WRONG.search(line))
    lines = [plain(_CONTRAST.sub("", _MARKDOWN.sub("", _SYMBOLS.sub(" ", line)))) for line in shown]
    return [line for line in lines if line] or [""]


def _unemphasised(text: str) -> str:
    """Return text without emphasis that spans lines, in Markdown or HTML."""
    return re.sub(r"\*\*|__|</?(?:b|i|em|strong|p)>", "", text)


def _yes_or_no(lines: list[str]) -> str | None:
    """Return what the first line begins with or, without that, what the text announces, "So the answer is no.", or says
    in a sentence of its own, "Based on the video, yes."."""
    if said := _YES_NO.match(lines[0]):
        return said[1].lower()
    announced = {
        None if denied(line, cue.start()) else said[1].lower()
        for line in lines
        for cue in CUE.finditer(line)
        if (said := _YES_NO.match(line[cue.end() :].lstrip("\"'")))
    } or {
        said[1].lower()
        for line in lines
        for sentence in SENTENCES.split(line)
        if (begin := _YES_NO_ALONE.match(sentence)) and (said := _YES_NO.match(sentence[begin.end() :]))
    }
    return announced.pop() if len(announced) == 1 else None


def _spoken(text: str, options: dict[str, str]) -> str | None:
    """Return the one option that a first sentence says in its own words, two at least."""
    first = folded(first_sentence(text))
    if _DENIES.search(first):
        return None
    said = [o for o in options if options[o] and re.search(rf"(?<!\w){re.escape(options[o])}(?!\w)", first)]
    if len(said) != 1 or " " not in options[said[0]] or _GOES_ON.match(first.rpartition(options[said[0]])[2]):
        return None
    return None if names_elsewhere(text, said[0], options) else said[0]


def _selection(text: str, offered: list[str]) -> str | None:
    """Return the letters that a text lists, each alone or before its option's words on a line of its own."""
    listed = _SEVERAL_ARE.split(text)[-1].strip("[]")
    if selected := read_selection(re.sub("[\"']", "", listed), offered):
        return selected
    heads = _HEAD.findall(text) if _HEAD.match(text) else []
    return read_selection(", ".join(heads), offered) if heads else None


def _number(text: str) -> str | None:
    """Return the number that a text is, with a unit or without."""
    said = _COUNTED.sub("", narrow(text).strip()).removesuffix(".")
    if (number := read_number(said)) is not None:
        return number
    bare = said.strip("(){}[] ").removesuffix("\\").strip()
    word, _, unit = bare.casefold().partition(" ")
    if word in _WORDS and (not unit or _UNIT.fullmatch(" " + unit)):
        return str(_WORDS.index(word))
    found = _NUMBER.match(bare)
    if found is not None and (_UNIT.fullmatch(bare[found.end() :]) or found.end() == len(bare)):
        return read_number(found[0].strip())
    return None


def _announced(text: str) -> str:
    """Return what a text announces as its answer, or the text itself where it announces nothing."""
    lines = _lines(text)
    cues = [(line, cue) for line in lines for cue in CUE.finditer(line)]
    if not cues:
        return " ".join(lines)
    line, cue = cues[-1]
    behind = lines[lines.index(line) + 1 :]
    return line[cue.end() :] or (behind[0] if behind else "")
