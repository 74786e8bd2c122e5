"""`retroflip route`: labels for a data file, record by record, and what the labels of a file come to.

Records are read, labelled and written one after the other, or in blocks on other cores and machines. The new file
appears when all of it is written; a record that cannot be read stops it, as everywhere.
"""

from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import tee
from math import lcm
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from retroflip.data.records import format_record, stream_samples
from retroflip.data.sample import Modality, Routing, Sample, TaskType
from retroflip.errors import DataError
from retroflip.files.seals import dumped
from retroflip.files.storage import drop_unfinished, replacing
from retroflip.progress import Progress
from retroflip.router.confusion import LABELS
from retroflip.router.rules import Conventions, decide_sample
from retroflip.workers import Engine, in_order

RULES = "rules"
RULES_VERSION = "4"
CONFLICT = "router_conflict"
"""the key of `labels` under which routers that do not agree are named"""
UNSURE = 0.75
"""a confidence below which a label is worth a look"""
BLOCK = 1000
"""about how many videos a block has"""
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
    conflicts: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """why a router failed, by the question's id; such a question has no label"""

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
            self.conflicts += CONFLICT in sample.labels
            self.unsure += routing.confidence is not None and routing.confidence < UNSURE

    def merge(self, other: "Table") -> None:
        """Add another table's counts."""
        for source, counts in other.by_source.items():
            self.by_source[source].update(counts)
        self.unlabelled.update(other.unlabelled)
        self.routers.update(other.routers)
        self.flip_unsafe += other.flip_unsafe
        self.known += other.known
        self.unsure += other.unsure
        self.relabelled += other.relabelled
        self.conflicts += other.conflicts
        self.failed |= other.failed

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
            "conflicts": self.conflicts,
            "failed": self.failed,
        }


class Routed(NamedTuple):
    """What a router says of a question, or why it failed. answer: the option that is right of the other clip."""

    routing: Routing | None = None
    answer: int | None = None
    failure: str = ""


class Router(Protocol):
    """Says of one question after the other what changes its answer."""

    @property
    def at_once(self) -> int:
        """How many questions are asked together."""

    def route(self, samples: Iterable[Sample]) -> Generator[Routed, None, None]:
        """Yield what is said of each question about a video, in their order; some may be read ahead."""


class RulesRouter:
    """The embedded rules."""

    at_once = 1

    def __init__(self, conventions: Conventions) -> None:
        self._conventions = conventions

    def route(self, samples: Iterable[Sample]) -> Generator[Routed, None, None]:
        """Yield what the rules say; a failure for a question that they cannot read."""
        for sample in samples:
            try:
                decision = decide_sample(sample, self._conventions)
            except DataError as error:
                yield Routed(failure=str(error))
                continue
            routing = Routing(
                label=decision.label,
                flip=decision.flip.changes,
                reversal=decision.reversal.changes,
                reason=decision.reason,
                router=RULES,
                version=RULES_VERSION,
                confidence=decision.confidence,
                flip_unsafe=decision.flip_unsafe,
            )
            yield Routed(routing, decision.counterfactual)


def write_labelled(
    file: Path, out: Path, routers: Sequence[Router], progress: Progress, engine: Engine | None = None
) -> Table:
    """Write the records of a file to `out`, its videos with the routers' labels, and return their table.

    engine: where blocks of records are labelled, by routers that can be pickled; the bytes are the same. By default the
    routers read on here as far as they like. Raises DataError as `stream_samples` does.
    """
    table, samples = Table(), stream_samples(file)
    lines = _in_blocks(samples, routers, table, engine) if engine else _lines(samples, routers, table)
    progress.stage("routing", 0, "records")
    drop_unfinished(out.parent, [out.name], dead_only=True)
    with replacing(out) as unfinished, unfinished.open("x", encoding="utf-8", newline="\n") as stream:
        for number, line in enumerate(lines, start=1):
            stream.write(line)
            if number % _STEP == 0:
                progress.advance(number, f"{len(table.failed)} failed" if table.failed else "")
    return table


class _Block(NamedTuple):
    """Records that are labelled together, whole in themselves: they are handed to other processes and machines."""

    routers: Sequence[Router]
    samples: list[Sample]


def _in_blocks(
    samples: Iterable[Sample], routers: Sequence[Router], table: Table, engine: Engine
) -> Iterator[str]:
    blocks = (_Block(routers, block) for block in _blocks(samples, lcm(*(one.at_once for one in routers))))
    for lines, part in in_order(engine, _label, blocks):
        table.merge(part)
        yield from lines


def _label(block: _Block) -> tuple[list[str], Table]:
    """Return a block's records with labels, as they are written, and their table."""
    table = Table()
    return list(_lines(block.samples, block.routers, table)), table


def _blocks(samples: Iterable[Sample], at_once: int) -> Iterator[list[Sample]]:
    """Yield samples in blocks, each with so many videos that a router asks the same ones together as in one go."""
    most = max(1, BLOCK // at_once) * at_once
    block: list[Sample] = []
    videos = 0
    for sample in samples:
        block.append(sample)
        videos += sample.modality is Modality.VIDEO
        if videos % at_once == 0 and (videos >= most or len(block) >= 2 * most):
            yield block
            block, videos = [], 0
    if block:
        yield block


def _lines(samples: Iterable[Sample], routers: Sequence[Router], table: Table) -> Iterator[str]:
    """Yield records with labels as they are written, and count them."""
    for sample in _labelled(samples, routers, table):
        table.add(sample)
        yield dumped(format_record(sample), indent=None) + "\n"


def _labelled(samples: Iterable[Sample], routers: Sequence[Router], table: Table) -> Iterator[Sample]:
    """Yield samples in their order, videos with labels. Routers read ahead, each as far as it likes."""
    own, *copies = tee(samples, 1 + len(routers))
    with ExitStack() as stack:
        said = [
            stack.enter_context(closing(router.route(one for one in copy if one.modality is Modality.VIDEO)))
            for router, copy in zip(routers, copies, strict=True)
        ]
        for sample in own:
            if sample.modality is not Modality.VIDEO:
                yield sample
                continue
            found = merged(sample, [next(one) for one in said], table)
            table.relabelled += None not in (sample.task_type, found.task_type) and (
                sample.task_type is not found.task_type
            )
            yield found


def merged(sample: Sample, said: Sequence[Routed], table: Table) -> Sample:
    """Return a sample with what the routers say of it; without a label where one of them failed.

    Where they differ the first one's label counts, and `labels` names the others'. An answer to the other clip that
    follows is kept, unless the record has one of its own.
    """
    routings = [one.routing for one in said if one.routing is not None]
    if len(routings) < len(said):
        table.failed[sample.id] = next(one.failure for one in said if one.routing is None)
        return sample.model_copy(update={"task_type": None, "routing": None})
    first = routings[0]
    labels = {name: value for name, value in sample.labels.items() if name != CONFLICT}
    if any(one.label is not first.label for one in routings):
        labels[CONFLICT] = ", ".join(f"{one.router}: {one.label.value}" for one in routings)
    update: dict[str, Any] = {"task_type": first.label, "routing": _joint(routings), "labels": labels}
    answer = next((one.answer for one in said if one.answer is not None), None)
    if sample.counterfactual_solution is None and answer is not None and CONFLICT not in labels:
        update["counterfactual_solution"] = list(sample.lettered)[answer]
    return sample.model_copy(update=update)


def _joint(routings: Sequence[Routing]) -> Routing:
    """Return the first of several routings with what the others add; it is no surer than the least sure of them."""
    first = routings[0]
    if len(routings) == 1:
        return first
    known = [one.confidence for one in routings if one.confidence is not None]
    agree = all(one.label is first.label for one in routings)
    return first.model_copy(
        update={
            "router": "+".join(one.router for one in routings),
            "version": "+".join(one.version for one in routings),
            "reason": "; ".join(f"{one.router}: {one.label.value} ({one.reason})" for one in routings),
            "confidence": (min(known) if agree else 0.0) if known else None,
            "flip_unsafe": not first.flip and any(one.flip_unsafe for one in routings),
        }
    )


def table_of(file: Path) -> Table:
    """Return the table of a file that has labels."""
    table = Table()
    for sample in stream_samples(file):
        table.add(sample)
    return table
