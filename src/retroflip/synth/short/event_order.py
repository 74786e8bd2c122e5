"""Event order: objects (or one of them) do several things one after the other; in which order?

Whoever acts ends as it began, so the first and the last frame show nothing. All actions take the same time, and their
common beginning is drawn evenly from half of the clip, so that the action seen in the middle frame is as often the
first as the second or the third. Every action looks the same backwards (a sway is to one side, to the other, and to
the first again), and so only their order changes. Distractors act too, at any time: a question asks of the events that
it or its options name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retroflip.synth.animation import PALETTE, Actor, Animation, Floats, actor
from retroflip.synth.episode import Asked, Draw, Episode, Event, Kind, Pair, paired, require_own_stamps
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import Look, cast, draw_looks, filmed, positions
from retroflip.synth.physics import excursions
from retroflip.synth.settings import SceneSettings
from retroflip.synth.wording import phrased
from retroflip.video.transforms import Transform

ACTIONS = {
    "jumps": "jump",
    "sways": "sway",
    "swells": "swell",
    "shrinks": "shrink",
    "fades": "fade",
    "flashes": "flash",
}
"""as an object does them, and as it is asked whether it does"""
FORMS = ("order", "order", "order", "first", "last", "relation")
BEFORE, AFTER = "before", "after"
UNIT = (0.44, 0.41, 0.38, 0.35, 0.32)
"""seconds from the end of an action to the beginning of the next, by difficulty"""
LONG, SHORT = 2, 1
"""how many such units an action takes: the shorter where more things than usual are to happen"""
EVENTS = 3
SAMPLES = 1.85
"""frames that must be seen in every unit, at the least: six things at 64 frames, as three at 32"""
COLUMNS, ROWS = 4, 3
RADIUS = 0.055
JUMP, SWAY, SWELL, SHRINK = 0.1, 0.05, 0.6, 0.5
"""how high, how far to either side, by which shares of its size"""


@dataclass(frozen=True)
class Act:
    """Something that the object of that number (from 0) does from a frame to another."""

    who: int
    action: str
    start: int
    end: int


def make(draw: Draw) -> Pair:
    """Draw actions and when they begin, and the clip of them both ways."""
    form = draw.deal("form", FORMS)
    count, length = plan(draw.settings)
    is_one = draw.deal("who", (False, True)) and count <= len(ACTIONS)
    actors = 1 if is_one else count
    looks = draw_looks(draw, actors + draw.settings.distractors)
    acts, frames = _acts(draw, actors, count, length)
    strays = [_stray(draw, who, frames, acts) for who in range(actors, len(looks))]
    clip = filmed(draw, _actors(draw, looks, [*acts, *strays], frames))
    text, options, events = _question(draw, form, looks, acts)
    asked = Asked(
        text=text,
        options=options,
        parameters={
            "form": form,
            "events": [{"object": f"o{who + 1}", "action": action} for who, action in events],
        },
        objects=cast(looks, actors),
        min_fps=SAMPLES * clip.fps / (acts[1].start - acts[0].end),
        is_open=form == "relation",
    )
    backwards, others = (
        [Act(one.who, one.action, frames - 1 - one.end, frames - 1 - one.start) for one in reversed(ones)]
        for ones in (acts, strays)
    )
    one = _side(asked, clip, looks, acts, strays)
    two = _side(asked, clip.reversed(), looks, backwards, others)
    pair = paired(draw, one, two, Transform.REVERSE)
    require_own_stamps(pair)
    return pair


def plan(settings: SceneSettings) -> tuple[int, int]:
    """Return how many things happen and how many units each takes: as many as half of the frames seen can tell."""
    wanted = settings.operations or round(EVENTS * settings.operation_scale)
    units = int(settings.viewed_frames / (2 * SAMPLES)) + 1
    length = LONG if max(EVENTS, wanted) * (LONG + 1) <= units else SHORT
    return max(EVENTS, min(wanted, units // (length + 1), COLUMNS * ROWS - 4)), length


def _acts(draw: Draw, actors: int, count: int, length: int) -> tuple[list[Act], int]:
    settings = draw.settings
    unit = max(2, round(draw.level(UNIT) * settings.pace * settings.fps))
    step = length + 1
    busy = step * count - 1
    begin = int(draw.rng.integers(0, busy * unit))
    is_alike = actors > 1 and draw.one_of((False, True))
    actions = draw.some_of(list(ACTIONS), len(ACTIONS))
    order = draw.rng.permutation(count) if actors > 1 else np.zeros(count, dtype=int)
    return [
        Act(
            int(order[index]),
            actions[0 if is_alike else index % len(actions)],
            begin + step * unit * index,
            begin + (step * index + length) * unit,
        )
        for index in range(count)
    ], 2 * busy * unit


def _stray(draw: Draw, who: int, frames: int, acts: Sequence[Act]) -> Act:
    """Return what a distractor does, at any time."""
    length = acts[0].end - acts[0].start
    start = int(draw.rng.integers(0, frames - length))
    return Act(who, draw.one_of(list(ACTIONS)), start, start + length)


def _actors(draw: Draw, looks: Sequence[Look], acts: Sequence[Act], frames: int) -> list[Actor]:
    """Put every object in a cell of its own, and let it act."""
    cells = draw.rng.permutation(COLUMNS * ROWS)[: len(looks)]
    made = []
    for who, look in enumerate(looks):
        row, column = divmod(int(cells[who]), COLUMNS)
        x = (column + 0.5) / COLUMNS + draw.between(-0.015, 0.015)
        y = (row + 0.5) / ROWS + 0.04 + draw.between(-0.02, 0.02)
        made.append(_acting(f"o{who + 1}", look, (x, y), [one for one in acts if one.who == who], frames))
    return made


def _acting(identity: str, look: Look, place: tuple[float, float], acts: Sequence[Act], frames: int) -> Actor:
    def during(action: str) -> Floats:
        return excursions(frames, [(one.start, one.end) for one in acts if one.action == action])

    sway_T = np.zeros(frames)
    for one in acts:
        if one.action == "sways":
            sway_T[one.start : one.end + 1] = np.sin(
                3.0 * np.pi * np.linspace(0.0, 1.0, one.end - one.start + 1)
            )
    colour_3 = np.array(PALETTE[look.colour], dtype=float)
    return actor(
        identity,
        look.shape,
        colour_3 + during("flashes")[:, None] * (255.0 - colour_3),
        frames=frames,
        x=place[0] + SWAY * sway_T,
        y=place[1] - JUMP * during("jumps"),
        half_width=RADIUS * (1.0 + SWELL * during("swells") - SHRINK * during("shrinks")),
        opacity=1.0 - during("fades"),
    )


def told(look: Look, action: str) -> str:
    """Return an event as options name it."""
    return f"the {look.name} {action}"


def in_words(events: Sequence[str]) -> str:
    """Return an order of events as options name it."""
    return ", then ".join(events)


def _question(
    draw: Draw, form: str, looks: Sequence[Look], acts: Sequence[Act]
) -> tuple[str, list[str], list[tuple[int, str]]]:
    """Return what to ask, the options, and the events asked about in the question's order.

    The options stay the same, and each is right as often, when the clip runs backwards.
    """
    happened = [(one.who, one.action) for one in acts]
    spoken = [told(looks[who], action) for who, action in happened]
    named = dict[str, str]()
    if form == "order":
        orders = [spoken, spoken[::-1]]
        while len(orders) < 4:
            other = draw.some_of(spoken, len(spoken))
            if other not in orders:
                orders += [other, other[::-1]]
        options = draw.some_of([in_words(one) for one in orders], 4)
    elif form == "relation":
        happened = draw.some_of(happened, 2)
        (who, does), (whom, acts_so) = happened
        named = {"one": looks[who].name, "other": looks[whom].name}
        named |= {"does": ACTIONS[does], "does_so": does, "acts": acts_so}
        options = draw.some_of((BEFORE, AFTER), 2)
    else:
        between = draw.some_of(spoken[1:-1], min(2, len(spoken) - 2))
        options = draw.some_of([spoken[0], spoken[-1], *between], 2 + len(between))
        happened = [event for event, words in zip(happened, spoken, strict=True) if words in options]
    return phrased(draw, form, **named), options, happened


def _answer(asked: Asked, looks: Sequence[Look], acts: Sequence[Act]) -> str:
    form = asked.parameters["form"]
    if form == "relation":
        happened = [{"object": f"o{one.who + 1}", "action": one.action} for one in acts]
        one, other = asked.parameters["events"]
        return BEFORE if happened.index(one) < happened.index(other) else AFTER
    spoken = [told(looks[one.who], one.action) for one in acts]
    return {"order": in_words(spoken), "first": spoken[0], "last": spoken[-1]}[form]


def _side(
    asked: Asked, clip: Animation, looks: Sequence[Look], acts: Sequence[Act], strays: Sequence[Act]
) -> Episode:
    answer = _answer(asked, looks, acts)
    spoken = in_words([told(looks[one.who], one.action) for one in acts])
    return asked.episode(
        clip,
        answer,
        {Transform.REVERSE},
        events=[
            Event(
                "action",
                one.start,
                one.end,
                told(looks[one.who], one.action),
                {"object": f"o{one.who + 1}", "action": one.action},
            )
            for one in sorted([*acts, *strays], key=lambda act: act.start)
        ],
        states=positions(clip, [one["id"] for one in asked.objects], every=0.2),
        derivation=[f"One after the other: {spoken}.", f"So the answer is: {answer}."],
    )


KIND = Kind(
    "event_order",
    Category.MOTION,
    Term.SHORT,
    Domain.TEMPORAL,
    frozenset({Form.OPEN}),
    make,
    lambda _: frozenset(),
)
"""SynRL, 2.1.1: sequential event ordering"""
