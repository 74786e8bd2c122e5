"""Several files of records as one data set, by the YAML file of their mixture (`data/mixture.py`).

    mixture:
      parts:
        - {records: video.jsonl, root: media, weight: 3}
        - {records: math.jsonl, modalities: [text], limit: 5000, weight: 1}
      size: 8000
      curriculum: easier first

Paths start from the folder of that file. What a part does not say is as the recipe's `data` has it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from retroflip.data.dataset import VideoDataset
from retroflip.data.forms import beginning
from retroflip.data.mixture import Curriculum, MixedDataset, Mixing
from retroflip.data.sample import Modality
from retroflip.errors import UsageError
from retroflip.files.storage import file_name
from retroflip.recipes import reading
from retroflip.recipes.schema import AtLeastOne, ColumnMap, DataSection, Positive, Section, Share
from retroflip.recipes.shipped import merged, read_layers
from retroflip.train.datasets import recorded
from retroflip.train.datasets.base import Choice, NamedData, Source
from retroflip.video.frames import Fits

_MIXTURE = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s*(?:#|---|%YAML)[^\n]*\n)*\s*(?:\{\s*)?mixture\s*:(?:\s|$)")
_LABELS = dict[str, Annotated[tuple[str, ...], Field(strict=False, min_length=1)]]


class PartSection(Section):
    """One file of records in a mixture."""

    records: str = Field(min_length=1, description="file of records (JSONL, JSON, CSV or Parquet)")
    root: str | None = Field(default=None, description="where its paths start; by default its folder")
    name: str = Field(
        default="",
        pattern=r"^[\w.-]*$",
        description="before the ids of its questions; by default its file's name",
    )
    weight: Positive | None = Field(
        default=None,
        description="of its questions in an epoch; all parts have one, or none: then by their numbers",
    )
    modalities: (
        Annotated[tuple[Annotated[Modality, Field(strict=False)], ...], Field(strict=False, min_length=1)]
        | None
    ) = Field(default=None, description="which of its records are used; by default as data.modalities")
    labels: _LABELS = Field(default={}, description="as data.labels")
    limit: AtLeastOne | None = Field(default=None, description="use only its first so many records")
    columns: ColumnMap = Field(default={}, description="as data.columns")

    @property
    def part(self) -> str:
        """The part's name."""
        return self.name or file_name(Path(self.records).stem)

    def section(self, data: DataSection) -> DataSection:
        """Return the section that names this part alone."""
        own = {
            "records": self.records,
            "root": self.root,
            "labels": {**data.labels, **self.labels},
            "limit": self.limit,
            "columns": self.columns,
            "modalities": self.modalities or data.modalities,
        }
        return data.model_copy(update=own)


class MixtureSection(Section):
    """Which files, how many questions of each, and in which order."""

    parts: Annotated[tuple[PartSection, ...], Field(strict=False)] = Field(min_length=1)
    size: AtLeastOne | None = Field(default=None, description="questions of an epoch; by default all")
    curriculum: Annotated[Curriculum, Field(strict=False)] = Field(
        default=Curriculum.NONE,
        description="order within an epoch, by the pass rates that `retroflip filter` measures",
    )
    blend: Share = Field(default=0.0, description="how much of a question's place in the curriculum is drawn")

    @model_validator(mode="after")
    def _named_and_weighed(self) -> Self:
        names = [part.part for part in self.parts]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two parts are called {twice[0]}: give one of them another name")
        if len({part.weight is None for part in self.parts}) > 1:
            raise ValueError("some parts have a weight and others none: give each a weight, or none")
        return self

    @property
    def mixing(self) -> Mixing:
        """How an epoch is put together."""
        weights = {part.part: part.weight for part in self.parts if part.weight is not None}
        return Mixing(weights or None, self.size, self.curriculum, self.blend)


class MixtureFile(Section):
    """A file that describes a mixture."""

    mixture: MixtureSection


def is_mixture(head: bytes) -> bool:
    """Return whether a file that begins so describes a mixture."""
    return _MIXTURE.match(head) is not None


def read_mixture(path: Path) -> MixtureSection:
    """Return the mixture that a file describes, its paths absolute. Raises RecipeError for a wrong one."""
    layers = read_layers(path)
    values, origin = _resolved(merged(layers), path.absolute().parent), reading.Origin(path, (), layers)
    return reading.validate(MixtureFile, values, origin, {}).mixture


def files_of(path: Path) -> dict[str, Path]:
    """Return the files of records of a mixture, by the names of its parts; nothing for a file that describes none."""
    if not path.is_file() or not is_mixture(beginning(path)):
        return {}
    return {part.part: Path(part.records) for part in read_mixture(path).parts}


def _resolved(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a file's values with the paths of its parts from its folder."""
    mixture = values.get("mixture")
    parts = mixture.get("parts") if isinstance(mixture, Mapping) else None
    if not isinstance(mixture, Mapping) or not isinstance(parts, list):
        return dict(values)
    return {**values, "mixture": {**mixture, "parts": [_part(part, folder) for part in parts]}}


def _part(part: Any, folder: Path) -> Any:
    if not isinstance(part, Mapping):
        return part
    places = {key: str(folder / part[key]) for key in ("records", "root") if isinstance(part.get(key), str)}
    return {**part, **places}


def _open(section: DataSection, fits: Fits | None, choose: Choice | None) -> NamedData:
    if section.columns or section.limit is not None:
        raise UsageError(
            f"{section.records} is a mixture: data.columns and data.limit belong to its parts, and mixture.size "
            "says how many questions an epoch has. Leave them out."
        )
    mixture = read_mixture(section.records_file)
    opened = {part.part: recorded.SOURCE.open(part.section(section), fits, choose) for part in mixture.parts}
    parts: dict[str, VideoDataset] = {name: one.dataset for name, one in opened.items()}
    mixed = MixedDataset.of(
        parts,
        mixture.mixing,
        frames=section.frames,
        fits=fits,
        pool=section.pool,
        sampler=section.sampling,
    )
    skipped: dict[str, int] = {}
    for one in opened.values():
        for kind, count in one.skipped.items():
            skipped[kind] = skipped.get(kind, 0) + count
    notes = [f"{name}: {one.note}" for name, one in opened.items() if one.note]
    return NamedData(mixed, skipped, " ".join(notes))


SOURCE = Source("a mixture", is_mixture, _open)
