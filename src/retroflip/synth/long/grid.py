"""Grids of cells, and how questions name a cell."""

from dataclasses import dataclass

Cell = tuple[int, int]
"""row and column, counted from 1 at the top left"""

AXES = "Rows are counted from the top, columns from the left."


@dataclass(frozen=True)
class Grid:
    """A grid in the middle of the frame, `span` wide or high, whichever is more."""

    rows: int
    columns: int
    span: float = 0.84

    @property
    def pitch(self) -> float:
        """The side of a cell."""
        return self.span / max(self.rows, self.columns)

    def centre(self, cell: Cell) -> tuple[float, float]:
        """Return x and y of a cell's middle."""
        return (
            0.5 + (cell[1] - (self.columns + 1) / 2) * self.pitch,
            0.5 + (cell[0] - (self.rows + 1) / 2) * self.pitch,
        )

    def cells(self) -> list[Cell]:
        """Return every cell, row by row."""
        return [(row, column) for row in range(1, self.rows + 1) for column in range(1, self.columns + 1)]

    def mirrored(self, cell: Cell) -> Cell:
        """Return the cell in which a mirror shows that cell."""
        return cell[0], self.columns + 1 - cell[1]


def cell_words(cell: Cell) -> str:
    """Return a cell as options name it."""
    return f"row {cell[0]}, column {cell[1]}"
