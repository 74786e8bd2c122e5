"""A benchmark as a table of VLMEvalKit: tab-separated, with the columns of its Video-MME and the letters as columns.

VLMEvalKit registers data sets in its own code, so that a class of its user's must name the table; one derived from its
VideoMME reads it as it is (`candidates` are a list as text, videos lie at `video_path`). It keeps the frames of a video
under the name in the column `video` alone and shows them again for every video of that name: names are unique here.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from retroflip.bench.export.questions import Exported, pairs, read_questions
from retroflip.data.sample import Sample
from retroflip.errors import DataError
from retroflip.files.storage import write_text_atomic

_FIRST = ("index", "id", "video", "video_path", "question", "candidates", "answer")
_LAST = ("task_type", "source", "source_clip", "pair", "side")


def export_vlmevalkit(folder: Path, out: Path) -> Exported:
    """Write the benchmark in `folder` as `out`, a TSV file or a folder for one.

    Raises DataError as `read_questions` does, and for a question that shows several videos.
    """
    samples = read_questions(folder)
    if several := next((sample for sample in samples if len(sample.shown) > 1), None):
        raise DataError(
            f"{folder}, question {several.id!r} shows {len(several.shown)} videos, and a row of VLMEvalKit names one. "
            "Leave such questions out."
        )
    path = out if out.suffix == ".tsv" else out / f"{folder.resolve().name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    letters = sorted({letter for sample in samples for letter in sample.lettered})
    names = _names([sample.shown[0].path for sample in samples])
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, [*_FIRST, *letters, *_LAST], delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(index, sample, names) for index, sample in enumerate(samples))
    write_text_atomic(path, written.getvalue())
    return Exported(path, len(samples), pairs(samples))


def _row(index: int, sample: Sample, names: Mapping[str, str]) -> dict[str, Any]:
    video = sample.shown[0].path
    return {
        "index": index,
        "id": sample.id,
        "video": names[video],
        "video_path": f"./{video}",
        "question": sample.question,
        "candidates": str([f"{letter}. {option}" for letter, option in sample.lettered.items()]),
        "answer": sample.solution,
        **sample.lettered,
        "task_type": sample.task,
        "source": sample.source,
        "source_clip": sample.source_clip,
        "pair": sample.pair or "",
        "side": "" if sample.side is None else sample.side,
    }


def _names(paths: Sequence[str]) -> dict[str, str]:
    """Return a name for every path, which no two share: its stem, or where that is another's too, all of its parts."""
    stems: dict[str, set[str]] = {}
    for path in paths:
        stems.setdefault(PurePosixPath(path).stem, set()).add(path)
    long = {path: "__".join(PurePosixPath(path).parts) for path in paths}
    return {
        path: PurePosixPath(path).stem if len(stems[PurePosixPath(path).stem]) == 1 else long[path]
        for path in paths
    }
