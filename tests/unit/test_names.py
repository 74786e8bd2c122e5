import unicodedata
from pathlib import Path

import pytest

from retroflip.data.manifest import FileEntry, Manifest
from retroflip.data.records import read_records
from retroflip.errors import DataError, MissingVideoError
from retroflip.files.names import why_missing
from retroflip.video.decode import decode


@pytest.mark.parametrize(
    "path", ["file:///data/a.mp4", "https://x.org/a.mp4", "/root/s3://bucket/a.mp4", "hf://datasets/a.mp4"]
)
def test_a_url_is_named_as_one(path: str) -> None:
    assert "looks like a URL" in why_missing(Path(path))


@pytest.mark.parametrize("path", ["~/a.mp4", "/data/~/a.mp4"])
def test_the_home_folder_is_to_be_written_out(path: str) -> None:
    assert "home folder" in why_missing(Path(path))


@pytest.mark.parametrize("path", ["a.mp4", "/data/12:30/a.mp4", "C:/a.mp4", "/data/~old/a.mp4", "café.mp4"])
def test_other_names_tell_nothing(tmp_path: Path, path: str) -> None:
    assert why_missing(tmp_path / path) == ""


def test_what_is_there_and_cannot_be_read_has_no_other_form(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Is a directory\)\. Check its path\.$"):
        read_records(tmp_path)


def test_the_other_unicode_form_is_named(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "café.mp4")
    (tmp_path / decomposed).touch()
    with pytest.raises(MissingVideoError, match="another Unicode form"):
        decode(tmp_path / "café.mp4", 2)


def test_a_manifest_knows_a_file_in_either_form() -> None:
    composed, decomposed = (unicodedata.normalize(form, "café.mp4") for form in ("NFC", "NFD"))
    entry = FileEntry(sha256="0" * 64, bytes=1)
    assert Manifest(files={composed: entry}).sha256_of(decomposed) == entry.sha256
    assert Manifest(files={decomposed: entry}).sha256_of(composed) == entry.sha256
    assert Manifest(files={composed: entry}).sha256_of("cafe.mp4") is None


def test_records_by_url() -> None:
    with pytest.raises(DataError, match="looks like a URL"):
        read_records(Path("https://x.org/records.jsonl"))
