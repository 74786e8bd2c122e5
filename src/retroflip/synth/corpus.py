"""Data sets of temporal videos on disk, written by many processes and resumable at any point.

    DIR/dataset.json         what was asked for; written first, so that a rerun knows its own unfinished folder
    DIR/videos/NAME.mp4      each put in place whole
    DIR/metadata/NAME.json   its ground truth, written behind it: a video that has it is finished
    DIR/manifest.json        the files' SHA-256
    DIR/README.md            the data card
    DIR/records.jsonl        the questions; written last, so a data set that has it is complete

A pair is drawn from (seed, kind, its number) and what that data set is for, so that equal settings give equal videos
whatever the number of workers. The kinds deal out answers evenly; the letters are dealt out here.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from retroflip.data.answers.spans import read_spans, spans_text
from retroflip.data.card import write_made
from retroflip.data.folder import CARD, DESCRIPTION_NAME, RECORDS_NAME, claim
from retroflip.data.manifest import MANIFEST_NAME, build_manifest, write_manifest
from retroflip.data.records import read_samples, write_samples
from retroflip.data.sample import ProblemType, Sample, TaskType, option_letter
from retroflip.draws import draw
from retroflip.errors import DataError, UsageError
from retroflip.files.storage import (
    file_name,
    read_json_object,
    scratch_folder,
    write_bytes_atomic,
    write_json_atomic,
)
from retroflip.progress import Progress
from retroflip.recipes.reading import ContradictionError
from retroflip.synth.episode import FORMAT, Draw, Episode, Kind, Pair, Redraw, task_type_of
from retroflip.synth.names import Form, Split, Traces
from retroflip.synth.narration import narrate
from retroflip.synth.notes import stamped_notes
from retroflip.synth.raster import write_mp4
from retroflip.synth.registry import TEMPORAL_KINDS, select
from retroflip.synth.remedies import remedy
from retroflip.synth.settings import SceneSettings
from retroflip.video.hashing import sha256_file
from retroflip.workers import Engine

GENERATOR = 4
"""raised when equal settings come to mean other videos, if only by their pixels"""
SINGLES = 5
"""the same for single videos"""
ATTEMPTS = 1000
"""draws of one pair before it is given up"""
PROBES = 20
"""draws of a pair by which it is told whether settings would do"""
TURNS_TRIED = 3
"""pairs of a kind by which that is told; the modes of the long kinds, which are dealt out, are three"""
LEADS = (
    "",
    "Watch the video closely.",
    "Look at the whole clip.",
    "Answer from the video.",
    "Here is a question about the clip.",
    "Please watch until the end.",
    "Consider the entire video.",
    "Pay attention to what happens when.",
)
"""what may stand before a question, so that even a kind with few words has questions for every split"""
METADATA = "metadata"
VIDEOS = "videos"


class CorpusSettings(BaseModel):
    """Everything that a data set's content depends on.

    per_task: pairs of each kind, or single videos where `paired` is off. form: how questions want their answers; one
    that cannot be asked so is asked as multiple choice. traces: the reasoning of every record. renderer: what
    draws the videos; there is one, and data sets keep its name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: tuple[str, ...] = ("all",)
    per_task: int = Field(ge=1)
    seed: int = Field(ge=0)
    split: Split = Split.RL
    paired: bool = True
    form: Form = Form.CHOICE
    traces: Traces = Traces.NONE
    renderer: Literal["numpy"] = "numpy"
    scene: SceneSettings = SceneSettings()

    @model_validator(mode="after")
    def _spans_stand_alone(self) -> Self:
        if self.form is Form.SPAN and self.paired:
            raise ContradictionError(
                "form",
                "'span' asks for an event of one video, which has no pair: set paired to false (--single)",
            )
        return self

    @field_validator("kinds")
    @classmethod
    def _name_something(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        named = tuple(name for name in kinds if name)
        if not named:
            raise ValueError("kinds name nothing; name some with commas between, or leave them out for all")
        return named

    def kinds_chosen(self) -> list[Kind]:
        """Return the kinds named. Raises UsageError for a name that no kind has."""
        return select(self.kinds)


@dataclass(frozen=True)
class Job:
    """One pair, or one video, to be drawn. `salt` is raised where an earlier draw repeated another video's content."""

    settings: CorpusSettings
    kind: str
    turn: int
    salt: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its videos."""
        stem = f"{self.kind}-{self.turn:05d}"
        return (f"{stem}-0", f"{stem}-1") if self.settings.paired else (stem,)


@dataclass(frozen=True)
class Product:
    """One finished video and its metadata."""

    name: str
    video: bytes
    metadata: Mapping[str, Any]


def write_corpus(
    out: Path,
    settings: CorpusSettings,
    *,
    engine: Engine,
    apart_from: Sequence[Path] = (),
    progress: Progress,
) -> list[Sample]:
    """Write the data set that `settings` describe to `out`, or what is missing of it, and return its samples.

    apart_from: folders of other data sets, none of whose videos' contents may be drawn again. Raises UsageError for
    kinds that do not exist and for a folder that holds something else, DataError where nothing new can be drawn.
    """
    kinds = settings.kinds_chosen()
    _check_form(kinds, settings.form)
    taken = {digest for folder in apart_from for digest in contents_of(folder)}
    apart = {"apart_from": hashlib.sha256("".join(sorted(taken)).encode()).hexdigest()} if taken else {}
    generator = GENERATOR if settings.paired else SINGLES
    if claim(out, {"generator": generator, "data": "temporal", **settings.model_dump(mode="json"), **apart}):
        return read_samples(out / RECORDS_NAME)
    for name in (VIDEOS, METADATA):
        (out / name).mkdir(exist_ok=True)
    jobs = [Job(settings, kind.name, turn) for turn in range(settings.per_task) for kind in kinds]
    progress.stage("writing videos", len(jobs) * len(jobs[0].names), "videos")
    _write_all(out, jobs, taken, engine, progress)
    written = [read_metadata(out, name) for job in jobs for name in job.names]
    samples = [sample_from(metadata) for metadata in written]
    _write_card(out, settings, samples)
    write_samples(out / RECORDS_NAME, samples)
    shown = [file for sample in samples for file in (sample.video, f"{METADATA}/{sample.id}.json")]
    files = [DESCRIPTION_NAME, CARD, RECORDS_NAME, *shown]
    write_manifest(out / MANIFEST_NAME, build_manifest(out, files))
    return samples


def _write_card(out: Path, settings: CorpusSettings, samples: Sequence[Sample]) -> None:
    """Write what the data set is, and how it is made again."""
    kinds = [kind.name for kind in settings.kinds_chosen()]
    pairs = "pairs of videos with one question and different answers" if settings.paired else "single videos"
    about = (
        f"Temporal videos that a program drew: {pairs}, of the kinds {', '.join(kinds)}, with seed {settings.seed}, "
        f"for {settings.split.value}. Every answer follows from the video's own description in `{METADATA}/`. "
        f"`{DESCRIPTION_NAME}` holds all settings, by which `retroflip synth` draws the same bytes again. No person, "
        "place or recording is in them."
    )
    split = "test" if settings.split is Split.TEST else "train"
    write_made(out, "Temporal videos", about, samples, ["synthetic", *kinds], split)


def _write_all(
    out: Path, jobs: Sequence[Job], taken: Collection[str], engine: Engine, progress: Progress
) -> None:
    """Write what is not there yet, and again what repeats the content of an earlier video or of another data set."""
    missing = [job for job in jobs if not _is_finished(out, job)]
    done = (len(jobs) - len(missing)) * len(jobs[0].names)
    progress.advance(done)
    before, began = done, time.monotonic()
    while missing:
        for products in engine.run(produce, missing):
            for product in products:
                write_bytes_atomic(out / VIDEOS / f"{product.name}.mp4", product.video)
                write_json_atomic(_metadata_path(out, product.name), product.metadata)
                done += 1
            progress.advance(done, f"{(done - before) / (time.monotonic() - began):.1f} videos a second")
        missing = list(_repeated(out, jobs, taken))
        repeated = sum(len(job.names) for job in missing)
        done, before = done - repeated, before - repeated


def _repeated(out: Path, jobs: Sequence[Job], taken: Collection[str]) -> Iterator[Job]:
    """Yield, with another salt, the jobs whose videos repeat content of an earlier job's or of another data set's.

    What the jobs yielded show now counts for nothing, as if they were drawn again already: a run that was stopped in
    between comes to the same end.
    """
    seen = set(taken)
    for job in jobs:
        found = [read_metadata(out, name) for name in job.names]
        contents = {str(one["content_sha256"]) for one in found}
        if contents & seen:
            yield replace(job, salt=int(found[0]["salt"]) + 1)
        else:
            seen |= contents


def produce(job: Job) -> list[Product]:
    """Draw, film and encode one pair or one video. Runs in a worker; writes nothing.

    Raises DataError where none of ATTEMPTS draws will do.
    """
    products = []
    for episode, metadata in described(job):
        video = _encoded(episode, job.settings)
        filmed = {**metadata["video"], "sha256": hashlib.sha256(video).hexdigest()}
        products.append(Product(metadata["name"], video, {**metadata, "video": filmed}))
    return products


def described(job: Job) -> list[tuple[Episode, dict[str, Any]]]:
    """Draw one pair or one video; return its episodes with their metadata, which do without the file's hash yet.

    A video alone is a pair's first, whose answer and letter are dealt out evenly. Raises DataError where none of
    ATTEMPTS draws will do.
    """
    kind = TEMPORAL_KINDS[job.kind]
    pair, attempt = _drawn(kind, job)
    sides: list[tuple[int | None, Episode]] = [(0, pair.first), (1, pair.second)]
    if not job.settings.paired:
        sides = [(None, pair.first)]
    found = []
    for name, (side, episode) in zip(job.names, sides, strict=True):
        metadata = {
            **_labelled(kind, job, episode),
            "name": name,
            "pair": f"{job.kind}-{job.turn:05d}" if job.settings.paired else None,
            "side": side,
            "counterfactual": pair.how if job.settings.paired else None,
            "attempt": attempt,
            "salt": job.salt,
        }
        metadata["video"] |= {
            "path": f"{VIDEOS}/{name}.mp4",
            "size": job.settings.scene.size,
            "renderer": job.settings.renderer,
        }
        match job.settings.traces:
            case Traces.TOLD | Traces.STAMPED if metadata["form"] == Form.SPAN:
                metadata["trace"] = span_trace(metadata)
            case Traces.TOLD:
                metadata["trace"] = narrate(metadata, draw(job.settings.seed, "narration", name))
            case Traces.STAMPED:
                metadata["trace"] = stamped_notes(metadata, job.settings.scene.viewed_frames)
        found.append((episode, metadata))
    return found


def _drawn(kind: Kind, job: Job) -> tuple[Pair, int]:
    """Return the first draw that can be decided and whose question belongs to this split, options in their seats."""
    pair, attempts, refusals = _tried(kind, job, ATTEMPTS)
    if pair is not None:
        return pair, attempts
    (reason, _), *_ = refusals.most_common(1)
    alike = [replace(job, turn=job.turn + more) for more in range(TURNS_TRIED)]
    raise DataError(
        f"No video of the kind {kind.name!r} could be drawn with these settings (attempts: {attempts}, "
        f"question: {job.turn}): {reason}. {remedy(job.settings.scene, partial(can_be_drawn, alike))}"
    )


def can_be_drawn(jobs: Sequence[Job], scene: SceneSettings, attempts: int = PROBES) -> bool:
    """Return whether one of a few attempts at each job works, with this scene."""
    changed = [replace(job, settings=job.settings.model_copy(update={"scene": scene})) for job in jobs]
    return all(_tried(TEMPORAL_KINDS[job.kind], job, attempts)[0] is not None for job in changed)


def _tried(kind: Kind, job: Job, attempts: int) -> tuple[Pair | None, int, Counter[str]]:
    """Return the first draw that works with its number, or None with the number of attempts; and what went wrong."""
    refusals: Counter[str] = Counter()
    for attempt in range(attempts):
        draws = _draw_of(kind, job, attempt)
        unused = draws.rng.bit_generator.state
        try:
            return _asked_in_split(kind.make(draws), draws, job.settings.split), attempt, refusals
        except Redraw as refusal:
            seen = job.settings.scene.viewed_frames
            refusals[
                str(refusal) or f"each was ambiguous, or too close to call for a viewer of {seen} frames"
            ] += 1
            if draws.rng.bit_generator.state == unused:
                break  # Nothing drawn had a part in it: all attempts end alike.
    return None, refusals.total(), refusals


def _asked_in_split(pair: Pair, draws: Draw, split: Split) -> Pair:
    """Return the pair with a lead by which its question belongs to the split, and its options in their seats."""
    for lead in draws.shuffled(LEADS):
        led = _led(pair, lead)
        if _split_of(led.first) is split:
            return _seated(led, draws)
    raise Redraw(f"no question belongs to the split {split.value}")


def _draw_of(kind: Kind, job: Job, attempt: int) -> Draw:
    seed = job.settings.seed
    rng = draw(seed, "temporal", job.settings.split.value, kind.name, job.turn, job.salt, attempt)
    return Draw(seed, kind.name, job.turn, job.settings.scene, rng)


def _led(pair: Pair, lead: str) -> Pair:
    """Return the pair with that lead before its question."""
    if not lead:
        return pair

    def asked(episode: Episode) -> Episode:
        return replace(episode, question=replace(episode.question, text=f"{lead} {episode.question.text}"))

    return Pair(asked(pair.first), asked(pair.second), pair.how)


def _split_of(episode: Episode) -> Split:
    """Return the split that a question belongs to, by a hash of its words alone."""
    words = json.dumps([episode.question.text, sorted(episode.question.options)], ensure_ascii=True)
    splits = list(Split)
    return splits[int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") % len(splits)]


def _seated(pair: Pair, draws: Draw) -> Pair:
    """Return the pair with both right answers at letters dealt out evenly; ordered options stay where they are."""
    question, other = pair.first.question, pair.second.question.answer
    if question.ordered:
        return pair
    total = len(question.options)
    seats = [(one, two) for one in range(total) for two in range(total) if one != two]
    first, second = draws.deal("seats", seats)
    taken = {first: question.answer, second: other}
    rest = iter([option for option in question.options if option not in taken.values()])
    options = tuple(taken.get(seat) or next(rest) for seat in range(total))

    def reseated(episode: Episode) -> Episode:
        return replace(episode, question=replace(episode.question, options=options))

    return Pair(reseated(pair.first), reseated(pair.second), pair.how)


def _encoded(episode: Episode, settings: CorpusSettings) -> bytes:
    with scratch_folder() as folder:
        path = folder / "video.mp4"
        write_mp4(path, episode.animation, settings.scene.size)
        return path.read_bytes()


def _labelled(kind: Kind, job: Job, episode: Episode) -> dict[str, Any]:
    truth = episode.metadata()
    content = json.dumps([truth[key] for key in ("video", "objects", "events", "states")], sort_keys=True)
    return {
        "format": FORMAT,
        "kind": kind.name,
        "category": kind.category.value,
        "term": kind.term.value,
        "domain": kind.domain.value,
        "form": _form_of(kind, episode, job.settings.form).value,
        "split": job.settings.split.value,
        "seed": job.settings.seed,
        "turn": job.turn,
        "settings": job.settings.scene.model_dump(mode="json"),
        **truth,
        "question": {**truth["question"], "task_type": episode.question.task_type.value},
        "content_sha256": hashlib.sha256(content.encode()).hexdigest(),
    }


def _form_of(kind: Kind, episode: Episode, wanted: Form) -> Form:
    """Return the form that was asked for where this very question can be asked so, else multiple choice."""
    question = episode.question
    possible = {
        Form.CHOICE: True,
        Form.NUMERIC: question.numeric is not None,
        Form.OPEN: question.is_open,
        Form.SPAN: kind.asks(Form.SPAN),
    }
    return wanted if possible[wanted] else Form.CHOICE


def sample_from(metadata: Mapping[str, Any]) -> Sample:
    """Return the record of a video's question."""
    question, form = metadata["question"], Form(metadata["form"])
    options = tuple(question["options"])
    task_type = TaskType(question["task_type"])
    if form is Form.SPAN:
        text, solution, task_type = span_question(metadata)
        question = {**question, "text": text}
        problem_type = ProblemType.GROUNDING
    elif form is Form.CHOICE:
        solution, problem_type = option_letter(options.index(question["answer"])), ProblemType.MULTIPLE_CHOICE
    elif form is Form.NUMERIC:
        solution, problem_type = f"{question['numeric']:g}", ProblemType.NUMERICAL
    else:
        solution, problem_type = question["answer"], ProblemType.FREE_FORM
    return Sample(
        id=metadata["name"],
        video=metadata["video"]["path"],
        question=question["text"],
        options=options if form is Form.CHOICE else (),
        solution=solution,
        problem_type=problem_type,
        source="retroflip/temporal",
        task=metadata["kind"],
        task_type=task_type,
        source_clip=metadata["pair"] or metadata["name"],
        pair=metadata["pair"],
        side=metadata["side"],
        trace=metadata.get("trace"),
        labels={
            **{name: metadata[name] for name in ("category", "term", "domain", "form")},
            "mode": question["mode"],
        },
    )


class SpanQuestion(NamedTuple):
    """When one of a video's events happens, as it is asked; its solution, and what changes the event."""

    text: str
    solution: str
    task_type: TaskType


def span_question(metadata: Mapping[str, Any]) -> SpanQuestion:
    """Return the question when one of a video's events happens; which of them, its turn deals out.

    One that comes but once is preferred; an event that comes several times has several spans. Raises KeyError for a
    kind whose events are not asked for.
    """
    changed_by = TEMPORAL_KINDS[metadata["kind"]].events_changed_by
    if changed_by is None:
        raise KeyError(metadata["kind"])
    asked = {event["note"]: found for event in metadata["events"] if (found := changed_by(event)) is not None}
    told = Counter(event["note"] for event in metadata["events"])
    notes = [note for note in asked if told[note] == 1] or list(asked)
    note = notes[metadata["turn"] % len(notes)]
    spans = [
        (event["start_ms"] / 1000, event["end_ms"] / 1000)
        for event in metadata["events"]
        if event["note"] == note
    ]
    text = f"When does this happen: {note}? Answer with the seconds at which it begins and ends, as in [1.0, 2.5]."
    return SpanQuestion(text, spans_text(spans), task_type_of(asked[note]))


def span_trace(metadata: Mapping[str, Any]) -> str:
    """Return the reasoning about when an event happens: each time that it does; the first one is boxed."""
    spans = read_spans(span_question(metadata).solution)
    times = " and ".join(f"from {start:g} s to {end:g} s" for start, end in spans)
    return f"<think>It happens {times}.</think>\\boxed{{{spans_text(spans[:1])}}}"


def read_metadata(folder: Path, name: str) -> dict[str, Any]:
    """Return a video's ground truth. Raises DataError for a file that is missing or damaged."""
    path = _metadata_path(folder, name)
    try:
        found = read_json_object(path)
    except DataError as error:
        raise DataError(
            f"{error} Delete records.jsonl in that folder, if it is there, and write the data set again with the same "
            "command; what is whole is kept."
        ) from error
    if found.get("format") != FORMAT:
        raise DataError(f"{path}: not the metadata of a temporal video in format {FORMAT}.")
    return found


def contents_of(folder: Path) -> set[str]:
    """Return the hashes of what the videos of a data set show. Raises UsageError for a folder without one."""
    names = [path.stem for path in sorted((folder / METADATA).glob("*.json"))]
    if not names:
        raise UsageError(
            f"{folder}: holds no data set of temporal videos (no {METADATA}/*.json), so nothing can be kept apart from "
            "it. Name a folder that `retroflip synth` wrote."
        )
    return {str(read_metadata(folder, name)["content_sha256"]) for name in names}


def _metadata_path(folder: Path, name: str) -> Path:
    if file_name(name) != name:
        raise DataError(f"{folder}: no video is called {name!r:.60} where `retroflip synth` names them.")
    return folder / METADATA / f"{name}.json"


def _is_finished(out: Path, job: Job) -> bool:
    """Return whether a job's videos and their metadata are there, belong to each other and come from one draw."""
    draws = set()
    for name in job.names:
        try:
            truth = read_metadata(out, name)
            whole = truth["video"]["sha256"] == sha256_file(out / VIDEOS / f"{name}.mp4")
        except (DataError, OSError):
            return False
        if not whole:
            return False
        draws.add((truth["salt"], truth["attempt"]))
    return len(draws) == 1


def _check_form(kinds: Sequence[Kind], form: Form) -> None:
    """Raise UsageError where not one of the kinds can be asked in this form."""
    if not any(kind.asks(form) for kind in kinds):
        able = ", ".join(kind.name for kind in TEMPORAL_KINDS.values() if kind.asks(form))
        raise UsageError(f"None of the kinds named has {form.value} questions. These have: {able}.")
