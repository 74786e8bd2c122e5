"""The same operations in several orders: how long kinds make options that no frame tells apart.

The options of a question are what different orders of the very same operations lead to, starting from the very same
shown state, and the answer is any of them with the same chance. So options say nothing by themselves, and whatever all
orders share says nothing either: the shown state, what lies at rest, which operations there are, how many. Operations
in pinned places are shared besides: the one in the middle of the clip, and the one next to the state asked for.

Everything here is told from the shown state onwards (forwards in time where the start is shown, backwards where the end
is), so that one set of rules serves both; `Course.mirrored` gives the other's order of time.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any, Generic, TypeVar

from retroflip.synth.episode import Draw, Mode, Redraw
from retroflip.video.transforms import Transform

State = TypeVar("State")
Operation = TypeVar("Operation")
Way = TypeVar("Way")
Answer = TypeVar("Answer", bound=Hashable)
Groups = dict[Answer, list[Way]]
"""courses, or other ways to tell of them, by the answer that they lead to"""
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

    @property
    def played_back(self) -> "Course[State, Operation]":
        """The course backwards, of operations that are their own inverse or of which none is asked for."""
        return self.mirrored(lambda one: one)

    @property
    def steps(self) -> Iterator[tuple[Operation, State]]:
        """Every operation with the state after it."""
        return zip(self.operations, self.states[1:], strict=True)


@dataclass(frozen=True)
class Query:
    """What is asked of a course in order of time, of which a kind's `answer_to` gives the answer as a value.

    ask, when: together a key of the phrasings. named: what the question names besides, as metadata have it. text: its
    words, unless they are drawn later. barred: what is shown where the question asks for the other end of the clip; it
    is never an option.
    """

    mode: Mode
    ask: str
    when: str = ""
    named: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    barred: Any = None

    def naming(self, text: str = "", barred: Any = None, **named: Any) -> "Query":
        """Return the question with what it names, and its words or what may be no option if they are known by now."""
        return replace(self, named=named, text=text, barred=barred)

    @property
    def parameters(self) -> dict[str, Any]:
        """What is asked as metadata have it."""
        when = {"when": self.when} if self.when else {}
        return {"ask": str(self.ask), **when, **self.named}


Offer = tuple[Query, Sequence[Answer], Groups[Answer, Way]]
"""a question, the options as values, and courses by the answer that they lead to"""


def draw_course(
    start: State,
    operations: int,
    draw_step: Callable[[State, Sequence[Operation]], Operation | None],
    apply: Callable[[State, Operation], State | None],
    attempts: int,
) -> Course[State, Operation]:
    """Return a course of so many operations, each drawn until one can be done.

    draw_step: draws an operation from the state that there is then and the operations before it; None for one that may
    not be. attempts: draws of one operation, on average. Raises Redraw where they do not suffice.
    """
    states, done = [start], list[Operation]()
    for _ in range(attempts * operations):
        step = draw_step(states[-1], done)
        after = None if step is None else apply(states[-1], step)
        if step is None or after is None:
            continue
        states.append(after)
        done.append(step)
        if len(done) == operations:
            return Course(tuple(states), tuple(done))
    raise Redraw(f"no {operations} operations are found that can be done one after the other")


def around(
    shown: State,
    operations: Sequence[Operation],
    apply: Callable[[State, Operation], State | None],
    inverse: Callable[[Operation], Operation] = lambda one: one,
    *,
    opening: bool,
) -> Course[State, Operation]:
    """Return what operations in order of time do before the state shown, or after it where that is the `opening`.

    inverse: the operation that undoes another; by default, itself. Raises ValueError where `apply` cannot do one.
    """
    states = [shown]
    for one in operations if opening else map(inverse, reversed(operations)):
        after = apply(states[-1], one)
        if after is None:
            raise ValueError(f"{one} cannot be done")
        states.append(after)
    return Course(tuple(states if opening else states[::-1]), tuple(operations))


def reordered(
    draw: Draw,
    course: Course[State, Operation],
    apply: Callable[[State, Operation], State | None],
    pinned: Collection[int],
) -> Iterator[Course[State, Operation]]:
    """Yield the course, and others of the same operations with those in the places `pinned` left there.

    Each place is given the first operation, of those left in a drawn order, that can be done then: of long courses
    hardly any order drawn as a whole could.
    """
    yield course
    free = [place for place in range(len(course.operations)) if place not in pinned]
    for _ in range(TRIES):
        left = [course.operations[free[int(index)]] for index in draw.rng.permutation(len(free))]
        other = _followed_as_can_be(course, left, apply, pinned)
        if other is not None:
            yield other


def _followed_as_can_be(
    course: Course[State, Operation],
    left: list[Operation],
    apply: Callable[[State, Operation], State | None],
    pinned: Collection[int],
) -> Course[State, Operation] | None:
    """Return the course with all but its pinned operations taken from `left`, or None where it comes to a dead end."""
    states, order = [course.states[0]], list[Operation]()
    for place, own in enumerate(course.operations):
        for one in [own] if place in pinned else left:
            after = apply(states[-1], one)
            if after is not None:
                break
        else:
            return None
        if place not in pinned:
            left.remove(one)
        states.append(after)
        order.append(one)
    return Course(tuple(states), tuple(order))


def pinned_places(operations: int, *, from_start: bool, ends: bool) -> set[int]:
    """Return the place, counted from the shown state, of the operation in the clip's middle; `ends`: and the last."""
    middle = operations // 2
    return {middle if from_start else operations - 1 - middle} | ({operations - 1} if ends else set())


def in_other_orders(
    draw: Draw,
    course: Course[State, Operation],
    apply: Callable[[State, Operation], State | None],
    mode: Mode,
    named: Iterable[int] = (),
) -> Iterator[Course[State, Operation]]:
    """Yield the course and others of the same operations that do the same in the places that all must share.

    named: the places of operations that the question names.
    """
    ends = mode is not Mode.HISTORICAL
    pinned = pinned_places(len(course.operations), from_start=mode.from_start, ends=ends)
    return reordered(draw, course, apply, pinned | set(named))


def by_answer(ways: Iterable[Way], ask: Callable[[Way], Answer | None]) -> Groups[Answer, Way]:
    """Return courses, or other ways to tell of them, by their answer, without those that have none (None)."""
    groups: Groups[Answer, Way] = {}
    for way in ways:
        answer = ask(way)
        if answer is not None:
            groups.setdefault(answer, []).append(way)
    return groups


def some_answers(draw: Draw, answers: Sequence[Any], count: int) -> list[Any]:
    """Return `count` answers drawn, numbers in ascending order, or none where there are fewer."""
    chosen = draw.some_of(answers, count) if len(answers) >= count else []
    return sorted(chosen) if all(isinstance(one, int) for one in chosen) else chosen


def of_one_form(draw: Draw, answers: Iterable[Answer], count: int) -> list[Answer]:
    """Return `count` answers drawn, all numbers or all lists (tuples) of one length that is not 0, if there are."""
    by_form: dict[int, list[Answer]] = {}
    for answer in answers:
        by_form.setdefault(len(answer) if isinstance(answer, tuple) else -1, []).append(answer)
    enough = [form for form, alike in sorted(by_form.items()) if form and len(alike) >= count]
    return some_answers(draw, by_form[draw.one_of(enough)], count) if enough else []


def a_run(draw: Draw, numbers: Collection[int], *lengths: int) -> list[int]:
    """Return consecutive ones of the numbers, as many as the first of `lengths` that there are, or none."""
    for length in lengths:
        if found := runs(numbers, length):
            return list(draw.one_of(found))
    return []


def runs(numbers: Collection[int], length: int) -> list[tuple[int, ...]]:
    """Return every run of consecutive numbers of that length."""
    found = [tuple(range(low, low + length)) for low in sorted(numbers)]
    return [run for run in found if set(run) <= set(numbers)]


def changed_by(
    answer: object, turned: Mapping[Transform, Way], ask: Callable[[Way], object]
) -> set[Transform]:
    """Return the transformations that change an answer.

    turned: the courses of the video so transformed. ask: gives the answer to one, or None.
    """
    return {how for how, course in turned.items() if ask(course) not in (None, answer)}


def dealt_ask(draw: Draw, asks: Mapping[Mode, Sequence[tuple[str, str]]]) -> Query:
    """Return one of the questions by mode, each given by what it asks and of when: modes and then theirs dealt out."""
    mode = draw.deal("mode", list(asks))
    return Query(mode, *draw.deal(f"ask {mode}", asks[mode]))


def dealt_case(draw: Draw, asks: Mapping[Mode, Sequence[str]], ranks: int = 4) -> tuple[Query, int]:
    """Return one of the questions by mode and the rank of its answer among `ranks` options, all dealt out together."""
    queries = [Query(mode, ask) for mode, theirs in asks.items() for ask in theirs]
    return draw.deal("case", [(query, rank) for query in queries for rank in range(ranks)])


def ranked_answers(
    draw: Draw, groups: Mapping[Answer, Sequence[Way]], options: Sequence[Answer], rank: int
) -> list[tuple[Answer, Way]]:
    """Return the answers of both sides, each with a course drawn of those that lead to it.

    The first is the option of that rank where there are so many.
    """
    first = rank if rank < len(options) else draw.one_of(range(len(options)))
    second = draw.one_of([other for other in range(len(options)) if other != first])
    return [(answer, draw.one_of(groups[answer])) for answer in (options[first], options[second])]


def two_answered(
    draw: Draw, groups: Mapping[Answer, Sequence[Way]], options: Sequence[Answer]
) -> list[tuple[Answer, Way]]:
    """Return the answers of both sides, each with a course drawn of those that lead to it.

    All pairs of options are dealt out evenly.
    """
    total = len(options)
    ranks = draw.deal(f"ranks of {total}", list(permutations(range(total), 2)))
    return [(options[rank], draw.one_of(groups[options[rank]])) for rank in ranks]


def retold(
    states: Sequence[str], operations: Sequence[str], *, from_start: bool, after: str = "After"
) -> list[str]:
    """Return, in sentences, the states that a viewer works out one after the other from the one that is shown.

    operations: what stands between `after`, or "Before", and a state.
    """
    if from_start:
        told = [f"{after} {one} {state}." for one, state in zip(operations, states[1:], strict=False)]
        return [f"At the start, {states[0]}.", *told]
    told = [f"Before {one} {state}." for one, state in zip(operations, states, strict=False)]
    return [f"At the end, {states[-1]}, and I work backwards.", *reversed(told)]
