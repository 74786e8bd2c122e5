r"""Data files: one Video-R1 record per line (JSONL), or all of them in one JSON array.

A record, as in Video-R1-260k.json (huggingface.co/datasets/Video-R1/Video-R1-data) and its chain-of-thought
file:

    {"problem_id": 2, "problem": "Which way does it move?", "data_type": "video",
     "problem_type": "multiple choice", "options": ["A. left", "B. right"], "solution": "<answer>A</answer>",
     "path": "./videos/x.mp4", "data_source": "CLEVRER", "process": "<think>...</think>"}

retroflip adds the optional keys `task`, `task_type`, `source_clip`, `pair`, `side` and `labels` (see `Sample`), and
the `data_type` "text", a record with no `path` or an empty one. Other keys are ignored and not kept. On
reading:

- Records of a `data_type` that is not asked for (by default all but "video", which is also what a record
  without one is), and those of regression questions (`problem_type` "regression"), are left out and counted.
  Video-R1-260k.json holds more images than videos.
- The letter before an option is dropped ("A. left", "A) left", "(A) left", "A: left") when every option
  carries its own; options without letters are kept as they are. At most 25 options: CRPO's null option takes
  the last letter.
- `solution` may stand without its tags; for multiple choice it is a letter ("A", "A.", "(A)", "A. left") or
  one option's text.
- `problem_type` "OCR" is read as free-form, since its answers are compared the same way.
- A record without `problem_id` gets one from its content, one without `source_clip` its file's path, or its
  id when it is text alone.
- A text that the model reads (question, options, trace) may hold no special token such as "<|video_pad|>":
  it would stand in the prompt for something that is not there.

White space around texts is dropped. Every fault is a DataError that names the file and the line.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from retroflip.data.prompts import MAX_OPTIONS, option_letter
from retroflip.data.root import normalise
from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.errors import DataError, PathEscapeError
from retroflip.files import write_jsonl_atomic

_LABELLED = re.compile(r"\s*(?:\(([A-Z])\)[.:]?|([A-Z])[.):])\s*(.*)", re.DOTALL)
_SOLUTION = re.compile(r"\s*<answer>(.*)</answer>\s*", re.DOTALL)
_PROBLEM_TYPES = {**{kind.value: kind for kind in ProblemType}, "ocr": ProblemType.FREE_FORM}
_OPTIONAL_KEYS = ("task", "task_type", "source_clip", "pair", "side", "labels")
_UNJUDGED = "regression"
"""the kind of Video-R1 question whose answers cannot be judged here"""
_MAX_LISTED = MAX_OPTIONS - 1
_SPECIAL_TOKEN = re.compile(r"<\|[a-z_]+\|>")

Record = dict[str, Any]


@dataclass(frozen=True)
class RecordsRead:
    """What a data file held: its samples in order, and how many records of which kind were left out.

    skipped: count by kind, such as "data_type image".
    """

    samples: list[Sample]
    skipped: dict[str, int]

    @property
    def note(self) -> str:
        """One sentence for a log or a reader about what was left out; empty when nothing was."""
        if not self.skipped:
            return ""
        left_out = sum(self.skipped.values())
        kinds = ", ".join(f"{count} of {kind}" for kind, count in sorted(self.skipped.items()))
        return f"{left_out} of {left_out + len(self.samples)} records are left out: {kinds}."


def read_samples(path: Path, modalities: Collection[Modality] = (Modality.VIDEO,)) -> list[Sample]:
    """Return the samples of a JSONL or JSON file, in its order; raises as `read_records` does."""
    return read_records(path, modalities).samples


def read_records(path: Path, modalities: Collection[Modality] = (Modality.VIDEO,)) -> RecordsRead:
    """Read a JSONL or JSON file, leaving out records of other modalities and of regression questions.

    Raises DataError, naming the file and the line, for a record that breaks the format; for a file that is
    missing, not UTF-8 or without a record that can be used; and for an id that two records share. Raises
    PathEscapeError for a path that is not a relative one.
    """
    samples: list[Sample] = []
    lines: dict[str, int] = {}
    skipped: Counter[str] = Counter()
    for line, record in _records(path, _text_of(path)):
        if (kind := _left_out_as(record, modalities)) is not None:
            skipped[kind] += 1
            continue
        try:
            sample = parse_record(record)
        except PathEscapeError as error:
            raise PathEscapeError(f"{path}, line {line}: {error}") from error
        except DataError as error:
            raise DataError(f"{path}, line {line}: {error}") from error
        if sample.id in lines:
            raise DataError(
                f"{path}, line {line}: the id {sample.id!r} is already that of line {lines[sample.id]}. "
                "Give every record its own problem_id, or delete the record if it stands there twice."
            )
        lines[sample.id] = line
        samples.append(sample)
    if skipped and not samples:
        raise DataError(
            f"{path}: {RecordsRead(samples, dict(skipped)).note} None is of data_type {' or '.join(modalities)}, which "
            "is what was asked for. Name a file that has some."
        )
    if not samples:
        raise DataError(f"{path}: the file holds no records. Expected one JSON object per line.")
    return RecordsRead(samples, dict(skipped))


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Write samples as JSONL, atomically; `read_samples` gives them back, except for white space around
    texts."""
    write_jsonl_atomic(path, [format_record(sample) for sample in samples])


def format_record(sample: Sample) -> Record:
    """Return the sample as a Video-R1 record, with retroflip's own keys where they say something."""
    record: Record = {
        "problem_id": sample.id,
        "problem": sample.question,
        "data_type": sample.modality.value,
        "problem_type": sample.problem_type.value,
        "options": [f"{option_letter(index)}. {option}" for index, option in enumerate(sample.options)],
        "solution": f"<answer>{sample.solution}</answer>",
        "path": f"./{sample.video}" if sample.video else "",
        "data_source": sample.source,
        "process": sample.trace,
        **{key: getattr(sample, key) for key in _OPTIONAL_KEYS},
    }
    unset = {"task": "", "labels": {}}
    return {key: value for key, value in record.items() if value is not None and value != unset.get(key)}


def parse_record(record: Mapping[str, Any]) -> Sample:
    """Return the sample that a record describes. Raises DataError saying what is wrong with it and what to
    do."""
    modality = _modality(record)
    problem_type = _problem_type(_text(record, "problem_type"))
    options = _options(record.get("options") or [])
    identity = _identity(record)
    path = _path(record, modality)
    extra = {key: record[key] for key in _OPTIONAL_KEYS if record.get(key) is not None}
    fields: Record = {
        "id": identity,
        "modality": modality,
        "video": path,
        "question": _text(record, "problem"),
        "options": options,
        "solution": _solution(_text(record, "solution"), options, problem_type),
        "problem_type": problem_type,
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
        key = {"trace": "process"}.get(str(first["loc"][0]), str(first["loc"][0]))
        raise DataError(f"{key!r}: {first['msg']}, found {first['input']!r:.60}.") from error


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(
            f"{path}: the data file cannot be read ({error.strerror}). Check its path."
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a UTF-8 text file (byte {error.start}). Save it as UTF-8.") from error


def _records(path: Path, text: str) -> Iterator[tuple[int, Record]]:
    """Yield every record with the line it starts on."""
    rows = _array_items(path, text) if text.lstrip().startswith("[") else _lines(path, text)
    for line, row in rows:
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {line}: expected a JSON object, found {json.dumps(row)[:60]}.")
        yield line, row


def _lines(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    for line, content in enumerate(text.split("\n"), start=1):
        if content.strip():
            try:
                yield line, json.loads(content)
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"{path}, line {line}: not JSON ({error}). Expected one record per line; mend or delete this one."
                ) from error


def _array_items(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """Read an array item by item, so that each can be named by its line."""
    decoder = json.JSONDecoder()
    position, line, counted = text.index("[") + 1, 1, 0
    separator = ""
    while True:
        start = _after_space(text, position)
        line, counted = line + text.count("\n", counted, start), start
        if text.startswith("]", start) and separator != ",":
            break
        try:
            item, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{path}, line {line}: not JSON ({error}). Mend or delete this record."
            ) from error
        yield line, item
        end = _after_space(text, end)
        separator = text[end : end + 1]
        if separator not in (",", "]"):
            raise DataError(f"{path}, line {line}: the array goes on after this record without ',' or ']'.")
        position = end + (separator == ",")
    if rest := text[start + 1 :].strip():
        raise DataError(f"{path}, line {line}: text follows the array's end: {rest[:40]!r}. Delete it.")


def _after_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _text(record: Mapping[str, Any], key: str) -> str:
    """Return the text under `key`, without white space around it; numbers are read as their text."""
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        found = "is missing" if value is None else f"is {value!r}"
        raise DataError(f"{key!r} {found}, but must be a text.")
    text = str(value).strip()
    if not text:
        raise DataError(f"{key!r} is empty, but must be a text.")
    return text


def _refuse_half_characters(fields: Record) -> None:
    r"""JSON's "\ud800" escapes can spell texts that no file, tokenizer or terminal takes."""
    try:
        json.dumps(fields, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise DataError(
            f"a text holds {half!r}, half of a character. Save the file again as UTF-8."
        ) from error


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
    data_type = _lower(record.get("data_type") or Modality.VIDEO)
    if data_type in set(Modality) - set(modalities):
        return f"data_type {data_type}"
    return f"problem_type {_UNJUDGED}" if _lower(record.get("problem_type")) == _UNJUDGED else None


def _lower(value: Any) -> str:
    return str(value).strip().lower()


def _modality(record: Mapping[str, Any]) -> Modality:
    name = record.get("data_type") or Modality.VIDEO
    if _lower(name) not in set(Modality):
        raise DataError(
            f"data_type is {name!r}, but only records with data_type {', '.join(Modality)} can be read. Correct or "
            "delete this one."
        )
    return Modality(_lower(name))


def _path(record: Mapping[str, Any], modality: Modality) -> str:
    """Return the normalised path of the record's video or image, "" for a text."""
    if modality is not Modality.TEXT:
        return normalise(_text(record, "path"))
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
    if name.lower() in _PROBLEM_TYPES:
        return _PROBLEM_TYPES[name.lower()]
    known = ", ".join(sorted(_PROBLEM_TYPES))
    raise DataError(f"problem_type is {name!r}, but must be one of: {known}.")


def _options(values: Any) -> tuple[str, ...]:
    """Return the options' texts in the order of their letters, without the letters."""
    if not isinstance(values, list):
        raise DataError(f"'options' must be a list of texts, found {values!r:.60}.")
    if len(values) > _MAX_LISTED:
        raise DataError(
            f"there are {len(values)} options, but at most {_MAX_LISTED} have a letter: the 26th is for "
            "'None of the above', which methods add. Remove options."
        )
    texts = [_text({"options": value}, "options") for value in values]
    found = [_LABELLED.fullmatch(text) for text in texts]
    labels = [match[1] or match[2] for match in found if match]
    letters = [option_letter(index) for index in range(len(texts))]
    if labels == letters:
        texts = [match[3].strip() for match in found if match]
    elif sorted(labels) == letters:
        raise DataError(
            f"the options' letters are {', '.join(labels)}. Put the options in the order of their letters."
        )
    if "" in texts:
        raise DataError(f"option {letters[texts.index('')]} has no text.")
    return tuple(texts)


def _solution(text: str, options: tuple[str, ...], problem_type: ProblemType) -> str:
    """Return the letter of the right option, or the text of the answer."""
    tagged = _SOLUTION.fullmatch(text)
    answer = tagged[1].strip() if tagged else text
    if not answer:
        raise DataError("'solution' is empty, but must hold the answer.")
    if problem_type is not ProblemType.MULTIPLE_CHOICE:
        return answer
    if len(options) < 2:
        raise DataError(f"a multiple-choice record needs at least 2 options, found {len(options)}.")
    letter = _option_letter_of(answer, options)
    if letter is None:
        last = option_letter(len(options) - 1)
        raise DataError(
            f"the solution {answer!r} is none of the options: it must be a letter from A to {last}."
        )
    return letter


def _option_letter_of(answer: str, options: tuple[str, ...]) -> str | None:
    """Return the letter that an answer like "A", "(A)", "A. left" or "left" stands for, if it fits the
    options."""
    labelled = _LABELLED.fullmatch(answer)
    letter = answer if len(answer) == 1 else (labelled[1] or labelled[2]) if labelled else ""
    text = labelled[3].strip() if labelled else ""
    letters = [option_letter(index) for index in range(len(options))]
    if letter in letters and text in ("", options[letters.index(letter)]):
        return letter
    same = [index for index, option in enumerate(options) if option == answer]
    return letters[same[0]] if len(same) == 1 else None
