"""A folder of clips with a table: what happens in each, under which licence, and from where it is.

The table (CSV, JSON lines, a JSON array or Parquet) has a row a clip: `path` under the folder, `action` ("opening a
door"), and as far as they are known `start`, `end` (seconds), `reverse` (the action played backwards), `distractor`,
`subject` ("dog"), `domain` (human, animal, plant, object), `source_clip`, `licence`, `url`. A row may ask a question of
its own instead: `question`, `options` (a list, or texts with "|" between them), `answer`, `other_answer`, `axis` (flip
or reversal).

An action's reverse is the row's own, that of the vocabulary of CRPO's appendix A.2, or what inverse words say of it.
Where none of them knows one, the row is refused: a guess would be a wrong gold.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import combinations, starmap
from pathlib import Path
from typing import Any

from pydantic import Field

from retroflip.bench.dybench import vocabulary
from retroflip.bench.dybench.asking import Asked, Asker, SourceSettings
from retroflip.bench.dybench.base import AbsentError, Axis, Candidate, Clip, Need, Refused, Source, SubTask
from retroflip.bench.dybench.settings import checked_settings
from retroflip.bench.dybench.sureness import is_plain_reverse
from retroflip.data.forms import rows
from retroflip.data.forms.base import Spot
from retroflip.data.root import normalise, resolve
from retroflip.data.text_maps import reverse, say_the_same
from retroflip.errors import DataError, PathEscapeError
from retroflip.files.storage import file_name

UNKNOWN_LICENCE = "not stated"
_COLUMNS = "path, action; where they are known reverse, distractor, start, end, subject, domain, licence, url"


class FolderSettings(SourceSettings):
    """table: the file beside the clips."""

    table: str = Field(default="clips.csv", description="the table's path under the folder")


def _candidates(root: Path, settings: Mapping[str, Any]) -> Iterator[Candidate | Refused]:
    own = checked_settings(FolderSettings, settings, SOURCE.name)
    table = resolve(root, own.table)
    if not table.is_file():
        raise AbsentError(
            f"{table}: there is no such table. Write one with the columns {_COLUMNS}; or name it as the source's "
            "setting `table`."
        )
    found = list(rows(table))
    actions = sorted({_text(row, "action") for _, row in found if isinstance(row, dict)} - {""})
    ids: set[str] = set()
    for spot, row in found:
        if isinstance(row, DataError):
            yield Refused(str(spot), "a row that cannot be read", str(row))
            continue
        candidate = _candidate(spot, row, actions, own)
        if isinstance(candidate, Candidate) and candidate.id in ids:
            candidate = Refused(candidate.id, "the same clip, part and axis twice", str(spot))
        ids.add(candidate.id)
        yield candidate


def _candidate(
    spot: Spot, row: Mapping[str, Any], actions: list[str], own: FolderSettings
) -> Candidate | Refused:
    name = str(spot)
    try:
        path, bounds = normalise(_text(row, "path")), (_second(row, "start"), _second(row, "end"))
        axis = Axis(_text(row, "axis") or Axis.REVERSAL)
    except (PathEscapeError, ValueError) as error:
        return Refused(name, "a row with a wrong path, time or axis", str(error))
    if axis not in (Axis.FLIP, Axis.REVERSAL):
        return Refused(name, "a row with a wrong path, time or axis", f"{axis} is neither flip nor reversal")
    part = "" if bounds == (None, None) else f"-{bounds[0] or 0:g}-{bounds[1] or math.inf:g}"
    identity = file_name(f"{path}{part}-{axis.value}")
    asker = Asker(own.seed, SOURCE.name, identity)
    asked = _asked(row, asker) if row.get("options") else _acted(row, actions, axis, asker)
    if isinstance(asked, str):
        return Refused(name, asked, _text(row, "action") or path)
    return Candidate(
        id=identity,
        sub_task=SubTask.REVERSIBLE if axis is Axis.REVERSAL else SubTask.DIRECTION,
        axis=axis,
        parts=(Clip(path, *bounds),),
        **asked._asdict(),
        source_clip=_text(row, "source_clip") or path,
        licence=_text(row, "licence") or UNKNOWN_LICENCE,
        domain=_text(row, "domain"),
        labels={key: _text(row, key) for key in ("action", "url") if _text(row, key)},
    )


def _asked(row: Mapping[str, Any], asker: Asker) -> Asked | str:
    """Return what a row itself asks, or why it cannot be asked."""
    given = row["options"]
    options = tuple(
        str(one).strip() for one in (given if isinstance(given, list | tuple) else str(given).split("|"))
    )
    answers = [_text(row, key) for key in ("answer", "other_answer")]
    if any(answer not in options for answer in answers) or answers[0] == answers[1]:
        return "its answer and other_answer are not two of its options"
    if len(set(options)) < len(options):
        return "two of its options are the same"
    return _worded(row, asker.ask("action", options, *(options.index(answer) for answer in answers)))


def _acted(row: Mapping[str, Any], actions: list[str], axis: Axis, asker: Asker) -> Asked | str:
    """Return the question which action is seen, or why its answers are not known."""
    action, domain = _text(row, "action"), _text(row, "domain")
    if not action:
        return "neither an action nor options"
    if axis is Axis.FLIP:
        return "a mirror image of an action has no other name: give options, answer and other_answer"
    if not _text(row, "reverse"):
        try:
            found = vocabulary.find(action, domain if domain in vocabulary.DOMAINS else None)
            return _worded(row, vocabulary.ask_action(asker, found, _text(row, "subject")))
        except DataError:
            pass  # not in the vocabulary: inverse words may know it
    backwards = _text(row, "reverse") or _backwards(action)
    if backwards is None:
        return "the action's reverse is not known: give it in a column `reverse`"
    distractor = _text(row, "distractor") or _another(action, backwards, actions, asker)
    if distractor is None:
        return "no other action that could be a distractor: give one in a column `distractor`"
    if any(starmap(vocabulary.same_action, combinations((action, backwards, distractor), 2))):
        return "two of its options are the same"
    return _worded(row, asker.ask("action", (action, backwards, distractor), 0, 1))


def _backwards(action: str) -> str | None:
    """Return what inverse words say of an action played backwards; None where that is not sure."""
    found = reverse(action)
    if found is None or say_the_same(action, found) or not is_plain_reverse(action, found):
        return None
    return found


def _worded(row: Mapping[str, Any], asked: Asked) -> Asked:
    return asked._replace(question=_text(row, "question") or asked.question)


def _another(action: str, backwards: str, actions: list[str], asker: Asker) -> str | None:
    """Return another row's action, or its reverse; None where all rows are about one."""
    others = [
        one
        for known in actions
        for one in dict.fromkeys((known, _backwards(known) or known))
        if not any(vocabulary.same_action(one, taken) for taken in (action, backwards))
    ]
    return asker.one_of(others, "distractor") if others else None


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    is_empty = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if is_empty else " ".join(str(value).split())


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
    home="the user's own",
    licence="as each row says",
    needs=(Need("clips.csv", f"the table: {_COLUMNS}"),),
    candidates=_candidates,
)
