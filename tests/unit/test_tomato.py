"""TOMATO: what its own rules read, what they leave to a language model, and of which kind a file's numbers are."""

from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, write_json, write_lines
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.errors import DataError

OPTIONS = ["Not moving at all", "Left.", "Right."]


def question(text: str, answer: int, shown: str = "human", counterfactual: int = 0) -> dict[str, Any]:
    return {
        "question": text, "options": OPTIONS, "answer": answer, "key": "0231-04", "motion_type": "direction",
        "variation": {"counterfactual": counterfactual}, "demonstration_type": shown, "note": "",
    }  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_json(
        tmp_path / "data" / "direction.json",
        {"0": question("Whither?", 2), "1": question("Where?", 0, "object", 1)},
    )
    write_json(tmp_path / "data" / "rotation.json", {"0": question("How does it turn?", 1)})
    return tmp_path


def row(number: str, text: str, response: str) -> dict[str, Any]:
    letters = {"A": OPTIONS[0], "B": OPTIONS[1], "C": OPTIONS[2]}
    return {
        "id": number, "question": text, "response": response, "all_choices": list(letters), "index2ans": letters,
        "gt": "C. Right.",
    }  # fmt: skip


def test_the_questions(root: Path) -> None:
    items = list(benchmark("tomato").items(root))
    assert [item.sample.id for item in items] == ["direction/0", "direction/1", "rotation/0"]
    assert items[0].prompt.startswith(
        "You will be provided with 16 separate frames uniformly sampled from a video"
    )
    assert "{'A': 'Not moving at all', 'B': 'Left.', 'C': 'Right.'}" in items[0].prompt
    assert (items[0].sample.solution, items[0].sample.video) == ("C", "videos/human/0231-04.mp4")
    assert items[1].sample.labels == {"demonstration": "object", "counterfactual": "1"}
    (root / "videos" / "human").mkdir(parents=True)
    (root / "videos" / "human" / "0231-04.mov").touch()
    assert next(iter(benchmark("tomato").items(root))).sample.video == "videos/human/0231-04.mov"


@pytest.mark.parametrize(
    ("said", "official", "ours"),
    [
        ("C", 1.0, True), ("c", 1.0, True), ("B", 0.0, False), ("Answer is:C", 1.0, True), ("Answer is(B)", 0.0, False),
        ("Answer: C", None, True), ("C: Right.", None, True), ("C. Right.", None, True),
        ("A person moves; D", None, False), ("", None, False),
    ],
)  # fmt: skip
def test_one_answer(root: Path, said: str, official: float | None, ours: bool) -> None:
    path = write_lines(root / "results" / "direction+human" / "16" / "m.jsonl", [row("0", "Whither?", said)])
    assert graded("tomato", root, path)[0].official == official
    assert scores("tomato", root, path)["ours"]["acc"] == (100.0 if ours else 0.0)


def test_scores_by_kind_and_demonstration(root: Path) -> None:
    write_lines(root / "results" / "direction+human" / "16" / "m.jsonl", [row("0", "Whither?", "C")])
    write_lines(root / "results" / "direction+object" / "16" / "m.jsonl", [row("1", "Where?", "B")])
    found = scores("tomato", root, root / "results")["official"]
    assert (found["acc"], found["by_kind"]) == (50.0, {"direction": 50.0})
    assert found["by_demonstration"] == {"human": 100.0, "object": 0.0}


def test_a_letter_that_was_read_before(root: Path) -> None:
    rows = [{"id": "0", "question": "Whither?", "response": "C", "gt": "C. Right."}]
    path = write_lines(root / "parsed_results" / "shuffle_direction+human" / "16" / "m.jsonl", rows)
    assert scores("tomato", root, path)["official"]["acc"] == 100.0


def test_the_kind_is_told_by_the_questions_where_no_folder_names_it(root: Path) -> None:
    path = write_lines(root / "m.jsonl", [row("0", "How does it turn?", "B")])
    assert scores("tomato", root, path)["official"]["by_kind"] == {"rotation": 100.0}
    with pytest.raises(DataError, match="of no kind"):
        graded("tomato", root, write_lines(root / "m.jsonl", [row("0", "Why?", "B")]))
