"""VidHalluc: the four tasks by hand, the official scorers' faults that were executed, and our reading of orders."""

from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, scores_of_answers, write_json
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.bench.benchmarks.vidhalluc import order_of
from retroflip.errors import DataError

CHOICES = {"A": "run", "B": "sit", "C": "pour water", "D": "sleep"}
FILES: dict[str, Any] = {
    "ach_binaryqa": {
        "g": [
            {"q": "Does he run?", "a": {"v_clip_1": "Yes", "v_clip_2": "No"}},
            {"q": "Does he sit?", "a": {"v_clip_1": "No", "v_clip_2": "Yes"}},
        ],
        "h": [{"q": "Does it rain?", "a": {"w_clip_1": "No", "w_clip_2": "No", "w_clip_3": "Yes"}}],
    },
    "ach_mcq": {
        "g": {
            "v_clip_1": {"Question": "What does he do?", "Choices": CHOICES, "Correct Answer": "C"},
            "v_clip_2": {"Question": "What does he do?", "Choices": CHOICES, "Correct Answer": "A, B"},
        }
    },
    "tsh": {
        str(number): {
            "video": f"t{number}",
            "Question": "Action A: run. Action B: sit. ",
            "Correct Answer": right,
        }
        for number, right in enumerate(("AB", "BA", "A", "B"))
    },
    "sth": {
        f"s{number}": {"Scene change": change, "Locations": "from a to b."}
        for number, change in enumerate(("Yes", "Yes", "No", "No"))
    },
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        write_json(tmp_path / f"{name}.json", content)
    return tmp_path


def orders(root: Path, *said: str) -> Path:
    rows = {
        number: {**FILES["tsh"][number], "Model Answer": text}
        for number, text in zip("0123", said, strict=False)
    }
    return write_json(root / "out.json", rows)


def test_the_questions_with_their_official_prompts(root: Path) -> None:
    items = {item.sample.id: item for item in benchmark("vidhalluc").items(root)}
    assert len(items) == 7 + 2 + 4 + 4
    asked = items["ach_binaryqa/g/0/v_clip_1"]
    assert asked.prompt == "Does he run? Only answer with a single word 'Yes' or 'No'."
    assert (asked.sample.video, asked.sample.pair) == ("data/ACH/v_clip_1.mp4", "ach_binaryqa/g/0")
    assert items["ach_binaryqa/h/0/w_clip_1"].sample.pair is None
    assert items["ach_mcq/g/v_clip_2"].prompt.endswith(
        "(e.g., ABCD)\nChoices:\nA. run\nB. sit\nC. pour water\nD. sleep\n"
    )
    assert items["ach_mcq/g/v_clip_2"].sample.solution == "A, B"
    assert items["tsh/1"].sample.lettered[items["tsh/1"].sample.solution] == "BA"
    assert "Scene change: Yes, Locations: from" in items["sth/s0"].prompt


def test_a_binary_question_is_right_for_all_its_clips(root: Path) -> None:
    said = {
        "g": [
            {"q": "", "a": {"v_clip_1": "Yes.", "v_clip_2": "No, he sits"}},
            {"q": "", "a": {"v_clip_1": "No"}},
        ]
    }
    found = scores("vidhalluc", root, write_json(root / "out.json", said))
    # The second question lacks a clip and is wrong; h has no answer and is officially not counted.
    assert found["official"]["tasks"]["ach_binaryqa"] == {"acc": 50.0, "n": 2}
    in_h = sum(len(row["a"]) for row in FILES["ach_binaryqa"]["h"])
    assert (found["missing"], found["ours"]["n_failed"]) == (1 + in_h, 1 + in_h)
    assert found["ours"]["groups"]["g_acc"] == round(100 / (2 + len(FILES["ach_binaryqa"]["h"])), 2)
    assert scores_of_answers("vidhalluc", root, root / "out.json")["ours"]["p_acc"] == 50.0


@pytest.mark.parametrize(
    ("clip", "said", "official", "ours"),
    [
        ("v_clip_1", "C", 1.0, True), ("v_clip_1", "A man pours water, so C", 0.0, False),
        ("v_clip_1", "He will pour water.", 1.0, False), ("v_clip_1", "C. pour water", 1.0, True),
        ("v_clip_2", "AB", 0.0, True), ("v_clip_2", "A and B", 1.0, True), ("v_clip_2", "B", 0.0, False),
        ("v_clip_2", "", 0.0, False),
    ],
)  # fmt: skip
def test_multiple_choice_is_a_set_of_letters(
    root: Path, clip: str, said: str, official: float, ours: bool
) -> None:
    out = {"g": {clip: {**FILES["ach_mcq"]["g"][clip], "Model Answer": said}}}
    path = write_json(root / "out.json", out)
    assert graded("vidhalluc", root, path)[0].official == official
    assert scores_of_answers("vidhalluc", root, path)["ours"]["by_task"] == {
        "ach_mcq": 100.0 if ours else 0.0
    }


@pytest.mark.parametrize(
    ("said", "official", "ours"),
    [
        ("AB", "AB", "AB"), ("BA", "BA", "BA"), ("a", "A", "A"),
        ("Action B happens after action A.", "BA", "AB"),
        ("Only action A happens; action B does not.", "AB", "A"),
        ("BA.", None, "BA"), ("B then A", None, "BA"),
        ("Action A happens before action B.", "AB", "AB"),
        ("After action A, action B happens.", "AB", "AB"), ("Before action A, action B happens.", "AB", "BA"),
        ("Action A", "A", "A"), ("The answer is: AB", None, "AB"), ("It is not clear.", None, None),
        ("Action A does not happen before action B.", "AB", None), ("A or B", None, None), ("A man sits", None, None),
        ("<think>A, then B</think>BA", None, "BA"), (r"\boxed{AB}", None, "AB"), ("", None, None),
    ],
)  # fmt: skip
def test_orders_of_two_actions(root: Path, said: str, official: str | None, ours: str | None) -> None:
    assert order_of(said) == ours
    found = graded("vidhalluc", root, orders(root, said, said, said, said))
    assert [one.official for one in found] == [float(right == official) for right in ("AB", "BA", "A", "B")]
    score = scores("vidhalluc", root, orders(root, said, said, said, said))
    assert score["ours"]["acc"] == (25.0 if ours else 0.0)
    assert score["unparsed"] == (0 if ours else 4)


def test_scene_changes_by_their_correlation(root: Path) -> None:
    said = {
        "s0": "Scene change: Yes, Locations: from a to b.", "s1": "Scene change: Yes, Locations: from c to d.",
        "s2": "Scene change: Yes, Locations: from a to b.", "s3": "Scene change: No, Locations: None",
    }  # fmt: skip
    found = scores("vidhalluc", root, write_json(root / "out.json", said))
    # TP 2, FN 0, FP 1, TN 1: (2 * 1 - 1 * 0) / sqrt(3 * 2 * 2 * 1) = 0.57735; ((0.57735 + 1) / 2) ** 2 = 0.62201
    assert found["official"]["tasks"]["sth"] == {
        "acc": 75.0,
        "mcc": 0.5774,
        "classification_score": 62.2,
        "n": 4,
    }
    assert found["ours"]["tasks"]["sth"]["mcc"] == 0.5774


def test_a_folder_of_files_is_read_task_by_task(root: Path) -> None:
    said = {"s0": "Scene change: Yes, Locations: from a to b."}
    write_json(root / "answers" / "sth.json", said)
    write_json(root / "answers" / "tsh.json", {"0": {**FILES["tsh"]["0"], "Model Answer": "BA"}})
    found = scores("vidhalluc", root, root / "answers")
    assert {task: one["acc"] for task, one in found["official"]["tasks"].items()} == {
        "sth": 100.0,
        "tsh": 0.0,
    }
    with pytest.raises(DataError, match="no file of answers"):
        graded("vidhalluc", root, write_json(root / "empty" / "x.txt", {}).parent)


def test_a_file_of_no_task_is_told(root: Path) -> None:
    with pytest.raises(DataError, match="is of no task of VidHalluc"):
        graded("vidhalluc", root, write_json(root / "out.json", {"a": 3}))
    (root / "tsh.json").unlink()
    with pytest.raises(DataError, match=r"has no tsh\.json"):
        graded("vidhalluc", root, orders(root, "AB"))
    write_json(root / "sth.json", {"s0": {"Change": "Yes"}})
    with pytest.raises(DataError, match="not VidHalluc's own file"):
        list(benchmark("vidhalluc").items(root))
