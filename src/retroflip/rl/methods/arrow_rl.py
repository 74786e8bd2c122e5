"""ArrowRL, as CRPO's appendix B.3 gives it: answers that mirror the one on the reversed video earn less.

One response o~ is sampled on the reversed video and never trained. A rollout o_i on the video earns
I[o_i = o*] + alpha_i (1 - I[o_i = o~]), with alpha_i = alpha where o~ = o* and 0 elsewhere. So the reverse term is paid
to wrong rollouts alone, where the answer on the reversed video is the right one. With the literal reading it narrows
the step from wrong to right and does nothing else, which mean-and-std normalisation cancels (appendix F); `normalise`
offers other divisors.

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
        description="weight of the reverse reward where the answer on the reversed video is right",
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

        Components: correct, which is the fidelity (both branches; the probe's says whether alpha_i is alpha), reverse
        and format (original only).
        """
        forward, (reference,) = group.rollouts
        correct, sensitive = (correctness(rollouts, group.gold) for rollouts in group.rollouts)
        differs = change(forward, reference.answer, literal=self.settings.literal_change)
        none = torch.zeros(0)
        components = {
            "correct": (correct, sensitive),
            "reverse": (self.settings.alpha * sensitive * differs, none),
            "format": (well_formedness(forward, self.settings.format_weight), none),
        }
        return Rewards(components, (total(components, branch=0), total(components, branch=1)))
