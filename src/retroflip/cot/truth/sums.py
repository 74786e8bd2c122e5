"""What a sum written with digits comes to."""

import operator
import re
from collections.abc import Callable
from fractions import Fraction

_OPERATIONS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip


def value(text: str) -> Fraction | None:
    """Return what a sum comes to, * and / before + and -; None for anything else. It may begin with a minus.

    >>> value("9 + 3 * 2")
    Fraction(15, 1)
    >>> value("-3 + 7")
    Fraction(4, 1)
    """
    parts = re.findall(r"\d+|[+*/-]", text.translate(str.maketrans("−×÷", "-*/")))
    parts = ["0", *parts] if parts[:1] == ["-"] else parts
    if len(parts) % 2 == 0 or not all(part.isdigit() == (index % 2 == 0) for index, part in enumerate(parts)):
        return None
    for operators in ("*/", "+-"):
        index = 1
        while index < len(parts):
            if parts[index] in operators:
                left, right = Fraction(parts[index - 1]), Fraction(parts[index + 1])
                if parts[index] == "/" and not right:
                    return None
                parts[index - 1 : index + 2] = [str(_OPERATIONS[parts[index]](left, right))]
            else:
                index += 2
    return Fraction(parts[0])
