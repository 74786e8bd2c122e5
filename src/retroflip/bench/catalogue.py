"""What is asked of a data set, as numbers: which questions are about one video, which are the same without it, and what
has been answered.

Of each question some 50 bytes are in memory and none of its words, so that a run's memory does not grow with what it
asks. S questions, C controls that are asked, N draws.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from retroflip.bench.asking import MODEL_FREE, Asking
from retroflip.bench.records import Control
from retroflip.data.prompts import user_text
from retroflip.data.sample import Sample

OPEN, FAILED, ANSWERED = range(3)
"""what is known of a draw of a question under a control"""
MOST_TOGETHER = 32
"""videos of a share at most"""
SHARES = 8
"""that a data set has at least, as far as it has so many videos"""

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]


class Groups(Sequence[Numbers]):
    """The numbers of equal hashes, together and in order; groups in the order of the first of each."""

    def __init__(self, hashes_S: Hashes) -> None:
        self._order_S = np.argsort(hashes_S, kind="stable")
        sorted_S = hashes_S[self._order_S]
        begins = np.flatnonzero(np.r_[True, sorted_S[1:] != sorted_S[:-1]][: len(sorted_S)])
        ends = np.r_[begins[1:], len(sorted_S)][: len(begins)]
        first = np.argsort(self._order_S[begins])
        self._begins, self._ends = begins[first], ends[first]

    def __len__(self) -> int:
        return len(self._begins)

    @overload
    def __getitem__(self, index: int) -> Numbers: ...
    @overload
    def __getitem__(self, index: slice) -> list[Numbers]: ...
    def __getitem__(self, index: int | slice) -> Numbers | list[Numbers]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        return self._order_S[self._begins[index] : self._ends[index]]


class Catalogue:
    """The questions of a data set under the controls of an asking, by their numbers in it."""

    def __init__(self, samples: Sequence[Sample], asking: Asking) -> None:
        self.samples, self.asking = samples, asking
        self.column = {control: index for index, control in enumerate(asking.controls)}
        self.state_SCN = np.zeros((len(samples), len(asking.controls), asking.draws), dtype=np.uint8)
        for control in set(MODEL_FREE) & set(asking.controls):
            self.state_SCN[:, self.column[control], 1:] = ANSWERED
        hashed = [(_hash(s.id), _hash(_shown(s)), _hash(blind(asking.as_asked(s)))) for s in samples]
        self._ids_S, self._shown_S, self._blind_S = np.array(hashed, dtype=np.uint64).reshape(-1, 3).T.copy()
        self._by_id_S = np.argsort(self._ids_S, kind="stable")

    def number_of(self, identity: str) -> int | None:
        """Return the number of the question of this id; None where it is not asked."""
        wanted = np.uint64(_hash(identity))
        place = int(np.searchsorted(self._ids_S, wanted, sorter=self._by_id_S))
        if place == len(self._ids_S) or self._ids_S[self._by_id_S[place]] != wanted:
            return None
        return int(self._by_id_S[place])

    def asked(self, number: int) -> Sample:
        """Return a question as it is asked."""
        return self.asking.as_asked(self.samples[number])

    def missing(self, number: int, control: Control) -> tuple[int, ...]:
        """Return the draws of a question that have no answer under a control."""
        return tuple(np.flatnonzero(self._states(control)[number] != ANSWERED).tolist())

    def untold(self, number: int, control: Control) -> tuple[int, ...]:
        """Return the draws of a question of which nothing is known under a control."""
        return tuple(np.flatnonzero(self._states(control)[number] == OPEN).tolist())

    def take(self, number: int, control: Control, draw: int) -> bool:
        """Say that a draw has an answer now; return whether it had none."""
        state_N = self._states(control)[number]
        if draw >= len(state_N) or state_N[draw] == ANSWERED:
            return False
        state_N[draw] = ANSWERED
        return True

    def missing_among(self, numbers: Iterable[int], controls: Iterable[Control]) -> int:
        """Return how many draws of these questions have no answer under these controls."""
        rows = np.fromiter(numbers, dtype=np.int64)
        return sum(int((self._states(control)[rows] != ANSWERED).sum()) for control in controls)

    def _states(self, control: Control) -> npt.NDArray[np.uint8]:
        return self.state_SCN[:, self.column[control]]

    def videos(self) -> Groups:
        """Return the questions that show the same, together, in the order of the first of each."""
        return Groups(self._shown_S)

    def prompts(self) -> Groups:
        """Return the questions that are the same words without their video, together, in the order of the first."""
        return Groups(self._blind_S)

    def same_prompt(self, number: int) -> list[int]:
        """Return the questions that are the same words as this one without their video."""
        return np.flatnonzero(self._blind_S == self._blind_S[number]).tolist()

    @property
    def has_half_told_prompts(self) -> bool:
        """Whether questions miss an answer without their video that others of the same words have."""
        if Control.TEXT_ONLY not in self.column:
            return False
        told_SN = self._states(Control.TEXT_ONLY) == ANSWERED
        return any(bool(np.isin(self._blind_S[~told_S], self._blind_S[told_S]).any()) for told_S in told_SN.T)

    @property
    def seeing(self) -> list[Control]:
        """The controls under which a model is shown something."""
        return [
            control for control in self.asking.controls if control not in (*MODEL_FREE, Control.TEXT_ONLY)
        ]


def blind(sample: Sample) -> str:
    """Return what a question is without its video: its words, and what decides those before and behind them."""
    return "\x1f".join([sample.modality.value, user_text(sample), *sample.lettered])


def shares(groups: Groups, rank: int, processes: int) -> Iterator[Sequence[Numbers]]:
    """Yield the shares of one of several processes; which groups form a share depends on their number alone."""
    size = max(1, min(MOST_TOGETHER, len(groups) // SHARES))
    firsts = range(0, len(groups), size)
    return (groups[first : first + size] for first in firsts[rank::processes])


def _shown(sample: Sample) -> str:
    return f"{sample.modality.value} {[medium.model_dump_json() for medium in sample.shown]}"


def _hash(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )
