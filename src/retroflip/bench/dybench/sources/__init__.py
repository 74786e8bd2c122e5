"""The sources of DyBench, by name: one file each, which has one `SOURCE`, and a line in `_ALL`."""

from retroflip.bench.dybench.base import Source

_ALL: tuple[Source, ...] = ()
SOURCES: dict[str, Source] = {source.name: source for source in _ALL}
