"""Files that each process of a run has of its own until they are put together in one."""

from pathlib import Path


def shard(folder: Path, name: str, rank: int) -> Path:
    """Return the file into which a process writes; the first one of a run writes into the file of that name itself."""
    stem, _, ending = name.partition(".")
    return folder / (f"{stem}.process-{rank}.{ending}" if rank else name)


def other_shards(folder: Path, name: str) -> list[Path]:
    """Return the files of all processes but the first, as far as they are there."""
    stem, _, ending = name.partition(".")
    return sorted(folder.glob(f"{stem}.process-*.{ending}"))
