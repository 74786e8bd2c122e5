"""Suites: the papers' means from the papers' own numbers, and which questions a subset takes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retroflip.bench.benchmarks.registry import BENCHMARKS
from retroflip.bench.metrics import METRICS
from retroflip.bench.records import AnswerRecord, Control, Origin, answer_record, append_answers
from retroflip.bench.suite import Suite, means, read_suite, suite_names
from retroflip.bench.suite_score import score_suite
from retroflip.cli.app import app
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import RecipeError, UsageError


def sample(task: str = "", **labels: str) -> Sample:
    return Sample(
        id="1", video="1.mp4", question="?", solution="1", problem_type=ProblemType.NUMERICAL, source_clip="1",
        task=task, labels=labels,
    )  # fmt: skip


def test_all_shipped_suites_are_read() -> None:
    assert suite_names() == ["crpo", "strive", "synrl"]
    assert [len(read_suite(name).benchmarks) for name in suite_names()] == [5, 6, 16]
    assert read_suite("crpo").frames == read_suite("strive").frames == 32
    assert read_suite("synrl").frames is None


@pytest.mark.parametrize(
    ("scores", "printed"),
    [
        ((55.4, 33.3, 68.4, 69.9, 49.4, 63.5), 56.6), ((57.8, 34.3, 68.2, 72.8, 48.6, 63.8), 57.6),
        ((61.1, 35.9, 67.7, 75.1, 49.5, 64.6), 59.0), ((61.7, 36.6, 69.4, 75.1, 50.1, 65.7), 59.8),
        ((62.1, 53.3, 68.7, 77.8, 56.5, 67.0), 64.2), ((62.1, 54.4, 70.2, 78.3, 56.5, 69.6), 65.2),
    ],
)  # fmt: skip
def test_the_average_of_strives_table_1(scores: tuple[float, ...], printed: float) -> None:
    suite = read_suite("strive")
    (average,) = means(suite, dict(zip(suite.members, scores, strict=True))).values()
    # 56.65 is printed as 56.6.
    assert average.value == pytest.approx(printed, abs=0.0501)


@pytest.mark.parametrize(
    ("scores", "printed"),
    [
        ((32.1, 38.9, 65.4, 60.9, 67.4, 52.7, 40.8, 54.1), (35.5, 64.6, 49.2)),
        ((36.7, 40.7, 67.1, 62.0, 68.2, 54.4, 43.2, 54.5), (38.7, 65.8, 50.7)),
    ],
)
def test_the_groups_of_synrls_tables(scores: tuple[float, ...], printed: tuple[float, ...]) -> None:
    names = [
        "tomato",
        "videott",
        "mvbench",
        "videomme",
        "temporalbench",
        "aotbench",
        "vinoground",
        "videommmu",
    ]
    found = means(read_suite("synrl"), dict(zip(names, scores, strict=True)))
    assert [round(one.value or 0.0, 1) for one in found.values()] == list(printed)


def test_a_mean_that_misses_a_member_has_no_value_and_names_it() -> None:
    found = means(read_suite("synrl"), {"tomato": 30.0, "videott": None, "mvbench": 1.0})
    assert found["Complex Reasoning"] == (None, ("videott",))
    assert found["General VideoQA"].missing == ("aotbench", "vinoground", "videommmu")


def test_members_take_their_share_of_a_benchmark() -> None:
    suite = read_suite("synrl")
    asked = [sample("action_count"), sample("moving_direction"), sample("scene_transition")]
    assert [suite.members["mvbench-action"].holds(one) for one in asked] == [True, False, False]
    assert [suite.members["mvbench-moving"].holds(one) for one in asked] == [False, True, False]
    assert all(suite.counts("mvbench", one) for one in asked)
    assert suite.members["videomme-long"].holds(sample(duration="long"))
    assert not suite.members["videomme-long"].holds(sample(duration="short"))
    assert not suite.members["videomme-long"].holds(sample())
    spans = [sample("grounding"), sample("answer")]
    assert [one for one in spans if suite.counts("rextime", one)] == spans[:1]


def answers(folder: Path, *records: AnswerRecord) -> None:
    folder.mkdir(parents=True)
    append_answers(folder / "answers.jsonl", records)


def chosen(name: str, said: str, task: str = "", draw: int = 0, **labels: str) -> AnswerRecord:
    asked = Sample(
        id=name, video=f"{name}.mp4", question="?", options=("a", "b"), solution="A", source_clip=name, task=task,
        problem_type=ProblemType.MULTIPLE_CHOICE, labels=labels,
    )  # fmt: skip
    return answer_record(asked, said, Control.FULL, origin=Origin(draw=draw))


SUITE = """
title: mine
paper: none
members:
  all: {bench: mvbench}
  moving: {bench: mvbench, title: Moving, where: {task: [moving_direction]}}
  long: {bench: videomme, where: {duration: [long]}}
  spans: {bench: charades, metric: grounding.miou}
means: {both: [all, long], none: [all, spans]}
"""


@pytest.fixture
def answered(tmp_path: Path) -> Path:
    answers(
        tmp_path / "mvbench", chosen("1", "A", "moving_direction"), chosen("2", "B", "moving_direction"),
        chosen("3", "A", "action_count"), chosen("4", "A", "action_count"),
    )  # fmt: skip
    draws = [chosen("1", said, draw=n, duration="long") for n, said in enumerate("BBAB")]
    answers(tmp_path / "videomme", *draws, chosen("2", "A", duration="short"))
    (tmp_path / "suite.yaml").write_text(SUITE)
    return tmp_path


def test_a_folder_of_answers_as_the_papers_table(answered: Path) -> None:
    suite = read_suite(str(answered / "suite.yaml"))
    found = score_suite(suite, answered)
    members = found["members"]
    assert [members[name]["ours"] for name in suite.members] == [75.0, 50.0, 0.0, None]
    assert [members[name]["n"] for name in suite.members] == [4, 2, 1, 0]
    # One of four draws is right: a half for two of them.
    assert members["long"]["passes"] == {"1": 25.0, "2": 50.0, "4": 100.0}
    assert "no answers.jsonl" in members["spans"]["missing"]
    assert found["means"]["ours"]["both"] == {"value": 37.5, "missing": []}
    assert found["means"]["ours"]["none"] == {"value": None, "missing": ["spans"]}
    assert found["means"]["pass@4"]["both"]["missing"] == ["all"]


def test_the_command_prints_the_table_and_what_is_missing(answered: Path) -> None:
    ran = CliRunner().invoke(app, ["score", "--suite", str(answered / "suite.yaml"), str(answered)])
    assert ran.exit_code == 0, ran.output
    assert "mean: both" in ran.stdout
    assert "spans has no number" in ran.stdout
    twice = ["score", "--suite", str(answered / "suite.yaml"), str(answered), str(answered / "..")]
    assert "holds no answers to any benchmark" in " ".join(CliRunner().invoke(app, twice).output.split())
    shown = CliRunner().invoke(app, ["score", "--suite", "strive", str(answered), "--json"])
    assert json.loads(shown.stdout)["means"]["ours"]["avg"]["value"] is None
    none = CliRunner().invoke(app, ["score", "--suite", "strive", str(answered / "nothing")])
    assert (none.exit_code, "generate --suite" in " ".join(none.output.split())) == (1, True)


def test_every_member_of_the_shipped_suites_names_what_there_is() -> None:
    members = [one for name in suite_names() for one in read_suite(name).members.values()]
    assert {one.bench for one in members} - set(BENCHMARKS) == {"dybench"}
    keys = {
        metric.key if metric.family.part is None else f"{metric.family.part}.{metric.key}"
        for metric in METRICS
    }
    assert {one.metric for one in members} - keys == {"overall"}


def test_faults_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="crpo, strive, synrl"):
        read_suite("synlr")
    path = tmp_path / "mine.yaml"
    path.write_text("title: t\npaper: p\nmembers: {a: {bench: b}}\nmeans: {all: [a, c]}\n")
    with pytest.raises(RecipeError, match="'c', which is none of the members"):
        read_suite(str(path))
    path.write_text("title: t\npaper: p\nmembres: {a: {bench: b}}\n")
    with pytest.raises(RecipeError, match="did you mean members"):
        read_suite(str(path))
    path.write_text("title: t\npaper: p\nmembers: {a: {bench: b}}\n")
    assert isinstance(read_suite(str(path)), Suite)
