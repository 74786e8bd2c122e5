"""Whether answers that stand side by side are answers to the same: questions, null option, frames."""

from collections.abc import Mapping, Sequence
from typing import Any

from retroflip.bench.records import AnswerRecord
from retroflip.data.prompts import NULL_OPTION
from retroflip.files.storage import part

FRAMES = ("frames", "sampler", "fps")
"""the conditions in a run.json that decide which frames of a video are shown"""


def stated(settings: Mapping[str, Any], condition: str) -> Any:
    """Return the value of a condition that a run.json states; None where it states none."""
    return part(part(settings, "conditions"), condition).get("value")


def unlike(answers: Mapping[str, Sequence[AnswerRecord]], settings: Mapping[str, Mapping[str, Any]]) -> str:
    """Return in one line in what the named answerers were not asked alike; "" where nothing is known to differ.

    settings: of their run.json. Questions are the same where id, right answer and options are, whatever the options'
    order and whether a null option stands among them.
    """
    asked = {name: frozenset(map(_question, records)) for name, records in answers.items()}
    found = []
    if len(set(asked.values())) > 1:
        common = len(frozenset.intersection(*asked.values()))
        counts = "; ".join(f"{names}: {len(one)}" for one, names in _by_value(asked).items())
        found.append(f"questions ({counts}; common to all: {common})")
    values = {"null option": {name: _with_null_option(records) for name, records in answers.items()}}
    for condition in FRAMES:
        known = {name: one for name, one in settings.items() if part(one, "conditions")}
        values[condition] = {name: _told(stated(one, condition)) for name, one in known.items()}
    for what, by_name in values.items():
        if len(set(by_name.values())) > 1:
            told = "; ".join(f"{names}: {value}" for value, names in _by_value(by_name).items())
            found.append(f"{what} ({told})")
    return f"Not all were asked alike: {', '.join(found)}." if found else ""


def _question(record: AnswerRecord) -> tuple[str, str, frozenset[str]]:
    return record.id, record.gold_text, frozenset(record.options) - {NULL_OPTION}


def _with_null_option(records: Sequence[AnswerRecord]) -> str:
    return "yes" if any(NULL_OPTION in record.options for record in records) else "no"


def _told(value: Any) -> str:
    return "none" if value is None else str(value)


def _by_value(values: Mapping[str, Any]) -> dict[Any, str]:
    """Return the names of those that have each value, in a text."""
    found: dict[Any, list[str]] = {}
    for name, value in values.items():
        found.setdefault(value, []).append(name)
    return {value: ", ".join(names) for value, names in found.items()}
