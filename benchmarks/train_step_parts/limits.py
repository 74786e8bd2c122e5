"""How near our step comes to the rate at which this machine multiplies matrices, and what else its time goes to.

Bare products and steps of our trainer take turns in one process, with the same threads and type. On a CPU seconds are
those that the processor worked. FLOPs are those that unique tokens need (`flops.py`), so a trainer that computes a
token twice falls behind. Two rates are set against a phase:

- square: products of two large square matrices, the best that the machine does;
- own shapes: the products of the phase alone, with the model's own weights and as many rows: a phase that did nothing
  else would have a share of 1. While tokens are written, every product has one row a rollout and waits for memory.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from transformers import PrinterCallback, TrainerCallback

from train_step_parts.contestants import Contestant, build
from train_step_parts.flops import head_flops, language_flops, vision_flops
from train_step_parts.stopwatch import OVERLAID, Stopwatch
from train_step_parts.worker import redirect_output
from train_step_parts.workload import OURS, Workload

SQUARE = 2048
"""rows and columns of the large matrices"""
AT_LEAST = 0.1
"""seconds that a rate is measured for, at least"""
PHASES = {
    "rollouts": ("rollouts",),
    "scoring": ("scoring",),
    "update": ("forward_backward", "optimizer"),
}
"""the stopwatch's parts of each"""
CATEGORIES = {
    "matrix products": ("mm", "addmm", "bmm", "baddbmm"),
    "attention": (
        "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_flash_attention_for_cpu_backward",
        "_softmax",
        "_softmax_backward_data",
    ),
    "sampling and log-probabilities": (
        "exponential_", "argmax", "log", "exp", "_log_softmax", "_log_softmax_backward_data", "gather", "sort",
    ),
    "optimizer": ("_foreach", "_fused_adamw_", "Optimizer"),
    "copies": (
        "copy_", "cat", "index", "index_select", "index_put_", "_index_put_impl_", "index_fill_", "index_copy_",
        "masked_scatter_", "scatter_", "scatter_add_", "fill_", "zero_", "embedding", "embedding_dense_backward",
        "slice_backward", "nonzero",
    ),
    "elementwise and norms": (
        "add", "add_", "mul", "mul_", "sub", "div", "div_", "neg", "pow", "mean", "sum", "rsqrt", "silu",
        "silu_backward", "gelu", "sigmoid", "native_layer_norm", "native_layer_norm_backward", "where", "masked_fill_",
        "cos", "sin", "isin", "lt", "eq", "ne", "bitwise_not", "bitwise_and",
    ),
}  # fmt: skip
"""operations of PyTorch by what they are for"""

Sizes = Mapping[int, torch.Tensor]


@dataclass(frozen=True)
class Needed:
    """A phase of a step: the FLOPs that it needs, and the seconds that its bare products take in their own shapes."""

    flops: float
    bare: float


def work_limits(workload: Workload, folder: Path, connection: Connection) -> None:
    """Measure in a process of its own, and send the result."""
    redirect_output(folder / "limits.log")
    torch.set_num_threads(workload.threads)
    connection.send(limits(workload, folder))


def limits(workload: Workload, folder: Path) -> dict[str, Any]:
    """Return the rate of large products, what every phase reaches of it, and where a profiled step's time goes."""
    clock = time.process_time if workload.device == "cpu" else time.perf_counter
    stopwatch = Stopwatch(workload.device, clock)
    contestant = build(OURS, workload, folder, stopwatch)
    meter = Meter(contestant, stopwatch, workload)
    contestant.trainer.add_callback(meter)
    contestant.trainer.remove_callback(PrinterCallback)
    contestant.trainer.train()
    stopwatch.unwrap()
    return meter.found()


class Meter(TrainerCallback):
    """Measures products between two steps, and profiles one step behind those that are counted.

    The first step is the warm-up.
    """

    def __init__(self, contestant: Contestant, stopwatch: Stopwatch, workload: Workload) -> None:
        self.contestant, self.stopwatch, self.workload = contestant, stopwatch, workload
        self.profiler = profile(activities=[ProfilerActivity.CPU])
        self.steps: list[dict[str, float]] = []
        self.square: list[float] = []
        self.needed: list[dict[str, Needed]] = []
        self.categories: dict[str, float] = {}
        self.began = self.began_by_clock = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Note what the step took, and take the measurements that come before the next."""
        if state.global_step % self.workload.iterations:
            return
        self.contestant.settle()
        self.stopwatch.synchronize()
        step = state.global_step // self.workload.iterations
        if step > self.workload.steps + 1:
            wall = time.perf_counter() - self.began_by_clock
            self.profiler.stop()
            self.categories = shares_by_category(self.profiler, wall)
            control.should_training_stop = True
            return
        if step > 1:
            whole = self.stopwatch.clock() - self.began
            self.steps.append({"step": whole, **self.stopwatch.take()})
        self._measure()
        if step == self.workload.steps + 1:
            self.profiler.start()
        self.stopwatch.take()
        self.began, self.began_by_clock = self.stopwatch.clock(), time.perf_counter()

    def _measure(self) -> None:
        model = self.contestant.trainer.accelerator.unwrap_model(self.contestant.trainer.model)
        bare = Bare(model, self.stopwatch)
        self.square.append(bare.square())
        self.needed.append(needed(bare, self.workload, self.contestant.prompt, self.contestant.shown))

    def found(self) -> dict[str, Any]:
        """Return everything, medians over the counted steps and the measurements between them."""
        square = median(self.square)
        spent = {
            phase: median(sum(step[part] for part in parts) for step in self.steps)
            for phase, parts in PHASES.items()
        }
        phases = {
            phase: reached(spent[phase], [one[phase] for one in self.needed], square) for phase in PHASES
        }
        whole = [
            Needed(sum(one.flops for one in all_of.values()), sum(one.bare for one in all_of.values()))
            for all_of in self.needed
        ]
        phases["step"] = reached(median(step["step"] for step in self.steps), whole, square)
        return {
            "square_flops_per_second": square,
            "phases": phases,
            "vision_seconds": median(step[OVERLAID] for step in self.steps),
            "profile": self.categories,
        }


def reached(seconds: float, measured: Sequence[Needed], square: float) -> dict[str, float]:
    """Return what a phase reaches of both rates. measured: what it needs, once for every time that was measured."""
    flops, bare = median(one.flops for one in measured), median(one.bare for one in measured)
    return {
        "seconds": seconds,
        "flops": flops,
        "bare_seconds": bare,
        "share_of_square": flops / seconds / square,
        "share_of_own_shapes": bare / seconds,
    }


def needed(bare: "Bare", workload: Workload, prompt: int, patches: int) -> dict[str, Needed]:
    """Return what the phases need. patches: of the video."""
    model, groups, completion = bare.model, workload.rollouts, workload.completion
    packed, written = prompt + groups * completion, groups * completion
    forward = language_flops(model, prompt, groups, completion) + head_flops(model, written)
    seen = vision_flops(model, patches if workload.tokens else 0, workload.frames // 2)
    read = bare.layers(prompt) + bare.attention(prompt, prompt) / 2
    token = bare.layers(groups) + bare.head(groups) + bare.attention(groups, prompt, decoding=True)
    once = bare.layers(packed) + bare.head(written) + bare.attention(prompt, prompt) / 2
    once += bare.attention(written, prompt)
    scored = (1 if workload.beta else 0) + (1 if workload.iterations > 1 else 0)
    times = workload.iterations
    return {
        "rollouts": Needed(forward + seen, read + (completion - 1) * token + bare.vision(patches, seen)),
        "scoring": Needed(scored * forward, scored * once),
        "update": Needed(3 * times * forward, times * (once + bare.backward(packed, written, prompt))),
    }


class Bare:
    """Seconds that products of matrices take alone, in a model's own shapes and with its own weights."""

    def __init__(self, model: Any, stopwatch: Stopwatch) -> None:
        self.model, self.stopwatch = model, stopwatch
        self.weights = [
            layer.weight.detach()
            for layer in model.model.language_model.layers.modules()
            if isinstance(layer, torch.nn.Linear)
        ]
        self.words = model.get_output_embeddings().weight.detach()

    def square(self) -> float:
        """Return the FLOPs a second of a product of two large square matrices."""
        left, right = self._numbers(SQUARE, SQUARE), self._numbers(SQUARE, SQUARE)
        return 2.0 * SQUARE**3 / self._seconds(lambda: left @ right)

    def layers(self, rows: int) -> float:
        """Return the seconds of one forward pass through all layers' weights."""
        inputs = self._inputs(rows)
        return self._seconds(lambda: [inputs[w.shape[1]] @ w.T for w in self.weights])

    def head(self, rows: int) -> float:
        """Return the seconds of the head."""
        hidden = self._numbers(rows, self.words.shape[1])
        return self._seconds(lambda: hidden @ self.words.T)

    def attention(self, rows: int, keys: int, *, decoding: bool = False) -> float:
        """Return the seconds of all layers' two products of every row with every key.

        decoding: heads that share their keys are multiplied together, as a cache allows.
        """
        config = self.model.config.get_text_config()
        heads, width = int(config.num_attention_heads), int(config.head_dim)
        stacked = heads // int(config.num_key_value_heads) if decoding else 1
        query = self._numbers(heads // stacked, rows * stacked, width)
        kept = self._numbers(heads // stacked, keys, width)
        once = self._seconds(lambda: (query @ kept.transpose(1, 2)) @ kept)
        return once * int(config.num_hidden_layers)

    def vision(self, patches: int, flops: float) -> float:
        """Return the seconds of the tower's FLOPs at the rate of its first block's products."""
        if not flops:
            return 0.0
        block = self.model.model.visual.blocks[0]
        weights = [one.weight.detach() for one in block.modules() if isinstance(one, torch.nn.Linear)]
        inputs = {w.shape[1]: self._numbers(patches, w.shape[1]) for w in weights}
        once = self._seconds(lambda: [inputs[w.shape[1]] @ w.T for w in weights])
        return once * flops / (2.0 * patches * sum(w.numel() for w in weights))

    def backward(self, packed: int, written: int, prompt: int) -> float:
        """Return the seconds of a backward pass: of every product, one for the input and one for the weight."""
        inputs = self._inputs(packed)
        outputs = {w.shape[0]: self._numbers(packed, w.shape[0]) for w in self.weights}

        def layers() -> None:
            for w in self.weights:
                outputs[w.shape[0]] @ w
                outputs[w.shape[0]].T @ inputs[w.shape[1]]

        hidden, logits = self._numbers(written, self.words.shape[1]), self._numbers(written, len(self.words))
        head = self._seconds(lambda: (logits @ self.words, logits.T @ hidden))
        attention = self.attention(prompt, prompt) / 2 + self.attention(written, prompt)
        return self._seconds(layers) + head + 2 * attention

    def _inputs(self, rows: int) -> Sizes:
        return {w.shape[1]: self._numbers(rows, w.shape[1]) for w in self.weights}

    def _numbers(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=self.words.device, dtype=self.words.dtype)

    def _seconds(self, work: Callable[[], object]) -> float:
        """Return the seconds of one call, over as many as make up AT_LEAST, after one that is not counted."""
        work()
        self.stopwatch.synchronize()
        calls, began = 0, self.stopwatch.clock()
        while (spent := self.stopwatch.clock() - began) < AT_LEAST or not calls:
            work()
            self.stopwatch.synchronize()
            calls += 1
        return spent / calls


def shares_by_category(profiler: profile, wall: float) -> dict[str, float]:
    """Return what share of a profiled step's seconds each category took; Python is what no operation did."""
    spent: defaultdict[str, float] = defaultdict(float)
    for event in profiler.key_averages():
        spent[category_of(event.key)] += event.self_cpu_time_total / 1e6
    shares = {name: spent[name] / wall for name in (*CATEGORIES, "other operations")}
    return {**shares, "Python and what waits": max(1 - sum(shares.values()), 0.0)}


def category_of(operation: str) -> str:
    """Return which category an operation belongs to, by its name."""
    name = operation.removeprefix("aten::")
    for category, members in CATEGORIES.items():
        if name in members:
            return category
    return "optimizer" if name.startswith(CATEGORIES["optimizer"]) else "other operations"
