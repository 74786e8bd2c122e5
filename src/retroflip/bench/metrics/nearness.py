"""Metrics of answers that earn by how near they come: numbers by mean relative accuracy, as VSI-Bench has them."""

from retroflip.bench.metrics.base import Answered, Better, Family, Metric
from retroflip.bench.stats import Column


def _count(answered: Answered) -> dict[str, int]:
    return {"n_numbers": len(answered.quantities)} if answered.quantities else {}


NEARNESS = Family(_count, "numbers", "n_numbers", "nearness", "Numbers by nearness")
"""over questions whose answer is a number that may come near"""


def _credits(answered: Answered) -> Column:
    near = answered.quantities
    return Column([record.score for record in near], [record.source_clip for record in near])


RELATIVE_ACCURACY = Metric(
    "mra",
    "MRA",
    "Mean relative accuracy",
    "share of ten bounds, 0.05 to 0.5, that the relative error is under",
    Better.HIGHER,
    units=_credits,
    family=NEARNESS,
)
