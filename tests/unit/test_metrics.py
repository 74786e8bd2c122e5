"""One list of metrics: a new one is scored, printed, reported and read by studies without other code."""

import json
from pathlib import Path

import pytest

from retroflip.bench import metrics
from retroflip.bench.controls import oracle_answers, random_answers
from retroflip.bench.metrics import METRICS, measure, metrics_of
from retroflip.bench.metrics.answers import ACCURACY
from retroflip.bench.metrics.base import ANSWERS, GROUPS, Better, Metric
from retroflip.bench.metrics.groups import GROUP_ACCURACY, VIDEO_ACCURACY
from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.bench.metrics.training import LOGGED, Rows, over_steps
from retroflip.bench.score import score_records
from retroflip.bench.stats import Column
from retroflip.cli import evaluation
from retroflip.data.sample import Cell, ProblemType, Sample
from retroflip.report.build import build_report
from retroflip.study.methods.plan import plan

SAMPLES = [
    Sample(
        id=f"{group}-{cell.video}-{cell.question}",
        video=f"{group}-{cell.video}.mp4",
        question="Which way?",
        options=("left", "right"),
        solution="AB"[cell.video],
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source_clip=group,
        group=group,
        cell=cell,
    )
    for group in "pq"
    for cell in (Cell(0, 0), Cell(1, 0))
]


def test_keys_and_labels_are_unique() -> None:
    for family in (ANSWERS, GROUPS):
        assert len({metric.label for metric in metrics_of(family)}) == len(metrics_of(family))
    assert len({metric.key for metric in METRICS}) == len(METRICS) == 7
    assert len({logged.key for logged in LOGGED}) == len(LOGGED)
    assert all(metric.better is not Better.NEITHER for metric in METRICS)


def test_what_is_measured_is_what_is_read() -> None:
    found = measure(oracle_answers(SAMPLES))
    assert {metric.key: metric.read(found).value for metric in METRICS} == {
        "acc": 1.0,
        "p_acc": None,
        "same_answer_rate": None,
        "unparsed_rate": 0.0,
        "g_acc": 1.0,
        "q_acc": 1.0,
        "v_acc": 1.0,
    }
    assert ACCURACY.read(found).chance == 0.5
    assert GROUP_ACCURACY.read(found).chance == 0.25
    assert VIDEO_ACCURACY.read(found).chance is None
    assert (ANSWERS.counted(found), GROUPS.counted(found)) == ("0", "2")
    assert json.loads(json.dumps(found)) == found


def test_scores_of_earlier_versions_have_what_they_have() -> None:
    old = {"acc": 0.5, "acc_ci": [0.4, 0.6]}
    assert ACCURACY.read(old) == (0.5, (0.4, 0.6), None)
    assert PAIR_ACCURACY.read(old) == (None, None, None)
    assert GROUP_ACCURACY.read(old) == (None, None, None)


def test_means_over_steps_pass_over_steps_that_logged_nothing() -> None:
    rows: Rows = [{"kl": 1.0}, {"loss": 5.0}, {"kl": None}, {"kl": 2.0}]
    assert over_steps(rows, "kl") == 1.5
    assert over_steps(rows, "grad_norm") is None


def test_groups_have_a_table_in_terminal_and_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = score_records(random_answers(SAMPLES))
    evaluation.print_summary({"methods": {"crpo": scores}})
    printed = capsys.readouterr().out
    assert "Groups" in printed
    assert "By chance: group 25.0." in printed
    page = build_report(
        tmp_path / "r.html",
        summary={"methods": {"crpo": scores}},
        runs={},
        pairs=[],
        failures=[],
        provenance={},
    ).read_text(encoding="utf-8")
    assert "<h3>Groups</h3>" in page
    assert "Question accuracy" in page


@pytest.fixture
def _short_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric of one's own: how many responses are short."""
    metric = Metric(
        "short_rate",
        "short",
        "Short responses",
        "of ten characters at the most",
        Better.HIGHER,
        units=lambda answered: Column(
            [float(len(r.response) <= 10) for r in answered.records], answered.clips
        ),
        charted=True,
    )
    monkeypatch.setattr(metrics, "METRICS", (*METRICS, metric))


@pytest.mark.usefixtures("_short_answers")
def test_a_new_metric_is_scored_printed_reported_and_read_by_studies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = score_records(oracle_answers(SAMPLES))
    assert (scores["short_rate"], scores["short_rate_ci"][1]) == (1.0, 1.0)

    evaluation.print_summary({"methods": {"crpo": scores}})
    assert "short" in capsys.readouterr().out

    page = build_report(
        tmp_path / "r.html",
        summary={"methods": {"crpo": scores}},
        runs={},
        pairs=[],
        failures=[],
        provenance={},
    ).read_text(encoding="utf-8")
    assert page.count("Short responses") >= 2  # in the table and above a chart
    assert "of ten characters at the most; higher is better" in page

    measured = plan(quick=True).measured({**scores, "controls": {"single_frame": scores}})
    assert measured["short_rate"] == 1.0
