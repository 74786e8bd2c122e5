"""One temporal video with its question, its ground truth, and everything that led to the answer.

An episode is what a kind makes. Its ground truth is read off the simulation; `Episode.metadata` is all that leaves for
disk, and `retroflip.synth.checks` must find the answer again from that alone.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

import numpy as np

from retroflip.data.sample import TaskType
from retroflip.draws import draw, draw_seed
from retroflip.synth.animation import Animation, Background
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.sentence import Sentence
from retroflip.synth.settings import SceneSettings
from retroflip.video.transforms import Transform

Rng = np.random.Generator
Option = TypeVar("Option")
FORMAT = 1
"""of the metadata"""


class Mode(StrEnum):
    """What a question asks of its viewer (SynRL, 2.1.2)."""

    PERCEPTION = "perception"
    """what is seen happening (short-term kinds)"""
    FORWARD = "forward"
    """the hidden last state, from the first and the operations"""
    RETRODICTIVE = "retrodictive"
    """the hidden first state, from the last and the operations"""
    HISTORICAL = "historical"
    """a state or an operation in between"""

    @property
    def from_start(self) -> bool:
        """Whether long videos show their first state, or else their last; a kind may show either in HISTORICAL."""
        return self is not Mode.RETRODICTIVE


def task_type_of(changed_by: frozenset[Transform]) -> TaskType:
    """Return CRPO's label of what these of the two pixel transformations change."""
    return TaskType.of(flip=Transform.FLIP in changed_by, reversal=Transform.REVERSE in changed_by)


@dataclass(frozen=True)
class Event:
    """Something that happens, from one frame to another (both shown; equal for an instant).

    note: what a viewer would say of it, a clause without a time, e.g. "the red circle hits the left wall".
    facts: the same for programs; values are strings, numbers or lists of them.
    """

    type: str
    start_frame: int
    end_frame: int
    note: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def backwards(events: Sequence[Event], frames: int) -> list[Event]:
    """Return events that look the same both ways, as they happen in the clip of so many frames played backwards."""
    last = frames - 1
    return [
        replace(event, start_frame=last - event.end_frame, end_frame=last - event.start_frame)
        for event in reversed(events)
    ]


@dataclass(frozen=True)
class State:
    """A snapshot of what is true (not: visible) at a frame."""

    frame: int
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """What is asked. `options` hold the answer; both sides of a pair share text and options.

    ordered: the options are numbers in ascending order, which stay where they are, and the question can be asked
    without them.
    is_open: whether it can be asked without options and answered in the words of the options.
    parameters: what the text asks for, in the terms of the metadata, so that a checker need not read English.
    changed_by: which of the two pixel transformations give the video another right answer to this question.
    """

    text: str
    mode: Mode
    options: tuple[str, ...]
    answer: str
    parameters: Mapping[str, Any]
    changed_by: frozenset[Transform]
    ordered: bool = False
    is_open: bool = False

    @property
    def numeric(self) -> float | None:
        """The answer as a number, where it is one."""
        return float(self.answer) if self.ordered else None

    @property
    def task_type(self) -> TaskType:
        """CRPO's label, known by construction."""
        return task_type_of(self.changed_by)


@dataclass(frozen=True)
class Episode:
    """A video, its question and its truth.

    objects: what there is, each with "id", "shape", "colour" and a "name" as questions use it, and facts that hold
    throughout; a distractor has "role": "distractor".
    derivation: the sentences that lead from the events to the answer, the last one naming it; each with its claims.
    min_fps: the fewest evenly spread frames a second at which the question can be decided (`decidable`).
    """

    animation: Animation
    question: Question
    objects: Sequence[Mapping[str, Any]]
    events: Sequence[Event]
    states: Sequence[State]
    derivation: Sequence[Sentence | str]
    min_fps: float

    def metadata(self) -> dict[str, Any]:
        """Return all ground truth as JSON values; the dataset adds names, labels and settings."""
        clip, question = self.animation, self.question
        return {
            "video": {"fps": clip.fps, "frames": clip.frames, "duration_ms": clip.milliseconds(clip.frames)},
            "objects": [dict(one) for one in self.objects],
            "events": [
                {
                    "type": event.type,
                    "start_ms": clip.milliseconds(event.start_frame),
                    "end_ms": clip.milliseconds(event.end_frame),
                    "start_frame": event.start_frame,
                    "end_frame": event.end_frame,
                    "note": event.note,
                    **event.facts,
                }
                for event in self.events
            ],
            "states": [
                {"ms": clip.milliseconds(state.frame), "frame": state.frame, **state.facts}
                for state in self.states
            ],
            "question": {
                "text": question.text,
                "mode": question.mode.value,
                "parameters": dict(question.parameters),
                "options": list(question.options),
                "answer": question.answer,
                "numeric": question.numeric,
            },
            "derivation": [Sentence.of(told).as_json() for told in self.derivation],
            "min_fps": round(self.min_fps, 3),
        }


def listed(answer: object) -> str:
    """Return an answer as options name it: a list with commas, or what it is.

    >>> listed((3, 1, 2)), listed(7)
    ('3, 1, 2', '7')
    """
    return ", ".join(map(str, answer)) if isinstance(answer, tuple) else str(answer)


@dataclass(frozen=True)
class Asked:
    """What both sides of a pair share: the question but for its answer, the objects, and how often one must look.

    options: as values, which `listed` puts in words: numbers in ascending order, or anything else in any order.
    Other fields as in `Question` and `Episode`.
    """

    text: str
    options: Sequence[object]
    parameters: Mapping[str, Any]
    objects: Sequence[Mapping[str, Any]]
    min_fps: float
    mode: Mode = Mode.PERCEPTION
    is_open: bool = False

    def episode(
        self,
        animation: Animation,
        answer: object,
        changed_by: Iterable[Transform],
        *,
        events: Sequence[Event],
        states: Sequence[State],
        derivation: Sequence[Sentence | str],
    ) -> Episode:
        """Return one side of the pair."""
        question = Question(
            text=self.text,
            mode=self.mode,
            options=tuple(listed(option) for option in self.options),
            answer=listed(answer),
            parameters=self.parameters,
            changed_by=frozenset(changed_by),
            ordered=isinstance(self.options[0], int),
            is_open=self.is_open,
        )
        return Episode(animation, question, self.objects, events, states, derivation, self.min_fps)


TURNS = (Transform.FLIP, Transform.REVERSE)
"""how the second video of a pair is made of the first, or"""
ANEW = "operations"
"""drawn anew"""


class Pair(NamedTuple):
    """Two episodes with the same question and options and different answers.

    how: how the second was made: the first one mirrored ("flip") or played backwards ("reverse"), exactly as
    `Animation.turned` does it, or drawn anew with the same things in another order ("operations").
    """

    first: Episode
    second: Episode
    how: str


@dataclass(frozen=True)
class Draw:
    """What an episode is drawn from. `turn` numbers the pairs of a kind, so that answers can be dealt out evenly."""

    seed: int
    kind: str
    turn: int
    settings: SceneSettings
    rng: Rng

    def deal(self, what: str, options: Sequence[Option]) -> Option:
        """Return an option so that, turn after turn, every n turns deal out all n options once, in a drawn order.

        Choices of different names (`what`) are dealt out independently of each other.
        """
        total = len(options)
        block = draw(self.seed, self.kind, "deal", what, total, self.turn // total)
        return options[int(block.permutation(total)[self.turn % total])]

    def one_of(self, options: Sequence[Option]) -> Option:
        """Return an option drawn evenly."""
        return options[int(self.rng.integers(len(options)))]

    def level(self, by_difficulty: Sequence[Option]) -> Option:
        """Return what a table of five holds for the difficulty set."""
        return by_difficulty[self.settings.difficulty - 1]

    def wanted(self, by_difficulty: Sequence[int]) -> int:
        """Return how many operations settings want: their own number, or the difficulty's times the scale."""
        return self.settings.wanted(self.level(by_difficulty))

    def some_of(self, options: Sequence[Option], count: int) -> list[Option]:
        """Return `count` different options in a drawn order."""
        return [options[int(index)] for index in self.rng.permutation(len(options))[:count]]

    def shuffled(self, options: Sequence[Option]) -> list[Option]:
        """Return all options in a drawn order."""
        return self.some_of(options, len(options))

    def between(self, low: float, high: float) -> float:
        """Return a number drawn evenly."""
        return float(self.rng.uniform(low, high))

    def angle(self) -> float:
        """Return an angle drawn evenly from a full turn, in radians."""
        return self.between(0.0, 2.0 * math.pi)

    def operation_frames(self, seconds: Sequence[tuple[float, float]]) -> int:
        """Return how many frames an operation takes, by a table of its least and its most seconds."""
        return round(self.between(*self.level(seconds)) * self.settings.pace * self.settings.fps)

    def size(self, usual: float, room: float) -> float:
        """Return how large an object is drawn: its usual size times the scale set, at most what there is room for."""
        return min(usual * self.settings.object_scale, max(usual, room))

    def background(self) -> Background:
        """Return a dark background of one of the patterns set."""
        base = int(self.rng.integers(18, 46))
        red, green, blue = (base + int(shift) for shift in self.rng.integers(-6, 7, size=3))
        seed = int(self.rng.integers(2**31))
        return Background(
            self.one_of(self.settings.backgrounds),
            (red, green, blue),
            (red + 14, green + 14, blue + 14),
            seed,
        )

    def noise_seed(self) -> int:
        """Return the seed of the grain."""
        return draw_seed(self.seed, self.kind, "noise", self.turn)


@dataclass(frozen=True)
class Kind:
    """One kind of temporal video. Its file makes one, and `retroflip.synth.registry` lists it.

    forms: in which forms it can be asked besides multiple choice. make: draws an episode and its counterfactual, answer
    first; it raises Redraw where this draw cannot be decided, and is then called with another. events_changed_by: of a
    kind whose events can be asked for by when they happen, which pixel transformations turn one, as metadata has it,
    into another event; None for an event that is not asked for.
    """

    name: str
    category: Category
    term: Term
    domain: Domain
    forms: Collection[Form]
    make: Callable[[Draw], Pair]
    events_changed_by: Callable[[Mapping[str, Any]], frozenset[Transform] | None] | None = None

    def asks(self, form: Form) -> bool:
        """Return whether some of its questions can be asked in this form."""
        if form is Form.SPAN:
            return self.events_changed_by is not None
        return form is Form.CHOICE or form in self.forms


def unaltered(_: Mapping[str, Any]) -> frozenset[Transform]:
    """Return what turns an event into another one, of a kind where neither a mirror nor reversal does."""
    return frozenset()


class Redraw(Exception):  # noqa: N818 - not an error: the caller draws again
    """The instance drawn is ambiguous, or too close to call for a viewer of the frames sampled.

    Its text, where it has one, is a clause that says why.
    """


def have_own_stamps(frames: Sequence[int], fps: int) -> bool:
    """Return whether no two of these frames are shown at the same time, told to the tenth of a second."""
    return len({round(10 * frame / fps) for frame in frames}) == len(frames)


def paired(draw: Draw, first: Episode, second: Episode, how: str = ANEW, *, own_stamps: bool = False) -> Pair:
    """Return the pair. Raises Redraw unless the frames that a viewer is shown decide both its sides.

    how: as in `Pair`. own_stamps: whether to raise it also where two events of a side begin in the same tenth of a
    second.
    """
    for one in (first, second):
        if not fits_view(one.animation, one.min_fps, draw.settings):
            raise Redraw("the frames that a viewer is shown lie too far apart")
        if own_stamps and not have_own_stamps([event.start_frame for event in one.events], one.animation.fps):
            raise Redraw
    return Pair(first, second, how)


def fits_view(animation: Animation, min_fps: float, settings: SceneSettings) -> bool:
    """Return whether the frames that a viewer is shown come at least `min_fps` to the second."""
    return settings.viewed_frames * animation.fps >= min_fps * animation.frames
