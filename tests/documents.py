"""The code blocks of the documentation, tried as a reader tries them: page by page, each in a folder of its own.

Sybil finds the blocks. A block of `sh` is typed line by line, and one of `python` runs. What else is to be done with a
block stands in a comment right before it, which the site does not show:

    <!-- checked: why -->  sh: too long, or not possible here; the real command line reads its commands and no more
    <!-- slow: why -->     sh, python: as `checked`, and run by `pytest -m slow`
    <!-- skip: why -->     nothing is done
    <!-- file: NAME -->    it is a file, which the reader writes and later blocks use
    <!-- into: NAME -->    diff: it changes that file of the package (tests/unit/test_newcomers.py)
    <!-- is: KIND -->      what a reader of ours (`KINDS`) must take
    <!-- output -->        text: what the commands before it print, where they were run; "..." stands for anything
"""

import contextlib
import doctest
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from sybil import Document, Example
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from retroflip.bench.dybench.labels import read_labels
from retroflip.bench.dybench.sources import SOURCES
from retroflip.cli.app import app
from retroflip.cot.trace_sets import check_traces, read_tasks
from retroflip.data.records import read_samples
from retroflip.errors import DataError
from retroflip.jobs.recipes import load_recipe
from retroflip.models.tiny import NAME
from retroflip.train.datasets.mixed import read_mixture

ROOT = Path(__file__).parents[1]
LANGUAGES = ("sh", "python", "json", "yaml", "csv", "diff", "text")
WORDS = ("checked", "slow", "skip", "file", "into", "is", "output")
_MARK = re.compile(r"<!-- (\w+)(?:: (.+))? -->\n*\Z")
_BEFORE = re.compile(r"(?:\. \./setup\.sh && |uv run |[A-Z_]+=\S+ )+")
"""what stands before a program's name"""
_SHELL = re.compile(r"[|<>]|&&")


class Block(NamedTuple):
    """A block of code. word, said: of the comment before it, "" where there is none. line: of its page."""

    language: str
    text: str
    word: str
    said: str
    line: int

    @classmethod
    def of(cls, example: Example) -> "Block":
        """Return an example of sybil's as a block."""
        found = _MARK.search(example.document.text[: example.start])
        word, said = (found[1], found[2] or "") if found else ("", "")
        return cls(example.region.lexemes["arguments"], str(example.parsed), word, said, example.line)


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page, named by its way from the project's root."""
    parsers = [CodeBlockParser(language, lambda _: None) for language in LANGUAGES]
    return [Block.of(example) for example in Document.parse(str(ROOT / page), *parsers)]


def commands(text: str) -> list[str]:
    """Return the commands of a block of `sh`, one to a line."""
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


class Visit:
    """A reader at a page, in the folder where the process stands. slow: whether what takes long is run as well."""

    def __init__(self, page: str, *, slow: bool = False) -> None:
        self._page = page
        self._slow = slow
        self._printed: str | None = None
        self._python = PythonEvaluator()

    def read(self) -> None:
        """Do what every block asks for. Raises AssertionError, with the line of the page, where one does not hold."""
        parsers = [CodeBlockParser(language, self._evaluate) for language in LANGUAGES]
        for example in Document.parse(str(ROOT / self._page), *parsers):
            try:
                example.evaluate()
            except Exception as error:
                error.add_note(f"{self._page}, line {example.line}")
                raise

    def _evaluate(self, example: Example) -> None:
        block = Block.of(example)
        if block.word in ("skip", "into"):
            return
        if block.word == "file":
            write(block)
        elif block.word == "is":
            KINDS[block.said](block.text)
        elif block.word == "output":
            if self._printed is not None:
                assert_printed(block.text, self._printed)
        elif block.language == "sh":
            self._type(block)
        elif block.language == "python":
            if block.word != "slow" or self._slow:
                self._python(example)
        else:
            raise AssertionError(f"a block of {block.language} without a comment that says what it is")

    def _type(self, block: Block) -> None:
        run = not block.word or (block.word == "slow" and self._slow)
        lines = commands(block.text)
        self._printed = "".join(map(type_in, lines)) if run else None
        for line in lines if not run else ():
            check(line)


def write(block: Block) -> None:
    """Write a block that is a file, from where the process stands."""
    path = Path(block.said)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding="utf-8")


def type_in(line: str) -> str:
    """Run a command as it stands and return what it prints on stdout; `retroflip` runs in this process."""
    line = _BEFORE.sub("", line, count=1)
    words = shlex.split(line, comments=True)
    if words[0] != "retroflip" or _SHELL.search(line):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-ec", line], env={**os.environ, "PATH": path}, capture_output=True, text=True
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout
    result = CliRunner().invoke(app, words[1:])
    assert result.exit_code == 0, (line, result.output, result.exception)
    return result.stdout


def check(line: str) -> None:
    """Read a command without running it; a recipe that it trains by is read too, and estimated where the model is here.

    Raises AssertionError, or the command line's own error, for a command, an option or a value that there is not.
    """
    words = shlex.split(_BEFORE.sub("", line, count=1), comments=True)
    if "retroflip" in words:  # with a launcher before it, perhaps
        arguments = words[words.index("retroflip") + 1 :]
        _parse(arguments)
        if arguments[0] in ("train", "sft") and Path(arguments[1]).suffix:
            _check_recipe(arguments)
    elif words[0] == "python":
        script = (ROOT / words[1]).read_text(encoding="utf-8")
        assert [word for word in words[2:] if word.startswith("--") and f'"{word}"' not in script] == [], line
    else:
        raise AssertionError(f"{line}: nobody can check this here; say `skip` and why")


def _parse(words: list[str]) -> None:
    """Have the command line read its arguments, down to the last sub-command."""
    command: Any = get_command(app)
    name, context = "retroflip", None
    while True:
        context = command.make_context(name, list(words), parent=context)
        left = [*context._protected_args, *context.args] if isinstance(command, TyperGroup) else []
        if not left:
            return
        name, command, words = command.resolve_command(context, left)


def _check_recipe(arguments: list[str]) -> None:
    recipe = load_recipe(Path(arguments[1]), [word for word in arguments[2:] if "=" in word])
    if recipe.model.path == NAME or Path(recipe.model.path).is_dir():
        type_in(shlex.join(["retroflip", *arguments, *(["--dry-run"] * ("--dry-run" not in arguments))]))


def assert_printed(wanted: str, got: str) -> None:
    """Raise AssertionError unless a text is what was printed, but for spaces and what "..." stands for."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    example = doctest.Example("", wanted)
    checker = doctest.OutputChecker()
    assert checker.check_output(wanted, got, flags), checker.output_difference(example, got, flags)


def _read_recipe(text: str) -> None:
    """Read settings as those of a recipe that states all else."""
    path = Path("settings.yaml")
    path.write_text(f"extends: tiny/crpo\n{text}")
    load_recipe(path)


def _read_sources(text: str) -> None:
    """Have each source read its settings, beside an empty root."""
    empty = Path("empty")
    empty.mkdir(exist_ok=True)
    for name, section in yaml.safe_load(text).items():
        with contextlib.suppress(DataError):  # Nothing is there; a setting that is none is a RecipeError.
            next(iter(SOURCES[name].candidates(empty, section["settings"])), None)


def _read_trace(text: str) -> None:
    """Read a trace of a question of the page's data set; the verifier must find it true."""
    path = Path("trace.jsonl")
    path.write_text(json.dumps(json.loads(text)))
    found = check_traces(read_tasks(Path("runs/cot")), path)
    assert found["refused"] == {}


def _from_file(suffix: str, read: Callable[[Path], Any]) -> Callable[[str], None]:
    def reader(text: str) -> None:
        path = Path(f"block{suffix}")
        path.write_text(text)
        read(path)

    return reader


KINDS: dict[str, Callable[[str], None]] = {
    "record": _from_file(".jsonl", read_samples),
    "label": _from_file(".jsonl", read_labels),
    "mixture": _from_file(".yaml", read_mixture),
    "recipe": _read_recipe,
    "sources": _read_sources,
    "trace": _read_trace,
}


def pages() -> Iterator[str]:
    """Yield every page that has blocks, by its way from the project's root."""
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))):
        page = path.relative_to(ROOT).as_posix()
        if blocks(page):
            yield page
