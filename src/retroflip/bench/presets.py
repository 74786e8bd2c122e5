"""Presets: everything that is to be said about a model to ask it as its paper does, under one name.

The shipped ones are `recipes/models.yaml`; a file of one's own has the same form and goes before them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from retroflip.data.prompt_modes import PromptMode
from retroflip.recipes.reading import Origin, read_mapping, validate
from retroflip.recipes.shipped import recipe_file
from retroflip.video.budget import pixel_count

FILE = "models.yaml"
CONDITIONS = (
    *("prompt", "system_prompt", "frames", "sampler", "fps"),
    *("min_pixels", "max_pixels", "total_pixels", "max_tokens", "null_option"),
)
"""what of a preset says how a model is asked"""

Pixels = Annotated[int, Field(ge=1), BeforeValidator(pixel_count)]


class Preset(BaseModel):
    """A model and how it is asked; None is left to the model, the benchmark or the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1, description="a hub name, a folder, or its name on a server")
    title: str = Field(default="", description="as tables call it")
    revision: str | None = Field(default=None, description="branch, tag or commit of a hub model")
    dtype: Literal["float32", "bfloat16"] | None = None
    engine: str | None = Field(default=None, description="what runs it: ours, transformers, vllm or openai")
    endpoint: str | None = Field(default=None, description="the server's address, up to /v1")
    key_variable: str | None = Field(
        default=None, description="the environment variable with the server's key"
    )
    prompt: PromptMode | None = None
    system_prompt: str | None = None
    frames: Annotated[int, Field(ge=1)] | None = None
    sampler: str | None = None
    fps: Annotated[float, Field(gt=0)] | None = None
    min_pixels: Pixels | None = None
    max_pixels: Pixels | None = None
    total_pixels: Pixels | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    null_option: bool | None = None
    parameters: Annotated[float, Field(gt=0)] | None = Field(default=None, description="in billions")
    patch: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="side of one visual token, in pixels"
    )
    merge: int = Field(default=1, ge=1, description="frames of a video that share their tokens")
    tokens_per_frame: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="where it is the same for every size of frame"
    )
    note: str = ""

    @property
    def conditions(self) -> dict[str, Any]:
        """What it says of how the model is asked, by the names of options."""
        said = self.model_dump(include=set(CONDITIONS))
        return {name: value for name, value in said.items() if value is not None}


class _Presets(BaseModel):
    model_config = ConfigDict(extra="forbid")

    models: dict[str, Preset]


def read_presets(file: Path | None = None) -> dict[str, Preset]:
    """Return the shipped presets by name, and those of a file before them. Raises RecipeError for a wrong file."""
    shipped = _read(recipe_file(FILE))
    return shipped if file is None else {**shipped, **_read(file)}


def preset_of(name: str, presets: Mapping[str, Preset]) -> Preset:
    """Return the preset of this name, or else one that says nothing but the model; a folder of that name is a model."""
    if name in presets and not Path(name).is_dir():
        return presets[name]
    return Preset(model=name)


def _read(file: Path) -> dict[str, Preset]:
    return validate(_Presets, {"models": read_mapping(file)}, Origin(file, ()), {}).models
