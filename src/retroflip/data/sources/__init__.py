"""Published data sets by name. Adding one takes its file and a line here."""

import difflib

from retroflip.data.sources import (
    activitynet_tvg,
    arrowgev,
    charades_sta,
    dapo_math,
    llava_video,
    mmr_v,
    nextgqa,
    records,
    sti_bench,
    thinklite,
    timer1,
    tvbench,
    video_r1,
    virl39k,
)
from retroflip.data.sources.base import Source
from retroflip.errors import UsageError

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        video_r1.SOURCE,
        tvbench.SOURCE,
        sti_bench.SOURCE,
        mmr_v.SOURCE,
        llava_video.SOURCE,
        virl39k.SOURCE,
        thinklite.SOURCE,
        dapo_math.SOURCE,
        charades_sta.SOURCE,
        activitynet_tvg.SOURCE,
        nextgqa.SOURCE,
        timer1.SOURCE,
        arrowgev.SOURCE,
        records.SOURCE,
    )
}


def source_named(name: str) -> Source:
    """Return the source of this name. Raises UsageError for an unknown one."""
    if name in SOURCES:
        return SOURCES[name]
    near = difflib.get_close_matches(name, SOURCES, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(f"There is no source named {name!r:.60}.{hint} There are: {', '.join(SOURCES)}.")
