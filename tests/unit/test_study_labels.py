"""The study of label flips: which labels are wrong, and that nothing else differs between its arms."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from method_groups import sample_of
from retroflip.data.records import read_samples, write_samples
from retroflip.data.sample import Sample, TaskType
from retroflip.lab.laboratory import Laboratory
from retroflip.progress import Silence
from retroflip.study.cells import SeedFolder
from retroflip.study.labels.flips import flipped
from retroflip.study.labels.plan import ARMS, LabelsSeed, plan
from retroflip.study.methods import plan as methods
from retroflip.study.methods.plan import QUICK, MethodsSeed
from retroflip.study.stages import Trained


def samples_of(count: int) -> list[Sample]:
    kinds = list(TaskType)
    return [sample_of(kinds[index % 4]).model_copy(update={"id": f"s{index}"}) for index in range(count)]


def wrong_in(samples: list[Sample], share: float, seed: int = 0) -> dict[str, TaskType | None]:
    pairs = zip(samples, flipped(samples, share, seed), strict=True)
    return {a.id: b.task_type for a, b in pairs if a != b}


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.06, 12), (0.2, 40), (1.0, 200)])
def test_as_many_labels_are_wrong_as_were_asked_for(share: float, count: int) -> None:
    assert len(wrong_in(samples_of(200), share)) == count


def test_nothing_but_the_label_changes_and_it_is_another_one() -> None:
    samples = samples_of(40)
    for before, after in zip(samples, flipped(samples, 1.0, 0), strict=True):
        assert after.task_type is not before.task_type
        assert after.model_copy(update={"task_type": before.task_type}) == before


def test_a_smaller_share_is_part_of_a_larger_one_and_seeds_differ() -> None:
    samples = samples_of(200)
    few, many = wrong_in(samples, 0.06), wrong_in(samples, 0.2)
    assert few.items() <= many.items()
    assert wrong_in(samples, 0.2, seed=1).keys() != many.keys()
    assert wrong_in(samples[::-1], 0.2) == many


def test_labels_become_each_other_one() -> None:
    statics = [one.model_copy(update={"task_type": TaskType.STATIC}) for one in samples_of(300)]
    counts = Counter(wrong_in(statics, 1.0).values())
    assert set(counts) == {TaskType.SPATIAL, TaskType.TEMPORAL, TaskType.SPATIOTEMPORAL}
    assert min(counts.values()) > 70


def test_questions_without_a_label_stay_as_they_are() -> None:
    unlabelled = [one.model_copy(update={"task_type": None}) for one in samples_of(10)]
    assert flipped(unlabelled, 1.0, 0) == unlabelled


def test_arms_train_alike_on_other_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CRPO's three arms have one recipe but for `data.records`, whose videos stay where they are."""
    train = tmp_path / "data" / "train"
    train.mkdir(parents=True)
    write_samples(train / "records.jsonl", samples_of(50))
    lab = Laboratory(sft=tmp_path / "sft", train=train, pairs=tmp_path / "pairs")
    seen: dict[str, dict[str, Any]] = {}

    def keep(recipe: Any, out: Path, _: Any) -> Trained:
        seen[out.name] = recipe.resolved()
        return Trained(out / "model", True)

    monkeypatch.setattr(methods, "trained", keep)
    shared = MethodsSeed(SeedFolder(tmp_path), 3, QUICK, lab, Trained(tmp_path / "start", False), [])
    for arm in ARMS:
        LabelsSeed(shared).train(arm, Silence())
    assert set(seen) == {"grpo", "crpo", "crpo_6", "crpo_20", "crpo_50"}
    records = {name: Path(recipe["data"].pop("records")) for name, recipe in seen.items()}
    for name, count in {"crpo_6": 3, "crpo_20": 10, "crpo_50": 25}.items():
        assert seen[name]["data"].pop("root") == str(train)
        wrong = zip(read_samples(train / "records.jsonl"), read_samples(records[name]), strict=True)
        assert sum(a.task_type is not b.task_type for a, b in wrong) == count
    assert records["crpo"] == records["grpo"] == train / "records.jsonl"
    seen["crpo"]["data"].pop("root")
    assert seen["crpo"] == seen["crpo_6"] == seen["crpo_20"] == seen["crpo_50"]


def test_the_plan_has_an_arm_of_every_share_and_no_papers_numbers() -> None:
    found = plan(quick=True)
    assert [(arm.name, arm.wrong) for arm in found.arms] == [
        ("base", 0), ("grpo", 0), ("crpo", 0), ("crpo_6", 0.06), ("crpo_20", 0.2), ("crpo_50", 0.5),
    ]  # fmt: skip
    assert found.tables[0].baseline == "crpo"
    assert len({replace(arm, name="", title="", wrong=0).recipe for arm in found.arms}) == 3
