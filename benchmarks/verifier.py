"""How many true traces the verifier of `retroflip cot` refuses, and how many false ones pass.

    python benchmarks/verifier.py [--text-alone] [--json]

The traces (tests/data/traces) are free English with claims, written by hand before the verifier read them; all but
tuned.yaml say what it made of them at the first reading. --text-alone leaves the claims out.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from retroflip.cot.verify import Report, verify
from retroflip.synth.corpus import sample_from

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "traces"
SETS = (
    "tuned", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth",
    "nineteenth", "twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth", "twenty-fifth",
    "twenty-sixth", "twenty-seventh", "twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first",
    "thirty-second", "thirty-third", "thirty-fourth", "thirty-fifth", "thirty-sixth", "thirty-seventh",
    "thirty-eighth", "thirty-ninth", "fortieth", "forty-first", "forty-second", "forty-third", "forty-fourth",
    "forty-fifth", "forty-sixth", "forty-seventh", "forty-eighth", "forty-ninth", "fiftieth", "fifty-first",
    "fifty-second", "fifty-third", "fifty-fourth", "fifty-fifth",
    "fifty-sixth", "fifty-seventh", "fifty-eighth", "fifty-ninth",
)  # fmt: skip


class Case(NamedTuple):
    """A trace, its claims, and whether it is true. name: of its video, and what was spoilt."""

    name: str
    is_true: bool
    metadata: dict[str, Any]
    trace: str
    claims: list[Any]

    def report(self, *, text_alone: bool) -> Report:
        """Return what the verifier finds."""
        claims = None if text_alone else self.claims
        return verify(self.trace, self.metadata, sample_from(self.metadata), claims=claims)


def cases(name: str) -> Iterator[Case]:
    """Return the true traces of a set and what edits make of them. Raises ValueError where one changes nothing."""
    videos = json.loads((FOLDER / "videos.json").read_text())
    for key, told in yaml.safe_load((FOLDER / f"{name}.yaml").read_text()).items():
        video = told.get("of", key)
        metadata = videos.get(f"{name}/{video}") or videos[video]
        think, box = told["think"].strip(), metadata["question"]["answer"]
        yield Case(key, True, metadata, _trace(think, box), told["claims"])
        for what, edits in told["spoilt"].items():
            text, claims = think, list(told["claims"])
            for old, new in edits.get("text", []):
                text = text.replace(" ".join(old.split()), " ".join(new.split()))
            for old, new, at in edits.get("claims", []):
                claims[at] = json.loads(json.dumps(claims[at]).replace(_bare(old), _bare(new)))
            claims = [claim for at, claim in enumerate(claims) if at not in edits.get("drop", [])]
            if (text, claims) == (think, told["claims"]):
                raise ValueError(f"{key}, {what}: nothing is edited")
            yield Case(f"{key}: {what}", False, metadata, _trace(text, box), claims)


def _trace(think: str, box: str) -> str:
    return f"<think>{think}</think>\n\\boxed{{{box}}}"


def _bare(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def measured(name: str, *, text_alone: bool) -> dict[str, Any]:
    """Return what passes and what is refused of a set, by name."""
    found = [(case, case.report(text_alone=text_alone)) for case in cases(name)]
    return {
        "true": sum(case.is_true for case, _ in found),
        "false": sum(not case.is_true for case, _ in found),
        "true_refused": {
            case.name: report.problems[0].sentence
            for case, report in found
            if case.is_true and report.problems
        },
        "false_passed": [case.name for case, report in found if not case.is_true and report.is_true],
    }


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text-alone", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = {name: measured(name, text_alone=asked.text_alone) for name in SETS}
    if asked.json:
        json.dump(found, sys.stdout, indent=1)
        return
    lines = ["| traces | true ones refused | false ones passed |\n| --- | --- | --- |"]
    for name, one in found.items():
        refused, passed = len(one["true_refused"]), len(one["false_passed"])
        lines.append(f"| {name} | {refused} of {one['true']} | {passed} of {one['false']} |")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
