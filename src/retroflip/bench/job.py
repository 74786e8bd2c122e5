"""One call of `generate`: from what a user asks for to a folder of answers, or to what it would take."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.asking import Asking
from retroflip.bench.catalogue import Catalogue
from retroflip.bench.estimate import estimate
from retroflip.bench.generate import Counts, generate
from retroflip.bench.manner import Manner, manner_of
from retroflip.bench.presets import Preset
from retroflip.bench.questions import Questions
from retroflip.bench.records import Control
from retroflip.data.prompt_modes import PromptMode
from retroflip.inference.base import Sampling, Wanted
from retroflip.inference.batches import Batches, most_at_once
from retroflip.inference.registry import load_engine
from retroflip.models import processes
from retroflip.progress import Progress
from retroflip.train.conditions import earlier_conditions, read_trained

DTYPE = "float32"


@dataclass(frozen=True)
class Call:
    """What a user asks for. flags: conditions by their names. batch_size: None finds one by itself.

    said: what of a suite is said of all its benchmarks. known_as: the model's name as it was given.
    """

    known_as: str
    preset: Preset
    controls: tuple[Control, ...] = (Control.FULL,)
    flags: Mapping[str, Any] = field(default_factory=dict)
    mode: PromptMode | None = None
    draws: int = 1
    temperature: float = 0.0
    seed: int = 0
    file: bool = False
    batch_size: int | None = None
    max_failed_share: float = 0.01
    said: Mapping[str, Any] = field(default_factory=dict)


class Prepared(NamedTuple):
    """A call about some questions, ready to be run."""

    questions: Questions
    manner: Manner
    asking: Asking
    wanted: Wanted


def prepare(call: Call, questions: Questions) -> Prepared:
    """Return what a call comes to. Raises UsageError for what cannot be asked so."""
    preset = call.preset
    trained = None if preset.endpoint else read_trained(preset.model, preset.revision)
    earlier = None if preset.endpoint or trained else earlier_conditions(preset.model)
    manner = manner_of(
        call.flags, questions, trained, earlier, mode=call.mode, preset=preset.conditions, said=call.said
    )
    conditions = manner.conditions
    asking = Asking(
        Sampling(conditions.max_tokens, call.temperature),
        call.controls,
        draws=call.draws,
        prompt=manner.prompt,
        null_option=conditions.asked.null_option,
        seed=call.seed,
        file=call.file,
    )
    wanted = replace(
        conditions.wanted(preset.model, preset.revision),
        dtype=preset.dtype or DTYPE,
        endpoint=preset.endpoint,
        key_variable=preset.key_variable,
        at_once=call.batch_size or most_at_once(on_server=preset.endpoint is not None),
    )
    return Prepared(questions, manner, asking, wanted)


def run(call: Call, prepared: Prepared, out: Path, progress: Progress) -> Counts:
    """Load the model and answer everything. Raises as `generate` does, and as the engine's loading does."""
    questions, conditions = prepared.questions, prepared.manner.conditions
    processes.from_main(lambda: questions.dataset.require(call.max_failed_share))
    progress.stage(f"loading {prepared.wanted.model}", 0, "")
    loaded = load_engine(prepared.wanted, call.preset.engine)
    return generate(
        loaded.engine,
        conditions.seen(questions.dataset, loaded.fits),
        out,
        prepared.asking,
        progress=progress,
        max_failed_share=call.max_failed_share,
        about={
            **questions.about,
            "conditions": conditions.described(),
            "model": prepared.wanted.model,
            **({"preset": call.known_as} if call.known_as != prepared.wanted.model else {}),
            "device": loaded.device,
        },
        batches=_batches(call),
    )


def _batches(call: Call) -> Batches | None:
    """Return batches that find their size, unless one is given, or a server takes what it is sent."""
    itself = call.batch_size is None and call.preset.endpoint is None
    return Batches() if itself else None


def costs(
    call: Call, prepared: Prepared, prices: tuple[float, float] | None, gpus: int = 1
) -> dict[str, Any]:
    """Return what a call would take (`estimate`), and how it would ask."""
    questions, conditions = prepared.questions, prepared.manner.conditions
    found = estimate(
        questions.dataset,
        Catalogue(questions.dataset.samples, prepared.asking),
        conditions.asked,
        conditions.max_tokens,
        call.preset,
        prices,
        gpus,
    )
    return {
        "model": prepared.wanted.model,
        "prompt": prepared.manner.prompt.value,
        **found,
        "conditions": conditions.described(),
        "left_out": dict(questions.left_out),
        "note": questions.note,
    }
