"""Images that stand in a table as bytes, written out as files: one file a content, named by its hash.

Each is decoded before it counts, under the limits of `data/image.py`: a few kilobytes may stand for gigabytes.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retroflip.data.image import MAX_BYTES, read_image
from retroflip.data.sources.base import Record, RejectedError
from retroflip.errors import MediaError, UsageError
from retroflip.files.storage import replacing

_ENDINGS = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpg"), (b"RIFF", "webp"))


class MediaStore:
    """A folder of images.

    folder: made where it is missing. root: where records' paths start from. Raises UsageError for a folder that is not
    under it.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        try:
            inside = folder.resolve().relative_to(root.resolve())
        except ValueError as error:
            raise UsageError(
                f"--media {folder} is not under --root {root}, and records' paths start from there. Choose a folder in "
                "it, or leave out --root."
            ) from error
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--media {folder} cannot be made a folder ({error.strerror}).") from error
        self._folder = folder
        self._prefix = "" if inside == Path() else f"{inside.as_posix()}/"

    def put(self, content: bytes) -> str:
        """Return where an image lies, written if it was not. Raises RejectedError for one that cannot be used."""
        if len(content) > MAX_BYTES:
            raise RejectedError(
                "image", f"its image has {len(content)} bytes, and {MAX_BYTES} are the limit."
            )
        ending = next((ending for start, ending in _ENDINGS if content.startswith(start)), None)
        if ending is None:
            raise RejectedError("image", "its image is no PNG, JPEG or WebP.")
        name = f"{hashlib.sha256(content).hexdigest()[:32]}.{ending}"
        path = self._folder / name
        if not path.exists():
            _write(path, content)
        return self._prefix + name


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
        try:
            read_image(temporary)
        except MediaError as error:
            reason = str(error).removeprefix(f"{temporary}: ")
            raise RejectedError("image", f"its image cannot be used: {reason}") from error
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())


def with_files(record: Record, store: MediaStore | None) -> Record:
    """Return a record whose images are files. Raises UsageError where there is no folder for them."""
    shown = record.get("path")
    if not _in_a_table(shown) and not (isinstance(shown, list) and any(map(_in_a_table, shown))):
        return record
    several = [_filed(one, store) for one in shown] if isinstance(shown, list) else _filed(shown, store)
    return {**record, "path": several}


def _in_a_table(shown: Any) -> bool:
    return isinstance(shown, bytes | Mapping)


def _filed(shown: Any, store: MediaStore | None) -> Any:
    """Return the path of what is shown: a path, bytes, or both as the library `datasets` has them."""
    content = shown.get("bytes") if isinstance(shown, Mapping) else shown
    if isinstance(content, bytes):
        if store is None:
            raise UsageError(
                "The images of this data set stand in its file as bytes. Say where to put them: --media DIR."
            )
        return store.put(content)
    return shown.get("path") if isinstance(shown, Mapping) else shown
