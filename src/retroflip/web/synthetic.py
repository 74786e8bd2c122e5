"""What a page shows of synthetic videos: their events and states over time, and the trace told beside them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retroflip.errors import DataError
from retroflip.files.names import why_missing
from retroflip.files.storage import read_json_object
from retroflip.synth.narration import event_claims
from retroflip.web.places import METADATA


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
    try:
        return _told(truth)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise DataError(f"{path}: it is not the metadata of a synthetic video ({error!r:.80}).") from error


def _told(truth: Mapping[str, Any]) -> dict[str, Any]:
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
                "claims": [_claim(claim) for claim in event_claims(one, truth)[1:]],
            }
            for one in truth["events"]
        ],
        "objects": {one["id"]: one["name"] for one in truth.get("objects") or []},
        "states": truth.get("states") or [],
        "trace": truth.get("trace") or "",
    }


def _claim(claim: Mapping[str, Any]) -> str:
    """Return a claim on one line: what it is about, and what it says of that."""
    about = claim.get("object") or claim.get("property", "")
    said = claim.get("value")
    return f"{about}: {', '.join(map(str, said)) if isinstance(said, list) else said}"
