"""The list of a data set's files with their SHA-256, by which a damaged or exchanged file is noticed.

manifest.json: {"schema": 1, "sha256": of the files, "files": {relative path: {"sha256": ..., "bytes":
...}}}. Its own hash is there because one damaged byte in a path would otherwise leave that file unchecked
without a word.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from retroflip.data.root import normalise, resolve
from retroflip.errors import DataError, MissingVideoError
from retroflip.files import write_json_atomic
from retroflip.paths import unicode_forms
from retroflip.video.hashing import sha256_file

MANIFEST_NAME = "manifest.json"


class FileEntry(BaseModel):
    """What a file must be: its SHA-256 in lower-case hexadecimal and its size in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class Manifest(BaseModel):
    """Files by their path relative to the data set's root, as `root.normalise` writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: dict[str, FileEntry]

    def sha256_of(self, relative: str) -> str | None:
        """Return the hash that the file at `relative` must have; None when the manifest lists it in no Unicode form."""
        listed = (self.files.get(name) for name in unicode_forms(normalise(relative)))
        return next((entry.sha256 for entry in listed if entry), None)

    def digest(self) -> str:
        """Return the SHA-256 of the list itself, whatever its order."""
        rows = sorted([path, entry.sha256, entry.bytes] for path, entry in self.files.items())
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


class _ManifestFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    schema_: Literal[1] = Field(alias="schema")
    sha256: str
    files: dict[str, FileEntry]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if Manifest(files=self.files).digest() != self.sha256:
            raise ValueError("its own hash does not fit its content")
        return self


def build_manifest(root: Path, relatives: Iterable[str]) -> Manifest:
    """Hash the files named by `relatives` under `root`. Raises PathEscapeError, and MissingVideoError."""
    files: dict[str, FileEntry] = {}
    for relative in relatives:
        path = resolve(root, relative)
        if not path.is_file():
            raise MissingVideoError(f"{path}: no such file, so it cannot be put into the manifest.")
        files[normalise(relative)] = FileEntry(sha256=sha256_file(path), bytes=path.stat().st_size)
    return Manifest(files=files)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write `manifest` atomically, files in the order of their paths."""
    files = {name: manifest.files[name].model_dump() for name in sorted(manifest.files)}
    write_json_atomic(path, {"schema": 1, "sha256": manifest.digest(), "files": files})


def read_manifest(path: Path) -> Manifest:
    """Read what `write_manifest` wrote. Raises DataError when the file is missing, damaged or of another
    form."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: the manifest cannot be read ({error.strerror}).") from error
    try:
        return Manifest(files=_ManifestFile.model_validate_json(text).files)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{path}: not a whole manifest ({where + ': ' if where else ''}{first['msg']}). It was changed or damaged "
            "after it was written; restore it or write it again."
        ) from error


def manifest_beside(path: Path) -> Manifest | None:
    """Return the manifest in a data set's folder, or in the folder of the data file given; None without one.

    Raises DataError when the manifest is damaged.
    """
    candidate = (path if path.is_dir() else path.parent) / MANIFEST_NAME
    return read_manifest(candidate) if candidate.exists() else None
