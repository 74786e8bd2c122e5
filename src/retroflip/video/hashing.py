"""The fingerprint by which a file is known to be the one that was meant."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

LARGE = 2**26
"""bytes from which a file is not read twice by one process as long as it stays as it is"""
THREADS = 8
"""files that are hashed at once"""


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 lower-case hexadecimal digits. Raises OSError if it cannot
    be read."""
    state = path.stat()
    if state.st_size < LARGE:
        return _read(path)
    return _read_once(path, state.st_ino, state.st_size, state.st_mtime_ns)


def sha256_files(paths: Iterable[Path]) -> list[str]:
    """Return the SHA-256 of several files, read side by side. Raises OSError as `sha256_file` does."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(sha256_file, paths))


def _read(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@lru_cache(maxsize=1024)
def _read_once(path: Path, *_: int) -> str:
    return _read(path)
