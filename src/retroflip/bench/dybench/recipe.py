"""Recipes of DyBench: which sources, how many pairs of each, and how both sides are cut, checked and written."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retroflip.bench.dybench.base import Source, SubTask
from retroflip.bench.dybench.sources import SOURCES
from retroflip.errors import UsageError
from retroflip.recipes import reading
from retroflip.recipes.shipped import merged, read_layers
from retroflip.video.fingerprint import NEAR

KIND = "dybench"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class EncoderSection(_Section):
    """How both sides of every pair are written (H.264 in MP4, one thread, no sound)."""

    crf: int = Field(default=18, ge=1, le=51, description="x264's quality, 1 is best")
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "veryfast"
    gop: int = Field(
        default=30, ge=1, le=600, description="frames between key frames, which no scene cut moves"
    )


class ClipSection(_Section):
    """What is cut out of a recording."""

    min_seconds: float = Field(default=0.5, ge=0.0, description="of a side; shorter ones are refused")
    max_seconds: float = Field(
        default=60.0, gt=0.0, description="of a side; longer ones are refused, not cut"
    )
    max_side: int | None = Field(
        default=720, ge=32, description="longer side in pixels, to which larger pictures are shrunk"
    )


class CheckSection(_Section):
    """What is refused without a look by a person."""

    motion: float = Field(
        default=6.0, ge=0.0, description="grey levels by which something must change; 0 checks nothing"
    )
    static: float = Field(
        default=4.0, gt=0.0, description="grey levels by which the sides' common content may differ at most"
    )
    near: float = Field(
        default=NEAR, ge=0.0, le=0.5, description="share of signs in which near-duplicates differ at most"
    )
    people: Literal["words", "pictures"] = Field(
        default="words",
        description="how people are looked for in clips that are reversed; pictures needs the extra people",
    )


class SourceSection(_Section):
    """Where a source's files are. settings: what the source itself knows."""

    source: str | None = Field(default=None, description="which source, where the section has another name")
    root: str | None = Field(default=None, description="its folder; --root NAME=DIR says so too")
    settings: dict[str, Any] = {}


class DyBenchRecipe(_Section):
    """A whole recipe. quotas: pairs of each sub-task and source; null takes all that can be made."""

    kind: Literal["dybench"]
    seed: int = Field(default=0, ge=0, description="which candidates are taken, where there are more")
    quotas: dict[str, dict[str, int | None]] = Field(description="pairs by sub-task and source")
    sources: dict[str, SourceSection] = Field(description="a section for each source")
    encoder: EncoderSection = EncoderSection()
    clips: ClipSection = ClipSection()
    checks: CheckSection = CheckSection()

    @model_validator(mode="after")
    def _names_what_is_there(self) -> Self:
        for name, section in self.sources.items():
            if not _NAME.fullmatch(name):
                raise reading.ContradictionError(
                    f"sources.{name}", "names of sources are small letters, digits, '_' and '-', 40 at most"
                )
            if (kind := section.source or name) not in SOURCES:
                raise reading.ContradictionError(
                    f"sources.{name}", f"there is no source {kind!r}; there are {', '.join(SOURCES)}"
                )
        for task, wanted in self.quotas.items():
            if task not in set(SubTask):
                raise reading.ContradictionError(
                    f"quotas.{task}", f"there is no such sub-task; there are {', '.join(SubTask)}"
                )
            for name, count in wanted.items():
                if name not in self.sources:
                    raise reading.ContradictionError(
                        f"quotas.{task}.{name}", f"no section sources.{name} says where it is"
                    )
                if count is not None and count < 1:
                    raise reading.ContradictionError(
                        f"quotas.{task}.{name}",
                        f"{count} pairs are none: leave the line out, or ask for some",
                    )
        if not any(self.quotas.values()):
            raise reading.ContradictionError("quotas", "they ask for nothing")
        return self

    @property
    def wanted(self) -> dict[tuple[SubTask, str], int | None]:
        """The quotas in the recipe's order, by sub-task and source section."""
        return {
            (SubTask(task), name): count
            for task, named in self.quotas.items()
            for name, count in named.items()
        }

    def source(self, name: str) -> Source:
        """Return the source of a section."""
        return SOURCES[self.sources[name].source or name]

    def portable(self) -> dict[str, Any]:
        """Return every setting but where the sources lie on this machine."""
        values = self.model_dump(mode="json")
        for section in values["sources"].values():
            del section["root"]
        return values


def load_dybench_recipe(path: Path, overrides: Sequence[str] = ()) -> DyBenchRecipe:
    """Read a recipe, apply overrides of the form `section.key=value`, and check it; roots start from its folder.

    Raises RecipeError.
    """
    layers = read_layers(path)
    values = merged(layers)
    for override in overrides:
        key, value = reading.parse_override(override)
        values = reading.replaced(values, key, value, override)
    origin = reading.Origin(path, tuple(overrides), layers)
    reading.one_of(values, "kind", [KIND], origin)
    recipe = reading.validate(DyBenchRecipe, values, origin, {})
    return recipe.model_copy(
        update={"sources": {name: _rooted(one, path.parent) for name, one in recipe.sources.items()}}
    )


def _rooted(section: SourceSection, base: Path) -> SourceSection:
    if section.root is None:
        return section
    return section.model_copy(update={"root": str((base / Path(section.root).expanduser()).resolve())})


def parse_roots(texts: Sequence[str], recipe: DyBenchRecipe) -> dict[str, Path]:
    """Return the roots of `--root NAME=DIR`. Raises UsageError for a name that the recipe has not."""
    roots: dict[str, Path] = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not equals or not folder or name not in recipe.sources:
            raise UsageError(
                f"--root {text}: write NAME=DIR, with a source of the recipe: {', '.join(recipe.sources)}."
            )
        roots[name] = Path(folder)
    return roots
