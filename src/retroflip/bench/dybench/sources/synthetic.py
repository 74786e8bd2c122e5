"""Pairs that are drawn: every kind of temporal video, and the three sub-tasks of the shortcut laboratory.

Their answers are known by construction, and no file or licence of anybody else is needed.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from retroflip.bench.dybench.base import Axis, Candidate, Drawing, Drawn, Footage, Source, SubTask
from retroflip.bench.dybench.settings import checked_settings
from retroflip.data.sample import Sample, option_letters
from retroflip.draws import draw
from retroflip.lab.clip import Clip
from retroflip.lab.clip_sets import draw_pair
from retroflip.lab.kinds import KINDS, PAIRED, Kind
from retroflip.lab.render import render
from retroflip.synth.corpus import CorpusSettings, Job, described, sample_from
from retroflip.synth.episode import Episode
from retroflip.synth.names import Split
from retroflip.synth.raster import i420_frames
from retroflip.synth.registry import select
from retroflip.synth.settings import SceneSettings
from retroflip.video.encode import to_i420
from retroflip.video.transforms import Transform

LICENCE = "drawn by retroflip: no rights of others"
DOMAIN = "synthetic"
_AXES = {Transform.FLIP.value: Axis.FLIP, Transform.REVERSE.value: Axis.REVERSAL}


class KindSettings(BaseModel):
    """kinds: as `retroflip synth --kinds` takes them. per_kind: pairs of each at most. scene: as `--set` takes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: tuple[str, ...] = ("all",)
    per_kind: int = Field(default=1000, ge=1, le=100_000)
    seed: int = Field(default=0, ge=0)
    scene: SceneSettings = SceneSettings()


class LaboratorySettings(BaseModel):
    """per_task: pairs of each sub-task at most. size: side in pixels. strength: share of the usual motion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_task: int = Field(default=1000, ge=1, le=100_000)
    seed: int = Field(default=0, ge=0)
    size: int = Field(default=224, ge=32, le=1920, multiple_of=2)
    strength: float = Field(default=1.0, gt=0.0, le=1.0)


def _drawings(_: Path, settings: Mapping[str, Any]) -> Iterator[Drawing]:
    """Yield plans, kind after kind in every turn, so that any number of them from the first on is evenly mixed."""
    own = checked_settings(KindSettings, settings, SOURCE.name)
    kinds = [kind.name for kind in select(own.kinds)]
    plain = own.model_dump(mode="json", exclude={"kinds", "per_kind"})
    for turn in range(own.per_kind):
        for kind in kinds:
            plan = {**plain, "kind": kind, "turn": turn}
            yield Drawing(f"{kind}-{turn:05d}", SubTask.SYNTHETIC, plan)


def _draw(plan: Mapping[str, Any]) -> Drawn:
    """Draw a pair of temporal videos, of the split that no training data set has."""
    kind, turn = plan["kind"], plan["turn"]
    scene = SceneSettings.model_validate(plan["scene"])
    settings = CorpusSettings(
        kinds=(kind,), per_task=turn + 1, seed=plan["seed"], split=Split.TEST, scene=scene
    )
    (one, known), (other, other_known) = described(Job(settings, kind, turn))
    first, second = sample_from(known), sample_from(other_known)
    candidate = Candidate(
        id=f"{kind}-{turn:05d}",
        sub_task=SubTask.SYNTHETIC,
        axis=_AXES.get(known["counterfactual"], Axis.GIVEN),
        parts=(),
        question=first.question,
        options=first.options,
        gold=_place(first),
        other_gold=_place(second),
        source_clip=first.source_clip,
        licence=LICENCE,
        domain=DOMAIN,
        labels={"kind": kind, **{name: first.labels[name] for name in ("category", "term", "mode")}},
    )
    return Drawn(candidate, (_animated(one, scene.size), _animated(other, scene.size)))


def _place(sample: Sample) -> int:
    return list(option_letters(len(sample.options))).index(sample.solution)


def _animated(episode: Episode, size: int) -> Footage:
    frames = i420_frames(episode.animation, size)
    return Footage(frames, Fraction(episode.animation.fps), (size, size))


def _laboratory_drawings(_: Path, settings: Mapping[str, Any]) -> Iterator[Drawing]:
    own = checked_settings(LaboratorySettings, settings, LABORATORY.name)
    plain = own.model_dump(mode="json", exclude={"per_task"})
    for turn in range(own.per_task):
        for task in (*PAIRED, SubTask.DIRECTION_8):
            plan = {**plain, "task": str(task), "turn": turn}
            yield Drawing(f"{task}-{turn:05d}", SubTask(task), plan)


def _draw_laboratory(plan: Mapping[str, Any]) -> Drawn:
    task, turn, strength = plan["task"], plan["turn"], plan["strength"]
    kind: Kind = partial(PAIRED[task], strength=strength) if task in PAIRED else KINDS[task]
    name = f"{task}-{turn:05d}"
    entries = draw_pair(kind, draw(plan["seed"], "dybench", task, turn), name, turn)
    first, second = (entry.clip for entry in entries)
    mirrored = np.array_equal(first.scene.flipped().tracks[0].x_T, second.scene.tracks[0].x_T)
    flipped = mirrored and first.answer_after(Transform.FLIP) == second.answer
    candidate = Candidate(
        id=name,
        sub_task=SubTask(task),
        axis=Axis.FLIP if flipped else Axis.REVERSAL,
        parts=(),
        question=first.question,
        options=first.options,
        gold=first.options.index(first.answer),
        other_gold=first.options.index(second.answer),
        source_clip=name,
        licence=LICENCE,
        domain=DOMAIN,
        labels={"kind": task},
    )
    size = plan["size"]
    return Drawn(candidate, (_rendered(first, size), _rendered(second, size)))


def _rendered(clip: Clip, size: int) -> Footage:
    frames = to_i420(chain(render(clip.scene, size).pixels_TCHW))
    return Footage(frames, Fraction(clip.scene.fps), (size, size))


SOURCE = Source(
    name="synthetic",
    title="retroflip's temporal videos",
    home="drawn on this machine",
    licence=LICENCE,
    needs=(),
    candidates=_drawings,
    draw=_draw,
)
LABORATORY = Source(
    name="laboratory",
    title="retroflip's shortcut laboratory",
    home="drawn on this machine",
    licence=LICENCE,
    needs=(),
    candidates=_laboratory_drawings,
    draw=_draw_laboratory,
)
