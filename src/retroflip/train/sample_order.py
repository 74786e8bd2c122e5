"""In which order a run goes through its samples, from the first step to the last."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from retroflip.draws import draw
from retroflip.errors import DataError, counted

Order: TypeAlias = Callable[[int, int], npt.NDArray[np.int64]]
"""the samples of an epoch in their order, by (seed, epoch)"""


class Epochs(NamedTuple):
    """How many samples an epoch has, and in which order."""

    samples: int
    order: Order | None = None


def epoch_of(step: int, samples: int, samples_per_step: int) -> int:
    """Return which pass over the data a step belongs to, counted from 0."""
    return step // (samples // samples_per_step)


def require_step(samples: int, samples_per_step: int, setting: str) -> None:
    """Raise DataError where the samples do not fill a step. setting: which one says how many a step takes."""
    if samples < samples_per_step:
        raise DataError(
            f"The data set has {counted(samples, 'usable sample')}, and one step takes {samples_per_step}: add "
            f"records, or lower {setting} to {samples} or less, and train.gradient_accumulation to a divisor of it."
        )


class RunOrder(Sampler[int]):
    """Dataset indices of a whole run in the order TRL's trainer reads them.

    order: the `samples` of an epoch, a function of (seed, epoch) alone; by default a permutation of them.
    Those at its end that do not fill a step are left out of that epoch. Each step's indices stand there `repeats` times
    in a row, one for each trained rollout, and the step is repeated for each of its `passes` (gradient accumulation
    times iterations).

    TRL's own sampler draws later epochs from a generator's state, which a resumed run does not have. Raises DataError
    where the samples do not fill a single step.
    """

    def __init__(
        self,
        *,
        samples: int,
        samples_per_step: int,
        steps: int,
        repeats: int,
        passes: int,
        seed: int,
        order: Order | None = None,
    ) -> None:
        require_step(samples, samples_per_step, "train.samples_per_step (train.batch_size in sft)")
        self._order = order
        self.samples = samples
        self.samples_per_step = samples_per_step
        self.steps = steps
        self.repeats = repeats
        self.passes = passes
        self.seed = seed
        self._epoch = -1
        self._kept: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return self.steps * self.samples_per_step * self.repeats * self.passes

    def __iter__(self) -> Iterator[int]:
        for step in range(self.steps):
            chosen = self.step_indices(step)
            for _ in range(self.passes):
                for index in chosen:
                    yield from [index] * self.repeats

    def step_indices(self, step: int) -> list[int]:
        """Return the samples of one step."""
        order, places = self._places(step)
        return [int(index) for index in order[places]]

    def visits(self, step: int) -> list[int]:
        """Return how often each sample of a step came before in its epoch: never, but in some mixtures."""
        order, places = self._places(step)
        numbers = range(*places.indices(len(order)))
        return [int(np.count_nonzero(order[:place] == order[place])) for place in numbers]

    def _places(self, step: int) -> tuple[npt.NDArray[np.int64], slice]:
        """Return the order of a step's epoch, and where the step stands in it."""
        order = self._order_of(epoch_of(step, self.samples, self.samples_per_step))
        first = (step % (self.samples // self.samples_per_step)) * self.samples_per_step
        return order, slice(first, first + self.samples_per_step)

    def _order_of(self, epoch: int) -> npt.NDArray[np.int64]:
        """Return an epoch's order; the last one that was asked for is kept."""
        if self._epoch != epoch:
            self._epoch, self._kept = epoch, self._drawn(epoch)
        return self._kept

    def _drawn(self, epoch: int) -> npt.NDArray[np.int64]:
        if self._order is not None:
            return self._order(self.seed, epoch)
        return draw(self.seed, "order", epoch).permutation(self.samples)
