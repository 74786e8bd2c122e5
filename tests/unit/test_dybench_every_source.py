"""A benchmark built from hand-made files in every source's real form: both sides show what their answers say."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dybench_roots import (
    boxes,
    clevrer,
    clevrer_object,
    got10k,
    recording,
    ssv2_row,
    texture,
    views,
    written,
)
from retroflip.bench.dybench.base import Axis, Candidate, SubTask
from retroflip.bench.dybench.build import build
from retroflip.bench.dybench.plans import read_planned
from retroflip.bench.dybench.recipe import load_dybench_recipe
from retroflip.bench.dybench.sources import SOURCES
from retroflip.bench.dybench.survey import require_whole, survey
from retroflip.bench.selfcheck import check_rewards
from retroflip.data.records import read_samples
from retroflip.data.sample import Sample
from retroflip.errors import UsageError
from retroflip.progress import Silence
from retroflip.recipes.shipped import recipe_file
from retroflip.video.decode import all_frames
from retroflip.video.encode import encode
from retroflip.video.frames import Pixels
from retroflip.workers import LocalEngine

QUOTAS: dict[str, dict[str, None]] = {
    "reversible_dynamics": {"ssv2": None, "mhbench": None, "tempcompass": None},
    "moving_direction": {"got10k": None, "clevrer": None},
    "moving_direction_8": {"got10k": None},
    "camera_motion": {"got10k": None},
    "event_sequence": {"breakfast": None, "50salads": None, "vidhalluc": None, "tempcompass": None},
}
COUNTS = {
    ("reversible_dynamics", "ssv2"): 1,
    ("reversible_dynamics", "mhbench"): 1,
    ("reversible_dynamics", "tempcompass"): 1,
    ("moving_direction", "got10k"): 1,
    ("moving_direction", "clevrer"): 1,
    ("moving_direction_8", "got10k"): 1,
    ("camera_motion", "got10k"): 1,
    ("event_sequence", "breakfast"): 1,
    ("event_sequence", "50salads"): 1,
    ("event_sequence", "vidhalluc"): 1,
    ("event_sequence", "tempcompass"): 1,
}


Frames = np.ndarray[Any, Any]
"""(T, 3, H, W)"""


def rolling(seed: int, frames: int = 18) -> Pixels:
    """Frames in which a patch moves to the right over a picture of its own."""
    picture = np.repeat(np.asarray(texture(64, 96, seed))[None], frames, axis=0).copy()
    for index in range(frames):
        picture[index, 20:40, 4 + 3 * index : 24 + 3 * index] = 255 - np.asarray(texture(20, 20, seed + 1))
    return np.repeat(picture[:, None], 3, axis=1)


def film(path: Path, *scenes: Pixels, fps: int = 12) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(path, np.concatenate(scenes), fps)


def reversible_roots(root: Path) -> None:
    written(root / "ssv2/labels/validation.json", [ssv2_row("7", "Opening [something]", "drawer")])
    film(root / "ssv2/20bn-something-something-v2/7.mp4", rolling(1))
    options = {"A": "covering something", "B": "uncovering something", "C": "neither action A nor B happened"}
    row = {"id": 0, "motion_id": "1", "video_id": "8", "question": "?", "answer": "B", "options": options}
    written(root / "mhbench/classification.json", [row])
    film(root / "mhbench/videos/8.mp4", rolling(3))


def moving_roots(root: Path) -> None:
    got10k(root / "got10k", "moves", views(14), boxes(14, (20, 70), (240, 72)))
    got10k(root / "got10k", "pans", views(14, right=-150.0), boxes(14, (140, 70), (142, 70)))
    rolls = clevrer_object(0, "red metal sphere", (0.0, -1.0), (0.0, 1.0))
    clevrer(root / "clevrer", 10000, [rolls])
    film(root / "clevrer/video_10000-11000/video_10000.mp4", rolling(5))


def ordered_roots(root: Path) -> None:
    recording(
        root / "breakfast/groundTruth/P03_cam01_P03_tea.txt",
        root / "breakfast/BreakfastII_15fps_qvga_sync/P03/cam01/P03_tea.avi",
        [("SIL", 1.0), ("take_cup", 1.2), ("pour_water", 1.0), ("add_teabag", 1.6), ("SIL", 1.0)],
        15,
    )
    recording(
        root / "50salads/groundTruth/rgb-01-1.txt",
        root / "50salads/rgb-01-1.avi",
        [("cut_tomato_prep", 0.6), ("cut_tomato_core", 0.6), ("add_oil_core", 0.5), ("mix_core", 1.1)],
        30,
    )
    asked = {"video": "x", "Question": "Action A: a man runs. Action B: a dog swims.", "Correct Answer": "BA"}
    written(root / "vidhalluc/tsh.json", {"0": asked})
    film(root / "vidhalluc/data/TSH/x.mp4", rolling(7), 255 - rolling(9) // 2)
    way = "Which way?\nA. left\nB. right"
    first = "Which is first?\nA. the man\nB. the dog"
    questions = {
        "12": {"direction": [{"question": way, "answer": "B. right"}]},
        "12_reverse": {"direction": [{"question": way, "answer": "A. left"}]},
        "1_2_1": {"order": [{"question": first, "answer": "A. the man"}]},
        "1_2_2": {"order": [{"question": first, "answer": "B. the dog"}]},
    }
    written(root / "tempcompass/questions/multi-choice.json", questions)
    film(root / "tempcompass/videos/12.mp4", rolling(11))
    film(root / "tempcompass/videos/12_reverse.mp4", rolling(11)[::-1])
    film(root / "tempcompass/videos/1_2_1.mp4", rolling(13), rolling(15))
    film(root / "tempcompass/videos/1_2_2.mp4", rolling(15), rolling(13))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    for make in (reversible_roots, moving_roots, ordered_roots):
        make(folder)
    return folder


@pytest.fixture(scope="module")
def out(root: Path) -> Path:
    """The benchmark that is built of every source."""
    names = dict.fromkeys(name for named in QUOTAS.values() for name in named)
    recipe = {"kind": "dybench", "quotas": QUOTAS, "sources": {name: {"root": name} for name in names}}
    (root / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    loaded = load_dybench_recipe(root / "recipe.yaml")
    found = survey(loaded, {}, Silence())
    require_whole(found)
    build(loaded, {}, found, root / "out", LocalEngine(1), Silence())
    return root / "out"


def sides(out: Path) -> Iterator[tuple[Candidate, Sample, Sample]]:
    """Yield every pair with what it was made of."""
    samples = read_samples(out / "records.jsonl")
    plans = [one.plan for one in read_planned(out / "candidates.jsonl")]
    for plan, one, other in zip(plans, samples[::2], samples[1::2], strict=True):
        assert isinstance(plan, Candidate)
        yield plan, one, other


def shown(out: Path, sample: Sample) -> Frames:
    return np.stack([picture for picture, _ in all_frames(out / sample.video)]).astype(int)


def test_every_source_makes_its_pairs(out: Path) -> None:
    assert Counter((one.task, one.source) for _, one, _ in sides(out)) == COUNTS
    checked = check_rewards(read_samples(out / "records.jsonl"))
    assert (checked.pairs, checked.faults) == (len(COUNTS), [])


def done_to(axis: Axis, first: Frames, second: Frames) -> Frames:
    """Return what the second side is to show, given the first; parts in the other order are a turn of the frames."""
    match axis:
        case Axis.FLIP:
            return first[..., ::-1]
        case Axis.REVERSAL:
            return first[::-1]
        case Axis.ORDER:
            turns = (np.roll(first, shift, axis=0) for shift in range(1, len(first)))
            return min(turns, key=lambda turned: float(np.abs(turned - second).mean()))
        case Axis.GIVEN:
            return second


def test_both_sides_show_what_was_done(out: Path) -> None:
    for plan, one, other in sides(out):
        first, second = shown(out, one), shown(out, other)
        assert np.abs(done_to(plan.axis, first, second) - second).mean() < 6, one.id
        assert np.abs(first - second).mean() > 3, one.id


def test_answers_are_those_of_the_labels(out: Path) -> None:
    told = {
        one.source: (one.lettered[one.solution], other.lettered[other.solution])
        for _, one, other in sides(out)
    }
    assert told["ssv2"] == ("opening the drawer", "closing the drawer")
    assert told["mhbench"] == ("uncovering something", "covering something")
    assert told["clevrer"] == ("right", "left")
    assert told["breakfast"] == ("take cup, then add teabag", "add teabag, then take cup")
    assert told["50salads"] == ("cut tomato, then mix", "mix, then cut tomato")
    assert told["vidhalluc"] == ("a dog swims, then a man runs", "a man runs, then a dog swims")


def test_the_card_says_what_else_holds_the_clips(out: Path) -> None:
    assert (
        "Also in MVBench (CLEVRER's validation clips): the clips of 1 pair of clevrer."
        in (out / "README.md").read_text()
    )


def test_an_annotation_that_stands_twice(root: Path, tmp_path: Path) -> None:
    rows = [ssv2_row("7", "Opening [something]", thing) for thing in ("drawer", "box")]
    written(tmp_path / "labels/validation.json", rows)
    film(tmp_path / "20bn-something-something-v2/7.mp4", rolling(1, frames=2))
    recipe = load_dybench_recipe(root / "recipe.yaml")
    found = survey(recipe, {"ssv2": tmp_path}, Silence())
    assert [one.reason for one in found.refused if one.key == "ssv2/7"] == ["its annotation stands twice"]
    assert [one.key for one in found.queues[SubTask.REVERSIBLE, "ssv2"]] == ["ssv2/7"]


def test_what_is_missing_is_said_by_source(root: Path, tmp_path: Path) -> None:
    recipe = load_dybench_recipe(recipe_file("dybench/paper.yaml"))
    roots = {name: root / name for name in ("ssv2", "mhbench", "clevrer")} | {"got10k": tmp_path}
    missing = {one.source: one.what for one in survey(recipe, roots, Silence()).missing}
    assert set(missing) == set(recipe.sources) - {"ssv2", "mhbench", "clevrer"}
    assert (
        missing["got10k"]
        == f"{tmp_path} does not hold val or train (the sequences of a split, and its list.txt)"
    )
    assert "groundTruth or segmentation_coarse (labels" in missing["breakfast"]
    assert "https://github.com/llyx97/TempCompass" in missing["tempcompass"]


@pytest.mark.usefixtures("out")
def test_a_split_that_is_not_there_is_missing_as_a_folder_is(root: Path) -> None:
    recipe = load_dybench_recipe(
        root / "recipe.yaml",
        ["sources.got10k.settings={split: train}", "sources.ssv2.settings={split: train}"],
    )
    (root / "got10k" / "train").mkdir(exist_ok=True)
    found = survey(recipe, {}, Silence())
    missing = {one.source: one.what for one in found.missing}
    assert set(missing) == {"got10k", "ssv2"}
    assert "train/list.txt: there is no such list of sequences" in missing["got10k"]
    assert "labels/train.json" in missing["ssv2"]
    with pytest.raises(UsageError, match=r"got10k: .*--partial"):
        require_whole(found)
    assert sum(map(len, found.queues.values())) > 0


@pytest.mark.usefixtures("out")
def test_several_processes_find_the_same(root: Path) -> None:
    recipe = load_dybench_recipe(root / "recipe.yaml")
    here, apart = (
        survey(recipe, {}, Silence(), engine=engine) for engine in (None, LocalEngine(2, apart=True))
    )
    assert here == apart
    assert here.digest() == apart.digest()


def test_the_papers_recipe_asks_for_what_the_paper_has() -> None:
    wanted = load_dybench_recipe(recipe_file("dybench/paper.yaml")).wanted
    sums = Counter[str]()
    for (task, _), count in wanted.items():
        sums[task.value] += count or 0
    assert sums == {"reversible_dynamics": 600, "moving_direction": 500, "event_sequence": 407}
    assert sum(sums.values()) == 1507


@pytest.mark.parametrize("name", sorted(set(SOURCES) - {"synthetic", "laboratory"}))
def test_needs_are_met_by_roots_in_the_real_form(root: Path, name: str, tmp_path: Path) -> None:
    needs = SOURCES[name].needs
    assert needs
    assert not any(need.is_met(tmp_path) for need in needs)
    if name != "folder":
        assert all(need.is_met(root / name) for need in needs)
