"""One list of metrics: a new one is scored, printed, reported and read by studies without other code."""

import json
from pathlib import Path

import pytest

from retroflip.bench import metrics
from retroflip.bench.controls import oracle_answers, random_answers
from retroflip.bench.metrics import FAMILIES, METRICS, measure, metrics_of
from retroflip.bench.metrics.answers import ACCURACY
from retroflip.bench.metrics.base import ANSWERS, GROUPS, Better, Metric
from retroflip.bench.metrics.grounding import GROUNDING
from retroflip.bench.metrics.groups import GROUP_ACCURACY, VIDEO_ACCURACY
from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.bench.metrics.training import LOGGED, Rows, over_steps
from retroflip.bench.records import Control, answer_record
from retroflip.bench.score import score_records
from retroflip.bench.stats import Column
from retroflip.cli.scores import print_summary
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
    for family in FAMILIES:
        assert len({metric.label for metric in metrics_of(family)}) == len(metrics_of(family))
    assert len({metric.key for metric in METRICS}) == len(METRICS)
    assert len({logged.key for logged in LOGGED}) == len(LOGGED)
    assert all(metric.better is not Better.NEITHER for metric in METRICS)


def test_what_is_measured_is_what_is_read() -> None:
    found = measure(oracle_answers(SAMPLES))
    measured = (metric for family in (ANSWERS, GROUPS) for metric in metrics_of(family))
    read = {metric.key: metric.read(found).value for metric in measured}
    values = {
        "acc": 1.0,
        "p_acc": None,
        "same_answer_rate": None,
        "unparsed_rate": 0.0,
        "g_acc": 1.0,
        "q_acc": 1.0,
        "v_acc": 1.0,
    }
    assert {key: read[key] for key in values} == values
    assert ACCURACY.read(found).chance == 0.5
    assert GROUP_ACCURACY.read(found).chance == 0.25
    assert VIDEO_ACCURACY.read(found).chance is None
    assert (ANSWERS.counted(found), GROUPS.counted(found)) == ("0", "2")
    assert json.loads(json.dumps(found)) == found


SPANS = [
    Sample(
        id=name,
        video=f"{name}.mp4",
        question="When?",
        solution=gold,
        problem_type=ProblemType.GROUNDING,
        source_clip=name,
    )
    for name, gold in (("a", "[0, 10]"), ("b", "[0, 10]; [20, 30]"), ("c", "[5, 10]"), ("d", "[2, 8]"))
]


def test_spans_by_hand() -> None:
    # IoU 0.5, 0.6 (with the second gold), 0 unread, 0 for a point in time; of the answers 1, 0.75, 0 and 1 are gold.
    said = ("0 to 5 s", "[20, 32]", "[4.9, 9] or 3", "it is [5, 5]")
    records = [answer_record(sample, one, Control.FULL) for sample, one in zip(SPANS, said, strict=True)]
    found = measure(records)["grounding"]
    assert [found[key] for key in ("r0.3", "r0.5", "r0.7")] == [0.5, 0.5, 0.25]
    assert found["miou"] == pytest.approx((0.5 + 10 / 12) / 4)
    assert found["miop"] == pytest.approx((1 + 10 / 12 + 0 + 1) / 4)
    assert (found["n_spans"], GROUNDING.counted({"grounding": found})) == (4, "4")
    assert found["miou_ci"][0] <= found["miou"] <= found["miou_ci"][1]
    assert "grounding" not in measure(oracle_answers([_number("1", "2")]))


def _number(name: str, gold: str) -> Sample:
    kind = ProblemType.REGRESSION
    return Sample(id=name, video="1.mp4", question="?", solution=gold, problem_type=kind, source_clip=name)


def test_numbers_by_hand() -> None:
    # Relative errors of 0, 0.1 and 0.6: all ten bounds, the eight above 0.1, none.
    said = {"10": "10 m", "20": "about 22", "30": "48"}
    records = [
        answer_record(_number(gold, gold), f"Answer: {one.removeprefix('about ')}", Control.FULL)
        for gold, one in said.items()
    ]
    assert measure(records)["nearness"]["mra"] == pytest.approx((1 + 0.8 + 0) / 3)


def test_spans_and_numbers_have_tables_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    scores = score_records(oracle_answers([*SPANS, _number("1", "2")]))
    print_summary({"methods": {"crpo": scores}})
    printed = capsys.readouterr().out
    assert "Temporal grounding" in printed
    assert "R@0.7" in printed
    assert "Numbers by nearness" in printed


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
    print_summary({"methods": {"crpo": scores}})
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

    print_summary({"methods": {"crpo": scores}})
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
