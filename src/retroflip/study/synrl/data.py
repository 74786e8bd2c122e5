"""What the stages of a course share: the model that they start from, and videos for each of them."""

import math
from collections.abc import Sequence
from pathlib import Path

from retroflip.data.records import read_samples, write_samples
from retroflip.data.sample import Sample
from retroflip.draws import draw
from retroflip.files.storage import write_text_atomic
from retroflip.models import tiny
from retroflip.models.loading import load_model, load_processor, save_model
from retroflip.progress import Progress
from retroflip.recipes.reading import dumped
from retroflip.recipes.shipped import recipe_file
from retroflip.study.synrl.courses import Amount, Course, CourseFolder
from retroflip.synth.corpus import CorpusSettings, write_corpus
from retroflip.synth.drawn import read_settings
from retroflip.synth.names import Split, Traces
from retroflip.synth.settings import PRESETS, SceneSettings
from retroflip.workers import LocalEngine

SECOND_SEED, GUESSED_SEED = 10_000, 20_000
"""added to the seed for the second round's videos, and for those that are answered by guessing"""


def prepare(folder: CourseFolder, course: Course, amount: Amount, seed: int, progress: Progress) -> None:
    """Write what is missing of a course."""
    write_embedded(folder.embedded, course)
    _videos(folder.guessed, course, amount.start_videos, GUESSED_SEED + seed, progress, split=Split.COT)
    if not folder.guesses.is_file():
        write_guesses(folder, seed)
    # Enough of each kind for an arm that is limited to it, and of one kind for an arm with twice the data.
    _videos(folder.rl, course, max(2, len(course.kinds)) * amount.rl_videos, seed, progress)
    _videos(folder.test, course, amount.test_pairs, seed, progress, split=Split.TEST, paired=True)


def prepare_second(
    folder: CourseFolder, course: Course, amount: Amount, seed: int, progress: Progress
) -> None:
    """Write the second round's videos, which repeat none of the first round's."""
    # As many operations as before: of twice as many nobody could tell in the few frames that the embedded model sees.
    longer = {"duration_scale": PRESETS["round2"]["duration_scale"]}
    scenes = scenes_of(course).model_copy(update=longer)
    settings = _settings(course, amount.round2_videos, SECOND_SEED + seed, scenes)
    write_corpus(folder.round2, settings, engine=LocalEngine(1), apart_from=[folder.rl], progress=progress)


def write_embedded(folder: Path, course: Course) -> None:
    """Write the embedded model with a pixel budget of as many frames as the course shows, unless it is there."""
    if (folder / "processor_config.json").is_file():
        return
    processor = load_processor(tiny.NAME)
    pixels = scenes_of(course).size ** 2
    processor.video_processor.size = {
        "shortest_edge": 2 * pixels,
        "longest_edge": course.frames * pixels,
    }
    save_model(load_model(tiny.NAME), processor, folder)


def write_guesses(folder: CourseFolder, seed: int) -> None:
    """Write the records of the guessed videos, each answered straight away with one of its options drawn evenly."""
    write_samples(
        folder.guesses,
        [
            sample.model_copy(update={"trace": f"\\boxed{{{_guess(sample, seed)}}}"})
            for sample in read_samples(folder.guessed / "records.jsonl")
        ],
    )


def _guess(sample: Sample, seed: int) -> str:
    options = sample.options
    return options[int(draw(seed, "guess", sample.id).integers(len(options)))]


def write_lessons(path: Path, course: Course, kinds: Sequence[str], lessons: int, seed: int) -> None:
    """Write the settings of so many videos of these kinds to reason about, with notes at their frames' time stamps."""
    settings = CorpusSettings(
        kinds=tuple(kinds),
        per_task=math.ceil(lessons / len(kinds)),
        seed=seed,
        split=Split.COT,
        paired=False,
        traces=Traces.STAMPED,
        scene=scenes_of(course),
    )
    write_text_atomic(path, dumped(settings.model_dump(mode="json")))


def scenes_of(course: Course) -> SceneSettings:
    """Return how the videos of a course look: as small and easy as can be."""
    taught = read_settings(recipe_file("videos/synrl_lessons.yaml"))
    return taught.scene.model_copy(update={"viewed_frames": course.frames})


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
