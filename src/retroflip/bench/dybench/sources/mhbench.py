"""MHBench (github.com/xzhouzeng/MHBench): clips of Something-Something v2, each asked whether an action or its opposite
is seen, or neither.

Root: the repository or its folder dataset/MHBench, with classification.json, a list of {"id": 0, "motion_id": "1",
"video_id": "195051", "question", "answer": "A", "options": {"A": "covering something", "B": "uncovering something",
"C": "neither action A nor B happened"}}, and videos/<video_id>.mp4. Options are a dict, an id may be 0, and `video_id`
is Something-Something's. (Only these records, of its README, are public as text.)

A clip whose action stays incomplete, so that "neither" is right, is refused: its reverse is incomplete too.
"neither" speaks of letters and is no distractor for options in another order, so one of the same form is put in its
place.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.dybench.asking import Asker, SourceSettings
from retroflip.bench.dybench.base import AbsentError, Axis, Candidate, Clip, Need, Refused, Source, SubTask
from retroflip.bench.dybench.media import first_there
from retroflip.bench.dybench.settings import checked_settings
from retroflip.bench.dybench.sources.ssv2 import LICENCE, RECORDINGS, filled, table
from retroflip.data.forms import rows
from retroflip.data.forms.base import Spot
from retroflip.errors import DataError

_PLACES = ("", "dataset/MHBench/")
_QUESTIONS = "classification.json"
_NEITHER = re.compile(r"\b(?:neither|none)\b", re.IGNORECASE)
_THING = "something"
_DISTRACTORS = ("wiping something", "tapping on something", "shaking something")
"""for an action on something that no template names"""


class _Choice(NamedTuple):
    """Both actions of a record, and which of them is seen."""

    actions: tuple[str, str]
    seen: int


def _candidates(root: Path, values: Mapping[str, Any]) -> Iterator[Candidate | Refused]:
    settings = checked_settings(SourceSettings, values, SOURCE.name)
    place = next((place for place in _PLACES if (root / place / _QUESTIONS).is_file()), None)
    if place is None:
        raise AbsentError(
            f"{root}: holds no {_QUESTIONS}. Put MHBench's there, or name the folder that holds it."
        )
    for spot, row in rows(root / place / _QUESTIONS):
        if isinstance(row, DataError):
            yield Refused(str(spot), "its record cannot be read", str(row))
        else:
            yield _candidate(root, place, settings.seed, row, spot)


def _candidate(root: Path, place: str, seed: int, row: Mapping[str, Any], spot: Spot) -> Candidate | Refused:
    identity, clip = row.get("id"), row.get("video_id")
    if identity is None or not isinstance(clip, str | int):
        return Refused(str(spot), "its record has no id or no video_id")
    identity, choice = str(identity), _choice(row)
    if isinstance(choice, str):
        return Refused(identity, choice, str(row.get("options"))[:200])
    video = first_there(root, [f"{place}videos/{clip}{ending}" for ending in (".mp4", ".webm")])
    if video is None:
        return Refused(identity, "its video is missing", f"{place}videos/{clip}.mp4")
    asker = Asker(seed, SOURCE.name, identity)
    among = _distractors(choice.actions)
    if not among:
        return Refused(identity, "no distractor of the same form is known", choice.actions[0])
    distractor = asker.one_of(among, "distractor")
    asked = asker.ask("action", (*choice.actions, distractor), choice.seen, 1 - choice.seen)
    return Candidate(
        id=identity,
        sub_task=SubTask.REVERSIBLE,
        axis=Axis.REVERSAL,
        parts=(Clip(video),),
        **asked._asdict(),
        source_clip=f"{RECORDINGS}/{clip}",
        licence=LICENCE,
        domain="human",
        labels={"action": choice.actions[0], "motion_id": str(row.get("motion_id", ""))},
    )


def _choice(row: Mapping[str, Any]) -> _Choice | str:
    """Return the actions of a record and the one that is seen, or why no pair can be made of it."""
    options, answer = row.get("options"), row.get("answer")
    if not isinstance(options, dict) or not all(isinstance(one, str) for one in (answer, *options.values())):
        return "its options are no dict of texts"
    if answer not in options:
        return "its answer is none of its options"
    actions = {letter: text for letter, text in options.items() if not _NEITHER.search(text)}
    if len(actions) != 2 or len(set(actions.values())) < 2:
        return "it does not name an action and its opposite"
    if answer not in actions:
        return "its action is not completed, so its reverse is not either"
    first, second = actions.values()
    return _Choice((first, second), list(actions).index(answer))


def _distractors(actions: tuple[str, str]) -> list[str]:
    """Return what is of the same form as both actions and true of neither, from the templates where one has them."""
    for named in table().values():
        texts = [filled(text, [_THING] * 3) for text in named.pair.texts]
        if set(actions) <= set(texts[:2]):
            return texts[2:]
    acts_on_a_thing = all(_THING in action for action in actions)
    return [text for text in _DISTRACTORS if text not in actions] if acts_on_a_thing else []


SOURCE = Source(
    name="mhbench",
    title="MHBench",
    home="https://github.com/xzhouzeng/MHBench",
    licence=LICENCE,
    needs=(
        Need(_QUESTIONS, "the questions", also=(f"dataset/MHBench/{_QUESTIONS}",)),
        Need("videos", "the videos, <video_id>.mp4", also=("dataset/MHBench/videos",)),
    ),
    candidates=_candidates,
)
