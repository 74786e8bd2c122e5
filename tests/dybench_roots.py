"""Hand-made roots of DyBench's sources, in the real form of each data set, with small videos that decode."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.dybench.base import Candidate, Refused
from retroflip.bench.dybench.sources import SOURCES

CLIPS = Path(__file__).parent / "fixtures" / "clips"


def candidates_of(source: str, root: Path, **settings: Any) -> tuple[list[Candidate], dict[str, str]]:
    """Return what a source makes of a root: its candidates, and the reason for everything refused, by id."""
    found = list(SOURCES[source].candidates(root, settings))
    made = [one for one in found if isinstance(one, Candidate)]
    refused = {one.id: one.reason for one in found if isinstance(one, Refused)}
    assert len(made) + len(refused) == len(found), "an id stands twice"
    assert len({one.id for one in made}) == len(made), "an id stands twice"
    for one in made:
        assert one.gold != one.other_gold
        assert len(set(one.options)) == len(one.options)
    return made, refused


def written(path: Path, value: Any) -> Path:
    """Write JSON, or a text as it is, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path


def put_video(path: Path, clip: str = "h264.mp4") -> None:
    """Put a small video at a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(CLIPS / clip, path)


def ssv2_row(identity: str, template: str, *things: str) -> dict[str, Any]:
    """Return a record of Something-Something v2."""
    label = template
    for thing in things:
        start, end = label.index("["), label.index("]")
        label = f"{label[:start]}{thing}{label[end + 1 :]}"
    return {"id": identity, "label": label.lower(), "template": template, "placeholders": list(things)}


def ssv2(root: Path, rows: Sequence[Mapping[str, Any]], labels: str = "labels/validation.json") -> Path:
    """Write Something-Something v2 with these records and a video for each."""
    written(root / labels, list(rows))
    for row in rows:
        put_video(root / f"20bn-something-something-v2/{row['id']}.webm", "vp9.webm")
    return root
