"""TRL's GRPOTrainer with eyes: every pass over a completion is given the video that the completion was about.

TRL keeps the loss, the optimisation loop, the reference model and the checkpoints. Replaced are where completions are
generated (`_generate_and_score_completions`), where they are scored (`_get_per_token_logps_and_entropies`) and the
order of the data; a step is also refused on a broken loss. Which RL method runs is not visible here.

Shapes: N trained rollouts of a step (rows), C tokens of the longest completion.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from retroflip.errors import BlindnessError, NonFiniteLossError
from retroflip.models.features import VisualFeatures, encode_videos
from retroflip.order import RunOrder, epoch_of
from retroflip.rl.generation import BranchRollouts, Generator, GroupRollouts
from retroflip.rl.metrics import group_metrics
from retroflip.rl.rollout import Roller
from retroflip.rl.shared_prefix import Scores, score

StepListener = Callable[[int, Sequence[GroupRollouts]], None]
"""called with (step, groups) after every generation"""


class VideoGRPOTrainer(GRPOTrainer):
    """Trains a video language model with any method.

    `args.num_generations` must be the number of trained rollouts of one sample. `vision_trained` says whether
    gradients reach the vision tower or its projector: then the policy's features are computed in the policy pass,
    otherwise one run of the tower serves all passes.
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
    ) -> None:
        self.generator = generator
        self.samples_per_step = samples_per_step
        self.vision_trained = vision_trained
        self.on_step = on_step
        self.rollouts_per_sample = _stated(args.num_generations)
        self._rolled: list[BranchRollouts] = []
        self._row_branch: Tensor | None = None
        super().__init__(
            model=model,
            reward_funcs=_rewarded_elsewhere,
            args=args,
            train_dataset=Dataset.from_dict({"index": list(range(len(generator.dataset.samples)))}),
            processing_class=generator.encoder.processor,
        )
        self.roller = Roller(
            self.accelerator.unwrap_model(self.model),
            pad_token=self._tokenizer.pad_token_id,
            end_tokens=self.eos_token_ids,
            special_tokens=generator.encoder.special_tokens,
        )

    def _get_train_sampler(self, dataset: Dataset | None = None) -> RunOrder:  # noqa: ARG002 - TRL's signature
        return RunOrder(
            samples=len(self.generator.dataset.samples),
            samples_per_step=self.samples_per_step,
            steps=self.args.max_steps,
            repeats=self.rollouts_per_sample,
            passes=self.args.gradient_accumulation_steps * self.num_iterations,
            seed=self.args.seed,
        )

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Return TRL's batch of rows, one per trained rollout, with the branch that each row belongs to."""
        samples = [
            self.generator.dataset.samples[row["index"]] for row in inputs[:: self.rollouts_per_sample]
        ]
        step = self.state.global_step
        generation = step // self.num_iterations
        epoch = epoch_of(generation, len(self.generator.dataset.samples), self.samples_per_step)
        policy = self.accelerator.unwrap_model(self.model)
        groups = self.generator.generate(policy, self.roller, samples, epoch=epoch, step=step)
        self._record(step, groups)
        trained = [
            (rolled, advantages)
            for group in groups
            for rolled, advantages in zip(group.branches, group.advantages, strict=True)
            if rolled.branch.trained
        ]
        self._rolled = [rolled for rolled, _ in trained]
        batch = self._rows([advantages for _, advantages in trained])
        with torch.no_grad():
            everything = batch["branch"]
            if self.num_iterations > 1:
                batch["old_per_token_logps"] = self._score(policy, everything, cached=True).log_probs_NC
            if self.ref_model is not None:
                cached = not self.vision_trained
                batch["ref_per_token_logps"] = self._score(
                    self.ref_model, everything, cached=cached
                ).log_probs_NC
        return batch

    def _record(self, step: int, groups: Sequence[GroupRollouts]) -> None:
        metrics = group_metrics(
            [group.group for group in groups],
            [group.rewards for group in groups],
            [group.advantages for group in groups],
        )
        written = [one for group in groups for rolled in group.branches for one in rolled.completions]
        metrics["completion/length"] = sum(len(one.ids) for one in written) / len(written)
        metrics["completion/truncated"] = sum(one.truncated for one in written) / len(written)
        for name, value in metrics.items():
            self._metrics["train"][name].append(value)
        self.on_step(step, groups)

    def _rows(self, advantages: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return prompts (padded left), completions (padded right) and advantages, one row per trained rollout."""
        pad, device = self._tokenizer.pad_token_id, self.accelerator.device
        prompts, completions, branch = [], [], []
        for index, rolled in enumerate(self._rolled):
            for completion in rolled.completions:
                prompts.append(rolled.prompt.input_ids_L.flip(0))
                completions.append(torch.tensor(completion.ids))
                branch.append(index)
        prompt_ids, prompt_mask = _padded(prompts, pad)
        completion_ids, completion_mask = _padded(completions, pad)
        return {
            "prompt_ids": prompt_ids.flip(1).to(device),
            "prompt_mask": prompt_mask.flip(1).to(device),
            "completion_ids": completion_ids.to(device),
            "completion_mask": completion_mask.to(device),
            "advantages": torch.cat(list(advantages)).to(device),
            "branch": torch.tensor(branch, device=device),
            "num_items_in_batch": completion_mask.sum().to(device),
        }

    def _compute_loss(self, model: Any, inputs: dict[str, Tensor]) -> Tensor:
        self._row_branch = inputs["branch"]
        loss: Tensor = super()._compute_loss(model, inputs)  # type: ignore[no-untyped-call]
        return loss * self.generator.method.loss_scale

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        *_: Any,
        **__: Any,
    ) -> tuple[Tensor, Tensor, None]:
        """Score rows with their videos. TRL calls this for the policy; its image arguments do not apply.

        Raises BlindnessError when a row's prompt is not the one that its completion was sampled from.
        """
        if self._row_branch is None or len(self._row_branch) != len(input_ids):
            raise BlindnessError(
                "Rows reached the scoring pass without their branches, and so without their videos."
            )
        self._check_prompts(
            self._row_branch, input_ids[:, :-logits_to_keep], attention_mask[:, :-logits_to_keep]
        )
        lengths = attention_mask[:, -logits_to_keep:].sum(dim=1).tolist()
        completions = [
            row[:length].tolist() for row, length in zip(input_ids[:, -logits_to_keep:], lengths, strict=True)
        ]
        scores = self._score(model, self._row_branch, completions, cached=not self.vision_trained)
        width = (0, logits_to_keep - scores.log_probs_NC.shape[1])
        pad = torch.nn.functional.pad
        return pad(scores.log_probs_NC, width), pad(scores.entropies_NC, width), None

    def _check_prompts(self, row_branch: Tensor, prompt_ids: Tensor, prompt_mask: Tensor) -> None:
        for ids, mask, branch in zip(prompt_ids, prompt_mask, row_branch.tolist(), strict=True):
            if not torch.equal(ids[mask.bool()].cpu(), self._rolled[branch].prompt.input_ids_L):
                raise BlindnessError(
                    "A prompt that is scored differs from the one that was rolled out: the completion would be judged "
                    "as the answer to another question or video."
                )

    def _score(
        self, model: Any, row_branch: Tensor, completions: Sequence[list[int]] | None = None, *, cached: bool
    ) -> Scores:
        """Score the rows' completions (those just rolled out by default), each branch packed into one row."""
        if completions is None:
            completions = [list(one.ids) for rolled in self._rolled for one in rolled.completions]
        rows_of: dict[int, list[int]] = {}
        for row, branch in enumerate(row_branch.tolist()):
            rows_of.setdefault(branch, []).append(row)
        branches = [self._rolled[branch] for branch in rows_of]
        scores = score(
            model,
            [rolled.prompt for rolled in branches],
            self._features(model, branches, cached=cached),
            [[completions[row] for row in rows] for rows in rows_of.values()],
            pad_token=self._tokenizer.pad_token_id,
            temperature=self.temperature,
        )
        packed_order = torch.tensor(
            [row for rows in rows_of.values() for row in rows], device=row_branch.device
        )
        back = packed_order.argsort()
        return Scores(scores.log_probs_NC[back], scores.entropies_NC[back])

    def _features(
        self, model: Any, branches: Sequence[BranchRollouts], *, cached: bool
    ) -> list[VisualFeatures | None]:
        if cached:
            return [rolled.features for rolled in branches]
        return encode_videos(self.accelerator.unwrap_model(model), [rolled.prompt for rolled in branches])

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """Take TRL's step. Raises NonFiniteLossError before the optimizer can move on a broken loss."""
        loss: Tensor = super().training_step(model, inputs, num_items_in_batch)  # type: ignore[no-untyped-call]
        if not math.isfinite(float(loss)):
            asked = sorted({row["index"] for row in inputs}) if isinstance(inputs, list) else []
            names = ", ".join(self.generator.dataset.samples[index].id for index in asked)
            raise NonFiniteLossError(
                f"The loss became {float(loss)} at step {self.state.global_step + 1}, on the samples {names}. Nothing "
                "was updated; the last checkpoint is intact. A lower train.learning_rate or train.max_grad_norm helps."
            )
        return loss

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write no model card: the run directory says what was trained, and how."""


def _stated(num_generations: int | None) -> int:
    if num_generations is None:
        raise ValueError(
            "args.num_generations must be the number of trained rollouts of one sample; it is None."
        )
    return num_generations


def _rewarded_elsewhere(**_: Any) -> list[float | None]:
    """Stand where TRL wants a reward function; rewards are the method's, given when a group is generated."""
    raise NotImplementedError(
        "TRL asked for rewards, which the method gives; its generation was not replaced."
    )


def _padded(rows: Sequence[Tensor], pad: int) -> tuple[Tensor, Tensor]:
    """Return the rows padded on the right, and their mask."""
    ids = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=pad)
    lengths = torch.tensor([len(row) for row in rows])
    return ids, (torch.arange(ids.shape[1])[None] < lengths[:, None]).long()
