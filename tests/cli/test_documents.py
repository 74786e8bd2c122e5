"""What README and the pages of the documentation tell a reader to type, write and run works as it stands."""

import csv
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pyarrow
import pytest

from documents import LANGUAGES, ROOT, WORDS, Visit, blocks, check, pages
from published_files import FILES, publish
from retroflip.data.records import parse_record
from retroflip.data.sources import SOURCES
from retroflip.errors import RecipeError
from retroflip.files.storage import write_jsonl_atomic

EXTEND = "docs/extend.md"
"""tests/unit/test_newcomers.py follows it, in a copy of the package"""
PAGES = list(pages())
VISITED = [page for page in PAGES if page != EXTEND]
SLOW = [page for page in VISITED if any(block.word == "slow" for block in blocks(page))]
METHOD_PAGES = ("arrow_rl", "arrowgev", "crpo", "dr_grpo", "grpo", "strive", "synrl", "t_grpo")
SKIPPED = {
    "README.md": 1,
    "CONTRIBUTING.md": 3,
    "docs/architecture.md": 1,
    "docs/elsewhere.md": 1,
    **{f"docs/methods/{name}.md": 1 for name in METHOD_PAGES},
    "docs/methods/synrl.md": 2,
    "docs/notebooks.md": 1,
    "docs/results/evaluate.md": 1,
    "docs/scale.md": 1,
    "docs/start.md": 1,
    "docs/viewer.md": 1,
}
"""blocks with which nothing is done, by page: installing, testing, programs that are not here, equations, drawings, and
training on videos whose drawing takes minutes"""
SIDES = ({"solution": "A"}, {"options": ["A. right", "B. left"], "solution": "B"})
"""the README's record, and the same with its options in the other order"""


def first(page: str, language: str) -> str:
    """Return the first block of a language of a page."""
    return next(block.text for block in blocks(page) if block.language == language)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: Path) -> Path:
    """A folder as the reader has it: the recipes, records with their videos, and others' files in their forms."""
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    _write_own(tmp_path, clip)
    _write_others(tmp_path, clip)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _write_own(folder: Path, clip: Path) -> None:
    record = json.loads(first("README.md", "json"))
    # as many as a step takes
    records = [
        {**record, "problem_id": n, "problem": f"{record['problem']} ({n})", **SIDES[n % 2]}
        for n in range(32)
    ]
    write_jsonl_atomic(folder / "mine.jsonl", records)
    video = folder / record["path"]
    video.parent.mkdir(parents=True)
    shutil.copy(clip, video)
    with (folder / "theirs.csv").open("w") as stream:
        rows = csv.writer(stream)
        rows.writerow(["q", "choices", "label", "clip"])
        rows.writerows([f"Which is {n}?", '["left", "right"]', "A", "videos/ball.mp4"] for n in range(4))


def _write_others(folder: Path, clip: Path) -> None:
    for name in ("questions/multi-choice.json", "predictions/video-llava/multi-choice.json"):
        recorded = folder / "TempCompass" / name
        recorded.parent.mkdir(parents=True)
        question = {"question": "What?\nA. runs\nB. walks", "answer": "A. runs", "prediction": "A"}
        recorded.write_text(json.dumps({"7": {"action": [question]}}))
    publish(folder / "VideoAuto-R1-Data")
    rows = FILES["Video-R1/Video-R1-filter-17k.json"]
    (folder / "Video-R1-260k.json").write_text(json.dumps(rows))
    (folder / "media" / "CLEVRER").mkdir(parents=True)
    for row in rows:
        shutil.copy(clip, folder / "media" / row["path"])
    saved = folder / "saved_dataset"
    made = pyarrow.Table.from_pylist([{"q": "Which?", "choices": ["x", "y"], "label": "A", "clip": "x.mp4"}])
    (saved / "train").mkdir(parents=True)
    with pyarrow.ipc.new_stream(saved / "train" / "data-00000-of-00001.arrow", made.schema) as stream:
        stream.write_table(made)
    (saved / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("page", VISITED)
def test_a_page_does_what_it_says(page: str) -> None:
    Visit(page).read()


@pytest.mark.slow
@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("page", SLOW)
def test_a_page_does_what_takes_long(page: str) -> None:
    Visit(page, slow=True).read()


@pytest.mark.parametrize("page", PAGES)
def test_no_block_is_passed_over(page: str) -> None:
    fences = re.findall(r"^\s*```", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    found = blocks(page)
    assert len(fences) == 2 * len(found), f"a block is of none of {', '.join(LANGUAGES)}"
    assert {block.word for block in found} <= {"", *WORDS}
    assert [block.line for block in found if block.word not in ("", "output") and not block.said] == []


def test_skipped_blocks_are_those_that_are_counted_here() -> None:
    skipped = Counter(page for page in PAGES for block in blocks(page) if block.word == "skip")
    assert skipped == SKIPPED


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "line",
    [
        "retroflip score runs/x --jsn",
        "retroflip scoer runs/x",
        "uv run retroflip dybench bild recipe.yaml",
        "retroflip synth audit DIR --jason",
        "retroflip generate --model x --batch-size many",
        "python benchmarks/router.py --jsn",
        "a_program --that nobody --knows",
    ],
)
def test_a_command_that_there_is_not_does_not_pass(line: str) -> None:
    with pytest.raises((SystemExit, Exception)):
        check(line)


@pytest.mark.usefixtures("project")
def test_a_recipe_with_a_key_that_there_is_not_does_not_pass() -> None:
    with pytest.raises(RecipeError, match="rollout"):
        check("retroflip train recipes/paper/crpo.yaml method.rolouts=4")


def test_the_record_of_the_readme_is_a_valid_sample() -> None:
    sample = parse_record(json.loads(first("README.md", "json")))
    assert sample.solution == "A"
    assert sample.task_type is not None


def test_the_table_of_sources_names_every_one() -> None:
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)) >= SOURCES.keys()
