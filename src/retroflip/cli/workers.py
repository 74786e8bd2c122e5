"""Where a command's jobs run: on this machine's cores, or on a Ray cluster. One pair of options for all commands."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from retroflip.workers import Engine


class EngineName(StrEnum):
    """Where jobs run."""

    LOCAL = "local"
    RAY = "ray"


EngineNameOption: TypeAlias = Annotated[
    EngineName,
    typer.Option("--engine", help="This machine, or a Ray cluster whose machines share the folders."),
]
WorkersOption: TypeAlias = Annotated[
    int, typer.Option(min=1, help="Processes of this machine among which the work is shared.")
]


def engine_of(name: EngineName, workers: int = 1, *, gpus: bool = False, apart: bool = False) -> "Engine":
    """Return what runs jobs. gpus: whether a job on a cluster wants one. apart: none runs in this process. Raises
    UsageError without Ray for `ray`."""
    from retroflip.workers import LocalEngine, RayEngine

    return LocalEngine(workers, apart=apart) if name is EngineName.LOCAL else RayEngine(gpus=gpus)
