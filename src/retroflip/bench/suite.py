"""Suites: the benchmarks of a paper's tables, the subsets that it tells apart, and the means that it prints.

A suite is YAML: `recipes/suites/NAME.yaml`, or a file of one's own. Several members may be of one benchmark: its
questions are asked once, and each member takes the share of them that its `where` names.
"""

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retroflip.bench.records import AnswerRecord
from retroflip.data.sample import Sample
from retroflip.errors import UsageError
from retroflip.recipes.reading import ContradictionError, Origin, read_mapping, validate
from retroflip.recipes.shipped import recipe_file

TASK = "task"
"""the key of `where` that names sub-tasks; every other one is a label of the samples"""


class Member(BaseModel):
    """One number of a table: a measure over a benchmark's questions, or over some of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bench: str = Field(description="the benchmark's name, as `retroflip bench list` has it")
    title: str = Field(
        default="", description="as the paper's table calls it; the benchmark's own without one"
    )
    where: dict[str, tuple[str, ...]] = Field(
        default={}, description="which questions: 'task', or a label, and the values that are meant"
    )
    metric: str = Field(
        default="acc", description="which of its measures stands in the table, dotted as in the scores' JSON"
    )
    note: str = Field(default="", description="what is to be known of this number")

    def holds(self, one: Sample | AnswerRecord) -> bool:
        """Return whether a question of the benchmark, or the answer to one, counts for this number."""
        said = {**one.labels, TASK: one.task}
        return all(said.get(key) in values for key, values in self.where.items())


class Suite(BaseModel):
    """A paper's evaluation.

    members: by the names that `means` uses, in the table's order. means: what the paper averages, by its names.
    frames, sampler: as the paper states them; None where it does not, so that each benchmark's own are taken.

    Raises ValidationError for a mean over a member that there is not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    paper: str = Field(description="where the numbers stand")
    members: dict[str, Member] = Field(min_length=1)
    means: dict[str, tuple[str, ...]] = {}
    frames: int | None = Field(default=None, ge=1)
    sampler: str | None = None
    draws: int = Field(default=1, ge=1, description="responses to each question, for pass@k")
    note: str = ""

    @model_validator(mode="after")
    def _means_are_over_members(self) -> Self:
        for name, over in self.means.items():
            if unknown := [one for one in over if one not in self.members]:
                raise ContradictionError(
                    f"means.{name}", f"it is over {unknown[0]!r}, which is none of the members"
                )
            if not over:
                raise ContradictionError(f"means.{name}", "it is over nothing")
        return self

    @property
    def benchmarks(self) -> list[str]:
        """The benchmarks that must be asked, each once, in the order of the members."""
        return list(dict.fromkeys(member.bench for member in self.members.values()))

    def counts(self, bench: str, sample: Sample) -> bool:
        """Return whether any member of a benchmark counts this sample of it."""
        return any(member.holds(sample) for member in self.members.values() if member.bench == bench)


class Mean(NamedTuple):
    """A mean of a table. value: None where a member is missing. missing: the members without a number."""

    value: float | None
    missing: tuple[str, ...] = ()


def means(suite: Suite, scores: Mapping[str, float | None]) -> dict[str, Mean]:
    """Return the suite's means of the scores of its members, each member weighing the same.

    A mean over fewer members than the paper's is another number, so one that misses a score has no value.
    """
    found = {}
    for name, over in suite.means.items():
        known = [score for one in over if (score := scores.get(one)) is not None]
        missing = tuple(one for one in over if scores.get(one) is None)
        found[name] = Mean(None if missing else fmean(known), missing)
    return found


def suite_names() -> list[str]:
    """Return the names of the shipped suites."""
    return sorted(path.stem for path in recipe_file("suites/crpo.yaml").parent.glob("*.yaml"))


def read_suite(path_or_name: str) -> Suite:
    """Read a shipped suite by its name, such as "crpo", or a file. Raises UsageError and RecipeError."""
    path = Path(path_or_name)
    if path.suffix not in (".yaml", ".yml"):
        if path_or_name not in suite_names():
            raise UsageError(
                f"There is no suite {path_or_name!r}. The shipped ones are {', '.join(suite_names())}; a file of your "
                "own is named with its ending, as in mine.yaml."
            )
        path = recipe_file(f"suites/{path_or_name}.yaml")
    return validate(Suite, read_mapping(path), Origin(path, ()), {})
