"""The `retroflip` command: its sub-commands, and the boundary at which errors become one paragraph and a code.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Anything that is not a user's or the environment's fault
is a bug and keeps its traceback.
"""

import errno
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from retroflip.cli import (
    bench,
    comparison,
    cot,
    data,
    dybench,
    evaluation,
    filtering,
    generation,
    hub,
    leaks,
    machine,
    records,
    route,
    study,
    synth,
    training,
    viewer,
)
from retroflip.cli.quiet import set_environment
from retroflip.cli.terminal import ARGUMENTS, HelpfulGroup, example
from retroflip.errors import RetroflipError, RunStoppedError

INTERRUPTED = 130
FLAG_TO_RESUME = {
    "train": ["--resume"],
    "sft": ["--resume"],
    "demo": [],
    "generate": [],
    "pairs": [],
    "synth": [],
    "dybench": [],
    "cot": [],
    "route": [],
    "filter": [],
    "data": [],
    "study": [],
    "push": [],
}
"""commands that go on where they stopped, with what must be added to the command given"""
ENVIRONMENT = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENOTDIR,
    errno.ENAMETOOLONG,
    errno.EEXIST,
    errno.EISDIR,
}
"""errors of the operating system that a user can mend"""


class Boundary(HelpfulGroup):
    """Turns errors that a user can mend into a paragraph on stderr and an exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the arguments as they were given, to say how to go on after an interruption."""
        ctx.meta[ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except RunStoppedError as stopped:
            what = f"Stopped behind step {stopped.step}, which is saved."
            print(_go_on(what, ctx.invoked_subcommand, ctx.meta[ARGUMENTS]), file=sys.stderr)
        except RetroflipError as error:
            _fail(str(error), error.exit_code)
        except KeyboardInterrupt:
            what = "Interrupted; what is finished is kept."
            _fail(_go_on(what, ctx.invoked_subcommand, ctx.meta[ARGUMENTS]), INTERRUPTED)
        except OSError as error:
            if (folder := _without_new_files(error)) is not None:
                _fail(
                    f"{folder}: no folder, or none that takes new files. Make it, or name another place.", 1
                )
            if error.errno not in ENVIRONMENT:
                raise
            name = f"{error.filename}: " if error.filename else ""
            _fail(f"{name}{error.strerror}. Check the path, its permissions and the free space there.", 1)


def _without_new_files(error: OSError) -> Path | None:
    """Return the folder in which a file of ours could not be made, since it is not there, or no real one, as /proc."""
    from retroflip.files.storage import LOCK_NAME, is_unfinished  # brings numpy, which --help does without

    if error.errno != errno.ENOENT or not isinstance(error.filename, str | os.PathLike):
        return None
    file = Path(error.filename)
    return file.parent if file.name == LOCK_NAME or is_unfinished(file.name) else None


def _fail(message: str, code: int) -> None:
    print(f"Error: {message}" if code != INTERRUPTED else message, file=sys.stderr)
    raise typer.Exit(code)


def _go_on(what: str, command: str | None, arguments: list[str]) -> str:
    """Return what happened, and with which command to go on from there if the command given can."""
    flags = FLAG_TO_RESUME.get(command or "")
    if flags is None or "--dry-run" in arguments:
        return "Interrupted."
    added = [flag for flag in flags if flag not in arguments]
    return f"{what} Go on with: {shlex.join(['retroflip', *arguments, *added])}"


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata  # brings what reads mail and archives

        print(f"retroflip {metadata.version('retroflip')}")
        raise typer.Exit


app = typer.Typer(
    cls=Boundary,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example("retroflip demo --quick"),
)


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Teach video language models to see motion, and prove that they do."""


for _module in (
    machine,
    training,
    synth,
    cot,
    records,
    data,
    filtering,
    dybench,
    route,
    bench,
    generation,
    evaluation,
    comparison,
    leaks,
    study,
    viewer,
    hub,
):
    _module.register(app)


def main() -> None:
    """Run the command line; the console script `retroflip` starts here."""
    set_environment()
    typer.main.get_command(app)(prog_name="retroflip")
