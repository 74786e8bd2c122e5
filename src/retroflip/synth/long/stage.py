"""What both sides of a pair of long videos share: their course, where the state is shown, what takes no part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from retroflip.synth.animation import Actor, Animation, Background, Colour, Floats, Number, actor
from retroflip.synth.episode import Draw, Event
from retroflip.synth.long.timeline import Timeline, hidden_outside, shown_in
from retroflip.synth.objects import Look, draw_looks, moving

BYSTANDER = 0.022
"""half the width of an object that no question is about"""
EDGE = 0.03
"""how far from the frame's edge they lie"""


@dataclass(frozen=True)
class Stage:
    """opening: whether the state is shown in the opening, or else in the closing."""

    timeline: Timeline
    opening: bool
    background: Background
    looks: tuple[Look, ...]
    bystanders: tuple[Actor, ...]
    noise: float
    noise_seed: int

    @classmethod
    def drawn(cls, draw: Draw, timeline: Timeline, *, opening: bool) -> Self:
        """Draw the background, and as many bystanders as settings want."""
        looks = draw_looks(draw, draw.settings.distractors)
        return cls(
            timeline,
            opening,
            draw.background(),
            tuple(looks),
            tuple(lying(draw, looks, timeline.frames)),
            draw.settings.noise,
            draw.noise_seed(),
        )

    @property
    def shown_T(self) -> Floats:
        """The opacity of the state."""
        return shown_in(self.timeline, opening=self.opening)

    @property
    def hidden_T(self) -> Floats:
        """The opacity of what hides the state."""
        return hidden_outside(self.timeline, opening=self.opening)

    def box(
        self,
        identity: str,
        colour: Colour,
        at: tuple[Number, Number],
        half: tuple[float, float],
        *,
        opacity: Number = 1.0,
        angle: Number = 0.0,
        text: str = "",
        text_colour: Colour = (24, 24, 30),
        text_height: float | None = None,
    ) -> Actor:
        """Return a rectangle of half that width and height."""
        return actor(
            identity,
            "rectangle",
            colour,
            frames=self.timeline.frames,
            x=at[0],
            y=at[1],
            half_width=half[0],
            half_height=half[1],
            angle=angle,
            opacity=opacity,
            text=text,
            text_colour=text_colour,
            text_height=text_height,
        )

    def writing(
        self, identity: str, text: str, at: tuple[Number, Number], half_height: float, opacity: Number = 1.0
    ) -> Actor:
        """Return a line of text with nothing behind it."""
        return actor(
            identity,
            "text",
            (236, 238, 240),
            frames=self.timeline.frames,
            x=at[0],
            y=at[1],
            half_width=half_height,
            half_height=half_height,
            opacity=opacity,
            text=text,
            text_height=half_height,
        )

    def animation(self, actors: Sequence[Actor]) -> Animation:
        """Return the clip of these actors, the later ones in front."""
        return Animation(
            (*self.bystanders, *actors),
            self.background,
            self.timeline.fps,
            self.timeline.frames,
            self.noise,
            self.noise_seed,
        )

    def told(self, note: str, facts: Mapping[str, Any], operations: Sequence[Event]) -> list[Event]:
        """Return all events in their order: the showing of the state, of which `note` and `facts` tell, is one."""
        span = self.timeline.opening if self.opening else self.timeline.closing
        reveal = Event("reveal", *span, note, facts)
        return [reveal, *operations] if self.opening else [*operations, reveal]

    def distractors(self) -> list[dict[str, Any]]:
        """Return the bystanders as metadata list them."""
        return [
            look.facts(f"d{number}", role="distractor") for number, look in enumerate(self.looks, start=1)
        ]


def lying(draw: Draw, looks: Sequence[Look], frames: int) -> list[Actor]:
    """Return bystanders d1, d2, ... at the frame's upper or lower edge.

    They lie still: by one that moved on, shuffled frames could be put back in order.
    """
    actors = []
    for number, look in enumerate(looks, start=1):
        x, y = draw.between(EDGE, 1.0 - EDGE), draw.one_of((EDGE, 1.0 - EDGE))
        actors.append(moving(f"d{number}", look, np.full(frames, x), np.full(frames, y), BYSTANDER))
    return actors
