"""A study on its page: what every arm came to over the seeds, and the papers' orders beside what was found.

All of it stands in the study's own study.json, which `study/document.py` writes; nothing is measured again here. A file
of an earlier version has no names for its measures and gets their keys.
"""

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from retroflip.bench.comparison import Entry
from retroflip.bench.comparison import Table as PaperTable
from retroflip.bench.metrics.base import Measure
from retroflip.bench.metrics.training import LOGGED, Rows
from retroflip.data.intervals import Interval
from retroflip.errors import DataError, counted
from retroflip.files.storage import read_json_object
from retroflip.report.charts import Mark, MarkRow, Series, interval_plot, line_chart
from retroflip.report.curves import Figure, apart
from retroflip.report.figures import line_of
from retroflip.report.sentences import interval, percent, points, short_name, signed
from retroflip.report.tables import Cell, slots_of

STUDY = "study.json"
MOST_DRAWN = 7
"""arms with a line in a chart and a row in a pair: as many as there are colours"""
_DONE, _FAILED = "done", "failed"


@dataclass(frozen=True)
class ArmRow:
    """An arm in a table: what it is, how many of its seeds are done, the headline, and the other measures."""

    name: str
    title: str
    slot: int
    seeds: str
    headline: Cell
    by_seed: str
    ahead: Cell
    others: tuple[Cell, ...]


@dataclass(frozen=True)
class ArmTable:
    """Arms that are compared with each other, those that have begun. orders: the rows of each paper's tables."""

    name: str
    about: str
    baseline: str
    headline: Measure
    others: Sequence[Measure]
    rows: Sequence[ArmRow]
    not_run: Sequence[str]
    plot: Markup | None
    orders: Sequence["PaperOrders"]


@dataclass(frozen=True)
class Order:
    """That one arm is ahead of another in a paper: by how much there and here, and the verdict."""

    greater: str
    lesser: str
    there: str
    here: Cell
    verdict: str


@dataclass(frozen=True)
class PaperOrders:
    """The orders of one paper's table or figure."""

    source: str
    about: str
    rows: Sequence[Order]


@dataclass(frozen=True)
class StudyView:
    """A study as its page shows it. found: study.json."""

    found: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The study's name."""
        return str(self.found.get("title") or self.found["study"])

    @property
    def seeds(self) -> list[int]:
        """The seeds that were run."""
        return list(self.found["seeds"])

    @property
    def command(self) -> str:
        """What makes the study again; "" where the file does not say."""
        words = ["retroflip", "study", *str(self.found.get("command", "")).split()]
        seeds = ",".join(map(str, self.seeds))
        return shlex.join([*words, "--seeds", seeds, "--out", "DIR"]) if self.found.get("command") else ""

    @property
    def arms(self) -> list[dict[str, Any]]:
        """All arms in the order in which they are run."""
        return [arm for table in self.found["tables"] for arm in table["arms"]]

    @property
    def names(self) -> list[str]:
        """The names of the arms, each once."""
        return list(dict.fromkeys(arm["name"] for arm in self.arms))

    @property
    def slots(self) -> dict[str, int]:
        """Every arm's style-sheet slot."""
        return slots_of(self.names)

    @property
    def drawn(self) -> list[str]:
        """The arms that have a line in charts and a row in pairs: the first ones of which a seed is done."""
        done = [
            arm["name"] for arm in self.arms if any(_state(one) == _DONE for one in arm["cells"].values())
        ]
        return list(dict.fromkeys(done))[:MOST_DRAWN]

    def measure(self, key: str) -> Measure:
        """Return how a number is called."""
        told = self.found.get("measures", {}).get(key, {})
        label, title = told.get("label", key), told.get("title", key)
        return Measure(key, label, title, told.get("note", ""), share=told.get("share", True))

    @property
    def headline(self) -> Measure:
        """What arms are compared by."""
        return self.measure(str(self.found.get("headline", "p_acc")))

    @property
    def tables(self) -> list[ArmTable]:
        """The study's tables."""
        return [self._table(table) for table in self.found["tables"]]

    @property
    def failed(self) -> list[tuple[str, str, str]]:
        """(arm, seed, what stopped it) of every arm that failed."""
        return [
            (arm["name"], seed, str(cell["failure"]))
            for arm in self.arms
            for seed, cell in arm["cells"].items()
            if _state(cell) == _FAILED
        ]

    @property
    def verdicts(self) -> str:
        """How the papers' orders fare, in a line."""
        counts = self.found.get("verdicts", {})
        return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)

    def sentences(self) -> Iterator[str]:
        """Yield the page's opening: who leads and whether that can be told from noise, then what there is of it."""
        for table in self.found["tables"]:
            yield from self._leader(table)
        counts = ", ".join(f"{count} {state}" for state, count in self.found["cells"].items())
        listed = ", ".join(map(str, self.seeds))
        yield f"{self.title}: {counted(len(self.names), 'arm')}, seeds {listed}; of all runs {counts}."
        if self.verdicts:
            yield f"Orders that papers report, judged by what was found here: {self.verdicts}."

    def _leader(self, table: Mapping[str, Any]) -> Iterator[str]:
        key = self.headline.key
        found = [(arm["means"][key], arm) for arm in table["arms"] if arm["means"].get(key)]
        if not found:
            return
        most = max(mean["mean"] for mean, _ in found)
        best = [arm for mean, arm in found if math.isclose(mean["mean"], most, abs_tol=1e-9)]
        names = ", ".join(arm["title"] for arm in best)
        told = _against(best[0]["minus_baseline"].get(key), table["baseline"], self.headline)
        verb = "is ahead" if len(best) == 1 else "are level, ahead of all others"
        yield f"{names} {verb} in {self.headline.title.lower()}: {_number(most, self.headline)}{told}."

    def _table(self, table: Mapping[str, Any]) -> ArmTable:
        headline, slots = self.headline, self.slots
        keys = dict.fromkeys(key for arm in table["arms"] for key in arm["means"] if key != headline.key)
        known = [key for key in self.found.get("measures", keys) if key in keys]
        others = [self.measure(key) for key in known]
        return ArmTable(
            table["table"],
            table["about"],
            table["baseline"],
            headline,
            others,
            [_row(arm, headline, others, slots[arm["name"]]) for arm in table["arms"] if _has_begun(arm)],
            [arm["name"] for arm in table["arms"] if not _has_begun(arm)],
            self._plot(table),
            [self._orders(paper) for paper in table["papers"]],
        )

    def _plot(self, table: Mapping[str, Any]) -> Markup | None:
        headline, slots = self.headline, self.slots
        rows = [
            MarkRow(
                short_name(arm["name"]),
                slots[arm["name"]],
                [_mark(arm["name"], arm["means"][headline.key])],
                (arm["means"].get(f"chance_{headline.key}") or {}).get("mean"),
            )
            for arm in table["arms"]
            if arm["means"].get(headline.key)
        ]
        return interval_plot(headline.title, rows) if rows and headline.share else None

    def _orders(self, paper: Mapping[str, Any]) -> PaperOrders:
        measure = self.measure(paper["measure"])
        about = f"There: {paper['shows']}. Here: {measure.title.lower()}. {paper['note']}".rstrip()
        rows = [
            Order(
                claim["greater"],
                claim["lesser"],
                "–" if claim["points"] is None else f"{claim['points']:.1f}",
                _difference(claim["found"], measure),
                claim["verdict"],
            )
            for claim in paper["claims"]
        ]
        return PaperOrders(paper["source"], about, rows)

    def paper_tables(self) -> list[PaperTable]:
        """Return the tables of the arms' shares as they go into a paper."""
        return [self._for_paper(table) for table in self.tables]

    def _for_paper(self, table: ArmTable) -> PaperTable:
        arms = {arm["name"]: arm for arm in self.arms}
        shares = [one for one in (table.headline, *table.others) if one.share]
        head = (*(one.label for one in shares), f"minus {table.baseline}")
        rows = tuple(
            (
                row.title,
                (
                    *(_entry(arms[row.name]["means"].get(one.key)) for one in shares),
                    _entry(arms[row.name]["minus_baseline"].get(table.headline.key)),
                ),
            )
            for row in table.rows
            if row.headline.value
        )
        note = f"mean over {counted(len(self.seeds), 'seed')}"
        return PaperTable(f"{self.title}: {table.name}, {note}", (("", len(head)),), head, rows)


def is_study(root: Path) -> bool:
    """Whether a folder is that of a study."""
    return (root / STUDY).is_file()


def read_study(root: Path) -> StudyView:
    """Return a study's tables. Raises DataError where study.json is damaged or of another program."""
    found = read_json_object(root / STUDY)
    view = StudyView(found)
    try:
        list(view.sentences())
        view.tables  # noqa: B018 - all that the page will ask of it
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(
            f"{root / STUDY} is not what retroflip writes of a study ({type(error).__name__}: {error}). The runs "
            "beside it hold all results: delete it, and start the study again, which writes it anew."
        ) from error
    return view


def _row(arm: Mapping[str, Any], headline: Measure, others: Sequence[Measure], slot: int) -> ArmRow:
    cells = arm["cells"].values()
    done = sum(_state(cell) == _DONE for cell in cells)
    failed = sum(_state(cell) == _FAILED for cell in cells)
    by_seed = [_number(cell.get(headline.key), headline) for cell in cells if _state(cell) == _DONE]
    return ArmRow(
        arm["name"],
        arm["title"],
        slot,
        f"{done} of {len(cells)}{f', {failed} failed' if failed else ''}",
        _cell(arm["means"].get(headline.key), headline),
        ", ".join(by_seed),
        _difference(arm["minus_baseline"].get(headline.key), headline),
        tuple(_cell(arm["means"].get(one.key), one) for one in others),
    )


def _has_begun(arm: Mapping[str, Any]) -> bool:
    return any(_state(cell) in (_DONE, _FAILED) for cell in arm["cells"].values())


def _state(cell: Mapping[str, Any]) -> str:
    return str(cell["state"])


def _number(value: float | None, measure: Measure) -> str:
    if value is None:
        return ""
    return percent(value) if measure.share else f"{value:.2f}"


def _cell(found: Mapping[str, Any] | None, measure: Measure) -> Cell:
    if not found:
        return Cell("")
    bounds = found["ci"]
    told = interval(_inside(bounds)) if measure.share else bounds and f"{bounds[0]:.2f} to {bounds[1]:.2f}"
    return Cell(_number(found["mean"], measure), told or "")


def _difference(found: Mapping[str, Any] | None, measure: Measure) -> Cell:
    if not found:
        return Cell("")
    bounds = found["ci"]
    if not measure.share:
        return Cell(f"{found['mean']:+.2f}", f"{bounds[0]:+.2f} to {bounds[1]:+.2f}" if bounds else "")
    return Cell(points(found["mean"]), f"{signed(bounds[0])} to {signed(bounds[1])}" if bounds else "")


def _against(found: Mapping[str, Any] | None, baseline: str, measure: Measure) -> str:
    """Return what is to be said of the lead over the baseline: its size, and whether it can be told from none."""
    if not found:
        return ""
    lead = _difference(found, measure)
    if not lead.interval:
        return f", {lead.value} against {baseline}, of one seed, which has no interval"
    low, high = found["ci"]
    verdict = "" if low > 0 or high < 0 else ", which cannot be told from no difference"
    return f", {lead.value} against {baseline} (95 % over seeds: {lead.interval}){verdict}"


def _mark(name: str, found: Mapping[str, Any]) -> Mark:
    bounds = found["ci"]
    return Mark(name, found["mean"], _inside(bounds))


def _inside(bounds: Sequence[float] | None) -> tuple[float, float] | None:
    """Return an interval of a share within 0..1, of whose ends Student's t knows nothing."""
    return (max(0.0, bounds[0]), min(1.0, bounds[1])) if bounds else None


def _entry(found: Mapping[str, Any] | None) -> Entry:
    if not found:
        return Entry(None)
    bounds = found["ci"]
    return Entry(100 * found["mean"], Interval(*(100 * bound for bound in bounds)) if bounds else None)


def curves(view: StudyView, runs: Mapping[str, Rows]) -> list[Figure]:
    """Return a chart for each measure with a title: of every arm that is drawn its mean over seeds, in a band.

    runs: rows of metrics.jsonl by SEED/ARM. The band goes from the lowest to the highest seed, over the steps that all
    seeds have.
    """
    arms = {name: name.rpartition("/")[2] for name in runs}
    shown = {name: rows for name, rows in runs.items() if arms[name] in view.drawn}
    figures = []
    for logged in LOGGED:
        for title, found in apart(logged.title, logged.key, shown, dict.fromkeys(shown, 0)):
            lines = [
                _banded(arm, view.slots[arm], [one for one in found if arms[one.name] == arm])
                for arm in view.drawn
            ]
            if there := [line for line in lines if line is not None]:
                chart = line_chart(title, there, share=logged.share)
                figures.append(Figure(title, logged.caption, chart))
    return figures


def _banded(arm: str, slot: int, seeds: Sequence[Series]) -> Series | None:
    line = line_of(arm, seeds) if seeds else None
    if line is None:
        return None
    short = short_name(arm)
    if len(seeds) == 1:
        return Series(short, slot, line.steps, line.raw)
    return Series(short, slot, line.steps, line.mean, line.low, line.high)
