"""Paths as people write them: names in the two forms of Unicode, and why nothing may be where a path leads."""

import os
import re
import unicodedata
from pathlib import Path

_URL = re.compile(r"(?:^|/)[A-Za-z][A-Za-z0-9+.-]+:/")


def unicode_forms(text: str) -> list[str]:
    """Return the forms in which Unicode can write `text`, itself first: an accent is part of its letter in one (NFC)
    and a character of its own in the other (NFD), the form of names on a Mac and in its archives."""
    return list(dict.fromkeys([text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))]))


def in_any_form(root: Path, relative: str) -> Path | None:
    """Return what is under `root` at `relative`, each part of it in whatever form it has there; None without it."""
    found = root
    for part in relative.split("/"):
        there = [found / form for form in unicode_forms(part) if os.path.lexists(found / form)]
        if not there:
            return None
        found = there[0]
    return found


def why_missing(path: Path) -> str:
    """Return a sentence, behind a space, that says why nothing is at `path`, where its look tells; otherwise ""."""
    if _URL.search(str(path)):
        return " It looks like a URL: give the path of a local file."
    if "~" in path.parts:
        return " '~' stands for the home folder in a shell only: write that folder out."
    absolute = path.absolute()
    if os.path.lexists(absolute):
        return ""
    if other := in_any_form(Path(absolute.anchor), str(absolute.relative_to(absolute.anchor))):
        return f" {other.name!r} is there, the same name in another Unicode form: rename one of them."
    return ""
