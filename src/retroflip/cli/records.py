"""`retroflip validate` and `retroflip pairs`."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from retroflip.cli.columns import Columns, RootOption, column_map
from retroflip.cli.terminal import AsJson, example, print_json, shown_progress
from retroflip.errors import UsageError, counted

if TYPE_CHECKING:
    from retroflip.bench.clip_pairs import Made
    from retroflip.data.forms.base import Spot
    from retroflip.data.records import RecordsRead

SHOWN_FAULTS = 20


class SpatiotemporalName(StrEnum):
    """What is done to the clips of spatiotemporal questions."""

    ANY = "any"
    MIRROR = "mirror"
    REVERSE = "reverse"


class _Fault(NamedTuple):
    """What is wrong with one record; no spot and no id stand for the file as a whole."""

    spot: "Spot | None"
    id: str
    message: str

    def __str__(self) -> str:
        spot = str(self.spot or "")
        known = self.id if self.id.isprintable() else repr(self.id)
        name = f"{spot} ({known:.60})" if spot and known else spot or known
        return f"{name}: {self.message}" if name else self.message

    def as_json(self) -> dict[str, Any]:
        """Return it as the report has it."""
        line, record = (self.spot.line, self.spot.record) if self.spot else (None, None)
        return {"line": line, "record": record, "id": self.id, "message": self.message}


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=example("retroflip validate data/pairs/records.jsonl --media"))(validate)
    command = "retroflip pairs data/mine.jsonl --out data/pairs"
    app.command(epilog=example(command))(pairs)


def validate(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Records: JSONL, JSON, CSV or Parquet.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="FILE by the name that it has in `retroflip generate`."),
    ] = None,
    media: Annotated[
        bool, typer.Option("--media", help="Decode every video and image too, several at a time.")
    ] = False,
    root: RootOption = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Files decoded at once.", show_default="the machine's cores, at most 8"),
    ] = None,
    columns: Columns = None,
    json: AsJson = False,
) -> None:
    """Check a data file, without a model, and name every fault at once.

    Every record must be readable. The right answer to every question must score 1, an empty answer 0, and the
    answer of a pair's other side 0; an answer to the mirrored or reversed clip must fit the task type. Exit code 1
    where anything is at fault.
    """
    from retroflip.bench.selfcheck import check_rewards, remarks, spans_behind_their_videos
    from retroflip.data.records import survey_records
    from retroflip.data.sample import Modality

    given = _only(file, data)
    read = survey_records(given, tuple(Modality), column_map(columns))
    checked = check_rewards(read.samples)
    faults = [_Fault(fault.spot, fault.id, str(fault.error)) for fault in read.faults]
    faults += [_Fault(read.spots.get(fault.id), fault.id, fault.message) for fault in checked.faults]
    if not read.samples and not faults:
        faults.append(_Fault(None, "", read.note or f"{given}: the file holds no records."))
    files = None
    if media:
        failed = _failed_media(read, root or given.parent, workers)
        behind = spans_behind_their_videos(read.samples, root or given.parent)
        files = {
            "checked": len({medium.path for sample in read.samples for medium in sample.shown}),
            "failed": len(failed),
        }
        faults += failed
        faults += [_Fault(read.spots.get(fault.id), fault.id, fault.message) for fault in behind]
    faults.sort(key=lambda fault: fault.spot.record if fault.spot else float("inf"))
    notes = [*([read.note] if read.note else []), *remarks(read.samples)]
    counts = {
        "questions": checked.questions,
        "pairs": checked.pairs,
        "skipped": read.skipped,
        "media": files,
    }
    if json:
        print_json({**counts, "faults": [fault.as_json() for fault in faults], "notes": notes})
    else:
        _show(faults, notes, counts)
    if faults:
        raise typer.Exit(1)


def _only(file: Path | None, data: Path | None) -> Path:
    given = file or data
    if given is None or (file and data):
        raise UsageError("Name one file of records: `retroflip validate FILE`.")
    return given


def pairs(
    records: Annotated[
        Path, typer.Argument(metavar="RECORDS", help="Questions about your clips, JSONL or JSON.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="New folder of the pairs; a rerun goes on in it.")],
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where video paths start.", show_default="the folder of the records"
        ),
    ] = None,
    spatiotemporal: Annotated[
        SpatiotemporalName,
        typer.Option(
            help="What is done to clips of spatiotemporal questions: any is what makes the answer known."
        ),
    ] = SpatiotemporalName.ANY,
    crf: Annotated[int, typer.Option(min=1, max=51, help="Quality of both sides, x264's: 1 is best.")] = 18,
    columns: Columns = None,
    json: AsJson = False,
) -> None:
    """Make counterfactual pairs from your own clips: mirrored or played backwards.

    A record's task_type says which: spatial questions get the mirror image, temporal ones the clip played backwards.
    The answer to the other clip is the record's counterfactual_solution, or the option that says of it what the right
    one says of the clip (left and right, opens and closes). Questions of which neither is known are listed.
    """
    from retroflip.bench.clip_pairs import Spatiotemporal, make_pairs

    start = root or records.parent
    if not start.is_dir():
        raise UsageError(
            f"--root {start} is not a folder. Name the folder that the records' paths start from."
        )
    with shown_progress() as progress:
        made = make_pairs(
            records,
            start,
            out,
            Spatiotemporal(spatiotemporal.value),
            crf,
            progress,
            columns=column_map(columns),
        )
    _report_pairs(made, out, json=json)


def _report_pairs(made: "Made", out: Path, *, json: bool) -> None:
    from retroflip.bench.clip_pairs import FAILURES, UNKNOWN, summary
    from retroflip.data.folder import RECORDS_NAME

    found = summary(made)
    if json:
        print_json({**found, "records": out / RECORDS_NAME})
        return
    if made.note:
        print(made.note)
    reasons = list(found["reasons"].items())
    for reason, count in reasons[:SHOWN_FAULTS]:
        print(f"{count} without a pair: {reason}")
    if len(reasons) > SHOWN_FAULTS:
        print(f"... and {counted(len(reasons) - SHOWN_FAULTS, 'more reason')}.")
    if reasons:
        print(f"All questions without a pair: {out / UNKNOWN}")
    if made.failed:
        print(f"{counted(len(made.failed), 'question')} left out because of the video: {out / FAILURES}")
    done = f"{found['mirrored']} mirrored and {found['reversed']} reversed"
    print(f"{counted(found['pairs'], 'pair')}, {done}: {out / RECORDS_NAME}")


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
    return [_Fault(read.spots[sample.id], sample.id, message) for message, sample in first.items()]


def _show(faults: Sequence[_Fault], notes: Sequence[str], counts: Mapping[str, Any]) -> None:
    """Print the first faults, those with the same message together, all notes, and how much was checked."""
    together: dict[str, list[_Fault]] = {}
    for fault in faults:
        together.setdefault(fault.message, []).append(fault)
    for first, *others in list(together.values())[:SHOWN_FAULTS]:
        also = f" (and {len(others)} more with the same fault, the last: {others[-1].spot})" if others else ""
        print(f"{first}{also}")
    if len(together) > SHOWN_FAULTS:
        print(f"... and {len(together) - SHOWN_FAULTS} more; --json lists all.")
    for note in notes:
        print(f"Note: {note}")
    looked = [counted(counts["questions"], "question"), counted(counts["pairs"], "pair")]
    looked += [counted(counts["media"]["checked"], "file")] if counts["media"] else []
    print(f"{', '.join(looked[:-1])} and {looked[-1]} checked: {counted(len(faults), 'fault')}.")
