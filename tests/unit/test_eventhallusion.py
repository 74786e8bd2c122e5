"""EventHallusion: first letters officially, and what was judged of descriptions."""

from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, write_json
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.errors import DataError


def video(name: str, answer: str, *questions: str) -> dict[str, Any]:
    listed = [{"type": "hallucination", "question": text, "answer": answer} for text in questions]
    return {"id": name, "category": "sports", "event_info": {}, "questions": listed}


VIDEOS = {
    "entire": [video("entire_001", "No.", "Is he eating?", "Is he asleep?")],
    "interleave": [video("interleave_001", "Yes.", "Did anything unexpected happen?")],
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split, videos in VIDEOS.items():
        write_json(tmp_path / "questions" / f"{split}_questions.json", videos)
    return tmp_path


def predicted(root: Path, said: dict[str, tuple[Any, ...]], judged: dict[str, str]) -> Path:
    found = {
        split: {
            one["id"]: {
                **one,
                "qa": [
                    {"question": row["question"], "answer": row["answer"], "prediction": text}
                    for row, text in zip(one["questions"], said[one["id"]], strict=True)
                ],
                **({"judgement": judged[one["id"]]} if one["id"] in judged else {}),
            }
            for one in videos
        }
        for split, videos in VIDEOS.items()
    }
    return write_json(root / "predictions" / "m.json", found)


def test_the_questions(root: Path) -> None:
    items = list(benchmark("eventhallusion").items(root))
    assert [item.sample.id for item in items] == [
        "entire/entire_001/0",
        "entire/entire_001/1",
        "interleave/interleave_001/0",
    ]
    assert items[0].prompt == "Is he eating?\nPlease answer yes or no:"
    assert (items[2].sample.video, items[2].sample.solution) == ("videos/interleave/interleave_001.mp4", "A")


def test_scores_by_hand(root: Path) -> None:
    said = {"entire_001": ("No, he is not.", "**No**"), "interleave_001": (" Yes",)}
    found = scores(
        "eventhallusion",
        root,
        predicted(root, said, {"entire_001": "**Yes**. It is.", "interleave_001": "No."}),
    )
    assert (found["official"]["acc"], found["official"]["desc_acc"]) == (33.33, 50.0)
    assert found["official"]["splits"]["entire"] == {"acc": 50.0, "desc_acc": 100.0, "n_videos": 1}
    assert (found["ours"]["acc"], found["disagreements"]["right by ours alone"]) == (100.0, 2)


def test_letters_that_begin_as_no(root: Path) -> None:
    said = {"entire_001": ("Nothing is eaten", None), "interleave_001": ("Yes",)}
    found = scores("eventhallusion", root, predicted(root, said, {}))
    assert (found["official"]["acc"], found["official"]["desc_acc"]) == (66.67, None)
    assert (found["ours"]["acc"], found["unparsed"], found["ours"]["n_failed"]) == (33.33, 1, 1)


def test_a_recorded_file_stands_alone(root: Path, tmp_path: Path) -> None:
    path = predicted(root, {"entire_001": ("No", "No"), "interleave_001": ("Yes",)}, {})
    assert scores("eventhallusion", tmp_path / "none", path)["official"]["acc"] == 100.0


def test_what_is_no_file_of_it_is_told(root: Path) -> None:
    with pytest.raises(DataError, match="not answers to EventHallusion"):
        graded("eventhallusion", root, write_json(root / "x.json", [1]))
    with pytest.raises(DataError, match="has no list 'qa'"):
        graded("eventhallusion", root, write_json(root / "x.json", {"entire": {"entire_001": {}}}))
