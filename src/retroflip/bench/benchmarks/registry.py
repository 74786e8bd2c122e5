"""The benchmarks by name."""

from retroflip.bench.benchmarks import tempcompass
from retroflip.bench.benchmarks.base import Benchmark
from retroflip.errors import UsageError

BENCHMARKS: dict[str, Benchmark] = {one.name: one for one in (tempcompass.BENCHMARK,)}


def benchmark(name: str) -> Benchmark:
    """Return the benchmark of this name. Raises UsageError where there is none, naming those there are."""
    if name not in BENCHMARKS:
        raise UsageError(f"--bench {name}: no such benchmark. There are: {', '.join(BENCHMARKS)}.")
    return BENCHMARKS[name]
