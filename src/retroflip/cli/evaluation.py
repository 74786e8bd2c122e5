"""`retroflip score` and `retroflip report`."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from retroflip.cli.columns import ColumnMap, Columns, column_map
from retroflip.cli.scores import (
    Resamples,
    print_comparison,
    print_official,
    print_scores,
    print_side_by_side,
    print_suite,
)
from retroflip.cli.terminal import AsJson, by_name, example, print_json
from retroflip.data.intervals import RESAMPLES
from retroflip.errors import UsageError, counted
from retroflip.files.memory import uncollected

REPORT_TITLE = b"<title>retroflip report</title>"
"""by which a report is known; it stands in the first HEAD_BYTES"""
HEAD_BYTES = 4096


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=example("retroflip score runs/base-answers runs/crpo-answers"))(score)
    app.command(epilog=example("retroflip report runs/demo --out report.html"))(report)


@uncollected()
def score(
    directories: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR]...", help="Folders of answers, any number of them."),
    ] = None,
    bench: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Score answers to this benchmark that somebody else recorded; docs/benchmarks.md has all names. Or "
            "the folder of one that was built here, as lmms-eval logs its exported task.",
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The benchmark's own files.",
            show_default="of a folder of answers, where they were when it was asked",
        ),
    ] = None,
    recorded: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Answers in the benchmark's own format; without --bench, records with a model's 'response' each.",
        ),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Score folders of `generate --suite` as the paper's table: crpo, strive, synrl.",
        ),
    ] = None,
    columns: Columns = None,
    resamples: Resamples = RESAMPLES,
    json: AsJson = False,
) -> None:
    """Score folders of answers, each on its own; or score answers that somebody else recorded.

    Intervals are 95 %, from a bootstrap over source clips. Two folders are also compared on the pairs that both
    answered: the difference of their pair accuracies with its paired interval, and an exact McNemar test.
    `retroflip compare` sets any number of models against each other.
    """
    from retroflip.bench.foreign_answers import RESPONSE

    _check_score(directories or [], recorded, columns, named=bench is not None or suite is not None)
    if suite is not None:
        _score_suite(suite, directories or [], root, json=json)
        return
    if bench is not None:
        _score_recorded(bench, root, recorded, json=json)
        return
    if recorded is not None:
        _score_foreign(recorded, column_map(columns, [RESPONSE]), resamples, json=json)
        return
    _score_folders(by_name(directories or []), root, resamples, json=json)


def _check_score(
    directories: Sequence[Path], recorded: Path | None, columns: Sequence[str] | None, *, named: bool
) -> None:
    """Raise UsageError for options of which one would be left out. named: whether a benchmark or suite is."""
    if recorded is not None and directories:
        raise UsageError(
            f"score takes folders of answers or --recorded, not both: {directories[0]} would be left out. Score one "
            "after the other."
        )
    if columns and (recorded is None or named):
        raise UsageError("--columns is for --recorded without --bench: the form of everything else is known.")


def _score_folders(folders: Mapping[str, Path], root: Path | None, resamples: int, *, json: bool) -> None:
    """Score every folder; two are compared as well."""
    from retroflip.bench.score import compare, counted_answers, score_run

    if not folders:
        raise UsageError(
            "score takes folders of answers, or --recorded, or --bench, --root and --recorded together."
        )
    scores, kept = {}, {}
    for name, folder in folders.items():
        counted = counted_answers(folder, root)
        scores[name] = score_run(folder, root, resamples=resamples, counted=counted)
        if len(folders) == 2:
            kept[name] = counted.read
    difference = None
    if kept:
        a, b = kept
        difference = compare(kept[a], kept[b], names=(a, b), resamples=resamples)
    if json:
        several = {"scores": scores, **({"comparison": difference} if difference else {})}
        print_json(several if len(folders) > 1 else next(iter(scores.values())))
        return
    for name, found in scores.items():
        print_scores(name, found)
    if difference:
        print_comparison(difference)
    elif len(folders) > 1:
        print_side_by_side(scores)


def _score_foreign(recorded: Path, columns: ColumnMap, resamples: int, *, json: bool) -> None:
    from retroflip.bench.foreign_answers import read_foreign_answers
    from retroflip.bench.score import score_records

    scores = score_records(read_foreign_answers(recorded, columns), resamples=resamples)
    if json:
        print_json(scores)
    else:
        print_scores(recorded.name, scores)


def _score_suite(name: str, directories: list[Path], root: Path | None, *, json: bool) -> None:
    from retroflip.bench.suite import read_suite
    from retroflip.bench.suite_score import score_suite

    suite = read_suite(name)
    if not directories:
        raise UsageError(f"score --suite {name} takes a folder or several, each with one for each benchmark.")
    folders = by_name(directories)
    scores = {named: score_suite(suite, folder, root) for named, folder in folders.items()}
    if json:
        print_json({"scores": scores} if len(folders) > 1 else next(iter(scores.values())))
        return
    for named, found in scores.items():
        print_suite(found, of=named if len(folders) > 1 else "")


def _score_recorded(bench: str, root: Path | None, recorded: Path | None, *, json: bool) -> None:
    from retroflip.bench.benchmarks.built import built, is_built
    from retroflip.bench.benchmarks.recorded import score_file
    from retroflip.bench.benchmarks.registry import benchmark

    named, root = (built(bench), root or Path(bench)) if is_built(bench) else (benchmark(bench), root)
    if root is None or recorded is None:
        raise UsageError(
            f"score --bench {bench} also takes --root, the folder of {named.title}'s own files "
            f"({', '.join(need.path for need in named.needs)}), and --recorded, the file of answers."
        )
    scores = score_file(named, root, recorded)
    if json:
        print_json(scores)
        return
    print_official(named.title, scores)


def report(
    directories: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Folders of demo, train or generate, or one of study."),
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
    figures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Also write the papers' figures of training as PNG and PDF, and the scores as tables in Markdown and "
            "LaTeX, into this folder. Needs the extra figures.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Write one HTML page about one or more runs, or about a study with all its arms and seeds.

    The page is one self-contained file that works offline: tables with intervals, controls, curves, pairs with the
    frames that models were shown and their answers, and how all of it was made.
    """
    from retroflip.report.build import report_inputs
    from retroflip.report.figures import require_matplotlib, write_figures
    from retroflip.report.load import load_run_directories
    from retroflip.report.swept import swept

    path = out or directories[0] / "report.html"
    _check_overwritable(path)
    if figures is not None:
        require_matplotlib()
    inputs = load_run_directories(directories, data=data, root=root, columns=column_map(columns))
    report_inputs(inputs, path)
    tables = inputs.study.paper_tables() if inputs.study else ()
    panels = swept(inputs.summary, inputs.sources, inputs.study)
    drawn = figures and write_figures(figures, inputs.summary, inputs.runs, inputs.settings, tables, panels)
    if json:
        print_json({"report": str(path), **({"figures": vars(drawn)} if drawn else {})})
        return
    print(f"The report: {path}")
    if drawn:
        for one in drawn.left_out:
            print(f"Left out: {one}.")
        print(f"{counted(len(drawn.files), 'file')} of figures and tables: {figures}")


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
