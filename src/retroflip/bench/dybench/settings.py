"""A source's own settings, checked as a recipe's are."""

from collections.abc import Mapping
from typing import Any

from retroflip.errors import RecipeError
from retroflip.recipes.reading import ModelT, Origin, validate


def checked_settings(model: type[ModelT], settings: Mapping[str, Any], name: str) -> ModelT:
    """Return a source's settings as its model has them. Raises RecipeError, which names the source."""
    try:
        return validate(model, settings, Origin(None, ()), {})
    except RecipeError as error:
        raise RecipeError(f"The settings of the source {name!r}: {error}") from error
