"""Whatever stands in a file, an import reads it or says why not: no row is lost, and no error is a bug of ours."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.data.forms import text_stream
from retroflip.data.imports import Outputs, import_source
from retroflip.data.records import read_samples
from retroflip.data.sample import Modality
from retroflip.data.sources import SOURCES
from retroflip.data.sources.base import Wanted
from retroflip.errors import RetroflipError
from retroflip.progress import Silence

KEYS = (
    *(
        "problem",
        "problem_id",
        "data_type",
        "problem_type",
        "options",
        "solution",
        "path",
        "process",
        "labels",
    ),
    *(
        "video",
        "question",
        "candidates",
        "answer",
        "start",
        "end",
        "Video",
        "Question",
        "Candidates",
        "Answer",
    ),
    *(
        "time_start",
        "time_end",
        "ID",
        "correctAnswer",
        "prompt",
        "reward_model",
        "image",
        "qid",
        "id",
        "choices",
    ),
    *("ground_truth", "conversations", "from", "value", "description", "timestamps", "timestamp", "duration"),
    *("sentence", "difficulty", "video_id", "a0", "a1", "type", "content", "role", "media"),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**6),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=12),
    st.sampled_from(["A", "(B)", "A. x", "video", "image", "text", "multiple choice", "math", "[1, 2]", "../x",
                     "<image>", "\\boxed{1}", "\\boxed{", "<answer>A</answer>", "human", "gpt", "user", "x.mp4"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from((*KEYS, "A", "B")), inner, max_size=4)
    ),
    max_leaves=8,
)
ROWS = st.lists(
    st.one_of(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=12), VALUES), min_size=1, max_size=4
)
FEW = settings(max_examples=15, deadline=None)


def imported(name: str, content: bytes, ending: str = "json") -> tuple[int, int] | None:
    """Import a file and return how many rows became records and how many none; None where none did."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / f"x.{ending}", Path(folder) / "out.jsonl"
        path.write_bytes(content)
        try:
            done = import_source(SOURCES[name], Wanted(path), out, Silence())
        except RetroflipError:
            assert not out.exists()
            return None
        samples = read_samples(out, tuple(Modality))
        listed = Outputs.of(out).rejects.read_text(encoding="utf-8").splitlines()
        assert len(samples) == done.tally.samples
        assert len(listed) == done.rejects.total()
        return len(samples), len(listed)


@pytest.mark.parametrize("name", [name for name in SOURCES if name != "llava-video"])
@FEW
@given(rows=ROWS)
def test_every_row_becomes_a_record_or_a_reject(name: str, rows: list[Any]) -> None:
    counts = imported(name, json.dumps(rows).encode())
    assert counts is None or sum(counts) == len(rows)


GOOD: dict[str, dict[str, Any]] = {
    "video-r1": {
        "problem_id": 1, "problem": "Which?", "data_type": "video", "problem_type": "multiple choice",
        "options": ["A. x", "B. y"], "solution": "<answer>A</answer>", "path": "./x.mp4", "process": "<think>.</think>",
    },
    "tvbench": {"video": "x.mp4", "question": "Which?", "candidates": ["x", "y"], "answer": "x", "start": 1, "end": 2},
    "sti-bench": {
        "Video": "x.mp4", "Question": "How far?", "Candidates": {"A": "x", "B": "y"}, "Answer": "A", "ID": 1,
        "time_start": 1.0, "time_end": 2.0, "Task": "x",
    },
    "mmr-v": {"video": "x.mp4", "question": "Why?", "options": ["(A) x", "", "(C) y"], "correctAnswer": "(C)"},
    "llava-video": {
        "id": "x", "video": "x.mp4",
        "conversations": [{"from": "human", "value": "Q?\nA. x\nB. y"}, {"from": "gpt", "value": "A. x"}],
    },
    "virl39k": {"question": "<image>Which?", "answer": "\\boxed{1}", "image": ["x.jpg"], "qid": "x"},
    "thinklite": {"problem": "<image>?", "ground_truth": "1", "image": "x.png", "id": 1, "choices": None},
    "dapo-math": {"prompt": [{"role": "user", "content": "1 + 1?"}], "reward_model": {"ground_truth": "2"}},
    "charades-sta": {"video": "x.mp4", "description": "it runs", "timestamps": [[1, 2]], "duration": 3},
    "activitynet-tvg": {"video": "x.mp4", "description": "it runs", "timestamps": [1, 2]},
    "nextgqa": {"video": "x.mp4", "question": "Why?", "options": ["A. x", "B. y"], "answer": "A", "timestamps": [1, 2]},
    "timer1": {
        "video": "./x.mp4", "duration": 4.5, "timestamp": [1, 2], "sentence": "it runs", "qid": "x", "difficulty": 4.0,
    },
    "arrowgev": {
        "video": "x.mp4", "timestamp": [1, 2], "sentence": "it runs", "duration": 30.0, "sensitive": "yes", "qid": "x",
    },
    "records": {
        "problem": "Which?", "problem_type": "multiple choice", "options": ["x", "y"], "solution": "A", "path": "x.mp4",
        "labels": {"x": "y"}, "start": 1, "end": 2, "pass_rate": 0.5,
    },
}  # fmt: skip
"""a row that each source reads"""


@pytest.mark.parametrize("name", SOURCES)
def test_good_rows_are_good(name: str) -> None:
    assert imported(name, json.dumps([GOOD[name]]).encode()) == (1, 0)


@pytest.mark.parametrize("name", SOURCES)
@FEW
@given(data=st.data())
def test_a_good_row_with_a_value_of_another_kind_becomes_a_record_or_a_reject(
    name: str, data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from(sorted(GOOD[name])))
    row = {**GOOD[name], key: data.draw(VALUES)}
    counts = imported(name, json.dumps([row, GOOD[name]]).encode())
    assert counts is not None
    assert sum(counts) >= 1


@FEW
@given(rows=ROWS)
def test_no_conversation_is_a_bug(rows: list[Any]) -> None:
    imported("llava-video", json.dumps(rows).encode())


@FEW
@given(content=st.binary(max_size=200), name=st.sampled_from(sorted(SOURCES)))
def test_no_bytes_are_a_bug(content: bytes, name: str) -> None:
    imported(name, content)
    imported(name, content, "txt")


ITEMS: list[dict[str, Any]] = [
    {"a": 'é\U0001f600 [x] "q" \\n', "n": number, "l": [1, {"z": None}]} for number in range(3)
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("indent", [None, 1])
def test_a_file_reads_the_same_in_pieces_of_any_size(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int, indent: int | None
) -> None:
    from retroflip.data.forms import rows
    from retroflip.data.forms.base import Spot

    monkeypatch.setattr(text_stream, "PIECE", size)
    path = tmp_path / "x"
    path.write_text("\ufeff " + json.dumps(ITEMS, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")
    assert list(rows(path)) == [
        (Spot(number + 1, 2 + 10 * number if indent else 1, "record"), item)
        for number, item in enumerate(ITEMS)
    ]
    path.write_text("\n".join(json.dumps(item, ensure_ascii=False) for item in ITEMS), encoding="utf-8")
    assert list(rows(path)) == [(Spot(n, n), item) for n, item in enumerate(ITEMS, start=1)]
    path.write_bytes('a,b\r\n"x\r\ny",é\r\n3,4'.encode())
    assert list(rows(path)) == [
        (Spot(1, 2, "row"), {"a": "x\r\ny", "b": "é"}),
        (Spot(2, 4, "row"), {"a": "3", "b": "4"}),
    ]
