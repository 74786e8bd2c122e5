"""Several files of records as one data set (`data/mixture.py`): a section of a recipe, or a YAML file of their mixture.

    mixture:
      parts:
        - {records: video.jsonl, root: media, weight: 3}
        - {records: math.jsonl, modalities: [text], limit: 5000, weight: 1}
      size: 8000
      curriculum: easier first

Paths start from the folder of that file, in a recipe (`data.mixture`) from the recipe's. What a part does not say is as
the recipe's `data` has it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retroflip.data.dataset import VideoDataset
from retroflip.data.forms import beginning
from retroflip.data.mixture import MixedDataset
from retroflip.errors import UsageError
from retroflip.recipes import reading
from retroflip.recipes.schema import DataSection, MixtureSection, Section
from retroflip.recipes.shipped import merged, read_layers
from retroflip.train.datasets import recorded
from retroflip.train.datasets.base import Choice, NamedData, Source
from retroflip.video.frames import Fits

_PATHS = {"mixture": ("parts.records", "parts.root")}
_MIXTURE = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s*(?:#|---|%YAML)[^\n]*\n)*\s*(?:\{\s*)?mixture\s*:(?:\s|$)")


class MixtureFile(Section):
    """A file that describes a mixture."""

    mixture: MixtureSection


def is_mixture(head: bytes) -> bool:
    """Return whether a file that begins so describes a mixture."""
    return _MIXTURE.match(head) is not None


def read_mixture(path: Path) -> MixtureSection:
    """Return the mixture that a file describes, its paths absolute. Raises RecipeError for a wrong one."""
    layers = read_layers(path, _PATHS)
    values, origin = merged(layers), reading.Origin(path, (), layers)
    return reading.validate(MixtureFile, values, origin, {}).mixture


def mixture_of(data: Mapping[str, Any]) -> MixtureSection | None:
    """Return the mixture of a recipe's data, in it or in the file that it names; None for none."""
    if data.get("mixture") is not None:
        return MixtureSection.model_validate(data["mixture"])
    path = Path(data["records"])
    return read_mixture(path) if path.is_file() and is_mixture(beginning(path)) else None


def _open(section: DataSection, fits: Fits | None, choose: Choice | None) -> NamedData:
    if section.mixture is not None:
        return _mixed(section.mixture, section, fits, choose)
    if section.columns or section.limit is not None:
        raise UsageError(
            f"{section.records} is a mixture: data.columns and data.limit belong to its parts, and mixture.size "
            "says how many questions an epoch has. Leave them out."
        )
    return _mixed(read_mixture(section.records_file), section, fits, choose)


def _mixed(
    mixture: MixtureSection, section: DataSection, fits: Fits | None, choose: Choice | None
) -> NamedData:
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
