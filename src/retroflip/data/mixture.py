"""Mixtures: several data sets as one, each with its share of an epoch, in an order that only depends on what it is for.

Which questions an epoch has, and in which order, is a function of (seed, epoch), and a process's share of it one of its
rank besides: nothing is carried along, so a resumed run goes on exactly. Within its share a part's questions come lap
after lap, each lap in a new order, so that none comes a second time before all others came once.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from retroflip.data.dataset import VideoDataset
from retroflip.data.manifest import Manifest
from retroflip.data.root import normalise, resolve
from retroflip.data.sample import Sample
from retroflip.draws import draw
from retroflip.errors import DataError
from retroflip.video.frames import Fits
from retroflip.video.samplers import Sampler

Indices = npt.NDArray[np.int64]
_BETWEEN = "/"
"""between a part's name and an id or a path of it"""


class Curriculum(StrEnum):
    """In which order an epoch goes by difficulty, which is one minus the pass rate."""

    NONE = "none"
    EASIER_FIRST = "easier first"
    HARDER_FIRST = "harder first"


@dataclass(frozen=True)
class Mixing:
    """How an epoch is put together.

    weights: of the parts, by their names; None gives every question the same chance. size: questions of an epoch; None
    for as many as there are. curriculum: the order by difficulty. blend: how much of a question's place is drawn, 0..1.
    """

    weights: Mapping[str, float] | None = None
    size: int | None = None
    curriculum: Curriculum = Curriculum.NONE
    blend: float = 0.0


def quotas(weights: Sequence[float], size: int) -> list[int]:
    """Return how many of `size` questions each part has: in proportion, and none off by one or more.

    >>> quotas([2, 1, 1], 10)
    [5, 3, 2]
    """
    exact = np.asarray(weights, dtype=np.float64) * size / sum(weights)
    found = np.floor(exact).astype(np.int64)
    for index in np.argsort(found - exact, kind="stable")[: size - int(found.sum())]:
        found[index] += 1
    return [int(one) for one in found]


def laps(members: int, quota: int, epoch: int, *, seed: int, part: str) -> Indices:
    """Return which of a part's members an epoch takes: those of its laps that follow on the epoch before."""
    places = np.arange(epoch * quota, (epoch + 1) * quota)
    lap, place = np.divmod(places, members)
    orders = {int(one): draw(seed, "lap", part, int(one)).permutation(members) for one in np.unique(lap)}
    return np.asarray([orders[int(a)][b] for a, b in zip(lap, place, strict=True)], dtype=np.int64)


def by_difficulty(rates: npt.NDArray[np.float64], mixing: Mixing, rng: np.random.Generator) -> Indices:
    """Return an order of questions with these pass rates: a curriculum's, blended with a drawn one."""
    count = len(rates)
    drawn = rng.permutation(count)
    sign = -1.0 if mixing.curriculum is Curriculum.EASIER_FIRST else 1.0
    rank = np.empty(count)
    rank[drawn[np.argsort(sign * rates[drawn], kind="stable")]] = np.arange(count)
    chance = rng.permutation(count)
    return np.argsort((1.0 - mixing.blend) * rank + mixing.blend * chance, kind="stable").astype(np.int64)


def shard(order: Indices, rank: int, ranks: int) -> Indices:
    """Return what one of several processes takes of an order: every `ranks`-th question from its rank on."""
    return order[rank::ranks]


@dataclass(frozen=True)
class MixedDataset(VideoDataset):
    """Several data sets as one. A sample's id and paths begin with its part's name.

    roots, manifests: of the parts, by their names.
    """

    roots: Mapping[str, Path] = field(kw_only=True)
    manifests: Mapping[str, Manifest | None] = field(kw_only=True)
    mixing: Mixing = field(kw_only=True)

    @classmethod
    def of(
        cls,
        parts: Mapping[str, VideoDataset],
        mixing: Mixing,
        *,
        frames: int,
        fits: Fits | None,
        pool: int | None,
        sampler: Sampler,
    ) -> Self:
        """Return these data sets as one. Raises DataError where a curriculum misses a pass rate."""
        mixed = cls(
            samples=[renamed(sample, name) for name, part in parts.items() for sample in part.samples],
            root=next(iter(parts.values())).root,
            frames=frames,
            fits=fits,
            pool=pool,
            sampler=sampler,
            roots={name: part.root for name, part in parts.items()},
            manifests={name: part.manifest for name, part in parts.items()},
            mixing=mixing,
        )
        mixed.require_rates()
        return mixed

    def require_rates(self) -> None:
        """Raise DataError where a curriculum is asked for and a sample has no pass rate."""
        if self.mixing.curriculum is Curriculum.NONE:
            return
        unknown = [sample.id for sample in self.samples if sample.pass_rate is None]
        if unknown:
            raise DataError(
                f"The curriculum goes by pass rates, and {len(unknown)} of {len(self.samples)} questions have none "
                f"(the first: {unknown[0]!r:.60}). `retroflip filter` measures them; or leave the curriculum out."
            )

    def place(self, relative: str) -> Path:
        """Return where a file is, under the root of its part."""
        name, _, rest = relative.partition(_BETWEEN)
        return resolve(self.roots[name], rest)

    def sha256_of(self, relative: str) -> str | None:
        """Return the hash that a file must have, where its part's manifest knows it."""
        name, _, rest = relative.partition(_BETWEEN)
        manifest = self.manifests[name]
        return None if manifest is None else manifest.sha256_of(rest)

    @cached_property
    def members(self) -> dict[str, Indices]:
        """The places of each part's samples, by its name. Raises DataError for a part without one."""
        names = np.asarray([sample.id.partition(_BETWEEN)[0] for sample in self.samples])
        found = {name: np.flatnonzero(names == name) for name in self.roots}
        if empty := [name for name, places in found.items() if not len(places)]:
            raise DataError(
                f"No question of the mixture's part {empty[0]!r} can be used. Mend it, or leave it out."
            )
        return found

    @property
    def epoch_length(self) -> int:
        """Questions of an epoch."""
        return len(self.samples) if self.mixing.size is None else self.mixing.size

    def quotas(self) -> dict[str, int]:
        """Return how many questions of an epoch each part has."""
        counts = {name: float(len(places)) for name, places in self.members.items()}
        weights = [(self.mixing.weights or counts)[name] for name in counts]
        return dict(zip(counts, quotas(weights, self.epoch_length), strict=True))

    def others(self, asked: AbstractSet[str], count: int, rng: np.random.Generator) -> list[Sample]:
        """Return up to `count` samples whose ids are not among those asked, each part's with its weight's chance."""
        places, chances = [], []
        for name, members in self.members.items():
            rest = [int(index) for index in members if self.samples[int(index)].id not in asked]
            weight = (self.mixing.weights or {}).get(name, len(members))
            places += rest
            chances += [weight / max(1, len(rest))] * len(rest)
        if not places:
            return []
        share = np.asarray(chances) / sum(chances)
        drawn = rng.choice(len(places), size=min(count, len(places)), replace=False, p=share)
        return [self.samples[places[index]] for index in drawn]

    def epoch_order(self, seed: int, epoch: int) -> Indices:
        """Return the samples of an epoch in their order, a function of (seed, epoch) alone.

        Without a curriculum the parts are shuffled among each other, and each part's samples come in their laps' order.
        """
        taken = [
            places[laps(len(places), quota, epoch, seed=seed, part=name)]
            for (name, places), quota in zip(self.members.items(), self.quotas().values(), strict=True)
        ]
        all_of_them, rng = np.concatenate(taken), draw(seed, "mixture", epoch)
        if self.mixing.curriculum is Curriculum.NONE:
            part_of = rng.permutation(np.repeat(np.arange(len(taken)), [len(one) for one in taken]))
            order = np.empty_like(all_of_them)
            order[np.argsort(part_of, kind="stable")] = all_of_them
            return order
        rates = np.asarray([self.samples[index].pass_rate for index in all_of_them], dtype=np.float64)
        return all_of_them[by_difficulty(rates, self.mixing, rng)]


def renamed(sample: Sample, part: str) -> Sample:
    """Return a sample under names that no other part's samples have."""

    def named(text: str | None) -> str | None:
        return None if text is None else f"{part}{_BETWEEN}{text}"

    media = tuple(
        medium.model_copy(update={"path": named(normalise(medium.path))}) for medium in sample.media
    )
    return sample.model_copy(
        update={
            "id": named(sample.id),
            "video": named(normalise(sample.video)) if sample.video else "",
            "media": media,
            "source_clip": named(sample.source_clip),
            "pair": named(sample.pair),
            "group": named(sample.group),
        }
    )
