"""TempCompass (github.com/llyx97/TempCompass): pairs that are there already, one question about two clips.

Root: the repository, with questions/{multi-choice,yes_no,caption_matching}.json and videos/<name>.mp4, as the benchmark
reads it. Two clips are a pair where the same aspect has the same question, its options in the same order, with
different right answers:

- VIDEO and VIDEO_reverse, played backwards: reversible dynamics.
- ONE_TWO_0, _1 and _2, two clips one behind the other, in the other order, or at once: the order of events.
- VIDEO_concat_0, _1 and _2, one clip above itself at another speed: which is faster. It is about no order, and left out
  unless the setting `speed` asks for it.

meta_info.json, where it is there, says what each clip shows.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from retroflip.bench.benchmarks import tempcompass
from retroflip.bench.benchmarks.base import Item
from retroflip.bench.dybench.asking import Asker, SourceSettings
from retroflip.bench.dybench.base import Axis, Candidate, Clip, Need, Refused, Source, SubTask
from retroflip.bench.dybench.media import first_there
from retroflip.bench.dybench.settings import checked_settings
from retroflip.data.sample import Sample
from retroflip.errors import DataError
from retroflip.files.storage import read_json_object

LICENCE = "CC BY-NC 4.0"
_DOMAINS = {"people": "human", "animals": "animal", "plants": "plant"}
_SPEED = re.compile(r"(?P<family>\d+)_concat_\d")
_ORDER = re.compile(r"(?P<family>\d+_\d+)_\d")
_Tasks = Annotated[
    tuple[Literal["multi-choice", "yes_no", "caption_matching"], ...], Field(strict=False, min_length=1)
]


class Settings(SourceSettings):
    """tasks: whose questions are taken. speed: whether pairs about speed are taken too."""

    tasks: _Tasks = ("multi-choice",)
    speed: bool = False


class Family(NamedTuple):
    """Clips that are made of the same recordings, and what their pairs are about."""

    name: str
    sub_task: SubTask


def family_of(video: str) -> Family:
    """Return the family of a clip.

    >>> family_of("1059072773_1059718130_1").sub_task.value, family_of("1034419625_reverse").name
    ('event_sequence', '1034419625')
    """
    if found := _SPEED.fullmatch(video):
        return Family(f"{found['family']}_concat", SubTask.OTHER)
    if found := _ORDER.fullmatch(video):
        return Family(found["family"], SubTask.SEQUENCE)
    return Family(video.removesuffix(tempcompass.REVERSED), SubTask.REVERSIBLE)


def _candidates(root: Path, values: Mapping[str, Any]) -> Iterator[Candidate | Refused]:
    settings = checked_settings(Settings, values, SOURCE.name)
    domains = _domains(root)
    alike: dict[tuple[str, ...], list[Item]] = defaultdict(list)
    for item in _items(root):
        family = family_of(Path(item.sample.video).stem)
        if item.sample.labels["task"] in settings.tasks and (
            settings.speed or family.sub_task is not SubTask.OTHER
        ):
            key = (item.sample.labels["task"], family.name, item.sample.task, item.row["question"])
            alike[key].append(item)
    for items in alike.values():
        for one, other in combinations([item.sample for item in items], 2):
            if one.solution != other.solution:
                yield _pair(root, settings, domains, one, other)


def _items(root: Path) -> list[Item]:
    """Return the benchmark's questions. Raises DataError for files of another form."""
    try:
        return list(tempcompass.BENCHMARK.items(root))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{root}: its questions are not of TempCompass's form ({error!r}). Take the repository's."
        ) from error


def _domains(root: Path) -> dict[str, str]:
    """Return what clips show, where meta_info.json is there. Raises DataError for one that cannot be read."""
    path = root / "meta_info.json"
    if not path.is_file():
        return {}
    found = read_json_object(path)
    return {
        name: next((_DOMAINS[one] for one in about.get("content", ()) if one in _DOMAINS), "object")
        for name, about in found.items()
        if isinstance(about, dict)
    }


def _pair(
    root: Path, settings: Settings, domains: Mapping[str, str], one: Sample, other: Sample
) -> Candidate | Refused:
    names = [Path(sample.video).stem for sample in (one, other)]
    identity = f"{one.id}/{names[1]}"
    if missing := [sample.video for sample in (one, other) if first_there(root, [sample.video]) is None]:
        return Refused(identity, "its video is missing", ", ".join(missing))
    family = family_of(names[0])
    if len(set(one.options)) < len(one.options):
        return Refused(identity, "two of its options are the same", " / ".join(one.options))
    golds = [sample.options.index(sample.lettered[sample.solution]) for sample in (one, other)]
    asked = Asker(settings.seed, SOURCE.name, identity).ask(
        "as it is", one.options, golds[0], golds[1], question=one.question
    )
    return Candidate(
        id=identity,
        sub_task=family.sub_task,
        axis=Axis.GIVEN,
        parts=(Clip(one.video),),
        other=(Clip(other.video),),
        **asked._asdict(),
        source_clip=f"tempcompass/{family.name}",
        licence=LICENCE,
        domain=domains.get(names[0], ""),
        labels={"aspect": one.task, "task": one.labels["task"]},
    )


SOURCE = Source(
    name="tempcompass",
    title="TempCompass",
    home="https://github.com/llyx97/TempCompass",
    licence=LICENCE,
    needs=(
        Need("questions", "the repository's questions", also=("multi-choice.json",)),
        Need("videos", "the videos, <name>.mp4"),
    ),
    candidates=_candidates,
)
