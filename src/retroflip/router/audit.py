"""`retroflip route audit`: how far a router's labels agree with people's, who see the video (CRPO, appendix C).

A sample with equally many questions of each label is written as a table for a spreadsheet, without the router's labels.
People fill in the column `label`; read back, the table gives agreement and kappa with intervals, and the disagreements
by what they do to the reward. A file's labels are rarely equally many: agreement is given with its shares as well.
"""

import csv
import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from retroflip.data.agreement import Counts, accuracy, kappa
from retroflip.data.intervals import RESAMPLES, wilson
from retroflip.data.records import stream_samples
from retroflip.data.sample import Modality, Sample, TaskType
from retroflip.errors import DataError
from retroflip.files.storage import replacing
from retroflip.router import confusion
from retroflip.router.confusion import LABELS

COLUMNS = ("id", "video", "start", "end", "question", "options", "answer", "label", "note")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def draw(file: Path, count: int, seed: int) -> list[Sample]:
    """Return a sample of a file's labelled videos, equally many of each label as far as there are that many.

    Which ones is a function of seed and ids alone. Raises DataError for a file without labels.
    """
    nearest: dict[TaskType, list[tuple[int, str, Sample]]] = {label: [] for label in LABELS}
    for sample in _labelled(stream_samples(file)):
        digest = hashlib.sha256(f"{seed} {sample.id}".encode("utf-8", "surrogatepass")).digest()
        kept = nearest[_label(sample)]
        heapq.heappush(kept, (-int.from_bytes(digest[:8]), sample.id, sample))
        if len(kept) > count:
            heapq.heappop(kept)
    parts = _parts({label: len(kept) for label, kept in nearest.items()}, count)
    drawn = [one for label, kept in nearest.items() for one in heapq.nlargest(parts[label], kept)]
    if not drawn:
        raise DataError(
            f"{file}: none of its videos has a task type. Label them with: retroflip route {file} --out NEW"
        )
    # In the order of the draw: questions of one label together would tell what the router said.
    return [sample for *_, sample in sorted(drawn, key=lambda one: one[:2], reverse=True)]


def _labelled(samples: Iterable[Sample]) -> Iterator[Sample]:
    return (one for one in samples if one.modality is Modality.VIDEO and one.task_type is not None)


def _label(sample: Sample) -> TaskType:
    if sample.task_type is None:
        raise ValueError(f"sample {sample.id!r} has no label")
    return sample.task_type


def _parts(there: Mapping[TaskType, int], count: int) -> dict[TaskType, int]:
    """Return how many of each label are drawn: equally many, and where there are fewer, more of the others."""
    parts, left = dict.fromkeys(there, 0), min(count, sum(there.values()))
    while left:
        open_labels = [label for label in there if parts[label] < there[label]]
        for label in open_labels[:left]:
            more = min(there[label] - parts[label], max(1, left // len(open_labels)))
            parts[label] += more
        left = min(count, sum(there.values())) - sum(parts.values())
    return parts


def write_table(samples: Sequence[Sample], out: Path) -> None:
    """Write questions for people, one a row, with an empty column for the label."""
    with replacing(out) as unfinished, unfinished.open("x", encoding="utf-8", newline="") as stream:
        rows = csv.DictWriter(stream, COLUMNS)
        rows.writeheader()
        for sample in samples:
            options = "\n".join(f"{letter}. {text}" for letter, text in sample.lettered.items())
            texts = {"question": sample.question, "options": options, "answer": sample.solution}
            rows.writerow(
                {
                    "id": sample.id,
                    "video": sample.video,
                    "start": sample.start,
                    "end": sample.end,
                    **{name: _as_text(text) for name, text in texts.items()},
                }
            )


def _as_text(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def read_table(path: Path) -> dict[str, TaskType | None]:
    """Return people's labels by the questions' ids, None where there is none yet.

    Raises DataError, with the line, for a table of another form and for a label that is none.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            if not {"id", "label"} <= set(rows.fieldnames or ()):
                raise DataError(f"{path}: no table of an audit: it needs the columns id and label.")
            found: dict[str, TaskType | None] = {}
            for row in rows:
                found[_new(row["id"], found, f"{path}, line {rows.line_num}")] = _read_label(
                    row["label"], f"{path}, line {rows.line_num}"
                )
    except OSError as error:
        raise DataError(f"{path}: the table cannot be read ({error.strerror}). Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: no table in CSV and UTF-8 ({error}). Save it as CSV (UTF-8).") from error
    return found


def _new(name: str | None, known: Mapping[str, object], where: str) -> str:
    if not name or name in known:
        raise DataError(f"{where}: the id {name!r:.60} is missing or stands there twice. Correct it.")
    return name


def _read_label(text: str | None, where: str) -> TaskType | None:
    name = (text or "").strip().lower()
    if not name:
        return None
    if name not in set(TaskType):
        raise DataError(f"{where}: the label is {name!r:.40}, but must be one of: {', '.join(TaskType)}.")
    return TaskType(name)


class Harm(NamedTuple):
    """What a label does where a person gave another. wrong: in which share of draws the reward has the wrong sign."""

    wrong: float

    @property
    def words(self) -> str:
        """It in a few words."""
        names = {0.0: "none: what is done still changes the answer", 1.0: "the reward is always wrong"}
        return names.get(self.wrong, "the reward is wrong in half of the draws")


def harm(routed: TaskType, true: TaskType) -> Harm:
    """Return what a router's label does to the reward where the true one is another.

    CRPO draws among the transformations that change a dynamic question's answer, and among both for a static one; the
    reward is wrong where the true answer does not do what the label says (CRPO, section 3).
    """
    tests = [(routed.flip, true.flip), (routed.reversal, true.reversal)]
    drawn = [test for test in tests if test[0] or not routed.dynamic]
    return Harm(sum(said is not does for said, does in drawn) / len(drawn))


def compare(file: Path, table: Path) -> dict[str, Any]:
    """Return how far people's labels agree with those of a file.

    Raises DataError for a table without labels, and one that names a question that the file lacks.
    """
    people = read_table(table)
    given = {name: label for name, label in people.items() if label is not None}
    if not given:
        raise DataError(
            f"{table}: no label is filled in. Write one of {', '.join(TaskType)} into the column label."
        )
    totals: Counter[TaskType] = Counter()
    judged: dict[str, Sample] = {}
    for sample in _labelled(stream_samples(file)):
        totals[_label(sample)] += 1
        if sample.id in given:
            judged[sample.id] = sample
    if lost := [name for name in given if name not in judged]:
        raise DataError(
            f"{table}: {file} has no labelled video {lost[0]!r:.60} ({len(lost)} such). Name its file."
        )
    counts_LL = confusion.confusion((_label(sample), given[name]) for name, sample in judged.items())
    unlike = [(sample, given[name]) for name, sample in judged.items() if _label(sample) is not given[name]]
    return {
        "labelled": len(given),
        "unlabelled": len(people) - len(given),
        "agreement": _with_interval(accuracy(counts_LL), confusion.interval(counts_LL, accuracy)),
        "agreement_of_file": _of_file(counts_LL, totals),
        "kappa": _with_interval(kappa(counts_LL), confusion.interval(counts_LL, kappa)),
        "confusion": _rows(counts_LL),
        "disagreements": [_disagreement(sample, label) for sample, label in unlike],
        "harm": dict(Counter(harm(_label(sample), label).words for sample, label in unlike)),
    }


def _with_interval(value: float, interval: tuple[float, float]) -> dict[str, Any]:
    return {"value": value, "interval": list(interval)}


def _of_file(counts_LL: Counts, totals: Mapping[TaskType, int]) -> dict[str, Any] | None:
    """Return the agreement expected of all the file's labels; None where one of them was not looked at.

    Every label is resampled by itself, as it was drawn.
    """
    looked_at_L = counts_LL.sum(axis=1)
    weights_L = np.array([totals.get(label, 0) for label in LABELS], dtype=np.float64)
    if ((looked_at_L == 0) & (weights_L > 0)).any():
        return None
    shares_L = weights_L / weights_L.sum()
    generator = np.random.default_rng(0)
    value, resampled_R = 0.0, np.zeros(RESAMPLES)
    for row, share in enumerate(shares_L):
        if share:
            right = counts_LL[row, row] / looked_at_L[row]
            value += share * right
            drawn_R = generator.binomial(looked_at_L[row], right, size=RESAMPLES)
            resampled_R += share * drawn_R / looked_at_L[row]
    low, high = np.quantile(resampled_R, (0.025, 0.975))
    return _with_interval(float(value), (float(low), float(high)))


def _rows(counts_LL: Counts) -> dict[str, Any]:
    """Return, for each of the router's labels, how often people gave which, with the interval of its share."""
    found: dict[str, Any] = {}
    for routed, row in confusion.named(counts_LL).items():
        total = sum(row.values())
        found[routed] = {
            label: {"count": count, "share": wilson(count, total) or (0.0, 1.0)}
            for label, count in row.items()
        }
    return found


def _disagreement(sample: Sample, label: TaskType) -> dict[str, Any]:
    routing = sample.routing
    return {
        "id": sample.id,
        "router": _label(sample).value,
        "person": label.value,
        "harm": harm(_label(sample), label).words,
        "reason": routing.reason if routing else "",
        "confidence": routing.confidence if routing else None,
    }
