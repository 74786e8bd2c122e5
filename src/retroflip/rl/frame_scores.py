"""How much each frame of every video has to do with its question: scored once, before the first step, and kept on disk.

Scores are those of the start weights for a whole run (STRIVE, section 3.3, scores videos and not steps), so a resumed
run reads what the first attempt has written, and so does any other run with the same scorer. Every process of every
attempt appends to a file of its own, so that runs can share a folder. F frames of a video's pool.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np

from retroflip.data.dataset import VideoDataset
from retroflip.data.media import ShownMedium
from retroflip.data.prompts import user_text
from retroflip.data.root import normalise, resolve
from retroflip.data.sample import Modality, Sample
from retroflip.errors import DataError, MissingVideoError, RetroflipError, TooManyFailuresError
from retroflip.files.storage import append_jsonl, read_jsonl, write_jsonl_atomic
from retroflip.models.scorers.base import FrameScorer, Scores
from retroflip.progress import Progress
from retroflip.rl.world import World
from retroflip.video.frames import Frames
from retroflip.video.hashing import sha256_file, sha256_files
from retroflip.video.samplers import UNIFORM

FORMULAS = 1
"""counted up when a scorer's formula changes, so that no earlier score is taken for a new one"""


@dataclass(frozen=True)
class FrameScores:
    """Scores by a sample's id: one array of shape (F,) for every sample with a video."""

    by_id: Mapping[str, Scores]

    def __getitem__(self, sample: Sample) -> Scores:
        """Return the scores of the sample's video under its question. Raises KeyError for one that was not scored."""
        return self.by_id[sample.id]


class _Failure(NamedTuple):
    """A sample that could not be scored, as the check of the data reports those that cannot be decoded."""

    id: str
    path: str
    error: str
    message: str

    @classmethod
    def of(cls, sample: Sample, error: RetroflipError) -> "_Failure":
        """Return why this sample failed."""
        return cls(sample.id, sample.video, type(error).__name__, str(error))


def score_all(
    dataset: VideoDataset, scorer: FrameScorer, folder: Path, progress: Progress, world: World | None = None
) -> FrameScores:
    """Return the scores of all samples that have a video, computing those which `folder` does not hold.

    What is scored is the question with its options as they are in the data, without a null option. A video is decoded
    once for all of its questions. `folder` is made where it is missing; each scorer has its own in it. The processes of
    a run call this together: each scores its share and gets all scores.

    Raises TooManyFailuresError where a sample cannot be scored, because no score may be guessed; all of those are
    listed in a file that the message names. Raises DataError for a damaged file of scores.
    """
    world = world or World()
    attempt = world.gather([uuid4().hex])[0]
    own_folder = folder / scorer.id
    own_folder.mkdir(parents=True, exist_ok=True)
    known = _read(sorted(own_folder.glob("scores-*.jsonl")))
    scoring = _Scoring(dataset, scorer, known, own_folder / f"scores-{attempt}-{world.rank}.jsonl")
    videos = _by_video(dataset)
    _remark(scorer, videos, progress)
    own = videos[world.rank :: world.size]
    progress.stage("scoring frames", len(own), "videos")
    for done, samples in enumerate(own, start=1):
        scoring.score(samples)
        progress.advance(done, f"{len(scoring.failures)} failed" if scoring.failures else "")
    if failures := world.gather(scoring.failures):
        log = own_folder / f"failures-{attempt}.jsonl"
        if world.rank == 0:
            write_jsonl_atomic(log, [failure._asdict() for failure in failures])
        raise TooManyFailuresError(_none_may_fail(failures, sum(map(len, videos)), log))
    return FrameScores(dict(world.gather(list(scoring.scores.items()))))


def _by_video(dataset: VideoDataset) -> list[list[Sample]]:
    """Return the samples with a video, those about the same part of the same one together, in the order of the data."""
    videos: dict[tuple[ShownMedium, ...], list[Sample]] = {}
    for sample in dataset.samples:
        if sample.modality is Modality.VIDEO:
            shown = (one.model_copy(update={"path": normalise(one.path)}) for one in sample.shown)
            videos.setdefault(tuple(shown), []).append(sample)
    return list(videos.values())


def _remark(scorer: FrameScorer, videos: Sequence[Sequence[Sample]], progress: Progress) -> None:
    """Tell the user what the scorer has to say about the questions."""
    questions = [user_text(sample) for samples in videos for sample in samples]
    if questions and (remark := scorer.remark(questions)):
        progress.stage(remark, 0, "")


@dataclass(frozen=True)
class _Scoring:
    """One process's part: what it finds in `known` or computes, and appends to `file`; scores are by sample id."""

    dataset: VideoDataset
    scorer: FrameScorer
    known: Mapping[str, Scores]
    file: Path
    scores: dict[str, Scores] = field(default_factory=dict)
    failures: list[_Failure] = field(default_factory=list)

    def score(self, samples: Sequence[Sample]) -> None:
        """Score the samples of one video, which is decoded unless all of them are known."""
        try:
            video = _video_hash(self.dataset, samples[0])
            keys = {sample.id: _key(self.dataset, self.scorer, video, sample) for sample in samples}
            new = [sample for sample in samples if keys[sample.id] not in self.known]
            frames = self.dataset.load(new[0]) if new else None
        except RetroflipError as error:
            self.failures.extend(_Failure.of(sample, error) for sample in samples)
            return
        self.scores.update({id_: self.known[key] for id_, key in keys.items() if key in self.known})
        for sample in new:
            self._score_new(sample, keys[sample.id], frames)

    def _score_new(self, sample: Sample, key: str, frames: Frames | None) -> None:
        if frames is None:
            raise ValueError(f"sample {sample.id!r} has no frames to score")
        try:
            scores = self.scorer.scores(frames, user_text(sample))
            _check(scores, len(frames), sample, self.scorer)
        except RetroflipError as error:
            self.failures.append(_Failure.of(sample, error))
            return
        append_jsonl(self.file, {"key": key, "sample": sample.id, "scores": scores.tolist()})
        self.scores[sample.id] = scores


def _video_hash(dataset: VideoDataset, sample: Sample) -> str:
    """Return the SHA-256 of the sample's file: the manifest's where it lists the file, for loading checks that one."""
    listed = dataset.manifest.sha256_of(sample.video) if dataset.manifest else None
    if listed is not None:
        return listed
    path = resolve(dataset.root, sample.video)
    try:
        return sha256_file(path) if not sample.media else _folder_hash(path)
    except OSError as error:
        raise MissingVideoError(
            f"{path}: cannot be read ({error.strerror}). Check the path and the root."
        ) from error


def _folder_hash(path: Path) -> str:
    files = sorted(one for one in path.iterdir() if one.is_file())
    hashes = zip((one.name for one in files), sha256_files(files), strict=True)
    return hashlib.sha256(json.dumps(list(hashes)).encode()).hexdigest()


def _key(dataset: VideoDataset, scorer: FrameScorer, video_sha256: str, sample: Sample) -> str:
    """Return what a score is kept under: a hash of everything that it depends on."""
    size = dataset.fits and dataset.fits.video.key
    parts = [FORMULAS, scorer.id, video_sha256, user_text(sample), dataset.pool_frames, size]
    if sample.window is not None:
        parts.append([sample.start, sample.end])
    if sample.media:
        parts.append([medium.model_dump(mode="json") for medium in sample.media])
    if dataset.sampler != UNIFORM:
        parts.append(list(dataset.sampler))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _check(scores: Scores, frames: int, sample: Sample, scorer: FrameScorer) -> None:
    if scores.shape != (frames,):
        raise ValueError(
            f"{frames} frames need as many scores, got the shape {scores.shape} from {scorer.id}"
        )
    if not np.isfinite(scores).all():
        raise DataError(
            f"Sample {sample.id!r}: the scorer {scorer.id} gives {int((~np.isfinite(scores)).sum())} of {frames} "
            "frames a score that is not a finite number. Load its model in a wider type (float32), or leave the sample "
            "out."
        )


def _read(files: Iterable[Path]) -> dict[str, Scores]:
    """Return the scores in these files by their keys. Raises DataError for a row that was changed."""
    known: dict[str, Scores] = {}
    for file in files:
        for row in read_jsonl(file):
            known[row["key"]] = np.asarray(row["scores"], dtype=np.float64)
    return known


def _none_may_fail(failures: Sequence[_Failure], samples: int, log: Path) -> str:
    return (
        f"The frames of {len(failures)} of {samples} samples could not be scored, and no score is guessed. All are "
        f"listed in {log}; the first: {failures[0].message} Mend these samples or remove them from the data."
    )
