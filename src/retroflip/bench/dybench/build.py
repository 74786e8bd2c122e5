"""DyBench on disk: counterfactual pairs from the sources of a recipe, built by many processes, resumable at any point.

    DIR/dataset.json      what was asked for, and the hash of all candidates; written first
    DIR/videos/*.mp4      both sides of every pair, put in place whole
    DIR/journal.jsonl     what became of every plan that was tried, by which a rerun goes on
    DIR/refused.jsonl     everything that no pair was made of, with the reason
    DIR/quality.jsonl     what the checks found out of every pair, for its raters
    DIR/candidates.jsonl  the plans of the pairs, with their media's hashes; DIR/recipe.yaml what they were built by
    DIR/README.md         the data card
    DIR/records.jsonl     the questions, both sides of a pair one after the other
    DIR/manifest.json     the SHA-256 of every file but the journal; written last

Which plans become pairs is a function of the recipe and of what each plan comes to, whatever finished first: equal
sources and recipes give equal bytes.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from retroflip.bench.dybench.base import QUALITY, SubTask
from retroflip.bench.dybench.card import SUMMARY, Part, Summary, write_card
from retroflip.bench.dybench.making import VIDEOS, Job, crashed, make
from retroflip.bench.dybench.people import require_people
from retroflip.bench.dybench.plans import Planned, planned_row
from retroflip.bench.dybench.recipe import DyBenchRecipe
from retroflip.bench.dybench.records import pair_id, samples_of
from retroflip.bench.dybench.survey import Quota, RefusedPlan, Survey, root_of
from retroflip.data.folder import CARD, DESCRIPTION_NAME, RECORDS_NAME, claim
from retroflip.data.manifest import MANIFEST_NAME, build_manifest, write_manifest
from retroflip.data.records import read_samples, write_samples
from retroflip.data.sample import Sample
from retroflip.errors import DataError
from retroflip.files.locks import hold, release
from retroflip.files.storage import (
    append_jsonl,
    each_row,
    read_json_object,
    write_bytes_atomic,
    write_json_atomic,
    write_jsonl_atomic,
    write_text_atomic,
)
from retroflip.progress import Progress
from retroflip.recipes.reading import dumped
from retroflip.video.fingerprint import Fingerprint, Known
from retroflip.video.hashing import sha256_files
from retroflip.workers import Engine

GENERATOR = "retroflip.bench.dybench 1"
JOURNAL = "journal.jsonl"
REFUSED = "refused.jsonl"
CANDIDATES = "candidates.jsonl"
RECIPE = "recipe.yaml"
NEARLY = "nearly the same as another pair"
SAME = "the same files as another pair"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Built:
    """A benchmark that is there: its questions and its counts."""

    samples: Sequence[Sample]
    summary: Summary


@dataclass
class _Decided:
    """Which of the plans tried are pairs (rows by quota), what is refused, and what is to be tried next."""

    pairs: dict[Quota, list[tuple[Planned, Row]]] = field(default_factory=dict)
    refused: list[RefusedPlan] = field(default_factory=list)
    next: list[Planned] = field(default_factory=list)


def build(
    recipe: DyBenchRecipe,
    roots: Mapping[str, Path],
    found: Survey,
    out: Path,
    engine: Engine,
    progress: Progress,
) -> Built:
    """Write the benchmark to `out`, or what is missing of it.

    found: what `survey` returned for the same recipe and roots. Raises UsageError for a folder that holds something
    else and for a check whose package is missing, DataError where not one pair can be made, RunDirectoryError where
    another process is at work in it.
    """
    if recipe.checks.people == "pictures":
        require_people()
    asked = {"generator": GENERATOR, **recipe.portable(), "candidates_sha256": found.digest()}
    if claim(out, asked):
        return Built(read_samples(out / RECORDS_NAME), Summary.of(read_json_object(out / SUMMARY)))
    hold(out)
    (out / VIDEOS).mkdir(exist_ok=True)
    tried = _read_journal(out)
    total = sum(min(len(queue), recipe.wanted[quota] or len(queue)) for quota, queue in found.queues.items())
    progress.stage("building pairs", total, "pairs")
    before, began = len(tried), time.monotonic()
    while (decided := _decide(recipe, found.queues, tried)).next:
        jobs = [_job(recipe, roots, one) for one in decided.next]
        for outcome in engine.run(make, jobs, crashed):
            row = {"key": outcome.key, **outcome.row}
            for name, video in zip(row.get("files", {}), outcome.videos, strict=True):
                write_bytes_atomic(out / name, video)
            append_jsonl(out / JOURNAL, row)
            tried[outcome.key] = row
            rate = (len(tried) - before) / (time.monotonic() - began)
            progress.advance(min(total, _made(tried)), f"{rate:.1f} a second")
    return _finished(out, recipe, found, decided)


def _job(recipe: DyBenchRecipe, roots: Mapping[str, Path], planned: Planned) -> Job:
    return Job(
        planned,
        recipe.source(planned.source).name,
        root_of(recipe, planned.source, roots),
        recipe.encoder,
        recipe.clips,
        recipe.checks,
    )


def _made(tried: Mapping[str, Row]) -> int:
    return sum("files" in row for row in tried.values())


def _read_journal(out: Path) -> dict[str, Row]:
    """Return what became of plans before, but for pairs whose files are no longer what they were."""
    path = out / JOURNAL
    rows = {row["key"]: row for row in each_row(path)} if path.exists() else {}
    wanted = {name: digest for row in rows.values() for name, digest in row.get("files", {}).items()}
    there = [name for name in wanted if (out / name).is_file()]
    hashes = dict(zip(there, sha256_files(out / name for name in there), strict=True))
    return {
        key: row
        for key, row in rows.items()
        if all(hashes.get(name) == digest for name, digest in row.get("files", {}).items())
    }


def _decide(
    recipe: DyBenchRecipe, queues: Mapping[Quota, Sequence[Planned]], tried: Mapping[str, Row]
) -> _Decided:
    """Go through every quota's plans in their order and take the first that will do, until it is filled."""
    decided = _Decided()
    seen: dict[SubTask, _Seen] = {}
    for quota, queue in queues.items():
        wanted = recipe.wanted[quota]
        pairs = decided.pairs[quota] = []
        unknown: list[Planned] = []
        known = seen.setdefault(quota[0], _Seen(Known(), {}))
        for planned in queue:
            if wanted is not None and len(pairs) + len(unknown) >= wanted:
                break
            row = tried.get(planned.key)
            if row is None:
                unknown.append(planned)
            elif (refusal := _refusal(planned, row, known, recipe.checks.near)) is not None:
                decided.refused.append(refusal)
            else:
                pairs.append((planned, row))
        decided.next += unknown
    return decided


@dataclass
class _Seen:
    """The pairs of a sub-task so far: their fingerprints, and their files' hashes."""

    fingerprints: Known
    files: dict[str, str]


def _refusal(planned: Planned, row: Row, seen: _Seen, near: float) -> RefusedPlan | None:
    """Return why a plan that was tried is no pair; None for one that is, which is then seen."""
    key = planned.key
    if "refused" in row:
        return RefusedPlan(key, row["refused"]["reason"], row["refused"]["detail"])
    for digest in row["files"].values():
        if digest in seen.files:
            return RefusedPlan(key, SAME, seen.files[digest])
    own = Fingerprint.read(row["fingerprint"])
    found = seen.fingerprints.nearest(own)
    if found is not None and found[1].distance <= near:
        name, how = found
        return RefusedPlan(key, NEARLY, f"{name}, {how.way}: {how.distance:.0%} of the signs differ")
    seen.fingerprints.add(key, own)
    seen.files |= dict.fromkeys(row["files"].values(), key)
    return None


def _finished(out: Path, recipe: DyBenchRecipe, found: Survey, decided: _Decided) -> Built:
    """Write everything but the videos, and remove videos that belong to no pair."""
    pairs = [pair for rows in decided.pairs.values() for pair in rows]
    refused = [*found.refused, *decided.refused]
    if not pairs:
        reasons = Counter(one.reason for one in refused).most_common(1)
        why = f"most often because of: {reasons[0][0]}" if reasons else "since the sources hold no candidates"
        write_jsonl_atomic(out / REFUSED, [one._asdict() for one in refused])
        raise DataError(f"No pair can be made, {why}. Everything refused is listed in {out / REFUSED}.")
    samples = samples_of(pairs)
    seconds = [seconds_of(row) for _, row in pairs]
    parts = _parts(recipe, found, decided)
    summary = Summary.count(samples, seconds, parts, refused, found.missing, found.not_asked)
    kept = {name for _, row in pairs for name in row["files"]}
    for path in (out / VIDEOS).iterdir():
        if f"{VIDEOS}/{path.name}" not in kept:
            path.unlink()
    write_jsonl_atomic(out / REFUSED, [one._asdict() for one in refused])
    write_jsonl_atomic(out / QUALITY, [_quality(planned, row) for planned, row in pairs])
    listed = [planned_row(Planned(one.source, one.plan, row["media"])) for one, row in pairs]
    write_jsonl_atomic(out / CANDIDATES, listed)
    write_text_atomic(out / RECIPE, dumped(recipe.portable()))
    write_json_atomic(out / SUMMARY, summary.as_json())
    write_card(out, recipe, summary)
    write_samples(out / RECORDS_NAME, samples)
    others = [REFUSED, QUALITY, CANDIDATES, RECIPE, SUMMARY, CARD]
    write_manifest(
        out / MANIFEST_NAME, build_manifest(out, [DESCRIPTION_NAME, RECORDS_NAME, *others, *sorted(kept)])
    )
    release(out)
    return Built(samples, summary)


def _quality(planned: Planned, row: Row) -> dict[str, Any]:
    return {
        "pair": pair_id(planned),
        **{key: row[key] for key in ("motion", "sides_apart", "flags", "fingerprint", "frames", "fps")},
    }


def _parts(recipe: DyBenchRecipe, found: Survey, decided: _Decided) -> list[Part]:
    return [
        Part(quota[0].value, quota[1], recipe.wanted[quota], len(rows), len(found.queues[quota]))
        for quota, rows in decided.pairs.items()
    ]


def seconds_of(row: Row) -> float:
    """Return how long both sides of a pair are. row: with its `frames` and `fps`."""
    return int(row["frames"]) / float(Fraction(row["fps"]))
