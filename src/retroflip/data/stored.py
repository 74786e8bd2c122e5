"""Samples that lie in a file, so that a list of them takes no memory."""

import os
import tempfile
from array import array
from collections.abc import Iterable, Sequence
from typing import overload

from retroflip.data.sample import Sample


class StoredSamples(Sequence[Sample]):
    """Samples that are read from a file of this process one at a time; 8 bytes of each are in memory.

    The file has no name and ends with the process.
    """

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as this is
        self._ends = array("q", [0])
        for sample in samples:
            self.append(sample)

    def append(self, sample: Sample) -> None:
        """Add a sample."""
        written = self._file.write(sample.model_dump_json(exclude_defaults=True).encode())
        self._ends.append(self._ends[-1] + written)

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        self._file.flush()
        begin, end = (self._ends[index % len(self) + behind] for behind in (0, 1))
        return Sample.model_validate_json(os.pread(self._file.fileno(), end - begin, begin))
