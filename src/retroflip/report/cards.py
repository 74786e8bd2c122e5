"""What a report says of how its numbers came about: methods, models, data, how models were asked, commands, versions.

All of it is read from what runs and answers left: run.json, summary.json, the model's own folder, and the records where
a report may show them. What none of them says is not said here either. Runs that differ in nothing but the seed are one
row.
"""

import ast
import json
import math
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from retroflip.data.tally import Tally
from retroflip.errors import DataError, counted
from retroflip.files.storage import part, read_json_object
from retroflip.report.sentences import model_name, short_name

_MOST_VALUES = 12
"""of a count by task type, source and so on that are listed"""
_MOST_HEADER = 50_000_000
"""bytes of a safetensors header that are read"""
_PARAGRAPHS = 2
_SEED_FOLDER = re.compile(r"\bseed-\d+/")


@dataclass(frozen=True)
class Source:
    """A training run, or a folder of answers, as its run.json tells of it."""

    name: str
    folder: Path
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class MethodCard:
    """A method: what it is, in its own file's words, and the settings of each run of it."""

    name: str
    about: Sequence[str]
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Facts:
    """A card: a heading, and (name, text) of what is known."""

    title: str
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Cards:
    """All cards of a report."""

    methods: Sequence[MethodCard] = ()
    models: Sequence[Facts] = ()
    data: Sequence[Facts] = ()
    asked: Sequence[Facts] = ()
    commands: Sequence[str] = ()
    versions: Sequence[tuple[str, str]] = ()

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self.methods or self.models or self.data or self.asked or self.commands or self.versions)


@dataclass(frozen=True)
class Sources:
    """What cards are made of. tallies: counts of the records that a report may show, by their file. command: what makes
    all of it again, where one command does."""

    runs: Sequence[Source] = ()
    answers: Sequence[Source] = ()
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    command: str = ""


def cards(sources: Sources) -> Cards:
    """Return the cards of these runs and answers."""
    return Cards(
        methods=list(_methods(sources.runs)),
        models=list(_models(sources.runs)),
        data=list(_data(sources)),
        asked=list(_asked(sources.answers)),
        commands=list(_commands(sources)),
        versions=list(_versions([*sources.runs, *sources.answers])),
    )


def _methods(runs: Iterable[Source]) -> Iterator[MethodCard]:
    by_method: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        recipe = _recipe(run)
        if not recipe:
            continue
        settings = {**part(recipe, "method"), **part(recipe, "train")}
        name = str(settings.pop("name", "sft"))
        settings.pop("seed", None)
        by_method[name][_listed(settings)].append(run.name)
    for name, by_settings in by_method.items():
        rows = [(_together(names), told) for told, names in by_settings.items()]
        yield MethodCard(model_name(name), about_method(name), rows)


def about_method(name: str) -> list[str]:
    """Return the first paragraphs of the method's own file; [] for a name that there is no such file of."""
    folder = files("retroflip.rl.methods") if name != "sft" else files("retroflip.sft")
    wanted = f"{name}.py" if name != "sft" else "train.py"
    file = next((one for one in folder.iterdir() if one.name == wanted), None)
    if file is None:
        return []
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return [" ".join(part.split()) for part in text.split("\n\n")][:_PARAGRAPHS]


def _models(runs: Iterable[Source]) -> Iterator[Facts]:
    """Yield a card for each trained model; seeds of the same are one."""
    found: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}
    for run in runs:
        rows = list(_model_rows(run))
        key = json.dumps(rows)
        found.setdefault(key, ([], rows))[0].append(run.name)
    for names, rows in found.values():
        if rows:
            yield Facts(_together(names), rows)


def _model_rows(run: Source) -> Iterator[tuple[str, str]]:
    recipe = _recipe(run)
    section, train = part(recipe, "model"), part(recipe, "train")
    if not section:
        return
    start = str(section.get("path", ""))
    yield (
        "Start",
        _start(start, run) + (f", revision {section['revision']}" if section.get("revision") else ""),
    )
    config = _object(run.folder / "model" / "config.json")
    if config:
        text = part(config, "text_config") or config
        shape = {
            "layers": text.get("num_hidden_layers"),
            "width": text.get("hidden_size"),
            "vocabulary": text.get("vocab_size"),
        }
        told = ", ".join(f"{name} {value}" for name, value in shape.items() if isinstance(value, int))
        known = [one for one in (str(config.get("model_type", "")), told) if one]
        yield "Architecture", ", ".join(known)
    if (parameters := parameters_of(run.folder / "model")) is not None:
        yield "Parameters", f"{parameters:,}"
    lora = section.get("lora")
    adapters = f"adapters of rank {lora.get('rank')}" if isinstance(lora, Mapping) else "all weights"
    yield "Trained", f"{adapters} of the language model; vision tower {section.get('vision', 'frozen')}"
    yield "Numbers", f"weights {section.get('dtype')}, passes {train.get('precision')}"
    for number, lesson in enumerate(_lessons(run), start=1):
        yield f"Run {number}", lesson


def _lessons(run: Source) -> Iterator[str]:
    """Yield what the model has behind it, run by run."""
    trained = _object(run.folder / "model" / "retroflip.json")
    for lesson in trained.get("lessons", []):
        if isinstance(lesson, Mapping):
            yield (
                f"{model_name(str(lesson.get('method')))}, {counted(lesson.get('steps', 0), 'step')} on "
                f"{counted(lesson.get('questions', 0), 'question')} of {lesson.get('records')}"
            )


def parameters_of(model: Path) -> int | None:
    """Return how many parameters a model's folder holds, by its files' headers; None where that is not known."""
    shapes = [shape for path in sorted(model.glob("*.safetensors")) for shape in _shapes(path)]
    try:
        return sum(math.prod(map(int, shape)) for shape in shapes) if shapes else None
    except (TypeError, ValueError):
        return None


def _shapes(weights: Path) -> list[Any]:
    """Return the shapes of a file's tensors; [] for a damaged one, which is said where the model is loaded."""
    with weights.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        if size > _MOST_HEADER:
            return []
        try:
            header = json.loads(stream.read(size))
            return [one["shape"] for name, one in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return []


def _data(sources: Sources) -> Iterator[Facts]:
    """Yield a card for each file of records; one that seeds each have of their own is several, and one card."""
    users: dict[str, tuple[list[str], dict[str, str]]] = {}
    for run in sources.runs:
        section = part(_recipe(run), "data")
        records = section.get("records")
        if isinstance(records, str):
            used = part(_object(run.folder / "summary.json"), "records").get("used")
            told = {
                "Records": _last_names(records),
                "SHA-256": str(part(run.settings, "data_sha256").get("records", ""))[:16],
                "Used": "" if used is None else counted(used, "record"),
                "Shown": f"{counted(section.get('frames', 0), 'frame')}, {section.get('sampler', 'uniform')}",
            }
            users.setdefault(records, ([], told))[0].append(f"trained {short_name(run.name)}")
    for one in sources.answers:
        records = one.settings.get("data")
        if isinstance(records, str):
            told = {"Records": _last_names(records)}
            users.setdefault(records, ([], told))[0].append(f"asked {short_name(one.name)}")
    merged: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}
    for records, (names, told) in users.items():
        rows = [(name, text) for name, text in told.items() if text]
        rows += list(_counts(sources.tallies.get(records)))
        without_hash = [row for row in rows if row[0] != "SHA-256"]
        merged.setdefault(json.dumps(without_hash), ([], rows))[0].extend(names)
    for names, rows in merged.values():
        yield Facts(_together(names), rows)


def _counts(tally: Tally | None) -> Iterator[tuple[str, str]]:
    if tally is None:
        return
    counts = tally.as_json()
    yield "Questions", f"{counts['samples']} about {counted(counts['media_files'], 'file')}"
    titles = {
        "by_type": "Types",
        "by_task_type": "Task types",
        "by_source": "Sources",
        "by_licence": "Licences",
        "options": "Options",
        "answers": "Right answers",
    }
    for key, title in titles.items():
        if counts[key]:
            listed = list(counts[key].items())
            more = f" and {len(listed) - _MOST_VALUES} more" if len(listed) > _MOST_VALUES else ""
            yield title, ", ".join(f"{name} ({count})" for name, count in listed[:_MOST_VALUES]) + more


def _asked(answers: Iterable[Source]) -> Iterator[Facts]:
    """Yield how models were asked; those that were asked alike together."""
    found: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}
    for one in answers:
        rows = list(_asked_rows(one.settings))
        found.setdefault(json.dumps(rows), ([], rows))[0].append(one.name)
    for names, rows in found.values():
        if rows:
            yield Facts(_together(names), rows)


def _asked_rows(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    conditions = part(settings, "conditions")
    for name, one in conditions.items():
        if isinstance(one, Mapping) and one.get("value") is not None:
            yield _plain(name), _short(one["value"])
    known = {
        *conditions,
        "conditions",
        "data",
        "root",
        "columns",
        "model",
        "check",
        "schema",
        "packages",
        "code",
    }
    for name, value in settings.items():
        if name not in known and isinstance(value, str | int | float | bool) and not name.endswith("sha256"):
            yield _plain(name), _short(value)


def _commands(sources: Sources) -> Iterator[str]:
    """Yield the commands that make these runs and answers again, from this report's folders."""
    if sources.command:
        yield sources.command
        return
    for run in sources.runs:
        kind = _recipe(run).get("kind")
        if kind in ("rl", "sft"):
            name = {"rl": "train", "sft": "sft"}[kind]
            yield shlex.join(
                ["retroflip", name, str(run.folder / "run.json"), "--out", f"{run.folder}-again"]
            )
    for one in sources.answers:
        data, model = one.settings.get("data"), one.settings.get("model")
        if isinstance(data, str) and isinstance(model, str):
            words = ["retroflip", "generate", "--model", model, "--data", data]
            yield shlex.join([*words, "--out", f"{one.folder}-again"])
            yield shlex.join(["retroflip", "score", str(one.folder)])


def _versions(sources: Iterable[Source]) -> Iterator[tuple[str, str]]:
    """Yield every package with its version; several where runs differ, with how many have each."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in sources:
        for name, version in part(one.settings, "packages").items():
            found[name][str(version)] += 1
        if commit := part(one.settings, "code").get("commit"):
            found["commit"][str(commit)] += 1
    for name, versions in found.items():
        if len(versions) == 1:
            yield name, next(iter(versions))
        else:
            yield (
                name,
                ", ".join(f"{version} ({counted(count, 'run')})" for version, count in versions.items()),
            )


def _recipe(run: Source) -> Mapping[str, Any]:
    return part(run.settings, "recipe")


def _object(path: Path) -> dict[str, Any]:
    try:
        return read_json_object(path) if path.is_file() else {}
    except DataError:
        return {}  # damaged, which `check_results` says of what it vouches for


def _start(path: str, run: Source) -> str:
    """Return the start model's name: of one that a run beside this one made, that run's."""
    folder = Path(path)
    if folder.name == "model" and folder.is_absolute():
        return f"the model of {folder.parent.name}"
    return folder.name if folder.is_absolute() else path or run.name


def _last_names(path: str) -> str:
    """Return a file with the two folders around it, which say what it is and give no machine away."""
    return "/".join(Path(path).parts[-3:]) if Path(path).is_absolute() else path


def _listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_short(value)}" for name, value in settings.items() if value not in (None, []))


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _together(names: Sequence[str]) -> str:
    """Return the names of runs in a line, the seeds of one arm together: "CRPO (3 seeds)"."""
    counts: dict[str, int] = {}
    for name in names:
        bare = _SEED_FOLDER.sub("", name)
        counts[bare] = counts.get(bare, 0) + 1
    return ", ".join(
        short_name(name) if count == 1 else f"{short_name(name)} ({count} seeds)"
        for name, count in counts.items()
    )
