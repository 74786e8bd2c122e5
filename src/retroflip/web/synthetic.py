"""What a page shows of synthetic videos: their events and states over time, and the trace told beside them."""

from pathlib import Path
from typing import Any

from retroflip.errors import DataError
from retroflip.files.names import why_missing
from retroflip.files.storage import read_json_object

METADATA = "metadata"


def videos_of(folder: Path) -> list[dict[str, Any]]:
    """Return every video that is there, by the name of its metadata."""
    return [{"name": path.stem} for path in sorted((folder / METADATA).glob("*.json"))]


def timeline(folder: Path, name: str) -> dict[str, Any]:
    """Return what is known of one video: its file, its question, what happens when, and the trace.

    Raises DataError for a video that is not there.
    """
    path = folder / METADATA / f"{name}.json"
    if Path(name).name != name or not path.is_file():
        raise DataError(f"{name!r:.80}: there is no such video in {folder}.{why_missing(path)}")
    truth = read_json_object(path)
    return {
        "video": truth["video"]["path"],
        "seconds": truth["video"]["duration_ms"] / 1000,
        "kind": truth["kind"],
        "question": truth["question"]["text"],
        "options": truth["question"]["options"],
        "answer": truth["question"]["answer"],
        "events": [
            {
                "begin": one["start_ms"] / 1000,
                "end": one["end_ms"] / 1000,
                "type": one["type"],
                "note": one["note"],
            }
            for one in truth["events"]
        ],
        "states": truth.get("states") or [],
        "trace": truth.get("trace") or "",
    }
