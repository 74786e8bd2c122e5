"""The report: what it says follows from the numbers, and nothing that a model wrote can act in it."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retroflip.bench.controls import oracle_answers, random_answers
from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.bench.metrics.training import LOGGED
from retroflip.bench.records import Control, answer_record, append_answers
from retroflip.bench.score import compare_all, score_records
from retroflip.data.answers import Answer
from retroflip.data.records import format_record, write_samples
from retroflip.data.sample import ProblemType, Sample, TaskType
from retroflip.errors import DataError, UsageError
from retroflip.report import sentences
from retroflip.report.build import build_report, report_directories
from retroflip.report.charts import Series, line_chart, spread, ticks
from retroflip.report.clips import inline_clip
from retroflip.report.curves import main_figures, other_figures, series
from retroflip.report.load import load_run_directories
from retroflip.report.pairs import AnswerView, Outcome, PairView, SideView, outcome_counts, select_pairs
from retroflip.report.tables import handicaps_shown, plot_rows, slots_of
from retroflip.rl.methods.base import Group, Rollout
from retroflip.rl.methods.crpo import Crpo, CrpoSettings
from retroflip.rl.metrics import group_metrics
from retroflip.video.encode import encode

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7 * 7 }}"
OPTIONS = ("left", "right")


class Page(HTMLParser):
    """Counts the elements of a page and keeps what it refers to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def sample(name: str, side: int, question: str = "Which way?") -> Sample:
    return Sample(
        id=f"{name}-{side}",
        video=f"videos/{name}-{side}.mp4",
        question=question,
        options=OPTIONS,
        solution="AB"[side],
        problem_type=ProblemType.MULTIPLE_CHOICE,
        task="moving_direction",
        source_clip=name,
        pair=name,
        side=side,
    )


SAMPLES = [sample(f"p{index:02}", side) for index in range(20) for side in (0, 1)]
METRICS = [{"step": step, "reward/correct": step / 20, "odd/one": step} for step in range(20)]


def make_experiment(root: Path, right: dict[str, int]) -> Path:
    """Lay out a demo's directory in which each method gets its first `right` pairs right and else says A."""
    videos = root / "data" / "pairs" / "videos"
    videos.mkdir(parents=True)
    write_samples(root / "data" / "pairs" / "records.jsonl", SAMPLES)
    pixels = np.zeros((4, 3, 16, 16), dtype=np.uint8)
    for one in SAMPLES[:4]:
        encode(root / "data" / "pairs" / one.video, pixels, 4)
    for method, count in right.items():
        folder = root / "eval" / method
        folder.mkdir(parents=True)
        seeing = {one.id for one in SAMPLES[: 2 * count]}
        says = {one.id: one.solution if one.id in seeing else "A" for one in SAMPLES}
        answers = [answer_record(one, rf"\boxed{{{says[one.id]}}}", Control.FULL) for one in SAMPLES]
        append_answers(folder / "answers.jsonl", answers)
    run = root / "crpo"
    run.mkdir()
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in METRICS))
    (run / "run.json").write_text(json.dumps({"recipe": {"method": {"name": "crpo"}}, "seed": 7}))
    return root


def pair(name: str, right: dict[str, bool], task: str = "t", text: str = "r") -> PairView:
    """A pair whose models are right on both sides or give the same answer twice."""
    sides = [
        SideView(None, "AB"[side], OPTIONS, {m: AnswerView(text, "AB"[side] if ok else "A", ok or side == 0)
                                             for m, ok in right.items()})
        for side in (0, 1)
    ]  # fmt: skip
    return PairView(name, task, "Which way?", (sides[0], sides[1]))


def build(out: Path, **changes: Any) -> Page:
    inputs: dict[str, Any] = {"summary": {}, "runs": {}, "pairs": [], "failures": [], "provenance": {}}
    return Page(build_report(out / "report.html", **{**inputs, **changes}))


def test_a_demo_directory_becomes_one_self_contained_page(tmp_path: Path) -> None:
    root = make_experiment(tmp_path / "demo", {"base": 2, "grpo": 2, "crpo": 15})
    page = Page(report_directories([root], tmp_path / "report.html"))
    links = [value for name, value in page.attributes if name in ("src", "href")]
    assert all(link.startswith(("data:video/mp4;base64,", "#")) for link in links)
    assert not re.search(r"https?://|url\(|@import", page.source)
    assert page.tags.count("article") == 12
    assert page.tags.count("video") >= 2
    assert (
        "CRPO answers both videos right in 75.0\u00a0% of pairs, up from 10.0\u00a0% before RL." in page.text
    )
    assert "measurable gain over GRPO" in page.text


def test_every_pair_shows_its_options_once_and_both_sides_where_they_differ(tmp_path: Path) -> None:
    same = [pair(f"pair-{index}", {"base": True}) for index in range(3)]
    first, second = same[0].sides
    turned = replace(second, options=second.options[::-1])
    page = build(tmp_path, pairs=[*same, PairView("turned", "t", "Which way?", (first, turned))])
    assert [value for _, value in page.attributes].count("options") == 3 + 2


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    root = make_experiment(tmp_path / "demo", {"base": 2, "crpo": 15})
    first = report_directories([root], tmp_path / "a.html").read_bytes()
    assert report_directories([root], tmp_path / "b.html").read_bytes() == first


def test_nothing_that_a_model_or_a_data_set_wrote_becomes_markup(tmp_path: Path) -> None:
    records = [answer_record(one, EVIL, Control.FULL) for one in SAMPLES[:4]]
    evil = SideView(None, EVIL, (EVIL, "x"), {EVIL: AnswerView(EVIL, EVIL, correct=False)})
    page = build(
        tmp_path,
        summary={
            "methods": {EVIL: score_records(records)},
            "controls": {EVIL: {}},
            "comparisons": compare_all({EVIL: records, "b": records}),
            "failures": {EVIL: EVIL},
        },
        runs={EVIL: [{"step": 1, EVIL: 2.0, "kl": 0.1}]},
        pairs=[PairView(EVIL, EVIL, EVIL, (evil, evil))],
        failures=[{"path": EVIL, "error": EVIL, "message": EVIL, "where": EVIL}],
        provenance={EVIL: {EVIL: [EVIL]}},
    )
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.text.count("alert(1)") >= 10
    assert "{{ 7 * 7 }}" in page.text


def test_the_only_script_is_the_one_that_the_policy_names(tmp_path: Path) -> None:
    page = build(tmp_path, runs={"crpo": METRICS})
    script = re.findall(r"<script>(.*?)</script>", page.source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    policy = next(value for name, value in page.attributes if name == "content" and "default-src" in value)
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_a_run_without_pairs_claims_nothing_about_motion(tmp_path: Path) -> None:
    page = build(tmp_path, runs={"crpo": METRICS})
    assert "correctness reward went from 0.00 to 0.95" in page.text
    assert "whether the model sees motion is not known" in page.text
    assert "Results" not in page.text


def test_an_empty_report_is_still_a_page(tmp_path: Path) -> None:
    assert "No video failed." in build(tmp_path).text


def summary_of(right: dict[str, int]) -> dict[str, Any]:
    answers = {}
    for method, count in right.items():
        seeing = {one.id for one in SAMPLES[: 2 * count]}
        answers[method] = [
            answer_record(
                one, rf"\boxed{{{one.solution if one.id in seeing else 'A'}}}", Control.FULL
            )
            for one in SAMPLES
        ]  # fmt: skip
    methods = {name: score_records(records) for name, records in answers.items()}
    return {"methods": methods, "comparisons": compare_all(answers), "controls": {}}


@pytest.mark.parametrize(
    ("right", "first", "verdict"),
    [
        ({"base": 2, "crpo": 15}, "up from", "measurable gain over its start"),
        ({"base": 15, "crpo": 2}, "down from", "measurable loss against its start"),
        ({"base": 9, "crpo": 10}, "up from", "Against its start no difference can be told from noise"),
        ({"base": 9, "crpo": 9}, "as before RL", "no difference can be told from noise"),
    ],
)
def test_the_headline_follows_the_numbers(right: dict[str, int], first: str, verdict: str) -> None:
    told = sentences.headline(summary_of(right), {})
    assert first in told[0]
    assert verdict in " ".join(told)


def test_the_headline_reads_a_comparison_from_either_end() -> None:
    summary = summary_of({"base": 2, "crpo": 15})
    turned = summary_of({"crpo": 15, "base": 2})
    assert "+65.0" in sentences.headline(summary, {})[2]
    assert sentences.headline({**summary, "comparisons": turned["comparisons"]}, {}) == sentences.headline(
        summary, {}
    )


def test_a_difference_that_rounds_to_nothing_has_no_minus() -> None:
    assert [sentences.signed(value) for value in (-0.0, -0.0004, 0.0, -0.125)] == [
        "+0.0",
        "+0.0",
        "+0.0",
        "-12.5",
    ]


def test_answers_without_the_video_are_no_models(tmp_path: Path) -> None:
    """An oracle's folder stood among the models, and first."""
    root = make_experiment(tmp_path / "demo", {"crpo": 5})
    for name, control in (("blind", Control.TEXT_ONLY), ("sound", Control.ORACLE)):
        (tmp_path / name).mkdir()
        append_answers(
            tmp_path / name / "answers.jsonl",
            [answer_record(one, rf"\boxed{{{one.solution}}}", control) for one in SAMPLES],
        )
    page = Page(report_directories([root, tmp_path / "blind", tmp_path / "sound"], tmp_path / "report.html"))
    assert "CRPO answers both videos right in 25.0" in page.text
    models = page.text.partition("Models")[2].partition("Pair accuracy by task")[0]
    assert "CRPO" in models
    assert not [name for name in ("blind", "sound") if name in models]
    controls = page.text.partition("All control scores")[2]
    assert "blind, text only" in controls
    assert "sound, oracle" in controls
    alone = Page(report_directories([tmp_path / "sound"], tmp_path / "alone.html"))
    assert "No answers to full videos were evaluated" in alone.text
    assert "sound, oracle" in alone.text


def test_sound_controls_pass_and_a_broken_one_is_pointed_out() -> None:
    oracle, random = score_records(oracle_answers(SAMPLES)), score_records(random_answers(SAMPLES))
    assert all(
        check.verdict is sentences.Verdict.SOUND
        for check in sentences.checks({"controls": {"oracle": oracle, "random": random}})
    )
    assert sentences.checks({"controls": {"oracle": random}})[0].verdict is sentences.Verdict.WRONG
    blind = {"methods": {"crpo": {"controls": {"text_only": oracle}}}}
    assert "some pairs give themselves away" in sentences.checks(blind)[0].text


def test_each_control_is_judged_by_what_it_is_good_for() -> None:
    """An oracle's 100 % were pairs that give themselves away, and so was a clip that reversal leaves as it is."""
    oracle, random = score_records(oracle_answers(SAMPLES)), score_records(random_answers(SAMPLES))
    controls = {"oracle": oracle, "random": random, "reversed": oracle, "shuffled_frames": oracle}
    found = sentences.checks({"methods": {"og": {"controls": controls}}})
    sound, empty, wrong = sentences.Verdict.SOUND, sentences.Verdict.EMPTY, sentences.Verdict.WRONG
    assert [check.verdict for check in found] == [sound, sound, empty, wrong]
    begins = (
        "The oracle, which writes the gold answers to the questions of og, scores 100.0",
        "Random answers",
    )
    assert [check.text.startswith(begin) for check, begin in zip(found, begins, strict=False)] == [True, True]
    assert [text for check in found[:3] if "give themselves away" in (text := check.text)] == []
    assert "played backwards" in found[2].text
    broken = {"methods": {"og": {"controls": {"oracle": random, "random": oracle}}}}
    assert [check.verdict for check in sentences.checks(broken)] == [wrong, wrong]


def test_the_controls_of_several_demos_stand_beside_each_other(tmp_path: Path) -> None:
    """Those of the last one stood for all."""
    roots = [make_experiment(tmp_path / name, {"crpo": 5}) for name in ("one", "Two")]
    measured = [score_records(answers(SAMPLES)) for answers in (oracle_answers, random_answers)]
    for root, measures in zip(roots, measured, strict=True):
        (root / "summary.json").write_text(json.dumps({"controls": {"oracle": measures}}))
    summary = load_run_directories(roots).summary
    assert summary["controls"] == {"one/oracle": measured[0], "Two/oracle": measured[1]}
    verdicts = [check.verdict for check in sentences.checks(summary)]
    assert verdicts == [sentences.Verdict.SOUND, sentences.Verdict.WRONG]
    assert "Two, oracle" in Page(report_directories(roots, tmp_path / "report.html")).text


def test_chance_is_told_of_each_model_where_it_differs(tmp_path: Path) -> None:
    """The first folder's stood for all: in the table, in the charts and by task."""
    more = [one.model_copy(update={"options": (*OPTIONS, "None of the above")}) for one in SAMPLES]
    for name, asked in (("with-two", SAMPLES), ("again", SAMPLES), ("with-three", more)):
        (tmp_path / name).mkdir()
        append_answers(
            tmp_path / name / "answers.jsonl",
            [answer_record(one, rf"\boxed{{{one.solution}}}", Control.FULL) for one in asked],
        )
    two, three = tmp_path / "with-two", tmp_path / "with-three"
    page = Page(report_directories([two, tmp_path / "again", three], tmp_path / "report.html"))
    text = " ".join(page.text.replace("\N{NO-BREAK SPACE}", " ").split())
    assert "Chance (with-two, again) 50.0 %25.0 %" in text
    assert "Chance (with-three) 33.3 %11.1 %" in text
    assert "25.0 % (with-two, again), 11.1 % (with-three)" in text
    assert "Not all were asked alike: null option (with-two, again: no; with-three: yes)." in text
    assert page.source.count('class="chance"') - page.source.count('tr class="chance"') == 3 * 2
    alike = Page(report_directories([two, tmp_path / "again"], tmp_path / "alike.html"))
    assert "Chance (" not in alike.text
    assert "Not all were asked alike" not in alike.text
    assert alike.source.count('class="chance"') - alike.source.count('tr class="chance"') == 2


def test_only_inputs_with_less_to_see_stand_in_a_chart_and_each_has_a_mark() -> None:
    oracle = score_records(oracle_answers(SAMPLES))
    names = ["text_only", "single_frame", "shuffled_frames", "reversed", "oracle", "random"]
    summary = {"methods": {"og": {**oracle, "controls": dict.fromkeys(names, oracle)}}}
    (row,) = plot_rows(summary, PAIR_ACCURACY, {"og": 1})
    shapes = {mark.name: mark.shape for mark in row.marks}
    assert list(shapes) == ["og", "text only", "single frame", "shuffled frames", "reversed"]
    assert len(set(shapes.values())) == len(shapes)
    assert handicaps_shown(summary) == list(shapes.items())[1:]


@pytest.mark.parametrize(
    ("unreadable", "verdict"),
    [
        (0, sentences.Verdict.SOUND),
        (8, sentences.Verdict.SOUND),
        (9, sentences.Verdict.EMPTY),
        (40, sentences.Verdict.EMPTY),
    ],
)
def test_a_control_that_wrote_nothing_readable_says_nothing(
    unreadable: int, verdict: sentences.Verdict
) -> None:
    answers = [
        answer_record(one, "hm" if index < unreadable else r"\boxed{A}", Control.TEXT_ONLY)
        for index, one in enumerate(SAMPLES)
    ]
    found = sentences.checks({"methods": {"crpo": {"controls": {"text_only": score_records(answers)}}}})
    assert [check.verdict for check in found] == [verdict]
    assert f"{100 * unreadable / len(SAMPLES):.1f}\N{NO-BREAK SPACE}% unparsed" in found[0].text


def test_a_quick_demo_says_first_what_it_is_worth() -> None:
    summary = {**summary_of({"base": 2, "crpo": 15}), "settings": {"quick": True, "pairs": 20}}
    assert sentences.headline(summary, {})[0].startswith(
        "This quick demo shows the machinery, not the difference: 20 pairs"
    )


def test_a_run_that_learned_nothing_says_so_before_its_result() -> None:
    idle = [{"step": 1, "zero_advantage": 1.0, "unparsed": 1.0, "learning_rate": 1e-4}]
    told = sentences.headline(summary_of({"base": 2, "crpo": 15}), {"crpo": idle, "grpo": METRICS})
    assert told[0].startswith("CRPO: Nothing was learned: no answer could be read")
    assert "up from" in told[1]


def test_supervised_runs_have_charts_of_their_own() -> None:
    lessons = [{"step": step, "loss": 3.0 - step, "grad_norm": 1.0} for step in range(2)]
    rl = [{"step": step, "loss": 0.01, "zero_advantage": 0.5} for step in range(2)]
    slots = slots_of(["sft", "crpo"])
    titles = [figure.title for figure in main_figures({"sft": lessons, "crpo": rl}, slots)]
    assert titles == ["Groups without a signal", "Gradient norm, supervised", "Loss", "Loss, supervised"]
    assert [figure.title for figure in main_figures({"sft": lessons}, slots)] == ["Gradient norm", "Loss"]


@pytest.mark.parametrize(
    ("right", "outcome"),
    [
        ({"base": False, "crpo": True}, Outcome.FIXED),
        ({"base": True, "grpo": True, "crpo": False}, Outcome.BROKEN),
        ({"base": False, "crpo": False}, Outcome.FAILING),
        ({"base": True, "crpo": True}, Outcome.RIGHT),
        ({"two/base": False, "two/crpo": True}, Outcome.FIXED),
        ({"two/base": True, "two/crpo": False}, Outcome.BROKEN),
        ({"grpo": True, "crpo": False}, Outcome.SPLIT),
        ({"grpo": False, "crpo": False}, Outcome.FAILING),
    ],
)
def test_outcomes(right: dict[str, bool], outcome: Outcome) -> None:
    assert pair("p", right).outcome is outcome


def test_changed_means_that_an_answer_changed() -> None:
    assert pair("p", {"base": False, "crpo": True}).changed
    assert pair("p", {"two/base": False, "two/crpo": True}).changed
    assert not pair("p", {"base": True, "crpo": True}).changed
    assert not pair("p", {"crpo": True}).changed


def test_the_choice_shows_changes_failures_and_every_task() -> None:
    kinds = [(False, True), (True, False), (False, False), (True, True)]
    pairs = [
        pair(f"{task}-{kind}-{index}", {"base": kind[0], "crpo": kind[1]}, task)
        for task in ("a", "b", "c")
        for kind in kinds
        for index in range(20)
    ]
    chosen = select_pairs(pairs, 12)
    assert chosen == select_pairs(list(reversed(pairs)), 12)
    assert {one.outcome for one in chosen} == set(Outcome) - {Outcome.SPLIT}
    assert {one.task for one in chosen[:3]} == {"a", "b", "c"}
    assert sum(one.outcome is Outcome.FIXED for one in chosen) == 4


def test_a_choice_of_more_than_there_are_takes_all() -> None:
    pairs = [pair("p", {"base": True}), pair("q", {"base": False})]
    assert sorted(one.id for one in select_pairs(pairs, 12)) == ["p", "q"]
    assert select_pairs([], 12) == []


def test_several_demos_are_each_judged_by_their_own_start(tmp_path: Path) -> None:
    """In the first demo pairs 2 to 14 are mended; in the second the same ones are broken."""
    mended = make_experiment(tmp_path / "mended", {"base": 2, "crpo": 15})
    broken = make_experiment(tmp_path / "broken", {"base": 15, "crpo": 2})
    inputs = load_run_directories([mended, broken])
    assert outcome_counts(inputs.pairs) == {
        Outcome.FIXED: 13,
        Outcome.BROKEN: 13,
        Outcome.RIGHT: 2 * 2,
        Outcome.FAILING: 2 * 5,
    }
    page = Page(report_directories([mended, broken], tmp_path / "report.html"))
    assert "13 are mended by training, 13 are broken by training, 10 are wrong" in page.text
    assert (
        "mended/crpo answers both videos right in 75.0\u00a0% of pairs, up from 10.0\u00a0% before RL."
        in page.text
    )


def test_without_a_start_model_nothing_is_said_to_be_mended(tmp_path: Path) -> None:
    pairs = [pair("p", {"grpo": True, "crpo": False}), pair("q", {"grpo": True, "crpo": True})]
    page = build(tmp_path, pairs=pairs)
    assert "Of all pairs, 1 is right with every model, 1 is right with some models." in page.text
    assert "by training" not in page.text


@pytest.mark.parametrize(
    ("name", "names", "start"),
    [
        ("crpo", ["base", "crpo"], "base"),
        ("b/crpo", ["a/base", "a/crpo", "b/base", "b/crpo"], "b/base"),
        ("crpo", ["a/base", "b/base", "crpo"], None),
        ("b/crpo", ["base", "a/crpo", "b/crpo"], "base"),
        ("base", ["base", "crpo"], None),
        ("crpo", ["grpo", "crpo"], None),
    ],
)
def test_the_start_of_a_model_is_that_of_its_folder(name: str, names: list[str], start: str | None) -> None:
    assert sentences.start_of(name, names) == start


def test_every_chart_of_its_own_is_of_a_metric_that_training_writes() -> None:
    """TRL logs the loss, the gradient's norm and the KL; the trainer adds lengths, `group_metrics` the rest."""
    logged = {"loss", "grad_norm", "kl", "completion/length", "completion/truncated"}
    answers = [Answer("option", "A"), Answer("option", "B")]
    rollouts = tuple(Rollout(answer, well_formed=True) for answer in answers)
    method = Crpo(CrpoSettings(rollouts=2))
    asked = SAMPLES[0].model_copy(update={"task_type": TaskType.SPATIAL})
    branches = method.branches(asked, np.random.default_rng(0))
    group = Group(asked, answers[0], branches, (rollouts, rollouts))
    rewards = method.rewards(group)
    logged |= set(group_metrics([group], [rewards], method.advantages([rewards.totals])))
    assert [metric.key for metric in LOGGED if metric.key not in logged] == []


def test_training_directories_of_one_method_are_told_apart(tmp_path: Path) -> None:
    runs = [make_experiment(tmp_path / name, {}) / "crpo" for name in ("one", "two")]
    runs = [run.rename(run.parent / f"run-{run.parent.name}") for run in runs]
    assert list(load_run_directories(runs[:1]).runs) == ["crpo"]
    assert list(load_run_directories(runs).runs) == ["run-one/crpo", "run-two/crpo"]


def test_stored_summaries_are_shown_as_they_are(tmp_path: Path) -> None:
    root = make_experiment(tmp_path / "demo", {"base": 2, "crpo": 15})
    stored = {"methods": {"base": {"p_acc": 0.5}, "crpo": {"p_acc": 0.25}}, "comparisons": []}
    (root / "summary.json").write_text(json.dumps(stored))
    assert load_run_directories([root]).summary["methods"] == stored["methods"]
    assert (
        "25.0\u00a0% of pairs, down from 50.0" in Page(report_directories([root], tmp_path / "r.html")).text
    )


def test_failures_are_collected_with_their_place(tmp_path: Path) -> None:
    root = make_experiment(tmp_path / "demo", {"base": 2})
    row = {"id": "x", "path": "videos/x.mp4", "error": "DecodeError", "message": "truncated"}
    (root / "crpo" / "failures.jsonl").write_text(json.dumps(row) + "\n")
    assert load_run_directories([root]).failures == [{**row, "where": "crpo"}]


@pytest.mark.parametrize(("name", "message"), [("missing", "not a directory"), ("", "nothing to report")])
def test_directories_without_results_are_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_run_directories([tmp_path / name])


def test_no_directory_is_refused() -> None:
    with pytest.raises(UsageError, match="No directory given"):
        load_run_directories([])


def test_a_damaged_summary_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{")
    with pytest.raises(DataError, match=r"summary\.json: .*not JSON"):
        load_run_directories([tmp_path])


def test_large_clips_become_previews_and_broken_ones_notes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 3, 128, 128), dtype=np.uint8)
    encode(tmp_path / "noise.mp4", noise, 10, crf=1)
    assert (tmp_path / "noise.mp4").stat().st_size > 400_000
    preview = inline_clip(tmp_path / "noise.mp4")
    assert preview.note.startswith("Preview of 32 frames")
    assert preview.uri is not None
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    broken = inline_clip(tmp_path / "broken.mp4")
    assert broken.uri is None
    assert "broken.mp4" in broken.note
    assert inline_clip(None).uri is None


def test_a_series_keeps_finite_values_and_the_last_row_of_a_step() -> None:
    rows: list[dict[str, Any]] = [
        {"step": 2, "kl": 3},
        {"step": 1, "kl": None},
        {"step": 0, "kl": 1},
        {"step": 2, "kl": 4},
    ]
    assert series(rows, "kl", "run", 1) == Series("run", 1, (0, 2), (1.0, 4.0))


def test_known_metrics_have_charts_and_others_are_not_lost() -> None:
    runs = {"crpo": METRICS, "grpo": [{"step": 0, "grad_norm": 1.0, "zero_advantage": 0.5}]}
    slots = slots_of(["base", "crpo", "grpo"])
    assert slots == {"base": 0, "crpo": 1, "grpo": 2}
    assert [figure.title for figure in main_figures(runs, slots)] == [
        "Correctness",
        "Groups without a signal",
        "Gradient norm",
    ]
    assert [figure.title for figure in other_figures(runs, slots)] == ["odd/one"]


def test_smoothing_is_a_centred_mean() -> None:
    line = Series("x", 1, tuple(range(40)), tuple(float(i) for i in range(40)))
    # 40 values: a window of 3, and of 2 at both ends.
    assert line.smoothed()[:2] == (0.5, 1.0)
    assert line.smoothed()[20] == 20.0
    assert line.smoothed()[-1] == 38.5


def test_a_chart_names_every_line_and_needs_values() -> None:
    svg = line_chart("KL", [Series("GRPO", 1, (0, 1), (0.0, 0.5)), Series("CRPO", 2, (0,), (0.25,))])
    assert 'aria-label="KL: GRPO from 0 to 0.5; CRPO from 0.25 to 0.25"' in svg
    assert svg.count('class="label') == 2
    with pytest.raises(ValueError, match="no values"):
        line_chart("KL", [Series("GRPO", 1, (), ())])


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0, 1) == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert ticks(-3, 47, 5) == pytest.approx([0, 10, 20, 30, 40])


def test_labels_keep_their_distance_and_order() -> None:
    assert spread([10, 11, 50], 15, 0, 100) == [10, 25, 50]
    assert spread([98, 99], 15, 0, 100) == [85, 100]


def answers_about_foreign_data(folder: Path, columns: object) -> Path:
    """Answers beside a file of records with a key of its own for the question, as run.json says."""
    rows = [{**format_record(one), "q": one.question} for one in SAMPLES[:2]]
    for row in rows:
        del row["problem"]
    folder.mkdir()
    (folder / "mine.json").write_text(json.dumps(rows))
    append_answers(
        folder / "answers.jsonl", [answer_record(one, r"\boxed{A}", Control.FULL) for one in SAMPLES[:2]]
    )
    settings = {"data": str(folder / "mine.json"), "root": str(folder), "columns": columns}
    (folder / "run.json").write_text(json.dumps(settings))
    return folder


def test_questions_are_read_by_the_column_map_that_they_were_asked_with(tmp_path: Path) -> None:
    folder = answers_about_foreign_data(tmp_path / "a", {"problem": "q"})
    assert load_run_directories([folder]).pairs[0].question == "Which way?"
    with pytest.raises(DataError, match="column map that is none"):
        load_run_directories([answers_about_foreign_data(tmp_path / "b", {"problem": 5})])
