"""A study's page: its tables, curves over seeds, pairs of all seeds, and cards of how it was made."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_report import EVIL, Page, make_experiment

from retroflip.bench.metrics.training import LOGGED
from retroflip.errors import DataError, UsageError
from retroflip.files.storage import jsonable, write_json_atomic
from retroflip.report.build import report_directories, report_inputs
from retroflip.report.cards import Source, Sources, about_method, cards, parameters_of
from retroflip.report.clips import STRIP_FRAMES, inline_strip
from retroflip.report.load import load_run_directories
from retroflip.report.studies import curves, read_study
from retroflip.video.encode import encode
from retroflip.video.samplers import Sampler
from retroflip.video.take import Take
from study_tables import study_of

MEASURED = {"acc": 0.5, "p_acc": 0.25, "same_answer_rate": 0.5, "chance_p_acc": 0.1}


def settings_of(method: str, seed: int, **changed: Any) -> dict[str, Any]:
    recipe = {
        "kind": "rl",
        "model": {"path": "/somewhere/sft/model", "dtype": "float32", "vision": "frozen", "lora": None},
        "data": {"records": "/somewhere/data/records.jsonl", "frames": 8, "sampler": "uniform"},
        "method": {"name": method, "rollouts": 8},
        "train": {"steps": 3, "seed": seed, "precision": "float32", **changed},
    }
    return {"recipe": recipe, "packages": {"torch": "2.15.0"}, "data_sha256": {"records": f"{seed}" * 64}}


def make_study(root: Path, right: dict[int, dict[str, int]]) -> Path:
    """Lay out a study of base, grpo and crpo; right: by seed, how many of 20 pairs each gets right."""
    done = {
        arm: {
            seed: {**MEASURED, "p_acc": of_seed[arm] / 20, "zero_advantage": 0.5}
            for seed, of_seed in right.items()
        }
        for arm in ("base", "grpo", "crpo")
    }
    for seed, of_seed in right.items():
        folder = make_experiment(root / f"seed-{seed}", of_seed)
        shutil.copytree(folder / "crpo", folder / "grpo")
        for name in ("grpo", "crpo"):
            rows = [
                {"step": step, "reward/correct": seed + step, "zero_advantage": 0.5} for step in (1, 2, 3)
            ]
            (folder / name / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
            (folder / name / "run.json").write_text(json.dumps(settings_of(name, seed)))
        for path in (folder / "eval").iterdir():
            conditions = {
                "frames": {"value": 3, "from": "model"},
                "sampler": {"value": "uniform", "from": "default"},
            }
            (path / "run.json").write_text(
                json.dumps({"conditions": conditions, "frames": 3, "backend": "ours"})
            )
    write_json_atomic(root / "study.json", jsonable(study_of(list(right), done)))
    return root


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    right = {0: {"base": 2, "grpo": 6, "crpo": 14}, 1: {"base": 3, "grpo": 8, "crpo": 16}}
    return make_study(tmp_path_factory.mktemp("study") / "methods", right)


@pytest.fixture(scope="module")
def page(study: Path) -> Page:
    return Page(report_directories([study], study / "report.html"))


def test_a_study_is_one_page_with_its_numbers_over_seeds(page: Page) -> None:
    assert "CRPO is ahead in pair accuracy: 75.0\u00a0%, +40.0\u00a0points against grpo" in page.text
    assert "seeds 0, 1; of all runs 6 done" in page.text
    assert "70.0\u00a0%, 80.0\u00a0%" in page.text, "by seed"
    assert "Not run: dr_grpo" in page.text
    assert "CRPO, table 2" in page.text
    links = [value for name, value in page.attributes if name in ("src", "href")]
    assert all(link.startswith(("data:video/mp4;base64,", "data:image/jpeg;base64,", "#")) for link in links)


def test_its_pairs_are_of_all_seeds_with_the_frames_shown(page: Page) -> None:
    assert "seed-0/p" in page.text
    assert "seed-1/p" in page.text
    assert "The frames that Before RL, CRPO, GRPO were shown" in page.text
    assert (
        "One and the same answer to both videos: Before RL 35 of 40, CRPO 10 of 40, GRPO 26 of 40."
        in page.text
    )


def test_its_cards_say_how_it_was_made(page: Page) -> None:
    assert "Counterfactual Relational Policy Optimization" in page.text
    assert "CRPO (2 seeds)" in page.text
    assert "the model of sft" in page.text
    assert "somewhere/data/records.jsonl" in page.text
    assert "retroflip study methods --seeds 0,1 --out DIR" in page.text
    assert "2.15.0" in page.text


def test_a_line_is_the_mean_of_its_seeds_in_a_band(study: Path) -> None:
    inputs = load_run_directories([study])
    assert inputs.study is not None
    first = curves(inputs.study, inputs.runs)[0]
    assert first.title == LOGGED[0].title
    assert first.svg.count('class="band') == 2
    assert "GRPO from 1.5 to 3.5" in first.svg, "values are seed + step, of seeds 0 and 1"


def test_a_study_has_a_report_of_its_own(study: Path, tmp_path: Path) -> None:
    other = make_experiment(tmp_path / "other", {"base": 2})
    with pytest.raises(UsageError, match="name it alone"):
        load_run_directories([other, study])


def test_its_tables_go_into_a_paper(study: Path) -> None:
    (table,) = read_study(study).paper_tables()
    crpo = dict(table.rows)["CRPO"]
    assert table.columns[0] == "P-Acc"
    assert table.columns[-1] == "minus grpo"
    assert [round(entry.value or 0, 6) for entry in (crpo[0], crpo[-1])] == [75.0, 40.0]
    assert crpo[0].interval is not None
    assert "Dr.GRPO" not in dict(table.rows), "an arm that was not run"


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text('{"study": "methods", "seeds": [0], "cells": {}, "tables": [{}]}')
    with pytest.raises(DataError, match="not what retroflip writes of a study"):
        load_run_directories([tmp_path])


def test_a_study_of_an_earlier_version_is_shown_by_keys(study: Path, tmp_path: Path) -> None:
    old = {k: v for k, v in json.loads((study / "study.json").read_text()).items() if k != "check"}
    for name in ("title", "command", "headline", "measures"):
        del old[name]
    shutil.copytree(study, tmp_path / "old")
    (tmp_path / "old" / "study.json").write_text(json.dumps(old))
    view = read_study(tmp_path / "old")
    assert view.command == ""
    assert "CRPO is ahead in p_acc: 75.0" in next(iter(view.sentences()))


def test_hostile_names_in_a_study_stay_text(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "evil")
    found = {k: v for k, v in json.loads((study / "study.json").read_text()).items() if k != "check"}
    found |= {
        "title": EVIL,
        "command": EVIL,
        "measures": {"p_acc": {"label": EVIL, "title": EVIL, "note": EVIL}},
    }
    for arm in found["tables"][0]["arms"][:3]:
        arm |= {"title": EVIL}
    found["tables"][0]["papers"][0]["note"] = EVIL
    (tmp_path / "evil" / "study.json").write_text(json.dumps(found))
    for run in (tmp_path / "evil").glob("seed-*/crpo/run.json"):
        run.write_text(
            json.dumps({"recipe": {"kind": EVIL, "method": {"name": f"../{EVIL}"}, "model": {"path": EVIL}}})
        )
    shown = Page(report_directories([tmp_path / "evil"], tmp_path / "report.html"))
    assert shown.tags.count("script") == 1
    assert not [name for name, _ in shown.attributes if name.startswith("on")]
    assert shown.text.count("alert(1)") >= 10


def test_a_strip_has_the_frames_of_the_take(tmp_path: Path) -> None:
    levels = np.linspace(0, 240, 24).astype(np.uint8)
    pixels = np.broadcast_to(levels[:, None, None, None], (24, 3, 32, 32))
    encode(tmp_path / "v.mp4", np.ascontiguousarray(pixels), 12)
    strip = inline_strip(tmp_path / "v.mp4", Take(4, None, Sampler()))
    assert strip.seconds == pytest.approx((0.0, 8 / 12, 15 / 12, 23 / 12), abs=0.01)
    assert strip.uri is not None
    all_shown = inline_strip(tmp_path / "v.mp4", Take(24, None, Sampler()))
    assert (len(all_shown.seconds), all_shown.total) == (STRIP_FRAMES, 24)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    assert inline_strip(broken, Take(4)).note


def test_cards_say_nothing_that_no_file_says(tmp_path: Path) -> None:
    assert not cards(Sources()).any
    odd = Source(
        "x", tmp_path, {"recipe": {"method": "none", "train": [], "data": {"records": 7}, "model": None}}
    )
    found = cards(Sources([odd], [odd]))
    assert (list(found.models), list(found.data), list(found.commands)) == ([], [], [])
    assert about_method("../../etc/passwd") == []
    assert about_method("grpo")


def test_parameters_are_counted_by_the_headers(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file(
        {"a": np.zeros((3, 4), np.float32), "b": np.zeros(5, np.float32)}, tmp_path / "model-1.safetensors"
    )
    save_file({"c": np.zeros((2, 2, 2), np.float32)}, tmp_path / "model-2.safetensors")
    assert parameters_of(tmp_path) == 25
    (tmp_path / "model-3.safetensors").write_bytes(b"\xff" * 40)
    assert parameters_of(tmp_path) == 25
    assert parameters_of(tmp_path / "nowhere") is None


def test_the_page_stays_small(study: Path, tmp_path: Path) -> None:
    inputs = load_run_directories([study])
    assert report_inputs(inputs, tmp_path / "r.html").stat().st_size < 2_000_000
