"""Rollouts by a vLLM engine inside the training process, about the very tokens and pixels that training scores.

vLLM is given prompts as its own processor would leave them: ids with every placeholder, pixels and where they belong.
Its processor is not used: with transformers 5.23 it refuses videos, and where it works it takes times, sizes and
normalisation from settings of its own, so that rollouts and training could see different things without a word. TRL
brings the policy's weights to the engine (`VLLMGeneration.sync_weights`), and its loss takes `importance_ratio`; TRL's
own requests carry no video.

Shapes: K tokens from a video's first to its last, N rollouts (rows), C completion tokens, P patches.
"""

import hashlib
import importlib
import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, Protocol, get_args

import torch
from torch import Tensor
from trl.generation.vllm_generation import VLLMGeneration
from trl.trainer.utils import ensure_master_addr_port

from retroflip.errors import BlindnessError, RetroflipError, UsageError
from retroflip.models.encoding import Prompt
from retroflip.models.features import VisualFeatures
from retroflip.rl.rollout import Completion, Sampling

VERSION = "0.30"
"""the series of vLLM whose inputs are written here; the only one that takes transformers 5.23 and TRL 1.16"""
FAMILIES = ("qwen3_vl",)
"""Of Qwen2-VL and Qwen2.5-VL, vLLM counts the positions behind a video otherwise than transformers 5.23 does."""
FORBIDDEN_BIAS = -100.0
"""added to the logits of tokens that may not be drawn; vLLM takes no less"""

CorrectionMode = Literal["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"]


@dataclass(frozen=True)
class DrawnCompletion(Completion):
    """A completion with the log-probability that each token had when the engine drew it, (C,).

    Of the distribution that was drawn from: after temperature, top_p and the ban of special tokens.
    """

    log_probs: tuple[float, ...]


@dataclass(frozen=True)
class Vocabulary:
    """Token ids that mean something to a request.

    ends: those that end a turn. forbidden: those that may not be drawn. The rest as in the model's configuration.
    """

    ends: frozenset[int]
    forbidden: frozenset[int]
    vision_start: int
    vision_end: int
    image: int
    video: int


@dataclass(frozen=True)
class Shown:
    """The video or image of a request.

    kind: "video" or "image". pixels_PD and grid_thw: as in `Prompt`. start: the token after the first vision marker;
    is_visual_K: whether each token from there to the last marker stands for a visual feature; between them Qwen3-VL
    writes time stamps. key: equal for equal pixels under equal weights, and for nothing else.
    """

    kind: Literal["video", "image"]
    pixels_PD: Tensor
    grid_thw: Tensor
    start: int
    is_visual_K: Tensor
    key: str


@dataclass(frozen=True)
class Request:
    """All rollouts of one branch. arguments: vLLM's SamplingParams by name."""

    prompt_ids: tuple[int, ...]
    shown: Shown | None
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Drawn:
    """One rollout as the engine returns it: token ids and their log-probabilities."""

    ids: tuple[int, ...]
    log_probs: tuple[float, ...]


@dataclass(frozen=True)
class Answer:
    """What the engine made of one request: the prompt it read, and the rollouts in the order of their seeds."""

    prompt_ids: tuple[int, ...]
    rollouts: tuple[Drawn, ...]


class Engine(Protocol):
    """Draws rollouts with the policy's weights."""

    @property
    def weights(self) -> int:
        """Return a number that no other weights of this engine have had."""

    @property
    def context(self) -> int:
        """Return how many tokens a prompt and its completion may have together."""

    def write(self, requests: Sequence[Request]) -> Mapping[int, Answer]:
        """Return the answers by the number of the request."""


class VLLMWriter:
    """Writes completions by vLLM in place of `retroflip.rl.rollout.Roller`.

    config: the policy's configuration. Its weights must have been brought to the engine before a step's first roll.
    Raises UsageError for a family that vLLM reads otherwise than transformers does.
    """

    def __init__(
        self, engine: Engine, config: Any, *, end_tokens: Collection[int], special_tokens: Collection[int]
    ) -> None:
        if config.model_type not in FAMILIES:
            raise UsageError(
                f"vLLM cannot write the rollouts of a {config.model_type} model: it counts positions after a video "
                "otherwise than transformers, with which the model is trained, so rollouts would come from a model "
                "other than the trained one. Use a Qwen3-VL model, or leave vLLM out (train.engine: null)."
            )
        self.engine = engine
        self.vocabulary = Vocabulary(
            ends=frozenset(end_tokens),
            forbidden=frozenset(special_tokens) - frozenset(end_tokens),
            vision_start=config.vision_start_token_id,
            vision_end=config.vision_end_token_id,
            image=config.image_token_id,
            video=config.video_token_id,
        )

    def roll(
        self,
        prompts: Sequence[Prompt],
        features: Sequence[VisualFeatures | None],  # noqa: ARG002 - the engine runs the vision tower itself
        rollouts: Sequence[int],
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[list[Completion]]:
        """Return `rollouts[r]` completions (`DrawnCompletion`) of each prompt r, drawn with the seed `seeds[r]`.

        Raises UsageError for a prompt that leaves no room for its completion, BlindnessError when the engine read
        another prompt, and RetroflipError when rollouts are missing or hold tokens that were forbidden.
        """
        requests = [
            build_request(prompt, count, sampling, seed, self.vocabulary, weights=self.engine.weights)
            for prompt, count, seed in zip(prompts, rollouts, seeds, strict=True)
        ]
        longest = max(len(request.prompt_ids) for request in requests) + sampling.max_tokens
        if longest > self.engine.context:
            raise UsageError(
                f"A prompt and its completion may take {longest} tokens, and the vLLM engine was loaded for "
                f"{self.engine.context}. Raise the engine's context, or lower data.frames, the pixels of a frame or "
                "train.max_completion_length."
            )
        answers = self.engine.write(requests)
        return [
            completions_of(request, answers.get(number), self.vocabulary)
            for number, request in enumerate(requests)
        ]


def build_request(
    prompt: Prompt, rollouts: int, sampling: Sampling, seed: int, vocabulary: Vocabulary, *, weights: int
) -> Request:
    """Return the request for a branch's rollouts, drawn with the seeds seed, seed + 1, ...

    weights: the number of the engine's weights; vLLM keeps features by their key, also when its weights change. Raises
    ValueError for greedy sampling, which would write the same rollout again and again.
    """
    if sampling.temperature <= 0.0:
        raise ValueError(f"rollouts by vLLM need a temperature above 0, got {sampling.temperature}")
    arguments = {
        "n": rollouts,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": seed % (2**63 - rollouts),  # vLLM adds the rollout's number to it, and keeps it in 64 bits
        "logprobs": 0,
        "detokenize": False,
        "ignore_eos": True,  # else the model's own list of end tokens would be added to ours
        "stop_token_ids": sorted(vocabulary.ends),
        "logit_bias": dict.fromkeys(sorted(vocabulary.forbidden), FORBIDDEN_BIAS),
    }
    return Request(tuple(prompt.input_ids_L.tolist()), _shown(prompt, vocabulary, weights), arguments)


def _shown(prompt: Prompt, vocabulary: Vocabulary, weights: int) -> Shown | None:
    """Return what a prompt shows; the markers around a whole video are text, those between its steps belong to it."""
    if prompt.pixels_PD is None or prompt.grid_thw is None:
        return None
    ids_L = prompt.input_ids_L
    start = int((ids_L == vocabulary.vision_start).nonzero()[0]) + 1
    end = int((ids_L == vocabulary.vision_end).nonzero()[-1])
    token = vocabulary.image if prompt.is_image else vocabulary.video
    content = hashlib.sha256(f"{weights} {prompt.is_image} {prompt.grid_thw.tolist()} ".encode())
    content.update(prompt.pixels_PD.contiguous().numpy().data)
    return Shown(
        kind="image" if prompt.is_image else "video",
        pixels_PD=prompt.pixels_PD,
        grid_thw=prompt.grid_thw,
        start=start,
        is_visual_K=ids_L[start:end] == token,
        key=content.hexdigest(),
    )


def completions_of(request: Request, answer: Answer | None, vocabulary: Vocabulary) -> list[Completion]:
    """Return a request's completions in the order of their seeds.

    Raises BlindnessError when the engine read another prompt, and RetroflipError when its answer is incomplete or
    holds a forbidden token.
    """
    wanted = request.arguments["n"]
    if answer is None:
        _refuse(f"vLLM gave no answer to one of the step's branches, which has {wanted} rollouts")
    if answer.prompt_ids != request.prompt_ids:
        raise BlindnessError(_other_prompt(request.prompt_ids, answer.prompt_ids))
    if len(answer.rollouts) != wanted:
        _refuse(f"vLLM gave {len(answer.rollouts)} of a branch's {wanted} rollouts")
    for drawn in answer.rollouts:
        if not drawn.ids or len(drawn.ids) != len(drawn.log_probs):
            _refuse(
                f"vLLM gave {len(drawn.log_probs)} log-probabilities for a rollout of {len(drawn.ids)} tokens"
            )
        if stray := vocabulary.forbidden.intersection(drawn.ids):
            _refuse(f"vLLM drew the special tokens {sorted(stray)}, which every rollout was forbidden")
    return [
        DrawnCompletion(drawn.ids, drawn.ids[-1] not in vocabulary.ends, drawn.log_probs)
        for drawn in answer.rollouts
    ]


def _refuse(fault: str) -> NoReturn:
    raise RetroflipError(
        f"{fault}. Nothing was trained on this step; the last checkpoint is intact. This is a defect of retroflip or "
        f"of the vLLM installed, which must be of the {VERSION} series."
    )


def _other_prompt(ours: Sequence[int], theirs: Sequence[int]) -> str:
    differing = (place for place, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b)
    first = next(differing, min(len(ours), len(theirs)))
    return (
        f"vLLM read a prompt of {len(theirs)} tokens where training scores one of {len(ours)}; they part at token "
        f"{first}. The rollouts answer another prompt than the one they would be trained on, so nothing was trained. "
        f"Install vLLM of the {VERSION} series with the transformers that retroflip pins, or leave vLLM out "
        "(train.engine: null)."
    )


def require_vllm() -> None:
    """Raise UsageError unless vLLM of the right series can be imported."""
    try:
        found = str(importlib.import_module("vllm").__version__)
    except ImportError as error:
        raise UsageError(
            f"Rollouts by vLLM need vLLM, which cannot be imported ({error}). Install it with "
            "`pip install retroflip[vllm]`, or leave vLLM out (train.engine: null)."
        ) from error
    if not found.startswith(f"{VERSION}."):
        raise UsageError(
            f"vLLM {found} is installed, and retroflip speaks to the {VERSION} series, whose inputs differ from other "
            "series'. Install it with `pip install retroflip[vllm]`."
        )


@dataclass(frozen=True)
class EngineSettings:
    """How the engine is loaded.

    context: tokens that a prompt and its completion may have together. sequences: rollouts that are written at once.
    memory: the share of the GPU's memory that weights and caches get; the vision tower's own need is not measured, so
    leave room for it beside training's. batch_tokens: tokens of prompts read in one pass. eager: without CUDA graphs.
    """

    context: int
    sequences: int
    memory: float
    batch_tokens: int
    dtype: Literal["bfloat16", "float32"]
    eager: bool


class Colocated(VLLMGeneration):
    """An engine in every training process, with the weights that TRL's `sync_weights` brings to it.

    Loaded here and not by GRPOTrainer, whose settings leave too little to say: vLLM would try its video processor,
    which refuses to work with transformers 5.23, before the first request. Raises UsageError where vLLM is missing.
    """

    def __init__(self, model: Any, accelerator: Any, processor: Any, settings: EngineSettings) -> None:
        require_vllm()
        self.settings = settings
        self.weights = 0
        super().__init__(
            model=model,
            accelerator=accelerator,
            processing_class=processor,
            mode="colocate",
            gpu_memory_utilization=settings.memory,
            max_model_length=settings.context,
            max_num_seqs=settings.sequences,
        )

    def _init_vllm(self) -> None:
        """Load the engine as TRL does for a process of its own (TRL 1.16), but for what concerns videos."""
        for name, value in (
            ("RANK", self.accelerator.process_index),
            ("LOCAL_RANK", self.accelerator.local_process_index),
            ("WORLD_SIZE", self.accelerator.num_processes),
        ):
            os.environ[name] = str(value)
        ensure_master_addr_port()
        self.llm: Any = importlib.import_module("vllm").LLM(
            model=self.model.name_or_path,
            dtype=self.settings.dtype,
            max_model_len=self.settings.context,
            max_num_seqs=self.settings.sequences,
            max_num_batched_tokens=self.settings.batch_tokens,
            gpu_memory_utilization=self.settings.memory,
            enforce_eager=self.settings.eager,
            distributed_executor_backend="external_launcher",
            logprobs_mode="processed_logprobs",
            limit_mm_per_prompt={"video": 1, "image": 1},
            skip_mm_profiling=True,
            mm_processor_cache_gb=0,
            seed=self.accelerator.process_index,
        )
        self.accelerator.wait_for_everyone()

    def sync_weights(self) -> None:
        """Bring the policy's weights to the engine; all processes must, before the first roll of every step."""
        super().sync_weights()  # type: ignore[no-untyped-call]
        self.weights += 1

    @property
    def context(self) -> int:
        """Return how many tokens a prompt and its completion may have together."""
        return self.settings.context

    def write(self, requests: Sequence[Request]) -> dict[int, Answer]:
        """Hand all requests to the engine at once and return its answers by their number."""
        engine = self.llm.llm_engine
        for number, request in enumerate(requests):
            engine.add_request(str(number), engine_input(request), sampling_params(request))
        answers: dict[int, Answer] = {}
        while engine.has_unfinished_requests():
            for output in engine.step():
                if output.finished:
                    answers[int(output.request_id)] = answer_of(output)
        return answers


def engine_input(request: Request) -> Any:
    """Return a request in the form that vLLM's processors leave prompts in."""
    inputs, multimodal = (
        importlib.import_module("vllm.inputs"),
        importlib.import_module("vllm.multimodal.inputs"),
    )
    shown = request.shown
    if shown is None:
        return inputs.tokens_input(list(request.prompt_ids))
    fields = multimodal.MultiModalFieldConfig
    pixels, grid = (
        ("pixel_values", "image_grid_thw")
        if shown.kind == "image"
        else ("pixel_values_videos", "video_grid_thw")
    )
    tensors = multimodal.MultiModalKwargsItems.from_hf_inputs(
        {pixels: shown.pixels_PD, grid: shown.grid_thw},
        {
            pixels: fields.flat_from_sizes(shown.kind, shown.grid_thw.prod(-1)),
            grid: fields.batched(shown.kind, keep_on_cpu=True),
        },
    )
    place = multimodal.PlaceholderRange(shown.start, len(shown.is_visual_K), shown.is_visual_K)
    return inputs.mm_input(
        list(request.prompt_ids),
        mm_kwargs=tensors,
        mm_hashes={shown.kind: [shown.key]},
        mm_placeholders={shown.kind: [place]},
    )


def sampling_params(request: Request) -> Any:
    """Return vLLM's SamplingParams; by default it would hand back only the rollout that ends last."""
    vllm = importlib.import_module("vllm.sampling_params")
    return vllm.SamplingParams(**request.arguments, output_kind=vllm.RequestOutputKind.FINAL_ONLY)


def answer_of(output: Any) -> Answer:
    """Return what a finished `RequestOutput` of vLLM says, its rollouts in the order of their seeds."""
    rollouts = []
    for one in sorted(output.outputs, key=lambda rollout: rollout.index):
        ids = tuple(int(token) for token in one.token_ids)
        scored = one.logprobs or []
        rollouts.append(
            Drawn(ids, tuple(float(s[token].logprob) for token, s in zip(ids, scored, strict=False)))
        )
    return Answer(tuple(output.prompt_token_ids), tuple(rollouts))


def drawn_log_probs(completions: Sequence[Completion], shape: tuple[int, int]) -> Tensor:
    """Return the log-probabilities that tokens were drawn with, as rows (N, C) of `shape` with zeros behind.

    Raises TypeError for completions that were not drawn by an engine.
    """
    rows_NC = torch.zeros(shape)
    for row, completion in enumerate(completions):
        if not isinstance(completion, DrawnCompletion):
            raise TypeError(f"a completion by vLLM is needed, got {type(completion).__name__}")
        rows_NC[row, : len(completion.log_probs)] = torch.tensor(completion.log_probs)
    return rows_NC


def importance_ratio(
    policy_NC: Tensor,
    drawn_NC: Tensor,
    mask_NC: Tensor,
    *,
    mode: CorrectionMode,
    clip_min: float | None,
    clip_max: float | None,
) -> Tensor:
    """Return what TRL's loss is multiplied with, `importance_sampling_ratio`: (N, C), or (N, 1) of whole sequences.

    The ratio of the policy's probability to the one that the engine drew with (`GRPOTrainer.
    _generate_and_score_completions`, TRL 1.16): clipped, or 0 outside the limits. Tokens without a log-probability
    (NaN) count as drawn by the policy. Raises ValueError for another mode.
    """
    if mode not in get_args(CorrectionMode):
        raise ValueError(f"unknown mode {mode!r}, need one of {', '.join(get_args(CorrectionMode))}")
    level, limit = mode.split("_")
    gap = torch.nan_to_num((policy_NC - drawn_NC) * mask_NC, nan=0.0)
    ratio = torch.exp(gap.sum(dim=-1, keepdim=True) if level == "sequence" else gap)
    lowest = -math.inf if clip_min is None else clip_min
    highest = math.inf if clip_max is None else clip_max
    if limit == "truncate":
        return ratio.clamp(lowest, highest)
    return ratio.masked_fill((ratio < lowest) | (ratio > highest), 0.0)


def mean_gap(policy_NC: Tensor, drawn_NC: Tensor, mask_NC: Tensor) -> float:
    """Return the mean absolute difference of the log-probabilities of tokens that have one, 0 where none has.

    In one precision it is rounding alone; more means that the engine runs another model, or reads another prompt.
    """
    gaps = (policy_NC - drawn_NC).abs()[mask_NC.bool()]
    gaps = gaps[~gaps.isnan()]
    return float(gaps.mean()) if len(gaps) else 0.0
