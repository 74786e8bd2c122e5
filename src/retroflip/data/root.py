"""The fence around a data set: a path in a data file names a file under the user's root, or it is refused.

A data file is somebody else's text; naming a file in it is no permission to read that file.
"""

import os
import string
from pathlib import Path

from retroflip.errors import PathEscapeError
from retroflip.files.names import in_any_form

_LONGEST_NAME = 255
"""bytes of a file's or folder's name, on all common file systems"""


def normalise(relative: str) -> str:
    """Return the path without "." parts and doubled slashes ("./a//b.mp4" is "a/b.mp4"), looking at text
    only.

    Raises PathEscapeError for an empty or absolute path, an address (http://...), a ".." part, a backslash, a drive
    letter, and characters that no file name has (NUL, lone surrogates), or more of them than one has.
    """
    reason = _fault(relative)
    if reason:
        raise PathEscapeError(
            f"The path {relative!r:.200} {reason}. Paths in a data file are relative to the data set's root, with '/' "
            "between their parts, and stay inside it."
        )
    return "/".join(_parts(relative))


def resolve(root: Path, relative: str) -> Path:
    """Return the file that `relative` names under `root`, with all symbolic links followed. It need not
    exist. A file whose name is there in another Unicode form only is that one.

    Raises PathEscapeError as `normalise` does, and for a symbolic link that leaves the root or leads in a
    circle.
    """
    inside = normalise(relative)
    try:
        fence = root.resolve()
        found = (in_any_form(fence, inside) or fence / inside).resolve()
    except (OSError, RuntimeError) as error:  # Python 3.11 raises RuntimeError for a circle, 3.13 OSError
        raise PathEscapeError(f"The path {relative!r} cannot be followed under {root}: {error}.") from error
    if not found.is_relative_to(fence):
        raise PathEscapeError(
            f"The path {relative!r} leads through a symbolic link to {found}, outside the root {fence}. "
            "Put the file itself under the root, or choose a root that holds both."
        )
    return found


def _fault(relative: str) -> str | None:
    parts = _parts(relative)
    if not parts and not relative.startswith("/"):
        return "is empty"
    if "\0" in relative or not _encodable(relative):
        return "holds a character that no file name can have"
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        return f"has a part of more than {_LONGEST_NAME} bytes, which no file name can have"
    if "\\" in relative:
        return "has a backslash"
    if "://" in relative:
        return "is an address and no file: download it, and name where it lies"
    if relative.startswith("/") or (relative[1:2] == ":" and relative[0] in string.ascii_letters):
        return "is absolute"
    if ".." in parts:
        return "has a '..' part"
    return None


def _parts(relative: str) -> list[str]:
    """Return a path's parts as PurePosixPath does; a data file may hold a quarter of a million paths."""
    return [part for part in relative.split("/") if part not in ("", ".")]


def _encodable(text: str) -> bool:
    try:
        os.fsencode(text)
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
