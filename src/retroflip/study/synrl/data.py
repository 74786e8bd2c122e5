"""What the stages of a course share: the model that they start from, and videos for each of them."""

from pathlib import Path

from retroflip.data.records import read_samples, write_samples
from retroflip.models import tiny
from retroflip.models.loading import load_model, load_processor, save_model
from retroflip.progress import Progress
from retroflip.study.synrl.arms import Amount, Course, CourseFolder
from retroflip.study.synrl.notes import dense_notes
from retroflip.synth.corpus import CorpusSettings, read_metadata, write_corpus
from retroflip.synth.engines import LocalEngine
from retroflip.synth.names import Split
from retroflip.synth.settings import PRESETS, SceneSettings

SIDE = 128
"""of the videos in pixels; at 64, for which the embedded model is made, an object has five"""
FPS = 12
"""of the videos; fewer frames are drawn and decoded sooner"""
SECOND_SEED = 10_000
"""added to the seed for the second round's videos"""


def prepare(folder: CourseFolder, course: Course, amount: Amount, seed: int, progress: Progress) -> None:
    """Write what is missing of a course."""
    write_start(folder.base, course.frames)
    _videos(folder.cot, course, amount.cot_videos, seed, progress, split=Split.COT)
    if not folder.lessons.is_file():
        write_lessons(folder, course.frames)
    _videos(folder.rl, course, 2 * amount.rl_videos, seed, progress)
    _videos(folder.test, course, amount.test_pairs, seed, progress, split=Split.TEST, paired=True)


def prepare_second(
    folder: CourseFolder, course: Course, amount: Amount, seed: int, progress: Progress
) -> None:
    """Write the second round's videos, which repeat none of the first round's."""
    scenes = scenes_of(course).model_copy(update=PRESETS["round2"])
    settings = _settings(course, amount.round2_videos, SECOND_SEED + seed, scenes)
    write_corpus(folder.round2, settings, engine=LocalEngine(1), apart_from=[folder.rl], progress=progress)


def write_start(folder: Path, frames: int) -> None:
    """Write the embedded model with a pixel budget of so many frames of `SIDE`, unless it is there."""
    if (folder / "processor_config.json").is_file():
        return
    processor = load_processor(tiny.NAME)
    processor.video_processor.size = {
        "shortest_edge": 2 * SIDE * SIDE,
        "longest_edge": frames * SIDE * SIDE,
    }
    save_model(load_model(tiny.NAME), processor, folder)


def write_lessons(folder: CourseFolder, frames: int) -> None:
    """Write the records of the videos to reason about, each with notes at its frames' time stamps."""
    write_samples(
        folder.lessons,
        [
            sample.model_copy(update={"trace": dense_notes(read_metadata(folder.cot, sample.id), frames)})
            for sample in read_samples(folder.cot / "records.jsonl")
        ],
    )


def scenes_of(course: Course) -> SceneSettings:
    """Return how the videos of a course look: as small and easy as can be."""
    return SceneSettings(size=SIDE, fps=FPS, difficulty=1, viewed_frames=course.frames)


def _videos(
    out: Path,
    course: Course,
    count: int,
    seed: int,
    progress: Progress,
    *,
    split: Split = Split.RL,
    paired: bool = False,
) -> None:
    settings = _settings(course, count, seed, scenes_of(course), split=split, paired=paired)
    write_corpus(out, settings, engine=LocalEngine(1), progress=progress)


def _settings(
    course: Course,
    count: int,
    seed: int,
    scenes: SceneSettings,
    *,
    split: Split = Split.RL,
    paired: bool = False,
) -> CorpusSettings:
    return CorpusSettings(
        kinds=course.kinds,
        per_task=course.per_kind(count),
        seed=seed,
        split=split,
        paired=paired,
        scene=scenes,
    )
