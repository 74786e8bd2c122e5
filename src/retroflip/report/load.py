"""Collecting a report's inputs from directories that `demo`, `train` and `generate` leave behind.

Four kinds are known: an experiment (summary.json, METHOD/metrics.jsonl, eval/METHOD/answers.jsonl,
data/pairs/), one training run (metrics.jsonl), one evaluation (answers.jsonl), and a study (study.json), which is an
experiment a seed and has a page of its own. Of the others several may be given; names that occur twice get their
directory's name in front.

A directory may come from somebody else. What its run.json names as its data is read, and shown in a page that may be
passed on, only where that lies in the directory itself or the working directory; anything else the user must name.
"""

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from retroflip.bench.alike import FRAMES, stated, unlike
from retroflip.bench.groups import pair_up
from retroflip.bench.metrics import was_measured
from retroflip.bench.metrics.training import is_number
from retroflip.bench.records import AnswerRecord, Control
from retroflip.bench.score import (
    ANSWERS,
    compare_all,
    counted_answers,
    of_full_video,
    read_settings,
    score_records,
)
from retroflip.data.columns import Columns
from retroflip.data.root import resolve
from retroflip.data.tally import Tally, tally_of
from retroflip.errors import DataError, RetroflipError, UsageError, first_fault
from retroflip.files.storage import jsonable, part, read_json_object, read_jsonl
from retroflip.recipes.schema import DataSection
from retroflip.report.cards import Source, Sources
from retroflip.report.pairs import AnswerView, PairView, Seen, SideView
from retroflip.report.sentences import short_name
from retroflip.report.studies import StudyView, is_study, read_study
from retroflip.train.datasets import dataset_of, is_of_records
from retroflip.train.run_directory import check_results
from retroflip.video.samplers import SAMPLERS, Sampler

METRICS_FILE = "metrics.jsonl"
SUMMARY_FILE = "summary.json"
RECORDS_FILE = "records.jsonl"
MOST_FRAMES = 1024
"""a run.json from somebody else must not have a page decode without end"""
_MOST_COUNTED = 64_000_000
"""bytes of records that are read to be counted"""


@dataclass(frozen=True)
class ReportInputs:
    """All that a report shows.

    summary: as in summary.json. runs: rows of metrics.jsonl by method. pairs: every pair with its answers.
    failures: rows of failures.jsonl, each with `where`. provenance: run.json and versions by directory name. settings:
    run.json by the names of `runs`. study: a study's tables, which say what its arms came to in place of `summary`.
    """

    summary: dict[str, Any]
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    pairs: list[PairView] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    study: StudyView | None = None
    sources: Sources = field(default_factory=Sources)


@dataclass(frozen=True)
class _Folder:
    """One directory: where its runs and answers are, and the data its answers are about."""

    root: Path
    runs: dict[str, Path]
    evaluations: dict[str, Path]
    summary: dict[str, Any]

    @property
    def names(self) -> set[str]:
        return {*self.runs, *self.evaluations, *self.summary.get("methods", {})}


@dataclass(frozen=True)
class _Data:
    """The questions that were asked: their records, and the root of their videos."""

    questions: Mapping[str, str]
    root: Path


@dataclass(frozen=True)
class _Named:
    """The records and the videos' root that the user named, for answers whose data is not in their directory.

    columns: of a file of records with keys of its own.
    """

    data: Path | None
    root: Path | None
    columns: Columns

    @property
    def folders(self) -> list[Path]:
        """The folders whose videos the user let a report show, wherever they are."""
        return [Path.cwd(), *([self.root] if self.root else []), *([self.data.parent] if self.data else [])]


def load_run_directories(
    directories: Sequence[Path],
    *,
    data: Path | None = None,
    root: Path | None = None,
    columns: Columns = MappingProxyType({}),
) -> ReportInputs:
    """Read every directory and join them into one report's inputs.

    data, root: the records that were asked, and the folder that their video paths start from (the records' own without
    it). They stand in for what run.json names; without them, that is used where it lies in its directory or in the
    working directory. columns: of `data`, as `read_records` takes it. Answers whose data is nowhere have neither
    questions nor videos.

    Raises UsageError for no directory, for a missing one and for one that holds nothing to report; DataError
    for damaged files.
    """
    if not directories:
        raise UsageError("No directory given. Name one or more run directories: retroflip report DIR...")
    named = _named(data, root, columns)
    studies = [Path(directory) for directory in directories if is_study(Path(directory))]
    if studies and len(directories) > 1:
        raise UsageError(f"{studies[0]} is a study, which has a report of its own: name it alone.")
    if studies:
        return _load_study(studies[0], named)
    folders = [_folder(Path(directory)) for directory in directories]
    _check(folders)
    if len(folders) > 1:
        folders = _with_unique_names(folders)
    answers = {
        name: counted_answers(path).read for folder in folders for name, path in folder.evaluations.items()
    }
    return ReportInputs(
        summary=_summary(folders, answers),
        runs={name: read_jsonl(path / METRICS_FILE) for f in folders for name, path in f.runs.items()},
        pairs=[view for folder in folders for view in _pair_views(folder, answers, named)],
        failures=[row for folder in folders for row in _failures(folder.root)],
        provenance=dict(zip(_labels(folders), map(_provenance, folders), strict=True)),
        settings={name: read_settings(path) for f in folders for name, path in f.runs.items()},
        sources=_sources(dict(zip(_labels(folders), folders, strict=True)), named, _command(folders)),
    )


def _command(folders: Sequence[_Folder]) -> str:
    """Return the command that makes a demo again; "" for anything else."""
    settings = folders[0].summary.get("settings", {}) if len(folders) == 1 else {}
    if not isinstance(settings, Mapping) or "quick" not in settings:
        return ""
    quick = ["--quick"] if settings["quick"] else []
    return shlex.join(["retroflip", "demo", *quick, "--seed", str(settings.get("seed", 0)), "--out", "DIR"])


def _sources(folders: Mapping[str, _Folder], named: _Named, command: str) -> Sources:
    """Return what is known of how these folders were made."""
    runs = [
        Source(name, path, read_settings(path)) for f in folders.values() for name, path in f.runs.items()
    ]
    answers = [
        Source(name, path, read_settings(path))
        for f in folders.values()
        for name, path in f.evaluations.items()
    ]
    allowed = [path.resolve() for path in (*(one.root for one in folders.values()), *named.folders)]
    sections = [part(part(one.settings, "recipe"), "data") for one in runs]
    sections += [{"records": one.settings.get("data"), "root": one.settings.get("root")} for one in answers]
    tallies: dict[str, Tally] = {}
    for section in sections:
        records = str(section.get("records"))
        if records not in tallies and _may_be_counted(Path(records), allowed) and (tally := _tally(section)):
            tallies[records] = tally
    return Sources(runs, answers, tallies, command)


def _may_be_counted(records: Path, allowed: Sequence[Path]) -> bool:
    """Whether records lie where a report may look, and are few enough to be read for a card."""
    if not _lies_in(records, allowed) or not records.is_file() or records.stat().st_size > _MOST_COUNTED:
        return False
    return is_of_records(records)


def _tally(section: Mapping[str, Any]) -> Tally | None:
    """Return the counts of records; None where they cannot be read as they were, which is for `train` to say."""
    try:
        read = DataSection.model_validate(jsonable(section))
        return tally_of(dataset_of(read, fits=None).dataset.examples)
    except (ValidationError, RetroflipError):
        return None


def _check(folders: Iterable[_Folder]) -> None:
    for folder in folders:
        for path in folder.runs.values():
            check_results(path)


def _load_study(root: Path, named: _Named) -> ReportInputs:
    """Return what a study's folder holds: its tables, and the runs and answers of every seed.

    Runs are named SEED/ARM. Pairs have the arms that charts show, by their names alone, and SEED in front of their own.
    """
    study = read_study(root)
    seeds = [path for path in sorted(root.glob("seed-*"), key=_seed_number) if path.is_dir()]
    folders = {path.name: _folder(path) for path in seeds if _holds_something(path)}
    _check(folders.values())
    named_after = {seed: _with_prefix(folder, seed) for seed, folder in folders.items()}
    runs = {name: path for folder in named_after.values() for name, path in folder.runs.items()}
    return ReportInputs(
        summary=_summary([], {}),
        runs={name: read_jsonl(path / METRICS_FILE) for name, path in runs.items()},
        pairs=[
            replace(view, id=f"{seed}/{view.id}")
            for seed, folder in folders.items()
            for view in _drawn_pairs(folder, study.drawn, named)
        ],
        failures=[
            {**row, "where": f"{seed}/{row['where']}"}
            for seed, folder in folders.items()
            for row in _failures(folder.root)
        ],
        provenance={seed: _provenance(folder) for seed, folder in folders.items()},
        settings={name: read_settings(path) for name, path in runs.items()},
        study=study,
        sources=_sources(named_after, named, study.command),
    )


def _drawn_pairs(folder: _Folder, drawn: Sequence[str], named: _Named) -> list[PairView]:
    """Return the pairs of a seed with the answers of the arms that are drawn."""
    shown = {name: path for name, path in folder.evaluations.items() if name in drawn}
    answers = {name: counted_answers(path).read for name, path in shown.items()}
    return _pair_views(replace(folder, evaluations=shown), answers, named)


def _with_prefix(folder: _Folder, prefix: str) -> _Folder:
    return replace(
        folder,
        runs={f"{prefix}/{name}": path for name, path in folder.runs.items()},
        evaluations={f"{prefix}/{name}": path for name, path in folder.evaluations.items()},
    )


def _seed_number(path: Path) -> tuple[int, str]:
    number = path.name.partition("-")[2]
    return (int(number) if number.isdecimal() else 0, path.name)


def _named(data: Path | None, root: Path | None, columns: Columns) -> _Named:
    if data is not None and not data.is_file():
        raise UsageError(f"--data {data} is not a file. Name the records, JSONL or JSON, that were asked.")
    if root is not None and not root.is_dir():
        raise UsageError(
            f"--root {root} is not a folder. Name the folder that the records' video paths start from."
        )
    return _Named(data, root, columns)


def _folder(root: Path) -> _Folder:
    if not root.is_dir():
        raise UsageError(
            f"{root} is not a directory. Give the --out directory of a demo, train or generate run."
        )
    own_name = _own_name(root)
    runs = {path.parent.name: path.parent for path in sorted(root.glob(f"*/{METRICS_FILE}"))}
    if (root / METRICS_FILE).is_file():
        runs[own_name] = root
    evaluations = {path.parent.name: path.parent for path in sorted(root.glob(f"eval/*/{ANSWERS}"))}
    if (root / ANSWERS).is_file():
        evaluations[own_name] = root
    stored = read_json_object(root / SUMMARY_FILE) if (root / SUMMARY_FILE).is_file() else {}
    if not (runs or evaluations or stored.get("methods")):
        raise UsageError(
            f"{root} holds nothing to report: no {METRICS_FILE}, no {ANSWERS}, no eval/, and no methods in a "
            f"{SUMMARY_FILE}. Give the --out directory of a demo, train or generate run."
        )
    order = [*stored.get("methods", {}), "base"]
    return _Folder(root, _ordered(runs, order), _ordered(evaluations, order), stored)


def _holds_something(root: Path) -> bool:
    """Whether a seed of a study got as far as a step or an answer."""
    return any(True for pattern in (f"*/{METRICS_FILE}", f"eval/*/{ANSWERS}") for _ in root.glob(pattern))


def _own_name(root: Path) -> str:
    """Return the method of the recipe in run.json, or the directory's name."""
    inner: Any = read_settings(root)
    for key in ("recipe", "method", "name"):
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    return str(inner or root.resolve().name)


def _ordered(items: Mapping[str, Path], first: Sequence[str]) -> dict[str, Path]:
    ranks = {name: rank for rank, name in reversed(list(enumerate(first)))}
    return {name: items[name] for name in sorted(items, key=lambda name: (ranks.get(name, len(first)), name))}


def _with_unique_names(folders: Iterable[_Folder]) -> list[_Folder]:
    folders = list(folders)
    counts = Counter(
        name for folder in folders for name in (*folder.names, *folder.summary.get("controls", {}))
    )

    def rename(name: str, folder: _Folder) -> str:
        return f"{folder.root.resolve().name}/{name}" if counts[name] > 1 else name

    return [
        _Folder(
            folder.root,
            {rename(name, folder): path for name, path in folder.runs.items()},
            {rename(name, folder): path for name, path in folder.evaluations.items()},
            _renamed_summary(folder, partial(rename, folder=folder)),
        )
        for folder in folders
    ]


def _labels(folders: Sequence[_Folder]) -> list[str]:
    """Return the directories' names, with their paths where names clash: equal runs get equal reports anywhere."""
    names = [folder.root.resolve().name for folder in folders]
    return [
        str(folder.root) if names.count(name) > 1 else name
        for folder, name in zip(folders, names, strict=True)
    ]


def _renamed_summary(folder: _Folder, rename: Callable[[str], str]) -> dict[str, Any]:
    summary = dict(folder.summary)
    for part_of in ("methods", "controls"):
        summary[part_of] = {rename(name): m for name, m in summary.get(part_of, {}).items()}
    summary["comparisons"] = [
        {**entry, "a": rename(entry.get("a")), "b": rename(entry.get("b"))}
        for entry in summary.get("comparisons", [])
    ]
    return summary


def _summary(folders: Sequence[_Folder], answers: Mapping[str, list[AnswerRecord]]) -> dict[str, Any]:
    """Join the stored summaries; what they do not have is scored from the answers."""
    methods: dict[str, Any] = {}
    controls: dict[str, Any] = {}
    comparisons: list[Any] = []
    failures: dict[str, Any] = {}
    for folder in folders:
        methods |= folder.summary.get("methods", {})
        controls |= folder.summary.get("controls", {})
        comparisons += folder.summary.get("comparisons", [])
        failures |= folder.summary.get("failures", {})
    for name, records in answers.items():
        if name not in methods and records:
            methods[name] = of_full_video(score_records(records))
    compared = {name: answers[name] for name, one in methods.items() if name in answers and was_measured(one)}
    if not comparisons:
        comparisons = compare_all(compared)
    asked = {name: read_settings(path) for folder in folders for name, path in folder.evaluations.items()}
    # What one experiment was made with says nothing of several side by side.
    settings = folders[0].summary.get("settings", {}) if len(folders) == 1 else {}
    return {
        "methods": methods,
        "controls": controls,
        "comparisons": comparisons,
        "failures": failures,
        "settings": settings,
        "unlike": unlike(
            {short_name(name): records for name, records in answers.items() if records},
            {short_name(name): one for name, one in asked.items()},
        ),
    }


def _pair_views(folder: _Folder, answers: Mapping[str, list[AnswerRecord]], named: _Named) -> list[PairView]:
    complete = {
        name: pairs
        for name in folder.evaluations
        if (
            pairs := pair_up([r for r in answers[name] if r.control is Control.FULL and r.draw == 0]).complete
        )
    }
    ids = sorted({pair for pairs in complete.values() for pair in pairs})
    data = _data_of(folder.root, named) if ids else None
    questions = data.questions if data else {}
    seen = _seen({name: read_settings(folder.evaluations[name]) for name in complete})
    views = []
    for pair in ids:
        sides = {name: pairs[pair] for name, pairs in complete.items() if pair in pairs}
        first = next(iter(sides.values()))
        question = questions.get(first[0].id, "(the question is not stored with these answers)")
        both = (_side(sides, 0, data), _side(sides, 1, data))
        views.append(PairView(pair, first[0].task, question, both, seen))
    return views


def _seen(settings: Mapping[str, Mapping[str, Any]]) -> dict[Seen, tuple[str, ...]]:
    """Return the models by which frames they were shown; those of whose run.json that cannot be told are left out."""
    found: dict[Seen, tuple[str, ...]] = {}
    for name, of_model in settings.items():
        frames, sampler, fps = (stated(of_model, one) for one in FRAMES)
        if (
            isinstance(frames, int)
            and 0 < frames <= MOST_FRAMES
            and isinstance(sampler, str)
            and sampler in SAMPLERS
        ):
            one = Seen(frames, Sampler(sampler, fps if is_number(fps) else None))
            found[one] = (*found.get(one, ()), name)
    return found


def _side(
    answered: Mapping[str, tuple[AnswerRecord, AnswerRecord]], index: int, data: _Data | None
) -> SideView:
    records = {name: pair[index] for name, pair in answered.items()}
    first = next(iter(records.values()))
    return SideView(
        video=resolve(data.root, first.video) if data else None,
        window=first.window,
        gold=first.gold,
        options=first.options,
        letters=first.letters,
        answers={
            name: AnswerView(record.response, record.answer, record.correct, record.truncated)
            for name, record in records.items()
        },
    )


def _data_of(folder: Path, named: _Named) -> _Data | None:
    """Return the pairs' data where a report may show it: the experiment's own, the user's, or what run.json names."""
    own = folder / "data" / "pairs" / RECORDS_FILE
    records, root = (own, own.parent) if own.is_file() else _from_settings(folder)
    columns = {} if own.is_file() else named.columns or read_settings(folder).get("columns", {})
    if not own.is_file():
        records = named.data or records
        root = named.root or (named.data.parent if named.data else root)
    allowed = [path.resolve() for path in (folder, *named.folders)]
    if root is None or not root.is_dir() or not _lies_in(root, allowed):
        return None
    known = (
        records is not None and records.is_file() and (records == named.data or _lies_in(records, allowed))
    )
    if records is None or not known:
        return _Data({}, root)
    return _Data(_questions(records, root, columns), root)


def _questions(records: Path, root: Path, columns: Any) -> dict[str, str]:
    """Return the questions by id; of videos that are drawn those at hand, since there may be any number of others."""
    try:
        section = DataSection.model_validate(
            {"records": str(records), "root": str(root), "columns": jsonable(columns)}
        )
    except ValidationError as error:
        raise DataError(
            f"{records} was read with a column map that is none ({first_fault(error)}). Name the right one with "
            "--data and --columns."
        ) from error
    return {sample.id: sample.question for sample in dataset_of(section, fits=None).dataset.examples}


def _from_settings(folder: Path) -> tuple[Path | None, Path | None]:
    """Return the records, and the root of their videos, that run.json names."""
    settings = read_settings(folder)
    data, root = settings.get("data"), settings.get("root")
    if not isinstance(data, str):
        return None, None
    records = Path(data)
    return records, Path(root) if isinstance(root, str) else records.parent


def _lies_in(path: Path, folders: Iterable[Path]) -> bool:
    """Return whether a path, links followed, lies in one of these resolved folders."""
    return any(path.resolve().is_relative_to(folder) for folder in folders)


def _failures(root: Path) -> list[dict[str, Any]]:
    return [
        {**row, "where": str(path.relative_to(root).parent)}
        for path in sorted(root.rglob("failures.jsonl"))
        for row in read_jsonl(path)
    ]


def _provenance(folder: _Folder) -> dict[str, Any]:
    found = read_settings(folder.root)
    runs = {name: read_settings(path) for name, path in folder.runs.items() if path != folder.root}
    evaluations = {n: read_settings(path) for n, path in folder.evaluations.items() if path != folder.root}
    parts = {
        **found,
        "summary settings": folder.summary.get("settings", {}),
        "training runs": {name: settings for name, settings in runs.items() if settings},
        "evaluations": {name: settings for name, settings in evaluations.items() if settings},
    }
    return {name: part for name, part in parts.items() if part not in ({}, None)}
