"""The counterfactual of a question: which there are by task type, and the one that a run draws."""

import numpy as np
import pytest

from method_groups import sample_of, transform_of
from retroflip.data.prompts import NULL_OPTION
from retroflip.data.sample import Modality, Routing, TaskType
from retroflip.draws import draw
from retroflip.errors import DataError
from retroflip.rl.methods.counterfactual import Counterfactual, Counterfactuals
from retroflip.rl.methods.crpo import CrpoSettings
from retroflip.video.transforms import Transform

FLIP, REVERSE = Transform.FLIP, Transform.REVERSE


@pytest.mark.parametrize(
    ("task_type", "transforms"),
    [
        (TaskType.SPATIAL, (FLIP,)),
        (TaskType.TEMPORAL, (REVERSE,)),
        (TaskType.SPATIOTEMPORAL, (FLIP, REVERSE)),
        (TaskType.STATIC, (FLIP, REVERSE)),
    ],
)
def test_the_task_type_says_what_has_a_known_relation_to_the_answer(
    task_type: TaskType, transforms: tuple[Transform, ...]
) -> None:
    assert Counterfactuals().transforms(task_type) == transforms
    for kept in (FLIP, REVERSE):
        ablation = Counterfactuals(flip=kept is FLIP, reverse=kept is REVERSE)
        assert ablation.transforms(task_type) == tuple(one for one in transforms if one is kept)


def test_the_drawn_one_is_asked_with_the_null_option() -> None:
    sample = sample_of(TaskType.TEMPORAL)
    asked = sample.model_copy(update={"options": ("left", "right", NULL_OPTION)})
    assert Counterfactuals().drawn(sample, 0, 0) == Counterfactual(asked, REVERSE, answer_changes=True)
    plain = Counterfactuals(null_option=False).drawn(sample_of(TaskType.STATIC), 0, 0)
    assert plain is not None
    assert plain.question == sample_of(TaskType.STATIC)
    assert not plain.answer_changes


@pytest.mark.parametrize("task_type", TaskType)
def test_the_drawn_one_is_the_one_that_crpo_trains_on(task_type: TaskType) -> None:
    settings = CrpoSettings()
    for seed in range(3):
        for epoch in range(6):
            sample = sample_of(task_type).model_copy(update={"id": f"s{seed}"})
            found = settings.counterfactuals.drawn(sample, seed, epoch)
            # how the generator of rollouts names this choice, written out so that no change of it goes unseen
            branches = settings.method().branches(sample, draw(seed, "branches", sample.id, epoch))
            assert found is not None
            assert found.transform is transform_of(branches[1].view)


def test_draws_are_those_of_runs_that_were_begun_before() -> None:
    sample = sample_of(TaskType.SPATIOTEMPORAL)
    drawn = [Counterfactuals().drawn(sample, seed, epoch) for seed in (0, 7) for epoch in range(6)]
    assert "".join("f" if one and one.transform is FLIP else "r" for one in drawn) == "rfrfrrrfffrf"


def test_both_transformations_are_drawn_as_often() -> None:
    rng = np.random.default_rng(0)
    drawn = [Counterfactuals().choose(sample_of(TaskType.STATIC), rng) for _ in range(2000)]
    assert abs(drawn.count(FLIP) - 1000) < 100  # 4.5 standard deviations


def test_some_questions_have_none() -> None:
    assert Counterfactuals().drawn(sample_of(TaskType.STATIC, Modality.IMAGE), 0, 0) is None
    assert Counterfactuals(flip=False).drawn(sample_of(TaskType.SPATIAL), 0, 0) is None
    with pytest.raises(DataError, match="has no task type"):
        Counterfactuals().drawn(sample_of(), 0, 0)


def test_text_in_the_picture_is_never_mirrored() -> None:
    plain = sample_of(TaskType.STATIC)
    routing = Routing(label=TaskType.STATIC, flip=False, reversal=False, router="rules", flip_unsafe=True)
    text = plain.model_copy(update={"routing": routing})
    drawn = [
        {found.transform for epoch in range(20) if (found := Counterfactuals().drawn(sample, 0, epoch))}
        for sample in (plain, text)
    ]
    assert drawn == [{FLIP, REVERSE}, {REVERSE}]
    assert Counterfactuals(reverse=False).drawn(text, 0, 0) is None
