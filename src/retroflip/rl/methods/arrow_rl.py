"""ArrowRL, as CRPO's appendix B.3 gives it: answers that mirror the one on the reversed video earn less.

One response o~ is sampled on the reversed video and never trained. A rollout o_i on the video earns
I[o_i = o*] + alpha_i (1 - I[o_i = o~]), with alpha_i = alpha on "AoT-sensitive samples" and 0 elsewhere. Which samples
these are reads two ways, and `sensitive_where` says which is meant:

- `equal`, the letter of B.3 ("AoT-sensitive samples (o~ = o*)"): where the reversed video gets the right answer too.
  The reverse term is then paid to wrong rollouts alone. With the literal reading of change it narrows the step from
  wrong to right and does nothing else, which mean-and-std normalisation cancels (appendix F); `normalise` offers other
  divisors.
- `differs`, the sense of the words: where the reversed video gets another answer, so that time's direction matters.
  The term is then paid to right rollouts and to those wrong in another way than o~.

What B.3 leaves open, and ours: fidelity is stated for multiple choice, and is correctness for every type of question;
an unparsed answer earns no reverse term, or garbage would be paid (`literal_change`); and the format reward is added,
since B.1 has it "shared by all RL methods", although B.3's formula does not name it (`format_weight: 0`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import Field

from retroflip.data.sample import Sample
from retroflip.rl.methods.base import Branch, Group, Rewards
from retroflip.rl.methods.configured import OneTrained, OneTrainedConfig, original
from retroflip.rl.rewards import change, correctness, total, well_formedness
from retroflip.video.transforms import Transform
from retroflip.video.views import Transformed


class ArrowRlSettings(OneTrainedConfig):
    """Settings of ArrowRL; the defaults are those of CRPO's appendix B.3."""

    name: Literal["arrow_rl"] = "arrow_rl"
    alpha: float = Field(
        default=0.25,
        ge=0,
        description="weight of the reverse reward, on samples that the direction of time changes",
    )
    sensitive_where: Literal["equal", "differs"] = Field(
        default="equal",
        description="samples with the reverse reward: those whose answer on the reversed video equals the solution "
        "(B.3's letter) or differs from it",
    )
    literal_change: bool = Field(
        default=False, description="count an unparsed answer as other than the reversed video's, as B.3 reads"
    )

    def method(self) -> "ArrowRl":
        """Return the method with these settings."""
        return ArrowRl(self)


@dataclass(frozen=True)
class ArrowRl(OneTrained[ArrowRlSettings]):
    """GRPO with a reward for answering otherwise than on the reversed video."""

    def video_branches(self, sample: Sample, rng: np.random.Generator) -> tuple[Branch, ...]:  # noqa: ARG002
        """Return the original branch and a probe of one rollout on the reversed video."""
        reversed_video = Branch("reversed", Transformed(Transform.REVERSE), trained=False, rollouts=1)
        return (original(self.settings.rollouts), reversed_video)

    def video_rewards(self, group: Group) -> Rewards:
        """Return r_fid + alpha_i r_rev + R_format on the video.

        Components: correct, which is the fidelity (both branches), reverse and format (original only).
        """
        forward, probe = group.rollouts
        correct, mirrored = (correctness(rollouts, group.gold) for rollouts in group.rollouts)
        literal = self.settings.literal_change
        equal = self.settings.sensitive_where == "equal"
        sensitive = mirrored if equal else change(probe, group.gold, literal=literal)
        differs = change(forward, probe[0].answer, literal=literal)
        none = torch.zeros(0)
        components = {
            "correct": (correct, mirrored),
            "reverse": (self.settings.alpha * sensitive * differs, none),
            "format": (well_formedness(forward, self.settings.format_weight), none),
        }
        return Rewards(components, (total(components, branch=0), total(components, branch=1)))
