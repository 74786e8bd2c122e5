"""Reading a recipe of either kind of training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel

from retroflip.recipes import reading
from retroflip.recipes.schema import PATHS, WHOLE
from retroflip.recipes.shipped import merged, read_layers
from retroflip.rl.methods.base import MethodConfig
from retroflip.rl.methods.registry import METHODS, OTHER_NAMES
from retroflip.rl.recipe import RlRecipe
from retroflip.sft.recipe import SftRecipe

AnyRecipe: TypeAlias = RlRecipe | SftRecipe
KINDS: dict[str, type[AnyRecipe]] = {"rl": RlRecipe, "sft": SftRecipe}


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> AnyRecipe:
    """Read a recipe, apply overrides of the form `section.key=value` (the value in YAML), and check it.

    An override replaces what the file says, whole sections too (`method={name: grpo, rollouts: 16}`). Another method's
    name alone (`method=grpo` or `method.name=grpo`) also drops the file's settings of its own method; those that every
    method has stay. A method's name in a recipe that extends another one does the same.

    Raises RecipeError, with the file, the dotted key and the fix, for a missing or unreadable file, an unknown or
    repeated key, a wrong value, or settings that contradict each other.
    """
    layers = read_layers(path, PATHS)
    values: Mapping[str, Any] = merged(
        layers,
        WHOLE,
        lambda below, own: _without_other_data(_without_other_methods(below, _method_named(own)), own),
    )
    parsed = [(override, *_whole_key(*reading.parse_override(override))) for override in overrides]
    values = _without_other_methods(values, [value for _, key, value in parsed if key == "method.name"])
    for override, key, value in parsed:
        nested = reading.absolute(reading.nested(key, value), Path.cwd(), PATHS)
        values = _without_other_data(values, nested)
        values = reading.replaced(values, key, reading.at(nested, key), override)
    origin = reading.Origin(path, tuple(overrides), layers)
    return recipe_from(values, origin)


def recipe_from(values: Mapping[str, Any], origin: reading.Origin | None = None) -> AnyRecipe:
    """Check a recipe that is a mapping, such as `resolved()`. Raises RecipeError as `load_recipe` does."""
    origin = origin or reading.Origin(None, ())
    recipe_class = KINDS[reading.one_of(values, "kind", list(KINDS), origin)]
    method_class: type[BaseModel] | None = None
    if recipe_class is RlRecipe and isinstance(values.get("method"), Mapping):
        name = reading.one_of(values["method"], "method.name", list(METHODS), origin, OTHER_NAMES)
        method_class = METHODS[name]
    return reading.validate(recipe_class, values, origin, {"method": method_class} if method_class else {})


def _without_other_data(values: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return values without the records where a mixture takes their place, and without the mixture where records do."""
    below, section = values.get("data"), own.get("data")
    if not isinstance(below, Mapping) or not isinstance(section, Mapping):
        return values
    gone = {"records", "root", "limit", "columns"} if "mixture" in section else set()
    gone |= {"mixture"} if "records" in section else set()
    return {**values, "data": {key: value for key, value in below.items() if key not in gone}}


def _whole_key(key: str, value: Any) -> tuple[str, Any]:
    """Return an override with a method that is given by its name alone as what it is short for."""
    return ("method.name", value) if key == "method" and isinstance(value, str) else (key, value)


def _method_named(values: Mapping[str, Any]) -> list[Any]:
    """Return the name of a file's method, if it says one."""
    section = values.get("method")
    return [section["name"]] if isinstance(section, Mapping) and "name" in section else []


def _without_other_methods(values: Mapping[str, Any], named: Sequence[Any]) -> Mapping[str, Any]:
    """Return values without the settings that their method alone has, where the last name is another method's."""
    section = values.get("method")
    if not named or not isinstance(section, Mapping) or section.get("name") in (None, named[-1]):
        return values
    shared = {key: value for key, value in section.items() if key in MethodConfig.model_fields}
    return {**values, "method": shared}
