"""Where jobs run: in this process, in others, on a cluster of two Ray nodes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retroflip.data.manifest import read_manifest
from retroflip.errors import TooLittleMemoryError, UsageError
from retroflip.progress import Silence
from retroflip.synth.corpus import CorpusSettings, write_corpus
from retroflip.synth.settings import SceneSettings
from retroflip.workers import LocalEngine, RayEngine


def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def die(number: int) -> int:
    os._exit(number)


def fail(number: int) -> int:
    raise ValueError(f"number {number}")


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_is_done_once(workers: int) -> None:
    found = list(LocalEngine(workers).run(square, range(20)))
    assert sorted(value for value, _ in found) == [number * number for number in range(20)]
    others = {process for _, process in found} - {os.getpid()}
    assert bool(others) == (workers > 1)


def test_an_error_of_a_job_reaches_the_caller() -> None:
    with pytest.raises(ValueError, match="number"):
        list(LocalEngine(2).run(fail, range(4)))


def test_a_killed_worker_is_told_with_what_to_do() -> None:
    with pytest.raises(TooLittleMemoryError, match="with fewer --workers"):
        list(LocalEngine(2).run(die, range(4)))


def crash_at_13(number: int) -> int:
    if number == 13:
        os.kill(os.getpid(), signal.SIGSEGV)
    return number


def end_at_13(number: int) -> int:
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_crashes_costs_its_own_result_alone(workers: int) -> None:
    found = LocalEngine(workers, apart=True).run(crash_at_13, range(20), lambda number: -number)
    assert sorted(found) == [-13, *(number for number in range(20) if number != 13)]


def test_a_worker_that_is_killed_is_no_crash() -> None:
    with pytest.raises(TooLittleMemoryError, match="was killed"):
        list(LocalEngine(2).run(end_at_13, range(20), lambda number: -number))


def test_ray_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retroflip.workers.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"retroflip\[ray\]"):
        RayEngine()


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two nodes of one CPU each, on this machine."""
    ray = pytest.importorskip("ray", reason="needs the extra `ray`")
    utilities = pytest.importorskip("ray.cluster_utils")
    made = utilities.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.add_node(num_cpus=1)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.mark.slow
def test_a_cluster_of_two_nodes_writes_the_same_data_set(cluster: Any, tmp_path: Path) -> None:
    import ray

    asked = CorpusSettings(kinds=("direction",), per_task=6, seed=3, scene=SceneSettings(size=64))
    write_corpus(tmp_path / "here", asked, engine=LocalEngine(1), progress=Silence())
    write_corpus(tmp_path / "there", asked, engine=RayEngine(cluster.address), progress=Silence())
    assert sum(node["Alive"] for node in ray.nodes()) == 2
    here, there = (read_manifest(tmp_path / name / "manifest.json") for name in ("here", "there"))
    assert here == there
