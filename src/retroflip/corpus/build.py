"""`retroflip data build`: from published files to a mixture that training reads, in one go that a kill does not undo.

OUT/imported/PART.jsonl  what a published file became, with its rejects and its card
OUT/PART.jsonl           the same with the Task Router's labels on videos
OUT/PART.done.json       what the part was made of; a part that is made already is not made again
OUT/mixture.yaml         what a training recipe names as its data
OUT/report.json          counts beside the paper's, and all that is otherwise
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.corpus.recipe import CorpusRecipe, PartSection
from retroflip.data.imports import import_source
from retroflip.data.sources import SOURCES
from retroflip.data.sources.base import Wanted, files_of_folder
from retroflip.errors import DataError, UsageError
from retroflip.files import locks
from retroflip.files.names import why_missing
from retroflip.files.storage import read_json_object, write_json_atomic, write_text_atomic
from retroflip.progress import Progress, Silence, numbered
from retroflip.recipes.reading import dumped
from retroflip.router.labelled_files import RULES_VERSION, RulesRouter, write_labelled
from retroflip.video.hashing import sha256_file
from retroflip.workers import Engine

MIXTURE = "mixture.yaml"
REPORT = "report.json"
_IMPORTED = "imported"


class Places(NamedTuple):
    """Where one part's files lie."""

    imported: Path
    records: Path
    done: Path

    @classmethod
    def of(cls, out: Path, name: str) -> "Places":
        """Return a part's places in the folder of a corpus."""
        return cls(out / _IMPORTED / f"{name}.jsonl", out / f"{name}.jsonl", out / f"{name}.done.json")


class Job(NamedTuple):
    """A part to be made, whole in itself: it is handed to other processes and other machines."""

    name: str
    recipe: CorpusRecipe
    root: Path
    out: Path


def build(
    recipe: CorpusRecipe, root: Path, out: Path, progress: Progress, engine: Engine | None = None
) -> dict[str, Any]:
    """Make a corpus, and return its report.

    root: the folder that holds the published files. engine: where parts are made at once, on machines that share the
    folders; by default one after the other here. The files have the same bytes.

    Raises UsageError where files are missing, naming all of them, and DataError as `import_source` does.
    """
    _require_files(recipe, root)
    (out / _IMPORTED).mkdir(parents=True, exist_ok=True)
    locks.hold(out)
    made = _at_once(recipe, root, out, progress, engine) if engine else _in_turn(recipe, root, out, progress)
    write_text_atomic(out / MIXTURE, dumped(_mixture(recipe, root)))
    report = _report(recipe, made, root)
    write_json_atomic(out / REPORT, report)
    return report


def _in_turn(recipe: CorpusRecipe, root: Path, out: Path, progress: Progress) -> dict[str, dict[str, Any]]:
    listeners = numbered(progress, list(recipe.parts))
    jobs = (Job(name, recipe, root, out) for name in recipe.parts)
    return {job.name: _made(job, listener) for job, listener in zip(jobs, listeners, strict=True)}


def _at_once(
    recipe: CorpusRecipe, root: Path, out: Path, progress: Progress, engine: Engine
) -> dict[str, dict[str, Any]]:
    jobs = [Job(name, recipe, root.absolute(), out.absolute()) for name in recipe.parts]
    progress.stage("making parts", len(jobs), "parts")
    made: dict[str, dict[str, Any]] = {}
    for name, counts in engine.run(make_part, jobs):
        made[name] = counts
        progress.advance(len(made), name)
    return {job.name: made[job.name] for job in jobs}


def make_part(job: Job) -> tuple[str, dict[str, Any]]:
    """Make a part unless it is made; return its name and what it came to."""
    return job.name, _made(job, Silence())


def _require_files(recipe: CorpusRecipe, root: Path) -> None:
    if not root.is_dir():
        raise UsageError(f"--root {root} is not a folder. Name the one that holds the published files.")
    gone = {name: root / part.path for name, part in recipe.parts.items() if not (root / part.path).exists()}
    if gone:
        listed = ", ".join(f"{name} ({path})" for name, path in gone.items())
        raise UsageError(
            f"{len(gone)} of {len(recipe.parts)} published files are not there: {listed}. `retroflip data list` says "
            "what to download; or leave parts out in a recipe of your own."
            f"{why_missing(next(iter(gone.values())))}"
        )


def _made(job: Job, progress: Progress) -> dict[str, Any]:
    """Return what a part came to, having made it unless that was done from the same files with the same settings."""
    recipe, root = job.recipe, job.root
    part, places = recipe.parts[job.name], Places.of(job.out, job.name)
    media = _media(part, root)
    of_what = {
        "part": part.model_dump(mode="json"),
        "conventions": recipe.conventions.model_dump(mode="json"),
        "router": RULES_VERSION,
        "media_checked": media is not None,
        "files": {
            str(file.relative_to(root)): sha256_file(file) for file in files_of_folder(root / part.path)
        },
    }
    if (found := _done(places, of_what)) is not None:
        return found
    wanted = Wanted(root / part.path, dict(part.columns), part.split, part.whole)
    imported = import_source(SOURCES[part.source], wanted, places.imported, progress, root=media)
    table = write_labelled(places.imported, places.records, [RulesRouter(recipe.conventions)], progress)
    counts = {
        "records": imported.tally.samples,
        "rejected": dict(imported.rejects.most_common()),
        "by_modality": dict(imported.tally.by_modality.most_common()),
        "by_type": dict(imported.tally.by_type.most_common()),
        "labels": table.counts(),
        "counterfactual_known": table.known,
    }
    row = {"made_of": of_what, "records_sha256": sha256_file(places.records), "counts": counts}
    write_json_atomic(places.done, row)
    return counts


def _media(part: PartSection, root: Path) -> Path | None:
    """Return the folder of a part's media where there is one, to look for each of them."""
    folder = root / part.media
    return folder if part.media and folder.is_dir() else None


def _done(places: Places, of_what: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a part came to that was made already; None where it was not, or of other files, or was changed."""
    if not places.done.is_file() or not places.records.is_file():
        return None
    try:
        row = read_json_object(places.done)
    except DataError:
        return None
    same = row.get("made_of") == of_what and row.get("records_sha256") == sha256_file(places.records)
    return row["counts"] if same else None


def _mixture(recipe: CorpusRecipe, root: Path) -> dict[str, Any]:
    """Return the content of the mixture's file."""
    parts = [
        {
            "records": f"{name}.jsonl",
            "root": str((root / part.media).absolute()),
            "name": name,
            **({"weight": part.weight} if part.weight is not None else {}),
            "modalities": ["video", "image", "text"],
        }
        for name, part in recipe.parts.items()
    ]
    return {"mixture": {"parts": parts, **recipe.mixture.model_dump(mode="json", exclude_defaults=True)}}


def _report(recipe: CorpusRecipe, made: Mapping[str, Mapping[str, Any]], root: Path) -> dict[str, Any]:
    """Return counts beside the paper's, and what is otherwise."""
    checks = {
        **{name: (part.count, 0, (name,)) for name, part in recipe.parts.items() if part.count is not None},
        **{name: (total.count, total.within, total.parts) for name, total in recipe.totals.items()},
    }
    counted = {
        name: {"expected": expected, "within": within, "found": sum(made[part]["records"] for part in parts)}
        for name, (expected, within, parts) in checks.items()
    }
    differ = {
        name: one for name, one in counted.items() if abs(one["found"] - one["expected"]) > one["within"]
    }
    unseen = [
        name
        for name, part in recipe.parts.items()
        if _media(part, root) is None and set(made[name]["by_modality"]) != {"text"}
    ]
    deviations = [
        *(
            f"{name}: {one['found']} records, the paper counts {one['expected']}"
            for name, one in differ.items()
        ),
        *(
            f"{name}: its media are not under {root / recipe.parts[name].media}, and were not looked for"
            for name in unseen
        ),
        *recipe.deviations,
    ]
    return {
        "title": recipe.title,
        "parts": dict(made),
        "counts": counted,
        "as_counted": not differ,
        "deviations": deviations,
    }
