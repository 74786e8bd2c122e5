"""The sources of DyBench, by name: one file each, which has one `SOURCE`, and a line in `_ALL`."""

from retroflip.bench.dybench.base import Source
from retroflip.bench.dybench.sources import mhbench, ssv2

_ALL: tuple[Source, ...] = (ssv2.SOURCE, mhbench.SOURCE)
SOURCES: dict[str, Source] = {source.name: source for source in _ALL}
