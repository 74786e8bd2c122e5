"""A file of records, and `--columns`: which of a foreign file's own keys say what (`data.columns` of a recipe)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from retroflip.errors import UsageError

ColumnMap: TypeAlias = dict[str, str | tuple[str, ...]]
RecordsArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="Records: JSONL, JSON, CSV or Parquet.")
]
RootOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where the files' paths start.", show_default="the folder of the data"),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MAP",
        help="For a file with keys of its own: '{problem: q, options: choices}', a YAML or JSON file that says so, or "
        "problem=q, as often as needed.",
    ),
]


def column_map(texts: Sequence[str] | None, others: Sequence[str] = ()) -> ColumnMap:
    """Return the map that all options say together.

    others: what the command maps beside the keys of a record. Raises UsageError for an option that is no column map,
    and DataError for one that maps something that is not read.
    """
    from retroflip.data.columns import check_columns

    found: ColumnMap = {}
    for text in texts or ():
        for target, source in _pairs(text):
            names = (
                (source,) if isinstance(source, str) else tuple(source) if isinstance(source, list) else ()
            )
            if not names or not all(isinstance(name, str) for name in names):
                raise UsageError(
                    f"--columns {text!r:.80} has no column's name for {target}. Write, say, --columns "
                    "'{problem: q, options: choices, solution: label, path: clip}'."
                )
            found[target] = source if isinstance(source, str) else names
    check_columns({target: source for target, source in found.items() if target not in others})
    return found


def _pairs(text: str) -> Iterator[tuple[str, Any]]:
    from retroflip.recipes.reading import parse_override, read_mapping

    if text.lstrip().startswith("{"):
        yield from parse_override(f"columns={text}")[1].items()
    elif "=" in text:
        yield parse_override(text)
    elif Path(text).is_file():
        yield from read_mapping(Path(text)).items()
    else:
        raise UsageError(
            f"--columns {text!r:.80} is no map, no NAME=COLUMN and no file. Write, say, --columns problem=q."
        )
