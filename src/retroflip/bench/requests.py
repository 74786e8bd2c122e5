"""From questions without an answer to what an engine is asked: each video decoded once for all its questions, and each
distinct prompt once where nothing is shown."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from retroflip.bench.asking import Asking
from retroflip.bench.catalogue import Catalogue, Numbers, blind
from retroflip.bench.records import AnswerRecord, Control, Origin, failed_record
from retroflip.data.dataset import VideoDataset
from retroflip.data.sample import Modality, Sample
from retroflip.draws import draw, draw_seed
from retroflip.errors import MediaError
from retroflip.inference.base import Medium, Question, Request, digest
from retroflip.video.frames import Frames
from retroflip.video.transforms import Transform, apply

VIEWS = {
    Control.FULL: Transform.IDENTITY,
    Control.SINGLE_FRAME: Transform.SINGLE,
    Control.SHUFFLED_FRAMES: Transform.SHUFFLE,
    Control.REVERSED: Transform.REVERSE,
}
"""what a control shows of the video; text-only shows nothing"""
DRAWN = (Transform.SINGLE, Transform.SHUFFLE)
"""views that each question draws for itself"""
QUESTIONS_TOGETHER = 256
"""most questions about a video that are asked together; for more, it is read again"""


class Missing(NamedTuple):
    """Draws that a question has no answer for under a control. alike: the questions that get the same answer."""

    sample: Sample
    control: Control
    draws: tuple[int, ...]
    alike: Sequence[int]


class Asked(NamedTuple):
    """A request to an engine, what each of its questions is, and the hash of the frames shown."""

    request: Request
    missing: Sequence[Missing]
    frames_sha256: str | None = None


def blind_requests(catalogue: Catalogue, prompts: Sequence[Numbers]) -> Iterator[Asked]:
    """Yield one request with every one of these prompts that misses an answer without its video."""
    missing = []
    for numbers in prompts:
        lacking = {number: catalogue.missing(number, Control.TEXT_ONLY) for number in numbers.tolist()}
        if draws := tuple(sorted(set(chain.from_iterable(lacking.values())))):
            alike = [number for number, some in lacking.items() if some]
            missing.append(Missing(catalogue.asked(alike[0]), Control.TEXT_ONLY, draws, alike))
    if missing:
        yield _asked((), missing, catalogue.asking)


def seeing_requests(
    dataset: VideoDataset, catalogue: Catalogue, videos: Sequence[Numbers]
) -> Iterator[Asked | AnswerRecord]:
    """Yield requests, each about one video, and records of questions whose video cannot be read any more."""
    for numbers in videos:
        for first in range(0, len(numbers), QUESTIONS_TOGETHER):
            some = numbers[first : first + QUESTIONS_TOGETHER].tolist()
            found = [
                missing_of(catalogue, number, control) for number in some for control in catalogue.seeing
            ]
            yield from _about_one_video(dataset, [one for one in found if one.draws], catalogue.asking)


def failed(missing: Missing, draws: Sequence[int], error: str) -> list[AnswerRecord]:
    """Return records that these draws of a question have no answer, and why."""
    return [failed_record(missing.sample, missing.control, error, Origin(draw=number)) for number in draws]


def missing_of(catalogue: Catalogue, number: int, control: Control) -> Missing:
    """Return what a question has no answer for under a control."""
    draws = catalogue.missing(number, control)
    sample = catalogue.asked(number) if draws else catalogue.samples[number]
    return Missing(sample, control, draws, (number,))


def _about_one_video(
    dataset: VideoDataset, missing: Sequence[Missing], asking: Asking
) -> Iterator[Asked | AnswerRecord]:
    """Yield what is asked about one video, which is decoded once."""
    if not missing:
        return
    sample = missing[0].sample
    if asking.file and sample.modality is not Modality.TEXT:
        images = (medium.is_image for medium in sample.shown)
        files = zip(dataset.files(sample), images, strict=True)
        yield _asked(tuple(Medium(file=file, is_image=image) for file, image in files), missing, asking)
        return
    try:
        seen = dataset.load_all(sample)
    except MediaError as error:
        yield from chain.from_iterable(failed(one, one.draws, str(error)) for one in missing)
        return
    for together, views in _views(missing, seen, asking.seed):
        pairs = zip(views, sample.shown, strict=True)
        yield _asked(
            tuple(Medium(view, is_image=medium.is_image) for view, medium in pairs), together, asking
        )


def _views(
    missing: Sequence[Missing], seen: tuple[Frames, ...], seed: int
) -> Iterator[tuple[Sequence[Missing], tuple[Frames, ...]]]:
    """Yield what is shown, and what is asked about it: each view without a draw once for all questions, and each
    question's own drawn views, in which several videos are drawn alike. A text is asked as it is."""
    if not seen:
        yield missing, seen
        return
    for control, view in VIEWS.items():
        alike = [one for one in missing if one.control is control]
        parts = [[one] for one in alike] if view in DRAWN else [alike] if alike else []
        for together in parts:
            name = together[0].sample.id
            yield together, tuple(apply(view, each, draw(seed, name, control.value)) for each in seen)


def _asked(media: tuple[Medium, ...], missing: Sequence[Missing], asking: Asking) -> Asked:
    questions = tuple(Question(one.sample, _seeds(one, asking.seed)) for one in missing)
    frames = [medium.frames for medium in media if medium.frames is not None]
    arrays = [array for one in frames for array in (np.asarray(one.seconds), one.pixels_TCHW)]
    return Asked(Request(media, questions), missing, digest(*arrays) if arrays else None)


def _seeds(one: Missing, seed: int) -> tuple[int, ...]:
    """Return what each draw is drawn from: of a prompt without its video the same for whoever asks it."""
    name = blind(one.sample) if one.control is Control.TEXT_ONLY else one.sample.id
    return tuple(draw_seed(seed, "answer", name, one.control.value, number) for number in one.draws)
