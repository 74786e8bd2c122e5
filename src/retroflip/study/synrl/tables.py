"""The SynRL study's numbers as one JSON object and as Markdown: the training table of every course."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from retroflip.bench.records import Control
from retroflip.study import document as arms_document
from retroflip.study.cells import State
from retroflip.study.compare import Verdict
from retroflip.study.document import SCHEMA, Cells
from retroflip.study.markdown import cell_text, failures, headline, mean, papers, table, verdicts
from retroflip.study.synrl.arms import LABELS, PLANS, Course, is_labelled


def answer_measures(scores: Mapping[str, Any]) -> dict[str, float | None]:
    """Return accuracy from an arm's scores: of all, by kind ("kind/direction") and by label ("label/spatial").

    A label's is the mean of its kinds'; one that no kind here has is left out.
    """
    by_kind = {kind: found["acc"] for kind, found in scores["tasks"].items()}
    by_label = {
        label: [by_kind[kind] for kind in by_kind if is_labelled(kind, LABELS[label])] for label in LABELS
    }
    return {
        "acc": scores["acc"],
        "p_acc": scores["p_acc"],
        "unparsed_rate": scores["unparsed_rate"],
        "single_frame_acc": scores["controls"][Control.SINGLE_FRAME.value]["acc"],
        "chance_acc": scores["chance"]["acc"],
        **{f"kind/{kind}": rate for kind, rate in by_kind.items()},
        **{f"chance/{kind}": found["chance"]["acc"] for kind, found in scores["tasks"].items()},
        **{f"label/{label}": fmean(rates) for label, rates in by_label.items() if rates},
    }


def document(cells: Cells, settings: Mapping[str, Any], seeds: Sequence[int]) -> dict[str, Any]:
    """Return study.json: a document like that of other studies for each course."""
    courses = [
        {
            "course": course.name,
            "kinds": list(course.kinds),
            "frames": course.frames,
            **arms_document.document(
                plan, {arm.name: cells[arm.name] for arm in plan.arms}, {}, settings, seeds
            ),
        }
        for course, plan in PLANS.items()
    ]
    states, found = Counter[str](), Counter[str]()
    for one in courses:
        states.update(one["cells"])
        found.update(one["verdicts"])
    return {
        "schema": SCHEMA,
        "study": "synrl",
        "settings": dict(settings),
        "seeds": list(seeds),
        "cells": {state.value: states[state.value] for state in State},
        "courses": courses,
        "verdicts": {verdict.value: found[verdict.value] for verdict in Verdict},
    }


def markdown(study: dict[str, Any]) -> str:
    """Return study.md from study.json."""
    parts = [_head(study)]
    for course, found in zip(PLANS, study["courses"], strict=True):
        parts += [
            f"## The course `{course.name}`",
            _about(course, study["settings"]["amounts"][course.name]),
            _results(course, found),
            *failures(found["arms"]),
        ]
    parts += ["## Order in the paper", verdicts(study["verdicts"])]
    parts += [text for found in study["courses"] for text in papers(found)]
    return "\n\n".join(parts) + "\n"


def _head(study: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in study["cells"].items())
    return f"""# SynRL's stages on the embedded model

Seeds {", ".join(map(str, study["seeds"]))}; of {sum(study["cells"].values())} runs {counts}.

Rates are in per cent, differences in points. [a, b] is the 95 % interval over seeds (Student's t), of a difference \
paired by seed. With three seeds an interval reaches 2.5 standard deviations of the seeds to either side, so only \
large effects can be told from none. Accuracy is over held-out pairs of videos, every kind equally often."""


def _about(course: Course, amount: Mapping[str, int]) -> str:
    return (
        f"Kinds: {', '.join(course.kinds)}; {course.frames} frames of a video. The start: {amount['start_steps']} "
        f"steps of guessed answers. SFT: {amount['sft_steps']} steps of 16 lessons, each of a new video. RL: "
        f"{amount['rl_steps']} steps of 16 questions, 8 rollouts each, the accuracy reward alone; the second round "
        f"{amount['round2_steps']}. Held out: {course.per_kind(amount['test_pairs'])} pairs a kind."
    )


def _results(course: Course, found: dict[str, Any]) -> str:
    labels = [label for label in LABELS if any(is_labelled(kind, LABELS[label]) for kind in course.kinds)]
    measures = [*(f"kind/{kind}" for kind in course.kinds), *(f"label/{label}" for label in labels)]
    measures = measures if len(labels) == len(LABELS) else measures[: len(course.kinds)]
    header = (
        "arm",
        "what it is",
        "accuracy",
        "by seed",
        f"minus {found['baseline']}",
        *(measure.partition("/")[2] for measure in measures),
        "both of a pair",
        "unparsed",
        "of a single frame",
        "chance",
    )
    return table(header, [_result(arm, measures) for arm in found["arms"]])


def _result(arm: dict[str, Any], measures: Sequence[str]) -> tuple[str, ...]:
    rate, against, _ = headline(arm, "acc")
    return (
        f"`{arm['name']}`",
        arm["title"],
        rate,
        " ".join(cell_text(cell, "acc") for cell in arm["cells"].values()),
        against,
        *(
            mean(arm, measure, percent=True)
            for measure in (*measures, "p_acc", "unparsed_rate", "single_frame_acc", "chance_acc")
        ),
    )
