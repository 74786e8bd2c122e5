"""A folder of answers: which settings they share, which there are already, and how often asking failed.

It holds keys and counts in memory, not answers: those of a benchmark with several draws are millions.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.records import AnswerRecord, Control, Key, append_answers, each_answer, question_digest
from retroflip.bench.score import ANSWERS
from retroflip.data.prompt_modes import PromptMode
from retroflip.data.records import format_record
from retroflip.data.sample import Sample
from retroflip.errors import DataError, RunDirectoryError, TooManyFailuresError
from retroflip.files import locks
from retroflip.files.storage import LOCK_NAME, is_unfinished, jsonable, read_json_object, write_json_atomic
from retroflip.train.run_directory import describe_code, describe_packages

EARLIER = {"prompt": PromptMode.THINK.value}
"""settings that earlier versions did not write, since they had one value"""
HOPELESS = 5
"""questions that fail at the beginning of a run, one after the other, before it stops"""


class AnswerFolder:
    """The answers in a folder to questions of a data set under the controls that are wanted.

    answered: keys that have an answer. failed: keys that have an error and nothing else yet.
    """

    def __init__(
        self,
        path: Path,
        samples: Sequence[Sample],
        wanted: Sequence[Control],
        as_asked: Callable[[Sample], Sample],
    ) -> None:
        self.path = path
        self.answered: set[Key] = set()
        self.failed: set[Key] = set()
        self.counted = self.truncated = 0
        self._wanted = frozenset(wanted)
        self._samples = {sample.id: sample for sample in samples}
        self._right = self._judged = self._written = self._errors = 0
        self._last_error = ""
        if (path / ANSWERS).exists():
            for record in each_answer(path / ANSWERS):
                self._require_same(record, as_asked)
                self._count(record)

    def _require_same(self, record: AnswerRecord, as_asked: Callable[[Sample], Sample]) -> None:
        """Raise RunDirectoryError for a record of another question of the same id."""
        sample = self._samples.get(record.id)
        if sample is None or record.question_sha256 in (None, question_digest(as_asked(sample))):
            return
        raise RunDirectoryError(
            f"{self.path / ANSWERS}: the question {record.id!r} was another one when it was asked: its text, options, "
            "solution, video or pair is changed in the data. Name another directory with --out, or restore the data."
        )

    def note(self, records: Sequence[AnswerRecord]) -> None:
        """Write records that cost nothing to make."""
        append_answers(self.path / ANSWERS, records)
        for record in records:
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
        if record.error is not None:
            if record.key not in self.answered:
                self.failed.add(record.key)
            return
        self.failed.discard(record.key)
        self.answered.add(record.key)
        if record.id in self._samples and record.control in self._wanted:
            self.counted += 1
            self.truncated += record.truncated
            if record.control is Control.FULL:
                self._judged += 1
                self._right += record.correct

    @property
    def accuracy(self) -> str:
        """The accuracy so far in words; nothing before the first answer about a whole video."""
        return f"accuracy {self._right / self._judged:.2f}" if self._judged else ""

    def require_few_failures(self, asked: int, most: float) -> None:
        """Raise TooManyFailuresError where more than this share of what was asked of the engine failed."""
        if self._errors > most * asked:
            raise TooManyFailuresError(
                f"{self._errors} of {asked} answers failed, the last with: {self._last_error} Each is recorded in "
                f"{self.path / ANSWERS} and counts as wrong. Run the same command to ask them again, or accept the "
                "loss with --max-failed-share."
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
