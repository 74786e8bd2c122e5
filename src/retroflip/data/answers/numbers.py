r"""Numbers in answers: which texts stand for one, and when two are equal.

Only flat arithmetic is read (`_EXPRESSION`): up to eight numbers, fractions, roots or pi, joined by operators, each
with an exponent of at most two digits. No brackets, words, units or nesting: `math-verify` reads "3 4" as 7 and "3
million" as 3, and nested brackets or powers can keep it busy for ever. Its own time limits use signals, which fail
outside the main thread, so it is the input that is limited.
"""

import logging
import re
from functools import lru_cache
from typing import Any

from retroflip.data.answers.folding import plain

_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?![\d,])", re.ASCII)
_DIGITS = r"(?:\d{1,15}(?:\.\d{1,15})?|\.\d{1,15})"
_ARGUMENT = rf"\s*\{{\s*-?\s*{_DIGITS}\s*\}}"
_ATOM = (
    rf"(?:{_DIGITS}|\\[dt]?frac{_ARGUMENT}{_ARGUMENT}|\\sqrt{_ARGUMENT}|\\pi)"
    r"(?:\s*\^\s*(?:\d|\{\s*-?\d{1,2}\s*\}))?"
)
_OPERATOR = r"(?:\s*(?:[-+*/]|\\times|\\cdot|\\div)\s*|\s*(?=\\))"
_EXPRESSION = re.compile(rf"[-+]?\s*{_ATOM}(?:{_OPERATOR}{_ATOM}){{0,7}}\s*%?", re.ASCII)
_RANGE = re.compile(rf"{_DIGITS}\s*-\s*{_DIGITS}\s*%?", re.ASCII)
"""'3-4' and '10 - 20' are ranges to whoever writes them as an answer, and no differences"""


def read_number(content: str) -> str | None:
    """Return the content as an expression that stands for one finite real number, None where it does not."""
    text = plain(content.replace(r"\$", "").replace("$", "")).replace("\N{MINUS SIGN}", "-").removesuffix(".")
    text = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), text)
    if _EXPRESSION.fullmatch(text) is None or _RANGE.fullmatch(text) is not None:
        return None
    values = [value.doit() for value in _math(text)]
    return text if values and all(value.is_real and value.is_finite for value in values) else None


@lru_cache(maxsize=4096)
def equal_numbers(a: str, b: str) -> bool:
    """Return whether two expressions of `read_number` are equal by `math-verify`.

    It takes 50% for both 0.5 and 50, and compares six decimals.
    """
    from math_verify import verify

    return bool(verify(list(_math(a)), list(_math(b)), timeout_seconds=None))


def number_value(expression: str) -> float:
    """Return the value of an expression of `read_number`."""
    return float(_math(expression)[0].doit())


# Imported on first use: it takes two seconds and only numerical problems need it.
@lru_cache(maxsize=4096)
def _math(expression: str) -> tuple[Any, ...]:
    from math_verify import LatexExtractionConfig, parse

    # It warns once that time limits are off; `_EXPRESSION` stands in for them.
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    boxed = rf"\boxed{{{expression}}}"
    return tuple(parse(boxed, [LatexExtractionConfig()], fallback_mode="no_fallback", parsing_timeout=None))
