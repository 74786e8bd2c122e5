"""Sweeps as a figure for a paper: which runs and answers make CRPO's figure 9, and how it is drawn."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retroflip.report.cards import Source, Sources
from retroflip.report.figures import SWEEPS, draw_sweeps, write_figures
from retroflip.report.sweeps import run_of
from retroflip.report.swept import SweptPanel, swept

FIGURE_9 = [(0.0, 0.5, 51.2), (0.1, 0.5, 53.0), (0.3, 0.5, 54.8), (0.3, 0.0, 48.8)]
"""lambda, w_aug and a score"""


def run(name: str, relation: float, weight: float, **method: Any) -> Source:
    recipe = {
        "method": {"name": "crpo", "lambda_d": relation, "lambda_s": relation, "w_aug": weight, **method},
        "train": {"seed": 0, "steps": 3},
    }
    return Source(name, Path("/runs") / name, {"recipe": recipe})


def of(rows: list[tuple[float, float, float]]) -> list[SweptPanel]:
    runs = [run(f"r{index}", relation, weight) for index, (relation, weight, _) in enumerate(rows)]
    about = {"data": "/bench/dybench/records.jsonl"}
    asked = [Source(f"a{i}", Path("/a"), {"model": f"/runs/r{i}/model", **about}) for i in range(len(rows))]
    methods = {
        f"a{index}": {
            "p_acc": score / 100,
            "p_acc_ci": [score / 100 - 0.05, score / 100 + 0.05],
            "n_pairs": 9,
        }
        for index, (_, _, score) in enumerate(rows)
    }
    return swept({"methods": methods}, Sources(runs, asked), None)


def test_both_sweeps_are_those_of_the_figure() -> None:
    panels = {panel.axis: panel.lines for panel in of(FIGURE_9)}
    assert set(panels) == {"lambda_d = lambda_s", "w_aug"}
    (line,) = panels["lambda_d = lambda_s"]
    assert line.name == "P-Acc on dybench"
    assert [point.at for point in line.points] == [0.0, 0.1, 0.3]
    assert [point.mean for point in line.points] == pytest.approx([0.512, 0.53, 0.548])
    assert line.points[0].low == pytest.approx(0.462)
    assert [point.at for point in panels["w_aug"][0].points] == [0.0, 0.5]


def test_runs_that_differ_in_more_make_no_sweep() -> None:
    runs = [run("x", 0.0, 0.5), run("y", 0.3, 0.5, flip=False)]
    methods = {one.name: {"p_acc": 0.5, "n_pairs": 9} for one in runs}
    assert swept({"methods": methods}, Sources(runs, runs), None) == []
    assert swept({"methods": {}}, Sources(), None) == []


def test_whose_model_answered_is_told_by_its_folder_or_by_the_study_both_lie_in(tmp_path: Path) -> None:
    runs = {"x/a": tmp_path / "x" / "a", "y/a": tmp_path / "y" / "a"}
    named = {"model": str(tmp_path / "x" / "a" / "model")}
    assert run_of(tmp_path / "anywhere", named, runs) == "x/a"
    assert run_of(tmp_path / "y" / "eval" / "a", named, runs) == "x/a"
    assert run_of(tmp_path / "y" / "eval" / "a", {"model": "moved/model"}, runs) == "y/a"
    assert run_of(tmp_path / "y" / "a", {}, runs) == "y/a"
    assert run_of(tmp_path / "z" / "eval" / "a", {}, runs) is None
    assert run_of(tmp_path / "elsewhere" / "a", {}, runs) is None
    # A checkpoint is not what the run came to.
    assert run_of(tmp_path / "b", {"model": str(tmp_path / "x" / "a" / "checkpoint")}, runs) is None


def test_the_figure_is_drawn_and_an_earlier_one_goes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    figure = draw_sweeps(of(FIGURE_9))
    left, right = figure.axes
    assert (left.get_xlabel(), right.get_xlabel()) == ("lambda_d = lambda_s", "w_aug")
    assert np.asarray(left.get_lines()[0].get_ydata()).tolist() == pytest.approx([51.2, 53.0, 54.8])
    (tmp_path / f"{SWEEPS}.png").write_bytes(b"earlier")
    written = write_figures(tmp_path, {"methods": {}}, {}, {})
    assert not (tmp_path / f"{SWEEPS}.png").exists()
    assert any("figure 9" in one for one in written.left_out)
    write_figures(tmp_path, {"methods": {}}, {}, {}, swept=of(FIGURE_9))
    assert (tmp_path / f"{SWEEPS}.pdf").read_bytes().startswith(b"%PDF")
