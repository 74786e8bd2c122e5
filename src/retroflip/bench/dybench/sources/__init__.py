"""The sources of DyBench, by name: one file each, which has a `SOURCE` or several, and a line in `_ALL`."""

from retroflip.bench.dybench.base import Source
from retroflip.bench.dybench.sources import (
    clevrer,
    folder,
    got10k,
    mhbench,
    mstcn,
    ssv2,
    synthetic,
    tempcompass,
    vidhalluc,
)

_ALL: tuple[Source, ...] = (
    ssv2.SOURCE,
    mhbench.SOURCE,
    folder.SOURCE,
    got10k.SOURCE,
    clevrer.SOURCE,
    mstcn.BREAKFAST,
    mstcn.SALADS,
    vidhalluc.SOURCE,
    tempcompass.SOURCE,
    synthetic.SOURCE,
    synthetic.LABORATORY,
)
SOURCES: dict[str, Source] = {source.name: source for source in _ALL}
