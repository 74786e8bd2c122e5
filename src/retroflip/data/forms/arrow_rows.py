"""What the columns of Arrow's tables hold, whatever file they are kept in, as the values that JSON has."""

from collections.abc import Iterable, Iterator
from typing import Any

from retroflip.data.forms.base import Row, Spot

_PLAIN = (str, int, float, bool, bytes, type(None))
_TOGETHER = 256
"""records that become Python's values together"""


def named(schema: Any, *, with_bytes: bool) -> list[str]:
    """Return the names of the columns that are read: without bytes those of texts, numbers, lists and mappings."""
    return [field.name for field in schema if with_bytes or not _holds_bytes(field.type)]


def records(batches: Iterable[Any]) -> Iterator[Row]:
    """Yield the records of Arrow's batches with their numbers."""
    number = 0
    for batch in batches:
        for first in range(0, batch.num_rows, _TOGETHER):
            for record in batch.slice(first, _TOGETHER).to_pylist():
                number += 1
                yield Spot(number, unit="row"), {name: _plain(value) for name, value in record.items()}


def _holds_bytes(kind: Any) -> bool:
    from pyarrow import types

    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return True
    return any(_holds_bytes(kind.field(index).type) for index in range(kind.num_fields))


def _plain(value: Any) -> Any:
    """Return a value as JSON would hold it; dates and decimals as their text. Bytes stay bytes."""
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, _PLAIN) else str(value)
