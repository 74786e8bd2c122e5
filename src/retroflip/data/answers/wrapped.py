"""Answers that are wrapped: in tags of any name that says answer, in JSON, in a fence of code, in full-width signs."""

import ast
import json
import re
from typing import Any

_FENCE = re.compile(r"```[a-z]*\n?(.*?)\n?```", re.DOTALL | re.IGNORECASE)
_TAGS = re.compile(
    r"<(final[_ ]?answer|answer|choice|option|conclusion|output|ans|final)>((?:(?!<\1>).)*?)</\1>",
    re.DOTALL | re.IGNORECASE,
)
_OBJECT = re.compile(r"\{[^{}]*\}", re.DOTALL)
_KEY = re.compile(
    r"(?:(?:final|correct|best|selected|chosen|predicted)[_ ]?)?(?:answer|option|choice|letter|prediction)",
    re.IGNORECASE,
)
_LATEX = re.compile(r"\\[()\[\]]")
_ROLE = re.compile(r"\s*(?:<\|im_start\|>\s*)?(?:assistant|model)\s*[:\n]\s*", re.IGNORECASE)
_WIDE = str.maketrans(
    {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    | {"\u3002": ".", "\u3010": "[", "\u3011": "]"}
    | dict.fromkeys("\u201c\u201d\u300c\u300d", '"')
)
_HAN = "\u3400-\u9fff"
_BESIDE_HAN = re.compile(rf"(?<=[{_HAN}])(?=[A-Za-z(\[\"])|(?<=[A-Za-z)\]\"])(?=[{_HAN}])")


def unwrapped(text: str) -> str | None:
    """Return what a text holds without what is wrapped around it; None where the wrapped part is no single answer."""
    text = _LATEX.sub(" ", _ROLE.sub("", text, count=1) if _ROLE.match(text) else text).strip()
    if tagged := _TAGS.findall(text):
        said = {content.strip() for _, content in tagged}
        return said.pop() if len(said) == 1 else None
    fenced = _FENCE.fullmatch(text)
    inner = fenced[1].strip() if fenced else text
    if inner.startswith("["):
        return _of_list(inner)
    objects = _OBJECT.findall(inner)
    found = [value for one in objects for value in _answers(one)]
    if not found:
        return inner
    return _only(found[0]) if len(found) == 1 else None


def narrow(text: str) -> str:
    """Return a text with full-width letters and signs as the usual ones, Latin words apart from Chinese ones."""
    return _BESIDE_HAN.sub(" ", text.translate(_WIDE))


def _of_list(text: str) -> str | None:
    """Return what a list of one element holds; a text that is no list of JSON or Python as it is."""
    read = _read(text)
    return _only(read) if isinstance(read, list) and all(isinstance(one, str) for one in read) else text


def _answers(text: str) -> list[Any]:
    """Return all values that stand under a key which says answer."""
    read = _read(text)
    pairs = read if isinstance(read, list) else []
    return [value for key, value in pairs if isinstance(key, str) and _KEY.fullmatch(key)]


def _read(text: str) -> Any:
    """Return JSON, or the same in Python's quotes, an object as its pairs, so that a key twice is seen; or None."""
    try:
        return json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        pass
    try:
        read = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return list(read.items()) if isinstance(read, dict) else read


def _only(value: Any) -> str | None:
    """Return a text, or the only one of a list."""
    if isinstance(value, list) and len(value) == 1:
        return _only(value[0])
    return value if isinstance(value, str) else None
