"""Rollouts by vLLM about the very tokens and pixels that training scores: what is asked, and what is made of answers.

The engine is in the training process (`vllm_colocated.py`) or a server's (`vllm_server.py`).

vLLM is given prompts as its own processor would leave them: ids with every placeholder, pixels and where they belong.
Its processor is not used: with transformers 5.23 it refuses videos, and where it works it takes times, sizes and
normalisation from settings of its own, so that rollouts and training could see different things without a word. TRL
brings the policy's weights to the engine (`VLLMGeneration.sync_weights`), and its loss takes an
importance ratio (`correction.py`); TRL's own requests carry no video.

Shapes: K tokens from a video's first to its last, C completion tokens, P patches.
"""

import hashlib
import importlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn, Protocol

import numpy as np
import torch
from torch import Tensor

from retroflip.errors import BlindnessError, RetroflipError, UsageError
from retroflip.inference.base import Sampling
from retroflip.inference.rollout import Completion
from retroflip.models.encoding import Prompt, pad_prompts
from retroflip.models.features import VisualFeatures
from retroflip.models.positions import step_times

VERSION = "0.30"
"""the series of vLLM whose inputs are written here; the only one that takes transformers 5.23 and TRL 1.16"""
FAMILIES = ("qwen3_vl", "qwen2_5_vl")
"""those whose inputs are written here"""
WITHOUT = "leave vLLM out (train.engine: null in a recipe, no --engine as an option)"
"""how to do without it, in messages"""
FORBIDDEN_BIAS = -100.0
"""added to the logits of tokens that may not be drawn; vLLM takes no less"""


@dataclass(frozen=True)
class DrawnCompletion(Completion):
    """A completion with the log-probability that each token had when the engine drew it, (C,).

    In training, of the distribution that was drawn from: after temperature, top_p and the ban of special tokens.
    others: those of other likely tokens in the place of the first, where they were asked for.
    """

    log_probs: tuple[float, ...]
    others: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Vocabulary:
    """Token ids that mean something to a request.

    ends: those that end a turn. forbidden: those that may not be drawn. The rest as in the model's configuration,
    tokens_per_second too: the positions that a second of a Qwen2.5-VL video takes.
    """

    ends: frozenset[int]
    forbidden: frozenset[int]
    image: int
    video: int
    tokens_per_second: float = 1.0


@dataclass(frozen=True)
class Shown:
    """The video or image of a request.

    kind: "video" or "image". pixels_PD and grid_thw: as in `Prompt`. start: the first placeholder, or the marker before
    it in a Qwen3-VL video, whose steps are marked each and told a time. is_visual_K: whether each token from there to
    the last placeholder, or the marker behind it, stands for a visual feature. key: equal for equal pixels under equal
    weights, and for nothing else. seconds_per_grid: what `Prompt` says, so that vLLM's own product ends in the same
    positions.
    """

    kind: Literal["video", "image"]
    pixels_PD: Tensor
    grid_thw: Tensor
    start: int
    is_visual_K: Tensor
    key: str
    seconds_per_grid: float | None = None


@dataclass(frozen=True)
class Request:
    """All rollouts of one branch. arguments: vLLM's SamplingParams by name."""

    prompt_ids: tuple[int, ...]
    shown: Shown | None
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Drawn:
    """One rollout as the engine returns it; others: as in `DrawnCompletion`."""

    ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    others: Mapping[int, float] = field(default_factory=dict)


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
    """Writes completions by vLLM in place of `retroflip.inference.rollout.Roller`.

    policy: what has the model's configuration; in training, the model itself out of what wraps it, whose weights must
    have been brought to the engine before a step's first roll. likely: tokens in the place of a completion's first that
    the engine shall score. Raises UsageError for a family whose inputs are not known here.
    """

    def __init__(
        self,
        engine: Engine,
        policy: Any,
        *,
        end_tokens: Collection[int],
        special_tokens: Collection[int],
        likely: int = 0,
    ) -> None:
        config = policy.config
        require_family(config.model_type)
        self.engine = engine
        self.policy = policy
        self.likely = likely
        self.vocabulary = Vocabulary(
            ends=frozenset(end_tokens),
            forbidden=frozenset(special_tokens) - frozenset(end_tokens),
            image=config.image_token_id,
            video=config.video_token_id,
            tokens_per_second=getattr(config.vision_config, "tokens_per_second", 1.0),
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

        Raises UsageError for a prompt that leaves no room for its completion or that vLLM reads otherwise than
        training, BlindnessError when the engine read another prompt, and RetroflipError when rollouts are missing or
        hold tokens that were forbidden.
        """
        requests = [
            build_request(prompt, count, sampling, seed, self.vocabulary, weights=self.engine.weights)
            for prompt, count, seed in zip(prompts, rollouts, seeds, strict=True)
        ]
        if self.likely:
            requests = [
                replace(request, arguments={**request.arguments, "logprobs": self.likely})
                for request in requests
            ]
        longest = max(len(request.prompt_ids) for request in requests) + sampling.max_tokens
        if longest > self.engine.context:
            raise UsageError(
                f"A prompt and its completion may take {longest} tokens, and the vLLM engine was loaded for "
                f"{self.engine.context}. Raise the engine's context, or lower data.frames, the pixels of a frame or "
                "train.max_completion_length."
            )
        for prompt, request in zip(prompts, requests, strict=True):
            self._check_positions(prompt, request)
        answers = self.engine.write(requests)
        return [
            completions_of(request, answers.get(number), self.vocabulary)
            for number, request in enumerate(requests)
        ]

    def _check_positions(self, prompt: Prompt, request: Request) -> None:
        """Refuse a Qwen2.5-VL video that vLLM would put elsewhere than training."""
        if request.shown is None or request.shown.seconds_per_grid is None:
            return
        theirs_3L = positions_in_vllm(request, self.policy.config.vision_config)
        ours_3L = pad_prompts(self.policy.config, [prompt], pad_token=0).positions_3RL[:, 0]
        if not torch.equal(ours_3L, theirs_3L):
            steps, *_ = (int(size) for size in request.shown.grid_thw[0])
            raise UsageError(
                f"A video of {steps} steps, {prompt.seconds_per_grid} seconds apart, has other positions to vLLM than "
                "to training, so rollouts would come from another model than the trained one. Show another number of "
                "frames (data.frames), or another engine (train.engine: null in a recipe, no --engine as an option)."
            )


def positions_in_vllm(request: Request, vision: Any) -> Tensor:
    """Return the positions (3, L) that vLLM 0.30 gives a Qwen2.5-VL prompt about one video.

    Its own way to them: in float64, and the seconds times the tokens per second first. vision: the configuration of the
    model's vision tower. Raises TypeError without a video.
    """
    shown = request.shown
    if shown is None or shown.seconds_per_grid is None:
        raise TypeError("only Qwen2.5-VL's videos have positions of this kind")
    steps, rows, columns = (int(size) for size in shown.grid_thw[0])
    merge = vision.spatial_merge_size
    video_3K = np.indices((steps, rows // merge, columns // merge)).reshape(3, -1)
    video_3K[0] = (video_3K[0] * (shown.seconds_per_grid * vision.tokens_per_second)).astype(np.int64)
    video_3K += shown.start
    behind = np.arange(len(request.prompt_ids) - shown.start - video_3K.shape[1]) + video_3K.max() + 1
    texts = [np.broadcast_to(text, (3, len(text))) for text in (np.arange(shown.start), behind)]
    return torch.from_numpy(np.concatenate([texts[0], video_3K, texts[1]], axis=1))


def build_request(
    prompt: Prompt, rollouts: int, sampling: Sampling, seed: int, vocabulary: Vocabulary, *, weights: int
) -> Request:
    """Return the request for a branch's rollouts, drawn with the seeds seed, seed + 1, ...

    weights: the number of the engine's weights; vLLM keeps features by their key, also when its weights change. Raises
    ValueError for several greedy rollouts, which would be the same one again and again.
    """
    if sampling.temperature <= 0.0 and rollouts > 1:
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
    """Return what a prompt shows; markers around a whole video or image are text, those around its steps belong to it.

    vLLM looks for the marker of each step of a Qwen3-VL video from `start` on, and for nothing in other videos.
    """
    if prompt.pixels_PD is None or prompt.grid_thw is None:
        return None
    ids_L = prompt.input_ids_L
    token = vocabulary.image if prompt.is_image else vocabulary.video
    visual = (ids_L == token).nonzero()[:, 0]
    marker = 0 if prompt.is_image or prompt.seconds_per_grid is not None else 1
    start, end = int(visual[0]) - marker, int(visual[-1]) + 1 + marker
    content = hashlib.sha256(f"{weights} {prompt.is_image} {prompt.grid_thw.tolist()} ".encode())
    content.update(prompt.pixels_PD.contiguous().numpy().data)
    return Shown(
        kind="image" if prompt.is_image else "video",
        pixels_PD=prompt.pixels_PD,
        grid_thw=prompt.grid_thw,
        start=start,
        is_visual_K=ids_L[start:end] == token,
        key=content.hexdigest(),
        seconds_per_grid=_seconds_in_vllm(prompt, vocabulary.tokens_per_second),
    )


def _seconds_in_vllm(prompt: Prompt, tokens_per_second: float) -> float | None:
    """Return the seconds between steps by which vLLM, in float64, comes to the positions that float32 gives.

    1.4 s are 1.39999998 in float32. Five steps of it round up to 14 positions there, and are 13.99999976 in float64.
    """
    if prompt.seconds_per_grid is None or prompt.grid_thw is None:
        return None
    steps = int(prompt.grid_thw[0, 0])
    times = step_times(steps, prompt.seconds_per_grid, tokens_per_second).tolist()
    least = [time / (step * tokens_per_second) for step, time in enumerate(times) if step]
    return float(max([prompt.seconds_per_grid, *least])) * (1.0 + 1e-9)


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
        DrawnCompletion(drawn.ids, drawn.ids[-1] not in vocabulary.ends, drawn.log_probs, drawn.others)
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


def visual_items(
    kind: Literal["video", "image"], pixels_PD: Tensor, grid_thw: Tensor, seconds_per_grid: float | None
) -> Any:
    """Return one video or image as vLLM's `MultiModalKwargsItems`. grid_thw: (1, 3)."""
    multimodal = importlib.import_module("vllm.multimodal.inputs")
    fields = multimodal.MultiModalFieldConfig
    pixels, grid = (
        ("pixel_values", "image_grid_thw") if kind == "image" else ("pixel_values_videos", "video_grid_thw")
    )
    tensors = {pixels: pixels_PD, grid: grid_thw}
    places = {
        pixels: fields.flat_from_sizes(kind, grid_thw.prod(-1)),
        grid: fields.batched(kind, keep_on_cpu=True),
    }
    if seconds_per_grid is not None:
        tensors["second_per_grid_ts"] = torch.tensor([seconds_per_grid], dtype=torch.float64)
        places["second_per_grid_ts"] = fields.batched(kind, keep_on_cpu=True)
    return multimodal.MultiModalKwargsItems.from_hf_inputs(tensors, places)


def require_family(model_type: str) -> None:
    """Raise UsageError for a family whose inputs in vLLM are not known here."""
    if model_type not in FAMILIES:
        raise UsageError(
            f"vLLM cannot write the rollouts of a {model_type} model: retroflip does not know its inputs in vLLM. Use "
            f"a Qwen3-VL or Qwen2.5-VL model, or {WITHOUT}."
        )


def require_vllm() -> None:
    """Raise UsageError unless vLLM of the right series can be imported."""
    try:
        found = str(importlib.import_module("vllm").__version__)
    except ImportError as error:
        raise UsageError(
            f"Rollouts by vLLM need vLLM, which cannot be imported ({error}). Install it with "
            f"`pip install 'retroflip[vllm]'`, or {WITHOUT}."
        ) from error
    if not found.startswith(f"{VERSION}."):
        raise UsageError(
            f"vLLM {found} is installed, and retroflip speaks to the {VERSION} series, whose inputs differ from other "
            "series'. Install it with `pip install 'retroflip[vllm]'`."
        )
