"""Find the answer of a file question again by reading the commands as text and running or undoing them on folders."""

from collections.abc import Mapping
from typing import Any

Folders = dict[str, set[str]]


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the option that the commands bear out."""
    asked = metadata["question"]["parameters"]
    events = list(metadata["events"])
    if asked["when"] == "order":
        times = {event["command"]: event["start_ms"] for event in events if event["type"] != "reveal"}
        choose = min if asked["ask"] == "first" else max
        first: str = choose(asked["commands"], key=lambda command: times[command])
        return first
    backwards = events[-1]["type"] == "reveal"
    if backwards:
        events.reverse()
    folders = {folder: set(names) for folder, names in events[0]["folders"].items()}
    deleted: set[str] = set()
    for event in events[1:]:
        words = event["command"].split()
        if backwards:
            undo(words, folders)
        else:
            deleted |= run(words, folders)
    if asked["ask"] == "deleted":
        return "yes" if asked["file"] in deleted else "no"
    names = sorted(folders.get(asked["folder"], set()))
    if asked["ask"] == "exists":
        return "yes" if asked["file"] in names else "no"
    return ", ".join(names) if asked["ask"] == "holds" else str(len(names))


def run(words: list[str], folders: Folders) -> set[str]:
    """Run a command, and return the names of the files that it deletes."""
    verb, *rest = words
    if verb == "mkdir":
        folders[rest[0]] = set()
        return set()
    if rest[0] == "--exchange":
        _, one, other = rest
        folders[one], folders[other] = folders[other], folders[one]
        return set()
    folder, _, pattern = rest[0].partition("/")
    if verb == "touch":
        folders[folder].add(pattern)
        return set()
    meant = set(folders[folder]) if pattern == "*" else {pattern}
    if verb in ("mv", "rm"):
        folders[folder] -= meant
    if verb in ("mv", "cp"):
        folders[rest[1].rstrip("/")] |= meant
    return meant if verb == "rm" else set()


def undo(words: list[str], folders: Folders) -> None:
    """Take a command back: one that can be, because it names its file and overwrote nothing."""
    verb, *rest = words
    if rest[0] == "--exchange":
        run(words, folders)
        return
    folder, _, name = rest[0].partition("/")
    if verb in ("mv", "cp"):
        folders[rest[1].rstrip("/")].remove(name)
    if verb == "touch":
        folders[folder].remove(name)
    elif verb in ("mv", "rm"):
        folders[folder].add(name)
