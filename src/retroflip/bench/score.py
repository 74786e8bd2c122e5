"""From answers on disk to the numbers of `summary.json`, and the comparison of two answerers."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.groups import Pairs, pair_up
from retroflip.bench.metrics import by_task, measure_answered
from retroflip.bench.metrics.base import Answered, mean
from retroflip.bench.official import Published, published
from retroflip.bench.outcomes import constant_chance, letter_bias, outcomes, passes, sensitivity
from retroflip.bench.parts import parts_of
from retroflip.bench.records import AnswerRecord, Answers, Control, read_answers, reader_version
from retroflip.bench.stats import Column, mcnemar, paired_interval
from retroflip.bench.unanswered import unanswered
from retroflip.data.intervals import RESAMPLES, Interval
from retroflip.data.sample import Sample
from retroflip.errors import DataError
from retroflip.files.storage import drop_unfinished, read_json_object, write_json_atomic

ANSWERS = "answers.jsonl"
SCORES = "scores.json"


def score_run(
    directory: Path,
    root: Path | None = None,
    *,
    resamples: int = RESAMPLES,
    counted: "Counted | None" = None,
) -> dict[str, Any]:
    """Score `directory`/answers.jsonl, write `scores.json` beside it and return it.

    `run.json`, when there, is copied under "settings": a score carries the frame count and pixel budget of its answers.
    Questions of the data without an answer are wrong, and counted by control under "unanswered" (`unanswered.py`).
    "reader" says which version of the reader read them, "resamples" how many stand behind an interval. Answers to a
    benchmark of the registry are scored by its own rules too (`official.score_published`), as far as its files are
    under `root` or where run.json says. counted: what counts in the directory, where it is known already. Raises
    DataError for missing, empty or damaged answers.
    """
    counted = counted_answers(directory, root) if counted is None else counted
    scores = score_records(counted.read, resamples=resamples)
    scores |= counted.own.scores(counted.records) if counted.own else {}
    scores["unanswered"] = dict(Counter(record.control.value for record in counted.missing))
    scores["torn_last_line"] = counted.torn
    scores["reader"] = reader_version()
    scores["resamples"] = resamples
    scores["settings"] = counted.settings
    drop_unfinished(directory, [SCORES], dead_only=True)
    write_json_atomic(directory / SCORES, scores)
    return scores


@dataclass(frozen=True)
class Counted:
    """What counts of a folder of answers, wherever it is scored.

    given: the answers. missing: a failed one for every question that has none. own: the benchmark of the registry that
    was asked. settings: of run.json. torn: as in `Answers`.
    """

    given: Sequence[AnswerRecord]
    missing: Sequence[AnswerRecord]
    own: Published | None
    settings: dict[str, Any]
    torn: bool

    @cached_property
    def records(self) -> list[AnswerRecord]:
        """All of them."""
        return [*self.given, *self.missing]

    @cached_property
    def read(self) -> list[AnswerRecord]:
        """All of them, read as the benchmark's answers are."""
        return self.own.read(self.records) if self.own else self.records


def counted_answers(
    directory: Path,
    root: Path | None = None,
    *,
    answers: Answers | None = None,
    wanted: Callable[[Sample], bool] | None = None,
) -> Counted:
    """Return what counts in a folder of answers. root: as in `score_run`; wanted: as in `unanswered`. answers: of the
    folder, where they are read already.

    Raises DataError for missing, empty or damaged answers.
    """
    answers = read_folder(directory) if answers is None else answers
    settings = read_settings(directory)
    missing = unanswered(answers.records, settings, root, wanted)
    asked = {record.id for record in (*answers.records, *missing)}
    return Counted(answers.records, missing, published(settings, root, asked), settings, answers.torn)


def read_folder(directory: Path) -> Answers:
    """Return the answers of a folder. Raises DataError for missing, empty or damaged ones."""
    path = directory / ANSWERS
    answers = read_answers(path)
    if not answers.records:
        raise DataError(
            f"{path} holds no complete answer, so there is nothing to score. Run 'retroflip generate' again."
        )
    return answers


def score_records(
    records: Sequence[AnswerRecord], *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Return the measures of the answers to full videos, overall and by task, and of each control.

    A list without full-video answers (text-only alone, an oracle) is scored by its first control instead, named under
    "scored". Of several draws the first is scored. Keys beside those of `measure`: scored, tasks {task: measures},
    parts {label: {value: measures}} (`parts_of`), controls {control: measures, with `gap`: what P-Acc loses by it},
    outcomes of pairs, letters, constant_chance, sensitivity and passes (`outcomes.py`).
    """
    first: dict[Control, list[AnswerRecord]] = {control: [] for control in Control}
    for record in records:
        if record.draw == 0:
            first[record.control].append(record)
    answered = {control: Answered.of(group) for control, group in first.items() if group}
    main, *others = answered
    tasks = {
        task: Answered.of_part(group, answered[main])
        for task, group in by_task(answered[main].records).items()
    }
    parts = {
        (name, value): Answered.of_part(group, answered[main])
        for name, by_value in parts_of(answered[main].records).items()
        for value, group in by_value.items()
    }
    gaps = [shortcut_gap(answered[main].pairs, answered[control].pairs) for control in others]
    (whole, *rest), intervals = measure_answered(
        [*answered.values(), *tasks.values(), *parts.values()], gaps, seed=seed, resamples=resamples
    )
    of_tasks, of_parts = rest[len(others) :][: len(tasks)], rest[len(others) + len(tasks) :]
    controls = {
        control.value: {**found, "gap": _told(gap, interval)}
        for control, found, gap, interval in zip(others, rest, gaps, intervals, strict=False)
    }
    return {
        "scored": main.value,
        **whole,
        "tasks": dict(zip(tasks, of_tasks, strict=True)),
        "parts": _nested(zip(parts, of_parts, strict=True)),
        "controls": controls,
        **_behind(answered[main], [one for one in records if one.control is main]),
    }


def of_full_video(scores: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return scores with the answers to full videos at the top, and with nothing there where there are none.

    scores: as `score_records` returns them, which puts a control at the top where no full video was shown: it stands
    among the controls here. To be asked wherever answerers stand side by side, whose first numbers must be of one kind.
    """
    main = scores.get("scored", Control.FULL.value)
    if main == Control.FULL.value:
        return scores
    blind = {key: value for key, value in scores.items() if key not in ("scored", "controls")}
    return {
        "scored": Control.FULL.value,
        "tasks": {},
        "parts": {},
        "controls": {main: {**blind, "gap": None}, **scores["controls"]},
    }


def _nested(measured: Iterable[tuple[tuple[str, str], dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for (name, value), measures in measured:
        found.setdefault(name, {})[value] = measures
    return found


def shortcut_gap(full: Pairs, handicapped: Pairs) -> Column:
    """Return what every pair that was asked both ways loses by a handicap: 1 where it is right with the whole video
    alone, -1 where it is right with the handicap alone, otherwise 0. Its mean is P-Acc(full) - P-Acc(handicapped)."""
    clips = full.clips
    shared = sorted(clips.keys() & handicapped.clips.keys())
    lost = [float(full.is_right(name)) - float(handicapped.is_right(name)) for name in shared]
    return Column(lost, [clips[name] for name in shared], low=-1.0, high=1.0)


def _told(gap: Column, interval: Interval | None) -> dict[str, Any] | None:
    if not gap.values:
        return None
    return {
        "p_acc_difference": mean(gap.values),
        "p_acc_difference_ci": interval and list(interval),
        "n_pairs": len(gap.values),
    }


def _behind(answered: Answered, draws: Sequence[AnswerRecord]) -> dict[str, Any]:
    """Return what stands behind the scores of one control, of which all draws are given."""
    pairs = answered.pairs
    return {
        "outcomes": outcomes(pairs) if pairs.clips else None,
        "letters": letter_bias(answered.records),
        "constant_chance": constant_chance(answered),
        "sensitivity": sensitivity(pairs),
        "passes": passes(draws),
    }


def compare(
    a: Sequence[AnswerRecord],
    b: Sequence[AnswerRecord],
    *,
    names: tuple[str, str],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Compare two answerers over the full-video pairs that both were asked: b minus a.

    Keys: a, b (names), p_acc_difference (in 0..1; None without common pairs), p_acc_difference_ci (paired
    bootstrap over source clips), only_a and only_b (pairs only one got right), mcnemar_p (exact, two-sided),
    n_pairs, n_unshared_pairs (left out because one of the two was not asked), not_compared (why there is no pair to
    compare; None where there is one).

    Raises DataError when the two were asked different questions under the same ids.
    """
    return _compared(_Seeing.of(names[0], a), _Seeing.of(names[1], b), seed, resamples)


class _Seeing(NamedTuple):
    """An answerer with full videos: its name, whether it was asked about any, and the pairs among them."""

    name: str
    asked: bool
    pairs: Pairs

    @classmethod
    def of(cls, name: str, records: Sequence[AnswerRecord]) -> "_Seeing":
        full = [record for record in records if record.control is Control.FULL and record.draw == 0]
        return cls(name, bool(full), pair_up(full))


def _compared(a: _Seeing, b: _Seeing, seed: int, resamples: int) -> dict[str, Any]:
    pairs_a, pairs_b, clips = a.pairs, b.pairs, a.pairs.clips
    shared = sorted(clips.keys() & pairs_b.clips.keys())
    for name, pair in pairs_a.complete.items():
        if name in pairs_b.complete:
            _check_same_questions(name, pair, pairs_b.complete[name])
    right_a, right_b = ([pairs.is_right(name) for name in shared] for pairs in (pairs_a, pairs_b))
    interval = paired_interval(
        right_a, right_b, [clips[name] for name in shared], seed=seed, resamples=resamples
    )
    test = mcnemar(right_a, right_b)
    return {
        "a": a.name,
        "b": b.name,
        "p_acc_difference": (sum(right_b) - sum(right_a)) / len(shared) if shared else None,
        "p_acc_difference_ci": interval and list(interval),
        "only_a": test.only_a,
        "only_b": test.only_b,
        "mcnemar_p": test.p,
        "n_pairs": len(shared),
        "n_unshared_pairs": len(clips.keys() ^ pairs_b.clips.keys()),
        "not_compared": None if shared else _why_not(a, b),
    }


def _why_not(a: _Seeing, b: _Seeing) -> str:
    """Return why two answerers share no pair."""
    blind = [one.name for one in (a, b) if not one.asked]
    if blind:
        return f"{' and '.join(blind)} {'has' if len(blind) == 1 else 'have'} no answers to full videos"
    unpaired = [one.name for one in (a, b) if not one.pairs.clips]
    if unpaired:
        return f"the questions of {' and '.join(unpaired)} form no pairs"
    return "they were asked no pair in common"


def compare_all(
    answers: Mapping[str, Sequence[AnswerRecord]], *, resamples: int = RESAMPLES
) -> list[dict[str, Any]]:
    """Compare every two of the named answerers, the earlier name as `a`."""
    seeing = [_Seeing.of(name, records) for name, records in answers.items()]
    return [_compared(a, b, seed=0, resamples=resamples) for a, b in combinations(seeing, 2)]


def read_settings(directory: Path) -> dict[str, Any]:
    """Return `directory`/run.json, or {} without one. Raises DataError when it is not a JSON object."""
    path = directory / "run.json"
    if not path.is_file():
        return {}
    return read_json_object(path)


def _check_same_questions(
    name: str, a: tuple[AnswerRecord, AnswerRecord], b: tuple[AnswerRecord, AnswerRecord]
) -> None:
    if any(
        (x.gold_text, x.video, x.window) != (y.gold_text, y.video, y.window)
        for x, y in zip(a, b, strict=True)
    ):
        raise DataError(
            f"pair '{name}' has other videos or gold answers in the two runs, so they cannot be compared. "
            "Answer the same data file with both models."
        )
