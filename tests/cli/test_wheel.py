"""The package as it is installed elsewhere: built as wheel and sdist, and run from the wheel without the repository."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "retroflip"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both archives."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(out)], cwd=ROOT, check=True)
    return out


@pytest.fixture(scope="module")
def bare(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the wheel, and of this one its dependencies alone.

    A folder that a .pth file names is searched, but the .pth files in it are not read: an editable install is not seen.
    """
    folder = tmp_path_factory.mktemp("bare") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(packages)  # noqa: S202 - built a moment ago
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def run(python: Path, *arguments: str, cwd: Path) -> str:
    """Run retroflip from the wheel, and return what it prints."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    found = subprocess.run(
        [str(python), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_both_archives_hold_every_file_of_the_package(built: Path) -> None:
    files = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert files <= names
    recipes = {path.relative_to(ROOT / "recipes").as_posix() for path in (ROOT / "recipes").rglob("*.yaml")}
    assert recipes <= {name.removeprefix("retroflip/_recipes/") for name in names}
    with tarfile.open(next(built.glob("*.tar.gz"))) as source:
        inside = {name.split("/", 1)[-1] for name in source.getnames()}
    assert {f"src/{name}" for name in files} <= inside


def test_the_wheel_runs_without_the_repository(bare: Path, tmp_path: Path) -> None:
    where = run(bare, "-c", "import retroflip; print(retroflip.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(bare.parents[1])
    command = [
        "-m",
        "retroflip",
        "synth",
        "--out",
        "pairs",
        "--per-task",
        "1",
        "--kinds",
        "direction",
        "--seed",
        "1",
    ]
    run(bare, *command, cwd=tmp_path)
    planned = run(
        bare,
        *["-m", "retroflip", "train", "tiny/crpo.yaml", "data.records=pairs/records.jsonl"],
        *["train.samples_per_step=2", "--dry-run"],
        cwd=tmp_path,
    )
    assert "crpo" in planned


@pytest.mark.slow
def test_the_quick_demo_runs_from_the_wheel(bare: Path, tmp_path: Path) -> None:
    run(bare, "-m", "retroflip", "demo", "--quick", "--out", "demo", cwd=tmp_path)
    assert (tmp_path / "demo" / "report.html").is_file()
