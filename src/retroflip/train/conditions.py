"""How a model is asked: what it is shown of a video, and in which words.

A run writes that into the folder of its model, so that whoever judges the model, here or from a copy, asks as it was
trained (`retroflip generate`) and knows where it comes from (its card).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retroflip.data.dataset import VideoDataset
from retroflip.errors import DataError, UsageError, first_fault
from retroflip.files.storage import read_json_object, write_json_atomic
from retroflip.inference.base import Wanted
from retroflip.models.budget import Bounds
from retroflip.models.loading import TRAINED_FILE, locate
from retroflip.recipes.schema import Recipe
from retroflip.video.budget import PixelBudget
from retroflip.video.frames import Fits
from retroflip.video.hashing import sha256_file
from retroflip.video.samplers import UNIFORM, Sampler

DEFAULT_MAX_TOKENS = 512

AtLeastOne = Annotated[int, Field(ge=1)]


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Conditions(_Written):
    """How a model is asked.

    frames: per video. sampler, fps: which ones, as in `Sampler`. min_pixels, max_pixels, total_pixels: as in
    `PixelBudget`. system_prompt: None for the built-in one. null_option: whether "None of the above" is appended to the
    options. max_tokens: at which an answer is cut off; None where a run had no such limit.
    """

    frames: AtLeastOne = 8
    sampler: str = UNIFORM.name
    fps: Annotated[float, Field(gt=0)] | None = None
    min_pixels: AtLeastOne | None = None
    max_pixels: AtLeastOne | None = None
    total_pixels: AtLeastOne | None = None
    system_prompt: str | None = None
    null_option: bool = True
    max_tokens: AtLeastOne | None = None

    @classmethod
    def of_run(cls, recipe: Recipe) -> Self:
        """Return how a run asks its model."""
        data = recipe.data
        return cls(
            frames=data.frames,
            sampler=data.sampler,
            fps=data.fps,
            min_pixels=data.min_pixels,
            max_pixels=data.max_pixels,
            total_pixels=data.total_pixels,
            system_prompt=recipe.prompt.system,
            null_option=recipe.null_option,
            max_tokens=recipe.max_tokens,
        )

    @property
    def sampling(self) -> Sampler:
        """Which frames of a video are shown."""
        return Sampler(self.sampler, self.fps)

    @property
    def budget(self) -> PixelBudget:
        """Bounds on the pixels of frames and videos."""
        return PixelBudget(self.min_pixels, self.max_pixels, self.total_pixels)

    def told(self, names: Iterable[str] | None = None) -> str:
        """Return these conditions, or all, in words; bounds that are the processor's own are left out."""
        values = self.model_dump(
            mode="json", include=set(Conditions.model_fields if names is None else names)
        )
        if "system_prompt" in values:
            own = values["system_prompt"]
            values["system_prompt"] = "built-in" if own is None else own
        return ", ".join(f"{name}={json.dumps(value)}" for name, value in values.items() if value is not None)


class Lesson(_Written):
    """One run that a model has behind it. method: "sft", or the method of reinforcement learning. records: its file's
    name. sha256: of that file."""

    method: str
    steps: AtLeastOne
    questions: AtLeastOne
    records: str
    sha256: str


class Trained(_Written):
    """What a trained model's folder says of it.

    asked: how its last run asked it. own_bounds: those that its processor had before the run's pixel budget. base: the
    model that the first run began with. lessons: the runs, the first one first.
    """

    version: Literal[1] = Field(default=1, alias="schema")
    asked: Conditions
    own_bounds: Bounds
    base: str
    lessons: tuple[Lesson, ...]

    @classmethod
    def by_run(cls, recipe: Recipe, own_bounds: Bounds, questions: int) -> Self:
        """Return what there is to say of the model that a run has made out of so many questions."""
        name, records = recipe.model.path, recipe.data.records_file
        start = read_trained(name, recipe.model.revision)
        lesson = Lesson(
            method=recipe.trained_by,
            steps=recipe.train.steps,
            questions=questions,
            records=records.name,
            sha256=sha256_file(records),
        )
        return cls(
            asked=Conditions.of_run(recipe),
            own_bounds=own_bounds,
            # A directory's path is nobody else's concern.
            base=start.base if start else Path(name).name if Path(name).is_dir() else name,
            lessons=(*(start.lessons if start else ()), lesson),
        )

    def write(self, folder: Path) -> None:
        """Write it beside the model's weights."""
        write_json_atomic(folder / TRAINED_FILE, self.model_dump(mode="json", by_alias=True))


def read_trained(model: str, revision: str | None = None) -> Trained | None:
    """Return what the folder of a model says of it, or its repository on the hub; None for a model of other origin.

    Raises UsageError where the file is damaged.
    """
    path = beside_weights(model, revision, TRAINED_FILE)
    if path is None:
        return None
    try:
        return Trained.model_validate(read_json_object(path))
    except (DataError, ValidationError) as error:
        reason = first_fault(error) if isinstance(error, ValidationError) else str(error)
        raise UsageError(
            f"{path} is not what retroflip wrote into the model's folder ({reason}), so it is not known how the model "
            "was asked in training. Restore it, or delete it and say it by options."
        ) from error


def beside_weights(model: str, revision: str | None, name: str) -> Path | None:
    """Return a small file in a model's folder, or in its repository on the hub; None where there is none."""
    folder = Path(locate(model))
    if folder.is_dir():
        path = folder / name
        return path if path.exists() else None
    try:
        return Path(hf_hub_download(model, name, revision=revision))
    except (EntryNotFoundError, OSError, ValueError):
        return None  # what hinders more than this file is said when the model is loaded


WHENCE = {
    "model": "as in the model's run",
    "flag": "by options",
    "preset": "by the model's preset",
    "benchmark": "as the benchmark asks",
    "default": "by default",
}
"""where a condition may come from, in words"""


@dataclass(frozen=True)
class Chosen:
    """How a model is asked, and where each condition comes from.

    origins: by a condition's name "flag" (who asks), "model" (the run that made it), "default", or another name of
    `WHENCE`. own_bounds: as in `Trained`, None for a model of other origin.
    """

    asked: Conditions
    origins: Mapping[str, str]
    own_bounds: Bounds | None

    @property
    def max_tokens(self) -> int:
        """Tokens at which an answer is cut off."""
        return self.asked.max_tokens or DEFAULT_MAX_TOKENS

    def described(self) -> dict[str, dict[str, Any]]:
        """Return each condition with its origin, as JSON values."""
        values = self.asked.model_dump()
        return {name: {"value": values[name], "from": origin} for name, origin in self.origins.items()}

    def told(self) -> str:
        """Return the conditions in a line."""
        parts = {
            words: self.asked.told([name for name, of in self.origins.items() if of == origin])
            for origin, words in WHENCE.items()
        }
        return "; ".join(f"{words}: {told}" for words, told in parts.items() if told)

    def wanted(self, model: str, revision: str | None = None) -> Wanted:
        """Return the wish for an engine of this model that asks so."""
        asked = self.asked
        return Wanted(
            model,
            revision=revision,
            frames=asked.frames,
            budget=asked.budget,
            own_bounds=self.own_bounds,
            system_prompt=asked.system_prompt,
        )

    def seen(self, dataset: VideoDataset, fits: Fits | None) -> VideoDataset:
        """Return the data set as the model is shown it. fits: how its engine has pictures resized."""
        return dataset.seen(self.asked.frames, fits, self.asked.sampling)


def earlier_conditions(model: str) -> dict[str, Any]:
    """Return how the run that made a model asked it, as far as the run.json beside the model's folder says.

    For models of runs that left nothing about it in the folder itself; empty for others, and for what cannot be read.
    """
    folder = Path(locate(model))
    if folder.name != "model":
        return {}
    try:
        recipe = read_json_object(folder.parent / "run.json")["recipe"]
        prompt, method = recipe["prompt"], recipe.get("method") or {}
        stated = {
            **recipe["data"],
            "system_prompt": prompt.get("system"),
            "null_option": {**prompt, **method}.get("null_option"),
            "max_tokens": recipe["train"].get("max_completion_length"),
        }
        found = {name: stated[name] for name in Conditions.model_fields if stated.get(name) is not None}
        Conditions.model_validate(found)
    except (DataError, KeyError, TypeError, AttributeError, ValidationError):
        return {}
    return found


def chosen(
    flags: Mapping[str, Any],
    trained: Trained | None,
    earlier: Mapping[str, Any] | None = None,
    *,
    over: Sequence[tuple[str, Mapping[str, Any]]] = (),
    under: Sequence[tuple[str, Mapping[str, Any]]] = (),
) -> Chosen:
    """Return the conditions that `flags` state, with those of the model's run for the rest, and else the defaults.

    earlier: of the run of a model whose folder says nothing (`earlier_conditions`). over, under: conditions of other
    origins (`WHENCE`) that come between: before those of the model's run and behind them.
    Raises UsageError for a sampler that there is not, or that lacks its frames per second.
    """
    of_model = trained.asked.model_dump() if trained else dict(earlier or {})
    if of_model.get("max_tokens") is None:
        of_model.pop("max_tokens", None)
    default = Conditions(max_tokens=DEFAULT_MAX_TOKENS, null_option=False).model_dump()
    stated = (("flag", flags), *over, ("model", of_model), *under, ("default", default))
    # The frames per second of one sampler are none of another's.
    sources = [(origin, {"fps": None, **one} if "sampler" in one else one) for origin, one in stated]
    found = {
        name: next((origin, source[name]) for origin, source in sources if name in source)
        for name in Conditions.model_fields
    }
    try:
        asked = Conditions(**{name: value for name, (_, value) in found.items()})
        asked.sampling.check()
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{'.'.join(map(str, first['loc']))}: {first_fault(error)}.") from error
    except ValueError as error:
        raise UsageError(f"It cannot be told which frames to show: {error}.") from error
    origins = {name: origin for name, (origin, _) in found.items()}
    return Chosen(asked, origins, trained.own_bounds if trained else None)
