"""One video question, as the rest of the code sees it."""

from collections.abc import Sequence
from enum import StrEnum
from string import ascii_uppercase
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from retroflip.data.media import MediumKind, ShownMedium
from retroflip.video.window import Window, part


class TaskType(StrEnum):
    """Which transformations change a question's answer (CRPO, section 3, Task Router)."""

    SPATIAL = "spatial"
    """a horizontal flip does"""
    TEMPORAL = "temporal"
    """temporal reversal does"""
    SPATIOTEMPORAL = "spatiotemporal"
    """both do"""
    STATIC = "static"
    """neither does"""

    @property
    def dynamic(self) -> bool:
        """Whether the answer must change on the counterfactual video."""
        return self is not TaskType.STATIC

    @property
    def flip(self) -> bool:
        """Whether mirroring changes the answer."""
        return self in (TaskType.SPATIAL, TaskType.SPATIOTEMPORAL)

    @property
    def reversal(self) -> bool:
        """Whether playing backwards changes the answer."""
        return self in (TaskType.TEMPORAL, TaskType.SPATIOTEMPORAL)

    @classmethod
    def of(cls, *, flip: bool, reversal: bool) -> "TaskType":
        """Return the type of a question whose answer changes under these transformations."""
        if flip:
            return cls.SPATIOTEMPORAL if reversal else cls.SPATIAL
        return cls.TEMPORAL if reversal else cls.STATIC


class Routing(BaseModel):
    """How a router came to a question's task type (CRPO, section 3): by two tests of whether the answer changes.

    Raises ValidationError where the label is not that of the tests.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: TaskType
    flip: bool = Field(description="whether mirroring changes the answer")
    reversal: bool = Field(description="whether playing backwards changes the answer")
    reason: str = ""
    router: str = Field(description="its name, 'rules' or a model's")
    version: str = ""
    confidence: float | None = Field(
        default=None, ge=0, le=1, description="how sure the router is of both tests"
    )
    flip_unsafe: bool = Field(
        default=False,
        description="a mirror image leaves the answer, but what it is read from is then mirrored text",
    )

    @model_validator(mode="after")
    def _label_is_of_tests(self) -> "Routing":
        found = TaskType.of(flip=self.flip, reversal=self.reversal)
        if self.label is not found:
            raise ValueError(f"the label is {self.label.value}, and the two tests say {found.value}")
        return self


class Modality(StrEnum):
    """What a question is about (Video-R1's `data_type`)."""

    VIDEO = "video"
    IMAGE = "image"
    TEXT = "text"


class ProblemType(StrEnum):
    """How an answer is read and compared (Video-R1's `problem_type`, and three more)."""

    MULTIPLE_CHOICE = "multiple choice"
    MULTI_SELECT = "multi-select"
    """every right option and no other: "A, C\""""
    NUMERICAL = "numerical"
    REGRESSION = "regression"
    """a number that earns by how near it is"""
    MATH = "math"
    """a mathematical object: a fraction of roots, an interval, a set"""
    FREE_FORM = "free-form"
    OCR = "OCR"
    """a text that earns by how many of its words are right"""
    GROUNDING = "temporal grounding"
    """a span of time in seconds: "[5.0, 12.0]", several golds with a semicolon between them"""
    GROUNDED_CHOICE = "grounded multiple choice"
    """an option and the span that shows it: "A <> [5.0, 12.0]\""""

    @property
    def has_options(self) -> bool:
        """Whether the question is put with options."""
        return self in (ProblemType.MULTIPLE_CHOICE, ProblemType.MULTI_SELECT, ProblemType.GROUNDED_CHOICE)

    @property
    def has_span(self) -> bool:
        """Whether an answer says when something happens."""
        return self in (ProblemType.GROUNDING, ProblemType.GROUNDED_CHOICE)


MAX_OPTIONS = 26


def option_letter(index: int) -> str:
    """Return the letter of the option at `index` (0 is "A"). Raises ValueError outside 0..25."""
    if not 0 <= index < MAX_OPTIONS:
        raise ValueError(f"option {index} has no letter: there are only A to Z")
    return chr(ord("A") + index)


def option_letters(count: int) -> str:
    """Return the letters of so many options.

    >>> option_letters(4)
    'ABCD'

    Raises ValueError for more than 26.
    """
    if count > MAX_OPTIONS:
        raise ValueError(f"{count} options have no letters: there are only A to Z")
    return ascii_uppercase[:count]


def lettered(options: Sequence[str], letters: Sequence[str] = ()) -> dict[str, str]:
    """Return options by their letters, which are A, B, C ... unless others are given."""
    return dict(zip(letters or option_letters(len(options)), options, strict=True))


class Cell(NamedTuple):
    """Which video and which question of a group, each from 0 on."""

    video: int
    question: int


MOST_IN_A_GROUP = 1000
"""videos or questions: a group is held to have a cell for every number below its largest"""


def _from_0_on(cell: Cell) -> Cell:
    if min(cell) < 0 or max(cell) >= MOST_IN_A_GROUP:
        raise ValueError(f"videos and questions are numbered from 0 on, up to {MOST_IN_A_GROUP - 1}")
    return cell


AnyCell = Annotated[Cell, AfterValidator(_from_0_on)]


class Place(NamedTuple):
    """Where a question stands: the group that is right as a whole, and its cell in it."""

    group: str
    cell: Cell


def place_of(group: str | None, cell: Cell | None, pair: str | None, side: int | None) -> Place | None:
    """Return the place in a group, of which a pair is one: one question about two videos."""
    if group is not None and cell is not None:
        return Place(group, cell)
    if pair is not None and side is not None:
        return Place(pair, Cell(side, 0))
    return None


class Sample(BaseModel):
    """A question about a video, an image, several of them, or nothing but its text.

    `options` are texts without their letters ("moving left"), which are those of `lettered`. `solution` is the
    letter for a multiple-choice question ("A, C" for several, "A <> [5, 12]" with a span) and the answer's text
    otherwise. `source_clip` names the recording that a video was made from: both sides of a pair share it, and
    statistics are clustered by it.
    `start` and `end` bound the part of the video that is shown, in seconds of the whole, which stay the frames' times.
    What is not one video file or image is in `media`, each with its own bounds; `video` is then the first one's path.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    modality: Modality = Modality.VIDEO
    video: str = Field(
        description="path of the video or image, relative to the data set's root, '/' between parts; '' for a text"
    )
    question: str
    options: tuple[str, ...] = ()
    letters: tuple[str, ...] = Field(
        default=(), description="the options' letters where they are others than A, B, C ... in order"
    )
    solution: str
    problem_type: ProblemType
    start: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="second at which the part in question begins"
    )
    end: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="second at which the part in question ends"
    )
    source: str = ""
    task: str = Field(default="", description="sub-task a score is broken down by, e.g. 'moving_direction'")
    task_type: TaskType | None = None
    source_clip: str
    pair: str | None = Field(default=None, description="id of the counterfactual pair, shared by both sides")
    side: int | None = Field(default=None, ge=0, le=1, description="0 for v, 1 for v'")
    group: str | None = Field(default=None, description="id of a group of questions that count together")
    cell: AnyCell | None = Field(
        default=None,
        description="[video, question]: which of the group's videos and questions this is, from 0 on",
    )
    counterfactual_solution: str | None = Field(
        default=None,
        description="as `solution`, about the counterfactual clip: mirrored, or played backwards",
    )
    labels: dict[str, str] = Field(
        default={},
        description="what a data set can be filtered by, e.g. {'category': 'speed', 'term': 'short'}",
    )
    routing: Routing | None = Field(default=None, description="how `task_type` was found, where a router did")
    media: tuple[ShownMedium, ...] = Field(
        default=(), description="what is shown, in its order, unless it is one video file or image"
    )
    pass_rate: float | None = Field(
        default=None, ge=0, le=1, description="share of a model's answers that were right, where it was tried"
    )
    licence: str = Field(default="", description="under which the video may be used")
    trace: str | None = Field(default=None, description="reasoning for SFT: '<think>...</think>\\boxed{...}'")
    asked_as: str | None = Field(
        default=None,
        description="the user's turn in a benchmark's own words, options included; null asks question and options",
    )

    @property
    def window(self) -> Window | None:
        """The part of the video that the question is about; None for the whole."""
        return part(self.start, self.end)

    @property
    def lettered(self) -> dict[str, str]:
        """The options by the letters under which they are asked."""
        return lettered(self.options, self.letters)

    @property
    def place(self) -> Place | None:
        """Where the question stands in a group or pair; None for one that counts alone."""
        return place_of(self.group, self.cell, self.pair, self.side)

    @property
    def shown(self) -> tuple[ShownMedium, ...]:
        """What is shown, in its order; nothing for a text. Equal for samples about the same frames."""
        if self.media or self.modality is Modality.TEXT:
            return self.media
        if self.modality is Modality.IMAGE:
            return (ShownMedium(kind=MediumKind.IMAGE, path=self.video),)
        return (ShownMedium(kind=MediumKind.VIDEO, path=self.video, start=self.start, end=self.end),)
