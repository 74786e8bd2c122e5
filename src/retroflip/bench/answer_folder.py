"""A folder of answers: which settings they share, which there are already, and how often asking failed.

It holds counts in memory, and of each question what the catalogue has of it; no answers, which may be millions.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Self

from retroflip.bench.catalogue import ANSWERED, FAILED, Catalogue
from retroflip.bench.records import AnswerRecord, Control, append_answers, each_answer, question_digest
from retroflip.bench.score import ANSWERS
from retroflip.data.prompt_modes import PromptMode
from retroflip.data.records import format_record
from retroflip.data.sample import Sample
from retroflip.errors import DataError, RunDirectoryError, TooManyFailuresError
from retroflip.files import locks
from retroflip.files.shards import shard
from retroflip.files.storage import LOCK_NAME, is_unfinished, jsonable, read_json_object, write_json_atomic
from retroflip.train.run_directory import describe_code, describe_packages

EARLIER = {"prompt": PromptMode.THINK.value}
"""settings that earlier versions did not write, since they had one value"""
HOPELESS = 5
"""questions that fail at the beginning of a run, one after the other, before it stops"""


WRITTEN_TOGETHER = 256


class Tally(NamedTuple):
    """How many answers a process has written, how many questions failed, and with what the last one."""

    written: int
    errors: int
    last_error: str


class AnswerFolder:
    """The answers in a folder to the questions of a catalogue, which is told of each. rank: of this process, whose own
    file new ones go to."""

    def __init__(self, path: Path, catalogue: Catalogue, rank: int = 0) -> None:
        self.path, self.catalogue = path, catalogue
        self.file = shard(path, ANSWERS, rank)
        self.counted = self.truncated = 0
        self._right = self._judged = self._written = self._errors = 0
        self._last_error = ""

    def read(self) -> Self:
        """Take in what is there, and return this. Raises RunDirectoryError for an answer to another question."""
        if (self.path / ANSWERS).exists():
            for record in each_answer(self.path / ANSWERS):
                self._require_same(record)
                self._count(record)
        return self

    def _require_same(self, record: AnswerRecord) -> None:
        """Raise RunDirectoryError for a record of another question of the same id."""
        number = self.catalogue.number_of(record.id)
        if number is None or record.question_sha256 in (None, question_digest(self.catalogue.asked(number))):
            return
        raise RunDirectoryError(
            f"{self.path / ANSWERS}: the question {record.id!r} was another one when it was asked: its text, options, "
            "solution, video or pair is changed in the data. Name another directory with --out, or restore the data."
        )

    def note(self, records: Iterable[AnswerRecord]) -> None:
        """Write records that cost nothing to make."""
        rest = iter(records)
        while some := list(islice(rest, WRITTEN_TOGETHER)):
            append_answers(self.file, some)
            for record in some:
                self._count(record)

    def add(self, record: AnswerRecord) -> None:
        """Write what an engine has answered. Raises TooManyFailuresError where nothing but failures came so far."""
        self.note([record])
        if record.error is None:
            self._written += 1
            return
        self._errors, self._last_error = self._errors + 1, record.error
        if self._errors >= HOPELESS and not self._written:
            raise TooManyFailuresError(
                f"The first {self._errors} questions all failed, the last with: {record.error} Mend that, then run the "
                "same command."
            )

    def _count(self, record: AnswerRecord) -> None:
        number, column = self.catalogue.number_of(record.id), self.catalogue.column.get(record.control)
        if number is None or column is None or record.draw >= self.catalogue.asking.draws:
            return
        state_N = self.catalogue.state_SCN[number, column]
        if record.error is not None:
            state_N[record.draw] = max(FAILED, state_N[record.draw])
            return
        state_N[record.draw] = ANSWERED
        self.counted += 1
        self.truncated += record.truncated
        if record.control is Control.FULL:
            self._judged += 1
            self._right += record.correct

    @property
    def accuracy(self) -> str:
        """The accuracy so far in words; nothing before the first answer about a whole video."""
        return f"accuracy {self._right / self._judged:.2f}" if self._judged else ""

    @property
    def tally(self) -> Tally:
        """What was answered since this was made, and what failed."""
        return Tally(self._written, self._errors, self._last_error)


def require_few_failures(out: Path, tallies: Sequence[Tally], most: float) -> None:
    """Raise TooManyFailuresError where more than this share of what all processes asked of the engine failed."""
    errors = sum(one.errors for one in tallies)
    asked = errors + sum(one.written for one in tallies)
    if errors > most * asked:
        last = next(one.last_error for one in tallies if one.errors)
        raise TooManyFailuresError(
            f"{errors} of {asked} answers failed, the last with: {last} Each is recorded in {out / ANSWERS} and counts "
            "as wrong. Run the same command to ask them again, or accept the loss with --max-failed-share."
        )


def open_folder(
    out: Path, settings: Mapping[str, Any], about: Mapping[str, Any], samples: Sequence[Sample]
) -> None:
    """Begin a directory of answers, or make sure that the one there was made with the same settings."""
    path = out / "run.json"
    if not path.exists():
        _check_empty(out)
    out.mkdir(parents=True, exist_ok=True)
    locks.hold(out)
    if not path.exists():
        origin = {"code": describe_code(), "packages": describe_packages()}
        write_json_atomic(path, {"schema": 2, "kind": "answers", **about, "settings": settings, **origin})
        return
    there = _read_run(path).get("settings")
    if not isinstance(there, dict):
        raise RunDirectoryError(
            f"{out} holds a run of another kind ({path} has no settings of answers). Name another directory with --out."
        )
    there = {**EARLIER, **there}
    now = jsonable(settings)
    if "data_sha256" in there:
        now["data_sha256"] = _file_digest(samples)
    differing = [
        f"{key} (was {json.dumps(there.get(key))}, now {json.dumps(now.get(key))})"
        for key in dict.fromkeys([*there, *now])
        if there.get(key) != now.get(key)
    ]
    if differing:
        raise RunDirectoryError(
            f"{out} holds answers that were made with other settings: {'; '.join(differing)}. Answers that differ in "
            f"these cannot be scored together: name another directory with --out, or use the settings in {path}."
        )


def _read_run(path: Path) -> dict[str, Any]:
    try:
        return read_json_object(path)
    except DataError as error:
        raise RunDirectoryError(f"{error} Or name another directory with --out.") from error


def _check_empty(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise RunDirectoryError(
            f"{out} is a file, and answers need a directory. Name another one with --out."
        )
    left = [entry.name for entry in out.iterdir()] if out.exists() else []
    if any(name != LOCK_NAME and not is_unfinished(name) for name in left):
        raise RunDirectoryError(
            f"{out} is not empty and holds no run (there is no run.json). Name a new or empty directory with --out."
        )


def _file_digest(samples: Sequence[Sample]) -> str:
    """Return what earlier versions, whose records do not hold their questions' digests, kept of a data file."""
    records = json.dumps([format_record(sample) for sample in samples], sort_keys=True)
    return hashlib.sha256(records.encode()).hexdigest()
