"""Ways to answer without watching. Each returns, for every question, its chance of being right (ties share).

The text-only ones see question and options, the others one frame, a heap of frames in no order, or bare facts about the
clip. Those that learn are always judged on questions of pairs that they did not learn from.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from retroflip.synth.audit.classifier import FOLDS, Floats, fold_of, predict, words
from retroflip.synth.audit.items import STILLS, Item

Scores = npt.NDArray[np.float64]
Attack = Callable[[Sequence[Item]], Scores]


def _best(items: Sequence[Item], value: Callable[[Item, int], float]) -> Scores:
    """Return the scores of choosing the option of the highest value, evenly among equals."""
    scores = []
    for item in items:
        values = [value(item, index) for index in range(len(item.options))]
        top = [index for index, one in enumerate(values) if one == max(values)]
        scores.append(float(item.right in top) / len(top))
    return np.array(scores)


def _counted_elsewhere(items: Sequence[Item], key: Callable[[Item, int], str]) -> Scores:
    """Return the scores of choosing what was right most often in the other folds, as a share of what was offered."""
    folds = fold_of(items)
    scores = np.zeros(len(items))
    for fold in range(FOLDS):
        learned = [items[index] for index in np.flatnonzero(folds != fold).tolist()]
        tested = np.flatnonzero(folds == fold)
        shares = _shares(learned, key)
        scores[tested] = _best([items[int(index)] for index in tested], partial(_known_share, shares, key))
    return scores


def _shares(items: Sequence[Item], key: Callable[[Item, int], str]) -> dict[str, float]:
    """Return how often each option was right, as a share of what was offered.

    One right in two is put before every count: an option seen once must not win over one seen a hundred times.
    """
    right = Counter(key(item, item.right) for item in items)
    offered = Counter(key(item, index) for item in items for index in range(len(item.options)))
    return {one: (right[one] + 1.0) / (count + 2.0) for one, count in offered.items()}


def _known_share(shares: dict[str, float], key: Callable[[Item, int], str], item: Item, index: int) -> float:
    return shares.get(key(item, index), 0.5)


def majority(items: Sequence[Item]) -> Scores:
    """Choose the option whose text was right most often."""
    return _counted_elsewhere(items, lambda item, index: item.options[index])


def position(items: Sequence[Item]) -> Scores:
    """Choose the letter that was right most often."""
    return _counted_elsewhere(items, lambda _, index: str(index))


def longest(items: Sequence[Item]) -> Scores:
    """Choose the longest option."""
    return _best(items, lambda item, index: len(item.options[index]))


def shortest(items: Sequence[Item]) -> Scores:
    """Choose the shortest option."""
    return _best(items, lambda item, index: -len(item.options[index]))


def central(items: Sequence[Item]) -> Scores:
    """Choose the option that is most like the others: right ones are, where wrong ones are made from them."""
    return _best(items, lambda item, index: _likeness(item.options, index))


def outlying(items: Sequence[Item]) -> Scores:
    """Choose the option that is least like the others."""
    return _best(items, lambda item, index: -_likeness(item.options, index))


def _likeness(options: Sequence[str], index: int) -> float:
    mine = options[index]
    try:
        return round(-sum((float(mine) - float(other)) ** 2 for other in options), 9)
    except ValueError:
        pairs = [(Counter(words(mine)), Counter(words(other))) for other in options]
        return round(sum((one & two).total() / max(1, (one | two).total()) for one, two in pairs), 9)


def echo(items: Sequence[Item]) -> Scores:
    """Choose the option with most of the question's words."""
    return _best(items, lambda item, index: len(set(words(item.question)) & set(words(item.options[index]))))


def bag_of_words(items: Sequence[Item]) -> Scores:
    """A model trained on the words of the question and of each option."""
    asked = [set(words(item.question)) for item in items]
    counts = Counter(word for one in asked for word in one)
    known = [word for word, count in counts.most_common(200) if count < len(items)]
    seen = np.array([[float(word in one) for word in known] for one in asked])
    return _trained(items, seen if known else np.zeros((len(items), 1)))


def clip_facts(items: Sequence[Item]) -> Scores:
    """A model trained on the clip's length, its format and the number of its objects."""
    names = sorted({name for item in items for name in item.facts})
    return _trained(items, np.array([[item.facts.get(name, 0.0) for name in names] for item in items]))


def _frame(index: int) -> Attack:
    def attack(items: Sequence[Item]) -> Scores:
        return _trained(items, np.array([item.stills_SHW3[index].ravel() for item in items]))

    attack.__doc__ = "A model trained on one frame's thumbnail."
    return attack


def shuffled_frames(items: Sequence[Item]) -> Scores:
    """A model trained on what all frames have in common: mean, extremes and spread of every pixel."""
    return _trained(items, np.array([item.heap_4HW3.ravel() for item in items]))


def _place(index: int) -> Attack:
    def attack(items: Sequence[Item]) -> Scores:
        width = max(len(item.places[index]) for item in items)
        seen = np.array([np.pad(item.places[index], (0, width - len(item.places[index]))) for item in items])
        # Squares and products too: "near the middle" is a place as well.
        return _trained(items, np.hstack([seen, seen**2, seen * np.roll(seen, 1, axis=1)]))

    attack.__doc__ = "A model trained on where the objects are in one snapshot of the metadata."
    return attack


def _trained(items: Sequence[Item], seen_NX: Floats) -> Scores:
    return np.array(
        [float(item.right == chosen) for item, chosen in zip(items, predict(items, seen_NX), strict=True)]
    )


TEXT: dict[str, Attack] = {
    "majority": majority,
    "position": position,
    "longest": longest,
    "shortest": shortest,
    "central": central,
    "outlying": outlying,
    "echo": echo,
    "bag_of_words": bag_of_words,
}
SIGHT: dict[str, Attack] = {
    "clip_facts": clip_facts,
    **{f"{name}_frame": _frame(index) for index, name in enumerate(STILLS)},
    "shuffled_frames": shuffled_frames,
}
PLACES: dict[str, Attack] = {
    "first_places": _place(0),
    "middle_places": _place(1),
    "last_places": _place(2),
}


def attacks_on(items: Sequence[Item]) -> dict[str, Attack]:
    """Return the attacks that these questions can be put to."""
    return TEXT | SIGHT | (PLACES if all(item.places for item in items) else {})
