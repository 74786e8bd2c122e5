"""A small trained reader of questions: which option fits what was seen?

Shapes: N questions, O options (the most that any question has), X features of what was seen, Y features of an option.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retroflip.synth.audit.items import Item

Floats = npt.NDArray[np.float64]
FOLDS = 5
COMPONENTS = 24
"""principal components kept of what was seen"""
ASKED = 6
"""words of questions that what was seen may be read in the light of"""
ASKED_COMPONENTS = 12
TELLING = 12
"""single features kept for how much they differ between right answers"""
VOCABULARY = 64
"""words of options, and whole options, that are told apart"""
STEPS = 150
RATE = 0.3
DECAY = 0.02
"""of the weights, at every step"""
_WORD = re.compile(r"[a-z]+|\d+|[^\sa-z\d]")


def words(text: str) -> list[str]:
    """Return a text's words, numbers and signs, in lower case."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class OptionFeatures:
    """What is noticed about an option: whole texts and words known from training, its rank, letter and length."""

    known: tuple[str, ...]

    @classmethod
    def of(cls, items: Sequence[Item]) -> "OptionFeatures":
        """Return the features that these questions teach: their most frequent words and options."""
        counts: Counter[str] = Counter()
        for item in items:
            for option in item.options:
                counts.update({option, *words(option)})
        return cls(tuple(text for text, _ in counts.most_common(VOCABULARY)))

    def matrix(self, items: Sequence[Item], most: int) -> Floats:
        """Return (N, O, Y); options that a question does not have are all zeros."""
        index = {text: position for position, text in enumerate(self.known)}
        features = np.zeros((len(items), most, len(self.known) + most + 2))
        for row, item in enumerate(items):
            for column, option in enumerate(item.options):
                for text in {option, *words(option)} & index.keys():
                    features[row, column, index[text]] = 1.0
                features[row, column, len(self.known) + column] = 1.0
                features[row, column, -1] = len(option) / 20.0
                features[row, column, -2] = _rank(option, item.options)
        return features


def _rank(option: str, options: Sequence[str]) -> float:
    """Return how large an option's number is among the options', 0 to 1; 0 where they are no numbers."""
    try:
        values = sorted(float(one) for one in options)
        return values.index(float(option)) / max(1, len(values) - 1)
    except ValueError:
        return 0.0


def fold_of(items: Sequence[Item]) -> npt.NDArray[np.int64]:
    """Return each question's fold; questions of one group share theirs."""
    groups = {group: number for number, group in enumerate(sorted({item.group for item in items}))}
    order = np.random.default_rng(0).permutation(len(groups))
    return np.array([order[groups[item.group]] % FOLDS for item in items])


def predict(items: Sequence[Item], seen_NX: Floats) -> list[int]:
    """Return the option chosen for each question by a model trained on the other folds' questions.

    The model is a softmax over options of a bilinear form of what was seen and of the option, trained by gradient
    descent with weight decay.
    """
    folds = fold_of(items)
    most = max(len(item.options) for item in items)
    chosen = np.zeros(len(items), dtype=int)
    for fold in range(FOLDS):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if not len(train) or not len(test):
            continue
        learned = [items[int(index)] for index in train]
        options = OptionFeatures.of(learned)
        tested = [items[int(index)] for index in test]
        x_train, x_test = _noticed(seen_NX[train], seen_NX[test], learned)
        asked = _telling_words(learned)
        x_train, x_test = _asked_about(x_train, learned, asked), _asked_about(x_test, tested, asked)
        weights = _fit(x_train, options.matrix(learned, most), learned)
        scores = _scores(x_test, options.matrix(tested, most), weights)
        chosen[test] = np.where(_there(tested, most), scores, -np.inf).argmax(axis=1)
    return [int(one) for one in chosen]


def _noticed(train_NX: Floats, test_NX: Floats, items: Sequence[Item]) -> tuple[Floats, Floats]:
    """Return both as principal components and the single features that differ most between right answers.

    The components hold what varies most, in which a small mark can be lost.
    """
    telling = _telling(train_NX, items)
    wide, narrow = _components(train_NX, test_NX), _components(train_NX[:, telling], test_NX[:, telling])
    return np.hstack([narrow[0], wide[0]]), np.hstack([narrow[1], wide[1]])


def _telling(seen_NX: Floats, items: Sequence[Item]) -> npt.NDArray[np.intp]:
    """Return the features whose means differ most from right answer to right answer, or from letter to letter."""
    centred = seen_NX - seen_NX.mean(axis=0)
    spread = (centred**2).sum(axis=0)
    best = np.zeros(seen_NX.shape[1])
    for labels in ([item.answer for item in items], [str(item.right) for item in items]):
        between = np.zeros(seen_NX.shape[1])
        for label in sorted(set(labels)):
            chosen = np.array([one == label for one in labels])
            between += chosen.sum() * centred[chosen].mean(axis=0) ** 2
        best = np.maximum(best, between / np.maximum(spread, 1e-9))
    return np.argsort(-best, kind="stable")[:TELLING]


def _components(train_NX: Floats, test_NX: Floats) -> tuple[Floats, Floats]:
    """Return both on the training set's principal components, each of variance 1, and a constant."""
    mean, scale = train_NX.mean(axis=0), train_NX.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    centred = (train_NX - mean) / scale
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:COMPONENTS]
    spread = (centred @ axes.T).std(axis=0)
    spread = np.where(spread > 1e-9, spread, 1.0)

    def projected(values: Floats) -> Floats:
        return np.hstack([((values - mean) / scale) @ axes.T / spread, np.ones((len(values), 1))])

    return projected(train_NX), projected(test_NX)


def _telling_words(items: Sequence[Item]) -> list[str]:
    """Return the words in which questions differ most: those nearest to standing in every second one."""
    counts = Counter(word for item in items for word in set(words(item.question)))
    uneven = {word: abs(count / len(items) - 0.5) for word, count in counts.items()}
    return [word for word in sorted(uneven, key=lambda one: (uneven[one], one)) if uneven[word] < 0.4][:ASKED]


def _asked_about(x_NX: Floats, items: Sequence[Item], asked: Sequence[str]) -> Floats:
    """Return what was seen, and the same again for the questions that have each of these words.

    A frame may tell the fastest and the slowest object while the question says which of them is meant.
    """
    there = [np.array([[float(word in words(item.question))] for item in items]) for word in asked]
    return np.hstack([x_NX, *(has * x_NX[:, :ASKED_COMPONENTS] for has in there)])


def _there(items: Sequence[Item], most: int) -> npt.NDArray[np.bool_]:
    return np.array([[column < len(item.options) for column in range(most)] for item in items])


def _scores(x_NX: Floats, y_NOY: Floats, weights_XY: Floats) -> Floats:
    scores: Floats = np.einsum("ny,noy->no", x_NX @ weights_XY, y_NOY)
    return scores


def _fit(x_NX: Floats, y_NOY: Floats, items: Sequence[Item]) -> Floats:
    most = y_NOY.shape[1]
    there = _there(items, most)
    right = np.zeros(there.shape)
    right[np.arange(len(items)), [item.right for item in items]] = 1.0
    weights = np.zeros((x_NX.shape[1], y_NOY.shape[2]))
    for _ in range(STEPS):
        scores = np.where(there, _scores(x_NX, y_NOY, weights), -np.inf)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        slope = np.einsum("nx,no,noy->xy", x_NX, right - shares, y_NOY, optimize=True) / len(items)
        weights += RATE * (slope - DECAY * weights)
    return weights
