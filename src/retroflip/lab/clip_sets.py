"""The laboratory's data sets on disk: MP4 files, one Video-R1 record per question, a manifest of hashes.

    DIR/dataset.json    what was asked for; written first, so that a rerun knows its own unfinished folder
    DIR/videos/*.mp4    each put in place whole
    DIR/README.md       the data card
    DIR/manifest.json   the files' SHA-256
    DIR/records.jsonl   the questions; written last, so a data set that has it is complete

Every clip is drawn from (seed, what it is for, its number), so equal settings give equal files whatever was drawn
before. Encoding is deterministic: clips of equal pixels have equal bytes, so a file's hash tells repeated clips.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.data.answers.lesson import HABIT
from retroflip.data.card import write_made
from retroflip.data.folder import CARD, DESCRIPTION_NAME, RECORDS_NAME, claim
from retroflip.data.manifest import MANIFEST_NAME, build_manifest, write_manifest
from retroflip.data.records import read_samples, write_samples
from retroflip.data.sample import Sample
from retroflip.draws import draw
from retroflip.errors import UsageError
from retroflip.lab.clip import Clip
from retroflip.lab.habits import dense_trace
from retroflip.lab.kinds import KINDS, PAIRED, Kind, static
from retroflip.lab.kinds.common import Rng
from retroflip.lab.render import render
from retroflip.lab.samples import sample_of
from retroflip.progress import Progress
from retroflip.video.encode import encode
from retroflip.video.hashing import sha256_file
from retroflip.video.sampling import uniform_indices
from retroflip.video.transforms import Transform

GENERATOR = 1
"""raised when equal settings come to mean other clips, so that older data sets are not taken for them"""
TRACED_FRAMES = 8
"""how many uniformly sampled frames a trace takes notes of"""
MIN_SIZE = 32
"""side in pixels below which the questions cannot be answered"""
DIRECTION_KINDS = {4: "moving_direction", 8: "moving_direction_8"}


@dataclass(frozen=True)
class Entry:
    """A clip on its way to disk. `source` names what it was drawn as; both sides of a pair share it."""

    clip: Clip
    source: str
    side: int | None = None
    trace: str | None = None
    habit: str = ""
    """which one the trace shows, whatever the right answer is"""
    shown: bool = True
    """whether the question is asked about its video; otherwise it is asked as a text, and no video is written"""

    @property
    def name(self) -> str:
        """The question's id and the stem of its video."""
        return self.source if self.side is None else f"{self.source}-{self.side}"

    @property
    def video(self) -> str:
        """The video's path, relative to the data set; '' for a question that is asked without it."""
        return f"videos/{self.name}.mp4" if self.shown else ""

    def sample(self) -> Sample:
        """Return the question."""
        pair = None if self.side is None else self.source
        sample = sample_of(
            self.clip,
            identity=self.name,
            video=self.video,
            source_clip=self.source,
            pair=pair,
            side=self.side,
            trace=self.trace,
        )
        return sample.model_copy(update={"labels": {HABIT: self.habit}}) if self.habit else sample


class About(NamedTuple):
    """What a data set's card says that is not counted. split: as the hub calls it."""

    title: str
    text: str
    split: str = "train"


PAIRS = About(
    "Pairs of the laboratory",
    "Pairs of clips with one question and different answers: a clip, and the same mirrored or played backwards. Beside "
    "them questions whose answer neither changes.",
    "test",
)
_DRAWN = (
    "A program drew the clips, each of one moving object, with seed {seed}; `{description}` holds all settings, by "
    "which retroflip draws the same bytes again. No person, place or recording is in them."
)
Lesson = Callable[[int], Sequence[Entry]]
"""draws a clip alone, or both sides of a pair; the argument is how many earlier draws repeated another clip"""


def write_pairs(
    out: Path,
    *,
    per_task: int,
    seed: int,
    size: int = 128,
    directions: Sequence[int] = (4, 8),
    with_traces: bool = False,
    progress: Progress,
) -> list[Sample]:
    """Write `per_task` counterfactual pairs of each paired kind and as many static questions; return all samples.

    Both sides of a pair have the same question and the same options in the same order, and different answers. Moving
    direction is flipped or reversed, drawn among those that change the answer; the other kinds are reversed, which
    for event sequences is the same as swapping the two events. The right answers stand at every letter equally often.

    size: side of the videos in pixels. directions: how many directions the moving-direction questions choose from, 4
    or 8, taking turns. with_traces: give every record the reasoning of a viewer who follows the object.

    Returns the samples of `out` without writing anything when it already holds this very data set. Raises UsageError
    for settings out of range and when `out` holds anything else.
    """
    if per_task < 1:
        raise UsageError(f"per_task is {per_task}, but at least 1 pair per task is needed.")
    if not directions or not set(directions) <= set(DIRECTION_KINDS):
        raise UsageError(f"directions are {list(directions)}, but moving direction is asked 4-way or 8-way.")
    settings = {
        "form": "pairs",
        "per_task": per_task,
        "seed": seed,
        "size": size,
        "directions": directions,
        "with_traces": with_traces,
    }
    lessons = [
        partial(_pair_lesson, seed, task, index, tuple(directions), with_traces)
        for task in PAIRED
        for index in range(per_task)
    ]
    statics = [partial(_static_lesson, seed, index, with_traces) for index in range(per_task)]
    return write_dataset(out, [*lessons, *statics], settings, size=size, about=PAIRS, progress=progress)


def write_dataset(
    out: Path,
    lessons: Sequence[Lesson],
    settings: Mapping[str, Any],
    *,
    size: int,
    about: About,
    taken: Collection[str] = (),
    stage: str = "writing videos",
    progress: Progress,
) -> list[Sample]:
    """Write the lessons' clips, card, manifest and records to `out`, or return the samples when that has been done.

    settings: everything the lessons depend on, with their "seed"; kept in dataset.json. taken: SHA-256 of videos that
    the data set must not contain; a lesson that repeats one of them, or one of its own data set, is drawn again.
    """
    if size < MIN_SIZE:
        raise UsageError(f"size is {size} pixels, but nothing can be told in videos under {MIN_SIZE}.")
    if claim(out, {"generator": GENERATOR, **settings}):
        return read_samples(out / RECORDS_NAME)
    (out / "videos").mkdir(exist_ok=True)
    progress.stage(stage, len(lessons), "clips")
    seen = set(taken)
    samples = []
    for done, lesson in enumerate(lessons, start=1):
        samples += [entry.sample() for entry in _write_new(out, lesson, size, seen)]
        progress.advance(done)
    drawn = _DRAWN.format(seed=settings["seed"], description=DESCRIPTION_NAME)
    write_made(out, about.title, f"{about.text} {drawn}", samples, ["synthetic"], about.split)
    write_samples(out / RECORDS_NAME, samples)
    files = [DESCRIPTION_NAME, CARD, RECORDS_NAME, *(sample.video for sample in samples if sample.video)]
    write_manifest(out / MANIFEST_NAME, build_manifest(out, files))
    return samples


def draw_pair(kind: Kind, rng: Rng, source: str, turn: int, *, cue_colours_only: bool = False) -> list[Entry]:
    """Draw a clip of a paired kind and its counterfactual, which has another answer.

    turn: number of the pair, which says at which letters the two answers stand. cue_colours_only: draw the colour
    among those that give an answer to the question away, whatever the right one is.
    """
    clip = kind(rng)
    if cue_colours_only:
        clip = clip.recoloured(str(rng.choice(sorted(set(clip.cue_colour_of.values())))))
    changing = [
        transform
        for transform in (Transform.FLIP, Transform.REVERSE)
        if clip.answer_after(transform) != clip.answer
    ]
    transform = changing[int(rng.integers(len(changing)))]
    clip = seated(clip, turn, clip.answer_after(transform))
    return [Entry(clip, source, side=0), Entry(clip.transformed(transform), source, side=1)]


def seated(clip: Clip, turn: int, other_answer: str | None = None) -> Clip:
    """Return the clip with its answer moved to the letter whose turn it is; the other options keep their order.

    `other_answer`, the counterfactual's, gets a letter too. Over n (n - 1) turns, n being the number of options, the
    two stand once at every two letters, so no letter is right more often than another on either side.
    """
    total = len(clip.options)
    seats = {turn % total: clip.answer}
    if other_answer is not None:
        seats[(turn + 1 + turn // total % (total - 1)) % total] = other_answer
    others = iter([option for option in clip.options if option not in seats.values()])
    return replace(clip, options=tuple(seats.get(seat) or next(others) for seat in range(total)))


def traced(entry: Entry) -> Entry:
    """Return the entry with the reasoning of a viewer who follows the object."""
    scene = entry.clip.scene
    seconds = [frame / scene.fps for frame in uniform_indices(len(scene), TRACED_FRAMES)]
    return replace(entry, trace=dense_trace(entry.clip, seconds))


def _pair_lesson(
    seed: int, task: str, index: int, directions: tuple[int, ...], with_traces: bool, repeats: int
) -> list[Entry]:
    kind: Kind = PAIRED[task]
    turn = index
    if task == "moving_direction":
        kind, turn = KINDS[DIRECTION_KINDS[directions[index % len(directions)]]], index // len(directions)
    entries = draw_pair(kind, draw(seed, "pairs", task, index, repeats), f"{task}-{index:05d}", turn)
    return [traced(entry) for entry in entries] if with_traces else entries


def _static_lesson(seed: int, index: int, with_traces: bool, repeats: int) -> list[Entry]:
    clip = static.make(draw(seed, "pairs", static.TASK, index, repeats))
    entry = Entry(seated(clip, index), f"{static.TASK}-{index:05d}")
    return [traced(entry) if with_traces else entry]


def _write_new(out: Path, lesson: Lesson, size: int, seen: set[str]) -> Sequence[Entry]:
    """Write the videos of the lesson's first draw that repeats no clip seen before, and add them to those seen."""
    repeats = 0
    while True:
        entries = lesson(repeats)
        shown = [entry for entry in entries if entry.shown]
        hashes = {_write_video(out / entry.video, entry.clip, size) for entry in shown}
        if len(hashes) == len(shown) and not hashes & seen:
            seen |= hashes
            return entries
        repeats += 1


def _write_video(path: Path, clip: Clip, size: int) -> str:
    """Write the clip and return its file's SHA-256."""
    encode(path, render(clip.scene, size).pixels_TCHW, clip.scene.fps)
    return sha256_file(path)
