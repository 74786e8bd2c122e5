"""States that a text tells: lists ("61, 96, 75") and what holds what ("A holds 6, 10; B holds nothing")."""

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from retroflip.cot.truth import COMMAND, Scope, Truth, is_close
from retroflip.cot.words import FILE, features

_ITEM = rf"(?:{FILE}|(?<![\w.])\d+(?![\w.]*\d)|\bgap\b)"
_SEPARATOR = r"(?:\s*,\s*(?:and\s+|then\s+)?|\s+and\s+|\s*->\s*|\s*→\s*)"
_LIST = re.compile(rf"{_ITEM}(?:{_SEPARATOR}{_ITEM})+")
_HOLDS = (
    r"(?:\s+(?:now|then|still|at the (?:start|end)))*\s*(?:holds?|has|contains?|lists?|:|=)"
    r"(?:\s+(?:only|just|now|chips?|files?))*\s*"
)
_THINGS = r"(?:chips?|files?|cards?|things?|items?)\b"
_CONTENT = rf"(?P<content>{_ITEM}(?:{_SEPARATOR}{_ITEM})*|nothing|no (?:chips?|files?)|empty)"
_OPERATOR = r"(?:plus|minus|multiply|divide)"
_OPERAND = r"(?:\d+(?![\w.]*\d)|\?)"
_SUM = re.compile(
    rf"(?<![\w.])(?P<sum>(?:minus )?{_OPERAND}(?: {_OPERATOR} {_OPERAND})+)(?: ?= ?(?P<result>(?:minus |-)?\d+))?"
)
_CELL = re.compile(r"\br\d+c\d+\b")
_OFFERED = re.compile(r"\b(?:options?|choices?)\b")
_ARGUMENT = re.compile(r"\s+[\w*.-]*[/*]")
Held = dict[str, set[tuple[str, ...]]]


def false_statement(clause: str, truth: Truth, scope: Scope) -> str | None:
    """Return what a normalised clause says of states that none of them bears out, None where there is nothing.

    scope: the states and events that the clause is about.
    """
    checks = (_false_measure, _false_sum, _false_command, _false_moves)
    if fault := next(filter(None, (check(clause, truth) for check in checks)), None):
        return fault
    held = truth.holdings(scope)
    fault, rest = _false_holding(clause, held)
    if fault or (fault := _false_place(clause, held) or _false_path(clause, truth, held)):
        return fault
    known = truth.lists(scope)
    for found in _LIST.finditer(rest):
        items = re.findall(_ITEM, found[0])
        given = ["0" if item == "gap" else item for item in items]
        is_state = len(given) > 2 or (bool(known) and len(given) > 1 and not _is_enumeration(rest, found))
        is_offered = given in truth.offered and bool(_OFFERED.search(clause))
        if (
            is_state
            and not is_offered
            and not any(_within(row, one) for row in (given, given[::-1]) for one in known)
        ):
            return f"no state holds {', '.join(items)}"
    return None


def without_statements(clause: str, truth: Truth) -> str:
    """Return a normalised clause without what `false_statement` looks at: contents, lists and calculations."""
    for holder in truth.holdings(truth.everything):
        clause = re.sub(rf"(?<![\w/]){re.escape(holder)}{_HOLDS}{_CONTENT}(?: {_THINGS})?", " ", clause)
    return _SUM.sub(" ", _LIST.sub(lambda found: found[0] if _is_pair(found[0]) else " ", clause))


def _is_pair(text: str) -> bool:
    return len(re.findall(_ITEM, text)) < 3 and " and " in text


def _is_enumeration(text: str, found: re.Match[str]) -> bool:
    """Return whether two things are only named side by side, as in "chips 6 and 10", which need not be neighbours."""
    return " and " in found[0] or bool(
        re.search(r"\b(?:cards|chips|tiles|numbers|files)\s*$", text[: found.start()])
    )


def _within(part: list[str], whole: list[str]) -> bool:
    return any(whole[start : start + len(part)] == part for start in range(len(whole) - len(part) + 1))


def _false_holding(clause: str, held: Held) -> tuple[str | None, str]:
    """Return what a place is wrongly said to hold, and the clause without what was checked."""
    rest = clause
    if stranger := re.search(rf"({FILE}){_HOLDS}{_ITEM}", clause):
        return f"{stranger[1]} is no place that holds something", rest
    for holder, contents in held.items():
        for found in re.finditer(
            rf"(?<![\w/]){re.escape(holder)}{_HOLDS}{_CONTENT}(?P<counted> {_THINGS})?", clause
        ):
            named = re.findall(_ITEM, found["content"])
            items = tuple(named if holder.startswith("row ") else sorted(named))
            if found["counted"] and len(items) == 1 and items[0] in {str(len(one)) for one in contents}:
                continue
            if items not in contents:
                return f"{holder} never holds that there", rest
            rest = rest.replace(found[0], " ")
    return None, rest


def _false_measure(clause: str, truth: Truth) -> str | None:
    """Return the first number with decimals that stands behind an object and is none of its own."""
    for identity, words in truth.mentions(clause):
        known = truth.decimals.get(identity)
        for number in features(words).decimals if known else ():
            if not is_close(number, known or ()):
                return f"{number} is no measure of that object"
    return None


def _false_sum(clause: str, truth: Truth) -> str | None:
    """Return a calculation that is neither right nor part of what the video draws."""
    known = _unspaced(truth.said)
    drawn = max((len(state.get("expression", [])) for state in truth.metadata["states"]), default=0)
    for found in _SUM.finditer(clause):
        if _unspaced(found[0]) in known:
            continue
        is_whole = len(re.findall(_OPERAND, found["sum"])) > drawn // 2 > 0
        if found["result"] is None or (is_whole and _unspaced(found["sum"]) not in known):
            return f"the video draws no {found['sum']}"
        if _value(found["sum"]) != Fraction(found["result"].replace(" ", "").replace("minus", "-")):
            return f"{found['sum']} is not {found['result']}"
    return None


def _value(text: str) -> Fraction | None:
    """Return what a calculation of whole numbers comes to, None where it cannot be told."""
    first = re.match(r"(?:minus )?\d+", text)
    if "?" in text or first is None:
        return None
    total, product = Fraction(0), Fraction(first[0].replace("minus ", "-"))
    for operator, number in re.findall(rf"({_OPERATOR}) (\d+)", text[first.end() :]):
        value = Fraction(number)
        if operator == "multiply":
            product *= value
        elif operator == "divide":
            if value == 0:
                return None
            product /= value
        else:
            total, product = total + product, value if operator == "plus" else -value
    return total + product


def _unspaced(text: str) -> str:
    return re.sub(r"\s", "", text)


def _false_place(clause: str, held: Held) -> str | None:
    """Return where an object is wrongly said to be: every cell named behind its name must be one it is in."""
    for name, said in _placed(clause, held):
        cells = {content[0] for content in held[name] if len(content) == 1 and _CELL.fullmatch(content[0])}
        for cell in said:
            if cells and cell not in cells:
                return f"the {name} is never at {cell} there"
    return None


def _false_path(clause: str, truth: Truth, held: Held) -> str | None:
    """Return in what order an object is wrongly said to lie in cells: those named must be a stretch of its way."""
    for name, said in _placed(clause, held):
        way = truth.path(name)
        if len(said) > 2 and not (_within(said, way) or _within(said[::-1], way)):
            return f"the {name} does not go {', '.join(said)}"
        if (
            len(said) == 2
            and re.search(r"\bfrom\b", clause)
            and said not in (way[:1] + way[-1:], *_pairs(way))
        ):
            return f"the {name} does not go from {said[0]} to {said[1]}"
    return None


def _false_moves(clause: str, truth: Truth) -> str | None:
    """Return how often an object that lies in cells is wrongly said to move: never, or another number of times."""
    for name in truth.holdings(truth.everything):
        moves = len(truth.path(name)) - 1
        found = re.search(
            rf"\b{re.escape(name)} (?:(?P<never>never (?:moves?|moved)\b)|(?:moves|moved) (?P<times>\d+) times\b)",
            clause,
        )
        if found and moves >= 0 and moves != int(found["times"] or 0):
            return f"the {name} moves {moves} times"
    return None


def _pairs(way: list[str]) -> list[list[str]]:
    return [list(pair) for pair in pairwise(way)]


def _placed(clause: str, held: Held) -> Iterator[tuple[str, list[str]]]:
    """Yield every object that a clause names, with the cells named behind it."""
    names = [name for name in held if re.search(rf"\b{re.escape(name)}\b", clause) and " " in name]
    spots = sorted((found.start(), name) for name in names for found in re.finditer(re.escape(name), clause))
    for (start, name), (end, _) in pairwise([*spots, (len(clause), "")]):
        yield name, _CELL.findall(clause[start:end])


def _false_command(clause: str, truth: Truth) -> str | None:
    """Return a command that is none of those that are run."""
    known = [event.command for event in truth.events if event.command]
    for found in COMMAND.finditer(clause):
        behind = [
            clause[found.start() + len(command) :]
            for command in known
            if clause.startswith(command, found.start())
        ]
        if all(map(_ARGUMENT.match, behind)):
            return f"no command {clause[found.start() :].split(';')[0]} is run"
    return None
