"""Rollouts by vLLM: what is asked of the engine and what is made of its answers, and the engine itself where it is.

The tests marked gpu run wherever vLLM is installed; vLLM's build for CPUs will do.
"""

import copy
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from hypothesis import given
from hypothesis import strategies as st
from trl.generation.vllm_generation import VLLMGeneration
from trl.trainer.grpo_trainer import GRPOTrainer

from random_models import random_encoder, random_model, random_tokenizer
from retroflip.data.sample import Modality
from retroflip.errors import BlindnessError, RetroflipError, UsageError
from retroflip.inference import vllm_rollouts
from retroflip.inference.base import Sampling
from retroflip.inference.rollout import Completion
from retroflip.inference.vllm_colocated import Colocated, EngineSettings, answer_of
from retroflip.inference.vllm_rollouts import (
    Answer,
    Drawn,
    DrawnCompletion,
    Request,
    Shown,
    VLLMWriter,
    Vocabulary,
    build_request,
    completions_of,
    positions_in_vllm,
    require_vllm,
)
from retroflip.lab.kinds import KINDS
from retroflip.lab.render import render
from retroflip.lab.samples import sample_of
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.tiny.architecture import build_config
from retroflip.rl.correction import drawn_log_probs, importance_ratio, mean_gap
from retroflip.video.frames import Frames
from separate_rows import prompts_of, separate

SAMPLING = Sampling(max_tokens=8, temperature=0.7, top_p=0.9)
END = int(random_tokenizer().eos_token_id)


def config() -> Any:
    return build_config(random_tokenizer())


def vocabulary() -> Vocabulary:
    found = config()
    return Vocabulary(
        ends=frozenset({END}),
        forbidden=frozenset(random_encoder("qwen3_vl").special_tokens) - {END},
        image=found.image_token_id,
        video=found.video_token_id,
    )


def image_and_text(encoder: Encoder) -> tuple[Prompt, Prompt]:
    """Return a prompt about one frame as an image, and one without anything to see."""
    clip = KINDS["static"](np.random.default_rng(0))
    sample = sample_of(clip, identity="picture", video="picture", source_clip="static")
    frame = Frames(render(clip.scene, 64, [0]).pixels_TCHW, (0.0,))
    return encoder.encode(sample.model_copy(update={"modality": Modality.IMAGE}), frame), encoder.encode(
        sample, None
    )


def request_for(prompt: Prompt, rollouts: int = 2, weights: int = 0, seed: int = 5) -> Request:
    return build_request(prompt, rollouts, SAMPLING, seed, vocabulary(), weights=weights)


def answer_to(request: Request, *rollouts: tuple[int, ...]) -> Answer:
    drawn = tuple(Drawn(ids, tuple(-0.5 - number for number in range(len(ids)))) for ids in rollouts)
    return Answer(request.prompt_ids, drawn)


# What is asked


def test_a_request_names_every_setting_of_its_draws() -> None:
    (prompt, *_) = prompts_of(random_encoder("qwen3_vl"))
    request = request_for(prompt, rollouts=4, seed=11)
    assert request.prompt_ids == tuple(prompt.input_ids_L.tolist())
    bias = request.arguments["logit_bias"]
    assert {**request.arguments, "logit_bias": None} == {
        "n": 4, "seed": 11, "temperature": 0.7, "top_p": 0.9, "max_tokens": 8, "logprobs": 0, "detokenize": False,
        "ignore_eos": True, "stop_token_ids": [END], "logit_bias": None,
    }  # fmt: skip
    assert set(bias) == random_encoder("qwen3_vl").special_tokens - {END}
    assert set(bias.values()) == {-100.0}


def test_seeds_of_63_bits_leave_room_for_the_number_of_the_rollout() -> None:
    (prompt, *_) = prompts_of(random_encoder("qwen3_vl"))
    largest = request_for(prompt, rollouts=8, seed=2**63 - 1).arguments["seed"]
    assert largest >= 0
    assert largest + 7 < 2**63


def test_a_video_covers_its_features_their_markers_and_the_time_stamps_between_them() -> None:
    encoder = random_encoder("qwen3_vl")
    for prompt in prompts_of(encoder):
        shown = request_for(prompt).shown
        assert shown is not None
        assert prompt.grid_thw is not None
        visual = shown.start + shown.is_visual_K.nonzero()[:, 0]
        assert torch.equal(visual, (prompt.input_ids_L == encoder.processor.video_token_id).nonzero()[:, 0])
        assert int(shown.is_visual_K.sum()) == int(prompt.grid_thw.prod()) // 4
        covered = prompt.input_ids_L[shown.start : shown.start + len(shown.is_visual_K)]
        text = encoder.tokenizer.decode(covered[~shown.is_visual_K])
        assert text.startswith("<|vision_start|><|vision_end|><")
        assert text.endswith("<|vision_end|>")
        assert text.count("seconds>") + 1 == int(prompt.grid_thw[0, 0]) == text.count("<|vision_start|>")
        assert (shown.kind, shown.pixels_PD is prompt.pixels_PD) == ("video", True)


def test_an_image_covers_its_features_alone_and_a_text_shows_nothing() -> None:
    image, text = image_and_text(random_encoder("qwen3_vl"))
    shown = request_for(image).shown
    assert shown is not None
    assert shown.kind == "image"
    assert bool(shown.is_visual_K.all())
    assert len(shown.is_visual_K) == 4
    assert int(image.input_ids_L[shown.start - 1]) == config().vision_start_token_id
    assert request_for(text).shown is None


def test_keys_are_equal_for_equal_pixels_under_equal_weights_alone() -> None:
    (prompt, other, _) = prompts_of(random_encoder("qwen3_vl"))
    assert prompt.pixels_PD is not None

    def key(one: Prompt, weights: int = 0) -> str:
        shown = request_for(one, weights=weights).shown
        assert shown is not None
        return shown.key

    assert key(prompt) == key(replace(prompt, pixels_PD=prompt.pixels_PD.clone()))
    reverse = replace(prompt, pixels_PD=prompt.pixels_PD.flip(0))
    assert len({key(prompt), key(prompt, weights=1), key(other), key(reverse)}) == 4


def test_greedy_rollouts_are_refused() -> None:
    (prompt, *_) = prompts_of(random_encoder("qwen3_vl"))
    with pytest.raises(ValueError, match="temperature above 0"):
        build_request(prompt, 2, Sampling(8, temperature=0.0), 0, vocabulary(), weights=0)


# What is made of the answers


def test_an_answer_becomes_completions_in_its_order() -> None:
    request = request_for(image_and_text(random_encoder("qwen3_vl"))[1], rollouts=3)
    completions = completions_of(request, answer_to(request, (7, 8), (9, END), (END,)), vocabulary())
    assert completions == [
        DrawnCompletion((7, 8), True, (-0.5, -1.5)),
        DrawnCompletion((9, END), False, (-0.5, -1.5)),
        DrawnCompletion((END,), False, (-0.5,)),
    ]
    assert all(isinstance(one, Completion) for one in completions)


def test_another_prompt_is_refused() -> None:
    request = request_for(image_and_text(random_encoder("qwen3_vl"))[1], rollouts=1)
    ours = request.prompt_ids
    longer = replace(answer_to(request, (7,)), prompt_ids=(*ours[:5], 3, *ours[5:]))
    with pytest.raises(
        BlindnessError, match=f"{len(ours) + 1} tokens .* one of {len(ours)}; they part at token 5"
    ):
        completions_of(request, longer, vocabulary())
    shorter = replace(longer, prompt_ids=ours[:-1])
    with pytest.raises(BlindnessError, match=f"part at token {len(ours) - 1}"):
        completions_of(request, shorter, vocabulary())


@pytest.mark.parametrize(
    ("rollouts", "message"),
    [
        (((7,),), "1 of a branch's 2 rollouts"),
        (((7,), (config().video_token_id,)), "special tokens"),
        (((7,), ()), "0 log-probabilities for a rollout of 0 tokens"),
    ],
)
def test_incomplete_and_forbidden_answers_are_refused(rollouts: Any, message: str) -> None:
    request = request_for(image_and_text(random_encoder("qwen3_vl"))[1])
    with pytest.raises(RetroflipError, match=message):
        completions_of(request, answer_to(request, *rollouts), vocabulary())


def test_a_missing_answer_and_missing_log_probabilities_are_refused() -> None:
    request = request_for(image_and_text(random_encoder("qwen3_vl"))[1], rollouts=1)
    with pytest.raises(RetroflipError, match="no answer to one of the step's branches, which has 1 rollouts"):
        completions_of(request, None, vocabulary())
    unscored = Answer(request.prompt_ids, (Drawn((7, END), (-1.0,)),))
    with pytest.raises(RetroflipError, match="1 log-probabilities for a rollout of 2 tokens"):
        completions_of(request, unscored, vocabulary())


def test_rollouts_are_put_into_the_order_of_their_seeds() -> None:
    def rollout(index: int, *tokens: int) -> SimpleNamespace:
        scores = [{token: SimpleNamespace(logprob=-token / 10)} for token in tokens]
        return SimpleNamespace(index=index, token_ids=list(tokens), logprobs=scores)

    output = SimpleNamespace(prompt_token_ids=[1, 2], outputs=[rollout(1, 5), rollout(0, 3, 4)])
    assert answer_of(output) == Answer((1, 2), (Drawn((3, 4), (-0.3, -0.4)), Drawn((5,), (-0.5,))))


# The writer, with an engine that repeats the request's number and answers the last request first


@dataclass
class CountingEngine:
    """Rollout g of request r is (r, g, end); a request's number stands for its prompt."""

    context: int = 4096
    weights: int = 0
    asked: list[Request] = field(default_factory=list)

    def write(self, requests: Sequence[Request]) -> Mapping[int, Answer]:
        self.asked += requests
        return {
            number: answer_to(request, *((number, rollout, END) for rollout in range(request.arguments["n"])))
            for number, request in reversed(list(enumerate(requests)))
        }


def writer_over(engine: CountingEngine) -> VLLMWriter:
    specials = random_encoder("qwen3_vl").special_tokens
    return VLLMWriter(engine, random_model("qwen3_vl")[0], end_tokens={END}, special_tokens=specials)


def test_every_branch_gets_its_own_number_of_rollouts_and_its_own_seed() -> None:
    engine, prompts = CountingEngine(), prompts_of(random_encoder("qwen3_vl"))
    rolled = writer_over(engine).roll(prompts, [None] * 3, [3, 1, 2], SAMPLING, [40, 50, 60])
    assert [[one.ids[:2] for one in branch] for branch in rolled] == [
        [(0, 0), (0, 1), (0, 2)],
        [(1, 0)],
        [(2, 0), (2, 1)],
    ]
    assert [request.arguments["seed"] for request in engine.asked] == [40, 50, 60]
    assert [request.prompt_ids for request in engine.asked] == [
        tuple(p.input_ids_L.tolist()) for p in prompts
    ]


def test_features_are_not_reused_under_other_weights() -> None:
    """TRL empties vLLM's cache of prompts with every change of weights, and not its cache of features."""
    engine, prompts = CountingEngine(), prompts_of(random_encoder("qwen3_vl"))[:1]
    for number in (1, 1, 2):
        engine.weights = number
        writer_over(engine).roll(prompts, [None], [1], SAMPLING, [0])
    keys = [request.shown.key for request in engine.asked if request.shown]
    assert keys[0] == keys[1] != keys[2]


def test_prompts_that_leave_no_room_are_refused() -> None:
    prompts = prompts_of(random_encoder("qwen3_vl"))
    longest = max(len(prompt.input_ids_L) for prompt in prompts)
    fitting = CountingEngine(context=longest + SAMPLING.max_tokens)
    assert len(writer_over(fitting).roll(prompts, [None] * 3, [1] * 3, SAMPLING, [0] * 3)) == 3
    tight = CountingEngine(context=longest + SAMPLING.max_tokens - 1)
    with pytest.raises(UsageError, match=f"may take {longest + 8} tokens"):
        writer_over(tight).roll(prompts, [None] * 3, [1] * 3, SAMPLING, [0] * 3)
    assert tight.asked == []


def test_families_that_are_not_known_are_refused() -> None:
    other = SimpleNamespace(config=SimpleNamespace(model_type="qwen2_vl"))
    with pytest.raises(UsageError, match="qwen2_vl"):
        VLLMWriter(CountingEngine(), other, end_tokens={END}, special_tokens=set())


def test_positions_in_vllm_by_hand() -> None:
    """Three steps of two by three patches each way merged, half a second apart, four positions a second."""
    shown = Shown(
        kind="video",
        pixels_PD=torch.zeros(72, 4),
        grid_thw=torch.tensor([[3, 4, 6]]),
        start=2,
        is_visual_K=torch.ones(18, dtype=torch.bool),
        key="",
        seconds_per_grid=0.5,
    )
    vision = SimpleNamespace(spatial_merge_size=2, tokens_per_second=4)
    positions_3L = positions_in_vllm(Request(tuple(range(22)), shown, {}), vision)
    assert positions_3L[0].tolist() == [0, 1, *[2] * 6, *[4] * 6, *[6] * 6, 7, 8]
    assert positions_3L[1].tolist() == [0, 1, *[2, 2, 2, 3, 3, 3] * 3, 7, 8]
    assert positions_3L[2].tolist() == [0, 1, *[2, 3, 4] * 6, 7, 8]


@cache
def qwen2_5() -> Any:
    return random_model("qwen2_5_vl")[0]


@given(st.integers(1, 12), st.integers(1, 40_000))
def test_vllm_comes_to_the_positions_of_training(steps: int, milliseconds: int) -> None:
    """vLLM takes the product in float64, training in float32: 5 steps of 1.4 s would be 13 and 14 positions."""
    policy = qwen2_5()
    ids = torch.tensor([7, 8, *[policy.config.video_token_id] * (2 * steps), 9])
    prompt = Prompt(
        ids,
        token_types_L=2 * (ids == policy.config.video_token_id),
        pixels_PD=torch.zeros(8 * steps, 4),
        grid_thw=torch.tensor([[steps, 2, 4]]),
        seconds_per_grid=float(torch.tensor(milliseconds / 1000)),
    )
    writer = VLLMWriter(CountingEngine(), policy, end_tokens={END}, special_tokens=set())
    assert len(writer.roll([prompt], [None], [2], SAMPLING, [0])[0]) == 2
    (request,) = writer.engine.asked  # type: ignore[attr-defined]
    assert request.shown.seconds_per_grid == pytest.approx(prompt.seconds_per_grid, rel=1e-6)


def test_a_video_that_stands_elsewhere_in_vllm_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = random_model("qwen2_5_vl")[0]
    (prompt, *_) = prompts_of(random_encoder("qwen2_5_vl"))
    writer = VLLMWriter(CountingEngine(), policy, end_tokens={END}, special_tokens=set())
    monkeypatch.setattr(vllm_rollouts, "_seconds_in_vllm", lambda *_: 9.0)
    with pytest.raises(UsageError, match="seconds apart, has other positions to vLLM"):
        writer.roll([prompt], [None], [1], SAMPLING, [0])
    assert writer.engine.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(("version", "named"), [(None, "retroflip\\[vllm\\]"), ("0.31.0", "vLLM 0.31.0")])
def test_what_is_not_installed_is_named(
    version: str | None, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = None
    if version is not None:
        module = ModuleType("vllm")
        module.__version__ = version  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", module)
    with pytest.raises(UsageError, match=named):
        Colocated(None, None, None, EngineSettings(8, 1, 0.3, 8, "float32", eager=True))


def test_the_right_series_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("vllm")
    module.__version__ = "0.30.2"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", module)
    require_vllm()


# The correction of the loss

POLICY_NC = torch.tensor([[1.0, 2.0, 4.0], [2.0, 1.0, 1.0]]).log()
DRAWN_NC = torch.tensor([[2.0, 1.0, 1.0], [1.0, 1.0, math.nan]]).log()
MASK_NC = torch.tensor([[1, 1, 1], [1, 1, 1]])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("token_truncate", [[0.6, 2.0, 3.0], [2.0, 1.0, 1.0]]),
        ("token_mask", [[0.0, 2.0, 0.0], [2.0, 1.0, 1.0]]),
        ("sequence_truncate", [[3.0], [2.0]]),  # 1/2 * 2 * 4 = 4, and 2 * 1 * (not known, so 1)
        ("sequence_mask", [[0.0], [2.0]]),
    ],
)
def test_ratios_by_hand(mode: Any, expected: list[list[float]]) -> None:
    ratio = importance_ratio(POLICY_NC, DRAWN_NC, MASK_NC, mode=mode, clip_min=0.6, clip_max=3.0)
    assert torch.allclose(ratio, torch.tensor(expected))


def test_padding_and_open_limits_change_nothing() -> None:
    mask_NC = torch.tensor([[1, 1, 0], [1, 0, 0]])
    for mode, expected in (
        ("token_mask", [[0.5, 2.0, 1.0], [2.0, 1.0, 1.0]]),
        ("sequence_truncate", [[1.0], [2.0]]),
    ):
        ratio = importance_ratio(POLICY_NC, DRAWN_NC, mask_NC, mode=mode, clip_min=None, clip_max=None)  # type: ignore[arg-type]
        assert torch.allclose(ratio, torch.tensor(expected))


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="token_truncate, token_mask, sequence_truncate, sequence_mask"):
        importance_ratio(POLICY_NC, DRAWN_NC, MASK_NC, mode="token_clip", clip_min=None, clip_max=None)  # type: ignore[arg-type]


def test_the_gap_leaves_out_padding_and_what_is_not_known() -> None:
    mask_NC = torch.tensor([[1, 1, 0], [0, 1, 1]])
    assert mean_gap(POLICY_NC, DRAWN_NC, mask_NC) == pytest.approx((2 * math.log(2.0) + 0.0) / 3)
    assert mean_gap(POLICY_NC, DRAWN_NC, torch.zeros_like(mask_NC)) == 0.0


def test_log_probabilities_are_rows_with_zeros_behind() -> None:
    rows = [DrawnCompletion((1, 2), True, (-1.0, -2.0)), DrawnCompletion((3,), False, (-3.0,))]
    expected = torch.tensor([[-1.0, -2.0, 0.0], [-3.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert torch.equal(drawn_log_probs(rows, (3, 3)), expected)
    with pytest.raises(TypeError, match="Completion"):
        drawn_log_probs([Completion((1,), truncated=False)], (1, 1))


def test_trl_still_has_what_the_engine_builds_on() -> None:
    assert "_init_vllm" in VLLMGeneration.__init__.__code__.co_names
    assert {"_iter_named_params", "llm", "enable_sleep_mode"} <= set(
        VLLMGeneration.sync_weights.__code__.co_names
    )
    assert "importance_sampling_ratio" in GRPOTrainer._compute_loss.__code__.co_consts


# The engine itself


@dataclass(frozen=True)
class Running:
    """A random Qwen3-VL, its encoder, and a writer over a vLLM engine that was loaded with its weights."""

    policy: Any
    encoder: Encoder
    engine: Colocated

    def writer(self, special_tokens: set[int]) -> VLLMWriter:
        return VLLMWriter(self.engine, self.policy, end_tokens={END}, special_tokens=special_tokens)

    def gap(self, prompts: Sequence[Prompt], rolled: Sequence[Sequence[Completion]]) -> float:
        return largest_gap(self.policy, prompts, rolled, SAMPLING.temperature)


def largest_gap(
    policy: Any, prompts: Sequence[Prompt], rolled: Sequence[Sequence[Completion]], temperature: float
) -> float:
    """Return the largest difference between an engine's log-probabilities and the policy's own."""
    gaps = []
    for prompt, branch in zip(prompts, rolled, strict=True):
        for one in branch:
            with torch.no_grad():
                ours = separate(policy, prompt, list(one.ids), END, temperature)
            theirs = drawn_log_probs([one], (1, len(one.ids)))[0]
            gaps.append(float((ours.cpu() - theirs).abs().max()))
    return max(gaps)


def policy_for_vllm(folder: Path, family: str = "qwen3_vl") -> tuple[Any, Any]:
    """Return a random model that vLLM can run, loaded from the folder, and its processor."""
    small, processor = random_model(family)
    settings = copy.deepcopy(small.config)
    if family == "qwen3_vl":
        settings.text_config.head_dim = 32  # vLLM's attention on CPUs knows no heads of 24 or 16
    else:
        settings.text_config.hidden_size = settings.vision_config.out_hidden_size = 128
        settings.vision_config.hidden_size = 128
    settings.text_config.rope_parameters["mrope_section"] = [6, 5, 5]
    torch.manual_seed(0)
    type(small)(settings).save_pretrained(folder)
    processor.save_pretrained(folder)
    return type(small).from_pretrained(folder, dtype=torch.float32).eval(), processor


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    pytest.importorskip("vllm")
    on_cpu = not torch.cuda.is_available()
    loaded, processor = policy_for_vllm(tmp_path_factory.mktemp("policy"))
    patch = pytest.MonkeyPatch()
    if on_cpu:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        utils: Any = pytest.importorskip("vllm.model_executor.layers.utils")
        # On CPUs vLLM packs weights so that none can be brought to them later; on GPUs it leaves them.
        patch.setattr(utils, "dispatch_cpu_unquantized_gemm", _plain_linear)
    patch.setenv("HF_HUB_OFFLINE", "1")
    load = EngineSettings(
        context=1024, sequences=16, memory=0.3, batch_tokens=8192, dtype="float32", eager=True
    )
    model = loaded if on_cpu else loaded.to("cuda")
    yield Running(model, Encoder(processor), Colocated(model, Accelerator(cpu=on_cpu), processor, load))
    patch.undo()


def _plain_linear(layer: Any, remove_weight: bool) -> None:  # noqa: ARG001 - vLLM's signature
    layer.cpu_linear = torch.nn.functional.linear


def close() -> float:
    return 1e-4 if not torch.cuda.is_available() else 5e-3


@pytest.mark.gpu
def test_the_engine_draws_with_the_policys_probabilities(running: Running) -> None:
    running.engine.sync_weights()
    prompts = [*prompts_of(running.encoder), *image_and_text(running.encoder)]
    sampling = Sampling(max_tokens=12, temperature=SAMPLING.temperature)
    counts, seeds = [3, 1, 2, 2, 2], [2**63 - 1, 7, 8, 9, 10]
    writer = running.writer(set())
    rolled = writer.roll(prompts, [None] * 5, counts, sampling, seeds)
    assert [len(branch) for branch in rolled] == counts
    assert running.gap(prompts, rolled) < close()
    assert {one.ids for one in rolled[0]} == {one.ids for one in rolled[0][::-1]}
    assert len({one.ids for one in rolled[0]}) == 3
    again = writer.roll(prompts, [None] * 5, counts, sampling, seeds)
    assert [[one.ids for one in branch] for branch in again] == [
        [one.ids for one in branch] for branch in rolled
    ]


@pytest.mark.gpu
def test_the_engine_draws_nothing_forbidden_and_stops_at_the_end(running: Running) -> None:
    prompts = prompts_of(running.encoder)
    forbidden = set(range(100, 520)) - {END}
    rolled = running.writer(forbidden).roll(prompts, [None] * 3, [8] * 3, Sampling(48), [1, 2, 3])
    completions = [one for branch in rolled for one in branch]
    assert {one.truncated for one in completions} == {True, False}
    for one in completions:
        assert not forbidden.intersection(one.ids)
        assert (END in one.ids) == (one.ids[-1] == END) == (not one.truncated)
        assert len(one.ids) == 48 or not one.truncated


@pytest.mark.gpu
def test_the_engine_follows_the_policys_weights(running: Running) -> None:
    prompts = prompts_of(running.encoder)
    writer = running.writer(set())
    sampling = Sampling(max_tokens=8, temperature=SAMPLING.temperature)

    def gap() -> float:
        return running.gap(prompts, writer.roll(prompts, [None] * 3, [2] * 3, sampling, [1, 2, 3]))

    running.engine.sync_weights()
    for part in (running.policy, running.policy.model.visual):  # all of it, then what vLLM caches features of
        assert gap() < close()
        with torch.no_grad():
            for parameter in part.parameters():
                parameter.mul_(1.1)
        assert gap() > 20 * close()
        running.engine.sync_weights()
    assert gap() < close()


@pytest.mark.gpu
def test_a_prompt_without_its_pixels_is_another_one_to_the_engine(running: Running) -> None:
    """So that the comparison above would notice an engine that is blind."""
    running.engine.sync_weights()
    (prompt, *_) = prompts_of(running.encoder)
    assert prompt.pixels_PD is not None
    dark = replace(prompt, pixels_PD=torch.zeros_like(prompt.pixels_PD))
    rolled = running.writer(set()).roll([dark], [None], [2], Sampling(8, SAMPLING.temperature), [1])
    assert running.gap([dark], rolled) < close()
    assert running.gap([prompt], rolled) > 20 * close()
