r"""The reading of evaluation: what people's models write when a benchmark's own prompt asks for a letter or a word.

A marked answer (`\boxed{}`, `<answer>`) is read as in training, but for looser words inside. Without one the text
behind the reasoning is read by rules that look at form alone, the surest first:

1. the whole text, or its first line, is an answer: "B", "(B)", "(B", "B. moving right", "Option B", "**moving right**";
2. sentences that announce an answer: "Answer: B", "The best option is C, because ...", "so the answer is moving
   right"; or else letters with their own option's words, "the speed is C. time-lapse". All of them must agree;
3. yes and no: the first word, with or without a sentence behind it;
4. an option's own words of at least two, said in a first sentence that denies nothing, names no other option and does
   not go on with something else ("moves left and then right").

Running text is searched for nothing else. "A man walks" names no option ('A' is an article), "A and B" and "not B" are
no answers; what is unsure is None. On the recorded answers of Video-LLaVA, Gemini and Reka to TempCompass (multiple
choice and yes/no) this agrees with every grade that the benchmark's own rules gave.
"""

import itertools
import re
from collections.abc import Iterator

from retroflip.data.answers.answer import Answer, grounded, letters, of_type, option_texts, read_selection
from retroflip.data.answers.grounded import divided
from retroflip.data.answers.numbers import read_number
from retroflip.data.answers.strict import behind_reasoning, boxed_text, is_marked, read_option
from retroflip.data.answers.words import folded, plain
from retroflip.data.sample import ProblemType, Sample

_ENDS = re.compile(r"</s>|<\|im_end\|>|<\|endoftext\|>|<\|end\|>|<\|eot_id\|>|<eos>|<end_of_turn>")
_MARKDOWN = re.compile(r"^(?:\s*(?:[#>]+|[-*•](?=\s)))+\s*")
_LABEL = r"(?:option|choice|answer|caption|sentence|statement)"
_QUALITY = (
    r"(?:final|correct|right|best|most\s+(?:likely|accurate|appropriate|suitable|fitting)|suitable|likely)"
)
_LINK = r"(?:is|are|was|would\s+be|should\s+be|must\s+be|=|:)"
_CUE = re.compile(
    rf"\b(?:{_QUALITY}\s+)*{_LABEL}\b(?:\s+(?:to|for|that|which|among|of)\b[^.:\n]{{0,80}}?)?\s*{_LINK}"
    r"(?:\s*(?:indeed|therefore|thus|clearly|likely|probably|most\s+likely|as\s+follows))?\s*:?\s*",
    re.IGNORECASE,
)
_OPENED = re.compile(r"^[(\[]([A-Z])$")
"""a letter whose bracket never closes, as a model leaves it that was made to begin with 'Best option:('"""
_CHOSEN = re.compile(
    rf"\b(?:I\s+(?:would\s+|will\s+|'ll\s+)?(?:choose|pick|select|go\s+with|answer))\s*:?\s*(?={_LABEL}?\s*[\"'(\[A-Z])"
)
_NAMED = re.compile(
    rf"(?:the\s+)?(?:(?:{_QUALITY}\s+)*{_LABEL}\s*)?[\"'(\[]*\b([A-Za-z])\b[\"')\]]*\s*(.*)",
    re.DOTALL | re.IGNORECASE,
)
_SEVERAL = re.compile(r"[)\].:,;]*\s*(?:and|or|&|/|,|nor)\s*(?:the\s+)?(?:option\s+)?[(\[]?\s*([A-Z])\b(?!')")
_MARK = re.compile(r"(?<![\w'])\(?([A-Z])[.):]\)?\s+")
_BETWEEN = re.compile(r"[\s.,;&/\u3001\uff0c\uff1b]*(?:(?:and|or)\s+)?")
_ENDS_A_LETTER = re.compile(r"[.:,;)\]\"']|$|(?:[-–—]+|because|since|as|for|due)\b|[-–—]")
_YES_NO = re.compile(r"(yes|no)\b(?!\s+(?:and|or)\s+(?:yes|no)\b|\s*/|\s+one\b|-)", re.IGNORECASE)
_DENIES = re.compile(
    r"\b(?:not|no|never|neither|nor|none|without|instead|rather|than|or|either|except|unlike|if|unclear|cannot)\b|n['’]t\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"\s*,?\s*(?:and|then|before|but)\b")
"""behind an option's words: something else happens too, as in 'moves left and then right'"""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s|\n")
_NUMBER = re.compile(r"[-+\N{MINUS SIGN}]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s*/\s*\d+)?\s*%?", re.ASCII)
_UNIT = re.compile(r"\s*(?:[^\W\d_]|°)[^\W\d_.²³/]{0,14}(?:\s[^\W\d_]{1,14}){0,2}\s*[.!]?", re.UNICODE)
# fmt: off
_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)
# fmt: on


def read_answer(response: str, sample: Sample) -> Answer | None:
    """Return the answer that a response gives in any of the forms above, or None where it is not sure.

    `sample` must be the one that the prompt was made from, as for `parse_answer`; what that reads, this reads alike.
    """
    text = _ENDS.sub(" ", behind_reasoning(response)).strip()
    if is_marked(text):
        content = boxed_text(text)
        return None if content is None else _of_type(content, sample)
    return _of_type(text, sample) if text else None


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
        said = _yes_or_no(_lines(text)[0])
        return None if said is None else Answer("text", said)
    return of_type(announced, sample)


def _option(text: str, options: dict[str, str]) -> str | None:
    lines = [_OPENED.sub(r"\1", line) for line in _lines(text)]
    whole = " ".join(lines)
    if letter := read_option(whole, options):
        return letter
    if not _begins_list(whole, options) and (letter := _statement(lines[0], options)):
        return letter
    if _SEVERAL.match(lines[0][1:]) and lines[0][:1] in options:
        return None
    announced = {found for found in _announcements(lines, options) if found}
    if not announced and next(_listed(whole, options), None) is not None:
        return None
    announced = announced or set(_lettered(whole, options))
    if announced:
        return announced.pop() if len(announced) == 1 else None
    if set(options.values()) == {"yes", "no"}:
        said = _yes_or_no(lines[0])
        return next((letter for letter, option in options.items() if option == said), None)
    return _spoken(whole, options)


def _lines(text: str) -> list[str]:
    """Return the lines of a text that say something, plain and without Markdown; at least one, which may be ''."""
    lines = [plain(_MARKDOWN.sub("", line)) for line in _unemphasised(text).splitlines()]
    return [line for line in lines if line] or [""]


def _unemphasised(text: str) -> str:
    """Return text without emphasis that spans lines."""
    return re.sub(r"\*\*|__", "", text)


def _statement(text: str, options: dict[str, str], *, cued: bool = False) -> str | None:
    """Return the option that a text begins with: by its letter in a form that is no word, or by its own words.

    cued: whether the text follows words that announce an answer, so that a bare letter may stand before a sentence.
    """
    text = text.strip().strip("\"'")
    if letter := read_option(text.removesuffix("."), options):
        return letter
    named = _NAMED.fullmatch(text)
    if named is not None and (letter := named[1]) in options:
        before, rest = text[: named.start(1)], text[named.end(1) :]
        bracketed = before.endswith(("(", "[")) and rest[:1] in (")", "]")
        labelled = re.search(_LABEL, before, re.IGNORECASE) is not None
        if _SEVERAL.match(rest):
            return None
        if bracketed or rest[:1] in (".", ")", ":") or (labelled and _ENDS_A_LETTER.match(rest.strip())):
            return letter
        if cued and (_ENDS_A_LETTER.match(rest.strip()) or folded(rest).startswith(options[letter])):
            return letter
    return _beginning(folded(text), options) if cued else None


def _begins_list(text: str, options: dict[str, str]) -> bool:
    """Return whether a text begins with options beside each other, each behind its letter: "A. runs, C. eats"."""
    before = re.match(rf"\W*(?:{_LABEL}\s+)?", text, re.IGNORECASE)
    return next(_listed(text, options), len(text)) <= (before.end() if before else 0)


def _listed(text: str, options: dict[str, str]) -> Iterator[int]:
    """Yield where an option stands that another one follows, with nothing between them but a comma, 'and' or 'or'."""
    marks = list(_MARK.finditer(text))
    said = [
        (mark.start(), mark.end() + words.end(), mark[1])
        for mark in (marks if len(marks) > 1 else ())
        if mark[1] in options
        and (words := re.match(re.escape(options[mark[1]]) + r"(?!\w)", text[mark.end() :], re.IGNORECASE))
    ]
    for one, other in itertools.pairwise(said):
        if one[2] != other[2] and _BETWEEN.fullmatch(text, one[1], other[0]) is not None:
            yield one[0]


def _beginning(text: str, options: dict[str, str]) -> str | None:
    """Return the one option whose words a folded text begins with; of several the longest."""
    found = [
        letter
        for letter, option in options.items()
        if option and re.match(rf"(?:the\s+)?{re.escape(option)}(?!\w)", text)
    ]
    longest = max((len(options[letter]) for letter in found), default=0)
    best = [letter for letter in found if len(options[letter]) == longest]
    return best[0] if len(best) == 1 and not _SEVERAL_WORDS.match(text[longest:]) else None


_SEVERAL_WORDS = re.compile(r"\s*(?:and|or|/)\b")


def _announcements(lines: list[str], options: dict[str, str]) -> Iterator[str | None]:
    """Yield the option that each announcement in the lines names, None where it names no option."""
    for number, line in enumerate(lines):
        for cue in (*_CUE.finditer(line), *_CHOSEN.finditer(line)):
            rest = line[cue.end() :] or " ".join(lines[number + 1 : number + 2])
            if _begins_list(rest, options):
                continue
            yield _statement(_SENTENCE_END.split(rest, maxsplit=1)[0], options, cued=True) or _statement(
                rest, options, cued=True
            )


def _lettered(text: str, options: dict[str, str]) -> Iterator[str]:
    """Yield every letter that stands before its own option's words: "the speed is C. time-lapse"."""
    for found in _MARK.finditer(text):
        letter = found[1]
        if letter in options and _beginning(folded(text[found.end() :]), {letter: options[letter]}):
            yield letter


def _yes_or_no(line: str) -> str | None:
    cue = _CUE.search(line)
    said = _YES_NO.match(line) or (_YES_NO.match(line, cue.end()) if cue else None)
    return said[1].lower() if said else None


def _spoken(text: str, options: dict[str, str]) -> str | None:
    """Return the one option that a first sentence says in its own words, two at least."""
    first = folded(_SENTENCE_END.split(text, maxsplit=1)[0])
    if _DENIES.search(first):
        return None
    said = [o for o in options if options[o] and re.search(rf"(?<!\w){re.escape(options[o])}(?!\w)", first)]
    if len(said) != 1 or " " not in options[said[0]] or _GOES_ON.match(first.rpartition(options[said[0]])[2]):
        return None
    return said[0]


def _selection(text: str, offered: list[str]) -> str | None:
    """Return the letters that a text lists, each alone or before its option's words on a line of its own."""
    if selected := read_selection(text, offered):
        return selected
    heads = re.findall(r"(?:^|[,;\s])\(?([A-Z])[.):]\)?\s", text + " ")
    return read_selection(", ".join(heads), offered) if heads else None


def _number(text: str) -> str | None:
    """Return the number that a text is, with a unit or without."""
    said = text.strip().removesuffix(".")
    if (number := read_number(said)) is not None:
        return number
    bare = said.strip("(){}[] ").removesuffix("\\").strip()
    if bare.casefold() in _WORDS:
        return str(_WORDS.index(bare.casefold()))
    found = _NUMBER.match(bare)
    if found is not None and (_UNIT.fullmatch(bare[found.end() :]) or found.end() == len(bare)):
        return read_number(found[0].strip())
    return None


def _announced(text: str) -> str:
    """Return what a text announces as its answer, or the text itself where it announces nothing."""
    lines = _lines(text)
    cues = [(line, cue) for line in lines for cue in _CUE.finditer(line)]
    if not cues:
        return " ".join(lines)
    line, cue = cues[-1]
    behind = lines[lines.index(line) + 1 :]
    return line[cue.end() :] or (behind[0] if behind else "")
