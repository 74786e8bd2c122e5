"""A journal of finished calls: JSON lines, only ever added to. A call that stands in it is not made again."""

import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retroflip.files import append_jsonl, read_jsonl
from retroflip.llm.client import Reply

LATENCIES = ((1.0, "under 1 s"), (10.0, "1 to 10 s"), (60.0, "10 to 60 s"))
SLOW = "over 60 s"
Row = dict[str, Any]


class Journal:
    """The finished calls of a run, by the hash of what was asked. One process writes it, from any number of threads."""

    def __init__(self, path: Path) -> None:
        """Read what an earlier run left. Raises DataError for damage other than a torn last line."""
        self._path = path
        self._lock = threading.Lock()
        self._rows = {str(row["key"]): row for row in (read_jsonl(path) if path.exists() else [])}

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> list[Row]:
        """Return all rows, in the order in which the calls finished."""
        with self._lock:
            return list(self._rows.values())

    def text_of(self, key: str) -> str | None:
        """Return the response to a call, None where it was not made yet."""
        with self._lock:
            row = self._rows.get(key)
        return None if row is None else str(row["text"])

    def add(self, key: str, about: Mapping[str, Any], reply: Reply) -> None:
        """Write a finished call down before anything is done with it. about: the role, sample and round."""
        row = {
            "key": key,
            **about,
            "text": reply.text,
            "finish": reply.finish,
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": reply.completion_tokens,
            "latency": next((name for limit, name in LATENCIES if reply.seconds < limit), SLOW),
            "faults": list(reply.faults),
        }
        with self._lock:
            append_jsonl(self._path, row)
            self._rows[key] = row


def key_of(value: Any) -> str:
    """Return the hash by which a call is known: SHA-256 of what it asks, in canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
