"""Vinoground: text, video and group score by hand, lists as its qwen writer leaves them, and what stops its scorer."""

from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, write_json, write_lines
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.errors import DataError

CAPTIONS = "Which caption fits?\nA. {0} before {1}\nB. {1} before {0}"
SEGMENTS = 'Which segment shows "{0} before {1}"?\nA. The first.\nB. The second.'
RIGHT = {"0_pos": "A", "0_neg": "B", "1_pos": "B", "1_neg": "A"}


def question(idx: str, video: str, text: str) -> dict[str, str]:
    return {"idx": idx, "video_name": video, "question": text.format("red", "blue"), "GT": RIGHT[idx]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    text = [question(idx, f"vinoground_videos/{idx}.mp4", CAPTIONS) for idx in RIGHT]
    video = [question(idx, f"vinoground_videos_concated/{idx[0]}.mp4", SEGMENTS) for idx in RIGHT]
    write_json(tmp_path / "vinoground_textscore.json", text)
    write_json(tmp_path / "vinoground_videoscore.json", video)
    (tmp_path / "vinoground.csv").write_text("index,major,minor\n0,object,cyclical;spatial\n1,action,\n")
    return tmp_path


def answered(root: Path, text: dict[str, Any], video: dict[str, Any]) -> Path:
    for kind, said in (("textscore-frame32", text), ("videoscore", video)):
        rows = [{"idx": idx, "response": response} for idx, response in said.items()]
        write_lines(root / "outputs" / "m" / f"{kind}-response.jsonl", rows)
    return root / "outputs" / "m"


def test_the_questions(root: Path) -> None:
    items = list(benchmark("vinoground").items(root))
    assert [item.sample.id for item in items][:2] == ["0_pos_text", "0_neg_text"]
    assert items[0].prompt.endswith("B. blue before red\nPlease only output one English character.")
    assert items[0].sample.options == ("red before blue", "blue before red")
    assert [item.sample.cell for item in items if item.sample.group == "0"] == [
        (0, 0),
        (0, 1),
        (0, 2),
        (0, 3),
    ]
    assert (items[5].sample.pair, items[5].sample.side) == ("0_video", 1)


def test_the_three_scores_by_hand(root: Path) -> None:
    # Pair 0 has all four; pair 1 the video score alone.
    folder = answered(
        root,
        {"0_pos": "A", "0_neg": "b. blue before red", "1_pos": "A", "1_neg": "A"},
        {"0_pos": ["A"], "0_neg": ["B."], "1_pos": "B", "1_neg": "A"},
    )
    found = scores("vinoground", root, folder)
    assert {"text": 50.0, "video": 100.0, "group": 50.0}.items() <= found["official"].items()
    assert found["official"]["by_category"]["object"] == {"text": 100.0, "video": 100.0, "group": 100.0}
    assert found["official"]["by_category"]["action"] == {"text": 0.0, "video": 100.0, "group": 0.0}
    assert {"text": 50.0, "video": 100.0, "group": 50.0}.items() <= found["ours"].items()
    assert found["ours"]["p_acc_by_task"] == {"text": 50.0, "video": 100.0}
    assert found["ours"]["groups"]["g_acc"] == 50.0
    # A file alone brings its sibling along.
    assert scores("vinoground", root, folder / "videoscore-response.jsonl") == found


def test_first_characters_and_ours(root: Path) -> None:
    said = {"0_pos": "The answer is A.", "0_neg": "But first blue", "1_pos": "B", "1_neg": "A"}
    found = scores("vinoground", root, answered(root, said, said))
    assert [one.official for one in graded("vinoground", root, root / "outputs" / "m")][:2] == [0.0, 1.0]
    assert (found["official"]["text"], found["ours"]["text"]) == (50.0, 50.0)
    assert found["disagreements"] == {"right by ours alone": 2, "right by the official alone": 2}
    assert found["unparsed"] == 2


def test_a_missing_answer_counts_its_pair_and_stops_the_official_scorer_there(root: Path) -> None:
    whole = {"0_pos": "A", "0_neg": "B", "1_pos": "B", "1_neg": "A"}
    missing = {idx: said for idx, said in whole.items() if idx != "0_neg"}
    found = scores("vinoground", root, answered(root, missing, whole))
    # The video score of pair 0 is not even looked at; ours is, and only text and group are wrong.
    assert {"text": 50.0, "video": 50.0, "group": 50.0}.items() <= found["official"].items()
    assert (found["ours"]["p_acc_by_task"]["text"], found["ours"]["p_acc_by_task"]["video"]) == (50.0, 100.0)
    assert found["ours"]["n_failed"] == 1
    # Where the first of a pair is wrong, the missing second is never asked for.
    found = scores("vinoground", root, answered(root, {**missing, "0_pos": "B"}, whole))
    assert {"text": 50.0, "video": 100.0, "group": 50.0}.items() <= found["official"].items()


def test_one_score_alone_has_no_group(root: Path) -> None:
    folder = answered(root, {"0_pos": "A", "0_neg": "B"}, {})
    (folder / "videoscore-response.jsonl").unlink()
    found = scores("vinoground", root, folder / "textscore-frame32-response.jsonl")
    assert {"text": 50.0, "video": None, "group": None}.items() <= found["official"].items()
    with pytest.raises(DataError, match="not one file of answers for the text and one for the video score"):
        graded("vinoground", root, folder)


def test_a_file_of_neither_score_is_told(root: Path) -> None:
    path = write_lines(root / "answers.jsonl", [{"idx": "0_pos", "response": "A"}])
    with pytest.raises(DataError, match="does not say of which score it is"):
        graded("vinoground", root, path)
