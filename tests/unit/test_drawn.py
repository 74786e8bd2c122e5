"""Videos drawn when they are needed are those that a data set on disk would hold."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from random_models import save_random_model
from retroflip.data.dataset import VideoDataset
from retroflip.data.sample import ProblemType
from retroflip.draws import draw
from retroflip.errors import DataError, RecipeError, UsageError
from retroflip.files.storage import read_jsonl
from retroflip.jobs.cost import cost
from retroflip.jobs.recipes import load_recipe
from retroflip.progress import Silence
from retroflip.recipes.schema import DataSection, ModelSection
from retroflip.rl import train as rl_run
from retroflip.rl.recipe import RlRecipe
from retroflip.synth.corpus import write_corpus
from retroflip.synth.drawn import DrawnDataset, DrawnSamples, read_settings
from retroflip.synth.episode import Draw, Pair, Redraw
from retroflip.synth.registry import TEMPORAL_KINDS
from retroflip.synth.settings import PRESETS
from retroflip.train.datasets import dataset_of
from retroflip.train.loop import sight_of
from retroflip.train.machine import here
from retroflip.video.decode import decode
from retroflip.workers import LocalEngine

FRAMES = 32
EACH_64 = {"min_pixels": 64 * 64, "max_pixels": 64 * 64, "total_pixels": FRAMES * 64 * 64}
"""a pixel budget that leaves the scenes' size to every frame"""
TINY = Path(__file__).parents[2] / "recipes" / "tiny" / "grpo.yaml"
SETTINGS = """\
kinds: [direction, card_stack]
per_task: 2
seed: 5
scene: {size: 64, difficulty: 1}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fresh.yaml"
    path.write_text(SETTINGS)
    return path


def drawn_from(path: Path, **data: object) -> DrawnDataset:
    section = DataSection.model_validate({"records": str(path), "frames": FRAMES, **EACH_64, **data})
    dataset = dataset_of(section, sight_of(ModelSection(), section).fits).dataset
    assert isinstance(dataset, DrawnDataset)
    return dataset


def test_questions_and_frames_are_those_of_the_data_set_on_disk(file: Path, tmp_path: Path) -> None:
    written = write_corpus(tmp_path / "data", read_settings(file), engine=LocalEngine(1), progress=Silence())
    dataset = drawn_from(file)
    assert list(dataset.samples) == written
    for sample in written:
        (shown,), filmed = dataset.load_all(sample), decode(tmp_path / "data" / sample.video, FRAMES)
        assert shown.pixels_TCHW.shape == filmed.pixels_TCHW.shape
        assert shown.seconds == pytest.approx(filmed.seconds, abs=1e-3)
        assert np.abs(shown.pixels_TCHW.astype(float) - filmed.pixels_TCHW).mean() < 4.0


def test_a_question_is_drawn_only_when_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "endless.yaml"
    path.write_text(SETTINGS.replace("per_task: 2", "per_task: 1000000000"))
    samples = drawn_from(path).samples
    assert len(samples) == 4_000_000_000
    assert samples[3_999_999_999].id == "card_stack-999999999-1"
    assert samples[-1] == samples[3_999_999_999]
    for outside in (4_000_000_000, -4_000_000_001):
        with pytest.raises(IndexError, match=f"no question {outside} among 4000000000"):
            samples[outside]


def test_a_limit_is_kept(file: Path) -> None:
    dataset = drawn_from(file, limit=3)
    assert len(dataset) == 3
    assert [sample.id for sample in dataset.samples[1:]] == ["direction-00000-1", "card_stack-00000-0"]


@pytest.mark.parametrize("side", [32, 64, 96])
def test_videos_are_drawn_as_large_as_the_model_sees_them(file: Path, side: int) -> None:
    budget = {"min_pixels": side**2, "max_pixels": side**2, "total_pixels": FRAMES * side**2}
    dataset = drawn_from(file, **budget)
    (shown,) = dataset.load_all(dataset.samples[0])
    assert shown.pixels_TCHW.shape == (FRAMES, 3, side, side)
    assert shown.fitted


def test_examples_are_of_every_kind(file: Path) -> None:
    assert {sample.task for sample in drawn_from(file).examples} == {"direction", "card_stack"}


def test_questions_can_be_decided_from_the_frames_that_are_shown(file: Path) -> None:
    file.write_text(SETTINGS.replace("direction, card_stack", "direction"))
    dataset = drawn_from(file, frames=8)
    assert isinstance(dataset.samples, DrawnSamples)
    assert dataset.samples.settings.scene.viewed_frames == 8


def test_all_kinds_that_the_frames_shown_cannot_decide_are_named_before_a_run(file: Path) -> None:
    file.write_text(SETTINGS.replace("direction, card_stack", "direction, speed, card_stack"))
    with pytest.raises(
        DataError, match=r"data\.frames=8 .* these kinds: speed, card_stack\. Set data\.frames=32"
    ):
        drawn_from(file, frames=8).require(0.0)
    assert len(drawn_from(file, frames=32)) == 12


def test_kinds_that_frames_do_not_help_are_named_with_what_does(file: Path) -> None:
    file.write_text(
        SETTINGS.replace("direction, card_stack", "direction, rotation, motion_count").replace(
            "difficulty: 1", "difficulty: 1, duration_scale: 0.1"
        )
    )
    with pytest.raises(
        DataError, match=r"settings: motion_count, rotation\. By trial, .*duration_scale=1\.0"
    ):
        drawn_from(file).require(0.0)


def rigged(monkeypatch: pytest.MonkeyPatch, name: str, worlds: Mapping[int, range]) -> None:
    """Let a kind's questions be drawn in these attempts at each turn alone, and no question of other turns."""
    kind = TEMPORAL_KINDS[name]
    works = {
        draw(5, "temporal", "rl", name, turn, 0, attempt).random()
        for turn, attempts in worlds.items()
        for attempt in attempts
    }

    def make(draws: Draw) -> Pair:
        if draws.rng.random() not in works:
            raise Redraw("it is dark")
        return kind.make(draws)

    monkeypatch.setitem(TEMPORAL_KINDS, name, replace(kind, make=make))


def test_exactly_the_kinds_of_which_a_question_cannot_be_drawn_are_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(SETTINGS.replace("direction, card_stack", "direction, card_stack, arithmetic"))
    late = range(30, 90)
    rigged(monkeypatch, "direction", {})
    rigged(monkeypatch, "card_stack", {0: late, 1: late})
    rigged(monkeypatch, "arithmetic", {0: late})
    with pytest.raises(DataError, match=r"with these settings: direction, arithmetic\. By trial, no other"):
        drawn_from(file).require(0.0)


@pytest.mark.parametrize(("name", "task"), [("clip-x", "clip"), ("direction-x", "direction")])
def test_a_question_of_other_data_has_no_video_here(file: Path, name: str, task: str) -> None:
    dataset = drawn_from(file)
    with pytest.raises(KeyError, match=name):
        dataset.load(dataset.samples[0].model_copy(update={"id": name, "task": task}))


def others(dataset: VideoDataset, asked: set[str], count: int) -> list[str]:
    return [sample.id for sample in dataset.others(asked, count, draw(0, "refill", 0, 0))]


def test_questions_in_place_of_others_are_drawn_from_a_set_without_end(tmp_path: Path) -> None:
    path = tmp_path / "endless.yaml"
    path.write_text(SETTINGS.replace("per_task: 2", "per_task: 1000000000"))
    dataset = drawn_from(path)
    assert others(dataset, set(), 0) == []
    first = others(dataset, set(), 3)
    assert len(set(first)) == 3
    assert others(dataset, set(), 3) == first
    assert not set(others(dataset, set(first), 3)) & set(first)


def test_all_questions_that_were_not_asked_take_the_place_of_others_once(file: Path) -> None:
    dataset = drawn_from(file)
    ids = {sample.id for sample in dataset.samples}
    asked = {"direction-00000-0", "card_stack-00001-1"}
    assert sorted(others(dataset, asked, 100)) == sorted(ids - asked)
    assert others(dataset, ids, 3) == []


def test_questions_at_hand_are_taken_in_the_order_that_runs_began_with(file: Path) -> None:
    """A resumed run goes on as it was begun: a permutation of those that were not asked."""
    samples = list(drawn_from(file).samples)
    rest = [sample.id for sample in samples if sample.id != "direction-00000-0"]
    order = draw(0, "refill", 0, 0).permutation(7)
    found = others(VideoDataset(samples, file.parent), {"direction-00000-0"}, 3)
    assert found == [rest[index] for index in order[:3]]


def test_a_dry_run_does_not_draw_every_video(tmp_path: Path) -> None:
    path = tmp_path / "endless.yaml"
    path.write_text(SETTINGS.replace("per_task: 2", "per_task: 1000000000"))
    recipe = load_recipe(TINY, [f"data.records={path}", "data.frames=32"])
    assert cost(recipe, here())["videos"] == 4_000_000_000


def test_wrong_settings_are_told(file: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.labels cannot choose"):
        drawn_from(file, labels={"term": ["short"]})
    file.write_text(SETTINGS.replace("per_task", "per_tusk"))
    with pytest.raises(RecipeError, match="did you mean per_task"):
        drawn_from(file)


def test_a_run_trains_on_drawn_videos_and_draws_no_others(file: Path, tmp_path: Path) -> None:
    file.write_text(SETTINGS.replace("per_task: 2", "per_task: 100000"))
    model = save_random_model("qwen3_vl", tmp_path / "model")
    recipe = RlRecipe.model_validate(
        {
            "model": {"path": str(model)},
            "data": {"records": str(file), "frames": FRAMES, "max_pixels": 32 * 32},
            "method": {"name": "crpo", "rollouts": 2},
            "train": {
                "steps": 1, "samples_per_step": 1, "learning_rate": 1e-4, "beta": 0.0, "epsilon": 0.2,
                "temperature": 1.0, "max_completion_length": 4, "loss_type": "grpo",
            },
        }
    )  # fmt: skip
    rl_run.train(recipe, tmp_path / "run", resume=False, progress=Silence())
    assert len(read_jsonl(tmp_path / "run" / "rollouts.jsonl")) == 4


def test_the_shipped_settings_draw_what_their_recipes_teach_and_ask() -> None:
    videos = Path(__file__).parents[2] / "recipes" / "videos"
    drawn = {path.stem: drawn_from(path, frames=8) for path in sorted(videos.glob("synrl_*.yaml"))}
    assert list(drawn) == ["synrl_lessons", "synrl_questions", "synrl_round2"]
    lesson, question, longer = (dataset.samples[0] for dataset in drawn.values())
    assert lesson.trace is not None
    assert (question.trace, longer.trace) == (None, None)
    scenes = [dataset.samples.settings.scene for dataset in drawn.values()]
    assert scenes[1:] == [
        scenes[0],
        scenes[0].model_copy(update={"duration_scale": PRESETS["round2"]["duration_scale"]}),
    ]


def test_the_shipped_settings_of_spans_ask_when_and_tell_it() -> None:
    videos = Path(__file__).parents[2] / "recipes" / "videos"
    asked, told = (drawn_from(videos / f"{name}.yaml", frames=16) for name in ("spans", "span_lessons"))
    assert {sample.task for sample in asked.samples[:2]} == {"direction", "distance"}
    for question, lesson in zip(asked.samples[:4], told.samples[:4], strict=True):
        assert question.problem_type is lesson.problem_type is ProblemType.GROUNDING
        assert question.trace is None
        assert lesson.trace is not None
        assert question.question != lesson.question or question.solution != lesson.solution


def test_a_model_that_is_shown_other_frames_is_asked_what_these_decide(file: Path) -> None:
    few, many = drawn_from(file, frames=8), drawn_from(file, frames=FRAMES)
    again = few.seen(FRAMES, many.fits)
    assert list(again.samples) == list(many.samples)
    assert (
        again.load_all(again.samples[0])[0].pixels_TCHW.shape
        == many.load_all(many.samples[0])[0].pixels_TCHW.shape
    )


def test_nothing_is_drawn_to_find_out_what_fails(tmp_path: Path) -> None:
    path = tmp_path / "endless.yaml"
    path.write_text(SETTINGS.replace("per_task: 2", "per_task: 1000000000"))
    dataset = drawn_from(path)
    dataset.require(0.0)
    assert dataset.checked(tmp_path / "failures.jsonl", 0.0, Silence()) is dataset
    assert read_jsonl(tmp_path / "failures.jsonl") == []
