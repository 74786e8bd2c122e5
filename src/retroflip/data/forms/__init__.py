"""Data files in every form that is read. `rows` is the one door to them; adding a form takes its file and a line here.

A file's form is told by how it begins; its name counts alone where that tells nothing, as of a table with one column.
"""

from collections.abc import Iterator
from pathlib import Path

from retroflip.data.forms import arrow, csv_table, json_records, parquet
from retroflip.data.forms.base import HEAD, Form, Row
from retroflip.errors import DataError
from retroflip.files.names import why_missing

FORMS: tuple[Form, ...] = (parquet.FORM, arrow.FORM, csv_table.FORM, json_records.FORM)
"""the first one that recognises a file reads it; the last takes everything, and says what it cannot read"""


def beginning(path: Path) -> bytes:
    """Return how a file begins, by which its form is told. Raises DataError for one that cannot be opened."""
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD)
    except OSError as error:
        raise DataError(
            f"{path}: the data file cannot be read ({error.strerror}). Check its path.{why_missing(path)}"
        ) from error


def form_of(path: Path) -> Form:
    """Return what reads a file. Raises DataError for one that cannot be opened."""
    head = beginning(path)
    form = next(form for form in FORMS if form.recognises(head))
    return csv_table.FORM if form is json_records.FORM and csv_table.is_named_so(path, head) else form


def rows(path: Path, *, with_bytes: bool = False) -> Iterator[Row]:
    """Yield a file's records and where they stand. Raises DataError where nothing of it can be read.

    with_bytes: with the files, such as pictures, that stand in it as bytes.
    """
    form = form_of(path)
    return form.with_bytes(path) if with_bytes and form.with_bytes is not None else form.rows(path)
