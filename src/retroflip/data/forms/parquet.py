"""Parquet tables. Columns that hold files' bytes, such as pictures, are passed over unless they are asked for."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from retroflip.data.forms.arrow_rows import named, records
from retroflip.data.forms.base import Form, Row
from retroflip.errors import DataError

_MAGIC = b"PAR1"
_TOGETHER = 1024
"""records that are in memory together: a table of pictures has large ones"""


def _rows(path: Path, *, with_bytes: bool = False) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            names = named(file.schema_arrow, with_bytes=with_bytes)
            yield from records(file.iter_batches(batch_size=_TOGETHER, columns=names))
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: this Parquet file cannot be read ({error}). Get it anew.") from error


FORM = Form(
    "a Parquet file",
    lambda head: head.startswith(_MAGIC),
    _rows,
    table=True,
    with_bytes=partial(_rows, with_bytes=True),
)
