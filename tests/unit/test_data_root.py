import unicodedata
from pathlib import Path

import pytest

from retroflip.data.root import normalise, resolve
from retroflip.errors import PathEscapeError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a video, beside a secret and a folder whose name begins like the root's."""
    (tmp_path / "data" / "videos").mkdir(parents=True)
    (tmp_path / "data" / "videos" / "a.mp4").touch()
    (tmp_path / "secret.mp4").touch()
    (tmp_path / "data-private").mkdir()
    (tmp_path / "data-private" / "b.mp4").touch()
    return tmp_path / "data"


@pytest.mark.parametrize("relative", ["videos/a.mp4", "./videos/a.mp4", "videos//a.mp4", "videos/./a.mp4"])
def test_finds_a_file(root: Path, relative: str) -> None:
    assert resolve(root, relative) == root / "videos" / "a.mp4"
    assert normalise(relative) == "videos/a.mp4"


def test_a_file_need_not_exist(root: Path) -> None:
    assert resolve(root, "videos/later.mp4") == root / "videos" / "later.mp4"


@pytest.mark.parametrize(
    "relative", ["...", "videos/..a.mp4", "a..b/c.mp4", "héllo/日本.mp4", "a b.mp4", "~/a.mp4"]
)
def test_odd_but_honest_names_stay_inside(root: Path, relative: str) -> None:
    assert resolve(root, relative) == root / relative


@pytest.mark.parametrize(
    "relative",
    [
        "",
        ".",
        "./",
        "..",
        "../secret.mp4",
        "./../secret.mp4",
        "videos/../../secret.mp4",
        "videos/../videos/a.mp4",
        "../data-private/b.mp4",
        "../data/videos/a.mp4",
        "/etc/passwd",
        "//etc/passwd",
        "..\\secret.mp4",
        "videos\\a.mp4",
        "\\\\server\\share\\a.mp4",
        "C:/windows/a.mp4",
        "C:a.mp4",
        "videos/a.mp4\0.txt",
        "\ud800.mp4",
        "http://example.org/a.mp4",
        "s3://bucket/a.mp4",
        "file:///etc/passwd",
    ],
)
def test_refuses_what_leaves_the_root_or_could(root: Path, relative: str) -> None:
    with pytest.raises(PathEscapeError, match="stay inside"):
        resolve(root, relative)


@pytest.mark.parametrize("written", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_finds_a_name_in_either_form_of_unicode(tmp_path: Path, written: str, stored: str) -> None:
    name = "sé/café 가.mp4"
    file = tmp_path / unicodedata.normalize(stored, name)  # type: ignore[arg-type]
    file.parent.mkdir()
    file.touch()
    assert resolve(tmp_path, unicodedata.normalize(written, name)) == file  # type: ignore[arg-type]


def test_of_two_forms_the_written_one_is_meant(tmp_path: Path) -> None:
    forms = [unicodedata.normalize(form, "café.mp4") for form in ("NFC", "NFD")]
    for form in forms:
        (tmp_path / form).touch()
    assert [resolve(tmp_path, form).name for form in forms] == forms


def test_another_form_does_not_lead_out_of_the_root(root: Path) -> None:
    (root / unicodedata.normalize("NFD", "café.mp4")).symlink_to("../secret.mp4")
    with pytest.raises(PathEscapeError, match="symbolic link"):
        resolve(root, "café.mp4")


def test_follows_links_inside_the_root(root: Path) -> None:
    (root / "link.mp4").symlink_to("videos/a.mp4")
    assert resolve(root, "link.mp4") == root / "videos" / "a.mp4"


def test_follows_a_root_that_is_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    assert resolve(tmp_path / "alias", "videos/a.mp4") == root / "videos" / "a.mp4"


@pytest.mark.parametrize("target", ["../secret.mp4", "../data-private/b.mp4", "/etc/passwd", "../gone.mp4"])
def test_refuses_links_out_of_the_root(root: Path, target: str) -> None:
    (root / "link.mp4").symlink_to(target)
    with pytest.raises(PathEscapeError, match="symbolic link"):
        resolve(root, "link.mp4")


def test_refuses_a_linked_folder_out_of_the_root(root: Path) -> None:
    (root / "more").symlink_to("../data-private")
    with pytest.raises(PathEscapeError, match="symbolic link"):
        resolve(root, "more/b.mp4")


def test_refuses_links_in_a_circle(root: Path) -> None:
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    with pytest.raises(PathEscapeError, match="cannot be followed"):
        resolve(root, "one/a.mp4")
