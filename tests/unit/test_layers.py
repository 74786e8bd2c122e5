"""The packages build on one another in one direction, as CONTRIBUTING.md lists them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "retroflip"
TABLE = re.findall(r"^\| (`.+?`) \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
LAYERS = [re.findall(r"`(\w+)(?:/|\.py)`", row) for row in TABLE if "/`" in row or ".py`" in row]
"""names of packages and top modules, line by line"""
LONGEST = 60
"""lines of a function"""
LINE = {name: number for number, names in enumerate(LAYERS) for name in names}
TOP = {"errors", "draws", "progress", "workers"}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem in LINE)


def imported(path: Path) -> Iterator[str]:
    """Yield the full names of what a module imports from this package, wherever in it that stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_table_names_every_package_and_all_that_stays_at_the_top() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert modules == TOP
    assert set(LINE) == packages | modules


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_imports_what_builds_on_it(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    used = {name.split(".")[1] for name in imported(path) if name.startswith("retroflip.")}
    assert {name for name in used if LINE[name] > LINE[own]} == set()


@pytest.mark.parametrize("document", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_the_documents_name_modules_that_are_there(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = re.findall(r"`(?:src/retroflip/)?((?:\w+/)+\w+\.py)`", text)
    assert named
    places = (PACKAGE, ROOT)
    assert [
        name for name in named if "NAME" not in name and not any((p / name).is_file() for p in places)
    ] == []


def test_no_function_is_longer_than_a_screen() -> None:
    functions = (
        (f"{path.relative_to(PACKAGE)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert [one for one in functions if one[1] > LONGEST] == []
