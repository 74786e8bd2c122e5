"""From attacks' scores to a verdict on every kind: does its data need time?

An attack succeeds when it is right more often than chance by more than MARGIN, and by more than luck explains: its 95 %
bound lies above chance after Holm's correction for all attacks on all kinds. With few questions luck explains much, so
that a clean data set of any size passes; a shortcut that is there in earnest is found in a few dozen questions.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from retroflip.data.sample import option_letter
from retroflip.errors import counted
from retroflip.progress import Progress
from retroflip.synth.audit.attacks import Scores, attacks_on
from retroflip.synth.audit.exemptions import EXEMPT
from retroflip.synth.audit.items import MOST_ANSWERS, Folder, Item
from retroflip.synth.checks import recomputed_answer
from retroflip.synth.registry import TEMPORAL_KINDS

MARGIN = 0.05
"""above chance, that an attack may reach"""
LEVEL = 0.05
"""share of clean data sets in which luck alone may fail an attack"""
Z95 = 1.96
FEWEST = 20
"""questions of a kind below which it is not judged"""
WITHOUT_CHOICE = (
    f"no options, none in metadata either, and not 2 to {MOST_ANSWERS} different answers to choose among"
)
"""why a question cannot be put to an attack"""


@dataclass(frozen=True)
class Attempt:
    """How one attack fared on one kind. `excess` is above chance; `p`: how likely luck alone would do as well."""

    accuracy: float
    low: float
    high: float
    chance: float
    p: float

    @property
    def excess(self) -> float:
        """Accuracy above chance."""
        return self.accuracy - self.chance


@dataclass(frozen=True)
class KindAudit:
    """One kind's audit. It fails for its `faults`. `exempted`: attacks that may succeed on it, with the reasons why."""

    samples: int
    chance: float
    detectable: float
    """the accuracy from which an attack would be found, with so many questions"""
    oracle: float | None
    attempts: Mapping[str, Attempt]
    letters: Mapping[str, int]
    answers: int
    duplicates: int
    faults: tuple[str, ...]
    exempted: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return the audit as JSON values."""
        return {
            "samples": self.samples,
            "chance": self.chance,
            "detectable": self.detectable,
            "oracle": self.oracle,
            "attacks": {
                name: {
                    "accuracy": one.accuracy,
                    "interval": [one.low, one.high],
                    "above_chance": one.excess,
                    "p": one.p,
                }
                for name, one in self.attempts.items()
            },
            "letters": dict(self.letters),
            "different_answers": self.answers,
            "duplicates": self.duplicates,
            "faults": list(self.faults),
            "exempted": dict(self.exempted),
        }


def attempt(scores: Scores, items: Sequence[Item]) -> Attempt:
    """Return an attack's accuracy with a 95 % interval over groups (both sides of a pair are one draw)."""
    chances = np.array([1.0 / len(item.options) for item in items])
    chance = float(chances.mean())
    groups: dict[str, list[float]] = {}
    for item, score, by_luck in zip(items, scores, chances, strict=True):
        groups.setdefault(item.group, []).append(float(score - by_luck))
    sums = np.array([sum(one) for one in groups.values()])
    mean = float(sums.sum() / len(items))
    # Every group alike (all right) leaves no spread to judge by: take at least that of independent guesses.
    spread = math.sqrt(float(((sums - sums.mean()) ** 2).sum())) / len(items)
    guessing = math.sqrt(chance * (1.0 - chance) * len(groups)) / len(items)
    error = max(spread, guessing, 1e-12)
    p = 0.5 * math.erfc(mean / error / math.sqrt(2.0))
    accuracy = chance + mean
    return Attempt(accuracy, max(0.0, accuracy - Z95 * error), min(1.0, accuracy + Z95 * error), chance, p)


def holm(values: Mapping[Any, float], level: float = LEVEL) -> set[Any]:
    """Return the keys whose p values are significant together (Holm's step-down procedure)."""
    found = set()
    for rank, (key, p) in enumerate(sorted(values.items(), key=lambda one: one[1])):
        if p > level / (len(values) - rank):
            break
        found.add(key)
    return found


def audit(folder: Folder, progress: Progress) -> dict[str, KindAudit]:
    """Return the audit of every kind in a data set."""
    by_kind: dict[str, list[Item]] = {}
    for item in folder.items:
        by_kind.setdefault(item.kind, []).append(item)
    attempts: dict[str, dict[str, Attempt]] = {}
    progress.stage("trying to answer without watching", len(by_kind), "kinds")
    for done, (kind, items) in enumerate(by_kind.items(), start=1):
        attempts[kind] = {name: attempt(attack(items), items) for name, attack in attacks_on(items).items()}
        progress.advance(done)
    unlikely = holm({(kind, name): one.p for kind, tried in attempts.items() for name, one in tried.items()})
    tests = sum(map(len, attempts.values()))
    judged = {
        kind: _judged(
            kind,
            items,
            folder.unread.get(kind, 0),
            attempts[kind],
            {name for of, name in unlikely if of == kind},
            tests,
        )
        for kind, items in by_kind.items()
    }
    return judged | {kind: _unjudged(count) for kind, count in folder.unread.items() if kind not in judged}


def left_out(folder: Folder) -> list[str]:
    """Return a line on the questions that are not judged: how many of each kind, and why; none where all are."""
    if not folder.unread:
        return []
    counts = ", ".join(f"{kind} {count}" for kind, count in folder.unread.items())
    return [f"{counted(sum(folder.unread.values()), 'question')} left out ({counts}): {WITHOUT_CHOICE}."]


def _unjudged(count: int) -> KindAudit:
    """Return the audit of a kind none of whose questions could be put to an attack: it fails."""
    fault = f"none of its {count} questions can be judged: {WITHOUT_CHOICE}"
    nan = math.nan
    return KindAudit(0, nan, nan, None, {}, {}, 0, 0, (fault,), {})


def _judged(
    kind: str,
    items: Sequence[Item],
    unread: int,
    attempts: Mapping[str, Attempt],
    unlikely: set[str],
    tests: int,
) -> KindAudit:
    succeeded = [name for name, one in attempts.items() if name in unlikely and one.excess > MARGIN]
    excused = {name: EXEMPT[kind, name] for name in succeeded if (kind, name) in EXEMPT}
    oracle = _oracle(kind, items)
    duplicates = _duplicates(items)
    letters = Counter(option_letter(item.right) for item in items)
    faults = [
        f"{name} is right in {attempts[name].accuracy:.1%}, chance is {attempts[name].chance:.1%}"
        for name in succeeded
        if name not in excused
    ]
    faults += [fault for check in (_pairs, _options) for fault in check(items)]
    if duplicates:
        faults.append(f"{counted(duplicates, 'video')} there more than once with the same question")
    if oracle is not None and oracle < 1.0:
        faults.append(f"the metadata bears out only {oracle:.1%} of the answers")
    if len(items) < FEWEST:
        besides = f" (of {len(items) + unread}; the others: {WITHOUT_CHOICE})" if unread else ""
        faults.append(
            f"{counted(len(items), 'question')}{besides}, too few to judge by; write at least {FEWEST}"
        )
    elif unread > len(items):
        faults.append(
            f"{unread} of {len(items) + unread} questions are left out, more than are judged: {WITHOUT_CHOICE}"
        )
    chance = float(np.mean([1.0 / len(item.options) for item in items]))
    error = max((one.high - one.low) / (2.0 * Z95) for one in attempts.values())
    # The strictest of Holm's steps, on the attack of the widest interval.
    far = NormalDist().inv_cdf(1.0 - LEVEL / tests) * error
    return KindAudit(
        samples=len(items),
        chance=chance,
        detectable=chance + max(MARGIN, far),
        oracle=oracle,
        attempts=attempts,
        letters=dict(sorted(letters.items())),
        answers=len({item.answer for item in items}),
        duplicates=duplicates,
        faults=tuple(faults),
        exempted=excused,
    )


def _oracle(kind: str, items: Sequence[Item]) -> float | None:
    """Return how often the answer found again from the metadata is the one given; None without metadata."""
    known = [item for item in items if item.truth is not None]
    if not known or kind not in TEMPORAL_KINDS:
        return None
    return sum(_is_borne_out(kind, item) for item in known) / len(known)


def _is_borne_out(kind: str, item: Item) -> bool:
    truth = item.truth or {}
    found = recomputed_answer(kind, truth)
    if found != truth["question"]["answer"]:
        return False
    numeric = truth["question"].get("numeric")
    return found == item.answer or (numeric is not None and f"{numeric:g}" == item.answer)


def _duplicates(items: Sequence[Item]) -> int:
    """Return how many questions ask the same about a video of the same bytes as an earlier one."""
    asked = Counter((item.sha256, item.question, tuple(sorted(item.options))) for item in items)
    return sum(count - 1 for count in asked.values())


def _pairs(items: Sequence[Item]) -> list[str]:
    """Return what is wrong with pairs: both sides must ask the same and have different answers."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(item.group, []).append(item)
    wrong = [
        name
        for name, sides in groups.items()
        if len(sides) == 2
        and (
            sides[0].question != sides[1].question
            or sides[0].options != sides[1].options
            or sides[0].answer == sides[1].answer
        )
    ]
    return (
        [f"{len(wrong)} pairs do not ask the same with different answers, {wrong[0]} first"] if wrong else []
    )


def _options(items: Sequence[Item]) -> list[str]:
    """Return what is wrong with options: all of a question must be different."""
    wrong = [
        item.id
        for item in items
        if len({" ".join(one.lower().split()) for one in item.options}) < len(item.options)
    ]
    return [f"{len(wrong)} questions offer an option twice, {wrong[0]} first"] if wrong else []
