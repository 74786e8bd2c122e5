"""Recipes of `retroflip cot`: which models write, judge and polish reasoning, and what they are told.

The stages and their defaults are those of SynRL (section 2.2): generate, verify, reflect for up to 5 rounds, polish.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from retroflip.cot import prompts
from retroflip.cot.verify import VerifierSettings
from retroflip.llm.settings import Endpoint, NotNegative
from retroflip.recipes import reading
from retroflip.recipes.shipped import merged, read_layers

KIND = "cot"
ROLES = ("generator", "judge", "polisher")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class LocalModel(_Section):
    """One model on this machine, which is loaded once for all roles that it has."""

    model: str = Field(min_length=1, description="its folder, or its name on the hub")
    engine: Literal["ours", "transformers", "text", "vllm"] | None = Field(
        default=None, description="what runs it, text for one that sees nothing; null chooses by the model"
    )
    dtype: Literal["float32", "bfloat16"] = Field(default="bfloat16", description="of its weights")
    temperature: NotNegative = Field(default=0.0, description="0 is greedy")
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    max_tokens: int = Field(default=4096, ge=1, description="most tokens of one response")

    def identity(self) -> dict[str, Any]:
        """Return what of it decides a response."""
        return self.model_dump(mode="json")

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the price of so many tokens."""
        return 0.0 * (prompt_tokens + completion_tokens)


ENDPOINTS_OWN = Endpoint.model_fields.keys() - LocalModel.model_fields.keys()


def _form(section: Any) -> type[BaseModel]:
    """Return which form a role's section has: a model here, unless it has a key that only endpoints have."""
    keys = section.keys() if isinstance(section, dict) else type(section).model_fields.keys()
    return Endpoint if keys & ENDPOINTS_OWN else LocalModel


Model = Annotated[
    Annotated[Endpoint, Tag("Endpoint")] | Annotated[LocalModel, Tag("LocalModel")],
    Discriminator(lambda section: _form(section).__name__),
]


class VideoSection(_Section):
    """How the generator is shown the video."""

    form: Literal["frames", "video"] = Field(
        default="frames", description="sampled frames with their times, or the file as it is"
    )
    frames: int = Field(default=16, ge=1, le=512, description="evenly spread frames")
    max_side: int = Field(default=448, ge=28, description="longer side of a frame in pixels")
    quality: int = Field(default=90, ge=10, le=100, description="of the JPEG files")
    tokens: int = Field(default=6000, ge=0, description="a video's tokens, for the estimate of --dry-run")


class PromptSection(_Section):
    """What the models are told. `{...}` stand for what the pipeline fills in; each text says which it may use."""

    generator: str = Field(
        default=prompts.GENERATOR,
        min_length=1,
        description="{question} {answer} {box} {timeline} {examples}",
    )
    reflection: str = Field(default=prompts.REFLECTION, min_length=1, description="{feedback}")
    judge: str = Field(
        default=prompts.JUDGE, min_length=1, description="{question} {answer} {timeline} {trace} {tolerance}"
    )
    extractor: str = Field(default=prompts.EXTRACTOR, min_length=1, description="{trace} {examples}")
    polisher: str = Field(default=prompts.POLISHER, min_length=1, description="{question} {trace}")
    repolish: str = Field(default=prompts.REPOLISH, min_length=1, description="{feedback}")


class PipelineSection(_Section):
    """How often each stage may be tried."""

    rounds: int = Field(default=5, ge=1, le=50, description="drafts of a trace, the first one included")
    verdict_attempts: int = Field(
        default=3, ge=1, le=20, description="calls for one verdict, or one list of claims, that can be read"
    )
    polish_attempts: int = Field(
        default=2, ge=0, le=20, description="calls for one polished trace; 0 leaves it out"
    )
    keep_unpolished: bool = Field(
        default=True,
        description="keep the verified draft where no polished one is true; otherwise it is rejected",
    )
    workers: int = Field(default=8, ge=1, le=1024, description="samples worked on at the same time")


class CotRecipe(_Section):
    """A whole recipe."""

    kind: Literal["cot"]
    generator: Model
    judge: Model
    polisher: Model
    video: VideoSection = VideoSection()
    verifier: VerifierSettings = VerifierSettings()
    pipeline: PipelineSection = PipelineSection()
    prompts: PromptSection = PromptSection()

    def resolved(self) -> dict[str, Any]:
        """Return every setting."""
        return self.model_dump(mode="json")


def load_cot_recipe(path: Path, overrides: Sequence[str] = ()) -> CotRecipe:
    """Read a recipe, apply overrides of the form `section.key=value`, and check it. Raises RecipeError."""
    layers = read_layers(path)
    values = merged(layers)
    for override in overrides:
        key, value = reading.parse_override(override)
        values = reading.replaced(values, key, value, override)
    origin = reading.Origin(path, tuple(overrides), layers)
    reading.one_of(values, "kind", [KIND], origin)
    forms = {role: _form(values[role]) for role in ROLES if isinstance(values.get(role), dict)}
    recipe = reading.validate(CotRecipe, values, origin, forms)
    prompts.check(recipe.prompts.model_dump(), origin)
    return recipe
