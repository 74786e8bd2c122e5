"""Which settings of a scene would let a kind be drawn that cannot be drawn with those given: found by trial."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from retroflip.synth.settings import SceneSettings

LOWER_OPERATIONS = (24, 16, 12, 8, 6, 4, 2)
VIEWED_FRAMES = (16, 32, 64, 128, 256, 512)
RESTORED = (
    "operation_scale", "duration_scale", "operation_seconds", "reveal_seconds", "objects", "object_scale", "fps",
)  # fmt: skip
"""settings that are tried at their default"""
DEFAULT = SceneSettings()
Works = Callable[[SceneSettings], bool]
"""says whether a kind can be drawn with settings"""


def remedy(scene: SceneSettings, works: Works) -> str:
    """Return, as the end of a message, which change of a scene makes it work, or which changes together do."""
    choices = _choices(scene)
    alone = [(name, first) for name, values in choices if (first := _first(scene, name, values, works))]
    if alone:
        listed = "; ".join(_typed(name, *first) for name, first in alone)
        return f"By trial, {'this mends' if len(alone) == 1 else 'any of these mends'} it: {listed}."
    together = dict[str, Any]()
    for name, values in choices:
        together[name] = values[-1]
        if len(together) > 1 and works(scene.model_copy(update=together)):
            listed = "; ".join(_typed(*change) for change in _needed(scene, together, works).items())
            return f"By trial, these together mend it: {listed}."
    return "By trial, no other settings of the scene mend it; leave the kind out."


def _needed(scene: SceneSettings, changes: Mapping[str, Any], works: Works) -> Mapping[str, Any]:
    """Return, of changes that work together, those without which the rest does not work."""
    for name in changes:
        others = {other: value for other, value in changes.items() if other != name}
        if works(scene.model_copy(update=others)):
            return _needed(scene, others, works)
    return changes


def least_frames(scene: SceneSettings, most: int, works: Works) -> int | None:
    """Return how many viewed frames, more than the scene has and at most `most`, make it work, or None."""
    if most <= scene.viewed_frames:
        return None
    more = [frames for frames in VIEWED_FRAMES if scene.viewed_frames < frames < most]
    found = _first(scene, "viewed_frames", [*more, most], works)
    return found[0] if found else None


def _first(scene: SceneSettings, name: str, values: Sequence[Any], works: Works) -> tuple[Any] | None:
    """Return the first value that works, in a tuple, for it may be None itself."""
    return next(((value,) for value in values if works(scene.model_copy(update={name: value}))), None)


def _choices(scene: SceneSettings) -> list[tuple[str, list[Any]]]:
    """Return settings with the values to try, the smallest change first."""
    now = scene.operations
    fewer: list[Any] = [] if now is None else [*(few for few in LOWER_OPERATIONS if few < now), None]
    choices = [
        ("operations", fewer),
        ("difficulty", list(range(scene.difficulty - 1, 0, -1))),
        *((name, _default(scene, name)) for name in RESTORED),
        ("viewed_frames", [frames for frames in VIEWED_FRAMES if frames > scene.viewed_frames]),
    ]
    return [(name, values) for name, values in choices if values]


def _default(scene: SceneSettings, name: str) -> list[Any]:
    usual = getattr(DEFAULT, name)
    return [] if getattr(scene, name) == usual else [usual]


def _typed(name: str, value: Any) -> str:
    """Return a setting as YAML and `--set` want it."""
    also = f" (and data.frames={value}, if a recipe draws as it goes)" if name == "viewed_frames" else ""
    return f"{name}={json.dumps(value)}{also}"
