"""The card of a data set: a page of Markdown that says where it comes from and what is in it, with the hub's head."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.data.folder import CARD, RECORDS_NAME
from retroflip.data.sample import Sample
from retroflip.data.sources.base import Source
from retroflip.data.tally import Tally, tally_of
from retroflip.errors import counted
from retroflip.files.markdown import table
from retroflip.files.storage import write_text_atomic

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST = "n>1M"
"""the hub's words for how many records there are"""

_SECTIONS = (
    ("by_modality", "modality"),
    ("by_type", "type of problem"),
    ("by_source", "source"),
    ("by_task_type", "task type"),
    ("by_licence", "licence of the videos"),
    ("options", "options"),
    ("answers", "right answer"),
    ("question_characters", "characters of the question"),
    ("pass_rates", "pass rate"),
)
_MOST_ROWS = 40


def size_of(records: int) -> str:
    """Return the hub's word for so many records.

    >>> size_of(1000)
    '1K<n<10K'
    """
    return next((name for most, name in SIZES if records < most), LARGEST)


def head(records: int, file: str, tags: Sequence[str] = (), split: str = "train", **more: Any) -> str:
    """Return a card's head in YAML, by which the hub finds it. file: the records', which alone are the data set."""
    from huggingface_hub import DatasetCardData  # slow to import, and workers that draw videos do without

    data = DatasetCardData(
        language="en",
        task_categories=["video-text-to-text", "visual-question-answering"],
        size_categories=size_of(records),
        tags=list(dict.fromkeys(["retroflip", "video", *tags])),
        configs=[{"config_name": "default", "data_files": [{"split": split, "path": file}]}],
        **more,
    )
    return f"---\n{str(data.to_yaml()).strip()}\n---\n"


def write_made(
    out: Path,
    title: str,
    about: str,
    samples: Iterable[Sample],
    tags: Sequence[str],
    split: str = "train",
) -> None:
    """Write the card of a data set that was made here, beside its records. Its licence is for its owner to say."""
    tally = tally_of(samples)
    counts = tally.as_json()
    parts = [
        head(tally.samples, RECORDS_NAME, tags, split),
        f"# {title}\n\n{about}\n\n{counted(counts['samples'], 'record')} about "
        f"{counted(counts['media_files'], 'file')}.\n",
        *(_table(name, counts[key], "records") for key, name in _SECTIONS if counts[key]),
    ]
    write_text_atomic(out / CARD, "\n".join(parts))


def card_text(
    source: Source, tally: Tally, rejects: Mapping[str, int], files: Mapping[Path, str], records: str
) -> str:
    """Return an imported data set's card. files: by their paths the SHA-256 of those that were read. records: its
    file's name."""
    counts = tally.as_json()
    facts = [
        f"{counted(counts['samples'], 'record')} about {counted(counts['media_files'], 'file')}",
        *([f"{counts['parts_of_videos']} about a part of a video"] if counts["parts_of_videos"] else []),
        *([f"{counts['several_media']} that show several files"] if counts["several_media"] else []),
        *([f"{counts['traces']} with reasoning"] if counts["traces"] else []),
    ]
    licence = {"license": "other", "license_name": "as-the-source-states"}
    parts = [
        head(tally.samples, records, [source.name], **licence),
        f"# {source.name}\n\n{source.title}.\n\n{', '.join(facts)}.\n",
        f"- Licence: {source.licence}.\n- Download: {source.get}.\n- Root: {source.root}.\n",
        _table("file", {path.name: sha256 for path, sha256 in files.items()}, "SHA-256"),
        *(_table(title, counts[key], "records") for key, title in _SECTIONS if counts[key]),
        _table("rows that became no record, by reason", rejects, "rows")
        if rejects
        else "No row was rejected.\n",
    ]
    return "\n".join(parts)


def _table(title: str, values: Mapping[str, Any], unit: str) -> str:
    shown = list(values.items())[:_MOST_ROWS]
    more = f"\nand {len(values) - len(shown)} more.\n" if len(values) > len(shown) else ""
    return f"{table([title, unit], shown, numbers=1)}\n{more}"
