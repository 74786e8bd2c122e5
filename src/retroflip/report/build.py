"""`report.html`: one file that opens anywhere, offline, and holds what a run did and whether it helped.

The page is rendered by jinja2 with autoescape on; its one script is named by its hash in the page's own
content security policy, so nothing that a model or a data set wrote can run, and nothing is fetched from a
network.
"""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from retroflip.bench import metrics
from retroflip.bench.metrics.answers import UNPARSED
from retroflip.bench.metrics.base import ANSWERS, GROUPS
from retroflip.bench.metrics.grounding import GROUNDING
from retroflip.bench.metrics.training import Rows
from retroflip.files.storage import jsonable, write_text_atomic
from retroflip.report import sentences, tables
from retroflip.report.cards import Sources, cards
from retroflip.report.charts import interval_plot
from retroflip.report.clips import Clip, Strip, inline_clip, inline_strip
from retroflip.report.curves import Figure, main_figures, other_figures
from retroflip.report.learned import nothing_learned
from retroflip.report.load import ReportInputs, load_run_directories
from retroflip.report.pairs import Outcome, PairView, Seen, outcome_counts, select_pairs
from retroflip.report.studies import StudyView, curves
from retroflip.train.task_types import LAST_STEPS
from retroflip.video.take import Take

MAX_PAIRS = 12
MAX_CLIP_CHARACTERS = 12_000_000
"""of all clips in one page; pairs beyond it are shown without their videos"""
MAX_RESPONSE = 4_000
"""characters of a response that are shown; an endless repetition would fill the page"""
MAX_FAILURES = 200
_DROPPED = Clip(None, "Left out to keep this page small.")


class Shown(NamedTuple):
    """The frames of both videos that some models were shown."""

    models: tuple[str, ...]
    strips: tuple[Strip, Strip]


@dataclass(frozen=True)
class Card:
    """A pair as the page shows it."""

    pair: PairView
    clips: tuple[Clip, Clip]
    shown: Sequence[Shown] = ()

    @property
    def same(self) -> bool:
        """Whether some model gave both videos one answer."""
        return any(map(self.pair.same, self.pair.models))


def report_directories(directories: Sequence[Path], out: Path, *, max_pairs: int = MAX_PAIRS) -> Path:
    """Write the report of one or more run directories to the file `out` and return it.

    Raises UsageError and DataError as `load_run_directories` does.
    """
    return report_inputs(load_run_directories(directories), out, max_pairs=max_pairs)


def report_inputs(inputs: ReportInputs, out: Path, *, max_pairs: int = MAX_PAIRS) -> Path:
    """Write the report of what was loaded to the file `out` and return it."""
    return build_report(
        out,
        summary=inputs.summary,
        runs=inputs.runs,
        pairs=inputs.pairs,
        failures=inputs.failures,
        provenance=inputs.provenance,
        max_pairs=max_pairs,
        study=inputs.study,
        sources=inputs.sources,
    )


def build_report(
    out: Path,
    *,
    summary: Mapping[str, Any],
    runs: Mapping[str, Rows],
    pairs: Sequence[PairView],
    failures: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Any],
    max_pairs: int = MAX_PAIRS,
    study: StudyView | None = None,
    sources: Sources | None = None,
) -> Path:
    """Write the report to `out`, atomically, and return it. Equal inputs give equal bytes.

    summary: as summary.json; a missing part is left out of the page. runs: rows of metrics.jsonl by method.
    pairs: all pairs; up to `max_pairs` are chosen. failures: rows with path, error, message. provenance: any
    nesting of names and values. study: a study's tables, where the page is about one. sources: what cards are made of.
    """
    summary = {"methods": {}, "controls": {}, "comparisons": [], "failures": {}, "unlike": "", **summary}
    names = [*summary["methods"], *(name for name in runs if name not in summary["methods"])]
    slots = study.slots if study else tables.slots_of(names)
    page = _environment().get_template("report.html.j2")
    out.parent.mkdir(parents=True, exist_ok=True)
    parts = {
        **_assets(),
        **_results(summary, runs, slots),
        **(_of_study(study, runs) if study else {"study": None, **_training(runs, slots)}),
        "made": cards(sources or Sources()),
        **_browser(pairs, slots, max_pairs),
        **_failures(summary, failures),
        "provenance": _flat(provenance),
        "provenance_json": json.dumps(jsonable(provenance), indent=2, ensure_ascii=False, default=str),
    }
    write_text_atomic(out, page.render(parts))
    return out


FAMILY_NOTES = {
    GROUPS.heading: "A question of a group that is missing or failed is wrong.",
    GROUNDING.heading: "An answer without a readable span overlaps nothing, and counts.",
}
"""what is said below a table, by its heading"""


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("retroflip.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=sentences.percent,
        signed=sentences.signed,
        interval=sentences.interval,
        p_value=sentences.p_value,
        plain=tables.plain,
        short_name=sentences.short_name,
        clipped=_clipped,
    )
    return environment


def _assets() -> dict[str, Any]:
    folder = files("retroflip.report") / "templates"
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    # Both are this package's own files, not data: they go into the page as they are.
    return {"style": Markup(style), "script": Markup(script), "script_hash": digest}  # noqa: S704


def _results(
    summary: Mapping[str, Any], runs: Mapping[str, Rows], slots: Mapping[str, int]
) -> dict[str, Any]:
    methods = summary["methods"]
    return {
        "headline": sentences.headline(summary, runs),
        "checks": sentences.checks(summary),
        "methods": list(methods),
        "seeing": list(tables.seeing(methods)),
        "plots": _plots(summary, slots),
        "handicaps": tables.handicaps_shown(summary),
        "answers": tables.table_of(ANSWERS, summary, slots),
        "families": {
            family.heading: tables.table_of(family, summary, slots)
            for family in metrics.FAMILIES
            if family.heading
        },
        "family_notes": FAMILY_NOTES,
        "task_rows": tables.task_rows(methods),
        "comparisons": summary["comparisons"],
        "unlike": summary["unlike"],
    }


def _plots(summary: Mapping[str, Any], slots: Mapping[str, int]) -> list[Figure]:
    figures = []
    for metric in metrics.METRICS:
        rows = tables.plot_rows(summary, metric, slots) if metric.charted else []
        if rows:
            figures.append(Figure(metric.title, metric.caption, interval_plot(metric.title, rows)))
    return figures


def _training(runs: Mapping[str, Rows], slots: Mapping[str, int]) -> dict[str, Any]:
    named = {sentences.short_name(name): rows for name, rows in runs.items()}
    named_slots = {sentences.short_name(name): slots[name] for name in runs}
    return {
        "figures": main_figures(named, named_slots),
        "other_figures": other_figures(named, named_slots),
        "type_rows": tables.type_rows(runs),
        "last_steps": LAST_STEPS,
    }


def _of_study(study: StudyView, runs: Mapping[str, Rows]) -> dict[str, Any]:
    """Return what a study's page has in place of one run's or an experiment's."""
    idle = [name for name, rows in runs.items() if nothing_learned(rows)]
    told = [f"{', '.join(idle)} learned nothing; each run's own report says why."] if idle else []
    return {
        "study": study,
        "headline": [*study.sentences(), *told],
        "figures": curves(study, runs),
        "other_figures": [],
        "type_rows": [],
        "last_steps": LAST_STEPS,
    }


def _browser(pairs: Sequence[PairView], slots: Mapping[str, int], count: int) -> dict[str, Any]:
    has_before = any(pair.before is not None for pair in pairs)
    counts = outcome_counts(pairs)
    # Where training can be judged, "0 are broken" is news; elsewhere only what there is counts.
    shown = [one for one in Outcome if counts[one] or (has_before and one is not Outcome.SPLIT)]
    chosen: list[Card] = []
    used = 0
    for pair in select_pairs(pairs, count):
        first, second = pair.sides
        clips = (inline_clip(first.video, first.window), inline_clip(second.video, second.window))
        strips = [_shown(pair, seen, models) for seen, models in pair.seen.items()]
        more = sum(clip.bytes for clip in clips) + sum(strip.bytes for one in strips for strip in one.strips)
        if used + more > MAX_CLIP_CHARACTERS:
            clips, strips, more = (_DROPPED, _DROPPED), [], 0
        used += more
        chosen.append(Card(pair, clips, strips))
    return {
        "cards": chosen,
        "same": _same_answers(pairs),
        "n_pairs": len(pairs),
        "outcomes": {outcome: counts[outcome] for outcome in shown},
        "tasks": sorted({card.pair.task for card in chosen}),
        "slots": slots,
        "has_before": has_before,
    }


def _shown(pair: PairView, seen: Seen, models: tuple[str, ...]) -> Shown:
    first, second = (
        inline_strip(side.video, Take(seen.frames, side.window, seen.sampler)) for side in pair.sides
    )
    return Shown(models, (first, second))


def _same_answers(pairs: Sequence[PairView]) -> list[tuple[str, int, int]]:
    """Return of every model how many of its pairs got one readable answer twice, and how many it was asked."""
    asked = Counter(model for pair in pairs for model in pair.models)
    same = Counter(model for pair in pairs for model in pair.models if pair.same(model))
    return [(model, same[model], count) for model, count in asked.items()]


def _failures(summary: Mapping[str, Any], failures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "failures": failures[:MAX_FAILURES],
        "n_failures": len(failures),
        "failure_counts": _flat(summary["failures"]),
        "unread": {
            name: {
                "unparsed": UNPARSED.read(measures).value,
                "truncated": measures.get("truncated"),
                "incomplete": measures.get("n_incomplete_pairs"),
                "answers": measures.get("n_answers"),
            }
            for name, measures in tables.seeing(summary["methods"]).items()
        },
    }


def _flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested settings as (dotted name, text) pairs, in their order."""
    rows: list[tuple[str, str]] = []
    for name, item in value.items():
        key = f"{prefix}{name}"
        if isinstance(item, Mapping) and item:
            rows += _flat(item, f"{key} · ")
        else:
            text = (
                item if isinstance(item, str) else json.dumps(jsonable(item), ensure_ascii=False, default=str)
            )
            rows.append((key, text))
    return rows


def _clipped(text: str) -> str:
    if len(text) <= MAX_RESPONSE:
        return text
    return f"{text[:MAX_RESPONSE]}\n… {len(text) - MAX_RESPONSE} more characters"
