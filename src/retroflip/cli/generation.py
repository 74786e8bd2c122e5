"""`retroflip generate`: a model's answers to video questions."""

import shlex
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli.columns import ColumnMap, Columns, column_map
from retroflip.cli.quiet import quiet
from retroflip.cli.terminal import AsJson, example, print_json, shown_progress
from retroflip.data.prompt_modes import PromptMode
from retroflip.errors import UsageError, counted
from retroflip.video.budget import pixel_count

if TYPE_CHECKING:
    from retroflip.bench.generate import Counts
    from retroflip.bench.questions import Questions
    from retroflip.train.conditions import Chosen

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
    typer.Option(metavar="M", help="'retroflip-tiny', a hub name, a directory, or its name on a server."),
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
        help="What runs the model: ours, transformers, vllm or openai.",
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
    int, typer.Option(min=1, help="Answers to each question; several need a temperature.")
]
TemperatureOption = Annotated[float, typer.Option(min=0, help="0 takes the likeliest token.")]
BatchSizeOption = Annotated[
    int,
    typer.Option(
        min=1,
        help="Videos asked about at once, each with all its questions, or calls of a server; changes no answer.",
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
DtypeOption = Annotated[NumberType, typer.Option(help="Type of the weights.")]
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
    model: ModelOption,
    out: OutOption,
    data: DataOption = None,
    bench: BenchOption = None,
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
    draws: DrawsOption = 1,
    temperature: TemperatureOption = 0.0,
    batch_size: BatchSizeOption = 8,
    null_option: NullOptionOption = None,
    seed: SeedOption = 0,
    dtype: DtypeOption = NumberType.FLOAT32,
    revision: RevisionOption = None,
    max_failed_share: MaxFailedShareOption = 0.01,
    columns: Columns = None,
    json: AsJson = False,
) -> None:
    """Let a model answer video questions, of a file or a benchmark.

    A model that was trained here is asked as it was trained: frames, pixels, system prompt, null option and length are
    those of its run, whose folder says so, unless an option says otherwise. Any other model is asked as a benchmark's
    own code asks. All questions about one video are asked together, and our own engine reads it once for them. A rerun
    in the same folder asks only what is not answered yet. Score the answers with `retroflip score`.
    """
    questions = _questions(data, bench, root, column_map(columns))
    quiet(model)
    from retroflip.bench.asking import Asking, parse_controls
    from retroflip.bench.generate import generate as ask_all
    from retroflip.bench.manner import manner_of
    from retroflip.inference.base import Sampling
    from retroflip.train.conditions import earlier_conditions, read_trained

    stated = {
        "frames": frames,
        "sampler": sampler,
        "fps": fps,
        "min_pixels": min_pixels,
        "max_pixels": max_pixels,
        "total_pixels": total_pixels,
        "null_option": null_option,
        "max_tokens": max_tokens,
    }
    flags: dict[str, Any] = {name: value for name, value in stated.items() if value is not None}
    if system_prompt is not None:
        flags["system_prompt"] = None if system_prompt == BUILT_IN else system_prompt
    trained = None if endpoint else read_trained(model, revision)
    earlier = None if endpoint or trained else earlier_conditions(model)
    mode, conditions = manner_of(flags, questions, trained, earlier, mode=prompt)
    asking = Asking(
        Sampling(conditions.max_tokens, temperature),
        tuple(parse_controls([name.strip() for name in controls.split(",") if name.strip()])),
        draws=draws,
        prompt=mode,
        null_option=conditions.asked.null_option,
        seed=seed,
        file=show is Shown.FILE,
    )
    wanted = replace(
        conditions.wanted(model, revision),
        dtype=dtype.value,
        endpoint=endpoint,
        key_variable=key_variable,
        at_once=batch_size,
    )
    about = {**questions.about, "conditions": conditions.described()}
    with shown_progress() as progress:
        progress.stage(f"loading {model}", 0, "")
        from retroflip.inference.registry import load_engine

        loaded = load_engine(wanted, engine)
        counts = ask_all(
            loaded.engine,
            conditions.seen(questions.dataset, loaded.fits),
            out,
            asking,
            progress=progress,
            max_failed_share=max_failed_share,
            about={**about, "model": model, "device": loaded.device},
        )
    _print_answers(counts, out, mode, conditions, json=json)


def _questions(data: Path | None, bench: str | None, root: Path | None, columns: ColumnMap) -> "Questions":
    from retroflip.bench.questions import bench_questions, recorded_questions

    if (data is None) == (bench is None):
        raise UsageError("generate takes --data FILE or --bench NAME, one of the two.")
    if data is not None:
        return recorded_questions(data, root, columns)
    if columns:
        raise UsageError("--columns is for --data: a benchmark's form is known.")
    return bench_questions(str(bench), root)


def _print_answers(
    counts: "Counts", out: Path, mode: PromptMode, conditions: "Chosen", *, json: bool
) -> None:
    from retroflip.data.record_notes import NOTES, named

    noted = len(named(out / NOTES))
    if json:
        asked = {"prompt": mode.value, "conditions": conditions.described()}
        print_json({"out": str(out), **counts._asdict(), "noted": noted, **asked})
        return
    answers = counted(counts.answers, "answer")
    print(f"{answers} in {out}, {counts.truncated} of them cut off at {conditions.max_tokens} tokens.")
    print(f"Asked in the prompt mode {mode.value}, {conditions.told()}.")
    if counts.failed:
        print(f"{counts.failed} questions miss an answer; answers.jsonl and failures.jsonl in {out} say why.")
    if noted:
        print(f"{noted} videos have times that the model is not told as they are; see {out / NOTES}.")
    print(f"Score them with: {shlex.join(['retroflip', 'score', str(out)])}")
