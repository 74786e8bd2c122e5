"""The sources of DyBench, by name: one file each, which has one `SOURCE`, and a line in `_ALL`."""

from retroflip.bench.dybench.base import Source
from retroflip.bench.dybench.sources import clevrer, folder, got10k, mhbench, ssv2, synthetic

_ALL: tuple[Source, ...] = (
    ssv2.SOURCE,
    mhbench.SOURCE,
    folder.SOURCE,
    got10k.SOURCE,
    clevrer.SOURCE,
    synthetic.SOURCE,
    synthetic.LABORATORY,
)
SOURCES: dict[str, Source] = {source.name: source for source in _ALL}
