"""The shortcut laboratory over several seeds: the demo for each, then one table with a paired interval.

    python benchmarks/laboratory.py --seeds 0 1 2 3 4 --out runs/laboratory
    python benchmarks/laboratory.py --seeds 0 --out runs/large-motions --set strength=1.0

Seeds that are already there with the same settings are not run again. Prints JSON, or a Markdown table with --markdown.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from retroflip.bench.metrics import metrics_of
from retroflip.bench.metrics.base import ANSWERS
from retroflip.cli.quiet import quiet
from retroflip.cli.terminal import shown_progress
from retroflip.errors import RetroflipError, RunDirectoryError

METHODS = ("base", "grpo", "crpo")
RATES = {metric.key: metric.label for metric in metrics_of(ANSWERS)}
HANDICAPS = ("text_only", "single_frame", "shuffled_frames")


def summary_of(out: Path, seed: int, laboratory: dict[str, float]) -> dict[str, Any]:
    """Return the summary of the demo with this seed, running it unless it is there.

    Raises RunDirectoryError when the one there is of another laboratory, and as `run_demo` does.
    """
    from retroflip.files.storage import jsonable
    from retroflip.study.demo import run_demo
    from retroflip.study.stages import FULL, lab_settings

    file = out / "summary.json"
    if not file.exists():
        with shown_progress() as progress:
            run_demo(out, seed=seed, quick=False, progress=progress, laboratory=laboratory)
    summary: dict[str, Any] = json.loads(file.read_text())
    check_same(out, laboratory_of(out, summary), jsonable(lab_settings(FULL, seed, laboratory).model_dump()))
    return summary


def laboratory_of(out: Path, summary: dict[str, Any]) -> dict[str, Any]:
    """Return the laboratory's settings, which a summary without them leaves to the description of its videos."""
    stored = summary["settings"].get("laboratory")
    return dict(stored or json.loads((out / "data" / "pairs" / "dataset.json").read_text()))


def check_same(out: Path, there: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise RunDirectoryError, naming what differs, when a demo was made with other settings than these."""
    differing = [
        f"{name} (was {there.get(name)}, now {value})"
        for name, value in wanted.items()
        if there.get(name) != value
    ]
    if differing:
        raise RunDirectoryError(
            f"{out} holds a demo of another laboratory; it differs in {'; '.join(differing)}. Name another folder with "
            "--out, or give the settings it was made with (settings.laboratory in its summary.json)."
        )


def row(seed: int, summary: dict[str, Any]) -> dict[str, Any]:
    """Return what the table shows of one seed."""
    methods = summary["methods"]
    values = {name: {rate: methods[name][rate] for rate in RATES} for name in METHODS}
    for name in METHODS:
        values[name] |= {handicap: methods[name]["controls"][handicap]["p_acc"] for handicap in HANDICAPS}
    return {"seed": seed, "chance_p_acc": methods["base"]["chance"]["p_acc"], "methods": values}


def study(out: Path, seeds: list[int], laboratory: dict[str, float]) -> dict[str, Any]:
    """Run all seeds and compare CRPO with GRPO seed by seed."""
    from retroflip.bench.stats import seed_difference

    rows = [row(seed, summary_of(out / f"seed-{seed}", seed, laboratory)) for seed in seeds]
    p_acc = {name: [r["methods"][name]["p_acc"] for r in rows] for name in METHODS}
    difference = seed_difference(p_acc["grpo"], p_acc["crpo"])
    means = {
        name: {rate: sum(r["methods"][name][rate] for r in rows) / len(rows) for rate in (*RATES, *HANDICAPS)}
        for name in METHODS
    }
    return {
        "laboratory": laboratory,
        "seeds": rows,
        "means": means,
        "chance_p_acc": sum(r["chance_p_acc"] for r in rows) / len(rows),
        "crpo_minus_grpo_p_acc": {"mean": difference.mean, "ci": difference.interval, "n": difference.n},
    }


def markdown(result: dict[str, Any]) -> str:
    """Return the table for docs/results."""
    names = (*RATES.values(), *(f"P-Acc {handicap.replace('_', ' ')}" for handicap in HANDICAPS))
    lines = ["| seed | model | " + " | ".join(names) + " |", "| --- | --- |" + " ---: |" * len(names)]
    means = {"seed": "mean", "methods": result["means"]}
    for entry in [*result["seeds"], means]:
        for name in METHODS:
            cells = [f"{100 * entry['methods'][name][rate]:.1f}" for rate in (*RATES, *HANDICAPS)]
            lines.append(f"| {entry['seed']} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=Path("runs/laboratory"))
    parser.add_argument(
        "--set",
        nargs="*",
        default=[],
        metavar="NAME=NUMBER",
        help="settings of the laboratory other than the demo's: strength, cue_validity, lazy_share, static_share",
    )
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table instead of JSON")
    arguments = parser.parse_args()
    laboratory = {name: float(value) for name, value in (pair.split("=") for pair in arguments.set)}
    quiet("retroflip-tiny")
    try:
        result = study(arguments.out, arguments.seeds, laboratory)
    except RetroflipError as error:
        sys.exit(f"Error: {error}")
    print(markdown(result) if arguments.markdown else json.dumps(result, indent=2))  # noqa: T201 - its result


if __name__ == "__main__":
    main()
