"""`retroflip generate`: a model's answers to video questions."""

import shlex
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli.columns import ColumnMap, Columns, column_map
from retroflip.cli.quiet import quiet
from retroflip.cli.terminal import ARGUMENTS, AsJson, example, main_progress, print_json, print_table
from retroflip.data.prompt_modes import PromptMode
from retroflip.errors import DataError, OtherProcessError, UsageError, counted
from retroflip.video.budget import pixel_count

if TYPE_CHECKING:
    from retroflip.bench.generate import Counts
    from retroflip.bench.job import Call, Prepared
    from retroflip.bench.presets import Preset
    from retroflip.bench.sources import Sources

BUILT_IN = "built-in"
_AS_TRAINED = "as in the model's run"


def _pixels(purpose: str) -> Any:
    """Return an option that takes a number of pixels, or a product of numbers."""
    return typer.Option(
        metavar="N", parser=_pixel_count, help=purpose, show_default=f"{_AS_TRAINED}, or its processor's"
    )


def _pixel_count(text: str) -> int:
    count = pixel_count(text)
    if not isinstance(count, int) or count < 1:
        raise typer.BadParameter(f"{text!r} is no number of pixels, such as 200704 or 256x28x28.")
    return count


class Shown(StrEnum):
    """What an engine is given of a video."""

    FRAMES = "frames"
    FILE = "file"


class NumberType(StrEnum):
    """The type of a model's weights."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


ModelOption = Annotated[
    str,
    typer.Option(
        metavar="M",
        help="A preset's name (`retroflip bench models` lists them), a hub name, a directory, or its name on a server.",
    ),
]
PresetsOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="YAML of presets of your own, which go before the shipped ones."),
]
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
ProcessesOption = Annotated[
    int,
    typer.Option(min=1, help="Processes that share the videos, each with a GPU where there are several."),
]
DataOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Records, JSONL or JSON.")]
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
        show_default=f"{_AS_TRAINED}, or native for a benchmark by name and think else",
    ),
]
OutOption = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the answers; a rerun goes on in it.")]
EngineOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What runs the model: ours, transformers, text, vllm or openai.",
        show_default="openai with --endpoint, else ours for known families and transformers for others",
    ),
]
EndpointOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="An OpenAI-compatible server: http://localhost:8000/v1."),
]
KeyVariableOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Environment variable that holds the server's key."),
]
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
FramesOption = Annotated[
    int | None, typer.Option(min=1, help="Frames per video.", show_default=f"{_AS_TRAINED}, or 8")
]
SamplerOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Which frames: uniform, fps, vlmevalkit, lmms-eval or qwen-vl-utils.",
        show_default=f"{_AS_TRAINED}, or uniform",
    ),
]
FpsOption = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        help="Frames per second that the sampler is asked for; --frames is then the most.",
        show_default=_AS_TRAINED,
    ),
]
MinPixelsOption = Annotated[
    int | None,
    _pixels("Pixels to which smaller frames and images are enlarged; 16x32x32 is a number too."),
]
MaxPixelsOption = Annotated[int | None, _pixels("Pixels to which larger ones are shrunk.")]
TotalPixelsOption = Annotated[
    int | None, _pixels("Pixels that a video's frames share, two merged ones counted once.")
]
SystemPromptOption = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", help=f"What stands before every question; {BUILT_IN!r} for retroflip's own words."
    ),
]
MaxTokensOption = Annotated[
    int | None,
    typer.Option(min=1, help="Tokens at which an answer is cut off.", show_default=f"{_AS_TRAINED}, or 512"),
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
BatchSizeOption = Annotated[
    str,
    typer.Option(
        metavar="N",
        help="Videos asked about at once, each with all its questions, or calls of a server; changes no answer. auto "
        "takes as many as memory holds and as are faster together.",
    ),
]
NullOptionOption = Annotated[
    bool | None,
    typer.Option(
        "--null-option/--no-null-option",
        help='Append "None of the above" to the options.',
        show_default=f"no-null-option; for --data {_AS_TRAINED}",
    ),
]
SeedOption = Annotated[
    int, typer.Option(min=0, help="Draws single frames, shuffles, random and sampled answers.")
]
DtypeOption = Annotated[
    NumberType | None, typer.Option(help="Type of the weights.", show_default="the preset's, or float32")
]
RevisionOption = Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub model.")]
MaxFailedShareOption = Annotated[
    float,
    typer.Option(min=0, max=1, help="Share of questions whose video, or whose answer, may fail."),
]


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command(epilog=example("retroflip generate --model runs/demo/crpo/model --data p.jsonl --out a"))(
        generate
    )


def generate(
    context: typer.Context,
    model: ModelOption,
    out: OutOption,
    data: DataOption = None,
    bench: BenchOption = None,
    suite: SuiteOption = None,
    presets: PresetsOption = None,
    prompt: PromptOption = None,
    engine: EngineOption = None,
    endpoint: EndpointOption = None,
    key_variable: KeyVariableOption = None,
    show: ShowOption = Shown.FRAMES,
    root: RootOption = None,
    frames: FramesOption = None,
    sampler: SamplerOption = None,
    fps: FpsOption = None,
    min_pixels: MinPixelsOption = None,
    max_pixels: MaxPixelsOption = None,
    total_pixels: TotalPixelsOption = None,
    system_prompt: SystemPromptOption = None,
    max_tokens: MaxTokensOption = None,
    controls: ControlsOption = "full",
    draws: DrawsOption = None,
    temperature: TemperatureOption = 0.0,
    batch_size: BatchSizeOption = "auto",
    null_option: NullOptionOption = None,
    seed: SeedOption = 0,
    dtype: DtypeOption = None,
    revision: RevisionOption = None,
    max_failed_share: MaxFailedShareOption = 0.01,
    processes: ProcessesOption = 1,
    dry_run: DryRunOption = False,
    price_in: PriceInOption = None,
    price_out: PriceOutOption = None,
    columns: Columns = None,
    json: AsJson = False,
) -> None:
    """Let a model answer video questions, of a file or a benchmark.

    A model that was trained here is asked as it was trained: frames, pixels, system prompt, null option and length are
    those of its run, whose folder says so, unless an option says otherwise. Any other model is asked as a benchmark's
    own code asks. All questions about one video are asked together, and our own engine reads it once for them. A rerun
    in the same folder asks only what is not answered yet. Score the answers with `retroflip score`.
    """
    pixels = {"min_pixels": min_pixels, "max_pixels": max_pixels, "total_pixels": total_pixels}
    shown = {"frames": frames, "sampler": sampler, "fps": fps, **pixels}
    flags = flags_of({**shown, "null_option": null_option, "max_tokens": max_tokens}, system_prompt)
    sources = _sources(data, bench, suite, root, column_map(columns))
    server = {"engine": engine, "endpoint": endpoint, "key_variable": key_variable}
    of_model = preset_with(model, presets, {**server, "dtype": dtype and dtype.value, "revision": revision})
    if not dry_run:
        share_among(processes, context)
    from retroflip.bench.asking import parse_controls
    from retroflip.bench.job import Call

    names = [name.strip() for name in controls.split(",") if name.strip()]
    call = Call(
        model,
        of_model,
        tuple(parse_controls(names)),
        flags,
        prompt,
        temperature=temperature,
        seed=seed,
        file=show is Shown.FILE,
        batch_size=batch_size_of(batch_size),
        max_failed_share=max_failed_share,
    )
    call = sources.call(call, draws)
    if dry_run:
        prices = None if price_in is None and price_out is None else (price_in or 0.0, price_out or 0.0)
        _show_costs(call, sources, prices, processes, json=json)
    else:
        _answer(call, sources, out, json=json)


def flags_of(stated: Mapping[str, Any], system_prompt: str | None) -> dict[str, Any]:
    """Return the conditions that options set, by name."""
    flags = {name: value for name, value in stated.items() if value is not None}
    if system_prompt is not None:
        flags["system_prompt"] = None if system_prompt == BUILT_IN else system_prompt
    return flags


def preset_with(model: str, presets: Path | None, chosen: Mapping[str, Any]) -> "Preset":
    """Return a model's preset with what options choose otherwise, and quiet the libraries that will load it."""
    from retroflip.bench.presets import preset_of, read_presets

    of_model = preset_of(model, read_presets(presets))
    of_model = of_model.model_copy(update={name: one for name, one in chosen.items() if one is not None})
    quiet(of_model.model)
    return of_model


def share_among(processes: int, context: typer.Context) -> None:
    """Start the command again in so many processes, and exit as they do; in one of these, or for one, do nothing."""
    from retroflip.models.launching import is_launched, launch

    if processes > 1 and not is_launched():
        raise typer.Exit(launch(context.meta[ARGUMENTS], processes))


def batch_size_of(text: str) -> int | None:
    """Return what --batch-size says; None for auto. Raises UsageError for what is neither."""
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--batch-size {text!r} is neither a number from 1 on nor 'auto'.")
    return int(text)


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
        return
    for name, one in found.items():
        _print_costs(name or call.known_as, one)


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
    if cost["hours_at_most"] is not None:
        assumed = ", ".join(f"{name} {value:g}" for name, value in cost["assumes"].items())
        print(f"At most {cost['hours_at_most']:g} hours, with {assumed}.")
    if cost["money_at_most"] is not None:
        print(f"At most {cost['money_at_most']:.2f} by these prices.")


def _told(counts: "Counts", out: Path, prepared: "Prepared") -> dict[str, Any]:
    from retroflip.data.record_notes import NOTES, named

    noted = len(named(out / NOTES))
    mode, conditions = prepared.manner
    asked = {"prompt": mode.value, "conditions": conditions.described()}
    return {"out": str(out), **counts._asdict(), "noted": noted, **asked}


def _print_answers(counts: "Counts", out: Path, prepared: "Prepared") -> None:
    from retroflip.data.record_notes import NOTES

    noted = _told(counts, out, prepared)["noted"]
    mode, conditions = prepared.manner
    answers = counted(counts.answers, "answer")
    print(f"{answers} in {out}, {counts.truncated} of them cut off at {conditions.max_tokens} tokens.")
    print(f"Asked in the prompt mode {mode.value}, {conditions.told()}.")
    if counts.failed:
        print(f"{counts.failed} questions miss an answer; answers.jsonl and failures.jsonl in {out} say why.")
    if noted:
        print(f"{noted} videos have times that the model is not told as they are; see {out / NOTES}.")
    print(f"Score them with: {shlex.join(['retroflip', 'score', str(out)])}")
