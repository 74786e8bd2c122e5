"""Recipe files: where the shipped ones lie, and how one file extends another.

`extends: ../crpo.yaml` names a file by its way from the recipe's folder, `extends: tiny/crpo` a shipped recipe.
Sections are merged setting by setting, and what the recipe itself says wins.
"""

import difflib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from retroflip.errors import RecipeError, UsageError
from retroflip.recipes.reading import Layer, PathKeys, absolute, read_mapping

MAX_LAYERS = 8
"""files that a recipe may be made of"""
Values: TypeAlias = Mapping[str, Any]
_KEY = "extends"
_PLACES = (Path(__file__).parents[1] / "_recipes", Path(__file__).parents[3] / "recipes")
_SUFFIXES = (".yaml", ".yml", ".json")


def recipe_file(name: str) -> Path:
    """Return the path of a shipped recipe such as 'tiny/crpo.yaml'. Raises UsageError when there is none."""
    for place in _PLACES:
        if (place / name).is_file():
            return place / name
    raise UsageError(f"There is no shipped recipe {name!r}; see the folder `recipes` of the project.")


def named_recipe(path: Path) -> Path:
    """Return the file at a path, or else the shipped recipe of that name, 'recipes/tiny/crpo.yaml' or 'tiny/crpo'.

    Who installed the package has no folder `recipes`. A name of neither is returned as it is.
    """
    if path.exists() or path.is_absolute() or ".." in path.parts:
        return path
    name = Path(*path.parts[1:]) if path.parts[:1] == ("recipes",) else path
    names = (
        [name]
        if name.suffix in _SUFFIXES
        else [name.with_name(f"{name.name}{suffix}") for suffix in _SUFFIXES]
    )
    shipped = (place / one for place in _PLACES for one in names)
    return next((one for one in shipped if one.is_file()), path)


def read_layers(path: Path, paths: PathKeys | None = None) -> tuple[Layer, ...]:
    """Return what a recipe's file says, then what the file that it extends says, and so on. A shipped one has a name.

    paths: the settings that name files; each file's own are made absolute from its folder. Raises RecipeError for a
    file that cannot be read, one that extends itself, one that is named by an absolute path, and too many files.
    """
    layers: list[Layer] = []
    seen: list[Path] = []
    following: Path | None = named_recipe(path)
    while following is not None:
        file, following = following, None
        values = read_mapping(file)
        seen.append(file.resolve())
        if _KEY in values:
            following = _extended(file, values.pop(_KEY))
            _refuse_endless([*seen, following.resolve()], path)
        layers.append(Layer(file, absolute(values, file.absolute().parent, paths or {})))
    return tuple(layers)


def merged(
    layers: tuple[Layer, ...],
    whole: frozenset[str] = frozenset(),
    inherited: Callable[[Values, Values], Values] = lambda below, _: below,
) -> dict[str, Any]:
    """Return one recipe's values from its layers, the recipe's own first.

    whole: dotted keys whose mappings are replaced, not merged. inherited: what a layer takes over of those below it,
    from the values below and its own.
    """
    values: dict[str, Any] = {}
    for layer in reversed(layers):
        values = _over(inherited(values, layer.values), layer.values, whole)
    return values


def _over(below: Values, own: Values, whole: frozenset[str], prefix: str = "") -> dict[str, Any]:
    result = dict(below)
    for name, value in own.items():
        key, other = f"{prefix}{name}", below.get(name)
        both = isinstance(value, Mapping) and isinstance(other, Mapping) and key not in whole
        result[name] = _over(other or {}, value, whole, f"{key}.") if both else value
    return result


def _extended(file: Path, name: Any) -> Path:
    """Return the file that `extends` names in a recipe's file."""
    if not isinstance(name, str) or not name:
        raise RecipeError(
            f"{_KEY} in {file} must be the name of one recipe: a file by its way from there such as base.yaml or "
            "../base.yaml, or a shipped one such as tiny/crpo."
        )
    return _by_path(file, name) if name.endswith(_SUFFIXES) else _shipped(file, name)


def _by_path(file: Path, name: str) -> Path:
    if Path(name).is_absolute():
        raise RecipeError(
            f"{_KEY} in {file} names {name}, which is no way from the recipe's folder, so that the two could not be "
            "moved or passed on together. Write a relative one such as ../base.yaml."
        )
    base = file.absolute().parent / name
    if not base.is_file():
        stem = name.rpartition(".")[0]
        hint = f" The shipped recipe of that name is {stem}, without an ending." if _is_shipped(stem) else ""
        raise RecipeError(f"{file} extends {name}, and there is no file {base}.{hint} Correct {_KEY}.")
    return base


def _is_shipped(name: str) -> bool:
    return any((place / f"{name}.yaml").is_file() for place in _PLACES)


def _shipped(file: Path, name: str) -> Path:
    if re.fullmatch(r"\w+/\w+", name):
        try:
            return recipe_file(f"{name}.yaml")
        except UsageError:
            pass
    known = [f"{one.parent.name}/{one.stem}" for place in _PLACES for one in sorted(place.glob("*/*.yaml"))]
    by_stem = [one for one in known if one.rpartition("/")[2] == name]
    near = by_stem or difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise RecipeError(
        f"{_KEY} in {file} names {name!r}, and there is no such shipped recipe.{hint} A file is named with its ending: "
        f"{name}.yaml."
    )


def _refuse_endless(files: list[Path], path: Path) -> None:
    """Raise RecipeError where the last of the files was there before, or there are too many."""
    start = path.resolve().parent
    chain = " extends ".join(os.path.relpath(file, start) for file in files)
    if files[-1] in files[:-1]:
        raise RecipeError(f"The recipe {path} extends itself: {chain}. Take {_KEY} out of one of these.")
    if len(files) > MAX_LAYERS:
        raise RecipeError(
            f"The recipe {path} is made of more than {MAX_LAYERS} files: {chain}. Write what these say into fewer."
        )
