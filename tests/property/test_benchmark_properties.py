"""Whatever stands at any place of a benchmark's files or of recorded answers, it is scored or refused."""

import contextlib
import copy
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorded_files import scores, write_json
from retroflip.errors import DataError

VIDEO = {
    "video": "v.mp4",
    "question": "Q?",
    "candidates": ["x", "y"],
    "answer": "x",
    "start": 0.0,
    "end": 0.5,
}
ORDER = {"video": "t", "Question": "Action A: x. Action B: y.", "Correct Answer": "BA"}
ASKED = {
    "id": 0,
    "task": "EPM",
    "video": "v.mp4",
    "realtime": 0.6,
    "question": "Q?",
    "options": ["x", "y"],
    "gt": 0,
}
CAPTION = {"question": "Which?\nCaption A: up\nCaption B: down", "answer": "Caption A: up"}
CHOICE = {"question_id": "1", "videoID": "v", "question": "Q?", "options": ["A. x", "B. y"], "answer": "A"}
CUT = {
    "metadata": {"frame_rate": 30.0},
    "mc_question": [{"id": 7, "answer_id": 0, "question": "?", "options": ["x", "y"]}],
}
MOMENT = {
    "qid": "1", "question": "When?", "vid": "v", "duration": 9.0, "relevant_windows": [[1.0, 2.0]],
    "options": ["x", "y"], "ans": "A",
}  # fmt: skip
FILES: dict[str, tuple[str, Any, Any]] = {
    "tvbench": (
        "json/action_sequence.json",
        [VIDEO],
        {"acc_dict": {"Action Sequence": [0, 1]}, "res_list": [{"pred": "(A) x", "gt": "(A) x"}]},
    ),
    "vidhalluc": ("tsh.json", {"0": ORDER}, {"0": {**ORDER, "Model Answer": "B then A"}}),
    "ovobench": (
        "data/ovo_bench_new.json",
        [ASKED],
        {"backward": [{"id": 0, "task": "EPM", "response": "A", "ground_truth": "A"}], "realtime": []},
    ),
    "tempcompass": (
        "questions/caption_matching.json",
        {"7": {"order": [CAPTION]}},
        {"7": {"order": [{**CAPTION, "prediction": "Caption A"}]}},
    ),
    "mvbench": (
        "json/action_sequence.json",
        [VIDEO],
        {"acc_dict": {"action_sequence": [0, 1]}, "res_list": [{"pred": "(A) x", "gt": "(A) x"}]},
    ),
    "videomme": ("videomme.json", [CHOICE], [{"questions": [{**CHOICE, "response": "A"}]}]),
    "cvbench": (
        "CVBench.json",
        [{"id": 0, "video_1": "v.mp4", **CHOICE}],
        {"results": [{"id": 0, "output": "A", "prediction": "A", "reward": 1.0}]},
    ),
    "perceptiontest": (
        "mc_question_valid.json",
        {"v": CUT},
        {"v": [{"id": 7, "answer_id": 0, "answer": "x"}]},
    ),
    "rextime": (
        "data/rextime_val.jsonl",
        [MOMENT],
        [{"qid": "1", "pred_relevant_windows": [[1.0, 2.0, 0.9]], "ans": "A"}],
    ),
    "nextgqa": (
        "gsub_test.json",
        {"1": {"duration": 9.0, "location": {"2": [[1.0, 2.0]]}}},
        {"1_2": [1.0, 2.0]},
    ),
    "charades": (
        "notes.json",
        [0],
        [{"qid": "charades_0", "pred": [1.0, 2.0], "target": [1.0, 3.0], "output_text": "1 to 2"}],
    ),
}
"""by benchmark: its file, what that holds, and answers to it"""
BESIDE = {
    "perceptiontest": {"cut_frame_mapping_valid.json": '{"v": 60}'},
    "nextgqa": {"test.csv": "video_id,qid,question,answer,a0,a1,a2,a3,a4\n1,2,What?,x,x,y,z,u,w\n"},
    "charades": {
        "charades_sta_test.txt": "v 1.0 3.0##it runs.\n", "Charades_v1_test.csv": "id,length\nv,9.0\n",
    },
}  # fmt: skip
"""what else a benchmark's root must hold"""
STRANGE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("\ud800"), st.just("../../x"),
    st.just(10**400),
    st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=3),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where every value of a JSON value stands."""
    for key, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield (*path, key)
        yield from places(inner, (*path, key))


def put(value: Any, place: tuple[Any, ...], strange: Any) -> Any:
    """Return a copy of a JSON value with another at one place."""
    found = copy.deepcopy(value)
    holder = found
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = strange
    return found


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_any_value_anywhere_is_scored_or_refused(name: str, data: st.DataObject) -> None:
    path, published, recorded = FILES[name]
    strange, of_answers = data.draw(STRANGE), data.draw(st.booleans())
    place = data.draw(st.sampled_from(list(places(recorded if of_answers else published))))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        write_json(root / path, published if of_answers else put(published, place, strange))
        for name_of_other, text in BESIDE.get(name, {}).items():
            (root / name_of_other).write_text(text)
        file = Path(folder) / "answers.json"
        file.write_text(json.dumps(put(recorded, place, strange) if of_answers else recorded))
        with contextlib.suppress(DataError):
            found = scores(name, root, file)
            json.dumps(found)
            assert 0.0 <= (found["ours"]["acc"] or 0.0) <= 100.0
