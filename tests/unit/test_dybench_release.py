"""A release keeps what raters accepted, and says how far they agree."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from made_clips import moving, write_folder
from retroflip.bench.dybench.build import build
from retroflip.bench.dybench.card import Part
from retroflip.bench.dybench.labels import Rule, agreement, read_labels
from retroflip.bench.dybench.recipe import DyBenchRecipe
from retroflip.bench.dybench.release import Released, release
from retroflip.bench.dybench.survey import survey
from retroflip.bench.selfcheck import check_rewards
from retroflip.data.manifest import first_changed
from retroflip.data.records import read_samples
from retroflip.errors import DataError, UsageError
from retroflip.files.storage import read_jsonl
from retroflip.progress import Silence
from retroflip.workers import LocalEngine

PAIRS = [f"mine-{name}.mp4-reversal" for name in "abcd"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of four pairs."""
    folder = tmp_path_factory.mktemp("built")
    actions = {"a": "opening a door", "b": "raising an arm", "c": "folding a towel", "d": "lifting a box"}
    rows = [(f"{name}.mp4", action, "", "", "human") for name, action in actions.items()]
    write_folder(folder / "clips", rows, **{name: moving(seed) for seed, name in enumerate("abcd")})
    recipe = DyBenchRecipe.model_validate(
        {
            "kind": "dybench",
            "quotas": {"reversible_dynamics": {"mine": None}},
            "sources": {"mine": {"source": "folder", "root": str(folder / "clips")}},
        }
    )
    build(recipe, {}, survey(recipe, {}, Silence()), folder / "out", LocalEngine(1), Silence())
    return folder / "out"


def labels_file(folder: Path, *rows: tuple[str, int, str], **more: Any) -> Path:
    """Write verdicts: who, on which pair, what."""
    path = folder / "labels.jsonl"
    texts = [
        json.dumps({"rater": rater, "pair": PAIRS[pair], "verdict": verdict, **more})
        for rater, pair, verdict in rows
    ]
    path.write_text("\n".join(texts))
    return path


def released(built: Path, labels: Path, out: Path, rule: Rule = Rule.MAJORITY, least: int = 1) -> Released:
    return release(built, labels, out, rule, least, Silence())


VERDICTS = [
    ("anna", 0, "accept"), ("ben", 0, "accept"), ("anna", 1, "reject"), ("anna", 1, "accept"), ("ben", 1, "accept"),
    ("cleo", 1, "reject"), ("anna", 2, "reject"), ("ben", 2, "accept"),
]  # fmt: skip


def kept(out: Path) -> set[str]:
    return {str(sample.pair) for sample in read_samples(out / "records.jsonl")}


@pytest.mark.parametrize(
    ("rule", "least", "pairs", "rejected", "unseen"),
    [
        (Rule.MAJORITY, 1, {0, 1}, 1, 1),
        (Rule.UNANIMOUS, 1, {0}, 2, 1),
        (Rule.MAJORITY, 3, {1}, 0, 3),
    ],
)
def test_accepted_pairs_are_kept(
    rule: Rule, least: int, pairs: set[int], rejected: int, unseen: int, built: Path, tmp_path: Path
) -> None:
    found = released(built, labels_file(tmp_path, *VERDICTS), tmp_path / "out", rule, least)
    assert kept(tmp_path / "out") == {PAIRS[pair] for pair in pairs}
    assert (found.summary.pairs, found.rejected, found.unseen, found.unknown) == (
        len(pairs), rejected, unseen, 0,
    )  # fmt: skip


def test_a_release_is_a_benchmark_of_its_own(built: Path, tmp_path: Path) -> None:
    labels, out = labels_file(tmp_path, *VERDICTS), tmp_path / "out"
    released(built, labels, out)
    assert first_changed(out) is None
    assert check_rewards(read_samples(out / "records.jsonl")).faults == []
    assert len(list((out / "videos").iterdir())) == 4
    assert len(read_jsonl(out / "labels.jsonl")) == 7  # one of anna's took another's place
    assert {row["pair"] for row in read_jsonl(out / "quality.jsonl")} == {PAIRS[0], PAIRS[1]}
    card = (out / "README.md").read_text()
    assert "3 raters gave 7 verdicts on 3 pairs" in card
    assert "No person's verdict" not in card
    listed = set(json.loads((out / "manifest.json").read_text())["files"])
    assert {"labels.jsonl", "agreement.json", "README.md", "recipe.yaml", "candidates.jsonl"} <= listed
    again = released(built, labels, out)
    assert again.summary.pairs == 2


def test_the_card_of_one_pair_speaks_of_one(built: Path, tmp_path: Path) -> None:
    verdicts = labels_file(tmp_path, ("anna", 0, "accept"), ("ben", 0, "accept"))
    released(built, verdicts, tmp_path / "out")
    card = " ".join((tmp_path / "out" / "README.md").read_text().split())
    assert "# A paired benchmark of 1 pair " in card
    assert (
        "2 raters gave 2 verdicts on 1 pair. On 1 pair with two verdicts or more" in card
        or "alpha" not in card
    )
    assert " 1 pairs" not in card


def test_what_raters_left_out_is_not_what_candidates_lacked() -> None:
    part = Part("moving_direction", "mine", wanted=100, made=2, candidates=20)
    assert part.why_short == "its 20 candidates gave no more"
    assert replace(part, built=2).why_short == "its 20 candidates gave no more"
    assert replace(part, built=18).why_short == "its 20 candidates gave 18 pairs, of which raters kept 2"


def test_a_folder_without_its_manifest_is_told(built: Path, tmp_path: Path) -> None:
    folder = tmp_path / "built"
    shutil.copytree(built, folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(DataError, match=r"its manifest\.json is gone"):
        released(folder, labels_file(tmp_path, *VERDICTS), tmp_path / "out")


def test_agreement_by_hand(tmp_path: Path) -> None:
    labels = read_labels(labels_file(tmp_path, *VERDICTS, criteria={"static": True}))
    assert labels.replaced == 1
    found = agreement(labels, {pair: pair for pair in PAIRS})
    assert found["pairs_by_raters"] == {2: 2, 3: 1}
    # Seven labels, five accept: observed (0 + 2 * 2 * 1 / 2 + 2) / 7, expected 2 * 5 * 2 / (7 * 6).
    assert found["verdict"]["krippendorff_alpha"] == pytest.approx(1 - (4 / 7) / (20 / 42))
    assert found["verdict"]["fleiss_kappa"] is None
    both = {tuple(one["raters"]): one for one in found["verdict"]["cohen_kappa"]}
    assert both["anna", "ben"]["agree"] == pytest.approx(2 / 3)
    assert both["anna", "ben"]["pairs"] == 3
    assert both["anna", "cleo"]["pairs"] == 1
    assert found["criteria"]["static"]["krippendorff_alpha"] == 1.0
    assert found["criteria"]["minimal"]["krippendorff_alpha"] is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"rater": "anna", "pair": "p", "verdict": "maybe"}', "row 2: verdict"),
        ('{"pair": "p", "verdict": "accept"}', "row 2: rater"),
        ('{"rater": "", "pair": "p", "verdict": "accept"}', "row 2: rater"),
        ('{"rater": "a", "pair": "p", "verdict": "accept", "criteria": {"nice": true}}', "row 2: criteria"),
        ("[1]", "line 2"),
        ('{"rater":', "line 2"),
    ],
)
def test_rows_that_are_no_verdicts_are_named(row: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(f'{{"rater": "anna", "pair": "p", "verdict": "accept"}}\n{row}\n')
    with pytest.raises(DataError, match=message):
        read_labels(path)


def test_what_cannot_be_released_is_said(built: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no whole benchmark"):
        released(tmp_path, labels_file(tmp_path, *VERDICTS), tmp_path / "out")
    with pytest.raises(DataError, match="not one of 4 pairs is accepted"):
        released(built, labels_file(tmp_path, ("anna", 0, "reject")), tmp_path / "out")
    with pytest.raises(DataError, match="cannot be read"):
        released(built, tmp_path / "gone.jsonl", tmp_path / "out")
    path = tmp_path / "others.jsonl"
    path.write_text('{"rater": "a", "pair": "elsewhere", "verdict": "accept"}\n')
    path.write_text(path.read_text() + json.dumps({"rater": "a", "pair": PAIRS[3], "verdict": "accept"}))
    assert released(built, path, tmp_path / "out").unknown == 1
