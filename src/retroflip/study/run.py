"""All arms over several seeds, from one command that can be stopped and started again at any point.

    DIR/study.json, study.md     the tables, written anew after every arm
    DIR/seed-N/data, sft         the laboratory and the start that a seed's arms share
    DIR/seed-N/ARM, eval/ARM     an arm's run directory, and its model's answers about the pairs
    DIR/seed-N/failures/ARM.json what stopped an arm; it is tried again when the study is

What is done is a matter of these files alone: a finished run with its scores is not touched again.
"""

import json
import re
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from retroflip import directory_lock
from retroflip.data.records import read_samples
from retroflip.data.sample import Sample
from retroflip.errors import RetroflipError, RunDirectoryError
from retroflip.files import jsonable, write_json_atomic, write_text_atomic
from retroflip.progress import Progress
from retroflip.run_directory import COMPLETE_MARKER, RunDirectory
from retroflip.stages import FULL, Size, evaluate, lab_settings, reinforced, supervised
from retroflip.study.arms import ARMS, Arm, Budget, budget, chosen, recipe_of
from retroflip.study.cells import CONTROLS, SeedFolder
from retroflip.study.document import document
from retroflip.study.markdown import markdown
from retroflip.synth.laboratory import Laboratory, write_laboratory

QUICK = Size(sft_samples=32, train_samples=16, pairs_per_task=2, sft_steps=3, rl_steps=2)
"""shows that every step works, and no more"""
TABLE = "study.json"
PAGE = "study.md"

FAILURES = (RetroflipError, RuntimeError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
"""what stops one arm and not the others: what training reports, torch's errors (memory, shapes), and mistakes in a
method's own code, all recorded with their tracebacks. A full disk, say, stops the study."""

_SEED_FOLDER = re.compile(r"seed-(\d+)")
_OWN = re.compile(r"\.|seed-\d+$|study\.md$")
"""what a study may leave without its table: the lock, half a file, and results from which the table is made again"""


@dataclass(frozen=True)
class _Labelled:
    """A listener that is told whose stage it is."""

    progress: Progress
    label: str

    def stage(self, name: str, total: int, unit: str) -> None:
        self.progress.stage(f"{self.label}: {name}", total, unit)

    def advance(self, done: int, note: str = "") -> None:
        self.progress.advance(done, note)


@dataclass(frozen=True)
class _Seed:
    """What the arms of a seed share. fresh: whether the start model was made just now."""

    number: int
    folder: SeedFolder
    size: Size
    lab: Laboratory
    start: Path
    fresh: bool
    pairs: Sequence[Sample]


def run_study(
    out: Path, *, seeds: Sequence[int], names: Sequence[str], quick: bool, progress: Progress
) -> dict[str, Any]:
    """Run the named arms (all for no names) with these seeds in the directory `out` and return study.json.

    The table covers all arms and every seed there is a folder of. An arm that fails is recorded, and the others go on.

    Raises UsageError for an unknown arm, RecipeError for an arm whose recipe cannot be read, RunDirectoryError when
    `out` holds something else or a study of another size, and what the supervised start of a seed raises.
    """
    arms = chosen(names)
    budgets = {arm.name: budget(arm) for arm in ARMS}
    size = QUICK if quick else FULL
    _open(out, size)
    found = write_tables(out, budgets, size, seeds)
    total = len(seeds) * len(arms)
    for turn, number in enumerate(seeds):
        seed = _prepare(out, number, size, _Labelled(progress, f"seed {number}"))
        for index, arm in enumerate(arms, start=1 + turn * len(arms)):
            settle(seed, arm, _Labelled(progress, f"{index}/{total}, seed {number}, {arm.name}"))
            found = write_tables(out, budgets, size, seeds)
    return found


def write_tables(
    out: Path, budgets: dict[str, Budget | None], size: Size, seeds: Sequence[int]
) -> dict[str, Any]:
    """Write study.json and study.md from what is there now, and return study.json."""
    there = {int(match[1]) for entry in out.iterdir() if (match := _SEED_FOLDER.fullmatch(entry.name))}
    shown = sorted(there | set(seeds))
    cells = {arm.name: {seed: _folder(out, seed).read(arm) for seed in shown} for arm in ARMS}
    found: dict[str, Any] = jsonable(document(cells, budgets, _settings(size), shown))
    write_json_atomic(out / TABLE, found)
    write_text_atomic(out / PAGE, markdown(found))
    return found


def settle(seed: _Seed, arm: Arm, progress: Progress) -> None:
    """Bring one arm to its scores, or record what stopped it."""
    record = seed.folder.failure(arm)
    try:
        _train_and_ask(seed, arm, progress)
    except FAILURES as error:
        record.parent.mkdir(exist_ok=True)
        message = str(error) or type(error).__name__
        write_json_atomic(
            record,
            {
                "error": type(error).__name__,
                "message": message,
                "traceback": "".join(traceback.format_exception(error)),
            },
        )
        progress.stage(f"failed: {message}", 0, "")
    else:
        record.unlink(missing_ok=True)


def _train_and_ask(seed: _Seed, arm: Arm, progress: Progress) -> None:
    model, fresh = seed.start, seed.fresh
    if arm.recipe is not None:
        recipe = recipe_of(arm, arm.recipe, seed.start, seed.lab, seed.size, seed.number)
        run = seed.folder.run(arm)
        fresh = not RunDirectory.is_finished(run, recipe.resolved())
        model = reinforced(recipe, run, progress)
    # A model that was made just now is asked even where there are scores: they could be another's, and that is checked.
    if fresh or not seed.folder.is_evaluated(arm):
        evaluate(seed.folder.answers(arm), model, seed.lab, seed.pairs, CONTROLS, progress)


def _prepare(out: Path, number: int, size: Size, progress: Progress) -> _Seed:
    """Make the laboratory and the supervised start of a seed, unless they are there."""
    folder = _folder(out, number)
    lab = write_laboratory(folder.data, lab_settings(size, number), progress)
    fresh = not (folder.start / COMPLETE_MARKER).is_file()
    start = supervised(folder.start, lab, size, number, progress)
    return _Seed(number, folder, size, lab, start, fresh, read_samples(lab.pairs / "records.jsonl"))


def _folder(out: Path, number: int) -> SeedFolder:
    return SeedFolder(out / f"seed-{number}")


def _settings(size: Size) -> dict[str, Any]:
    return {"size": asdict(size)}


def _open(out: Path, size: Size) -> None:
    """Take the directory for this process. Raises RunDirectoryError unless it is empty or holds this study."""
    if out.exists() and not out.is_dir():
        raise RunDirectoryError(
            f"{out} is a file, and a study needs a directory. Name another one with --out."
        )
    out.mkdir(parents=True, exist_ok=True)
    directory_lock.hold(out)
    table = out / TABLE
    if not table.exists():
        if not all(_OWN.match(entry.name) for entry in out.iterdir()):
            raise RunDirectoryError(
                f"{out} is not empty and holds no study (there is no {TABLE}). Name a new or empty directory with "
                "--out."
            )
        return
    there = _read_settings(table)
    wanted = jsonable(_settings(size))
    if there != wanted:
        raise RunDirectoryError(
            f"{out} holds a study of another size ({json.dumps(there)}, now {json.dumps(wanted)}). Name another "
            "directory with --out, or leave --quick as it was."
        )


def _read_settings(table: Path) -> Any:
    try:
        return json.loads(table.read_bytes())["settings"]
    except (ValueError, KeyError, TypeError) as error:
        raise RunDirectoryError(
            f"{table} is damaged or of another program ({error}). The runs beside it hold all results: delete it, and "
            "the study writes it anew."
        ) from error
