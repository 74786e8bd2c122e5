"""Find the answer of an arithmetic question again: the glyphs put together as Python reads them."""

import ast
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

_DO: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_NAMES = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the answer that the glyphs in the order of their frames lead to."""
    events = sorted(metadata["events"], key=lambda event: int(event["start_frame"]))
    symbols = [event["symbol"] for event in events if event["type"] in ("glyph", "unknown")]
    if metadata["question"]["parameters"]["ask"] == "order":
        return " ".join(_NAMES.get(symbol, symbol) for symbol in symbols)
    if "?" not in symbols:
        return str(_result("".join(symbols)))
    shown = next(event["result"] for event in events if "result" in event)
    fitting = [
        str(digit) for digit in range(10) if _result("".join(symbols).replace("?", str(digit))) == shown
    ]
    if len(fitting) != 1:
        raise ValueError(f"{len(fitting)} numbers fit {' '.join(symbols)} = {shown}")
    return fitting[0]


def _result(expression: str) -> Fraction | None:
    """Return the exact value of an expression, None where it divides by zero."""
    try:
        return _evaluated(ast.parse(expression, mode="eval").body)
    except ZeroDivisionError:
        return None


def _evaluated(node: ast.expr) -> Fraction:
    if isinstance(node, ast.BinOp):
        return _DO[type(node.op)](_evaluated(node.left), _evaluated(node.right))
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return Fraction(node.value)
    raise ValueError(f"{ast.dump(node)} is no arithmetic")
