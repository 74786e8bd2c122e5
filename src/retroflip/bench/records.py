"""Answer records: one line of `answers.jsonl` for each question a model (or a control) was asked.

A record holds what is needed to score it again without the model or the videos: the raw response, what kind of answer
was asked for, the options and the gold answer, the pair or group it belongs to and the clip its interval is clustered
by. Whoever reads a file reads its responses again with today's reader: a mended reader needs no model. A question whose
video or call failed has a record too, with an `error` and no answer, until a later record of it has one.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass as checked

from retroflip.data import answers as reader
from retroflip.data.answers import credit, gold_answer, read_answer, same_answer
from retroflip.data.records import format_record
from retroflip.data.sample import MAX_OPTIONS, AnyCell, Place, ProblemType, Sample, lettered, place_of
from retroflip.errors import DataError, first_fault
from retroflip.files.storage import append_rows, each_row
from retroflip.inference.given import Given
from retroflip.video.hashing import sha256_file
from retroflip.video.window import Window, part


class Control(StrEnum):
    """What the answerer was given (CRPO, appendix A.4), or which model-free answerer it was."""

    FULL = "full"
    TEXT_ONLY = "text_only"
    SINGLE_FRAME = "single_frame"
    SHUFFLED_FRAMES = "shuffled_frames"
    REVERSED = "reversed"
    ORACLE = "oracle"
    RANDOM = "random"


Key = tuple[str, Control, int]
"""a question's id, what the answerer was given, and the number of the draw"""


@checked(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class AnswerRecord:
    """One answer to one question about one video.

    It has slots: as a pydantic model it would take seven times the memory, and half again the time of reading.

    `score` is what the answer earns, `credit`: 1 where it is `correct`, and more than 0 where nearness counts.
    `gold` and `answer` are option letters for multiple choice, else the answer's text; `answer` is None when
    nothing could be read from `response`, which is then never `correct`. Files of earlier versions have no
    `problem_type`: a question with options was multiple choice, and any other keeps what was read then.

    source, labels: by which scores are broken down beside `task`. options: in the order in which they were asked. draw:
    which of several responses to the same prompt. error: why there is no answer. engine: what wrote the response, None
    for answerers without a model. given: what the engine was given of the video. tokens: of the response, as the engine
    counts them. logprobs: of the options' letters as the first token of the response, where the engine knows them.
    question_sha256: of what `question_digest` covers; prompt_sha256: of the prompt's token ids, or of the messages
    sent; frames_sha256: of the frames shown, pixels and seconds; reading_sha256: of what was read how and what came of
    it, where there are options. Files of earlier versions have none of these.
    """

    id: str = Field(min_length=1)
    pair: str | None = None
    side: int | None = Field(default=None, ge=0, le=1)
    group: str | None = None
    cell: AnyCell | None = None
    task: str = ""
    source: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    source_clip: str
    control: Control = Control.FULL
    gold: str
    options: tuple[str, ...] = ()
    letters: tuple[str, ...] = ()
    problem_type: ProblemType | None = None
    response: str
    answer: str | None
    correct: bool
    score: float = Field(default=0.0, ge=0.0, le=1.0)
    truncated: bool = False
    video: str
    start: float | None = None
    end: float | None = None
    draw: int = Field(default=0, ge=0)
    error: str | None = None
    engine: str | None = None
    given: Given | None = None
    tokens: int | None = Field(default=None, ge=0)
    logprobs: dict[str, float] | None = None
    question_sha256: str | None = None
    prompt_sha256: str | None = None
    frames_sha256: str | None = None
    reading_sha256: str | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "AnswerRecord":
        if self.correct and self.answer is None:
            raise ValueError("'correct' is true although 'answer' is null: an unparsed answer is never right")
        if self.error is not None and (self.answer is not None or self.response):
            raise ValueError("there is an 'error' beside an answer: a question that failed has none")
        if len(self.options) > MAX_OPTIONS:
            raise ValueError(f"{len(self.options)} options have no letters: there are only A to Z")
        if self.letters and len(self.letters) != len(self.options):
            raise ValueError(f"{len(self.letters)} letters are none of {len(self.options)} options")
        return self

    @property
    def key(self) -> Key:
        """What no two answers share."""
        return self.id, self.control, self.draw

    @property
    def answer_text(self) -> str | None:
        """The answer as text: a letter becomes its option, so that answers compare across option orders."""
        return None if self.answer is None else option_text(self.answer, self.options, self.letters)

    @property
    def place(self) -> Place | None:
        """Where the question stands in a group or pair; None for one that counts alone."""
        return place_of(self.group, self.cell, self.pair, self.side)

    @property
    def window(self) -> Window | None:
        """The part of the video that the question was about; None for the whole."""
        return part(self.start, self.end)

    @property
    def gold_text(self) -> str:
        """The gold answer as text, a letter replaced by its option."""
        return option_text(self.gold, self.options, self.letters)


_RECORD = TypeAdapter(AnswerRecord)


class Answers(NamedTuple):
    """What an answers file holds; `torn` tells whether a last line without its end was left out."""

    records: list[AnswerRecord]
    torn: bool


def option_text(answer: str, options: Sequence[str], letters: Sequence[str] = ()) -> str:
    """Return the option that the letter `answer` names, or `answer` itself when it names none.

    >>> option_text("B", ("left", "right"))
    'right'
    """
    return _by_letter(tuple(options), tuple(letters)).get(answer, answer)


_by_letter = lru_cache(maxsize=2**12)(lettered)


class Origin(NamedTuple):
    """What wrote a response, and what it was shown; see `AnswerRecord`."""

    engine: str | None = None
    given: Given | None = None
    draw: int = 0
    frames_sha256: str | None = None


_NO_MODEL = Origin()


def answer_record(
    sample: Sample,
    response: str,
    control: Control,
    *,
    truncated: bool = False,
    origin: Origin = _NO_MODEL,
    **more: Any,
) -> AnswerRecord:
    """Read `response` to `sample`'s question as evaluation does, and judge it as training rewards do.

    more: further fields of the record.
    """
    judged = _judged(sample, response)
    reading = _reading(sample, response, judged)
    return _record(
        sample,
        control,
        judged,
        response=response,
        truncated=truncated,
        reading_sha256=reading,
        **origin._asdict(),
        **more,
    )


def failed_record(sample: Sample, control: Control, error: str, origin: Origin = _NO_MODEL) -> AnswerRecord:
    """Return the record of a question that has no answer, and why."""
    judged = _Judged(gold_answer(sample).value, None, correct=False, score=0.0)
    return _record(sample, control, judged, response="", error=error, **origin._asdict())


def question_digest(sample: Sample) -> str:
    """Return a SHA-256 of all that a record of an answer takes from the question, and of its text.

    What is not in it (the file's order, other questions, traces and labels) decides neither an answer nor its score.
    """
    unused = {"process", "labels", "task_type", "counterfactual_solution", "data_source"}
    unused |= {"routing", "pass_rate", "licence"}
    asked = {key: value for key, value in format_record(sample).items() if key not in unused}
    if sample.asked_as is not None:
        asked["asked_as"] = sample.asked_as
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _record(sample: Sample, control: Control, judged: "_Judged", **more: Any) -> AnswerRecord:
    return AnswerRecord(
        id=sample.id,
        pair=sample.pair,
        side=sample.side,
        group=sample.group,
        cell=sample.cell,
        task=sample.task,
        source=sample.source,
        labels=sample.labels,
        source_clip=sample.source_clip,
        control=control,
        gold=judged.gold,
        options=sample.options,
        letters=sample.letters,
        problem_type=sample.problem_type,
        answer=judged.answer,
        correct=judged.correct,
        score=judged.score,
        video=sample.video,
        start=sample.start,
        end=sample.end,
        question_sha256=question_digest(sample),
        **more,
    )


class _Judged(NamedTuple):
    gold: str
    answer: str | None
    correct: bool
    score: float


def _judged(sample: Sample, response: str) -> _Judged:
    gold, answer = gold_answer(sample), read_answer(response, sample)
    score = credit(answer, gold)
    return _Judged(gold.value, None if answer is None else answer.value, same_answer(answer, gold), score)


@dataclass(frozen=True)
class _Asked:
    """What of a question decides how a response to it is read; its id is for messages alone."""

    problem_type: ProblemType
    options: tuple[str, ...]
    letters: tuple[str, ...]
    solution: str
    id: str = field(compare=False)

    def judged(self, response: str) -> _Judged:
        """Return what a response says, and what that earns."""
        return _judged(Sample(**vars(self), video="", question="", source_clip=""), response)


_judged_before = lru_cache(maxsize=2**14)(_Asked.judged)
_BRIEF = 200
"""signs of a response up to which its reading is remembered: many questions share their options, and their answers"""


@cache
def reader_version() -> str:
    """Return the first 12 digits of a SHA-256 over the code that reads answers."""
    folder = Path(reader.__file__).parent
    files = "".join(f"{path.name} {sha256_file(path)}\n" for path in sorted(folder.glob("*.py")))
    return hashlib.sha256(files.encode()).hexdigest()[:12]


def _reading(asked: Sample | AnswerRecord, response: str, judged: _Judged) -> str | None:
    """Return a SHA-256 of the reader, of what it reads of a question with options, and of what is made of that."""
    if not asked.options or asked.problem_type is None:
        return None
    read = (reader_version(), asked.problem_type, asked.options, asked.letters, response, judged)
    return hashlib.sha256(json.dumps(read).encode()).hexdigest()


def read_again(record: AnswerRecord) -> AnswerRecord:
    """Return the record with its response read and judged by today's reader, which is not asked what it said before."""
    kind = record.problem_type or (ProblemType.MULTIPLE_CHOICE if record.options else None)
    if kind is None or record.error is not None:
        return record
    before = _Judged(record.gold, record.answer, record.correct, record.score)
    if record.reading_sha256 and record.reading_sha256 == _reading(record, record.response, before):
        return record
    asked = _Asked(kind, record.options, record.letters, record.gold, record.id)
    judge = _judged_before if len(record.response) <= _BRIEF else _Asked.judged
    judged = judge(asked, record.response)
    return record if judged == before else replace(record, **judged._asdict(), reading_sha256=None)


def as_record(row: Mapping[str, Any]) -> AnswerRecord:
    """Return a row of `answers.jsonl` as a record. One without a score, as earlier versions wrote them, gets that of
    right and wrong. Raises ValidationError for one that breaks its schema."""
    scored = row if "score" in row else {**row, "score": float(row.get("correct") is True)}
    return _RECORD.validate_python(scored)


def as_row(record: AnswerRecord) -> dict[str, Any]:
    """Return a record as it stands in `answers.jsonl`."""
    row: dict[str, Any] = _RECORD.dump_python(record, mode="json")
    return row


def append_answers(path: Path, records: Iterable[AnswerRecord]) -> None:
    """Add records to `answers.jsonl`, one line each; a torn line left by a kill is cut off first."""
    append_rows(path, map(as_row, records))


def read_answers(path: Path) -> Answers:
    """Read `answers.jsonl`, its responses with today's reader. A torn last line is left out and the result says so.

    Raises DataError, naming file and line, for any other damage, for a record that breaks its schema or whose gold is
    no answer to its question, and for a question that was answered twice under one control (a resume that restarted the
    list, for instance). A question that failed may have one more record: its answer, or that it failed again.
    """
    if path.parent.is_file():
        raise DataError(f"{path.parent} is a file. Name the folder that it is in: {path.parent.parent}")
    if not path.is_file():
        raise DataError(
            f"{path} does not exist, so there are no answers to read. "
            "Make them with: retroflip generate --model MODEL --data FILE --out DIR"
        )
    records = {record.key: record for record in each_answer(path)}
    return Answers(list(records.values()), torn=_is_torn(path))


def each_answer(path: Path) -> Iterator[AnswerRecord]:
    """Yield the records of an `answers.jsonl` one by one, those that failed and were asked again too.

    Raises DataError as `read_answers` does.
    """
    answered: dict[Key, int] = {}
    for number, row in enumerate(each_row(path), start=1):
        record = _parse(path, number, row)
        if (first := answered.get(record.key)) is not None:
            raise DataError(
                f"{path}, record {number}: question '{record.id}' was already answered in record {first} "
                f"under control '{record.control}'. Each question counts once; delete one of the two lines."
            )
        if record.error is None:
            answered[record.key] = number
        yield record


def _parse(path: Path, number: int, row: dict[str, object]) -> AnswerRecord:
    try:
        return read_again(as_record(row))
    except DataError as error:
        raise DataError(f"{path}, record {number}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "record"
        wrong = (
            "Extra inputs are not permitted"
            if first["type"] == "unexpected_keyword_argument"
            else first_fault(error)
        )
        raise DataError(
            f"{path}, record {number}: {where}: {wrong}. "
            "Answer files are written by 'retroflip generate'; run it again if this one was changed by hand."
        ) from error


def _is_torn(path: Path) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) != b"\n"
