"""TempCompass as a source: which clips are a pair already, and what their pairs are about."""

from pathlib import Path
from typing import Any

import pytest

from dybench_roots import candidates_of, put_video, written
from retroflip.bench.dybench.base import Axis, Clip, SubTask
from retroflip.bench.dybench.sources import SOURCES
from retroflip.errors import DataError, RecipeError

WAY = "What direction is the man moving?\nA. left to right\nB. right to left\nC. straight ahead"
FIRST = (
    "Which event happens first?\nA. Both events happen simultaneously\nB. Sun rising\nC. Ice cream melting"
)
FASTER = "Which sun is rising faster?\nA. the sun above\nB. the sun below"


def row(question: str, letter: str) -> dict[str, str]:
    answer = next(line for line in question.split("\n") if line.startswith(f"{letter}. "))
    return {"question": question, "answer": answer}


def root_of(tmp_path: Path, asked: dict[str, dict[str, list[dict[str, str]]]], **files: Any) -> Path:
    written(tmp_path / "questions/multi-choice.json", asked)
    for name, content in files.items():
        written(tmp_path / f"questions/{name}.json", content)
    for video in asked:
        put_video(tmp_path / f"videos/{video}.mp4")
    return tmp_path


def test_a_clip_and_its_reverse(tmp_path: Path) -> None:
    asked = {
        "12": {"direction": [row(WAY, "A")], "order": [row(FIRST, "B")]},
        "12_reverse": {"direction": [row(WAY, "B")]},
    }
    root = root_of(tmp_path, asked)
    written(root / "meta_info.json", {"12": {"content": ["artifacts", "people"]}})
    (one,), refused = candidates_of("tempcompass", root)
    assert not refused
    assert (one.sub_task, one.axis) == (SubTask.REVERSIBLE, Axis.GIVEN)
    assert one.parts == (Clip("videos/12.mp4"),)
    assert one.other == (Clip("videos/12_reverse.mp4"),)
    assert one.question == "What direction is the man moving?"
    assert one.options[one.gold] == "left to right"
    assert one.options[one.other_gold] == "right to left"
    assert one.source_clip == "tempcompass/12"
    assert (one.domain, one.licence) == ("human", "CC BY-NC 4.0")
    assert all(need.is_met(root) for need in SOURCES["tempcompass"].needs)


@pytest.mark.parametrize(
    "other",
    [
        row(WAY, "A"),  # the same answer
        row(WAY.replace("man", "woman"), "B"),  # another question
        row(WAY.replace("A. left to right\nB. right to left", "A. right to left\nB. left to right"), "A"),
    ],
)
def test_what_is_no_pair(tmp_path: Path, other: dict[str, str]) -> None:
    asked = {"12": {"direction": [row(WAY, "A")]}, "12_reverse": {"direction": [other]}}
    assert candidates_of("tempcompass", root_of(tmp_path, asked)) == ([], {})


def test_two_clips_in_both_orders_and_at_once(tmp_path: Path) -> None:
    asked = {f"1_2_{number}": {"order": [row(FIRST, letter)]} for number, letter in enumerate("ABC")}
    made, _ = candidates_of("tempcompass", root_of(tmp_path, asked))
    assert {one.sub_task for one in made} == {SubTask.SEQUENCE}
    assert {one.source_clip for one in made} == {"tempcompass/1_2"}
    assert [(one.parts[0].path, one.other[0].path) for one in made] == [
        ("videos/1_2_0.mp4", "videos/1_2_1.mp4"),
        ("videos/1_2_0.mp4", "videos/1_2_2.mp4"),
        ("videos/1_2_1.mp4", "videos/1_2_2.mp4"),
    ]


def test_speed_is_asked_about_only_if_wanted(tmp_path: Path) -> None:
    asked = {f"12_concat_{number}": {"speed": [row(FASTER, letter)]} for number, letter in enumerate("AB")}
    root = root_of(tmp_path, asked)
    assert candidates_of("tempcompass", root) == ([], {})
    (one,), _ = candidates_of("tempcompass", root, speed=True)
    assert (one.sub_task, one.source_clip) == (SubTask.OTHER, "tempcompass/12_concat")


def test_other_tasks(tmp_path: Path) -> None:
    yes_no = {
        "12": {"direction": [{"question": "Does he go left?", "answer": "no"}]},
        "12_reverse": {"direction": [{"question": "Does he go left?", "answer": "yes"}]},
    }
    asked = {"12": {"direction": [row(WAY, "A")]}, "12_reverse": {"direction": [row(WAY, "B")]}}
    root = root_of(tmp_path, asked, yes_no=yes_no)
    (one,), _ = candidates_of("tempcompass", root, tasks=["yes_no"])
    assert (one.options[one.gold], one.options[one.other_gold]) == ("no", "yes")
    assert len(candidates_of("tempcompass", root, tasks=["yes_no", "multi-choice"])[0]) == 2
    with pytest.raises(RecipeError, match="tasks"):
        candidates_of("tempcompass", root, tasks=["captioning"])


def test_faults(tmp_path: Path) -> None:
    asked = {"12": {"direction": [row(WAY, "A")]}, "12_reverse": {"direction": [row(WAY, "B")]}}
    root = root_of(tmp_path, asked)
    (root / "videos/12_reverse.mp4").unlink()
    (reason,) = candidates_of("tempcompass", root)[1].values()
    assert reason == "its video is missing"
    written(root / "meta_info.json", "[")
    with pytest.raises(DataError, match="meta_info"):
        candidates_of("tempcompass", root)
    with pytest.raises(DataError, match="holds none of"):
        candidates_of("tempcompass", tmp_path / "nowhere")


def test_questions_of_another_form(tmp_path: Path) -> None:
    twice = "Which way?\nA. left\nB. right\nC. left"
    asked = {"12": {"direction": [row(twice, "A")]}, "12_reverse": {"direction": [row(twice, "B")]}}
    root = root_of(tmp_path, asked)
    (reason,) = candidates_of("tempcompass", root)[1].values()
    assert reason == "two of its options are the same"
    written(root / "questions/multi-choice.json", {"12": {"direction": [{"question": ["?"], "answer": "A"}]}})
    with pytest.raises(DataError, match=r"form"):
        candidates_of("tempcompass", root)
