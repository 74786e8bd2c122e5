"""Figures for a paper: which lines they have, what stands behind a band, and what is left out and told."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from retroflip.bench.metrics.training import LOGGED
from retroflip.bench.records import Control, answer_record, append_answers
from retroflip.cli.app import app
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import UsageError
from retroflip.report import figures
from retroflip.report.charts import Series
from retroflip.report.figures import (
    FORMS,
    PAPER,
    Drawn,
    Line,
    draw,
    line_of,
    rendered,
    together,
    write_figures,
)

CRPO = {
    "reward/correct": 0.5, "reward/original/correct": 0.5, "reward/original/crr": 0.1,
    "reward/counterfactual/behave": 0.6, "reward/counterfactual/crr": 0.1, "zero_advantage": 0.25, "reward_std": 0.4,
    "grad_norm": 1.5, "same_answer/counterfactual": 0.3,
}  # fmt: skip
GRPO = {"reward/correct": 0.7, "reward/original/correct": 0.7, "zero_advantage": 0.5, "reward_std": 0.2}
EVIL = "_$x^2$ \n<b>{}% é"


def rows_of(values: Mapping[str, float], steps: int = 3) -> list[dict[str, Any]]:
    return [{"step": step, **values} for step in range(1, steps + 1)]


def settings_of(method: str, seed: int, data: str = "/d/records.jsonl", **more: Any) -> dict[str, Any]:
    train = {"steps": 3, "seed": seed, **more}
    return {"recipe": {"train": train, "method": {"name": method}, "data": {"records": data}}}


def make_run(folder: Path, values: Mapping[str, float], settings: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows_of(values)))
    (folder / "run.json").write_text(json.dumps(settings))
    return folder


def make_answers(folder: Path, right: int) -> Path:
    samples = [
        Sample(
            id=f"p{index}-{side}", video=f"p{index}-{side}.mp4", question="Which way?", options=("left", "right"),
            solution="AB"[side], problem_type=ProblemType.MULTIPLE_CHOICE, task="moving_direction",
            source_clip=f"p{index}", pair=f"p{index}", side=side,
        )
        for index in range(4) for side in (0, 1)
    ]  # fmt: skip
    said = [one.solution if index < 2 * right else "A" for index, one in enumerate(samples)]
    folder.mkdir(parents=True)
    records = [
        answer_record(one, rf"\boxed{{{letter}}}", Control.FULL)
        for one, letter in zip(samples, said, strict=True)
    ]
    append_answers(folder / "answers.jsonl", records)
    return folder


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[bytes, Sequence[Drawn]]:
    """What each figure was drawn from; rendering itself, which is slow, has a test of its own."""
    seen: dict[bytes, Sequence[Drawn]] = {}

    def remember(panels: Sequence[Drawn], form: str) -> bytes:
        content = f"{len(seen)} {form}".encode()
        seen[content] = panels
        return content

    monkeypatch.setattr(figures, "rendered", remember)
    return seen


def run_all(out: Path, runs: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> figures.Written:
    return write_figures(out, {"methods": {}}, runs, settings or {})


def panels_of(out: Path, drawn: Mapping[bytes, Sequence[Drawn]], name: str) -> dict[str, Drawn]:
    return {one.title: one for one in drawn[(out / f"{name}.pdf").read_bytes()]}


def test_the_band_of_two_seeds_goes_from_the_lower_to_the_higher_over_the_steps_of_both() -> None:
    a = Series("a", 0, (1.0, 2.0, 3.0), (0.0, 0.5, 1.0))
    b = Series("b", 0, (2.0, 3.0, 4.0), (1.0, 0.25, 9.0))
    assert line_of("CRPO", [a, b]) == Line(
        "CRPO (2 seeds)", ("a", "b"), (2.0, 3.0), (0.75, 0.625), (0.5, 0.25), (1.0, 1.0)
    )
    assert line_of("CRPO", [a, Series("b", 0, (7.0,), (1.0,))]) is None


def test_a_single_run_keeps_what_was_measured_beside_its_smoothed_line() -> None:
    values = tuple(float(step % 2) for step in range(40))
    line = line_of("GRPO", [Series("a", 0, tuple(map(float, range(40))), values)])
    assert line is not None
    assert line.raw == values
    assert line.mean[1:39] == pytest.approx(
        [1 / 3 if step % 2 == 0 else 2 / 3 for step in range(39)][0:38], abs=0.34
    )
    assert line.low == line.mean == line.high


def test_runs_that_differ_in_their_seed_alone_are_one_line() -> None:
    settings = {
        "seed-0/crpo": settings_of("crpo", 0, "/old/seed-0/data/records.jsonl"),
        "seed-1/crpo": settings_of("crpo", 1, "/old/seed-1/data/records.jsonl"),
        "seed-0/grpo": settings_of("grpo", 0, "/old/seed-0/data/records.jsonl"),
    }
    assert together(dict.fromkeys(settings, ()), settings) == {
        "CRPO": ("seed-0/crpo", "seed-1/crpo"),
        "GRPO": ("seed-0/grpo",),
    }


@pytest.mark.parametrize(
    "other",
    [
        settings_of("crpo", 0),  # the same seed twice is no second seed
        settings_of("crpo", 1, learning_rate=0.1),
        settings_of("crpo", 1, "/other/records.jsonl"),
        {},
        {"recipe": "what somebody wrote"},
        {"recipe": {"train": None}},
    ],
)
def test_other_runs_are_lines_of_their_own(other: dict[str, Any]) -> None:
    settings = {"one/crpo": settings_of("crpo", 0), "two/crpo": other}
    assert together(dict.fromkeys(settings, ()), settings) == {
        "one/crpo": ("one/crpo",),
        "two/crpo": ("two/crpo",),
    }


def test_every_paper_figure_has_a_line_for_each_method_that_logged_its_metric(
    tmp_path: Path, drawn: dict[bytes, Sequence[Drawn]]
) -> None:
    arrow = {"reward/correct": 0.6, "reward/original/reverse": 0.05, "zero_advantage": 0.4}
    runs = {
        "crpo": rows_of(CRPO),
        "grpo": rows_of(GRPO),
        "arrow_rl": rows_of(arrow),
        "sft": rows_of({"loss": 2.0}),
    }
    written = run_all(tmp_path, runs)
    lines = {
        name: {
            title: [line.name for line in one.lines]
            for title, one in panels_of(tmp_path, drawn, name).items()
        }
        for name in (figure.name for figure in PAPER)
    }
    assert lines == {
        "crpo_dynamics": {
            "Correctness reward": ["CRPO", "GRPO", "ArrowRL"],
            "Groups without a signal": ["CRPO", "GRPO", "ArrowRL"],
            "Auxiliary reward": ["CRPO", "ArrowRL"],
        },
        "crpo_rewards": {
            "Correct, original": ["CRPO"],
            "CRR, original": ["CRPO"],
            "Behaviour, counterfactual": ["CRPO"],
            "CRR, counterfactual": ["CRPO"],
        },
        "strive_dynamics": {
            "Reward spread": ["CRPO", "GRPO"],
            "Groups without a signal": ["CRPO", "GRPO", "ArrowRL"],
            "Gradient norm": ["CRPO"],
        },
    }
    auxiliary = panels_of(tmp_path, drawn, "crpo_dynamics")["Auxiliary reward"].lines
    assert [line.mean[0] for line in auxiliary] == [0.1, 0.05]
    assert [
        line.name for line in panels_of(tmp_path, drawn, "loss_supervised")["Loss, supervised"].lines
    ] == ["SFT"]
    assert not any("crpo_" in one or "strive_" in one for one in written.left_out)


def test_what_no_run_has_logged_is_left_out_and_told(
    tmp_path: Path, drawn: dict[bytes, Sequence[Drawn]]
) -> None:
    run_all(tmp_path, {"crpo": rows_of(CRPO)})
    written = run_all(tmp_path, {"grpo": rows_of(GRPO)})
    assert not (tmp_path / "crpo_rewards.pdf").exists()  # of the earlier runs
    assert list(panels_of(tmp_path, drawn, "crpo_dynamics")) == [
        "Correctness reward",
        "Groups without a signal",
    ]
    told = " | ".join(written.left_out)
    assert (
        "crpo_rewards (CRPO, figure 7): no run has logged reward/original/correct, reward/original/crr"
        in told
    )
    assert "crpo_dynamics, Auxiliary reward: no run has logged reward/original/crr" in told
    assert "gradient_norm: no run has logged grad_norm" in told
    assert "tables.md, tables.tex: no answers were scored" in told


def test_steps_that_not_all_seeds_have_and_signs_without_a_font_are_told(
    tmp_path: Path, drawn: dict[bytes, Sequence[Drawn]]
) -> None:
    settings = {"0/crpo": settings_of("crpo", 0), "1/crpo": settings_of("crpo", 1)}
    runs = {"0/crpo": rows_of(CRPO, 5), "1/crpo": rows_of(CRPO, 3), "测/x": rows_of(GRPO)}
    written = run_all(tmp_path, runs, settings)
    assert written.left_out[0] == "2 of 5 steps of CRPO, which not all 2 runs have"
    assert not any("测" in one for one in written.left_out)  # its line is called x
    (line, _) = panels_of(tmp_path, drawn, "correctness")["Correctness"].lines
    assert (line.name, line.steps) == ("CRPO (2 seeds)", (1.0, 2.0, 3.0))
    told = run_all(tmp_path, {"测试": rows_of(GRPO)}).left_out
    assert told[0] == "测试 in names of lines, which the font lacks; give the folders other names"


def test_what_is_no_number_is_no_point(tmp_path: Path, drawn: dict[bytes, Sequence[Drawn]]) -> None:
    rows: list[dict[str, Any]] = [
        {"step": 1, "reward/correct": float("nan")}, {"step": "2", "reward/correct": 0.1},
        {"step": 3, "reward/correct": "x"}, {"reward/correct": 0.2}, {"step": 5, "reward/correct": 0.5},
    ]  # fmt: skip
    run_all(tmp_path, {"grpo": rows})
    (line,) = panels_of(tmp_path, drawn, "correctness")["Correctness"].lines
    assert (line.steps, line.raw) == ((5.0,), (0.5,))


def test_a_run_of_somebody_else_whose_files_say_odd_things_is_drawn(tmp_path: Path) -> None:
    rows = [{"step": 1, "reward/correct": 0.5, "zero_advantage": "x"}, {"step": "2", "zero_advantage": 0.5}]
    run = tmp_path / "run"
    run.mkdir()
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (run / "run.json").write_text(json.dumps({"recipe": "none"}))
    result = CliRunner().invoke(app, ["report", str(run)])
    assert result.exit_code == 0, result.output


def test_every_measure_with_a_title_has_its_figure(
    tmp_path: Path, drawn: dict[bytes, Sequence[Drawn]]
) -> None:
    rows = rows_of({"zero_advantage": 0.1, **{measure.key: 0.5 for measure in LOGGED}})
    run_all(tmp_path, {"crpo": rows})
    for measure in LOGGED:
        name = figures.figure_name(measure.title)
        assert all((tmp_path / f"{name}.{form}").is_file() for form in FORMS)
        assert len(panels_of(tmp_path, drawn, name)[measure.title].lines) == 1


def test_an_axis_has_the_lines_and_the_band_of_its_rows() -> None:
    seeds = Line("CRPO (2 seeds)", ("a", "b"), (1.0, 2.0), (0.5, 0.6), (0.4, 0.5), (0.6, 0.7))
    single = Line("GRPO", ("c",), (1.0, 2.0), (0.2, 0.2), (0.2, 0.2), (0.2, 0.2), raw=(0.1, 0.3))
    figure = draw([Drawn("Correctness", True, (seeds, single)), Drawn("Spread", False, (single,))])
    first, second = figure.axes
    assert [np.asarray(line.get_ydata()).tolist() for line in first.lines] == [
        [0.5, 0.6],
        [0.1, 0.3],
        [0.2, 0.2],
    ]
    (band,) = first.collections
    assert {tuple(point) for point in np.round(np.asarray(band.get_paths()[0].vertices), 6)} >= {
        (1, 0.4),
        (2, 0.7),
    }
    assert first.get_ylim() == (-0.02, 1.02)
    assert (len(second.lines), len(second.collections)) == (2, 0)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["CRPO (2 seeds)", "GRPO"]
    # One method looks the same in every panel.
    assert first.lines[2].get_color() == second.lines[1].get_color() != first.lines[0].get_color()


def test_panels_stand_in_rows_and_an_empty_place_has_no_axis() -> None:
    line = Line("GRPO", ("c",), (1.0, 2.0), (0.2, 0.2), (0.2, 0.2), (0.2, 0.2))
    figure = draw([Drawn(title, True, (line,)) for title in ("one", "two", "three")], across=2)
    figure.draw_without_rendering()
    places = {axes.get_title(): axes.get_position() for axes in figure.axes}
    assert list(places) == ["one", "two", "three"]
    assert places["two"].x0 > places["one"].x1
    assert places["three"].y1 < places["one"].y0


def test_a_hostile_name_is_shown_as_it_is() -> None:
    line = Line(EVIL, ("a",), (1.0,), (0.5,), (0.5,), (0.5,), raw=(0.5,))
    panels = [Drawn("Loss", False, (line,))]
    assert [text.get_text() for text in draw(panels).legends[0].get_texts()] == [" _$x^2$  <b>{}% é"]
    assert rendered(panels, "png").startswith(b"\x89PNG")


def test_equal_inputs_give_equal_bytes_without_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line("CRPO", ("a",), (1.0, 2.0), (0.5, 0.6), (0.5, 0.6), (0.5, 0.6))
    panels = [Drawn("Correctness", True, (line,))]
    forms = (*FORMS, "svg")
    made = {form: rendered(panels, form) for form in forms}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert {form: rendered(panels, form) for form in forms} == made
    assert made["pdf"].startswith(b"%PDF")
    assert not any(word in made[form] for form in FORMS for word in (b"CreationDate", b"matplotlib"))
    assert not any(word in made["svg"] for word in (b"<dc:date>", b"<dc:creator>"))


def test_a_drawing_has_words_as_words_and_short_paths() -> None:
    line = Line("CRPO", ("a",), (1.0, 2.0, 3.0), (0.5, 1 / 3, 0.6), (0.5, 1 / 3, 0.6), (0.5, 1 / 3, 0.6))
    svg = rendered([Drawn("Reward spread", False, (line,))], "svg").decode()
    assert ">Reward spread</text>" in svg
    assert ">0.35</text>" in svg
    paths = " ".join(re.findall(r' d="([^"]*)"', svg))
    assert {len(digits) for digits in re.findall(r"\.(\d+)", paths)} == {1}
    assert "\n " not in svg


def test_the_command_writes_figures_and_tables_beside_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "LOGGED", LOGGED[-1:])  # a figure takes a second
    experiment = tmp_path / "demo"
    terms = {"reward/correct": 0.5, "reward/counterfactual/behave": 0.6}
    make_run(experiment / "crpo", terms, settings_of("crpo", 0))
    make_answers(experiment / "eval" / "crpo", right=3)
    make_answers(experiment / "eval" / "base", right=1)
    out = tmp_path / "paper"
    result = CliRunner().invoke(app, ["report", str(experiment), "--figures", str(out)])
    assert result.exit_code == 0, result.output
    assert (experiment / "report.html").is_file()
    assert (out / "crpo_rewards.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "crpo_rewards.pdf").read_bytes().startswith(b"%PDF")
    assert "Left out: loss: no run has logged loss." in result.output
    markdown, latex = ((out / f"tables.{form}").read_text() for form in ("md", "tex"))
    assert "| CRPO | 87.5" in markdown
    assert "75.0 [" in markdown
    assert r"CRPO & 87.5 & 75.0" in latex
    assert "Before RL" in latex


def test_a_file_in_place_of_the_folder_and_a_missing_matplotlib_are_told_in_one_paragraph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "paper").write_text("mine")
    with pytest.raises(UsageError, match=r"--figures .*paper is a file\. Name a folder"):
        run_all(tmp_path / "paper", {"grpo": rows_of(GRPO)})
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    run = make_run(tmp_path / "grpo", GRPO, settings_of("grpo", 0))
    result = CliRunner().invoke(app, ["report", str(run), "--figures", str(tmp_path / "new")])
    assert result.exit_code == 2
    assert "uv pip install 'retroflip[figures]'" in " ".join(result.stderr.split())
    assert not (run / "report.html").exists()
    assert not (tmp_path / "new").exists()
