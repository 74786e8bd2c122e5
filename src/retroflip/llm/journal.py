"""A journal of finished calls: JSON lines, only ever added to. A call that stands in it is not made again."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retroflip.errors import DataError, first_fault
from retroflip.files.storage import append_jsonl, each_row, placed_rows, row_at
from retroflip.llm.client import Reply

LATENCIES = ((1.0, "under 1 s"), (10.0, "1 to 10 s"), (60.0, "10 to 60 s"))
SLOW = "over 60 s"
DISCARDED = "discarded"
"""the finish of a call whose response could not be used"""
Row = dict[str, Any]
_BEGIN = b'{"key": "'
"""of every row"""


class _Form(BaseModel):
    """What every row holds, besides what a call was about."""

    model_config = ConfigDict(extra="allow", strict=True)

    key: str
    role: str
    text: str
    finish: str
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    latency: str
    faults: list[str]


class Journal:
    """The finished calls of a run, by the hash of what was asked. One process writes it, from any number of threads.

    Of a call only its place in the file is in memory, so that a run may have millions. finished, discarded: calls,
    those of earlier runs included; a discarded one could not be used and is charged all the same. prompt_tokens,
    completion_tokens: what was charged.
    """

    def __init__(self, path: Path) -> None:
        """Read what an earlier run left.

        Raises DataError, with the line's number, for damage other than a torn last line and for a file that is no
        journal; the file stays as it is.
        """
        self._path, self._lock = path, threading.Lock()
        self._begins: dict[bytes, int] = {}
        self.finished = self.discarded = self.prompt_tokens = self.completion_tokens = 0
        for begin, row in _read(path) if path.exists() else ():
            self._take(begin, row)

    def __len__(self) -> int:
        return self.finished + self.discarded

    def _take(self, begin: int, row: Row) -> None:
        if row["finish"] == DISCARDED:
            self.discarded += 1
        else:
            self.finished += 1
            self._begins[_short(row["key"])] = begin
        self.prompt_tokens += row["prompt_tokens"]
        self.completion_tokens += row["completion_tokens"]

    def rows(self) -> Iterator[Row]:
        """Yield all rows, in the order in which the calls finished."""
        return each_row(self._path) if self._path.exists() else iter(())

    def text_of(self, key: str) -> str | None:
        """Return the response to a call, None where it was not made yet."""
        with self._lock:
            begin = self._begins.get(_short(key))
        return None if begin is None else str(row_at(self._path, begin)["text"])

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
            self._take(append_jsonl(self._path, row), row)


def _short(key: str) -> bytes:
    """Return what a key is known by in memory."""
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


def _read(path: Path) -> Iterator[tuple[int, Row]]:
    """Yield a journal's rows, each held to its form, with the bytes at which they begin."""
    number = end = 0
    for number, begin, end, row in placed_rows(path):  # noqa: B007 - the last ones are used below
        try:
            _Form.model_validate(row)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise _foreign(path, number, f"{where}: {first_fault(error)}") from error
        yield begin, row
    with path.open("rb") as stream:
        stream.seek(end)
        torn = stream.read().lstrip(b"\n")
    # A power cut can leave zeros behind what was written.
    begun = torn.rstrip(b"\0")[: len(_BEGIN)]
    if not _BEGIN.startswith(begun):
        raise _foreign(path, number + 1, f"it begins with {begun.decode(errors='replace')!r}")


def _foreign(path: Path, number: int, why: str) -> DataError:
    return DataError(
        f"{path}, line {number}: not a row of a journal of calls ({why}). The file is another program's, or was "
        "changed or damaged; move it away or name another place for the run, or, in a journal, delete that line: its "
        "call is then made again."
    )


def key_of(value: Any) -> str:
    """Return the hash by which a call is known: SHA-256 of what it asks, in canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
