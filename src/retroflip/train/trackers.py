"""What trackers are told beside measurements: a few rollouts as a table, and the frames that they were written about.

transformers' own callbacks tell them the measurements. Each stands in a `Guarded` here, so that a tracker that fails
ends no run: it is told nothing more, and the start's logs say so once, in `trackers.jsonl`.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from transformers import TrainerCallback
from transformers.integrations.integration_utils import (
    TensorBoardCallback,
    TrackioCallback,
    WandbCallback,
    get_reporting_integration_callbacks,
)

from retroflip.errors import RetroflipError
from retroflip.files.markdown import table
from retroflip.files.storage import append_jsonl, file_name, scratch_folder
from retroflip.models import processes
from retroflip.video.encode import encode
from retroflip.video.frames import Frames

RECORD = "trackers.jsonl"
TABLE = "rollouts"
_EVENTS = tuple(name for name in dir(TrainerCallback) if name.startswith("on_"))
_ERRORS = (
    OSError, RuntimeError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, ImportError,
    RetroflipError,
)  # fmt: skip
"""what a tracker's own code may raise, and what frames are collected by; `_own_errors` come on top"""
_CLIENTS = ("httpx", "httpx2")
"""packages that trackers reach their servers by, and whose errors are of no built-in kind"""


class Told(NamedTuple):
    """Rollouts as they are shown. columns, rows: of a table of texts. clips: the frames that models were shown."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    clips: Mapping[str, Frames]

    @property
    def markdown(self) -> str:
        """The table in Markdown; what is in a cell changes nothing of it."""
        return table(self.columns, self.rows)


class Guarded(TrainerCallback):
    """A tracker's callback until its first error. Its events are added below."""

    def __init__(self, inner: TrainerCallback, record: Path) -> None:
        self.inner = inner
        self.record = record
        self.failed = False

    @property
    def name(self) -> str:
        """The tracker's name."""
        return type(self.inner).__name__.removesuffix("Callback")

    @property
    def _errors(self) -> tuple[type[Exception], ...]:
        return (*_ERRORS, *_own_errors(self.inner))

    def attempt(self, what: str, step: int, work: Callable[[], Any]) -> None:
        """Do something with the tracker. Its first error is recorded, and nothing is done with it from then on."""
        if self.failed:
            return
        try:
            work()
        except self._errors as error:
            self.failed = True
            if processes.is_main():
                message = str(error) or type(error).__name__
                row = {"tracker": self.name, "step": step, "while": what, "error": type(error).__name__}
                append_jsonl(self.record, {**row, "message": message})

    def show(self, collect: Callable[[], Told], step: int) -> None:
        """Tell the tracker of rollouts, in the form that it takes."""
        self.attempt("showing rollouts", step, lambda: _show(self.inner, collect(), step))


def _passed_on(event: str) -> Callable[..., None]:
    def on_event(self: Guarded, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        work = partial(getattr(self.inner, event), args, state, control, **kwargs)
        self.attempt(event.removeprefix("on_").replace("_", " "), int(state.global_step), work)

    return on_event


for _event in _EVENTS:
    setattr(Guarded, _event, _passed_on(_event))


class ShownRollouts(TrainerCallback):
    """Shows the trackers rollouts of the first step and of every so many. collect: returns those of the last step."""

    def __init__(self, every: int, collect: Callable[[], Told], trackers: Sequence[Guarded]) -> None:
        self.every = every
        self.collect = collect
        self.trackers = trackers

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - the callback's signature
        """Show those of this step, if it is its turn and a tracker is left."""
        step = int(state.global_step)
        if not processes.is_main() or (step != 1 and step % self.every):
            return
        for one in self.trackers:
            one.show(self.collect, step)


def guard(trainer: Any, record: Path) -> list[Guarded]:
    """Put each of the trainer's trackers into a `Guarded`, and return these."""
    callbacks = trainer.callback_handler.callbacks
    added = tuple(get_reporting_integration_callbacks(trainer.args.report_to))
    for place, one in enumerate(callbacks):
        if isinstance(one, added):
            callbacks[place] = Guarded(one, record)
    return [one for one in callbacks if isinstance(one, Guarded)]


def _show(callback: TrainerCallback, told: Told, step: int) -> None:
    if isinstance(callback, TensorBoardCallback):
        _to_tensorboard(callback.tb_writer, told, step)
    elif isinstance(callback, WandbCallback):
        _as_media(callback._wandb, told, step)
    elif isinstance(callback, TrackioCallback):
        _as_media(callback._trackio, told, step)


def _to_tensorboard(writer: Any, told: Told, step: int) -> None:
    """Write the table as text, and a clip's frames side by side as one image: a video would need a package more."""
    writer.add_text(TABLE, told.markdown, step)
    for name, frames in told.clips.items():
        writer.add_image(f"clips/{name}", np.concatenate(list(frames.pixels_TCHW), axis=2), step)
    writer.flush()


def _as_media(tracker: Any, told: Told, step: int) -> None:
    """Log a table and videos. tracker: W&B's module or Trackio's, which has the same names."""
    with scratch_folder() as folder:
        videos = {}
        for number, (name, frames) in enumerate(told.clips.items()):
            path = folder / f"{number}-{file_name(name)}.mp4"
            encode(path, frames.pixels_TCHW, _rate(frames))
            videos[f"clips/{name}"] = tracker.Video(str(path), format="mp4")
        table = tracker.Table(columns=list(told.columns), data=[list(row) for row in told.rows])
        tracker.log({TABLE: table, **videos, "train/global_step": step})


def _rate(frames: Frames) -> Fraction:
    span = frames.seconds[-1] - frames.seconds[0]
    return Fraction((len(frames) - 1) / span).limit_denominator(1000) if span > 0 else Fraction(1)


def _own_errors(callback: TrainerCallback) -> Iterator[type[Exception]]:
    """Yield the errors of a tracker's packages that are of no built-in kind."""
    named = [
        (getattr(callback, "_wandb", None), "Error"),
        *((sys.modules.get(one), "HTTPError") for one in _CLIENTS),
    ]
    for module, name in named:
        found = getattr(module, name, None)
        if isinstance(found, type) and issubclass(found, Exception):
            yield found
