"""`retroflip synth`: synthetic videos with exact ground truth."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli.terminal import AsJson, HelpfulGroup, example, print_json, print_table, shown_progress
from retroflip.cli.workers import EngineName, EngineNameOption, engine_of
from retroflip.errors import UsageError, counted
from retroflip.synth.names import Form, Split, Traces

if TYPE_CHECKING:
    from retroflip.data.sample import Sample
    from retroflip.synth.audit.verdict import KindAudit

LABORATORY = "laboratory"
LABORATORY_SIZE = 128


class PresetName(StrEnum):
    """Settings of SynRL's rounds."""

    ROUND1 = "round1"
    ROUND2 = "round2"


FolderOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="New folder of the data set (needed).")
]
PerTaskOption = Annotated[
    int | None, typer.Option(min=1, help="Pairs of each kind, or single videos with --single (needed).")
]
SeedOption = Annotated[int | None, typer.Option(min=0, help="Equal seeds give equal videos (needed).")]
KindsOption = Annotated[
    str,
    typer.Option(
        help="Kinds by name, or category:NAME, short, long, spatial, temporal, all, with commas between; or "
        "'laboratory', the small pairs of the demo."
    ),
]
WorkersOption = Annotated[int, typer.Option(min=1, help="Processes that draw.")]
SizeOption = Annotated[
    int | None, typer.Option(min=1, help="Side of the videos in pixels: 448, in the laboratory 128.")
]
SingleOption = Annotated[bool, typer.Option("--single", help="One video a question, not a pair.")]
FormOption = Annotated[Form, typer.Option(help="How answers are wanted, where a kind can be asked so.")]
SplitOption = Annotated[Split, typer.Option(help="What for: no two splits share a question or a content.")]
PresetOption = Annotated[
    PresetName,
    typer.Option(
        help="round2 doubles the length of videos and the number of their operations, for viewers of 64 frames."
    ),
]
SettingOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting of the scenes: fps, difficulty, objects, operations, distractors, backgrounds, noise, ...",
    ),
]
ApartFromOption = Annotated[
    list[Path] | None,
    typer.Option(metavar="DIR", help="Another data set of which no content may be repeated."),
]
TracesOption = Annotated[
    Traces,
    typer.Option(
        help="Reasoning for sft, written from the metadata: 'told' tells events in sentences; 'stamped' is short "
        "notes, at the mean second of each two viewed frames for direction, speed and attribute_change, of the "
        "operations or events of other kinds."
    ),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(cls=HelpfulGroup, invoke_without_command=True, rich_markup_mode=None)
    command = "retroflip synth --out data/temporal --per-task 50 --seed 7 --workers 2"
    group.callback(epilog=example(command))(synth)
    group.command(epilog=example("retroflip synth audit data/temporal --json"))(audit)
    group.command(epilog=example("retroflip synth sheets data/temporal --out sheets"))(sheets)
    app.add_typer(group, name="synth")


def synth(
    context: typer.Context,
    out: FolderOption = None,
    per_task: PerTaskOption = None,
    seed: SeedOption = None,
    kinds: KindsOption = "all",
    workers: WorkersOption = 1,
    size: SizeOption = None,
    single: SingleOption = False,
    form: FormOption = Form.CHOICE,
    split: SplitOption = Split.RL,
    preset: PresetOption = PresetName.ROUND1,
    setting: SettingOption = None,
    apart_from: ApartFromOption = None,
    traces: TracesOption = Traces.NONE,
    engine: EngineNameOption = EngineName.LOCAL,
    json: AsJson = False,
) -> None:
    """Render temporal videos with questions, exact ground truth and counterfactual pairs.

    The folder gets MP4 files, their metadata, the questions in records.jsonl, and a manifest of hashes. Given again
    after an interruption, the same command writes what is missing.
    """
    if context.invoked_subcommand:
        return
    if out is None or per_task is None or seed is None:
        raise UsageError(
            "--out, --per-task and --seed are needed: say where to write, how many pairs of each kind, and which. "
            "For example: retroflip synth --out data/temporal --per-task 50 --seed 7"
        )
    if kinds == LABORATORY:
        _check_laboratory(context, traces)
        samples = _laboratory(out, per_task, seed, size, with_traces=traces is not Traces.NONE)
    else:
        named = tuple(name.strip() for name in kinds.split(","))
        if LABORATORY in named:
            raise UsageError(
                f"--kinds {kinds}: {LABORATORY} stands alone, since its pairs are drawn in another way. Write them "
                "in a folder of their own."
            )
        values = {
            "kinds": named,
            "per_task": per_task,
            "seed": seed,
            "split": split.value,
            "paired": not single,
            "form": form.value,
            "traces": traces.value,
        }
        samples = _temporal(out, values, size, preset.value, setting or [], apart_from or [], engine, workers)
    _report(out, samples, json)


def _check_laboratory(context: typer.Context, traces: Traces) -> None:
    """Raise UsageError for options that the laboratory's pairs do not have."""
    own = {"out", "per_task", "seed", "kinds", "size", "traces", "json", "workers"}
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, source in sources.items() if source is not None and source.name != "DEFAULT"}
    if foreign := sorted(given - own):
        options = {option.name: option.opts[0] for option in context.command.params}
        raise UsageError(
            f"--kinds {LABORATORY} takes no {', '.join(options[name] for name in foreign)}: its "
            "pairs have settings of their own. Leave them out, or name other kinds."
        )
    if traces is Traces.TOLD:
        raise UsageError(
            f"--kinds {LABORATORY} has no traces that tell events in sentences, only notes at time stamps. Ask for "
            "these with --traces stamped, or name other kinds."
        )


def _laboratory(
    out: Path, per_task: int, seed: int, size: int | None, *, with_traces: bool
) -> "list[Sample]":
    from retroflip.lab.clip_sets import write_pairs

    with shown_progress() as progress:
        return write_pairs(
            out,
            per_task=per_task,
            seed=seed,
            size=size or LABORATORY_SIZE,
            with_traces=with_traces,
            progress=progress,
        )


def _temporal(
    out: Path,
    values: dict[str, Any],
    size: int | None,
    preset: str,
    overrides: list[str],
    apart_from: list[Path],
    engine: EngineName,
    workers: int,
) -> "list[Sample]":
    from retroflip.recipes.reading import Origin, nested, parse_override, validate
    from retroflip.synth.corpus import CorpusSettings, write_corpus
    from retroflip.synth.settings import PRESETS

    scene: dict[str, Any] = dict(PRESETS[preset])
    for override in overrides:
        if "=" not in override:
            raise UsageError(f"--set {override}: say what to set it to, as in --set difficulty=3.")
        key, value = parse_override(override)
        scene |= nested(key, value)
    if size is not None:
        scene["size"] = size
    written = tuple(f"scene.{key}={value}" for key, value in scene.items())
    settings = validate(CorpusSettings, {**values, "scene": scene}, Origin(None, written), {})
    where = engine_of(engine, workers)
    with shown_progress() as progress:
        return write_corpus(out, settings, engine=where, apart_from=apart_from, progress=progress)


def _report(out: Path, samples: "list[Sample]", json: bool) -> None:
    from retroflip.data.folder import RECORDS_NAME
    from retroflip.data.manifest import MANIFEST_NAME

    pairs = len({sample.pair for sample in samples if sample.pair})
    files = {"records": str(out / RECORDS_NAME), "manifest": str(out / MANIFEST_NAME)}
    if json:
        kinds = sorted({sample.task for sample in samples})
        print_json({"samples": len(samples), "pairs": pairs, "kinds": kinds, **files})
    else:
        made = counted(len(samples), "question")
        print(f"{made}, {counted(pairs, 'pair')} of them counterfactual: {files['records']}")


def audit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A data set's folder, with records.jsonl.")],
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the HTML report goes: DIR/audit.html.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Prove that a data set needs time: try to answer it without watching.

    Exit code 1 where a kind can be answered above chance from text, one frame, frames in no order, places in the
    metadata or bare facts; where its questions are too few to judge by, or more of them are left out than judged; where
    videos are repeated with their question, or options; where the two of a pair do not ask the same with different
    answers; or where the metadata does not bear out an answer.
    """
    from retroflip.synth.audit.items import read_folder
    from retroflip.synth.audit.report import write_report
    from retroflip.synth.audit.verdict import audit as audited
    from retroflip.synth.audit.verdict import left_out

    with shown_progress() as progress:
        data = read_folder(folder, progress)
        found = audited(data, progress)
    page = write_report(
        report or folder / "audit.html", folder, found, data.samples, sum(data.unread.values())
    )
    failed = sorted(kind for kind, one in found.items() if one.faults)
    faults = [f"{kind}: {fault}" for kind, one in found.items() for fault in one.faults]
    if json:
        kinds = {kind: one.as_json() for kind, one in found.items()}
        print_json(
            {
                "kinds": kinds,
                "failed": failed,
                "faults": faults,
                "left_out": data.unread,
                "report": str(page),
            }
        )
    else:
        rows = [[kind, *_worst(one)] for kind, one in found.items()]
        print_table(
            "Answering without watching", ["kind", "questions", "chance", "best attack", "right"], rows
        )
        print("\n".join([*left_out(data), *faults, f"{counted(len(faults), 'fault')}. Report: {page}"]))
    if failed:
        raise typer.Exit(1)


def _worst(one: "KindAudit") -> list[str]:
    if not one.attempts:
        return [str(one.samples), "", "none", ""]
    name, best = max(one.attempts.items(), key=lambda tried: tried[1].excess)
    return [str(one.samples), f"{one.chance:.1%}", name, f"{best.accuracy:.1%}"]


def sheets(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A data set's folder, with records.jsonl.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the pictures go, one a kind.")],
    count: Annotated[int, typer.Option(min=1, help="Videos on each.")] = 20,
    json: AsJson = False,
) -> None:
    """Draw contact sheets: frames of a few videos of each kind, with question and answer, for a person to look over."""
    from retroflip.data.folder import RECORDS_NAME
    from retroflip.data.records import read_samples
    from retroflip.files.storage import file_name, write_bytes_atomic
    from retroflip.synth.audit.sheets import contact_sheet, jpeg

    out.mkdir(parents=True, exist_ok=True)
    samples = read_samples(folder / RECORDS_NAME)
    kinds = sorted({sample.task for sample in samples})
    written = [out / f"{file_name(kind or 'all')}.jpg" for kind in kinds]
    with shown_progress() as progress:
        progress.stage("drawing contact sheets", len(kinds), "kinds")
        for done, (kind, sheet) in enumerate(zip(kinds, written, strict=True), start=1):
            chosen = [sample for sample in samples if sample.task == kind][:count]
            write_bytes_atomic(sheet, jpeg(contact_sheet(folder, chosen)))
            progress.advance(done)
    if json:
        print_json({"sheets": written})
    else:
        print("\n".join(map(str, written)))
