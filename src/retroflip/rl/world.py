"""The processes of a run, and the few words they exchange; a run of one process needs none.

Every process knows the whole step (questions, branches, answers, rewards, advantages) and does its share of the
branches. Branches of one group may lie on different processes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from retroflip.models import processes

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """This process among `size`, counted from 0.

    sharded: whether they share one model's weights among them. least_runs: how often the vision tower runs in every
    pass at least, though there may be nothing to see. Under DeepSpeed a trained tower must run once: weights that no
    backward pass of a step reaches keep the gradient of an earlier step there, and are moved by it again.
    """

    rank: int = 0
    size: int = 1
    sharded: bool = False
    least_runs: int = 0

    def share(self, items: Sequence[T]) -> list[T]:
        """Return this process's share: neighbouring items, as many on every process.

        Where the items do not divide evenly, the last processes repeat the last item, so that all make equally many
        passes through a sharded model; `owned` says how many of them count.
        """
        each = self._each(len(items))
        mine = list(items[self.rank * each : (self.rank + 1) * each])
        return mine + [items[-1]] * (each - len(mine))

    def owned(self, count: int) -> int:
        """Return how many of this process's share of `count` items are its own and no repetition."""
        each = self._each(count)
        return max(min(count - self.rank * each, each), 0)

    def _each(self, count: int) -> int:
        return -(-count // self.size)

    def gather(self, items: Sequence[T]) -> list[T]:
        """Return the items of all processes, in the order of their ranks."""
        return processes.gather(items)

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set on some process."""
        return processes.agree(flag)

    def most(self, number: int) -> int:
        """Return the largest of the processes' numbers."""
        return max(self.gather([number]))

    def idle(self, runs: int) -> int:
        """Return how many runs of the vision tower this process adds to its own, to make as many as the busiest.

        Those that share its weights run it equally often, and `least_runs` times at least; others add none.
        """
        return max(self.most(runs), self.least_runs) - runs if self.sharded else 0
