"""The recipe of `retroflip train`: a method, and how its rollouts and steps are made."""

from typing import Literal

from pydantic import Field, model_validator

from retroflip.recipes import reading
from retroflip.recipes.schema import (
    AtLeastOne,
    NotNegative,
    OptimizerSection,
    Positive,
    PromptSection,
    Recipe,
    Section,
    check_division,
)
from retroflip.rl.methods.registry import MethodSettings


class EngineSection(Section):
    """A vLLM engine that writes the rollouts: in every training process, or a server's."""

    context: AtLeastOne = Field(description="tokens that a prompt and its completion may have together")
    sequences: AtLeastOne = Field(default=64, description="rollouts that are written at once")
    memory: float = Field(
        default=0.3, gt=0, lt=1, description="share of a GPU's memory that its weights and caches get"
    )
    batch_tokens: AtLeastOne = Field(default=8192, description="tokens of prompts that are read at once")
    eager: bool = Field(default=False, description="do without CUDA graphs")
    server: str | None = Field(
        default=None,
        pattern=r"^https?://[^/]+",
        description="address of a vLLM server on other GPUs, such as http://localhost:8000, which then writes the "
        "rollouts; `sequences`, `memory`, `batch_tokens` and `eager` are its own affair",
    )
    timeout: Positive = Field(default=1800.0, description="seconds that a server may take for one answer")
    group_port: int = Field(
        default=51216,
        ge=1,
        lt=2**16,
        description="port of the first training process by which a server gets weights",
    )
    correction: Literal["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"] = Field(
        default="token_truncate",
        description="how the loss corrects for what the engine rounds otherwise: TRL's vllm_importance_sampling_mode",
    )

    @model_validator(mode="after")
    def _server_was_started_otherwise(self) -> "EngineSection":
        own = ("sequences", "memory", "batch_tokens", "eager")
        fields = type(self).model_fields
        given = [name for name in own if getattr(self, name) != fields[name].default]
        if self.server is not None and given:
            raise ValueError(
                f"{given[0]} is of an engine in the training process, and the rollouts are written by the server "
                f"{self.server}, which is started with settings of its own: leave {' and '.join(given)} out"
            )
        return self


class RlTrainSection(OptimizerSection):
    """Reinforcement learning. The loss is TRL's; which rollouts and rewards enter it is the method's part."""

    samples_per_step: AtLeastOne = Field(description="questions per optimizer step")
    beta: NotNegative = Field(description="weight of the KL divergence from the start model; 0 for none")
    epsilon: Positive = Field(description="range to which the probability ratio is clipped")
    temperature: Positive = Field(description="sampling temperature of rollouts")
    top_p: float = Field(default=1.0, gt=0, le=1, description="nucleus that rollouts are sampled from")
    max_completion_length: AtLeastOne = Field(description="tokens at which a rollout is cut off")
    loss_type: Literal["grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo"] = Field(
        description="TRL's loss: how it clips, and how it averages over tokens and rollouts"
    )
    iterations: AtLeastOne = Field(
        default=1, description="optimizer steps that are taken on the same rollouts (GRPO's mu)"
    )
    engine: EngineSection | None = Field(
        default=None,
        description="a vLLM engine that writes the rollouts (the extra `vllm`); null: the model does",
    )
    show_every: AtLeastOne | None = Field(
        default=None,
        description="steps between those of which the trackers in report_to are shown a few rollouts, with the frames "
        "that they were written about; null: none",
    )
    attention: Literal["dense", "blocks"] = Field(
        default="dense",
        description="mask of packed rows: dense, or in blocks (FlexAttention, on a GPU), which skips what is masked",
    )
    branches_at_once: AtLeastOne | None = Field(
        default=None,
        description="branches whose rollouts are written together; null: as many as fit into the memory that there is. "
        "Fewer need less memory and write the same",
    )
    refills: int = Field(
        default=0,
        ge=0,
        description="how often, per step, questions whose rollouts all earned the same are replaced by others "
        "(dynamic sampling); 0 trains on whatever was drawn",
    )

    @model_validator(mode="after")
    def _shown_to_someone(self) -> "RlTrainSection":
        if self.show_every is not None and not self.report_to:
            raise ValueError(
                f"show_every is {self.show_every}, and report_to names no tracker that rollouts could be shown to: "
                "name one, as tensorboard, or leave show_every out (rollouts.jsonl has all of them)"
            )
        return self

    @model_validator(mode="after")
    def _whole_passes(self) -> "RlTrainSection":
        check_division("samples_per_step", self.samples_per_step, self.gradient_accumulation)
        if self.save_every % self.iterations:
            raise ValueError(
                f"save_every is {self.save_every}, which is no multiple of iterations ({self.iterations}), and a "
                "checkpoint between two steps on the same rollouts could not be resumed exactly: set save_every to a "
                f"multiple of {self.iterations}"
            )
        return self


class RlRecipe(Recipe):
    """A recipe for `retroflip train`."""

    kind: Literal["rl"] = "rl"
    method: MethodSettings = Field(description="a section with the method's name and settings")
    train: RlTrainSection
    prompt: PromptSection = PromptSection()

    @model_validator(mode="after")
    def _views_have_a_choice(self) -> "RlRecipe":
        needed = self.method.smallest_pool(self.data.frames)
        if self.data.pool_frames < needed:
            raise reading.ContradictionError(
                "data.pool",
                f"{self.data.pool_frames} frames are decoded of each video and {self.data.frames} of them shown, so "
                f"that the method's variants would see the same or too little: set data.pool to {needed} or more",
            )
        return self

    @model_validator(mode="after")
    def _one_policy(self) -> "RlRecipe":
        if self.model.lora is not None and self.model.lora.dropout > 0:
            raise reading.ContradictionError(
                "model.lora.dropout",
                f"dropout is {self.model.lora.dropout}, and rollouts are judged by the policy that wrote them, which "
                "dropout would make another one in every pass: set model.lora.dropout to 0",
            )
        return self

    @property
    def trained_by(self) -> str:
        """The method's name."""
        return self.method.name

    @property
    def remark(self) -> str:
        """What may not be meant though it can be run; "" for nothing."""
        if self.method.name == "dr_grpo" and self.train.loss_type != "dr_grpo":
            return (
                f"method=dr_grpo with train.loss_type={self.train.loss_type} is half of Dr.GRPO: a response's length "
                "still scales its loss. The whole has train.loss_type=dr_grpo."
            )
        return ""

    @property
    def null_option(self) -> bool:
        """The method's."""
        return self.method.null_option

    @property
    def max_tokens(self) -> int:
        """The length of a rollout."""
        return self.train.max_completion_length
