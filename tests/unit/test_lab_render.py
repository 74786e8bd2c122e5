"""Drawing: a few pixels by hand, and the windowed drawing against the formula evaluated at every pixel."""

from dataclasses import replace

import numpy as np
import pytest

from retroflip.draws import draw
from retroflip.lab.kinds import KINDS
from retroflip.lab.render import render
from retroflip.lab.scene import COLOURS, SHAPES, Floats, Scene, Track
from retroflip.video.frames import Pixels

BLACK = (0, 0, 0)
RED = COLOURS["red"]


def everywhere(scene: Scene, size: int) -> Pixels:
    """Evaluate every object's signed distance at every pixel, one frame after the other, without any window."""
    centres = (np.arange(size) + 0.5) / size
    x_HW, y_HW = np.meshgrid(centres, centres)
    frames = []
    for frame in range(len(scene)):
        image = np.repeat(np.asarray(scene.background, dtype=float), size * size).reshape(3, size, size)
        for track in scene.tracks:
            gap = track.gap_T[frame]
            dx = np.abs(x_HW - track.x_T[frame])
            dy = y_HW - track.y_T[frame]
            distance = outside(track.shape, np.maximum(dx - gap, 0.0), dy, float(track.radius_T[frame]))
            distance = np.maximum(distance, gap - dx) if gap > 0 else distance
            cover = np.clip(0.5 - distance * size, 0.0, 1.0) * track.opacity_T[frame]
            colour = np.asarray(COLOURS[track.colour], dtype=float)[:, None, None]
            image = image + cover * (colour - image)
        frames.append(np.rint(image).astype(np.uint8))
    return np.stack(frames)


def outside(shape: str, dx: Floats, dy: Floats, radius: float) -> Floats:
    distances: dict[str, Floats] = {
        "circle": np.hypot(dx, dy) - radius,
        "square": np.maximum(dx, np.abs(dy)) - 0.86 * radius,
        "diamond": (dx + np.abs(dy) - 1.2 * radius) / np.sqrt(2.0),
        "triangle": np.maximum(dy, np.sqrt(3.0) / 2.0 * dx - 0.5 * dy) - 0.55 * radius,
    }
    return distances[shape]


def one_square(*, x: float = 0.5, gap: float = 0.0, opacity: float = 1.0) -> Scene:
    """A red square over black, its edges on pixel borders at 8 pixels: columns and rows 2 to 5 (x = 0.5)."""
    track = Track.still("square", "red", x, 0.5, 0.25 / 0.86, 1)
    return Scene((replace(track, gap_T=np.array([gap]), opacity_T=np.array([opacity])),), BLACK, 8)


def lit(pixels_TCHW: Pixels) -> list[str]:
    return ["".join("#" if value else "." for value in row) for row in pixels_TCHW[0, 0]]


def test_a_square_fills_exactly_the_pixels_inside_its_outline() -> None:
    pixels = render(one_square(), 8).pixels_TCHW
    assert lit(pixels) == ["........", "........", *["..####.."] * 4, "........", "........"]
    assert tuple(pixels[0, :, 4, 4]) == RED


def test_an_outline_through_the_middle_of_a_pixel_covers_half_of_it() -> None:
    pixels = render(one_square(x=0.5 + 0.5 / 8), 8).pixels_TCHW
    assert [int(value) for value in pixels[0, 0, 4]] == [0, 0, 113, 226, 226, 226, 113, 0]


def test_an_open_object_leaves_its_middle_free() -> None:
    pixels = render(one_square(gap=1 / 8), 8).pixels_TCHW
    assert lit(pixels) == ["........", "........", *[".##..##."] * 4, "........", "........"]


def test_opacity_mixes_the_colour_with_the_background() -> None:
    pixels = render(one_square(opacity=0.25), 8).pixels_TCHW
    assert tuple(pixels[0, :, 4, 4]) == tuple(round(value / 4) for value in RED)


def test_later_objects_lie_over_earlier_ones() -> None:
    under = one_square().tracks[0]
    pixels = render(Scene((under, replace(under, colour="blue")), BLACK, 8), 8).pixels_TCHW
    assert tuple(pixels[0, :, 4, 4]) == COLOURS["blue"]


def test_chosen_frames_carry_their_own_times() -> None:
    scene = KINDS["moving_direction"](draw(0, "render")).scene
    chosen = render(scene, 32, [3, 9])
    assert chosen.seconds == (3 / scene.fps, 9 / scene.fps)
    assert np.array_equal(chosen.pixels_TCHW, render(scene, 32).pixels_TCHW[[3, 9]])


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("size", [40, 64])
def test_drawing_in_windows_gives_the_pixels_of_the_whole_formula(kind: str, size: int) -> None:
    for index in range(6):
        scene = KINDS[kind](draw(5, kind, index)).scene
        assert np.array_equal(render(scene, size).pixels_TCHW, everywhere(scene, size))


def test_drawing_in_windows_holds_for_objects_that_overlap_and_leave_the_frame() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        tracks = tuple(
            Track(
                shape=str(rng.choice(SHAPES)),
                colour=str(rng.choice(list(COLOURS))),
                x_T=rng.uniform(-0.4, 1.4, 2),
                y_T=rng.uniform(-0.4, 1.4, 2),
                radius_T=rng.uniform(0.0, 0.7, 2),
                opacity_T=rng.uniform(0.0, 1.0, 2),
                gap_T=rng.choice([0.0, 0.3]) * rng.uniform(0.0, 1.0, 2),
            )
            for _ in range(3)
        )
        scene = Scene(tracks, (31, 42, 53), 8)
        assert np.array_equal(render(scene, 33).pixels_TCHW, everywhere(scene, 33))
