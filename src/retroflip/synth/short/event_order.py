"""Event order: objects (or one of them) do several things one after the other; in which order?

Whoever acts ends as it began, so the first and the last frame show nothing. All actions take the same time, and their
common beginning is drawn evenly from half of the clip, so that the action seen in the middle frame is as often the
first as the second or the third. Every action looks the same backwards (a sway is to one side, to the other, and to
the first again), and so only their order changes. Distractors act too, at any time: a question asks of the events that
it or its options name.
"""

from collections.abc import Sequence

import numpy as np

from retroflip.synth.animation import PALETTE, Actor, Animation, Floats
from retroflip.synth.cast import Cast
from retroflip.synth.episode import Asked, Draw, Episode, Event, Kind, Pair, backwards, paired, unaltered
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import Look, filmed, positions
from retroflip.synth.physics import excursions
from retroflip.synth.settings import SceneSettings
from retroflip.synth.wording import phrased, then
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


def make(draw: Draw) -> Pair:
    """Draw actions and when they begin, and the clip of them both ways."""
    form = draw.deal("form", FORMS)
    count, length = plan(draw.settings)
    is_one = draw.deal("who", (False, True)) and count <= len(ACTIONS)
    cast = Cast.drawn(draw, 1 if is_one else count)
    acts, frames = _acts(draw, cast, count, length)
    strays = [_stray(draw, cast, who, frames, acts) for who in cast.distractors]
    clip = filmed(draw, _actors(draw, cast, [*acts, *strays], frames))
    text, options, named = _question(draw, form, cast, acts)
    parameters = {"form": form, "events": [dict(act.facts) for act in named]}
    min_fps = SAMPLES * clip.fps / (acts[1].start_frame - acts[0].end_frame)
    asked = cast.asked(text, options, parameters, min_fps=min_fps, is_open=form == "relation")
    one = _side(asked, clip, acts, strays)
    two = _side(asked, clip.reversed(), backwards(acts, frames), backwards(strays, frames))
    return paired(draw, one, two, Transform.REVERSE, own_stamps=True)


def plan(settings: SceneSettings) -> tuple[int, int]:
    """Return how many things happen and how many units each takes: as many as half of the frames seen can tell."""
    wanted = settings.wanted(EVENTS)
    units = int(settings.viewed_frames / (2 * SAMPLES)) + 1
    length = LONG if max(EVENTS, wanted) * (LONG + 1) <= units else SHORT
    return max(EVENTS, min(wanted, units // (length + 1), COLUMNS * ROWS - 4)), length


def _acts(draw: Draw, cast: Cast, count: int, length: int) -> tuple[list[Event], int]:
    """Return what the targets do one after the other, and how many frames the clip has."""
    unit = max(2, round(draw.level(UNIT) * draw.settings.pace * draw.settings.fps))
    step = length + 1
    busy = step * count - 1
    begin = int(draw.rng.integers(0, busy * unit))
    is_alike = cast.targets > 1 and draw.one_of((False, True))
    actions = draw.shuffled(list(ACTIONS))
    order = draw.rng.permutation(count).tolist() if cast.targets > 1 else [0] * count
    acts = []
    for index, who in enumerate(order):
        start = begin + step * unit * index
        action = actions[0 if is_alike else index % len(actions)]
        acts.append(_act(cast, who, action, start, length * unit))
    return acts, 2 * busy * unit


def _act(cast: Cast, who: int, action: str, start: int, length: int) -> Event:
    return cast.event("action", (start, start + length), action, who, action=action)


def _stray(draw: Draw, cast: Cast, who: int, frames: int, acts: Sequence[Event]) -> Event:
    """Return what a distractor does, at any time."""
    length = acts[0].end_frame - acts[0].start_frame
    start = int(draw.rng.integers(0, frames - length))
    return _act(cast, who, draw.one_of(list(ACTIONS)), start, length)


def _actors(draw: Draw, cast: Cast, acts: Sequence[Event], frames: int) -> list[Actor]:
    """Put every object in a cell of its own, and let it act."""
    cells = draw.rng.permutation(COLUMNS * ROWS)[: len(cast.looks)].tolist()
    made = []
    for (identity, look), cell in zip(cast.each(), cells, strict=True):
        row, column = divmod(cell, COLUMNS)
        x = (column + 0.5) / COLUMNS + draw.between(-0.015, 0.015)
        y = (row + 0.5) / ROWS + 0.04 + draw.between(-0.02, 0.02)
        own = [act for act in acts if act.facts["object"] == identity]
        made.append(_acting(identity, look, (x, y), own, frames))
    return made


def _acting(
    identity: str, look: Look, place: tuple[float, float], acts: Sequence[Event], frames: int
) -> Actor:
    def spans(action: str) -> list[tuple[int, int]]:
        return [(act.start_frame, act.end_frame) for act in acts if act.facts["action"] == action]

    def during(action: str) -> Floats:
        return excursions(frames, spans(action))

    sway_T = np.zeros(frames)
    for start, end in spans("sways"):
        sway_T[start : end + 1] = np.sin(3.0 * np.pi * np.linspace(0.0, 1.0, end - start + 1))
    colour_3 = np.array(PALETTE[look.colour], dtype=float)
    return look.actor(
        identity,
        frames,
        (place[0] + SWAY * sway_T, place[1] - JUMP * during("jumps")),
        RADIUS * (1.0 + SWELL * during("swells") - SHRINK * during("shrinks")),
        colour=colour_3 + during("flashes")[:, None] * (255.0 - colour_3),
        opacity=1.0 - during("fades"),
    )


def _question(
    draw: Draw, form: str, cast: Cast, acts: Sequence[Event]
) -> tuple[str, list[str], Sequence[Event]]:
    """Return what to ask, the options, and the events asked about in the question's order.

    The options stay the same, and each is right as often, when the clip runs backwards.
    """
    told = [act.note for act in acts]
    if form == "order":
        orders = [told, told[::-1]]
        while len(orders) < 4:
            shuffled = draw.shuffled(told)
            if shuffled not in orders:
                orders += [shuffled, shuffled[::-1]]
        options = draw.some_of([then(one) for one in orders], 4)
        return phrased(draw, form), options, acts
    if form == "relation":
        one, other = draw.some_of(acts, 2)
        options = draw.some_of((BEFORE, AFTER), 2)
        return phrased(draw, form, **_related(cast, one, other)), options, (one, other)
    between = draw.some_of(told[1:-1], min(2, len(told) - 2))
    options = draw.some_of([told[0], told[-1], *between], 2 + len(between))
    return phrased(draw, form), options, [act for act in acts if act.note in options]


def _related(cast: Cast, one: Event, other: Event) -> dict[str, str]:
    """Return how a question names two events."""
    names = {identity: look.name for identity, look in cast.each()}
    return {
        "one": names[one.facts["object"]],
        "other": names[other.facts["object"]],
        "does": ACTIONS[one.facts["action"]],
        "does_so": one.facts["action"],
        "acts": other.facts["action"],
    }


def _answer(asked: Asked, acts: Sequence[Event]) -> str:
    form = asked.parameters["form"]
    if form == "relation":
        happened = [act.facts for act in acts]
        one, other = asked.parameters["events"]
        return BEFORE if happened.index(one) < happened.index(other) else AFTER
    told = [act.note for act in acts]
    return {"order": then(told), "first": told[0], "last": told[-1]}[form]


def _side(asked: Asked, clip: Animation, acts: Sequence[Event], strays: Sequence[Event]) -> Episode:
    answer = _answer(asked, acts)
    return asked.episode(
        clip,
        answer,
        {Transform.REVERSE},
        events=sorted([*acts, *strays], key=lambda event: event.start_frame),
        states=positions(clip, [one["id"] for one in asked.objects], every=0.2),
        derivation=[
            f"One after the other: {then(act.note for act in acts)}.",
            f"So the answer is: {answer}.",
        ],
    )


KIND = Kind("event_order", Category.MOTION, Term.SHORT, Domain.TEMPORAL, {Form.OPEN}, make, unaltered)
"""SynRL, 2.1.1: sequential event ordering"""
