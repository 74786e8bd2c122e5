"""TRL's GRPOTrainer with eyes: every pass over a completion is given the video that the completion was about.

TRL keeps the loss, the optimisation loop, the reference model and the checkpoints. Replaced are how a step is loaded,
rolled out and cut into passes (`get_train_dataloader`, `_prepare_inputs`) and how its rows are scored
(`_get_per_token_logps_and_entropies`); a step is also refused on a broken loss. Which method runs is not visible here.

Shapes: N rows of a pass, one per trained rollout; C tokens of the longest completion.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import torch
from datasets import Dataset
from peft import PeftModel
from torch import Tensor
from torch.utils.data import DataLoader
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from retroflip.data.sample import Sample
from retroflip.errors import BlindnessError, RetroflipError, UsageError
from retroflip.inference.rollout import Roller, Writer
from retroflip.inference.vllm_colocated import Colocated, EngineSettings
from retroflip.inference.vllm_rollouts import VLLMWriter
from retroflip.inference.vllm_server import Served, ServerSettings
from retroflip.models.block_attention import use_blocks
from retroflip.models.features import VisualFeatures, announce_repeats, encode_in_step, require_features
from retroflip.models.lora import base_of
from retroflip.models.vision_counter import VisionCounter, patches_of
from retroflip.rl.correction import CorrectionMode, drawn_log_probs, importance_ratio, mean_gap
from retroflip.rl.generation import Generation, Generator, GroupRollouts
from retroflip.rl.metrics import group_metrics
from retroflip.rl.passes import Pass, Rows, cut, rows_of, trained_in
from retroflip.rl.sharding import tell_shards
from retroflip.rl.shared_prefix import Scores, score
from retroflip.rl.world import World
from retroflip.train.sample_order import RunOrder, epoch_of

StepListener = Callable[[int, Sequence[GroupRollouts]], None]
"""called with (step, groups) after every generation"""


class VideoGRPOTrainer(GRPOTrainer):
    """Trains a video language model with any method.

    `engine` writes the rollouts where there is one, otherwise the policy does. `blocks`: whether packed rows have block
    masks. `on_broken_loss` makes the error for (step, loss). `vision_trained`: whether gradients reach the vision tower
    or its projector; then the policy's features are computed in the policy pass, otherwise one run of the tower serves
    all passes.
    """

    _passes: list[Rows]
    """of the step being taken"""

    def __init__(
        self,
        *,
        model: Any,
        args: GRPOConfig,
        generator: Generator,
        samples_per_step: int,
        vision_trained: bool,
        on_step: StepListener,
        on_broken_loss: Callable[[int, float], RetroflipError],
        engine: EngineSettings | ServerSettings | None = None,
        blocks: bool = False,
    ) -> None:
        self.samples_per_step = samples_per_step
        self.vision_trained = vision_trained
        self.on_step = on_step
        self.on_broken_loss = on_broken_loss
        self.last_groups: Sequence[GroupRollouts] = ()
        self._passes = []
        self._shown = 0
        self._current: Rows | None = None
        # No objective here has a term for how a model's experts share the work.
        args.router_aux_loss_coef = 0.0
        super().__init__(
            model=model,
            reward_funcs=_rewarded_elsewhere,
            args=args,
            train_dataset=Dataset.from_dict({"index": list(range(len(generator.dataset.samples)))}),
            processing_class=generator.encoder.processor,
        )
        self.world = World(
            self.accelerator.process_index,
            self.accelerator.num_processes,
            sharded=self.is_fsdp_enabled or self.is_deepspeed_enabled,
            least_runs=int(self.is_deepspeed_enabled and vision_trained),
        )
        self.generator = replace(generator, world=self.world)
        self.order = RunOrder(
            order=generator.dataset.epoch_order,
            samples=generator.dataset.epoch_length,
            samples_per_step=samples_per_step,
            steps=self.args.max_steps,
            repeats=1,
            passes=self.args.gradient_accumulation_steps * self.num_iterations,
            seed=self.args.seed,
        )
        self._tame_reference(model)
        if blocks:
            for one in (self.policy, *([] if self.ref_model is None else [self.ref_model])):
                use_blocks(self.accelerator.unwrap_model(one))
        self.engine = self._loaded(engine)
        if self.world.sharded:
            require_features(self.policy)
        announce_repeats(self.policy)
        self.counter = VisionCounter()
        self.counter.watch(self.policy)
        if self.ref_model is not None:
            self.counter.watch(self.accelerator.unwrap_model(self.ref_model))

    def _prepare_inputs(self, generation_batch: Any) -> Rows:
        """Return the rows of the next pass; a new step is begun when the last one is used up.

        Unlike TRL, which shuffles rows over passes, a branch stays whole: its prompt is computed in one pass alone.
        """
        passes = self.args.gradient_accumulation_steps
        if self._step % (passes * self.num_iterations) == 0 or not self._passes:
            self._passes = self._one_step([row["index"] for row in generation_batch])
        return self._passes[self._step % passes]

    def _one_step(self, indices: Sequence[int]) -> list[Rows]:
        """Take one step of any method as far as its loss, in the order in which it happens.

        TRL then goes through the passes: it asks for the policy's log-probabilities of a pass's rows
        (`_get_per_token_logps_and_entropies`), takes its loss of them, goes backward, and behind the last pass moves
        the weights.
        """
        step = self.state.global_step
        generation = step // self.num_iterations
        self._hand_over_weights()  # who writes has the newest weights
        with self.accelerator.autocast():
            # The method's branches -> prompts -> features -> completions -> answers -> its rewards -> its advantages.
            rolled = self.generator.generate(
                self.policy,
                self._writer(),
                self._samples(indices),
                epoch=self._epoch(generation),
                step=generation,
                visits=self.order.visits(generation),
            )
            self._prepare_next(generation + 1)  # the next step's videos are decoded meanwhile
            passes = self._dealt(rolled)  # each branch whole, in one pass
            with self.generator.phases.during("scoring"):
                for rows in passes:
                    self._score_before(rows)  # log-probabilities of the old policy and of the reference
        self._record(step, rolled)
        return passes

    def _hand_over_weights(self) -> None:
        tell_shards(self.policy)
        if self.ref_model is not None:
            tell_shards(self.accelerator.unwrap_model(self.ref_model))
        if self.engine is not None:
            self.engine.sync_weights()

    def _dealt(self, rolled: Generation) -> list[Rows]:
        written = [
            one for group in rolled.groups for branch in trained_in(group) for one in branch.completions
        ]
        tokens = sum(len(one.ids) for one in written)
        passes = cut(
            rolled,
            self.world,
            passes=self.args.gradient_accumulation_steps,
            tokens=tokens,
            loss_type=self.loss_type,
            row_weight=self.generator.method.row_weight,
        )
        pad, device = self._tokenizer.pad_token_id, self.accelerator.device
        return [rows_of(one, tokens=tokens, pad=pad, device=device) for one in passes]

    def _tame_reference(self, model: Any) -> None:
        """Leave of TRL's reference what is needed. Raises UsageError where adapters cannot be sharded."""
        if isinstance(self.model, PeftModel) and "ref" in self.model.peft_config:
            # TRL's copy of the adapters as they are now. They start at zero, so the model without them is the same.
            self.model.delete_adapter("ref")
        if self.ref_model is not None:
            # Autocast keeps a copy of every weight that wants a gradient, and nothing learns from these.
            self.ref_model.requires_grad_(False)
        if self.is_fsdp_enabled and isinstance(model, PeftModel):
            raise UsageError(
                "model.lora is set, and FSDP shards what adapters are wrapped in, not the model inside, which writes "
                "the rollouts. Adapters need little memory: start with recipes/accelerate/ddp.yaml, or set model.lora "
                "to null."
            )

    def _loaded(self, settings: EngineSettings | ServerSettings | None) -> Colocated | Served | None:
        """Return the engine that writes the rollouts; None where the policy does."""
        if settings is None:
            return None
        load: Any = Served if isinstance(settings, ServerSettings) else Colocated
        self.use_vllm = True  # the loss then has TRL's importance ratio of what the engine drew
        engine: Colocated | Served = load(self.model, self.accelerator, self.processing_class, settings)
        return engine

    @property
    def policy(self) -> Any:
        """The model that is trained, out of what wraps it; adapters are inside it."""
        return base_of(self.accelerator.unwrap_model(self.model))

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the order of the run: every process gets all questions of a step, and takes its share itself."""
        return DataLoader(
            Dataset.from_dict({"index": list(range(len(self.generator.dataset.samples)))}),
            batch_size=self.samples_per_step,
            sampler=self.order,
            collate_fn=list,
        )

    def _samples(self, indices: Sequence[int]) -> list[Sample]:
        return [self.generator.dataset.samples[index] for index in indices]

    def _epoch(self, generation: int) -> int:
        return epoch_of(generation, self.order.samples, self.samples_per_step)

    def _prepare_next(self, generation: int) -> None:
        if generation * self.num_iterations < self.args.max_steps:
            samples = self._samples(self.order.step_indices(generation))
            self.generator.prepare(
                samples,
                epoch=self._epoch(generation),
                step=generation,
                visits=self.order.visits(generation),
            )

    def _writer(self) -> Writer:
        special_tokens = self.generator.encoder.special_tokens
        if self.engine is not None:
            return VLLMWriter(
                self.engine,
                self.policy,
                end_tokens=self.eos_token_ids,
                special_tokens=special_tokens,
            )
        return Roller(
            self.policy,
            pad_token=self._tokenizer.pad_token_id,
            end_tokens=self.eos_token_ids,
            special_tokens=special_tokens,
            goes_on=self.world.any if self.world.sharded else bool,
        )

    def _score_before(self, rows: Rows) -> None:
        """Add the log-probabilities that stay while the policy moves: the old policy's and the reference's."""
        with torch.no_grad():
            if self.num_iterations > 1 or self.engine is not None:
                rows["old_per_token_logps"] = self._score(self.model, rows, cached=True).log_probs_NC
            if self.engine is not None:
                self._correct(rows)
            if self.beta != 0.0:
                with self._reference() as reference:
                    cached = not self.vision_trained
                    rows["ref_per_token_logps"] = self._score(reference, rows, cached=cached).log_probs_NC

    def _correct(self, rows: Rows) -> None:
        """Add TRL's correction for rollouts that an engine drew, which computes a little differently."""
        one: Pass = rows["pass"]
        written = [c for branch in one.branches for c in branch.written.completions] if one.weighted else []
        drawn = drawn_log_probs(written, tuple(rows["completion_ids"].shape)).to(self.accelerator.device)
        old, mask = rows["old_per_token_logps"], rows["completion_mask"]
        rows["sampling_per_token_logps"] = drawn
        rows["importance_sampling_ratio"] = importance_ratio(
            old,
            drawn,
            mask,
            mode=cast(CorrectionMode, self.vllm_importance_sampling_mode),
            clip_min=self.vllm_importance_sampling_clip_min,
            clip_max=self.vllm_importance_sampling_clip_max,
        )
        if one.weighted:
            self._metrics["train"]["engine/log_prob_gap"].append(float(mean_gap(old, drawn, mask)))

    @contextmanager
    def _reference(self) -> Iterator[Any]:
        """Give the model that the KL divergence is taken from: a copy of the start, or the policy without adapters."""
        if self.ref_model is not None:
            yield self.ref_model
            return
        with self.accelerator.unwrap_model(self.model).disable_adapter():
            yield self.model

    def _compute_loss(self, model: Any, inputs: Rows) -> Tensor:
        self._current = inputs
        loss: Tensor = super()._compute_loss(model, inputs)  # type: ignore[no-untyped-call]
        one: Pass = inputs["pass"]
        return loss * one.scale

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,  # noqa: ARG002 - TRL's signature
        logits_to_keep: int,
        *_: Any,
        **__: Any,
    ) -> tuple[Tensor, Tensor, None]:
        """Score rows with their videos. TRL calls this for the policy; its image arguments do not apply.

        Raises BlindnessError when the rows are not those of the pass that is being computed.
        """
        rows = self._current
        if rows is None:
            raise BlindnessError(
                "Rows reached the scoring pass without their branches, and so without their videos."
            )
        asked = torch.cat([rows["prompt_ids"], rows["completion_ids"]], dim=1)
        if not torch.equal(asked, input_ids) or rows["completion_ids"].shape[1] != logits_to_keep:
            raise BlindnessError(
                "The rows that are scored differ from those that were rolled out: completions would be judged as "
                "answers to other questions or videos."
            )
        scores = self._score(model, rows, cached=not self.vision_trained)
        return scores.log_probs_NC, scores.entropies_NC, None

    def _score(self, forward: Any, rows: Rows, *, cached: bool) -> Scores:
        """Score the rows of a pass, each branch packed into one row; blank rows score 0.

        forward: the model, in whatever wraps it. cached: whether to take the features that the rollouts were written
        with, instead of running the vision tower.
        """
        one: Pass = rows["pass"]
        model = base_of(self.accelerator.unwrap_model(forward))
        prompts = [branch.prompt for branch in one.branches]
        features: list[VisualFeatures | None]
        if cached:
            features = [branch.features for branch in one.branches]
        else:
            with self.accelerator.autocast():  # accelerate's own covers `forward` alone
                features = encode_in_step(model, prompts, self.world.idle)
        scores = score(
            model,
            prompts,
            features,
            one.completions,
            pad_token=self._tokenizer.pad_token_id,
            temperature=self.temperature,
            forward=forward,
            fused=self.accelerator.device.type == "cuda",
        )
        shape = rows["completion_ids"].shape
        if one.weighted:
            return Scores(_fitted(scores.log_probs_NC, shape), _fitted(scores.entropies_NC, shape))
        # Without weight, yet in the graph: a sharded model's processes must all go backward through it.
        nothing = 0.0 * scores.log_probs_NC.sum()
        return Scores(nothing.expand(shape), nothing.detach().expand(shape))

    def _record(self, step: int, rolled: Generation) -> None:
        self.last_groups = groups = rolled.groups
        self._shown = patches_of([branch.prompt for branch in rolled.own.values()])
        metrics = group_metrics(
            [group.group for group in groups],
            [group.rewards for group in groups],
            [group.advantages for group in groups],
        )
        written = [one for group in groups for branch in group.branches for one in branch.completions]
        metrics["completion/length"] = sum(len(one.ids) for one in written) / len(written)
        metrics["completion/truncated"] = sum(one.truncated for one in written) / len(written)
        if self.generator.refills:
            metrics["refilled"] = float(rolled.refilled)
        for name, value in metrics.items():
            self._metrics["train"][name].append(value)
        if self.accelerator.is_main_process:
            self.on_step(step, groups)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """Take TRL's step. Raises what `on_broken_loss` makes of a loss that is not finite, in every process."""
        loss: Tensor = super().training_step(model, inputs, num_items_in_batch)  # type: ignore[no-untyped-call]
        broken = not math.isfinite(float(loss))
        if self.world.any(broken):
            raise self.on_broken_loss(self.state.global_step + 1, float(loss) if broken else math.nan)
        if self._step % self.args.gradient_accumulation_steps == 0:
            encoded, shown = map(
                sum, zip(*self.world.gather([(self.counter.take(), self._shown)]), strict=True)
            )
            if shown:
                self._metrics["train"]["vision/runs_per_branch"].append(encoded / shown)
        return loss

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write no model card: the run directory says what was trained, and how."""


def _rewarded_elsewhere(**_: Any) -> list[float | None]:
    """Stand where TRL wants a reward function; rewards are the method's, given when a group is generated."""
    raise NotImplementedError(
        "TRL asked for rewards, which the method gives; its generation was not replaced."
    )


def _fitted(values_NC: Tensor, shape: torch.Size) -> Tensor:
    """Return the values with zeros behind, in the shape of TRL's rows."""
    rows, width = values_NC.shape
    return torch.nn.functional.pad(values_NC, (0, shape[1] - width, 0, shape[0] - rows))
