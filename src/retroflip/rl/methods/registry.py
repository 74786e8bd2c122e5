"""The methods there are. Adding one means its own file and its settings in `AnySettings`."""

from typing import Annotated, TypeAlias, get_args

from pydantic import Field

from retroflip.rl.methods.arrow_rl import ArrowRlSettings
from retroflip.rl.methods.arrowgev import ArrowGevSettings
from retroflip.rl.methods.base import Method
from retroflip.rl.methods.crpo import CrpoSettings
from retroflip.rl.methods.dr_grpo import DrGrpoSettings
from retroflip.rl.methods.grpo import GrpoSettings
from retroflip.rl.methods.strive import StriveSettings
from retroflip.rl.methods.t_grpo import TGrpoSettings

AnySettings: TypeAlias = (
    GrpoSettings
    | DrGrpoSettings
    | TGrpoSettings
    | ArrowRlSettings
    | ArrowGevSettings
    | CrpoSettings
    | StriveSettings
)
MethodSettings = Annotated[AnySettings, Field(discriminator="name")]
"""The type of a recipe's `method` section: which settings are valid depends on its `name`."""

METHODS: dict[str, type[AnySettings]] = {
    settings.model_fields["name"].default: settings for settings in get_args(AnySettings)
}
"""Settings class by method name."""

OTHER_NAMES = {
    "st_grpo": "ST-GRPO is method=strive; recipes/paper/st_grpo.yaml has its settings.",
    "st_dr_grpo": "ST-Dr.GRPO is method=strive with method.normalise=none and train.loss_type=dr_grpo.",
    "sft": "Supervised fine-tuning is no method: `retroflip sft` runs its recipes.",
    **dict.fromkeys(
        ("dapo", "bnpo", "cispo", "sapo", "luspo", "vespo"), "It is a loss: set train.loss_type to it."
    ),
}
"""What is meant by names that papers and tools have for something that is no method of its own here."""


def build(settings: AnySettings) -> Method:
    """Return the method that the settings describe."""
    return settings.method()
