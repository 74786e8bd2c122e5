"""The videos that hand-written traces are of, and what is found wrong in sentences about them."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from retroflip.cot.claims import flattened, read_claim
from retroflip.cot.telling import Licence, Teller
from retroflip.cot.truth.claims import borne_out
from retroflip.cot.truth.proof import Truth
from retroflip.cot.truth.relations import Relations
from retroflip.cot.world import World


@cache
def videos() -> dict[str, Any]:
    """Return the metadata of the videos by the names that traces have for them."""
    return dict(json.loads((Path(__file__).parent / "data" / "traces" / "videos.json").read_text()))


def of_fourteenth(video: str) -> dict[str, Any]:
    """Return the metadata of a video of the fourteenth set, whichever side of it was asked about."""
    return dict(next(one for name, one in videos().items() if name.startswith(f"fourteenth/{video}-")))


def faults(metadata: dict[str, Any], told: Sequence[str]) -> list[str | None]:
    """Return what is wrong in each of some sentences, which are told one after the other."""
    world = World(metadata)
    teller = Teller(Truth(world, 250.0), Licence())
    return [teller.fault(world.reader.tokens(one), is_last=False) for one in told]


def fault(video: str, sentences: str) -> str | None:
    """Return what is wrong in the last of some sentences, parted by "||", about a video of the fourteenth set."""
    return faults(of_fourteenth(video), sentences.split(" || "))[-1]


def is_so(video: str, claim: dict[str, Any], *, is_behind: bool = False) -> bool:
    """Return whether a claim about a video is so. is_behind: what it tells is so from an operation at its time on."""
    world = World(videos()[video])
    relations = Relations(Truth(world, 250.0))
    found = [borne_out(read_claim(one, world), relations, is_behind=is_behind) for one in flattened(claim)]
    return all(one is not None for one in found)
