"""The model-free controls prove the scoring: the oracle reaches 100 %, the random answerer chance."""

from dataclasses import replace

import pytest

from retroflip.bench import records
from retroflip.bench.controls import oracle_answers, random_answers
from retroflip.bench.metrics import measure
from retroflip.bench.records import AnswerRecord, Control, answer_record, question_digest, read_again
from retroflip.data.answers import Answer, read_answer
from retroflip.data.sample import ProblemType, Sample

OPTIONS = ("moving left", "moving right", "moving up")


def sample(index: int, side: int) -> Sample:
    return Sample(
        id=f"{index}-{side}",
        video=f"videos/{index}-{side}.mp4",
        question="Which way does it move?",
        options=OPTIONS,
        solution="AB"[side],
        problem_type=ProblemType.MULTIPLE_CHOICE,
        task="moving_direction",
        source_clip=f"clip-{index}",
        pair=f"pair-{index}",
        side=side,
    )


SAMPLES = [sample(index, side) for index in range(300) for side in (0, 1)]


def test_the_oracle_is_right_everywhere() -> None:
    found = measure(oracle_answers(SAMPLES))
    assert (found["acc"], found["p_acc"], found["unparsed_rate"]) == (1.0, 1.0, 0.0)


def test_random_answers_land_at_chance() -> None:
    found = measure(random_answers(SAMPLES, seed=3))
    for rate in ("acc", "p_acc", "same_answer_rate"):
        low, high = found[f"{rate}_ci"]
        assert low <= found["chance"][rate] <= high
    assert found["unparsed_rate"] == 0.0


def test_a_random_answer_depends_on_seed_and_question_alone() -> None:
    assert random_answers(SAMPLES)[10:12] == random_answers(SAMPLES[10:12])
    assert random_answers(SAMPLES, seed=1) != random_answers(SAMPLES, seed=2)


def test_open_questions_leave_the_random_answerer_silent() -> None:
    changes = {"options": (), "solution": "three", "problem_type": ProblemType.FREE_FORM}
    open_question = SAMPLES[0].model_copy(update=changes)
    assert random_answers([open_question])[0].answer is None
    assert oracle_answers([open_question])[0].correct


def test_a_record_carries_what_scoring_needs() -> None:
    found = answer_record(SAMPLES[1], r"<think>It goes right.</think>\boxed{A}", Control.FULL, truncated=True)
    assert found == AnswerRecord(
        id="0-1",
        pair="pair-0",
        side=1,
        task="moving_direction",
        source_clip="clip-0",
        gold="B",
        options=OPTIONS,
        problem_type=ProblemType.MULTIPLE_CHOICE,
        response=r"<think>It goes right.</think>\boxed{A}",
        answer="A",
        correct=False,
        truncated=True,
        video="videos/0-1.mp4",
        question_sha256=question_digest(SAMPLES[1]),
        reading_sha256=found.reading_sha256,
    )
    assert found.gold_text == "moving right"


def test_a_response_is_read_once_by_each_version_of_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    found = answer_record(SAMPLES[1], "\\boxed{A}" + " " * 300, Control.FULL)
    edited = replace(found, response="\\boxed{B}" + " " * 300)
    raised = replace(found, answer="B", correct=True, score=1.0)
    assert read_again(edited).correct
    assert (read_again(raised).answer, read_again(raised).correct) == ("A", False)
    read: list[str] = []

    def counted(response: str, question: Sample) -> Answer | None:
        read.append(response)
        return read_answer(response, question)

    monkeypatch.setattr(records, "read_answer", counted)
    assert read_again(found) is found
    assert read == []
    monkeypatch.setattr(records, "reader_version", lambda: "another")
    assert read_again(found) == found
    assert read == [found.response]


def test_an_unparsed_response_becomes_no_letter() -> None:
    found = answer_record(SAMPLES[0], "A man is running, and a dog", Control.FULL)
    assert (found.answer, found.correct) == (None, False)
