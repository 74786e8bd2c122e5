"""Answers that somebody else's program wrote beside the questions, in a file of any form and with keys of its own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retroflip.bench.records import AnswerRecord, Control, answer_record, failed_record
from retroflip.data.columns import Columns, check_present
from retroflip.data.forms import rows
from retroflip.data.records import read_records
from retroflip.data.sample import Modality
from retroflip.errors import DataError

RESPONSE = "response"
"""the key of what the model wrote; a column map may name another one"""


def read_foreign_answers(path: Path, columns: Columns) -> list[AnswerRecord]:
    """Return the answers in a file of which every record holds a question, its solution and a model's response.

    columns: as `read_records` takes it, and `response` too. A record without a response is a question that failed.
    Raises DataError as `read_records` does, and where no record has a response.
    """
    own = {target: source for target, source in columns.items() if target != RESPONSE}
    key = columns.get(RESPONSE, RESPONSE)
    if not isinstance(key, str):
        raise DataError(f"the column map has a list of columns for {RESPONSE!r}. Name one.")
    read = read_records(path, tuple(Modality), own)
    if read.skipped:
        raise DataError(f"{path}: {read.note} Remove these records: a response to them cannot be scored.")
    written = [row for _, row in rows(path) if isinstance(row, Mapping)]
    check_present({RESPONSE: key}, (name for row in written for name in row))
    return [
        failed_record(sample, Control.FULL, "no response was recorded")
        if (response := _text(row.get(key))) is None
        else answer_record(sample, response, Control.FULL)
        for sample, row in zip(read.samples, written, strict=True)
    ]


def _text(response: Any) -> str | None:
    """Return a response as text; the first one of a list, as harnesses write several draws."""
    if isinstance(response, list):
        return _text(response[0]) if response else None
    return response if response is None or isinstance(response, str) else json.dumps(response)
