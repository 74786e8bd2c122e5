"""ActivityNet's moments in VideoAuto-R1's form: `{"video", "description", "timestamps"}`."""

from collections.abc import Iterator

from retroflip.data.sources.base import Entry, Place, Record, Source, Wanted, entries, files_of
from retroflip.data.sources.charades_sta import of_json


def _records(row: Record, place: Place) -> Iterator[Record]:
    return of_json(row, place, "ActivityNet-TVG")


def _read(wanted: Wanted) -> Iterator[Entry]:
    return entries(files_of(wanted, ("anet_tvg_filter.json", "*.json", "*.jsonl", "*.parquet")), _records)


SOURCE = Source(
    name="activitynet-tvg",
    title="ActivityNet-TVG: where in a video a sentence holds, VideoAuto-R1's selection",
    get="ActivityNet-TVG/ of huggingface.co/datasets/IVUL-KAUST/VideoAuto-R1-Data",
    root="the folder videos_train",
    licence="ActivityNet's own; not checked",
    read=_read,
)
