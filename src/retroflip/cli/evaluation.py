"""`retroflip score` and `retroflip report`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retroflip.cli.columns import ColumnMap, Columns, column_map
from retroflip.cli.scores import print_comparison, print_official, print_scores, print_suite
from retroflip.cli.terminal import AsJson, example, print_json, short_names
from retroflip.errors import UsageError, counted

if TYPE_CHECKING:
    pass

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
            help="Score a folder of `generate --suite` as the paper's table: crpo, strive, synrl.",
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

    if suite is not None:
        _score_suite(suite, directories or [], root, json=json)
        return
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
    scores = {name: score_run(directory, root) for name, directory in zip(names, directories, strict=True)}
    if len(directories) == 1:
        if json:
            print_json(scores[names[0]])
        else:
            print_scores(names[0], scores[names[0]])
        return
    a, b = (read_answers(directory / ANSWERS).records for directory in directories)
    difference = compare(a, b, names=(names[0], names[1]))
    if json:
        print_json({"scores": scores, "comparison": difference})
        return
    for name in names:
        print_scores(name, scores[name])
    print_comparison(difference)


def _score_foreign(recorded: Path, columns: ColumnMap, *, json: bool) -> None:
    from retroflip.bench.foreign_answers import read_foreign_answers
    from retroflip.bench.score import score_records

    scores = score_records(read_foreign_answers(recorded, columns))
    if json:
        print_json(scores)
    else:
        print_scores(recorded.name, scores)


def _score_suite(name: str, directories: list[Path], root: Path | None, *, json: bool) -> None:
    from retroflip.bench.suite import read_suite
    from retroflip.bench.suite_score import score_suite

    suite = read_suite(name)
    if len(directories) != 1:
        raise UsageError(f"score --suite {name} takes one folder, which holds one for each benchmark.")
    scores = score_suite(suite, directories[0], root)
    if json:
        print_json(scores)
    else:
        print_suite(scores)


def _score_recorded(bench: str, root: Path | None, recorded: Path | None, *, json: bool) -> None:
    from retroflip.bench.benchmarks.built import built, is_built
    from retroflip.bench.benchmarks.recorded import score_recorded
    from retroflip.bench.benchmarks.registry import benchmark

    named, root = (built(bench), root or Path(bench)) if is_built(bench) else (benchmark(bench), root)
    if root is None or recorded is None:
        raise UsageError(
            f"score --bench {bench} also takes --root, the folder of {named.title}'s own files "
            f"({', '.join(need.path for need in named.needs)}), and --recorded, the file of answers."
        )
    scores = score_recorded(named, named.recorded(root, recorded))
    if json:
        print_json(scores)
        return
    print_official(named.title, scores)


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
    """Write one HTML page about one or more runs.

    The page is one self-contained file that works offline.
    """
    from retroflip.report.build import report_inputs
    from retroflip.report.figures import require_matplotlib, write_figures
    from retroflip.report.load import load_run_directories

    path = out or directories[0] / "report.html"
    _check_overwritable(path)
    if figures is not None:
        require_matplotlib()
    inputs = load_run_directories(directories, data=data, root=root, columns=column_map(columns))
    report_inputs(inputs, path)
    drawn = figures and write_figures(figures, inputs.summary, inputs.runs, inputs.settings)
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
