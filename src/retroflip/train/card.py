"""The cards of what a run writes, README.md in each folder: what it was trained on and how, and how to use it.

A card goes out with the weights, so it holds no path of this machine and no address of a server.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import ModelCardData, metadata_load
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from peft.utils import CONFIG_NAME

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


@dataclass(frozen=True)
class Cards:
    """Writes the cards of a run. own_bounds: those of the start model's processor, before the recipe's pixel budget.
    questions: how many the run is about."""

    recipe: Recipe
    own_bounds: Bounds
    questions: int

    @cached_property
    def trained(self) -> Trained:
        """What there is to say of the model, once the run is at its end."""
        return Trained.by_run(self.recipe, self.own_bounds, self.questions)

    @cached_property
    def licence(self) -> dict[str, str]:
        """The start model's licence; looked up once, since it may lie on the hub."""
        return licence_of(self.recipe.model.path, self.recipe.model.revision)

    def write_release(self, folder: Path) -> None:
        """Write beside the weights that the run has made how they are asked, and their card."""
        self.trained.write(folder)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        write_text_atomic(folder / CARD_FILE, card(self.recipe, self.trained, config["model_type"]))

    def write_checkpoint(self, folder: Path, step: int) -> None:
        """Write the card of the checkpoint behind a step into its folder, in place of PEFT's form where one is."""
        adapters = (folder / CONFIG_NAME).is_file()
        head = _metadata(self.trained, self.licence, ["checkpoint"], "peft" if adapters else "transformers")
        text = _rendered(
            "checkpoint.md.j2", self.recipe, metadata=head, trained=self.trained, step=step, adapters=adapters
        )
        write_text_atomic(folder / CARD_FILE, text)


def card(recipe: Recipe, trained: Trained, model_type: str) -> str:
    """Return the Markdown of a trained model's card."""
    asked = trained.asked
    return _rendered(
        "card.md.j2",
        recipe,
        metadata=_metadata(trained, licence_of(recipe.model.path, recipe.model.revision)),
        trained=trained,
        asked=asked,
        bounds=[(name, value) for name, value in asked.model_dump().items() if "pixels" in name and value],
        max_tokens=asked.max_tokens or DEFAULT_MAX_TOKENS,
        system=SYSTEM_PROMPT if asked.system_prompt is None else asked.system_prompt,
        null_option=NULL_OPTION,
        positions_differ=model_type in IN_ONE_RUN,
    )


def _rendered(template: str, recipe: Recipe, **values: Any) -> str:
    environment = Environment(  # noqa: S701 - Markdown, not HTML
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"python": repr, "cell": cell}
    settings = dumped(_public(recipe.resolved()))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", settings)), default=0))
    return environment.get_template(template).render(recipe=settings, fence=fence, **values)


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


def _metadata(
    trained: Trained, licence: Mapping[str, Any], tags: Sequence[str] = (), library: str = "transformers"
) -> str:
    """Return a card's head in YAML, by which the hub finds it."""
    data = ModelCardData(
        **licence,
        base_model=trained.base if "/" in trained.base else None,
        library_name=library,
        pipeline_tag="video-text-to-text",
        tags=list(dict.fromkeys(["retroflip", *tags, *(lesson.method for lesson in trained.lessons)])),
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
