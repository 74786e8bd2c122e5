"""The benchmark's questions through lmms-eval's own command line, in a process and an environment of its own.

Its class for Qwen3-VL reads a model's folder in bfloat16, whatever it was written in, and each question alone.
"""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from retroflip.data.prompts import user_text
from retroflip.data.sample import Sample
from retroflip.errors import RetroflipError

TASK = Path(__file__).with_name("lmms_task")
LONGEST = 3600.0
"""seconds that the process may take"""
MAX_PIXELS = 786_432
"""largest picture that its reader of videos leaves as it is"""


class NotRunError(RetroflipError):
    """lmms-eval did not answer all questions."""


class Seconds(NamedTuple):
    """What a round took: by the clock, and of processors."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Run:
    """How lmms-eval is started.

    environment: where it is installed. folder: holds the videos, and the model with its processor as `model`; written
    to. frames: of a video that are shown. min_pixels: smallest picture that stays as it is.
    """

    environment: Path
    folder: Path
    frames: int
    min_pixels: int
    max_tokens: int
    threads: int

    @property
    def command(self) -> list[str]:
        """The program and its arguments."""
        model = {
            "pretrained": self.folder / "model",
            "device_map": "cpu",
            "max_num_frames": self.frames,
            "min_pixels": self.min_pixels,
            "max_pixels": MAX_PIXELS,
        }
        options = {
            "model": "qwen3_vl",
            "model_args": _pairs(model),
            "gen_kwargs": _pairs({"max_new_tokens": self.max_tokens, "temperature": 0, "do_sample": False}),
            "device": "cpu",
            "batch_size": 1,
            "include_path": TASK,
            "tasks": "retroflip_benchmark",
        }
        python = self.environment.absolute() / "bin" / "python"
        given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return [str(python), "-I", "-m", "lmms_eval", "eval", *given]

    @property
    def variables(self) -> dict[str, str]:
        """The process's environment: nothing from outside, nothing kept behind the run."""
        own = {"HF_HOME": str(self.folder / "hub"), "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
        return os.environ | own | {"OMP_NUM_THREADS": str(self.threads)}


def seconds(run: Run, samples: Sequence[Sample]) -> Seconds:
    """Return what all samples but the one that it asks first take it, without its start and the model's loading.

    Raises NotRunError.
    """
    questions = [
        {"video": str(run.folder / one.video), "text": user_text(one), "answer": one.solution}
        for one in samples
    ]
    (run.folder / "questions.json").write_text(json.dumps(questions))
    try:
        process = subprocess.run(  # noqa: S603 - the environment is the caller's own
            run.command,
            cwd=run.folder,
            env=run.variables,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotRunError(str(error)) from error
    marks = run.folder / "marks.txt"
    found = between(marks.read_text() if marks.exists() else "", len(samples))
    if found is None:
        raise NotRunError((process.stderr.strip() or "it wrote nothing").splitlines()[-1])
    return found


def between(marks: str, questions: int) -> Seconds | None:
    """Return the seconds between the second question and the first score; None where questions or scores miss."""
    lines = [line.split() for line in marks.splitlines()]
    asked, scored = ([line for line in lines if line[0] == what] for what in ("question", "scored"))
    if not len(asked) == len(scored) == questions:
        return None
    (_, *begun), (_, *ended) = asked[1], scored[0]
    return Seconds(*(float(end) - float(begin) for begin, end in zip(begun, ended, strict=True)))


def _pairs(values: Mapping[str, object]) -> str:
    return ",".join(f"{name}={value}" for name, value in values.items())
