"""Who plays in a short video: objects o1, o2, ..., of which the first are asked about and the others distract."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from retroflip.synth.animation import SHAPES, Actor, Floats
from retroflip.synth.episode import Asked, Draw, Event
from retroflip.synth.objects import Look, bouncing, draw_looks

DISTRACTORS_GO = (0.4, 1.2)
"""how far a distractor goes in a clip"""


def object_id(who: int) -> str:
    """Return what metadata call an object; `who` counts them from 0."""
    return f"o{who + 1}"


@dataclass(frozen=True)
class Cast:
    """looks: of all objects in the order of their ids. A question is about the first `targets` of them.

    role: what metadata call those.
    """

    looks: Sequence[Look]
    targets: int = 1
    role: str = "target"

    @classmethod
    def drawn(
        cls, draw: Draw, targets: int = 1, shapes: Sequence[str] = SHAPES, role: str = "target"
    ) -> Self:
        """Draw looks for the targets, and for as many distractors as settings want."""
        return cls(draw_looks(draw, targets + draw.settings.distractors, shapes), targets, role)

    @property
    def name(self) -> str:
        """How questions call the first object."""
        return self.looks[0].name

    @property
    def names(self) -> list[str]:
        """How questions call the objects that they are about."""
        return [look.name for look in self.looks[: self.targets]]

    @property
    def ids(self) -> list[str]:
        """The ids of all objects."""
        return [object_id(who) for who in range(len(self.looks))]

    def objects(self) -> list[dict[str, Any]]:
        """Return the objects as metadata list them."""
        return [
            look.facts(identity, role=self.role if who < self.targets else "distractor")
            for who, (identity, look) in enumerate(self.each())
        ]

    def asked(
        self,
        text: str,
        options: Sequence[object],
        parameters: Mapping[str, Any],
        *,
        min_fps: float,
        is_open: bool = False,
    ) -> Asked:
        """Return what both sides are asked of these objects."""
        return Asked(text, options, parameters, self.objects(), min_fps, is_open=is_open)

    def each(self) -> Iterator[tuple[str, Look]]:
        """Yield every object's id and look."""
        yield from zip(self.ids, self.looks, strict=True)

    @property
    def distractors(self) -> range:
        """The numbers of the distractors."""
        return range(self.targets, len(self.looks))

    def moving(self, way_2T: Sequence[Floats] | Floats, radius: float, who: int = 0) -> Actor:
        """Return an object on its way, of which x and y are given, each (T,)."""
        x_T, y_T = way_2T
        return self.looks[who].actor(object_id(who), len(x_T), (x_T, y_T), radius)

    def crossing(self, draw: Draw, frames: int, radius: float) -> list[Actor]:
        """Return the distractors as they cross the scene at speeds of their own."""
        actors = []
        for who in self.distractors:
            gone_T = np.linspace(0.0, draw.between(*DISTRACTORS_GO), frames)
            actors.append(self.moving(bouncing(draw, radius)(gone_T).T, radius, who))
        return actors

    def event(self, kind: str, span: tuple[int, int], does: str, who: int = 0, **facts: Any) -> Event:
        """Return something that an object does from one frame to another.

        kind: the event's type. does: what a viewer would say of it, without the object. facts: the same for programs.
        """
        note = f"the {self.looks[who].name} {does}"
        return Event(kind, *span, note, {"object": object_id(who), **facts})
