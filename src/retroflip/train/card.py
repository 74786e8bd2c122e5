"""The card of a trained model, README.md in its folder: what it was trained on and how, and how to use it elsewhere.

The card goes out with the model, so it holds no path of this machine and no address of a server.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import ModelCardData, metadata_load
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from retroflip.data.prompts import NULL_OPTION, SYSTEM_PROMPT
from retroflip.files.markdown import cell
from retroflip.files.storage import write_text_atomic
from retroflip.models.budget import Bounds
from retroflip.models.loading import CARD_FILE
from retroflip.models.positions import IN_ONE_RUN
from retroflip.recipes.reading import dumped
from retroflip.recipes.schema import Recipe
from retroflip.train.conditions import DEFAULT_MAX_TOKENS, Trained, beside_weights

_WORDS = ("system", "prompt")
"""settings that are texts and never paths"""
_ADDRESSES = ("server",)
_LICENCE = ("license", "license_name", "license_link")


def write_release(folder: Path, recipe: Recipe, own_bounds: Bounds, questions: int) -> None:
    """Write beside the weights that a run has made out of so many questions how they are asked, and their card.

    own_bounds: those of the start model's processor, before the recipe's pixel budget.
    """
    trained = Trained.by_run(recipe, own_bounds, questions)
    trained.write(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    write_text_atomic(folder / CARD_FILE, card(recipe, trained, config["model_type"]))


def card(recipe: Recipe, trained: Trained, model_type: str) -> str:
    """Return the card's Markdown."""
    environment = Environment(  # noqa: S701 - Markdown, not HTML
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"python": repr, "cell": cell}
    settings = dumped(_public(recipe.resolved()))
    asked = trained.asked
    return environment.get_template("card.md.j2").render(
        metadata=_metadata(trained, licence_of(recipe.model.path, recipe.model.revision)),
        trained=trained,
        asked=asked,
        bounds=[(name, value) for name, value in asked.model_dump().items() if "pixels" in name and value],
        max_tokens=asked.max_tokens or DEFAULT_MAX_TOKENS,
        system=SYSTEM_PROMPT if asked.system_prompt is None else asked.system_prompt,
        null_option=NULL_OPTION,
        positions_differ=model_type in IN_ONE_RUN,
        recipe=settings,
        fence="`" * max(3, 1 + max(map(len, re.findall("`+", settings)), default=0)),
    )


def licence_of(model: str, revision: str | None = None) -> dict[str, str]:
    """Return what the start model's own card says of its licence, in the hub's keys; {} where it says nothing.

    A model is under the licence of what it was made from, and what is not written there is not known. A link within the
    start model's repository would lead nowhere from here, and is left out.
    """
    path = beside_weights(model, revision, CARD_FILE)
    try:
        head = metadata_load(path) if path else None
    except (OSError, ValueError, yaml.YAMLError):
        return {}  # somebody else's file, which says nothing that can be read
    found = {key: (head or {}).get(key) for key in _LICENCE}
    said = {key: value for key, value in found.items() if isinstance(value, str) and value}
    if not said.get("license_link", "https://").startswith("https://"):
        del said["license_link"]
    return said if "license" in said else {}


def _metadata(trained: Trained, licence: Mapping[str, Any]) -> str:
    """Return the card's head in YAML, by which the hub finds it."""
    data = ModelCardData(
        **licence,
        base_model=trained.base if "/" in trained.base else None,
        library_name="transformers",
        pipeline_tag="video-text-to-text",
        tags=list(dict.fromkeys(["retroflip", *(lesson.method for lesson in trained.lessons)])),
    )
    return str(data.to_yaml()).strip()


def _public(value: Any, key: str = "") -> Any:
    """Return settings without folders and addresses: of a path its name is left, and of a server nothing."""
    if isinstance(value, dict):
        return {name: _public(inner, name) for name, inner in value.items()}
    if isinstance(value, str) and key in _ADDRESSES:
        return None
    if isinstance(value, str) and key not in _WORDS and Path(value).is_absolute():
        return Path(value).name
    return value
