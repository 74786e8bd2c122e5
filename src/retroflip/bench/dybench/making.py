"""One pair, from its plan to two files' bytes and what is known of them. Runs in a worker."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.dybench import quality
from retroflip.bench.dybench.base import Candidate, Drawing, Drawn, Footage, UnfitError
from retroflip.bench.dybench.footage import filmed, media_hashes
from retroflip.bench.dybench.plans import Planned
from retroflip.bench.dybench.recipe import CheckSection, ClipSection, EncoderSection
from retroflip.bench.dybench.records import check_records, pair_id
from retroflip.bench.dybench.sources import SOURCES
from retroflip.errors import MediaError, PathEscapeError
from retroflip.files.storage import scratch_folder
from retroflip.video.encode import encode_i420
from retroflip.video.fingerprint import fingerprint

VIDEOS = "videos"
_BOX = 8
"""bytes of the head of an MP4 box"""


@dataclass(frozen=True)
class Job:
    """A plan, and all that is needed to make it. source: its name in the registry."""

    planned: Planned
    source: str
    root: Path
    encoder: EncoderSection
    clips: ClipSection
    checks: CheckSection

    @property
    def names(self) -> tuple[str, str]:
        """The paths of both sides."""
        stem = pair_id(self.planned)
        return f"{VIDEOS}/{stem}-0.mp4", f"{VIDEOS}/{stem}-1.mp4"


class Outcome(NamedTuple):
    """What became of a plan. row: JSON values, either `refused` or what is known of the pair. videos: both files."""

    key: str
    row: Mapping[str, Any]
    videos: tuple[bytes, ...]


def make(job: Job) -> Outcome:
    """Make a pair, or say why it is refused. What is refused is a row as well: nothing is left out in silence."""
    key = job.planned.key
    try:
        row, videos = _made(job)
    except UnfitError as unfit:
        return Outcome(key, {"refused": {"reason": unfit.reason, "detail": unfit.detail}}, ())
    except (MediaError, PathEscapeError) as error:
        reason = f"its media cannot be used ({type(error).__name__})"
        return Outcome(key, {"refused": {"reason": reason, "detail": _told(error, job)}}, ())
    return Outcome(key, row, videos)


def crashed(job: Job) -> Outcome:
    """Return what becomes of a plan at which its process crashes: a fault of the libraries in C that decode."""
    plan = job.planned.plan
    paths = [clip.path for clip in (*plan.parts, *plan.other)] if isinstance(plan, Candidate) else []
    detail = f"the decoder crashes at one of {', '.join(paths)}" if paths else "the encoder crashes"
    return Outcome(
        job.planned.key, {"refused": {"reason": "its media cannot be used (a crash)", "detail": detail}}, ()
    )


def _told(error: Exception, job: Job) -> str:
    """Return an error's text without this machine's folders: a build elsewhere must say the same."""
    return str(error).replace(f"{job.root.resolve()}/", "").replace(f"{job.root}/", "")


def _made(job: Job) -> tuple[dict[str, Any], tuple[bytes, bytes]]:
    plan = job.planned.plan
    with scratch_folder() as folder:
        if isinstance(plan, Drawing):
            drawn, media = _drawn(job, plan), {}
        else:
            _check_question(plan)
            check_records(job.planned, plan, job.names)
            media = media_hashes(plan, job.root)
            _check_media(media, job.planned.media)
            drawn = Drawn(plan, filmed(plan, job.root, job.clips, folder))
        paths = (folder / "0.mp4", folder / "1.mp4")
        sides = [
            _written(path, footage, job.encoder) for path, footage in zip(paths, drawn.sides, strict=True)
        ]
        row = _looked_at(job, drawn, sides, paths)
        videos = equal_in_size(*(path.read_bytes() for path in paths))
    hashes = [hashlib.sha256(video).hexdigest() for video in videos]
    return {**row, "media": media, "files": dict(zip(job.names, hashes, strict=True))}, videos


def _drawn(job: Job, plan: Drawing) -> Drawn:
    draw = SOURCES[job.source].draw
    if draw is None:
        raise TypeError(f"the source {job.source} yields drawings and draws none")
    return draw(plan.plan)


def _check_question(candidate: Candidate) -> None:
    """Raise UnfitError where a source's question could not be scored: it would be the source's fault."""
    options = {" ".join(option.lower().split()) for option in candidate.options}
    if len(options) < len(candidate.options) or len(options) < 2 or "" in options:
        raise UnfitError("its options are not different texts", " / ".join(candidate.options))
    golds = {candidate.gold, candidate.other_gold}
    if len(golds) < 2 or not golds <= set(range(len(candidate.options))):
        raise UnfitError("its two right answers are not two of its options", str(sorted(golds)))


def _check_media(found: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    for path, digest in wanted.items():
        if found.get(path) != digest:
            raise UnfitError("its media are other files than the list's", path)


def _written(path: Path, footage: Footage, encoder: EncoderSection) -> quality.Watched:
    watched = quality.Watched(footage)
    encode_i420(
        path,
        watched.frames(),
        footage.fps,
        footage.size,
        crf=encoder.crf,
        preset=encoder.preset,
        gop=encoder.gop,
    )
    return watched


def _looked_at(
    job: Job, drawn: Drawn, sides: list[quality.Watched], paths: tuple[Path, Path]
) -> dict[str, Any]:
    """Return what is known of a pair. Raises UnfitError for one that a check refuses."""
    first_T, other_T = (side.thumbnails_T for side in sides)
    if len(first_T) != len(other_T):
        raise UnfitError("its sides have several lengths", f"{len(first_T)} and {len(other_T)} frames")
    moved = min(quality.motion(first_T), quality.motion(other_T))
    if moved < job.checks.motion:
        raise UnfitError("nothing moves", f"{moved:.1f} grey levels, and {job.checks.motion:g} are needed")
    is_filmed = not isinstance(job.planned.plan, Drawing)
    difference = quality.apart(*paths, drawn.candidate.axis, len(first_T)) if is_filmed else None
    if difference is not None and difference > job.checks.static:
        raise UnfitError("its sides differ in more than was done", f"{difference:.1f} grey levels")
    footage = sides[0].footage
    looks = job.checks.people == "pictures"
    fps = float(footage.fps)
    flags = quality.flags(drawn.candidate, paths[0], first_T, fps, looks=looks) if is_filmed else []
    return {
        "candidate": asdict(drawn.candidate),
        "frames": len(first_T),
        "fps": str(footage.fps),
        "height": footage.size[0],
        "width": footage.size[1],
        "motion": round(moved, 2),
        "sides_apart": None if difference is None else round(difference, 2),
        "flags": [flag._asdict() for flag in flags],
        "fingerprint": fingerprint(first_T).text() if is_filmed else "",
    }


def equal_in_size(first: bytes, second: bytes) -> tuple[bytes, bytes]:
    """Return two MP4 files with an empty box (`free`, ISO/IEC 14496-12, 8.1.2) behind each, by which they are equally
    large: which of two sides compresses better is told by nothing but their pictures."""
    total = max(len(first), len(second)) + _BOX
    return _padded(first, total), _padded(second, total)


def _padded(video: bytes, total: int) -> bytes:
    size = total - len(video)
    return video + size.to_bytes(4, "big") + b"free" + bytes(size - _BOX)
