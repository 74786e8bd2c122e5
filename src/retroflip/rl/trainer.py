"""TRL's GRPOTrainer with eyes: every pass over a completion is given the video that the completion was about.

TRL keeps the loss, the optimisation loop, the reference model and the checkpoints. Replaced are how a step is loaded,
rolled out and cut into passes (`get_train_dataloader`, `_prepare_inputs`) and how its rows are scored
(`_get_per_token_logps_and_entropies`); a step is also refused on a broken loss. Which method runs is not visible here.

Shapes: N rows of a pass, one per trained rollout; C tokens of the longest completion.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from retroflip.inference.rollout import Roller
from retroflip.inference.vllm_colocated import Colocated, EngineSettings
from retroflip.inference.vllm_rollouts import VLLMWriter
from retroflip.inference.vllm_server import Served, ServerSettings
from retroflip.models.block_attention import use_blocks
from retroflip.models.features import VisualFeatures, announce_repeats, encode_in_step, require_features
from retroflip.models.lora import base_of
from retroflip.models.vision_counter import VisionCounter, patches_of
from retroflip.rl.averages import MEAN_OF_OWN_TOKENS, MEAN_OF_ROWS
from retroflip.rl.correction import CorrectionMode, drawn_log_probs, importance_ratio, mean_gap
from retroflip.rl.generation import BranchRollouts, Generation, Generator, GroupRollouts, Writer, Written
from retroflip.rl.metrics import group_metrics
from retroflip.rl.sharding import tell_shards
from retroflip.rl.shared_prefix import Scores, score
from retroflip.rl.world import World
from retroflip.train.sample_order import RunOrder, epoch_of

StepListener = Callable[[int, Sequence[GroupRollouts]], None]
"""called with (step, groups) after every generation"""


@dataclass(frozen=True)
class Pass:
    """The branches that one backward pass learns from.

    advantages: (G,) per branch; none where the branches are only there to keep processes in step. rows: how many rows
    TRL is given, as many on every process, the last ones blank. scale: what TRL's loss is multiplied by.
    """

    branches: tuple[BranchRollouts, ...]
    advantages: tuple[Tensor, ...]
    rows: int
    scale: float

    @property
    def completions(self) -> list[list[list[int]]]:
        """Token ids of every branch's rollouts."""
        return [[list(one.ids) for one in branch.written.completions] for branch in self.branches]

    @property
    def weighted(self) -> bool:
        """Whether anything is learned from it."""
        return bool(self.advantages)


class VideoGRPOTrainer(GRPOTrainer):
    """Trains a video language model with any method.

    `engine` writes the rollouts where there is one, otherwise the policy does. `blocks`: whether packed rows have block
    masks. `on_broken_loss` makes the error for (step, loss). `vision_trained`: whether gradients reach the vision tower
    or its projector; then the policy's features are computed in the policy pass, otherwise one run of the tower serves
    all passes.
    """

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
        self._passes: list[dict[str, Any]] = []
        self._shown = 0
        self._current: dict[str, Any] | None = None
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
        )
        self.generator = replace(generator, world=self.world)
        self.order = RunOrder(
            samples=len(generator.dataset.samples),
            samples_per_step=samples_per_step,
            steps=self.args.max_steps,
            repeats=1,
            passes=self.args.gradient_accumulation_steps * self.num_iterations,
            seed=self.args.seed,
        )
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
        if blocks:
            for one in (self.policy, *([] if self.ref_model is None else [self.ref_model])):
                use_blocks(self.accelerator.unwrap_model(one))
        self.engine: Colocated | Served | None = None
        if engine is not None:
            load: Any = Served if isinstance(engine, ServerSettings) else Colocated
            self.engine = load(self.model, self.accelerator, self.processing_class, engine)
            self.use_vllm = True  # the loss then has TRL's importance ratio of what the engine drew
        if self.world.sharded:
            require_features(self.policy)
        announce_repeats(self.policy)
        self.counter = VisionCounter()
        self.counter.watch(self.policy)
        if self.ref_model is not None:
            self.counter.watch(self.accelerator.unwrap_model(self.ref_model))

    @property
    def policy(self) -> Any:
        """The model that is trained, out of what wraps it; adapters are inside it."""
        return base_of(self.accelerator.unwrap_model(self.model))

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the order of the run: every process gets all questions of a step, and takes its share itself."""
        return DataLoader(
            Dataset.from_dict({"index": list(range(self.order.samples))}),
            batch_size=self.samples_per_step,
            sampler=self.order,
            collate_fn=list,
        )

    def _prepare_inputs(self, generation_batch: Any) -> dict[str, Any]:
        """Return the rows of the next pass, after rolling out a new step when the last one is used up.

        Unlike TRL, which shuffles rows over passes, a branch stays whole: its prompt is computed in one pass alone.
        """
        passes = self.args.gradient_accumulation_steps
        if self._step % (passes * self.num_iterations) == 0 or not self._passes:
            self._passes = self._generate([row["index"] for row in generation_batch])
        return self._passes[self._step % passes]

    def _generate(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        tell_shards(self.policy)
        if self.ref_model is not None:
            tell_shards(self.accelerator.unwrap_model(self.ref_model))
        if self.engine is not None:
            self.engine.sync_weights()
        step = self.state.global_step
        generation = step // self.num_iterations
        with self.accelerator.autocast():
            rolled = self.generator.generate(
                self.policy,
                self._writer(),
                self._samples(indices),
                epoch=self._epoch(generation),
                step=generation,
            )
            self.last_groups = rolled.groups
            self._shown = patches_of([branch.prompt for branch in rolled.own.values()])
            self._prepare_next(generation + 1)
            tokens = sum(
                len(one.ids) for group in rolled.groups for w in _trained(group) for one in w.completions
            )
            passes = [self._rows(one, tokens) for one in self._cut(rolled, tokens)]
            for rows in passes:
                self._score_before(rows)
        self._record(step, rolled)
        return passes

    def _samples(self, indices: Sequence[int]) -> list[Sample]:
        return [self.generator.dataset.samples[index] for index in indices]

    def _epoch(self, generation: int) -> int:
        return epoch_of(generation, len(self.generator.dataset.samples), self.samples_per_step)

    def _prepare_next(self, generation: int) -> None:
        if generation * self.num_iterations < self.args.max_steps:
            samples = self._samples(self.order.step_indices(generation))
            self.generator.prepare(samples, epoch=self._epoch(generation), step=generation)

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

    def _cut(self, rolled: Generation, tokens: int) -> list[Pass]:
        """Deal this process's trained branches out to the passes of a step.

        The objective is the mean over questions of their rollouts' losses, each times the method's `row_weight`. TRL
        takes means over a pass's rows (over a step's tokens in dapo), over passes and over processes; `scale` undoes
        them, so that neither the cut nor the number of processes changes the step.
        """
        passes, groups = self.args.gradient_accumulation_steps, rolled.groups
        trained = [place for place in sorted(rolled.own) if rolled.own[place].written.branch.trained]
        everyone = sum(len(written.completions) for group in groups for written in _trained(group))
        each = -(-len(trained) // passes)
        cut = []
        for number in range(passes):
            places = trained[number * each : (number + 1) * each]
            branches = tuple(rolled.own[place] for place in places)
            advantages = tuple(groups[place.question].advantages[place.branch] for place in places)
            rows = max(self.world.most(sum(len(one) for one in advantages)), 1)
            shares = passes * self.world.size
            counted: float = rows * shares if self.loss_type in MEAN_OF_ROWS else everyone
            if self.loss_type in MEAN_OF_OWN_TOKENS:
                own = sum(len(one.ids) for branch in branches for one in branch.written.completions)
                counted *= own * shares / tokens
            scale = counted * self.generator.method.row_weight / len(groups)
            cut.append(Pass(branches or (rolled.spare,), advantages, rows, scale))
        return cut

    def _rows(self, one: Pass, tokens: int) -> dict[str, Any]:
        """Return prompts (padded left), completions (padded right) and advantages, one row per trained rollout."""
        pad, device = self._tokenizer.pad_token_id, self.accelerator.device
        prompts, completions = [], []
        for branch, written in zip(one.branches, one.completions, strict=True):
            prompts += [branch.prompt.input_ids_L.flip(0)] * len(written)
            completions += [torch.tensor(ids) for ids in written]
        blank = torch.empty(0, dtype=torch.long)
        filled = len(prompts) if one.weighted else 0
        prompt_ids, prompt_mask = _padded(prompts[:filled] + [blank] * (one.rows - filled), pad)
        completion_ids, completion_mask = _padded(completions[:filled] + [blank] * (one.rows - filled), pad)
        advantages = torch.cat([*one.advantages, torch.zeros(one.rows - filled)])
        return {
            "pass": one,
            "prompt_ids": prompt_ids.flip(1).to(device),
            "prompt_mask": prompt_mask.flip(1).to(device),
            "completion_ids": completion_ids.to(device),
            "completion_mask": completion_mask.to(device),
            "advantages": advantages.to(device),
            "num_items_in_batch": torch.tensor(tokens, device=device),
        }

    def _score_before(self, rows: dict[str, Any]) -> None:
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

    def _correct(self, rows: dict[str, Any]) -> None:
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

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
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

    def _score(self, forward: Any, rows: dict[str, Any], *, cached: bool) -> Scores:
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
        groups = rolled.groups
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


def _trained(group: GroupRollouts) -> Iterator[Written]:
    return (written for written in group.branches if written.branch.trained)


def _rewarded_elsewhere(**_: Any) -> list[float | None]:
    """Stand where TRL wants a reward function; rewards are the method's, given when a group is generated."""
    raise NotImplementedError(
        "TRL asked for rewards, which the method gives; its generation was not replaced."
    )


def _padded(rows: Sequence[Tensor], pad: int) -> tuple[Tensor, Tensor]:
    """Return the rows padded on the right, to one token at least, and their mask."""
    width = max(1, *(len(row) for row in rows))
    ids = torch.stack([torch.nn.functional.pad(row, (0, width - len(row)), value=pad) for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return ids, (torch.arange(width)[None] < lengths[:, None]).long()


def _fitted(values_NC: Tensor, shape: torch.Size) -> Tensor:
    """Return the values with zeros behind, in the shape of TRL's rows."""
    rows, width = values_NC.shape
    return torch.nn.functional.pad(values_NC, (0, shape[1] - width, 0, shape[0] - rows))
