"""The recipe of `retroflip sft`: lessons with reasoning traces, and general questions among them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from retroflip.data.prompts import DIRECT_PROMPT
from retroflip.recipes.schema import (
    AtLeastOne,
    ColumnMap,
    OptimizerSection,
    PromptSection,
    Recipe,
    Section,
    check_division,
)


class GeneralSection(Section):
    """General video questions among the lessons, answered directly: models keep what they know (SynRL, 2.3)."""

    records: str = Field(
        min_length=1, description="JSONL or JSON file of Video-R1 records; traces are not used"
    )
    root: str | None = Field(
        default=None, description="folder that the records' paths start from; by default the records' folder"
    )
    columns: ColumnMap = Field(default={}, description="as data.columns, for this file's own keys")
    share: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.15, description="of all lessons; so many records are drawn, each once"
    )
    prompt: str = Field(default=DIRECT_PROMPT, description="system prompt, which must not ask for reasoning")

    def lessons_beside(self, reasoned: int) -> int:
        """Return how many of these make `share` of all, beside so many lessons with reasoning."""
        return round(reasoned * self.share / (1.0 - self.share))


class SftPromptSection(PromptSection):
    """What stands around the question in supervised fine-tuning."""

    null_option: bool = Field(
        default=True,
        description='append "None of the above" to multiple-choice questions, as the methods do by default',
    )


class SftTrainSection(OptimizerSection):
    """Supervised fine-tuning on the records' traces."""

    batch_size: AtLeastOne = Field(description="records per optimizer step")

    @model_validator(mode="after")
    def _whole_passes(self) -> "SftTrainSection":
        check_division("batch_size", self.batch_size, self.gradient_accumulation)
        return self


class SftRecipe(Recipe):
    """A recipe for `retroflip sft`."""

    kind: Literal["sft"] = "sft"
    general: GeneralSection | None = None
    train: SftTrainSection
    prompt: SftPromptSection = SftPromptSection()

    @property
    def trained_by(self) -> str:
        """Its kind."""
        return self.kind

    @property
    def null_option(self) -> bool:
        """The prompt's."""
        return self.prompt.null_option
