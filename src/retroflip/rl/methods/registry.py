"""The methods there are. Adding one means its own file and its settings in `AnySettings`."""

from typing import Annotated, TypeAlias, get_args

from pydantic import Field

from retroflip.rl.methods.arrow_rl import ArrowRlSettings
from retroflip.rl.methods.base import Method
from retroflip.rl.methods.crpo import CrpoSettings
from retroflip.rl.methods.dr_grpo import DrGrpoSettings
from retroflip.rl.methods.grpo import GrpoSettings
from retroflip.rl.methods.strive import StriveSettings
from retroflip.rl.methods.t_grpo import TGrpoSettings

AnySettings: TypeAlias = (
    GrpoSettings | DrGrpoSettings | TGrpoSettings | ArrowRlSettings | CrpoSettings | StriveSettings
)
MethodSettings = Annotated[AnySettings, Field(discriminator="name")]
"""The type of a recipe's `method` section: which settings are valid depends on its `name`."""

METHODS: dict[str, type[AnySettings]] = {
    settings.model_fields["name"].default: settings for settings in get_args(AnySettings)
}
"""Settings class by method name."""


def build(settings: AnySettings) -> Method:
    """Return the method that the settings describe."""
    return settings.method()
