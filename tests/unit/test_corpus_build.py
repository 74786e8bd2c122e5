"""`data build`: CRPO's corpus of hand-made files in VideoAuto-R1's forms, its counts, a rerun and what is missing."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from published_files import FILES, publish
from retroflip.cli import app
from retroflip.corpus.build import build
from retroflip.corpus.recipe import CorpusRecipe, read_corpus
from retroflip.data.records import read_samples
from retroflip.data.sample import Modality, TaskType
from retroflip.errors import RecipeError, UsageError
from retroflip.progress import Silence
from retroflip.recipes.schema import DataSection
from retroflip.train.datasets import dataset_of
from retroflip.workers import LocalEngine, RayEngine

RECIPE = Path(__file__).parents[2] / "recipes" / "paper" / "crpo_data.yaml"


def smaller(**counts: int) -> CorpusRecipe:
    """Return CRPO's recipe, with other counts."""
    recipe = read_corpus(RECIPE)
    parts = {
        name: part.model_copy(update={"count": counts.get(name.replace("-", "_"), part.count)})
        for name, part in recipe.parts.items()
    }
    return recipe.model_copy(update={"parts": parts, "totals": {}})


def test_crpos_recipe_counts_as_its_tables_do() -> None:
    recipe = read_corpus(RECIPE)
    counts = {name: part.count for name, part in recipe.parts.items() if part.count is not None}
    assert counts == {"video-r1": 17_778, "tvbench": 1_380, "sti-bench": 1_530, "mmr-v": 477}
    assert sum(counts.values()) == recipe.totals["video"].count == 21_165
    assert (recipe.totals["image"].count, recipe.totals["text"].count) == (27_500, 6_400)


def test_a_corpus_is_labelled_and_mixed_and_its_counts_are_held_to_the_paper(tmp_path: Path) -> None:
    root, out = publish(tmp_path / "data"), tmp_path / "out"
    done = CliRunner().invoke(
        app, ["data", "build", str(RECIPE), "--root", str(root), "--out", str(out), "--json"]
    )
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["counts"]["video-r1"] == {"expected": 17_778, "within": 0, "found": 3}
    assert not report["as_counted"]
    assert any(
        text.startswith("video-r1: 3 records, the paper counts 17778") for text in report["deviations"]
    )
    assert any("DeepSeek-R1" in text for text in report["deviations"])
    videos = read_samples(out / "video-r1.jsonl")
    assert {one.task_type for one in videos} == {TaskType.SPATIOTEMPORAL}
    assert {one.routing.router for one in videos if one.routing} == {"rules"}
    mixture = DataSection(records=str(out / "mixture.yaml"), modalities=tuple(Modality))
    mixed = dataset_of(mixture, None).dataset
    assert len(mixed) == mixed.epoch_length == 9
    assert mixed.files(mixed.samples[0]) == [root.resolve() / "Video-R1" / "videos" / "CLEVRER" / "0.mp4"]


def test_counts_that_are_right_are_said_to_be(tmp_path: Path) -> None:
    recipe = smaller(video_r1=3, tvbench=1, sti_bench=1, mmr_v=1)
    report = build(recipe, publish(tmp_path / "data"), tmp_path / "out", Silence())
    assert report["as_counted"]
    assert not any("the paper counts" in text for text in report["deviations"])


def test_a_rerun_makes_only_what_is_not_made_of_the_same_files(tmp_path: Path) -> None:
    root, out = publish(tmp_path / "data"), tmp_path / "out"
    recipe = smaller()
    first = build(recipe, root, out, Silence())
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.glob("*.jsonl")}
    (out / "dapo-math.jsonl").unlink()
    rows = [*FILES["DAPO-Math/dapo_math_filter-6k.json"], {"prompt": "What is 2 + 2?", "solution": "4"}]
    again = build(recipe, root, out, Silence())
    assert again == first
    after = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.glob("*.jsonl")}
    assert {name for name in before if before[name][0] != after[name][0]} == {"dapo-math.jsonl"}
    assert {name: one[1] for name, one in before.items()} == {name: one[1] for name, one in after.items()}
    (root / "DAPO-Math" / "dapo_math_filter-6k.json").write_text(json.dumps(rows))
    assert build(recipe, root, out, Silence())["parts"]["dapo-math"]["records"] == 2


def test_parts_that_are_made_at_once_have_the_same_bytes(tmp_path: Path) -> None:
    root = publish(tmp_path / "data")
    here, there = tmp_path / "here", tmp_path / "there"
    reports = [
        build(smaller(), root, here, Silence()),
        build(smaller(), root, there, Silence(), LocalEngine(2)),
    ]
    assert reports[0] == reports[1]
    names = sorted(path.relative_to(here) for path in here.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(there) for path in there.rglob("*") if path.is_file())
    names.remove(Path(".lock"))
    assert [name for name in names if (here / name).read_bytes() != (there / name).read_bytes()] == []


@pytest.mark.slow
def test_a_ray_cluster_makes_the_same_bytes(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray", reason="needs the extra `ray`")
    root = publish(tmp_path / "data")
    build(smaller(), root, tmp_path / "here", Silence())
    build(smaller(), root, tmp_path / "there", Silence(), RayEngine())
    ray.shutdown()
    for path in (tmp_path / "here").glob("*.jsonl"):
        assert path.read_bytes() == (tmp_path / "there" / path.name).read_bytes()


def test_all_missing_files_are_named_at_once(tmp_path: Path) -> None:
    root = publish(tmp_path / "data")
    (root / "ViRL" / "virl-filter-23k.json").unlink()
    (root / "DAPO-Math" / "dapo_math_filter-6k.json").unlink()
    with pytest.raises(UsageError, match=r"2 of 7 .* virl39k .*dapo-math"):
        build(read_corpus(RECIPE), root, tmp_path / "out", Silence())
    assert not (tmp_path / "out").exists()


def test_media_that_are_there_are_looked_for(tmp_path: Path) -> None:
    root = publish(tmp_path / "data")
    (root / "Video-R1" / "videos" / "CLEVRER").mkdir(parents=True)
    (root / "Video-R1" / "videos" / "CLEVRER" / "1.mp4").write_bytes(b"")
    report = build(smaller(), root, tmp_path / "out", Silence())
    assert report["parts"]["video-r1"]["rejected"] == {"missing file": 2}
    unseen = [text for text in report["deviations"] if "were not looked for" in text]
    assert [text.partition(":")[0] for text in unseen] == ["tvbench", "sti-bench", "mmr-v"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parts": {"a": {"source": "nothing", "path": "x"}}}, "no source named"),
        ({"totals": {"all": {"parts": ["z"], "count": 1}}}, "none of the parts"),
        ({"kind": "rl"}, "kind"),
        ({"titel": "x"}, "titel"),
    ],
)
def test_a_wrong_recipe_is_told(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    values = {"kind": "data", "title": "x", "parts": {"a": {"source": "dapo-math", "path": "x"}}, **change}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(RecipeError, match=said):
        read_corpus(tmp_path / "r.yaml")
