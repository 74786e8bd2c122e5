"""Published data sets: hand-made files in each one's own form, with the traps that it is known for."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from retroflip.bench.selfcheck import check_rewards
from retroflip.data.imports import Imported, Outputs, import_source
from retroflip.data.records import read_samples
from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.data.sources import SOURCES, source_named
from retroflip.data.sources.base import Wanted
from retroflip.errors import DataError, UsageError
from retroflip.progress import Silence
from retroflip.rl.methods.arrowgev import is_sensitive
from retroflip.router.rules import decide_sample


def put(path: Path, content: Any) -> Path:
    """Write a file: text as it is, Parquet for that ending, anything else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(content), path)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows as a CSV text."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def imported(
    name: str, path: Path, *, whole: bool = False, split: str | None = None, **more: Any
) -> tuple[Imported, list[Sample]]:
    """Import a file, and read what was written."""
    out = path.parent / "out.jsonl"
    wanted = Wanted(path, more.pop("columns", {}), split, whole)
    done = import_source(source_named(name), wanted, out, Silence(), **more)
    return done, read_samples(out, tuple(Modality))


def rejects(path: Path) -> list[dict[str, Any]]:
    """Return the rows that an import rejected."""
    text = Outputs.of(path.parent / "out.jsonl").rejects.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


VIDEO_R1 = {
    "problem_id": 2,
    "problem": "Which way does it go?",
    "data_type": "video",
    "problem_type": "multiple choice",
    "options": ["A. left", "B. right"],
    "solution": "<answer>B</answer>",
    "path": "./LLaVA-Video-178K/x.mp4",
    "data_source": "LLaVA-Video-178K",
}


def test_video_r1_keeps_every_type_of_problem(tmp_path: Path) -> None:
    rows = [
        VIDEO_R1,
        {
            **VIDEO_R1,
            "problem_id": 3,
            "problem_type": "numerical",
            "options": [],
            "solution": "<answer>4</answer>",
        },
        {
            **VIDEO_R1,
            "problem_id": 4,
            "problem_type": "regression",
            "options": None,
            "solution": "<answer>1.5</answer>",
        },
        {
            **VIDEO_R1,
            "problem_id": 5,
            "problem_type": "OCR",
            "options": [],
            "solution": "<answer>Exit 7</answer>",
        },
        {
            **VIDEO_R1,
            "problem_id": 6,
            "problem_type": "free-form",
            "options": [],
            "solution": "\n<answer>a cup</answer>",
        },
        {
            **VIDEO_R1,
            "problem_id": 7,
            "data_type": "image",
            "path": "./Chart/x.png",
            "options": "['A. 1', 'B. 2']",
        },
    ]
    done, samples = imported("video-r1", put(tmp_path / "Video-R1-260k.json", rows))
    assert [one.problem_type for one in samples] == [
        ProblemType.MULTIPLE_CHOICE,
        ProblemType.NUMERICAL,
        ProblemType.REGRESSION,
        ProblemType.OCR,
        ProblemType.FREE_FORM,
        ProblemType.MULTIPLE_CHOICE,
    ]
    assert [one.solution for one in samples] == ["B", "4", "1.5", "Exit 7", "a cup", "B"]
    assert samples[0].options == ("left", "right")
    assert samples[0].video == "LLaVA-Video-178K/x.mp4"
    assert samples[5].options == ("1", "2")
    assert samples[5].modality is Modality.IMAGE
    assert not done.rejects
    assert done.tally.by_modality == {"video": 5, "image": 1}
    assert {one.labels["set"] for one in samples} == {"video-r1"}


def test_a_trace_of_video_r1_ends_with_the_answer_that_its_reasoning_lacks(tmp_path: Path) -> None:
    rows = [
        {**VIDEO_R1, "process": "<think>It goes to the right.</think>"},
        {**VIDEO_R1, "problem_id": 3, "process": "It goes right.\n<answer>B</answer>"},
        {**VIDEO_R1, "problem_id": 4, "process": " "},
    ]
    _, samples = imported("video-r1", put(tmp_path / "Video-R1-COT-165k.json", rows))
    assert [one.trace for one in samples] == [
        "<think>It goes to the right.</think>\\boxed{B}",
        "<think>It goes right.</think>\\boxed{B}",
        None,
    ]


def test_rows_of_video_r1_that_cannot_be_used_are_counted_by_reason_and_listed(tmp_path: Path) -> None:
    rows = [
        VIDEO_R1,
        VIDEO_R1,
        {**VIDEO_R1, "problem_id": 3, "path": "./../secret.mp4"},
        {**VIDEO_R1, "problem_id": 4, "path": "/etc/passwd"},
        {**VIDEO_R1, "problem_id": 5, "problem_type": "numerical", "solution": "<answer>about five</answer>"},
        {**VIDEO_R1, "problem_id": 6, "solution": "<answer>C</answer>"},
        {**VIDEO_R1, "problem_id": 7, "problem_type": "essay"},
        {**VIDEO_R1, "problem_id": 8, "problem": "What does <|video_pad|> say?"},
        {**VIDEO_R1, "problem_id": 9, "problem": "half \ud800"},
        {**VIDEO_R1, "problem_id": 10, "labels": "none", "options": {"a": 1}},
        ["no record"],
        float("nan"),
    ]
    path = put(tmp_path / "Video-R1-260k.json", rows)
    done, samples = imported("video-r1", path)
    assert [one.id for one in samples] == ["2"]
    assert done.rejects == {"duplicate id": 1, "path": 2, "answer": 1, "record": 5, "unreadable": 2}
    listed = rejects(path)
    assert len(listed) == done.rejects.total() == 11
    assert [row["id"] for row in listed if row["reason"] == "path"] == ["3", "4"]
    assert {row["file"] for row in listed} == {"Video-R1-260k.json"}
    card = Outputs.of(tmp_path / "out.jsonl").card.read_text(encoding="utf-8")
    assert "| duplicate id | 1 |" in card
    assert "| video | 1 |" in card


def test_a_question_that_was_asked_before_is_repeated_or_a_contradiction(tmp_path: Path) -> None:
    number = {"problem_type": "numerical", "options": [], "problem": "How many?", "solution": "4"}
    swapped = {"options": ["A. right", "B. left"], "solution": "A"}
    trace = {"process": "<think>To the right.</think>\\boxed{B}"}
    asked: list[tuple[dict[str, Any], str]] = [
        ({}, ""),
        ({"solution": "<answer>A</answer>"}, "contradiction"),
        ({}, "repeated"),
        ({"problem": "which way  does it go?"}, "repeated"),
        (swapped, ""),
        (swapped, "repeated"),
        ({**swapped, "solution": "B"}, "contradiction"),
        ({"options": ["A. left", "B. right", "C. up"], "solution": "A"}, ""),
        ({"path": "y.mp4", "solution": "A"}, ""),
        ({"start": 1, "end": 2, "solution": "A"}, ""),
        ({"start": 1, "end": 2}, "contradiction"),
        (number, ""),
        ({**number, "solution": "4.0"}, "repeated"),
        ({**number, "solution": "5"}, "contradiction"),
        (trace, ""),
        (trace, "repeated"),
        ({"pair": "p", "side": 0}, ""),
        ({"pair": "q", "side": 0}, ""),
    ]
    rows = [{**VIDEO_R1, **more, "problem_id": place} for place, (more, _) in enumerate(asked)]
    path = put(tmp_path / "rows.json", rows)
    done, samples = imported("records", path)
    listed = {int(row["id"]): row["reason"] for row in rejects(path)}
    assert [listed.get(place, "") for place in range(len(rows))] == [reason for _, reason in asked]
    assert len(samples) + done.rejects.total() == len(rows)
    done, _ = imported("video-r1", put(tmp_path / "Video-R1-260k.json", rows[:3]))
    assert done.rejects == {"contradiction": 1, "repeated": 1}


def test_a_row_without_an_id_that_stands_twice_is_repeated(tmp_path: Path) -> None:
    rows = [MVBENCH, MVBENCH, {**MVBENCH, "answer": "Sit."}, MVBENCH]
    done, (sample,) = imported("tvbench", put(tmp_path / "object_count.json", rows))
    assert (sample.solution, dict(done.rejects)) == ("B", {"repeated": 2, "contradiction": 1})


def test_another_span_is_no_contradiction(tmp_path: Path) -> None:
    text = "X 1 4##a man runs.\nX 8 9##a man runs.\nX 1.0 4##a man runs.\n"
    done, samples = imported("charades-sta", put(tmp_path / "charades_sta_train.txt", text))
    assert [one.solution for one in samples] == ["[1, 4]", "[8, 9]"]
    assert done.rejects == {"repeated": 1}
    assert not [fault for fault in check_rewards(samples).faults if "same is asked" in fault.message]
    row = {"video": "1.mp4", "question": "why", "options": ["A. eat", "B. rest"], "answer": "B"}
    rows = [{**row, "answer": answer, "timestamps": [span]}
            for answer, span in (("B", [1, 2]), ("B", [5, 6]), ("A", [5, 6]))]  # fmt: skip
    done, samples = imported("nextgqa", put(tmp_path / "nextgqa_train.json", rows))
    assert (len(samples), dict(done.rejects)) == (2, {"contradiction": 1})


MVBENCH = {"video": "v1.mp4", "question": "What first?", "candidates": ["Sit.", "Stand."], "answer": "Stand."}


def test_tvbench_names_tasks_by_their_files_and_windows_two_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "TVBench"
    put(folder / "filter_json" / "action_sequence.json", [{**MVBENCH, "start": 1.5, "end": 4}])
    put(folder / "filter_json" / "moving_direction.json", [{**MVBENCH, "start": 1.5, "end": 4}])
    done, samples = imported("tvbench", folder)
    assert [(one.video, one.start, one.end, one.task) for one in samples] == [
        ("action_sequence/v1.mp4", 1.5, 4.0, "action_sequence"),
        ("moving_direction/v1.mp4", None, None, "moving_direction"),
    ]
    assert {one.solution for one in samples} == {"B"}
    assert not done.rejects
    _, whole = imported("tvbench", folder, whole=True)
    assert {one.start for one in whole} == {None}


def test_an_answer_of_tvbench_that_is_no_candidate_or_two_is_rejected(tmp_path: Path) -> None:
    rows = [MVBENCH, {**MVBENCH, "answer": "Run."}, {**MVBENCH, "candidates": ["Stand.", "Stand."]}]
    path = put(tmp_path / "object_count.json", rows)
    done, samples = imported("tvbench", path)
    assert len(samples) == 1
    assert done.rejects == {"answer": 2}


STI = {
    "Video": "s/1.mp4",
    "Question": "How far does it go?",
    "Candidates": {"A": "1 m", "B": "2 m", "C": "3 m", "D": "4 m", "E": "5 m"},
    "Answer": "C",
    "time_start": 2.0,
    "time_end": 5.5,
}


def test_sti_bench_cuts_its_parts_out_unless_the_whole_is_asked_for(tmp_path: Path) -> None:
    path = put(tmp_path / "stibench-filter-1.5k.json", [STI])
    _, (cut,) = imported("sti-bench", path)
    assert (cut.start, cut.end, cut.question, cut.solution) == (2.0, 5.5, "How far does it go?", "C")
    _, (whole,) = imported("sti-bench", path, whole=True)
    assert (whole.start, whole.question) == (None, "From 2.0 s to 5.5 s. How far does it go?")


def test_a_published_table_of_sti_bench_is_told_apart_by_its_parts_and_has_candidates_as_text(
    tmp_path: Path,
) -> None:
    text = json.dumps({"A": "1 m", "B": None, "C": "3 m", "D": float("nan")})
    rows: list[dict[str, Any]] = [
        {**STI, "Candidates": text, "ID": 7, "Task": "Distance", "Scene": "indoor"},
        {
            **STI,
            "Candidates": text,
            "ID": 7,
            "time_start": 6.0,
            "time_end": 8.0,
            "Task": "Distance",
            "Scene": "indoor",
        },
        {
            **STI,
            "Candidates": text,
            "ID": 8,
            "time_start": 8.0,
            "time_end": 8.0,
            "Task": "Speed",
            "Scene": "indoor",
        },
        {**STI, "Candidates": "[]", "ID": 9, "Task": "Speed", "Scene": "indoor"},
    ]
    done, samples = imported("sti-bench", put(tmp_path / "qa.parquet", rows))
    assert [one.id for one in samples] == ["s/1.mp4-7-2.0-5.5", "s/1.mp4-7-6.0-8.0"]
    assert samples[0].lettered == {"A": "1 m", "C": "3 m"}
    assert samples[0].solution == "C"
    assert samples[0].task == "Distance"
    assert samples[0].labels["scene"] == "indoor"
    assert done.rejects == {"record": 1, "options": 1}


MMR = {"video": "m.mp4", "question": "Why?", "correctAnswer": "(D)", "videoType": "film"}


def test_mmr_v_keeps_letters_that_have_gaps(tmp_path: Path) -> None:
    rows = [
        {**MMR, "options": ["(A) one", "", "(C) three", "(D) four", ""]},
        {**MMR, "question": "How?", "options": ["(A) one", "(B) two", "(C) three", "(D) four"]},
    ]
    _, samples = imported("mmr-v", put(tmp_path / "mmrv-filter-0.5k.json", rows))
    assert samples[0].lettered == {"A": "one", "C": "three", "D": "four"}
    assert [one.solution for one in samples] == ["D", "D"]


def test_a_row_of_mmr_v_whose_letters_cannot_be_kept_is_rejected_and_never_lettered_anew(
    tmp_path: Path,
) -> None:
    rows = [
        {**MMR, "options": ["(A) one", "(B) two", "(D) four"]},
        {**MMR, "options": ["(A) one", *[""] * 8, "(J) ten"], "correctAnswer": "(J)"},
        {**MMR, "options": ["(A) one", "two"]},
        {**MMR, "options": ["(A) one", "(D) "]},
        {**MMR, "options": ["(A) one", "(B) two"]},
    ]
    done, samples = imported("mmr-v", put(tmp_path / "x.json", rows))
    assert [one.solution for one in samples] == ["D"]
    assert done.rejects == {"letters": 2, "answer": 2}


PROBLEM = "What is $1+1$?"
FRAMED = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "$Answer (without quotes) where $Answer is the answer to the problem.\n\n"
    + PROBLEM
    + "\n\nRemember to put your "
    'answer on its own line after "Answer:".'
)


def dapo(problem: str, answer: str) -> dict[str, Any]:
    """Return a row of DAPO-Math-17k as verl has it."""
    return {
        "data_source": "math_dapo",
        "prompt": [{"role": "user", "content": problem}],
        "ability": "MATH",
        "reward_model": {"ground_truth": answer, "style": "rule-lighteval/MATH_v2"},
        "extra_info": {"index": "9a9b6eb4-a1cb-49d1-8c1e-62eaf2f74079"},
    }


def test_dapo_math_takes_each_problem_once_and_its_frame_off(tmp_path: Path) -> None:
    rows = [dapo(FRAMED, "2")] * 3 + [
        dapo(FRAMED, "3"),
        dapo("Name a root.", "\\sqrt{2}"),
        dapo("?", "\\boxed{"),
    ]
    done, samples = imported("dapo-math", put(tmp_path / "dapo-math-17k.parquet", rows))
    assert [(one.question, one.solution) for one in samples] == [
        (PROBLEM, "2"),
        ("Name a root.", "\\sqrt{2}"),
    ]
    assert {(one.modality, one.problem_type) for one in samples} == {(Modality.TEXT, ProblemType.MATH)}
    assert done.rejects["repeated"] == 2
    assert done.rejects["contradiction"] == 1


def test_the_selection_of_dapo_math_is_the_same_problems(tmp_path: Path) -> None:
    rows = [{"prompt": PROBLEM, "solution": "2"}, {"prompt": "x", "solution": "\\boxed{\\frac{1}{2}}"}]
    _, selected = imported("dapo-math", put(tmp_path / "a" / "dapo_math_filter-6k.json", rows))
    _, published = imported("dapo-math", put(tmp_path / "b" / "x.parquet", [dapo(FRAMED, "2")]))
    assert selected[0].id == published[0].id
    assert selected[1].solution == "\\frac{1}{2}"


def test_virl39k_reads_rows_of_several_images(tmp_path: Path) -> None:
    rows = [
        {"question": "<image>Which?", "answer": "\\boxed{A}", "image": ["images/1.jpg"]},
        {
            "question": "<image> or <image>?",
            "answer": "\\boxed{\\frac{1}{2}}",
            "image": ["images/1.jpg", "images/2.jpg"],
        },
        {
            "question": "<image>Which of both?",
            "answer": "\\boxed{Cartoonish}",
            "image": ["images/1.jpg", "images/2.jpg"],
        },
        {"question": "<image>How?", "answer": "\\boxed{", "image": ["images/1.jpg"]},
        {"question": "<image>How?", "answer": "\\boxed{}", "image": ["images/1.jpg"]},
        {"question": "<image>Out?", "answer": "\\boxed{1}", "image": ["../1.jpg"]},
    ]
    done, samples = imported("virl39k", put(tmp_path / "virl-filter-23k.json", rows))
    assert [one.solution for one in samples] == ["A", "\\frac{1}{2}", "Cartoonish"]
    assert [one.problem_type for one in samples] == [
        ProblemType.FREE_FORM,
        ProblemType.MATH,
        ProblemType.FREE_FORM,
    ]
    assert [len(one.shown) for one in samples] == [1, 2, 2]
    assert samples[1].question == "<image> or <image>?"
    assert samples[2].question == "Which of both?"
    assert done.rejects == {"answer": 2, "path": 1}
    assert done.tally.several == 2


def test_a_published_table_of_virl39k_has_ids(tmp_path: Path) -> None:
    row = {
        "question": "<image>How many?",
        "answer": "\\boxed{7}",
        "PassRate_7BBase": 0.5,
        "qid": "MM-1",
        "source": "M",
    }
    _, (sample,) = imported(
        "virl39k", put(tmp_path / "39Krelease.parquet", [{**row, "image": ["images/1.jpg"]}])
    )
    assert (sample.id, sample.solution, sample.labels["origin"]) == ("MM-1", "7", "M")


def picture(color: str = "red", size: tuple[int, int] = (32, 32)) -> bytes:
    """Return a PNG file."""
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "PNG")
    return out.getvalue()


def test_thinklite_has_paths_or_bytes(tmp_path: Path) -> None:
    row = {"problem": "<image>What is x?", "ground_truth": "42", "image": "x.png", "problem_type": "math"}
    _, (named,) = imported("thinklite", put(tmp_path / "thinklite-filter-4k.json", [row]))
    assert (named.video, named.question, named.problem_type) == ("x.png", "What is x?", ProblemType.MATH)
    rows = [
        {"id": 1, "problem": "<image>What is x?", "answer": "42", "image": picture(), "choices": None},
        {
            "id": 2,
            "problem": "<image>What is y?",
            "answer": "B",
            "image": picture("blue"),
            "choices": ["4", "5"],
        },
        {"id": 3, "problem": "<image>And z?", "answer": "42", "image": picture()},
    ]
    path = put(tmp_path / "t" / "train-00000-of-00001.parquet", rows)
    media = tmp_path / "t" / "images"
    _, samples = imported("thinklite", path, media=media)
    assert [one.id for one in samples] == ["1", "2", "3"]
    assert samples[1].options == ("4", "5")
    assert samples[0].video == samples[2].video
    assert len(list(media.iterdir())) == 2
    assert (media / samples[0].video).read_bytes() == picture()
    _, below = imported("thinklite", path, media=media, root=tmp_path / "t")
    assert below[0].video == f"images/{samples[0].video}"
    with pytest.raises(UsageError, match="--media DIR"):
        imported("thinklite", path)


def test_an_image_bomb_in_a_table_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "problem": "?", "answer": "1", "image": picture(size=(20_000, 20_000))},
        {"id": 2, "problem": "?", "answer": "1", "image": b"GIF89a nothing"},
        {"id": 3, "problem": "?", "answer": "1", "image": picture()[:60]},
        {"id": 4, "problem": "?", "answer": "1", "image": picture()},
    ]
    path = put(tmp_path / "train.parquet", rows)
    done, samples = imported("thinklite", path, media=tmp_path / "m")
    assert [one.id for one in samples] == ["4"]
    assert done.rejects == {"image": 3}
    assert len(list((tmp_path / "m").iterdir())) == 1
    assert "pixels" in rejects(path)[0]["message"]
    assert "tmp" not in rejects(path)[0]["message"].split("pixels")[0]


def test_llava_video_makes_a_record_of_each_turn(tmp_path: Path) -> None:
    asked = "<image>\nWhat happens?\nA. It sits.\nB. It stands.\nPlease provide your answer by stating the letter."
    turns = [
        {"from": "human", "value": asked},
        {"from": "gpt", "value": "B. It stands."},
        {"from": "human", "value": "Where is it?"},
        {"from": "gpt", "value": "In a kitchen."},
    ]
    row = {"id": "v", "video": "academic_source/v.mp4", "data_source": "0_30_s_academic_v0_1"}
    rows = [
        {**row, "conversations": turns},
        {**row, "id": "w", "conversations": turns[:1]},
        {**row, "conversations": 3},
    ]
    done, samples = imported("llava-video", put(tmp_path / "0_30_s_academic_mc_v0_1_qa_processed.json", rows))
    assert [(one.question, one.options, one.solution) for one in samples] == [
        ("What happens?", ("It sits.", "It stands."), "B"),
        ("Where is it?", (), "In a kitchen."),
    ]
    assert samples[0].video == "academic_source/v.mp4"
    assert samples[0].source == "0_30_s_academic_v0_1"
    assert done.rejects == {"turns": 1, "key": 1}


def test_a_folder_of_llava_video_tells_which_of_its_files_it_passes_over(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "0_30_s_academic_v0_1"
    folder.mkdir(parents=True)
    for split, answer in (("mc_v0_1_qa", "B. two"), ("oe_v0_1_qa", "It sits down."), ("v0_1_cap", "A cat.")):
        asked = "<image>\nWhat?\nA. one\nB. two" if "mc" in split else "What?"
        turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]
        row = {"id": split, "video": "academic_source/v.mp4", "conversations": turns}
        put(folder / f"0_30_s_academic_{split}_processed.json", [row])
    for path in (folder, folder.parent):
        done, samples = imported("llava-video", path)
        assert [one.solution for one in samples] == ["B"]
        assert done.rejects == {"other split": 2}
        assert "--split open_ended reads" in rejects(path)[0]["message"]
        for split, solution in (
            ("open_ended", "It sits down."),
            ("caption", "A cat."),
            ("multi_choice", "B"),
        ):
            done, samples = imported("llava-video", path, split=split)
            assert ([one.solution for one in samples], dict(done.rejects)) == ([solution], {})
    with pytest.raises(UsageError, match="name one of multi_choice, open_ended, caption"):
        imported("llava-video", folder, split="train")


def test_charades_sta_cuts_spans_off_at_the_end_of_their_video(tmp_path: Path) -> None:
    lines = "AO8RW 0.0 6.9##a person puts a book on a shelf.\nAO8RW 24.0 40.5##a person leaves.\n\nX 9 3##no.\nbad\n"
    path = put(tmp_path / "charades_sta_train.txt", lines)
    put(tmp_path / "Charades_v1_train.csv", "id,subject,length\nAO8RW,X,30.5\n")
    done, samples = imported("charades-sta", path)
    assert [(one.video, one.solution) for one in samples] == [
        ("AO8RW.mp4", "[0, 6.9]"),
        ("AO8RW.mp4", "[24, 30.5]"),
    ]
    assert "a person leaves." in samples[1].question
    assert samples[1].problem_type is ProblemType.GROUNDING
    assert done.rejects == {"span": 1, "line": 1}


def test_a_length_that_is_none_is_one_reject_of_charades_sta(tmp_path: Path) -> None:
    path = put(tmp_path / "charades_sta_train.txt", "X 1 40##a man runs.\nY 1 40##a man runs.\n")
    put(tmp_path / "Charades_v1_train.csv", "id,length\nX,NaN\nY,30.5\n")
    done, samples = imported("charades-sta", path)
    assert [one.solution for one in samples] == ["[1, 40]", "[1, 30.5]"]
    assert dict(done.rejects) == {"length": 1}
    (reject,) = rejects(path)
    assert (reject["file"], reject["line"], reject["record"]) == ("Charades_v1_train.csv", 2, 1)


@pytest.mark.parametrize("keys", [{"problem": "NaN"}, {"options": ["A. nan", "B. right"]}])
def test_an_empty_cell_that_became_a_text_is_rejected_as_validate_would(
    tmp_path: Path, keys: dict[str, Any]
) -> None:
    done, samples = imported(
        "video-r1", put(tmp_path / "rows.json", [{**VIDEO_R1, **keys}, {**VIDEO_R1, "problem_id": 3}])
    )
    assert ([one.id for one in samples], dict(done.rejects)) == (["3"], {"record": 1})


@pytest.mark.parametrize("span", [[1.0, 2.5], [[1.0, 2.5]], "[1.0, 2.5]", "\\boxed{[1.0, 2.5]}"])
def test_spans_stand_in_several_forms(tmp_path: Path, span: Any) -> None:
    row = {"video": "a.mp4", "description": "a dog runs", "timestamps": span}
    _, (sample,) = imported("charades-sta", put(tmp_path / "charades_sta_train.json", [row]))
    assert sample.solution == "[1, 2.5]"
    early = {**row, "timestamps": [-0.5, 2.5]}
    _, (cut,) = imported("charades-sta", put(tmp_path / "charades_sta_train.json", [early]))
    assert cut.solution == "[0, 2.5]"
    _, (other,) = imported("activitynet-tvg", put(tmp_path / "anet_tvg_filter.json", [row]))
    assert (other.solution, other.source) == ("[1, 2.5]", "ActivityNet-TVG")


def test_a_clip_of_time_r1_is_not_cut_a_second_time(tmp_path: Path) -> None:
    row = {
        "video": "./dataset/timer1/videos/timerft_data/x_00:00:39:000_00:01:24:700.mp4",
        "duration": 45.7,
        "timestamp": [34.9, 41.9],
        "sentence": "the statue of a man",
        "qid": "my|internvid|x",
        "video_start": 39.0,
        "video_end": 84.7,
        "difficulty": 41.04,
    }
    rows = [
        row,
        {**row, "qid": "2", "timestamp": [40.0, 14220.0]},
        {**row, "qid": "3", "timestamp": [120.0, 14220.0]},
        {**row, "qid": "4", "timestamp": None},
    ]
    done, samples = imported("timer1", put(tmp_path / "train_2k5.json", rows))
    assert [(one.id, one.solution, one.start) for one in samples] == [
        ("my|internvid|x", "[34.9, 41.9]", None),
        ("2", "[40, 45.7]", None),
    ]
    assert done.rejects == {"span": 2}


def test_arrowgev_says_of_each_event_whether_it_is_time_sensitive(tmp_path: Path) -> None:
    row = {
        "video": "arrowgev_data/x.mp4",
        "video_reverse_path": "arrowgev_data/x_reverse.mp4",
        "timestamp": [3.0, 7.5],
        "sentence": "A man puts down a bag.",
        "duration": 30.0,
        "sensitive": "Yes",
        "qid": 7,
    }
    rows = [
        row,
        {**row, "qid": 8, "sensitive": "no"},
        {**row, "qid": 9, "sensitive": None},
        {**row, "qid": 0, "timestamp": [31, 40]},
    ]
    done, samples = imported("arrowgev", put(tmp_path / "train_2k5.json", rows))
    assert [(one.id, one.labels["sensitive"], is_sensitive(one)) for one in samples] == [
        ("7", "yes", True),
        ("8", "no", False),
    ]
    assert "description: a man puts down a bag Please" in samples[0].question
    assert decide_sample(samples[0]).label == "temporal"
    assert done.rejects == {"sensitive": 1, "span": 1}


COLUMNS = {"problem": "q", "options": "choices", "solution": "label", "path": "clip"}
FOREIGN = {"q": "Which way?", "choices": ["left", "right"], "label": "A", "clip": "x.mp4"}


def write_dataset(folder: Path, splits: dict[str, list[dict[str, Any]]]) -> None:
    """Write what `datasets.save_to_disk` does."""
    for name, rows in splits.items():
        place = folder / name
        place.mkdir(parents=True)
        made = pyarrow.Table.from_pylist(rows)
        with pyarrow.ipc.new_stream(place / "data-00000-of-00001.arrow", made.schema) as stream:
            stream.write_table(made)
        put(place / "state.json", {"_data_files": [{"filename": "data-00000-of-00001.arrow"}]})
        put(place / "dataset_info.json", {})
    put(folder / "dataset_dict.json", {"splits": list(splits)})


def test_any_file_is_read_by_a_column_map(tmp_path: Path) -> None:
    writers: dict[str, Callable[[Path], object]] = {
        "x.jsonl": lambda path: put(path, json.dumps(FOREIGN) + "\n"),
        "x.json": lambda path: put(path, [FOREIGN]),
        "x.parquet": lambda path: put(path, [FOREIGN]),
        "x.csv": lambda path: put(path, table([{**FOREIGN, "choices": "['left', 'right']"}])),
    }
    for name, write in writers.items():
        write(tmp_path / name)
        _, (sample,) = imported("records", tmp_path / name, columns=COLUMNS)
        assert (sample.question, sample.options, sample.video) == (
            "Which way?",
            ("left", "right"),
            "x.mp4",
        ), name


def test_a_saved_data_set_of_hugging_face_is_read_by_its_split(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    image = {"bytes": picture(), "path": None}
    write_dataset(folder, {"train": [{**FOREIGN, "clip": image}], "test": [{**FOREIGN, "q": "?"}]})
    columns = {**COLUMNS, "data_type": "=image"}
    _, (sample,) = imported("records", folder, split="train", columns=columns, media=tmp_path / "m")
    assert (tmp_path / "m" / sample.video).read_bytes() == picture()
    with pytest.raises(UsageError, match="splits train, test"):
        imported("records", folder, columns=COLUMNS)


def test_a_copy_of_a_repository_is_read_shard_by_shard(tmp_path: Path) -> None:
    for number in range(2):
        put(
            tmp_path / "hub" / "data" / f"train-0000{number}-of-00002.parquet",
            [{**FOREIGN, "q": f"{number}?"}],
        )
    put(tmp_path / "hub" / "data" / "test-00000-of-00001.parquet", [{**FOREIGN, "q": "test?"}])
    _, samples = imported("records", tmp_path / "hub", split="train", columns=COLUMNS)
    assert [one.question for one in samples] == ["0?", "1?"]


def test_a_column_that_no_row_has_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'qq'"):
        imported("records", put(tmp_path / "x.json", [FOREIGN]), columns={**COLUMNS, "problem": "qq"})
    with pytest.raises(DataError, match="reads process from 'why'"):
        imported("records", put(tmp_path / "x.json", [FOREIGN]), columns={**COLUMNS, "process": "why"})
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("form", "where"),
    [
        ("jsonl", "byte 17 of this record"),
        ("json", "byte 17 of this record"),
        ("csv", "byte 4 of the cell under 'problem'"),
    ],
)
def test_a_byte_that_is_no_utf_8_costs_its_record_alone(tmp_path: Path, form: str, where: str) -> None:
    """The text before the byte has a letter of two bytes, and the record behind it is read."""
    rows = [
        {"problem": text, "problem_type": "free-form", "solution": "x", "path": f"{number}.mp4"}
        for number, text in enumerate(("què?", "qè~?", "où?"))
    ]
    written = {
        "jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
        "json": json.dumps(rows, ensure_ascii=False),
        "csv": table(rows),
    }[form]
    path = tmp_path / f"mixed.{form}"
    path.write_bytes(written.encode().replace(b"~", b"\xe9"))
    done, samples = imported("records", path)
    assert [sample.question for sample in samples] == ["què?", "où?"]
    assert done.rejects == {"unreadable": 1}
    (reject,) = rejects(path)
    assert reject["record"] == 2
    assert f"{where}, 0xe9, is no UTF-8" in reject["message"]


def test_a_line_of_charades_sta_that_is_no_utf_8_is_one_reject(tmp_path: Path) -> None:
    path = tmp_path / "charades_sta_train.txt"
    path.write_bytes(b"X 1 4##a man runs.\nY 1 4##caf\xe9.\n")
    done, samples = imported("charades-sta", path)
    assert (len(samples), done.rejects.total()) == (1, 1)


def test_names_of_columns_that_are_no_utf_8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes(b"id,probl\xe9m\n1,x\n")
    with pytest.raises(DataError, match="line 1: byte 9 of the columns' names, 0xe9"):
        imported("records", path)


@pytest.mark.parametrize("content", ["", "\n\n", "[]"])
def test_an_empty_file_has_no_rows_whatever_the_columns(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError, match="holds no rows, so there is nothing to import"):
        imported("records", put(tmp_path / "empty.jsonl", content), columns={"problem": "q"})


def test_an_address_is_no_path(tmp_path: Path) -> None:
    row = {"problem": "q", "problem_type": "free-form", "solution": "x"}
    rows = [{**row, "path": "http://example.org/a.mp4"}, {**row, "path": "a.mp4"}]
    done, (sample,) = imported("records", put(tmp_path / "rows.json", rows))
    assert (sample.video, done.rejects) == ("a.mp4", {"path": 1})


def test_a_name_that_no_file_can_have_is_one_reject(tmp_path: Path) -> None:
    rows = [{**VIDEO_R1, "problem_id": 1, "path": "é" * 128 + ".mp4"}, {**VIDEO_R1, "path": "x.mp4"}]
    (tmp_path / "x.mp4").write_bytes(b"")
    done, samples = imported("video-r1", put(tmp_path / "rows.json", rows), root=tmp_path)
    assert ([one.id for one in samples], dict(done.rejects)) == (["2"], {"path": 1})
    assert len(rejects(tmp_path / "rows.json")[0]["message"]) < 500


def test_what_is_said_of_a_row_stays_short_whatever_stands_in_it(tmp_path: Path) -> None:
    rows = [{"prompt": "x", "solution": "(" * 50_000}, {"prompt": "y", "solution": "2"}]
    done, _ = imported("dapo-math", put(tmp_path / "rows.json", rows))
    (reject,) = rejects(tmp_path / "rows.json")
    assert (reject["reason"], reject["message"][-1], len(reject["message"]) <= 1000) == ("answer", "…", True)
    assert len(done.first) < 1200


def test_media_that_are_not_there_are_rejected_where_a_root_is_named(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    put(tmp_path / "media" / "LLaVA-Video-178K" / "x.mp4", "")
    rows = [VIDEO_R1, {**VIDEO_R1, "problem_id": 3, "path": "./gone.mp4"}]
    (tmp_path / "media" / "in.mp4").symlink_to(tmp_path / "media" / "LLaVA-Video-178K" / "x.mp4")
    (tmp_path / "media" / "out.mp4").symlink_to(put(tmp_path / "outside.mp4", ""))
    rows += [
        {**VIDEO_R1, "problem_id": 4, "path": "in.mp4"},
        {**VIDEO_R1, "problem_id": 5, "path": "out.mp4"},
    ]
    done, samples = imported("video-r1", put(tmp_path / "v.json", rows), root=tmp_path / "media")
    assert [one.id for one in samples] == ["2", "4"]
    assert done.rejects == {"missing file": 1, "path": 1}


def test_the_same_import_writes_the_same_bytes_and_a_failed_one_nothing(tmp_path: Path) -> None:
    path = put(tmp_path / "v.json", [VIDEO_R1])
    imported("video-r1", path)
    before = [one.read_bytes() for one in Outputs.of(tmp_path / "out.jsonl")]
    imported("video-r1", path)
    assert [one.read_bytes() for one in Outputs.of(tmp_path / "out.jsonl")] == before
    broken = put(tmp_path / "b.json", [{**VIDEO_R1, "problem": None}])
    with pytest.raises(DataError, match="no row becomes a record"):
        imported("video-r1", broken)
    assert [one.read_bytes() for one in Outputs.of(tmp_path / "out.jsonl")] == before
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_settings_that_a_source_does_not_have_are_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "v.json", [VIDEO_R1])
    with pytest.raises(UsageError, match="--whole says nothing about video-r1"):
        imported("video-r1", path, whole=True)
    with pytest.raises(UsageError, match="Did you mean video-r1"):
        source_named("video_r1")
    with pytest.raises(UsageError, match="no such file"):
        imported("video-r1", tmp_path / "gone.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds none of"):
        imported("mmr-v", tmp_path / "empty")
    for source in SOURCES.values():
        assert source.title
        assert source.get
        assert source.root
        assert source.licence


def test_nextgqa_asks_for_the_answer_and_one_of_its_spans(tmp_path: Path) -> None:
    row = {"video_id": "10001787725", "question": "why", "answer": "to rest", "qid": 3, "type": "CW"}
    options = {"a0": "eat", "a1": "to rest", "a2": "run", "a3": "jump", "a4": "sing"}
    folder = tmp_path / "published"
    path = put(folder / "val.csv", table([{**row, **options}, {**row, **options, "qid": 4}]))
    spans = {"3": [[12.1, 17.1], [29.7, 39.0]]}
    put(folder / "gsub_val.json", {"10001787725": {"duration": 34, "location": spans, "fps": 29.97}})
    put(folder / "map_vid_vidorID.json", {"10001787725": "0101/10001787725"})
    _, (grounded, plain) = imported("nextgqa", path)
    assert (grounded.solution, grounded.video) == ("B <> [12.1, 17.1]; [29.7, 34]", "0101/10001787725.mp4")
    assert grounded.problem_type is ProblemType.GROUNDED_CHOICE
    assert (plain.problem_type, plain.solution) == (ProblemType.MULTIPLE_CHOICE, "B")
    _, of_folder = imported("nextgqa", folder)
    assert of_folder == [grounded, plain]
    put(folder / "test.csv", path.read_text(encoding="utf-8"))
    with pytest.raises(UsageError, match=r"several files: test\.csv, val\.csv\. Name"):
        imported("nextgqa", folder)


def test_the_selection_of_nextgqa_has_its_spans_in_it(tmp_path: Path) -> None:
    row = {
        "video": "1.mp4",
        "question": "why",
        "options": ["A. eat", "B. rest"],
        "answer": "B",
        "timestamps": [[1, 2]],
    }
    _, (sample,) = imported("nextgqa", put(tmp_path / "nextgqa_train.json", [row]))
    assert (sample.solution, sample.options) == ("B <> [1, 2]", ("eat", "rest"))
    assert sample.question.startswith("why\nPlease answer")
