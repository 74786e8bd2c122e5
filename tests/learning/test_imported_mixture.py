"""From published files to a report: three sets in their own forms are imported, routed, mixed, trained on by CRPO."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from retroflip.cli import app
from retroflip.data.records import read_samples
from retroflip.data.sample import Modality
from retroflip.files.storage import read_json_object, read_jsonl
from retroflip.video.encode import encode

RECIPES = Path(__file__).parents[2] / "recipes"


def ball(path: Path, *, right: bool, row: int) -> None:
    """Write a clip of a white square that goes to one side."""
    pixels = np.full((12, 3, 64, 64), 40, dtype=np.uint8)
    for time in range(12):
        x = 4 * time if right else 52 - 4 * time
        pixels[time, :, row : row + 12, x : x + 12] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(path, pixels, 12)


def publish(folder: Path) -> None:
    """Write files as Video-R1, ViRL39K and DAPO-Math publish them, with their media."""
    videos, images = [], []
    for number in range(4):
        ball(folder / "media" / "CLEVRER" / f"{number}.mp4", right=number % 2 == 0, row=10 * number + 2)
        videos.append(
            {
                "problem_id": number,
                "problem": "In which direction does the square move?",
                "data_type": "video",
                "problem_type": "multiple choice",
                "options": ["A. left", "B. right"],
                "solution": f"<answer>{'B' if number % 2 == 0 else 'A'}</answer>",
                "path": f"./CLEVRER/{number}.mp4",
                "data_source": "CLEVRER",
            }
        )
        (folder / "media" / "images").mkdir(exist_ok=True)
        Image.new("RGB", (64, 64), (60 * number, 0, 90)).save(folder / "media" / "images" / f"{number}.png")
        shown = [f"images/{number}.png"] * (2 if number == 3 else 1)
        images.append(
            {"question": "<image>" * len(shown) + "How many?", "answer": "\\boxed{1}", "image": shown}
        )
    math = [{"prompt": f"What is {number} + 1?", "solution": str(number + 1)} for number in range(4)]
    for name, rows in (("Video-R1-260k", videos), ("virl-filter-23k", images), ("dapo_math_filter-6k", math)):
        (folder / f"{name}.json").write_text(json.dumps(rows))


def run(*arguments: Any) -> Any:
    """Run a command, and return what it prints as JSON, if it does."""
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout) if "--json" in arguments else None


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of recipes/mixtures/tiny.yaml's files, with a copy of it."""
    folder = tmp_path_factory.mktemp("mixture")
    publish(folder)
    media = folder / "media"
    run(
        "data",
        "import",
        "video-r1",
        folder / "Video-R1-260k.json",
        "--out",
        folder / "raw.jsonl",
        "--root",
        media,
    )
    run("route", folder / "raw.jsonl", "--out", folder / "videos.jsonl")
    run(
        "data",
        "import",
        "virl39k",
        folder / "virl-filter-23k.json",
        "--out",
        folder / "images.jsonl",
        "--root",
        media,
    )
    run("data", "import", "dapo-math", folder / "dapo_math_filter-6k.json", "--out", folder / "texts.jsonl")
    for name in ("raw", "videos", "images", "texts"):
        checked = run("validate", "--data", folder / f"{name}.jsonl", "--root", media, "--media", "--json")
        assert checked["faults"] == []
    text = (RECIPES / "mixtures" / "tiny.yaml").read_text().replace("../../runs/mixture/", "")
    (folder / "mixture.yaml").write_text(text)
    return folder


SETTINGS = ("train.steps=3", "train.samples_per_step=4", "train.max_completion_length=8", "method.rollouts=2")


def test_the_report_of_a_mixture_has_shares_and_tokens(mixture: Path, tmp_path: Path) -> None:
    recipe = [RECIPES / "tiny" / "mixture.yaml", f"data.records={mixture / 'mixture.yaml'}", *SETTINGS]
    report = run("data", "mix", *recipe, "--dry-run", "--json")
    parts = report["parts"]
    assert {name: part["of_an_epoch"] for name, part in parts.items()} == {
        "videos": 6,
        "images": 3,
        "texts": 3,
    }
    assert parts["videos"]["laps_an_epoch"] == 1.5
    assert parts["videos"]["by_task_type"] == {"spatiotemporal": 4}
    assert parts["videos"]["answers"] == {"A": 2, "B": 2}
    lengths = {name: part["prompt_tokens"] for name, part in parts.items()}
    assert lengths["videos"] > lengths["images"] > lengths["texts"] > 0
    assert report["epochs"] == 1.0
    assert report["tokens"]["prompts_an_epoch"] == round(
        6 * lengths["videos"] + 3 * lengths["images"] + 3 * lengths["texts"]
    )
    ids: list[str] = []
    for rank in range(2):
        run("data", "mix", *recipe, "--out", tmp_path / "order.jsonl", "--rank", rank, "--ranks", 2)
        ids += [row["id"] for row in read_jsonl(tmp_path / "order.jsonl")]
    assert len(ids) == 12
    assert sum(name.startswith("videos/") for name in ids) == 6


def test_crpo_trains_on_videos_images_and_texts_that_were_imported(mixture: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    recipe = RECIPES / "tiny" / "mixture.yaml"
    run("train", recipe, f"data.records={mixture / 'mixture.yaml'}", *SETTINGS, "--out", out)
    rollouts = read_jsonl(out / "rollouts.jsonl")
    kinds = {row["sample"].partition("/")[0] for row in rollouts}
    assert kinds == {"videos", "images", "texts"}
    branches: dict[str, set[str]] = {name: set() for name in kinds}
    for row in rollouts:
        branches[row["sample"].partition("/")[0]].add(row["branch"])
    assert {name: len(found) for name, found in branches.items()} == {"videos": 2, "images": 1, "texts": 1}
    hashes = read_json_object(out / "run.json")["data_sha256"]
    assert {"records", "records videos", "records images", "records texts"} <= hashes.keys()
    run("report", out, "--out", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "crpo" in page.lower()
    assert "Reward" in page


def test_what_was_imported_keeps_several_images(mixture: Path) -> None:
    several = [one for one in read_samples(mixture / "images.jsonl", tuple(Modality)) if len(one.shown) == 2]
    assert [one.question for one in several] == ["<image><image>How many?"]
