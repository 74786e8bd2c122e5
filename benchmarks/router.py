"""How far the Task Router's rules agree with people, and how many questions they route a second on one core.

    python benchmarks/router.py [--json]

The questions (tests/data/router) are in the manner of real benchmarks: the errors in tuned.jsonl were looked at while
the rules were written, those in apart.jsonl never. The time is that of the process, the best of several rounds over all
questions, reading their texts included.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from retroflip.router.check import check, read_labelled
from retroflip.router.rules import decide_sample

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "router"
SETS = ("tuned", "apart")
MEASURES = ("accuracy", "reweighted", "macro_f1", "kappa")
ROUNDS = 20


def questions_a_second() -> float:
    """Return how many questions are routed in a second of process time."""
    samples = [one.sample for name in SETS for one in read_labelled(FOLDER / f"{name}.jsonl")]
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for sample in samples:
            decide_sample(sample)
        seconds.append(time.process_time() - began)
    return len(samples) / min(seconds)


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found: dict[str, Any] = {
        name: check(FOLDER / f"{name}.jsonl", lambda sample: decide_sample(sample).label) for name in SETS
    }
    speed = questions_a_second()
    if asked.json:
        json.dump({**found, "questions_a_second": speed}, sys.stdout, indent=1)
        return
    lines = [f"| questions | cases | {' | '.join(MEASURES)} |", "| --- " * (2 + len(MEASURES)) + "|"]
    for name, one in found.items():
        lines.append(f"| {name} | {one['cases']} | {' | '.join(f'{one[key]:.3f}' for key in MEASURES)} |")
    sys.stdout.write("\n".join([*lines, "", f"{speed:.0f} questions a second on one core", ""]))


if __name__ == "__main__":
    main()
