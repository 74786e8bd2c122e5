"""What a look at media found out: kept by what it depends on, and found again where that changed."""

import os
from pathlib import Path

import pytest

from retroflip.bench.dybench.looks import looked
from retroflip.files.cache import VARIABLE, cache_folder


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    (tmp_path / "x.mp4").write_bytes(b"1")
    return tmp_path / "x.mp4"


def counted(video: Path, what: str = "cuts 1", settings: tuple[object, ...] = (0.2,)) -> tuple[float, int]:
    """Return what a look finds, and how often it looked for that."""
    looks: list[float] = []

    def look() -> dict[str, float]:
        looks.append(0.5)
        return {"second": float(len(video.read_bytes()))}

    return looked(what, [video], settings, look)["second"], len(looks)


def test_the_same_is_looked_at_once(video: Path) -> None:
    assert counted(video) == (1.0, 1)
    assert counted(video) == (1.0, 0)
    assert counted(video, what="cuts 2") == (1.0, 1)
    assert counted(video, settings=(0.3,)) == (1.0, 1)


def test_another_file_is_looked_at_again(video: Path) -> None:
    counted(video)
    video.write_bytes(b"22")
    assert counted(video) == (2.0, 1)
    os.utime(video, ns=(1, 1))
    assert counted(video) == (2.0, 1)


@pytest.mark.parametrize("content", [b"", b'{"second": 9.0', b'{"second": 9.0}'])
def test_a_damaged_memory_is_none(video: Path, content: bytes) -> None:
    counted(video)
    (kept,) = cache_folder("looks").rglob("*.json")
    whole = kept.read_bytes()
    kept.write_bytes(content if content != b'{"second": 9.0}' else whole.replace(b"1.0", b"9.0"))
    assert counted(video) == (1.0, 1)
    assert kept.read_bytes() == whole


def test_a_folder_that_cannot_be_written(video: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in its place")
    assert counted(video) == (1.0, 1)
    assert counted(video) == (1.0, 1)


def test_errors_are_not_kept(video: Path) -> None:
    def fails() -> dict[str, float]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        looked("cuts 1", [video], [0.2], fails)
    assert counted(video) == (1.0, 1)
