"""What training says of each task type: the numbers of a step, the table over the last ones, and the flags."""

from typing import Any

import pytest

from method_groups import group_of
from retroflip.data.sample import Modality, TaskType
from retroflip.report.curves import other_figures
from retroflip.report.sentences import headline
from retroflip.report.tables import type_rows
from retroflip.rl.methods.arrow_rl import ArrowRlSettings
from retroflip.rl.methods.crpo import CrpoSettings
from retroflip.rl.methods.strive import StriveSettings
from retroflip.rl.metrics import group_metrics
from retroflip.train.task_types import by_task_type, remarks


def metrics_of(method: Any, *groups: Any) -> dict[str, float]:
    rewards = [method.rewards(group) for group in groups]
    return {
        name.removeprefix("task_type/"): value
        for name, value in group_metrics(
            groups, rewards, method.advantages([reward.totals for reward in rewards])
        ).items()
        if name.startswith("task_type/")
    }


def rows_of(kind: str, same: float | None, *, steps: int = 4, compared: int = 2) -> list[dict[str, Any]]:
    name = f"task_type/{kind}"
    row = {f"{name}/questions": 2, f"{name}/compared": compared, f"{name}/reward": 1.5, "zero_advantage": 0.0}
    return [{"step": step, "learning_rate": 1.0, **row, f"{name}/same_answer": same} for step in range(steps)]


class TestAStep:
    def test_types_are_counted_apart(self) -> None:
        method = CrpoSettings(rollouts=2).method()
        found = metrics_of(
            method,
            group_of(method, "AB", "BA", task_type=TaskType.SPATIAL),
            group_of(method, "AA", "B-", task_type=TaskType.SPATIAL),
            group_of(method, "--", "AA", task_type=TaskType.STATIC),
            group_of(method, "AA", modality=Modality.IMAGE, task_type=TaskType.STATIC),
        )
        assert found == pytest.approx(
            {
                "spatial/questions": 2,
                "spatial/compared": 2,
                # 2.15 and 1; 2.15 twice, as one of two counterfactual answers has changed
                "spatial/reward": ((2.15 + 1) / 2 + (1 + 0.15 + 1)) / 2,
                "spatial/correct": 0.75,
                "spatial/same_answer": (2 / 4 + 0) / 2,
                "static/questions": 1,
                "static/compared": 0,
                "static/reward": 1,
                "static/correct": 0,
            }
        )

    def test_a_reversed_probe_is_a_counterfactual_and_a_crop_is_none(self) -> None:
        arrow = ArrowRlSettings(rollouts=2).method()
        found = metrics_of(arrow, group_of(arrow, "AB", "A", task_type=TaskType.TEMPORAL))
        assert found["temporal/same_answer"] == 0.5
        strive = StriveSettings(rollouts=2).method()
        found = metrics_of(strive, group_of(strive, "AB", "AB", task_type=TaskType.TEMPORAL))
        assert found["temporal/compared"] == 0


class TestFlags:
    @pytest.mark.parametrize(
        ("kind", "same", "flag", "meaning"),
        [
            ("temporal", 1.0, "never differ", "and they must: either"),
            ("temporal", 0.0, "always differ", "as they should"),
            ("static", 0.0, "always differ", "and they must not: either"),
            ("static", 1.0, "never differ", "as they should"),
        ],
    )
    def test_answers_that_never_or_always_differ(
        self, kind: str, same: float, flag: str, meaning: str
    ) -> None:
        types = by_task_type(rows_of(kind, same))
        assert types[TaskType(kind)].flag == flag
        (text,) = remarks(types)
        assert meaning in text
        assert text in headline({}, {"run": rows_of(kind, same)})

    @pytest.mark.parametrize(
        "rows", [rows_of("spatial", 0.5), rows_of("spatial", 1.0, steps=3), rows_of("spatial", None)]
    )
    def test_others_and_few_questions_have_none(self, rows: list[dict[str, Any]]) -> None:
        assert by_task_type(rows)[TaskType.SPATIAL].flag is None
        assert not list(remarks(by_task_type(rows)))

    def test_only_the_last_steps_count_and_questions_weigh(self) -> None:
        rows = [*rows_of("temporal", 1.0, steps=20), *rows_of("temporal", 0.0, steps=9, compared=4)]
        (one,) = by_task_type(rows).values()
        assert (one.questions, one.compared, one.reward) == (20, 38, 1.5)
        assert one.same_answer == pytest.approx(2 / 38)


def test_the_report_has_a_table_and_no_chart_for_each() -> None:
    rows = rows_of("temporal", 0.25)
    (row,) = type_rows({"runs/crpo": rows})
    assert (row.task_type, row.questions, row.reward, row.same_answer) == (
        "temporal",
        "8",
        "1.50",
        "25.0\N{NO-BREAK SPACE}%",
    )
    logged = [{**row, "mine": 1.0} for row in rows]
    assert [figure.title for figure in other_figures({"crpo": logged}, {"crpo": 0})] == [
        "learning_rate",
        "mine",
    ]


def test_a_run_of_an_earlier_version_has_no_types() -> None:
    assert by_task_type([{"step": 1, "reward/correct": 0.5}]) == {}
    assert type_rows({"old": [{"step": 1}]}) == []
