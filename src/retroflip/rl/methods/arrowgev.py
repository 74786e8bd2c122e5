"""ArrowGEV (arXiv 2601.06559): events are grounded in the video, and told from what they are when it runs backwards.

A rollout on the video earns r_acc + alpha r_temp + r_form. r_acc is the IoU of its span o_i with the gold one. r_temp
looks at a span o~ that was answered on the reversed video and is never trained on: with S the IoU of o~ and the place
where the span would lie there, r_temp = 1 - S for a time-sensitive event ("puts down a bag": reversed it is picked up,
and is not to be found) and S for one that is the same both ways ("holds a towel").

Known to us are the paper's abstract, what others tell of its sections, and its public code
(github.com/Yu-Fangxu/ArrowGEV), which is followed where it says what the formula leaves open; each is a setting:

- S compares o~ with the rollout's own span, mirrored: [T - e_i, T - s_i] (`reference: own`). With the gold span
  mirrored (`gold`), one r_temp would be paid to the whole group, which mean-and-std normalisation takes out again.
- Its IoU is Time-R1's, (1 - |s - s'| / T) (1 - |e - e'| / T) times the plain one (`iou: timestamp`).
- alpha is 0.5, its training script's; one response is sampled on the reversed video (`probes`).

Ours: that response is drawn at the rollouts' temperature, there greedily. An unparsed rollout earns no r_temp; there it
is the span [0, 0], which is paid alpha on every time-sensitive event (`literal_change`). T is the time between the
first and the last frame shown. Whether an event is time-sensitive is what the record says in its label "sensitive"
("yes" or "no", as in the paper's training file), or else whether its task type says that reversal changes it.
Left out are its weights of samples by difficulty (off in its training script). Its curriculum, which between epochs
keeps the events with 0 < IoU <= 0.7, is `retroflip filter --draws 1 --max 0.7`. Questions without a span, and options
with one, earn R_correct + R_format on the video alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import Field

from retroflip.data.answers import Answer
from retroflip.data.answers.spans import Span, best_iou, read_spans, timestamp_iou
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError
from retroflip.rl.methods.base import Branch, Group, Rewards, Rollout
from retroflip.rl.methods.configured import OneTrained, OneTrainedConfig, original, plain_rewards
from retroflip.rl.methods.counterfactual import moved
from retroflip.rl.rewards import total, well_formedness
from retroflip.video.transforms import Transform
from retroflip.video.views import Transformed

SENSITIVE = "sensitive"
"""the label of a record that says whether its event is time-sensitive"""


class ArrowGevSettings(OneTrainedConfig):
    """Settings of ArrowGEV; the defaults are those of the paper's public code."""

    name: Literal["arrowgev"] = "arrowgev"
    alpha: float = Field(default=0.5, ge=0, description="weight of the reward for the direction of time")
    reference: Literal["own", "gold"] = Field(
        default="own",
        description="whose span, mirrored, that on the reversed video is compared with: the rollout's or the gold one",
    )
    iou: Literal["timestamp", "plain"] = Field(
        default="timestamp", description="IoU of spans, less for ends that lie apart (timestamp) or plain"
    )
    probes: int = Field(
        default=1, ge=1, description="responses on the reversed video; of several the mean counts"
    )
    literal_change: bool = Field(
        default=False,
        description="pay an unparsed rollout for a time-sensitive event as if it had said [0, 0], as the code does",
    )

    def method(self) -> "ArrowGev":
        """Return the method with these settings."""
        return ArrowGev(self)


@dataclass(frozen=True)
class ArrowGev(OneTrained[ArrowGevSettings]):
    """GRPO for spans, with a reward for what becomes of the event when time runs backwards."""

    def video_branches(self, sample: Sample, rng: np.random.Generator) -> tuple[Branch, ...]:  # noqa: ARG002
        """Return the original branch, and for a question about a span a probe on the reversed video.

        Raises DataError for such a question of which it is not known whether its event is time-sensitive.
        """
        if sample.problem_type is not ProblemType.GROUNDING:
            return (original(self.settings.rollouts),)
        is_sensitive(sample)
        probe = Branch(
            "reversed", Transformed(Transform.REVERSE), trained=False, rollouts=self.settings.probes
        )
        return (original(self.settings.rollouts), probe)

    def video_rewards(self, group: Group) -> Rewards:
        """Return r_acc + alpha r_temp + r_form on the video.

        Components: correct (r_acc; on the reversed video the overlap with the mirrored gold span), temporal, which is
        alpha r_temp, and format (both original only).
        """
        if len(group.branches) == 1:
            return plain_rewards(group, self.settings.format_weight)
        forward, probes = group.rollouts
        gold = moved(group.gold, Transform.REVERSE, group.between)
        none = torch.zeros(0)
        components = {
            "correct": (self._overlaps(forward, group.gold, group), self._overlaps(probes, gold, group)),
            "temporal": (self.settings.alpha * self._temporal(group), none),
            "format": (well_formedness(forward, self.settings.format_weight), none),
        }
        return Rewards(components, (total(components, branch=0), total(components, branch=1)))

    def _temporal(self, group: Group) -> torch.Tensor:
        """Return r_temp of each rollout on the video, shape (G,)."""
        forward, probes = group.rollouts
        sensitive, literal = is_sensitive(group.sample), self.settings.literal_change
        earned = []
        for rollout in forward:
            own = self.settings.reference == "own"
            reference = moved(rollout.answer if own else group.gold, Transform.REVERSE, group.between)
            similarity = float(self._overlaps(probes, reference, group).mean())
            read = rollout.answer is not None or (literal and sensitive)
            earned.append((1.0 - similarity if sensitive else similarity) if read else 0.0)
        return torch.tensor(earned, dtype=torch.float32)

    def _overlaps(self, rollouts: Sequence[Rollout], reference: Answer | None, group: Group) -> torch.Tensor:
        """Return the IoU of each rollout's span with a reference, 0 where one of them could not be parsed."""
        golds = [] if reference is None else read_spans(reference.value)
        return torch.tensor(
            [self._overlap(rollout.answer, golds, group.between) for rollout in rollouts], dtype=torch.float32
        )

    def _overlap(self, answer: Answer | None, golds: Sequence[Span], between: Span | None) -> float:
        if answer is None or not golds:
            return 0.0
        (span,) = read_spans(answer.value)
        if self.settings.iou == "plain" or between is None:
            return best_iou(span, golds)
        return max(timestamp_iou(span, gold, between[1] - between[0]) for gold in golds)


def is_sensitive(sample: Sample) -> bool:
    """Return whether a question's event is another one in the reversed video.

    Raises DataError where neither its label nor its task type says so.
    """
    label = sample.labels.get(SENSITIVE, "").strip().lower()
    if label in ("yes", "no"):
        return label == "yes"
    if label or sample.task_type is None:
        raise DataError(
            f"Sample {sample.id!r}: nothing says whether its event is another one in the reversed video, which "
            f"ArrowGEV needs (labels.{SENSITIVE} is {label!r}, and there is no task_type). Write the label "
            f"{SENSITIVE!r} with 'yes' or 'no', or have `retroflip route` add task types."
        )
    return sample.task_type.reversal
