"""Wrong task types: a share of a file's labels, each changed into one of the other three."""

from collections.abc import Sequence

from retroflip.data.sample import Sample, TaskType
from retroflip.draws import draw


def flipped(samples: Sequence[Sample], share: float, seed: int) -> list[Sample]:
    """Return the samples with that share of their labels wrong, to the nearest whole number of them.

    Which labels, and what they become, is drawn by (seed, id): those of a smaller share are among those of a larger
    one. Samples without a task type stay as they are.
    """
    ranks = {
        one.id: draw(seed, "label flips", one.id).random() for one in samples if one.task_type is not None
    }
    wrong = set(sorted(ranks, key=ranks.__getitem__)[: round(share * len(ranks))])
    return [_mislabelled(one, seed) if one.id in wrong else one for one in samples]


def _mislabelled(sample: Sample, seed: int) -> Sample:
    others = [kind for kind in TaskType if kind is not sample.task_type]
    rng = draw(seed, "wrong label", sample.id)
    return sample.model_copy(update={"task_type": others[int(rng.integers(len(others)))]})
