import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from retroflip.data.prompts import with_null_option
from retroflip.data.records import (
    format_record,
    parse_record,
    read_records,
    read_samples,
    write_samples,
)
from retroflip.data.sample import Modality, ProblemType, Sample, TaskType
from retroflip.errors import DataError, PathEscapeError

RECORD: dict[str, Any] = {
    "problem_id": 2,
    "problem": "Which way does the ball move?",
    "data_type": "video",
    "problem_type": "multiple choice",
    "options": ["A. left", "B. right"],
    "solution": "<answer>B</answer>",
    "path": "./CLEVRER/train/video_1.mp4",
    "data_source": "CLEVRER",
}


def record(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**RECORD, **changes}.items() if value is not ...}


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


class TestReading:
    def test_a_video_r1_record_as_it_is(self) -> None:
        assert parse_record(RECORD) == Sample(
            id="2",
            video="CLEVRER/train/video_1.mp4",
            question="Which way does the ball move?",
            options=("left", "right"),
            solution="B",
            problem_type=ProblemType.MULTIPLE_CHOICE,
            source="CLEVRER",
            source_clip="CLEVRER/train/video_1.mp4",
        )

    def test_a_chain_of_thought_record(self) -> None:
        assert parse_record(record(process="<think>It moves.</think>")).trace == "<think>It moves.</think>"

    def test_our_own_keys(self) -> None:
        own = {
            "task": "moving_direction",
            "task_type": "spatial",
            "source_clip": "c7",
            "pair": "p7",
            "side": 1,
        }
        sample = parse_record(record(**own))
        assert (sample.task, sample.task_type, sample.source_clip) == (
            "moving_direction",
            TaskType.SPATIAL,
            "c7",
        )
        assert (sample.pair, sample.side) == ("p7", 1)

    def test_null_and_unknown_keys_are_ignored(self) -> None:
        extra = {
            "task": None,
            "side": None,
            "process": None,
            "data_source": None,
            "data_type": None,
            "fps": 30,
        }
        assert parse_record(record(**extra)) == parse_record(RECORD).model_copy(update={"source": ""})

    @pytest.mark.parametrize(
        "options",
        [["A. left", "B. right"], ["A) left", "B) right"], ["(A) left", "(B) right"], ["A: left", "B:right"]],
    )
    def test_letters_before_options_are_dropped(self, options: list[str]) -> None:
        assert parse_record(record(options=options)).options == ("left", "right")

    @pytest.mark.parametrize(
        "options", [["left", "right"], ["A. Lincoln", "J. Smith"], ["A cat", "B cats"], ["A. left", "right"]]
    )
    def test_options_that_are_not_all_labelled_are_kept(self, options: list[str]) -> None:
        assert parse_record(record(options=options)).options == tuple(options)

    def test_numbers_among_options_are_read_as_text(self) -> None:
        assert parse_record(record(options=[3, 4.5])).options == ("3", "4.5")

    @pytest.mark.parametrize(
        "solution", ["<answer>B</answer>", "B", "B.", "(B)", " <answer> B </answer> ", "B. right", "right"]
    )
    def test_the_solution_in_all_its_forms(self, solution: str) -> None:
        assert parse_record(record(solution=solution)).solution == "B"

    @pytest.mark.parametrize(
        ("kind", "solution"), [("numerical", "3.5"), ("free-form", "a red ball"), ("OCR", "EXIT")]
    )
    def test_open_questions(self, kind: str, solution: str) -> None:
        sample = parse_record(record(problem_type=kind, options=[], solution=f"<answer>{solution}</answer>"))
        assert sample.solution == solution
        expected = ProblemType.NUMERICAL if kind == "numerical" else ProblemType.FREE_FORM
        assert sample.problem_type is expected

    def test_a_number_as_solution(self) -> None:
        assert parse_record(record(problem_type="numerical", options=[], solution=3)).solution == "3"

    def test_an_id_from_the_content(self) -> None:
        first, again = parse_record(record(problem_id=...)), parse_record(record(problem_id=...))
        other = parse_record(record(problem_id=..., problem="And now?"))
        assert first.id == again.id != other.id
        assert len(first.id) == 16

    def test_twenty_five_options_leave_a_letter_for_the_null_option(self) -> None:
        sample = parse_record(record(options=[f"{n} balls" for n in range(25)]))
        assert len(with_null_option(sample).options) == 26

    @pytest.mark.parametrize("text", ["a <b> c", "|x|", "<think>", "is 1 <|> 2?", "<| video_pad |>"])
    def test_other_angle_brackets_are_text(self, text: str) -> None:
        assert parse_record(record(problem=text)).question == text


class TestLeavingOut:
    """Video-R1-260k.json mixes questions about videos with pictures and with regression."""

    PICTURE: ClassVar = record(problem_id=7, data_type="image", path="./Chart/x.png")
    REGRESSION: ClassVar = record(
        problem_id=8, problem_type="regression", options=[], solution="<answer>3.1</answer>"
    )

    @pytest.mark.parametrize("as_array", [False, True])
    def test_pictures_and_regression_are_left_out_and_counted(self, tmp_path: Path, as_array: bool) -> None:
        rows = [self.PICTURE, RECORD, self.REGRESSION, self.PICTURE, record(problem_id=3)]
        path = write(tmp_path / "data.jsonl", *rows)
        if as_array:
            path.write_text(json.dumps(rows))
        read = read_records(path)
        assert [sample.id for sample in read.samples] == ["2", "3"]
        assert read.skipped == {"data_type image": 2, "problem_type regression": 1}
        assert read.note == "3 of 5 records are left out: 2 of data_type image, 1 of problem_type regression."
        assert read_samples(path) == read.samples

    def test_nothing_left_out_is_nothing_to_say(self, tmp_path: Path) -> None:
        read = read_records(write(tmp_path / "data.jsonl", RECORD))
        assert (read.skipped, read.note) == ({}, "")

    def test_a_file_of_nothing_else_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "data.jsonl", self.PICTURE, self.REGRESSION)
        with pytest.raises(
            DataError, match=r"data\.jsonl: 2 of 2 records are left out: 1 of data_type image, 1 of"
        ):
            read_samples(path)

    def test_a_fault_after_them_names_its_own_line(self, tmp_path: Path) -> None:
        path = write(tmp_path / "data.jsonl", self.PICTURE, self.PICTURE, record(problem=...))
        with pytest.raises(DataError, match="line 3: 'problem' is missing"):
            read_samples(path)


class TestModalities:
    """A video, an image, a text, and one record of each that cannot be judged."""

    ROWS: ClassVar = [
        record(problem_id=1),
        record(problem_id=2, data_type="image", path="./Chart/x.png"),
        record(problem_id=3, data_type="text", path=...),
        record(problem_id=4, data_type="text", path=""),
        record(problem_id=5, data_type=...),
        record(problem_id=6, data_type="image", problem_type="regression", options=[], solution="3.1"),
    ]

    @pytest.mark.parametrize(
        ("modalities", "ids", "skipped"),
        [
            (["video"], "15", {"data_type image": 2, "data_type text": 2}),
            (["image"], "2", {"data_type video": 2, "data_type text": 2, "problem_type regression": 1}),
            (["text"], "34", {"data_type video": 2, "data_type image": 2}),
            (["video", "text"], "1345", {"data_type image": 2}),
            (["video", "image", "text"], "12345", {"problem_type regression": 1}),
        ],
    )
    def test_those_asked_for_are_read_and_the_others_counted(
        self, tmp_path: Path, modalities: list[str], ids: str, skipped: dict[str, int]
    ) -> None:
        path = write(tmp_path / "data.jsonl", *self.ROWS)
        read = read_records(path, [Modality(name) for name in modalities])
        assert "".join(sample.id for sample in read.samples) == ids
        assert read.skipped == skipped
        assert read_samples(path, [Modality(name) for name in modalities]) == read.samples

    def test_what_is_read(self) -> None:
        video, image, text, again = map(parse_record, self.ROWS[:4])
        assert [sample.modality for sample in (video, image, text)] == ["video", "image", "text"]
        assert (image.video, image.source_clip) == ("Chart/x.png", "Chart/x.png")
        assert (text.video, text.source_clip) == ("", "3")
        assert again == text.model_copy(update={"id": "4", "source_clip": "4"})
        assert parse_record(record(data_type=" Image ", path="x.png")).modality is Modality.IMAGE

    def test_a_file_without_any_of_them_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "data.jsonl", RECORD)
        with pytest.raises(
            DataError, match=r"1 of data_type video\. None is of data_type image or text, which"
        ):
            read_records(path, (Modality.IMAGE, Modality.TEXT))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"data_type": "image", "path": ...}, "'path' is missing"),
            ({"data_type": "image", "path": ""}, "'path' is empty"),
            ({"data_type": "text"}, "data_type is 'text', but 'path' names a file .*video_1.mp4"),
            ({"data_type": "text", "path": ["x.png"]}, "data_type is 'text', but 'path' names a file"),
            ({"data_type": "text", "path": ..., "problem": ...}, "'problem' is missing"),
        ],
    )
    def test_faults_name_file_and_line(self, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
        path = write(tmp_path / "data.jsonl", RECORD, record(problem_id=3, **changes))
        with pytest.raises(DataError, match=rf"data\.jsonl, line 2: {message}"):
            read_records(path, tuple(Modality))

    @pytest.mark.parametrize("row", ROWS[:5])
    def test_a_written_record_is_read_as_it_was(self, row: dict[str, Any]) -> None:
        sample = parse_record(row)
        written = format_record(sample)
        assert parse_record(written) == sample
        assert written["data_type"] == row.get("data_type", "video")
        assert written["path"] == row.get("path", "")


class TestFaults:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"data_type": "audio"}, "data_type is 'audio', but only.*Correct or delete"),
            ({"problem_type": "essay"}, "problem_type is 'essay', but must be one of: free-form"),
            ({"problem_type": ...}, "'problem_type' is missing"),
            ({"problem": ...}, "'problem' is missing"),
            ({"problem": " "}, "'problem' is empty"),
            ({"problem": ["x"]}, "'problem' is .*must be a text"),
            ({"problem": "\ud800"}, r"a text holds '\\ud800', half of a character"),
            ({"path": ...}, "'path' is missing"),
            ({"solution": True}, "'solution' is True"),
            ({"solution": "<answer></answer>"}, "'solution' is empty"),
            ({"solution": "C"}, "'C' is none of the options: it must be a letter from A to B"),
            ({"solution": "b"}, "none of the options"),
            ({"solution": "B. left"}, "none of the options"),
            ({"options": []}, "needs at least 2 options, found 0"),
            ({"options": ["A. left"]}, "needs at least 2"),
            ({"options": "A. left"}, "must be a list"),
            ({"options": ["B. left", "A. right"]}, "letters are B, A"),
            ({"options": ["A. left", "B. "]}, "option B has no text"),
            ({"options": [str(n) for n in range(26)]}, "there are 26 options, but at most 25 have a letter"),
            ({"problem": "Which <|video_pad|>?"}, r"'problem' holds '<\|video_pad\|>'.*special token"),
            ({"options": ["left", "<|im_end|>right"], "solution": "A"}, r"'options' holds '<\|im_end\|>'"),
            ({"process": "<think>It<|image_pad|></think>"}, r"'process' holds '<\|image_pad\|>'"),
            ({"side": 2}, "'side': Input should be less than or equal to 1, found 2"),
            ({"task_type": "sideways"}, "'task_type'"),
            ({"process": 3}, "'process'"),
        ],
    )
    def test_every_fault_names_the_line_and_the_reason(
        self, tmp_path: Path, changes: dict[str, Any], message: str
    ) -> None:
        path = write(tmp_path / "data.jsonl", RECORD, record(problem_id=3, **changes))
        with pytest.raises(DataError, match=rf"data\.jsonl, line 2: .*{message}"):
            read_samples(path)

    @pytest.mark.parametrize("video", ["../x.mp4", "/etc/passwd", "a/../../x.mp4", "C:\\x.mp4", "a\0b.mp4"])
    def test_a_path_out_of_the_root(self, tmp_path: Path, video: str) -> None:
        with pytest.raises(PathEscapeError, match=r"data\.jsonl, line 1: The path"):
            read_samples(write(tmp_path / "data.jsonl", record(path=video)))

    def test_an_id_twice(self, tmp_path: Path) -> None:
        path = write(tmp_path / "data.jsonl", RECORD, record(problem_id=3), record(problem_id="2"))
        with pytest.raises(DataError, match="line 3: the id '2' is already that of line 1"):
            read_samples(path)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "holds no records"),
            ("\n \n", "holds no records"),
            ("[]", "holds no records"),
            ("{}\n", r"line 1: 'problem_type' is missing"),
            ("\n\n{oops}\n", "line 3: not JSON"),
            ('"text"\n', 'line 1: expected a JSON object, found "text"'),
            ("[\n{},\n\n3\n]", "line 2: 'problem_type' is missing"),
            ("[\n3]", "line 2: expected a JSON object, found 3"),
            ("[" * 100_000, "line 1: not JSON"),
            ('{"a":' * 100_000, "line 1: not JSON"),
        ],
    )
    def test_broken_files(self, tmp_path: Path, text: str, message: str) -> None:
        (tmp_path / "data.jsonl").write_text(text)
        with pytest.raises(DataError, match=rf"data\.jsonl.*{message}"):
            read_samples(tmp_path / "data.jsonl")

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda text: text[:-2], r"line \d+: the array goes on"),
            (lambda text: text + "[]", "text follows the array's end: '\\[\\]'"),
            (lambda text: text[:-2] + ",]", "not JSON"),
            (lambda text: text.replace("},", "}", 1), "line 2: the array goes on after this record"),
            (lambda text: text.replace('"problem":', '"problem"', 1), r"line 2: not JSON"),
        ],
    )
    def test_broken_arrays(self, tmp_path: Path, damage: Any, message: str) -> None:
        text = json.dumps([record(problem_id=index) for index in range(3)], indent=1) + "\n"
        (tmp_path / "data.json").write_text(damage(text))
        with pytest.raises(DataError, match=message):
            read_samples(tmp_path / "data.json")

    def test_missing_file_folder_and_bytes(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"gone\.jsonl: the data file cannot be read \(No such file"):
            read_samples(tmp_path / "gone.jsonl")
        with pytest.raises(DataError, match="cannot be read"):
            read_samples(tmp_path)
        (tmp_path / "latin.jsonl").write_bytes(b'{"problem": "caf\xe9"}')
        with pytest.raises(DataError, match=r"not a UTF-8 text file \(byte 16\)"):
            read_samples(tmp_path / "latin.jsonl")


class TestFiles:
    def test_a_json_array_equals_its_lines(self, tmp_path: Path) -> None:
        rows = [record(problem_id=index) for index in range(3)]
        (tmp_path / "data.json").write_text("\ufeff" + json.dumps(rows, indent=2), encoding="utf-8")
        assert read_samples(tmp_path / "data.json") == read_samples(write(tmp_path / "data.jsonl", *rows))

    def test_an_array_item_is_named_by_the_line_it_starts_on(self, tmp_path: Path) -> None:
        rows = [record(problem_id=index) for index in range(2)]
        text = json.dumps([*rows, record(problem_id=1)], indent=1)
        (tmp_path / "data.json").write_text(text)
        starts = [number for number, line in enumerate(text.split("\n"), start=1) if line == " {"]
        with pytest.raises(
            DataError, match=f"line {starts[2]}: the id '1' is already that of line {starts[1]}"
        ):
            read_samples(tmp_path / "data.json")

    def test_line_separators_of_unicode_do_not_end_a_record(self, tmp_path: Path) -> None:
        row = json.dumps(record(problem="one\u2028two\x85three"), ensure_ascii=False)
        (tmp_path / "data.jsonl").write_text(row + "\r\n", encoding="utf-8", newline="")
        assert read_samples(tmp_path / "data.jsonl")[0].question == "one\u2028two\x85three"

    def test_a_written_record_is_a_video_r1_record(self, tmp_path: Path) -> None:
        sample = parse_record(RECORD)
        assert format_record(sample) == {
            **RECORD,
            "problem_id": "2",
            "source_clip": "CLEVRER/train/video_1.mp4",
        }
        write_samples(tmp_path / "data.jsonl", [sample])
        assert json.loads((tmp_path / "data.jsonl").read_text()) == format_record(sample)
