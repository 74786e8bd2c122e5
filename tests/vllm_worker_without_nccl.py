"""Lets a real vLLM server take weights where NCCL cannot run: everything is as ever but the broadcast itself.

The server's workers import this module (`--worker-extension-cls vllm_worker_without_nccl.Worker`), which changes them.
"""

import importlib
from collections.abc import Callable, Iterable
from typing import Any

import torch

nccl_engine: Any = importlib.import_module("vllm.distributed.weight_transfer.nccl_engine")
layers: Any = importlib.import_module("vllm.model_executor.layers.utils")


class Worker:
    """Adds nothing to vLLM's worker."""


def _join(init_info: Any, parallel_config: Any) -> Any:
    return importlib.import_module("vllm.distributed.utils").StatelessProcessGroup.create(
        host=init_info.master_address,
        port=init_info.master_port,
        rank=parallel_config.rank + init_info.rank_offset,
        world_size=init_info.world_size,
    )


def _receive(
    iterator: Iterable[tuple[str, tuple[list[int], torch.dtype]]],
    group: Any,
    src: int,
    post_unpack_func: Callable[[list[tuple[str, torch.Tensor]]], Any],
    **_: Any,
) -> None:
    for name, (shape, dtype) in iterator:
        tensor = group.broadcast_obj(None, src)
        assert (list(tensor.shape), tensor.dtype) == (list(shape), dtype), name
        post_unpack_func([(name, tensor)])


def _plain_linear(layer: Any, remove_weight: bool) -> None:  # noqa: ARG001 - vLLM's signature
    # On CPUs vLLM packs weights so that none can be brought to them later; on GPUs it leaves them.
    layer.cpu_linear = torch.nn.functional.linear


nccl_engine.worker_init_process_group = _join
nccl_engine.packed_nccl_broadcast_consumer = _receive
layers.dispatch_cpu_unquantized_gemm = _plain_linear
