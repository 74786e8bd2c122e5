"""Whether a run learned anything: each cause by rows written by hand."""

from typing import Any

import pytest

from retroflip.report.learned import hardly_anything_learned, nothing_learned


def row(step: int, **changed: float) -> dict[str, Any]:
    healthy = {
        "learning_rate": 1e-4,
        "grad_norm": 0.3,
        "zero_advantage": 0.25,
        "reward/correct": 0.5,
        "unparsed": 0.0,
        "completion/truncated": 0.0,
        "completion/length": 40.0,
    }
    return {"step": step, **healthy, **{name.replace("__", "/"): value for name, value in changed.items()}}


IDLE = {"zero_advantage": 1.0, "grad_norm": 0.0}


def test_a_run_that_learned_is_not_spoken_of() -> None:
    rows = [row(1, **IDLE), row(2)]
    assert nothing_learned(rows) is None
    assert hardly_anything_learned(rows) is None


def test_a_run_without_steps_has_not_failed_to_learn() -> None:
    assert nothing_learned([]) is None
    assert hardly_anything_learned([]) is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {
                **IDLE,
                "completion__truncated": 1.0,
                "completion__length": 24.0,
                "unparsed": 1.0,
                "reward__correct": 0.0,
            },
            ("cut off in all 2 steps, behind 24 tokens", "train.max_completion_length"),
        ),
        ({**IDLE, "unparsed": 1.0, "reward__correct": 0.0}, ("no answer could be read", "rollouts.jsonl")),
        ({**IDLE, "reward__correct": 0.0}, ("wrong in all 2 steps", "retroflip sft")),
        ({**IDLE, "reward__correct": 1.0}, ("right in all 2 steps", "harder questions")),
        (IDLE, ("earned the same", "train.temperature")),
        # The penalty against the reference gives a gradient, but no rollout taught anything.
        ({**IDLE, "grad_norm": 0.1}, ("earned the same", "train.temperature")),
        ({"learning_rate": 0.0}, ("learning rate was 0 in all 2 steps", "train.warmup_steps")),
        ({"grad_norm": 0.0}, ("gradient was 0 in all 2 steps", "model.vision")),
    ],
)
def test_the_cause_is_named_with_what_helps(changed: dict[str, float], said: tuple[str, ...]) -> None:
    found = nothing_learned([row(1, **changed), row(2, **changed)])
    assert found is not None
    assert found.startswith("Nothing was learned: ")
    for words in said:
        assert words in found


def test_a_supervised_run_is_judged_by_its_gradient_and_rate() -> None:
    assert nothing_learned([{"step": 1, "loss": 2.0, "grad_norm": 1.0, "learning_rate": 1e-3}]) is None
    idle = nothing_learned([{"step": 1, "loss": 2.0, "grad_norm": 0.0, "learning_rate": 1e-3}])
    assert idle is not None
    assert "gradient was 0 in the only step" in idle


def test_a_run_that_hardly_learned_says_how_little() -> None:
    rows = [row(1, zero_advantage=1.0, unparsed=1.0), row(2, zero_advantage=0.9, unparsed=0.9)]
    found = hardly_anything_learned(rows)
    assert found is not None
    assert found.startswith(
        "Hardly anything was learned (95 % of questions taught nothing): no answer could be read"
    )
