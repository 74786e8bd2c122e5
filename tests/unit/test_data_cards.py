"""Every data set that is made here has a card that the hub's own classes read, and that says what is in it."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard

from retroflip.data.card import head, size_of, write_made
from retroflip.data.folder import CARD
from retroflip.data.hub import Kind, planned
from retroflip.data.manifest import MANIFEST_NAME, read_manifest
from retroflip.data.records import read_samples
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import UsageError
from retroflip.lab.clip_sets import write_pairs
from retroflip.lab.laboratory import LabSettings, write_laboratory
from retroflip.progress import Silence
from retroflip.synth.corpus import CorpusSettings, write_corpus
from retroflip.synth.names import Split
from retroflip.synth.settings import SceneSettings
from retroflip.workers import LocalEngine

EVIL = "| <script> `x`\n---\nlicense: mit"


def card_of(folder: Path) -> Any:
    return DatasetCard.load(folder / CARD, ignore_metadata_errors=False)


def test_synthetic_videos_have_a_card_and_can_be_pushed(tmp_path: Path) -> None:
    settings = CorpusSettings(
        kinds=("direction",), per_task=1, seed=3, split=Split.TEST, scene=SceneSettings(size=64)
    )
    write_corpus(tmp_path / "out", settings, engine=LocalEngine(1), progress=Silence())
    card = card_of(tmp_path / "out")
    assert {"retroflip", "synthetic", "direction"} <= set(card.data.tags)
    assert card.data.configs == [
        {"config_name": "default", "data_files": [{"split": "test", "path": "records.jsonl"}]}
    ]
    assert "2 records about 2 files" in card.text
    assert "license" not in card.data.to_dict(), "whose videos they are is not ours to say"
    for name in ("labels.sqlite", "labels.sqlite-wal", "records.jsonl.labels.sqlite"):
        (tmp_path / "out" / name).write_bytes(b"who said what")
    upload = planned(tmp_path / "out", "me/videos", public=False)
    assert upload.kind is Kind.DATASET
    assert not [name for name, _ in upload.files if "labels" in name]
    assert upload.files[-1][0] == "records.jsonl"
    assert CARD in read_manifest(tmp_path / "out" / MANIFEST_NAME).files


def test_the_laboratorys_sets_have_cards_and_can_be_pushed(tmp_path: Path) -> None:
    settings = LabSettings(seed=1, sft_samples=2, train_samples=2, pairs_per_task=1, size=64)
    lab = write_laboratory(tmp_path / "lab", settings, Silence())
    write_pairs(tmp_path / "alone", per_task=1, seed=1, size=64, progress=Silence())
    for folder, split in (
        (lab.sft, "train"),
        (lab.train, "train"),
        (lab.pairs, "test"),
        (tmp_path / "alone", "test"),
    ):
        card = card_of(folder)
        assert card.data.configs[0]["data_files"] == [{"split": split, "path": "records.jsonl"}]
        assert "synthetic" in card.data.tags
        assert f"{len(read_samples(folder / 'records.jsonl'))} records about" in card.text
        assert CARD in read_manifest(folder / MANIFEST_NAME).files
        assert planned(folder, "me/set", public=False).kind is Kind.DATASET
    assert "shortcut" in card_of(lab.sft).text


def test_a_card_is_its_owners_to_word_and_nothing_else_is(tmp_path: Path) -> None:
    write = partial(write_pairs, tmp_path / "out", per_task=1, seed=1, size=64, progress=Silence())
    samples = write()
    licensed = (tmp_path / "out" / CARD).read_text().replace("---\n", "---\nlicense: cc0-1.0\n", 1)
    (tmp_path / "out" / CARD).write_text(licensed)
    assert planned(tmp_path / "out", "me/pairs", public=False).files
    assert write() == samples
    assert (tmp_path / "out" / CARD).read_text() == licensed
    video = tmp_path / "out" / samples[0].video
    video.write_bytes(video.read_bytes() + b"x")
    with pytest.raises(UsageError, match=video.name):
        planned(tmp_path / "out", "me/pairs", public=False)


def test_what_a_record_says_stays_in_its_cell(tmp_path: Path) -> None:
    sample = Sample(
        id="a", video="v.mp4", question="q", options=("x", "y"), solution="A", source=EVIL, licence=EVIL,
        problem_type=ProblemType.MULTIPLE_CHOICE, source_clip="a",
    )  # fmt: skip
    write_made(tmp_path, "A title", "About.", [sample], [])
    card = card_of(tmp_path)
    assert "license" not in card.data.to_dict()
    assert r"| \| &lt;script&gt; \`x\` --- license: mit | 1 |" in card.text


def test_heads_are_read_by_the_hubs_own_class() -> None:
    card: Any = DatasetCard(
        head(5000, "x.jsonl", ["video", "one"], license="other", license_name="as-the-source-states")
    )
    assert card.data.license == "other"
    assert card.data.tags == ["retroflip", "video", "one"]
    assert card.data.size_categories == "1K<n<10K"


@pytest.mark.parametrize(("records", "word"), [(0, "n<1K"), (999, "n<1K"), (1_000_000, "n>1M")])
def test_sizes(records: int, word: str) -> None:
    assert size_of(records) == word
