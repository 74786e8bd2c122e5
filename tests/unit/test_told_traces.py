"""What told traces say, of every kind: what a viewer can see, each event at a time of its own, and how it leads on."""

import re
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from retroflip.synth.corpus import CorpusSettings, Job, described
from retroflip.synth.narration import STYLES, narrated
from retroflip.synth.registry import TEMPORAL_KINDS
from retroflip.synth.sentence import derivation_texts
from retroflip.synth.settings import PRESETS, SceneSettings
from retroflip.synth.short.acceleration import HALVES, QUARTERS

TURNS = 8
TIME = r"(?:\d\d:\d\d(?:\.\d)?|\d+\.\d s\b|\d+\.\d seconds in)"
LENGTH = r"\d+\.\d seconds\b"
every_kind = pytest.mark.parametrize("kind", TEMPORAL_KINDS)


@cache
def told_of(kind: str) -> list[dict[str, Any]]:
    """Metadata of both sides of some pairs, of both rounds."""
    found = []
    for preset in PRESETS.values():
        settings = CorpusSettings(
            kinds=(kind,), per_task=TURNS, seed=17, scene=SceneSettings.model_validate(preset)
        )
        found += [metadata for turn in range(TURNS) for _, metadata in described(Job(settings, kind, turn))]
    return found


@every_kind
@pytest.mark.parametrize("style", STYLES)
def test_every_event_has_a_stamp_of_its_own(kind: str, style: str) -> None:
    for metadata in told_of(kind):
        trace = narrated(metadata, np.random.default_rng(0), style)
        derived = len(metadata["derivation"])
        events = [sentence.text for sentence in trace.sentences[:-derived]]
        if style == "brief":
            stamps = re.findall(r"(?:^|, )(\d+\.\d)s ", events[0])
        else:
            stamps = [found[0] for text in events if (found := re.search(TIME, text))]
        assert len(stamps) == len(set(stamps)) == len(metadata["events"])


@every_kind
def test_numbers_are_such_as_can_be_seen(kind: str) -> None:
    """Times apart, they are whole, and none of a way or a distance is finer than what the picture shows."""
    for metadata in told_of(kind):
        told = [event["note"] for event in metadata["events"]] + derivation_texts(metadata["derivation"])
        for text in told:
            assert not re.search(r"\d\.\d", re.sub(f"{TIME}|{LENGTH}", "", text)), text


@every_kind
def test_nothing_goes_from_a_place_to_the_same_place(kind: str) -> None:
    place = r"(row \d, column \d|\(\d+, \d+\))"
    for metadata in told_of(kind):
        text = " ".join(
            [event["note"] for event in metadata["events"]] + derivation_texts(metadata["derivation"])
        )
        moved = re.findall(rf"from {place} to {place}", text) + re.findall(
            rf"in {place} slides \w+ into {place}", text
        )
        if kind == "acceleration":  # what turns round at an edge may come back to where it was
            continue
        assert all(one != other for one, other in moved)


def board(rows: list[list[int]]) -> str:
    lines = (", ".join("gap" if one == 0 else str(one) for one in row) for row in rows)
    return "; ".join(f"row {number}: {line}" for number, line in enumerate(lines, start=1))


def test_a_sliding_puzzle_states_every_board_in_the_order_of_knowing_it() -> None:
    stated = 0
    for metadata in told_of("sliding_puzzle"):
        mode = metadata["question"]["mode"]
        if mode == "historical":
            continue
        boards = [board(state["rows"]) for state in metadata["states"]]
        known = boards if mode == "forward" else boards[::-1]
        told = derivation_texts(metadata["derivation"])
        assert all(one in sentence for one, sentence in zip(known, told, strict=False))
        assert len(told) == len(known) + 1
        stated += 1
    assert stated > TURNS


def test_acceleration_argues_from_how_far_the_object_goes_in_equal_times() -> None:
    for metadata in told_of("acceleration"):
        events = metadata["events"]
        lengths = {event["end_frame"] - event["start_frame"] for event in events}
        assert len(lengths) == 1
        places = {state["frame"]: state["positions"]["o1"] for state in metadata["states"]}
        for event in events:
            inside = [
                at for frame, at in places.items() if event["start_frame"] <= frame <= event["end_frame"]
            ]
            # Snapshots miss at most a step at each end, and cut the corner of a bounce.
            steps = [float(np.hypot(x1 - x0, y1 - y0)) for (x0, y0), (x1, y1) in pairwise(inside)]
            assert sum(steps) - 0.03 <= event["distance"] / 100 <= sum(steps) + 3 * max(steps) + 0.03
            nearest = min(places, key=lambda frame: abs(frame - event["end_frame"]))
            assert np.abs(100 * np.array(places[nearest]) - event["reach"]).max() < 8
        for one, two in pairwise(events):
            assert one["reach"] == two["begin"]
        (argued,) = (
            re.findall(r"\d+", one) for one in derivation_texts(metadata["derivation"]) if "it goes" in one
        )
        gone = [event["distance"] for event in events]
        assert [int(way) for way in argued] == gone
        changes = [int(np.sign(two - one)) for one, two in zip(gone[::2], gone[1::2], strict=True)]
        course = HALVES.get(metadata["question"]["answer"]) or QUARTERS[metadata["question"]["answer"]]
        assert tuple(changes) == course


def test_products_are_worked_out_before_sums_and_every_step_is_true() -> None:
    worked = 0
    for metadata in told_of("arithmetic"):
        for text in derivation_texts(metadata["derivation"]):
            if not re.fullmatch(r"[\d +*/-]+ = \d+\.", text):
                continue
            left, right = text.rstrip(".").split(" = ")
            assert eval(left) == int(right)  # noqa: S307 - the pattern lets nothing but arithmetic through
            assert len(left.split()) == 3 or not set("*/") & set(left)
            worked += 1
    assert worked > TURNS
