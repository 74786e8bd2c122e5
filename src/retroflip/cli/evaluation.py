"""`retroflip generate`, `retroflip score` and `retroflip report`."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli.columns import ColumnMap, Columns, column_map
from retroflip.cli.quiet import quiet
from retroflip.cli.terminal import AsJson, example, print_json, print_table, short_names, shown_progress
from retroflip.errors import UsageError, counted
from retroflip.video.budget import pixel_count

if TYPE_CHECKING:
    from retroflip.bench.generate import Counts
    from retroflip.bench.metrics.base import Rate
    from retroflip.data.dataset import VideoDataset
    from retroflip.train.conditions import Chosen

REPORT_TITLE = b"<title>retroflip report</title>"
"""by which a report is known; it stands in the first HEAD_BYTES"""
HEAD_BYTES = 4096


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


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=example("retroflip generate --model runs/demo/crpo/model --data p.jsonl --out a"))(
        generate
    )
    app.command(epilog=example("retroflip score runs/base-answers runs/crpo-answers"))(score)
    app.command(epilog=example("retroflip report runs/demo --out report.html"))(report)


def generate(
    model: Annotated[
        str,
        typer.Option(metavar="M", help="'retroflip-tiny', a hub name, a directory, or its name on a server."),
    ],
    data: Annotated[Path, typer.Option(metavar="FILE", help="Records, JSONL or JSON.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the answers; a rerun goes on in it.")],
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What runs the model: ours, transformers, vllm or openai.",
            show_default="openai with --endpoint, else ours for known families and transformers for others",
        ),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An OpenAI-compatible server: http://localhost:8000/v1."),
    ] = None,
    key_variable: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Environment variable that holds the server's key."),
    ] = None,
    show: Annotated[
        Shown, typer.Option(help="What a server is sent of a video: frames with their times, or its file.")
    ] = Shown.FRAMES,
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where video paths start.", show_default="the folder of the data"),
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=1, help="Frames per video.", show_default=f"{_AS_TRAINED}, or 8")
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Which frames: uniform, fps, vlmevalkit, lmms-eval or qwen-vl-utils.",
            show_default=f"{_AS_TRAINED}, or uniform",
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="Frames per second that the sampler is asked for; --frames is then the most.",
            show_default=_AS_TRAINED,
        ),
    ] = None,
    min_pixels: Annotated[
        int | None,
        _pixels("Pixels to which smaller frames and images are enlarged; 16x32x32 is a number too."),
    ] = None,
    max_pixels: Annotated[int | None, _pixels("Pixels to which larger ones are shrunk.")] = None,
    total_pixels: Annotated[
        int | None, _pixels("Pixels that a video's frames share, two merged ones counted once.")
    ] = None,
    system_prompt: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help=f"What stands before every question; {BUILT_IN!r} for retroflip's own words."
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            min=1, help="Tokens at which an answer is cut off.", show_default=f"{_AS_TRAINED}, or 512"
        ),
    ] = None,
    controls: Annotated[
        str,
        typer.Option(
            help="What the model is shown, comma-separated: full, text_only, single_frame, shuffled_frames; also "
            "oracle and random, which need no model."
        ),
    ] = "full",
    draws: Annotated[
        int, typer.Option(min=1, help="Answers to each question; several need a temperature.")
    ] = 1,
    temperature: Annotated[float, typer.Option(min=0, help="0 takes the likeliest token.")] = 0.0,
    batch_size: Annotated[
        int,
        typer.Option(
            min=1,
            help="Videos asked about at once, each with all its questions, or calls of a server; changes no answer.",
        ),
    ] = 8,
    null_option: Annotated[
        bool | None,
        typer.Option(
            "--null-option/--no-null-option",
            help='Append "None of the above" to the options.',
            show_default=f"{_AS_TRAINED}, or null-option",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Draws single frames, shuffles, random and sampled answers.")
    ] = 0,
    dtype: Annotated[NumberType, typer.Option(help="Type of the weights.")] = NumberType.FLOAT32,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub model.")] = None,
    max_failed_share: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of questions whose video, or whose answer, may fail."),
    ] = 0.01,
    columns: Columns = None,
    json: AsJson = False,
) -> None:
    """Let a model answer video questions.

    A model that was trained here is asked as it was trained: frames, pixels, system prompt, null option and length are
    those of its run, whose folder says so, unless an option says otherwise. All questions about one video are asked
    together, and our own engine reads it once for them. A rerun in the same folder asks only what is not answered yet.
    Score the answers with `retroflip score`.
    """
    mapped = column_map(columns)
    dataset = _dataset(data, root or data.parent, mapped)
    quiet(model)
    from retroflip.bench.generate import Asking, parse_controls
    from retroflip.bench.generate import generate as ask_all
    from retroflip.inference.base import Sampling
    from retroflip.train.conditions import chosen, earlier_conditions, read_trained

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
    conditions = chosen(flags, trained, None if endpoint or trained else earlier_conditions(model))
    asking = Asking(
        Sampling(conditions.max_tokens, temperature),
        tuple(parse_controls([name.strip() for name in controls.split(",") if name.strip()])),
        draws=draws,
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
    about = {
        "data": str(data.absolute()),
        "root": str(dataset.root.absolute()),
        **({"columns": mapped} if mapped else {}),
        "conditions": conditions.described(),
    }
    with shown_progress() as progress:
        progress.stage(f"loading {model}", 0, "")
        from retroflip.inference.registry import load_engine

        loaded = load_engine(wanted, engine)
        counts = ask_all(
            loaded.engine,
            conditions.seen(dataset, loaded.fits),
            out,
            asking,
            progress=progress,
            max_failed_share=max_failed_share,
            about={**about, "model": model, "device": loaded.device},
        )
    _print_answers(counts, out, conditions, json=json)


def score(
    directories: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR] [DIR]", help="One folder of answers, or two to compare."),
    ] = None,
    bench: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Score answers to this benchmark that somebody else recorded: tempcompass."
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
            f"({', '.join(named.needs)}), and --recorded, the file of answers."
        )
    scores = score_recorded(named.read(root, recorded))
    if json:
        print_json(scores)
        return
    official, ours = scores["official"], scores["ours"]
    rows = [
        ["all", f"{official['acc']:.2f}", f"{ours['acc']:.2f}"],
        ["pairs", *(_two_places(measures["p_acc"]) for measures in (official, ours))],
        *(
            [task, f"{rate:.2f}", f"{ours['by_task'][task]:.2f}"]
            for task, rate in official["by_task"].items()
        ),
    ]
    print_table(f"{named.title}, per cent", ["", "official", "ours"], rows)
    differing = ", ".join(f"{count} {what}" for what, count in scores["disagreements"].items())
    print(
        f"{official['n']} answers, {official['n_pairs']} pairs; {scores['unparsed']} unparsed by ours, "
        f"{official['ungraded']} without an official grade; {differing}."
    )


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


def _dataset(data: Path, root: Path, columns: ColumnMap) -> "VideoDataset":
    from retroflip.recipes.schema import DataSection
    from retroflip.train.datasets import dataset_of

    if not root.is_dir():
        raise UsageError(
            f"--root {root} is not a folder. Name the folder that the records' video paths start from."
        )
    return dataset_of(DataSection(records=str(data), root=str(root), columns=columns), fits=None).dataset


def _print_answers(counts: "Counts", out: Path, conditions: "Chosen", *, json: bool) -> None:
    from retroflip.data.record_notes import NOTES, named

    noted = len(named(out / NOTES))
    if json:
        print_json(
            {"out": str(out), **counts._asdict(), "noted": noted, "conditions": conditions.described()}
        )
        return
    answers = counted(counts.answers, "answer")
    print(f"{answers} in {out}, {counts.truncated} of them cut off at {conditions.max_tokens} tokens.")
    print(f"Asked {conditions.told()}.")
    if counts.failed:
        print(f"{counts.failed} questions miss an answer; answers.jsonl and failures.jsonl in {out} say why.")
    if noted:
        print(f"{noted} videos have times that the model is not told as they are; see {out / NOTES}.")
    print(f"Score them with: {shlex.join(['retroflip', 'score', str(out)])}")


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
    from retroflip.bench.metrics import metrics_of
    from retroflip.bench.metrics.base import ANSWERS, GROUPS

    for family, heading in ((ANSWERS, title), (GROUPS, "Groups")):
        rows = [(name, measured) for name, measured in named if family.of(measured)]
        if not rows:
            continue
        metrics = metrics_of(family)
        cells = [
            (name, *(_rate(metric.read(measured)) for metric in metrics), family.counted(measured))
            for name, measured in rows
        ]
        print_table(heading, ("", *(metric.label for metric in metrics), family.unit), cells)
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
