"""What a paper reports of a study's arms, as printed: numbers of a table, and orders that a figure shows.

Arms stand for the rows they come nearest to. The papers' runs are single, on other models, data and benchmarks, so what
can be compared is which of two came out ahead, never by how much.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from retroflip.bench.metrics.base import Measure


@dataclass(frozen=True)
class Claim:
    """That one arm has more of a measure than another, by so many points where a table says so."""

    greater: str
    lesser: str
    points: float | None = None


@dataclass(frozen=True)
class Reference:
    """A table or a figure.

    shows: what the paper measured. measure: what the study compares with it. values: the table's numbers by arm.
    orders: (more, less), for what a figure or the text says without numbers.
    """

    source: str
    shows: str
    measure: Measure
    values: Mapping[str, float] = field(default_factory=dict)
    orders: tuple[tuple[str, str], ...] = ()
    note: str = ""

    def claims(self) -> Iterator[Claim]:
        """Yield every two rows that differ, the one ahead first, and then the orders."""
        for first, second in combinations(self.values, 2):
            ahead, behind = sorted((first, second), key=self.values.__getitem__, reverse=True)
            points = round(self.values[ahead] - self.values[behind], 1)
            if points:
                yield Claim(ahead, behind, points)
        yield from (Claim(more, less) for more, less in self.orders)
