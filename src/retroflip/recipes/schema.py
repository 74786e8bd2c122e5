"""Recipes: everything that decides a training run, in one YAML file.

A recipe is a mapping of sections (`kind`, `model`, `data`, `method`, `train`, `prompt`). Settings without a
value that fits every run have no default and must be stated: steps, batch, rate, and in reinforcement learning
beta, epsilon, temperature, length and the loss's mean. The others default to the papers' values (a method's)
or to the plain case (no weight decay, no warm-up, every token in the nucleus), never to TRL's; the shipped
recipes state all that decides what is learned, and `resolved()` writes out every setting. Paths in a recipe
are relative to the recipe's folder; paths in overrides are relative to the working directory; `resolved()`
holds absolute ones and runs again as it is, wherever it is put. A run's `run.json` can be loaded as a recipe.
A recipe may extend another one (`shipped.py`) and then states only what it says otherwise.

Reading YAML and saying in plain words what is wrong with a recipe is `reading.py`'s part.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from retroflip.data.columns import Columns, check_columns
from retroflip.data.mixture import Curriculum, Mixing
from retroflip.data.sample import Modality, Sample
from retroflip.errors import DataError
from retroflip.files.storage import file_name
from retroflip.recipes import reading
from retroflip.video.budget import PixelBudget, pixel_count
from retroflip.video.samplers import UNIFORM, Sampler

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
AtLeastOne = Annotated[int, Field(ge=1)]
PixelCount = Annotated[int, Field(ge=1), BeforeValidator(pixel_count)]
"""a number, or a product as papers write it: 768 x 32 x 32"""


def _checked(columns: Columns) -> Columns:
    try:
        check_columns(columns)
    except DataError as error:
        raise ValueError(str(error).removesuffix(".")) from error
    return columns


ColumnMap = Annotated[
    dict[str, str | Annotated[tuple[str, ...], Field(strict=False)]], AfterValidator(_checked)
]
"""what is read from which of a file's own keys (`data/columns.py`)"""
Labels = dict[str, Annotated[tuple[str, ...], Field(strict=False, min_length=1)]]
Tracker = Literal["tensorboard", "wandb", "trackio"]


def _several(value: Any) -> Any:
    """Return a name alone as a list of one, and each name of a list once."""
    if isinstance(value, str):
        return () if value == "none" else (value,)
    return tuple(dict.fromkeys(value)) if isinstance(value, list) else value


PATHS = {
    "data": ("records", "root", "mixture.parts.records", "mixture.parts.root"),
    "general": ("records", "root"),
    "model": ("path",),
}
"""the settings that name files, by section"""
WHOLE = frozenset({"data.labels", "data.columns", "data.mixture", "general.columns"})
"""the settings whose keys are the user's own: a recipe replaces those of the one that it extends"""


class Section(BaseModel):
    """A part of a recipe: immutable, and closed to keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class LoraSection(Section):
    """Low-rank adapters, trained in place of the weights that they stand beside."""

    rank: AtLeastOne = Field(description="inner width of an adapter")
    alpha: AtLeastOne = Field(description="an adapter's output is multiplied by alpha / rank")
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="share of an adapter's inputs that training drops"
    )
    targets: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
        min_length=1,
        description="linear layers of the language model's blocks that get an adapter",
    )


class ModelSection(Section):
    """Which model is trained. Weights are read from safetensors, and no code that comes with them is run."""

    path: str = Field(
        default="retroflip-tiny",
        min_length=1,
        description="'retroflip-tiny', a hub name such as Qwen/Qwen3-VL-4B-Instruct, or a directory",
    )
    revision: str | None = Field(default=None, description="branch, tag or commit of a hub model")
    dtype: Literal["float32", "bfloat16"] = Field(
        default="float32",
        description="type of the weights. bfloat16 takes half the memory and is too coarse for small steps: most "
        "weights stay as they are at rates of 1e-5 and below",
    )
    vision: Literal["frozen", "projector", "trained"] = Field(
        default="frozen",
        description="which part of the vision tower is trained beside the language model: none, only the projector "
        "(CRPO, table 7), or all of it",
    )
    lora: LoraSection | None = Field(
        default=None,
        description="train low-rank adapters in place of the language model's weights, and of the vision tower's under "
        "`vision: trained`; the projector is trained whole all the same",
    )


class PartSection(Section):
    """One file of records in a mixture."""

    records: str = Field(min_length=1, description="file of records (JSONL, JSON, CSV or Parquet)")
    root: str | None = Field(default=None, description="where its paths start; by default its folder")
    name: str = Field(
        default="",
        pattern=r"^[\w.-]*$",
        description="before the ids of its questions; by default its file's name",
    )
    weight: Positive | None = Field(
        default=None,
        description="of its questions in an epoch; all parts have one, or none: then by their numbers",
    )
    modalities: (
        Annotated[tuple[Annotated[Modality, Field(strict=False)], ...], Field(strict=False, min_length=1)]
        | None
    ) = Field(default=None, description="which of its records are used; by default as data.modalities")
    labels: Labels = Field(default={}, description="as data.labels")
    limit: AtLeastOne | None = Field(default=None, description="use only its first so many records")
    columns: ColumnMap = Field(default={}, description="as data.columns")

    @property
    def part(self) -> str:
        """The part's name."""
        return self.name or file_name(Path(self.records).stem)

    def section(self, data: "DataSection") -> "DataSection":
        """Return the section that names this part alone."""
        own = {
            "mixture": None,
            "records": self.records,
            "root": self.root,
            "labels": {**data.labels, **self.labels},
            "limit": self.limit,
            "columns": self.columns,
            "modalities": self.modalities or data.modalities,
        }
        return data.model_copy(update=own)


class MixtureSection(Section):
    """Which files, how many questions of each, and in which order."""

    parts: Annotated[tuple[PartSection, ...], Field(strict=False)] = Field(min_length=1)
    size: AtLeastOne | None = Field(default=None, description="questions of an epoch; by default all")
    curriculum: Annotated[Curriculum, Field(strict=False)] = Field(
        default=Curriculum.NONE,
        description="order within an epoch, by the pass rates that `retroflip filter` measures",
    )
    blend: Share = Field(default=0.0, description="how much of a question's place in the curriculum is drawn")

    @model_validator(mode="after")
    def _named_and_weighed(self) -> Self:
        names = [part.part for part in self.parts]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two parts are called {twice[0]}: give one of them another name")
        if len({part.weight is None for part in self.parts}) > 1:
            raise ValueError("some parts have a weight and others none: give each a weight, or none")
        return self

    @property
    def mixing(self) -> Mixing:
        """How an epoch is put together."""
        weights = {part.part: part.weight for part in self.parts if part.weight is not None}
        return Mixing(weights or None, self.size, self.curriculum, self.blend)


class DataSection(Section):
    """Which video questions are trained on, and how many pixels of each video the model sees.

    min_pixels, max_pixels and total_pixels are those of Qwen's own tools; null leaves one to the model's processor.
    """

    records: str = Field(
        default="",
        description="file of records (JSONL, JSON, CSV or Parquet), or YAML: a mixture, or settings of videos that are "
        "drawn",
    )
    mixture: MixtureSection | None = Field(
        default=None, description="in place of records: several files of records as one"
    )
    root: str | None = Field(
        default=None, description="folder that the records' paths start from; by default the records' folder"
    )
    frames: int = Field(
        default=8,
        ge=2,
        multiple_of=2,
        description="frames per video; even, because models merge frames in twos and repeat an odd last one",
    )
    pool: int | None = Field(
        default=None,
        ge=2,
        description="frames decoded per video, of which every branch is shown `frames`; by default no more than those. "
        "STRIVE draws its variants from 64",
    )
    sampler: str = Field(
        default="uniform",
        description="which frames: uniform (evenly spread), fps (at a rate), or those that a public tool shows: "
        "vlmevalkit, lmms-eval, qwen-vl-utils",
    )
    fps: Positive | None = Field(
        default=None,
        description="frames per second that the sampler is asked for; then `frames` is the most that it shows, but "
        "for vlmevalkit, which has no limit",
    )
    modalities: Annotated[tuple[Annotated[Modality, Field(strict=False)], ...], Field(strict=False)] = Field(
        default=(Modality.VIDEO,),
        min_length=1,
        description="which records are used; images and texts are trained on with a single branch",
    )
    min_pixels: PixelCount | None = Field(
        default=None, description="pixels to which smaller frames and images are enlarged"
    )
    max_pixels: PixelCount | None = Field(
        default=None, description="pixels to which larger frames and images are shrunk"
    )
    total_pixels: PixelCount | None = Field(
        default=None,
        description="pixels of a whole video that its frames share, two merged ones counted once: its visual tokens "
        "times the pixels of one",
    )
    max_failed_share: Share = Field(
        default=0.01, description="share of undecodable videos above which the run stops"
    )
    labels: Labels = Field(
        default={},
        description="only records whose labels are among these, e.g. {term: [short]}; records that `synth` wrote have "
        "category, term, domain, mode and form",
    )
    limit: AtLeastOne | None = Field(default=None, description="use only the first so many records")
    columns: ColumnMap = Field(
        default={},
        description="for a file with keys of its own: what is read from which, e.g. {problem: q, options: choices, "
        "solution: label, path: clip}",
    )

    @model_validator(mode="before")
    @classmethod
    def _no_longer_sides(cls, values: Any) -> Any:
        if isinstance(values, dict) and "max_side" in values:
            raise ValueError(_instead_of_side(values["max_side"]))
        return values

    @model_validator(mode="after")
    def _records_or_a_mixture(self) -> "DataSection":
        if not self.records and self.mixture is None:
            raise ValueError("name a file as records, or the parts of a mixture")
        if self.records and self.mixture is not None:
            raise ValueError("records and mixture both say what is trained on: leave one of them out")
        if self.mixture is not None and (self.root is not None or self.columns or self.limit is not None):
            raise ValueError(
                "root, columns and limit belong to the parts of a mixture, and mixture.size says how many questions an "
                "epoch has: leave them out here"
            )
        return self

    @model_validator(mode="after")
    def _pixels_can_be_kept(self) -> "DataSection":
        self.budget.check(self.frames)
        return self

    @model_validator(mode="after")
    def _sampler_is_known(self) -> "DataSection":
        self.sampling.check()
        if self.pool is not None and self.sampling != UNIFORM:
            raise ValueError(
                f"pool is {self.pool}, and frames are chosen from a pool that is spread evenly: leave pool out, or set "
                "sampler to uniform"
            )
        return self

    @model_validator(mode="after")
    def _pool_holds_frames(self) -> "DataSection":
        if self.pool is not None and self.pool < self.frames:
            raise ValueError(
                f"pool is {self.pool}, fewer than the {self.frames} frames that are taken from it: set pool to "
                f"{self.frames} or more, or leave it out"
            )
        return self

    def chosen(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return the samples with the labels asked for, up to the limit. Raises DataError where there is none."""
        wanted = self.labels.items()
        kept = [one for one in samples if all(one.labels.get(name) in allowed for name, allowed in wanted)]
        if not kept:
            asked = ", ".join(f"{name} {' or '.join(allowed)}" for name, allowed in wanted)
            raise DataError(
                f"{self.records_file}: none of its {len(samples)} records is labelled {asked}, as data.labels asks "
                "for. Correct the labels, or name other records."
            )
        return kept[: self.limit]

    @property
    def sampling(self) -> Sampler:
        """Which frames of a video are shown."""
        return Sampler(self.sampler, self.fps)

    @property
    def budget(self) -> PixelBudget:
        """Bounds on the pixels of frames and videos."""
        return PixelBudget(self.min_pixels, self.max_pixels, self.total_pixels)

    @property
    def pool_frames(self) -> int:
        """Frames decoded per video."""
        return self.frames if self.pool is None else self.pool

    @property
    def records_file(self) -> Path:
        """The records' file; that of its first part where a mixture stands in the recipe itself."""
        return Path(self.mixture.parts[0].records if self.mixture else self.records)

    @property
    def root_folder(self) -> Path:
        """The folder that the records' paths start from."""
        return Path(self.root) if self.root is not None else self.records_file.parent


def _instead_of_side(side: Any) -> str:
    """Return what to write in place of `max_side`, which earlier recipes had."""
    said = "max_side is no setting any more, because models are shown a number of pixels and not a side"
    if not isinstance(side, int) or isinstance(side, bool) or side < 1:
        return f"{said}: leave it out; max_pixels, min_pixels and total_pixels bound pixels where they are stated"
    wide = f"{side} x {round(side * 9 / 16)}"
    return (
        f"{said}: write max_pixels: {wide} in its place, which is a picture of 16 : 9 with that side ({side} x {side} "
        "for square ones)"
    )


class PromptSection(Section):
    """What stands around the question."""

    system: str | None = Field(default=None, description="system prompt; null for the built-in one")


class OptimizerSection(Section):
    """What both kinds of training share."""

    steps: AtLeastOne = Field(description="optimizer steps")
    learning_rate: Positive = Field(description="peak learning rate of AdamW")
    warmup_steps: int = Field(
        default=0, ge=0, description="steps over which the rate rises from 0; a shorter run ends on the way"
    )
    schedule: Literal["constant", "linear", "cosine"] = Field(
        default="constant", description="the rate's course after the warm-up"
    )
    weight_decay: NotNegative = 0.0
    adam_beta1: float = Field(default=0.9, ge=0, lt=1)
    adam_beta2: float = Field(default=0.999, ge=0, lt=1)
    max_grad_norm: Positive = Field(default=1.0, description="norm to which gradients are clipped")
    gradient_accumulation: AtLeastOne = Field(
        default=1, description="backward passes per step; more need less memory and give the same step"
    )
    gradient_checkpointing: bool = Field(
        default=False, description="compute activations twice instead of keeping them"
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32",
        description="type that passes compute in. bfloat16 with model.dtype float32 is mixed precision: fast passes, "
        "and steps that small rates can take",
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of every random choice of the run")
    save_every: AtLeastOne = Field(default=50, description="steps between checkpoints")
    keep_checkpoints: int = Field(default=2, description="newest checkpoints that are kept")
    report_to: Annotated[tuple[Tracker, ...], Field(strict=False), BeforeValidator(_several)] = Field(
        default=(),
        description="trackers that are told each step's measurements beside metrics.jsonl; their packages are not "
        "retroflip's own",
    )

    @model_validator(mode="after")
    def _sensible(self) -> "OptimizerSection":
        if self.keep_checkpoints < 2:
            raise ValueError(
                f"keep_checkpoints is {self.keep_checkpoints}, and a kill inside a save would leave no whole "
                "checkpoint to resume from: set keep_checkpoints to 2 or more"
            )
        return self


class Recipe(Section):
    """What all kinds of recipe share."""

    kind: Literal["rl", "sft"]
    model: ModelSection = ModelSection()
    data: DataSection
    train: OptimizerSection
    prompt: PromptSection = PromptSection()

    @property
    def trained_by(self) -> str:
        """What it trains with, as cards and conditions name it."""
        raise NotImplementedError

    @property
    def null_option(self) -> bool:
        """Whether "None of the above" is appended to multiple-choice questions."""
        raise NotImplementedError

    @property
    def max_tokens(self) -> int | None:
        """Tokens at which an answer is cut off; None where it is not."""
        return None

    @model_validator(mode="after")
    def _passes_can_compute_so(self) -> "Recipe":
        if self.model.dtype == "bfloat16" and self.train.precision == "float32":
            raise reading.ContradictionError(
                "train.precision",
                "precision is float32, and the weights are bfloat16 (model.dtype), so passes compute in bfloat16 "
                "whatever is asked: set train.precision to bfloat16, or model.dtype to float32",
            )
        return self

    def resolved(self) -> dict[str, Any]:
        """Return every setting, defaults too, as plain JSON values with absolute paths; it runs again."""
        return reading.absolute(self.model_dump(mode="json"), Path.cwd(), PATHS)


def check_division(name: str, value: int, passes: int) -> None:
    """Raise ValueError where the passes of a step would not be equally large."""
    if value % passes:
        raise ValueError(
            f"gradient_accumulation is {passes}, which does not divide {name} ({value}) into equal passes: "
            f"set {name} to a multiple of {passes}, or gradient_accumulation to a divisor of {value}"
        )
