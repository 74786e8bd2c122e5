"""In which manner a model is asked: in whose words, with which frames, how long an answer may be.

What somebody says by an option counts before all. Then comes the model's preset; then how the run asked that made the
model, since a model that was trained here is asked as it was trained; then what the benchmark's own code does; then
the defaults. The mode of the prompt follows the same order and brings its system prompt with it. Only the null option
is another matter: a benchmark's options are never changed unasked.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from retroflip.bench.benchmarks.base import Benchmark
from retroflip.bench.questions import Questions
from retroflip.data.prompt_modes import PromptMode
from retroflip.data.prompts import system_prompt_of
from retroflip.errors import UsageError
from retroflip.train.conditions import Chosen, Trained, chosen


class Manner(NamedTuple):
    """The mode of the prompt, and the conditions."""

    prompt: PromptMode
    conditions: Chosen


def manner_of(
    flags: Mapping[str, Any],
    questions: Questions,
    trained: Trained | None,
    earlier: Mapping[str, Any] | None = None,
    *,
    mode: PromptMode | None = None,
    preset: Mapping[str, Any] | None = None,
    said: Mapping[str, Any] | None = None,
) -> Manner:
    """Return how a model is asked. flags, preset: conditions by their names; a preset may name a "prompt" too.

    mode: that was asked for. said: what a suite says in place of its benchmarks. Raises UsageError where the null
    option shall stand among a benchmark's own words, and as `chosen` does.
    """
    bench = questions.bench
    of_preset = {name: value for name, value in (preset or {}).items() if name != "prompt"}
    of_bench = {**_of_benchmark(bench), **(said or {})}
    stated, preferred = dict(flags), (preset or {}).get("prompt")
    own = bench.system if bench else None
    if mode is not None:
        stated.setdefault("system_prompt", system_prompt_of(mode, own))
    elif preferred is not None:
        mode = PromptMode(preferred)
        of_preset.setdefault("system_prompt", system_prompt_of(mode, own))
    elif bench is not None and not trained and not earlier:
        mode = PromptMode.NATIVE
        of_bench["system_prompt"] = system_prompt_of(mode, own)
    mode = mode or PromptMode.THINK
    unchanged = {"null_option": False} if questions.is_benchmark else {}
    over, under = [("preset", of_preset), ("benchmark", unchanged)], [("benchmark", of_bench)]
    conditions = chosen(stated, trained, earlier, over=over, under=under)
    if bench is not None and mode is PromptMode.NATIVE and conditions.asked.null_option:
        raise UsageError(
            f"{bench.title}'s own words list its options, and no null option is among them. Leave --null-option out, "
            "or ask in other words: --prompt think or --prompt direct."
        )
    return Manner(mode, conditions)


def _of_benchmark(bench: Benchmark | None) -> dict[str, Any]:
    if bench is None:
        return {}
    return {
        "sampler": bench.sampler,
        "fps": bench.fps,
        "frames": bench.frames,
        "max_tokens": bench.max_tokens,
    }
