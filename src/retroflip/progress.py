"""How long jobs tell whoever started them how far they are; the library itself prints nothing."""

from typing import Protocol


class Progress(Protocol):
    """A listener for stages, one after the other."""

    def stage(self, name: str, total: int, unit: str) -> None:
        """A stage begins: `total` units (steps, videos, answers) are ahead. The stage before it is done."""

    def advance(self, done: int, note: str = "") -> None:
        """`done` units of the stage are finished; `note` is a few words on how it goes (a loss, a reward)."""


class Silence:
    """A listener that ignores everything."""

    def stage(self, name: str, total: int, unit: str) -> None:
        """Ignore a stage."""

    def advance(self, done: int, note: str = "") -> None:
        """Ignore progress."""
