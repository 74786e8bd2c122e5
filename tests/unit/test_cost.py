"""What a run takes on a machine, and what is said of it."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from retroflip.errors import DecodeLimitError, MissingVideoError, UsageError
from retroflip.files.memory import host_memory
from retroflip.files.storage import read_jsonl, write_jsonl_atomic
from retroflip.jobs.cost import (
    Example,
    best_plan,
    branches_that_fit,
    cost,
    load_of,
    look,
    measure_model,
    verdict,
)
from retroflip.jobs.recipes import load_recipe
from retroflip.lab.clip_sets import write_pairs
from retroflip.progress import Silence
from retroflip.recipes.schema import ModelSection
from retroflip.rl.methods.base import Branch
from retroflip.rl.recipe import RlRecipe
from retroflip.train.machine import GIB, Machine, here, parse
from retroflip.train.memory import Load, Shape, rollout_bytes
from retroflip.video.isolated import ProbePool
from retroflip.video.transforms import Transform
from retroflip.video.views import Transformed

RECIPES = Path(__file__).parents[2] / "recipes"
VIEW = Transformed(Transform.IDENTITY)
EXAMPLE = Example(
    prompt=2130, patches=7680, branches=(Branch("a", VIEW, True, 8), Branch("b", VIEW, True, 8))
)
"""a question of the paper's size under CRPO: 32 frames of 480 x 256"""


def tiny(*overrides: str) -> RlRecipe:
    """Return the tiny CRPO recipe with overrides."""
    recipe = load_recipe(RECIPES / "tiny" / "crpo.yaml", overrides)
    assert isinstance(recipe, RlRecipe)
    return recipe


def paper(*overrides: str) -> RlRecipe:
    """Return the paper's recipe with overrides."""
    recipe = load_recipe(RECIPES / "paper" / "crpo.yaml", overrides)
    assert isinstance(recipe, RlRecipe)
    return recipe


@pytest.fixture(scope="module")
def four_billion() -> Shape:
    """Qwen3-VL-4B under `paper/crpo.yaml`, from its published configuration: `benchmarks/memory.py` has it built."""
    return Shape(
        parameters=4_437_815_808,
        trained=4_131_573_248,
        block=100_930_816,
        outside=501_997_056,
        weight_bytes=4,
        trained_bytes=4,
        compute_bytes=2,
        layers=36,
        width=2560,
        vocabulary=151_936,
        layer_bytes=196_608,
        cache_width=2048,
        depth=24,
        patch_width=1024,
        patch_bytes=65_536,
        pixel_bytes=6144,
        projector_bytes=59_392,
        feature_width=10_240,
        merged=4,
        vision="projector",
    )


def test_two_processes_hold_half_of_the_branches_each() -> None:
    recipe = tiny("train.samples_per_step=4", "train.gradient_accumulation=2")
    longest = recipe.train.max_completion_length
    branches = (Branch("a", VIEW, True, 3), Branch("b", VIEW, True, 3), Branch("c", VIEW, False, 3))
    example = Example(prompt=100, patches=64, branches=branches)

    # 12 branches, 8 of them trained: in one process 4 a pass, in two 2.
    one = Load(
        branches=12,
        at_once=12,
        prompt=100,
        patches=64,
        rollouts=3,
        longest=longest,
        rows=4,
        tokens=100 + 3 * longest,
        copied=4 * 3 * (100 + longest),
        scored=3 * longest,
    )
    assert load_of(recipe, example, 1) == one
    assert load_of(recipe, example, 2) == replace(one, branches=6, at_once=6, rows=2, copied=one.copied // 2)


def test_adapters_are_trained_in_float32_over_weights_of_half_the_bytes() -> None:
    plain = measure_model(ModelSection(), "float32")
    section = ModelSection.model_validate(
        {"dtype": "bfloat16", "lora": {"rank": 2, "alpha": 4, "targets": ["q_proj"]}}
    )
    adapted = measure_model(section, "bfloat16")

    # q_proj of the embedded model: 3 layers, from a width of 64 to 4 heads of 24; A and B of rank 2
    assert adapted.trained == adapted.parameters - plain.parameters == 3 * 2 * (64 + 4 * 24)
    assert (adapted.weight_bytes, adapted.trained_bytes, adapted.compute_bytes) == (2, 4, 2)


def test_the_longest_prompt_seen_stands_for_all(pairs: str, tmp_path: Path) -> None:
    """Texts come first in these records, and files that are not there are left out as a run leaves them out."""
    records = Path(pairs.partition("=")[2])
    rows = read_jsonl(records)
    text = {key: value for key, value in rows[0].items() if key != "path"} | {
        "data_type": "text",
        "problem_id": "t",
    }
    gone = {**rows[0], "path": "./gone.mp4", "problem_id": "g"}
    mixed = tmp_path / "records.jsonl"
    write_jsonl_atomic(mixed, [text, gone, *rows])
    longest = look(tiny(pairs))[1]
    overrides = [f"data.records={mixed}", f"data.root={records.parent}", "data.modalities=[video, text]"]

    found = look(tiny(*overrides))[1]

    assert found.patches == longest.patches > 0
    assert found.prompt >= longest.prompt - 20
    write_jsonl_atomic(mixed, [gone])
    with pytest.raises(MissingVideoError):
        look(tiny(*overrides))


def test_a_video_at_which_a_decoder_hangs_stops_no_dry_run(
    pairs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(_: ProbePool, path: Path, *_args: object, **_settings: object) -> None:
        raise DecodeLimitError(f"{path}: the decoder is not through with it")

    monkeypatch.setenv("RETROFLIP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(ProbePool, "read", hang)
    with pytest.raises(DecodeLimitError, match="not through"):
        look(tiny(pairs))


class TestRolloutsAtOnce:
    """As many branches are written together as fit beside what is there while they are."""

    def test_the_papers_recipe_fits_8_gpus_of_80_gb(self, four_billion: Shape) -> None:
        """One branch: caches of 36 layers x 2048 numbers x 2 bytes x (2130 + 8 x 2048) tokens, 2.5 GiB, and 0.4 more.
        32 branches a process are 95 GiB, so not all are written at once."""
        plan = best_plan(paper(), four_billion, EXAMPLE, parse("8x80GB"))

        each = 36 * 2048 * 2 * (2130 + 8 * 2048) + 2130 * 196_608 + 6 * 4 * 8 * 151_936
        assert rollout_bytes(four_billion, 2130, 8, 2048) == each
        assert plan.setting.sharded
        assert plan.load.branches == 32
        assert 8 <= plan.load.at_once < 32
        assert 60 * GIB < plan.peak < 72_000_000_000
        assert plan.peak + each > 72_000_000_000

    def test_smaller_devices_write_fewer_and_one_at_least(self, four_billion: Shape) -> None:
        sizes = [
            best_plan(paper(), four_billion, EXAMPLE, parse(f"8x{size}GB")).load.at_once
            for size in (16, 48, 141)
        ]
        assert sizes == sorted(sizes)
        assert sizes[0] == 1
        assert sizes[1] < sizes[-1]

    def test_a_number_is_kept(self, four_billion: Shape) -> None:
        recipe = paper("train.branches_at_once=16")
        assert best_plan(recipe, four_billion, EXAMPLE, parse("8x24GB")).load.at_once == 16

    def test_a_run_asks_for_what_its_own_prompts_need(
        self, pairs: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("retroflip.train.machine.here", lambda: Machine(1, 2 * GIB, gpus=False))
        recipe = tiny(pairs)
        shape = measure_model(recipe.model, recipe.train.precision)
        fitting = branches_that_fit(recipe, shape, look(recipe)[1], sharded=False)
        assert fitting(100, 8) == 2 * recipe.train.samples_per_step
        assert fitting(10**6, 8) == 1
        assert fitting(100, 8) >= fitting(20_000, 8) >= fitting(40_000, 8)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An override that names a few pairs."""
    folder = tmp_path_factory.mktemp("cost") / "pairs"
    write_pairs(folder, per_task=3, seed=0, size=64, progress=Silence())
    return f"data.records={folder / 'records.jsonl'}"


class TestVerdict:
    """The last line of a dry run."""

    def test_it_fits_and_how(self, four_billion: Shape) -> None:
        for machine, how in (("8x80GB", "sharded"), ("1x288GB", "1 x 288 GB"), ("4x288GB", "whole on each")):
            target = parse(machine)
            plan = best_plan(paper(), four_billion, EXAMPLE, target)
            said = verdict(paper(), EXAMPLE, target, plan)
            assert said.startswith(f"fits {target}: "), said
            assert how in said

    def test_settings_that_would_fit_are_named(self, pairs: str) -> None:
        roomy = cost(tiny(pairs), Machine(1, 4 * GIB))
        assert roomy["verdict"].startswith("fits 1 x 4 GiB: ")
        # A backward pass of all 64 branches needs more than one question's at a time.
        recipe = tiny(pairs, "train.samples_per_step=64")
        needed = cost(recipe, Machine(1, 64 * GIB))["memory_estimate_gib"]["peak"]
        tight = cost(recipe, Machine(1, int(0.8 * needed * GIB)))["verdict"]
        assert tight.startswith("does not fit 1 x ")
        assert "would: train.gradient_accumulation=64" in tight
        small = cost(recipe, Machine(1, GIB // 4))["verdict"]
        assert "Not even train.gradient_accumulation=64 " in small
        assert " 'model.lora={rank: 16, alpha: 32}' model.dtype=bfloat16 would. Shorter prompts (" in small
        assert " and answers (train.max_completion_length) may" in small

    def test_what_it_says_can_be_typed(self, pairs: str) -> None:
        """A twentieth less than one device needs: settings that a shell takes apart and that do make it fit."""
        recipe = tiny(pairs, "train.samples_per_step=64")
        needed = cost(recipe, Machine(1, 64 * GIB))["memory_estimate_gib"]["peak"]
        target = Machine(1, int(0.95 * needed * GIB))
        listed = cost(recipe, target)["verdict"].rpartition("would: ")[2].rstrip(".")
        for one in listed.split("; "):
            (setting,) = shlex.split(one)
            varied = tiny(pairs, "train.samples_per_step=64", setting)
            assert cost(varied, target)["verdict"].startswith("fits ")

    def test_without_a_gpu_it_is_about_this_machine(
        self, pairs: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        assert "this machine, which has no GPU and" in cost(tiny(pairs), here())["verdict"]


class TestMachine:
    """What a user may say of a machine."""

    @pytest.mark.parametrize("text", ["8x80GB", "8x80", " 8 X 80 GB ", "8*80G"])
    def test_forms(self, text: str) -> None:
        assert parse(text) == Machine(8, 80_000_000_000, said="80 GB")
        assert str(parse(text)) == "8 x 80 GB"

    def test_gib_are_more_than_gb(self) -> None:
        assert parse("2x79.6GiB").bytes == int(79.6 * GIB)
        assert str(parse("2x79.6GiB")) == "2 x 79.6 GiB"
        assert str(Machine(1, 80 * GIB)) == "1 x 80 GiB"

    @pytest.mark.parametrize("text", ["", "80GB", "8x", "0x80", "8x0GB", "8x80TB", "-1x80", "8 GPUs"])
    def test_others_are_refused_with_an_example(self, text: str) -> None:
        with pytest.raises(UsageError, match="8x80GB"):
            parse(text)

    def test_here(self) -> None:
        assert here().bytes > 0

    def test_a_containers_limit_counts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = host_memory()
        assert whole is not None
        monkeypatch.setattr("retroflip.files.memory.LIMITS", (tmp_path / "max", tmp_path / "none"))
        for text, expected in (("max\n", whole), ("1000000", 10**6), (str(2 * whole), whole)):
            (tmp_path / "max").write_text(text)
            assert host_memory() == expected
