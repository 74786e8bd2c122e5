"""Sweeps by hand: which settings are an axis, which runs a line, and what its points are."""

from typing import Any

from retroflip.bench.metrics.base import Rate
from retroflip.report.sweeps import Axis, Point, axes, sweeps

LAMBDA = Axis(("method.lambda_d", "method.lambda_s"))
WEIGHT = Axis(("method.w_aug",))


def recipe(weight: float, *, w_aug: float = 0.5, seed: int = 0, steps: int = 80) -> dict[str, Any]:
    """Return a recipe whose start model lies in the folder of its seed."""
    return {
        "model": {"path": f"runs/seed-{seed}/sft/model"},
        "train": {"seed": seed, "steps": steps},
        "method": {"name": "crpo", "lambda_d": weight, "lambda_s": weight, "w_aug": w_aug, "behave": True},
    }


def rate(value: float | None) -> Rate:
    """Return a score with an interval of 0.1 to both sides."""
    return Rate(value, None if value is None else (value - 0.1, value + 0.1), None)


def test_settings_that_change_together_are_one_axis() -> None:
    runs = {"a": recipe(0.0), "b": recipe(0.3), "c": recipe(0.3, w_aug=0.0)}
    assert axes(runs) == [LAMBDA, WEIGHT]
    assert LAMBDA.title == "lambda_d = lambda_s"


def test_what_differs_with_something_else_or_by_the_seed_is_none() -> None:
    assert axes({"a": recipe(0.3), "b": recipe(0.3, seed=1)}) == []
    # The steps differ and so does the weight, but not in the same runs: no two runs differ in one of them alone.
    assert (
        axes(
            {"a": recipe(0.0, steps=10), "b": recipe(0.3, steps=20), "c": recipe(0.3, steps=10) | {"x": "y"}}
        )
        == []
    )


def test_a_setting_of_a_later_version_that_is_not_set_tells_no_runs_apart() -> None:
    later = recipe(0.3)
    later["train"]["show_every"] = None
    assert axes({"a": recipe(0.0), "b": later}) == [LAMBDA]


def test_a_point_is_the_mean_over_seeds_and_of_one_run_has_its_interval() -> None:
    runs = {"a0": recipe(0.0), "a1": recipe(0.0, seed=1), "b0": recipe(0.3)}
    scores = {"a0": rate(0.4), "a1": rate(0.6), "b0": rate(0.7)}
    (line,) = sweeps(LAMBDA, runs, scores.get)
    assert line.name == ""
    assert line.points[0] == Point(0.0, 0.5, 0.4, 0.6, ("a0", "a1"))
    assert (line.points[1].at, line.points[1].mean, line.points[1].runs) == (0.3, 0.7, ("b0",))
    assert [round(line.points[1].low or 0, 6), round(line.points[1].high or 0, 6)] == [0.6, 0.8]


def test_lines_are_told_apart_by_what_they_differ_in_and_unscored_runs_are_not_on_them() -> None:
    runs = {
        "a": recipe(0.0),
        "b": recipe(0.3),
        "c": recipe(0.0, steps=20),
        "d": recipe(0.3, steps=20),
        "e": recipe(0.5),
    }
    scores = {name: rate(0.5) for name in "abcd"} | {"e": rate(None)}
    lines = sweeps(LAMBDA, runs, scores.get)
    assert [line.name for line in lines] == ["steps 80", "steps 20"]
    assert [point.at for point in lines[0].points] == [0.0, 0.3]
    assert sweeps(LAMBDA, runs, {"a": rate(0.5)}.get) == []
