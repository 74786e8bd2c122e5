"""Draws that several kinds share: how long a clip is, what an object looks like, in which order options stand."""

from collections.abc import Mapping, Sequence

import numpy as np

from retroflip.lab.scene import COLOURS, SHAPES

Rng = np.random.Generator


def draw_length(rng: Rng) -> tuple[int, int]:
    """Return (frames, fps) of a clip of about 1.3 to 2.5 seconds."""
    return int(rng.integers(16, 21)), int(rng.choice([8, 10, 12]))


def draw_look(rng: Rng) -> tuple[str, str]:
    """Return (shape, colour)."""
    return str(rng.choice(SHAPES)), str(rng.choice(list(COLOURS)))


def draw_background(rng: Rng) -> tuple[int, int, int]:
    """Return a dark, nearly grey colour."""
    base = int(rng.integers(20, 56))
    red, green, blue = (base + int(shift) for shift in rng.integers(-8, 9, size=3))
    return red, green, blue


def shuffled(rng: Rng, options: Sequence[str]) -> tuple[str, ...]:
    """Return the options in a drawn order."""
    return tuple(options[int(index)] for index in rng.permutation(len(options)))


def cue_colours(answers: Sequence[str]) -> Mapping[str, str]:
    """Return the colour that gives each answer away: the first colours, one per answer, in their order."""
    colours = list(COLOURS)
    return {answer: colours[index % len(colours)] for index, answer in enumerate(answers)}
