"""A model's answers to a data set's questions, with the whole video and under the controls, by any engine.

A directory of answers is made in any number of goes: what is already in `answers.jsonl` is never asked again, and
`run.json` holds the settings that all answers in it share. The questions may come in another order, or with others
among them; one that was answered must still be the same. A question whose video or call fails has a record that says
so, and is asked again in the next go. All questions about one video are asked together, so that an engine can read it
once; what is asked together changes no answer. Questions that are the same words without their video are one question
to a model that does not see it: it is asked once, and both sides of a pair get the same answer.

Several processes (`models.processes`) each take a part of the videos and write a file of their own; in the end the
files are put together in the order of the data, as one process leaves them too.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from retroflip.bench.answer_folder import AnswerFolder, Tally, open_folder, require_few_failures
from retroflip.bench.asking import MODEL_FREE, Asking
from retroflip.bench.catalogue import ANSWERED, Catalogue, Groups, Numbers, shares
from retroflip.bench.controls import oracle_answers, random_answers
from retroflip.bench.records import AnswerRecord, Control, Origin, answer_record, each_answer, failed_record
from retroflip.bench.requests import Asked, blind_requests, failed, missing_of, seeing_requests
from retroflip.bench.score import ANSWERS
from retroflip.bench.shards import gather
from retroflip.data.dataset import VideoDataset
from retroflip.data.media import MediumKind
from retroflip.data.record_notes import NOTES, Notes
from retroflip.data.sample import Sample
from retroflip.errors import UsageError
from retroflip.files.shards import shard
from retroflip.inference.base import Answer, Engine, Reply
from retroflip.inference.batches import Batches
from retroflip.models import processes
from retroflip.progress import Progress

FAILURES = "failures.jsonl"
AHEAD = 32
"""requests whose videos are decoded ahead and sorted by size; their frames are in memory together"""
LOG_PROB_PLACES = 4
"""decimal places that are kept of log-probabilities: more than what is asked together leaves alone"""


class Counts(NamedTuple):
    """What a folder holds of what was asked: answers, questions that miss one, answers cut off at the limit."""

    answers: int
    failed: int
    truncated: int


def generate(
    engine: Engine,
    dataset: VideoDataset,
    out: Path,
    asking: Asking,
    *,
    progress: Progress,
    max_failed_share: float = 0.01,
    about: Mapping[str, Any] | None = None,
    batches: Batches | None = None,
) -> Counts:
    """Answer every sample under every control as many times as there are draws, and return what there is then.

    `out` gets run.json, failures.jsonl, notes.jsonl where there are notes, and, as they come, the answers
    (answers.jsonl); what is there already is not asked again, whatever the order of the data or the other controls.
    `asking.seed` draws the single frame, the order of the shuffled ones, the random answers and the responses.
    `max_failed_share` is the share of samples whose video may fail, and of answers that may.
    `about` is added to run.json as it is: "data", the records' file, lets a report show the videos. `batches`: how many
    requests the engine gets at a time; by default as many as it says itself.

    To be called by all processes of a run. Raises RunDirectoryError when `out` holds something else or answers made
    with other settings, naming those that differ, or is in use by another process; DataError and TooManyFailuresError
    for the data.
    """
    _require_whole_files(dataset, asking)
    settings = {**engine.settings(), **_data_settings(dataset, asking), **asking.settings()}
    catalogue = Catalogue(dataset.samples, asking)
    folder = AnswerFolder(out, catalogue, processes.rank())
    broken = processes.from_main(
        lambda: _begin(folder, settings, about or {}, dataset, max_failed_share, progress)
    )
    if not processes.is_main():
        folder.read()
    engine.notes = Notes(shard(out, NOTES, processes.rank()))
    work = _Work(engine, dataset, catalogue, broken, batches or Batches(AHEAD, fixed=True))
    total, missing = work.counts()
    progress.stage("answering", total, "answers")
    for done, record in enumerate(work.records(), start=total - missing + 1):
        folder.add(record)
        progress.advance(done, folder.accuracy)
    tallies = processes.gather([folder.tally])
    return processes.from_main(lambda: _conclude(folder, tallies, max_failed_share))


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


def _begin(
    folder: AnswerFolder,
    settings: Mapping[str, Any],
    about: Mapping[str, Any],
    dataset: VideoDataset,
    max_failed_share: float,
    progress: Progress,
) -> dict[int, str]:
    """Begin the folder, put together what a killed run of several processes left, and try every video.

    What is answered without the engine is written. Return what is wrong with the videos that do not work, by the
    questions' numbers.
    """
    out, catalogue = folder.path, folder.catalogue
    open_folder(out, settings, about, dataset.samples)
    gather(out, catalogue)
    folder.read()
    found = dataset.broken(out / FAILURES, max_failed_share, progress)
    numbered = ((catalogue.number_of(identity), reason) for identity, reason in found.items())
    broken = {number: reason for number, reason in numbered if number is not None}
    folder.note(_without_a_model(catalogue))
    folder.note(_broken_records(catalogue, broken))
    folder.note(_same_prompts(out, catalogue, broken))
    return broken


def _conclude(folder: AnswerFolder, tallies: Sequence[Tally], max_failed_share: float) -> Counts:
    """Put the answers of all processes together, and count them. Raises TooManyFailuresError."""
    out, catalogue = folder.path, folder.catalogue
    gather(out, catalogue)
    whole = AnswerFolder(out, catalogue).read() if processes.count() > 1 else folder
    require_few_failures(out, tallies, max_failed_share)
    lacking = int((catalogue.state_SCN != ANSWERED).any(axis=(1, 2)).sum())
    return Counts(whole.counted, lacking, whole.truncated)


def _without_a_model(catalogue: Catalogue) -> Iterator[AnswerRecord]:
    """Yield what needs no model."""
    seed = catalogue.asking.seed
    for control in (one for one in catalogue.asking.controls if one in MODEL_FREE):
        for number in range(len(catalogue.samples)):
            if catalogue.missing(number, control):
                asked = [catalogue.asked(number)]
                yield from oracle_answers(asked) if control is Control.ORACLE else random_answers(asked, seed)


def _broken_records(catalogue: Catalogue, broken: Mapping[int, str]) -> Iterator[AnswerRecord]:
    """Yield a record, unless there is one, of each question whose video failed the check."""
    for number, reason in broken.items():
        for control in (one for one in catalogue.asking.controls if one not in MODEL_FREE):
            yield from failed(
                missing_of(catalogue, number, control), catalogue.untold(number, control), reason
            )


def _same_prompts(out: Path, catalogue: Catalogue, broken: Collection[int]) -> list[AnswerRecord]:
    """Return the answers that other questions of the same words have already, where nothing is shown."""
    if not catalogue.has_half_told_prompts:
        return []
    found = []
    for record in each_answer(out / ANSWERS):
        number = catalogue.number_of(record.id)
        if record.control is not Control.TEXT_ONLY or record.error is not None or number is None:
            continue
        for other in catalogue.same_prompt(number):
            if other not in broken and catalogue.take(other, record.control, record.draw):
                found.append(_copied(record, catalogue.asked(other)))
    return found


def _copied(record: AnswerRecord, sample: Sample) -> AnswerRecord:
    """Return an answer as that to another question of the same words."""
    return answer_record(
        sample,
        record.response,
        record.control,
        origin=Origin(record.engine, record.given, record.draw),
        truncated=record.truncated,
        tokens=record.tokens,
        logprobs=record.logprobs,
        prompt_sha256=record.prompt_sha256,
    )


class _Work:
    """What one process of a run asks its engine: its shares of the videos, and of the prompts without one."""

    def __init__(
        self,
        engine: Engine,
        dataset: VideoDataset,
        catalogue: Catalogue,
        broken: Collection[int],
        batches: Batches,
    ) -> None:
        self.engine, self.dataset, self.catalogue, self.batches = engine, dataset, catalogue, batches
        self.broken = np.zeros(len(catalogue.samples), dtype=bool)
        self.broken[list(broken)] = True
        self.blind = Control.TEXT_ONLY in catalogue.asking.controls

    def _shares(self, groups: Groups) -> Iterator[list[Numbers]]:
        for share in shares(groups, processes.rank(), processes.count()):
            yield [numbers[~self.broken[numbers]] for numbers in share]

    def _counted(self) -> Iterator[tuple[int, int]]:
        """Yield how many draws each part of the work has, and how many of them miss an answer."""
        catalogue = self.catalogue
        parts = [(catalogue.videos(), catalogue.seeing)]
        parts += [(catalogue.prompts(), [Control.TEXT_ONLY])] if self.blind else []
        for groups, controls in parts:
            for numbers in chain.from_iterable(self._shares(groups)):
                draws = len(numbers) * len(controls) * catalogue.asking.draws
                yield draws, catalogue.missing_among(numbers, controls)

    def counts(self) -> tuple[int, int]:
        """Return how many draws there are, and how many of them miss an answer."""
        counted = list(self._counted())
        return sum(draws for draws, _ in counted), sum(missing for _, missing in counted)

    def records(self) -> Iterator[AnswerRecord]:
        """Yield a record for everything that is missing."""
        for share in self._shares(self.catalogue.videos()) if self.catalogue.seeing else ():
            asked = seeing_requests(self.dataset, self.catalogue, share)
            while some := list(islice(asked, AHEAD)):
                yield from (one for one in some if isinstance(one, AnswerRecord))
                yield from self._answered([one for one in some if isinstance(one, Asked)])
        for share in self._shares(self.catalogue.prompts()) if self.blind else ():
            yield from self._answered(list(blind_requests(self.catalogue, share)))

    def _answered(self, asked: Sequence[Asked]) -> Iterator[AnswerRecord]:
        """Yield the records of all answers to these requests, the largest last."""
        by_size = sorted(asked, key=_size)
        requests = [one.request for one in by_size]
        for answer in self.batches.answer(self.engine, requests, self.catalogue.asking.sampling):
            yield from self._records(by_size[answer.request], answer)

    def _records(self, asked: Asked, answer: Answer) -> Iterator[AnswerRecord]:
        """Yield the record of an answer, for every question that gets it."""
        one, reply = asked.missing[answer.question], answer.reply
        draw = one.draws[answer.draw]
        origin = Origin(self.engine.name, asked.request.given, draw, asked.frames_sha256)
        for number in one.alike:
            if draw not in self.catalogue.missing(number, one.control):
                continue
            sample = self.catalogue.asked(number) if len(one.alike) > 1 else one.sample
            yield _record(sample, one.control, reply, origin)


def _size(asked: Asked) -> int:
    return sum(medium.frames.pixels_TCHW.size for medium in asked.request.media if medium.frames is not None)


def _record(sample: Sample, control: Control, reply: Reply, origin: Origin) -> AnswerRecord:
    if reply.error is not None:
        return failed_record(sample, control, reply.error, origin)
    log_probs = reply.log_probs and {
        letter: round(value, LOG_PROB_PLACES) for letter, value in reply.log_probs.items()
    }
    return answer_record(
        sample,
        reply.text,
        control,
        truncated=reply.truncated,
        origin=origin,
        tokens=reply.tokens,
        logprobs=log_probs or None,
        prompt_sha256=reply.prompt_sha256,
    )
