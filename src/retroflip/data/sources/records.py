"""Any file of records, or a local data set of Hugging Face, whose keys a column map names.

A folder is what `datasets.save_to_disk` wrote (Arrow files, in a folder a split where there are several), or a copy of
a data set's repository with files in any form that is read.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retroflip.data.columns import check_columns, check_present, mapped
from retroflip.data.sources.base import Entry, Place, Record, Source, Wanted, entries, files_of
from retroflip.errors import DataError, UsageError

_PATTERNS = (
    "*.arrow",
    "data/{}*.parquet",
    "{}*.parquet",
    "**/{}*.parquet",
    "{}*.jsonl",
    "data/{}*.jsonl",
    "{}*.json",
    "data/{}*.json",
    "{}*.csv",
    "data/{}*.csv",
)
_NOT_DATA = {"dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json", "manifest.json"}
_MOST_NAMES = 10_000


def _read(wanted: Wanted) -> Iterator[Entry]:
    check_columns(wanted.columns)
    names: dict[str, None] = {}

    def records(row: Record, _: Place) -> Iterator[Record]:
        if len(names) < _MOST_NAMES:
            names.update(dict.fromkeys(row))
        found = mapped(row, wanted.columns)
        yield {key: value for key, value in found.items() if key == "path" or not _holds_bytes(value)}

    files = _files(wanted)
    yield from entries(files, records)
    try:
        check_present(wanted.columns, names)
    except DataError as error:
        raise DataError(f"{wanted.path}: {error}") from error


def _holds_bytes(value: Any) -> bool:
    """Return whether a value is a file's content, or has one in it, as pictures of the library `datasets` have."""
    if isinstance(value, dict):
        return any(map(_holds_bytes, value.values()))
    return any(map(_holds_bytes, value)) if isinstance(value, list) else isinstance(value, bytes)


def _files(wanted: Wanted) -> list[Path]:
    folder = wanted.path
    if (folder / "dataset_dict.json").is_file():
        folder = folder / _split(folder, wanted.split)
    patterns = [pattern.format(wanted.split or "") for pattern in _PATTERNS]
    found = files_of(Wanted(folder), patterns)
    kept = [path for path in found if path.name not in _NOT_DATA]
    if not kept:
        raise UsageError(f"{folder}: the folder holds no file of records. Name the file itself.")
    return kept


def _split(folder: Path, wanted: str | None) -> str:
    """Return which of a saved data set's splits is read: the one asked for, or its only one."""
    try:
        known: Any = json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder / 'dataset_dict.json'}: names no splits. Save the data set again."
        ) from error
    names = [str(name) for name in known] if isinstance(known, list) else []
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted not in names:
        raise UsageError(f"{folder}: the data set has the splits {', '.join(names)}. Name one with --split.")
    return wanted


SOURCE = Source(
    name="records",
    title="any JSONL, JSON, CSV or Parquet file or local Hugging Face data set, by a column map (--columns)",
    get="anything",
    root="the folder that its paths start from",
    licence="its own",
    read=_read,
    takes=frozenset({"columns", "split"}),
)
