"""Finished calls of a router, on disk whole, in memory as a few bytes each: a call that was paid is not made again."""

import threading
from pathlib import Path
from typing import Any

from retroflip.data.sample import TaskType
from retroflip.errors import DataError
from retroflip.files.storage import append_jsonl, stream_jsonl
from retroflip.llm.client import Reply

_LABELS = (None, *TaskType)
_COUNTED = ("prompt_tokens", "completion_tokens")
_DISCARDED = "discarded"


class Votes:
    """What a router's model said, by the hash of what it was asked. One process writes it, from any number of threads.

    finished, discarded: calls, those of earlier runs included. prompt_tokens, completion_tokens: what was charged.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Read what an earlier run left; without a path nothing is, nor is anything written.

        Raises DataError for damage other than a torn last line.
        """
        self._path, self._lock = path, threading.Lock()
        self._found: dict[bytes, int] = {}
        self.finished = self.discarded = self.prompt_tokens = self.completion_tokens = 0
        for number, row in enumerate(stream_jsonl(path) if path and path.exists() else (), start=1):
            try:
                self._take(row)
            except (KeyError, ValueError, TypeError) as error:
                raise DataError(
                    f"{path}, row {number}: not a call of a router ({type(error).__name__}: {error}). The file is "
                    "another program's or was changed; move it away, or name another --out."
                ) from error

    def _take(self, row: dict[str, Any]) -> None:
        if row["finish"] == _DISCARDED:
            self.discarded += 1
        else:
            self._found[bytes.fromhex(row["key"])] = _LABELS.index(row["label"])
            self.finished += 1
        self.prompt_tokens += int(row["prompt_tokens"])
        self.completion_tokens += int(row["completion_tokens"])

    def __contains__(self, key: str) -> bool:
        """Return whether a call was made."""
        with self._lock:
            return bytes.fromhex(key) in self._found

    def label(self, key: str) -> TaskType | None:
        """Return the label that a finished call gave; None for one that could not be read."""
        with self._lock:
            found = _LABELS[self._found[bytes.fromhex(key)]]
        return None if found is None else TaskType(found)

    def add(self, key: str, about: dict[str, Any], label: TaskType | None, reply: Reply) -> None:
        """Write a finished call down before anything is done with it. about: the sample and which vote."""
        row = {
            "key": key,
            **about,
            "label": label and label.value,
            "text": reply.text,
            "finish": reply.finish,
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": reply.completion_tokens,
            "faults": list(reply.faults),
        }
        with self._lock:
            if self._path is not None:
                append_jsonl(self._path, row)
            self._take(row)
