"""`retroflip score` and `retroflip report`."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli.columns import ColumnMap, Columns, column_map
from retroflip.cli.terminal import AsJson, example, print_json, print_table, short_names
from retroflip.errors import UsageError

if TYPE_CHECKING:
    from retroflip.bench.metrics.base import Rate

REPORT_TITLE = b"<title>retroflip report</title>"
"""by which a report is known; it stands in the first HEAD_BYTES"""
HEAD_BYTES = 4096


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=example("retroflip score runs/base-answers runs/crpo-answers"))(score)
    app.command(epilog=example("retroflip report runs/demo --out report.html"))(report)


def score(
    directories: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR] [DIR]", help="One folder of answers, or two to compare."),
    ] = None,
    bench: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Score answers to this benchmark that somebody else recorded; docs/benchmarks.md has all names.",
        ),
    ] = None,
    root: Annotated[Path | None, typer.Option(metavar="DIR", help="The benchmark's own files.")] = None,
    recorded: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Answers in the benchmark's own format; without --bench, records with a model's 'response' each.",
        ),
    ] = None,
    columns: Columns = None,
    json: AsJson = False,
) -> None:
    """Score one model's answers, or compare two; or score answers that somebody else recorded.

    Intervals are 95 %, from a bootstrap over source clips. Two models are compared on the pairs that both answered:
    the difference of their pair accuracies with its paired interval, and an exact McNemar test.
    """
    from retroflip.bench.foreign_answers import RESPONSE
    from retroflip.bench.records import read_answers
    from retroflip.bench.score import ANSWERS, compare, score_run

    if bench is not None:
        _score_recorded(bench, root, recorded, json=json)
        return
    if recorded is not None:
        _score_foreign(recorded, column_map(columns, [RESPONSE]), json=json)
        return
    if not directories:
        raise UsageError(
            "score takes a folder of answers, two to compare, --recorded, or --bench, --root and --recorded."
        )
    if len(directories) > 2:
        raise UsageError(f"score takes one directory, or two to compare, not {len(directories)}.")
    names = short_names(directories)
    scores = {name: score_run(directory) for name, directory in zip(names, directories, strict=True)}
    if len(directories) == 1:
        if json:
            print_json(scores[names[0]])
        else:
            _print_scores(names[0], scores[names[0]])
        return
    a, b = (read_answers(directory / ANSWERS).records for directory in directories)
    difference = compare(a, b, names=(names[0], names[1]))
    if json:
        print_json({"scores": scores, "comparison": difference})
        return
    for name in names:
        _print_scores(name, scores[name])
    _print_comparison(difference)


def _score_foreign(recorded: Path, columns: ColumnMap, *, json: bool) -> None:
    from retroflip.bench.foreign_answers import read_foreign_answers
    from retroflip.bench.score import score_records

    scores = score_records(read_foreign_answers(recorded, columns))
    if json:
        print_json(scores)
    else:
        _print_scores(recorded.name, scores)


def _score_recorded(bench: str, root: Path | None, recorded: Path | None, *, json: bool) -> None:
    from retroflip.bench.benchmarks.recorded import score_recorded
    from retroflip.bench.benchmarks.registry import benchmark

    named = benchmark(bench)
    if root is None or recorded is None:
        raise UsageError(
            f"score --bench {bench} also takes --root, the folder of {named.title}'s own files "
            f"({', '.join(need.path for need in named.needs)}), and --recorded, the file of answers."
        )
    scores = score_recorded(named, named.recorded(root, recorded))
    if json:
        print_json(scores)
        return
    official, ours = scores["official"], scores["ours"]
    rates = {
        "all": "acc",
        "pairs": "p_acc",
        **{key: key for key, rate in official.items() if _is_other(key, rate)},
    }
    rows = [
        *(
            [name, *(_two_places(_measured(one, key)) for one in (official, ours))]
            for name, key in rates.items()
        ),
        *(
            [task, _two_places(rate), _two_places(ours["by_task"].get(task))]
            for task, rate in official["by_task"].items()
        ),
    ]
    print_table(f"{named.title}, per cent", ["", "official", "ours"], rows)
    differing = ", ".join(f"{count} {what}" for what, count in scores["disagreements"].items())
    print(
        f"{official['n']} answers, {official['n_pairs']} pairs; {scores['unparsed']} unparsed by ours, "
        f"{official['ungraded']} without an official grade; {differing}."
    )


def _is_other(key: str, rate: Any) -> bool:
    """Whether this is a number that the benchmark's own table has besides accuracies."""
    return isinstance(rate, float) and key not in ("acc", "p_acc")


def _measured(measures: Mapping[str, Any], key: str) -> float | None:
    """Return a number of a score, which may be one of spans or numbers."""
    parts = (measures, *(measures.get(part, {}) for part in ("grounding", "nearness")))
    return next((part[key] for part in parts if part.get(key) is not None), None)


def _two_places(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.2f}"


def report(
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folders of demo, train or generate.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page.", show_default="report.html in the first folder"),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Records of the questions that were answered, to show them."),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where their video paths start, to show the videos. Without these two, what a folder's run.json names "
            "is shown if it lies in that folder or in the one you are in.",
            show_default="the folder of --data",
        ),
    ] = None,
    columns: Columns = None,
    json: AsJson = False,
) -> None:
    """Write one HTML page about one or more runs.

    The page is one self-contained file that works offline.
    """
    from retroflip.report.build import build_report
    from retroflip.report.load import load_run_directories

    path = out or directories[0] / "report.html"
    _check_overwritable(path)
    inputs = load_run_directories(directories, data=data, root=root, columns=column_map(columns))
    build_report(path, **vars(inputs))
    if json:
        print_json({"report": str(path)})
    else:
        print(f"The report: {path}")


def _check_overwritable(path: Path) -> None:
    """Refuse to write the report over anything but an earlier one."""
    if not path.exists():
        return
    if path.is_dir():
        raise UsageError(
            f"{path} is a folder. Name the report's file: --out {shlex.quote(str(path / 'report.html'))}"
        )
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if REPORT_TITLE not in head:
        raise UsageError(
            f"{path} is there already and is no retroflip report, so it is left as it is. Name another file with --out."
        )


def print_summary(summary: Mapping[str, Any]) -> None:
    """Print what summary.json says about methods, controls and comparisons."""
    parts = (summary.get(part, {}) for part in ("methods", "controls"))
    _print_rates("Models and controls", [named for part in parts for named in part.items()])
    for comparison in summary.get("comparisons", []):
        _print_comparison(comparison)


def _print_scores(name: str, scores: Mapping[str, Any]) -> None:
    _print_rates(
        name,
        [
            (f"{scores['scored']}, all tasks", scores),
            *((f"  {task}", measured) for task, measured in scores["tasks"].items()),
            *scores["controls"].items(),
        ],
    )
    if scores["truncated"]:
        print(f"{scores['truncated']} of {scores['n_answers']} answers were cut off at the limit of tokens.")
    if scores["n_failed"]:
        print(
            f"{scores['n_failed']} questions have no answer, as their video or the call failed, and count as wrong."
        )
    if scores["n_incomplete_pairs"]:
        print(f"{scores['n_incomplete_pairs']} pairs miss a side and count as wrong.")
    if scores["outcomes"]:
        ended = ", ".join(
            f"{count} {what.replace('_', ' ')}" for what, count in scores["outcomes"].items() if count
        )
        print(f"Pairs: {ended}.")
    if scores["letters"]:
        letters = scores["letters"]["letters"].items()
        chosen = ", ".join(f"{letter} {one['chosen']} ({one['gold']} right)" for letter, one in letters)
        print(f"Letters chosen: {chosen}.")


def _print_rates(title: str, named: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Print a table for every family of metrics that was measured, and what guessing would reach on the first row."""
    from retroflip.bench.metrics import FAMILIES, metrics_of

    for family in FAMILIES:
        rows = [(name, measured) for name, measured in named if family.of(measured)]
        if not rows:
            continue
        metrics = metrics_of(family)
        cells = [
            (name, *(_rate(metric.read(measured)) for metric in metrics), family.counted(measured))
            for name, measured in rows
        ]
        print_table(family.heading or title, ("", *(metric.label for metric in metrics), family.unit), cells)
        chances = {metric.label: metric.read(rows[0][1]).chance for metric in metrics}
        known = [f"{label} {_percent(chance)}" for label, chance in chances.items() if chance is not None]
        if known:
            print(f"By chance: {', '.join(known)}.")


def _rate(rate: "Rate") -> str:
    bounds = rate.interval
    return _percent(rate.value) + (f" [{100 * bounds[0]:.1f}, {100 * bounds[1]:.1f}]" if bounds else "")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _print_comparison(difference: Mapping[str, Any]) -> None:
    a, b = difference["a"], difference["b"]
    if difference["p_acc_difference"] is None:
        print(f"{b} against {a}: no pair was answered by both.")
        return
    interval = difference["p_acc_difference_ci"]
    within = f" [{100 * interval[0]:+z.1f}, {100 * interval[1]:+z.1f}]" if interval else ""
    print(
        f"{b} against {a}: P-Acc {100 * difference['p_acc_difference']:+z.1f} points{within} on "
        f"{difference['n_pairs']} pairs; only {b} right on {difference['only_b']}, only {a} on "
        f"{difference['only_a']}; exact McNemar p = {difference['mcnemar_p']:.3g}."
    )
