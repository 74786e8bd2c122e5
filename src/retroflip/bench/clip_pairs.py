"""Counterfactual pairs from a user's own clips: the clip and its mirror image, or the clip and itself played backwards.

The record's `task_type` says what changes its answer. The answer to the other clip is given (`counterfactual_solution`)
or follows from the options (`data.text_maps`). What neither says is not guessed: the question is listed, with the
reason.

Both sides of a pair are written in the same way from the same frames, all of them, without sound, so that they differ
in nothing but what was done. Frames that stand longer than others are repeated, since a video of even rate has no other
way to hold them. A clip that several questions ask about is written once.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from retroflip.data.answers import answers_alike
from retroflip.data.card import write_made
from retroflip.data.columns import Columns
from retroflip.data.folder import CARD, RECORDS_NAME, claim
from retroflip.data.manifest import MANIFEST_NAME, Manifest, build_manifest, manifest_beside, write_manifest
from retroflip.data.records import read_records, write_samples
from retroflip.data.root import resolve
from retroflip.data.sample import ProblemType, Sample, TaskType
from retroflip.data.text_maps import MAPS, TextMap, names_what_changes, other_option, say_the_same
from retroflip.errors import DataError, HashMismatchError, MediaError, MissingVideoError
from retroflip.files.storage import (
    append_jsonl,
    file_name,
    jsonable,
    read_jsonl,
    scratch_folder,
    write_jsonl_atomic,
)
from retroflip.progress import Progress
from retroflip.router.rules import decide_sample
from retroflip.video.decode import all_frames
from retroflip.video.encode import encode_i420
from retroflip.video.frames import Pixels
from retroflip.video.hashing import sha256_file
from retroflip.video.spool import Spooled, spooled

GENERATOR = "retroflip.bench.clip_pairs 1"
VIDEOS = "videos"
UNKNOWN = "unknown.jsonl"
FAILURES = "failures.jsonl"
JOURNAL = "journal.jsonl"
_ORIGINAL = "original"
_ABOUT = (
    "Each pair is a clip and its mirror image, or the clip and itself played backwards, with the same question and "
    "options and different answers; both sides were encoded alike. The clips are their owner's, who must say whether "
    "they may be passed on."
)
_DONE = {TextMap.MIRROR: "mirrored", TextMap.REVERSE: "reversed"}


class Spatiotemporal(StrEnum):
    """What is done to the clips of spatiotemporal questions, whose answer either changes."""

    ANY = "any"
    """what makes the answer known; the mirror image where both do"""
    MIRROR = "mirror"
    REVERSE = "reverse"


class Known(NamedTuple):
    """A question with the answer to its other clip."""

    sample: Sample
    done: TextMap
    answer: str


class Unmade(NamedTuple):
    """A question that no pair is made of, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Made:
    """Both sides of every pair, in the order of the data, and the questions without one."""

    samples: list[Sample]
    unknown: list[Unmade]
    failed: list[Unmade]
    note: str


def make_pairs(
    records: Path,
    root: Path,
    out: Path,
    spatiotemporal: Spatiotemporal,
    crf: int,
    progress: Progress,
    *,
    columns: Columns = MappingProxyType({}),
) -> Made:
    """Write the pairs that can be made of the records to `out`, or what is missing of them.

    out: gets records.jsonl, videos/, a card, a manifest of these, unknown.jsonl and failures.jsonl (what no pair is
    made of, with the reason) and journal.jsonl. root: where the records' paths start; a manifest there is checked.
    columns: as `read_records` takes it.

    Raises DataError for the records, and where no pair can be made of any; UsageError where `out` holds something else.
    """
    read = read_records(records, columns=columns)
    decided = [decide(sample, spatiotemporal) for sample in read.samples]
    known = [one for one in decided if isinstance(one, Known)]
    unknown = [one for one in decided if isinstance(one, Unmade)]
    settings: dict[str, Any] = {"generator": GENERATOR, "spatiotemporal": spatiotemporal.value, "crf": crf}
    if columns:
        settings["columns"] = jsonable(columns)
    claim(out, {**settings, "records_sha256": sha256_file(records)})
    write_jsonl_atomic(out / UNKNOWN, [one._asdict() for one in unknown])
    if not known:
        (reason, count), *_ = Counter(one.reason for one in unknown).most_common(1)
        raise DataError(
            f"{records}: no pair can be made of any of its {len(unknown)} questions; all are listed in {out / UNKNOWN} "
            f"with the reason, which is for {count} of them: {reason}"
        )
    errors = _write_clips(_Clips(root, out, crf), known, progress)
    failed = [
        Unmade(one.sample.id, str(errors[one.sample.video, one.done]))
        for one in known
        if (one.sample.video, one.done) in errors
    ]
    write_jsonl_atomic(out / FAILURES, [one._asdict() for one in failed])
    made = [one for one in known if (one.sample.video, one.done) not in errors]
    samples = [side for one in made for side in _sides(one)]
    write_made(out, "Counterfactual pairs", _ABOUT, samples, ["counterfactual-pairs"], "test")
    write_samples(out / RECORDS_NAME, samples)
    files = dict.fromkeys([CARD, RECORDS_NAME, *(sample.video for sample in samples)])
    write_manifest(out / MANIFEST_NAME, build_manifest(out, files))
    return Made(samples, unknown, failed, read.note)


def decide(sample: Sample, spatiotemporal: Spatiotemporal = Spatiotemporal.ANY) -> Known | Unmade:
    """Return what is to be done to a question's clip, and the answer then; or why that is not known."""
    if sample.pair is not None:
        return Unmade(sample.id, "It is a side of a pair already.")
    if sample.media:
        return Unmade(
            sample.id, "It shows several videos, or a folder of frames, and pairs are made of one file."
        )
    if sample.window is not None:
        return Unmade(
            sample.id,
            f"It is about a part of its video ({sample.window}), and clips are written whole. Cut it out first.",
        )
    if sample.task_type is None:
        return Unmade(sample.id, "Its record has no 'task_type' to say what changes its answer.")
    ways = _ways(sample.task_type, spatiotemporal)
    if not ways:
        return Unmade(
            sample.id, "It is static: neither a mirror image nor playing backwards changes its answer."
        )
    found = {way: _follows(sample, way) for way in ways}
    if (given := sample.counterfactual_solution) is not None:
        try:
            same = answers_alike(sample, given)
        except DataError as error:
            return Unmade(sample.id, str(error))
        if same:
            return Unmade(sample.id, "Its 'counterfactual_solution' is its own solution.")
        return Known(sample, next((way for way in ways if found[way].answer == given), ways[0]), given)
    for way, follows in found.items():
        if follows.answer is not None:
            return Known(sample, way, follows.answer)
    reasons = " ".join(dict.fromkeys(follows.reason for follows in found.values()))
    return Unmade(sample.id, f"{reasons} Give 'counterfactual_solution'.")


def _ways(task_type: TaskType, spatiotemporal: Spatiotemporal) -> list[TextMap]:
    if task_type is TaskType.SPATIOTEMPORAL:
        return list(TextMap) if spatiotemporal is Spatiotemporal.ANY else [TextMap(spatiotemporal.value)]
    return {TaskType.SPATIAL: [TextMap.MIRROR], TaskType.TEMPORAL: [TextMap.REVERSE]}.get(task_type, [])


class _Follows(NamedTuple):
    """The answer that follows from the options' texts, or why none does."""

    answer: str | None
    reason: str = ""


def _follows(sample: Sample, way: TextMap) -> _Follows:
    clip = f"the {_DONE[way]} clip"
    if sample.problem_type is not ProblemType.MULTIPLE_CHOICE:
        return _Follows(None, "It has no options among which its answer to the other clip could be.")
    if names_what_changes(sample.question, way):
        what = "a side" if way is TextMap.MIRROR else "a moment or a way"
        return _Follows(None, f"Its question itself speaks of {what}, which {clip} has elsewhere.")
    letters = list(sample.lettered)
    right = letters.index(sample.solution)
    other = other_option(sample.options, right, way)
    if other is not None and (rule := _leaves(sample, way)) is not None:
        return _Follows(
            None, f"By its words {clip} leaves its answer as it is ({rule}), unlike its 'task_type'."
        )
    if other is not None:
        return _Follows(letters[other])
    text, image = sample.options[right], MAPS[way](sample.options[right])
    if image is None:
        return _Follows(None, f"'left' or 'right' in its answer {text!r:.80} may be no side.")
    if say_the_same(text, image):
        return _Follows(None, f"Its answer {text!r:.80} says the same of {clip}, as far as words tell.")
    return _Follows(None, f"No single other option says {image!r:.80}, as its answer would of {clip}.")


def _leaves(sample: Sample, way: TextMap) -> str | None:
    """Return the router's rule by which the other clip has the same answer; None where it has another, or who knows."""
    try:
        decision = decide_sample(sample)
    except DataError:
        return None
    test = decision.flip if way is TextMap.MIRROR else decision.reversal
    return None if test.changes else test.rule


def _sides(known: Known) -> Iterator[Sample]:
    """Yield the question about the clip and about its other side, each with the other's answer."""
    sample = known.sample
    for side, (done, own, other) in enumerate(
        [(_ORIGINAL, sample.solution, known.answer), (_DONE[known.done], known.answer, sample.solution)]
    ):
        yield sample.model_copy(
            update={
                "id": f"{sample.id}-{side}",
                "video": _name(sample.video, done),
                "solution": own,
                "counterfactual_solution": other,
                "pair": sample.id,
                "side": side,
                "trace": None if side else sample.trace,
            }
        )


def _name(video: str, done: str) -> str:
    return f"{VIDEOS}/{file_name(video)}-{done}.mp4"


def _write_clips(
    clips: "_Clips", known: Sequence[Known], progress: Progress
) -> dict[tuple[str, TextMap], MediaError]:
    """Write both clips of every video, and return the errors of those that failed, by video and way."""
    wanted: dict[str, set[TextMap]] = {}
    for one in known:
        wanted.setdefault(one.sample.video, set()).add(one.done)
    errors: dict[tuple[str, TextMap], MediaError] = {}
    progress.stage("writing pairs", len(wanted), "videos")
    for done, (video, ways) in enumerate(wanted.items(), start=1):
        try:
            errors |= {(video, way): error for way, error in clips.write(video, sorted(ways)).items()}
        except MediaError as error:
            errors |= {(video, way): error for way in ways}
        progress.advance(done, f"{len(errors)} failed" if errors else "")
    return errors


class _Clips:
    """Writes clips, and remembers in a journal which are whole, so that a run that was stopped goes on."""

    def __init__(self, root: Path, out: Path, crf: int) -> None:
        self.root, self.out, self.crf = root, out, crf
        self.manifest: Manifest | None = manifest_beside(root)
        self.journal = out / JOURNAL
        rows = read_jsonl(self.journal) if self.journal.exists() else []
        self.written: dict[str, Mapping[str, Any]] = {row["video"]: row for row in rows}
        (out / VIDEOS).mkdir(exist_ok=True)

    def write(self, video: str, ways: Sequence[TextMap]) -> dict[TextMap, MediaError]:
        """Write a video as it is and in each of these ways, unless that is done; return the ways that change nothing.

        Raises MediaError where it cannot be read.
        """
        source = resolve(self.root, video)
        digest = self._checked(source, video)
        names = [_name(video, done) for done in (_ORIGINAL, *(_DONE[way] for way in ways))]
        there = self.written.get(video, {})
        if there.get("source_sha256") == digest and self._are_whole(there["files"], names):
            return {}
        unchanged: dict[TextMap, MediaError] = {}
        files = {}
        with scratch_folder() as folder:
            clip = spooled(source, all_frames(source), folder / "frames")
            for name, way in zip(names, (None, *ways), strict=True):
                if way is not None and clip.is_same(_shown(clip, way)):
                    unchanged[way] = MediaError(
                        f"{source}: {_DONE[way]} it shows the same, picture for picture, so its answer cannot differ. "
                        "Leave it out, or correct its 'task_type'."
                    )
                    continue
                encode_i420(self.out / name, _shown(clip, way), clip.fps, clip.size, crf=self.crf)
                files[name] = sha256_file(self.out / name)
        append_jsonl(self.journal, {"video": video, "source_sha256": digest, "files": files})
        return unchanged

    def _checked(self, source: Path, video: str) -> str:
        """Return the source's hash, which must be its manifest's."""
        if not source.is_file():
            raise MissingVideoError(
                f"{source}: no such video file. Check the path in the data file and the root."
            )
        digest, expected = sha256_file(source), self.manifest.sha256_of(video) if self.manifest else None
        if expected not in (None, digest):
            raise HashMismatchError(
                f"{source}: the file's SHA-256 is {digest}, the manifest says {expected}. Restore the file, or write "
                "the manifest again if the change was meant."
            )
        return digest

    def _are_whole(self, files: Mapping[str, str], names: Iterable[str]) -> bool:
        return all(
            (self.out / name).is_file() and files.get(name) == sha256_file(self.out / name) for name in names
        )


def _shown(clip: Spooled, way: TextMap | None) -> Iterator[Pixels]:
    """Return the frames as they are, mirrored, or from the last to the first."""
    if way is TextMap.MIRROR:
        return clip.mirrored()
    return clip.frames(backwards=way is TextMap.REVERSE)


def summary(made: Made) -> dict[str, Any]:
    """Return what was made in numbers, with the reasons for what was not."""
    ways = Counter(
        "mirrored" if "-mirrored" in sample.video else "reversed" for sample in made.samples if sample.side
    )
    return {
        "pairs": len(made.samples) // 2,
        **{done: ways[done] for done in _DONE.values()},
        "unknown": len(made.unknown),
        "failed": len(made.failed),
        "reasons": dict(Counter(one.reason for one in made.unknown).most_common()),
    }
