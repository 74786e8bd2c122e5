"""What the command line shows: progress on stderr, results on stdout."""

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from retroflip.errors import UsageError

if TYPE_CHECKING:
    from retroflip.progress import Facts, Progress

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")
]
"""the option that every command with a result has"""

ARGUMENTS = "retroflip.arguments"
"""under which a command finds the arguments that it was given, in its context's `meta`"""
LINE_SECONDS = 5.0
LEAST_SECONDS = 1.0
PLAIN_WIDTH = 120
"""columns of a table that goes to a file or a pipe"""


def example(command: str) -> str:
    """Return a help text's last line, which is not broken anywhere, so that it can be copied whole."""
    return f"\b\nExample: {command}"


class HelpfulGroup(TyperGroup):
    """A command with sub-commands, whose help shows the first sentence of each of them whole."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the sub-commands; a sentence that does not fit into one line goes on in the next."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [
            (name, command.get_short_help_str(limit=sys.maxsize))
            for name, command in commands.items()
            if command is not None and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class DefaultCommand(HelpfulGroup):
    """A command with sub-commands, in which arguments that begin with none of them are those of `default`."""

    default: str

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = [self.default, *args]
        return super().parse_args(ctx, args)


class TerminalProgress:
    """A `progress.Progress` on stderr: a bar on a terminal, plain lines elsewhere.

    Lines come at a stage's start and end, at every tenth of it unless these follow closely, and in between when five
    seconds passed without one. A stage of 0 units is one of unknown length.
    """

    def __init__(self, stream: TextIO, *, bar: bool) -> None:
        self._stream = stream
        self._bar: Any = _bar() if bar else None
        self._task: Any = None
        self._name = self._unit = ""
        self._total = self._done = self._shown = 0
        self._began = self._last = time.monotonic()

    def stage(self, name: str, total: int, unit: str) -> None:
        """Begin a stage; the one before it is done."""
        self._finish()
        self._name, self._total, self._unit, self._done, self._shown = name, total, unit, 0, 0
        self._began = self._last = time.monotonic()
        if self._bar is None:
            line = f"{name}: {total} {unit}" if total else name
            print(plain_line(line), file=self._stream, flush=True)
            return
        self._bar.facts = {}
        self._bar.start()
        self._task = self._bar.add_task(name, total=total or None, unit=unit, note="")

    def advance(self, done: int, note: str = "", facts: "Facts" = MappingProxyType({})) -> None:
        """Show how far the stage is; the facts stand below a bar, and behind the note of a line."""
        self._done = done
        if self._bar is not None:
            self._bar.facts = facts
            self._bar.update(self._task, completed=done, note=note)
            return
        tenth = 10 * done // self._total if self._total else 0
        wait = LINE_SECONDS if tenth <= self._shown else LEAST_SECONDS
        if done != self._total and time.monotonic() - self._last < wait:
            return
        self._shown, self._last = tenth, time.monotonic()
        print(self._line(done, note, facts), file=self._stream, flush=True)

    def close(self) -> None:
        """End the display."""
        self._finish()
        if self._bar is not None:
            self._bar.stop()

    def _finish(self) -> None:
        if self._task is None:
            return
        self._bar.stop_task(self._task)
        if not self._total:
            self._bar.remove_task(self._task)
        self._task = None

    def _line(self, done: int, note: str, facts: "Facts") -> str:
        elapsed = time.monotonic() - self._began
        share = f" ({100 * done // self._total} %)" if self._total else ""
        left = (
            f", about {clock(elapsed / done * (self._total - done))} left" if 0 < done < self._total else ""
        )
        of_all = f"{done}/{self._total}" if self._total else f"{done}"
        told = [f"{self._name}: {of_all} {self._unit}{share}, {clock(elapsed)}{left}", note]
        line = ", ".join(part for part in told if part)
        return plain_line(" | ".join([line, *(f"{name}: {text}" for name, text in facts.items())]))


@contextlib.contextmanager
def shown_progress() -> Iterator[TerminalProgress]:
    """Give a progress display for the work of a command.

    Libraries that print to stdout (trainers do) are sent to stderr meanwhile: stdout is for results.
    """
    progress = TerminalProgress(sys.stderr, bar=sys.stderr.isatty())
    with contextlib.redirect_stdout(sys.stderr):
        try:
            yield progress
        finally:
            progress.close()


@contextlib.contextmanager
def main_progress() -> "Iterator[Progress]":
    """Give the first process of a run its display, and the others none."""
    from retroflip.models import processes
    from retroflip.progress import Silence

    with shown_progress() as shown:
        yield shown if processes.is_main() else Silence()


def plain_line(text: str) -> str:
    """Return a text as one line of a log: whatever would move a cursor or change a colour is left out.

    >>> plain_line("a\\x1b[31mb\\r\\nc")
    'a [31mb  c'
    """
    return "".join(letter if letter.isprintable() else " " for letter in text)


def clock(seconds: float) -> str:
    """Return a duration as people read it.

    >>> clock(75)
    '1:15'
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def check_is_new(out: Path, file: Path) -> None:
    """Raise UsageError if a command would write over the file that it reads."""
    if out.exists() and file.exists() and out.samefile(file):
        raise UsageError(f"--out {out} is the file that is read. Name another one.")


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout."""
    from retroflip.files.storage import jsonable  # brings numpy, which --help does without

    print(json.dumps(jsonable(value), indent=2, allow_nan=False))


def print_table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = True
) -> None:
    """Print a table on stdout; texts are shown as they are, never read as markup.

    numbers: whether all columns but the first hold numbers, which stand on the right.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    for index, name in enumerate(header):
        table.add_column(name, justify="right" if numbers and index else "left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    console.print(table)


def _bar() -> Any:
    from rich import progress
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    class Bar(progress.Progress):
        """Bars, and below them what there is to say of the step."""

        facts: "Facts" = MappingProxyType({})

        def get_renderables(self) -> "Iterator[RenderableType]":
            yield from super().get_renderables()
            if not self.facts:
                return
            table = Table.grid(padding=(0, 2))
            for name, text in self.facts.items():
                table.add_row(Text(f"  {name}", style="dim"), Text(text, overflow="fold"))
            yield table

    return Bar(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=24),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[unit]}", markup=False),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
    )


def by_name(directories: Sequence[Path]) -> dict[str, Path]:
    """Return the directories by short names, by whole paths where the short ones are the same.

    Raises UsageError where one is named twice: it would be set beside itself.
    """
    if len({one.resolve() for one in directories}) < len(directories):
        raise UsageError("The same folder was named twice. Name each once.")
    short = [directory.resolve().name for directory in directories]
    names = short if len(set(short)) == len(short) else [str(directory) for directory in directories]
    return dict(zip(names, directories, strict=True))
