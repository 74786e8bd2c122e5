"""The actions of a user's own clips: what is sure of them backwards, and what is refused."""

import csv
from pathlib import Path

import pytest

from retroflip.bench.dybench.base import Candidate, Refused
from retroflip.bench.dybench.sources.folder import SOURCE


def candidates(folder: Path, *rows: dict[str, str]) -> list[Candidate | Refused]:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / "clips.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, ["path", *columns])
        table.writeheader()
        table.writerows({"path": f"{number}.mp4", **row} for number, row in enumerate(rows))
    return [one for one in SOURCE.candidates(folder, {}) if isinstance(one, Candidate | Refused)]


def one(folder: Path, action: str, **more: str) -> Candidate | Refused:
    return candidates(folder, {"action": action, **more}, {"action": "folding a towel"})[0]


@pytest.mark.parametrize(
    "action",
    [
        "closing in on the goal", "shut down the laptop", "opening and closing a door", "plane taking off", "wakes up",
        "cleaning up the kitchen", "picks up a cup and puts it down", "pull up", "setting up a tent",
        "enters through the exit", "not opening the door", "trying to open a door", "fills the glass with water",
    ],
)  # fmt: skip
def test_an_action_whose_reverse_is_not_sure_is_refused(tmp_path: Path, action: str) -> None:
    found = one(tmp_path, action)
    assert isinstance(found, Refused)
    assert "reverse is not known" in found.reason


@pytest.mark.parametrize(
    ("action", "backwards"),
    [
        ("goes up the stairs", "goes down the stairs"),
        ("a person is walking up the stairs", "a person is walking down the stairs"),
        ("a dog jumps onto the sofa", "a dog jumps off the sofa"),
        ("picks up the red cup", "putting down the red cup"),
        ("puts on a hat", "taking off a hat"),
        ("the ice melts", "the ice freezes"),
    ],
)
def test_an_action_whose_reverse_is_sure_is_asked(tmp_path: Path, action: str, backwards: str) -> None:
    found = one(tmp_path, action)
    assert isinstance(found, Candidate)
    assert backwards in found.options


@pytest.mark.parametrize(
    "row",
    [
        {"action": "opening a box", "reverse": "opens a box"},
        {"action": "opening a box", "reverse": "closing a box", "distractor": "opens the box"},
        {"action": "opening a drawer", "reverse": "closing a drawer", "distractor": "shutting a drawer"},
        {
            "action": "walks up the stairs",
            "reverse": "walks down",
            "distractor": "a person is walking up the stairs",
        },
    ],
)
def test_options_that_say_the_same_in_other_words_are_refused(tmp_path: Path, row: dict[str, str]) -> None:
    found = one(tmp_path, **row)
    assert isinstance(found, Refused)
    assert "two of its options are the same" in found.reason


def test_no_distractor_is_true_of_the_clip(tmp_path: Path) -> None:
    rows = [
        {"action": one}
        for one in ("walks up the stairs", "walking up the stairs", "a man is walking up stairs")
    ]
    assert [isinstance(found, Refused) for found in candidates(tmp_path, *rows)] == [True] * 3
    (found, *_) = candidates(tmp_path, *rows, {"action": "rolls to the left"})
    assert isinstance(found, Candidate)
    assert sum("walk" in option for option in found.options) == 2
