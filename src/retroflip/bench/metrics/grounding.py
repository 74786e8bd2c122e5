"""Metrics of spans of time: R@0.3, R@0.5, R@0.7, mIoU and mIoP, as SynRL's tables 3 and 4 and figure 4 have them.

An answer without a readable span has overlap 0 and stays in the mean, as one without an answer does. Of several gold
spans the one that the answer overlaps most counts.
"""

from functools import partial

from retroflip.bench.metrics.base import Answered, Better, Family, Metric
from retroflip.bench.records import AnswerRecord
from retroflip.bench.stats import Column
from retroflip.data.answers.spans import best_iop, read_spans


def _count(answered: Answered) -> dict[str, int]:
    return {"n_spans": len(answered.grounded)} if answered.grounded else {}


GROUNDING = Family(_count, "spans", "n_spans", "grounding", "Temporal grounding")
"""over questions whose answer is a span of time"""


def _column(answered: Answered, values: list[float]) -> Column:
    return Column(values, [record.source_clip for record in answered.grounded])


def _recall(bound: float, answered: Answered) -> Column:
    return _column(answered, [float(record.score >= bound) for record in answered.grounded])


def _overlaps(answered: Answered) -> Column:
    return _column(answered, [record.score for record in answered.grounded])


def _precisions(answered: Answered) -> Column:
    return _column(answered, [precision(record) for record in answered.grounded])


def precision(record: AnswerRecord) -> float:
    """Return which share of the span that was answered lies in a gold one; 0 without a readable span."""
    spans = read_spans(record.answer or "")
    return best_iop(spans[0], read_spans(record.gold)) if spans else 0.0


def _recall_at(bound: float) -> Metric:
    return Metric(
        f"r{bound}",
        f"R@{bound}",
        f"Recall at IoU {bound}",
        f"spans that overlap a gold one by at least {bound}",
        Better.HIGHER,
        units=partial(_recall, bound),
        family=GROUNDING,
    )


RECALLS = tuple(_recall_at(bound) for bound in (0.3, 0.5, 0.7))
MEAN_OVERLAP = Metric(
    "miou",
    "mIoU",
    "Mean intersection over union",
    "of the answered span and the gold one",
    Better.HIGHER,
    units=_overlaps,
    family=GROUNDING,
)
MEAN_PRECISION = Metric(
    "miop",
    "mIoP",
    "Mean intersection over prediction",
    "share of the answered span that lies in a gold one",
    Better.HIGHER,
    units=_precisions,
    family=GROUNDING,
)
