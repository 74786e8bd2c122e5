"""What both sides of a pair of long videos look like: when the state is shown, and what lies about meanwhile."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, Unpack

from retroflip.synth.animation import Actor, Animation, Appearance, Background, Colour, Floats, Number, actor
from retroflip.synth.episode import Asked, Draw, Event
from retroflip.synth.long.orders import Query, State
from retroflip.synth.long.timeline import Timeline, shown_in
from retroflip.synth.objects import Look, draw_looks

DARK: Colour = (24, 24, 30)
LIGHT: Colour = (236, 238, 240)
"""of texts"""
BYSTANDER = 0.022
"""half the width of an object that no question is about"""
EDGE = 0.03
"""how far from the frame's edge they lie"""


@dataclass(frozen=True)
class Stage:
    """opening: whether the state is shown in the opening, or else in the closing. looks: of the bystanders."""

    timeline: Timeline
    opening: bool
    background: Background
    looks: Sequence[Look]
    bystanders: Sequence[Actor]
    noise: float
    noise_seed: int

    @classmethod
    def drawn(
        cls,
        draw: Draw,
        timeline: Timeline,
        *,
        opening: bool,
        looks: Sequence[Look] | None = None,
        background: Background | None = None,
    ) -> Self:
        """Draw as many bystanders as settings want, and the background, unless they are drawn already."""
        looks = draw_looks(draw, draw.settings.distractors) if looks is None else looks
        background = background or draw.background()
        bystanders = lying(draw, looks, timeline.frames)
        return cls(timeline, opening, background, looks, bystanders, draw.settings.noise, draw.noise_seed())

    def asked(
        self,
        query: Query,
        text: str,
        options: Sequence[object],
        takes_part: Iterable[Mapping[str, Any]],
        *,
        seen: float,
        is_open: bool,
    ) -> Asked:
        """Return what both sides are asked.

        takes_part: the objects but for the bystanders, as metadata list them. seen: how many frames must be seen of
        every operation.
        """
        lying = enumerate(self.looks, start=1)
        bystanders = (look.facts(f"d{number}", role="distractor") for number, look in lying)
        return Asked(
            text=text,
            options=options,
            parameters=query.parameters,
            objects=[*takes_part, *bystanders],
            min_fps=self.timeline.min_fps(seen),
            mode=query.mode,
            is_open=is_open,
        )

    def shown_of(self, states: Sequence[State]) -> State:
        """Return the state that is shown, of all states in order of time."""
        return states[0 if self.opening else -1]

    @property
    def shown_T(self) -> Floats:
        """The opacity of the state."""
        return shown_in(self.timeline, opening=self.opening)

    @property
    def hidden_T(self) -> Floats:
        """The opacity of what hides the state: the complement of `shown_T`."""
        return 1.0 - self.shown_T

    def at_rest_T(self, away: Iterable[int]) -> Floats:
        """Return the opacity of what hides the state, but is gone while operations of these numbers move it."""
        return self.hidden_T * (1.0 - self.timeline.during(*away))

    def actor(
        self,
        identity: str,
        shape: str,
        colour: Colour | Floats,
        at: tuple[Number, Number],
        half: tuple[float, float],
        **looks: Unpack[Appearance],
    ) -> Actor:
        """Return an actor at that place, of half that width and height."""
        frames = self.timeline.frames
        return actor(
            identity,
            shape,
            colour,
            frames=frames,
            x=at[0],
            y=at[1],
            half_width=half[0],
            half_height=half[1],
            **looks,
        )

    def writing(
        self,
        identity: str,
        text: str,
        at: tuple[Number, Number],
        half_height: float,
        opacity: Number = 1.0,
        colour: Colour = LIGHT,
    ) -> Actor:
        """Return a line of text with nothing behind it."""
        half = half_height, half_height
        return self.actor(
            identity, "text", colour, at, half, opacity=opacity, text=text, text_height=half_height
        )

    def animation(self, actors: Sequence[Actor]) -> Animation:
        """Return the clip of these actors, the later ones in front."""
        everything = (*self.bystanders, *actors)
        timeline = self.timeline
        return Animation(
            everything, self.background, timeline.fps, timeline.frames, self.noise, self.noise_seed
        )

    def told(
        self,
        note: str,
        facts: Mapping[str, Any],
        operations: Iterable[tuple[str, str, Mapping[str, Any]]],
        blank: str = "",
    ) -> list[Event]:
        """Return all events in their order: the state is shown at one end, of which `note` and `facts` tell.

        operations: each by its type, its note and its facts. blank: what is seen at the other end, where that is an
        event too.
        """
        done = self.timeline.events(operations)
        ends = self.timeline.opening, self.timeline.closing
        shown, other = ends if self.opening else ends[::-1]
        reveal = [Event("reveal", *shown, note, facts)]
        rest = [Event("blank", *other, blank)] if blank else []
        return [*reveal, *done, *rest] if self.opening else [*rest, *done, *reveal]


def darker(colour: Colour) -> Colour:
    """Return the colour of an edge around something of that colour."""
    red, green, blue = (round(0.55 * level) for level in colour)
    return red, green, blue


def lying(draw: Draw, looks: Sequence[Look], frames: int) -> list[Actor]:
    """Return bystanders d1, d2, ... at the frame's upper or lower edge.

    They lie still: by one that moved on, shuffled frames could be put back in order.
    """
    actors = []
    for number, look in enumerate(looks, start=1):
        x, y = draw.between(EDGE, 1.0 - EDGE), draw.one_of((EDGE, 1.0 - EDGE))
        actors.append(look.actor(f"d{number}", frames, (x, y), BYSTANDER))
    return actors
