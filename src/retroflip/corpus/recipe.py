"""The recipe of `retroflip data build`: which published files a corpus is made of, and how many rows a paper counts."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from retroflip.data.mixture import Curriculum
from retroflip.data.sources import SOURCES
from retroflip.recipes import reading
from retroflip.recipes.schema import AtLeastOne, ColumnMap, Positive, Section, Share
from retroflip.recipes.shipped import merged, read_layers
from retroflip.router.rules import Conventions


class PartSection(Section):
    """One published set."""

    source: str = Field(description="its name, as `retroflip data list` has it")
    path: str = Field(min_length=1, description="its file or folder, under --root")
    media: str = Field(default="", description="the folder, under --root, that its records' paths start from")
    count: AtLeastOne | None = Field(default=None, description="records that the paper counts")
    weight: Positive | None = Field(
        default=None, description="of its questions in an epoch; of all parts, or of none"
    )
    whole: bool = Field(
        default=False, description="show videos whole where a question is about a part of them"
    )
    split: str | None = Field(default=None, description="of a data set that has several")
    columns: ColumnMap = Field(default={}, description="of a file with keys of its own")

    @model_validator(mode="after")
    def _source_is_known(self) -> Self:
        if self.source not in SOURCES:
            raise ValueError(f"there is no source named {self.source!r}: choose from {', '.join(SOURCES)}")
        return self


class TotalSection(Section):
    """A number that a paper gives for several parts together, or rounded."""

    parts: Annotated[tuple[str, ...], Field(strict=False)] = Field(min_length=1)
    count: AtLeastOne = Field(description="records that the paper counts")
    within: int = Field(default=0, ge=0, description="how far off a rounded number may be")


class MixSection(Section):
    """How the parts are mixed, as in a mixture's own file."""

    size: AtLeastOne | None = None
    curriculum: Annotated[Curriculum, Field(strict=False)] = Curriculum.NONE
    blend: Share = 0.0


class CorpusRecipe(Section):
    """A recipe for `retroflip data build`."""

    kind: Literal["data"]
    title: str
    parts: dict[Annotated[str, Field(pattern=r"^[\w.-]+$")], PartSection] = Field(min_length=1)
    totals: dict[str, TotalSection] = Field(default={}, description="of several parts together")
    conventions: Conventions = Field(default=Conventions(), description="of the Task Router's rules")
    mixture: MixSection = MixSection()
    deviations: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="what is known to be otherwise than in the paper"
    )

    @model_validator(mode="after")
    def _totals_are_of_parts(self) -> Self:
        for name, total in self.totals.items():
            if unknown := [part for part in total.parts if part not in self.parts]:
                raise reading.ContradictionError(
                    f"totals.{name}", f"it counts {unknown[0]}, which is none of the parts: correct its name"
                )
        if len({part.weight is None for part in self.parts.values()}) > 1:
            raise reading.ContradictionError(
                "parts", "some parts have a weight and others none: give each a weight, or none"
            )
        return self


def read_corpus(path: Path) -> CorpusRecipe:
    """Return the recipe in a file. Raises RecipeError for one that is missing or wrong."""
    layers = read_layers(path)
    return reading.validate(CorpusRecipe, merged(layers), reading.Origin(path, (), layers), {})
