"""The same operations in several orders: how long kinds make options that no frame tells apart.

The options of a question are what different orders of the very same operations lead to, starting from the very same
shown state, and the answer is any of them with the same chance. So options say nothing by themselves, and whatever all
orders share says nothing either: the shown state, what lies at rest, which operations there are, how many. Operations
in pinned places are shared besides: the one in the middle of the clip, and the one next to the state asked for.

Everything here is told from the shown state onwards (forwards in time where the start is shown, backwards where the end
is), so that one set of rules serves both; `Course.mirrored` gives the other's order of time.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from retroflip.synth.episode import Draw

State = TypeVar("State")
Operation = TypeVar("Operation")
TRIES = 120
"""orders tried of one set of operations"""


@dataclass(frozen=True)
class Course(Generic[State, Operation]):
    """Operations one after the other, and the state before the first, between, and after the last."""

    states: tuple[State, ...]
    operations: tuple[Operation, ...]

    def mirrored(self, inverse: Callable[[Operation], Operation]) -> "Course[State, Operation]":
        """Return the course told from its other end."""
        return Course(self.states[::-1], tuple(inverse(one) for one in reversed(self.operations)))


def followed(
    start: State, operations: Sequence[Operation], apply: Callable[[State, Operation], State | None]
) -> Course[State, Operation] | None:
    """Return what operations do to `start`, or None where one of them cannot be done (`apply` returns None)."""
    states = [start]
    for one in operations:
        after = apply(states[-1], one)
        if after is None:
            return None
        states.append(after)
    return Course(tuple(states), tuple(operations))


def reordered(
    draw: Draw,
    course: Course[State, Operation],
    apply: Callable[[State, Operation], State | None],
    pinned: Collection[int],
) -> Iterator[Course[State, Operation]]:
    """Yield the course, and others of the same operations with those in the places `pinned` left there."""
    yield course
    free = [place for place in range(len(course.operations)) if place not in pinned]
    for _ in range(TRIES):
        order = list(course.operations)
        for place, index in zip(free, draw.rng.permutation(len(free)), strict=True):
            order[place] = course.operations[free[int(index)]]
        other = followed(course.states[0], order, apply)
        if other is not None:
            yield other


def pinned_places(operations: int, *, asked: int, from_start: bool) -> set[int]:
    """Return the places, counted from the shown state, of the operation next to what is asked and the clip's middle.

    asked: the place of the operation after which (from the shown state on) the state asked for comes.
    """
    middle = operations // 2
    return {asked, middle if from_start else operations - 1 - middle}
