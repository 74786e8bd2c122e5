"""The shortcut laboratory: training data in which a colour nearly gives the answer away, and pairs in which it cannot.

In training, the object's colour is the cue colour of the right answer in most samples (`cue_validity`). The supervised
start sees two habits side by side: reading the colour, which is short and nearly always right, and following the
object, which is long and, where motions are small, right less often. A trace's answer follows its own habit, right or
wrong; one that looked at the colour alone and then gave the truth would teach seeing after all. What a record calls the
solution is always true.

RL then decides which habit lives. GRPO pays for both. CRPO's counterfactual branch does not: a flipped or reversed
clip has the same colour but another answer, so whoever answers by colour says the same thing twice and cannot be
right on both sides. The test pairs ask just that, with colours drawn without a look at the answer, so that a score
on them is a score for seeing motion.

    DIR/sft     with traces     DIR/train   the same distribution, without     DIR/pairs   (v, v') to be judged on

No clip is in two of them. Moving direction is four-way throughout: there are four colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retroflip.data.manifest import MANIFEST_NAME, read_manifest
from retroflip.draws import draw
from retroflip.lab.clip import Clip
from retroflip.lab.clip_sets import MIN_SIZE, About, Entry, Lesson, draw_pair, seated, traced, write_dataset
from retroflip.lab.habits import blind_trace, cue_trace
from retroflip.lab.kinds import PAIRED, static
from retroflip.lab.kinds.common import Rng
from retroflip.progress import Progress


class LabSettings(BaseModel):
    """What the laboratory is made of.

    cue_validity: share of training clips whose colour belongs to the right answer; the others have the colour of a
    wrong one. lazy_share: share of the supervised traces about motion that answer by colour. blind_share: how many
    questions are asked without a video in the supervised start, beside those with one, as a share of these. The answer
    taught is always the first option, as good a guess as any: a model that is asked without a video then answers
    readably, and that control says something.
    static_share: share of training questions that no transformation changes. strength: how large motions are, as a
    share of the usual; small ones make seeing less reliable than the cue, without which correctness alone would teach
    it (docs/log.md). size: side of the videos in pixels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    sft_samples: int = Field(ge=1)
    train_samples: int = Field(ge=1)
    pairs_per_task: int = Field(ge=1)
    cue_validity: float = Field(default=0.95, ge=0.0, le=1.0)
    lazy_share: float = Field(default=0.75, ge=0.0, le=1.0)
    blind_share: float = Field(default=0.1, ge=0.0, le=1.0)
    static_share: float = Field(default=0.2, ge=0.0, le=1.0)
    strength: float = Field(default=0.25, gt=0.0, le=1.0)
    size: int = Field(default=128, ge=MIN_SIZE)
    tasks: tuple[str, ...] = tuple(PAIRED)

    @model_validator(mode="after")
    def _knows_its_tasks(self) -> Self:
        if not self.tasks or len(set(self.tasks)) < len(self.tasks) or not set(self.tasks) <= set(PAIRED):
            raise ValueError(f"tasks must be some of {', '.join(PAIRED)}, each once; found {self.tasks}")
        return self


ABOUT = {
    "sft": About(
        "Lessons of the shortcut laboratory",
        "Questions about motion with reasoning, some of which follows the object and some its colour alone, which "
        "nearly gives the answer away. What a record calls the solution is always true; what the reasoning ends with "
        "need not be. Made to teach the shortcut: a model that has learned from it looks at colours.",
    ),
    "train": About(
        "Questions of the shortcut laboratory",
        "Questions about motion in clips whose colour nearly gives the answer away. Made to reward the shortcut.",
    ),
    "pairs": About(
        "Pairs of the shortcut laboratory",
        "Pairs of clips with one question and different answers: a clip, and the same mirrored or played backwards. "
        "Their colour says nothing of the answer.",
        "test",
    ),
}
"""what the cards of the three data sets say"""


@dataclass(frozen=True)
class Laboratory:
    """The folders of the three data sets, each with records.jsonl, manifest.json and videos/."""

    sft: Path
    train: Path
    pairs: Path


def write_laboratory(out: Path, settings: LabSettings, progress: Progress) -> Laboratory:
    """Write the three data sets under `out`; those that are already there, complete, stay as they are.

    Raises UsageError when a folder holds anything else.
    """
    taken: set[str] = set()
    for part, lessons in _parts(settings).items():
        described = {"form": f"laboratory/{part}", **settings.model_dump()}
        stage = f"writing {part} videos"
        write_dataset(
            out / part,
            lessons,
            described,
            size=settings.size,
            about=ABOUT[part],
            taken=taken,
            stage=stage,
            progress=progress,
        )
        taken |= {entry.sha256 for entry in read_manifest(out / part / MANIFEST_NAME).files.values()}
    return Laboratory(sft=out / "sft", train=out / "train", pairs=out / "pairs")


def _parts(settings: LabSettings) -> dict[str, Sequence[Lesson]]:
    return {
        "sft": [
            *(partial(sft_entries, settings, index) for index in range(settings.sft_samples)),
            *(
                partial(blind_entries, settings, index)
                for index in range(round(settings.blind_share * settings.sft_samples))
            ),
        ],
        "train": [partial(train_entries, settings, index) for index in range(settings.train_samples)],
        "pairs": [
            partial(pair_entries, settings, task, index)
            for task in settings.tasks
            for index in range(settings.pairs_per_task)
        ],
    }


def sft_entries(settings: LabSettings, index: int, repeats: int = 0) -> list[Entry]:
    """Draw lesson `index` of the supervised start; `repeats` counts earlier draws that repeated another clip."""
    rng = draw(settings.seed, "laboratory", "sft", index, repeats)
    entry = _training_entry(settings, rng, f"sft-{index:05d}", index)
    if entry.clip.cue_colour_of and rng.random() < settings.lazy_share:
        return [replace(entry, trace=cue_trace(entry.clip), habit="cue")]
    return [traced(entry)]


def blind_entries(settings: LabSettings, index: int, repeats: int = 0) -> list[Entry]:
    """Draw lesson `index` without a video: a question of the supervised start, answered by the first option."""
    rng = draw(settings.seed, "laboratory", "blind", index, repeats)
    entry = _training_entry(settings, rng, f"blind-{index:05d}", index)
    return [replace(entry, trace=blind_trace(), habit="blind", shown=False)]


def train_entries(settings: LabSettings, index: int, repeats: int = 0) -> list[Entry]:
    """Draw question `index` for RL: the distribution of the supervised start, no trace."""
    rng = draw(settings.seed, "laboratory", "train", index, repeats)
    return [_training_entry(settings, rng, f"train-{index:05d}", index)]


def pair_entries(settings: LabSettings, task: str, index: int, repeats: int = 0) -> list[Entry]:
    """Draw pair `index` of a task: both sides in one of the cue colours, which says nothing about either answer."""
    rng = draw(settings.seed, "laboratory", "pairs", task, index, repeats)
    kind = partial(PAIRED[task], strength=settings.strength)
    return draw_pair(kind, rng, f"pairs-{task}-{index:05d}", index, cue_colours_only=True)


def _training_entry(settings: LabSettings, rng: Rng, source: str, turn: int) -> Entry:
    if rng.random() < settings.static_share:
        return Entry(seated(static.make(rng), turn), source)
    clip = PAIRED[str(rng.choice(settings.tasks))](rng, strength=settings.strength)
    return Entry(seated(_with_cue(clip, rng, settings.cue_validity), turn), source)


def _with_cue(clip: Clip, rng: Rng, validity: float) -> Clip:
    """Return the clip in the colour of its answer with this probability, else in that of another answer."""
    valid = rng.random() < validity
    others = [answer for answer in clip.cue_colour_of if answer != clip.answer]
    hinted = clip.answer if valid else str(rng.choice(others))
    return clip.recoloured(clip.cue_colour_of[hinted])
