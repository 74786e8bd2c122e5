"""`retroflip filter`: which questions a model gets right at times."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli.columns import Columns, RecordsArgument, RootOption, column_map
from retroflip.cli.model_options import AskedModel, Conditions, Work
from retroflip.cli.option_groups import grouped
from retroflip.cli.terminal import (
    AsJson,
    check_is_new,
    example,
    main_progress,
    print_json,
    print_table,
)
from retroflip.cli.workers import EngineName, engine_of
from retroflip.errors import OtherProcessError, counted

if TYPE_CHECKING:
    from retroflip.bench.filter import Bounds, Filtered
    from retroflip.bench.job import Call

_SHOWN = 12

KeptOption = Annotated[Path, typer.Option(metavar="FILE", help="New file of the records that are kept.")]
SeveralDrawsOption = Annotated[int, typer.Option(min=1, help="Answers to each question.")]
LeastOption = Annotated[
    float | None,
    typer.Option("--min", min=0, max=1, help="Least pass rate that is kept.", show_default="more than 0"),
]
MostOption = Annotated[
    float | None,
    typer.Option("--max", min=0, max=1, help="Largest pass rate that is kept.", show_default="less than 1"),
]
AnswersOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Folder of the model's answers.", show_default="FILE.answers beside --out"
    ),
]
PlaceOption = Annotated[
    EngineName,
    typer.Option(help="Where the processes run: here, or on a Ray cluster whose machines share the folders."),
]
DrawnTemperatureOption = Annotated[float, typer.Option(min=0.01, help="At which answers are drawn.")]


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    command = (
        "retroflip filter video-r1.jsonl --model Qwen/Qwen3-VL-4B-Instruct --out kept.jsonl --root media"
    )
    app.command("filter", epilog=example(command))(grouped(filter_))


def filter_(
    context: typer.Context,
    *,
    file: RecordsArgument,
    asked: AskedModel,
    out: KeptOption,
    root: RootOption = None,
    columns: Columns = None,
    draws: SeveralDrawsOption = 8,
    least: LeastOption = None,
    most: MostOption = None,
    answers: AnswersOption = None,
    temperature: DrawnTemperatureOption = 1.0,
    conditions: Conditions,
    work: Work,
    on: PlaceOption = EngineName.LOCAL,
    json: AsJson = False,
) -> None:
    """Keep the questions that a model gets neither always right nor always wrong.

    Each is asked several times, by any engine of `generate`. The new file has the share of right answers on every
    record (pass_rate), by which a mixture's curriculum goes; answers that earn by nearness count with what they earn.
    What is not kept is listed in OUT.rejects.jsonl with its reason. The same command goes on where it stopped.
    """
    from retroflip.bench.filter import Bounds

    bounds = Bounds(least, most)
    bounds.check()
    check_is_new(out, file)
    preset = asked.preset()
    if on is EngineName.LOCAL:
        work.share_among(context)
    from retroflip.bench.job import Call

    flags = conditions.flags()
    call = Call(asked.model, preset, flags=flags, draws=draws, temperature=temperature, **work.settings())
    folder = answers or out.with_name(f"{out.name}.answers")
    data = (file, root, column_map(columns))
    done = (
        _filtered(call, data, folder, out, bounds)
        if on is EngineName.LOCAL
        else _filtered_on_ray(call, data, folder, out, bounds, work.processes)
    )
    if done is not None:
        _report(done, out, folder, json=json)


def _filtered(
    call: "Call", data: tuple[Path, Path | None, dict[str, Any]], answers: Path, out: Path, bounds: "Bounds"
) -> "Filtered | None":
    """Ask, and write what is kept in the first process; None in the others."""
    from retroflip.bench.filter import write_filtered
    from retroflip.bench.job import prepare, run
    from retroflip.bench.questions import recorded_questions
    from retroflip.data.sample import Modality
    from retroflip.models import processes

    file, root, columns = data
    processes.join()
    try:
        with main_progress() as progress:
            progress.stage("reading the questions", 0, "")
            questions = recorded_questions(file, root, columns, tuple(Modality))
            run(call, prepare(call, questions), answers, progress)
            is_first = processes.is_main()
            done = (
                write_filtered(file, [answers], out, bounds, call.draws, progress, columns)
                if is_first
                else None
            )
    except OtherProcessError as error:
        raise typer.Exit(error.exit_code) from error
    processes.leave()
    return done


def _filtered_on_ray(
    call: "Call",
    data: tuple[Path, Path | None, dict[str, Any]],
    answers: Path,
    out: Path,
    bounds: "Bounds",
    count: int,
) -> "Filtered":
    """Ask in `count` shares on a Ray cluster, and write what is kept."""
    from dataclasses import replace

    from retroflip.bench.filter import write_filtered
    from retroflip.bench.filter_shares import ask_in_shares

    model = Path(call.preset.model)
    if model.is_dir():
        call = replace(call, preset=replace(call.preset, model=str(model.absolute())))
    with main_progress() as progress:
        folders = ask_in_shares(call, data, answers, count, engine_of(EngineName.RAY, gpus=True), progress)
        return write_filtered(data[0], folders, out, bounds, call.draws, progress, data[2])


def _report(done: "Filtered", out: Path, answers: Path, *, json: bool) -> None:
    from retroflip.bench.filter import KEPT, rejects_of

    found = done.as_json()
    if json:
        print_json({"out": out, "rejects": rejects_of(out), "answers": answers, **found})
        return
    rows = [[name, str(count)] for name, count in list(found["pass_rates"].items())[:_SHOWN]]
    print_table("Pass rate", ["", "records"], rows)
    for verdict, count in done.verdicts.most_common():
        print(f"{counted(count, 'record')}: {verdict}")
    if done.truncated:
        print(
            f"{counted(done.truncated, 'answer')} cut off at the limit of tokens count as what they say until there."
        )
    print(f"{counted(done.verdicts[KEPT], 'record')} kept: {out}. The others: {rejects_of(out)}")
