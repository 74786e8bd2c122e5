"""Parquet tables. Columns that hold files' bytes, such as pictures, are passed over."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retroflip.data.forms.base import Form, Row
from retroflip.errors import DataError

_MAGIC = b"PAR1"
_PLAIN = (str, int, float, bool, type(None))


def _rows(path: Path) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            names = [field.name for field in file.schema_arrow if not _holds_bytes(field.type)]
            number = 0
            for batch in file.iter_batches(columns=names):
                for record in batch.to_pylist():
                    number += 1
                    yield number, {name: _plain(value) for name, value in record.items()}
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: this Parquet file cannot be read ({error}). Get it anew.") from error


def _holds_bytes(kind: Any) -> bool:
    from pyarrow import types

    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return True
    return any(_holds_bytes(kind.field(index).type) for index in range(kind.num_fields))


def _plain(value: Any) -> Any:
    """Return a value as JSON would hold it; dates and decimals as their text."""
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, _PLAIN) else str(value)


FORM = Form("a Parquet file", lambda head: head.startswith(_MAGIC), _rows, table=True)
