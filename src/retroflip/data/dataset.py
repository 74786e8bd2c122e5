"""The videos of a data set: decoded on demand, and checked before a run so that none fails in its middle."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from retroflip.data.manifest import Manifest
from retroflip.data.root import normalise, resolve
from retroflip.data.sample import Sample
from retroflip.errors import DataError, TooManyFailuresError, VideoError
from retroflip.files import write_jsonl_atomic
from retroflip.progress import Progress, Silence
from retroflip.video.decode import decode
from retroflip.video.frames import Frames


@dataclass(frozen=True)
class VideoDataset:
    """Samples and where their videos lie.

    root: folder that the samples' video paths start from. manifest: hashes that files are checked against
    where it lists them. frames: frames per video. max_side: longer side in pixels to which larger pictures
    are shrunk.
    """

    samples: Sequence[Sample]
    root: Path
    manifest: Manifest | None = None
    frames: int = 8
    max_side: int | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    def load(self, sample: Sample) -> Frames:
        """Decode the sample's video. Raises VideoError and its kinds as `decode` does, and
        PathEscapeError."""
        path = resolve(self.root, sample.video)
        sha256 = self.manifest.sha256_of(sample.video) if self.manifest else None
        return decode(path, self.frames, sha256=sha256, max_side=self.max_side)


def check(
    dataset: VideoDataset, *, log: Path, max_failed_share: float = 0.01, progress: Progress | None = None
) -> list[Sample]:
    """Decode every video once and return the samples whose video works, in order; `progress` hears of each.

    The others go to `log` (JSON lines of id, path, error and message), written anew even when there are
    none. The share that counts is that of samples: a video asked about ten times weighs ten times.

    Raises TooManyFailuresError when more than `max_failed_share` of the samples failed, DataError when
    there are no samples or none is left, and PathEscapeError, which is no fault of a video and stops the
    run.
    """
    if not dataset.samples:
        raise DataError(f"There are no samples to use under {dataset.root}: the data is empty.")
    errors = _video_errors(dataset, progress or Silence())
    failed = [
        (sample, error)
        for sample in dataset.samples
        if (error := errors.get(normalise(sample.video))) is not None
    ]
    write_jsonl_atomic(log, [_failure(sample, error) for sample, error in failed])
    if len(failed) > max_failed_share * len(dataset.samples):
        raise TooManyFailuresError(_too_many(dataset, failed, max_failed_share, log))
    good = [sample for sample in dataset.samples if normalise(sample.video) not in errors]
    if not good:
        raise DataError(f"No video under {dataset.root} can be decoded, so no sample is left; see {log}.")
    return good


def _video_errors(dataset: VideoDataset, progress: Progress) -> dict[str, VideoError]:
    """Return the error of every video that fails, by its path."""
    errors: dict[str, VideoError] = {}
    samples = {normalise(sample.video): sample for sample in dataset.samples}
    progress.stage("checking videos", len(samples), "videos")
    for done, (video, sample) in enumerate(samples.items(), start=1):
        try:
            dataset.load(sample)
        except VideoError as error:
            errors[video] = error
        progress.advance(done, f"{len(errors)} failed" if errors else "")
    return errors


def _failure(sample: Sample, error: VideoError) -> dict[str, str]:
    return {"id": sample.id, "path": sample.video, "error": type(error).__name__, "message": str(error)}


def _too_many(
    dataset: VideoDataset, failed: Sequence[tuple[Sample, VideoError]], limit: float, log: Path
) -> str:
    share = len(failed) / len(dataset.samples)
    return (
        f"The videos of {len(failed)} of {len(dataset.samples)} samples ({share:.1%}) cannot be used; the limit is "
        f"{limit:.1%}. All are listed in {log}; the first: {failed[0][1]} Mend or remove them, or accept the loss "
        f"by raising the recipe's data.max_failed_share to {_rounded_up(share)}."
    )


def _rounded_up(share: float) -> str:
    """Return the share in thousandths, not under it: a value that the user can type and that is enough."""
    return f"{-(-share * 1000 // 1) / 1000:g}"
