"""A model's answers to a data set's questions, with the whole video and under the controls, by any engine.

A directory of answers is made in any number of goes: what is already in `answers.jsonl` is never asked again, and
`run.json` holds the settings that all answers in it share. The questions may come in another order, or with others
among them; one that was answered must still be the same. A question whose video or call fails has a record that says
so, and is asked again in the next go. All questions about one video are asked together, so that an engine can read it
once; what is asked together changes no answer.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from retroflip.bench.answer_folder import AnswerFolder, open_folder
from retroflip.bench.asking import MODEL_FREE, Asking
from retroflip.bench.controls import oracle_answers, random_answers
from retroflip.bench.records import AnswerRecord, Control, Origin, answer_record, failed_record
from retroflip.data.dataset import VideoDataset
from retroflip.data.media import MediumKind
from retroflip.data.record_notes import NOTES, Notes
from retroflip.data.sample import Modality, Sample
from retroflip.draws import draw, draw_seed
from retroflip.errors import MediaError, UsageError
from retroflip.files.storage import read_jsonl
from retroflip.inference.base import Answer, Engine, Medium, Question, Request, digest
from retroflip.progress import Progress
from retroflip.video.frames import Frames
from retroflip.video.transforms import Transform, apply

FAILURES = "failures.jsonl"
VIEWS = {
    Control.FULL: Transform.IDENTITY,
    Control.SINGLE_FRAME: Transform.SINGLE,
    Control.SHUFFLED_FRAMES: Transform.SHUFFLE,
    Control.REVERSED: Transform.REVERSE,
}
"""what a control shows of the video; text-only shows nothing"""
DRAWN = (Transform.SINGLE, Transform.SHUFFLE)
"""views that each question draws for itself"""
VIDEOS_AHEAD = 32
"""videos that are decoded ahead and sorted by size; their frames are in memory together"""
QUESTIONS_TOGETHER = 256
"""most questions about a video that are asked together; for more, it is read again"""
LOG_PROB_PLACES = 6
"""decimal places that are kept of log-probabilities"""


class Counts(NamedTuple):
    """What a folder holds of what was asked: answers, questions that miss one, answers cut off at the limit."""

    answers: int
    failed: int
    truncated: int


class _Missing(NamedTuple):
    """Draws that a question has no answer for under a control."""

    sample: Sample
    control: Control
    draws: tuple[int, ...]


class _Asked(NamedTuple):
    """A request to an engine, what each of its questions is, and the hash of the frames shown."""

    request: Request
    missing: Sequence[_Missing]
    frames_sha256: str | None = None


def generate(
    engine: Engine,
    dataset: VideoDataset,
    out: Path,
    asking: Asking,
    *,
    progress: Progress,
    max_failed_share: float = 0.01,
    about: Mapping[str, Any] | None = None,
) -> Counts:
    """Answer every sample under every control as many times as there are draws, and return what there is then.

    `out` gets run.json, failures.jsonl, notes.jsonl where there are notes, and, as they come, the answers
    (answers.jsonl); what is there already is not asked again, whatever the order of the data or the other controls.
    `asking.seed` draws the single frame, the order of the shuffled ones, the random answers and the responses.
    `max_failed_share` is the share of samples whose video may fail, and of answers that may.
    `about` is added to run.json as it is: "data", the records' file, lets a report show the videos.

    Raises RunDirectoryError when `out` holds something else or answers made with other settings, naming those that
    differ, or is in use by another process; DataError and TooManyFailuresError for the data.
    """
    _require_whole_files(dataset, asking)
    settings = {**engine.settings(), **_data_settings(dataset, asking), **asking.settings()}
    open_folder(out, settings, about or {}, dataset.samples)
    engine.notes = Notes(out / NOTES)
    good = dataset.checked(out / FAILURES, max_failed_share, progress)
    works = {sample.id for sample in good}
    folder = AnswerFolder(out, dataset.samples, asking.controls, asking.as_asked)
    _record_broken(folder, dataset, works, asking)
    total = sum(
        len(_draws(one, asking)) * len(good if one not in MODEL_FREE else dataset) for one in asking.controls
    )
    missing = sum(len(one.draws) for sample in dataset for one in _open(sample, works, folder, asking))
    progress.stage("answering", total, "answers")
    records = _records(engine, dataset, works, folder, asking)
    for done, record in enumerate(records, start=total - missing + 1):
        folder.add(record)
        progress.advance(done, folder.accuracy)
    folder.require_few_failures(missing, max_failed_share)
    failed = sum(bool(_missing(sample, folder, asking)) for sample in dataset.samples)
    return Counts(folder.counted, failed, folder.truncated)


def _require_whole_files(dataset: VideoDataset, asking: Asking) -> None:
    for sample in dataset.samples if asking.file else ():
        if any(medium.window is not None or medium.kind is MediumKind.FRAMES for medium in sample.shown):
            raise UsageError(
                f"Sample {sample.id!r} is about a part of a video, or about a folder of frames, and files are shown "
                "whole: show frames instead."
            )


def _data_settings(dataset: VideoDataset, asking: Asking) -> dict[str, Any]:
    return {
        "manifest_sha256": dataset.manifest.digest() if dataset.manifest else None,
        "frames": None if asking.file else dataset.frames,
        "sampler": "the engine's own, of the file" if asking.file else str(dataset.sampler),
    }


def _draws(control: Control, asking: Asking) -> range:
    return range(1 if control in MODEL_FREE else asking.draws)


def _missing(sample: Sample, folder: AnswerFolder, asking: Asking) -> list[_Missing]:
    """Return what there is no answer to yet, by control."""
    found = [
        (control, tuple(n for n in _draws(control, asking) if (sample.id, control, n) not in folder.answered))
        for control in asking.controls
    ]
    return [_Missing(asking.as_asked(sample), control, draws) for control, draws in found if draws]


def _open(sample: Sample, works: Container[str], folder: AnswerFolder, asking: Asking) -> list[_Missing]:
    """Return what of `_missing` can be answered: without a video that works, what needs none."""
    missing = _missing(sample, folder, asking)
    return [one for one in missing if sample.id in works or one.control in MODEL_FREE]


def _record_broken(
    folder: AnswerFolder, dataset: VideoDataset, works: Container[str], asking: Asking
) -> None:
    """Write a record, unless there is one, of each question whose video failed the check."""
    reasons = {row["id"]: row["message"] for row in read_jsonl(folder.path / FAILURES)}
    for sample in dataset.samples:
        if sample.id in works:
            continue
        for one in _missing(sample, folder, asking):
            unsaid = [n for n in one.draws if (sample.id, one.control, n) not in folder.failed]
            if one.control not in MODEL_FREE:
                folder.note(_failed(one, unsaid, reasons[sample.id]))


def _failed(missing: _Missing, draws: Iterable[int], error: str) -> list[AnswerRecord]:
    return [failed_record(missing.sample, missing.control, error, Origin(draw=number)) for number in draws]


def _records(
    engine: Engine, dataset: VideoDataset, works: Container[str], folder: AnswerFolder, asking: Asking
) -> Iterator[AnswerRecord]:
    """Yield a record for everything that is missing and can be answered."""
    for sample in dataset:
        for one in _missing(sample, folder, asking):
            if one.control is Control.ORACLE:
                yield from oracle_answers([one.sample])
            elif one.control is Control.RANDOM:
                yield from random_answers([one.sample], asking.seed)
    samples = [sample for sample in dataset if sample.id in works]
    asked = _all_asked(dataset, samples, folder, asking)
    while window := list(islice(asked, VIDEOS_AHEAD)):
        yield from (one for one in window if isinstance(one, AnswerRecord))
        requests = sorted((one for one in window if isinstance(one, _Asked)), key=_size)
        for answer in engine.answer([one.request for one in requests], asking.sampling):
            yield _record(engine, requests[answer.request], answer)


def _size(asked: _Asked) -> int:
    return sum(medium.frames.pixels_TCHW.size for medium in asked.request.media if medium.frames is not None)


def _all_asked(
    dataset: VideoDataset, samples: Sequence[Sample], folder: AnswerFolder, asking: Asking
) -> Iterator[_Asked | AnswerRecord]:
    """Yield requests, each about one video, and records of questions whose video cannot be read any more."""
    alike: dict[tuple[Modality, Any], list[Sample]] = {}
    for sample in samples:
        alike.setdefault((sample.modality, sample.shown), []).append(sample)
    for same in alike.values():
        for first in range(0, len(same), QUESTIONS_TOGETHER):
            some = same[first : first + QUESTIONS_TOGETHER]
            missing = [one for sample in some for one in _missing(sample, folder, asking)]
            yield from _asked_of(dataset, [one for one in missing if one.control not in MODEL_FREE], asking)


def _asked_of(
    dataset: VideoDataset, missing: Sequence[_Missing], asking: Asking
) -> Iterator[_Asked | AnswerRecord]:
    """Yield what is asked about one video, which is decoded once."""
    blind = [one for one in missing if one.control is Control.TEXT_ONLY]
    seeing = [one for one in missing if one.control is not Control.TEXT_ONLY]
    if blind:
        yield _asked((), blind, asking)
    if not seeing:
        return
    sample = seeing[0].sample
    if asking.file and sample.modality is not Modality.TEXT:
        images = (medium.is_image for medium in sample.shown)
        files = zip(dataset.files(sample), images, strict=True)
        yield _asked(tuple(Medium(file=file, is_image=image) for file, image in files), seeing, asking)
        return
    try:
        seen = dataset.load_all(sample)
    except MediaError as error:
        yield from chain.from_iterable(_failed(one, one.draws, str(error)) for one in seeing)
        return
    for together, views in _views(seeing, seen, asking.seed):
        pairs = zip(views, sample.shown, strict=True)
        yield _asked(
            tuple(Medium(view, is_image=medium.is_image) for view, medium in pairs), together, asking
        )


def _views(
    missing: Sequence[_Missing], seen: tuple[Frames, ...], seed: int
) -> Iterator[tuple[Sequence[_Missing], tuple[Frames, ...]]]:
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


def _asked(media: tuple[Medium, ...], missing: Sequence[_Missing], asking: Asking) -> _Asked:
    questions = tuple(
        Question(
            one.sample,
            tuple(draw_seed(asking.seed, "answer", one.sample.id, one.control.value, n) for n in one.draws),
        )
        for one in missing
    )
    frames = [medium.frames for medium in media if medium.frames is not None]
    arrays = [array for one in frames for array in (np.asarray(one.seconds), one.pixels_TCHW)]
    shown = digest(*arrays) if arrays else None
    return _Asked(Request(media, questions), missing, shown)


def _record(engine: Engine, asked: _Asked, answer: Answer) -> AnswerRecord:
    one, reply = asked.missing[answer.question], answer.reply
    origin = Origin(engine.name, asked.request.given, one.draws[answer.draw], asked.frames_sha256)
    if reply.error is not None:
        return failed_record(one.sample, one.control, reply.error, origin)
    log_probs = reply.log_probs and {
        letter: round(value, LOG_PROB_PLACES) for letter, value in reply.log_probs.items()
    }
    return answer_record(
        one.sample,
        reply.text,
        one.control,
        truncated=reply.truncated,
        origin=origin,
        tokens=reply.tokens,
        logprobs=log_probs or None,
        prompt_sha256=reply.prompt_sha256,
    )
