"""The shortcut laboratory over several seeds: `retroflip demo` for each, then one table with a paired interval.

    python benchmarks/laboratory.py --seeds 0 1 2 3 4 --out runs/laboratory

Seeds that are already there are not run again. Prints JSON, and a Markdown table with --markdown.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from retroflip.bench.stats import seed_difference

METHODS = ("base", "grpo", "crpo")
RATES = ("acc", "p_acc", "same_answer_rate", "unparsed_rate")
HANDICAPS = ("text_only", "single_frame", "shuffled_frames")


def run_demo(out: Path, seed: int) -> dict[str, Any]:
    """Return the summary of the demo with this seed, running it unless it is there."""
    if not (out / "summary.json").exists():
        command = [sys.executable, "-m", "retroflip", "demo", "--out", str(out), "--seed", str(seed)]
        subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603 - this project's own command
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text())
    return summary


def row(seed: int, summary: dict[str, Any]) -> dict[str, Any]:
    """Return what the table shows of one seed."""
    methods = summary["methods"]
    values = {name: {rate: methods[name][rate] for rate in RATES} for name in METHODS}
    for name in METHODS:
        values[name] |= {handicap: methods[name]["controls"][handicap]["p_acc"] for handicap in HANDICAPS}
    return {"seed": seed, "chance_p_acc": methods["base"]["chance"]["p_acc"], "methods": values}


def study(out: Path, seeds: list[int]) -> dict[str, Any]:
    """Run all seeds and compare CRPO with GRPO seed by seed."""
    rows = [row(seed, run_demo(out / f"seed-{seed}", seed)) for seed in seeds]
    p_acc = {name: [r["methods"][name]["p_acc"] for r in rows] for name in METHODS}
    difference = seed_difference(p_acc["grpo"], p_acc["crpo"])
    means = {
        name: {rate: sum(r["methods"][name][rate] for r in rows) / len(rows) for rate in (*RATES, *HANDICAPS)}
        for name in METHODS
    }
    return {
        "command": f"python benchmarks/laboratory.py --seeds {' '.join(map(str, seeds))}",
        "seeds": rows,
        "means": means,
        "chance_p_acc": sum(r["chance_p_acc"] for r in rows) / len(rows),
        "crpo_minus_grpo_p_acc": {"mean": difference.mean, "ci": difference.interval, "n": difference.n},
    }


def markdown(result: dict[str, Any]) -> str:
    """Return the table for docs/results."""
    names = (
        "Acc",
        "P-Acc",
        "same answer",
        "unparsed",
        "P-Acc text only",
        "P-Acc single frame",
        "P-Acc shuffled",
    )
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
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table instead of JSON")
    arguments = parser.parse_args()
    result = study(arguments.out, arguments.seeds)
    print(markdown(result) if arguments.markdown else json.dumps(result, indent=2))  # noqa: T201 - its result


if __name__ == "__main__":
    main()
