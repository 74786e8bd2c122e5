"""The directory of one training run: what was run, what it has written, and from where it goes on after a kill.

`run.json` says what the run is and does not change once a step is trained; every start adds
`logs/attempt_<n>/environment.json`, which says on what it ran. Rows and checkpoints are added, whole or not at all;
nothing that a user put there is deleted. A checkpoint and a run count as complete once they hold the file
`COMPLETE_MARKER`. One process at a time has the directory (`files/locks.py`).
"""

import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from itertools import takewhile
from pathlib import Path
from typing import Any

from retroflip.data.manifest import MANIFEST_NAME, files_below, first_changed
from retroflip.data.record_notes import NOTES
from retroflip.errors import DataError, RunDirectoryError
from retroflip.files import locks
from retroflip.files.storage import (
    LOCK_NAME,
    is_unfinished,
    keep_rows,
    read_json_object,
    read_jsonl,
    sync_file,
    sync_tree,
    write_json_atomic,
)
from retroflip.models import tiny
from retroflip.train.datasets import mixed
from retroflip.train.marks import COMPLETE_MARKER, Mark, check_marked, check_rows, read_mark, write_mark
from retroflip.video.hashing import sha256_file

SCHEMA = 1
PACKAGES = (
    "retroflip", "accelerate", "av", "numpy", "peft", "safetensors", "tokenizers", "torch", "torchvision",
    "transformers", "trl",
)  # fmt: skip
STEP_FILES = ("metrics.jsonl", "rollouts.jsonl", "timings.jsonl")
_STEP_OF_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_ATTEMPT = re.compile(r"attempt_(\d+)")
_GIT_SECONDS = 30
_UNSET: tuple[tuple[Any, Any], ...] = ((None, []), (None, {}))
"""a setting that the version which began a run did not know, and that is empty today"""
_BEFORE = {"data.sampler": "uniform", "general.sampler": "uniform", "method.span_share": 0.5}
"""settings that came later and are not empty, with the value that says what runs did before"""


@dataclass(frozen=True)
class RunDirectory:
    """An open run directory. `attempt` counts the starts of this run from 1."""

    path: Path
    attempt: int

    @classmethod
    def open(cls, path: Path, recipe: Mapping[str, Any], *, resume: bool) -> "RunDirectory":
        """Start a run in a new or empty directory, or go on with the unfinished one that is there.

        recipe: the resolved recipe. resume: whether to go on; without a run to go on with, one is started, since the
        kill may have come before `run.json`. A run that has not trained a step, because its start failed over the data
        or the model, leaves nothing to go on with: a start there is a new one, of any recipe. The directory is this
        process's until it ends.

        Raises RunDirectoryError where another process has the directory, and where it holds anything else: other files,
        a finished run, another recipe's run (naming the keys that differ), changed data or model, or an unfinished run
        without `resume`.
        """
        path = path.absolute()
        description = describe_run(recipe)
        if not _is_new(path):
            _read_run(path)
        path.mkdir(parents=True, exist_ok=True)
        locks.hold(path)
        if _is_new(path) or not _has_trained(path):
            write_json_atomic(path / "run.json", description)
        else:
            _check_same_run(path, description)
            _check_can_go_on(path, resume)
        return cls(path, _start_attempt(path))

    @staticmethod
    def is_finished(path: Path, recipe: Mapping[str, Any]) -> bool:
        """Return whether `path` holds the run of this resolved recipe, finished. Nothing is written.

        Raises RunDirectoryError when it holds a finished run of another recipe, data or start model.
        """
        path = path.absolute()
        if not (path / COMPLETE_MARKER).is_file():
            return False
        _check_same_run(path, describe_run(recipe))
        return True

    @staticmethod
    def lengthen(path: Path, recipe: Mapping[str, Any]) -> int | None:
        """Let the run at `path` go on to the steps of this resolved recipe, where that has more and differs in nothing
        else; return how many it had before. Anything else is left as it is, and None returned.

        run.json then holds the longer recipe and, under "lengthened", the steps of the shorter ones. Under a schedule
        that ends with the run (linear, cosine) the rest of the steps has other rates than it would have had at once.
        Raises RunDirectoryError where the data or the start model changed, and where another process has the directory.
        """
        path = path.absolute()
        if not (path / "run.json").is_file():
            return None
        there = _read_run(path)
        old, new = there["recipe"], {**recipe, "train": {**recipe["train"]}}
        steps = old.get("train", {}).get("steps")
        if not isinstance(steps, int) or new["train"].pop("steps") <= steps:
            return None
        short = {**old, "train": {name: v for name, v in old["train"].items() if name != "steps"}}
        if any(_differences(short, new, run=path)):
            return None
        locks.hold(path)
        _check_same_inputs(path, there, describe_run(recipe))
        # First the mark: a kill in between leaves an unfinished run of the shorter recipe, which is done at once.
        (path / COMPLETE_MARKER).unlink(missing_ok=True)
        longer = {**there, "recipe": dict(recipe), "lengthened": [*there.get("lengthened", []), steps]}
        write_json_atomic(path / "run.json", longer)
        return steps

    @property
    def metrics(self) -> Path:
        """One row per step."""
        return self.path / "metrics.jsonl"

    @property
    def timings(self) -> Path:
        """One row per step: seconds, which no two runs have in common."""
        return self.path / "timings.jsonl"

    @property
    def rollouts(self) -> Path:
        """One row per rollout."""
        return self.path / "rollouts.jsonl"

    @property
    def failures(self) -> Path:
        """One row per video that could not be used."""
        return self.path / "failures.jsonl"

    @property
    def notes(self) -> Path:
        """One row per record with an oddity that does not stop it; those of other processes are added last."""
        return self.path / NOTES

    @property
    def checkpoints(self) -> Path:
        """The folder of the trainer's `checkpoint-<step>` folders."""
        return self.path / "checkpoints"

    def checkpoint(self, step: int) -> Path:
        """Return the folder of the checkpoint behind a step."""
        return self.checkpoints / f"checkpoint-{step}"

    @property
    def model(self) -> Path:
        """The folder of the trained model."""
        return self.path / "model"

    @property
    def broken_step(self) -> Path:
        """The samples of the step on which the loss or a gradient became NaN or infinite."""
        return self.path / "broken_step.json"

    @property
    def summary(self) -> Path:
        """The run's result in numbers."""
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        """The run's result to look at."""
        return self.path / "report.html"

    @property
    def attempt_logs(self) -> Path:
        """The folder of this start's logs."""
        return self.path / "logs" / f"attempt_{self.attempt}"

    def last_checkpoint(self) -> tuple[int, Path] | None:
        """Return the step and the folder of the newest complete checkpoint, None where there is none."""
        return max(self._checkpoints(complete=True), default=None)

    def mark_complete(self, step: int) -> None:
        """Mark the checkpoint of a step as complete, once all of it is on the disk."""
        folder = self.checkpoint(step)
        sync_tree(folder)
        for name in STEP_FILES:
            if (self.path / name).is_file():
                sync_file(self.path / name)
        write_mark(folder, files_below(folder), self.path, STEP_FILES)

    def check_checkpoint(self, folder: Path) -> Mark | None:
        """Return a checkpoint's mark, after a look at every file and row that it lists; None where it lists nothing.

        Raises RunDirectoryError, which names the first that was changed.
        """
        try:
            return check_marked(folder, self.path)
        except DataError as error:
            raise RunDirectoryError(
                f"{error} The run cannot go on from there. Restore the file; or, where an earlier checkpoint is beside "
                f"it, delete {folder} to go on from that one; or start anew in another directory with --out."
            ) from error

    def drop_incomplete_checkpoints(self) -> None:
        """Delete checkpoints that a kill or a full disk left without their mark."""
        for _, folder in self._checkpoints(complete=False):
            shutil.rmtree(folder)

    def keep_newest_checkpoints(self, count: int) -> None:
        """Delete complete checkpoints but for the newest so many."""
        for _, folder in sorted(self._checkpoints(complete=True))[:-count]:
            # First the mark: a checkpoint that a kill leaves half deleted must not count.
            (folder / COMPLETE_MARKER).unlink()
            shutil.rmtree(folder)

    def _checkpoints(self, *, complete: bool) -> list[tuple[int, Path]]:
        return [
            (int(match[1]), folder)
            for folder in self.checkpoints.glob("checkpoint-*")
            if (match := _STEP_OF_CHECKPOINT.fullmatch(folder.name))
            and (folder / COMPLETE_MARKER).is_file() == complete
        ]

    def rewind(self, step: int, mark: Mark | None = None) -> None:
        """Drop what was written after `step`, which the resumed run writes again: rows of metrics, rollouts and
        timings, incomplete checkpoints, and what was said of a broken step.

        mark: of the checkpoint of that step, if it has one; what came after what it lists is dropped unread.
        """
        for name in STEP_FILES:
            if mark is None:
                truncate_after_step(self.path / name, step)
            elif name in mark.rows.files:
                os.truncate(self.path / name, mark.rows.files[name].bytes)
            else:
                (self.path / name).unlink(missing_ok=True)
        self.drop_incomplete_checkpoints()
        self.broken_step.unlink(missing_ok=True)

    def finish(self) -> None:
        """Mark the run as finished; it can only be made longer afterwards."""
        names = ("run.json", *STEP_FILES, self.failures.name, self.summary.name, f"model/{MANIFEST_NAME}")
        write_mark(self.path, [name for name in names if (self.path / name).is_file()], self.path, ())


def check_results(path: Path) -> None:
    """Raise DataError, naming the file, where the results in a run directory are not what the run has written.

    Of a finished run all its files are checked, and its model; of another the rows up to the newest checkpoint.
    """
    if (path / COMPLETE_MARKER).is_file():
        check_marked(path, path)
        bad = first_changed(path / "model") if (path / "model").is_dir() else None
        if bad is not None:
            raise DataError(f"{bad}: missing, damaged, or changed after the run was finished. Restore it.")
        return
    last = RunDirectory(path, attempt=0).last_checkpoint()
    mark = read_mark(last[1]) if last else None
    if last is not None and mark is not None:
        check_rows(last[1], mark, path)


def truncate_after_step(path: Path, step: int) -> None:
    """Rewrite a JSON-lines file, atomically, with only the rows whose "step" is `step` or less.

    A torn last line goes too; a missing file is left missing. Raises DataError for a row without a whole "step".
    """
    if not path.exists():
        return

    def is_kept(number: int, row: Mapping[str, Any]) -> bool:
        if not isinstance(row.get("step"), int):
            raise DataError(f"{path}, row {number}: no step, so it is not known whether it is to be kept.")
        return bool(row["step"] <= step)

    keep_rows(path, is_kept)


def describe_run(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `run.json` holds: the recipe, what it reads (by hash), and the code and packages that ran it."""
    data = recipe["data"]
    return {
        "schema": SCHEMA,
        "recipe": dict(recipe),
        "seed": recipe["train"]["seed"],
        "budget": {name: data[name] for name in ("frames", "min_pixels", "max_pixels", "total_pixels")},
        **_mixture(data),
        "data_sha256": _data_hashes(recipe),
        "model_sha256": _model_hash(recipe["model"]["path"]),
        "code": describe_code(),
        "packages": describe_packages(),
    }


def describe_packages() -> dict[str, str | None]:
    """Return the installed versions of what a run's result depends on, None for a package that is not there."""
    return {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}}


def version_of(package: str) -> str | None:
    """Return the installed version of a package; None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def describe_code() -> dict[str, str] | None:
    """Return the commit, and the SHA-256 of the uncommitted diff where there is one; None outside a checkout.

    A checkout is retroflip's own only when this very file is tracked at its place in it: a package installed into
    somebody else's repository says nothing about that one.
    """
    package = Path(__file__).parents[1]
    top = _git(package, "rev-parse", "--show-toplevel")
    if top is None or Path(top.decode().strip()) / "src" / "retroflip" != package.resolve():
        return None
    commit, diff = (
        _git(package, "rev-parse", "HEAD"),
        _git(package, "diff", "HEAD", "--binary", "--no-ext-diff"),
    )
    if commit is None or diff is None:
        return None
    changed = {"diff_sha256": hashlib.sha256(diff).hexdigest()} if diff else {}
    return {"commit": commit.decode().strip(), **changed}


def _git(folder: Path, *arguments: str) -> bytes | None:
    # GIT_DIR and the like, set inside a hook, would point git at another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            capture_output=True, check=True, timeout=_GIT_SECONDS, env=environment,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _mixture(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mixture that a file describes, whole: one that stands in the recipe is there already."""
    mixture = mixed.mixture_of(data) if data.get("mixture") is None else None
    return {} if mixture is None else {"mixture": mixture.model_dump(mode="json")}


def _data_hashes(recipe: Mapping[str, Any]) -> dict[str, str]:
    """Return the hash of the records, of all files of a mixture, and of the manifest that vouches for their videos,
    where each exists."""
    files: dict[str, Path] = {}
    for section, prefix in (("data", ""), ("general", "general_")):
        if data := recipe.get(section):
            records, mixture = Path(data["records"]), mixed.mixture_of(data)
            files[f"{prefix}records"] = records
            files |= (
                {f"{prefix}records {one.part}": Path(one.records) for one in mixture.parts} if mixture else {}
            )
            files[f"{prefix}manifest"] = Path(data["root"] or records.parent) / MANIFEST_NAME
    return {name: sha256_file(path) for name, path in files.items() if path.is_file()}


def _model_hash(name: str) -> str | None:
    """Return one hash over a local model's weights and settings, its card left out; None for a hub model, named by its
    revision."""
    folder = tiny.WEIGHTS if name == tiny.NAME else Path(name)
    if not folder.is_dir():
        return None
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != ".md"):
        digest.update(f"{path.name}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def _is_new(path: Path) -> bool:
    """Return whether nothing is there yet, save the lock and what a kill left of writing `run.json`."""
    if not path.exists():
        return True
    if not path.is_dir():
        raise RunDirectoryError(
            f"{path} is a file, and a run needs a directory. Name another one with --out."
        )
    return all(entry.name == LOCK_NAME or is_unfinished(entry.name) for entry in path.iterdir())


def _has_trained(path: Path) -> bool:
    """Return whether the run has anything that a step leaves behind."""
    _read_run(path)
    metrics = path / "metrics.jsonl"
    results = (path / COMPLETE_MARKER, path / "model", *(path / "checkpoints").glob("checkpoint-*"))
    return any(result.exists() for result in results) or (metrics.exists() and bool(read_jsonl(metrics)))


def _check_same_run(path: Path, description: Mapping[str, Any]) -> None:
    there = _read_run(path)
    differing = list(_differences(there["recipe"], description["recipe"], run=path))
    if differing:
        of_steps = len(differing) == 1 and differing[0].startswith("train.steps ")
        hint = " More steps make it longer, with --resume." if of_steps else ""
        raise RunDirectoryError(
            f"{path} holds the run of another recipe; it differs in {'; '.join(differing)}.{hint} Name another "
            "directory with --out, or give the recipe that the run began with (it is in run.json, which can be run as "
            "it is)."
        )
    _check_same_inputs(path, there, description)


def _check_same_inputs(path: Path, there: Mapping[str, Any], description: Mapping[str, Any]) -> None:
    for name, what in (("data_sha256", "data"), ("model_sha256", "start model")):
        if there.get(name) != description[name]:
            raise RunDirectoryError(
                f"The {what} of the run in {path} changed since the run began ({name} in run.json), so it is not the "
                "run that is asked for. Restore what was there, or start anew in another directory with --out."
            )


def _check_can_go_on(path: Path, resume: bool) -> None:
    if (path / COMPLETE_MARKER).exists():
        raise RunDirectoryError(
            f"The run in {path} is finished. Write its report with `retroflip report {shlex.quote(str(path))}`, let it "
            "go on with --resume and a larger train.steps, or start another run with --out DIR."
        )
    if not resume:
        raise RunDirectoryError(
            f"{path} holds an unfinished run of this recipe. Go on with it with --resume, or name another directory "
            "with --out."
        )


def _read_run(path: Path) -> dict[str, Any]:
    file = path / "run.json"
    if not file.is_file():
        raise RunDirectoryError(
            f"{path} is not empty and holds no run (there is no run.json). Name a new or empty directory with --out."
        )
    try:
        run = read_json_object(file)
    except DataError as error:
        raise RunDirectoryError(f"{error} Or start anew in another directory with --out.") from error
    if not isinstance(run.get("recipe"), dict):
        raise RunDirectoryError(
            f"{file} is damaged: it holds no recipe. Restore it, or start anew in another directory with --out."
        )
    if run.get("schema") != SCHEMA:
        raise RunDirectoryError(
            f"{file} has schema {run.get('schema')}, and this version of retroflip writes {SCHEMA}. "
            "Go on with the version that began the run (see packages in run.json), or start anew with --out."
        )
    return run


def _differences(old: Any, new: Any, key: str = "", *, run: Path) -> Iterator[str]:
    """Yield "key (was x, now y)" for every dotted key at which the recipe of the run at `run` and another differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            yield from _differences(
                old.get(name), new.get(name), f"{key}.{name}" if key else str(name), run=run
            )
    elif old is None and new is not None and _BEFORE.get(key) == new:
        return
    elif old != new and (old, new) not in _UNSET and not _came_along(old, new, run):
        yield f"{key} (was {json.dumps(old)}, now {json.dumps(new)})"


def _came_along(old: Any, new: Any, run: Path) -> bool:
    """Whether two paths are one place in a folder that holds the run too, and was moved or copied as a whole.

    What lies there is compared by its hash in any case (`_check_same_inputs`).
    """
    if not (
        isinstance(old, str) and isinstance(new, str) and Path(old).is_absolute() and Path(new).is_absolute()
    ):
        return False
    ends = zip(reversed(Path(old).parts), reversed(Path(new).parts), strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], ends))
    return shared > 0 and run.is_relative_to(Path(new).parents[shared - 1])


def newest_logs(path: Path) -> Path | None:
    """Return the folder of a run's last start's logs; None before its first one."""
    logs = path / "logs"
    found = [folder for folder in logs.iterdir() if _ATTEMPT.fullmatch(folder.name)] if logs.is_dir() else []
    return max(found, key=lambda folder: int(folder.name.removeprefix("attempt_")), default=None)


def _start_attempt(path: Path) -> int:
    logs = path / "logs"
    logs.mkdir(exist_ok=True)
    newest = newest_logs(path)
    attempt = 1 + (int(newest.name.removeprefix("attempt_")) if newest else 0)
    folder = logs / f"attempt_{attempt}"
    folder.mkdir()
    write_json_atomic(folder / "environment.json", {"code": describe_code(), "packages": describe_packages()})
    return attempt
