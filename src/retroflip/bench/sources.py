"""One set of questions, or those of a suite, each read when its turn comes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.registry import BENCHMARKS
from retroflip.bench.job import Call
from retroflip.bench.questions import Questions, bench_questions, chosen
from retroflip.bench.suite import Suite, read_suite
from retroflip.errors import UsageError


@dataclass(frozen=True)
class Sources:
    """each: what reads the questions, by the name of the folder that their answers go to, "" for the one that was
    named. said: what a suite says of how all are asked. draws: how often, where answers are drawn at all. missing: the
    folders of those that are not there."""

    each: Mapping[str, Callable[[], Questions]]
    said: Mapping[str, Any] = field(default_factory=dict)
    draws: int = 1
    missing: tuple[Path, ...] = ()

    def require_all(self) -> None:
        """Raise UsageError where one is not there, before hours are spent on those before it."""
        if self.missing:
            raise UsageError(
                f"{', '.join(map(str, self.missing))}: not there, and the suite asks all its benchmarks. Put their "
                "files there, or write a suite of your own with those that you have; --dry-run says what each takes."
            )

    def call(self, call: Call, draws: int | None) -> Call:
        """Return a call with what the suite says. draws: as they were asked for."""
        drawn = self.draws if call.temperature > 0.0 else 1
        return replace(call, said=self.said, draws=draws or drawn)


def of_suite(name: str, root: Path | None) -> Sources:
    """Return the benchmarks of a suite, each of which lies in a folder of its name under the root.

    Raises UsageError without a root.
    """
    suite = read_suite(name)
    if root is None or not root.is_dir():
        raise UsageError(
            f"--suite {name} also takes --root DIR, a folder with one for each benchmark: "
            f"{', '.join(suite.benchmarks)}."
        )
    said = {"frames": suite.frames, "sampler": suite.sampler}
    each = {bench: partial(_read, suite, bench, root) for bench in suite.benchmarks}
    missing = tuple(root / bench for bench in suite.benchmarks if not (root / bench).is_dir())
    return Sources(
        each, {name: value for name, value in said.items() if value is not None}, suite.draws, missing
    )


def _read(suite: Suite, bench: str, root: Path) -> Questions:
    """Return those of a benchmark's questions that a member of the suite counts."""
    place = root / bench
    found = bench_questions(bench, place) if bench in BENCHMARKS else bench_questions(str(place), None)
    return chosen(found._replace(about={**found.about, "suite": suite.title}), partial(suite.counts, bench))
