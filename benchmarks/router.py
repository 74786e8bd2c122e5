"""How far the Task Router's rules agree with people, and how many questions they route a second on one core.

    python benchmarks/router.py [--tempcompass FOLDER] [--json]

The questions (tests/data/router) are in the manner of real benchmarks: the errors in tuned.jsonl were looked at while
the rules were written, those in apart.jsonl never. The time is that of the process, the best of several rounds over all
questions, reading their texts included.

FOLDER holds TempCompass's questions (multi-choice.json, yes_no.json). Where a clip and its reversal (`<id>_reverse`)
are asked the same and the answers differ, playing backwards did change the answer: of how many of these the rules say
so needs no label by people.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from retroflip.router.check import check, read_labelled
from retroflip.router.reading import Asked
from retroflip.router.rules import decide, decide_sample

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "router"
SETS = ("tuned", "apart")
MEASURES = ("accuracy", "reweighted", "macro_f1", "kappa")
ROUNDS = 200


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


def reversals_found(folder: Path, form: str) -> tuple[int, int]:
    """Return of how many questions the rules say that reversal changes the answer, and how many it does change."""
    clips = json.loads((folder / f"{form}.json").read_text(encoding="utf-8"))
    asked = {
        (clip, row["question"]): row["answer"]
        for clip, aspects in clips.items()
        for rows in aspects.values()
        for row in rows
    }
    found = []
    for (clip, question), answer in asked.items():
        other = asked.get((f"{clip}_reverse", question), answer)
        if other != answer:
            found += [decide(_asked(question, one)).reversal.changes for one in (answer, other)]
    return sum(found), len(found)


def _asked(question: str, answer: str) -> Asked:
    """Return a question whose options stand in its text, a line each with a letter."""
    stem, *lines = question.split("\n")
    options = [line.strip().partition(". ")[2] for line in lines if line.strip()]
    text = answer.partition(". ")[2] if options else answer
    return Asked(stem, options, text, options.index(text) if text in options else None)


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tempcompass", type=Path, metavar="FOLDER")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found: dict[str, Any] = {
        name: check(FOLDER / f"{name}.jsonl", lambda sample: decide_sample(sample).label) for name in SETS
    }
    speed = questions_a_second()
    forms = ("multi-choice", "yes_no") if asked.tempcompass else ()
    reversals = {form: reversals_found(asked.tempcompass, form) for form in forms}
    if asked.json:
        json.dump({**found, "reversals_found": reversals, "questions_a_second": speed}, sys.stdout, indent=1)
        return
    lines = [f"| questions | cases | {' | '.join(MEASURES)} |", "| --- " * (2 + len(MEASURES)) + "|"]
    for name, one in found.items():
        lines.append(f"| {name} | {one['cases']} | {' | '.join(f'{one[key]:.3f}' for key in MEASURES)} |")
    lines += [
        f"TempCompass, {form}: {part} of {total} reversals found" for form, (part, total) in reversals.items()
    ]
    sys.stdout.write("\n".join([*lines, "", f"{speed:.0f} questions a second on one core", ""]))


if __name__ == "__main__":
    main()
