"""`retroflip cot` without models: what it writes, what it refuses, and what a recipe may say."""

import json
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from retroflip.cli.app import app
from retroflip.cot.recipe import CotRecipe, load_cot_recipe
from retroflip.cot.trace_sets import Places, check_apart, estimate, read_tasks
from retroflip.data.records import read_samples
from retroflip.data.root import resolve
from retroflip.errors import DataError, RecipeError, UsageError
from retroflip.files.storage import read_json_object, read_jsonl, write_json_atomic
from retroflip.models import tiny
from retroflip.progress import Silence
from retroflip.recipes.shipped import recipe_file
from retroflip.synth.corpus import CorpusSettings, write_corpus
from retroflip.synth.names import Split
from retroflip.synth.settings import SceneSettings
from retroflip.video.decode import decode
from retroflip.workers import LocalEngine
from scripted_models import write_recipe


def corpus(folder: Path, split: Split, seed: int = 5) -> Path:
    settings = CorpusSettings(
        kinds=("direction",), per_task=1, seed=seed, split=split, scene=SceneSettings(size=64, fps=15)
    )
    write_corpus(folder, settings, engine=LocalEngine(1), progress=Silence())
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("cot") / "data", Split.COT)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["cot", *map(str, arguments)])


def test_traces_without_a_model_are_written_beside_their_videos(data: Path) -> None:
    result = run(data, "--out", data / "traces.jsonl", "--json")
    assert result.exit_code == 0, result.output
    stats = json.loads(result.stdout)
    assert (stats["accepted"], stats["samples"], stats["root"]) == (2, 2, None)
    samples = read_samples(data / "traces.jsonl")
    assert all(sample.trace and (data / sample.video).is_file() for sample in samples)
    assert json.loads((data / "traces.stats.json").read_text())["accepted"] == 2


def test_equal_seeds_give_equal_traces(data: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 9)):
        assert run(data, "--out", tmp_path / name, "--seed", seed).exit_code == 0
    one, two, other = ((tmp_path / name / "records.jsonl").read_bytes() for name in "abc")
    assert one == two
    assert one != other


def test_paths_still_lead_to_the_videos(data: Path, tmp_path: Path) -> None:
    above = run(data, "--out", data.parent / "above.jsonl", "--json")
    elsewhere = run(data, "--out", tmp_path / "new", "--json")
    for result, records in (
        (above, data.parent / "above.jsonl"),
        (elsewhere, tmp_path / "new" / "records.jsonl"),
    ):
        root = json.loads(result.stdout)["root"]
        videos = [resolve(Path(root) if root else records.parent, one.video) for one in read_samples(records)]
        assert [len(decode(video, 2)) for video in videos] == [2, 2]
    assert json.loads(elsewhere.stdout)["root"] == str(data.resolve())


def test_what_sft_must_be_given_is_said_word_for_word(data: Path, tmp_path: Path) -> None:
    above, elsewhere = data.parent / "told.jsonl", tmp_path / "a new place"
    for out, records, root in (
        (above, above, []),
        (elsewhere, elsewhere / "records.jsonl", [f"data.root={data.resolve()}"]),
    ):
        told = json.loads(run(data, "--out", out, "--json").stdout)["sft"]
        assert told == [f"data.records={records}", *root]
        last = run(data, "--out", out).stdout.splitlines()[-1]
        assert shlex.split(last)[-len(told) - 2 :] == ["sft", "RECIPE", *told]


def test_records_of_something_else_are_not_overwritten(data: Path) -> None:
    result = run(data, "--out", data)
    assert result.exit_code == 2
    assert "was not written by `retroflip cot`" in result.output


def test_data_for_reinforcement_learning_get_no_traces(tmp_path: Path) -> None:
    result = run(corpus(tmp_path / "rl", Split.RL), "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "--split cot" in result.output


def test_a_folder_that_is_no_data_set_is_named(tmp_path: Path) -> None:
    assert run(tmp_path, "--out", tmp_path / "out").exit_code == 2


def test_two_data_sets_that_share_anything_are_told_apart_by_hash(data: Path, tmp_path: Path) -> None:
    other = corpus(tmp_path / "rl", Split.RL)
    check_apart(read_tasks(data), [other])
    with pytest.raises(DataError, match="has the same content as"):
        check_apart(read_tasks(data), [other, data])
    path = next((other / "metadata").glob("*.json"))
    metadata = read_json_object(path)
    metadata["question"] |= {
        key: read_tasks(data)[0].metadata["question"][key] for key in ("text", "options")
    }
    metadata["question"]["options"].reverse()
    write_json_atomic(path, metadata)
    result = run(data, "--apart-from", other, "--out", tmp_path / "out")
    assert (result.exit_code, "has the same question as" in result.output) == (1, True)
    with pytest.raises(UsageError):
        check_apart(read_tasks(data), [tmp_path])


def test_dry_run_tells_the_most_that_it_can_take_and_calls_nobody(data: Path, tmp_path: Path) -> None:
    recipe = write_recipe(
        tmp_path / "r.yaml", "http://127.0.0.1:9/v1", generator={"max_tokens": 10, "price_output": 1e6}
    )
    result = run(data, recipe, "pipeline.rounds=4", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {role: row["calls"] for role, row in found["by_role"].items()} == {
        "generator": 2 * 4, "judge": 2 * 4 * 3 + 2 * 2 * 3, "polisher": 2 * 2,
    }  # fmt: skip
    assert found["by_role"]["generator"]["completion_tokens"] == 80
    assert found["cost"] == pytest.approx(80.0)
    assert found["recipe"]["pipeline"]["rounds"] == 4
    assert "at most 48 calls" in run(data, recipe, "pipeline.rounds=4", "--dry-run").output


def test_the_shipped_recipe_is_the_papers() -> None:
    recipe = load_cot_recipe(recipe_file("cot/qwen3_vl.yaml"))
    assert "Qwen3-VL-235B-A22B" in recipe.generator.model
    assert "Qwen3-235B-A22B" in recipe.judge.model
    assert recipe.judge.model == recipe.polisher.model
    assert recipe.pipeline.rounds == 5
    assert CotRecipe.model_validate(recipe.resolved()) == recipe


def test_a_model_on_this_machine_writes_judges_and_polishes(data: Path, tmp_path: Path) -> None:
    """The embedded model writes nothing that can be read, so that every draft of every round is its own call."""
    recipe = tmp_path / "r.yaml"
    role = f"{{model: {tiny.NAME}, max_tokens: 8, temperature: 0.9, dtype: float32}}"
    roles = "".join(f"{name}: {role}\n" for name in ("generator", "judge", "polisher"))
    recipe.write_text(f"kind: cot\n{roles}video: {{frames: 2, max_side: 32}}\npipeline: {{rounds: 2}}\n")
    for _ in range(2):
        result = run(data, recipe, "--out", tmp_path / "out")
        assert result.exit_code == 1
        assert "None of the 2 traces was accepted" in result.output
    rows = read_jsonl(tmp_path / "out" / "journal.jsonl")
    assert [row["role"] for row in rows] == ["generator"] * 4
    assert {(row["prompt_tokens"], row["completion_tokens"] <= 8) for row in rows} == {(0, True)}
    stats = read_json_object(tmp_path / "out" / "stats.json")
    assert (stats["cost"], stats["lost_samples"]) == (0.0, {"garbled draft": 2})


def test_a_model_here_and_one_behind_an_endpoint_are_told_apart_by_their_keys(tmp_path: Path) -> None:
    assert load_cot_recipe(recipe_file("cot/local.yaml")).judge.cost(10, 10) == 0.0
    path = write_recipe(tmp_path / "r.yaml", "http://127.0.0.1:9/v1")
    values = yaml.safe_load(path.read_text())
    del values["judge"]["base_url"]
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(RecipeError, match=r"judge\.base_url"):
        load_cot_recipe(path)
    values["judge"] = {"model": "m", "temprature": 1.0}
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(RecipeError, match=r"did you mean judge\.temperature"):
        load_cot_recipe(path)


def test_a_recipe_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = write_recipe(tmp_path / "r.yaml", "http://127.0.0.1:9/v1")
    for override, words in (
        ("generator.modle=x", "did you mean generator.model"),
        ("pipeline.rounds=0", "1 or more"),
        ("generator.base_url=localhost:8000", "http://HOST:PORT/v1"),
        ("prompts.judge='{reply}'", "{reply}"),
        ("prompts.polisher='{'", "Double the braces"),
        ("kind=rl", "must be one of cot"),
    ):
        with pytest.raises(RecipeError, match=words):
            load_cot_recipe(path, [override])


def test_prompts_can_be_set(tmp_path: Path) -> None:
    path = write_recipe(tmp_path / "r.yaml", "http://127.0.0.1:9/v1")
    recipe = load_cot_recipe(path, ["prompts.polisher='Besser: {trace}'"])
    assert recipe.prompts.polisher.format(trace="x", question="y") == "Besser: x"


def test_an_estimate_grows_with_every_stage(data: Path, tmp_path: Path) -> None:
    tasks = read_tasks(data)
    path = write_recipe(tmp_path / "r.yaml", "http://127.0.0.1:9/v1")
    settings = ["pipeline.rounds=2", "pipeline.verdict_attempts=2", "pipeline.polish_attempts=1"]
    least = estimate(tasks, load_cot_recipe(path, settings))["tokens"]
    for name in ("rounds", "verdict_attempts", "polish_attempts"):
        more = [*settings, f"pipeline.{name}=3"]
        assert estimate(tasks, load_cot_recipe(path, more))["tokens"] > least


def test_files_lie_together() -> None:
    assert Places.of(Path("x/out")) == Places(
        Path("x/out/records.jsonl"),
        Path("x/out/journal.jsonl"),
        Path("x/out/stats.json"),
        Path("x/out/claims.jsonl"),
    )
    assert Places.of(Path("x/a.jsonl")).journal == Path("x/a.journal.jsonl")
