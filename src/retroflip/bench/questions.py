"""What is asked: a file of records, a benchmark that was built here, or one of the registry."""

import difflib
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from retroflip.bench.benchmarks.base import Benchmark, Item
from retroflip.bench.benchmarks.registry import BENCHMARKS, benchmark
from retroflip.data.dataset import VideoDataset
from retroflip.data.manifest import manifest_beside
from retroflip.data.records import read_records
from retroflip.data.sample import Modality, Sample
from retroflip.data.stored import StoredSamples
from retroflip.errors import DataError, UsageError
from retroflip.recipes.schema import DataSection
from retroflip.train.datasets import dataset_of, is_of_records
from retroflip.train.datasets.base import NamedData

RECORDS = "records.jsonl"
"""what a benchmark that was built here has its questions in"""


class Questions(NamedTuple):
    """Questions and where they come from.

    about: the same for run.json. bench: the benchmark of the registry. is_benchmark: whether they are one at all, whose
    options are asked as they are. left_out: how many records of each kind are none of them. note: what is to be said of
    these, and of keys that were passed over.
    """

    dataset: VideoDataset
    about: Mapping[str, Any]
    bench: Benchmark | None = None
    is_benchmark: bool = False
    left_out: Mapping[str, int] = MappingProxyType({})
    note: str = ""


def recorded_questions(
    data: Path,
    root: Path | None,
    columns: Mapping[str, Any],
    modalities: tuple[Modality, ...] = (Modality.VIDEO,),
) -> Questions:
    """Return the questions of a file. root: where its paths start, by default its folder. modalities: of which kinds.

    Raises UsageError where the root is no folder, and as `dataset_of` does.
    """
    place = data.parent if root is None else _folder(root, "the records' video paths start from")
    section = DataSection(records=str(data), root=str(place), columns=dict(columns), modalities=modalities)
    dataset, left_out, note = _of_records(section) if is_of_records(data) else dataset_of(section, fits=None)
    about: dict[str, Any] = {"data": str(data.absolute()), "root": str(dataset.root.absolute())}
    about |= {"columns": dict(columns)} if columns else {}
    about |= {"left_out": left_out} if left_out else {}
    return Questions(dataset, about, left_out=left_out, note=note)


def bench_questions(name: str, root: Path | None) -> Questions:
    """Return the questions of a benchmark: one of the registry by its name, or one that was built here by its folder.

    Raises UsageError for what is neither, and for a benchmark of the registry without a root; DataError for its files.
    """
    if name in BENCHMARKS:
        return _registered(benchmark(name), root)
    folder = Path(name)
    if not (folder / RECORDS).is_file():
        folder, root = (root / name if root else folder), None
    if not (folder / RECORDS).is_file():
        near = difflib.get_close_matches(name.lower(), BENCHMARKS, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise UsageError(
            f"{name!r} is neither the name of a benchmark{hint} nor a folder with {RECORDS}, as 'retroflip "
            "dybench build' writes it. The names are those of: retroflip bench list"
        )
    found = recorded_questions(folder / RECORDS, root or folder, {})
    return found._replace(about={**found.about, "bench": str(folder.absolute())}, is_benchmark=True)


def _registered(bench: Benchmark, root: Path | None) -> Questions:
    if root is None:
        raise UsageError(
            f"The benchmark {bench.name} also takes --root DIR, the folder of {bench.title}'s own files: "
            f"{', '.join(need.path for need in bench.needs)}. They are to be had at {bench.home}."
        )
    place = _folder(root, f"holds {bench.title}'s own files")
    try:
        samples = StoredSamples(asked_samples(bench, bench.items(place)))
    except DataError as error:
        raise DataError(
            f"{error} What is there and what is missing says: retroflip bench check {bench.name} --root "
            f"{shlex.quote(str(root))}"
        ) from error
    if not samples:
        raise DataError(f"{bench.title} has no question under {place}: its files are empty.")
    dataset = VideoDataset(samples, place, manifest_beside(place))
    return Questions(dataset, {"bench": bench.name, "root": str(place.absolute())}, bench, True)


def _of_records(section: DataSection) -> NamedData:
    """Return a data set of records, none of which is in memory."""
    samples = StoredSamples()
    read = read_records(section.records_file, section.modalities, section.columns, samples.append)
    dataset = VideoDataset(samples, section.root_folder, manifest_beside(section.root_folder))
    return NamedData(dataset, read.skipped, read.note)


def chosen(questions: Questions, holds: Callable[[Sample], bool]) -> Questions:
    """Return those of the questions that are meant."""
    dataset = questions.dataset
    kept = StoredSamples(sample for sample in dataset.samples if holds(sample))
    return questions._replace(dataset=replace(dataset, samples=kept))


def asked_samples(bench: Benchmark, items: Iterable[Item]) -> Iterator[Sample]:
    """Yield a benchmark's samples with their words. Raises DataError where two have one id."""
    seen: set[str] = set()
    for item in items:
        sample = item.sample
        if sample.id in seen:
            raise DataError(
                f"{bench.title} has two questions with the id {sample.id!r}, and each counts once. Restore its files."
            )
        seen.add(sample.id)
        yield sample.model_copy(update={"asked_as": item.prompt})


def _folder(root: Path, what: str) -> Path:
    if not root.is_dir():
        raise UsageError(f"--root {root} is not a folder. Name the folder that {what}.")
    return root
