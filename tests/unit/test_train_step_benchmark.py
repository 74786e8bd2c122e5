"""The benchmark of a training step: its contestants do the same work, and its numbers are what they are said to be."""

import json
import multiprocessing
import operator
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch

from retroflip.data.prompts import SYSTEM_PROMPT
from retroflip.models.encoding import Encoder, Prompt
from separate_rows import held_gradients

FOLDER = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(FOLDER))  # where the script finds its parts

import train_step  # noqa: E402
from train_step_parts import equality, measure, worker  # noqa: E402
from train_step_parts import limits as limits_module  # noqa: E402
from train_step_parts.contestants import build, rows_per_pass  # noqa: E402
from train_step_parts.equality import compare  # noqa: E402
from train_step_parts.flops import rollout_flops, step_flops  # noqa: E402
from train_step_parts.limits import Needed, category_of, limits, reached  # noqa: E402
from train_step_parts.measure import Result, hear, start_process  # noqa: E402
from train_step_parts.stopwatch import PARTS, Stopwatch  # noqa: E402
from train_step_parts.summary import (  # noqa: E402
    extra_rollout_seconds,
    headline,
    markdown,
    speedup,
    targets_met,
)
from train_step_parts.utilisation import outline, patches_of, weights  # noqa: E402
from train_step_parts.worker import GO, STOP, serve  # noqa: E402
from train_step_parts.workload import (  # noqa: E402
    OURS,
    TRL,
    TRL_HALF,
    UNPACKED,
    Workload,
    dataset,
    frames_of,
    picture_size,
    processor,
    write_model,
    write_videos,
)

TINY = Workload(
    "tiny", 300, 4, 6, "cpu", threads=1, iterations=1, steps=1, rows_at_once=40_000, learning_rate=1e-3
)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    write_model(TINY, folder / "model")
    write_videos([TINY], folder)
    return folder


def served(name: str, workload: Workload, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a contestant tells when it is ready, and after its one counted step, in this process."""
    here, there = multiprocessing.Pipe()
    for word in (GO, GO, STOP):
        here.send(word)
    serve(name, workload, folder, there)
    ready, _, counted = (here.recv() for _ in range(3))
    return ready, counted


def encoded(workload: Workload, folder: Path) -> Prompt:
    """Return the counted question's prompt."""
    asked = dataset(workload, folder, first=0)
    return Encoder(processor(), SYSTEM_PROMPT).encode(asked.samples[1], asked.load(asked.samples[1]))


def test_our_steps_compute_prompt_and_video_once_a_pass(start: Path) -> None:
    """Rollouts read the prompt and feed 5 tokens back; reference and policy read it with 4 x 6 tokens behind it."""
    prompt = len(encoded(TINY, start).input_ids_L)
    ready, step = served(OURS, TINY, start)
    assert ready["prompt_tokens"] == prompt
    assert step["vision_calls"] == 1
    assert step["tokens"] == (prompt + 4 * 5) + 2 * (prompt - 1 + 4 * 6)

    _, twice = served(OURS, replace(TINY, iterations=2), start)
    assert twice["vision_calls"] == 1
    assert twice["tokens"] == (prompt + 4 * 5) + 4 * (prompt - 1 + 4 * 6)


@pytest.mark.parametrize(("name", "pictures"), [(UNPACKED, 0), (TRL, 8), (TRL_HALF, 4)])
def test_the_others_compute_them_for_every_rollout_in_every_pass(
    start: Path, name: str, pictures: int
) -> None:
    ready, step = served(name, TINY, start)
    prompt = ready["prompt_tokens"]
    assert step["vision_calls"] == 3 * 4
    assert step["tokens"] == 4 * (prompt + 5) + 2 * 4 * (prompt + 6)
    assert sum(step["parts"][part] for part in PARTS) <= step["seconds"]
    if pictures:
        assert all(step["parts"][part] > 0 for part in PARTS)
        height, width = picture_size(TINY.tokens)
        words = len(encoded(replace(TINY, tokens=0), start).input_ids_L)
        around = 2  # <|vision_start|> and <|vision_end|>
        assert prompt == words + pictures * ((height // 32) * (width // 32) + around)


def test_without_a_video_all_contestants_take_the_same_step(start: Path) -> None:
    """Then they read the same prompt, and must have the same gradient: same completions, rewards, loss, reference."""
    gradients = {name: gradient(name, replace(TINY, tokens=0), start) for name in (OURS, UNPACKED, TRL)}
    size = gradients[OURS].norm()
    assert size > 0
    assert (gradients[UNPACKED] - gradients[OURS]).norm() / size < 1e-5
    assert (gradients[TRL] - gradients[OURS]).norm() / size < 1e-5


def gradient(name: str, workload: Workload, folder: Path) -> torch.Tensor:
    """Return a contestant's first gradient, against a reference that differs a little."""
    stopwatch = Stopwatch("cpu")
    trainer = build(name, workload, folder, stopwatch).trainer
    for parameter in trainer.ref_model.parameters():
        parameter.data.mul_(0.98)
    trainer.current_gradient_accumulation_steps = 1
    inputs = trainer._prepare_inputs(next(iter(trainer.get_train_dataloader())))
    trainer.compute_loss(trainer.model, inputs).backward()
    stopwatch.unwrap()
    return held_gradients(trainer.model)


def test_packed_rows_equal_separate_ones(start: Path) -> None:
    found = compare(TINY, start)
    assert 0 < found["logprob_max_diff"] < 1e-5
    assert 0 < found["grad_rel_diff"] < 1e-5


def test_a_part_within_a_part_stops_its_clock() -> None:
    class Work:
        def outer(self) -> None:
            time.sleep(0.02)
            self.inner()

        def inner(self) -> None:
            time.sleep(0.05)

    stopwatch = Stopwatch("cpu")
    stopwatch.wrap(Work, "outer", "rollouts")
    stopwatch.wrap(Work, "inner", "scoring", within="forward_backward")
    Work().outer()
    with stopwatch.part("forward_backward"):
        Work().inner()
    spent = stopwatch.take()
    assert 0.02 <= spent["rollouts"] < 0.05 <= spent["scoring"]
    assert spent["forward_backward"] >= 0.05
    assert sum(stopwatch.take().values()) == 0
    stopwatch.unwrap()
    Work().outer()
    assert sum(stopwatch.take().values()) == 0


def test_threads_beside_the_trainer_are_counted_apart() -> None:
    stopwatch = Stopwatch("cpu")

    def work() -> None:
        with stopwatch.part("decode"):
            time.sleep(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    spent = stopwatch.take()
    assert spent["ahead"] >= 0.02
    assert spent["decode"] == 0


def test_the_phases_need_what_the_step_needs(start: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "AT_LEAST", 0.0)
    monkeypatch.setattr(limits_module, "SQUARE", 256)
    found = limits(TINY, start)
    phases, prompt = found["phases"], len(encoded(TINY, start).input_ids_L)
    assert phases["step"]["flops"] == pytest.approx(
        step_flops(TINY, outline("tiny"), prompt, patches_of(TINY.tokens))
    )
    assert phases["update"]["flops"] == pytest.approx(3 * phases["scoring"]["flops"])
    assert phases["rollouts"]["flops"] > phases["scoring"]["flops"]
    assert phases["step"]["seconds"] >= sum(
        phases[one]["seconds"] for one in ("rollouts", "scoring", "update")
    )
    assert all(one["bare_seconds"] > 0 for one in phases.values())
    assert found["profile"]["matrix products"] > 0
    assert sum(found["profile"].values()) == pytest.approx(1)


def test_shares_of_both_rates_by_hand() -> None:
    """100 FLOPs in 4 s where large products do 50 a second; bare, they take 3 s in the middle of three measurements."""
    measured = [Needed(100.0, bare) for bare in (3.0, 9.0, 1.0)]
    assert reached(4.0, measured, 50.0) == {
        "seconds": 4.0,
        "flops": 100.0,
        "bare_seconds": 3.0,
        "share_of_square": 0.5,
        "share_of_own_shapes": 0.75,
    }


@pytest.mark.parametrize(
    ("operation", "category"),
    [
        ("aten::addmm", "matrix products"),
        ("aten::_scaled_dot_product_flash_attention_for_cpu_backward", "attention"),
        ("aten::exponential_", "sampling and log-probabilities"),
        ("aten::_foreach_add_", "optimizer"),
        ("Optimizer.step#AdamW.step", "optimizer"),
        ("aten::rsqrt", "elementwise and norms"),
        ("aten::as_strided", "other operations"),
    ],
)
def test_operations_are_told_apart_by_name(operation: str, category: str) -> None:
    assert category_of(operation) == category


def result(contestant: str, rollouts: int, seconds: list[float], wanted: int = 2000) -> Result:
    """Return a result with these seconds, half of which are rollouts."""
    parts = [dict.fromkeys((*PARTS, "vision"), 0.0) | {"rollouts": one / 2} for one in seconds]
    return Result(
        contestant, wanted, rollouts, 128, prompt=wanted, seconds=seconds, cpu_seconds=seconds, parts=parts
    )


def test_a_speedup_is_the_median_of_the_rounds_ratios() -> None:
    ours, other = result(OURS, 8, [1.0, 2.0, 1.0]), result(TRL, 8, [6.0, 10.0, 9.0])
    assert speedup(ours, other) == {"median": 6.0, "least": 5.0, "greatest": 9.0, "cpu_median": 6.0}
    assert speedup(ours, None) is None


def test_the_cost_of_one_more_rollout_is_a_quotient_of_slopes() -> None:
    """3 s and 1/4 s a rollout behind the prompt, 2 s and 1/8 s a rollout without it."""
    behind = [result(OURS, number, [3 + number / 4]) for number in (4, 8, 16)]
    alone = [result(OURS, number, [2 + number / 8], wanted=0) for number in (4, 8, 16)]
    assert extra_rollout_seconds([*behind, *alone], 2000) == pytest.approx(0.25)
    numbers = headline([*behind, *alone], 2000, 8)
    assert numbers["extra_rollout_cost_ratio"] == pytest.approx(2.0)
    assert numbers["speedup_vs_trl"] is None
    assert numbers["extra_rollout_cost_ratio_cpu"] == pytest.approx(2.0)
    assert extra_rollout_seconds(behind[:1], 2000) is None


def test_targets_are_met_missed_or_unknown() -> None:
    met = targets_met({"speedup_vs_trl": 5.0, "speedup_vs_unpacked": 3.9, "logprob_max_diff": 2e-5})
    assert met["speedup_vs_trl"] is True
    assert met["speedup_vs_unpacked"] is False
    assert met["logprob_max_diff"] is False
    assert met["grad_rel_diff"] is None


def test_a_failure_stands_in_the_table() -> None:
    failed = Result(TRL, 8000, 16, 128, error="nothing within 600 s")
    table = markdown([result(OURS, 8, [2.0]), failed]).splitlines()
    assert table[2].startswith(
        "| ours | 2000 | 8 | 2.00 | 2.00 | 0.00 | 0.00 | 1.00 | 0.00 | 0.00 | 0.00 | 1.00 |"
    )
    assert table[3] == "| trl | 8000 | 16 | nothing within 600 s |"


@pytest.mark.parametrize(
    ("target", "arguments", "seconds", "told"),
    [
        (operator.getitem, ([],), 60.0, "killed \\(exit code 1\\)"),
        (Connection.recv, (), 1.0, "nothing within 1 s"),
    ],
)
def test_a_contestant_that_dies_or_hangs_is_heard_of(
    tmp_path: Path, target: Any, arguments: tuple[Any, ...], seconds: float, told: str
) -> None:
    (tmp_path / "log").write_text("a traceback\nkilled\n")
    process, connection = start_process(target, *arguments)
    heard, error = hear(process, connection, seconds, tmp_path / "log")
    assert heard is None
    assert re.fullmatch(told, error)
    process.join(10)
    assert not process.is_alive()


def test_passes_hold_as_many_rows_as_fit() -> None:
    assert rows_per_pass(8, 1000, 8000) == 8
    assert rows_per_pass(8, 1000, 7999) == 4
    assert rows_per_pass(6, 1000, 3500) == 3
    assert rows_per_pass(8, 9000, 8000) == 1


@pytest.mark.parametrize("tokens", [300, 1000, 2000, 4000, 8000])
def test_videos_fill_prompts(tokens: int) -> None:
    """Two frames make one step; a time stamp takes about ten tokens, the texts about a hundred."""
    height, width = picture_size(tokens)
    assert height % 32 == width % 32 == 0
    steps = frames_of(tokens) // 2
    assert patches_of(tokens) == steps * (height // 16) * (width // 16)
    assert abs(patches_of(tokens) / 4 + 10 * steps + 100 - tokens) < 0.1 * tokens


def test_the_real_size_is_that_of_qwen3_vl_4b() -> None:
    """4.0 thousand million weights in the language model (its config.json), 0.4 in the vision tower."""
    layer = 2560 * (2 * 32 * 128 + 2 * 8 * 128) + 3 * 2560 * 9728 + 2 * 2560 + 2 * 128
    held = weights("qwen3-vl-4b")
    assert held["layers"] == 36 * layer
    assert held["embedding"] == 151_936 * 2560
    assert 0.40e9 < held["vision"] < 0.42e9
    assert outline("qwen3-vl-4b").device.type == "meta"


def test_flops_are_counted_by_hand_on_the_smallest_model() -> None:
    """tiny: 2 layers of width 64, 2 heads of 64 and 1 key head, feed-forward 128, vocabulary 1024."""
    model = outline("tiny")
    layer = 64 * (2 * 128 + 2 * 64) + 3 * 64 * 128 + 2 * 64 + 2 * 64
    prompt, completion = 100, 6
    linear = 2 * 2 * layer * completion
    attention = 4 * 2 * 128 * (prompt * completion + completion**2 / 2)
    head = 2 * 1024 * 64 * completion
    assert rollout_flops(model, prompt, completion) == linear + attention + head
    once = replace(TINY, tokens=0)
    reading = 2 * 2 * layer * prompt + 4 * 2 * 128 * prompt**2 / 2
    forward = reading + 4 * rollout_flops(model, prompt, completion)
    assert step_flops(once, model, prompt, patches=0) == pytest.approx((1 + 1 + 3) * forward)
    assert step_flops(replace(once, beta=0.0, iterations=2), model, prompt, 0) == pytest.approx(8 * forward)


ARGUMENTS = [
    "--preset", "tiny", "--prompts", "300", "--rollouts", "2", "3", "--completion", "4", "--repeats", "1",
    "--memory", "0", "--threads", str(torch.get_num_threads()), "--json",
]  # fmt: skip


class InThread:
    """What stands for a contestant's process where a test has no time for real ones."""

    def __init__(
        self, target: Callable[..., None], arguments: Sequence[Any], more: Mapping[str, Any]
    ) -> None:
        self.thread = threading.Thread(target=target, args=arguments, kwargs=more)
        self.thread.start()

    def join(self, seconds: float | None = None) -> None:
        """Wait for it."""
        self.thread.join(seconds)

    def is_alive(self) -> bool:
        """Return whether it still works."""
        return self.thread.is_alive()


def test_a_run_from_arguments_to_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(target: Callable[..., None], *arguments: Any, **more: Any) -> tuple[InThread, Connection]:
        here, there = multiprocessing.Pipe()
        return InThread(target, (*arguments, there), more), here

    monkeypatch.setattr(measure, "start_process", start)
    monkeypatch.setattr(worker, "redirect_output", lambda _: None)
    monkeypatch.setattr(equality, "redirect_output", lambda _: None)
    monkeypatch.setattr(limits_module, "redirect_output", lambda _: None)
    monkeypatch.setattr(limits_module, "AT_LEAST", 0.0)
    monkeypatch.setattr(limits_module, "SQUARE", 64)
    monkeypatch.setattr(sys, "argv", ["train_step.py", *ARGUMENTS, "--contestants", "ours", "trl"])
    conditions = measure.Conditions
    monkeypatch.setattr(measure, "Conditions", lambda _, *rest: conditions(False, *rest))
    found = train_step.report(train_step.parsed())
    assert isinstance(found, dict)
    assert found["speedup_vs_trl"] > 0
    assert found["speedup_vs_unpacked"] is None
    assert found["vision_calls_per_video"] == 1
    assert found["logprob_max_diff"] < 1e-5
    assert found["grad_rel_diff"] < 1e-5
    assert found["extra_rollout_cost_ratio"] is not None
    assert found["utilisation"]["flops_per_second"] > 0
    assert set(found["limits"]["phases"]) == {"rollouts", "scoring", "update", "step"}
    sizes = [(row["contestant"], row["wanted"], row["rollouts"], row["error"]) for row in found["table"]]
    assert sizes == [
        *((name, 300, number, "") for number in (2, 3) for name in ("ours", "trl")),
        *(("ours", prompt, number, "") for prompt in (300, 0) for number in (2, 3)),
    ]
    json.dumps(found)


@pytest.mark.slow
def test_the_script_prints_one_object(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, FOLDER / "train_step.py", *ARGUMENTS, "--contestants", "ours", "--timeout", "120"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    printed = json.loads(done.stdout)
    assert printed["settings"]["headline"] == {"prompt_tokens": 300, "rollouts": 3}
    assert printed["settings"]["model"]["weights"]["embedding"] == 1024 * 64
    assert [row["error"] for row in printed["table"]] == [""] * 6
