"""The benchmarks by name."""

from retroflip.bench.benchmarks import (
    aotbench,
    charades,
    cvbench,
    eventhallusion,
    lvbench,
    mhbench,
    minerva,
    mmvu,
    mvbench,
    mvp,
    nextgqa,
    ovobench,
    perceptiontest,
    rextime,
    tempcompass,
    temporalbench,
    timeblind,
    tomato,
    tvbench,
    vcrbench,
    videomme,
    videommmu,
    videott,
    vidhalluc,
    vinoground,
    vnbench,
    vsibench,
)
from retroflip.bench.benchmarks.base import Benchmark
from retroflip.errors import UsageError

BENCHMARKS: dict[str, Benchmark] = {
    one.name: one
    for one in (
        tempcompass.BENCHMARK,
        timeblind.BENCHMARK,
        vinoground.BENCHMARK,
        mvp.BENCHMARK,
        vidhalluc.BENCHMARK,
        mhbench.BENCHMARK,
        aotbench.BENCHMARK,
        temporalbench.BENCHMARK,
        tomato.BENCHMARK,
        tvbench.BENCHMARK,
        vnbench.BENCHMARK,
        eventhallusion.BENCHMARK,
        ovobench.BENCHMARK,
        charades.BENCHMARK,
        nextgqa.BENCHMARK,
        rextime.BENCHMARK,
        mvbench.BENCHMARK,
        videomme.BENCHMARK,
        videommmu.BENCHMARK,
        videommmu.QUESTION_ONLY,
        mmvu.BENCHMARK,
        vsibench.BENCHMARK,
        perceptiontest.BENCHMARK,
        lvbench.BENCHMARK,
        videott.BENCHMARK,
        cvbench.BENCHMARK,
        minerva.BENCHMARK,
        vcrbench.BENCHMARK,
    )
}


def benchmark(name: str) -> Benchmark:
    """Return the benchmark of this name. Raises UsageError where there is none, naming those there are."""
    if name not in BENCHMARKS:
        raise UsageError(f"--bench {name}: no such benchmark. There are: {', '.join(BENCHMARKS)}.")
    return BENCHMARKS[name]
