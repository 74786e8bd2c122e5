"""A dry run refuses what could not start, in one paragraph with the fix, before anything is decoded."""

import json
from pathlib import Path
from typing import Any

import pytest

from random_models import save_random_model
from random_scorers import random_siglip2, save_scorer
from retroflip.data.manifest import MANIFEST_NAME
from retroflip.errors import DataError, RecipeError, RetroflipError, TooManyFailuresError, UsageError
from retroflip.files.storage import read_jsonl, write_jsonl_atomic
from retroflip.jobs.cost import cost
from retroflip.jobs.recipes import AnyRecipe, load_recipe
from retroflip.jobs.starting import require_start
from retroflip.lab.clip_sets import write_pairs
from retroflip.progress import Silence
from retroflip.train.machine import GIB, Machine, here

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Fourteen questions about as many videos."""
    write_pairs(tmp_path / "pairs", per_task=2, seed=0, size=64, progress=Silence())
    return tmp_path / "pairs" / "records.jsonl"


def recipe(records: Path, *overrides: str, name: str = "crpo") -> AnyRecipe:
    """Return a tiny recipe on these records."""
    return load_recipe(RECIPES / "tiny" / f"{name}.yaml", [f"data.records={records}", *overrides])


def refusal(kind: type[RetroflipError], records: Path, *overrides: str, name: str = "crpo") -> str:
    """Return why it cannot start, in one paragraph."""
    with pytest.raises(kind) as caught:
        require_start(recipe(records, *overrides, name=name))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rewrite(records: Path, **changes: Any) -> None:
    """Change or, with None, remove keys of all records, which makes them no longer those of the manifest."""
    (records.parent / MANIFEST_NAME).unlink(missing_ok=True)
    rows = [{**row, **changes} for row in read_jsonl(records)]
    write_jsonl_atomic(records, [{k: v for k, v in row.items() if v is not None} for row in rows])


def test_what_can_start_is_not_refused(records: Path) -> None:
    require_start(recipe(records))
    require_start(recipe(records, "method=grpo"))
    rewrite(records, process="<think>It moves left.</think>")
    require_start(recipe(records, "train.batch_size=14", "train.gradient_accumulation=1", name="sft"))


def test_too_few_samples_for_a_step(records: Path) -> None:
    few = ["train.samples_per_step=30", "train.gradient_accumulation=1"]
    message = refusal(DataError, records, *few)
    assert "has 14 usable samples, and one step takes 30" in message
    assert "train.samples_per_step to 14 or less, and train.gradient_accumulation to a divisor" in message
    rewrite(records, process="Thinking.")
    few = ["train.batch_size=30", "train.gradient_accumulation=1"]
    assert "train.batch_size to 14 or less" in refusal(DataError, records, *few, name="sft")


def test_videos_that_are_not_there(records: Path) -> None:
    for number, row in enumerate(read_jsonl(records)):
        if number < 3:
            (records.parent / row["path"]).unlink()
    message = refusal(TooManyFailuresError, records)
    assert message.startswith("The files of 3 of 14 samples are not there; the first: ")
    require_start(recipe(records, "data.max_failed_share=0.25"))


def test_frames_for_which_no_prompt_has_room_are_refused_before_a_video_is_decoded(records: Path) -> None:
    for row in read_jsonl(records):
        (records.parent / row["path"]).write_bytes(b"no video")
    message = refusal(UsageError, records, "data.frames=100000")
    assert message.startswith("data.frames is 100,000, which a model is shown of every video")
    assert "50,000 tokens at the very least, and 'retroflip-tiny' takes 8,192" in message
    with pytest.raises(UsageError, match="to far fewer"):
        cost(recipe(records, "data.frames=16386"), here())
    require_start(recipe(records, "data.frames=16384"))
    require_start(recipe(records, "data.frames=100000", "data.sampler=fps", "data.fps=1"))


def test_no_file_is_opened(records: Path) -> None:
    for row in read_jsonl(records):
        (records.parent / row["path"]).write_bytes(b"no video")
    require_start(recipe(records))


@pytest.mark.parametrize(("key", "name"), [("task_type", "crpo"), ("process", "sft")])
def test_records_without_what_the_training_needs(records: Path, key: str, name: str) -> None:
    rewrite(records, **{key: None})
    assert key in refusal(DataError, records, name=name)


def test_a_missing_model_and_missing_records(records: Path, tmp_path: Path) -> None:
    assert "could not be loaded" in refusal(UsageError, records, f"model.path={tmp_path / 'none'}")
    assert "none.jsonl" in refusal(DataError, tmp_path / "none.jsonl")


def test_a_damaged_model(records: Path, tmp_path: Path) -> None:
    folder = save_random_model("qwen3_vl", tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["num_hidden_layers"] = 10**9
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UsageError, match="num_hidden_layers is 1000000000"):
        cost(recipe(records, f"model.path={folder}"), here())


class TestScorer:
    """The checkpoint of a frame scorer that has a model of its own."""

    def overrides(self, path: Path) -> list[str]:
        return ["data.pool=16", f"method.scorer={{name: siglip2, path: {path}}}"]

    def test_a_missing_and_a_damaged_one_are_named(self, records: Path, tmp_path: Path) -> None:
        folder = save_scorer(random_siglip2(), tmp_path / "scorer")
        require_start(recipe(records, *self.overrides(folder), name="strive"))
        (folder / "model.safetensors").write_bytes(b"")
        assert "damaged or cut short" in refusal(UsageError, records, *self.overrides(folder), name="strive")
        gone = self.overrides(tmp_path / "nowhere")
        assert "there is no such directory" in refusal(UsageError, records, *gone, name="strive")


def test_an_engine_that_is_told_too_short_a_context(records: Path) -> None:
    with pytest.raises(RecipeError, match=r"train\.engine\.context to \d+ or more"):
        cost(recipe(records, "train.engine={context: 40}"), here())


def test_an_engine_that_is_not_installed(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise UsageError("vLLM is not installed")

    monkeypatch.setattr("retroflip.rl.train.require_vllm", absent)
    assert "vLLM" in refusal(UsageError, records, "train.engine={context: 4000}")


def test_an_engine_that_does_not_know_the_model(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retroflip.rl.train.require_vllm", lambda: None)
    engine = "train.engine={context: 4000}"
    require_start(recipe(records, engine))
    model = save_random_model("qwen2_vl", tmp_path / "model")
    message = refusal(UsageError, records, engine, f"model.path={model}")
    assert "vLLM cannot write the rollouts of a qwen2_vl model" in message


@pytest.mark.parametrize("name", ["crpo", "sft"])
def test_a_tracker_that_is_not_installed(records: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retroflip.train.loop.find_spec", lambda _: None)
    message = refusal(UsageError, records, "train.report_to=trackio", name=name)
    assert "train.report_to names Trackio, which is not installed" in message


def test_block_masks_on_a_machine_without_gpus(records: Path) -> None:
    blocks = recipe(records, "train.attention=blocks")
    with pytest.raises(UsageError, match=r"train\.attention is blocks.*Set it to dense"):
        require_start(blocks, Machine(1, GIB, gpus=False))
    require_start(blocks, Machine(8, 80 * GIB))
