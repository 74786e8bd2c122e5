"""Benchmarks of temporal grounding: gold spans, the official rules by hand, and what is unread or missing."""

import json
from pathlib import Path
from typing import Any

import pytest

from retroflip.bench.benchmarks.base import Item
from retroflip.bench.benchmarks.grounding import inside, told_span
from retroflip.bench.benchmarks.recorded import score_file
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.bench.official import published
from retroflip.bench.records import Control, answer_record
from retroflip.errors import DataError


def items(name: str, root: Path) -> list[Item]:
    return list(benchmark(name).items(root))


def scores(name: str, root: Path, file: Path) -> dict[str, Any]:
    return score_file(benchmark(name), root, file)


def written(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_gold_spans_are_cut_to_their_video() -> None:
    # NExT-GQA has spans that begin at -0.1 s, and all three have some that end behind the video.
    assert inside([[-0.1, 11], [12, 8]], 10.0, "x") == [(0.0, 10.0), (8.0, 10.0)]
    assert inside([[3, 99]], None, "x") == [(3.0, 99.0)]
    wrongs: list[Any] = [[[11, 12]], [["a", 2]], [[1]], []]
    for wrong in wrongs:
        with pytest.raises(DataError):
            inside(wrong, 10.0, "question 7")


def test_spans_as_they_are_told() -> None:
    assert told_span("[5.0, 3.0]") == (5.0, 3.0)
    assert told_span("[1, 2, 0.9]") == (1.0, 2.0)
    assert told_span("From 3 to 9 seconds") == (3.0, 9.0)
    assert told_span("10% to 20%", 50.0) == (5.0, 10.0)
    assert told_span("at the beginning") is None
    assert told_span("[null, 3]") is None


def _read(root: Path, said: str, length: str) -> str | None:
    """What `score` reads of an answer about a video of this length, or "" where that is not known."""
    written(root / "Charades_v1_test.csv", f"id,subject,length\nAO8RW,x,{length}\n")
    asked = items("charades", root)[0].sample
    named = published({"bench": "charades", "root": str(root)}, None, {asked.id})
    assert named is not None
    (found,) = named.read([answer_record(asked, said, Control.FULL)])
    assert found.response == said
    return found.answer


@pytest.mark.parametrize(
    "said",
    [
        "from 20% to 45% of the video",
        "It starts at 20 % and ends at 45 %.",
        "20-45%",
        "between 20 and 45%",
        "<think>2 men, 0% - 5%, I am 90% sure</think> [20%, 45%]",
        r"\boxed{20% to 45%}",
    ],
)
def test_shares_of_a_video_of_known_length_are_read(charades: Path, said: str) -> None:
    assert _read(charades, said, "50") == "[10, 22.5]"
    assert _read(charades, said, "") is None


@pytest.mark.parametrize(
    ("said", "span"),
    [
        ("5 - 12, 90% sure", "[5, 12]"),
        ("at 5 s, 90% sure", None),
        ("from 20% to 150%", None),
        ("20, 45%", None),
        ("from frame 20% to 45%", None),
    ],
)
def test_what_is_no_range_of_shares_is_read_as_before(charades: Path, said: str, span: str | None) -> None:
    assert _read(charades, said, "50") == _read(charades, said, "") == span


# Charades-STA


@pytest.fixture
def charades(tmp_path: Path) -> Path:
    written(
        tmp_path / "charades_sta_test.txt",
        "AO8RW 0.0 6.9##a person is putting a book on a shelf.\n"
        "3MSZA 24.3 30.4##person turn a light on.\n"
        "3MSZA 24.3 30.4##person turn a light on.\n"
        "3MSZA 30.0 40.0##person leaves.\n",
    )
    written(tmp_path / "Charades_v1_test.csv", "id,subject,length\nAO8RW,x,33.67\n3MSZA,y,35.0\n")
    return tmp_path


def test_charades_asks_as_lmms_eval_and_cuts_its_spans(charades: Path) -> None:
    first, *_, last = items("charades", charades)
    assert first.prompt.endswith(
        "Now I will give you the textual sentence: a person is putting a book on a shelf.. "
        "Please return its start time and end time."
    )
    assert first.sample.video == "Charades_v1_480/AO8RW.mp4"
    # 40 s is behind the end of a video of 35 s.
    assert (first.sample.solution, last.sample.solution) == ("[0, 6.9]", "[30, 35]")


def test_charades_rule(charades: Path) -> None:
    first, second, _, last = items("charades", charades)
    grade = benchmark("charades").grade
    said = {
        "The event happens in the 0.0 - 6.9 seconds.": 1.0,
        "0 to 3.45": 0.5,
        "From 00:00 to 00:06": 6 / 6.9,
        "6.9 - 0": 1.0,
        "It starts at 0 s.\nIt ends at 3.45 s.": 0.5,
        "It starts at 0 s and ends at 3.45 s.": 0.0,
        "the whole video": 0.0,
        "": 0.0,
    }
    assert [grade(first, one) for one in said] == pytest.approx(list(said.values()))
    # 27 to 30 of 24.3 to 30.4, and of the published span that ends behind the video.
    assert [grade(second, "27 - 30"), grade(last, "30 - 35")] == pytest.approx([3 / 6.1, 0.5])


def test_charades_from_lmms_evals_file_counts_what_stands_twice_once(charades: Path) -> None:
    own = {
        "AO8RW.mp4>>>a person is putting a book on a shelf.>>>[0.0, 6.9]": "0.0 - 6.9",
        "3MSZA.mp4>>>person turn a light on.>>>[24.3, 30.4]": "no idea",
        "3MSZA.mp4>>>person leaves.>>>[30.0, 40.0]": "30 - 35",
    }
    found = scores("charades", charades, written(charades / "out.json", own))
    official, ours = found["official"], found["ours"]["grounding"]
    assert (official["n"], official["miou"], official["r0.5"], official["r0.7"]) == (3, 50.0, 66.67, 33.33)
    assert "avg" not in official  # which is Time-R1's
    # Ours takes the last span as ending with the video. What is unread overlaps nothing.
    assert (ours["n_spans"], ours["miou"], ours["r0.7"], found["unparsed"]) == (3, 66.67, 66.67, 1)
    assert found["official"]["acc"] is found["ours"]["acc"] is None


# NExT-GQA


@pytest.fixture
def nextgqa(tmp_path: Path) -> Path:
    folder = tmp_path / "datasets/nextgqa"
    written(
        folder / "test.csv",
        "video_id,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4\n"
        "10001,900,640,480,why did he run,to win,1,CW,to win,to lose,rest,eat,sleep\n"
        "10001,900,640,480,what then,sat,3,TN,ran,sat,stood,fell,slept\n"
        "20002,900,640,480,what first,fell,0,TP,ran,sat,stood,fell,slept\n",
    )
    written(
        folder / "gsub_test.json",
        {
            "10001": {"duration": 30, "location": {"1": [[0, 10]], "3": [[2, 4], [20, 33]]}, "fps": 29.97},
            "20002": {"duration": 20, "location": {"0": [[5, 15]]}, "fps": 25},
        },
    )
    written(folder / "map_vid_vidorID.json", {"10001": "0101/10001"})
    return tmp_path


def test_nextgqa_asks_twice(nextgqa: Path) -> None:
    found = {item.sample.id: item.sample for item in items("nextgqa", nextgqa)}
    assert len(found) == 6
    assert found["10001_3/grounding"].solution == "[2, 4]; [20, 30]"
    assert found["10001_3/answer"].solution == "B"
    assert found["10001_1/answer"].video == "videos/0101/10001.mp4"
    assert found["20002_0/answer"].video == "videos/20002.mp4"
    assert {sample.task for sample in found.values()} == {"grounding", "answer"}
    read = benchmark("nextgqa").reading
    said = [read(item, "50% to 100%") for item in items("nextgqa", nextgqa)[:2]]
    assert sorted(said) == ["15 s to 30 s", "50% to 100%"]


def test_nextgqas_score_drops_what_is_missing_and_ours_does_not(nextgqa: Path) -> None:
    folder = nextgqa / "results"
    written(folder / "test-res.json", {
        "10001_1": {"prediction": 0, "answer": 0},
        "10001_3": {"prediction": 2, "answer": 1},
        "20002_0": {"prediction": 3, "answer": 3},
    })  # fmt: skip
    # IoU 0.5 and IoP 1; a point in a gold span has IoU 0 and IoP 1; the third is missing.
    file = written(folder / "test_ground_ada.json", {"10001_1": [0, 5], "10001_3": [25, 25], "99_9": [0, 1]})
    found = scores("nextgqa", nextgqa, file)
    official, ours = found["official"], found["ours"]
    assert [official[key] for key in ("n", "miou", "miop", "r0.3", "r0.5", "iop0.5", "acc_gqa")] == [
        2, 25.0, 100.0, 50.0, 50.0, 100.0, 50.0,
    ]  # fmt: skip
    assert [ours["grounding"][key] for key in ("n_spans", "miou", "miop", "r0.5")] == [3, 16.67, 66.67, 33.33]
    assert (ours["acc_gqa"], ours["acc"], ours["n_failed"]) == (33.33, 66.67, 1)
    assert official["acc"] == 66.67
    # Its scorer passes over 99_9, which is none of its questions.
    assert (found["missing"], found["unknown"]) == (1, 1)
    assert found["unknown_by_reason"] == {"to a question that is not read here": 1}


def test_nextgqas_table_without_a_row(nextgqa: Path) -> None:
    for table in nextgqa.rglob("test.csv"):
        table.write_text("".join(table.read_text().splitlines(keepends=True)[:1]))
    file = written(nextgqa / "test_ground_ada.json", {"10001_1": [0, 5]})
    with pytest.raises(DataError, match="no answer to a question under --root"):
        scores("nextgqa", nextgqa, file)


def test_nextgqas_shares_of_the_duration(nextgqa: Path) -> None:
    # A third and a half of 20 s, rounded to a tenth: 6.7 to 10 of 5 to 15.
    found = scores("nextgqa", nextgqa, written(nextgqa / "test_ground_gs.json", {"20002_0": [1 / 3, 0.5]}))
    assert (found["official"]["miou"], found["official"]["acc"], found["official"]["acc_gqa"]) == (
        33.0,
        None,
        None,
    )


def test_nextgqa_without_its_spans_is_refused(nextgqa: Path) -> None:
    written(
        nextgqa / "datasets/nextgqa/gsub_test.json", {"10001": {"duration": 30, "location": {"1": [[0, 10]]}}}
    )
    with pytest.raises(DataError, match="10001_3: its gsub file has no span"):
        items("nextgqa", nextgqa)


# ReXTime

REX = [
    {"qid": "qvh_val241", "query": "What before?", "duration": 150, "vid": "2I9_510.0_660.0",
     "relevant_windows": [[0, 28]], "ans": "A"},
    {"qid": "anet_val92", "query": "What after?", "duration": 100.5, "vid": "v_ZMT", "relevant_windows": [[80, 120]],
     "ans": "C"},
]  # fmt: skip


def test_rextime_in_its_own_form(tmp_path: Path) -> None:
    rows = "".join(json.dumps(row) + "\n" for row in REX)
    written(tmp_path / "data/rextime_val.jsonl", rows)
    first, second = items("rextime", tmp_path)
    assert first.prompt == (
        "Please find a relevant span to answer in seconds to answer the question in the following format: From "
        "<start_time> to <end_time>. Quesetion: What before?"
    )
    assert (second.sample.solution, second.sample.labels) == ("[80, 100.5]", {"source": "anet"})
    assert benchmark("rextime").reading(first, "10% - 20%") == "15 s - 30 s"
    said = [
        {"qid": "qvh_val241", "pred_relevant_windows": [[0, 14, 0.9], [0, 28, 0.8]], "ans": "A"},
        {"qid": "anet_val92", "pred_relevant_windows": [[80, 100.5]], "ans": "B"},
    ]
    found = scores(
        "rextime", tmp_path, written(tmp_path / "s.jsonl", "".join(json.dumps(row) + "\n" for row in said))
    )
    official, ours = found["official"], found["ours"]
    # The first window counts: 14 of 28, and 20.5 of 40, of which 20.5 by ours.
    assert [official[key] for key in ("miou", "r0.3", "r0.5", "r0.7", "acc", "vqa_miou@0.5")] == [
        50.62, 100.0, 100.0, 0.0, 50.0, 50.0,
    ]  # fmt: skip
    assert (ours["grounding"]["miou"], ours["acc"], ours["vqa_miou@0.5"]) == (75.0, 50.0, 50.0)


def test_rextime_with_options_asks_for_the_answer_too(tmp_path: Path) -> None:
    row = {**REX[0], "question": "What before?", "options": ["talk", "eat", "drink", "run"], "span": [0, 28]}
    written(
        tmp_path / "rextime_val.jsonl",
        json.dumps({key: row[key] for key in row if key != "relevant_windows"}),
    )
    when, what = items("rextime", tmp_path)
    assert (when.sample.solution, what.sample.solution) == ("[0, 28]", "A")
    assert what.prompt.splitlines()[1:3] == ["A. talk", "B. eat"]
