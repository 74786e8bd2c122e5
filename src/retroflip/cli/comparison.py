"""`retroflip compare`: several models side by side, in tables as papers print them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from retroflip.cli.scores import Resamples
from retroflip.cli.terminal import AsJson, by_name, example, print_json
from retroflip.data.intervals import RESAMPLES
from retroflip.errors import UsageError, counted
from retroflip.files.markdown import cell
from retroflip.files.memory import uncollected


class Form(StrEnum):
    """What a comparison is written as."""

    MARKDOWN = "markdown"
    LATEX = "latex"
    HTML = "html"


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command(epilog=example("retroflip compare runs/base-answers runs/crpo-answers --form latex"))(compare)


@uncollected()
def compare(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR DIR...", help="Folders of answers.")],
    form: Annotated[Form, typer.Option(help="What the tables are written as.")] = Form.MARKDOWN,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write to this file.")] = None,
    resamples: Resamples = RESAMPLES,
    json: AsJson = False,
) -> None:
    """Put the answers of several models side by side: all questions, handicapped inputs, tasks.

    Models that were asked other questions, with other frames or another null option, are named below the first table.
    Every two models are compared on the pairs that both answered, by an exact McNemar test, with p-values adjusted for
    the number of comparisons (Holm) and the smallest difference that so many pairs could have shown.
    """
    from retroflip.bench.comparison import compare_runs, tables
    from retroflip.bench.rendering import latex, markdown, web
    from retroflip.bench.score import counted_answers
    from retroflip.files.storage import write_text_atomic

    if len(directories) < 2:
        raise UsageError("compare takes two folders of answers or more; retroflip score tells of one.")
    folders = by_name(directories)
    counted = {name: counted_answers(one) for name, one in folders.items()}
    answers = {name: one.read for name, one in counted.items()}
    found = compare_runs(answers, {name: one.settings for name, one in counted.items()}, resamples=resamples)
    if json:
        print_json(found)
        return
    made = {table.title: table for table in tables(found["scores"], found["unlike"])}
    if form is Form.HTML:
        text = web(made)
    else:
        render = {Form.MARKDOWN: markdown, Form.LATEX: latex}[form]
        text = "\n".join(render(table) for table in made.values())
    if form is Form.MARKDOWN:
        text += "\n" + "".join(f"{_sentence(one)}\n" for one in found["comparisons"])
    if out is None:
        print(text, end="")
        return
    write_text_atomic(out, text)
    print(f"{len(made)} tables: {out}")


def _sentence(one: dict[str, Any]) -> str:
    a, b = cell(one["a"]), cell(one["b"])
    if one["not_compared"]:
        return f"- {b} minus {a}: not compared, since {cell(one['not_compared'])}."
    low, high = (100 * bound for bound in one["p_acc_difference_ci"])
    return (
        f"- {b} minus {a}: P-Acc {100 * one['p_acc_difference']:+.1f} [{low:+.1f}, {high:+.1f}] over "
        f"{counted(one['n_pairs'], 'pair')}; McNemar p = {one['mcnemar_p']:.2g}, by Holm {one['holm_p']:.2g}; "
        f"{100 * one['detectable']:.1f} points would have been found four times in five."
    )
