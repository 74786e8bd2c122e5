"""The packages build on one another in one direction, as CONTRIBUTING.md lists them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "retroflip"
TABLE = re.findall(r"^\| `(\w+)/` \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
JOBS = {"models/tiny/build.py"}
"""programs that stand in a layer and use those above it; nothing imports them but the command line"""


def imported(path: Path) -> Iterator[str]:
    """Yield the full names of what a module imports from this package, wherever in it that stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_table_names_every_package() -> None:
    assert sorted(TABLE) == sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


@pytest.mark.parametrize("layer", TABLE)
def test_a_package_imports_only_packages_above_it(layer: str) -> None:
    later = TABLE[TABLE.index(layer) + 1 :]
    wrong = [
        (str(path.relative_to(PACKAGE)), name)
        for path in sorted((PACKAGE / layer).rglob("*.py"))
        if str(path.relative_to(PACKAGE)) not in JOBS
        for name in imported(path)
        if name.startswith("retroflip.") and name.split(".")[1] in later
    ]
    assert wrong == []


def test_only_the_command_line_runs_the_jobs() -> None:
    names = {"retroflip." + job.removesuffix(".py").replace("/", ".") for job in JOBS}
    users = {
        str(path.relative_to(PACKAGE).parts[0])
        for path in PACKAGE.rglob("*.py")
        if any(name in names or name.rpartition(".")[0] in names for name in imported(path))
    }
    assert users == {"cli"}
