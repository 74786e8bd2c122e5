"""Seconds, memory and tokens of one training step, side by side with TRL's own trainer and with our own unpacked rows.

    python benchmarks/train_step.py --json                       # about ten minutes on two idle cores
    python benchmarks/train_step.py --prompts 2000 --rollouts 8 --repeats 5
    python benchmarks/train_step.py --full --json                # every prompt, group size and contestant: hours
    python benchmarks/train_step.py --preset qwen3-vl-4b --device cuda --json

All contestants (`train_step_parts/contestants.py`) start from the same random weights, see the same frames of one
video, answer the same question, and are made to write the same completions, all as long; KL divergence from a reference
is on. They take their steps in turns; a speed-up is the median over the rounds of (seconds of the other / seconds of
ours). A contestant that fails, runs out of memory or takes too long stands in the table with its error.

Numbers of the output:

- speedup_vs_trl, speedup_vs_unpacked: of whole steps, at the headline size. speedup_vs_trl_half: TRL shown every second
  frame, so that its prompt has as many tokens as ours.
- logprob_max_diff, grad_rel_diff: packed rows against the model's ordinary forward over separate rows, float32, at the
  headline size; the second is |packed - separate| / |separate| over all trained weights.
- vision_calls_per_video: of ours, in one step.
- extra_rollout_cost_ratio: (seconds that one more rollout adds to our step at the headline's prompt) / (seconds that it
  adds when the same question is asked without a video, where a rollout is little more than its own completion's
  tokens). Both are slopes of a line through the median seconds at the group sizes, all of which took turns. A
  completion must look at its prompt, however it is computed, so the least to be expected is
  extra_rollout_flops_ratio, the same quotient in floating-point operations, and not 1.
- limits: what share of the rate of bare matrix products, measured between our steps, rollouts, scoring and update reach
  on unique tokens, and what the rest of a step's time goes to (`train_step_parts/limits.py`).
- Where other programs share the machine, speedup_ranges' cpu_median and extra_rollout_cost_ratio_cpu say the same in
  seconds that processors worked.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from retroflip.cli.quiet import quiet
from retroflip.cli.terminal import shown_progress

PROMPTS = (300, 1000, 2000, 4000, 8000)
ROLLOUTS = (4, 8, 16)
CONTESTANTS = ("ours", "unpacked", "trl", "trl_half")
QUICK_PROMPTS = (300,)
"""prompts that the default run has besides the headline's"""


@dataclass(frozen=True)
class Seat:
    """A contestant at a size. tokens: of the prompt, about; 0 asks the question without a video."""

    contestant: str
    tokens: int
    rollouts: int


Turn = tuple[Seat, ...]
"""those who take their steps in turns"""


def side_by_side(tokens: int, rollouts: int, contestants: Sequence[str]) -> Turn:
    """Return these contestants at one size."""
    return tuple(Seat(name, tokens, rollouts) for name in contestants)


def growth(tokens: int, rollouts: Sequence[int]) -> Turn:
    """Return our trainer at growing groups, with the video and without."""
    return tuple(Seat("ours", prompt, number) for prompt in (tokens, 0) for number in rollouts)


def default_turns(tokens: int, rollouts: int) -> list[Turn]:
    """Return what the default run has: the headline, shorter prompts, and how our step grows with the group."""
    shorter = [prompt for prompt in QUICK_PROMPTS if prompt < tokens]
    return [
        side_by_side(tokens, rollouts, CONTESTANTS),
        *(side_by_side(prompt, rollouts, CONTESTANTS[:3]) for prompt in shorter),
        growth(tokens, ROLLOUTS),
    ]


def all_turns(
    prompts: Sequence[int], rollouts: Sequence[int], contestants: Sequence[str], headline: int
) -> list[Turn]:
    """Return every prompt with every group size for these contestants, and how our step grows with the group."""
    turns = [side_by_side(prompt, number, contestants) for prompt in prompts for number in rollouts]
    grows = "ours" in contestants and len(rollouts) > 1
    return [*turns, growth(headline, rollouts)] if grows else turns


def parsed() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", "--model", default="small", choices=("tiny", "small", "qwen3-vl-4b"))
    parser.add_argument(
        "--prompts", type=int, nargs="+", help="prompt tokens, about; with this only these run"
    )
    parser.add_argument("--rollouts", type=int, nargs="+", help="group sizes")
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS)
    parser.add_argument("--headline", type=int, nargs=2, metavar=("TOKENS", "ROLLOUTS"))
    parser.add_argument("--completion", type=int, default=128, help="tokens of every completion")
    parser.add_argument("--iterations", type=int, default=1, help="optimizer steps on the same completions")
    parser.add_argument("--repeats", type=int, default=3, help="counted steps, after one that is not")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=1, help="of each contestant")
    parser.add_argument(
        "--rows-at-once", type=int, default=40_000, help="tokens in one of TRL's backward passes"
    )
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for one step")
    parser.add_argument(
        "--memory", type=float, default=12.0, help="GiB for one contestant on a CPU; 0: no limit"
    )
    parser.add_argument("--full", action="store_true", help="every prompt, group size and contestant")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object (the default)")
    form.add_argument("--markdown", action="store_true", help="print a Markdown table instead")
    return parser.parse_args()


def plan(arguments: argparse.Namespace) -> tuple[list[Turn], tuple[int, int]]:
    """Return who takes turns with whom, and the headline's (tokens, rollouts)."""
    usual = (8000 if arguments.preset == "qwen3-vl-4b" else 2000, 8)
    chosen = arguments.prompts or arguments.rollouts or arguments.contestants
    if not (arguments.full or chosen):
        tokens, rollouts = arguments.headline or usual
        return default_turns(tokens, rollouts), (tokens, rollouts)
    prompts = arguments.prompts or (PROMPTS if arguments.full else usual[:1])
    groups = arguments.rollouts or (ROLLOUTS if arguments.full else usual[1:])
    first = (
        usual[0] if usual[0] in prompts else max(prompts),
        usual[1] if usual[1] in groups else max(groups),
    )
    tokens, rollouts = arguments.headline or first
    return all_turns(prompts, groups, arguments.contestants or CONTESTANTS, tokens), (tokens, rollouts)


def report(arguments: argparse.Namespace) -> dict[str, Any] | str:
    """Run everything and return what is printed."""
    from train_step_parts.measure import Conditions, as_rows, equality, reached_limits, run
    from train_step_parts.summary import headline, markdown, targets_met
    from train_step_parts.utilisation import extra_rollout_flops_ratio, utilisation
    from train_step_parts.workload import Workload

    turns, (tokens, rollouts) = plan(arguments)
    on_cpu = arguments.device == "cpu"
    conditions = Conditions(on_cpu, arguments.timeout, int(arguments.memory * 2**30) if on_cpu else 0)

    def workload(wanted: int, number: int) -> Workload:
        return Workload(
            arguments.preset, wanted, number, arguments.completion, arguments.device, arguments.threads,
            arguments.iterations, arguments.repeats, arguments.rows_at_once,
        )  # fmt: skip

    load = [os.getloadavg()]
    results = []
    with shown_progress() as progress:
        for turn in turns:
            players = [(seat.contestant, workload(seat.tokens, seat.rollouts)) for seat in turn]
            results += run(players, conditions, progress)
        equal = equality(workload(tokens, rollouts), conditions, progress)
        reached = reached_limits(workload(tokens, rollouts), conditions, progress)
    load.append(os.getloadavg())
    if arguments.markdown:
        return markdown(results)
    numbers = {**headline(results, tokens, rollouts), **equal}
    numbers["extra_rollout_flops_ratio"] = extra_rollout_flops_ratio(results, workload(tokens, rollouts))
    return {
        **numbers,
        "targets_met": targets_met(numbers),
        "limits": reached,
        "utilisation": utilisation(results, workload(tokens, rollouts)),
        "settings": {**settings(arguments, workload(tokens, rollouts)), "load_average": load},
        "table": as_rows(results),
    }


def settings(arguments: argparse.Namespace, workload: Any) -> dict[str, Any]:
    """Return under which conditions the numbers hold."""
    from importlib.metadata import version

    from train_step_parts.utilisation import device_name, weights
    from train_step_parts.workload import PRESETS

    libraries = ("torch", "transformers", "trl", "accelerate", "numpy")
    return {
        "headline": {"prompt_tokens": workload.tokens, "rollouts": workload.rollouts},
        "workload": asdict(workload),
        "model": {**asdict(PRESETS[workload.preset]), "weights": weights(workload.preset)},
        "device": device_name(arguments.device),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in libraries},
        "same_for_all": [
            "random weights, one question a step, frames, completions (forced, none ended early), AdamW, loss grpo",
            "frozen vision tower, KL divergence from a separate reference, no dropout, one process",
            "num_iterations 1 needs no pass of the old policy, in TRL neither; --iterations 2 takes it",
        ],
        "differences": [
            "TRL has no video in GRPO: it reads each frame as an image, which is twice as many visual tokens as the "
            "same frames as a video, of which two are merged; trl_half is shown every second frame for as many tokens",
            "TRL's rows come from its dataset, whose pictures are PNG; the other trainers decode an H.264 file",
            "on a CPU, TRL's language-model head scores the prompt's positions too; on a GPU it does not",
            "TRL cuts its backward pass into as many rows as --rows-at-once allows; the unpacked trainer never does",
            "ours and unpacked decode the next step's video on another thread; a step ends when that is done",
            "peak memory on a CPU is the process's resident set, libraries included: compare with idle_mib",
        ],
    }


def main() -> None:
    """Parse, run, print."""
    arguments = parsed()
    quiet("retroflip-tiny")
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    printed = report(arguments)
    sys.stdout.write((printed if isinstance(printed, str) else json.dumps(printed, indent=2)) + "\n")


if __name__ == "__main__":
    main()
