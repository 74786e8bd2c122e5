"""The benchmark that raters accepted: their pairs alone, with how far they agreed, as a folder of its own."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retroflip.bench.dybench.base import QUALITY
from retroflip.bench.dybench.build import CANDIDATES, RECIPE, REFUSED, seconds_of
from retroflip.bench.dybench.card import SUMMARY, Summary, write_card
from retroflip.bench.dybench.labels import Labels, Rule, agreement, read_labels
from retroflip.bench.dybench.making import VIDEOS
from retroflip.bench.dybench.plans import planned_row, read_planned
from retroflip.bench.dybench.recipe import load_dybench_recipe
from retroflip.bench.dybench.records import pair_id
from retroflip.data.folder import CARD, DESCRIPTION_NAME, RECORDS_NAME, claim
from retroflip.data.manifest import MANIFEST_NAME, build_manifest, first_changed, write_manifest
from retroflip.data.records import read_samples, write_samples
from retroflip.data.root import resolve
from retroflip.data.sample import Sample
from retroflip.errors import DataError, UsageError, counted
from retroflip.files.storage import (
    each_row,
    read_json_object,
    write_bytes_atomic,
    write_json_atomic,
    write_jsonl_atomic,
)
from retroflip.progress import Progress
from retroflip.video.hashing import sha256_file

GENERATOR = "retroflip.bench.dybench.release 1"
AGREEMENT = "agreement.json"
LABELS = "labels.jsonl"


@dataclass(frozen=True)
class Released:
    """What was released. rejected, unseen: pairs that raters rejected, and that too few of them saw. unknown: labelled
    pairs that the benchmark has not."""

    summary: Summary
    rejected: int
    unseen: int
    unknown: int
    agreement: Mapping[str, Any]


def release(
    folder: Path, labels_file: Path, out: Path, rule: Rule, least: int, progress: Progress
) -> Released:
    """Write to `out` the pairs that raters accepted. least: raters who must have seen a pair.

    Raises UsageError for a folder that no build wrote, DataError for labels that cannot be read, for a benchmark that
    was changed after it was built, and where not one pair is accepted.
    """
    if not (folder / SUMMARY).is_file() or not (folder / RECORDS_NAME).is_file():
        raise UsageError(f"{folder}: holds no whole benchmark. Name a folder of `retroflip dybench build`.")
    if not (folder / MANIFEST_NAME).is_file():
        raise DataError(
            f"{folder}: its {MANIFEST_NAME} is gone, so what was built is not known. Build the folder again first."
        )
    if (damaged := first_changed(folder, besides=(CARD,))) is not None:
        raise DataError(f"{damaged}: not the file that the manifest lists. Build the folder again first.")
    labels = read_labels(labels_file)
    samples = read_samples(folder / RECORDS_NAME)
    clips = {sample.pair or "": sample.source_clip for sample in samples}
    verdicts = {pair: labels.accepted(pair, rule, least) for pair in clips}
    kept = {pair for pair, verdict in verdicts.items() if verdict}
    if not kept:
        raise DataError(
            f"{labels_file}: not one of {counted(len(clips), 'pair')} is accepted by the rule {rule.value} with "
            f"{counted(least, 'rater')} or "
            "more each. Check that the labels are about this benchmark."
        )
    asked = {
        "generator": GENERATOR,
        "rule": rule.value,
        "raters": least,
        "labels_sha256": sha256_file(labels_file),
        "built_sha256": sha256_file(folder / MANIFEST_NAME),
    }
    agreed = agreement(labels, clips)
    if not claim(out, asked):
        _write(
            folder, labels, out, [one for one in samples if one.pair in kept], agreed, rule, least, progress
        )
    counts = Counter(verdicts.values())
    return Released(
        Summary.of(read_json_object(out / SUMMARY)),
        counts[False],
        counts[None],
        len(labels.by_pair.keys() - clips.keys()),
        agreed,
    )


def _write(
    folder: Path,
    labels: Labels,
    out: Path,
    samples: list[Sample],
    agreed: Mapping[str, Any],
    rule: Rule,
    least: int,
    progress: Progress,
) -> None:
    kept = {sample.pair for sample in samples}
    (out / VIDEOS).mkdir(exist_ok=True)
    progress.stage("copying videos", len(samples), "videos")
    for done, sample in enumerate(samples, start=1):
        write_bytes_atomic(out / sample.video, resolve(folder, sample.video).read_bytes())
        progress.advance(done)
    quality = [row for row in each_row(folder / QUALITY) if row["pair"] in kept]
    write_jsonl_atomic(out / QUALITY, quality)
    planned = [one for one in read_planned(folder / CANDIDATES) if pair_id(one) in kept]
    write_jsonl_atomic(out / CANDIDATES, [planned_row(one) for one in planned])
    for name in (REFUSED, RECIPE):
        write_bytes_atomic(out / name, (folder / name).read_bytes())
    rows = [one.model_dump() for given in labels.by_pair.values() for one in given.values()]
    write_jsonl_atomic(out / LABELS, rows)
    write_json_atomic(out / AGREEMENT, agreed)
    summary = _summary(folder, samples, quality)
    write_json_atomic(out / SUMMARY, summary.as_json())
    write_card(out, load_dybench_recipe(folder / RECIPE), summary, _told(agreed, rule, least))
    write_samples(out / RECORDS_NAME, samples)
    others = [QUALITY, CANDIDATES, REFUSED, RECIPE, LABELS, AGREEMENT, SUMMARY, CARD]
    files = [DESCRIPTION_NAME, RECORDS_NAME, *others, *(sample.video for sample in samples)]
    write_manifest(out / MANIFEST_NAME, build_manifest(out, files))


def _summary(folder: Path, samples: list[Sample], quality: list[dict[str, Any]]) -> Summary:
    before = Summary.of(read_json_object(folder / SUMMARY))
    made = Counter((sample.task, sample.source) for sample in samples[::2])
    parts = [replace(one, made=made[one.sub_task, one.source], built=one.made) for one in before.parts]
    summary = Summary.count(samples, [seconds_of(row) for row in quality], parts)
    return replace(summary, refused=before.refused, missing=before.missing, not_asked=before.not_asked)


def _told(agreed: Mapping[str, Any], rule: Rule, least: int) -> str:
    verdict = agreed["verdict"]
    alpha = verdict["krippendorff_alpha"]
    how_far = (
        "No pair has the verdicts of two raters, so how far they agree is not known."
        if alpha is None
        else f"On {counted(verdict['pairs'], 'pair')} with two verdicts or more, Krippendorff's alpha is {alpha:.2f} "
        f"({verdict['interval'][0]:.2f} to {verdict['interval'][1]:.2f}, 95 %, over recordings)."
    )
    rules = {Rule.MAJORITY: "more raters accepted than rejected", Rule.UNANIMOUS: "all its raters accepted"}
    return (
        f"Kept are the pairs that {rules[rule]}, each seen by at least {least}: "
        f"{counted(len(agreed['raters']), 'rater')} gave "
        f"{counted(agreed['labels'], 'verdict')} on {counted(agreed['pairs'], 'pair')}. {how_far} All verdicts are "
        f"in `{LABELS}`, their "
        f"agreement on each criterion in `{AGREEMENT}`. Before that, the automatic checks of `{QUALITY}`."
    )
