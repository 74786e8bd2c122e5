import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.bench.controls import oracle_answers, random_answers
from retroflip.bench.records import Control, answer_record, read_again
from retroflip.bench.selfcheck import check_rewards
from retroflip.data.forms import json_records, text_stream
from retroflip.data.prompts import user_text, with_null_option
from retroflip.data.records import (
    format_record,
    parse_record,
    read_records,
    read_samples,
    stream_samples,
    survey_records,
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

    def test_the_answer_to_the_counterfactual_clip(self) -> None:
        sample = parse_record(record(counterfactual_solution="<answer>A</answer>"))
        assert (sample.solution, sample.counterfactual_solution) == ("B", "A")
        assert parse_record(format_record(sample)) == sample
        with pytest.raises(
            DataError, match="'counterfactual_solution': the solution 'C' is none of the options"
        ):
            parse_record(record(counterfactual_solution="C"))

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
        [
            ["A. left", "B. right"],
            ["A) left", "B) right"],
            ["(A) left", "(B) right"],
            ["A: left", "B:right"],
            ["(a) left", "(b) right"],
            ["A、left", "B、right"],
        ],
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
        "solution",
        ["<answer>B</answer>", "B", "b", "B.", "(B)", " <answer> B </answer> ", "B. right", "right"],
    )
    def test_the_solution_in_all_its_forms(self, solution: str) -> None:
        assert parse_record(record(solution=solution)).solution == "B"

    @pytest.mark.parametrize(
        ("kind", "solution"), [("numerical", "3.5"), ("free-form", "a red ball"), ("OCR", "EXIT")]
    )
    def test_open_questions(self, kind: str, solution: str) -> None:
        sample = parse_record(record(problem_type=kind, options=[], solution=f"<answer>{solution}</answer>"))
        assert sample.solution == solution
        assert sample.problem_type is ProblemType(kind)

    @pytest.mark.parametrize(("solution", "read"), [("C, A", "A, C"), ("<answer>AB</answer>", "A, B")])
    def test_several_right_options(self, solution: str, read: str) -> None:
        options = ["A. left", "B. right", "C. up"]
        sample = parse_record(record(problem_type="multi-select", options=options, solution=solution))
        assert (sample.problem_type, sample.solution) == (ProblemType.MULTI_SELECT, read)
        assert sample.options == ("left", "right", "up")

    def test_an_option_with_its_span_is_kept_with_its_letter(self) -> None:
        options = ["A. a cat", "B. a dog"]
        for solution in ("A <> [2.0, 5.5]", "<answer>a cat <> [2.0, 5.5]</answer>", "(A)<>[2.0, 5.5]"):
            sample = parse_record(
                record(problem_type="grounded multiple choice", options=options, solution=solution)
            )
            assert sample.solution == "A <> [2.0, 5.5]"
            assert parse_record(format_record(sample)) == sample
        with pytest.raises(DataError, match="none of the options"):
            parse_record(record(problem_type="grounded multiple choice", options=options, solution="[2, 5]"))

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
    """Video-R1-260k.json mixes questions about videos with pictures."""

    PICTURE: ClassVar = record(problem_id=7, data_type="image", path="./Chart/x.png")
    TEXT: ClassVar = record(problem_id=8, data_type="text", path="")

    @pytest.mark.parametrize("as_array", [False, True])
    def test_pictures_and_texts_are_left_out_and_counted(self, tmp_path: Path, as_array: bool) -> None:
        rows = [self.PICTURE, RECORD, self.TEXT, self.PICTURE, record(problem_id=3)]
        path = write(tmp_path / "data.jsonl", *rows)
        if as_array:
            path.write_text(json.dumps(rows))
        read = read_records(path)
        assert [sample.id for sample in read.samples] == ["2", "3"]
        assert read.skipped == {"data_type image": 2, "data_type text": 1}
        assert read.note == "3 of 5 records are left out: 2 of data_type image, 1 of data_type text."
        assert read_samples(path) == read.samples

    def test_nothing_left_out_is_nothing_to_say(self, tmp_path: Path) -> None:
        read = read_records(write(tmp_path / "data.jsonl", RECORD))
        assert (read.skipped, read.note) == ({}, "")

    def test_a_file_of_nothing_else_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "data.jsonl", self.PICTURE, self.TEXT)
        with pytest.raises(
            DataError, match=r"data\.jsonl: 2 of 2 records are left out: 1 of data_type image, 1 of"
        ):
            read_samples(path)

    def test_a_fault_after_them_names_its_own_line(self, tmp_path: Path) -> None:
        path = write(tmp_path / "data.jsonl", self.PICTURE, self.PICTURE, record(problem=...))
        with pytest.raises(DataError, match="line 3: 'problem' is missing"):
            read_samples(path)


class TestModalities:
    """Two videos, two images, two texts."""

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
            (["image"], "26", {"data_type video": 2, "data_type text": 2}),
            (["text"], "34", {"data_type video": 2, "data_type image": 2}),
            (["video", "text"], "1345", {"data_type image": 2}),
            (["video", "image", "text"], "123456", {}),
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
            ({"problem_type": "essay"}, "problem_type is 'essay', but must be one of: OCR, free-form"),
            ({"problem_type": "multi-select", "solution": "A, E"}, "no selection of the options"),
            ({"problem_type": ...}, "'problem_type' is missing"),
            ({"problem": ...}, "'problem' is missing"),
            ({"problem": " "}, "'problem' is empty"),
            ({"problem": ["x"]}, "'problem' is .*must be a text"),
            ({"problem": "\ud800"}, r"a text holds '\\ud800', half of a character"),
            ({"path": ...}, "'path' is missing"),
            ({"solution": True}, "'solution' is True"),
            ({"solution": "<answer></answer>"}, "'solution' is empty"),
            ({"solution": "C"}, "'C' is none of the options: it must be a letter from A to B"),
            ({"solution": "B. left"}, "none of the options"),
            ({"options": []}, "needs at least 2 options, found 0"),
            ({"options": ["A. left"]}, "needs at least 2"),
            ({"options": "A. left"}, "must be a list"),
            ({"options": ["B. left", "A. right"]}, "letters are B, A"),
            ({"options": ["A. left", "A. right"]}, "letters are A, A. Give each option a letter of its own"),
            ({"options": ["1) left", "2) right", "2) up"]}, "letters are 1, 2, 2"),
            ({"options": ["A. left", "B. "]}, "option B has no text"),
            ({"options": [str(n) for n in range(26)]}, "there are 26 options, but at most 25 have a letter"),
            ({"problem": "Which <|video_pad|>?"}, r"'problem' holds '<\|video_pad\|>'.*special token"),
            ({"options": ["left", "<|im_end|>right"], "solution": "A"}, r"'options' holds '<\|im_end\|>'"),
            ({"process": "<think>It<|image_pad|></think>"}, r"'process' holds '<\|image_pad\|>'"),
            ({"side": 2}, "'side': it must be 1 or less, found 2"),
            ({"task_type": "sideways"}, "'task_type'"),
            ({"process": 3}, "'process'"),
            ({"solution": float("nan")}, "'solution' is NaN, an empty cell of a table"),
            ({"pair": float("nan")}, "'pair' is NaN, an empty cell of a table"),
            ({"options": ["left", float("nan")]}, "'options' is NaN, an empty cell"),
            ({"solution": float("inf")}, "'solution' is inf"),
            ({"start": 5, "end": 5}, "the part of the video 5 s to 5 s is none: it must end behind"),
            ({"end": 0}, "the part of the video ... to 0 s is none"),
            ({"start": -1, "end": 5}, "'start' is -1, but must be a number of seconds from 0 on"),
            ({"video_end": "0:12"}, "'video_end' is '0:12', but must be a number of seconds"),
            ({"start": True}, "'start' is True"),
            ({"start": float("nan")}, "'start' is nan"),
            ({"end": 10**400}, "'end' is 1000.*a number of seconds"),
            ({"start_frame": 12}, "'start_frame' would say in frames"),
            (
                {"start": 1, "end": 2, "video_start": 0, "video_end": 9},
                "'start', 'end' name the part 1 s to 2 s and 'video_start', 'video_end' 0 s to 9 s. Keep",
            ),
            (
                {"start": 1, "end": 2, "data_type": "image"},
                "names the part 1.0 to 2.0 .*data_type is 'image'",
            ),
            ({"group": "g"}, "'group' stands without 'cell'. Give both"),
            ({"cell": [0, 1]}, "'cell' stands without 'group'"),
            ({"group": "g", "cell": [0, 0], "pair": "p"}, "'group' and 'pair' would both say"),
            ({"group": "g", "cell": [0, -1]}, "'cell': .*numbered from 0 on"),
            ({"group": "g", "cell": [0]}, r"'cell\.1': it is missing"),
            ({"problem": ..., "question": "Which?"}, "'problem' is missing.*Rename 'question' to 'problem'"),
            (
                {
                    "problem": ...,
                    "solution": ...,
                    "conversations": [{"from": "human", "value": "<video>Which?"}],
                },
                "'problem', 'solution' are missing: its 'conversations' is a conversation, the form of LLaVA",
            ),
            (
                {"problem": ..., "messages": [{"role": "user", "content": "Which?"}]},
                "'messages' is a conversation",
            ),
        ],
    )
    def test_every_fault_names_the_line_and_the_reason(
        self, tmp_path: Path, changes: dict[str, Any], message: str
    ) -> None:
        path = write(tmp_path / "data.jsonl", RECORD, record(problem_id=3, **changes))
        with pytest.raises(DataError, match=rf"data\.jsonl, line 2: .*{message}"):
            read_samples(path, tuple(Modality))

    @pytest.mark.parametrize("written", [("A. left", "C. up", "D. down"), ("(a) left", "(c) up", "(d) down")])
    def test_letters_with_gaps_are_kept(self, written: tuple[str, ...]) -> None:
        sample = parse_record(record(options=list(written), solution="C"))
        assert (sample.options, sample.letters, sample.solution) == (
            ("left", "up", "down"),
            ("A", "C", "D"),
            "C",
        )
        assert user_text(sample).endswith("Options:\nA. left\nC. up\nD. down")
        assert parse_record(format_record(sample)) == sample
        assert user_text(with_null_option(sample)).endswith("D. down\nE. None of the above")
        assert parse_record(record(options=list(written), solution="down")).solution == "D"
        with pytest.raises(DataError, match="'B' is none of the options: it must be a letter from A to D"):
            parse_record(record(options=list(written), solution="B"))

    def test_answers_are_read_and_scored_by_letters_with_gaps(self) -> None:
        sample = parse_record(record(options=["A. left", "C. up", "D. down"], solution="C"))
        assert answer_record(sample, r"\boxed{C}", Control.FULL).score == 1.0
        assert answer_record(sample, "The answer is (D).", Control.FULL).answer_text == "down"
        assert answer_record(sample, "up", Control.FULL).answer == "C"
        assert answer_record(sample, r"\boxed{B}", Control.FULL).answer is None
        right, other = oracle_answers([sample])[0], answer_record(sample, r"\boxed{A}", Control.FULL)
        assert (right.correct, read_again(right), read_again(other)) == (True, right, other)
        assert {record.answer for seed in range(30) for record in random_answers([sample], seed)} == {*"ACD"}
        assert check_rewards([sample]).faults == []

    def test_routing_pass_rate_and_licence_are_kept(self) -> None:
        routing = {"label": "spatial", "flip": True, "reversal": False, "router": "rules", "reason": "left"}
        sample = parse_record(record(routing=routing, pass_rate=0.25, licence="CC BY 4.0"))
        assert sample.routing is not None
        assert (sample.routing.label, sample.pass_rate, sample.licence) == ("spatial", 0.25, "CC BY 4.0")
        assert parse_record(json.loads(json.dumps(format_record(sample)))) == sample
        with pytest.raises(DataError, match=r"'routing': .*label is spatial, and the two tests say static"):
            parse_record(record(routing={**routing, "flip": False}))
        with pytest.raises(DataError, match="'pass_rate'"):
            parse_record(record(pass_rate=1.5))

    def test_a_group_or_a_pair_says_where_a_question_stands(self) -> None:
        sample = parse_record(record(group="g", cell=[1, 0]))
        assert sample.place == ("g", (1, 0))
        assert parse_record(json.loads(json.dumps(format_record(sample)))) == sample
        assert parse_record(record(pair="p", side=1)).place == ("p", (1, 0))
        assert parse_record(record()).place is None

    @pytest.mark.parametrize(
        ("keys", "window"),
        [
            ({"start": 2, "end": 5.5}, (2.0, 5.5)),
            ({"time_start": "2", "time_end": "5.5"}, (2.0, 5.5)),
            ({"video_start": 2.0, "video_end": None}, (2.0, math.inf)),
            ({"end": 3}, (0.0, 3.0)),
            ({"start": 0}, (0.0, math.inf)),
            ({"start": 2, "end": 5, "start_time": 2.0, "end_time": 5.0}, (2.0, 5.0)),
        ],
    )
    def test_a_part_of_a_video_under_any_of_its_names(
        self, keys: dict[str, Any], window: tuple[float, float]
    ) -> None:
        sample = parse_record(record(**keys))
        assert sample.window == window
        assert parse_record(format_record(sample)) == sample

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
            ("{}\n", "line 1: 'problem', 'problem_type', 'solution', 'path' are missing"),
            ("\n\n{oops}\n", "line 3: not JSON"),
            ('"text"\n', 'line 1: expected a JSON object, found "text"'),
            (
                "[\n{},\n\n3\n]",
                "line 2, record 1: 'problem', .* Line 4, record 2: expected a JSON object, found 3. 2 of 2 ",
            ),
            ("[\n3]", "line 2, record 1: expected a JSON object, found 3"),
            ("[" * 100_000, "line 1, record 1: not JSON"),
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
            (lambda text: text[:-2], r"line \d+, record 4: the array goes on"),
            (lambda text: text + "[]", "text follows the array's end: '\\[\\]'"),
            (lambda text: text[:-2] + ",]", "not JSON"),
            (
                lambda text: text.replace("},", "}", 1),
                "line 2, record 2: the array goes on after this record",
            ),
            (lambda text: text.replace('"problem":', '"problem"', 1), r"line 2, record 1: not JSON"),
        ],
    )
    def test_broken_arrays(self, tmp_path: Path, damage: Any, message: str) -> None:
        text = json.dumps([record(problem_id=index) for index in range(3)], indent=1) + "\n"
        (tmp_path / "data.json").write_text(damage(text))
        with pytest.raises(DataError, match=message):
            read_samples(tmp_path / "data.json")

    @pytest.mark.parametrize("piece", [7, 2**20])
    def test_a_line_that_is_too_long_is_one_fault(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
    ) -> None:
        monkeypatch.setattr(text_stream, "PIECE", piece)
        monkeypatch.setattr(json_records, "LONGEST_RECORD", 1000)
        path = write(tmp_path / "data.jsonl", record(problem_id=1))
        with path.open("a") as file:
            file.write('{"problem": "' + "x" * 5000 + '"}\n' + json.dumps(record(problem_id=2)))
        read = survey_records(path)
        assert [sample.id for sample in read.samples] == ["1", "2"]
        assert [str(fault.spot) for fault in read.faults] == ["line 2"]
        assert "more than 1000 characters" in str(read.faults[0].error)

    def test_records_of_an_array_on_one_line_are_told_apart(self, tmp_path: Path) -> None:
        rows = [record(problem_id=1), record(problem_id=2, solution="Z"), record(problem_id=1)]
        (tmp_path / "data.json").write_text(json.dumps(rows))
        read = survey_records(tmp_path / "data.json")
        assert [str(fault.spot) for fault in read.faults] == ["line 1, record 2", "line 1, record 3"]
        assert "already that of line 1, record 1" in str(read.faults[1].error)
        with pytest.raises(DataError, match="line 1, record 2: "):
            list(stream_samples(tmp_path / "data.json"))

    def test_missing_file_folder_and_bytes(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"gone\.jsonl: the data file cannot be read \(No such file"):
            read_samples(tmp_path / "gone.jsonl")
        with pytest.raises(DataError, match="cannot be read"):
            read_samples(tmp_path)
        (tmp_path / "latin.jsonl").write_bytes(b'{"problem": "caf\xe9"}')
        with pytest.raises(DataError, match=r"line 1: byte 17 of this record, 0xe9, is no UTF-8"):
            read_samples(tmp_path / "latin.jsonl")


class TestAllFaults:
    """Every faulty record is found in one reading; an error names the first few of them."""

    def test_every_faulty_line_is_surveyed_and_the_good_ones_are_read(self, tmp_path: Path) -> None:
        rows = [
            RECORD,
            record(problem_id=3, solution="Z"),
            record(problem_id=4),
            record(problem_id=5, path="/x.mp4"),
        ]
        path = write(tmp_path / "data.jsonl", *rows)
        with path.open("a") as file:
            file.write('{oops}\n"text"\n' + json.dumps(record(problem_id=4)) + "\n")

        read = survey_records(path)

        assert [sample.id for sample in read.samples] == ["2", "4"]
        assert {name: spot.line for name, spot in read.spots.items()} == {"2": 1, "4": 3}
        assert [(fault.spot.line, fault.id) for fault in read.faults] == [
            (2, "3"),
            (4, "5"),
            (5, ""),
            (6, ""),
            (7, "4"),
        ]
        told = "line 2: the solution 'Z'.*Line 4: The path.*Line 5: not JSON.*5 of 7 records are faulty; `retroflip"
        with pytest.raises(PathEscapeError, match=told):
            read_records(path)

    def test_an_error_stays_short_however_many_faults_there_are(self, tmp_path: Path) -> None:
        path = write(
            tmp_path / "data.jsonl", *(record(problem_id=one, solution="Z" * 9999) for one in range(500))
        )
        with pytest.raises(DataError) as raised:
            read_records(path)
        assert len(str(raised.value)) < 1000

    def test_an_array_is_read_up_to_broken_json(self, tmp_path: Path) -> None:
        rows = [json.dumps(record(problem_id=one)) for one in range(4)]
        (tmp_path / "data.json").write_text("[" + ",\n".join([rows[0], "{}", rows[2], "{", rows[3]]) + "]")
        read = survey_records(tmp_path / "data.json")
        assert [sample.id for sample in read.samples] == ["0", "2"]
        assert [fault.spot.line for fault in read.faults] == [2, 4]

    @pytest.mark.parametrize("as_array", [False, True])
    def test_a_key_that_stands_twice_is_a_fault_of_its_record(self, tmp_path: Path, as_array: bool) -> None:
        good, row = json.dumps(record(problem_id=1)), json.dumps(RECORD)
        rows = [
            row.replace("}", ', "solution": "A"}'),
            good,
            row.replace("}", ', "labels": {"a": "b", "a": "c"}}'),
        ]
        (tmp_path / "data.jsonl").write_text("[" + ",\n".join(rows) + "]" if as_array else "\n".join(rows))
        read = survey_records(tmp_path / "data.jsonl")
        assert [sample.id for sample in read.samples] == ["1"]
        assert [(fault.spot.line, str(fault.error)[:30]) for fault in read.faults] == [
            (1, "'solution' stands twice in one"),
            (3, "'a' stands twice in one object"),
        ]

    def test_keys_that_would_sample_videos_elsewhere_are_counted(self, tmp_path: Path) -> None:
        path = write(tmp_path / "data.jsonl", record(fps=2, max_pixels=1000), record(problem_id=3, fps=4))
        assert read_records(path).passed_over == {"fps": 2, "max_pixels": 1}
        assert "passed over are: fps (2), max_pixels (1)" in read_records(path).note

    def test_keys_that_may_name_a_part_are_counted_where_none_is_read(self, tmp_path: Path) -> None:
        read = {"start": 1, "end": 2, "bound": True}
        path = write(tmp_path / "data.jsonl", record(segment=[1, 2]), record(problem_id=3, **read))
        assert read_records(path).passed_over == {"segment": 1}
        assert "part of the video are passed over: segment (1)" in read_records(path).note

    @pytest.mark.parametrize("name", ["Multiple-Choice", "multiple_choice", "free form", "Free-form", "ocr"])
    def test_a_problem_type_is_known_however_its_words_are_joined(self, name: str) -> None:
        kind = parse_record(record(problem_type=name, solution="A")).problem_type
        assert kind.value.lower().replace("-", " ") == name.lower().replace("-", " ").replace("_", " ")

    @pytest.mark.parametrize("depth", [10, 900, 960, 980, 990, 995, 100_000])
    def test_values_nested_deeply_are_a_fault(self, tmp_path: Path, depth: int) -> None:
        rows = [
            json.dumps(RECORD)
            .replace('["A. left', "[" * depth + "]" * depth + ', ["A. left')
            .replace('right"]', 'right"]]')
        ]
        rows.append(json.dumps(RECORD)[:-1] + ', "labels": ' + '{"a":' * depth + "1" + "}" * depth + "}")
        rows.append(json.dumps(record(problem_id=...))[:-1] + ', "other": ' + "[" * depth + "]" * depth + "}")
        (tmp_path / "data.jsonl").write_text("\n".join(rows))
        read = survey_records(tmp_path / "data.jsonl")
        assert [fault.spot.line for fault in read.faults][:2] == [1, 2]


class TestOtherForms:
    """A file in another form is told by one sentence, not by a fault for every line."""

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("x.parquet", b"PAR1\x15\x04", "this Parquet file cannot be read"),
            ("x.jsonl", b"\x1f\x8b\x08", "it is compressed with gzip"),
            ("x.json", "[]".encode("utf-16"), "it is UTF-16 text.*Save it as UTF-8"),
            ("x.json", b"version https://git-lfs.github.com/spec/v1\noid", "it is a pointer of Git LFS"),
            ("x.json", b"<!doctype html>\n", "it is a page of HTML or XML"),
            ("x.json", b'{\n "data": [{"problem": 1}]}', "one JSON object with the records in 'data'"),
            ("x.json", b'{\n "1": {"problem": 1},\n "2": {}}', "with an entry for each of 2 names"),
            (
                "x.json",
                b'{\n "results": [{"problem": "?", "path": "a.mp4", "output": "A"}],\n "final_acc": [{}]}',
                "Video-R1's eval_bench.py writes.*Score them with",
            ),
            (
                "x.json",
                json.dumps(RECORD, indent=1).encode(),
                r"one JSON object over several lines.*put it in \[ \]",
            ),
        ],
    )
    def test_what_a_file_is(self, tmp_path: Path, name: str, content: bytes, message: str) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=message):
            survey_records(tmp_path / name)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ('{"data": [{"problem": 1}]}', "one JSON object with the records in 'data'"),
            ('{"1": {"problem": 1}, "2": {}}', "with an entry for each of 2 names"),
            ('{"question": "q", "candidates": [{"text": "a"}]}', "Rename 'question' to 'problem'"),
        ],
    )
    def test_an_object_on_one_line_that_is_no_record(
        self, tmp_path: Path, content: str, message: str
    ) -> None:
        (tmp_path / "x.json").write_text(content)
        with pytest.raises(DataError, match=message):
            read_records(tmp_path / "x.json")

    def test_what_a_large_file_is_is_told_without_holding_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(json_records, "LONGEST_RECORD", 300)
        content = {"data": [RECORD] * 50, "version": 1}
        (tmp_path / "x.json").write_text(json.dumps(content, indent=4))
        with pytest.raises(DataError, match="one JSON object with the records in 'data'"):
            read_records(tmp_path / "x.json")

    @settings(max_examples=200, deadline=None)
    @given(
        st.dictionaries(st.text(max_size=4), st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=4),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=8,
        ), max_size=4),
        st.sampled_from((None, 1, 4)),
    )  # fmt: skip
    def test_the_entries_of_an_object_are_those_of_json(self, content: Any, indent: int | None) -> None:
        with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            for module in (text_stream, json_records):
                patch.setattr(module, "PIECE", 3)
            path = Path(folder) / "x.json"
            path.write_text(json.dumps(content, indent=indent), encoding="utf-8")
            found: dict[str, Any] = {key: [] for key, value in content.items() if isinstance(value, list)}
            for one in json_records.entries(path):
                if one.listed:
                    found[one.key].append(one.value)
                else:
                    found[one.key] = one.value
            assert found == content

    @pytest.mark.parametrize(
        "content", ["", "[]", '{"a"', '{"a": [1', '{"a": [1, ', '{"a": 1} {', '{"a" 1}', '{1: 2}', '{"a": [nope]}'],
    )  # fmt: skip
    def test_entries_of_what_is_no_object(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "x.json").write_text(content)
        with pytest.raises(DataError):
            list(json_records.entries(tmp_path / "x.json"))

    def test_a_mark_before_utf8_is_no_other_form(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("\ufeff" + json.dumps(RECORD), encoding="utf-8")
        assert len(read_samples(tmp_path / "x.csv")) == 1


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
            DataError,
            match=f"line {starts[2]}, record 3: the id '1' is already that of line {starts[1]}, record 2",
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
