"""Questions of which a folder of answers says nothing, as after a run that was stopped: they are wrong, so that
denominators are those of the data or benchmark that was asked, and not of what was answered."""

import json
from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from retroflip.bench.records import AnswerRecord, Control, failed_record
from retroflip.data.prompts import with_null_option
from retroflip.data.sample import Sample
from retroflip.errors import RetroflipError

_WHY = "it was not answered"


def unanswered(
    records: Sequence[AnswerRecord],
    settings: Mapping[str, Any],
    root: Path | None,
    wanted: Callable[[Sample], bool] | None = None,
) -> list[AnswerRecord]:
    """Return a failed record for every question of the data, under each control of the records, that has none.

    settings: of run.json. wanted: which questions the suite asked. Nothing is known, and nothing returned, where the
    questions cannot be read any more, where they are others than those that were answered, and without `wanted` where a
    suite asked a part of them.
    """
    answered: dict[Control, set[str]] = defaultdict(set)
    for record in records:
        answered[record.control].add(record.id)
    if settings.get("data") and _names_no_other(Path(settings["data"]), set.intersection(*answered.values())):
        return []
    samples = {sample.id: sample for sample in _questions(settings, root, wanted)}
    if not all(ids <= samples.keys() for ids in answered.values()):
        return []
    return [
        failed_record(sample, control, _WHY)
        for control, ids in answered.items()
        for name, sample in samples.items()
        if name not in ids
    ]


def _names_no_other(data: Path, answered: Container[str]) -> bool:
    """Return whether all records of a JSONL file say an id, and each of these was answered: then the file need not be
    read as records, which takes twenty times as long."""
    try:
        with data.open(encoding="utf-8") as lines:
            return all(str(json.loads(line)["problem_id"]) in answered for line in lines)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _questions(
    settings: Mapping[str, Any], root: Path | None, wanted: Callable[[Sample], bool] | None
) -> Sequence[Sample]:
    data, bench = settings.get("data"), settings.get("bench")
    if ("suite" in settings and wanted is None) or not (data or bench):
        return ()
    # They bring decoders and every source of data, which most scores do without.
    from retroflip.bench.questions import bench_questions, recorded_questions
    from retroflip.train.datasets import is_of_records

    place = root or (Path(settings["root"]) if settings.get("root") else None)
    try:
        if data is None:
            samples: Sequence[Sample] = bench_questions(str(bench), place).dataset.samples
        elif is_of_records(Path(data)):
            samples = recorded_questions(Path(data), place, settings.get("columns", {})).dataset.samples
        else:
            return ()
    except (RetroflipError, ValidationError, OSError):
        return ()
    with_null = settings.get("settings", {}).get("null_option", False)
    asked = samples if wanted is None else filter(wanted, samples)
    return [with_null_option(sample) if with_null else sample for sample in asked]
