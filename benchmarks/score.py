"""What scoring costs: CPU seconds for the answers of one model and of three to pairs under four views.

    python benchmarks/score.py [--pairs 3000] [--draws 10000] [--json]

Answers are made up: half of them right, 2 clips a recording, 3 tasks. `unshared` is the time of the same intervals when
each draws its own resamples, as they were drawn before; `ratio` is unshared over shared.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from retroflip.bench import stats
from retroflip.bench.records import AnswerRecord, Control
from retroflip.bench.score import compare_all, score_records
from retroflip.data.sample import ProblemType

VIEWS = (Control.FULL, Control.TEXT_ONLY, Control.SINGLE_FRAME, Control.SHUFFLED_FRAMES)
OPTIONS = ("left", "right", "up", "down")


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
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    models = {f"model {seed}": answers(given.pairs, seed) for seed in range(3)}

    def score(names: list[str]) -> None:
        stats.drawn.cache_clear()
        for name in names:
            score_records(models[name], resamples=given.draws)
        compare_all({name: models[name] for name in names}, resamples=given.draws)

    one, three = (cpu_seconds(partial(score, names)) for names in (["model 0"], list(models)))
    unshared = cpu_seconds(lambda: one_by_one({"model 0": models["model 0"]}, given.draws))
    found = {"one_model_s": one, "three_models_s": three, "unshared_s": unshared, "ratio": unshared / one}
    shown = json.dumps({"pairs": given.pairs, "draws": given.draws, **found})
    table = "\n".join(f"{name}: {value:.2f}" for name, value in found.items())
    print(shown if given.json else table)  # noqa: T201 - its result


if __name__ == "__main__":
    main()
