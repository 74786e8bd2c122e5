"""Mixtures of data sets: shares, laps, the order of an epoch, curricula, and the files that describe them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retroflip.data.mixture import Curriculum, MixedDataset, Mixing, by_difficulty, laps, quotas, shard
from retroflip.data.sample import Modality
from retroflip.errors import DataError, PathEscapeError, RecipeError, UsageError
from retroflip.jobs.recipes import load_recipe, recipe_from
from retroflip.progress import NOTHING, Facts
from retroflip.recipes.schema import DataSection
from retroflip.train.datasets import dataset_of
from retroflip.train.datasets.mixed import mixture_of
from retroflip.train.run_directory import describe_run


def records(folder: Path, name: str, count: int, **more: Any) -> None:
    """Write questions about an image each, or texts."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        row: dict[str, Any] = {
            "problem_id": f"{number}",
            "problem": f"What is {number}?",
            "data_type": "text",
            "problem_type": "numerical",
            "solution": str(number),
            **more,
        }
        if row["data_type"] == "image":
            Image.new("RGB", (32, 32), (number, 0, 0)).save(folder / name / f"{number}.png")
            row["path"] = f"{number}.png"
        rows.append(row)
    (folder / name / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def opened(folder: Path, text: str, **more: Any) -> MixedDataset:
    """Open the mixture that a YAML text describes."""
    (folder / "mixture.yaml").write_text(text)
    modalities = more.pop("modalities", ("video", "image", "text"))
    section = DataSection(records=str(folder / "mixture.yaml"), modalities=modalities, **more)
    dataset = dataset_of(section, None).dataset
    assert isinstance(dataset, MixedDataset)
    return dataset


TWO = """
mixture:
  parts:
    - {records: a/records.jsonl, name: a, weight: 3}
    - {records: b/records.jsonl, name: b, weight: 1}
  size: 8
"""


def of_part(dataset: MixedDataset, order: np.ndarray[Any, Any]) -> Counter[str]:
    """Count the parts that the samples of an order belong to."""
    return Counter(dataset.samples[index].id.partition("/")[0] for index in order)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(1, 200))
def test_quotas_are_in_proportion_and_add_up(weights: list[int], size: int) -> None:
    found = quotas(weights, size)
    assert sum(found) == size
    assert all(
        abs(one - size * weight / sum(weights)) < 1 for one, weight in zip(found, weights, strict=True)
    )


@given(st.integers(1, 9), st.integers(0, 20), st.integers(1, 6))
def test_no_member_comes_again_before_all_came(members: int, quota: int, epochs: int) -> None:
    taken = np.concatenate([laps(members, quota, epoch, seed=4, part="a") for epoch in range(epochs)])
    for first in range(0, len(taken) - members + 1, members):
        assert sorted(taken[first : first + members]) == list(range(members))


def test_an_epoch_has_its_shares_and_is_a_function_of_seed_and_epoch(tmp_path: Path) -> None:
    records(tmp_path, "a", 5)
    records(tmp_path, "b", 10)
    dataset = opened(tmp_path, TWO)
    orders = [dataset.epoch_order(7, epoch) for epoch in range(5)]
    assert dataset.epoch_length == 8
    assert all(of_part(dataset, order) == {"a": 6, "b": 2} for order in orders)
    assert len({tuple(order) for order in orders}) == 5
    again = opened(tmp_path, TWO).epoch_order(7, 3)
    assert again.tolist() == orders[3].tolist() != dataset.epoch_order(8, 3).tolist()
    of_b = [index for order in orders for index in order if dataset.samples[index].id.startswith("b/")]
    assert len(set(of_b)) == 10  # five epochs of two: each question once
    of_a = [index for order in orders for index in order if dataset.samples[index].id.startswith("a/")]
    laps_of_a = [of_a[first : first + 5] for first in range(0, 30, 5)]
    assert all(len(set(lap)) == 5 for lap in laps_of_a)  # none again before all others came
    assert len({tuple(lap) for lap in laps_of_a}) == 6


def test_processes_share_an_order_without_loss() -> None:
    order = np.arange(11)
    parts = [shard(order, rank, 4) for rank in range(4)]
    assert sorted(np.concatenate(parts)) == list(range(11))
    assert parts[1].tolist() == [1, 5, 9]


def test_without_weights_every_question_comes_once_an_epoch(tmp_path: Path) -> None:
    records(tmp_path, "a", 5)
    records(tmp_path, "b", 3)
    dataset = opened(
        tmp_path, "mixture: {parts: [{records: a/records.jsonl, name: a}, {records: b/records.jsonl}]}"
    )
    assert sorted(dataset.epoch_order(0, 1)) == list(range(8))
    assert {sample.id.partition("/")[0] for sample in dataset.samples} == {"a", "records"}


def test_the_same_ids_and_paths_of_two_parts_stay_apart(tmp_path: Path) -> None:
    records(tmp_path, "a", 2, data_type="image")
    records(tmp_path, "b", 2, data_type="image")
    Image.new("RGB", (32, 32), (0, 200, 0)).save(tmp_path / "b" / "0.png")
    dataset = opened(tmp_path, TWO)
    images = {sample.id: dataset.load(sample) for sample in dataset.samples}
    assert list(images) == ["a/0", "a/1", "b/0", "b/1"]
    green = {name: int(one.pixels_TCHW[0, 1, 0, 0]) for name, one in images.items() if one is not None}
    assert green == {"a/0": 0, "a/1": 0, "b/0": 200, "b/1": 0}
    assert dataset.videos == 4
    (tmp_path / "outside.png").write_bytes(b"")
    (tmp_path / "a" / "0.png").unlink()
    (tmp_path / "a" / "0.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(PathEscapeError):
        dataset.load(dataset.samples[0])


def test_broken_files_leave_the_mixture_and_an_empty_part_is_an_error(tmp_path: Path) -> None:
    records(tmp_path, "a", 3, data_type="image")
    records(tmp_path, "b", 1, data_type="image")
    dataset = opened(tmp_path, TWO)
    (tmp_path / "a" / "1.png").write_bytes(b"no image")
    working = dataset.checked(tmp_path / "failures.jsonl", 0.5, _Quiet())
    assert [sample.id for sample in working.samples] == ["a/0", "a/2", "b/0"]
    assert of_part(working, working.epoch_order(0, 0)) == {"a": 6, "b": 2}
    (tmp_path / "b" / "0.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="part 'b'"):
        dataset.checked(tmp_path / "failures.jsonl", 0.9, _Quiet()).epoch_order(0, 0)


class _Quiet:
    def stage(self, name: str, total: int, unit: str) -> None:
        """Ignore a stage."""

    def advance(self, done: int, note: str = "", facts: Facts = NOTHING) -> None:
        """Ignore progress."""


def test_a_curriculum_goes_by_pass_rates(tmp_path: Path) -> None:
    rates = np.asarray([0.5, 0.125, 0.875, 0.5, 0.25])
    rng = np.random.default_rng(0)
    easier = by_difficulty(rates, Mixing(curriculum=Curriculum.EASIER_FIRST), rng)
    assert rates[easier].tolist() == [0.875, 0.5, 0.5, 0.25, 0.125]
    harder = by_difficulty(rates, Mixing(curriculum=Curriculum.HARDER_FIRST), rng)
    assert rates[harder].tolist() == [0.125, 0.25, 0.5, 0.5, 0.875]
    drawn = {
        tuple(
            by_difficulty(
                rates, Mixing(curriculum=Curriculum.EASIER_FIRST, blend=1.0), np.random.default_rng(seed)
            )
        )
        for seed in range(20)
    }
    assert len(drawn) > 10
    records(tmp_path, "a", 3, pass_rate=0.5)
    records(tmp_path, "b", 3)
    with pytest.raises(DataError, match="3 of 6 questions have none"):
        opened(tmp_path, TWO + "  curriculum: easier first\n")


def test_parts_are_chosen_by_modality_labels_and_limit(tmp_path: Path) -> None:
    records(tmp_path, "a", 4, labels={"kind": "x"})
    records(tmp_path, "b", 4, data_type="image")
    text = """
mixture:
  parts:
    - {records: a/records.jsonl, name: texts, limit: 2, labels: {kind: [x]}}
    - {records: b/records.jsonl, name: images, modalities: [image]}
"""
    dataset = opened(tmp_path, text, modalities=("text",))
    assert Counter(sample.id.partition("/")[0] for sample in dataset.samples) == {"texts": 2, "images": 4}


def test_the_files_of_a_mixture_are_known_to_the_run(tmp_path: Path) -> None:
    records(tmp_path, "a", 1)
    records(tmp_path, "b", 1)
    (tmp_path / "mixture.yaml").write_text(TWO)
    found = mixture_of({"records": str(tmp_path / "mixture.yaml")})
    assert found is not None
    places = {part.part: part.records for part in found.parts}
    assert places == {name: str(tmp_path / name / "records.jsonl") for name in ("a", "b")}
    assert mixture_of({"records": str(tmp_path / "a" / "records.jsonl")}) is None


def test_a_mixture_in_a_recipe_is_that_of_a_file(tmp_path: Path) -> None:
    records(tmp_path, "a", 5)
    records(tmp_path, "b", 3)
    from_file = opened(tmp_path, TWO)
    values = {"extends": "tiny/crpo", "data": {**yaml.safe_load(TWO), "modalities": ["text"]}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(values))
    recipe = load_recipe(tmp_path / "recipe.yaml")
    inline = dataset_of(recipe.data, None).dataset
    assert isinstance(inline, MixedDataset)
    assert inline.samples == from_file.samples
    assert inline.epoch_order(3, 2).tolist() == from_file.epoch_order(3, 2).tolist()
    # What a run writes down is whole, and runs again from anywhere.
    again = recipe_from(json.loads(json.dumps(recipe.resolved())))
    assert again == recipe
    assert set(describe_run(recipe.resolved())["data_sha256"]) >= {"records a", "records b"}
    of_file = recipe.model_copy(
        update={"data": DataSection(records=str(tmp_path / "mixture.yaml"), modalities=(Modality.TEXT,))}
    )
    assert recipe.data.mixture is not None
    assert describe_run(of_file.resolved())["mixture"] == json.loads(recipe.data.mixture.model_dump_json())


def test_an_override_puts_a_mixture_and_records_in_each_others_place(tmp_path: Path) -> None:
    values = {"extends": "tiny/crpo", "data": yaml.safe_load(TWO)}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(values))
    assert load_recipe(tmp_path / "recipe.yaml").data.records == ""
    changed = load_recipe(tmp_path / "recipe.yaml", ["data.mixture.size=5"]).data
    assert (changed.mixture.size, len(changed.mixture.parts)) == (5, 2) if changed.mixture else False
    assert load_recipe(tmp_path / "recipe.yaml", ["data.records=x.jsonl"]).data.mixture is None
    values["data"]["records"] = "x.jsonl"
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(RecipeError, match="leave one of them out"):
        load_recipe(tmp_path / "recipe.yaml")


@pytest.mark.parametrize(("weights", "share"), [("weight: 3", 0.75), ("weight: 1", 0.5), ("", 40 / 50)])
def test_questions_that_replace_others_come_by_the_weights(
    tmp_path: Path, weights: str, share: float
) -> None:
    records(tmp_path, "a", 40)
    records(tmp_path, "b", 10)
    weighed = (("a", weights), ("b", weights and "weight: 1"))
    parts = [f"{{records: {name}/records.jsonl, name: {name}, {weight}}}" for name, weight in weighed]
    mixed = opened(tmp_path, f"mixture: {{parts: [{', '.join(parts)}]}}")
    drawn = [mixed.others(set(), 1, np.random.default_rng(seed))[0].id[0] for seed in range(600)]
    assert drawn.count("a") / 600 == pytest.approx(share, abs=0.06)
    asked = {f"a/{number}" for number in range(40)} | {"b/0"}
    rest = mixed.others(asked, 20, np.random.default_rng(0))
    assert sorted(sample.id for sample in rest) == [f"b/{number}" for number in range(1, 10)]
    assert mixed.others({one.id for one in mixed.samples}, 2, np.random.default_rng(0)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mixture: {parts: []}", "parts"),
        ("mixture: {parts: [{records: a, weight: 1}, {records: b}]}", "weight"),
        ("mixture: {parts: [{records: x/a.jsonl}, {records: y/a.jsonl}]}", "another name"),
        ("mixture: {parts: [{records: a, name: a/b}]}", "name"),
        ("mixture: {parts: [{records: a, wieght: 1}]}", "wieght"),
        ("mixture: 3", "mixture"),
        ("mixture: {parts: [3]}", "parts"),
    ],
)
def test_a_wrong_mixture_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        opened(tmp_path, text)


def test_limits_of_all_parts_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mixture\.size"):
        opened(tmp_path, TWO, limit=3)
