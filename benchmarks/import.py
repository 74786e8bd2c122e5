"""How fast a published training set is imported, and in how much memory: Video-R1-260k in its real form, made here.

    python benchmarks/import.py --rows 263071 --out result.json

The rows have Video-R1-260k.json's keys, its shares of modalities and types (116,248 of videos, 146,823 of images;
168,769 of multiple choice, 38,722 free-form, 34,354 numerical, 15,886 of OCR, 5,340 of regression) and questions of its
lengths, in one JSON array. The import runs in a process of its own, whose time and largest memory are measured.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROWS = 263_071
_TYPES = {
    "multiple choice": 168_769,
    "free-form": 38_722,
    "numerical": 34_354,
    "OCR": 15_886,
    "regression": 5_340,
}
_VIDEOS = 116_248
_WORDS = tuple(
    "the person who wears a red shirt moves one of these boxes from left to right before another object enters in "  # noqa: SIM905
    "front of table while camera turns and then stops what happens next which statement best describes it".split()
)


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Yield records as those of Video-R1-260k.json, each a function of its number."""
    rng = np.random.default_rng(0)
    kinds, shares = list(_TYPES), np.array(list(_TYPES.values())) / ROWS
    for number in range(count):
        kind = kinds[int(rng.choice(len(kinds), p=shares))]
        video = rng.random() < _VIDEOS / ROWS
        options = [f"{letter}. {_text(rng, 6)}" for letter in "ABCD"] if kind == "multiple choice" else []
        answer = {
            "multiple choice": "ABCD"[int(rng.integers(4))],
            "numerical": str(int(rng.integers(100))),
            "regression": f"{rng.random() * 10:.2f}",
        }.get(kind) or _text(rng, 3)
        folder = "LLaVA-Video-178K/academic_source/Charades" if video else "Chart/ChartQA"
        yield {
            "problem_id": number,
            "problem": _text(rng, int(rng.integers(8, 60))) + "?",
            "data_type": "video" if video else "image",
            "problem_type": kind,
            "options": options,
            "solution": f"<answer>{answer}</answer>",
            "path": f"./{folder}/{number // 2}.{'mp4' if video else 'png'}",
            "data_source": folder.split("/")[0],
        }


def _text(rng: np.random.Generator, words: int) -> str:
    return " ".join(_WORDS[index] for index in rng.integers(len(_WORDS), size=words))


def write(path: Path, count: int) -> None:
    """Write the rows as one JSON array, as the data set is published."""
    with path.open("w", encoding="utf-8") as stream:
        for number, row in enumerate(rows(count)):
            stream.write(("[\n" if number == 0 else ",\n") + json.dumps(row, indent=4))
        stream.write("\n]\n")


def measure(source: Path, out: Path) -> dict[str, Any]:
    """Import the file in a process of its own and return its time and largest memory."""
    command = [
        sys.executable,
        "-m",
        "retroflip",
        "data",
        "import",
        "video-r1",
        str(source),
        "--out",
        str(out),
    ]
    began = time.perf_counter()
    done = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own program
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    counts = json.loads(done.stdout)
    return {
        "records": counts["samples"],
        "rejected": counts["rejected"],
        "megabytes_read": round(source.stat().st_size / 1e6, 1),
        "seconds": round(seconds, 1),
        "records_per_second": round(counts["samples"] / seconds),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_gib": round(used.ru_maxrss / 2**20, 3),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Make the file, import it, print what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--out", type=Path, default=None)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "Video-R1-260k.json"
        write(source, asked.rows)
        found = measure(source, Path(folder) / "video-r1.jsonl")
    text = json.dumps(found, indent=2)
    if asked.out is not None:
        asked.out.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
