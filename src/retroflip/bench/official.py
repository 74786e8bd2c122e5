"""A benchmark's own score of answers that were made here, beside ours."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item
from retroflip.bench.benchmarks.recorded import score_recorded
from retroflip.bench.records import AnswerRecord, Control, read_again
from retroflip.errors import DataError


@dataclass(frozen=True)
class Published:
    """A benchmark and those of its questions that were answered. fault: why they cannot be had."""

    bench: Benchmark
    items: Mapping[str, Item]
    fault: str = ""

    def read(self, records: Sequence[AnswerRecord]) -> list[AnswerRecord]:
        """Return records read as the benchmark's answers are: 'Option 2' is B to one of them."""
        return [self._read(one) if one.id in self.items and one.error is None else one for one in records]

    def _read(self, record: AnswerRecord) -> AnswerRecord:
        said = self.bench.reading(self.items[record.id], record.response)
        if said == record.response:
            return record
        found = read_again(replace(record, response=said))
        return replace(found, response=record.response)

    def scores(self, records: Sequence[AnswerRecord]) -> dict[str, Any]:
        """Return what `score_recorded` does, of the first answers to the whole videos."""
        graded = [self._graded(one) for one in records if one.control is Control.FULL and one.draw == 0]
        answered = [one for one in graded if one is not None]
        if not answered:
            return {"official": None, "official_fault": self.fault or "no question of it was answered"}
        return score_recorded(self.bench, answered)

    def _graded(self, record: AnswerRecord) -> Graded | None:
        item = self.items.get(record.id)
        if item is None:
            return None
        if record.error is not None:
            return Graded(item, None, 0.0)
        return Graded(item, record.response, self.bench.grade(item, record.response))


def published(settings: Mapping[str, Any], root: Path | None, answered: Collection[str]) -> Published | None:
    """Return the benchmark of a folder of answers, of which run.json holds these settings; None where it is of none.

    root: where its files are, by default where they were when it was asked.
    """
    if "bench" not in settings:
        return None
    from retroflip.bench.benchmarks.registry import BENCHMARKS  # brings every benchmark's own formats

    bench = BENCHMARKS.get(str(settings["bench"]))
    if bench is None:
        return None
    place = root or Path(str(settings.get("root")))
    try:
        return Published(bench, {i.sample.id: i for i in bench.items(place) if i.sample.id in answered})
    except (DataError, OSError) as error:
        return Published(bench, {}, f"{error} Name the folder of its files with --root.")
