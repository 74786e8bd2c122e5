"""Pairs of temporal videos for tests, drawn as the generator draws them: again where a draw cannot be decided."""

import json
from typing import Any

from retroflip.draws import draw
from retroflip.synth.corpus import ATTEMPTS
from retroflip.synth.episode import Draw, Episode, Kind, Pair, Redraw
from retroflip.synth.settings import SceneSettings


def pair_of(kind: Kind, seed: int, turn: int = 0, settings: SceneSettings | None = None) -> Pair:
    """Return the pair of that turn. Raises AssertionError where `ATTEMPTS` draws are all refused."""
    for attempt in range(ATTEMPTS):
        rng = draw(seed, kind.name, turn, attempt)
        try:
            return kind.make(Draw(seed, kind.name, turn, settings or SceneSettings(), rng))
        except Redraw:
            continue
    raise AssertionError(f"{kind.name}: none of {ATTEMPTS} draws could be decided")


def on_disk(episode: Episode) -> dict[str, Any]:
    """Return the metadata as a reader of the JSON file gets them."""
    metadata: dict[str, Any] = json.loads(json.dumps(episode.metadata(), allow_nan=False))
    return metadata
