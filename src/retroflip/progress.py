"""How long jobs tell whoever started them how far they are; the library itself prints nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, TypeAlias

Facts: TypeAlias = Mapping[str, str]
NOTHING: Facts = MappingProxyType({})


class Progress(Protocol):
    """A listener for stages, one after the other."""

    def stage(self, name: str, total: int, unit: str) -> None:
        """A stage begins: `total` units (steps, videos, answers) are ahead. The stage before it is done."""

    def advance(self, done: int, note: str = "", facts: Facts = NOTHING) -> None:
        """`done` units of the stage are finished; `note` is a few words on how it goes (a loss, a reward).

        facts: what else there is to say, by its name, for a listener that has room.
        """


class Silence:
    """A listener that ignores everything."""

    def stage(self, name: str, total: int, unit: str) -> None:
        """Ignore a stage."""

    def advance(self, done: int, note: str = "", facts: Facts = NOTHING) -> None:
        """Ignore progress."""


@dataclass(frozen=True)
class Part:
    """A listener that says before each stage which part of a longer job it belongs to."""

    listener: Progress
    label: str

    def stage(self, name: str, total: int, unit: str) -> None:
        """Pass a stage on under this part's label."""
        self.listener.stage(f"{self.label}: {name}", total, unit)

    def advance(self, done: int, note: str = "", facts: Facts = NOTHING) -> None:
        """Pass progress on."""
        self.listener.advance(done, note, facts)


def numbered(progress: Progress, names: Sequence[str]) -> Iterator[Progress]:
    """Yield a listener for each part of a job, in order; its stages begin with "3/14 NAME"."""
    for number, name in enumerate(names, start=1):
        yield Part(progress, f"{number}/{len(names)} {name}")
