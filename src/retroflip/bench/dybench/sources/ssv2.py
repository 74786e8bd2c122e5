"""Something-Something v2 (20bn, now Qualcomm): short clips of hands that do something to things, played both ways.

Root: labels/{train,validation}.json, or something-something-v2-{train,validation}.json there or at the root itself: a
list of {"id": "74225", "label", "template": "Opening [something]", "placeholders": ["a drawer"]}; and
20bn-something-something-v2/<id>.webm, at 12 frames a second.

Which templates are another action when played backwards is a table by hand (`vocabulary/something_something.yaml`); a
template is looked up without its brackets. All others are refused: what pretends or fails has no reverse that can be
named. The licence forbids to hand the videos on.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import yaml
from pydantic import Field, TypeAdapter, model_validator

from retroflip.bench.dybench.asking import Asker, SourceSettings
from retroflip.bench.dybench.base import AbsentError, Axis, Candidate, Clip, Need, Refused, Source, SubTask
from retroflip.bench.dybench.media import first_there
from retroflip.bench.dybench.settings import checked_settings
from retroflip.bench.dybench.vocabulary import with_article
from retroflip.data.forms import rows
from retroflip.data.forms.base import Spot
from retroflip.errors import DataError
from retroflip.recipes.schema import Section

RECORDINGS = "something-something-v2"
"""what `source_clip` begins with here, and in data sets that took their clips from here"""
LICENCE = "Something-Something v2 licence: research only, no redistribution"
_VIDEOS = "20bn-something-something-v2"
_BRACKETS = re.compile(r"[\[\]]")
_NO_ACTION = re.compile(r"\b(?:pretending|trying|failing|fails?)\b", re.IGNORECASE)
_Texts = Annotated[tuple[str, ...], Field(strict=False)]


class Settings(SourceSettings):
    """split: whose labels are read. camera: whether the camera's own movements are asked about too."""

    split: Literal["train", "validation"] = "validation"
    camera: bool = True


class Reversible(Section):
    """Templates that are another action when played backwards, and how options name both."""

    templates: _Texts = Field(min_length=1, max_length=2)
    forward: str
    reversed: str
    distractors: _Texts = Field(min_length=2)
    camera: bool = False

    @model_validator(mode="after")
    def _fills_alike(self) -> Self:
        slots = {tuple(sorted(set(re.findall(r"\{(?:bare)?(\d)\}", text)))) for text in self.texts}
        if len(slots) > 1:
            raise ValueError(f"{list(self.texts)} do not all name the same placeholders")
        if len(set(self.texts)) < len(self.texts):
            raise ValueError(f"two options of {list(self.texts)} are the same")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """Every option: forward, reversed, distractors."""
        return (self.forward, self.reversed, *self.distractors)


class Named(NamedTuple):
    """A template of the table, and whether it is the second of its pair."""

    pair: Reversible
    is_reversed: bool


def filled(text: str, placeholders: list[str]) -> str:
    """Return an option with the things that a clip's record names, each with an article but where it is taken bare."""
    named = {f"bare{index}": thing for index, thing in enumerate(placeholders)}
    return text.format(*map(with_article, placeholders), **named)


@cache
def table() -> Mapping[str, Named]:
    """Return the reversible templates, without brackets and in lower case."""
    text = (files("retroflip.bench.dybench") / "vocabulary/something_something.yaml").read_text("utf-8")
    pairs = TypeAdapter(tuple[Reversible, ...]).validate_python(tuple(yaml.safe_load(text)))
    return {
        template.casefold(): Named(pair, bool(place))
        for pair in pairs
        for place, template in enumerate(pair.templates)
    }


def _candidates(root: Path, values: Mapping[str, Any]) -> Iterator[Candidate | Refused]:
    settings = checked_settings(Settings, values, SOURCE.name)
    path = _labels(root, settings.split)
    for spot, row in rows(path):
        if isinstance(row, DataError):
            yield Refused(str(spot), "its record cannot be read", str(row))
        else:
            yield _candidate(root, settings, row, spot)


def _labels(root: Path, split: str) -> Path:
    names = [f"labels/{split}.json", *(f"{folder}{RECORDINGS}-{split}.json" for folder in ("labels/", ""))]
    found = next((root / name for name in names if (root / name).is_file()), None)
    if found is None:
        raise AbsentError(
            f"{root}: holds none of {', '.join(names)}. Put the labels of Something-Something v2 there, or choose the "
            "split that is there with 'split'."
        )
    return found


def _candidate(root: Path, settings: Settings, row: Mapping[str, Any], spot: Spot) -> Candidate | Refused:
    identity, template = row.get("id"), row.get("template")
    if not isinstance(identity, str | int) or not isinstance(template, str):
        return Refused(str(spot), "its record has no id or no template", "the test split has none")
    identity, plain = str(identity), " ".join(_BRACKETS.sub("", template).split())
    named = table().get(plain.casefold())
    if _NO_ACTION.search(plain):
        return Refused(identity, "its action is only pretended, tried or failed", plain)
    if named is None:
        return Refused(identity, "its template has no reverse that can be named", plain)
    if named.pair.camera and not settings.camera:
        return Refused(identity, "it is about the camera, which the recipe leaves out", plain)
    things = _things(row.get("placeholders"), template)
    if things is None:
        return Refused(identity, "its placeholders do not fit its template", str(row.get("placeholders")))
    video = first_there(root, [f"{_VIDEOS}/{identity}{ending}" for ending in (".webm", ".mp4")])
    if video is None:
        return Refused(identity, "its video is missing", f"{_VIDEOS}/{identity}.webm")
    return _pair(settings, identity, named, things, video)


def _things(placeholders: Any, template: str) -> list[str] | None:
    """Return what stands for the brackets of a template, None where that does not fit."""
    if not isinstance(placeholders, list) or len(placeholders) != template.count("["):
        return None
    things = [" ".join(str(one).split()) for one in placeholders]
    return things if all(things) else None


def _pair(
    settings: Settings, identity: str, named: Named, things: list[str], video: str
) -> Candidate | Refused:
    pair, asker = named.pair, Asker(settings.seed, SOURCE.name, identity)
    distractor = asker.one_of(pair.distractors, "distractor")
    options = [filled(text, things) for text in (pair.forward, pair.reversed, distractor)]
    if len(set(options)) < len(options):
        return Refused(identity, "two of its options are the same", options[0])
    gold = int(named.is_reversed)
    asked = asker.ask("camera" if pair.camera else "action", options, gold, 1 - gold)
    return Candidate(
        id=identity,
        sub_task=SubTask.CAMERA if pair.camera else SubTask.REVERSIBLE,
        axis=Axis.REVERSAL,
        parts=(Clip(video),),
        **asked._asdict(),
        source_clip=f"{RECORDINGS}/{identity}",
        licence=LICENCE,
        domain="human",
        labels={"action": pair.templates[0], "split": settings.split},
    )


SOURCE = Source(
    name="ssv2",
    title="Something-Something v2",
    home="https://www.qualcomm.com/developer/software/something-something-v-2-dataset",
    licence=LICENCE,
    needs=(
        Need(
            "labels",
            "the labels: train.json or validation.json",
            also=tuple(f"{RECORDINGS}-{split}.json" for split in ("validation", "train")),
        ),
        Need(_VIDEOS, "the videos, <id>.webm"),
    ),
    candidates=_candidates,
)
