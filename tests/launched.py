"""Processes that work together as torchrun's do, forked from one that has imported everything once."""

import importlib
import os
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils import DistributedType
from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env

from retroflip.models.launching import MeetingPlace

CONFIGURATIONS = Path(__file__).parents[1] / "recipes" / "accelerate"
SECONDS = 120
"""how long processes may take together before they count as hanging"""

_processes = get_context("forkserver")
_processes.set_forkserver_preload([__name__, "retroflip.rl.train", "retroflip.sft.train"])


def launch(
    count: int, work: Callable[..., None], *arguments: Any, seconds: float = SECONDS
) -> list[int | None]:
    """Run `work(*arguments)` in so many processes; return their exit codes in the order of their ranks.

    A process that still runs after so many seconds is killed and has code None.
    """
    place = MeetingPlace(count)
    started = [
        _processes.Process(target=_ranked, args=(place.environment(rank), work, arguments))
        for rank in range(count)
    ]
    for process in started:
        process.start()
    deadline = time.monotonic() + seconds
    codes: list[int | None] = []
    for process in started:
        process.join(max(deadline - time.monotonic(), 0))
        codes.append(process.exitcode)
        process.kill()
    for process in started:
        process.join()
    return codes


def _ranked(place: dict[str, str], work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ |= {**place, "LOCAL_RANK": place["RANK"], "CUDA_VISIBLE_DEVICES": ""}
    # With more threads a sum can round differently in another process.
    torch.set_num_threads(1)
    work(*arguments)


def join_as(config: str | None) -> None:
    """Do in this process what `accelerate launch` does under a shipped configuration, if one is named.

    accelerate shards on GPUs only: here it takes the CPU for one.
    """
    if config is None or config == "ddp":
        return
    own = {name: os.environ[name] for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")}
    os.environ |= _launched_environment(config) | own | {"ACCELERATE_TORCH_DEVICE": "cpu"}
    if config == "zero3":
        os.environ["DS_ACCELERATOR"] = "cpu"
        importlib.import_module("deepspeed").init_distributed("gloo", auto_mpi_discovery=False)
    else:
        torch.distributed.init_process_group("gloo")
    PartialState._prepare_backend = lambda *_, **__: ("gloo", DistributedType.MULTI_GPU)


def _launched_environment(config: str) -> dict[str, str]:
    """Return what `accelerate launch` tells its processes under a shipped configuration."""
    file = str(CONFIGURATIONS / f"{config}.yaml")
    command = ["--config_file", file, "--num_processes", "2", "-m", "retroflip"]
    arguments, _, _ = _validate_launch_command(launch_command_parser().parse_args(command))
    if not arguments.use_deepspeed:
        return dict(prepare_multi_gpu_env(arguments))
    arguments.deepspeed_fields_from_accelerate_config = ",".join(load_config_from_file(file).deepspeed_config)
    return dict(prepare_deepspeed_cmd_env(arguments)[1])
