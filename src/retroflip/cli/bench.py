"""`retroflip bench`: the benchmarks and presets that there are, and whether a benchmark's files are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli.terminal import AsJson, HelpfulGroup, example, print_json, print_table
from retroflip.errors import UsageError, counted

if TYPE_CHECKING:
    from retroflip.bench.presence import Presence

Root = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The benchmark's own files.", show_default="the folder of a built one"),
]

_group = typer.Typer(cls=HelpfulGroup, no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(
        _group, name="bench", help="List benchmarks and presets, and check that their files are there."
    )
    _group.command("list", epilog=example("retroflip bench list"))(list_benchmarks)
    _group.command("check", epilog=example("retroflip bench check tempcompass --root data/tempcompass"))(
        check
    )
    _group.command("models", epilog=example("retroflip bench models"))(list_models)


def list_benchmarks(json: AsJson = False) -> None:
    """List the benchmarks that `generate --bench` and `score --bench` know, and the suites."""
    from retroflip.bench.benchmarks.registry import BENCHMARKS
    from retroflip.bench.suite import read_suite, suite_names

    found = [
        {
            "name": one.name,
            "title": one.title,
            "home": one.home,
            "needs": [need.path for need in one.needs],
            "sampler": one.sampler,
            "fps": one.fps,
            "frames": one.frames,
            "max_tokens": one.max_tokens,
        }
        for one in BENCHMARKS.values()
    ]
    suites = {name: read_suite(name).benchmarks for name in suite_names()}
    if json:
        print_json({"benchmarks": found, "suites": suites})
        return
    rows = [[one.name, one.title, f"{one.sampler} {one.frames}", one.home] for one in BENCHMARKS.values()]
    print_table("Benchmarks", ("name", "title", "frames", "where its files are"), rows, numbers=False)
    for name, members in suites.items():
        print(f"Suite {name}: {', '.join(members)}.")


def check(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A benchmark's name, or the folder of a built one.")
    ],
    root: Root = None,
    json: AsJson = False,
) -> None:
    """Say what of a benchmark's files is there and what is missing, before a model is loaded.

    Its questions are read and every video or image that they show is looked for: one that is empty, cut short, a
    folder, or a pointer of Git LFS is named, and none is decoded. The exit code is 1 where something is missing.
    """
    from retroflip.bench.benchmarks.registry import BENCHMARKS
    from retroflip.bench.presence import presence, presence_of
    from retroflip.bench.questions import bench_questions

    if name in BENCHMARKS:
        if root is None or not root.is_dir():
            told = f"--root {root} is no folder" if root else "--root is missing"
            raise UsageError(f"{told}: name the folder with the files of {BENCHMARKS[name].title}.")
        found, place = presence(BENCHMARKS[name], root), root
    else:
        dataset = bench_questions(name, root).dataset
        found, place = presence_of(dataset.samples, dataset.root), dataset.root
    if json:
        print_json(_described(name, place, found))
    else:
        _print_presence(name, found)
    if not found.complete:
        raise typer.Exit(1)


def _described(name: str, root: Path, found: "Presence") -> dict[str, Any]:
    needs, media = ([one._asdict() for one in several] for several in (found.needs, found.media))
    counts = {
        "questions": found.questions,
        "pairs": found.pairs,
        "lone_pairs": found.lone_pairs,
        "fault": found.fault or None,
    }
    return {
        "bench": name,
        "root": str(root),
        "complete": found.complete,
        **counts,
        "needs": needs,
        "media": media,
    }


def _print_presence(name: str, found: "Presence") -> None:
    for need in found.needs:
        kind = "annotations" if need.annotation else "media"
        print(f"{need.fault.upper() or 'there'}: {need.path} ({kind})")
    if found.fault:
        print(f"The questions cannot be read: {found.fault}")
        return
    print(f"{name}: {counted(found.questions or 0, 'question')}, {counted(found.pairs, 'pair')}.")
    if found.lone_pairs:
        print(
            f"Of {counted(found.lone_pairs, 'pair')} one side is MISSING, so that no answer makes them right."
        )
    for one in found.media:
        first = f"; the first: {', '.join(one.first)}" if one.missing else ""
        print(f"{one.kind}: {one.needed - one.missing} of {one.needed} there, {one.missing} missing{first}")
        if one.unusable:
            reasons = ", ".join(f"{number} {reason}" for reason, number in one.unusable.items())
            print(f"{one.kind}: there and UNUSABLE: {reasons}; the first: {', '.join(one.first_unusable)}")


def list_models(
    presets: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="YAML of presets of your own, which go before the others."),
    ] = None,
    json: AsJson = False,
) -> None:
    """List the presets that `generate --model` knows: how each model is asked."""
    from retroflip.bench.presets import read_presets

    found = read_presets(presets)
    if json:
        print_json({name: one.model_dump(mode="json", exclude_none=True) for name, one in found.items()})
        return
    rows = [
        [
            name,
            one.model,
            one.prompt.value if one.prompt else "-",
            f"{one.sampler or '-'} {one.frames or ''}".strip(),
        ]
        for name, one in found.items()
    ]
    print_table("Presets", ("name", "model", "prompt", "frames"), rows, numbers=False)
