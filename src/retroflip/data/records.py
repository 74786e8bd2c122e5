r"""Data files of Video-R1 records: JSON lines, a JSON array, or a table (`data/forms/`).

Files with other keys are read by a column map (`data/columns.py`).

A record, as in Video-R1-260k.json (huggingface.co/datasets/Video-R1/Video-R1-data) and its chain-of-thought
file:

    {"problem_id": 2, "problem": "Which way does it move?", "data_type": "video",
     "problem_type": "multiple choice", "options": ["A. left", "B. right"], "solution": "<answer>A</answer>",
     "path": "./videos/x.mp4", "data_source": "CLEVRER", "process": "<think>...</think>"}

retroflip adds the optional keys `start`, `end`, `task`, `task_type`, `source_clip`, `pair`, `side`,
`group`, `cell`, `counterfactual_solution`, `routing`, `pass_rate`, `licence` and `labels` (see `Sample`), and the
`data_type` "text", a record with no `path` or an empty one. Other keys are ignored and not kept. On reading:

- Records of a `data_type` that is not asked for (by default all but "video", which is also what a record
  without one is) are left out and counted. Video-R1-260k.json holds more images than videos.
- The letter before an option is dropped ("A. left", "(a) left", "A、left", "1) left"; see `labels`) when every
  option carries its own; options without letters are kept as they are. At most 25 options: CRPO's null option
  takes the last letter.
- `solution` may stand without its tags; for multiple choice it is a letter ("A", "b", "(A)", "A. left"), a
  number where the options have numbers, or one option's text.
- A record without `problem_id` gets one from its content, one without `source_clip` its file's path, or its
  id when it is text alone.
- A question may show several videos and images, and folders of frames; see `record_media`.
- A text that the model reads (question, options, trace) may hold no special token such as "<|video_pad|>":
  it would stand in the prompt for something that is not there.
- A question may be about a part of its video: `start` and `end`, or their like in other data sets (`video_start`,
  `time_end`, ...), in seconds of the whole; see `windows`.

White space around texts is dropped. Every fault of a file is found in one go: `survey_records` returns them,
`read_records` raises a DataError that names the file and the lines.
"""

import hashlib
import json
import math
import re
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from retroflip.data import labels
from retroflip.data.answers.answer import read_selection
from retroflip.data.answers.grounded import SEPARATOR, divided
from retroflip.data.columns import Columns, check_columns, check_present, columns_read, mapped
from retroflip.data.foreign import PART_KEYS, SAMPLING_KEYS, foreign_record
from retroflip.data.forms import form_of, rows
from retroflip.data.forms.base import Row, Spot
from retroflip.data.manifest import check_listed
from retroflip.data.record_media import check_placeholders, read_media, written_media
from retroflip.data.root import normalise
from retroflip.data.sample import MAX_OPTIONS, Modality, ProblemType, Sample, lettered, option_letter
from retroflip.data.windows import Bounds, read_bounds
from retroflip.errors import DataError, PathEscapeError, first_fault
from retroflip.files.storage import write_jsonl_atomic

_SOLUTION = re.compile(r"\s*<answer>(.*)</answer>\s*", re.DOTALL)


def _spaced(name: str) -> str:
    """Return a name in small letters, with a space for what else may stand between words: "multiple_choice"."""
    return re.sub(r"[-_\s]+", " ", name.lower())


_PROBLEM_TYPES = {_spaced(kind.value): kind for kind in ProblemType}
_OPTIONAL_KEYS = (
    *("task", "task_type", "source_clip", "pair", "side", "group", "cell"),
    *("labels", "routing", "pass_rate", "licence"),
)
_TEXT_KEYS = ("problem", "problem_type", "solution")
_READ_KEYS = (
    *_TEXT_KEYS,
    "problem_id",
    "data_type",
    "options",
    "path",
    "media",
    "data_source",
    "process",
    "counterfactual_solution",
    *_OPTIONAL_KEYS,
)
_OTHER_SOLUTION = "counterfactual_solution"
_NAMED_FAULTS = 3
_EMPTY_CELL = "NaN, an empty cell of a table"
_MAX_LISTED = MAX_OPTIONS - 1
_SPECIAL_TOKEN = re.compile(r"<\|[a-z_]+\|>")

Record = dict[str, Any]


Keep = Callable[[Sample], object]
"""takes a sample"""


class RecordFault(NamedTuple):
    """A record that cannot be read: where it stands, its id ("" where it has none) and why."""

    spot: Spot
    id: str
    error: DataError


@dataclass(frozen=True)
class RecordsRead:
    """What a data file held: its samples in order, and what is to be said of the rest.

    skipped: how many records were left out, by kind, such as "data_type image". spots: where each sample stands, by
    its id. passed_over: in how many records each key stands that would say elsewhere how a video is sampled, or which
    part of it is meant. faults: records that are neither read nor left out. remark: what its form says of the file.
    """

    samples: list[Sample]
    skipped: dict[str, int]
    spots: dict[str, Spot] = field(default_factory=dict)
    passed_over: dict[str, int] = field(default_factory=dict)
    faults: list[RecordFault] = field(default_factory=list)
    remark: str = ""

    @property
    def note(self) -> str:
        """A sentence or two for a log or a reader on what was left out; empty when nothing was."""
        notes = [self.remark] if self.remark else []
        if self.skipped:
            left_out = sum(self.skipped.values())
            kinds = ", ".join(f"{count} of {kind}" for kind, count in sorted(self.skipped.items()))
            notes.append(f"{left_out} of {left_out + len(self.spots)} records are left out: {kinds}.")
        if sampling := self._counted(SAMPLING_KEYS):
            notes.append(
                f"Keys of records do not say how videos are sampled, settings do; passed over are: {sampling}."
            )
        if parts := self._counted(PART_KEYS):
            notes.append(
                f"Keys that may name a part of the video are passed over: {parts}. Where a question is about a part, "
                "write 'start' and 'end', in seconds."
            )
        return " ".join(notes)

    def _counted(self, keys: Collection[str]) -> str:
        found = [(key, count) for key, count in sorted(self.passed_over.items()) if key in keys]
        return ", ".join(f"{key} ({count})" for key, count in found)


def read_samples(
    path: Path, modalities: Collection[Modality] = (Modality.VIDEO,), columns: Columns | None = None
) -> list[Sample]:
    """Return the samples of a data file, in its order; raises as `read_records` does."""
    return read_records(path, modalities, columns).samples


def read_records(
    path: Path,
    modalities: Collection[Modality] = (Modality.VIDEO,),
    columns: Columns | None = None,
    keep: Keep | None = None,
) -> RecordsRead:
    """Read a data file of any form in `data/forms/`, leaving out records of other modalities.

    columns: which of the file's own keys say what; by default its keys are those that are read. keep: is given every
    sample in place of the result.

    Raises DataError for a file that is missing, of another form, not UTF-8 or without a record that can be used; and
    for records that break the format or share an id, naming the file, the first lines and how many more there are.
    Raises PathEscapeError where one of them has a path that is not a relative one.
    """
    read = survey_records(path, modalities, columns, keep)
    if read.faults:
        escapes = any(isinstance(fault.error, PathEscapeError) for fault in read.faults)
        raise (PathEscapeError if escapes else DataError)(_told(path, read))
    if read.skipped and not read.spots:
        raise DataError(
            f"{path}: {read.note} None is of data_type {' or '.join(modalities)}, which is what was asked for. Name a "
            "file that has some."
        )
    if not read.spots:
        expected = (
            "rows behind the names of its columns" if form_of(path).table else "one JSON object per line"
        )
        raise DataError(f"{path}: the file holds no records. Expected {expected}.")
    return read


def survey_records(
    path: Path,
    modalities: Collection[Modality] = (Modality.VIDEO,),
    columns: Columns | None = None,
    keep: Keep | None = None,
) -> RecordsRead:
    """Read a file as `read_records` does, but return its faulty records beside the others instead of raising.

    Raises DataError for a file that cannot be read at all (missing, of another form, not UTF-8, not the one that the
    manifest beside it lists), and for a column map that does not fit it.
    """
    check_listed(path)
    read = RecordsRead([], {}, remark=form_of(path).remark(path))
    keep = keep or read.samples.append
    skipped: Counter[str] = Counter()
    passed_over: Counter[str] = Counter()
    mapped_keys = columns_read(columns or {})
    for spot, record in _rows(path, columns or {}):
        if isinstance(record, DataError):
            read.faults.append(RecordFault(spot, "", record))
            continue
        if (kind := _left_out_as(record, modalities)) is not None:
            skipped[kind] += 1
            continue
        passed_over.update(SAMPLING_KEYS & record.keys() - mapped_keys)
        try:
            sample = parse_record(record)
            _refuse_second(sample.id, spot, read.spots)
        except DataError as error:
            read.faults.append(RecordFault(spot, _name_of(record), error))
            continue
        if sample.window is None:
            passed_over.update(PART_KEYS & record.keys() - mapped_keys)
        keep(sample)
    read.skipped.update(skipped)
    read.passed_over.update(passed_over)
    return read


def stream_samples(path: Path, columns: Columns | None = None) -> Iterator[Sample]:
    """Yield the samples of a data file, of every modality, one after the other.

    Raises DataError, with the line, at the first record that cannot be read or whose id stood there before.
    """
    check_listed(path)
    spots: dict[str, Spot] = {}
    for spot, record in _rows(path, columns or {}):
        try:
            if isinstance(record, DataError):
                raise record
            sample = parse_record(record)
            _refuse_second(sample.id, spot, spots)
        except DataError as error:
            raise type(error)(
                f"{path}, {spot}: {error} `retroflip validate {shlex.quote(str(path))}` names all faults."
            ) from error
        yield sample


def _refuse_second(identity: str, spot: Spot, spots: dict[str, Spot]) -> None:
    """Remember where an id stands. Raises DataError where it already stood."""
    if (first := spots.setdefault(identity, spot)) != spot:
        raise DataError(
            f"the id {identity!r:.60} is already that of {first}. Give every record its own problem_id, "
            "or delete the record if it stands there twice."
        )


def _rows(path: Path, columns: Columns) -> Iterator[Row]:
    """Yield a file's records under the keys that are read, or what is wrong with them, and where they stand."""
    if not columns and not form_of(path).table:
        yield from rows(path)
        return
    found = list(rows(path))
    names = (name for _, record in found if not isinstance(record, DataError) for name in record)
    try:
        check_columns(columns)
        check_present(columns, names if found else ())
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    for spot, record in found:
        try:
            yield spot, record if isinstance(record, DataError) else mapped(record, columns)
        except DataError as error:
            yield spot, error


def _told(path: Path, read: RecordsRead) -> str:
    """Return the first faults of a file and how many there are, in one paragraph."""
    named = [f"{fault.spot}: {fault.error}" for fault in read.faults[:_NAMED_FAULTS]]
    found = len(read.faults)
    total = found + len(read.spots) + sum(read.skipped.values())
    more = (
        f" {found} of {total} records are faulty; `retroflip validate {shlex.quote(str(path))}` names them all."
        if found > 1
        else ""
    )
    return f"{path}, {' '.join([named[0], *(one[:1].upper() + one[1:] for one in named[1:])])}{more}"


def empty_cell(sample: Sample) -> str | None:
    """Return which of a sample's texts is "nan", an empty cell of a table; None where none is."""
    texts = {"question": sample.question, "solution": sample.solution}
    texts |= {f"option {letter}": option for letter, option in sample.lettered.items()}
    return next((name for name, text in texts.items() if text in ("nan", "NaN")), None)


def _name_of(record: Record) -> str:
    name = record.get("problem_id")
    return str(name) if isinstance(name, str | int) else ""


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Write samples as JSONL, atomically; `read_samples` gives them back, except for white space around
    texts."""
    write_jsonl_atomic(path, [format_record(sample) for sample in samples], seal=False)


def format_record(sample: Sample) -> Record:
    """Return the sample as a Video-R1 record, with retroflip's own keys where they say something."""
    record: Record = {
        "problem_id": sample.id,
        "problem": sample.question,
        "data_type": sample.modality.value,
        "problem_type": sample.problem_type.value,
        "options": [f"{letter}. {option}" for letter, option in sample.lettered.items()],
        "solution": f"<answer>{sample.solution}</answer>",
        **({"media": written_media(sample.media)} if sample.media else {"path": _written_path(sample)}),
        "start": sample.start,
        "end": sample.end,
        _OTHER_SOLUTION: sample.counterfactual_solution
        and f"<answer>{sample.counterfactual_solution}</answer>",
        "data_source": sample.source,
        "process": sample.trace,
        **{key: getattr(sample, key) for key in _OPTIONAL_KEYS},
    }
    record["routing"] = sample.routing and sample.routing.model_dump(mode="json")
    unset = {"task": "", "labels": {}, "licence": ""}
    return {key: value for key, value in record.items() if value is not None and value != unset.get(key)}


def _written_path(sample: Sample) -> str:
    return f"./{sample.video}" if sample.video else ""


def parse_record(record: Mapping[str, Any]) -> Sample:
    """Return the sample that a record describes. Raises DataError saying what is wrong with it and what to do."""
    try:
        return _parse(record)
    except RecursionError as error:
        raise DataError("its values are nested too deeply. Texts are expected, and lists of them.") from error


def _parse(record: Mapping[str, Any]) -> Sample:
    modality = _modality(record)
    _refuse_missing(record, modality)
    media = read_media(record, _stated_type(record))
    bounds = Bounds() if media else _bounds(record, modality)
    _refuse_half_places(record)
    problem_type = _problem_type(_text(record, "problem_type"))
    options = _options(record.get("options") or [])
    identity = _identity(record)
    path = media[0].path if media else _path(record, modality)
    check_placeholders(_text(record, "problem"), media)
    extra = {key: record[key] for key in _OPTIONAL_KEYS if record.get(key) is not None}
    fields: Record = {
        "id": identity,
        "modality": modality,
        "video": path,
        "question": _text(record, "problem"),
        "options": options.texts,
        "letters": options.letters,
        "solution": _solution(_text(record, "solution"), options, problem_type),
        _OTHER_SOLUTION: _other_solution(record, options, problem_type),
        "problem_type": problem_type,
        **bounds._asdict(),
        "media": [medium.model_dump(mode="json") for medium in media],
        "source": _text(record, "data_source") if record.get("data_source") else "",
        "source_clip": path or identity,
        "trace": record.get("process"),
        **extra,
    }
    _refuse_half_characters(fields)
    _refuse_special_tokens(fields)
    try:
        return Sample.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        key, *inside = map(str, first["loc"])
        place = ".".join([{"trace": "process"}.get(key, key), *inside])
        raise DataError(f"{place!r}: {first_fault(error)}, found {first['input']!r:.60}.") from error


def _text(record: Mapping[str, Any], key: str) -> str:
    """Return the text under `key`, without white space around it; numbers are read as their text."""
    value = record.get(key)
    text = (value if isinstance(value, str) else _text_of_number(value, key)).strip()
    if not text:
        raise DataError(f"{key!r} is empty, but must be a text.")
    return text


def _text_of_number(value: Any, key: str) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        raise DataError(f"{key!r} is {_EMPTY_CELL if math.isnan(value) else value}, but must be a text.")
    if isinstance(value, bool) or not isinstance(value, int | float):
        found = "is missing" if value is None else f"is {value!r}"
        raise DataError(f"{key!r} {found}, but must be a text.")
    return str(value)


def _refuse_missing(record: Mapping[str, Any], modality: Modality) -> None:
    pathless = modality is Modality.TEXT or record.get("media") is not None
    needed = _TEXT_KEYS if pathless else (*_TEXT_KEYS, "path")
    if missing := [key for key in needed if record.get(key) is None]:
        raise DataError(foreign_record(record, missing))
    for key, value in record.items():
        if isinstance(value, float) and math.isnan(value) and key in _READ_KEYS:
            raise DataError(
                f"{key!r} is {_EMPTY_CELL}. Leave the key out or write null, or write what it must be."
            )


def _bounds(record: Mapping[str, Any], modality: Modality) -> Bounds:
    bounds = read_bounds(record)
    if bounds and modality is not Modality.VIDEO:
        raise DataError(
            f"it names the part {bounds.start} to {bounds.end} (seconds) of its file, and data_type is "
            f"{modality.value!r}, which has no parts. Remove these keys, or correct the data_type."
        )
    return bounds


def _refuse_half_places(record: Mapping[str, Any]) -> None:
    group, cell = (record.get(key) is not None for key in ("group", "cell"))
    if group != cell:
        raise DataError(
            f"{'group' if group else 'cell'!r} stands without {'cell' if group else 'group'!r}. Give both: the group's "
            "id, and [video, question], which of its videos and questions this is, from 0 on; or rename the key, if it "
            "means something else."
        )
    if group and record.get("pair") is not None:
        raise DataError(
            "'group' and 'pair' would both say what the question counts with. Keep one; a pair is a group with the "
            "cells [0, 0] and [1, 0]."
        )


def _refuse_half_characters(fields: Record) -> None:
    r"""JSON's "\ud800" escapes can spell texts that no file, tokenizer or terminal takes."""
    if all(map(_is_plain, fields.values())):
        return
    try:
        json.dumps(fields, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise DataError(
            f"a text holds {half!r}, half of a character. Save the file again as UTF-8."
        ) from error


def _is_plain(value: Any) -> bool:
    """Return whether a value is surely made of ASCII characters; most are, and that is seen at once."""
    if isinstance(value, str):
        return value.isascii()
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values())) and all(map(_is_plain, value))
    return value is None or isinstance(value, int | float)


def _refuse_special_tokens(fields: Record) -> None:
    """A tokenizer reads "<|im_end|>" in a question as the end of the turn, "<|video_pad|>" as part of a video."""
    texts = {
        "problem": fields["question"],
        "options": " ".join(fields["options"]),
        "process": fields["trace"],
    }
    for key, text in texts.items():
        found = _SPECIAL_TOKEN.search(text) if isinstance(text, str) else None
        if found:
            raise DataError(
                f"{key!r} holds {found[0]!r}, which models read as a special token and not as text. "
                "Remove it or write it differently."
            )


def _left_out_as(record: Mapping[str, Any], modalities: Collection[Modality]) -> str | None:
    """Return the kind for which a record is left out, None for one that is to be read."""
    data_type = _stated_type(record) or _shown_type(record)
    return f"data_type {data_type}" if data_type in set(Modality) - set(modalities) else None


def _lower(value: Any) -> str:
    return str(value).strip().lower()


def _stated_type(record: Mapping[str, Any]) -> str | None:
    return _lower(record["data_type"]) if record.get("data_type") else None


def _shown_type(record: Mapping[str, Any]) -> str:
    """Return the data_type of a record that states none."""
    media = record.get("media")
    only_images = (
        isinstance(media, list) and media and all(isinstance(one, dict) and "image" in one for one in media)
    )
    return Modality.IMAGE if only_images else Modality.VIDEO


def _modality(record: Mapping[str, Any]) -> Modality:
    name = _stated_type(record) or _shown_type(record)
    if name not in set(Modality):
        raise DataError(
            f"data_type is {record['data_type']!r}, but only records with data_type {', '.join(Modality)} can be read. "
            "Correct or delete this one."
        )
    return Modality(name)


def _path(record: Mapping[str, Any], modality: Modality) -> str:
    """Return the normalised path of the record's video or image, "" for a text."""
    if modality is not Modality.TEXT:
        path = record["path"]
        return normalise(_text({"path": path[0]} if isinstance(path, list) and path else record, "path"))
    if record.get("path"):
        raise DataError(
            f"data_type is 'text', but 'path' names a file ({record['path']!r:.60}), which would not be looked at. "
            "Remove the path, or correct the data_type."
        )
    return ""


def _identity(record: Mapping[str, Any]) -> str:
    if record.get("problem_id") is not None:
        return _text(record, "problem_id")
    content = json.dumps(record, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _problem_type(name: str) -> ProblemType:
    if (kind := _PROBLEM_TYPES.get(_spaced(name))) is not None:
        return kind
    known = ", ".join(sorted(ProblemType))
    raise DataError(f"problem_type is {name!r}, but must be one of: {known}.")


def _options(values: Any) -> labels.Options:
    """Return the options in their order, without the letters that the data writes before them."""
    if not isinstance(values, list):
        raise DataError(f"'options' must be a list of texts, found {values!r:.60}.")
    if len(values) > _MAX_LISTED:
        raise DataError(
            f"there are {len(values)} options, but at most {_MAX_LISTED} have a letter: the 26th is for "
            "'None of the above', which methods add. Remove options."
        )
    options = labels.read_options([_text({"options": value}, "options") for value in values])
    if "" in options.texts:
        raise DataError(f"option {option_letter(options.texts.index(''))} has no text.")
    return options


def _other_solution(
    record: Mapping[str, Any], options: labels.Options, problem_type: ProblemType
) -> str | None:
    if record.get(_OTHER_SOLUTION) is None:
        return None
    try:
        return _solution(_text(record, _OTHER_SOLUTION), options, problem_type)
    except DataError as error:
        raise DataError(f"{_OTHER_SOLUTION!r}: {error}") from error


def _solution(text: str, options: labels.Options, problem_type: ProblemType) -> str:
    """Return the letter of the right option, or the text of the answer."""
    tagged = _SOLUTION.fullmatch(text)
    answer = tagged[1].strip() if tagged else text
    if not answer:
        raise DataError("'solution' is empty, but must hold the answer.")
    if not problem_type.has_options:
        return answer
    total = len(options.texts)
    if total < 2:
        raise DataError(f"a {problem_type.value} record needs at least 2 options, found {total}.")
    offered = list(lettered(options.texts, options.letters))
    if problem_type is ProblemType.MULTI_SELECT:
        return _selected(answer, offered)
    span = ""
    if problem_type is ProblemType.GROUNDED_CHOICE:
        answer, span = divided(answer)
    index = labels.index_of(answer, options)
    if index is None:
        counted = " One that counts options from 0 is mapped as solution_index." if answer.isdecimal() else ""
        raise DataError(
            f"the solution {answer!r:.60} is none of the options: it must be a letter from {offered[0]} to "
            f"{offered[-1]}.{counted}"
        )
    return f"{offered[index]} {SEPARATOR} {span}" if span else offered[index]


def _selected(answer: str, offered: list[str]) -> str:
    """Return the letters of the right options in their order: "A, C"."""
    selected = read_selection(answer, offered)
    if selected is None:
        raise DataError(
            f"the solution {answer!r:.60} is no selection of the options: list the letters of the right ones from A to "
            f"{offered[-1]}, as in 'A, C'."
        )
    return selected
