"""VNBench: a question is right if all four of its tries are, by both of its scorers and by ours."""

from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, write_json, write_lines
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.errors import DataError

TEXTS = ["cow", "sheep", "train", "car"]


def asked(video: str, kind: str, number: int) -> dict[str, Any]:
    """Return a try of a question: the right answer, cow, moves down by one with each."""
    options = TEXTS[-number:] + TEXTS[:-number] if number else TEXTS
    return {"video": f"./VNBench/{video}_{kind}.mp4", "question": "Which one?", "options": options, "gt": "cow",
            "type": kind, "try": number}  # fmt: skip


ASKED = [asked(*one, number) for one in (("v", "ret_insert1"), ("w", "cnt_edit1")) for number in range(4)]
LETTERS = "ABCD"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_json(tmp_path / "VNBench-main-4try.json", ASKED)
    return tmp_path


def plain(*said: Any, **more: Any) -> list[dict[str, Any]]:
    """Return rows as evaluation/eval.py reads them."""
    return [
        {
            "question_id": f"{Path(row['video']).stem}_{row['try']}", "pred": text, "gt": LETTERS[row["try"]],
            "type": row["type"], "try": row["try"], "prompt": "INFERENCE PROMPT", **more,
        }
        for row, text in zip(ASKED, said, strict=False)
    ]  # fmt: skip


def llava(*said: Any) -> list[dict[str, Any]]:
    """Return rows as llava_examples/ write and read them."""
    return [
        {
            "video_path": row["video"], "pred": text, "gt": LETTERS[row["try"]], "task_type": row["type"],
            "try": row["try"], "prompt": "<|im_start|>user\n<image>\nWhich one?\n"
            + "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, row["options"], strict=True))
            + "\nAnswer with the option's letter from the given choices directly.<|im_end|>\n",
        }
        for row, text in zip(ASKED, said, strict=False)
    ]  # fmt: skip


def test_the_questions(root: Path) -> None:
    items = list(benchmark("vnbench").items(root))
    assert [item.sample.solution for item in items] == list("ABCDABCD")
    assert items[1].prompt == (
        "Which one?\nA. car\nB. cow\nC. sheep\nD. train\n"
        "Answer with the option's letter from the given choices directly."
    )
    assert (items[1].sample.group, items[1].sample.cell) == ("v_ret_insert1", (0, 1))
    assert items[1].sample.video == "VNBench/v_ret_insert1.mp4"


def test_right_only_if_all_four_are(root: Path) -> None:
    found = scores("vnbench", root, write_lines(root / "r.jsonl", plain(*"ABCD", *"ABCA")))
    assert (found["official"]["acc"], found["official"]["types"]) == (
        50.0,
        {"cnt_edit1": 0.0, "ret_insert1": 100.0},
    )
    assert found["ours"]["groups"]["g_acc"] == 50.0
    assert found["ours"]["by_task"] == {"cnt_edit1": 75.0, "ret_insert1": 100.0}
    # Its accuracy is of four tries together, of which the intervals and the chance of single ones say nothing.
    assert found["ours"]["acc"] == 50.0
    assert not {"acc_ci", "acc_wilson", "chance"} & found["ours"].keys()


def test_faults_of_the_first_scorer(root: Path) -> None:
    # "The Answer" holds an A and no answer; a null leaves three tries, of which none can make four.
    rows = plain("The Answer is unknown", *"BCD", None, *"BCD")
    found = scores("vnbench", root, write_lines(root / "r.jsonl", rows))
    assert (found["official"]["types"]["ret_insert1"], found["official"]["types"]["cnt_edit1"]) == (
        100.0,
        0.0,
    )
    assert found["official"]["questions_without_four_tries"] == 1
    assert found["ours"]["groups"]["g_acc"] == 0.0
    numbered = [{**row, "gt": "ABCD".index(row["gt"]), "gpt_judge": ["1"]} for row in plain(*"DDDD")]
    assert scores("vnbench", root, write_lines(root / "r.jsonl", numbered))["official"]["acc"] == 100.0


def test_the_second_scorer_and_a_root_without_the_questions(root: Path, tmp_path: Path) -> None:
    path = write_lines(root / "r.jsonl", llava("A", "B", "C", "D.", "A", "B", "the C", "D"))
    found = scores("vnbench", root, path)
    # Retrieval, order and counting are three parts each of three types: 1 of 9 types has any right answer.
    assert (found["official"]["ret"], found["official"]["cnt"], found["official"]["acc"]) == (
        33.33,
        0.0,
        11.11,
    )
    alone = scores("vnbench", tmp_path / "none", path)
    assert (alone["official"], alone["unknown"], alone["missing"]) == (found["official"], 0, None)
    assert "Name the folder" in alone["missing_fault"]


def test_our_accuracy_is_the_same_in_both_forms(root: Path) -> None:
    # Of the parts of the second scorer ordering is not there, and eight of its nine types: we count what was asked.
    found = scores("vnbench", root, write_lines(root / "r.jsonl", llava(*"ABCD", *"ABCA")))
    assert (found["official"]["acc"], found["ours"]["acc"]) == (11.11, 50.0)


def test_what_does_not_fit_is_told(root: Path) -> None:
    with pytest.raises(DataError, match="have another order"):
        graded("vnbench", root, write_lines(root / "r.jsonl", [{**plain("A")[0], "gt": "B"}]))
    with pytest.raises(DataError, match="none of the questions"):
        graded(
            "vnbench",
            root,
            write_lines(root / "r.jsonl", [{**plain("A")[0], "question_id": "x_ret_insert1_0"}]),
        )
    with pytest.raises(DataError, match="is none of 0 to 3"):
        graded(
            "vnbench",
            root,
            write_lines(root / "r.jsonl", [{**plain("A")[0], "question_id": "x_ret_insert1_9"}]),
        )
    with pytest.raises(DataError, match="is no letter A to D"):
        graded("vnbench", root, write_lines(root / "r.jsonl", [{**plain("A")[0], "gt": "cow"}]))
