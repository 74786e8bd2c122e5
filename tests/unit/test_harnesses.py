"""Logs of lmms-eval and VLMEvalKit as answers: by name, by video and question, by number, and what is not certain."""

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, write_json, write_lines
from retroflip.bench.benchmarks.harnesses import logged
from retroflip.bench.benchmarks.workbook import workbook_rows
from retroflip.data.forms import json_records
from retroflip.errors import DataError

STEM = "Which way does it go?"
LISTED = ["A. to the left", "B. to the right"]
CHOICE = "\n".join([STEM, *LISTED])
CAPTION = "Which caption is right?\nOption 1: It goes up.\nOption 2: It goes down."
QUESTIONS: dict[str, Any] = {
    "multi-choice": {
        "7": {"direction": [{"question": CHOICE, "answer": LISTED[0]}]},
        "7_reverse": {"direction": [{"question": CHOICE, "answer": LISTED[1]}]},
    },
    # As in the published files, where some question of yes and no is the text of a multiple choice.
    "yes_no": {"7": {"speed": [{"question": STEM, "answer": "no"}]}},
    "caption_matching": {"7": {"order": [{"question": CAPTION, "answer": "Option 2: It goes down."}]}},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, questions in QUESTIONS.items():
        write_json(tmp_path / "questions" / f"{name}.json", questions)
    return tmp_path


def sample(number: int, text: str, said: Any, **more: Any) -> dict[str, Any]:
    """Return a line of lmms-eval's samples."""
    return {"doc_id": number, "target": "x", "filtered_resps": said, "doc_hash": "h", "input": text, **more}


def table(video: str, number: int, question: str, candidates: list[str], said: str) -> dict[str, str]:
    """Return a row of VLMEvalKit's result for TempCompass."""
    return {
        "task_type": "multi-choice", "video": video, "question": question, "answer": "x", "dim": "direction",
        "candidates": str(candidates), "index": str(number), "prediction": said,
    }  # fmt: skip


ROWS = [
    table("7", 0, STEM, LISTED, "A"),
    table("7_reverse", 1, STEM, LISTED, "B. to the right"),
    table(
        "7", 2, "Which caption is right?", ["Option 1: It goes up.", "Option 2: It goes down."], "Option 2"
    ),
]


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def workbook(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write a workbook of one sheet: names as shared strings, a number as one, texts inline, nothing for ''."""
    names = list(rows[0])
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    head = "".join(f'<c r="{chr(65 + i)}1" t="s"><v>{i}</v></c>' for i in range(len(names)))
    lines = [f'<row r="1">{head}</row>']
    for line, row in enumerate(rows, start=2):
        cells = (
            f'<c r="{chr(65 + i)}{line}"><v>{row[name]}</v></c>'
            if name == "index"
            else cell(f"{chr(65 + i)}{line}", row[name])
            for i, name in enumerate(names)
            if row[name]
        )
        lines.append(f'<row r="{line}">{"".join(cells)}</row>')
    with zipfile.ZipFile(path, "w") as archive:
        shared = "".join(f"<si><t>{name}</t></si>" for name in names)
        archive.writestr("xl/sharedStrings.xml", f"<sst {space}>{shared}</sst>")
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f"<worksheet {space}><sheetData>{''.join(lines)}</sheetData></worksheet>",
        )
    return path


def test_samples_by_their_number_within_a_task(root: Path) -> None:
    closing = "\nPlease directly give the best option:"
    rows = [sample(0, CHOICE + closing, "A"), sample(1, CHOICE + closing, [["(B)"]])]
    found = scores("tempcompass", root, write_lines(root / "s.jsonl", rows))
    assert (found["ours"]["acc"], found["ours"]["p_acc"], found["official"]["acc"]) == (100.0, 100.0, 50.0)


def test_samples_as_they_were_written_at_first(root: Path) -> None:
    doc = {"video_id": "7_reverse", "question": CHOICE}
    logs = [{"doc_id": 1, "doc": doc, "target": "x", "resps": [["B"]], "filtered_resps": ["B"]}]
    path = write_json(root / "tempcompass.json", {"args": {}, "model_configs": {}, "logs": logs})
    assert [one.item.sample.video for one in graded("tempcompass", root, path)] == ["videos/7_reverse.mp4"]


def test_samples_by_their_video(root: Path) -> None:
    more = {"avg_accuracy": {"video_id": "7_reverse", "dim": "direction"}}
    path = write_lines(root / "s.jsonl", [sample(0, CHOICE, "B", **more)])
    assert graded("tempcompass", root, path)[0].item.sample.video == "videos/7_reverse.mp4"


@pytest.mark.parametrize("form", ["tsv", "json", "xlsx"])
def test_result_tables(root: Path, form: str) -> None:
    path = root / f"m_TempCompass_MCQ.{form}"
    if form == "xlsx":
        workbook(path, ROWS)
    elif form == "json":
        path.write_text(json.dumps(ROWS))
    else:
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(ROWS[0]), delimiter="\t")
            writer.writeheader()
            writer.writerows(ROWS)
    found = scores("tempcompass", root, path)
    assert (found["official"]["acc"], found["ours"]["acc"], found["ours"]["p_acc"]) == (100.0, 100.0, 100.0)
    assert {one.item.sample.labels["task"] for one in graded("tempcompass", root, path)} == {
        "multi-choice",
        "caption_matching",
    }


def test_a_question_at_the_end_of_a_longer_one(root: Path) -> None:
    asked = ["Is it fast?", "In this scene, is it fast?"]
    rows = [{"question": text, "answer": "no"} for text in asked]
    write_json(root / "questions" / "yes_no.json", {"7": {"speed": rows}})
    found = graded("tempcompass", root, write_json(root / "m.json", [table("7", 1, asked[1], [], "no")]))
    assert [one.item.sample.question for one in found] == asked[1:]


def test_a_call_that_failed_is_no_answer_and_an_empty_cell_an_empty_one(root: Path) -> None:
    rows = [
        {**ROWS[0], "prediction": "Failed to obtain answer via API."},
        {**ROWS[1], "prediction": "[LMMS_EVAL_REQUEST_FAILED after 3 retries] timeout"},
        {**ROWS[2], "prediction": ""},
    ]
    found = graded("tempcompass", root, workbook(root / "m.xlsx", rows))
    assert [(one.response, one.official) for one in found] == [(None, 0.0), (None, 0.0), ("", None)]


def test_the_first_of_a_table_may_lack_its_answer(root: Path) -> None:
    path = root / "m_TempCompass_MCQ.tsv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(ROWS[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows([{**ROWS[0], "prediction": ""}, *ROWS[1:]])
    found = graded("tempcompass", root, path)
    assert [one.response in ("", None) for one in found] == [True, *[False] * (len(ROWS) - 1)]


def of_video_r1(video: str, said: str, **more: Any) -> dict[str, Any]:
    """Return a record of the results that Video-R1's eval_bench.py writes."""
    return {
        "problem_id": 3, "problem": STEM, "data_type": "video", "problem_type": "multiple choice",
        "options": LISTED, "process": "", "solution": "<answer>A</answer>", "data_source": "TempCompass",
        "path": f"./Evaluation/TempCompass/videos/{video}.mp4", "output": said, "prediction": said, **more,
    }  # fmt: skip


def test_results_of_video_r1(root: Path) -> None:
    thought = "<think>It goes right, or left.</think>\n<answer>{}</answer>"
    rows = [
        of_video_r1("7", thought.format("A"), reward=1.0, correct=True),
        # Its reward is an equality of texts.
        of_video_r1("7_reverse", thought.format("B."), reward=0.0, correct=False),
        of_video_r1("7", "<answer>error</answer>", reward=0.0, correct=False),
    ]
    path = write_json(root / "eval_tempcompass_m_greedy_output.json", {"results": rows, "final_acc": [{}]})
    found = graded("tempcompass", root, path)
    assert [(one.item.sample.video, one.official) for one in found] == [
        ("videos/7.mp4", 1.0),
        ("videos/7_reverse.mp4", 0.0),
        ("videos/7.mp4", 0.0),
    ]
    assert found[2].response is None
    assert scores("tempcompass", root, write_json(path, {"results": rows[:2]}))["ours"]["p_acc"] == 100.0


def test_what_a_log_lacks_is_told(root: Path) -> None:
    found = scores("tempcompass", root, write_json(root / "r.json", {"results": [of_video_r1("7", "A")]}))
    assert (found["official"]["n"], found["official"]["acc"]) == (1, 100.0)
    assert (found["missing"], found["ours"]["n_failed"], found["ours"]["acc"]) == (1, 1, 50.0)
    assert found["parts_without_answers"] == {"yes_no": 1, "caption_matching": 1}


def test_results_that_are_larger_than_any_record_are_read_one_by_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_records, "LONGEST_RECORD", 1000)
    rows = [of_video_r1("7", "A"), of_video_r1("7_reverse", "B"), *[of_video_r1("7", "B")] * 20]
    path = root / "eval_tempcompass_m_greedy_output.json"
    path.write_text(json.dumps({"results": rows, "final_acc": [{}]}, indent=4))
    found = logged(path)
    assert found is not None
    assert [one.video for one in found] == ["7", "7_reverse", *["7"] * 20]


@pytest.mark.parametrize(
    "change", [{"options": LISTED[::-1]}, {"options": ["A. up", "B. down"]}, {"path": "videos/8.mp4"}]
)
def test_another_order_of_options_is_another_question(root: Path, change: dict[str, Any]) -> None:
    path = write_json(root / "r.json", {"results": [{**of_video_r1("7", "A"), **change}]})
    with pytest.raises(DataError, match="cannot be matched"):
        graded("tempcompass", root, path)


def test_what_is_not_certain_is_refused(root: Path) -> None:
    for rows in ([sample(5, CHOICE, "A")], [sample(0, "Why?", "A")], [sample(0, "", "A")]):
        with pytest.raises(DataError, match="cannot be matched to the 4 questions"):
            graded("tempcompass", root, write_lines(root / "s.jsonl", rows))
    with pytest.raises(DataError, match="is no sample of lmms-eval"):
        graded("tempcompass", root, write_lines(root / "s.jsonl", [sample(0, CHOICE, "A"), {"doc_id": "x"}]))


def test_names_of_the_benchmarks(tmp_path: Path) -> None:
    asked = {"idx": "0_pos", "video_name": "v/0_pos.mp4", "question": "Which?\nA. x y\nB. y x", "GT": "A"}
    write_json(tmp_path / "vinoground_textscore.json", [asked, {**asked, "idx": "0_neg", "GT": "B"}])
    write_json(tmp_path / "vinoground_videoscore.json", [asked, {**asked, "idx": "0_neg", "GT": "B"}])
    rows = [
        sample(number, "", said, vinoground_score={"index": index, "question_type": kind, "pred": said})
        for number, (index, kind, said) in enumerate(
            (("0_pos", "text", "A"), ("0_neg", "text", "B"), ("0_pos", "video", "B"))
        )
    ]
    found = scores("vinoground", tmp_path, write_lines(tmp_path / "s.jsonl", rows))
    assert (found["official"]["text"], found["ours"]["p_acc_by_task"]["text"]) == (100.0, 100.0)


@pytest.mark.parametrize("form", ["samples", "table", "results"])
def test_a_file_that_was_cut_drops_no_answer_in_silence(root: Path, form: str) -> None:
    rows = [sample(number, CHOICE, "B") for number in (0, 1)] if form == "samples" else ROWS
    whole = write_lines(root / "s.jsonl", rows) if form == "samples" else write_json(root / "s.json", rows)
    if form == "results":
        write_json(whole, {"results": [of_video_r1("7", "A"), of_video_r1("7_reverse", "B")]})
    assert len(graded("tempcompass", root, whole)) >= 2
    whole.write_bytes(whole.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"line \d|not JSON"):
        graded("tempcompass", root, whole)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "\0A\0",
        "\ud800",
        "A" * 5_000_000,
        "a b " * 10**6,
        "[" * 10**5,
        '{"a":' * 10**5,
        None,
        7,
        ["A"],
        [],
        {},
    ],
)
def test_odd_answers_are_counted(root: Path, said: Any) -> None:
    rows = [sample(0, CHOICE, "A"), sample(1, CHOICE, said)]
    path = root / "s.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = scores("tempcompass", root, path)
    failed, unparsed = found["ours"]["n_failed"], found["unparsed"]
    assert failed + unparsed + (said == ["A"]) == 1
    assert (found["official"]["n"], found["ours"]["n_pairs"]) == (2, 1)
    assert failed == (said is None or said == [])


def test_files_of_other_forms_are_left_to_the_benchmark(tmp_path: Path) -> None:
    assert logged(write_json(tmp_path / "a.json", {"7": {"speed": []}})) is None
    assert logged(write_lines(tmp_path / "a.jsonl", [{"idx": 0, "response": "A"}])) is None
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match="not an Excel workbook"):
        workbook_rows(tmp_path / "broken.xlsx")
