"""A model's greedy answers to a data set's questions, with the whole video and under the controls.

A directory of answers is made in any number of goes: what is already in `answers.jsonl` is never asked again, and
`run.json` holds the settings that all answers in it share. The questions may come in another order, or with others
among them; one that was answered must still be the same. A question whose video fails has a record that says so. Each
video is decoded once for all controls, and questions are batched with others of similar length; neither changes an
answer, because padding on the left is exact.
"""

import hashlib
import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from retroflip.bench.controls import oracle_answers, random_answers
from retroflip.bench.records import (
    AnswerRecord,
    Control,
    Origin,
    answer_record,
    append_answers,
    failed_record,
    question_digest,
    read_answers,
)
from retroflip.bench.score import ANSWERS
from retroflip.data.dataset import VideoDataset, check
from retroflip.data.prompts import with_null_option
from retroflip.data.record_notes import NOTES, Notes
from retroflip.data.records import format_record
from retroflip.data.sample import Sample
from retroflip.draws import draw
from retroflip.errors import DataError, RunDirectoryError, UsageError
from retroflip.files import locks
from retroflip.files.storage import (
    LOCK_NAME,
    is_unfinished,
    jsonable,
    read_json_object,
    read_jsonl,
    write_json_atomic,
)
from retroflip.inference.base import Sampling
from retroflip.inference.rollout import Roller
from retroflip.models.budget import bounds_of
from retroflip.models.checkpoint import weights_digest
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.features import encode_visuals
from retroflip.progress import Progress
from retroflip.train.run_directory import describe_code, describe_packages
from retroflip.video.transforms import Transform, apply

ENGINE = "retroflip"
FAILURES = "failures.jsonl"
VIEWS = {
    Control.FULL: Transform.IDENTITY,
    Control.SINGLE_FRAME: Transform.SINGLE,
    Control.SHUFFLED_FRAMES: Transform.SHUFFLE,
}
"""what a control shows of the video; text-only shows nothing"""
MODEL_FREE = (Control.ORACLE, Control.RANDOM)
"""controls that answer every question, those too whose video fails: they see none"""
BATCHES_AHEAD = 4
"""how many batches of samples are read ahead and sorted by length; their pixels are in memory together"""


class _Question(NamedTuple):
    sample: Sample
    control: Control
    prompt: Prompt
    frames_sha256: str | None = None


@dataclass(frozen=True)
class _Answerer:
    model: Any
    encoder: Encoder
    max_tokens: int

    def answer(self, questions: Sequence[_Question]) -> list[AnswerRecord]:
        """Ask one batch."""
        prompts = [question.prompt for question in questions]
        with torch.no_grad():
            features = encode_visuals(self.model, prompts)
        sampling = Sampling(self.max_tokens, temperature=0.0)
        each, seeds = [1] * len(prompts), [0] * len(prompts)
        rolled = self._roller().roll(prompts, features, each, sampling, seeds)
        return [
            answer_record(
                question.sample,
                self.encoder.decode(completion.ids),
                question.control,
                truncated=completion.truncated,
                origin=Origin(ENGINE, _digest(question.prompt.input_ids_L.numpy()), question.frames_sha256),
            )
            for question, (completion,) in zip(questions, rolled, strict=True)
        ]

    def _roller(self) -> Roller:
        tokenizer = self.encoder.tokenizer
        ends = self.model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [tokenizer.eos_token_id if ends is None else ends]
        return Roller(
            self.model,
            pad_token=tokenizer.pad_token_id,
            end_tokens=ends,
            special_tokens=self.encoder.special_tokens,
        )


def generate(
    model: Any,
    encoder: Encoder,
    dataset: VideoDataset,
    out: Path,
    *,
    controls: Sequence[str] = (Control.FULL,),
    max_tokens: int,
    batch_size: int,
    null_option: bool,
    seed: int,
    progress: Progress,
    max_failed_share: float = 0.01,
    about: Mapping[str, Any] | None = None,
) -> list[AnswerRecord]:
    """Answer every sample under every control, greedily, and return all records in the order of the data.

    `out` gets run.json, failures.jsonl, notes.jsonl where there are notes, and, as they come, the answers
    (answers.jsonl); what is there already is not asked again, whatever the order of the data, the batch size or the
    other controls. `seed` draws the single frame, the order of the shuffled ones and the random answers.
    `max_failed_share` is the share of samples that may be left out because of their video. `about` is added to run.json
    as it is: "data", the records' file, lets a report show the videos.

    Raises UsageError for an unknown control or no control; RunDirectoryError when `out` holds something else or answers
    made with other settings, naming those that differ, or is in use by another process; DataError and
    TooManyFailuresError for the data.
    """
    wanted = parse_controls(controls)
    settings = {
        **_model_settings(model, encoder, max_tokens),
        **_data_settings(dataset),
        "null_option": null_option,
        "seed": seed,
    }
    _open(out, settings, {**(about or {}), "model": model.name_or_path, "device": str(model.device)}, dataset)
    encoder.notes = Notes(out / NOTES)
    good = check(dataset, log=out / FAILURES, max_failed_share=max_failed_share, progress=progress)
    works = {sample.id for sample in good}
    every = [with_null_option(sample) if null_option else sample for sample in dataset.samples]
    asked = [sample for sample in every if sample.id in works]
    answered = _already_answered(out, every)
    failed = [sample for sample in every if sample.id not in works]
    model_free = [control for control in wanted if control in MODEL_FREE]
    answered |= _record_failures(out, failed, [one for one in wanted if one not in MODEL_FREE], answered)
    missing = {
        sample.id: [
            control
            for control in (wanted if sample.id in works else model_free)
            if not _is_answered(answered.get((sample.id, control)))
        ]
        for sample in every
    }
    total = len(asked) * len(wanted) + len(failed) * len(model_free)
    progress.stage("answering", total, "answers")
    done = total - sum(len(controls) for controls in missing.values())
    todo = [sample for sample in every if missing[sample.id]]
    answerer = _Answerer(model, encoder, max_tokens)
    for batch in _answers(answerer, dataset, todo, missing, batch_size=batch_size, seed=seed):
        append_answers(out / ANSWERS, batch)
        answered |= {(record.id, record.control): record for record in batch}
        done += len(batch)
        progress.advance(done, _note(answered.values()))
    keys = ((sample.id, control) for control in wanted for sample in every)
    return [answered[key] for key in keys if key in answered]


def parse_controls(names: Sequence[str]) -> list[Control]:
    """Return the controls by these names, each once. Raises UsageError for an unknown name and for none at all."""
    known = {control.value: control for control in Control}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise UsageError(
            f"There is no control named {', '.join(map(repr, unknown))}: choose from {', '.join(known)}."
            if unknown
            else f"No control is named: choose at least one of {', '.join(known)}."
        )
    return list(dict.fromkeys(known[name] for name in names))


def _answers(
    answerer: _Answerer,
    dataset: VideoDataset,
    samples: Sequence[Sample],
    missing: Mapping[str, Sequence[Control]],
    *,
    batch_size: int,
    seed: int,
) -> Iterator[list[AnswerRecord]]:
    """Yield the missing answers batch by batch."""
    was_training = answerer.model.training
    answerer.model.eval()
    try:
        for control in MODEL_FREE:
            unanswered = [sample for sample in samples if control in missing[sample.id]]
            if unanswered:
                yield (
                    oracle_answers(unanswered)
                    if control is Control.ORACLE
                    else random_answers(unanswered, seed)
                )
        for window in _slices(samples, batch_size * BATCHES_AHEAD):
            questions = [
                question
                for sample in window
                for question in _questions(answerer.encoder, dataset, sample, missing[sample.id], seed)
            ]
            questions.sort(key=lambda question: len(question.prompt.input_ids_L))
            for batch in _slices(questions, batch_size):
                yield answerer.answer(batch)
    finally:
        answerer.model.train(was_training)


def _questions(
    encoder: Encoder, dataset: VideoDataset, sample: Sample, controls: Sequence[Control], seed: int
) -> Iterator[_Question]:
    """Encode one sample for each control that a model answers, decoding its video once."""
    frames = dataset.load(sample) if any(control in VIEWS for control in controls) else None
    for control in controls:
        if control is Control.TEXT_ONLY:
            yield _Question(sample, control, encoder.encode(sample, None))
        elif control in VIEWS and frames is not None:
            view = apply(VIEWS[control], frames, draw(seed, sample.id, control.value))
            shown = _digest(np.asarray(view.seconds), view.pixels_TCHW)
            yield _Question(sample, control, encoder.encode(sample, view), shown)


def _digest(*arrays: np.ndarray[Any, Any]) -> str:
    """Return a SHA-256 of arrays' types, shapes and contents."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _slices(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _note(records: Any) -> str:
    full = [record.correct for record in records if record.control is Control.FULL]
    return f"accuracy {sum(full) / len(full):.2f}" if full else ""


def _record_failures(
    out: Path, failed: Sequence[Sample], controls: Sequence[Control], known: Container[tuple[str, Control]]
) -> dict[tuple[str, Control], AnswerRecord]:
    """Write a record, unless there is one, of each question whose video failed the check, and return those written."""
    reasons = {row["id"]: row["message"] for row in read_jsonl(out / FAILURES)}
    records = [
        failed_record(sample, control, reasons[sample.id])
        for sample in failed
        for control in controls
        if (sample.id, control) not in known
    ]
    append_answers(out / ANSWERS, records)
    return {(record.id, record.control): record for record in records}


def _is_answered(record: AnswerRecord | None) -> bool:
    return record is not None and record.error is None


def _already_answered(out: Path, samples: Sequence[Sample]) -> dict[tuple[str, Control], AnswerRecord]:
    """Return the records that are there. Raises RunDirectoryError where one is of another question of the same id."""
    path = out / ANSWERS
    records = read_answers(path).records if path.exists() else []
    now = {sample.id: question_digest(sample) for sample in samples}
    for record in records:
        if record.question_sha256 is not None and record.question_sha256 != now.get(
            record.id, record.question_sha256
        ):
            raise RunDirectoryError(
                f"{path}: the question {record.id!r} was another one when it was asked: its text, options, solution, "
                "video or pair is changed in the data. Name another directory with --out, or restore the data."
            )
    return {(record.id, record.control): record for record in records}


def _model_settings(model: Any, encoder: Encoder, max_tokens: int) -> dict[str, Any]:
    """Return what decides the model's answer to a prompt, and what makes the prompt."""
    return {
        "weights_sha256": weights_digest(model),
        "dtype": str(model.dtype).removeprefix("torch."),
        "back_end": "transformers",
        "decoding": "greedy",
        "max_tokens": max_tokens,
        "system_prompt": encoder.system_prompt,
        "pixel_budget": bounds_of(encoder.processor),
    }


def _data_settings(dataset: VideoDataset) -> dict[str, Any]:
    return {
        "manifest_sha256": dataset.manifest.digest() if dataset.manifest else None,
        "frames": dataset.frames,
        "sampler": str(dataset.sampler),
    }


def _file_digest(dataset: VideoDataset) -> str:
    """Return what earlier versions, whose records do not hold their questions' digests, kept of a data file."""
    records = json.dumps([format_record(sample) for sample in dataset.samples], sort_keys=True)
    return hashlib.sha256(records.encode()).hexdigest()


def _open(out: Path, settings: Mapping[str, Any], about: Mapping[str, Any], dataset: VideoDataset) -> None:
    """Begin a directory of answers, or make sure that the one there was made with the same settings."""
    path = out / "run.json"
    if not path.exists():
        _check_empty(out)
    out.mkdir(parents=True, exist_ok=True)
    locks.hold(out)
    if not path.exists():
        origin = {"code": describe_code(), "packages": describe_packages()}
        write_json_atomic(path, {"schema": 2, "kind": "answers", **about, "settings": settings, **origin})
        return
    there = _read_run(path).get("settings")
    if not isinstance(there, dict):
        raise RunDirectoryError(
            f"{out} holds a run of another kind ({path} has no settings of answers). Name another directory with --out."
        )
    now = jsonable(settings)
    if "data_sha256" in there:
        now["data_sha256"] = _file_digest(dataset)
    differing = [
        f"{key} (was {json.dumps(there.get(key))}, now {json.dumps(now.get(key))})"
        for key in dict.fromkeys([*there, *now])
        if there.get(key) != now.get(key)
    ]
    if differing:
        raise RunDirectoryError(
            f"{out} holds answers that were made with other settings: {'; '.join(differing)}. Answers that differ in "
            f"these cannot be scored together: name another directory with --out, or use the settings in {path}."
        )


def _read_run(path: Path) -> dict[str, Any]:
    try:
        return read_json_object(path)
    except DataError as error:
        raise RunDirectoryError(f"{error} Or name another directory with --out.") from error


def _check_empty(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise RunDirectoryError(
            f"{out} is a file, and answers need a directory. Name another one with --out."
        )
    left = [entry.name for entry in out.iterdir()] if out.exists() else []
    if any(name != LOCK_NAME and not is_unfinished(name) for name in left):
        raise RunDirectoryError(
            f"{out} is not empty and holds no run (there is no run.json). Name a new or empty directory with --out."
        )
