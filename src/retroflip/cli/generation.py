"""`retroflip generate`: a model's answers to video questions."""

import shlex
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli.columns import ColumnMap, Columns, column_map
from retroflip.cli.model_options import AS_TRAINED, AskedModel, Conditions, Work
from retroflip.cli.option_groups import grouped
from retroflip.cli.terminal import AsJson, example, main_progress, print_json, print_table
from retroflip.data.prompt_modes import PromptMode
from retroflip.errors import DataError, OtherProcessError, UsageError, counted

if TYPE_CHECKING:
    from retroflip.bench.generate import Counts
    from retroflip.bench.job import Call, Prepared
    from retroflip.bench.sources import Sources


class Shown(StrEnum):
    """What an engine is given of a video."""

    FRAMES = "frames"
    FILE = "file"


SuiteOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Instead of --data: all benchmarks of a paper (crpo, strive, synrl) or of a YAML file, each in a folder "
        "of its name under --root, answered into one under --out.",
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say how many answers, tokens, hours and how much money it takes.")
]
PriceInOption = Annotated[
    float | None, typer.Option(min=0, help="Price of a million tokens of prompts, for --dry-run.")
]
PriceOutOption = Annotated[
    float | None, typer.Option(min=0, help="Price of a million tokens of responses, for --dry-run.")
]
DataOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Records: JSONL, JSON, CSV or Parquet.")
]
BenchOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Instead of --data: a benchmark by its name, or the folder of one that was built here.",
    ),
]
PromptOption = Annotated[
    PromptMode | None,
    typer.Option(
        help="In whose words: the benchmark's own, or ours with reasoning or without.",
        show_default=f"{AS_TRAINED}, or native for a benchmark by name and think else",
    ),
]
OutOption = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the answers; a rerun goes on in it.")]
ShowOption = Annotated[
    Shown, typer.Option(help="What a server is sent of a video: frames with their times, or its file.")
]
RootOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where video paths start; of a benchmark by name, its own files.",
        show_default="the folder of the data",
    ),
]
SamplerOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Which frames: uniform, fps, vlmevalkit, lmms-eval, qwen-vl-utils or mvbench.",
        show_default=f"{AS_TRAINED}, or uniform",
    ),
]
FpsOption = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        help="Frames per second that the sampler is asked for; --frames is then the most.",
        show_default=AS_TRAINED,
    ),
]
ControlsOption = Annotated[
    str,
    typer.Option(
        help="What the model is shown, comma-separated: full, text_only, single_frame, shuffled_frames, reversed; "
        "also oracle and random, which need no model."
    ),
]
DrawsOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="Answers to each question; several need a temperature.", show_default="the suite's, or 1"
    ),
]
TemperatureOption = Annotated[float, typer.Option(min=0, help="0 takes the likeliest token.")]


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command(epilog=example("retroflip generate --model runs/demo/crpo/model --data p.jsonl --out a"))(
        grouped(generate)
    )


def generate(
    context: typer.Context,
    *,
    asked: AskedModel,
    out: OutOption,
    data: DataOption = None,
    bench: BenchOption = None,
    suite: SuiteOption = None,
    root: RootOption = None,
    columns: Columns = None,
    prompt: PromptOption = None,
    controls: ControlsOption = "full",
    show: ShowOption = Shown.FRAMES,
    sampler: SamplerOption = None,
    fps: FpsOption = None,
    conditions: Conditions,
    draws: DrawsOption = None,
    temperature: TemperatureOption = 0.0,
    work: Work,
    dry_run: DryRunOption = False,
    price_in: PriceInOption = None,
    price_out: PriceOutOption = None,
    json: AsJson = False,
) -> None:
    """Let a model answer video questions, of a file or a benchmark.

    A model that was trained here is asked as it was trained: frames, pixels, system prompt, null option and length are
    those of its run, whose folder says so, unless an option says otherwise. Any other model is asked as a benchmark's
    own code asks. All questions about one video are asked together, and our own engine reads it once for them. A rerun
    in the same folder asks only what is not answered yet. Score the answers with `retroflip score`.
    """
    chosen = {"sampler": sampler, "fps": fps}
    flags = {name: one for name, one in chosen.items() if one is not None} | conditions.flags()
    sources = _sources(data, bench, suite, root, column_map(columns))
    preset = asked.preset()
    if not dry_run:
        work.share_among(context)
    from retroflip.bench.asking import parse_controls
    from retroflip.bench.job import Call

    names = [name.strip() for name in controls.split(",") if name.strip()]
    call = Call(
        asked.model,
        preset,
        tuple(parse_controls(names)),
        flags,
        prompt,
        temperature=temperature,
        file=show is Shown.FILE,
        **work.settings(),
    )
    call = sources.call(call, draws)
    if dry_run:
        prices = None if price_in is None and price_out is None else (price_in or 0.0, price_out or 0.0)
        _show_costs(call, sources, prices, work.processes, json=json)
    else:
        _answer(call, sources, out, json=json)


def _sources(
    data: Path | None, bench: str | None, suite: str | None, root: Path | None, columns: ColumnMap
) -> "Sources":
    from retroflip.bench.questions import bench_questions, recorded_questions
    from retroflip.bench.sources import Sources, of_suite

    if sum(one is not None for one in (data, bench, suite)) != 1:
        raise UsageError("generate takes one of --data FILE, --bench NAME and --suite NAME.")
    if data is not None:
        return Sources({"": partial(recorded_questions, data, root, columns)})
    if columns:
        raise UsageError("--columns is for --data: a benchmark's form is known.")
    if suite is not None:
        return of_suite(suite, root)
    return Sources({"": partial(bench_questions, str(bench), root)})


def _answer(call: "Call", sources: "Sources", out: Path, *, json: bool) -> None:
    """Answer everything that is asked, and say in the first process what came of it."""
    from retroflip.bench.job import prepare, run
    from retroflip.models import processes

    sources.require_all()
    processes.join()
    told = {}
    try:
        for name, read in sources.each.items():
            folder = out / name
            with main_progress() as progress:
                progress.stage(f"reading {name or 'the questions'}", 0, "")
                prepared = prepare(call, read())
                counts = run(call, prepared, folder, progress)
            told[name] = _told(counts, folder, prepared)
            if processes.is_main() and not json:
                _print_answers(counts, folder, prepared)
    except OtherProcessError as error:
        raise typer.Exit(error.exit_code) from error
    processes.leave()
    if processes.is_main() and json:
        print_json(told.get("", {"benchmarks": told}))


def _show_costs(
    call: "Call", sources: "Sources", prices: tuple[float, float] | None, processes: int, *, json: bool
) -> None:
    from retroflip.bench.job import costs, prepare
    from retroflip.inference.registry import require_known

    if call.preset.engine is not None:
        require_known(call.preset.engine)
    found: dict[str, Any] = {}
    for name, read in sources.each.items():
        try:
            found[name] = costs(call, prepare(call, read()), prices, processes)
        except (DataError, UsageError) as error:
            if "" in sources.each:
                raise
            found[name] = {"missing": str(error)}
    if json:
        print_json(found.get("", {"benchmarks": found}))
    else:
        for name, one in found.items():
            _print_costs(name or call.known_as, one)
    if all("missing" in one for one in found.values()):
        raise DataError(
            f"No benchmark of the suite can be asked, of {len(found)} ({', '.join(found)}). Name with --root the "
            "folder that has one for each, or put their files there; retroflip bench check NAME says what it must hold."
        )


def _print_costs(name: str, cost: Mapping[str, Any]) -> None:
    if "missing" in cost:
        print(f"{name}: cannot be asked: {cost['missing']}")
        return
    rows = [
        (control, str(load["answers"]), f"{load['read']:,}", f"{load['sent']:,}", f"{load['written']:,}")
        for control, load in cost["controls"].items()
    ]
    print_table(name, ("", "answers", "tokens read", "tokens sent", "written at most"), rows)
    print(
        f"{counted(cost['questions'], 'question')} about {counted(cost['videos'], 'video')}, prompt mode "
        f"{cost['prompt']}: some {cost['tokens_per_video']} tokens a video, {cost['tokens_per_question']} a question."
    )
    if cost["note"]:
        print(cost["note"])
    if cost["hours_at_most"] is not None:
        assumed = ", ".join(f"{name} {value:g}" for name, value in cost["assumes"].items())
        print(f"At most {cost['hours_at_most']:g} hours, with {assumed}.")
    if cost["money_at_most"] is not None:
        print(f"At most {cost['money_at_most']:.2f} by these prices.")


def _told(counts: "Counts", out: Path, prepared: "Prepared") -> dict[str, Any]:
    from retroflip.data.record_notes import NOTES, named

    noted = len(named(out / NOTES))
    mode, conditions = prepared.manner
    asked: dict[str, Any] = {"prompt": mode.value, "conditions": conditions.described()}
    if prepared.questions.left_out:
        asked["left_out"] = dict(prepared.questions.left_out)
    return {"out": str(out), **counts._asdict(), "noted": noted, **asked}


def _print_answers(counts: "Counts", out: Path, prepared: "Prepared") -> None:
    from retroflip.data.record_notes import NOTES

    noted = _told(counts, out, prepared)["noted"]
    mode, conditions = prepared.manner
    answers = counted(counts.answers, "answer")
    print(
        f"{answers} in {out}, {counts.truncated} of them cut off at {counted(conditions.max_tokens, 'token')}."
    )
    if prepared.questions.note:
        print(prepared.questions.note)
    print(f"Asked in the prompt mode {mode.value}, {conditions.told()}.")
    if counts.failed:
        print(
            f"Questions that miss an answer: {counts.failed}; answers.jsonl and failures.jsonl in {out} say why."
        )
    if noted:
        print(f"Videos whose times the model is not told as they are: {noted}; see {out / NOTES}.")
    print(f"Score them with: {shlex.join(['retroflip', 'score', str(out)])}")
