"""The card of an imported data set: a page of Markdown that says where it comes from and what is in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retroflip.data.sources.base import Source
from retroflip.data.tally import Tally

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


def card_text(source: Source, tally: Tally, rejects: Mapping[str, int], files: Mapping[Path, str]) -> str:
    """Return the card. files: by their paths the SHA-256 of those that were read."""
    counts = tally.as_json()
    facts = [
        f"{counts['samples']} records about {counts['media_files']} files",
        *([f"{counts['parts_of_videos']} about a part of a video"] if counts["parts_of_videos"] else []),
        *([f"{counts['several_media']} that show several files"] if counts["several_media"] else []),
        *([f"{counts['traces']} with reasoning"] if counts["traces"] else []),
    ]
    parts = [
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
    rows = "".join(f"| {_cell(name)} | {value} |\n" for name, value in shown)
    more = f"\nand {len(values) - len(shown)} more.\n" if len(values) > len(shown) else ""
    return f"| {title} | {unit} |\n| --- | ---: |\n{rows}{more}"


def _cell(text: str) -> str:
    """Return a text that stays in its cell."""
    return " ".join(str(text).replace("|", "\\|").split()) or " "
