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
}
"""by benchmark: its file, what that holds, and answers to it"""
STRANGE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("\ud800"), st.just("../../x"),
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
        file = Path(folder) / "answers.json"
        file.write_text(json.dumps(put(recorded, place, strange) if of_answers else recorded))
        with contextlib.suppress(DataError):
            assert 0.0 <= scores(name, root, file)["ours"]["acc"] <= 100.0
