"""Which model answers, what it is shown and how its answers are made: the options of `generate` and `filter`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli.quiet import quiet
from retroflip.cli.terminal import ARGUMENTS
from retroflip.errors import UsageError
from retroflip.video.budget import pixel_count

if TYPE_CHECKING:
    from retroflip.bench.presets import Preset

BUILT_IN = "built-in"
AS_TRAINED = "as in the model's run"


def _pixels(purpose: str) -> Any:
    """Return an option that takes a number of pixels, or a product of numbers."""
    return typer.Option(
        metavar="N", parser=_pixel_count, help=purpose, show_default=f"{AS_TRAINED}, or its processor's"
    )


def _pixel_count(text: str) -> int:
    count = pixel_count(text)
    if not isinstance(count, int) or count < 1:
        raise typer.BadParameter(f"{text!r} is no number of pixels, such as 200704 or 256x28x28.")
    return count


class NumberType(StrEnum):
    """The type of a model's weights."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


ModelOption = Annotated[
    str,
    typer.Option(
        metavar="M",
        help="A preset's name (`retroflip bench models` lists them), a hub name, a directory, or its name on a server.",
    ),
]
PresetsOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="YAML of presets of your own, which go before the shipped ones."),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What runs the model: ours, transformers, text, vllm or openai.",
        show_default="openai with --endpoint, else ours for known families and transformers for others",
    ),
]
EndpointOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="An OpenAI-compatible server: http://localhost:8000/v1."),
]
KeyVariableOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Environment variable that holds the server's key."),
]
DtypeOption = Annotated[
    NumberType | None, typer.Option(help="Type of the weights.", show_default="the preset's, or float32")
]
RevisionOption = Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub model.")]
FramesOption = Annotated[
    int | None, typer.Option(min=1, help="Frames per video.", show_default=f"{AS_TRAINED}, or 8")
]
MinPixelsOption = Annotated[
    int | None,
    _pixels("Pixels to which smaller frames and images are enlarged; 16x32x32 is a number too."),
]
MaxPixelsOption = Annotated[int | None, _pixels("Pixels to which larger ones are shrunk.")]
TotalPixelsOption = Annotated[
    int | None, _pixels("Pixels that a video's frames share, two merged ones counted once.")
]
SystemPromptOption = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", help=f"What stands before every question; {BUILT_IN!r} for retroflip's own words."
    ),
]
MaxTokensOption = Annotated[
    int | None,
    typer.Option(min=1, help="Tokens at which an answer is cut off.", show_default=f"{AS_TRAINED}, or 512"),
]
NullOptionOption = Annotated[
    bool | None,
    typer.Option(
        "--null-option/--no-null-option",
        help='Append "None of the above" to the options.',
        show_default=f"no-null-option; for --data {AS_TRAINED}",
    ),
]
BatchSizeOption = Annotated[
    str,
    typer.Option(
        metavar="N",
        help="Videos asked about at once, each with all its questions, or calls of a server; changes no answer. auto "
        "takes as many as memory holds and as are faster together.",
    ),
]
SeedOption = Annotated[
    int, typer.Option(min=0, help="Draws single frames, shuffles, random and sampled answers.")
]
MaxFailedShareOption = Annotated[
    float,
    typer.Option(min=0, max=1, help="Share of questions whose video, or whose answer, may fail."),
]
ProcessesOption = Annotated[
    int,
    typer.Option(min=1, help="Processes that share the videos, each with a GPU where there are several."),
]


@dataclass(frozen=True)
class AskedModel:
    """Which model is asked, and what runs it."""

    model: ModelOption
    presets: PresetsOption = None
    engine: EngineOption = None
    endpoint: EndpointOption = None
    key_variable: KeyVariableOption = None
    dtype: DtypeOption = None
    revision: RevisionOption = None

    def preset(self) -> "Preset":
        """Return the model's preset with what the options choose otherwise, and quiet the libraries that will load
        it."""
        from retroflip.bench.presets import preset_of, read_presets

        chosen = {
            "engine": self.engine,
            "endpoint": self.endpoint,
            "key_variable": self.key_variable,
            "dtype": self.dtype and self.dtype.value,
            "revision": self.revision,
        }
        found = preset_of(self.model, read_presets(self.presets))
        found = found.model_copy(update=_stated(chosen))
        quiet(found.model)
        return found


@dataclass(frozen=True)
class Conditions:
    """Under what conditions a model is asked, each None where its run or the benchmark says."""

    frames: FramesOption = None
    min_pixels: MinPixelsOption = None
    max_pixels: MaxPixelsOption = None
    total_pixels: TotalPixelsOption = None
    system_prompt: SystemPromptOption = None
    max_tokens: MaxTokensOption = None
    null_option: NullOptionOption = None

    def flags(self) -> dict[str, Any]:
        """Return the conditions that options set, by name."""
        flags = _stated(vars(self))
        if self.system_prompt == BUILT_IN:
            flags["system_prompt"] = None
        return flags


@dataclass(frozen=True)
class Work:
    """How the answers are made: what is drawn, in what portions, by how many processes."""

    batch_size: BatchSizeOption = "auto"
    seed: SeedOption = 0
    max_failed_share: MaxFailedShareOption = 0.01
    processes: ProcessesOption = 1

    def settings(self) -> dict[str, Any]:
        """Return these as `bench.job.Call` takes them. Raises UsageError for a size of batches that is none."""
        size = self.batch_size
        if size != "auto" and (not size.isdecimal() or int(size) < 1):
            raise UsageError(f"--batch-size {size!r} is neither a number from 1 on nor 'auto'.")
        return {
            "batch_size": None if size == "auto" else int(size),
            "seed": self.seed,
            "max_failed_share": self.max_failed_share,
        }

    def share_among(self, context: typer.Context) -> None:
        """Start the command again in so many processes, and exit as they do; in one of these, or for one, do
        nothing."""
        from retroflip.models.launching import is_launched, launch

        if self.processes > 1 and not is_launched():
            raise typer.Exit(launch(context.meta[ARGUMENTS], self.processes))


def _stated(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
