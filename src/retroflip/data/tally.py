"""What a file of samples holds, counted one sample after the other: the numbers of cards, reports and `data stats`."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from retroflip.data.sample import Sample

_LENGTHS = (50, 100, 200, 400, 800, 1600)
"""characters of a question at which its length is counted"""
_NAMES = (*(f"up to {limit}" for limit in _LENGTHS), f"over {_LENGTHS[-1]}")


@dataclass
class Tally:
    """Counts of samples by what they are."""

    samples: int = 0
    by_modality: Counter[str] = field(default_factory=Counter)
    by_type: Counter[str] = field(default_factory=Counter)
    by_source: Counter[str] = field(default_factory=Counter)
    by_label: Counter[str] = field(default_factory=Counter)
    by_licence: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    option_counts: Counter[int] = field(default_factory=Counter)
    lengths: Counter[str] = field(default_factory=Counter)
    parts: int = 0
    several: int = 0
    traces: int = 0
    counterfactuals: int = 0
    pass_rates: Counter[str] = field(default_factory=Counter)
    files: set[int] = field(default_factory=set)

    def add(self, sample: Sample) -> None:
        """Count a sample."""
        self.samples += 1
        self.by_modality[sample.modality.value] += 1
        self.by_type[sample.problem_type.value] += 1
        self.by_source[sample.source or "(none)"] += 1
        if sample.task_type is not None:
            self.by_label[sample.task_type.value] += 1
        self.by_licence[sample.licence or "(not stated)"] += 1
        if sample.options:
            self.option_counts[len(sample.options)] += 1
            self.answers[sample.solution.partition(" ")[0]] += 1
        self.lengths[_NAMES[bisect_left(_LENGTHS, len(sample.question))]] += 1
        self.parts += sample.start is not None or sample.end is not None
        self.several += len(sample.media) > 1
        self.traces += sample.trace is not None
        self.counterfactuals += sample.counterfactual_solution is not None
        if sample.pass_rate is not None:
            self.pass_rates[f"{sample.pass_rate:.3f}".rstrip("0").rstrip(".")] += 1
        if sample.media:
            self.files.update(hash(medium.path) for medium in sample.media)
        elif sample.video:
            self.files.add(hash(sample.video))

    def as_json(self) -> dict[str, Any]:
        """Return all counts, the most frequent first where no other order is natural."""
        return {
            "samples": self.samples,
            "media_files": len(self.files),
            "by_modality": dict(self.by_modality.most_common()),
            "by_type": dict(self.by_type.most_common()),
            "by_source": dict(self.by_source.most_common()),
            "by_task_type": dict(self.by_label.most_common()),
            "by_licence": dict(self.by_licence.most_common()),
            "answers": dict(sorted(self.answers.items())),
            "options": {str(count): self.option_counts[count] for count in sorted(self.option_counts)},
            "question_characters": {name: self.lengths[name] for name in _NAMES if self.lengths[name]},
            "parts_of_videos": self.parts,
            "several_media": self.several,
            "traces": self.traces,
            "counterfactuals_known": self.counterfactuals,
            "pass_rates": dict(sorted(self.pass_rates.items(), key=lambda one: float(one[0]))),
        }


def tally_of(samples: Iterable[Sample]) -> Tally:
    """Return the counts of all samples."""
    tally = Tally()
    for sample in samples:
        tally.add(sample)
    return tally
