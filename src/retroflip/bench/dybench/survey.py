"""What the sources hold, before anything is built: candidates, what they refuse, and what is missing, by source."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from retroflip.bench.dybench.base import AbsentError, Candidate, Drawing, Need, Part, Refused, SubTask
from retroflip.bench.dybench.plans import Planned, planned_row, read_planned
from retroflip.bench.dybench.recipe import DyBenchRecipe
from retroflip.draws import draw_seed
from retroflip.errors import DataError, UsageError
from retroflip.progress import Progress
from retroflip.workers import Engine, LocalEngine

Quota = tuple[SubTask, str]
"""sub-task and section of the recipe"""


class Missing(NamedTuple):
    """What a source lacks on this machine."""

    source: str
    what: str


class RefusedPlan(NamedTuple):
    """What no pair is made of. key: its name among all sources'."""

    key: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Survey:
    """queues: each quota's plans in the order in which they are taken. not_asked: those of no quota, by source."""

    queues: Mapping[Quota, Sequence[Planned]]
    refused: Sequence[RefusedPlan]
    missing: Sequence[Missing]
    not_asked: Mapping[str, int]

    def digest(self) -> str:
        """Return the SHA-256 of all plans in their order: equal for equal sources, whatever machine they lie on."""
        rows = [planned_row(one) for queue in self.queues.values() for one in queue]
        return hashlib.sha256("".join(json.dumps(row, sort_keys=True) for row in rows).encode()).hexdigest()


def survey(
    recipe: DyBenchRecipe,
    roots: Mapping[str, Path],
    progress: Progress,
    listed: Path | None = None,
    engine: Engine | None = None,
) -> Survey:
    """Ask every source of a recipe for its candidates; a source that is not there is named among what is missing.

    roots: folders on this machine, which go before the recipe's own. listed: a file of candidates, which are then
    taken in place of what the sources' annotations say. engine: where the sources that open media are asked; what is
    found is the same on all of them.

    Raises DataError for annotations that cannot be read.
    """
    names = list(dict.fromkeys(name for _, name in recipe.wanted))
    missing = [
        lack for name in names for lack in _missing(recipe, name, roots, media_only=listed is not None)
    ]
    there = [name for name in names if name not in {lack.source for lack in missing}]
    refused: list[RefusedPlan] = []
    if listed is not None:
        found = [one for one in read_planned(listed) if one.source in there]
    else:
        found, refused, lacking = _asked(recipe, there, roots, engine or LocalEngine(1), progress)
        missing += lacking
    _refuse_twins(found)
    wanted = recipe.wanted
    queues = {quota: _queue(recipe.seed, quota, found, ordered=listed is not None) for quota in wanted}
    not_asked = Counter(one.source for one in found if (one.plan.sub_task, one.source) not in wanted)
    return Survey(queues, refused, missing, dict(not_asked))


class _Job(NamedTuple):
    """A part of a source, and which one it is."""

    source: str
    number: int
    part: Part


class _Answered(NamedTuple):
    source: str
    number: int
    answers: list[Candidate | Drawing | Refused]


def _answer(job: _Job) -> _Answered:
    return _Answered(job.source, job.number, list(job.part.make()))


def _crashed(job: _Job) -> _Answered:
    return _Answered(
        job.source,
        job.number,
        [Refused(job.part.id, "its media cannot be used (a crash)", "while asking the source")],
    )


def _asked(
    recipe: DyBenchRecipe,
    names: Sequence[str],
    roots: Mapping[str, Path],
    engine: Engine,
    progress: Progress,
) -> tuple[list[Planned], list[RefusedPlan], list[Missing]]:
    """Return the sources' candidates, what they refuse, and what is missing where only they know it, all in order."""
    here: list[_Job] = []
    apart: list[_Job] = []
    missing: list[Missing] = []
    for name in names:
        source, settings = recipe.source(name), recipe.sources[name].settings
        root = root_of(recipe, name, roots)
        try:
            if source.parts is not None:
                apart += [
                    _Job(name, number, part) for number, part in enumerate(source.parts(root, settings))
                ]
            else:
                answers = list(source.candidates(root, settings))
                here.append(_Job(name, 0, Part(name, partial(iter, answers))))
        except AbsentError as error:
            missing.append(Missing(name, str(error).rstrip(".")))
    progress.stage("asking the sources", len(here) + len(apart), "parts")
    answered = [_answer(job) for job in here]
    for one in engine.run(_answer, apart, _crashed):
        answered.append(one)
        progress.advance(len(answered), "")
    answered.sort(key=lambda one: (names.index(one.source), one.number))
    told = list(_once(answered))
    found = [one for one in told if isinstance(one, Planned)]
    return found, [one for one in told if isinstance(one, RefusedPlan)], missing


def _once(answered: Iterable[_Answered]) -> Iterator[Planned | RefusedPlan]:
    """Yield candidates and what is refused; of annotations that stand twice in a source, the second is refused."""
    seen: set[tuple[str, str]] = set()
    for name, _, answers in answered:
        for one in answers:
            if isinstance(one, Refused):
                yield RefusedPlan(f"{name}/{one.id}", one.reason, one.detail)
            elif (name, one.id) in seen:
                yield RefusedPlan(f"{name}/{one.id}", "its annotation stands twice", "")
            else:
                seen.add((name, one.id))
                yield Planned(name, one, {})


def root_of(recipe: DyBenchRecipe, name: str, roots: Mapping[str, Path]) -> Path:
    """Return a source's folder on this machine; the working folder for one that needs no files."""
    return roots.get(name) or Path(recipe.sources[name].root or ".")


def require_whole(found: Survey) -> None:
    """Raise UsageError that names all that is missing, by source."""
    if found.missing:
        lacks = " ".join(f"{one.source}: {one.what}." for one in found.missing)
        raise UsageError(
            f"Sources are missing. {lacks} Give their folders with --root NAME=DIR, or build without them (--partial)."
        )


def _missing(
    recipe: DyBenchRecipe, name: str, roots: Mapping[str, Path], *, media_only: bool
) -> list[Missing]:
    source = recipe.source(name)
    if not source.needs:
        return []
    root = roots.get(name) or recipe.sources[name].root
    if root is None:
        held = "; ".join(need.told for need in source.needs)
        return [Missing(name, f"no folder was given for {source.title} ({source.home}), which holds {held}")]
    if not Path(root).is_dir():
        return [Missing(name, f"{root} is not a folder")]
    needs = () if media_only else _needs(recipe, name)
    return [
        Missing(name, f"{root} does not hold {need.told}") for need in needs if not need.is_met(Path(root))
    ]


def _needs(recipe: DyBenchRecipe, name: str) -> tuple[Need, ...]:
    """Return what the root must hold, a table under the name that the settings give it."""
    table = recipe.sources[name].settings.get("table")
    needs = recipe.source(name).needs
    return tuple(need._replace(path=table) for need in needs) if isinstance(table, str) else needs


def _refuse_twins(found: Iterable[Planned]) -> None:
    counts = Counter(one.key for one in found)
    if twice := [key for key, count in counts.items() if count > 1]:
        raise DataError(
            f"The candidate {twice[0]!r} is there twice, and {len(twice) - 1} others: ids are to be a source's own. "
            "Mend the annotations, or the list."
        )


def _queue(seed: int, quota: Quota, found: Iterable[Planned], *, ordered: bool) -> list[Planned]:
    """Return a quota's plans: drawn pairs and listed ones in their order; of filmed ones each recording's first,
    and each action's first, before their second ones, so that few pairs are of many kinds."""
    plans = [one for one in found if (one.plan.sub_task, one.source) == quota]
    if ordered:
        return plans
    drawn = [one for one in plans if isinstance(one.plan, Drawing)]
    filmed = [one for one in plans if isinstance(one.plan, Candidate)]
    filmed.sort(key=lambda one: draw_seed(seed, one.source, one.plan.id))
    ranks: Counter[tuple[str, str]] = Counter()

    def rank(kind: str, name: str) -> int:
        ranks[kind, name] += 1
        return ranks[kind, name]

    placed = [(rank("clip", _clip(one)), rank("action", _action(one)), one) for one in filmed]
    return [*drawn, *(one for *_, one in sorted(placed, key=lambda place: place[:2]))]


def _clip(one: Planned) -> str:
    return one.plan.source_clip if isinstance(one.plan, Candidate) else ""


def _action(one: Planned) -> str:
    return one.plan.labels.get("action", "") if isinstance(one.plan, Candidate) else ""
