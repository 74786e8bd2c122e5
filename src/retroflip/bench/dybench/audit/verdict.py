"""Do attacks on a benchmark fail? Each is a small model, judged on pairs from recordings that it did not learn from.

What must fail:
- metadata, size and GOP of the files, which are to say nothing of which side a file is, or which answer is right;
- one frame (first, middle, last), and all frames in no order, asked which of the pair's two answers is right;
- the text, asked the same. What is the same on both sides is right about one of them, so that nothing but a text that
  differs comes out above chance.

What is measured and reported: how well playing forward is told from playing backwards, which smoke, water, gait and
falling things give away on natural clips; the sizes of coded pictures, which show when how much happens; and the text
on single questions, where distractors can be told from the pair's two answers by their words. Two actions that undo
each other are told from a third by whoever knows what they mean, so that this lies between one over the number of
options and TOLD, which no text that is the same on both sides can pass.

An attack succeeds when it is above chance by more than MARGIN and by more than luck explains, over recordings and after
Holm's correction for all that are judged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from retroflip.bench.dybench.audit.container import Container
from retroflip.bench.dybench.audit.sides import Pair, Side, cell_of, items_of
from retroflip.bench.dybench.base import Axis
from retroflip.progress import Progress
from retroflip.synth.audit.attacks import TEXT, Scores
from retroflip.synth.audit.classifier import Floats, predict
from retroflip.synth.audit.items import STILLS, Item
from retroflip.synth.audit.verdict import FEWEST, MARGIN, Attempt, attempt, holm

ALL = "all"
FILES = ("metadata", "size", "gop")
TOLD = 0.5
"""of single questions are answered where the text tells all distractors from the pair's two answers"""


class Tried(NamedTuple):
    """An attack on the pairs of a cell. asked: which answer, or which side. judged: whether it must fail. most: what it
    can reach, by how the questions are made."""

    attack: str
    asked: str
    judged: bool
    pairs: int
    attempt: Attempt
    most: float = 1.0


@dataclass(frozen=True)
class Audit:
    """The audit of a benchmark. unlike: pairs whose sides' files differ in it, by what is compared. small: cells of too
    few pairs to judge by, with their number of pairs."""

    pairs: int
    tried: Mapping[str, Sequence[Tried]]
    unlike: Mapping[str, int]
    small: Mapping[str, int]
    faults: tuple[str, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the audit as JSON values."""
        cells = {cell: [_as_json(one) for one in tried] for cell, tried in self.tried.items()}
        return {
            "pairs": self.pairs,
            "cells": cells,
            "files_unlike": dict(self.unlike),
            "too_few_to_judge": dict(self.small),
            "faults": list(self.faults),
            "notes": list(self.notes),
        }


def _as_json(one: Tried) -> dict[str, Any]:
    return {
        "attack": one.attack,
        "asked": one.asked,
        "must_fail": one.judged,
        "pairs": one.pairs,
        "accuracy": one.attempt.accuracy,
        "interval": [one.attempt.low, one.attempt.high],
        "chance": one.attempt.chance,
        "at_most": one.most,
        "p": one.attempt.p,
    }


def audit(pairs: Sequence[Pair], progress: Progress) -> Audit:
    """Return the audit of pairs as `read_pairs` reads them."""
    cells: dict[str, list[Pair]] = {ALL: list(pairs)}
    for pair in pairs:
        cells.setdefault(cell_of(pair[0].sample), []).append(pair)
    large = {cell: members for cell, members in cells.items() if 2 * len(members) >= FEWEST}
    progress.stage("attacking", len(large), "groups of pairs")
    tried: dict[str, list[Tried]] = {}
    for done, (cell, members) in enumerate(large.items(), start=1):
        tried[cell] = [*(_on_files(members) if cell == ALL else _on_pictures(members)), *_on_order(members)]
        tried[cell] += _on_text(members) if cell != ALL else []
        progress.advance(done)
    unlike = {
        name: sum(_of(pair[0], name) != _of(pair[1], name) for pair in pairs) for name in (*FILES, "tags")
    }
    small = {cell: len(members) for cell, members in cells.items() if cell not in large}
    faults = [*_succeeded(tried), *_different_questions(pairs)]
    if len(large) < 2:
        faults.append(f"no sub-task has {FEWEST // 2} pairs or more, too few to judge any by")
    return Audit(len(pairs), tried, unlike, small, tuple(faults), tuple(_notes(tried)))


def _of(side: Side, name: str) -> Any:
    return getattr(side.container, name)


def _numbers(pairs: Sequence[Pair], of: Callable[[Container], Mapping[str, float]]) -> Floats:
    return np.array([list(of(side.container).values()) for pair in pairs for side in pair])


def _attack(pairs: Sequence[Pair], name: str, asked: str, seen_NX: Floats, *, judged: bool) -> Tried:
    items = items_of(pairs, ask=asked)
    chosen = predict(items, seen_NX)
    scores: Scores = np.array([float(item.right == one) for item, one in zip(items, chosen, strict=True)])
    return Tried(name, asked, judged, len(pairs), attempt(scores, items))


def _on_files(pairs: Sequence[Pair]) -> list[Tried]:
    found = [
        _attack(pairs, name, "side", _numbers(pairs, partial(_part, name)), judged=True) for name in FILES
    ]
    bitstream = _numbers(pairs, partial(_part, "bitstream"))
    return [*found, _attack(pairs, "bitstream", "side", bitstream, judged=False)]


def _part(name: str, container: Container) -> Mapping[str, float]:
    found: Mapping[str, float] = getattr(container, name)
    return found


def _on_pictures(pairs: Sequence[Pair]) -> list[Tried]:
    sides = [side for pair in pairs for side in pair]
    seen = {
        **{
            f"{name}_frame": np.array([side.stills_SHW3[index].ravel() for side in sides])
            for index, name in enumerate(STILLS)
        },
        "shuffled_frames": np.array([side.heap_4HW3.ravel() for side in sides]),
        **{name: _numbers(pairs, partial(_part, name)) for name in FILES},
    }
    return [_attack(pairs, name, "answer", values, judged=True) for name, values in seen.items()]


def _on_order(pairs: Sequence[Pair]) -> list[Tried]:
    """Tell playing forward from playing backwards, where that is what was done."""
    reversed_pairs = [pair for pair in pairs if pair[0].sample.labels.get("axis") == Axis.REVERSAL]
    if 2 * len(reversed_pairs) < FEWEST:
        return []
    seen = np.array([side.course for pair in reversed_pairs for side in pair])
    return [_attack(reversed_pairs, "forward_or_reversed", "side", seen, judged=False)]


def _on_text(pairs: Sequence[Pair]) -> list[Tried]:
    """Tell by the text which of the pair's two answers is right, and answer single questions by it."""
    asked = (("text", "answer", True, 1.0), ("text_on_single_questions", "all", False, TOLD))
    return [
        Tried(name, ask, judged, len(pairs), _best_of_text(items_of(pairs, ask=ask)), most)
        for name, ask, judged, most in asked
    ]


def _best_of_text(items: Sequence[Item]) -> Attempt:
    """Return the attack that fares best, with p times their number, since the best of several is lucky."""
    tried = [attempt(attack(items), items) for attack in TEXT.values()]
    best = min(tried, key=lambda one: one.p)
    return replace(best, p=min(1.0, len(tried) * best.p))


def _succeeded(tried: Mapping[str, Sequence[Tried]]) -> list[str]:
    judged = {
        (cell, one.attack): one.attempt for cell, members in tried.items() for one in members if one.judged
    }
    unlikely = holm({key: one.p for key, one in judged.items()})
    return [
        f"{cell}: {name} is right in {one.accuracy:.1%} ({one.low:.1%} to {one.high:.1%}), chance is {one.chance:.1%}"
        for (cell, name), one in judged.items()
        if (cell, name) in unlikely and one.excess > MARGIN
    ]


def _different_questions(pairs: Sequence[Pair]) -> list[str]:
    """Return what lets a text be right on both sides: questions or options that differ between them, or one answer."""
    unlike = [
        first.sample.pair
        for first, second in pairs
        if (first.sample.question, first.sample.lettered) != (second.sample.question, second.sample.lettered)
        or first.sample.solution == second.sample.solution
    ]
    if not unlike:
        return []
    return [f"{len(unlike)} pairs do not ask the same with different answers, {unlike[0]} first"]


def _notes(tried: Mapping[str, Sequence[Tried]]) -> list[str]:
    """Return what is reported and not required to fail."""
    told = holm(
        {cell: one.attempt.p for cell, members in tried.items() for one in members if one.asked == "all"}
    )
    found = []
    for cell, members in tried.items():
        for one in members:
            score = one.attempt
            if one.attack == "forward_or_reversed":
                found.append(
                    f"{cell}: playing forward is told from playing backwards in {score.accuracy:.1%} "
                    f"({score.low:.1%} to {score.high:.1%}) of {2 * one.pairs} videos"
                )
            elif one.asked == "all" and cell in told and score.excess > MARGIN:
                found.append(
                    f"{cell}: the text is right on {score.accuracy:.1%} of single questions (chance is "
                    f"{score.chance:.1%}, {one.most:.1%} where all distractors are told): distractors can be told by "
                    "their words. It is right on both sides of no pair"
                )
    return found
