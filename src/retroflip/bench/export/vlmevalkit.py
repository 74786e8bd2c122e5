"""A benchmark as a table of VLMEvalKit: tab-separated, with the columns of its Video-MME and the letters as columns.

VLMEvalKit registers data sets in its own code, so that a class of its user's must name the table. One derived from its
VideoMME asks the questions as they are here (`candidates` are a list as text), once it finds videos where that looks
for them, as video/NAME.mp4 by the column `video` and not at `video_path`, and once its score, which is broken down by
lists of Video-MME's own, knows of others. It keeps the frames of a video under that name alone and shows them again for
every video of the name: names are unique here, and none is one that pandas reads as a number.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from retroflip.bench.export.questions import Exported, check_files, pairs, read_questions
from retroflip.data.sample import Sample
from retroflip.errors import DataError
from retroflip.files.storage import drop_unfinished, write_text_atomic

_FIRST = ("index", "id", "video", "video_path", "question", "candidates", "answer")
_LAST = ("task_type", "source", "source_clip", "pair", "side")
_NOT_TEXT = frozenset({"na", "n/a", "<na>", "#na", "none", "null", "true", "false"})
"""what pandas reads as nothing or as a truth value"""


def export_vlmevalkit(folder: Path, out: Path) -> Exported:
    """Write the benchmark in `folder` as `out`, a TSV file or a folder for one.

    Raises DataError as `read_questions` and `check_files` do, and for a question that shows several videos.
    """
    samples = read_questions(folder)
    if several := next((sample for sample in samples if len(sample.shown) > 1), None):
        raise DataError(
            f"{folder}, question {several.id!r} shows {len(several.shown)} videos, and a row of VLMEvalKit names one. "
            "Leave such questions out."
        )
    check_files(folder, samples)
    path = out if out.suffix == ".tsv" else out / f"{folder.resolve().name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    drop_unfinished(path.parent, [path.name], dead_only=True)
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
    """Return a name for every path, which no two share: its stem, or all of its parts where the stem is another's too
    or would be read as something other than text.
    """
    stems: dict[str, set[str]] = {}
    for path in paths:
        stems.setdefault(PurePosixPath(path).stem, set()).add(path)
    return {
        path: stem if len(of) == 1 and _is_text(stem) else _long(path)
        for stem, of in stems.items()
        for path in of
    }


def _long(path: str) -> str:
    return "__".join(PurePosixPath(path).parts)


def _is_text(name: str) -> bool:
    """Whether pandas, with which VLMEvalKit reads tables, leaves a cell as it is: "0417" becomes 417, "NA" nothing."""
    try:
        float(name)
    except ValueError:
        return name.lower() not in _NOT_TEXT
    return False
