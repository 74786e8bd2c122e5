"""`retroflip validate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from retroflip.cli.terminal import AsJson, example, print_json, shown_progress
from retroflip.errors import UsageError

if TYPE_CHECKING:
    from retroflip.data.records import RecordsRead

SHOWN_FAULTS = 20


class _Fault(NamedTuple):
    """What is wrong with one record; line 0 and no id stand for the file as a whole."""

    line: int
    id: str
    message: str

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        known = self.id if self.id.isprintable() else repr(self.id)
        name = f"{line} ({known:.60})" if line and known else line or known
        return f"{name}: {self.message}" if name else self.message


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=example("retroflip validate --data data/pairs/records.jsonl --media"))(validate)


def validate(
    data: Annotated[Path, typer.Option(metavar="FILE", help="Records, JSONL or JSON.")],
    media: Annotated[
        bool, typer.Option("--media", help="Decode every video and image too, several at a time.")
    ] = False,
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where the files' paths start.", show_default="the folder of the data"
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Files decoded at once.", show_default="the machine's cores, at most 8"),
    ] = None,
    json: AsJson = False,
) -> None:
    """Check a data file, without a model, and name every fault at once.

    Every record must be readable. The right answer to every question must score 1, an empty answer 0, and the
    answer of a pair's other side 0. Exit code 1 where anything is at fault.
    """
    from retroflip.bench.selfcheck import check_rewards, remarks
    from retroflip.data.records import survey_records
    from retroflip.data.sample import Modality

    read = survey_records(data, tuple(Modality))
    checked = check_rewards(read.samples)
    faults = [_Fault(fault.line, fault.id, str(fault.error)) for fault in read.faults]
    faults += [_Fault(read.lines.get(fault.id, 0), fault.id, fault.message) for fault in checked.faults]
    if not read.samples and not faults:
        faults.append(_Fault(0, "", read.note or f"{data}: the file holds no records."))
    files = None
    if media:
        failed = _failed_media(read, root or data.parent, workers)
        files = {
            "checked": len({sample.video for sample in read.samples if sample.video}),
            "failed": len(failed),
        }
        faults += failed
    faults.sort(key=lambda fault: fault.line or float("inf"))
    notes = [*([read.note] if read.note else []), *remarks(read.samples)]
    if json:
        shown = [fault._asdict() for fault in faults]
        counts = {
            "questions": checked.questions,
            "pairs": checked.pairs,
            "skipped": read.skipped,
            "media": files,
        }
        print_json({**counts, "faults": shown, "notes": notes})
    else:
        _show(faults, notes)
        looked = f" and {files['checked']} files" if files else ""
        print(
            f"{checked.questions} questions and {checked.pairs} pairs{looked} checked: {len(faults)} faults."
        )
    if faults:
        raise typer.Exit(1)


def _failed_media(read: "RecordsRead", root: Path, workers: int | None) -> list[_Fault]:
    """Decode the files of all samples; the same error about one file is told once, with the first record."""
    from retroflip.data.dataset import VideoDataset, failed_media
    from retroflip.data.manifest import manifest_beside

    if not root.is_dir():
        raise UsageError(
            f"--root {root} is not a folder. Name the folder that the records' paths start from."
        )
    dataset = VideoDataset(read.samples, root, manifest_beside(root), frames=2)
    with shown_progress() as progress:
        failed = failed_media(dataset, progress, workers)
    first = {str(error): sample for sample, error in reversed(failed)}
    return [_Fault(read.lines[sample.id], sample.id, message) for message, sample in first.items()]


def _show(faults: Sequence[_Fault], notes: Sequence[str]) -> None:
    """Print the first faults, those with the same message together, and all notes."""
    together: dict[str, list[_Fault]] = {}
    for fault in faults:
        together.setdefault(fault.message, []).append(fault)
    for first, *others in list(together.values())[:SHOWN_FAULTS]:
        also = (
            f" (and {len(others)} more with the same fault, the last on line {others[-1].line})"
            if others
            else ""
        )
        print(f"{first}{also}")
    if len(together) > SHOWN_FAULTS:
        print(f"... and {len(together) - SHOWN_FAULTS} more; --json lists all.")
    for note in notes:
        print(f"Note: {note}")
