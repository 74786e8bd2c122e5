"""File system: what commands do, by hand and on a real disk, and that a pair's videos show them in another order."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from long_pairs import assert_only_the_order_differs
from retroflip.synth.checks import file_system as check
from retroflip.synth.episode import Draw, Episode, Mode, Redraw
from retroflip.synth.long.file_system import (
    KIND,
    LEAST_OPERATIONS,
    MOST_OPERATIONS,
    OPERATIONS,
    SEEN,
    Files,
    Step,
    _timeline,
    answer_to,
    done,
    inverse,
)
from retroflip.synth.long.orders import Query, around
from retroflip.synth.long.timeline import draw_timeline
from retroflip.synth.settings import SceneSettings
from temporal_pairs import on_disk, pair_of


def files(**folders: str) -> Files:
    """The files called by single letters in each folder."""
    return frozenset((folder, name) for folder, names in folders.items() for name in ["", *names])


START = files(docs="ab", logs="c")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (Step("touch", "docs", file="d"), files(docs="abd", logs="c")),
        (Step("touch", "docs", file="a"), None),
        (Step("rm", "docs", file="a"), files(docs="b", logs="c")),
        (Step("rm", "docs", file="c"), None),
        (Step("mv", "docs", "logs", "a"), files(docs="b", logs="ac")),
        (Step("cp", "docs", "logs", "a"), files(docs="ab", logs="ac")),
        (Step("uncp", "docs", "logs", "a"), None),
        (Step("rm all", "docs"), files(docs="", logs="c")),
        (Step("mv all", "docs", "logs"), files(docs="", logs="abc")),
        (Step("exchange", "docs", "logs"), files(docs="c", logs="ab")),
        (Step("mkdir", "temp"), files(docs="ab", logs="c", temp="")),
        (Step("mkdir", "docs"), None),
        (Step("touch", "temp", file="d"), None),
        (Step("mv all", "docs", "temp"), None),
    ],
)
def test_commands_by_hand(step: Step, expected: Files | None) -> None:
    assert done(START, step) == expected


def test_nothing_is_overwritten_moved_from_nowhere_or_crammed_into_a_folder() -> None:
    twice = files(docs="ab", logs="a")
    assert done(twice, Step("mv", "docs", "logs", "a")) is None
    assert done(twice, Step("cp", "docs", "logs", "a")) is None
    assert done(twice, Step("mv all", "docs", "logs")) is None
    assert done(files(docs="", logs="a"), Step("mv all", "docs", "logs")) is None
    assert done(files(docs="", logs="a"), Step("rm all", "docs")) is None
    assert done(files(docs="abcde", logs=""), Step("touch", "docs", file="f")) is None
    assert done(files(docs="abc", logs="def"), Step("mv all", "docs", "logs")) is None


def test_an_exchange_keeps_files_of_one_name_apart() -> None:
    assert done(files(docs="ab", logs="a"), Step("exchange", "docs", "logs")) == files(docs="a", logs="ab")


@pytest.mark.parametrize(
    ("backwards", "command"),
    [
        (Step("touch", "docs", file="d"), "rm docs/d"),
        (Step("rm", "docs", file="a"), "touch docs/a"),
        (Step("mv", "docs", "logs", "a"), "mv logs/a docs/"),
        (Step("exchange", "docs", "logs"), "mv --exchange docs logs"),
    ],
)
def test_a_step_backwards_undoes_its_command(backwards: Step, command: str) -> None:
    before = done(START, backwards)
    assert before is not None
    assert inverse(backwards).command == command
    assert done(before, inverse(backwards)) == START


def test_a_copy_is_undone() -> None:
    assert done(files(docs="ab", logs="a"), Step("uncp", "docs", "logs", "a")) == files(docs="ab", logs="")
    assert inverse(Step("uncp", "docs", "logs", "a")).command == "cp docs/a logs/"


def test_answers_by_hand() -> None:
    steps = (Step("mv", "docs", "logs", "a"), Step("rm all", "docs"), Step("touch", "docs", file="d"))
    course = around(START, steps, done, opening=True)
    commands = tuple(step.command for step in steps)

    def asked(ask: str, when: str, **of: Any) -> object:
        return answer_to(Query(Mode.FORWARD, ask, when, of), course)

    assert asked("exists", "end", folder="logs", file="a") == "yes"
    assert asked("exists", "end", folder="docs", file="a") == "no"
    assert asked("exists", "start", folder="docs", file="a") == "yes"
    assert asked("holds", "end", folder="logs") == ("a", "c")
    assert asked("count", "end", folder="docs") == 1
    assert asked("deleted", "ever", file="a") == "no"
    assert asked("deleted", "ever", file="b") == "yes"
    assert asked("first", "order", commands=commands) == "mv docs/a logs/"
    assert asked("last", "order", commands=commands[1:]) == "touch docs/d"


def test_the_checker_by_hand() -> None:
    listing = {"type": "reveal", "folders": {"docs": ["a", "b"], "logs": ["c"]}}
    commands = ["mv docs/a logs/", "mv --exchange docs logs", "rm docs/*", "mkdir temp", "cp logs/b temp/"]
    events = [{"type": "", "command": command, "start_ms": ms} for ms, command in enumerate(commands)]

    def found(**asked: Any) -> str:
        return check.answer({"question": {"parameters": asked}, "events": [listing, *events]})

    assert found(ask="holds", when="end", folder="logs") == "b"
    assert found(ask="count", when="end", folder="docs") == "0"
    assert found(ask="exists", when="end", folder="temp", file="b") == "yes"
    assert found(ask="deleted", when="ever", file="a") == "yes"
    assert found(ask="deleted", when="ever", file="b") == "no"
    assert found(ask="first", when="order", commands=["rm docs/*", "mv --exchange docs logs"]) == commands[1]
    assert found(ask="last", when="order", commands=["rm docs/*", "mv --exchange docs logs"]) == commands[2]


def run_on_disk(command: str, root: Path) -> None:
    """Run a command of a video on real folders."""
    verb, *rest = command.split()
    if verb == "mkdir":
        (root / rest[0]).mkdir()
    elif verb == "touch":
        assert not (root / rest[0]).exists()
        (root / rest[0]).touch()
    elif rest[0] == "--exchange":
        aside = root / "aside"
        (root / rest[1]).rename(aside)
        (root / rest[2]).rename(root / rest[1])
        aside.rename(root / rest[2])
    else:
        meant = sorted(root.glob(rest[0]))
        assert meant
        for path in meant:
            if verb == "rm":
                path.unlink()
                continue
            assert not (root / rest[1] / path.name).exists()
            (path.rename if verb == "mv" else lambda to, path=path: shutil.copy(path, to))(
                root / rest[1] / path.name
            )


def listed(root: Path) -> dict[str, list[str]]:
    return {folder.name: sorted(path.name for path in folder.iterdir()) for folder in root.iterdir()}


def assert_runs_on_disk(episode: Episode, root: Path) -> None:
    metadata = on_disk(episode)
    for folder, names in metadata["states"][0]["folders"].items():
        (root / folder).mkdir(parents=True)
        for name in names:
            (root / folder / name).touch()
    commands = [event["command"] for event in metadata["events"] if event["type"] != "reveal"]
    for command, state in zip(commands, metadata["states"][1:], strict=True):
        run_on_disk(command, root)
        assert listed(root) == state["folders"]


@pytest.mark.parametrize("turn", range(24))
def test_a_real_disk_ends_up_with_the_same_files(turn: int, tmp_path: Path) -> None:
    pair = pair_of(KIND, 6, turn, SceneSettings(difficulty=1 + turn % 5))
    for number, side in enumerate(pair[:2]):
        assert_runs_on_disk(side, tmp_path / str(number))


@pytest.mark.parametrize("turn", range(6))
def test_no_frame_but_the_order_of_frames_tells_the_sides_of_a_pair_apart(turn: int) -> None:
    assert_only_the_order_differs(
        pair_of(KIND, 3, turn, SceneSettings(difficulty=1 + turn % 5, distractors=2))
    )


@pytest.mark.parametrize("turn", range(12))
def test_no_command_is_run_twice(turn: int) -> None:
    for side in pair_of(KIND, 7, turn)[:2]:
        commands = [event.facts["command"] for event in side.events if event.type != "reveal"]
        assert len(set(commands)) == len(commands)


def drawn_with(operations: int) -> Draw:
    settings = SceneSettings(operations=operations, viewed_frames=512)
    return Draw(1, KIND.name, 0, settings, np.random.default_rng(5))


def test_more_commands_than_other_orders_are_found_of_are_refused_before_anything_is_drawn() -> None:
    draw = drawn_with(MOST_OPERATIONS + 1)
    with pytest.raises(Redraw, match="no other order of 24 commands can be run"):
        KIND.make(draw)
    assert draw.rng.random() == np.random.default_rng(5).random()


def test_a_look_ahead_at_the_number_of_commands_changes_nothing_that_is_drawn() -> None:
    draw, plain = drawn_with(MOST_OPERATIONS), drawn_with(MOST_OPERATIONS)
    assert _timeline(draw) == draw_timeline(plain, plain.wanted(OPERATIONS), SEEN, LEAST_OPERATIONS)
    assert draw.rng.random() == plain.rng.random()
