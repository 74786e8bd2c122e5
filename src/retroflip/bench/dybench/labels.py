"""Raters' verdicts on pairs, and how far raters agree.

A row of labels.jsonl, one verdict of one rater on one pair:

    {"rater": "anna", "pair": "ssv2-74225", "verdict": "accept", "criteria": {"static": true, "minimal": true,
     "unambiguous": true}, "note": ""}

`verdict` is accept or reject. `criteria` are CRPO's three (appendix A.2, quality control): both sides hold the same
static content, nothing else of time differs, both answers are right beyond doubt; a rater may leave some out. A rater's
later row on a pair takes the place of an earlier one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retroflip.data.agreement import Counts, accuracy, fleiss_kappa, kappa, krippendorff_alpha
from retroflip.errors import DataError, first_fault
from retroflip.files.storage import read_jsonl

CRITERIA = ("static", "minimal", "unambiguous")
VERDICTS = ("accept", "reject")


class Label(BaseModel):
    """One verdict."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    rater: str = Field(min_length=1)
    pair: str = Field(min_length=1)
    verdict: Literal["accept", "reject"]
    criteria: dict[Literal["static", "minimal", "unambiguous"], bool] = {}
    note: str = ""


class Rule(StrEnum):
    """When a pair is kept."""

    MAJORITY = "majority"
    """more raters accept it than reject it"""
    UNANIMOUS = "unanimous"


@dataclass(frozen=True)
class Labels:
    """The last verdict of every rater on every pair. replaced: how many earlier ones there were."""

    by_pair: Mapping[str, Mapping[str, Label]]
    replaced: int

    @property
    def raters(self) -> list[str]:
        """All raters, in the order of their names."""
        return sorted({rater for given in self.by_pair.values() for rater in given})

    def accepted(self, pair: str, rule: Rule, least: int) -> bool | None:
        """Return whether a pair is kept; None where fewer than `least` raters saw it."""
        given = self.by_pair.get(pair, {})
        if len(given) < max(1, least):
            return None
        for_it = sum(one.verdict == "accept" for one in given.values())
        return for_it == len(given) if rule is Rule.UNANIMOUS else 2 * for_it > len(given)


def read_labels(path: Path) -> Labels:
    """Read a file of verdicts. Raises DataError, with the row, for one that is none."""
    try:
        rows = read_jsonl(path, torn=False)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error
    by_pair: dict[str, dict[str, Label]] = {}
    replaced = 0
    for number, row in enumerate(rows, start=1):
        try:
            label = Label.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            raise DataError(
                f"{path}, row {number}: {'.'.join(map(str, first['loc']))}: {first_fault(error)}. A row is a verdict: "
                '{"rater": "anna", "pair": "...", "verdict": "accept" or "reject", "criteria": {...}}.'
            ) from error
        given = by_pair.setdefault(label.pair, {})
        replaced += label.rater in given
        given[label.rater] = label
    return Labels(by_pair, replaced)


def agreement(labels: Labels, clips: Mapping[str, str]) -> dict[str, Any]:
    """Return how far raters agree on verdicts, and on each criterion. clips: the recording of each pair."""
    known = {pair: given for pair, given in labels.by_pair.items() if pair in clips}
    verdicts = {
        pair: {rater: int(one.verdict == "reject") for rater, one in given.items()}
        for pair, given in known.items()
    }
    criteria = {
        name: {
            pair: {rater: int(one.criteria[name]) for rater, one in given.items() if name in one.criteria}
            for pair, given in known.items()
        }
        for name in CRITERIA
    }
    return {
        "raters": labels.raters,
        "labels": sum(map(len, known.values())),
        "pairs": len(known),
        "pairs_by_raters": dict(sorted(Counter(len(given) for given in known.values()).items())),
        "verdict": _agreement(verdicts, clips),
        "criteria": {name: _agreement(given, clips) for name, given in criteria.items()},
    }


def _agreement(given: Mapping[str, Mapping[str, int]], clips: Mapping[str, str]) -> dict[str, Any]:
    counts_UL = np.array(
        [[list(one.values()).count(label) for label in (0, 1)] for one in given.values()], dtype=np.int64
    ).reshape(-1, 2)
    alpha = krippendorff_alpha(counts_UL, [clips[pair] for pair in given])
    return {
        "krippendorff_alpha": alpha.value,
        "interval": None if alpha.value is None else [alpha.low, alpha.high],
        "pairs": alpha.units,
        "fleiss_kappa": fleiss_kappa(counts_UL[counts_UL.sum(axis=1) > 0]),
        "cohen_kappa": _by_two(list(given.values())),
    }


def _by_two(given: Sequence[Mapping[str, int]]) -> list[dict[str, Any]]:
    """Return Cohen's kappa of every two raters who saw the same pairs."""
    raters = sorted({rater for one in given for rater in one})
    found = []
    for first, second in combinations(raters, 2):
        both = [(one[first], one[second]) for one in given if first in one and second in one]
        if both:
            counts_LL: Counts = np.zeros((2, 2), dtype=np.int64)
            for one, other in both:
                counts_LL[one, other] += 1
            found.append(
                {
                    "raters": [first, second],
                    "pairs": len(both),
                    "kappa": kappa(counts_LL),
                    "agree": accuracy(counts_LL),
                }
            )
    return found
