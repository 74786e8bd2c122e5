"""The videos and images of a data set: decoded on demand, and checked before a run so that none fails in its
middle."""

import os
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np

from retroflip.data.image import read_image
from retroflip.data.manifest import Manifest
from retroflip.data.root import normalise, resolve
from retroflip.data.sample import Modality, Sample
from retroflip.errors import (
    DataError,
    MediaError,
    PathEscapeError,
    RetroflipError,
    TooManyFailuresError,
    counted,
)
from retroflip.files.storage import write_jsonl_atomic
from retroflip.progress import Progress, Silence
from retroflip.video import frame_cache
from retroflip.video.decode import size_taken
from retroflip.video.frames import Fits, Frames
from retroflip.video.isolated import ProbePool
from retroflip.video.samplers import UNIFORM, Sampler
from retroflip.video.take import Take
from retroflip.video.window import Window

MAX_WORKERS = 8
"""files that are decoded at once unless more are asked for; each holds its own pictures in memory"""

_FILES_A_WORKER = 8
"""for fewer files, starting a process takes longer than it saves"""


_Shown = tuple[Modality, str, Window | None]
Errors = dict[_Shown, MediaError | PathEscapeError]
"""what is wrong with a part of a file, for those with which something is"""


@dataclass(frozen=True)
class VideoDataset:
    """Samples and where their videos and images lie.

    root: folder that the samples' paths start from. manifest: hashes that files are checked against where it
    lists them. frames: frames per video that a model is shown. fits: how pictures become as large as that model sees
    them; by default they stay as they are stored. pool: frames decoded per video, from which the shown ones are chosen;
    by default no more than those. sampler: which frames of a video these are.
    """

    samples: Sequence[Sample]
    root: Path
    manifest: Manifest | None = None
    frames: int = 8
    fits: Fits | None = None
    pool: int | None = None
    sampler: Sampler = UNIFORM

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    @property
    def examples(self) -> Sequence[Sample]:
        """The samples that are looked at before a run; all of them, where they are at hand."""
        return self.samples

    @property
    def videos(self) -> int:
        """How many files the samples have."""
        return len({sample.video for sample in self.samples if sample.video})

    def seen(self, frames: int, fits: Fits | None, sampler: Sampler = UNIFORM) -> Self:
        """Return the data set as a model sees it that is shown so many frames, these, in such a size."""
        return replace(self, frames=frames, fits=fits, sampler=sampler)

    def require(self, max_failed_share: float) -> None:
        """Raise, as `require_files` does, where more files are not there than may fail."""
        require_files(self, max_failed_share)

    def checked(self, log: Path, max_failed_share: float, progress: Progress) -> Self:
        """Return the samples whose files work; raises and logs as `check` does."""
        good = check(self, log=log, max_failed_share=max_failed_share, progress=progress)
        return replace(self, samples=good)

    def others(self, asked: AbstractSet[str], count: int, rng: np.random.Generator) -> list[Sample]:
        """Return up to `count` samples whose ids are not among those asked, in a drawn order."""
        rest = [sample for sample in self.samples if sample.id not in asked]
        return [rest[index] for index in rng.permutation(len(rest))[:count]]

    @property
    def pool_frames(self) -> int:
        """Frames decoded per video."""
        return self.frames if self.pool is None else self.pool

    def load(self, sample: Sample) -> Frames | None:
        """Return the pool of frames of the sample's video, or its image as one frame; None for a text.

        Raises MediaError and its kinds as `decode` and `read_image` do, and PathEscapeError.
        """
        if sample.modality is Modality.TEXT:
            return None
        path, sha256 = self.file(sample)
        if sample.modality is Modality.IMAGE:
            return read_image(path, sha256=sha256, fit=self.fits and self.fits.image)
        return frame_cache.load(path, self._take(sample), sha256=sha256, fit=self.fits and self.fits.video)

    def _take(self, sample: Sample) -> Take:
        return Take(self.pool_frames, sample.window, self.sampler)

    def try_out(
        self, samples: Sequence[Sample], pool: ProbePool, *, keep: bool, cut: list[Path] | None = None
    ) -> Errors:
        """Return what `load` would raise for each of these parts of one file, by what is shown.

        A video that no command has decoded before is decoded once, in a process of `pool`. keep: its frames are kept
        for `load`, and a file that looks unchanged is one; otherwise every byte is read again. cut: the file is added
        to it where it ends in the middle of a picture.
        """
        first, fit = samples[0], self.fits and self.fits.video
        try:
            if first.modality is not Modality.VIDEO:
                self.load(first)
                return {}
            path, sha256 = self.file(first)
            takes = list(dict.fromkeys(self._take(sample) for sample in samples))
            info, faults = frame_cache.try_out(path, takes, pool, sha256=sha256, fit=fit, keep=keep)
            size_taken(path, self.pool_frames, (info.width, info.height), fit=fit)
        except (MediaError, PathEscapeError) as error:
            return dict.fromkeys((_shown(sample) for sample in samples), error)
        if info.cut and cut is not None:
            cut.append(path)
        return {_shown(sample): faults[take] for sample in samples if (take := self._take(sample)) in faults}

    def file(self, sample: Sample) -> tuple[Path, str | None]:
        """Return where the sample's file is, and the hash that it must have, if that is known."""
        sha256 = None if self.manifest is None else self.manifest.sha256_of(sample.video)
        return resolve(self.root, sample.video), sha256


def check(
    dataset: VideoDataset, *, log: Path, max_failed_share: float = 0.01, progress: Progress | None = None
) -> list[Sample]:
    """Decode every video and image once, keeping the frames for `load`, and return the samples whose file works, in
    order; `progress` hears of each.

    The others go to `log` (JSON lines of id, path, error and message), written anew even when there are
    none. The share that counts is that of samples: a video asked about ten times weighs ten times.

    Raises TooManyFailuresError when more than `max_failed_share` of the samples failed, DataError when
    there are no samples or none is left, and PathEscapeError, which is no fault of a file and stops the run.
    """
    if not dataset.samples:
        raise DataError(f"There are no samples to use under {dataset.root}: the data is empty.")
    failed = failed_media(dataset, progress or Silence(), keep=True)
    escaped = next((error for _, error in failed if isinstance(error, PathEscapeError)), None)
    if escaped is not None:
        raise escaped
    write_jsonl_atomic(log, [_failure(sample, error) for sample, error in failed])
    if len(failed) > max_failed_share * len(dataset.samples):
        raise TooManyFailuresError(_too_many(dataset, failed, max_failed_share, log))
    bad = {sample.id for sample, _ in failed}
    good = [sample for sample in dataset.samples if sample.id not in bad]
    if not good:
        raise DataError(f"No file under {dataset.root} can be decoded, so no sample is left; see {log}.")
    return good


def require_files(dataset: VideoDataset, max_failed_share: float) -> None:
    """Raise TooManyFailuresError where the files of more than this share of samples are not there, naming the first.

    None is opened. Raises PathEscapeError as `resolve` does.
    """
    shown = [sample for sample in dataset.samples if sample.modality is not Modality.TEXT]
    gone = [sample for sample in shown if not resolve(dataset.root, sample.video).is_file()]
    if len(gone) <= max_failed_share * len(dataset.samples):
        return
    try:
        dataset.load(gone[0])
    except MediaError as error:
        raise TooManyFailuresError(
            f"The files of {len(gone)} of {len(dataset.samples)} samples are not there; the first: {error}"
        ) from error


def _shown(sample: Sample) -> _Shown:
    """Return which part of which file a sample shows, and what it is read as; all texts share one that is nowhere."""
    name = "" if sample.modality is Modality.TEXT else normalise(sample.video)
    return sample.modality, name, sample.window


def failed_media(
    dataset: VideoDataset, progress: Progress, workers: int | None = None, *, keep: bool = False
) -> list[tuple[Sample, MediaError | PathEscapeError]]:
    """Try every video and image once, `workers` at a time, and return the samples whose file fails, in order.

    workers: by default as many as the files keep busy and there are processors, up to MAX_WORKERS. Each has a process
    for the videos, so that one at which a decoder hangs or crashes is that file's failure. keep: as in
    `VideoDataset.try_out`.
    """
    files: dict[tuple[Modality, str], dict[_Shown, Sample]] = {}
    for sample in dataset.samples:
        if sample.modality is not Modality.TEXT:
            shown = _shown(sample)
            files.setdefault(shown[:2], {}).setdefault(shown, sample)
    kinds = [f"{kind}s" for kind in Modality if any(kind is read_as for read_as, _ in files)]
    if not kinds:
        return []
    errors: Errors = {}
    cut: list[Path] = []
    progress.stage(f"checking {' and '.join(kinds)}", len(files), kinds[0] if len(kinds) == 1 else "files")
    size = workers or min(os.cpu_count() or 1, MAX_WORKERS, 1 + len(files) // _FILES_A_WORKER)
    threads = ThreadPoolExecutor(size)
    with ProbePool(size) as pool:
        try:
            parts = [list(parts.values()) for parts in files.values()]
            trying, failed = partial(dataset.try_out, pool=pool, keep=keep, cut=cut), 0
            for done, found in enumerate(threads.map(trying, parts), start=1):
                errors |= found
                failed += bool(found)
                progress.advance(done, f"{failed} failed" if failed else "")
        finally:
            threads.shutdown(wait=False, cancel_futures=True)  # those at work end with the pool's processes
    if cut:
        left = f"{counted(len(cut), 'recording')} cut inside of a picture, which is left out"
        progress.stage(f"{left}; the first: {min(cut)}", 0, "")
    return [(sample, errors[shown]) for sample in dataset.samples if (shown := _shown(sample)) in errors]


def _failure(sample: Sample, error: RetroflipError) -> dict[str, str]:
    return {"id": sample.id, "path": sample.video, "error": type(error).__name__, "message": str(error)}


def _too_many(
    dataset: VideoDataset, failed: Sequence[tuple[Sample, RetroflipError]], limit: float, log: Path
) -> str:
    share = len(failed) / len(dataset.samples)
    return (
        f"The files of {len(failed)} of {len(dataset.samples)} samples ({share:.1%}) cannot be used; the limit is "
        f"{limit:.1%}. All are listed in {log}; the first: {failed[0][1]} Mend or remove them, or accept the loss "
        f"by raising the recipe's data.max_failed_share to {_rounded_up(share)}."
    )


def _rounded_up(share: float) -> str:
    """Return the share in thousandths, not under it: a value that the user can type and that is enough."""
    return f"{-(-share * 1000 // 1) / 1000:g}"
