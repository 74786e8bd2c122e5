"""Every kind of temporal video, by name."""

import difflib
from collections.abc import Sequence

from retroflip.errors import UsageError
from retroflip.synth.episode import Kind
from retroflip.synth.long import arithmetic, card_stack, chip_cups, file_system, shell_game, sliding_puzzle
from retroflip.synth.short import (
    acceleration,
    attribute_change,
    collision_count,
    direction,
    distance,
    event_order,
    motion_count,
    relative_position,
    rotation,
    speed,
    trajectory_shape,
    velocity_ranking,
)

TEMPORAL_KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        direction.KIND,
        acceleration.KIND,
        velocity_ranking.KIND,
        relative_position.KIND,
        distance.KIND,
        event_order.KIND,
        collision_count.KIND,
        trajectory_shape.KIND,
        speed.KIND,
        motion_count.KIND,
        attribute_change.KIND,
        rotation.KIND,
        card_stack.KIND,
        chip_cups.KIND,
        file_system.KIND,
        arithmetic.KIND,
        shell_game.KIND,
        sliding_puzzle.KIND,
    )
}


def select(words: Sequence[str]) -> list[Kind]:
    """Return the kinds that any of these words names: a kind, a category, a term, a domain, or "all".

    A word that is a kind and a category, as "speed" is, means the kind; "category:speed" means the category.
    Raises UsageError for a word that names nothing.
    """
    chosen: dict[str, Kind] = {}
    for word in words:
        found = {word: TEMPORAL_KINDS[word]} if word in TEMPORAL_KINDS else _labelled(word)
        if not found:
            categories = sorted({kind.category.value for kind in TEMPORAL_KINDS.values()})
            near = difflib.get_close_matches(word.lower(), TEMPORAL_KINDS, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise UsageError(
                f"{word!r} is no kind of video{hint}. There are {', '.join(TEMPORAL_KINDS)}; the categories "
                f"{', '.join(f'category:{one}' for one in categories)}; and short, long, spatial, temporal, all."
            )
        chosen |= found
    return [kind for name, kind in TEMPORAL_KINDS.items() if name in chosen]


def _labelled(word: str) -> dict[str, Kind]:
    return {
        name: kind
        for name, kind in TEMPORAL_KINDS.items()
        if word in ("all", f"category:{kind.category}", kind.category, kind.term, kind.domain)
    }
