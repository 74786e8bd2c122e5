"""The videos and images of a data set: decoded on demand, and checked before a run so that none fails in its
middle."""

import hashlib
import os
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from retroflip.data.frame_folder import FrameFolder
from retroflip.data.image import read_image
from retroflip.data.manifest import Manifest
from retroflip.data.media import MediumKind, ShownMedium
from retroflip.data.root import normalise, resolve
from retroflip.data.sample import Sample
from retroflip.draws import draw
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

MAX_WORKERS = 8
"""files that are decoded at once unless more are asked for; each holds its own pictures in memory"""

_FILES_A_WORKER = 8
"""for fewer files, starting a process takes longer than it saves"""
_NAMES = {"videos": {MediumKind.VIDEO, MediumKind.FRAMES}, "images": {MediumKind.IMAGE}}


Errors = dict[ShownMedium, MediaError | PathEscapeError]
"""what is wrong with a medium, for those with which something is"""


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
        return len({medium.path for sample in self.samples for medium in sample.shown})

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

    def broken(self, log: Path, max_failed_share: float, progress: Progress) -> dict[str, str]:
        """Return what is wrong with a file of a sample, by the samples' ids; raises and logs as `check` does."""
        return broken(self, log=log, max_failed_share=max_failed_share, progress=progress)

    def working(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return those of the samples whose files work, each tried in a process of its own, which it may hang or crash.

        Raises MediaError where none works, and PathEscapeError.
        """
        failed = failed_media(replace(self, samples=samples), Silence(), keep=True)
        for _, error in failed:
            if isinstance(error, PathEscapeError) or len(failed) == len(samples):
                raise error
        bad = {sample.id for sample, _ in failed}
        return [sample for sample in samples if sample.id not in bad]

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

        Raises DataError for a sample that shows several, and as `load_all` does.
        """
        if len(sample.shown) > 1:
            raise DataError(
                f"Sample {sample.id!r} shows {len(sample.shown)} videos or images, and one is taken here. Leave it out."
            )
        return next(iter(self.load_all(sample)), None)

    def load_all(self, sample: Sample) -> tuple[Frames, ...]:
        """Return the pools of frames of all videos that the sample shows, its images as one frame each, in their order.

        Raises MediaError and its kinds as `decode` and `read_image` do, and PathEscapeError.
        """
        return tuple(self._loaded(medium) for medium in sample.shown)

    def _loaded(self, medium: ShownMedium) -> Frames:
        if medium.kind is MediumKind.FRAMES:
            return self._folder(medium).frames(self._take(medium), partial(self._frame, medium.path))
        path, sha256 = self._file(medium.path)
        if medium.is_image:
            return read_image(path, sha256=sha256, fit=self.fits and self.fits.image)
        return frame_cache.load(path, self._take(medium), sha256=sha256, fit=self.fits and self.fits.video)

    def _take(self, medium: ShownMedium) -> Take:
        return Take(self.pool_frames, medium.window, self.sampler)

    def _folder(self, medium: ShownMedium) -> FrameFolder:
        return FrameFolder.of(self.place(medium.path), medium.fps or 1.0)

    def _frame(self, folder: str, name: str) -> Frames:
        """Return one frame of a folder, as large as a video's."""
        path, sha256 = self._file(f"{folder}/{name}")
        return read_image(path, sha256=sha256, fit=self.fits and self.fits.video)

    def try_out(
        self, media: Sequence[ShownMedium], pool: ProbePool, *, keep: bool, cut: list[Path] | None = None
    ) -> Errors:
        """Return what loading would raise for each of these parts of one file, image or folder.

        A video that no command has decoded before is decoded once, in a process of `pool`. keep: its frames are kept
        for `load`, and a file that looks unchanged is one; otherwise every byte is read again, and every frame of a
        folder, also of those that are not shown. cut: the file is added to it where it ends in the middle of a picture.
        """
        first, fit = media[0], self.fits and self.fits.video
        try:
            if first.kind is not MediumKind.VIDEO:
                return self._tried_images(media, keep=keep)
            path, sha256 = self._file(first.path)
            takes = list(dict.fromkeys(self._take(medium) for medium in media))
            info, faults = frame_cache.try_out(path, takes, pool, sha256=sha256, fit=fit, keep=keep)
            size_taken(path, self.pool_frames, (info.width, info.height), fit=fit)
        except (MediaError, PathEscapeError) as error:
            return dict.fromkeys(media, error)
        if info.cut and cut is not None:
            cut.append(path)
        return {medium: faults[take] for medium in media if (take := self._take(medium)) in faults}

    def _tried_images(self, media: Sequence[ShownMedium], *, keep: bool) -> Errors:
        """Return what loading would raise for an image, or for the parts of a folder. Raises it for all of a folder."""
        if media[0].kind is MediumKind.FRAMES and not keep:
            for name in self._folder(media[0]).names:
                self._frame(media[0].path, name)
        errors = Errors()
        for medium in media:
            try:
                self._loaded(medium)
            except MediaError as error:
                errors[medium] = error
        return errors

    def files(self, sample: Sample) -> list[Path]:
        """Return where what the sample shows is."""
        return [self.place(medium.path) for medium in sample.shown]

    def _file(self, relative: str) -> tuple[Path, str | None]:
        """Return where a file is, and the hash that it must have, if that is known."""
        return self.place(relative), self.sha256_of(relative)

    def place(self, relative: str) -> Path:
        """Return where a file is. Raises PathEscapeError as `resolve` does."""
        return resolve(self.root, relative)

    def sha256_of(self, relative: str) -> str | None:
        """Return the hash that a file must have; None where it is not known."""
        return None if self.manifest is None else self.manifest.sha256_of(relative)

    @property
    def epoch_length(self) -> int:
        """Samples of an epoch: here all of them."""
        return len(self.samples)

    def epoch_order(self, seed: int, epoch: int) -> npt.NDArray[np.int64]:
        """Return the samples of an epoch in their order, by their places: a function of (seed, epoch) alone."""
        return draw(seed, "order", epoch).permutation(len(self.samples))


class MadeDataset(VideoDataset):
    """Videos that lie in no file, and are made when they are asked for: a subclass says how (`load_all`)."""

    @property
    def videos(self) -> int:
        """As many as there are samples: each has a video of its own."""
        return len(self)

    def require(self, max_failed_share: float) -> None:
        """No file can be missing."""

    def checked(self, log: Path, max_failed_share: float, progress: Progress) -> Self:  # noqa: ARG002
        """Return all samples: no file can be broken, so the log is empty. Raises as `require` does."""
        self.broken(log, max_failed_share, Silence())
        return self

    def broken(self, log: Path, max_failed_share: float, progress: Progress) -> dict[str, str]:  # noqa: ARG002
        """Return nothing: no file can be broken, so the log is empty. Raises as `require` does."""
        self.require(max_failed_share)
        write_jsonl_atomic(log, [])
        return {}

    def working(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return all of the samples: no file can be broken."""
        return list(samples)


def check(
    dataset: VideoDataset, *, log: Path, max_failed_share: float = 0.01, progress: Progress | None = None
) -> list[Sample]:
    """Decode every video and image once, keeping the frames for `load`, and return the samples whose file works, in
    order; `progress` hears of each.

    The others go to `log` (JSON lines of id, path, error and message), written anew even when there are
    none. The share that counts is that of samples: a video asked about ten times weighs ten times.

    Raises as `broken` does.
    """
    bad = broken(dataset, log=log, max_failed_share=max_failed_share, progress=progress or Silence())
    return [sample for sample in dataset.samples if sample.id not in bad]


def broken(
    dataset: VideoDataset, *, log: Path, max_failed_share: float, progress: Progress
) -> dict[str, str]:
    """Do what `check` does, and return what is wrong with the samples that do not work, by their ids.

    Raises TooManyFailuresError when more than `max_failed_share` of the samples failed, DataError when
    there are no samples or none is left, and PathEscapeError, which is no fault of a file and stops the run.
    """
    if not dataset.samples:
        raise DataError(f"There are no samples to use under {dataset.root}: the data is empty.")
    failed = failed_media(dataset, progress, keep=True)
    escaped = next((error for _, error in failed if isinstance(error, PathEscapeError)), None)
    if escaped is not None:
        raise escaped
    write_jsonl_atomic(log, [_failure(sample, error) for sample, error in failed])
    if len(failed) > max_failed_share * len(dataset.samples):
        raise TooManyFailuresError(_too_many(dataset, failed, max_failed_share, log))
    if len(failed) == len(dataset.samples):
        raise DataError(f"No file under {dataset.root} can be decoded, so no sample is left; see {log}.")
    return {sample.id: str(error) for sample, error in failed}


def require_files(dataset: VideoDataset, max_failed_share: float) -> None:
    """Raise TooManyFailuresError where the files of more than this share of samples are not there, naming the first.

    None is opened. Raises PathEscapeError as `resolve` does.
    """
    gone = [sample for sample in dataset.samples if not _are_there(dataset, sample)]
    if len(gone) <= max_failed_share * len(dataset.samples):
        return
    try:
        dataset.load_all(gone[0])
    except MediaError as error:
        raise TooManyFailuresError(
            f"The files of {len(gone)} of {len(dataset.samples)} samples are not there; the first: {error}"
        ) from error


def _are_there(dataset: VideoDataset, sample: Sample) -> bool:
    found = [(medium.kind, dataset.place(medium.path)) for medium in sample.shown]
    return all(path.is_dir() if kind is MediumKind.FRAMES else path.is_file() for kind, path in found)


def _media_of(sample: Sample) -> list[ShownMedium]:
    """Return what a sample shows, each under the one way to write its path."""
    return [medium.model_copy(update={"path": normalise(medium.path)}) for medium in sample.shown]


def failed_media(
    dataset: VideoDataset, progress: Progress, workers: int | None = None, *, keep: bool = False
) -> list[tuple[Sample, MediaError | PathEscapeError]]:
    """Try every video and image once, `workers` at a time, and return the samples whose file fails, in order.

    workers: by default as many as the files keep busy and there are processors, up to MAX_WORKERS. Each has a process
    for the videos, so that one at which a decoder hangs or crashes is that file's failure. keep: as in
    `VideoDataset.try_out`.
    """
    files, kinds_there = _files_of(dataset.samples)
    kinds = [name for name, read_as in _NAMES.items() if kinds_there & read_as]
    if not kinds:
        return []
    errors: Errors = {}
    faulty: set[int] = set()
    cut: list[Path] = []
    progress.stage(f"checking {' and '.join(kinds)}", len(files), kinds[0] if len(kinds) == 1 else "files")
    size = workers or min(os.cpu_count() or 1, MAX_WORKERS, 1 + len(files) // _FILES_A_WORKER)
    threads = ThreadPoolExecutor(size)
    with ProbePool(size) as pool:
        try:
            trying, failed = partial(dataset.try_out, pool=pool, keep=keep, cut=cut), 0
            tried = _tried(threads, trying, dataset.samples, files, 4 * size)
            for done, (file, found) in enumerate(tried, start=1):
                errors |= found
                faulty.update(file.numbers if found else ())
                failed += bool(found)
                progress.advance(done, f"{failed} failed" if failed else "")
        finally:
            threads.shutdown(wait=False, cancel_futures=True)  # those at work end with the pool's processes
    if cut:
        left = f"{counted(len(cut), 'recording')} cut inside of a picture, which is left out"
        progress.stage(f"{left}; the first: {min(cut)}", 0, "")
    suspects = [dataset.samples[number] for number in sorted(faulty)]
    first = ([errors[one] for one in _media_of(sample) if one in errors][:1] for sample in suspects)
    return [(sample, error) for sample, found in zip(suspects, first, strict=True) for error in found]


class _File(NamedTuple):
    """A file, by a hash of its kind and path, and the numbers of the samples that show it, in order."""

    key: bytes
    numbers: Sequence[int]


def _key(medium: ShownMedium) -> bytes:
    return hashlib.blake2b(f"{medium.kind.value} {medium.path}".encode(), digest_size=12).digest()


def _files_of(samples: Sequence[Sample]) -> tuple[list[_File], set[MediumKind]]:
    """Return the files in the order in which they are first shown, and of what kinds they are.

    In memory is a number of each sample, and none of its words.
    """
    files: dict[bytes, array[int]] = {}
    kinds: set[MediumKind] = set()
    for number, sample in enumerate(samples):
        shown = {_key(medium): medium.kind for medium in _media_of(sample)}
        kinds.update(shown.values())
        for key in shown:
            files.setdefault(key, array("q")).append(number)
    return [_File(key, numbers) for key, numbers in files.items()], kinds


def _parts(samples: Sequence[Sample], file: _File) -> list[ShownMedium]:
    """Return the parts of a file that samples show, each once."""
    shown = (medium for number in file.numbers for medium in _media_of(samples[number]))
    return list(dict.fromkeys(medium for medium in shown if _key(medium) == file.key))


def _tried(
    threads: ThreadPoolExecutor,
    trying: Callable[[list[ShownMedium]], Errors],
    samples: Sequence[Sample],
    files: Sequence[_File],
    ahead: int,
) -> Iterator[tuple[_File, Errors]]:
    """Yield what is wrong with each file, in order, so many of which are under way at most."""
    under_way: deque[tuple[_File, Future[Errors]]] = deque()
    for file in files:
        under_way.append((file, threads.submit(trying, _parts(samples, file))))
        if len(under_way) >= ahead:
            first, future = under_way.popleft()
            yield first, future.result()
    yield from ((file, future.result()) for file, future in under_way)


def _failure(sample: Sample, error: RetroflipError) -> dict[str, str]:
    return {"id": sample.id, "path": sample.video, "error": type(error).__name__, "message": str(error)}


def _too_many(
    dataset: VideoDataset, failed: Sequence[tuple[Sample, RetroflipError]], limit: float, log: Path
) -> str:
    share = len(failed) / len(dataset.samples)
    return (
        f"The files of {len(failed)} of {len(dataset.samples)} samples ({share:.1%}) cannot be used; the limit is "
        f"{limit:.1%}. All are listed in {log}; the first: {failed[0][1]} Mend or remove them, or accept the loss "
        f"by raising data.max_failed_share to {_rounded_up(share)} (as an option: --max-failed-share)."
    )


def _rounded_up(share: float) -> str:
    """Return the share in thousandths, not under it: a value that the user can type and that is enough."""
    return f"{-(-share * 1000 // 1) / 1000:g}"
