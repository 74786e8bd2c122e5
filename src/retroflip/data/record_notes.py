"""What is odd about a record and does not stop it: times that a model is not told as they are, a clip that no transform
changes, a trace with another answer. Each record is named once in a file, and the first one aloud.

Of several processes each writes a file of its own (`files/shards.py`), which `gather_notes` puts together.
"""

import logging
from pathlib import Path

from retroflip.files.shards import other_shards
from retroflip.files.storage import append_jsonl, read_jsonl

NOTES = "notes.jsonl"

_log = logging.getLogger(__name__)


class Notes:
    """The notes of a run or of a folder of answers; those of an earlier start count as well.

    path: JSON lines of id and note.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._named = named(path)

    def add(self, identity: str, note: str) -> None:
        """Write a record's note unless it has one."""
        if identity in self._named:
            return
        if not self._named:
            _log.warning(
                "Sample %s: %s All records of this kind are listed in %s.", identity, note, self.path
            )
        self._named.add(identity)
        append_jsonl(self.path, {"id": identity, "note": note})


def named(path: Path) -> set[str]:
    """Return the ids of the records that a file of notes names; none where there is no file."""
    return {str(row["id"]) for row in read_jsonl(path)} if path.exists() else set()


def gather_notes(folder: Path) -> None:
    """Put the notes of all processes into one file; a record that several have named is named once."""
    notes = Notes(folder / NOTES)
    for path in other_shards(folder, NOTES):
        for row in read_jsonl(path):
            notes.add(str(row["id"]), str(row["note"]))
        path.unlink()
