"""Accuracy of one kind of video, and of the kinds with one label: SynRL's primitives."""

from statistics import fmean

from retroflip.bench.metrics.answers import ACCURACY
from retroflip.bench.metrics.base import Measure, Measures
from retroflip.study.synrl.courses import LABELS, Course, is_labelled


def of_kind(kind: str) -> Measure:
    """Return the accuracy on a kind."""
    return Measure(f"kind/{kind}", kind, f"accuracy on {kind}", better=ACCURACY.better)


def of_label(label: str) -> Measure:
    """Return the mean of the accuracies on a label's kinds."""
    return Measure(f"label/{label}", label, f"accuracy on the {label} kinds", better=ACCURACY.better)


def measures_of(course: Course) -> tuple[Measure, ...]:
    """Return what stands in a course's table: its kinds, and the labels where it has kinds of all of them."""
    labels = [label for label, wanted in LABELS.items() if course.labelled(wanted)]
    shown = labels if len(labels) == len(LABELS) else []
    return (*map(of_kind, course.kinds), *map(of_label, shown))


def by_task(scores: Measures) -> dict[str, float | None]:
    """Return accuracy and chance from an arm's scores, kind by kind and label by label.

    A label's is the mean of its kinds'; one that no kind here has is left out.
    """
    rates = {kind: ACCURACY.read(found) for kind, found in scores["tasks"].items()}
    by_kind = {kind: rate.value for kind, rate in rates.items() if rate.value is not None}
    by_label = {
        label: [rate for kind, rate in by_kind.items() if is_labelled(kind, wanted)]
        for label, wanted in LABELS.items()
    }
    return {
        **{of_kind(kind).key: rate for kind, rate in by_kind.items()},
        **{f"chance/{kind}": rate.chance for kind, rate in rates.items()},
        **{of_label(label).key: fmean(found) for label, found in by_label.items() if found},
    }
