"""What this machine has, what a run would miss, and how to mend it. Looks only: nothing is written or fetched."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, get_args

import av
import torch
from huggingface_hub.constants import HF_HUB_CACHE
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from retroflip.data.manifest import manifest_beside
from retroflip.errors import DataError, counted
from retroflip.files.memory import host_memory
from retroflip.inference.vllm_rollouts import VERSION
from retroflip.models import tiny
from retroflip.recipes.schema import Tracker
from retroflip.train.machine import GIB
from retroflip.train.run_directory import describe_packages, version_of
from retroflip.video.encode import ENCODER
from retroflip.video.frame_cache import VARIABLE, frame_cache
from retroflip.video.hashing import sha256_file

EXTRAS = {
    "figures": (("matplotlib",), "figures for a paper: retroflip report --figures"),
    "llm": (("openai",), "models behind an endpoint: reasoning traces, the router, generate --endpoint"),
    "people": (
        ("opencv-python-headless",),
        "people who walk, seen in pictures: checks.people of dybench recipes",
    ),
    "ray": (("ray",), "data jobs on many machines: --engine ray"),
    "vllm": (("vllm",), "rollouts and answers by vLLM; Linux with a CUDA device alone"),
    "web": (("starlette", "uvicorn"), "the viewer: retroflip view"),
    "deepspeed": (("deepspeed",), "ZeRO over several GPUs"),
}
"""the extras of the package, what each needs, and what it is for"""
DECODERS = {
    "h264": ("h264",),
    "hevc": ("hevc",),
    "vp9": ("vp9", "libvpx-vp9"),
    "av1": ("libdav1d", "libaom-av1"),
    "vp8": ("vp8", "libvpx"),
    "mpeg4": ("mpeg4",),
}
"""the decoders that need no special hardware (FFmpeg's own "av1" does) of what data sets are published in; MPEG-4 is in
older AVI files"""
TRACKERS: tuple[str, ...] = get_args(Tracker)
"""each by its own package's name"""
WANTED_CORES = 2
WANTED_MEMORY_GIB = 4.0
WANTED_DISK_GIB = 2.0
"""what the demo needs"""

CONSTRAINTS = Path(__file__).parents[3] / "constraints.txt"
"""of a checkout; an installed package has none"""
REINSTALL = "Install the pinned packages again: . ./setup.sh"


@dataclass(frozen=True)
class Check:
    """One thing looked at: `value` is what was found, `fix` what to do about it (empty when all is well).

    status: "absent" is an extra that is not installed and that nothing else needs.
    """

    name: str
    status: Literal["ok", "warn", "absent"]
    value: str
    fix: str = ""


def collect() -> dict[str, Any]:
    """Return {"ok": whether nothing is amiss, "checks": [{"name", "status", "value", "fix"} of each `Check`]}."""
    checks = [
        _python(),
        _check("platform", True, platform.platform()),
        _cores(),
        _memory(),
        *_packages(),
        _cuda(),
        *(_codec(name) for name in DECODERS),
        _encoder(),
        tiny_model(tiny.WEIGHTS),
        _disk(Path.cwd()),
        hub_cache(Path(HF_HUB_CACHE)),
        _frame_cache(),
        *(extra(name) for name in EXTRAS),
        *(tracker(name) for name in TRACKERS),
    ]
    return {
        "ok": all(check.status != "warn" for check in checks),
        "checks": [asdict(check) for check in checks],
    }


def _check(name: str, good: bool, value: str, fix: str = "") -> Check:
    return Check(name, "ok", value) if good else Check(name, "warn", value, fix)


def _python() -> Check:
    good = sys.version_info >= (3, 11)
    return _check("Python", good, platform.python_version(), "Use Python 3.11 or newer.")


def _cores() -> Check:
    # A container may be given fewer cores than the machine has.
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return _check(
        "cores", cores >= WANTED_CORES, str(cores), "The demo takes longer on one core; try demo --quick."
    )


def _memory() -> Check:
    held = host_memory()
    if held is None:
        return _check("memory", True, "unknown on this platform")
    gib = held / GIB
    fix = f"The demo needs {WANTED_MEMORY_GIB:.0f} GiB; close other programs or use a larger machine."
    return _check("memory", gib >= WANTED_MEMORY_GIB, f"{gib:.1f} GiB", fix)


def _packages() -> list[Check]:
    wanted, pins = _wanted(), pinned(CONSTRAINTS)
    return [
        package(name, version, wanted.get(name), pins.get(name))
        for name, version in describe_packages().items()
        if name != "python"
    ]


def package(name: str, version: str | None, wanted: SpecifierSet | None, pin: str | None) -> Check:
    """Check a package's version against what retroflip takes, and say where it is not the pinned one."""
    if version is None:
        return _check(name, False, "not installed", REINSTALL)
    if wanted is not None and not wanted.contains(version, prereleases=True):
        return _check(name, False, version, f"retroflip takes {name}{wanted}. {REINSTALL}")
    return _check(name, True, version if pin in (None, version) else f"{version}; {pin} is pinned")


def _wanted() -> dict[str, SpecifierSet]:
    """Return the versions that the installed retroflip says it takes; {} where it is not installed."""
    try:
        stated = metadata.requires("retroflip") or []
    except metadata.PackageNotFoundError:
        return {}
    found = [Requirement(one) for one in stated]
    return {one.name: one.specifier for one in found if one.marker is None}


def pinned(constraints: Path) -> dict[str, str]:
    """Return the pins of a checkout's constraints that hold here; {} where there is no such file."""
    if not constraints.is_file():
        return {}
    lines = re.findall(r"^([\w.-]+==[^\\\n]+)", constraints.read_text(encoding="utf-8"), re.MULTILINE)
    found = [Requirement(line) for line in lines]
    here = [one for one in found if one.marker is None or one.marker.evaluate()]
    return {one.name: str(one.specifier).removeprefix("==") for one in here}


def _cuda() -> Check:
    """Report the GPUs. None is fine, but one that PyTorch cannot use is not."""
    devices = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    names = [f"{one.name}, {one.total_memory / GIB:.0f} GiB" for one in devices]
    if names:
        return _check("CUDA devices", True, "; ".join(names))
    driver = shutil.which("nvidia-smi") is not None
    fix = "An NVIDIA driver is there, but PyTorch sees no GPU: check CUDA_VISIBLE_DEVICES and the driver's version."
    return _check("CUDA devices", not driver, "none; runs use the CPU", fix)


def _codec(name: str) -> Check:
    found = [decoder for decoder in DECODERS[name] if _is_there(decoder, "r")]
    fix = f"This build of PyAV decodes no {name}. {REINSTALL}"
    return _check(f"{name} decoder", bool(found), ", ".join(found) or "missing", fix)


def _encoder() -> Check:
    """Look for x264, by which all videos are written."""
    fix = f"This build of PyAV has no {ENCODER}, so no video can be made. {REINSTALL}"
    return _check("h264 encoder", _is_there(ENCODER, "w"), ENCODER, fix)


def _is_there(codec: str, mode: Literal["r", "w"]) -> bool:
    try:
        av.codec.Codec(codec, mode)
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def extra(name: str) -> Check:
    """Look for an extra's packages; vLLM is of use in one series alone."""
    packages, what = EXTRAS[name]
    versions = {package: version_of(package) for package in packages}
    install = f"{what[0].upper()}{what[1:]}. Install it with: uv pip install 'retroflip[{name}]'"
    if None in versions.values():
        lacking = ", ".join(package for package, version in versions.items() if version is None)
        return Check(f"extra {name}", "absent", f"without {lacking}", install)
    value = ", ".join(f"{package} {version}" for package, version in versions.items())
    wrong = name == "vllm" and not str(versions["vllm"]).startswith(f"{VERSION}.")
    return _check(f"extra {name}", not wrong, value, f"vLLM must be of the {VERSION} series. {install}")


def tracker(name: str) -> Check:
    """Look for a tracker's package, which no run needs."""
    version = version_of(name)
    if version is not None:
        return Check(f"tracker {name}", "ok", version)
    install = f"For train.report_to={name} alone. Install it with: uv pip install {name}"
    return Check(f"tracker {name}", "absent", "not installed", install)


def tiny_model(folder: Path) -> Check:
    """Check the embedded model's files against the manifest beside them."""
    rebuild = "Make it again: retroflip tiny build"
    if not (folder / "model.safetensors").is_file():
        return _check(tiny.NAME, False, f"no weights in {folder}", rebuild)
    try:
        manifest = manifest_beside(folder)
    except DataError as error:
        return _check(tiny.NAME, False, str(error), rebuild)
    if manifest is None:
        return _check(tiny.NAME, False, f"no manifest in {folder}, so its files cannot be checked", rebuild)
    files = {name: folder / name for name in manifest.files}
    bad = [
        name
        for name, path in files.items()
        if not path.is_file() or sha256_file(path) != manifest.sha256_of(name)
    ]
    value = f"missing or changed: {', '.join(bad)}" if bad else f"{counted(len(files), 'file')}, hashes right"
    return _check(tiny.NAME, not bad, value, rebuild)


def _disk(folder: Path) -> Check:
    gib = shutil.disk_usage(folder).free / GIB
    fix = f"A run keeps checkpoints; free {WANTED_DISK_GIB:.0f} GiB, or put it elsewhere with --out."
    return _check("free disk", gib >= WANTED_DISK_GIB, f"{gib:.1f} GiB in {folder}", fix)


def _frame_cache() -> Check:
    """Say where decoded frames are kept, and how large they may become together."""
    kept = frame_cache()
    if kept is None:
        return _check("frame cache", True, f"off ({VARIABLE})")
    there = next(path for path in (kept.folder, *kept.folder.absolute().parents) if path.exists())
    writable = there.is_dir() and os.access(there, os.W_OK)
    fix = f"Set RETROFLIP_CACHE to a folder that you can write to, or {VARIABLE}=off."
    return _check("frame cache", writable, f"{kept.folder}, {kept.most_bytes / 1e9:g} GB at most", fix)


def hub_cache(folder: Path) -> Check:
    """Check that models from the hub could be kept: the cache, or what it would be made in, can be written."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    writable = there.is_dir() and os.access(there, os.W_OK)
    fix = "Set HF_HOME to a folder you can write to. The embedded model needs no cache."
    return _check("Hugging Face cache", writable, f"{folder}{'' if writable else ' cannot be written'}", fix)
