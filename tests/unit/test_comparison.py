"""Several answerers side by side: adjusted tests, what could have been found, and tables that nothing breaks."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from retroflip.bench.comparison import Table, compare_runs, tables
from retroflip.bench.records import AnswerRecord, as_record
from retroflip.bench.rendering import latex, markdown, web
from retroflip.bench.stats import detectable, holm
from retroflip.cli.app import app
from retroflip.data.intervals import Interval, wilson
from retroflip.files.storage import write_jsonl_atomic


def row(number: int, side: int, right: bool, **settings: Any) -> dict[str, Any]:
    """Return an answer to one side of pair `number`, whose right answers are A and B."""
    gold = "AB"[side]
    answer = gold if right else "BA"[side]
    return {
        "id": f"{number}-{side}",
        "pair": str(number),
        "side": side,
        "source_clip": str(number),
        "gold": gold,
        "options": ["left", "right"],
        "problem_type": "multiple choice",
        "response": answer,
        "answer": answer,
        "correct": right,
        "video": f"{number}-{side}.mp4",
        "task": "direction" if number % 2 else "order",
        **settings,
    }


def answers(right_pairs: int, pairs: int = 20, **settings: Any) -> list[dict[str, Any]]:
    """Return answers of which the first so many pairs are right on both sides, the others on side 0 alone."""
    return [
        row(number, side, number < right_pairs or side == 0, **settings)
        for number in range(pairs)
        for side in (0, 1)
    ]


def records(rows: list[dict[str, Any]]) -> list[AnswerRecord]:
    """Return rows as records."""
    return [as_record(one) for one in rows]


def test_wilson_has_the_published_values() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 0.27753), abs=1e-5)
    assert wilson(5, 10) == pytest.approx((0.23659, 0.76341), abs=1e-5)
    assert wilson(10, 10) == pytest.approx((0.72247, 1.0), abs=1e-5)
    assert wilson(0, 0) is None
    with pytest.raises(ValueError, match="11 of 10"):
        wilson(11, 10)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_between_the_p_value_and_bonferroni_and_keeps_the_order(values: list[float]) -> None:
    found = holm(values)
    assert all(p <= q <= min(1.0, len(values) * p) + 1e-12 for p, q in zip(values, found, strict=True))
    ranked = [q for _, q in sorted(zip(values, found, strict=True))]
    assert ranked == sorted(ranked)


def test_what_can_be_found_is_2_8_standard_errors() -> None:
    assert detectable(Interval(-0.0196, 0.0196)) == pytest.approx(0.028, abs=1e-4)


def test_models_are_compared_with_adjusted_tests() -> None:
    found = compare_runs(
        {"start": records(answers(2)), "grpo": records(answers(3)), "crpo": records(answers(14))},
        resamples=200,
    )
    first = {(one["a"], one["b"]): one for one in found["comparisons"]}
    assert first["start", "crpo"]["p_acc_difference"] == pytest.approx(12 / 20)
    assert first["start", "crpo"]["mcnemar_p"] == pytest.approx(2 / 2**12)
    assert first["start", "crpo"]["holm_p"] == pytest.approx(6 / 2**12)
    assert first["start", "grpo"]["holm_p"] == 1.0
    assert 0 < first["start", "crpo"]["detectable"] < 0.6


def test_tables_have_the_shapes_of_the_paper() -> None:
    handicapped = [
        {**one, "control": "single_frame", "answer": None, "correct": False, "response": "?"}
        for one in answers(0)
    ]
    scores = compare_runs(
        {"a": records([*answers(5), *handicapped]), "b": records(answers(8))}, resamples=50
    )["scores"]
    overall, shortcuts, tasks = tables(scores)
    assert overall.columns[:2] == ("Acc", "P-Acc")
    assert [name for name, _ in overall.rows] == ["a", "b", "Random chance"]
    assert overall.rows[1][1][1].value == pytest.approx(40.0)
    assert overall.rows[2][1][1].value == pytest.approx(25.0)
    assert shortcuts.head == (("Full video", 2), ("Single frame", 2))
    assert shortcuts.rows[0][1][3].note == "100% unparsed"
    assert shortcuts.rows[1][1][2].value is None
    assert tasks.head == (("Direction", 2), ("Order", 2), ("Overall", 2))
    assert all(
        len(entries) == len(table.columns)
        for table in (overall, shortcuts, tasks)
        for _, entries in table.rows
    )


def test_numbers_of_a_control_stand_in_its_own_column_alone() -> None:
    """The answerer of which there is an oracle's word alone was in the row of those that see the video, at 100 %."""
    blind = [{**one, "control": "text_only"} for one in answers(4)]
    backwards = [{**one, "control": "reversed"} for one in answers(6)]
    oracle = [{**one, "control": "oracle"} for one in answers(20)]
    found = compare_runs(
        {
            "seeing": records([*answers(14), *backwards]),
            "blind": records(blind),
            "oracle": records(oracle),
            "better": records(answers(18)),
        },
        resamples=50,
    )
    overall, shortcuts, model_free, tasks = tables(found["scores"])

    def shown(table: Table) -> dict[str, list[float | None]]:
        return {name: [entry.value for entry in entries[1::2]] for name, entries in table.rows}

    assert shown(overall)["blind"] == shown(overall)["oracle"] == [None, None]
    assert [name for name, _ in shortcuts.head] == ["Full video", "Text only", "Reversed"]
    assert shown(shortcuts) == {
        "seeing": [70.0, None, 30.0],
        "blind": [None, 20.0, None],
        "oracle": [None, None, None],
        "better": [90.0, None, None],
        "Random chance": [25.0, 25.0, 25.0],
    }
    assert model_free.head == (("Oracle", 2),)
    assert shown(model_free)["oracle"] == [100.0]
    assert shown(model_free)["seeing"] == [None]
    assert shown(tasks)["oracle"] == [None, None, None]
    made = {(one["a"], one["b"]): one for one in found["comparisons"]}
    assert made["seeing", "better"]["holm_p"] == made["seeing", "better"]["mcnemar_p"]
    assert made["seeing", "blind"]["holm_p"] is None


WITH_NULL: dict[str, Any] = {"options": ["left", "right", "None of the above"]}


def test_chance_is_told_of_each_folder_where_it_differs() -> None:
    """The first folder's stood for all, so that who was offered a null option was set against the wrong one."""
    more = [{**one, "control": "text_only", **WITH_NULL} for one in answers(4)]
    one_task = [one for one in answers(6) if one["task"] == "order"]
    found = compare_runs(
        {
            "base": records(answers(2)),
            "part": records(one_task),
            "null": records(answers(4, **WITH_NULL)),
            "blind": records(more),
        },
        resamples=20,
    )
    overall, shortcuts, tasks = tables(found["scores"])

    def chances(table: Table) -> dict[str, list[float | None]]:
        return {
            name: [None if entry.value is None else round(entry.value, 1) for entry in entries[:4]]
            for name, entries in table.rows
            if name.startswith("Random chance")
        }

    assert chances(overall) == {
        "Random chance (base, part)": [50.0, 25.0, 50.0, None],
        "Random chance (null)": [33.3, 11.1, 33.3, None],
    }
    assert chances(shortcuts) == {
        "Random chance (base, part)": [50.0, 25.0, 50.0, 25.0],
        "Random chance (null, blind)": [33.3, 11.1, 33.3, 11.1],
    }
    assert chances(tasks) == {
        "Random chance (base, part)": [50.0, 25.0, 50.0, 25.0],
        "Random chance (null)": [33.3, 11.1, 33.3, 11.1],
    }


def test_what_was_not_asked_alike_is_told_in_a_line() -> None:
    asked = {"a": records(answers(2)), "b|b": records(answers(4))}
    assert compare_runs(asked, {"a": {}, "b|b": stating(8)}, resamples=20)["unlike"] == ""
    assert compare_runs(asked, {"a": stating(8), "b|b": stating(8)}, resamples=20)["unlike"] == ""
    turned = [{**one, "options": ["right", "left"], "letters": ["B", "A"]} for one in answers(4)]
    assert compare_runs({**asked, "b|b": records(turned)}, resamples=20)["unlike"] == ""
    blind = [{**one, "control": "text_only"} for one in answers(4)]
    assert compare_runs({**asked, "b|b": records(blind)}, resamples=20)["unlike"] == ""
    asked |= {"c": records(answers(4, **WITH_NULL)), "d": records(answers(3, pairs=10))}
    settings = {"a": stating(8), "b|b": stating(8), "c": stating(None, fps=2.0), "d": {"conditions": []}}
    found = compare_runs(asked, settings, resamples=20)
    assert found["unlike"] == (
        "Not all were asked alike: questions (a, b|b, c: 40; d: 20; common to all: 20), "
        "null option (a, b|b, d: no; c: yes), frames (a, b|b: 8; c: none), fps (a, b|b: none; c: 2.0)."
    )
    first, *others = tables(found["scores"], found["unlike"])
    assert {table.note for table in others} == {""}
    assert "\n\nNot all were asked alike: questions (a, b\\|b, c: 40; d" in markdown(first)
    assert "Not all were asked alike" in latex(first)
    assert "<p>Not all were asked alike" in web({first.title: first})


def stating(frames: int | None, fps: float | None = None) -> dict[str, Any]:
    """Return a run.json that states which frames were shown."""
    conditions = {"frames": {"value": frames}, "sampler": {"value": "uniform"}, "fps": {"value": fps}}
    return {"conditions": conditions}


def test_without_an_answer_to_a_full_video_there_is_no_table_of_them() -> None:
    oracle = [{**one, "control": "oracle"} for one in answers(20)]
    scores = compare_runs({"a": records(oracle), "b": records(oracle)}, resamples=50)["scores"]
    assert [table.title for table in tables(scores)] == ["Without a model"]


def test_hostile_names_break_no_table() -> None:
    name = "<script>a|b_c & 50% \\x{y}\nz"
    scores = compare_runs({name: records(answers(5)), "b": records(answers(8))}, resamples=50)["scores"]
    made = {table.title: table for table in tables(scores)}
    page = web(made)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    for table in made.values():
        lines = markdown(table).splitlines()[2:]
        bars = {line.replace("\\|", "").count("|") for line in lines}
        assert len(bars) == 1
        assert r"\textless{}script\textgreater{}a\textbar{}b\_c \& 50\% \textbackslash{}x\{y\} z" in latex(
            table
        )


def test_the_command_line_compares_folders(tmp_path: Path) -> None:
    for name, right in (("start", 2), ("crpo", 14), ("a|b <i>", 3)):
        (tmp_path / name).mkdir()
        write_jsonl_atomic(tmp_path / name / "answers.jsonl", answers(right))
    (tmp_path / "start" / "run.json").write_text(json.dumps(stating(8)))
    (tmp_path / "crpo" / "run.json").write_text(json.dumps(stating(4)))
    hostile = CliRunner().invoke(app, ["compare", str(tmp_path / "start"), str(tmp_path / "a|b <i>")])
    assert "- a\\|b &lt;i&gt; minus start" in hostile.output
    folders = [str(tmp_path / "start"), str(tmp_path / "crpo")]
    run = CliRunner().invoke(app, ["compare", *folders])
    assert run.exit_code == 0, run.output
    assert "| crpo |" in run.output
    assert "Not all were asked alike: frames (start: 8; crpo: 4)." in run.output
    assert "crpo minus start: P-Acc +60.0" in run.output
    (tmp_path / "o|x").mkdir()
    write_jsonl_atomic(
        tmp_path / "o|x" / "answers.jsonl", [{**one, "control": "oracle"} for one in answers(20)]
    )
    blind = CliRunner().invoke(app, ["compare", folders[0], str(tmp_path / "o|x")])
    assert "- o\\|x minus start: not compared, since o\\|x has no answers to full videos." in blind.output
    scored = CliRunner().invoke(app, ["score", folders[0], str(tmp_path / "o|x")])
    assert "o|x against start: not compared, since o|x has no answers to full videos." in scored.output
    three = CliRunner().invoke(app, ["score", *folders, str(tmp_path / "o|x")])
    assert "o|x, oracle" in three.output.partition("All folders")[2]
    as_json = json.loads(CliRunner().invoke(app, ["compare", *folders, "--json"]).stdout)
    assert as_json["comparisons"][0]["n_pairs"] == 20
    page = tmp_path / "page.html"
    assert CliRunner().invoke(app, ["compare", *folders, "--form", "html", "--out", str(page)]).exit_code == 0
    assert page.read_text().startswith("<!doctype html>")
    twice = CliRunner().invoke(app, ["compare", folders[0], folders[0]])
    assert twice.exit_code == 2
    assert "twice" in twice.output
