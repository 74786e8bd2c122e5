"""Fixtures shared by all tests: the clips in tests/fixtures/clips (see make_clips.sh for what they show)."""

import os
from pathlib import Path

# One process a core runs the suite (pytest-xdist); more threads would only wait for each other. Read before torch is.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

# A time limit per example would fail tests on a busy machine, and on the first import of torch.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")

_CLIPS = Path(__file__).parent / "fixtures" / "clips"


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what commands keep for later ones apart from the user's own."""
    os.environ["RETROFLIP_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def clips() -> Path:
    """The folder of the fixture clips. Read only: a test that damages one works on a copy."""
    return _CLIPS


@pytest.fixture(scope="session")
def clip(clips: Path) -> Path:
    """One ordinary video: H.264 in MP4, 64x48, 12 frames at 12 a second, a square moving to the right."""
    return clips / "h264.mp4"
