"""`retroflip route`: labels for a data file, record by record, and what the labels of a file come to.

Records are read, labelled and written one after the other. The new file appears when all of it is written; a record
that cannot be read stops it, as everywhere.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retroflip.data.records import format_record, stream_samples
from retroflip.data.sample import Modality, Routing, Sample, TaskType
from retroflip.files.seals import dumped
from retroflip.files.storage import replacing
from retroflip.progress import Progress
from retroflip.router.agreement import LABELS
from retroflip.router.rules import Conventions, Decision, decide_sample

RULES = "rules"
RULES_VERSION = "1"
_STEP = 1000
"""records between two signs of progress"""


@dataclass
class Table:
    """How many videos have which label, by source (CRPO, table 8), and what else is to be said of a file."""

    by_source: dict[str, Counter[TaskType]] = field(default_factory=lambda: defaultdict(Counter))
    unlabelled: Counter[str] = field(default_factory=Counter)
    routers: Counter[str] = field(default_factory=Counter)
    flip_unsafe: int = 0
    known: int = 0
    unsure: int = 0
    relabelled: int = 0

    def add(self, sample: Sample) -> None:
        """Count a sample."""
        if sample.modality is not Modality.VIDEO or sample.task_type is None:
            self.unlabelled[sample.modality.value] += 1
            return
        self.by_source[sample.source or "(none)"][sample.task_type] += 1
        self.known += sample.counterfactual_solution is not None
        if (routing := sample.routing) is not None:
            self.routers[f"{routing.router} {routing.version}".strip()] += 1
            self.flip_unsafe += routing.flip_unsafe
            self.unsure += routing.confidence is not None and routing.confidence < UNSURE

    def counts(self, source: str | None = None) -> dict[str, int]:
        """Return the labels of a source, or of all, with their total."""
        chosen = [self.by_source[source]] if source is not None else self.by_source.values()
        counted = {label.value: sum(one[label] for one in chosen) for label in LABELS}
        return {**counted, "total": sum(counted.values())}

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        total = self.counts()
        return {
            "by_source": {source: self.counts(source) for source in sorted(self.by_source)},
            "total": total,
            "shares": {label.value: total[label.value] / max(1, total["total"]) for label in LABELS},
            "unlabelled": dict(self.unlabelled),
            "routers": dict(self.routers),
            "flip_unsafe": self.flip_unsafe,
            "counterfactual_known": self.known,
            "unsure": self.unsure,
            "relabelled": self.relabelled,
        }


UNSURE = 0.75
"""a confidence below which a label is worth a look"""


def route_by_rules(file: Path, out: Path, conventions: Conventions, progress: Progress) -> Table:
    """Write the records of a file with labels by the rules to `out`, and return their table."""
    return write_labelled(
        file, out, lambda sample: labelled(sample, decide_sample(sample, conventions)), progress
    )


def write_labelled(file: Path, out: Path, label: Callable[[Sample], Sample], progress: Progress) -> Table:
    """Write the records of a file to `out`, its videos with labels. Raises DataError as `stream_samples` does."""
    table = Table()
    progress.stage("routing", 0, "records")
    with replacing(out) as unfinished, unfinished.open("x", encoding="utf-8", newline="\n") as stream:
        for number, sample in enumerate(_labelled_videos(stream_samples(file), label, table), start=1):
            stream.write(dumped(format_record(sample), indent=None) + "\n")
            table.add(sample)
            if number % _STEP == 0:
                progress.advance(number)
    return table


def _labelled_videos(
    samples: Iterable[Sample], label: Callable[[Sample], Sample], table: Table
) -> Iterator[Sample]:
    for sample in samples:
        found = label(sample) if sample.modality is Modality.VIDEO else sample
        table.relabelled += sample.task_type not in (None, found.task_type)
        yield found


def labelled(sample: Sample, decision: Decision) -> Sample:
    """Return a sample with what the rules decided.

    An answer to the other clip that follows is kept, unless the record has one of its own.
    """
    update: dict[str, Any] = {
        "task_type": decision.label,
        "routing": Routing(
            label=decision.label,
            flip=decision.flip.changes,
            reversal=decision.reversal.changes,
            reason=decision.reason,
            router=RULES,
            version=RULES_VERSION,
            confidence=decision.confidence,
            flip_unsafe=decision.flip_unsafe,
        ),
    }
    if sample.counterfactual_solution is None and (other := decision.counterfactual) is not None:
        update["counterfactual_solution"] = list(sample.lettered)[other]
    return sample.model_copy(update=update)


def table_of(file: Path) -> Table:
    """Return the table of a file that has labels."""
    table = Table()
    for sample in stream_samples(file):
        table.add(sample)
    return table
