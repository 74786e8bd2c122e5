"""The list of a data set's or a model's files with their SHA-256, by which a damaged or exchanged file is noticed.

manifest.json: {"schema": 1, "sha256": of the files, "files": {relative path: {"sha256": ..., "bytes":
...}}}. Its own hash is there because one damaged byte in a path would otherwise leave that file unchecked
without a word.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from retroflip.data.root import normalise, resolve
from retroflip.errors import DataError, MissingVideoError, first_fault
from retroflip.files.names import unicode_forms
from retroflip.files.storage import read_json_object, write_json_atomic
from retroflip.video.hashing import sha256_file, sha256_files

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
    paths = {normalise(relative): resolve(root, relative) for relative in relatives}
    for path in paths.values():
        if not path.is_file():
            raise MissingVideoError(f"{path}: no such file, so it cannot be put into the manifest.")
    hashes = sha256_files(paths.values())
    return Manifest(
        files={
            name: FileEntry(sha256=sha256, bytes=path.stat().st_size)
            for (name, path), sha256 in zip(paths.items(), hashes, strict=True)
        }
    )


def files_below(folder: Path) -> list[str]:
    """Return the files of a folder that a manifest in it can list, by their paths, in order."""
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [path.as_posix() for path in paths if path.as_posix() != MANIFEST_NAME]


def changed(root: Path, files: Mapping[str, FileEntry]) -> str | None:
    """Return the first of these files under `root` that is missing, or not what is listed; None where all are whole."""
    there = [name for name in files if (root / name).is_file()]
    sizes = {name: (root / name).stat().st_size for name in there}
    right = [name for name in there if sizes[name] == files[name].bytes]
    found = dict(zip(right, sha256_files(root / name for name in right), strict=True))
    return next((name for name, entry in files.items() if found.get(name) != entry.sha256), None)


def first_changed(folder: Path, besides: Collection[str] = ()) -> Path | None:
    """Return the first file that a folder's manifest lists and that is missing or another one; None for none such.

    A folder without a manifest has none. besides: files that may be changed. Raises DataError when the manifest is
    damaged.
    """
    manifest = manifest_beside(folder)
    listed = {} if manifest is None else manifest.files
    name = changed(folder, {name: entry for name, entry in listed.items() if name not in besides})
    return None if name is None else folder / name


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write `manifest` atomically, files in the order of their paths."""
    files = {name: manifest.files[name].model_dump() for name in sorted(manifest.files)}
    write_json_atomic(path, {"schema": 1, "sha256": manifest.digest(), "files": files})


def extend_manifest(
    folder: Path, relatives: Iterable[str], entries: Mapping[str, FileEntry] | None = None
) -> None:
    """Add files, and entries that are known already, to the manifest in a folder; it is made where there is none."""
    before = manifest_beside(folder)
    listed = {} if before is None else before.files
    added = build_manifest(folder, relatives).files
    write_manifest(folder / MANIFEST_NAME, Manifest(files={**listed, **(entries or {}), **added}))


def read_manifest(path: Path) -> Manifest:
    """Read what `write_manifest` wrote. Raises DataError when the file is missing, damaged or of another
    form."""
    try:
        return Manifest(files=_ManifestFile.model_validate(read_json_object(path)).files)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{path}: not a whole manifest ({where + ': ' if where else ''}{first_fault(error)}). It was changed or "
            "damaged after it was written; restore it or write it again."
        ) from error


def check_listed(path: Path) -> None:
    """Raise DataError where the manifest beside a file lists it, and lists other content than it has."""
    manifest = manifest_beside(path)
    wanted = manifest.sha256_of(path.name) if manifest else None
    if wanted is not None and path.is_file() and sha256_file(path) != wanted:
        raise DataError(
            f"{path}: not the file that {path.parent / MANIFEST_NAME} lists: it was changed or damaged after it was "
            "written. Restore it or write it again. A version of your own needs a name of its own, or the manifest "
            "to be deleted."
        )


def manifest_beside(path: Path) -> Manifest | None:
    """Return the manifest in a data set's folder, or in the folder of the data file given; None without one.

    Raises DataError when the manifest is damaged.
    """
    candidate = (path if path.is_dir() else path.parent) / MANIFEST_NAME
    return read_manifest(candidate) if candidate.exists() else None
