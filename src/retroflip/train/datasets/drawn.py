"""Temporal videos that are drawn when they are needed, from the settings in a YAML file."""

from retroflip.errors import UsageError
from retroflip.recipes.schema import DataSection
from retroflip.synth.drawn import DrawnDataset, are_settings, read_settings
from retroflip.train.datasets.base import Choice, NamedData, Source
from retroflip.video.frames import Fits


def _open(section: DataSection, fits: Fits | None, _: Choice | None) -> NamedData:
    if section.labels:
        raise UsageError(
            f"data.labels cannot choose among videos that are drawn: name kinds or labels in {section.records}."
        )
    if section.columns:
        raise UsageError(
            f"data.columns maps nothing of videos that are drawn by {section.records}: leave it out."
        )
    drawn = DrawnDataset.of(
        read_settings(section.records_file),
        section.limit,
        fits,
        root=section.root_folder,
        frames=section.frames,
        pool=section.pool,
    )
    return NamedData(drawn.seen(section.frames, fits, section.sampling), {}, "")


SOURCE = Source("videos that are drawn", are_settings, _open)
