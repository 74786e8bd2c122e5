"""All arms of a plan over several seeds, in a directory that can be left and taken up at any point.

What is done is a matter of the files alone: a finished run with its scores is not touched again.
"""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from retroflip.errors import RetroflipError, RunStoppedError
from retroflip.files.storage import jsonable, write_json_atomic
from retroflip.progress import NOTHING, Facts, Progress
from retroflip.report.build import report_directories
from retroflip.study.cells import SeedFolder
from retroflip.study.directory import REPORT, open_study, save_tables, seed_folder, seeds_there
from retroflip.study.document import document
from retroflip.study.markdown import markdown
from retroflip.study.plan import ArmT, OneSeed, Plan, chosen

FAILURES = (RetroflipError, RuntimeError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
"""what stops one arm and not the others: what training reports, torch's errors (memory, shapes), and mistakes in a
method's own code, all recorded with their tracebacks. A full disk, say, stops the study."""


def run_study(
    plan: Plan[ArmT], out: Path, *, seeds: Sequence[int], names: Sequence[str], progress: Progress
) -> dict[str, Any]:
    """Run the named arms (all for no names) with these seeds in the directory `out`, write the report of what is there
    then, and return study.json.

    The tables cover all arms and every seed there is a folder of. An arm that fails is recorded, and the others go on.

    Raises UsageError for an unknown arm, RunDirectoryError when `out` holds something else or a study of another size,
    what the plan's `open_seed` raises, RunStoppedError after a SIGTERM or SIGINT while an arm trains, and DataError for
    files of an earlier start that were changed since.
    """
    arms = chosen(names, plan.arms)
    open_study(out, plan.settings)
    found = write_tables(plan, out, seeds)
    total = len(seeds) * len(arms)
    for turn, seed in enumerate(seeds):
        shared = plan.open_seed(seed_folder(out, seed), seed, Labelled(progress, f"seed {seed}"))
        for index, arm in enumerate(arms, start=1 + turn * len(arms)):
            told = Labelled(progress, f"{index}/{total}, seed {seed}, {arm.name}")
            folder = SeedFolder(seed_folder(out, seed))
            attempt(folder.failure(arm), partial(settle, folder, shared, arm, told), told)
            found = write_tables(plan, out, seeds)
    progress.stage("writing the report", 0, "")
    report_directories([out], out / REPORT)
    return found


def settle(folder: SeedFolder, shared: OneSeed[ArmT], arm: ArmT, progress: Progress) -> None:
    """Bring one arm to its scores."""
    model, fresh = shared.train(arm, progress)
    # A model that was made just now is asked even where there are scores: they could be another's, and that is checked.
    if fresh or not folder.is_evaluated(arm):
        shared.ask(arm, model, progress)


def write_tables(plan: Plan[ArmT], out: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Write study.json and study.md from what is there now, and return study.json."""
    shown = seeds_there(out, seeds)
    folders = {seed: SeedFolder(seed_folder(out, seed)) for seed in shown}
    cells = {
        arm.name: {seed: folder.read(arm, plan.measured) for seed, folder in folders.items()}
        for arm in plan.arms
    }
    study: dict[str, Any] = jsonable(document(plan, cells, shown))
    save_tables(out, study, markdown(plan, study))
    return study


@dataclass(frozen=True)
class Labelled:
    """A listener that is told whose stage it is."""

    progress: Progress
    label: str

    def stage(self, name: str, total: int, unit: str) -> None:
        self.progress.stage(f"{self.label}: {name}", total, unit)

    def advance(self, done: int, note: str = "", facts: Facts = NOTHING) -> None:
        self.progress.advance(done, note, facts)


def attempt(record: Path, work: Callable[[], None], progress: Progress) -> None:
    """Do an arm's work, or write to `record` what stopped it; the record of an earlier attempt goes when it is done.

    Raises RunStoppedError where the arm was told to stop, which the study is then too.
    """
    try:
        work()
    except RunStoppedError:
        raise
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
