"""What may be named as data: a file of records, a mixture of several, settings of videos that are drawn, and more.

`dataset_of` is the one door. Which source a file belongs to is told by how it begins, never by its name. Adding one
takes its file and a line here; a form of record files is added to `data/forms/` instead.
"""

from pathlib import Path

from retroflip.data.forms import beginning
from retroflip.recipes.schema import DataSection
from retroflip.train.datasets import drawn, mixed, recorded
from retroflip.train.datasets.base import Choice, NamedData, Source
from retroflip.video.frames import Fits

SOURCES: tuple[Source, ...] = (mixed.SOURCE, drawn.SOURCE, recorded.SOURCE)
"""the first one that recognises a file opens it; the last takes everything, and says what it cannot read"""


def dataset_of(section: DataSection, fits: Fits | None, choose: Choice | None = None) -> NamedData:
    """Return the data that a recipe names.

    fits: how large the model sees it; None leaves it as it is stored. choose: which of the records read are used, by
    default what the section asks for. Raises DataError and UsageError as the source does.
    """
    if section.mixture is not None:
        return mixed.SOURCE.open(section, fits, choose)
    head = beginning(section.records_file)
    source = next(source for source in SOURCES if source.recognises(head))
    return source.open(section, fits, choose)


def is_of_records(file: Path) -> bool:
    """Return whether a file holds records and nothing else, which no other source recognises."""
    head = beginning(file)
    return next(source for source in SOURCES if source.recognises(head)) is recorded.SOURCE
