"""Answer records, pair metrics, scores on disk and comparisons, on answers small enough to count by hand."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retroflip.bench.groups import group_up, pair_is_right, pair_up
from retroflip.bench.metrics import measure
from retroflip.bench.records import AnswerRecord, Control, append_answers, as_record, as_row, read_answers
from retroflip.bench.score import compare, compare_all, of_full_video, score_records, score_run
from retroflip.data.sample import Cell
from retroflip.errors import DataError
from retroflip.files.storage import append_jsonl, read_json_object

LEFT_RIGHT = ("left", "right")


def record(name: str, side: int, answer: str | None, **changes: Any) -> AnswerRecord:
    """One answer to pair `name`, whose gold answer is A on side 0 and B on side 1."""
    gold = "AB"[side]
    values: dict[str, Any] = {
        "id": f"{name}-{side}",
        "pair": name,
        "side": side,
        "task": "moving_direction",
        "source_clip": f"clip-{name}",
        "gold": gold,
        "options": LEFT_RIGHT,
        "response": rf"<think>look</think>\boxed{{{answer}}}",
        "answer": answer,
        "correct": answer == gold,
        "score": float(answer == gold),
        "video": f"./videos/{name}-{side}.mp4",
    }
    return AnswerRecord(**{**values, **changes})


def failed(name: str, side: int, **changes: Any) -> AnswerRecord:
    return record(name, side, None, response="", error="the video failed", **changes)


def pair(name: str, first: str | None, second: str | None, **changes: Any) -> list[AnswerRecord]:
    return [record(name, 0, first, **changes), record(name, 1, second, **changes)]


# both right, stuck on A, both wrong, half unparsed
FOUR_PAIRS = [*pair("p", "A", "B"), *pair("q", "A", "A"), *pair("r", "B", "A"), *pair("s", None, "B")]


def test_measures_by_hand() -> None:
    found = measure(FOUR_PAIRS)
    assert found["acc"] == 4 / 8
    assert found["p_acc"] == 1 / 4
    assert found["same_answer_rate"] == 1 / 4
    assert found["unparsed_rate"] == 1 / 8
    assert (found["n_answers"], found["n_pairs"], found["n_incomplete_pairs"]) == (8, 4, 0)
    assert found["chance"] == {"acc": 0.5, "p_acc": 0.25, "same_answer_rate": 0.5}


@pytest.mark.parametrize(
    ("count", "acc", "p_acc"), [(2, 1 / 2, 1 / 4), (3, 1 / 3, 1 / 9), (4, 1 / 4, 1 / 16)]
)
def test_chance_levels_of_dybench(count: int, acc: float, p_acc: float) -> None:
    """CRPO, appendix A.4: 50/25, 33.3/11.1 and 25/6.25 %. A null option is one of the options."""
    options = ("left", "right", "up", "None of the above")[:count]
    found = measure(pair("p", "A", "B", options=options))["chance"]
    assert found == pytest.approx({"acc": acc, "p_acc": p_acc, "same_answer_rate": acc})


def test_two_options_and_all_parsed_decompose() -> None:
    found = measure(FOUR_PAIRS[:6])
    assert found["acc"] == pytest.approx(found["p_acc"] + found["same_answer_rate"] / 2)


def test_a_fixed_answer_scores_half_but_no_pair() -> None:
    found = measure([r for name in "abcdef" for r in pair(name, "A", "A")])
    assert (found["acc"], found["p_acc"], found["same_answer_rate"]) == (0.5, 0.0, 1.0)


def test_a_missing_side_is_wrong_and_counted() -> None:
    found = measure([*pair("p", "A", "B"), record("q", 0, "A")])
    assert (found["p_acc"], found["n_pairs"], found["n_incomplete_pairs"]) == (1 / 2, 2, 1)
    assert found["same_answer_rate"] == 0.0
    assert found["acc"] == 1.0
    assert found["n_answers"] == 3


def test_a_failed_side_is_wrong_not_unparsed_and_not_the_same() -> None:
    found = measure([*pair("p", "A", "A"), record("q", 0, "A"), failed("q", 1)])
    assert (found["p_acc"], found["n_pairs"], found["n_incomplete_pairs"]) == (0.0, 2, 1)
    assert (found["acc"], found["unparsed_rate"], found["n_failed"]) == (2 / 4, 0.0, 1)
    assert found["same_answer_rate"] == 1.0  # of p, the only pair with two answers


def test_unparsed_sides_are_not_the_same_answer() -> None:
    assert measure(pair("p", None, None))["same_answer_rate"] == 0.0


def test_same_answer_means_the_same_option_text() -> None:
    swapped = record("p", 1, "A", options=("right", "left"), gold="A", correct=True)
    assert measure([record("p", 0, "A"), swapped])["same_answer_rate"] == 0.0
    stuck = replace(swapped, answer="B", correct=False)
    assert measure([record("p", 0, "A"), stuck])["same_answer_rate"] == 1.0


def test_without_pairs_the_pair_metrics_are_none() -> None:
    found = measure([replace(record("p", 0, "A"), pair=None, side=None)])
    assert found["p_acc"] is None
    assert found["p_acc_ci"] is None
    assert found["acc"] == 1.0


def test_truncated_answers_are_counted_apart() -> None:
    assert measure(pair("p", "A", None, truncated=True))["truncated"] == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"side": 0, "id": "again"}, "both claim side 0"),
        ({"side": None}, "does not say which side"),
        ({"source_clip": "elsewhere"}, "different source clips"),
        ({"gold": "A"}, "never looks"),
    ],
)
def test_broken_pairs_are_refused(changes: dict[str, Any], message: str) -> None:
    other = replace(record("p", 1, None), **changes)
    with pytest.raises(DataError, match=message):
        pair_up([record("p", 0, "A"), other])


def test_an_unparsed_answer_cannot_be_right() -> None:
    with pytest.raises(ValueError, match="never right"):
        record("p", 0, None, correct=True)


def test_answers_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    append_answers(path, FOUR_PAIRS[:3])
    append_answers(path, FOUR_PAIRS[3:])
    assert read_answers(path) == (FOUR_PAIRS, False)


def test_a_torn_last_line_is_reported_and_mended_on_append(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    append_answers(path, FOUR_PAIRS[:2])
    path.write_bytes(path.read_bytes()[:-20])
    assert read_answers(path) == (FOUR_PAIRS[:1], True)
    append_answers(path, FOUR_PAIRS[1:2])
    assert read_answers(path) == (FOUR_PAIRS[:2], False)


def test_damage_elsewhere_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    append_answers(path, FOUR_PAIRS[:2])
    path.write_text("{broken\n" + path.read_text())
    with pytest.raises(DataError, match=r"answers\.jsonl, line 1"):
        read_answers(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"side": 2}, "side: it must be 1 or less"),
        ({"asked": "?"}, "asked: Extra inputs are not permitted"),
        ({"options": ["x"] * 27}, "27 options have no letters"),
        ({"letters": ["A", "C", "D"]}, "3 letters are none of 2 options"),
        ({"answer": None}, "an unparsed answer is never right"),
        ({"error": "the call failed"}, "there is an 'error' beside an answer"),
    ],
)
def test_a_record_that_breaks_its_schema_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "answers.jsonl"
    append_answers(path, FOUR_PAIRS[:1])
    append_jsonl(path, as_row(FOUR_PAIRS[0]) | changes)
    with pytest.raises(DataError, match=f"record 2: .*{re.escape(message)}"):
        read_answers(path)


def test_a_record_without_a_score_has_that_of_right_and_wrong() -> None:
    bare = {name: value for name, value in as_row(FOUR_PAIRS[0]).items() if name != "score"}
    assert as_record(bare).score == 1.0
    assert as_record({**bare, "correct": False}).score == 0.0
    assert not hasattr(as_record(bare), "__dict__")


def test_a_question_answered_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    append_answers(path, [*FOUR_PAIRS[:1], replace(FOUR_PAIRS[0], control=Control.TEXT_ONLY)])
    assert len(read_answers(path).records) == 2
    append_answers(path, FOUR_PAIRS[:1])
    with pytest.raises(DataError, match="already answered in record 1"):
        read_answers(path)


def test_missing_and_empty_answers_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="retroflip generate"):
        score_run(tmp_path)
    (tmp_path / "answers.jsonl").touch()
    with pytest.raises(DataError, match="nothing to score"):
        score_run(tmp_path)


def test_scores_by_task_and_control() -> None:
    blind = pair("p", "A", "A", control=Control.TEXT_ONLY)
    found = score_records([*FOUR_PAIRS, *pair("t", "A", "B", task="event_sequence"), *blind])
    assert found["scored"] == "full"
    assert list(found["tasks"]) == ["event_sequence", "moving_direction"]
    assert found["p_acc"] == 2 / 5
    assert found["tasks"]["event_sequence"]["p_acc"] == 1.0
    assert found["controls"]["text_only"]["p_acc"] == 0.0


def test_an_oracle_run_is_scored_by_its_only_control() -> None:
    found = score_records(pair("p", "A", "B", control=Control.ORACLE))
    assert (found["scored"], found["p_acc"], found["controls"]) == ("oracle", 1.0, {})


def test_answers_without_the_video_are_never_those_to_full_videos() -> None:
    blind = pair("p", "A", "A", control=Control.TEXT_ONLY)
    found = score_records([*blind, *pair("p", "A", "B", control=Control.ORACLE)])
    told = of_full_video(found)
    assert not {"acc", "p_acc", "n_answers"} & told.keys()
    assert {name: one["p_acc"] for name, one in told["controls"].items()} == {"text_only": 0.0, "oracle": 1.0}
    assert of_full_video(told) is told
    seeing = score_records([*FOUR_PAIRS, *blind])
    assert of_full_video(seeing) is seeing


def test_score_run_writes_what_it_returns(tmp_path: Path) -> None:
    append_answers(tmp_path / "answers.jsonl", FOUR_PAIRS)
    (tmp_path / "run.json").write_text('{"frames": 8}')
    found = score_run(tmp_path)
    assert found["settings"] == {"frames": 8}
    assert found["torn_last_line"] is False
    assert read_json_object(tmp_path / "scores.json") == found


def test_compare_by_hand() -> None:
    a = [*pair("p", "A", "B"), *pair("q", "A", "A"), *pair("r", "B", "A"), *pair("only-a", "A", "B")]
    b = [*pair("p", "A", "B"), *pair("q", "A", "B"), *pair("r", "A", "B"), *pair("only-b", "A", "B")]
    found = compare(a, b, names=("base", "crpo"))
    assert (found["a"], found["b"], found["n_pairs"], found["n_unshared_pairs"]) == ("base", "crpo", 3, 2)
    assert found["p_acc_difference"] == pytest.approx(2 / 3)
    assert (found["only_a"], found["only_b"], found["mcnemar_p"]) == (0, 2, 0.5)
    assert found["p_acc_difference_ci"][0] <= 2 / 3 <= found["p_acc_difference_ci"][1]


def test_compare_all_takes_every_two_in_order() -> None:
    found = compare_all(dict.fromkeys(("base", "grpo", "crpo"), FOUR_PAIRS))
    assert [(one["a"], one["b"]) for one in found] == [("base", "grpo"), ("base", "crpo"), ("grpo", "crpo")]
    assert all(one["mcnemar_p"] == 1.0 for one in found)


def test_what_is_not_compared_says_why() -> None:
    blind = pair("p", "A", "B", control=Control.RANDOM)
    single = [replace(record("alone", 0, "A"), pair=None, side=None)]
    whole = pair("q", "A", "B")

    def why(a: list[AnswerRecord], b: list[AnswerRecord]) -> object:
        return compare(a, b, names=("a", "b"))["not_compared"]

    assert why(FOUR_PAIRS, blind) == "b has no answers to full videos"
    assert why(blind, blind) == "a and b have no answers to full videos"
    assert why(FOUR_PAIRS, single) == "the questions of b form no pairs"
    assert why(single, single) == "the questions of a and b form no pairs"
    assert why(pair("p", "A", "B"), whole) == "they were asked no pair in common"
    assert why(whole, whole) is None


def test_compare_refuses_other_questions_under_the_same_name() -> None:
    with pytest.raises(DataError, match="other videos or gold answers"):
        compare(pair("p", "A", "B"), pair("p", "A", "B", video="./videos/x.mp4"), names=("a", "b"))


def cell(name: str, video: int, question: int, right: bool, **changes: Any) -> AnswerRecord:
    """One answer to a question of a group, whose gold answer is A."""
    place = {"id": f"{name}-{video}-{question}", "group": name, "cell": Cell(video, question)}
    alone = {"pair": None, "side": None}
    return replace(record(name, 0, "A" if right else "B"), **{**alone, **place, **changes})


def grid(name: str, rights: str) -> list[AnswerRecord]:
    """A 2 x 2 group: right (+) or not for video 0 with questions 0 and 1, then video 1."""
    return [cell(name, place // 2, place % 2, right == "+") for place, right in enumerate(rights)]


class TestGroups:
    def test_two_videos_with_two_questions_by_hand(self) -> None:
        """TimeBlind's I-Acc, Q-Acc and V-Acc of four groups."""
        answers = [*grid("a", "++++"), *grid("b", "++--"), *grid("c", "+-+-"), *grid("d", "+--+")]
        found = measure(answers)
        assert found["acc"] == 10 / 16
        groups = found["groups"]
        assert (groups["g_acc"], groups["n_groups"]) == (1 / 4, 4)
        assert groups["q_acc"] == 3 / 8  # both of a, the first of c
        assert groups["v_acc"] == 3 / 8  # both of a, the first of b
        assert groups["chance"]["g_acc"] == 1 / 2**4
        assert found["n_pairs"] == 0

    def test_a_cell_without_an_answer_is_wrong(self) -> None:
        whole, failed = grid("a", "++++"), grid("b", "++++")
        failed[3] = cell("b", 1, 1, False, answer=None, response="", error="the call failed")
        groups = measure([*whole, *failed, *grid("c", "++++")[1:]])["groups"]
        assert (groups["g_acc"], groups["n_groups"], groups["n_incomplete_groups"]) == (1 / 3, 3, 2)
        assert groups["q_acc"] == groups["v_acc"] == 4 / 6

    def test_several_questions_about_one_video_and_pairs_are_groups(self) -> None:
        binaries = [cell("a", 0, question, True) for question in range(3)]
        groups = measure([*binaries, *pair("p", "A", "A"), *pair("q", "A", "B")])["groups"]
        assert (groups["g_acc"], groups["n_groups"]) == (2 / 3, 3)
        assert groups["q_acc"] == 4 / 5
        assert groups["v_acc"] == 4 / 5

    def test_a_group_or_pair_that_tasks_divide_is_none_of_theirs(self) -> None:
        square = [
            cell("a", video, question, True, task=f"question {question}")
            for video in range(2)
            for question in range(2)
        ]
        whole = [cell("b", video, 0, video == 0, task="question 0") for video in range(2)]
        sides = [record("p", side, "AB"[side], task=f"side {side}") for side in range(2)]
        scores = score_records([*square, *whole, *sides])
        assert scores["groups"]["n_groups"] == 3
        assert scores["tasks"]["question 0"]["groups"]["n_groups"] == 1
        assert scores["tasks"]["question 0"]["groups"]["g_acc"] == 0
        assert "groups" not in scores["tasks"]["question 1"]
        assert (scores["n_pairs"], scores["p_acc"]) == (1, 1)
        assert [scores["tasks"][f"side {side}"]["n_pairs"] for side in (0, 1)] == [0, 0]

    def test_pairs_alone_are_measured_as_pairs(self) -> None:
        assert "groups" not in measure(FOUR_PAIRS)
        assert [group.right(range(2), range(1)) for group in group_up(FOUR_PAIRS).values()] == [
            pair_is_right(both) for both in pair_up(FOUR_PAIRS).complete.values()
        ]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"id": "again", "cell": Cell(0, 0)}, "both claim video 0, question 0"),
            ({"source_clip": "x"}, "source clips"),
        ],
    )
    def test_broken_groups_are_refused(self, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(DataError, match=message):
            group_up([cell("a", 0, 0, True), cell("a", 0, 1, True, **changes)])


class TestFile:
    def test_an_answer_takes_the_place_of_a_failure(self, tmp_path: Path) -> None:
        answered = record("p", 0, "A")
        append_answers(tmp_path / "answers.jsonl", [failed("p", 0), failed("p", 0), answered, failed("q", 1)])
        assert [one.error for one in read_answers(tmp_path / "answers.jsonl").records] == [
            None,
            "the video failed",
        ]

    def test_nothing_takes_the_place_of_an_answer(self, tmp_path: Path) -> None:
        append_answers(tmp_path / "answers.jsonl", [failed("p", 0), record("p", 0, "A"), failed("p", 0)])
        with pytest.raises(DataError, match="record 3: question 'p-0' was already answered in record 2"):
            read_answers(tmp_path / "answers.jsonl")

    def test_draws_are_kept_apart_and_the_first_is_scored(self, tmp_path: Path) -> None:
        draws = [record("p", 0, "AB"[draw > 0], draw=draw) for draw in range(3)]
        append_answers(tmp_path / "answers.jsonl", draws)
        read = read_answers(tmp_path / "answers.jsonl").records
        assert [one.draw for one in read] == [0, 1, 2]
        assert (score_records(read)["acc"], score_records(read)["n_answers"]) == (1.0, 1)

    def test_a_wrong_gold_is_named_wherever_it_stands(self, tmp_path: Path) -> None:
        path = tmp_path / "answers.jsonl"
        for name in "pq":
            append_answers(path, [record(name, 0, "A", gold="E", correct=False)])
            with pytest.raises(DataError, match=f"record 1: Sample '{name}-0': the solution 'E'"):
                read_answers(path)
            path.unlink()

    def test_equal_responses_are_read_by_their_own_options(self, tmp_path: Path) -> None:
        """Readings are remembered: by all that decides them."""
        path = tmp_path / "answers.jsonl"
        shown = [LEFT_RIGHT, ("right", "left"), LEFT_RIGHT]
        told = [
            record(name, 0, None, response="left", options=options)
            for name, options in zip("pqr", shown, strict=True)
        ]
        append_answers(path, [*told, record("s", 1, None, response="left")])
        found = [(one.answer, one.correct) for one in read_answers(path).records]
        assert found == [("A", True), ("B", False), ("A", True), ("A", False)]

    def test_more_resamples_are_said(self, tmp_path: Path) -> None:
        append_answers(tmp_path / "answers.jsonl", FOUR_PAIRS)
        few, many = score_run(tmp_path), score_run(tmp_path, resamples=50)
        assert (few["resamples"], many["resamples"]) == (2000, 50)
        assert few["acc"] == many["acc"]
        assert few["acc_ci"] != many["acc_ci"]

    def test_an_error_beside_an_answer_is_refused(self) -> None:
        with pytest.raises(ValueError, match="a question that failed has none"):
            record("p", 0, "A", error="the call failed")
