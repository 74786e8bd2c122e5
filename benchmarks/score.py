"""What scoring costs: CPU seconds for the answers of one model and of three to pairs under four views.

    python benchmarks/score.py [--pairs 3000] [--draws 10000] [--rounds 3] [--json]

Answers are made up: half of them right, 2 clips a recording, 3 tasks. `command` is what `retroflip score` takes for one
model as a file, and `retroflip compare` and `retroflip score` for three, start and reading of the answers included;
`start` is that of the command line alone. `command_reasoned` has 150 words of reasoning before every answer, which this
version of the reader read when it was given; `command_read_again` is the same where another version did. Each is the
least of `--rounds`, behind one that compiles the modules: with PYTHONDONTWRITEBYTECODE set every start compiles them
again. `unshared` is the time of the same intervals when each draws its own resamples; `ratio` is unshared over shared.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from retroflip.bench import stats
from retroflip.bench.records import AnswerRecord, Control, answer_record, append_answers
from retroflip.bench.score import ANSWERS, compare_all, score_records
from retroflip.data.sample import ProblemType, Sample

VIEWS = (Control.FULL, Control.TEXT_ONLY, Control.SINGLE_FRAME, Control.SHUFFLED_FRAMES)
OPTIONS = ("left", "right", "up", "down")
FORMS = (
    "{0}",
    "({0})",
    "{0}. {1}",
    "The answer is ({0}).",
    "**{1}**",
    "<think>It moves {1}.</think>\\boxed{{{0}}}",
)

WORDS = (
    "the",
    "red",
    "circle",
    "moves",
    "left",
    "first",
    "and",
    "then",
    "up",
    "because",
    "wall",
    "hits",
    "after",
    "it",
)
SHARED = ("id", "pair", "side", "task", "source_clip", "options", "problem_type", "video")


def answers(pairs: int, seed: int) -> list[AnswerRecord]:
    """Return one model's answers to both sides of every pair under every view."""
    rng = np.random.default_rng(seed)
    return [
        AnswerRecord(
            id=f"{pair}-{side}",
            pair=f"{pair}",
            side=side,
            task=f"task {pair % 3}",
            source_clip=f"clip {pair // 2}",
            control=view,
            gold="AB"[side],
            options=OPTIONS,
            problem_type=ProblemType.MULTIPLE_CHOICE,
            response="",
            answer=(chosen := "ABCD"[int(rng.integers(4))] if rng.random() < 0.4 else "AB"[side]),
            correct=chosen == "AB"[side],
            score=float(chosen == "AB"[side]),
            video=f"{pair}-{side}.mp4",
        )
        for view in VIEWS
        for pair in range(pairs)
        for side in (0, 1)
    ]


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the processor time that `work` takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


def of_commands(models: dict[str, list[AnswerRecord]], draws: int, rounds: int) -> dict[str, float]:
    """Return what the command line takes for one model and for three, the least of several rounds."""
    with tempfile.TemporaryDirectory() as root:
        folders = [Path(root) / str(number) for number in range(len(models))]
        for folder, records in zip(folders, models.values(), strict=True):
            folder.mkdir()
            append_answers(folder / ANSWERS, [with_response(one) for one in records])
        reasoned, unread = Path(root) / "reasoned", Path(root) / "unread"
        records = [with_reasoning(one) for one in next(iter(models.values()))]
        for folder, kept in (
            (reasoned, records),
            (unread, [replace(one, reading_sha256=None) for one in records]),
        ):
            folder.mkdir()
            append_answers(folder / ANSWERS, kept)
        drawn = ["--resamples", str(draws), "--json"]
        commands = {
            "start_s": ["score", "--help"],
            "command_one_s": ["score", str(folders[0]), *drawn],
            "command_reasoned_s": ["score", str(reasoned), *drawn],
            "command_read_again_s": ["score", str(unread), *drawn],
            "command_three_s": ["compare", *map(str, folders), *drawn],
            "command_score_three_s": ["score", *map(str, folders), *drawn],
        }
        child_seconds(commands["command_one_s"])
        return {name: min(child_seconds(one) for _ in range(rounds)) for name, one in commands.items()}


def with_response(record: AnswerRecord) -> AnswerRecord:
    """Return the record with what a model wrote, in one of the forms that models write."""
    letter = str(record.answer)
    response = FORMS[hash((record.key, letter)) % len(FORMS)].format(letter, OPTIONS["ABCD".index(letter)])
    return replace(record, response=response)


def with_reasoning(record: AnswerRecord) -> AnswerRecord:
    """Return the record of the same answer behind reasoning that no other answer has."""
    rng = np.random.default_rng(abs(hash(record.key)))
    words = " ".join(rng.choice(WORDS, 150))
    question = Sample(
        question="Which way?",
        solution=record.gold,
        **{name: getattr(record, name) for name in SHARED},
    )
    return answer_record(question, f"<think>{words}</think>\\boxed{{{record.answer}}}", record.control)


def child_seconds(arguments: list[str]) -> float:
    """Return the processor time of one run of the command line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", "from retroflip.cli import main; main()", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command line
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def one_by_one(models: dict[str, list[AnswerRecord]], draws: int) -> None:
    """Draw for every interval anew: as many as scoring and comparing have, each over its own clips."""
    for records in models.values():
        for kept in (*([r for r in records if r.control is view] for view in VIEWS), *by_task(records)):
            clips = [record.source_clip for record in kept]
            for _ in range(4):
                stats.drawn.cache_clear()
                stats.cluster_interval([float(r.correct) for r in kept], clips, resamples=draws)


def by_task(records: list[AnswerRecord]) -> list[list[AnswerRecord]]:
    """Return the answers with the full view by task."""
    full = [record for record in records if record.control is Control.FULL]
    return [[record for record in full if record.task == task] for task in sorted({r.task for r in full})]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    models = {f"model {seed}": answers(given.pairs, seed) for seed in range(3)}

    def score(names: list[str]) -> None:
        stats.drawn.cache_clear()
        for name in names:
            score_records(models[name], resamples=given.draws)
        compare_all({name: models[name] for name in names}, resamples=given.draws)

    one, three = (cpu_seconds(partial(score, names)) for names in (["model 0"], list(models)))
    commands = of_commands(models, given.draws, given.rounds)
    unshared = cpu_seconds(lambda: one_by_one({"model 0": models["model 0"]}, given.draws))
    found = {"one_model_s": one, "three_models_s": three, **commands}
    found |= {"unshared_s": unshared, "ratio": unshared / one}
    shown = json.dumps({"pairs": given.pairs, "draws": given.draws, **found})
    table = "\n".join(f"{name}: {value:.2f}" for name, value in found.items())
    print(shown if given.json else table)  # noqa: T201 - its result


if __name__ == "__main__":
    main()
