"""How much of each pixel a shape covers, in closed form: signed distances to straight lines and ellipses.

Shapes: K drawings, e.g. the frames of one actor; h, w a window of pixels around the shape. Lengths are pixels. A
pixel's coverage is `clip(1/2 - distance, 0, 1)`, where the distance is that of its centre to the outline, negative
inside. An outline thinner than a pixel covers at most its own width.
"""

import functools
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from retroflip.synth.animation import Floats

Singles = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]
Shorts = npt.NDArray[np.int16]
Unsigned = npt.NDArray[np.uint16]
Values = TypeVar("Values", Singles, Shorts, Floats)
SOLID = 256
"""the coverage of a pixel that lies inside; a power of two, so that mixing colours needs no division"""
RING_HOLE = 0.7
"""radius of a ring's hole over its own"""
_FITS = 2**15 - SOLID
"""distances times `SOLID` below this fit into 16 bits with half of `SOLID` to spare"""
_FAR = -(2**15)
_SHARP = 0.8
"""as high as wide, or the other way round; the tips of a star that is squeezed more reach past the margin"""
MARGIN = 2.0
"""pixels around a shape that its softened outline may touch"""
_FINE = 16.0
"""pixels of half a side; smaller shapes with sharp tips are drawn twice as large, and their coverage averaged"""
_SMALLEST = 1e-6
"""pixels; thinner shapes are drawn so thin, to divide by something"""


class _Sides(NamedTuple):
    """The E sides of a convex piece, or half of them where each has its opposite across the piece's centre."""

    along_E2: Points
    middle_E2: Points
    centre: float | None
    """how far down the centre lies, on the line that mirrors the piece; None for sides without opposites"""


def _sides(corners: Points) -> _Sides:
    next_E2 = np.roll(corners, -1, axis=0)
    half, middle = len(corners) // 2, (corners.min(axis=0) + corners.max(axis=0)) / 2.0
    is_paired = 2 * half == len(corners) and np.allclose(corners[:half] + corners[half:], 2.0 * middle)
    sides = slice(half) if is_paired else slice(None)
    along_E2, middle_E2 = (next_E2 - corners)[sides], (next_E2 + corners)[sides] / 2.0
    return _Sides(along_E2, middle_E2, float(middle[1]) if is_paired else None)


@dataclass(frozen=True)
class Polygon:
    """A union of convex pieces, inside the box from -1 to 1 and each its own mirror image left to right.

    pieces: (corners, 2) each, in order. crossings: how many of a piece's lines a point of it may lie outside of: 0 for
    a convex piece, 1 for a star whose five lines go on from tip to tip.
    """

    pieces: tuple[Points, ...]
    crossings: int = 0

    @functools.cached_property
    def sides(self) -> tuple[_Sides, ...]:
        """The sides of the pieces."""
        return tuple(_sides(piece) for piece in self.pieces)

    @functools.cached_property
    def bounds(self) -> _Sides:
        """The sides of the box around it."""
        (left, top), (right, bottom) = (
            choose(np.concatenate(self.pieces), axis=0) for choose in (np.min, np.max)
        )
        return _sides(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]))

    @functools.cached_property
    def corners(self) -> Points:
        """The corners of all pieces."""
        return np.concatenate(self.pieces)


def _regular(corners: int, step: int = 1) -> Points:
    """Return a regular polygon with a corner at the top, its corners taken in steps of `step`."""
    turns = 2.0 * np.pi * step * np.arange(corners) / corners
    points = np.stack([np.sin(turns), -np.cos(turns)], axis=1)
    mirrored = points[-np.arange(corners)] * (-1.0, 1.0)
    return (points + mirrored) / 2.0  # its own mirror image to the last bit


def _box(half_width: float, top: float, bottom: float) -> Points:
    return np.array([[-half_width, top], [half_width, top], [half_width, bottom], [-half_width, bottom]])


_WHOLE = _box(1.0, -1.0, 1.0)
POLYGONS: dict[str, Polygon] = {
    "square": Polygon((_WHOLE,)),
    "rectangle": Polygon((_WHOLE,)),
    "triangle": Polygon((_regular(3),)),
    "diamond": Polygon((_regular(4),)),
    "pentagon": Polygon((_regular(5),)),
    "hexagon": Polygon((_regular(6),)),
    "star": Polygon((_regular(5, step=2),), crossings=1),
    "cross": Polygon((_box(1.0, -0.36, 0.36), _box(0.36, -1.0, 1.0))),
    "tee": Polygon((_box(1.0, -1.0, -0.4), _box(0.3, -1.0, 1.0))),
    "arrow": Polygon((np.array([[0.0, -1.0], [1.0, 0.1], [-1.0, 0.1]]), _box(0.36, -0.3, 1.0))),
}
"""as they stand at angle 0; an arrow points up. Regular ones have their corners on the unit circle."""
ROUND = ("circle", "ring")
_BLUNT = ("circle", "square", "rectangle")


@dataclass(frozen=True)
class Placement:
    """Where K drawings of a shape are: centres, half extents before the turn, and angles, all (K,)."""

    x_K: Floats
    y_K: Floats
    half_width_K: Floats
    half_height_K: Floats
    angle_K: Floats

    def __len__(self) -> int:
        return len(self.x_K)

    def __getitem__(self, chosen: slice) -> "Placement":
        return Placement(
            self.x_K[chosen],
            self.y_K[chosen],
            self.half_width_K[chosen],
            self.half_height_K[chosen],
            self.angle_K[chosen],
        )

    @property
    def doubled(self) -> "Placement":
        """The same in pixels of half the length."""
        return Placement(
            2.0 * self.x_K, 2.0 * self.y_K, 2.0 * self.half_width_K, 2.0 * self.half_height_K, self.angle_K
        )

    @functools.cached_property
    def turn_K(self) -> tuple[Floats, Floats]:
        """Cosine and sine of the angles."""
        return np.cos(self.angle_K), np.sin(self.angle_K)

    def world(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Turn directions from the shape's own axes to the screen's."""
        cos_K, sin_K = self.turn_K
        return x * cos_K - y * sin_K, x * sin_K + y * cos_K


def extents_K(shape: str, place: Placement) -> tuple[Floats, Floats]:
    """Return how far the turned shape reaches from its centre, sideways and up or down."""
    wide_K, high_K = place.half_width_K, place.half_height_K
    if shape in ROUND:
        cos_K, sin_K = place.turn_K
        return np.hypot(wide_K * cos_K, high_K * sin_K), np.hypot(wide_K * sin_K, high_K * cos_K)
    corners = POLYGONS[shape].corners
    x_PK, y_PK = place.world(corners[:, :1] * wide_K, corners[:, 1:] * high_K)
    return np.abs(x_PK).max(axis=0), np.abs(y_PK).max(axis=0)


@dataclass(frozen=True)
class Way:
    """Which of the ways to draw a shape is taken. It is one for a whole clip, so that no frame depends on others."""

    is_circular: bool
    """never wider than high, which spares an ellipse"""
    is_cut: bool
    """squeezed, and cut to its box: the lines of sharp corners cross pixels beyond"""
    is_whole: bool
    """so small that distances fit into 16 bits, which are three times as fast"""
    is_fine: bool
    """small and sharp, and drawn twice as large"""


def way_to_draw(shape: str, place: Placement, size: int) -> Way:
    """Return the way to draw a shape that is ever placed so in a picture of `size` pixels."""
    wide_K, high_K = place.half_width_K, place.half_height_K
    across_K, down_K = extents_K(shape, place)
    far = np.hypot(across_K.max() + 2 * MARGIN, down_K.max() + 2 * MARGIN) + max(wide_K.max(), high_K.max())
    is_within = 2 * max(across_K.max(), down_K.max()) + 4 * MARGIN < size
    is_fine = _is_fine(shape, place)
    return Way(
        is_circular=bool((wide_K == high_K).all()),
        is_cut=_is_squeezed(place),
        is_whole=bool(is_within and SOLID * far * (2 if is_fine else 1) < _FITS),
        is_fine=is_fine,
    )


def _is_fine(shape: str, place: Placement) -> bool:
    """Return whether pixels are too coarse for the shape.

    One line alone, the farthest, says how much of a pixel is covered. At a sharp tip, where two or more cut it, that is
    too much: 1 % of a star of 8 pixels, whose centre that moves by up to 0.06 pixels.
    """
    is_sharp = shape == "star" or (shape not in _BLUNT and _is_squeezed(place))
    return is_sharp and bool(max(place.half_width_K.max(), place.half_height_K.max()) < _FINE)


def _is_squeezed(place: Placement) -> bool:
    wide_K, high_K = place.half_width_K, place.half_height_K
    return bool((np.minimum(wide_K, high_K) < _SHARP * np.maximum(wide_K, high_K)).any())


def coverage_Khw(shape: str, place: Placement, way: Way, dx_Kw: Floats, dy_Kh: Floats) -> Unsigned:
    """Return the coverage, from 0 to `SOLID`, of the pixels whose centres lie `dx` and `dy` from the shape's centre."""
    if way.is_fine:
        return halved(
            _coverage_Khw(shape, place.doubled, way, _between_halves(dx_Kw), _between_halves(dy_Kh))
        )
    return _coverage_Khw(shape, place, way, dx_Kw, dy_Kh)


def _between_halves(at_Kn: Floats) -> Floats:
    """Return the centres of the halves of pixels, counted in halves."""
    return (2.0 * at_Kn[:, :, None] + (-0.5, 0.5)).reshape(len(at_Kn), -1)


def halved(coverage_Khw: Unsigned) -> Unsigned:
    """Return the mean over squares of two by two pixels."""
    pairs = coverage_Khw[:, ::2] + coverage_Khw[:, 1::2]
    sums: Unsigned = pairs[:, :, ::2] + pairs[:, :, 1::2]
    sums += np.uint16(2)
    sums >>= 2
    return sums


def _coverage_Khw(shape: str, place: Placement, way: Way, dx_Kw: Floats, dy_Kh: Floats) -> Unsigned:
    if shape not in ROUND:
        covered_Khw = covered(_polygon(POLYGONS[shape], place, way, dx_Kw, dy_Kh))
    elif way.is_circular:
        covered_Khw = covered(_circle(shape, place, dx_Kw, dy_Kh))
    else:
        covered_Khw = covered(_ellipse(shape, place, dx_Kw, dy_Kh))
    thin_K = np.minimum(1.0, 2.0 * place.half_width_K) * np.minimum(1.0, 2.0 * place.half_height_K)
    if thin_K.min() < 1.0:
        most_K = np.rint(np.maximum(SOLID * thin_K, 0.0)).astype(np.uint16)
        np.minimum(covered_Khw, most_K[:, None, None], out=covered_Khw)
    return covered_Khw


def covered(distance: Singles | Shorts) -> Unsigned:
    """Return the coverage of pixels by their distance times `SOLID`, which is overwritten."""
    share = np.subtract(distance.dtype.type(SOLID // 2), distance, out=distance)
    if share.dtype == np.int16:
        whole: Unsigned = np.clip(share, 0, SOLID, out=share).view(np.uint16)
        return whole
    share += np.float32(0.5)
    return np.clip(share, 0, SOLID, out=share).astype(np.uint16)


def farthest(across: Values, down: Values, crossings: int = 0) -> Values:
    """Return, at each pixel, the greatest sum of an x and a y term, or with one crossing the second greatest."""
    first: Values = across[0] + down[0]
    second: Values = np.full_like(first, _FAR) if crossings else first
    for x, y in zip(across[1:], down[1:], strict=True):
        value = x + y
        if crossings:
            np.maximum(second, np.minimum(first, value), out=second)
        np.maximum(first, value, out=first)
    return second


def _polygon(polygon: Polygon, place: Placement, way: Way, dx_Kw: Floats, dy_Kh: Floats) -> Singles | Shorts:
    """Return the distance to the outline in pixels times `SOLID`."""
    number: type[np.generic] = np.int16 if way.is_whole else np.float32

    def distance_Khw(sides: _Sides, crossings: int) -> Singles | Shorts:
        across, down, reach = (np.rint(part).astype(number) for part in _lines(sides, place, dx_Kw, dy_Kh))
        across, down = across[:, :, None, :], down[:, :, :, None]
        if sides.centre is None:
            return farthest(across, down, crossings)
        return _farthest_of_pairs(across, down, reach[:, :, None, None])

    union_Khw = distance_Khw(polygon.sides[0], polygon.crossings)
    for sides in polygon.sides[1:]:
        np.minimum(union_Khw, distance_Khw(sides, polygon.crossings), out=union_Khw)
    if way.is_cut:
        np.maximum(union_Khw, distance_Khw(polygon.bounds, 0), out=union_Khw)
    return union_Khw


def _farthest_of_pairs(across: Values, down: Values, reach: Values) -> Values:
    """Return, at each pixel, the greatest of how far beyond its reach the sum of an x and a y term is, either way."""
    first: Values | None = None
    for x, y, most in zip(across, down, reach, strict=True):
        value: Values = x + y
        np.abs(value, out=value)
        value -= most
        first = value if first is None else np.maximum(first, value, out=first)
    if first is None:
        raise ValueError("a polygon without sides")
    return first


def _lines(sides: _Sides, place: Placement, dx_Kw: Floats, dy_Kh: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the x (E, K, w) and the y part (E, K, h) of the distances to the lines of E sides, times `SOLID`.

    They are to the lines through the piece's centre, and the last (E, K) is how far the sides are from those, if the
    sides have opposites.
    """
    wide_K = np.maximum(place.half_width_K, _SMALLEST)
    high_K = np.maximum(place.half_height_K, _SMALLEST)
    normal_x_EK, normal_y_EK = sides.along_E2[:, 1:] * high_K, -sides.along_E2[:, :1] * wide_K
    length_EK = np.hypot(normal_x_EK, normal_y_EK) / SOLID
    normal_x_EK /= length_EK
    normal_y_EK /= length_EK
    offset_EK = sides.middle_E2[:, :1] * wide_K * normal_x_EK + sides.middle_E2[:, 1:] * high_K * normal_y_EK
    centre_EK = offset_EK if sides.centre is None else sides.centre * high_K * normal_y_EK
    x_EK, y_EK = place.world(normal_x_EK, normal_y_EK)
    down_EKh = y_EK[:, :, None] * dy_Kh
    down_EKh -= centre_EK[:, :, None]
    return x_EK[:, :, None] * dx_Kw, down_EKh, offset_EK - centre_EK


def _circle(shape: str, place: Placement, dx_Kw: Floats, dy_Kh: Floats) -> Singles:
    """Return the distance to a circle's or its ring's outline in pixels times `SOLID`."""
    radius_K11 = (SOLID * place.half_width_K).astype(np.float32)[:, None, None]
    across_Kw = np.square(SOLID * dx_Kw).astype(np.float32)
    down_Kh = np.square(SOLID * dy_Kh).astype(np.float32)
    from_centre_Khw: Singles = across_Kw[:, None, :] + down_Kh[:, :, None]
    np.sqrt(from_centre_Khw, out=from_centre_Khw)
    distance_Khw: Singles = from_centre_Khw - radius_K11
    if shape == "ring":
        np.maximum(distance_Khw, np.float32(RING_HOLE) * radius_K11 - from_centre_Khw, out=distance_Khw)
    return distance_Khw


def _ellipse(shape: str, place: Placement, dx_Kw: Floats, dy_Kh: Floats) -> Singles:
    """Return the distance to an ellipse's or its ring's outline, to first order, in pixels times `SOLID`.

    To first order alone, the distance beyond the ends of a thin ellipse would be far too small: it is at least that to
    the box around it.
    """
    wide_K11 = np.maximum(place.half_width_K, _SMALLEST).astype(np.float32)[:, None, None]
    high_K11 = np.maximum(place.half_height_K, _SMALLEST).astype(np.float32)[:, None, None]
    cos_K, sin_K = place.turn_K

    def along(x_K: Floats, y_K: Floats) -> Singles:
        across_Kw, down_Kh = x_K[:, None] * dx_Kw, y_K[:, None] * dy_Kh
        return across_Kw.astype(np.float32)[:, None, :] + down_Kh.astype(np.float32)[:, :, None]

    x_Khw, y_Khw = along(cos_K, sin_K), along(-sin_K, cos_K)
    box_Khw = np.maximum(np.abs(x_Khw) - wide_K11, np.abs(y_Khw) - high_K11)
    x_Khw /= wide_K11
    y_Khw /= high_K11
    unit_Khw = np.hypot(x_Khw, y_Khw)
    x_Khw /= wide_K11
    y_Khw /= high_K11
    scale_Khw = unit_Khw / np.maximum(np.hypot(x_Khw, y_Khw), np.float32(_SMALLEST))
    distance_Khw = np.maximum((unit_Khw - np.float32(1.0)) * scale_Khw, box_Khw)
    if shape == "ring":
        np.maximum(distance_Khw, (np.float32(RING_HOLE) - unit_Khw) * scale_Khw, out=distance_Khw)
    distance_Khw *= np.float32(SOLID)
    return distance_Khw
