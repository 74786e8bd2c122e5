"""How the questions of a data set or a benchmark are asked: under which controls, in whose words, how often."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retroflip.bench.records import Control
from retroflip.data.prompt_modes import PromptMode
from retroflip.data.prompts import with_null_option
from retroflip.data.sample import Sample
from retroflip.errors import UsageError
from retroflip.inference.base import Sampling

MODEL_FREE = (Control.ORACLE, Control.RANDOM)
"""controls that answer every question, those too whose video fails: they see none"""


@dataclass(frozen=True)
class Asking:
    """How a data set is asked. draws: responses to each question. prompt: in whose words. file: the engine is given
    videos' files, no frames.

    Raises UsageError where all draws would be the same.
    """

    sampling: Sampling
    controls: tuple[Control, ...] = (Control.FULL,)
    draws: int = 1
    prompt: PromptMode = PromptMode.THINK
    null_option: bool = True
    seed: int = 0
    file: bool = False

    def __post_init__(self) -> None:
        if self.draws > 1 and self.sampling.temperature == 0.0:
            raise UsageError(
                f"{self.draws} draws at temperature 0 are the same response: raise the temperature, or ask once."
            )
        cut = [
            control.value
            for control in (Control.SINGLE_FRAME, Control.SHUFFLED_FRAMES, Control.REVERSED)
            if control in self.controls
        ]
        if self.file and cut:
            raise UsageError(
                f"A video's file cannot be shown as {', '.join(cut)}: show frames, or leave these controls out."
            )

    def settings(self) -> dict[str, Any]:
        """Return what the answers depend on, as run.json holds it."""
        sampling = self.sampling
        drawn = f"temperature {sampling.temperature:g}, top_p {sampling.top_p:g}"
        return {
            "decoding": "greedy" if sampling.temperature == 0.0 else drawn,
            "max_tokens": sampling.max_tokens,
            "prompt": self.prompt.value,
            "null_option": self.null_option,
            "seed": self.seed,
        }

    def as_asked(self, sample: Sample) -> Sample:
        """Return a sample in the words, and with the options, that it is asked with."""
        if self.prompt is not PromptMode.NATIVE and sample.asked_as is not None:
            sample = sample.model_copy(update={"asked_as": None})
        return with_null_option(sample) if self.null_option else sample


def parse_controls(names: Sequence[str]) -> list[Control]:
    """Return the controls by these names, each once. Raises UsageError for an unknown name and for none at all."""
    known = {control.value: control for control in Control}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise UsageError(
            f"There is no control named {', '.join(map(repr, unknown))}: choose from {', '.join(known)}."
            if unknown
            else f"No control is named: choose at least one of {', '.join(known)}."
        )
    return list(dict.fromkeys(known[name] for name in names))
