"""What a record shows besides one video file or image: the key `media`, or a list of files under `path`.

`media` is a list of objects with one path each, under "video", "image" or "frames" (a folder of images, with "fps"):

    {"media": [{"video": "a.mp4", "start": 2, "end": 5}, {"frames": "b", "fps": 3}], "problem": "Which ...", ...}

A list under `path` (Video-R1, ViRL39K) names videos, or images where `data_type` is "image"; one of a single file is
that file.
"""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from retroflip.data.media import MediumKind, ShownMedium, placed, placeholders
from retroflip.data.root import normalise
from retroflip.data.windows import WINDOW_KEYS, read_bounds
from retroflip.errors import DataError, first_fault

_KINDS = tuple(kind.value for kind in MediumKind)
_EXAMPLE = '{"video": "a.mp4", "start": 2, "end": 5}, {"frames": "b", "fps": 3} or {"image": "c.png"}'
MOST_MEDIA = 64


def read_media(record: Mapping[str, Any], data_type: str | None) -> tuple[ShownMedium, ...]:
    """Return what a record shows, nothing where it is one video file, one image or a text.

    data_type: that of the record, None where it has none. Raises DataError, and PathEscapeError for a path that leaves
    the root.
    """
    listed, path = record.get("media"), record.get("path")
    if listed is None:
        if data_type == "text" or not isinstance(path, list | tuple) or len(path) == 1:
            return ()
        kind = MediumKind.IMAGE if data_type == "image" else MediumKind.VIDEO
        found = tuple(_medium(kind, {kind.value: one}) for one in path)
    else:
        if path:
            raise DataError("'media' and 'path' would both say what is shown. Keep one.")
        if not isinstance(listed, list | tuple):
            raise DataError(f"'media' must be a list of objects such as {_EXAMPLE}, found {listed!r:.60}.")
        found = tuple(_listed(one) for one in listed)
    if not 1 <= len(found) <= MOST_MEDIA:
        raise DataError(f"it shows {len(found)} videos and images, and must show 1 to {MOST_MEDIA}.")
    _check_kinds(found, data_type)
    return found


def written_media(media: Sequence[ShownMedium]) -> list[dict[str, Any]]:
    """Return the value of the key `media`."""
    return [
        {
            medium.kind.value: f"./{medium.path}",
            **medium.model_dump(include={"start", "end", "fps"}, exclude_none=True),
        }
        for medium in media
    ]


def check_placeholders(question: str, media: Sequence[ShownMedium]) -> None:
    """Raise DataError where a question about several things says where they stand, and not of each."""
    named = placeholders(question)
    if len(media) > 1 and named and not placed(question, media):
        shown = ", ".join("image" if one.is_image else "video" for one in media)
        raise DataError(
            f"the question has the placeholders {', '.join(named)}, and what is shown is {shown}. Write one <image> or "
            "<video> for each, in their order, or none: then all stand before the question."
        )


def _listed(one: Any) -> ShownMedium:
    kinds = [kind for kind in _KINDS if isinstance(one, Mapping) and one.get(kind) is not None]
    if len(kinds) != 1:
        raise DataError(f"an entry of 'media' must name one thing, as in {_EXAMPLE}, found {one!r:.80}.")
    _check_spelling(one)
    return _medium(MediumKind(kinds[0]), one)


def _check_spelling(entry: Mapping[str, Any]) -> None:
    """Raise DataError for a key that is nearly one that is read; others are passed over, as those of records are."""
    known = (*_KINDS, "fps", *WINDOW_KEYS)
    for key in sorted(set(entry) - set(known)):
        if near := difflib.get_close_matches(key, known, n=1, cutoff=0.75):
            raise DataError(f"an entry of 'media' has the key {key!r:.40}; did you mean {near[0]!r}?")


def _medium(kind: MediumKind, entry: Mapping[str, Any]) -> ShownMedium:
    path = entry[kind.value]
    if not isinstance(path, str) or not path.strip():
        raise DataError(f"the path of a {kind.value} must be a text, found {path!r:.60}.")
    fps = entry.get("fps")
    if kind is MediumKind.FRAMES and not _is_rate(fps):
        found = "'fps' is missing" if fps is None else f"'fps' is {fps!r:.20}"
        raise DataError(
            f"the folder of frames {path!r:.60} has no rate: {found}. Write how many of its frames are shown a second, "
            'as in {"frames": "b", "fps": 3}; without it no time can be told.'
        )
    bounds = read_bounds(entry)
    fields = {"kind": kind, "path": normalise(path.strip()), **bounds._asdict(), "fps": fps}
    try:
        return ShownMedium.model_validate(fields)
    except ValidationError as error:
        raise DataError(f"'media': {first_fault(error)}.") from error


def _is_rate(fps: Any) -> bool:
    return isinstance(fps, int | float) and not isinstance(fps, bool) and 0 < fps < float("inf")


def _check_kinds(media: Sequence[ShownMedium], data_type: str | None) -> None:
    kinds = {"image" if medium.is_image else "video" for medium in media}
    if len(kinds) > 1:
        raise DataError(
            "it shows images beside videos, and a question can show several of one kind. Write an image as a folder of "
            "one frame, or leave the record out."
        )
    if data_type not in (None, *kinds):
        raise DataError(
            f"data_type is {data_type!r}, and what is shown is {kinds.pop()}. Correct one of the two, or leave out the "
            "data_type."
        )
