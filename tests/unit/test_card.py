"""What goes out with a trained model: how it is asked, and a card whose snippet works without retroflip."""

import ast
import json
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub import ModelCard

from random_models import save_random_model
from retroflip.bench.asking import Asking
from retroflip.bench.generate import generate
from retroflip.bench.records import read_answers
from retroflip.data.dataset import VideoDataset
from retroflip.data.prompts import SYSTEM_PROMPT, with_null_option
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import UsageError
from retroflip.inference.base import Sampling
from retroflip.inference.encoded import prepare
from retroflip.inference.ours import OurEngine
from retroflip.inference.registry import load_engine
from retroflip.jobs.recipes import load_recipe
from retroflip.models import tiny
from retroflip.models.encoding import Prompt
from retroflip.models.loading import CARD_FILE, TRAINED_FILE, load_model, load_processor, save_model
from retroflip.progress import Silence
from retroflip.recipes.schema import Recipe
from retroflip.recipes.shipped import recipe_file
from retroflip.train.card import Cards, card, licence_of
from retroflip.train.conditions import Conditions, Lesson, Trained, chosen, earlier_conditions, read_trained
from retroflip.train.loop import sight_of
from retroflip.train.run_directory import describe_run
from retroflip.video.budget import PixelBudget

RUNS = {
    "as it comes": ["train.max_completion_length=24"],
    "otherwise": [
        "data.frames=6", "data.min_pixels=64 x 64", "data.max_pixels=96 x 96", "data.total_pixels=6 x 64 x 64",
        "prompt.system='Say \"which\", in \\boxed{}.'", "method.null_option=false", "train.max_completion_length=20",
    ],
    "without a system prompt": ["prompt.system=''", "data.frames=4", "train.max_completion_length=16"],
}  # fmt: skip
"""settings of recipes/tiny/crpo.yaml"""


def recipe_of(folder: Path, overrides: Sequence[str]) -> Recipe:
    records = folder / "records.jsonl"
    records.write_text("{}\n")
    return load_recipe(recipe_file("tiny/crpo.yaml"), [f"data.records={records}", *overrides])


def made_by(recipe: Recipe, folder: Path) -> Path:
    """Write what a run of this recipe does, with the start model's weights; return the model's folder."""
    sight = sight_of(recipe.model, recipe.data)
    save_model(load_model(recipe.model.path), sight.processor, folder / "model")
    Cards(recipe, sight.own_bounds, questions=3).write_release(folder / "model")
    return folder / "model"


def snippet_of(model: Path) -> str:
    (snippet,) = re.findall(
        r"^```python\n(.*?)^```$", (model / CARD_FILE).read_text(), re.DOTALL | re.MULTILINE
    )
    assert isinstance(snippet, str)
    return snippet


def sample_of(snippet: str) -> Sample:
    """Return the question that a snippet asks."""
    stated = [node for node in ast.parse(snippet).body if isinstance(node, ast.Assign)]
    names = {ast.unparse(node.targets[0]): node.value for node in stated}
    values: dict[str, Any] = {
        name: ast.literal_eval(value) for name, value in names.items() if name.isupper()
    }
    return Sample(
        id="asked",
        video=values["VIDEO"],
        question=values["QUESTION"],
        options=tuple(values["OPTIONS"]),
        solution="A",
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source_clip="asked",
    )


def asked_here(model: Path, sample: Sample, out: Path) -> tuple[str, Prompt]:
    """Return the model's answer as `retroflip generate` has it, and the prompt that it read."""
    conditions = chosen({}, read_trained(str(model)))
    loaded = load_engine(conditions.wanted(str(model)), "ours")
    dataset = conditions.seen(VideoDataset([sample], model), loaded.fits)
    asking = Asking(Sampling(conditions.max_tokens, 0.0), null_option=conditions.asked.null_option)
    generate(loaded.engine, dataset, out, asking, progress=Silence())
    (record,) = read_answers(out / "answers.jsonl").records
    assert isinstance(loaded.engine, OurEngine)
    encoder = loaded.engine.encoder
    asked = with_null_option(sample) if conditions.asked.null_option else sample
    return record.response, encoder.encode(asked, dataset.load(sample))


def asked_elsewhere(model: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the card's snippet in the model's folder; return its variables."""
    monkeypatch.chdir(model)
    (model / "ask.py").write_text(snippet_of(model))
    return runpy.run_path("ask.py")


def assert_same_inputs(there: Mapping[str, Any], prompt: Prompt) -> None:
    assert there["inputs"]["input_ids"][0].tolist() == prompt.input_ids_L.tolist()
    assert prompt.pixels_PD is not None
    assert torch.equal(there["inputs"]["pixel_values_videos"], prompt.pixels_PD)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("clip", ["h264.mp4", "vp9.webm"])
def test_the_snippet_sees_and_answers_as_generate_does(
    tmp_path: Path,
    clips: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    run: str,
    clip: str,
) -> None:
    model = made_by(recipe_of(tmp_path, RUNS[run]), tmp_path)
    assert "retroflip" not in snippet_of(model)
    shutil.copy(clips / clip, model / "video.mp4")
    answer, prompt = asked_here(model, sample_of(snippet_of(model)), tmp_path / "answers")
    capsys.readouterr()
    there = asked_elsewhere(model, monkeypatch)
    assert capsys.readouterr().out.strip() == answer
    assert_same_inputs(there, prompt)


@pytest.mark.parametrize("family", ["qwen2_vl", "qwen2_5_vl", "glm4v", "glm46v"])
def test_the_snippet_sees_the_same_in_every_family(
    tmp_path: Path, clips: Path, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    start = save_random_model(family, tmp_path / "start")
    bounds = ["data.max_pixels=40 x 60", "data.total_pixels=8 x 40 x 40", "train.max_completion_length=4"]
    model = made_by(recipe_of(tmp_path, [f"model.path={start}", *bounds]), tmp_path)
    shutil.copy(clips / "h264.mp4", model / "video.mp4")
    _, prompt = asked_here(model, sample_of(snippet_of(model)), tmp_path / "answers")
    assert_same_inputs(asked_elsewhere(model, monkeypatch), prompt)


@pytest.mark.slow
def test_the_snippet_needs_nothing_but_what_it_names(tmp_path: Path, clips: Path) -> None:
    model = made_by(recipe_of(tmp_path, RUNS["otherwise"]), tmp_path)
    shutil.copy(clips / "h264.mp4", model / "video.mp4")
    blocked = "import sys\nsys.modules['retroflip'] = None\n"
    (model / "ask.py").write_text(blocked + snippet_of(model))
    done = subprocess.run([sys.executable, "ask.py"], cwd=model, capture_output=True, text=True, check=True)
    answer, _ = asked_here(model, sample_of(snippet_of(model)), tmp_path / "answers")
    assert done.stdout.strip() == answer


class TestCard:
    def test_says_what_the_model_was_trained_on_and_how(self, tmp_path: Path) -> None:
        recipe = recipe_of(tmp_path, RUNS["otherwise"])
        text = (made_by(recipe, tmp_path) / CARD_FILE).read_text()
        head = yaml.safe_load(text.split("---")[1])
        assert head == {
            "library_name": "transformers",
            "pipeline_tag": "video-text-to-text",
            "tags": ["retroflip", "crpo"],
        }
        flat = " ".join(text.split())
        assert "retroflip-tiny, trained on questions about videos in 1 run:" in flat
        assert "| 1 | crpo | 80 | 3 | records.jsonl | ca3d163bab055381 |" in flat
        assert (
            "6 evenly spread frames of a video, within min_pixels = 4096 and max_pixels = 9216 and total_pixels"
            in flat
        )
        assert 'asked without "None of the above"' in flat

    def test_the_hub_reads_its_head_with_the_start_models_licence(self, tmp_path: Path) -> None:
        first = made_by(recipe_of(tmp_path, []), tmp_path)
        start = (
            (first / CARD_FILE)
            .read_text()
            .replace("---\n", "---\nlicense: other\nlicense_name: qwen-research\nlicense_link: LICENSE\n", 1)
        )
        (first / CARD_FILE).write_text(start)
        recipe = recipe_of(tmp_path, [f"model.path={first}"])
        trained = Trained.by_run(recipe, {}, questions=5).model_copy(
            update={"base": "Qwen/Qwen2.5-VL-3B-Instruct"}
        )
        read = ModelCard(card(recipe, trained, "qwen3_vl"))
        assert yaml.safe_load(str(read.data)) == {
            "license": "other",
            "license_name": "qwen-research",
            "base_model": "Qwen/Qwen2.5-VL-3B-Instruct",
            "library_name": "transformers",
            "pipeline_tag": "video-text-to-text",
            "tags": ["retroflip", "crpo"],
        }
        assert "retroflip score answers" in read.text

    @pytest.mark.parametrize(
        ("said", "licence"),
        [
            ("---\nlicense: apache-2.0\n---\n", {"license": "apache-2.0"}),
            (
                "---\nlicense: other\nlicense_link: https://example.org/l\n---\n",
                {"license": "other", "license_link": "https://example.org/l"},
            ),
            ("---\nlicense: [mit, apache-2.0]\n---\n", {}),
            ("---\nlicense_name: mine\n---\n", {}),
            ("---\nlicense: {a: [\n---\n", {}),
            ("---\n- license\n---\n", {}),
            ("---\n---\n", {}),
            ("# No head", {}),
            ("---\nlicense: \xff\n---\n", {}),
        ],
    )
    def test_a_licence_that_cannot_be_read_is_not_guessed(
        self, said: str, licence: dict[str, str], tmp_path: Path
    ) -> None:
        (tmp_path / CARD_FILE).write_bytes(said.encode("latin-1"))
        assert licence_of(str(tmp_path)) == licence

    def test_a_model_without_a_card_has_no_licence_to_tell(self, tmp_path: Path) -> None:
        assert licence_of(str(tmp_path)) == {}
        assert licence_of(tiny.NAME) == {}

    def test_its_recipe_is_that_of_the_run_without_folders_and_servers(self, tmp_path: Path) -> None:
        secret = "train.engine={context: 512, server: 'http://me:password@10.0.0.1:8000'}"  # noqa: S105
        recipe = recipe_of(
            tmp_path, ["model.path=" + str(made_by(recipe_of(tmp_path, []), tmp_path)), secret]
        )
        text = card(recipe, Trained.by_run(recipe, {}, questions=5), "qwen3_vl")
        assert str(tmp_path) not in text
        assert "password" not in text
        assert "10.0.0.1" not in text
        shown = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
        whole = recipe.resolved()
        assert shown["train"]["engine"] == {**whole["train"]["engine"], "server": None}
        assert {**shown["train"], "engine": None} == {**whole["train"], "engine": None}
        assert shown["method"] == whole["method"]
        assert (shown["model"]["path"], shown["data"]["records"]) == ("model", "records.jsonl")

    def test_no_text_of_a_recipe_ends_its_block(self, tmp_path: Path) -> None:
        recipe = recipe_of(tmp_path, ["prompt.system='````\n# Not a heading'"])
        text = card(recipe, Trained.by_run(recipe, {}, questions=1), "qwen3_vl")
        assert "`````yaml\n" in text
        assert text.endswith("`````\n")

    def test_says_which_families_stand_elsewhere_in_transformers(self, tmp_path: Path) -> None:
        recipe = recipe_of(tmp_path, [])
        trained = Trained.by_run(recipe, {}, questions=1)
        assert "vLLM puts it right" in card(recipe, trained, "qwen2_5_vl")
        assert "vLLM puts it right" not in card(recipe, trained, "qwen3_vl")

    def test_what_is_written_in_it_does_not_make_another_start_model(self, tmp_path: Path) -> None:
        model = made_by(recipe_of(tmp_path, []), tmp_path)
        recipe = recipe_of(tmp_path, [f"model.path={model}"]).resolved()
        before = describe_run(recipe)["model_sha256"]
        (model / CARD_FILE).write_text("# My model")
        assert describe_run(recipe)["model_sha256"] == before
        (model / TRAINED_FILE).unlink()
        assert describe_run(recipe)["model_sha256"] != before


class TestTrained:
    def test_a_model_knows_all_runs_behind_it_and_how_the_last_one_asked(self, tmp_path: Path) -> None:
        first = made_by(recipe_of(tmp_path, RUNS["otherwise"]), tmp_path)
        (tmp_path / "second").mkdir()
        recipe = recipe_of(tmp_path / "second", [f"model.path={first}", "data.frames=8", "train.steps=5"])
        found = read_trained(str(made_by(recipe, tmp_path / "second")))
        assert found is not None
        assert found.base == "retroflip-tiny"
        assert [(one.method, one.steps, one.questions) for one in found.lessons] == [
            ("crpo", 80, 3),
            ("crpo", 5, 3),
        ]
        assert found.asked == Conditions(frames=8, null_option=True, max_tokens=72)
        assert found.own_bounds["video"] == {"shortest_edge": 8192, "longest_edge": 32768}

    def test_a_supervised_run_has_no_limit_of_tokens(self, tmp_path: Path) -> None:
        records = tmp_path / "records.jsonl"
        records.write_text("{}\n")
        recipe = load_recipe(
            recipe_file("tiny/sft.yaml"), [f"data.records={records}", "prompt.null_option=false"]
        )
        asked = Conditions.of_run(recipe)
        assert (asked.max_tokens, asked.null_option, asked.system_prompt) == (None, False, None)

    def test_the_embedded_model_and_others_say_nothing(self, tmp_path: Path) -> None:
        assert read_trained(tiny.NAME) is None
        assert read_trained(str(tmp_path)) is None
        assert read_trained("Qwen/Qwen3-VL-4B-Instruct") is None

    def test_a_copy_on_the_hub_knows_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        snapshot = tmp_path / "models--me--mine" / "snapshots" / "abc"
        snapshot.mkdir(parents=True)
        (tmp_path / "models--me--mine" / "refs").mkdir()
        (tmp_path / "models--me--mine" / "refs" / "main").write_text("abc")
        trained = Trained(
            asked=Conditions(frames=12),
            own_bounds={},
            base="me/base",
            lessons=(Lesson(method="sft", steps=1, questions=1, records="r.jsonl", sha256="0"),),
        )
        trained.write(snapshot)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        assert read_trained("me/mine") == trained

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("{", "not JSON"),
            ('{"schema": 2}', "it must be 1"),
            ('{"schema": 1, "asked": {"frames": 0}}', "it must be 1 or more"),
        ],
    )
    def test_a_damaged_file_stops_whoever_reads_it(self, tmp_path: Path, content: str, reason: str) -> None:
        (tmp_path / TRAINED_FILE).write_text(content)
        with pytest.raises(
            UsageError, match=rf"retroflip\.json is not what retroflip wrote .*{reason}.*or delete it"
        ):
            read_trained(str(tmp_path))


class TestChosen:
    TRAINED = Trained(
        asked=Conditions(frames=6, max_pixels=4096, system_prompt="Look.", null_option=False),
        own_bounds={},
        base="x",
        lessons=(),
    )

    def test_options_go_before_the_models_run_and_that_before_the_defaults(self) -> None:
        conditions = chosen({"frames": 10, "system_prompt": None}, self.TRAINED)
        assert conditions.asked == Conditions(frames=10, max_pixels=4096, null_option=False, max_tokens=512)
        assert conditions.described() == {
            "frames": {"value": 10, "from": "flag"},
            "sampler": {"value": "uniform", "from": "model"},
            "fps": {"value": None, "from": "model"},
            "min_pixels": {"value": None, "from": "model"},
            "max_pixels": {"value": 4096, "from": "model"},
            "total_pixels": {"value": None, "from": "model"},
            "system_prompt": {"value": None, "from": "flag"},
            "null_option": {"value": False, "from": "model"},
            "max_tokens": {"value": 512, "from": "default"},
        }
        assert conditions.told() == (
            'as in the model\'s run: sampler="uniform", max_pixels=4096, null_option=false; '
            'by options: frames=10, system_prompt="built-in"; '
            "by default: max_tokens=512"
        )

    def test_a_model_of_an_earlier_version_is_asked_as_its_run_says(self, tmp_path: Path) -> None:
        recipe = {
            "data": {"records": "r.jsonl", "frames": 6, "max_side": 64},
            "method": {"name": "grpo", "null_option": False},
            "train": {"steps": 3, "max_completion_length": 90},
            "prompt": {"system": "Look."},
        }
        (tmp_path / "model").mkdir()
        (tmp_path / "run.json").write_text(json.dumps({"recipe": recipe}))
        earlier = earlier_conditions(str(tmp_path / "model"))
        assert earlier == {"frames": 6, "null_option": False, "max_tokens": 90, "system_prompt": "Look."}
        assert chosen({"frames": 4}, None, earlier).told() == (
            'as in the model\'s run: system_prompt="Look.", null_option=false, max_tokens=90; '
            'by options: frames=4; by default: sampler="uniform"'
        )
        sft = {
            **recipe,
            "method": None,
            "prompt": {"system": None, "null_option": False},
            "train": {"steps": 1},
        }
        (tmp_path / "run.json").write_text(json.dumps({"recipe": sft}))
        found = earlier_conditions(str(tmp_path / "model"))
        assert found == {"frames": 6, "null_option": False}
        for content in (
            "{",
            "[]",
            "{}",
            '{"recipe": 3}',
            '{"recipe": {"data": {"frames": -1}, "train": {}}}',
        ):
            (tmp_path / "run.json").write_text(content)
            assert earlier_conditions(str(tmp_path / "model")) == {}
        assert earlier_conditions(str(tmp_path)) == {}
        assert earlier_conditions("retroflip-tiny") == {}

    def test_a_model_of_other_origin_is_asked_by_default(self) -> None:
        conditions = chosen({}, None)
        assert conditions.asked == Conditions(frames=8, null_option=False, max_tokens=512)
        assert set(conditions.origins.values()) == {"default"}

    def test_other_frames_get_the_budget_anew(self, tmp_path: Path) -> None:
        """What the processor was saved with is the share of the frames in training."""
        model = made_by(recipe_of(tmp_path, ["data.frames=4", "data.max_pixels=32 x 32"]), tmp_path)
        processor = load_processor(str(model))
        assert processor.video_processor.size["longest_edge"] == 4 * 32 * 32
        conditions = chosen({"frames": 8, "max_pixels": 64 * 64}, read_trained(str(model)))
        wanted = conditions.wanted(str(model))
        encoder, fits = prepare(wanted)
        assert encoder.processor.video_processor.size["longest_edge"] == 8 * 64 * 64
        assert wanted.frames == 8
        assert fits.video.size(64, 64) == (64, 64)
        assert conditions.asked.budget == PixelBudget(max_pixels=64 * 64)

    def test_the_built_in_prompt_is_that_of_training(self) -> None:
        encoder, _ = prepare(chosen({}, None).wanted(tiny.NAME))
        assert encoder.system_prompt == SYSTEM_PROMPT
