"""Arrow streams, as `datasets.save_to_disk` writes them. Columns that hold files' bytes are as in Parquet tables."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from retroflip.data.forms.arrow_rows import named, records
from retroflip.data.forms.base import Form, Row
from retroflip.errors import DataError

_CONTINUATION = b"\xff\xff\xff\xff"
"""the first four bytes of every message (Arrow's columnar format, encapsulated messages)"""


def _rows(path: Path, *, with_bytes: bool = False) -> Iterator[Row]:
    import pyarrow
    from pyarrow import ipc

    try:
        with pyarrow.memory_map(str(path)) as source, ipc.open_stream(source) as stream:
            names = named(stream.schema, with_bytes=with_bytes)
            yield from records(batch.select(names) for batch in stream)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: this Arrow file cannot be read ({error}). Get it anew.") from error


FORM = Form(
    "an Arrow stream",
    lambda head: head.startswith(_CONTINUATION),
    _rows,
    table=True,
    with_bytes=partial(_rows, with_bytes=True),
)
