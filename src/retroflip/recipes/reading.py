"""Reading a recipe's YAML and overrides, and saying in plain words what is wrong with them.

Knows no setting by name: sections are pydantic models, and which settings are paths is given by the caller.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from retroflip.errors import RecipeError, expected
from retroflip.files.seals import SEAL, unsealed

ModelT = TypeVar("ModelT", bound=BaseModel)
PathKeys = Mapping[str, Sequence[str]]
SHOWN_PROBLEMS = 3
MAX_BYTES = 2**18
MAX_DEPTH = 32
MAX_VALUES = 20_000
MAX_DIGITS = 30
"""what a recipe may have at most; the largest shipped one has 3,538 bytes"""


class ContradictionError(ValueError):
    """Raised by a recipe's own checks where settings of two sections exclude each other. `key` is one of them."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True)
class Layer:
    """What one file says of a recipe."""

    file: Path
    values: Mapping[str, Any]

    def says(self, key: str) -> bool:
        """Return whether a dotted key stands in it."""
        found: Any = self.values
        for part in key.split("."):
            if not isinstance(found, Mapping) or part not in found:
                return False
            found = found[part]
        return True


@dataclass(frozen=True)
class Origin:
    """Where a recipe came from: its file (None for one made in code), the overrides put on it, and its layers.

    layers: the file and those that it extends, in this order.
    """

    file: Path | None
    overrides: tuple[str, ...]
    layers: tuple[Layer, ...] = ()

    def of(self, key: str) -> str:
        """Return where the value of a dotted key was written, as a phrase to end a sentence with."""
        written = next((layer.file for layer in self.layers if layer.says(key)), self.file)
        file = f"in {written}" if written else "in the recipe"
        names = {override: override.partition("=")[0].strip() for override in self.overrides}
        above = [override for override, name in names.items() if f"{key}.".startswith(f"{name}.")]
        below = [override for override, name in names.items() if name.startswith(f"{key}.")]
        if above:
            return f"on the command line ({above[-1]})"
        return f"{file} with {', '.join(below)}" if below else file


class _Loader(yaml.SafeLoader):
    """YAML's safe loader with the scalars of YAML 1.2 (its core schema), which also refuses a key given twice.

    PyYAML reads YAML 1.1, where 1e-5 and 08 are texts, 010 is eight, 1:30 is ninety, on is true, and 2026-11-29 a date.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 - typed as an instance's in PyYAML's stubs

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        scalars = [key_node for key_node, _ in node.value if isinstance(key_node, yaml.ScalarNode)]
        for key_node in scalars:
            key = str(key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice; keep one of the two", key_node.start_mark
                )
            seen.add(key)
        return {str(key): value for key, value in super().construct_mapping(node, deep).items()}

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        text = str(node.value)
        if len(text) > MAX_DIGITS:
            raise yaml.constructor.ConstructorError(
                None, None, f"a number of {len(text)} digits", node.start_mark
            )
        return int(text, 16 if "x" in text else 10)


class _Dumper(yaml.SafeDumper):
    """YAML's safe dumper, which quotes every text that either version of YAML would read as something else."""


_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
_SCALARS = {
    "null": ("~|null|Null|NULL|", "~nN"),
    "bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": ("[-+]?[0-9]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (_FLOAT, "-+.0123456789"),
    "merge": ("<<", "<"),
}
for _tag, (_pattern, _first) in _SCALARS.items():
    for _kind in (_Loader, _Dumper):
        _kind.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}",
            re.compile(f"^(?:{_pattern})$"),
            [*_first, *([""] if _tag == "null" else [])],
        )
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def dumped(values: Mapping[str, Any]) -> str:
    """Return a mapping as YAML, which `read_mapping` reads as it was."""
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def read_mapping(path: Path) -> dict[str, Any]:
    """Return a recipe file's mapping, or the recipe inside a run.json. Raises RecipeError."""
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise RecipeError(
                f"The recipe {path} has {size} bytes, and {MAX_BYTES} are the limit: it is no recipe. Check the path; "
                "recipes/ holds working ones."
            )
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RecipeError(
            f"There is no recipe at {path}. Check the path; shipped ones are named like tiny/crpo.yaml."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"The recipe {path} cannot be read: {error}. It must be a readable UTF-8 file."
        ) from error
    values = _parse(text, str(path))
    _check_seal(path, text, values)
    if not isinstance(values, dict):
        found = "nothing" if values is None else _described(values)
        raise RecipeError(
            f"The recipe {path} holds {found} where a mapping is expected. "
            "Write sections such as 'kind: rl' and 'data:' with 'key: value' lines below."
        )
    inner = values.get("recipe")
    return inner if isinstance(inner, dict) and "kind" not in values else values


def _check_seal(path: Path, text: str, values: Any) -> None:
    """Raise RecipeError where a run.json is not as it was written: YAML reads much that is no longer JSON."""
    if path.suffix != ".json" and not (isinstance(values, dict) and SEAL in values):
        return
    try:
        unsealed(text.removesuffix("\n"), indent=2)
    except ValueError as error:
        raise RecipeError(
            f"The recipe {path} is damaged, or was changed after it was written: {error}. Restore it; other settings "
            "go on the command line (section.key=value) or into a YAML file of their own."
        ) from error


def parse_override(text: str) -> tuple[str, Any]:
    """Return the dotted key and the value of `section.key=value`. Raises RecipeError."""
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not all(key.split(".")):
        raise RecipeError(
            f"The override {text!r:.80} is not of the form section.key=value. Write, say, train.steps=100."
        )
    return key, _parse(value, f"the override {text!r:.80}")


def _parse(text: str, where: str) -> Any:
    try:
        _refuse_bombs(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = str(error.problem)
        if problem.startswith("but "):
            problem = f"{error.context}, {problem}"
        raise RecipeError(f"{where}{line}: not valid YAML: {problem}.") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{where}: not valid YAML: {str(error).splitlines()[0]}.") from error


def _refuse_bombs(text: str) -> None:
    """Raise MarkedYAMLError for a text that would be huge or endless once read, before anything of it is built.

    An alias (`*name`) stands for everything below its anchor (`&name`), so that a few lines can stand for millions of
    values; their number is added up here from the events of the parser, which builds nothing.
    """
    sizes: dict[str, int | None] = {}
    open_nodes: list[tuple[str | None, int]] = []
    total = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            size = sizes.get(str(event.anchor), 0)
            if size is None:
                raise _unreadable(event, f"the alias *{event.anchor} stands in itself")
            total += size
        elif isinstance(event, yaml.NodeEvent):
            if (tag := getattr(event, "tag", None)) is not None:
                raise _unreadable(event, f"the tag {tag}; write plain values")
            total += 1
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append((event.anchor, total))
            if event.anchor is not None:
                sizes[event.anchor] = None if isinstance(event, yaml.CollectionStartEvent) else 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                sizes[anchor] = total - before + 1
        if len(open_nodes) > MAX_DEPTH:
            raise _unreadable(event, f"sections and lists nested more than {MAX_DEPTH} deep")
        if total > MAX_VALUES:
            raise _unreadable(event, f"more than {MAX_VALUES} values, counting what aliases stand for")


def _unreadable(event: yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    mark = event.start_mark
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark if isinstance(mark, yaml.Mark) else None)


def nested(key: str, value: Any) -> dict[str, Any]:
    """Return the mapping in which `value` stands at a dotted key."""
    for part in reversed(key.split(".")):
        value = {part: value}
    result: dict[str, Any] = value
    return result


def at(values: Mapping[str, Any], key: str) -> Any:
    """Return what stands at a dotted key that is there."""
    found: Any = values
    for part in key.split("."):
        found = found[part]
    return found


def replaced(values: Mapping[str, Any], key: str, value: Any, override: str) -> dict[str, Any]:
    """Return `values` with `value` at a dotted key. Raises RecipeError where that leads through a value."""
    part, _, rest = key.partition(".")
    if not rest:
        return {**values, part: value}
    inner = values.get(part)
    if inner is not None and not isinstance(inner, Mapping):
        raise RecipeError(
            f"The override {override!r} cannot be applied: {part!r} is {_described(inner)}, not a section."
        )
    return {**values, part: replaced(inner or {}, rest, value, override)}


def absolute(values: Mapping[str, Any], base: Path, keys: PathKeys) -> dict[str, Any]:
    """Return `values` with the paths among them made absolute; relative ones start from `base`.

    A model's name is a path when it is written like one ("./out", "~/models/x") or is that of a directory.
    """
    result = dict(values)
    for section, names in keys.items():
        inner = values.get(section)
        if isinstance(inner, Mapping):
            for name in names:
                inner = _with_path(inner, name.split("."), base, section)
            result[section] = inner
    return result


def _with_path(value: Any, keys: Sequence[str], base: Path, section: str) -> Any:
    """Return a value with the path under a dotted key made absolute, in every item of a list on the way there."""
    if isinstance(value, list | tuple):
        return [_with_path(one, keys, base, section) for one in value]
    if not isinstance(value, Mapping) or keys[0] not in value:
        return value
    key, *rest = keys
    below = value[key]
    if rest:
        below = _with_path(below, rest, base, section)
    elif isinstance(below, str):
        below = _absolute(below, base, section)
    return {**value, key: below}


def _absolute(text: str, base: Path, section: str) -> str:
    path = Path(text).expanduser()
    by_name = section == "model" and not text.startswith((".", "~")) and not (base / path).is_dir()
    return text if by_name or not text else str((base / path).resolve())


def one_of(
    values: Mapping[str, Any],
    key: str,
    allowed: Sequence[str],
    origin: Origin,
    other_names: Mapping[str, str] | None = None,
) -> str:
    """Return the choice at a dotted key's last part. Raises RecipeError when it is missing or not allowed.

    other_names: what is meant by a name that is not allowed, where a user may know it from elsewhere.
    """
    name = key.rpartition(".")[2]
    choices = ", ".join(allowed)
    if name not in values:
        raise RecipeError(
            f"{key} is missing {origin.of(key)}: set it to one of {choices}.{_swapped(values, name)}"
        )
    value = values[name]
    if not isinstance(value, str) or value not in allowed:
        near = difflib.get_close_matches(str(value), allowed, n=1)
        meant = (other_names or {}).get(re.sub(r"[-. ]+", "_", str(value).lower()))
        hint = f" {meant}" if meant else f" Did you mean {near[0]}?" if near else ""
        raise RecipeError(f"{key} is {value!r} {origin.of(key)}, but must be one of {choices}.{hint}")
    return value


def _swapped(values: Mapping[str, Any], name: str) -> str:
    near = difflib.get_close_matches(name, [str(key) for key in values], n=1)
    return f" There is a key {near[0]!r}; did you mean {name!r}?" if near else ""


def validate(
    model: type[ModelT], values: Mapping[str, Any], origin: Origin, variants: Mapping[str, type[BaseModel]]
) -> ModelT:
    """Return the checked recipe; `variants` says which model a section with several forms has here.

    Raises RecipeError with one paragraph on what is wrong, unknown keys first.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        explainer = _Explainer(_known_keys(model, variants), frozenset(variants), origin)
        problems = explainer.explain([dict(one) for one in error.errors(include_url=False)])
    more = f" And {len(problems) - SHOWN_PROBLEMS} more." if len(problems) > SHOWN_PROBLEMS else ""
    raise RecipeError(" ".join(problems[:SHOWN_PROBLEMS]) + more)


def _known_keys(model: type[BaseModel], variants: Mapping[str, type[BaseModel]]) -> dict[str, dict[str, str]]:
    """Return, per section ("" for the top), the keys it knows and what each is for."""
    known: dict[str, dict[str, str]] = {"": {}}
    for name, field in model.model_fields.items():
        known[""][name] = field.description or ""
        section = variants.get(name) or _section_in(field.annotation)
        if section:
            inner = _known_keys(section, {})
            known |= {f"{name}.{key}" if key else name: keys for key, keys in inner.items()}
            needed = [key for key, inside in section.model_fields.items() if inside.is_required()]
            known[""][name] = f"a section with at least {', '.join(needed)}" if needed else "a section"
    return known


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section that a setting may hold, alone or beside null; None for a plain value."""
    for option in (annotation, *get_args(annotation)):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


@dataclass(frozen=True)
class _Explainer:
    known: dict[str, dict[str, str]]
    tagged: frozenset[str]
    origin: Origin

    def explain(self, errors: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return one sentence or two per error. A missing key is not named when it was only misspelt."""
        unknown = [self._key(error) for error in errors if error["type"] == "extra_forbidden"]
        suggested = {near for key in unknown if (near := self._nearest(key))}
        sentences = [self._misspelt(key) for key in unknown if self._nearest(key)]
        sentences += self._superfluous([key for key in unknown if not self._nearest(key)])
        inside = {self._key(error).rpartition(".")[0] for error in errors}
        for error in errors:
            key = self._key(error)
            if error["type"] == "too_short" and key in inside:
                continue  # a list is also called too short for an element of it that is wrong
            if error["type"] == "missing" and key not in suggested:
                sentences.append(self._missing(key))
            elif error["type"] not in ("missing", "extra_forbidden"):
                sentences.append(self._wrong(key, error))
        return sentences

    def _key(self, error: Mapping[str, Any]) -> str:
        """Return an error's dotted key. pydantic names the form of a section with several forms in it."""
        cause = error.get("ctx", {}).get("error")
        if isinstance(cause, ContradictionError):
            return cause.key
        parts = [str(part) for part in error["loc"]]
        if parts[0] in self.tagged:
            del parts[1:2]
        return ".".join(parts)

    def _keys(self, section: str) -> dict[str, str]:
        """Return the keys that a section knows; the elements of a list know the same ones."""
        return self.known.get(re.sub(r"\.\d+(?=\.|$)", "", section), {})

    def _nearest(self, key: str) -> str | None:
        """Return the known dotted key that an unknown one was probably meant to be."""
        section, _, name = key.rpartition(".")
        near = difflib.get_close_matches(name, self._keys(section), n=1, cutoff=0.65)
        if near:
            return f"{section}.{near[0]}" if section else near[0]
        return next((f"{other}.{name}" for other, keys in self.known.items() if other and name in keys), None)

    def _misspelt(self, key: str) -> str:
        return f"Unknown key {key} {self.origin.of(key)}: did you mean {self._nearest(key)}?"

    def _superfluous(self, keys: Sequence[str]) -> list[str]:
        """Return one sentence per section that has keys which resemble no known one."""
        by_section: dict[str, list[str]] = {}
        for key in keys:
            by_section.setdefault(key.rpartition(".")[0], []).append(key)
        sentences = []
        for section, unknown in by_section.items():
            what = f"Unknown key {unknown[0]}" if len(unknown) == 1 else f"Unknown keys {', '.join(unknown)}"
            place = f"the section {section}" if section else "a recipe of this kind"
            known = ", ".join(self._keys(section))
            sentences.append(f"{what} {self.origin.of(unknown[0])}: remove; {place} knows {known}.")
        return sentences

    def _missing(self, key: str) -> str:
        section, _, name = key.rpartition(".")
        purpose = self._keys(section).get(name)
        return f"{key} is missing {self.origin.of(key)}: add it{f' ({purpose})' if purpose else ''}."

    def _wrong(self, key: str, error: Mapping[str, Any]) -> str:
        if error["type"] == "value_error":
            return f"{key} {self.origin.of(key)}: {error['ctx']['error']}."
        section, _, name = key.rpartition(".")
        purpose = self._keys(section).get(name)
        wanted = expected(error, "'key: value' lines")
        return f"{key} is {_described(error['input'])} {self.origin.of(key)}, but must be {wanted}" + (
            f" ({purpose})." if purpose else "."
        )


def _described(value: Any) -> str:
    """Return a value as a user wrote it, with its type where that is what matters."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, list):
        return "a list"
    return f"the text {value!r}" if isinstance(value, str) else str(value)
