"""Records in a file of any form in `data/forms/`, with their videos in files."""

from retroflip.data.dataset import VideoDataset
from retroflip.data.manifest import manifest_beside
from retroflip.data.records import read_records
from retroflip.recipes.schema import DataSection
from retroflip.train.datasets.base import Choice, NamedData, Source
from retroflip.video.frames import Fits


def _open(section: DataSection, fits: Fits | None, choose: Choice | None) -> NamedData:
    read = read_records(section.records_file, section.modalities, section.columns)
    dataset = VideoDataset(
        samples=(choose or section.chosen)(read.samples),
        root=section.root_folder,
        manifest=manifest_beside(section.root_folder),
        frames=section.frames,
        pool=section.pool,
        fits=fits,
        sampler=section.sampling,
    )
    return NamedData(dataset, read.skipped, read.note)


SOURCE = Source("records", lambda _: True, _open)
