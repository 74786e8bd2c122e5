"""`retroflip route`: the Task Router."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli.columns import RecordsArgument
from retroflip.cli.terminal import (
    AsJson,
    DefaultCommand,
    check_is_new,
    example,
    print_json,
    print_table,
    shown_progress,
)
from retroflip.cli.workers import EngineName, EngineNameOption, WorkersOption, engine_of
from retroflip.errors import UnroutedError, UsageError, counted, first_fault

if TYPE_CHECKING:
    from retroflip.llm.settings import Endpoint
    from retroflip.router.labelled_files import Router, Table
    from retroflip.router.rules import Conventions


SHOWN = 10


class RoutingByDefault(DefaultCommand):
    """A group in which arguments that begin with no command are those of `label`."""

    default = "label"


LabelledOption = Annotated[
    Path, typer.Option(metavar="FILE", help="New file of the records with their labels.")
]
RouterOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Who decides: rules, which needs no model; llm, behind --endpoint; or a text model's folder or name. "
        "Given twice, both do, and conflicts are named.",
        show_default="rules",
    ),
]
EndpointOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Of llm: base_url, model, api_key_env, max_tokens, temperature, price_input, ...",
    ),
]
VotesOption = Annotated[int, typer.Option(min=1, max=99, help="How often llm is asked about each question.")]
BatchOption = Annotated[int, typer.Option(min=1, help="Questions that a text model is asked at once.")]
MaxTokensOption = Annotated[int, typer.Option(min=1, help="Most tokens of a text model's response.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print how many calls and tokens llm takes at most, and stop.")
]
ConventionOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=true|false",
        help="What the paper leaves open, as `route conventions` lists it; as often as needed.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    command = example("retroflip route data/mine.jsonl --router rules --out data/routed.jsonl")
    group = typer.Typer(
        cls=RoutingByDefault,
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Say which questions change when their video is mirrored or played backwards. "
        "`route FILE` is `route label FILE`.",
        epilog=command,
    )
    group.command("label", epilog=command)(label)
    group.command("stats", epilog=example("retroflip route stats data/routed.jsonl --json"))(stats)
    group.command("check", epilog=example("retroflip route check data/labelled.jsonl --json"))(check)
    group.command("audit", epilog=example("retroflip route audit data/routed.jsonl --n 200 --out audit.csv"))(
        audit
    )
    group.command("conventions", epilog=example("retroflip route conventions"))(conventions)
    app.add_typer(group, name="route")


def label(
    file: RecordsArgument,
    out: LabelledOption,
    router: RouterOption = None,
    endpoint: EndpointOption = None,
    votes: VotesOption = 1,
    batch: BatchOption = 8,
    max_tokens: MaxTokensOption = 512,
    convention: ConventionOption = None,
    dry_run: DryRunOption = False,
    engine: EngineNameOption = EngineName.LOCAL,
    workers: WorkersOption = 1,
    json: AsJson = False,
) -> None:
    """Write a task type, both tests and their reasons on every video question of a file.

    The answer to the mirrored or reversed clip is written too where it follows from the options. Images and texts stay
    without a label. llm sees question, options and answer, never the video; its calls are kept beside OUT, and the same
    command given again after an interruption repeats none.
    """
    from retroflip.router.labelled_files import RulesRouter, write_labelled
    from retroflip.router.llm import behind, charged, on_this_machine

    names = list(dict.fromkeys(router or ["rules"]))
    check_is_new(out, file)
    if dry_run and "llm" not in names:
        raise UsageError("--dry-run tells what calls cost, and only --router llm makes some. Leave it out.")
    elsewhere = engine is EngineName.RAY or workers > 1
    if elsewhere and "llm" in names:
        raise UsageError(
            "--router llm asks a server, which one process keeps at its limit (--endpoint concurrency=...), paying for "
            "no call twice. Leave out --engine and --workers."
        )
    where = engine_of(engine, workers, gpus=names != ["rules"]) if elsewhere else None
    target = _endpoint(endpoint or []) if "llm" in names else None
    if target:
        _tell_cost(file, target, votes, dry_run=dry_run, json=json)
    if dry_run:
        return
    paid = behind(target, votes, out.with_name(f"{out.name}.calls.jsonl")) if target else None
    known: dict[str, Router | None] = {"llm": paid, "rules": RulesRouter(_conventions(convention or []))}
    folders = {name: str(Path(name).absolute()) for name in names if Path(name).is_dir()}
    routers = [
        known.get(name) or on_this_machine(folders.get(name, name), batch, max_tokens) for name in names
    ]
    with shown_progress() as progress:
        table = write_labelled(file, out, routers, progress, where)
    _report(
        table,
        file,
        out,
        {"calls": charged(paid.journal, target) if paid and paid.journal and target else {}},
        json,
    )


def _tell_cost(file: Path, target: "Endpoint", votes: int, *, dry_run: bool, json: bool) -> None:
    """Print what the model behind an endpoint costs at most, where that is all that was asked for or beside it."""
    from retroflip.data.records import stream_samples
    from retroflip.data.sample import Modality
    from retroflip.router.llm import estimate

    ahead = estimate((one for one in stream_samples(file) if one.modality is Modality.VIDEO), target, votes)
    if dry_run:
        print_json(ahead) if json else print(_cost(ahead))
    else:
        print(_cost(ahead), file=sys.stderr)


def _endpoint(settings: list[str]) -> "Endpoint":
    """Return the endpoint of all options. Raises UsageError for what is none."""
    from pydantic import ValidationError

    from retroflip.llm.settings import Endpoint
    from retroflip.recipes.reading import parse_override

    try:
        return Endpoint.model_validate(dict(parse_override(one) for one in settings))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "endpoint"
        raise UsageError(
            f"--endpoint {name}: {first_fault(error)}. Write, say, --endpoint base_url=http://localhost:8000/v1 "
            "--endpoint model=deepseek-r1."
        ) from error


def _cost(ahead: dict[str, Any]) -> str:
    return (
        f"{counted(ahead['calls'], 'call')} about {counted(ahead['questions'], 'question')}: about "
        f"{counted(ahead['prompt_tokens'], 'token')} of "
        f"prompts, at most {ahead['completion_tokens']} of responses, {ahead['cost']:.2f} at the prices given."
    )


def _report(table: "Table", file: Path, out: Path, more: dict[str, Any], json: bool) -> None:
    if json:
        print_json({**table.as_json(), **more, "out": out})
    else:
        _show(table)
        for name, why in list(table.failed.items())[:SHOWN]:
            print(f"Without a label: {name} ({why})")
        print(f"Labels: {out}")
        if out.resolve().parent != file.resolve().parent:
            print(f"Paths of videos still start from {file.resolve().parent}: name that as the root.")
    if table.failed:
        raise UnroutedError(
            "Questions without a label, since calls failed, or they or their answers could not be read: "
            f"{len(table.failed)}. Give the same command again (what llm has finished is kept), or name a router that "
            "reads them and ends in one of the four words."
        )


def stats(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Records with task types.")],
    json: AsJson = False,
) -> None:
    """Print how many questions of each source have which task type (CRPO, table 8)."""
    from retroflip.router.labelled_files import table_of

    table = table_of(file)
    if json:
        print_json(table.as_json())
    else:
        _show(table)


def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Cases, or records with `task_type`, by people.")
    ],
    convention: ConventionOption = None,
    json: AsJson = False,
) -> None:
    """Hold the rules against labels that people gave: accuracy, F1, kappa, and which questions differ."""
    from retroflip.router.check import check as checked
    from retroflip.router.rules import decide_sample

    chosen = _conventions(convention or [])
    found = checked(file, lambda sample: decide_sample(sample, chosen).label)
    if json:
        print_json(found)
        return
    rows = [
        [name, str(one["support"]), *(f"{one[key]:.3f}" for key in ("precision", "recall", "f1"))]
        for name, one in found["by_label"].items()
    ]
    print_table("By label", ["label", "questions", "precision", "recall", "F1"], rows)
    shares = (
        "" if found["reweighted"] is None else f", {found['reweighted']:.3f} with CRPO's shares of labels"
    )
    print(
        f"{counted(found['cases'], 'question')}: accuracy {found['accuracy']:.3f}{shares}, macro F1 "
        f"{found['macro_f1']:.3f}, "
        f"kappa {found['kappa']:.3f}. Ambiguous: {found['ambiguous']['same']} of {found['ambiguous']['cases']} alike."
    )
    if found["errors"]:
        print(f"Unlike: {', '.join(found['errors'])}")


def audit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Records that a router labelled.")],
    n: Annotated[int, typer.Option("--n", min=1, help="Questions to draw.")] = 200,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="New table (CSV) in which people fill in the labels.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="That table with the labels filled in, to be compared."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 0,
    json: AsJson = False,
) -> None:
    """Draw questions for people to label as they watch the videos, or compare their labels with the router's.

    Equally many questions of each label are drawn, and the table does not say which. Read back with --labels it gives
    agreement, kappa and what the disagreements do to CRPO's reward.
    """
    from retroflip.router.audit import compare, draw, write_table

    if (out is None) == (labels is None):
        raise UsageError(
            "Give either --out NEW.csv, to draw questions, or --labels TABLE.csv, to compare labels."
        )
    if out is not None:
        if out.exists():
            raise UsageError(f"--out {out} is there already, perhaps with labels. Name a new file.")
        drawn = draw(file, n, seed)
        write_table(drawn, out)
        if json:
            print_json({"questions": len(drawn), "out": out})
        else:
            print(
                f"{counted(len(drawn), 'question')}: {out}. Fill in the column label, then give the table as --labels."
            )
        return
    if labels is not None:
        found = compare(file, labels)
        print_json(found) if json else _show_audit(found)


def conventions(json: AsJson = False) -> None:
    """List what the paper leaves open about the two tests, and what is set."""
    from retroflip.router.rules import Conventions

    fields = Conventions.model_fields
    if json:
        print_json(
            {name: {"default": one.default, "meaning": one.description} for name, one in fields.items()}
        )
        return
    rows = [[name, str(one.default).lower(), one.description or ""] for name, one in fields.items()]
    print_table("Conventions", ["name", "default", "meaning"], rows, numbers=False)


def _conventions(texts: list[str]) -> "Conventions":
    """Return the conventions with some set otherwise. Raises UsageError for one that is none."""
    from retroflip.router.rules import Conventions

    given: dict[str, bool] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in Conventions.model_fields or value not in ("true", "false"):
            known = ", ".join(Conventions.model_fields)
            raise UsageError(
                f"--convention {text!r:.60} is none. Write NAME=true or NAME=false with one of: {known}."
            )
        given[name] = value == "true"
    return Conventions(**given)


def _show(table: "Table") -> None:
    found: dict[str, Any] = table.as_json()
    sources = {**found["by_source"], "all": found["total"]}
    labels = [name for name in found["total"] if name != "total"]
    rows = [
        [
            source,
            *(f"{one[name]} ({one[name] / max(1, one['total']):.1%})" for name in labels),
            str(one["total"]),
        ]
        for source, one in sources.items()
    ]
    print_table("Task types of video questions", ["source", *labels, "total"], rows)
    for kind, count in found["unlabelled"].items():
        print(f"{count} of data_type {kind} without a label.")
    print(
        f"Answers to the other clip known: {found['counterfactual_known']}. Not to be mirrored (text in the picture): "
        f"{found['flip_unsafe']}. Unsure: {found['unsure']}. Labelled otherwise before: {found['relabelled']}. "
        f"Routers in conflict: {found['conflicts']}."
    )


def _show_audit(found: dict[str, Any]) -> None:
    names = list(found["confusion"])
    rows = [
        [name, *(str(row[other]["count"]) for other in names)] for name, row in found["confusion"].items()
    ]
    print_table("The router's labels (rows) and people's (columns)", ["", *names], rows)
    measured = {
        "Agreement": found["agreement"],
        "with the file's shares of labels": found["agreement_of_file"],
        "kappa": found["kappa"],
    }
    told = [
        f"{name} {one['value']:.3f} ({one['interval'][0]:.3f} to {one['interval'][1]:.3f})"
        for name, one in measured.items()
        if one is not None
    ]
    print(f"{', '.join(told)}; {found['labelled']} labelled, {found['unlabelled']} not yet.")
    for words, count in found["harm"].items():
        print(f"{count} unlike, {words}.")
    for one in found["disagreements"]:
        print(f"  {one['id']}: {one['router']}, people {one['person']} ({one['reason']})")
