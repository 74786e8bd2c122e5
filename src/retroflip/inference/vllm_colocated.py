"""A vLLM engine in every training process, beside the policy."""

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trl.generation.vllm_generation import VLLMGeneration
from trl.trainer.utils import ensure_master_addr_port

from retroflip.inference.vllm_rollouts import Answer, Drawn, Request, require_vllm, visual_items


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
        return write_all(self.llm, requests)


def write_all(llm: Any, requests: Sequence[Request]) -> dict[int, Answer]:
    """Hand all requests to a `vllm.LLM` at once and return its answers by their number."""
    engine = llm.llm_engine
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
    place = multimodal.PlaceholderRange(shown.start, len(shown.is_visual_K), shown.is_visual_K)
    return inputs.mm_input(
        list(request.prompt_ids),
        mm_kwargs=visual_items(shown.kind, shown.pixels_PD, shown.grid_thw, shown.seconds_per_grid),
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
        log_probs = tuple(float(s[token].logprob) for token, s in zip(ids, scored, strict=False))
        first = scored[0] if scored else {}
        others = {
            int(token): float(likely.logprob) for token, likely in first.items() if token not in ids[:1]
        }
        rollouts.append(Drawn(ids, log_probs, others))
    return Answer(tuple(output.prompt_token_ids), tuple(rollouts))
