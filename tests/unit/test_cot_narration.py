"""Traces that no model writes are true of their videos, whatever the kind and the style; spoilt ones are not."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.cot.verify import verify
from retroflip.data.answers import is_well_formed
from retroflip.draws import draw
from retroflip.synth.corpus import sample_from
from retroflip.synth.episode import Kind
from retroflip.synth.names import Form
from retroflip.synth.narration import STYLES, clock, narrate, narrated, whole_clock
from retroflip.synth.registry import TEMPORAL_KINDS
from retroflip.synth.settings import SceneSettings
from temporal_pairs import on_disk, pair_of

Metadata = dict[str, Any]
SEEDS, TURNS = st.integers(0, 2**32), st.integers(0, 200)
SCENES = st.builds(
    SceneSettings, difficulty=st.integers(1, 5), distractors=st.integers(0, 4), fps=st.sampled_from([15, 30, 60])
)  # fmt: skip
every_kind = pytest.mark.parametrize("kind", TEMPORAL_KINDS.values(), ids=TEMPORAL_KINDS)
SHIFTS = (-1500, -900, 900, 1500, 2500)


def metadata_of(kind: Kind, seed: int, turn: int, side: int, scene: SceneSettings, form: Form) -> Metadata:
    """Return what a data set holds of one side of a pair, as far as texts go."""
    pair = pair_of(kind, seed, turn, scene)
    episode = (pair.first, pair.second)[side]
    truth = on_disk(episode)
    is_numeric = form is Form.NUMERIC and truth["question"]["numeric"] is not None
    labels = {"category": kind.category, "term": kind.term, "domain": kind.domain}
    return {
        **truth,
        **{name: label.value for name, label in labels.items()},
        "kind": kind.name, "name": "x", "pair": None, "side": None,
        "form": (Form.NUMERIC if is_numeric else Form.CHOICE).value,
        "video": {**truth["video"], "path": "videos/x.mp4"},
        "question": {**truth["question"], "task_type": episode.question.task_type.value},
    }  # fmt: skip


def problems(trace: str, metadata: Metadata) -> list[str]:
    return [problem.sentence for problem in verify(trace, metadata, sample_from(metadata)).problems]


@every_kind
@settings(max_examples=3, deadline=None)
@given(
    seed=SEEDS,
    turn=TURNS,
    side=st.integers(0, 1),
    scene=SCENES,
    form=st.sampled_from([Form.CHOICE, Form.NUMERIC]),
)
def test_every_style_tells_the_truth(
    kind: Kind, seed: int, turn: int, side: int, scene: SceneSettings, form: Form
) -> None:
    metadata = metadata_of(kind, seed, turn, side, scene, form)
    for style in STYLES:
        told = narrated(metadata, draw(seed, style), style)
        assert is_well_formed(told.text)
        assert problems(told.text, metadata) == [], told.text
        found = verify(told.text, metadata, sample_from(metadata), claims=told.claims).problems
        assert [problem.sentence for problem in found] == [], told.text


def is_elsewhere(events: list[dict[str, Any]], index: int, ms: int) -> bool:
    """Whether an event told so much later or earlier is told at a time at which nothing of its type goes on.

    That cells or cups are covered, and numbered tiles blank while they slide, is true at any time.
    """
    if any(hidden in events[index]["note"] for hidden in ("covered", "tiles are blank")):
        return False
    moved = events[index]["start_ms"] + ms
    alike = [event for event in events if event["type"] == events[index]["type"]]
    return moved >= 0 and not any(
        event["start_ms"] - 500 <= moved <= event["end_ms"] + 500 for event in alike
    )


@every_kind
@settings(max_examples=3, deadline=None)
@given(data=st.data(), seed=SEEDS, turn=TURNS, style=st.sampled_from(sorted(set(STYLES) - {"player"})))
def test_what_is_spoilt_is_refused(kind: Kind, data: st.DataObject, seed: int, turn: int, style: str) -> None:
    metadata = metadata_of(kind, seed, turn, 0, SceneSettings(), Form.CHOICE)
    events = metadata["events"]
    index = data.draw(st.integers(0, len(events) - 1))
    shift = data.draw(st.sampled_from([ms for ms in SHIFTS if is_elsewhere(events, index, ms)] or [60_000]))
    moved = {
        **events[index], "start_ms": events[index]["start_ms"] + shift, "end_ms": events[index]["end_ms"] + shift,
    }  # fmt: skip
    strange = {**events[index], "note": "the black kettle whistles"}
    wrong = next(one for one in metadata["question"]["options"] if one != metadata["question"]["answer"])
    spoilt: dict[str, dict[str, Any]] = {
        "a time that is off": {"events": [*events[:index], moved, *events[index + 1 :]]},
        "something invented": {"events": [*events[:index], strange, *events[index + 1 :]]},
        "the wrong answer in the box": {"question": {**metadata["question"], "answer": wrong}},
        "another conclusion": {"derivation": [*metadata["derivation"][:-1], f"So the answer is: {wrong}."]},
    }
    for what, change in spoilt.items():
        trace = narrate({**metadata, **change}, draw(seed, style), style)
        assert problems(trace, metadata), (what, trace)


def test_the_same_draw_gives_the_same_words_and_draws_give_many() -> None:
    metadata = metadata_of(TEMPORAL_KINDS["direction"], 1, 2, 0, SceneSettings(), Form.CHOICE)
    traces = [narrate(metadata, draw(0, number)) for number in range(60)]
    assert traces == [narrate(metadata, draw(0, number)) for number in range(60)]
    assert len(set(traces)) > 20


def test_times_are_told_as_people_tell_them() -> None:
    metadata = metadata_of(TEMPORAL_KINDS["direction"], 1, 2, 0, SceneSettings(), Form.CHOICE)
    start = metadata["events"][1]["start_ms"]
    told = {style: narrate(metadata, draw(0, style), style) for style in STYLES}
    assert f"At {clock(start)}, the " in told["at"]
    assert f"At {whole_clock(start)}, the " in told["player"]
    assert f"Then, at {clock(start)}, the " in told["joined"]
    assert re.search(rf"\({start / 1000:.1f} s\)\.", told["behind"])
    assert told["brief"].startswith("<think>0.0s the ")


@pytest.mark.parametrize(
    ("seed", "at", "shift", "style"), [(2, -1, -900, "after"), (0, 0, 2500, "behind")], ids=["end", "start"]
)
def test_covers_open_when_they_do_and_not_in_a_swap(seed: int, at: int, shift: int, style: str) -> None:
    metadata = metadata_of(TEMPORAL_KINDS["shell_game"], seed, 1, 0, SceneSettings(), Form.CHOICE)
    events = list(metadata["events"])
    events[at] = {**events[at], **{key: events[at][key] + shift for key in ("start_ms", "end_ms")}}
    assert problems(narrate(metadata, draw(seed, style), style), metadata) == []
    assert problems(narrate({**metadata, "events": events}, draw(seed, style), style), metadata) != []
