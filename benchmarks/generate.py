"""The memory that `retroflip generate` takes at most, by the number of questions, and its speed by processes, on a CPU.

    python benchmarks/generate.py [--questions 2000 20000] [--processes 1 2] [--controls full,text_only,oracle]

Each line is a run of the command line with the embedded model in a process of its own, whose largest resident size the
system reports: questions of different words, twenty about each of as many small clips as that takes, with the whole
video and without it, answers of one token. Prints Markdown.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from retroflip.video.encode import encode

MIB = 2**20
EACH = 20
"""questions about a clip"""
COMMAND = [sys.executable, "-m", "retroflip", "generate", "--model", "retroflip-tiny", "--frames", "2"]
COMMAND += ["--max-tokens", "1", "--json"]


def write_data(folder: Path, questions: int) -> Path:
    """Write so many questions, and their clips unless they are there; return the file."""
    clip = folder / "clip.mp4"
    if not clip.exists():
        encode(clip, np.full((4, 3, 32, 32), 80, dtype=np.uint8), 4)
    for number in range(-(-questions // EACH)):
        if not (path := folder / f"{number}.mp4").exists():
            path.write_bytes(clip.read_bytes())
    file = folder / f"{questions}.jsonl"
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(record) + "\n" for record in _records(questions))
    return file


def _records(questions: int) -> Iterator[dict[str, Any]]:
    for number in range(questions):
        yield {
            "problem_id": f"q{number}",
            "problem": f"Which way does object number {number} of this scene move, in the end?",
            "data_type": "video",
            "problem_type": "multiple choice",
            "options": ["A. left", "B. right"],
            "solution": "<answer>A</answer>",
            "path": f"./{number // EACH}.mp4",
            "task": "direction",
            "source_clip": f"clip{number // EACH}",
        }


def measured(data: Path, out: Path, controls: str, processes: int) -> tuple[float, int]:
    """Run the command; return its seconds and the largest resident size of one of its processes, in bytes."""
    started = time.perf_counter()
    command = [*COMMAND, "--data", str(data), "--out", str(out)]
    command += ["--controls", controls, "--processes", str(processes)]
    child = subprocess.Popen(  # noqa: S603 - our own command
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"the command failed: {' '.join(command)}")
    return time.perf_counter() - started, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, nargs="+", default=[2000, 20000])
    parser.add_argument("--processes", type=int, nargs="+", default=[1])
    parser.add_argument("--controls", default="full,text_only,oracle")
    arguments = parser.parse_args()
    print("| questions | processes | seconds | peak, MiB |\n| ---: | ---: | ---: | ---: |")  # noqa: T201 - its result
    with tempfile.TemporaryDirectory() as folder:
        for questions in arguments.questions:
            data = write_data(Path(folder), questions)
            for processes in arguments.processes:
                out = Path(folder) / f"{questions}-{processes}"
                seconds, peak = measured(data, out, arguments.controls, processes)
                row = f"| {questions:,} | {processes} | {seconds:.0f} | {peak / MIB:.0f} |"
                print(row, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
