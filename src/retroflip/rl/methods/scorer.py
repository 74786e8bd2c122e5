"""Which model scores how much each frame of a video has to do with its question (STRIVE, section 3.3).

Settings only; the scorers themselves are in `models/scorers`.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

ScorerName = Literal["policy", "llava_onevision", "siglip2", "gradient"]


class ScorerSettings(BaseModel):
    """A frame scorer. The papers' is LLaVA-OneVision-0.5B (ST-GRPO, section 4); STRIVE's table 4 finds the policy best.

    Defaults to the start weights of the policy, which need no further checkpoint.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: ScorerName = Field(
        default="policy",
        description="policy, llava_onevision, siglip2: likeness of frame and question in that model's embeddings; "
        "gradient: size of the gradient of the policy's loss on the question",
    )
    path: str | None = Field(
        default=None,
        min_length=1,
        description="checkpoint, as model.path; null for the scorer's own, and always for those that use the policy",
    )
    revision: str | None = Field(default=None, description="branch, tag or commit of a hub checkpoint")

    @model_validator(mode="after")
    def _policy_is_the_model(self) -> "ScorerSettings":
        if self.name in {"policy", "gradient"} and (self.path, self.revision) != (None, None):
            raise ValueError(
                f"the scorer {self.name} uses the model that is trained: set scorer.path and scorer.revision to null, "
                "or name another scorer (llava_onevision, siglip2)"
            )
        return self
