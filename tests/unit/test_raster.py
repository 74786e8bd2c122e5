"""Drawing of temporal videos, against pixels taken at 16 x 16 points each from a second description of every shape."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.synth.animation import BACKGROUNDS, MARKS, SHAPES, Actor, Animation, Background, actor
from retroflip.synth.raster import i420_frames, render_rgb, write_mp4
from retroflip.video.decode import decode
from retroflip.video.frames import Pixels

Floats = npt.NDArray[np.float64]
BLACK = Background("plain", (0, 0, 0))
WHITE = (255, 255, 255)
DRAWN = SHAPES + MARKS[:-1]
POINTS = 16
SIZE = 160


def corners(count: int) -> list[tuple[float, float]]:
    """A regular polygon on the unit circle, a corner at the top."""
    return [(np.sin(2 * np.pi * k / count), -np.cos(2 * np.pi * k / count)) for k in range(count)]


def star() -> list[tuple[float, float]]:
    """Ten corners, the inner ones where the lines from tip to tip cross."""
    inner = np.sin(np.pi / 10) / np.sin(7 * np.pi / 10)
    return [
        (
            (1.0 if k % 2 == 0 else inner) * np.sin(np.pi * k / 5),
            -(1.0 if k % 2 == 0 else inner) * np.cos(np.pi * k / 5),
        )
        for k in range(10)
    ]


OUTLINES: dict[str, list[tuple[float, float]]] = {
    "square": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
    "rectangle": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
    "triangle": corners(3),
    "diamond": corners(4),
    "pentagon": corners(5),
    "hexagon": corners(6),
    "star": star(),
    "cross": [(a, b) for a, b in [
        (-0.36, -1), (0.36, -1), (0.36, -0.36), (1, -0.36), (1, 0.36), (0.36, 0.36),
        (0.36, 1), (-0.36, 1), (-0.36, 0.36), (-1, 0.36), (-1, -0.36), (-0.36, -0.36),
    ]],
    "tee": [(-1, -1), (1, -1), (1, -0.4), (0.3, -0.4), (0.3, 1), (-0.3, 1), (-0.3, -0.4), (-1, -0.4)],
    "arrow": [(0, -1), (1, 0.1), (0.36, 0.1), (0.36, 1), (-0.36, 1), (-0.36, 0.1), (-1, 0.1)],
}  # fmt: skip


def inside(shape: str, x: Floats, y: Floats) -> npt.NDArray[np.bool_]:
    """Say which points of the unit box belong to a shape: an even number of outlines to the right of them, or not."""
    if shape in ("circle", "ring"):
        radius = np.hypot(x, y)
        return (radius <= 1) & (radius >= (0.7 if shape == "ring" else 0.0))
    within = np.zeros(x.shape, dtype=bool)
    outline = OUTLINES[shape]
    for (x1, y1), (x2, y2) in zip(outline, outline[1:] + outline[:1], strict=True):
        if y1 != y2:
            within ^= ((y1 <= y) != (y2 <= y)) & (x < x1 + (y - y1) / (y2 - y1) * (x2 - x1))
    return within


def reference(one: Actor, size: int = SIZE) -> Floats:
    """Share of the points of each pixel that lie inside the actor's first frame."""
    at = (np.arange(size * POINTS) + 0.5) / (size * POINTS)
    dx, dy = np.meshgrid(at - one.x_T[0], at - one.y_T[0])
    cos, sin = np.cos(one.angle_T[0]), np.sin(one.angle_T[0])
    x, y = (dx * cos + dy * sin) / one.half_width_T[0], (dy * cos - dx * sin) / one.half_height_T[0]
    share: Floats = inside(one.shape, x, y).reshape(size, POINTS, size, POINTS).mean(axis=(1, 3))
    return share


def clip(*actors: Actor, background: Background = BLACK, noise: float = 0.0) -> Animation:
    return Animation(actors, background, 30, len(actors[0]) if actors else 1, noise, 5)


def shares(one: Actor, size: int = SIZE) -> Floats:
    """Coverage of a white actor on black."""
    share: Floats = render_rgb(clip(one), size, [0]).pixels_TCHW[0, 0] / 255.0
    return share


def centroid(cover: Floats) -> Floats:
    at = np.arange(len(cover)) + 0.5
    middle: Floats = np.array([(cover * at).sum(), (cover * at[:, None]).sum()]) / cover.sum()
    return middle


def at_random(shape: str, seed: int, **changes: float) -> Actor:
    rng = np.random.default_rng((seed, len(shape)))
    placed: dict[str, Any] = {
        "x": rng.uniform(0.4, 0.6),
        "y": rng.uniform(0.4, 0.6),
        "half_width": rng.uniform(0.12, 0.24),
        "angle": rng.uniform(-4, 4),
    }
    return actor("o", shape, WHITE, frames=1, **(placed | changes))


@pytest.mark.parametrize("shape", DRAWN)
@pytest.mark.parametrize("seed", range(4))
def test_every_shape_covers_what_points_say(shape: str, seed: int) -> None:
    one = at_random(shape, seed)
    drawn, exact = shares(one), reference(one)
    assert drawn.sum() == pytest.approx(exact.sum(), rel=0.006)
    assert np.abs(centroid(drawn) - centroid(exact)).max() <= 0.02
    assert 10 * np.log10(1 / np.square(drawn - exact).mean()) > 45


@pytest.mark.parametrize("shape", DRAWN)
def test_width_and_height_may_differ(shape: str) -> None:
    for seed in range(4):
        one = at_random(shape, seed, half_width=0.3, half_height=0.11)
        drawn, exact = shares(one), reference(one)
        assert drawn.sum() == pytest.approx(exact.sum(), rel=0.012)
        assert np.abs(centroid(drawn) - centroid(exact)).max() <= 0.06


@pytest.mark.parametrize("shape", ["triangle", "diamond", "star", "cross", "tee", "arrow", "ring"])
def test_small_shapes_with_sharp_tips_lie_where_points_say(shape: str) -> None:
    off, sums = [], []
    for seed in range(16):
        placed = dict(zip(("x", "y"), np.random.default_rng((seed, 7)).uniform(0.45, 0.55, 2), strict=True))
        height = 8.0 if shape == "star" and seed % 2 else 3.0
        one = at_random(shape, seed, half_width=8.0 / 64, half_height=height / 64, **placed)
        drawn, exact = shares(one, 64), reference(one, 64)
        off.append(centroid(drawn) - centroid(exact))
        sums.append((drawn.sum(), exact.sum()))
    drawn_sum, exact_sum = np.array(sums).sum(axis=0)
    assert drawn_sum == pytest.approx(exact_sum, rel=0.012)
    assert np.sqrt(np.square(off).mean()) <= 0.014
    assert np.abs(off).max() <= 0.045


def test_small_shapes_far_off_a_small_picture_leave_it_as_it_is() -> None:
    for x in (-60.0, -3.0, 4.0, 61.0):
        one = actor(
            "o", "star", WHITE, frames=1, x=x, y=-x, half_width=12 / 30, half_height=10 / 30, angle=0.4
        )
        assert not shares(one, 30).any()


@pytest.mark.parametrize("shape", ["circle", "hexagon", "star"])
def test_large_shapes_are_drawn_as_small_ones_are(shape: str) -> None:
    one = at_random(shape, 1, half_width=0.45, x=0.5, y=0.47)
    drawn, exact = shares(one, 320), reference(one, 320)
    assert drawn.sum() == pytest.approx(exact.sum(), rel=0.002)
    assert np.abs(centroid(drawn) - centroid(exact)).max() <= 0.02


@pytest.mark.parametrize("shape", SHAPES)
def test_the_position_is_the_centre_of_the_area(shape: str) -> None:
    one = at_random(shape, 3)
    expected = np.array([one.x_T[0], one.y_T[0]]) * SIZE
    assert np.abs(centroid(shares(one)) - expected).max() <= 0.02


@pytest.mark.parametrize("shape", DRAWN)
def test_shapes_stay_in_their_box_and_touch_it(shape: str) -> None:
    drawn = shares(actor("o", shape, WHITE, frames=1, x=0.5, y=0.5, half_width=0.25, half_height=0.375))
    rows, columns = np.flatnonzero(drawn.max(axis=1) > 0.6), np.flatnonzero(drawn.max(axis=0) > 0.6)
    assert rows[0] >= 20
    assert rows[-1] <= 139
    assert columns[0] >= 40
    assert columns[-1] <= 119
    assert drawn.sum() > 0.2 * 80 * 120
    assert rows[0] <= 24


def test_half_a_pixel_is_half_covered() -> None:
    drawn = shares(actor("o", "square", WHITE, frames=1, x=0.5 + 0.5 / 8, y=0.5, half_width=0.25), 8)
    assert drawn[4] == pytest.approx([0, 0, 0.5, 1, 1, 1, 0.5, 0], abs=0.01)


@pytest.mark.parametrize("thickness", [0.0, 0.1, 0.25, 0.5, 1.0, 1.7])
def test_thin_lines_cover_what_they_are_wide(thickness: float) -> None:
    line = actor(
        "o", "rectangle", WHITE, frames=1, x=0.5, y=0.5, half_width=0.3, half_height=thickness / 2 / SIZE
    )
    expected = 0.6 * SIZE * thickness
    assert 0.6 * expected - 0.01 <= shares(line).sum() <= 1.7 * expected + 0.01


def test_colours_mix_with_what_lies_below() -> None:
    below = actor("a", "square", (200, 0, 100), frames=1, x=0.4, y=0.5, half_width=0.2)
    above = actor("b", "circle", (0, 100, 200), frames=1, x=0.6, y=0.5, half_width=0.2, opacity=0.25)
    ground = Background("plain", (40, 60, 80))
    pixels = render_rgb(clip(below, above, background=ground), 64).pixels_TCHW[0]
    assert tuple(pixels[:, 32, 20]) == (200, 0, 100)
    assert tuple(pixels[:, 32, 45]) == (30, 70, 110)
    assert np.abs(pixels[:, 32, 33].astype(int) - (150, 25, 125)).max() <= 1
    assert tuple(pixels[:, 3, 3]) == (40, 60, 80)


def test_what_stands_still_above_something_moving_stays_above() -> None:
    frames = 20
    mover = actor("m", "square", WHITE, frames=frames, x=np.linspace(0.2, 0.8, frames), y=0.5, half_width=0.1)
    cover = actor("c", "rectangle", (9, 99, 199), frames=frames, x=0.5, y=0.5, half_width=0.15)
    late = replace(cover, id="l", x_T=np.full(frames, 0.62), colour_T3=np.full((frames, 3), 50.0))
    pixels = render_rgb(clip(mover, cover, late), 64).pixels_TCHW
    for index, picture in enumerate(pixels):
        alone = render_rgb(clip(mover, cover, late), 64, [index]).pixels_TCHW[0]
        assert np.array_equal(picture, alone)
        assert tuple(picture[:, 32, 26]) == (9, 99, 199)
        assert tuple(picture[:, 32, 36]) == (50, 50, 50)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from(SHAPES + MARKS),
    x=st.floats(-0.5, 1.5),
    y=st.floats(-0.5, 1.5),
    half_width=st.floats(0.0, 1.5),
    half_height=st.floats(0.0, 0.7),
    angle=st.floats(-7, 7),
    opacity=st.floats(0.0, 1.0),
    size=st.sampled_from([32, 33, 50]),
)
def test_a_frame_is_the_middle_of_a_larger_one(
    shape: str,
    x: float,
    y: float,
    half_width: float,
    half_height: float,
    angle: float,
    opacity: float,
    size: int,
) -> None:
    """Nothing breaks outside the frame: the same scene on a frame three times as large shows the same in its middle."""

    def drawn(shrink: float, shift: float) -> Actor:
        return actor(
            "o", shape, WHITE, frames=1, x=x * shrink + shift, y=y * shrink + shift, half_width=half_width * shrink,
            half_height=half_height * shrink, angle=angle, opacity=opacity, text="Ab" if shape == "text" else "",
        )  # fmt: skip

    small = render_rgb(clip(drawn(1.0, 0.0)), size).pixels_TCHW[0].astype(int)
    large = render_rgb(clip(drawn(1 / 3, 1 / 3)), 3 * size).pixels_TCHW[0].astype(int)
    # Two positions may be rounded to neighbouring points of the grid, and sizes above a limit to fewer bits.
    assert np.abs(small - large[:, size : 2 * size, size : 2 * size]).max() <= 5


def busy(frames: int = 12, **changes: Any) -> Animation:
    rng = np.random.default_rng(2)
    actors = [
        actor(
            f"o{index}", shape, rng.uniform(40, 255, (frames, 3)), frames=frames, x=rng.uniform(-0.1, 1.1, frames),
            y=rng.uniform(0, 1, frames), half_width=rng.uniform(0.03, 0.3, frames), angle=rng.uniform(-4, 4, frames),
            half_height=rng.uniform(0.03, 0.3, frames), opacity=rng.uniform(0, 1.2, frames).clip(0, 1),
        )
        for index, shape in enumerate(DRAWN)
    ]  # fmt: skip
    return replace(clip(*actors), **changes)


@pytest.mark.parametrize("pattern", BACKGROUNDS)
def test_a_mirrored_animation_is_the_mirror_image(pattern: str) -> None:
    scene = busy(background=Background(pattern, seed=7))
    for size in (64, 75):
        straight, mirrored = (
            render_rgb(scene, size).pixels_TCHW,
            render_rgb(scene.flipped(), size).pixels_TCHW,
        )
        assert np.array_equal(straight[..., ::-1], mirrored)
    for one, two in zip(i420_frames(scene, 64), i420_frames(scene.flipped(), 64), strict=True):
        assert np.array_equal(one[:64, ::-1], two[:64])
        assert np.array_equal(one[64:].reshape(64, 32)[:, ::-1], two[64:].reshape(64, 32))


def test_an_animation_played_backwards_gives_the_frames_backwards() -> None:
    scene = busy(frames=40, background=Background("checks"))
    forwards, backwards = render_rgb(scene, 64).pixels_TCHW, render_rgb(scene.reversed(), 64).pixels_TCHW
    assert np.array_equal(forwards[::-1], backwards)


def test_chosen_frames_are_those_of_the_whole_clip_with_their_times() -> None:
    scene = busy(frames=40, noise=3.0, background=Background("speckle"))
    chosen = render_rgb(scene, 64, [3, 17, 18, 39])
    assert chosen.seconds == (3 / 30, 17 / 30, 18 / 30, 39 / 30)
    assert np.array_equal(chosen.pixels_TCHW, render_rgb(scene, 64).pixels_TCHW[[3, 17, 18, 39]])


@pytest.mark.parametrize("size", [64, 75])
def test_what_is_drawn_on_bare_ground_is_what_is_mixed_with_it(size: int) -> None:
    """A sheet of the ground's own colour changes nothing, though all that lies on it is mixed with what is read."""
    colour = (200, 31, 90)
    scene = busy(background=Background("plain", colour))
    few = replace(scene, actors=(*scene.actors[::4], mono("ab c", frames=12, x=np.linspace(0, 1, 12))))
    sheet = actor("s", "rectangle", colour, frames=12, x=0.5, y=0.5, half_width=1.0)
    for one in (scene, few):
        under = replace(one, actors=(sheet, *one.actors))
        assert np.array_equal(render_rgb(one, size).pixels_TCHW, render_rgb(under, size).pixels_TCHW)
        planes, mixed = (
            np.stack([frame.copy() for frame in i420_frames(scene, 64)]) for scene in (one, under)
        )
        assert np.array_equal(planes, mixed)


def luma(pixels_TCHW: Pixels) -> Floats:
    """ITU-R BT.601, limited range."""
    grey: Floats = 16 + np.einsum(
        "c,tchw->thw", np.array([65.481, 128.553, 24.966]) / 255, pixels_TCHW.astype(float)
    )
    return grey


@pytest.mark.parametrize("noise", [0.0, 6.0])
def test_the_encoders_planes_are_the_rgb_frames(noise: float) -> None:
    scene = busy(frames=20, noise=noise, background=Background("gradient"))
    rgb = render_rgb(scene, 64).pixels_TCHW
    planes = np.stack([frame.copy() for frame in i420_frames(scene, 64)])
    # Every layer rounds once in both, a grain's steps too, and R, G and B end at 0 and 255.
    assert np.abs(planes[:, :64] - luma(rgb)).max() <= (8 if noise else 4)
    assert np.abs(planes[:, :64] - luma(rgb)).mean() < 0.6
    blue, red = np.array([-37.797, -74.203, 112.0]) / 255, np.array([112.0, -93.786, -18.214]) / 255
    for rows, weights in ((slice(64, 80), blue), (slice(80, 96), red)):
        full = 128 + np.einsum("c,tchw->thw", weights, rgb.astype(float))
        mean = full.reshape(20, 32, 2, 32, 2).mean(axis=(2, 4))
        # Inside one square of four pixels, two outlines that cross are taken for independent.
        assert np.abs(planes[:, rows].reshape(20, 32, 32) - mean).mean() < 0.8


def test_a_video_shows_what_the_frames_show_and_equal_scenes_give_equal_bytes(tmp_path: Path) -> None:
    circle = actor(
        "c", "circle", (222, 58, 52), frames=10, x=np.linspace(0.3, 0.7, 10), y=0.5, half_width=0.2
    )
    for name in ("a.mp4", "b.mp4"):
        write_mp4(tmp_path / name, clip(circle), 128, crf=10)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    decoded, drawn = decode(tmp_path / "a.mp4", 10), render_rgb(clip(circle), 128)
    assert decoded.seconds == pytest.approx(drawn.seconds, abs=1e-4)
    assert np.abs(decoded.pixels_TCHW.astype(int) - drawn.pixels_TCHW).mean() < 1.5


def test_a_disc_that_drifts_a_quarter_pixel_a_frame_is_measured_right_after_compression(
    tmp_path: Path,
) -> None:
    size, frames = 128, 60
    x_T = (40.3 + 0.25 * np.arange(frames)) / size
    write_mp4(
        tmp_path / "a.mp4",
        clip(actor("d", "circle", WHITE, frames=frames, x=x_T, y=0.5, half_width=0.12)),
        size,
    )
    pixels = decode(tmp_path / "a.mp4", frames).pixels_TCHW[:, 1] / 255.0
    seen = np.array([centroid(np.where(picture > 0.08, picture, 0.0))[0] for picture in pixels])
    assert np.polyfit(np.arange(frames), seen, 1)[0] == pytest.approx(0.25, abs=0.002)
    assert np.std(seen - x_T * size) < 0.05
    assert np.std(np.diff(seen)) < 0.08


def test_the_grain_is_new_in_every_frame_and_as_strong_as_asked() -> None:
    ground = Background("plain", (128, 128, 128))
    scene = Animation((), ground, 30, 3, noise=5.0, noise_seed=4)
    pixels = render_rgb(scene, 128).pixels_TCHW.astype(float)
    assert pixels.std() == pytest.approx(5.0, rel=0.05)
    assert pixels.mean() == pytest.approx(128, abs=0.2)
    assert np.array_equal(pixels[:, 0], pixels[:, 2])
    assert abs(np.corrcoef(pixels[0, 0].ravel(), pixels[1, 0].ravel())[0, 1]) < 0.05
    assert not np.array_equal(pixels, render_rgb(replace(scene, noise_seed=5), 128).pixels_TCHW)


def test_odd_sizes_are_for_frames_alone() -> None:
    with pytest.raises(ValueError, match="even sizes"):
        next(i420_frames(busy(), 33))


def mono(text: str, **placed: Any) -> Actor:
    usual: dict[str, Any] = {"frames": 1, "y": 0.5, "half_width": 0.1, "half_height": 0.1, "text": text}
    return actor("t", "text", WHITE, **(usual | placed))


def test_text_moves_as_smoothly_as_it_is_told_to() -> None:
    x_T = 0.5 + 0.1 * np.arange(30) / SIZE
    pixels = render_rgb(clip(mono("18", frames=30, x=x_T)), SIZE).pixels_TCHW[:, 0] / 255.0
    seen = np.array([centroid(picture)[0] for picture in pixels])
    assert np.diff(seen) == pytest.approx(0.1, abs=0.02)
    # A stem's edges are averaged over pixels, and their middle wavers by a fiftieth of one.
    assert np.std(seen - 0.1 * np.arange(30)) < 0.02
    ink = pixels.sum(axis=(1, 2))
    assert ink == pytest.approx(ink[0], rel=0.004)


@pytest.mark.parametrize("half_height", [0.03, 0.062, 0.071, 0.13, 0.3])
def test_text_grows_with_its_height_and_stays_in_its_middle(half_height: float) -> None:
    drawn = shares(mono("O", x=0.5, half_height=half_height), 256)
    rows, columns = np.flatnonzero(drawn.max(axis=1) > 0.3), np.flatnonzero(drawn.max(axis=0) > 0.3)
    line = 2 * half_height * 256
    assert (rows[-1] - rows[0] + 1) / line == pytest.approx(0.59, abs=0.06 + 1 / line)
    assert (columns[0] + columns[-1] + 1) / 2 == pytest.approx(128, abs=0.06 * line)
    assert (rows[0] + rows[-1] + 1) / 2 == pytest.approx(128, abs=0.06 * line)


def test_a_label_stays_on_its_actor_and_never_turns() -> None:
    turned = actor(
        "o",
        "square",
        (0, 0, 255),
        frames=1,
        x=0.3,
        y=0.6,
        half_width=0.2,
        angle=0.7,
        text="7",
        text_height=0.1,
    )
    label = render_rgb(clip(turned), SIZE).pixels_TCHW[0, 0] / 255.0
    upright = shares(mono("7", x=0.3, y=0.6))
    assert np.abs(label - upright).max() <= 0.01


def test_a_line_has_the_ink_of_its_letters_wherever_it_lies() -> None:
    for half_height in (0.04, 0.09, 0.16):
        letters = [shares(mono(one, x=0.5, half_height=half_height)).sum() for one in "jfW8"]
        for x in (0.5, 0.5037, 0.5109):
            line = shares(mono("jf W 8", x=x, half_height=half_height))
            assert line.sum() == pytest.approx(sum(letters), rel=0.002)


def test_a_line_goes_on_outside_the_picture() -> None:
    whole = shares(mono("abc def", x=0.5, y=0.5))
    for shift in (-0.5, 0.5):
        part = shares(mono("abc def", x=0.5 + shift, y=0.5 + shift))
        half = SIZE // 2
        cut, rest = (
            (slice(None, half), slice(half, None)) if shift < 0 else (slice(half, None), slice(None, half))
        )
        assert np.array_equal(part[cut, cut], whole[rest, rest])


def test_lines_seen_in_one_frame_each_are_drawn_as_if_alone() -> None:
    frames = 40
    rng = np.random.default_rng(5)
    lines = [
        actor(
            f"t{index}",
            "text",
            tuple(rng.integers(0, 256, 3).tolist()),
            frames=frames,
            x=rng.uniform(-0.1, 1.1),
            y=rng.uniform(-0.1, 1.1),
            half_width=0.1,
            half_height=(0.03, 0.1, 0.2)[index // 10 % 3],
            opacity=(np.arange(frames) == index * 2 // 3) * (0.5 if index % 4 else 1.0),
            text=f"{index} of 50",
        )
        for index in range(50)
    ]
    disc = actor(
        "d", "circle", (250, 200, 9), frames=frames, x=np.linspace(0, 1, frames), y=0.5, half_width=0.2
    )
    for pattern in ("plain", "gradient"):
        scene = clip(*lines[:20], disc, *lines[20:], background=Background(pattern))
        alone = [render_rgb(scene, 96, [frame]).pixels_TCHW[0] for frame in range(frames)]
        assert np.array_equal(render_rgb(scene, 96).pixels_TCHW, np.stack(alone))


def test_a_letter_that_the_font_has_not_is_named() -> None:
    with pytest.raises(ValueError, match="no '→'"):
        render_rgb(clip(mono("a→b", x=0.5)), 32)


def test_a_label_without_a_height_is_named() -> None:
    with pytest.raises(ValueError, match="no text_height_T"):
        render_rgb(clip(replace(at_random("circle", 0), text="7")), 32)
