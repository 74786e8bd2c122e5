"""Where the shipped recipes lie: in the package when it is installed, in the checkout's `recipes/` otherwise."""

from pathlib import Path

from retroflip.errors import UsageError

_PLACES = (Path(__file__).parent / "_recipes", Path(__file__).parents[2] / "recipes")


def recipe_file(name: str) -> Path:
    """Return the path of a shipped recipe such as 'tiny/crpo.yaml'. Raises UsageError when there is none."""
    for place in _PLACES:
        if (place / name).is_file():
            return place / name
    raise UsageError(f"There is no shipped recipe {name!r}; see the folder `recipes` of the project.")
