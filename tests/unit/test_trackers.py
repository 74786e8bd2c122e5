"""Trackers: what they are shown of rollouts, in their own files, and that none of them ends a run."""

import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from transformers import TrainerCallback
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK, WandbCallback

from retroflip.files.storage import read_jsonl
from retroflip.rl.methods.crpo import CrpoSettings
from retroflip.rl.shown import COLUMNS, told_of
from retroflip.train.trackers import Guarded, ShownRollouts, Told, guard
from retroflip.video.frames import Frames, Shown
from retroflip.video.transforms import taken
from training_runs import make_trainer

PIXELS = np.zeros((3, 3, 8, 10), dtype=np.uint8)
PIXELS[1] = 120
PIXELS[2] = 240
TOLD = Told(
    ("view", "response"), [("clip", "a | b\n<script>")], {"s1/original": Frames(PIXELS, (0.0, 0.5, 1.0))}
)
ANY: Any = None
STATE: Any = SimpleNamespace(global_step=7)


class Failing(TrainerCallback):
    """A tracker that raises whatever it is given, and counts its calls."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.calls = 0

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        self.calls += 1
        if self.error:
            raise self.error


class OwnError(Exception):
    """As W&B's, of no built-in kind."""


def test_a_tracker_that_fails_is_recorded_once_and_told_nothing_more(tmp_path: Path) -> None:
    failing = Failing(OSError("no space left"))
    guarded = Guarded(failing, tmp_path / "trackers.jsonl")
    for _ in range(3):
        guarded.on_log(ANY, STATE, ANY, logs={"loss": 1.0})
    guarded.show(lambda: TOLD, 8)
    assert failing.calls == 1
    (row,) = read_jsonl(tmp_path / "trackers.jsonl")
    assert {**row, "check": None} == {
        "tracker": "Failing", "step": 7, "while": "log", "error": "OSError", "message": "no space left", "check": None,
    }  # fmt: skip


def test_a_packages_own_errors_count_and_an_interrupt_does_not(tmp_path: Path) -> None:
    own = Failing(OwnError("logged out"))
    own._wandb = SimpleNamespace(Error=OwnError)  # type: ignore[attr-defined]
    guarded = Guarded(own, tmp_path / "trackers.jsonl")
    guarded.on_log(ANY, STATE, ANY)
    assert guarded.failed
    with pytest.raises(KeyboardInterrupt):
        Guarded(Failing(KeyboardInterrupt()), tmp_path / "trackers.jsonl").on_log(ANY, STATE, ANY)


def test_a_video_that_is_gone_ends_no_run(tmp_path: Path) -> None:
    def gone() -> Told:
        raise FileNotFoundError("v.mp4")

    guarded = Guarded(WandbLike(), tmp_path / "trackers.jsonl")
    ShownRollouts(1, gone, [guarded]).on_step_end(None, STATE, None)
    assert read_jsonl(tmp_path / "trackers.jsonl")[0]["while"] == "showing rollouts"


class WandbLike(WandbCallback):
    """Tells a stand-in of W&B's module, by transformers' own class."""

    def __init__(self) -> None:
        self.logged: list[dict[str, Any]] = []
        self._wandb = SimpleNamespace(
            Video=self._video, Table=lambda **kwargs: kwargs, log=self.logged.append
        )

    def _video(self, path: str, format: str) -> tuple[int, str]:
        return Path(path).stat().st_size, format


def test_rollouts_are_shown_at_the_first_step_and_every_so_many(tmp_path: Path) -> None:
    like = WandbLike()
    shows = ShownRollouts(4, lambda: TOLD, [Guarded(like, tmp_path / "trackers.jsonl")])
    for step in range(1, 10):
        shows.on_step_end(None, SimpleNamespace(global_step=step), None)
    assert [row["train/global_step"] for row in like.logged] == [1, 4, 8]
    size, form = like.logged[0]["clips/s1/original"]
    assert (size > 500, form) == (True, "mp4")
    assert like.logged[0]["rollouts"] == {
        "columns": ["view", "response"],
        "data": [["clip", "a | b\n<script>"]],
    }


def test_a_table_keeps_its_cells() -> None:
    assert TOLD.markdown.splitlines()[2] == r"| clip | a \| b &lt;script&gt; |"


def test_a_run_shows_what_each_branch_was_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(INTEGRATION_TO_CALLBACK, "wandb", WandbLike)
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3), steps=1)
    trainer.add_callback(WandbLike())
    trainer.add_callback(Failing(RuntimeError("down")))
    trainer.args.report_to = ["wandb"]
    guarded = guard(trainer, tmp_path / "trackers.jsonl")
    assert [one.name for one in guarded] == ["WandbLike"]
    monkeypatch.setattr(guarded[0], "attempt", lambda *_: None)  # W&B itself is not there to be set up
    trainer.callback_handler.callbacks = [
        one for one in trainer.callback_handler.callbacks if not isinstance(one, Failing)
    ]
    trainer.train()
    told = told_of(trainer.last_groups, trainer.generator.dataset)
    assert told.columns == COLUMNS
    assert len(told.rows) == 2 * 2 * 2, "questions, branches, rollouts of a branch"
    names = [f"question-{place}/{branch}" for place in (1, 2) for branch in ("original", "counterfactual")]
    assert list(told.clips) == names
    first, second = list(told.clips.values())[:2]
    assert not np.array_equal(first.pixels_TCHW, second.pixels_TCHW)
    assert set(trainer.generator.phases.take()) == {"videos", "vision", "rollouts", "scoring"}


def test_frames_are_taken_again_by_their_places() -> None:
    pool = Frames(PIXELS, (0.0, 0.5, 1.0))
    again = taken(pool, Shown((2, 0), (), mirrored=True))
    assert again.pixels_TCHW[:, 0, 0, 0].tolist() == [240, 0]
    assert again.mirrored
    with pytest.raises(ValueError, match="there are 3 frames"):
        taken(pool, Shown((3,), (), mirrored=False))


def test_tensorboards_own_files_hold_the_table_and_the_frames(tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from transformers.integrations.integration_utils import TensorBoardCallback

    callback = TensorBoardCallback()
    callback.tb_writer = callback._SummaryWriter(log_dir=str(tmp_path))
    Guarded(callback, tmp_path / "trackers.jsonl").show(lambda: TOLD, 7)
    callback.tb_writer.close()
    assert not (tmp_path / "trackers.jsonl").exists()
    found = events.EventAccumulator(str(tmp_path)).Reload()
    (image,) = found.Images("clips/s1/original")
    assert image.step == 7
    picture = np.asarray(Image.open(io.BytesIO(image.encoded_image_string)))
    assert picture.shape == (8, 30, 3)
    assert picture[0, ::10, 0].tolist() == [0, 120, 240]
    (text,) = found.Tensors("rollouts/text_summary")
    assert TOLD.markdown.encode() in text.tensor_proto.string_val[0]


def test_wandbs_own_files_hold_the_table_and_the_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = wandb.init(project="p", dir=str(tmp_path))
    callback = WandbCallback()
    Guarded(callback, tmp_path / "trackers.jsonl").show(lambda: TOLD, 7)
    run.finish()
    assert not (tmp_path / "trackers.jsonl").exists()
    assert list(tmp_path.rglob("media/videos/**/*.mp4"))
    assert list(tmp_path.rglob("media/table/*.json"))


TRACKIO = """
import sys
from pathlib import Path
import trackio
from transformers.integrations.integration_utils import TrackioCallback
from retroflip.train.trackers import Guarded
from test_trackers import TOLD

trackio.init(project="p", embed=False, auto_log_cpu=False)
Guarded(TrackioCallback(), Path(sys.argv[1]) / "trackers.jsonl").show(lambda: TOLD, 7)
trackio.finish()
"""
"""in a process of its own, since Trackio chooses its folder when it is imported"""


def test_trackios_own_files_hold_the_clip(tmp_path: Path) -> None:
    pytest.importorskip("trackio")
    tests = Path(__file__).parent
    environment = {**os.environ, "TRACKIO_DIR": str(tmp_path)}
    environment["PYTHONPATH"] = os.pathsep.join([*sys.path, str(tests), str(tests.parent)])
    subprocess.run([sys.executable, "-c", TRACKIO, str(tmp_path)], env=environment, check=True)
    assert not (tmp_path / "trackers.jsonl").exists()
    assert list(tmp_path.rglob("*.mp4"))
