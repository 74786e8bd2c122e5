"""The curves on the pages of docs/methods: each method's run on the laboratory beside GRPO's and CRPO's.

    retroflip study methods --seeds 0 --arms base,grpo,crpo,dr_grpo,t_grpo,arrow_rl,strive,st_dr_grpo --out runs/methods
    python benchmarks/curves.py runs/methods/seed-0 docs/pictures/curves

and, for the page whose questions are about spans, with the runs that docs/methods/arrowgev.md names

    python benchmarks/curves.py runs/spans docs/pictures/curves --only arrowgev

and likewise runs/stages for `--only synrl`, by docs/methods/synrl.md.

A folder in RUNS is a run of the method that it is named after. A picture whose runs are not all there is left out,
and that is told.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.metrics.base import Measure
from retroflip.bench.metrics.training import (
    BEHAVIOUR,
    CORRECT,
    CORRECT_ON_VIDEO,
    RELATION,
    RELATION_ON_COUNTERFACTUAL,
    REWARD_SPREAD,
    ZERO_ADVANTAGE,
    Rows,
)
from retroflip.files.storage import read_json_object, read_jsonl, write_bytes_atomic
from retroflip.report.figures import Panel, drawn_panel, rendered, together

ACROSS = 2
"""panels in a row, so that a page shows their words nearly at their own size"""
SAME = tuple(
    Measure(f"same_answer/{branch}", "same answer", "Same answer")
    for branch in ("counterfactual", "shuffled", "reversed", "variant2")
)
"""of the first view and the second, of which each method has its own and GRPO none"""
USUAL = (
    Panel("Correctness", (CORRECT,)),
    Panel("Same answer on the second view", SAME),
    Panel("Groups without a signal", (ZERO_ADVANTAGE,)),
    Panel("Reward spread", (REWARD_SPREAD,)),
)
TERMS = (
    Panel("Correct, original", (CORRECT_ON_VIDEO,)),
    Panel("CRR, original", (RELATION,)),
    Panel("Behaviour, counterfactual", (BEHAVIOUR,)),
    Panel("CRR, counterfactual", (RELATION_ON_COUNTERFACTUAL,)),
)
SPANS = (
    Panel("Overlap with the right span", (CORRECT_ON_VIDEO,)),
    Panel("Reward for time's direction", (Measure("reward/original/temporal", "", "", share=False),)),
    Panel("Unread answers", (Measure("unparsed/original", "", ""),)),
    Panel("Reward spread", (REWARD_SPREAD,)),
)
"""without groups that have no signal, of which there was none, and equal answers, which spans hardly ever are"""


WITHOUT_A_SECOND_VIEW = tuple(panel for panel in USUAL if panel.measures != SAME)


class Picture(NamedTuple):
    """What a picture shows: these runs, in the order of their colours, in these panels."""

    runs: tuple[str, ...]
    panels: tuple[Panel, ...] = USUAL


PICTURES: Mapping[str, Picture] = {
    "crpo": Picture(("grpo", "crpo")),
    "crpo_rewards": Picture(("crpo",), TERMS),
    "dr_grpo": Picture(("grpo", "crpo", "dr_grpo")),
    "t_grpo": Picture(("grpo", "crpo", "t_grpo")),
    "arrow_rl": Picture(("grpo", "crpo", "arrow_rl")),
    "strive": Picture(("grpo", "crpo", "strive")),
    "st_dr_grpo": Picture(("grpo", "dr_grpo", "st_dr_grpo")),
    "synrl": Picture(("rl_after_40", "rl_after_300"), WITHOUT_A_SECOND_VIEW),
    "arrowgev": Picture(("grpo", "crpo", "arrowgev"), SPANS),
}


def picture(folder: Path, one: Picture) -> bytes:
    """Return a picture as SVG. Panels that no run has logged anything for are left out."""
    rows: dict[str, Rows] = {name: read_jsonl(folder / name / "metrics.jsonl") for name in one.runs}
    settings: dict[str, dict[str, Any]] = {
        name: read_json_object(folder / name / "run.json") for name in one.runs
    }
    lines = together(rows, settings)
    drawn = [drawn_panel(panel, rows, lines) for panel in one.panels]
    return rendered([panel for panel in drawn if panel is not None], "svg", ACROSS)


def main() -> None:
    """Write the pictures for which there are runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", help="pictures by name, with commas between", default=",".join(PICTURES))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in asked.only.split(","):
        lacking = [run for run in PICTURES[name].runs if not (asked.runs / run / "metrics.jsonl").is_file()]
        if lacking:
            sys.stdout.write(f"{name}: no run {', '.join(lacking)} in {asked.runs}\n")
            continue
        write_bytes_atomic(asked.out / f"{name}.svg", picture(asked.runs, PICTURES[name]))


if __name__ == "__main__":
    main()
