"""TempCompass: the official rules by hand, our reading beside them, and pairs of a clip and its reverse."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from retroflip.bench.benchmarks.recorded import score_file
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.cli.app import app
from retroflip.errors import DataError, UsageError

CHOICE = "Which way does it go?\nA. to the left\nB. to the right\nC. nowhere"
CAPTION = "Which caption is right?\nOption 1: It goes up.\nOption 2: It goes down."
QUESTIONS: dict[str, Any] = {
    "multi-choice": {
        "7": {"direction": [{"question": CHOICE, "answer": "A. to the left"}]},
        "7_reverse": {"direction": [{"question": CHOICE, "answer": "B. to the right"}]},
        "8": {"action": [{"question": "What?\nA. runs\nB. walks", "answer": "B. walks"}]},
    },
    "yes_no": {"7": {"speed": [{"question": "Is it fast?", "answer": "no"}]}},
    "caption_matching": {"7": {"order": [{"question": CAPTION, "answer": "Option 2: It goes down."}]}},
}


CAPTION_PROMPT = "Identify the right information.\nInformation A: {'action': 'runs'}\nGenerated Caption:"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, questions in QUESTIONS.items():
        path = tmp_path / "questions" / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(questions))
    return tmp_path


def recorded(root: Path, task: str, *said: Any, key: str = "prediction", **more: Any) -> Path:
    """Write answers to a task's questions, in their order."""
    answers = iter(said)
    found = {
        video: {
            aspect: [{**row, key: next(answers), **more} for row in rows] for aspect, rows in aspects.items()
        }
        for video, aspects in QUESTIONS[task].items()
    }
    path = root / "recorded.json"
    path.write_text(json.dumps(found))
    return path


def scores(root: Path, path: Path) -> dict[str, Any]:
    return score_file(benchmark("tempcompass"), root, path)


def test_both_scores_and_the_pair_by_hand(root: Path) -> None:
    # Right, right, wrong: two of three, and both sides of the one pair.
    found = scores(root, recorded(root, "multi-choice", "A", "B. to the right", "A) runs</s>"))
    assert found["official"]["acc"] == found["ours"]["acc"] == 66.67
    assert found["official"]["p_acc"] == found["ours"]["p_acc"] == 100.0
    assert found["official"]["by_task"] == {"action": 0.0, "direction": 100.0} == found["ours"]["by_task"]
    assert (found["official"]["n_pairs"], found["unparsed"]) == (1, 0)


@pytest.mark.parametrize(
    ("said", "official", "ours"),
    [
        ("A", 1.0, True), ("A. to the left", 1.0, True), ("A) because", 1.0, True), ("B.", 0.0, False),
        ("(A)", None, True),
        ("The answer is A.", None, True), ("**A**", None, True), ("to the left", None, True), ("hm", None, False),
        (None, 0.0, False),
    ],
)  # fmt: skip
def test_rules_of_multiple_choice(root: Path, said: str | None, official: float | None, ours: bool) -> None:
    graded = benchmark("tempcompass").recorded(root, recorded(root, "multi-choice", said, "A", "A"))[0]
    assert graded.official == official
    found = scores(root, recorded(root, "multi-choice", said, "A", "A"))
    assert found["ours"]["by_task"]["direction"] == (50.0 if ours else 0.0)


@pytest.mark.parametrize(
    ("said", "official", "ours"),
    [
        ("No.", 1.0, 100.0), ("no, it is slow", 1.0, 100.0), ("Yes", 0.0, 0.0), ("Nothing moves", 1.0, 0.0),
        ("Hm", None, 0.0),
    ],
)  # fmt: skip
def test_rules_of_yes_and_no(root: Path, said: str, official: float | None, ours: float) -> None:
    path = recorded(root, "yes_no", said)
    assert benchmark("tempcompass").recorded(root, path)[0].official == official
    assert scores(root, path)["ours"]["acc"] == ours


@pytest.mark.parametrize(
    ("said", "official", "ours"),
    [
        ("Option 2: It goes down.", 1.0, 100.0), ("Option 2", 1.0, 100.0), ("2", 1.0, 100.0),
        ("It goes down.", 1.0, 100.0),
        ("Option 1", 0.0, 0.0), ("The best option is Option 2: It goes down.", None, 100.0), ("neither", None, 0.0),
    ],
)  # fmt: skip
def test_rules_of_caption_matching(root: Path, said: str, official: float | None, ours: float) -> None:
    path = recorded(root, "caption_matching", said)
    assert benchmark("tempcompass").recorded(root, path)[0].official == official
    assert scores(root, path)["ours"]["acc"] == ours


def test_a_recorded_grade_of_a_model_is_kept_and_a_missing_one_counted(root: Path) -> None:
    graded = recorded(root, "yes_no", "It stands.", key="video-llm-prediction", match_success=False, rating=1)
    assert scores(root, graded)["official"] == {
        "acc": 100.0, "by_task": {"speed": 100.0}, "p_acc": None, "p_acc_by_task": {},
        "n": 1, "n_pairs": 0, "ungraded": 0, "tasks": {"yes_no": {"acc": 100.0, "speed": 100.0}},
    }  # fmt: skip
    ungraded = scores(root, recorded(root, "yes_no", "It stands."))
    assert (ungraded["official"]["acc"], ungraded["official"]["ungraded"], ungraded["unparsed"]) == (
        0.0,
        1,
        1,
    )


def test_what_is_no_file_of_it_is_told(root: Path, tmp_path: Path) -> None:
    for content, said in (
        ("[]", "not a file of TempCompass"),
        ("{", "not JSON"),
        ('{"7": {"a": [1]}}', "not a file"),
    ):
        (tmp_path / "x.json").write_text(content)
        with pytest.raises(DataError, match=said):
            benchmark("tempcompass").recorded(root, tmp_path / "x.json")
    (tmp_path / "x.json").write_text(json.dumps({"7": {"speed": [{"question": "Why?", "prediction": "A"}]}}))
    with pytest.raises(
        DataError, match=r"is in none of multi-choice\.json, yes_no\.json, caption_matching\.json"
    ):
        benchmark("tempcompass").recorded(root, tmp_path / "x.json")
    with pytest.raises(DataError, match="cannot be read"):
        benchmark("tempcompass").recorded(root, tmp_path / "none.json")
    with pytest.raises(UsageError, match=r"There are: .*tempcompass"):
        benchmark("tempcompas")


def test_what_a_file_lacks_is_wrong_for_us_and_told(root: Path) -> None:
    found = json.loads(recorded(root, "multi-choice", "A", "B", "B").read_text())
    del found["7"]
    path = root / "part.json"
    path.write_text(json.dumps(found))
    told = scores(root, path)
    assert (told["official"]["acc"], told["official"]["n"], told["official"]["p_acc"]) == (100.0, 2, None)
    assert (told["ours"]["acc"], told["ours"]["n_failed"], told["ours"]["p_acc"]) == (66.67, 1, 0.0)
    assert (told["missing"], told["unknown"], told["ours_of_answered"]) == (1, 0, {"acc": 100.0, "n": 2})
    assert told["parts_without_answers"] == {"yes_no": 1, "caption_matching": 1}


def test_a_pair_with_an_empty_answer_is_officially_wrong_too(root: Path) -> None:
    told = scores(root, recorded(root, "multi-choice", "A", "", "B"))["official"]
    assert (told["p_acc"], told["n_pairs"], set(told["p_acc_by_task"].values())) == (0.0, 1, {0.0})


def test_what_the_benchmark_does_not_ask_counts_officially_alone_and_is_told(root: Path) -> None:
    found = json.loads(recorded(root, "multi-choice", "A", "B", "B").read_text())
    # It stands first, so that the task is told by the others; its scorer reads no file of questions.
    strange = {
        "unknown": {"direction": [{"question": CHOICE, "answer": "A. to the left", "prediction": "B"}]}
    }
    path = root / "more.json"
    path.write_text(json.dumps(strange | found))
    told = scores(root, path)
    assert (told["official"]["acc"], told["official"]["n"]) == (75.0, 4)
    assert (told["ours"]["acc"], told["ours"]["n_answers"], told["missing"]) == (100.0, 3, 0)
    reason = "to a question that is not among those under --root"
    assert (told["unknown"], told["unknown_by_reason"]) == (1, {reason: 1})
    arguments = ["score", "--bench", "tempcompass", "--root", str(root), "--recorded", str(path)]
    said = " ".join(CliRunner().invoke(app, arguments).stdout.split())
    assert f"1 answer {reason}, and not counted by ours." in said
    assert "yes_no (1 question), caption_matching (1 question)" in said


def test_answers_are_told_by_their_question_and_not_by_their_place(root: Path) -> None:
    twice = {"7": {"speed": [{"question": q, "answer": "no"} for q in ("Fast?", "Slow?", "Slow?")]}}
    (root / "questions" / "yes_no.json").write_text(json.dumps(twice))
    rows = [{"question": q, "answer": "no", "prediction": "no"} for q in ("Slow?", "Slow?")]
    path = root / "yes_no_answers.json"
    path.write_text(json.dumps({"7.mp4": {"speed": rows}}))
    answered = benchmark("tempcompass").recorded(root, path)
    assert [one.item.sample.id for one in answered] == ["yes_no/7/speed/1", "yes_no/7/speed/2"]
    assert scores(root, path)["missing"] == 1


def test_ours_goes_by_the_answers_of_the_questions(root: Path) -> None:
    found = {"7": {"speed": [{"question": "Is it fast?", "answer": "yes", "prediction": "yes"}]}}
    path = root / "other_gold.json"
    path.write_text(json.dumps(found))
    told = scores(root, path)
    assert (told["official"]["acc"], told["ours"]["acc"]) == (100.0, 0.0)


def test_the_command(root: Path) -> None:
    path = recorded(root, "multi-choice", "A", "B", "A")
    arguments = ["score", "--bench", "tempcompass", "--root", str(root), "--recorded", str(path)]
    run = CliRunner().invoke(app, [*arguments, "--json"])
    found = json.loads(run.stdout)
    assert (found["official"]["acc"], found["ours"]["acc"], found["unparsed"]) == (66.67, 66.67, 0)
    shown = CliRunner().invoke(app, arguments).stdout
    assert "TempCompass, per cent" in shown
    assert "3 answers, 1 pair; 0 unparsed by ours" in shown


def test_the_questions_with_their_official_prompts(root: Path) -> None:
    items = list(benchmark("tempcompass").items(root))
    assert [item.sample.labels["task"] for item in items] == ["multi-choice"] * 3 + [
        "yes_no",
        "caption_matching",
    ]
    assert items[0].prompt == f"{CHOICE}\nPlease directly give the best option:"
    assert items[3].prompt == "Is it fast?\nPlease answer yes or no:"
    assert (items[1].sample.video, items[1].sample.side) == ("videos/7_reverse.mp4", 1)
    assert (items[4].sample.options, items[4].sample.solution) == (("It goes up.", "It goes down."), "B")
    assert len({item.sample.id for item in items}) == len(items)


def test_a_root_without_questions_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds none of multi-choice\.json"):
        list(benchmark("tempcompass").items(tmp_path))


def captioned(root: Path, **row: Any) -> Path:
    """Write captioning's questions, and one answer to the first of them."""
    questions = {"8": {"action": [{"question": CAPTION_PROMPT, "answer": "B. walks"}]}}
    (root / "questions" / "captioning.json").write_text(json.dumps(questions))
    path = root / "captioning.json"
    path.write_text(json.dumps({"8": {"action": [row]}}))
    return path


@pytest.mark.parametrize(
    ("row", "official", "ours"),
    [
        ({"chatgpt-answer": "B. walks", "rating": 1}, 1.0, 100.0),
        ({"chatgpt-answer": "B. walks", "rating": 0}, 0.0, 100.0),
        ({"chatgpt-answer": "A. runs, B. walks", "rating": 0}, 0.0, 0.0),
        ({"chatgpt-answer": None, "rating": -1}, -1.0, 0.0),
        ({"question": CAPTION_PROMPT, "prediction": "A man walks."}, None, 0.0),
    ],
)  # fmt: skip
def test_captions_are_left_to_a_judge(
    root: Path, row: dict[str, Any], official: float | None, ours: float
) -> None:
    path = captioned(root, **{"video-llm-prediction": "A man walks."} | row)
    found = scores(root, path)
    assert benchmark("tempcompass").recorded(root, path)[0].official == official
    assert (found["ours"]["acc"], found["official"]["ungraded"]) == (ours, int(official is None))


def test_a_caption_is_asked_for_and_judged_by_the_choice_of_its_video(root: Path) -> None:
    captioned(root, prediction="A man walks.", question=CAPTION_PROMPT)
    item = list(benchmark("tempcompass").items(root))[-1]
    assert (item.prompt, item.sample.labels) == (CAPTION_PROMPT, {"task": "captioning"})
    assert (item.sample.options, item.sample.solution) == (("runs", "walks"), "B")
