"""A folder of clips with a table: what happens in each, under which licence, and from where it is.

The table (CSV, JSON lines, a JSON array or Parquet) has a row a clip: `path` under the folder, `action` ("opening a
door"), and as far as they are known `start`, `end` (seconds), `reverse` (the action played backwards), `distractor`,
`domain` (human, animal, plant, object), `source_clip`, `licence`, `url`. A row may ask a question of its own instead:
`question`, `options` (a list, or texts with "|" between them), `answer`, `other_answer`, `axis` (flip or reversal).

An action whose reverse neither the row nor a list of inverse actions knows is refused: a guess would be a wrong gold.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from retroflip.bench.dybench.base import Axis, Candidate, Clip, Need, Refused, Source, SubTask
from retroflip.bench.dybench.settings import checked_settings
from retroflip.data.root import normalise
from retroflip.data.sources import rows
from retroflip.data.text_maps import reverse, say_the_same, spelt
from retroflip.draws import draw
from retroflip.errors import DataError, PathEscapeError
from retroflip.files.storage import file_name

QUESTION = "Which of the following best describes the action in the video?"
UNKNOWN_LICENCE = "not stated"


class FolderSettings(BaseModel):
    """table: the file beside the clips. question: what is asked of clips whose row asks nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str = "clips.csv"
    question: str = QUESTION
    seed: int = 0
    """of the distractors, which are other rows' actions"""


def _candidates(root: Path, settings: Mapping[str, Any]) -> Iterator[Candidate | Refused]:
    own = checked_settings(FolderSettings, settings, SOURCE.name)
    table = root / normalise(own.table)
    if not table.is_file():
        raise DataError(
            f"{table}: there is no such table. Write one with the columns path, action, start, end, licence, url; or "
            "name it as the source's setting `table`."
        )
    found = list(rows(table))
    actions = sorted({_text(row, "action") for _, row in found if isinstance(row, dict)} - {""})
    ids: set[str] = set()
    for line, row in found:
        if isinstance(row, DataError):
            yield Refused(f"line {line}", "a row that cannot be read", str(row))
            continue
        candidate = _candidate(line, row, actions, own)
        if isinstance(candidate, Candidate) and candidate.id in ids:
            candidate = Refused(candidate.id, "the same clip, part and question twice", f"line {line}")
        ids.add(candidate.id)
        yield candidate


def _candidate(
    line: int, row: Mapping[str, Any], actions: list[str], own: FolderSettings
) -> Candidate | Refused:
    name = f"line {line}"
    try:
        path, bounds = normalise(_text(row, "path")), (_second(row, "start"), _second(row, "end"))
        axis = Axis(_text(row, "axis") or Axis.REVERSAL)
    except (PathEscapeError, ValueError) as error:
        return Refused(name, "a row with a wrong path, time or axis", str(error))
    if axis not in (Axis.FLIP, Axis.REVERSAL):
        return Refused(
            name, "a row with a wrong path, time or axis", f"a row's axis is flip or reversal, not {axis}"
        )
    asked = _asked(row, own) if row.get("options") else _acted(row, actions, axis, own)
    if isinstance(asked, str):
        return Refused(name, asked, _text(row, "action") or path)
    question, options, gold, other = asked
    part = "" if bounds == (None, None) else f"-{bounds[0] or 0:g}-{bounds[1] or math.inf:g}"
    return Candidate(
        id=file_name(f"{path}{part}-{axis.value}"),
        sub_task=SubTask.REVERSIBLE if axis is Axis.REVERSAL else SubTask.DIRECTION,
        axis=axis,
        parts=(Clip(path, *bounds),),
        question=question,
        options=options,
        gold=gold,
        other_gold=other,
        source_clip=_text(row, "source_clip") or path,
        licence=_text(row, "licence") or UNKNOWN_LICENCE,
        domain=_text(row, "domain"),
        labels={key: _text(row, key) for key in ("action", "url") if _text(row, key)},
    )


Asked = tuple[str, tuple[str, ...], int, int]


def _asked(row: Mapping[str, Any], own: FolderSettings) -> Asked | str:
    """Return what a row itself asks, or why it cannot be asked."""
    given = row["options"]
    options = tuple(
        str(one).strip() for one in (given if isinstance(given, list | tuple) else str(given).split("|"))
    )
    answers = [_text(row, key) for key in ("answer", "other_answer")]
    if any(answer not in options for answer in answers) or answers[0] == answers[1]:
        return "its answer and other_answer are not two of its options"
    gold, other = (options.index(answer) for answer in answers)
    return _text(row, "question") or own.question, options, gold, other


def _acted(row: Mapping[str, Any], actions: list[str], axis: Axis, own: FolderSettings) -> Asked | str:
    """Return the question which action is seen, or why its answers are not known."""
    action = _text(row, "action")
    if not action:
        return "neither an action nor options"
    if axis is Axis.FLIP:
        return "a mirror image of an action has no other name: give options, answer and other_answer"
    backwards = _text(row, "reverse") or reverse(action) or action
    if say_the_same(action, backwards):
        return "the action's reverse is not known: give it in a column `reverse`"
    distractor = _text(row, "distractor") or _another(action, backwards, actions, own.seed)
    if distractor is None:
        return "no other action that could be a distractor: give one in a column `distractor`"
    return _text(row, "question") or own.question, (action, backwards, distractor), 0, 1


def _another(action: str, backwards: str, actions: list[str], seed: int) -> str | None:
    """Return another row's action, or its reverse, drawn by this row's own; None where all rows are about one."""
    taken = {spelt(action), spelt(backwards)}
    others = [
        one
        for known in actions
        if not {spelt(known), spelt(reverse(known) or known)} & taken
        for one in dict.fromkeys((known, reverse(known) or known))
    ]
    return others[int(draw(seed, "distractor", action).integers(len(others)))] if others else None


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return (
        ""
        if value is None or (isinstance(value, float) and math.isnan(value))
        else " ".join(str(value).split())
    )


def _second(row: Mapping[str, Any], key: str) -> float | None:
    text = _text(row, key)
    if not text:
        return None
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError(f"{key} is {text}, and seconds are 0 or more")
    return value


SOURCE = Source(
    name="folder",
    title="a folder of clips with a table",
    home="your own",
    licence="as each row says",
    needs=(
        Need("clips.csv", "the table: path, action, start, end, licence, url (settings.table names another)"),
    ),
    candidates=_candidates,
)
