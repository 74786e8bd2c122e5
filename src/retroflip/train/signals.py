"""Ending a run in good order: a signal lets the step finish and be saved, the same one again ends the run at once."""

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

from transformers import TrainerCallback

from retroflip.models import processes

STOPPING = b"Stopping behind this step, with a checkpoint; the same signal again stops at once.\n"


class StopOnSignal(TrainerCallback):
    """While entered, SIGTERM and SIGINT make training stop behind the current step with a complete checkpoint.

    All processes of a run stop behind the same step, whichever of them was told to. `stopped` says whether they did: a
    run that is told during its last step ends as ever. Outside the main thread, where Python handles no signals,
    nothing is changed. every: the run can be stopped behind multiples of so many steps, since a checkpoint between two
    steps on the same rollouts could not be resumed exactly.
    """

    def __init__(self, every: int = 1) -> None:
        self.every = every
        self.stopped = False
        self._asked: set[int] = set()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopOnSignal":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._ask) or signal.SIG_DFL
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _: FrameType | None) -> None:
        """Note that the run is to stop; the same signal again has its old meaning.

        A launcher that is interrupted sends every process a signal of another kind, which must not end a save.
        """
        if number in self._asked:
            signal.signal(number, self._before[number])
            signal.raise_signal(number)
        elif not self._asked and processes.is_main():
            # A print that the signal interrupted could not be entered again.
            os.write(sys.stderr.fileno(), STOPPING)
        self._asked.add(number)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - the callback's signature
        """Save and stop, if any process was told to and there are steps left to come back for."""
        asked = processes.agree(bool(self._asked))
        if asked and state.global_step % self.every == 0 and state.global_step < state.max_steps:
            control.should_save = control.should_training_stop = self.stopped = True
