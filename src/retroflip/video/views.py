"""How a branch sees a video: which frames of the decoded pool it is shown, and what is done to their pixels.

The variants are those of ST-GRPO (section 3) and STRIVE (section 3.3): deterministic, stochastic and by the
importance of frames. A view is pure: the generator that it is given decides everything random. No frame of the pool
is shown twice (the pool of a video with fewer frames repeats some), so a view that leaves fewer frames than asked for
shows fewer, and frames keep their time stamps, except under the transforms that change the order. How many frames a
model needs (pairs of them) is its encoder's affair.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from retroflip.video.frames import Frames, Pixels
from retroflip.video.sampling import uniform_indices
from retroflip.video.transforms import Transform, apply

Scores = npt.NDArray[np.float64]
"""how much each frame of a pool has to do with a question, shape (F,)"""

_RED, _GREEN, _BLUE = (np.float32(weight) for weight in (0.2989, 0.587, 0.114))
"""torchvision's weights of the primaries in grey"""


class View(Protocol):
    """A way to see a video."""

    @property
    def label(self) -> str:
        """Its name in records of rollouts."""

    @property
    def needs_scores(self) -> bool:
        """Whether it chooses frames by their scores."""

    def apply(self, pool: Frames, count: int, rng: np.random.Generator, scores: Scores | None) -> Frames:
        """Return at most `count` of the pool's F frames, as they are to be shown.

        scores: one for each frame of the pool, shape (F,); only the views that need them look at them.

        Raises ValueError when `count` is under 1, when scores are needed and missing or unfit, or when the pool
        has none of the frames that the view shows.
        """


@dataclass(frozen=True)
class Augmentation:
    """One change of colours and position, the same for all frames of a video: one for each would invent motion.

    The colours follow torchvision's v2.ColorJitter on uint8, its cuts to 0..255 and to whole numbers after each step
    included, without the hue, for which the papers give no range. One thing differs: contrast is changed about the
    mean grey of the whole video, as though its frames were one picture, because a mean of each frame would make a
    resting background flicker when something bright moves in. The position follows v2.RandomAffine without shear, but
    with bilinear interpolation, and with the edge repeated where the picture was moved away from it: black corners
    would tell the change, and nearest neighbours break thin shapes.

    order: in which brightness (0), contrast (1) and saturation (2) are changed.
    brightness, contrast, saturation: factors; 1 changes nothing.
    degrees: of rotation about the centre, clockwise. shift: in pixels, to the right and down. scale: about the centre.
    """

    order: tuple[int, int, int] = (0, 1, 2)
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    degrees: float = 0.0
    shift: tuple[int, int] = (0, 0)
    scale: float = 1.0

    def apply(self, frames: Frames) -> Frames:
        """Return the frames in other colours, then moved; shape and time stamps stay."""
        pixels_TCHW = frames.pixels_TCHW
        changes = (self._brightened, self._contrasted, self._saturated)
        factors = (self.brightness, self.contrast, self.saturation)
        for step in self.order:
            if factors[step] != 1.0:
                pixels_TCHW = changes[step](pixels_TCHW)
        if (self.degrees, self.shift, self.scale) != (0.0, (0, 0), 1.0):
            pixels_TCHW = self._moved(pixels_TCHW)
        return replace(frames, pixels_TCHW=pixels_TCHW)

    def _brightened(self, pixels_TCHW: Pixels) -> Pixels:
        black = np.zeros(len(pixels_TCHW), dtype=np.float32)
        return _blended(pixels_TCHW, black, self.brightness)

    def _contrasted(self, pixels_TCHW: Pixels) -> Pixels:
        mean = np.mean([np.mean(_grey(picture_CHW), dtype=np.float64) for picture_CHW in pixels_TCHW])
        return _blended(pixels_TCHW, np.full(len(pixels_TCHW), mean, dtype=np.float32), self.contrast)

    def _saturated(self, pixels_TCHW: Pixels) -> Pixels:
        return _blended(pixels_TCHW, [_grey(picture_CHW) for picture_CHW in pixels_TCHW], self.saturation)

    def _moved(self, pixels_TCHW: Pixels) -> Pixels:
        """Look up each pixel where it came from, between the four nearest pixel centres."""
        height, width = pixels_TCHW.shape[2:]
        x_HW, y_HW = self._origins(height, width)
        left, top = np.floor(x_HW).astype(np.intp), np.floor(y_HW).astype(np.intp)
        right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
        share_right, share_bottom = (x_HW - left).astype(np.float32), (y_HW - top).astype(np.float32)
        share_left, share_top = 1 - share_right, 1 - share_bottom
        corners = (
            (top * width + left, share_top * share_left),
            (top * width + right, share_top * share_right),
            (bottom * width + left, share_bottom * share_left),
            (bottom * width + right, share_bottom * share_right),
        )
        moved_TCHW = np.empty(pixels_TCHW.shape, dtype=np.uint8)
        for time, channel in np.ndindex(pixels_TCHW.shape[:2]):  # a plane alone stays in the cache
            plane = pixels_TCHW[time, channel].astype(np.float32).reshape(-1)
            total_HW = np.full((height, width), 0.5, dtype=np.float32)  # so that cutting rounds
            for index_HW, weight_HW in corners:
                total_HW += plane[index_HW] * weight_HW
            moved_TCHW[time, channel] = total_HW
        return moved_TCHW

    def _origins(self, height: int, width: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return from which column and row each pixel comes, both of shape (H, W), within the picture."""
        middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
        x_W = np.arange(width) - middle_x - self.shift[0]
        y_H = np.arange(height)[:, None] - middle_y - self.shift[1]
        cosine, sine = (turn(math.radians(self.degrees)) / self.scale for turn in (math.cos, math.sin))
        x_HW = cosine * x_W + sine * y_H + middle_x
        y_HW = cosine * y_H - sine * x_W + middle_y
        return x_HW.clip(0, width - 1), y_HW.clip(0, height - 1)


def _grey(picture_CHW: Pixels) -> npt.NDArray[np.float32]:
    """Return the brightness of a picture, whole numbers of shape (H, W)."""
    red, green, blue = picture_CHW
    grey_HW: npt.NDArray[np.float32] = np.floor(_RED * red + _GREEN * green + _BLUE * blue)
    return grey_HW


def _blended(
    pixels_TCHW: Pixels, others: Sequence[npt.NDArray[np.float32]] | npt.NDArray[np.float32], share: float
) -> Pixels:
    """Return `share` times each picture plus 1 - `share` times its other, of shape () or (H, W), cut to uint8."""
    blended_TCHW = np.empty(pixels_TCHW.shape, dtype=np.uint8)
    for time, (picture_CHW, other) in enumerate(zip(pixels_TCHW, others, strict=True)):
        mixed_CHW = picture_CHW * np.float32(share)
        mixed_CHW += np.float32(1 - share) * other
        blended_TCHW[time] = np.clip(mixed_CHW, 0, 255, out=mixed_CHW)
    return blended_TCHW


@dataclass(frozen=True)
class Spatial:
    """From what ranges spatial augmentations are drawn, evenly; the defaults are STRIVE's (section 4.2).

    jitter: most that brightness, contrast and saturation are changed, as a share: 0.4 draws a factor from 0.6 to 1.4
        for each. degrees: most that the picture is turned, either way. translation: most that it is moved, as a share
        of its width and of its height. scale: least and most that it is enlarged.

    Raises ValueError for a share outside 0 to 1, degrees outside 0 to 180, and a scale that falls or is not above 0.
    """

    jitter: float = 0.4
    degrees: float = 5.0
    translation: float = 0.05
    scale: tuple[float, float] = (0.95, 1.05)

    def __post_init__(self) -> None:
        shares = 0 <= self.jitter <= 1 and 0 <= self.translation <= 1
        if not (shares and 0 <= self.degrees <= 180 and 0 < self.scale[0] <= self.scale[1] < math.inf):
            raise ValueError(
                f"need shares from 0 to 1, degrees from 0 to 180 and rising scales above 0, got {self}"
            )

    def draw(self, height: int, width: int, rng: np.random.Generator) -> Augmentation:
        """Draw a change of pictures of `height` and `width` pixels, by whole pixels as torchvision does."""
        first, second, third = rng.permutation(3).tolist()
        brightness, contrast, saturation = rng.uniform(1 - self.jitter, 1 + self.jitter, size=3).tolist()
        right, down = rng.uniform(-self.translation, self.translation, size=2).tolist()
        return Augmentation(
            order=(first, second, third),
            brightness=brightness,
            contrast=contrast,
            saturation=saturation,
            degrees=float(rng.uniform(-self.degrees, self.degrees)),
            shift=(round(right * width), round(down * height)),
            scale=float(rng.uniform(*self.scale)),
        )

    def apply(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Return all frames under one change, drawn with `rng`."""
        height, width = frames.pixels_TCHW.shape[2:]
        return self.draw(height, width, rng).apply(frames)


@dataclass(frozen=True)
class Transformed:
    """Evenly spread frames, under one transform."""

    transform: Transform

    @property
    def label(self) -> str:
        """The transform's name."""
        return self.transform.value

    @property
    def needs_scores(self) -> bool:
        """No: frames are evenly spread."""
        return False

    def apply(
        self,
        pool: Frames,
        count: int,
        rng: np.random.Generator,
        scores: Scores | None,  # noqa: ARG002 - the protocol's
    ) -> Frames:
        """Return `count` frames of the pool, spread evenly, transformed."""
        return apply(self.transform, _spread(pool, range(len(pool)), count), rng)


def transform_of(view: View) -> Transform:
    """Return the transform that a view is; the identity for one that only chooses frames."""
    return view.transform if isinstance(view, Transformed) else Transform.IDENTITY


@dataclass(frozen=True)
class Strided:
    """Every `stride`-th frame from `offset` on, for the deterministic variants of both papers.

    The variants of offsets 0 to M - 1 with stride M show each frame of a pool of at most M * `count` frames once.

    Raises ValueError unless 0 <= offset < stride.
    """

    offset: int
    stride: int

    def __post_init__(self) -> None:
        if not 0 <= self.offset < self.stride:
            raise ValueError(
                f"need an offset from 0 and below the stride, got {self.offset} and {self.stride}"
            )

    @property
    def label(self) -> str:
        """Which of the complementary variants, counted from 1: "strided 1/2"."""
        return f"strided {self.offset + 1}/{self.stride}"

    @property
    def needs_scores(self) -> bool:
        """No: frames are evenly spread."""
        return False

    def apply(
        self,
        pool: Frames,
        count: int,
        rng: np.random.Generator,  # noqa: ARG002 - the protocol's
        scores: Scores | None,  # noqa: ARG002 - the protocol's
    ) -> Frames:
        """Return the frames, or `count` of them, spread evenly, where there are more."""
        if self.offset >= len(pool):
            raise ValueError(
                f"a pool of {len(pool)} frames has none for {self.label}: it needs {self.stride} or more"
            )
        return _spread(pool, range(self.offset, len(pool), self.stride), count)


@dataclass(frozen=True)
class Stochastic:
    """A random part of the pool at a random stride, in changed colours and position (ST-GRPO, section 3).

    temporal_probability, spatial_probability: of each of the two changes; the papers do not say theirs.
    crop: least and most of the pool that is kept, as a share. The part is contiguous; its length is drawn evenly from
        the whole numbers of frames in that range, and its start from those where it fits. A small pool with no such
        number keeps the nearest below, but two frames at least.
    strides: least and most; drawn evenly, among those that leave two frames of the part or more. A view may have
        fewer frames than asked for, as in the paper.

    Raises ValueError for probabilities and shares outside 0 to 1, a range that falls, and strides under 1.
    """

    temporal_probability: float
    spatial_probability: float
    crop: tuple[float, float] = (0.6, 0.9)
    strides: tuple[int, int] = (1, 3)
    spatial: Spatial = Spatial()

    def __post_init__(self) -> None:
        _check_probability(self.temporal_probability)
        _check_probability(self.spatial_probability)
        if not (0 < self.crop[0] <= self.crop[1] <= 1 and 1 <= self.strides[0] <= self.strides[1]):
            raise ValueError(
                f"need rising shares above 0 and rising strides from 1, got {self.crop} and {self.strides}"
            )

    @property
    def label(self) -> str:
        """One name for all draws."""
        return "stochastic"

    @property
    def needs_scores(self) -> bool:
        """No: frames are drawn evenly."""
        return False

    def apply(
        self,
        pool: Frames,
        count: int,
        rng: np.random.Generator,
        scores: Scores | None,  # noqa: ARG002 - the protocol's
    ) -> Frames:
        """Return the frames, or `count` of them, spread evenly, where there are more."""
        cut = rng.random() < self.temporal_probability
        shown = self._part(len(pool), rng) if cut else range(len(pool))
        return _perhaps_augmented(_spread(pool, shown, count), self.spatial, self.spatial_probability, rng)

    def _part(self, total: int, rng: np.random.Generator) -> range:
        low, high = self.crop
        slack = 1e-9  # of a product that should be a whole number
        longest = max(math.floor(high * total + slack), min(2, total))
        shortest = min(max(math.ceil(low * total - slack), 2), longest)
        length = int(rng.integers(shortest, longest, endpoint=True))
        start = int(rng.integers(total - length, endpoint=True))
        widest = min(self.strides[1], max(length - 1, 1))
        stride = int(rng.integers(min(self.strides[0], widest), widest, endpoint=True))
        return range(start, start + length, stride)


@dataclass(frozen=True)
class Important:
    """One frame of each of K equal segments, the likelier the higher its score (STRIVE, section 3.3).

    In a segment, frame t is drawn with P(t) = exp(s_t / temperature) / sum of exp(s_u / temperature) (STRIVE,
    equation 4). Equation 5 of ST-GRPO is that with temperature 1, and its K is drawn anew from (2, 6).

    segments: K, a fixed number or an inclusive range to draw it from evenly; None for as many as frames are asked
        for, as in STRIVE. Never more than the pool has, or than are asked for. Where K does not divide the pool, the
        first segments have one frame more than the others.
    temperature: the scores' unit; STRIVE's by default (section 4.1).
    top: take the highest score of each segment instead, the first of equals (ST-GRPO, table 5).
    spatial: from what the frames' change is drawn; None for none. spatial_probability: of that change.

    Raises ValueError for fewer segments than 1, a range of them that falls, a temperature that is not above 0, and a
    probability outside 0 to 1.
    """

    segments: int | tuple[int, int] | None = None
    temperature: float = 0.4
    top: bool = False
    spatial: Spatial | None = None
    spatial_probability: float = 1.0

    def __post_init__(self) -> None:
        _check_probability(self.spatial_probability)
        low, high = self._segment_range(1)
        if not 1 <= low <= high:
            raise ValueError(f"need 1 segment or more, or a rising range of them, got {self.segments}")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"need a temperature above 0, got {self.temperature}")

    @property
    def label(self) -> str:
        """How frames are chosen, and whether they are changed: "important", "important top+spatial"."""
        return "important" + (" top" if self.top else "") + ("+spatial" if self.spatial else "")

    @property
    def needs_scores(self) -> bool:
        """Yes."""
        return True

    def apply(self, pool: Frames, count: int, rng: np.random.Generator, scores: Scores | None) -> Frames:
        """Return the frame chosen in each segment, in order of time."""
        scores_F = _checked_scores(scores, len(pool))
        segments = np.array_split(np.arange(len(pool)), self._segment_count(len(pool), count, rng))
        chosen = [int(segment[self._place(scores_F[segment], rng)]) for segment in segments]
        shown = _spread(pool, chosen, len(chosen))
        if self.spatial is None:
            return shown
        return _perhaps_augmented(shown, self.spatial, self.spatial_probability, rng)

    def _segment_count(self, total: int, count: int, rng: np.random.Generator) -> int:
        low, high = self._segment_range(count)
        return min(int(rng.integers(low, high, endpoint=True)), count, total)

    def _segment_range(self, count: int) -> tuple[int, int]:
        if isinstance(self.segments, tuple):
            return self.segments
        segments = count if self.segments is None else self.segments
        return segments, segments

    def _place(self, scores: Scores, rng: np.random.Generator) -> int:
        """Return the place of the chosen frame in its segment."""
        if self.top:
            return int(np.argmax(scores))
        with np.errstate(over="ignore"):  # a chance too small to be written is 0
            weights = np.exp((scores - scores.max()) / self.temperature)
        return int(rng.choice(len(scores), p=weights / weights.sum()))


def _spread(pool: Frames, indices: Sequence[int], count: int) -> Frames:
    """Return `count` of the frames at `indices`, spread evenly, or all of them where there are no more."""
    shown = [indices[place] for place in uniform_indices(len(indices), min(count, len(indices)))]
    seconds = tuple(pool.seconds[index] for index in shown)
    places = tuple(pool.places[index] for index in shown)
    return replace(pool, pixels_TCHW=pool.pixels_TCHW[shown], seconds=seconds, places=places)


def _perhaps_augmented(
    frames: Frames, spatial: Spatial, probability: float, rng: np.random.Generator
) -> Frames:
    return spatial.apply(frames, rng) if rng.random() < probability else frames


def _check_probability(probability: float) -> None:
    if not 0 <= probability <= 1:
        raise ValueError(f"need a probability from 0 to 1, got {probability}")


def _checked_scores(scores: Scores | None, total: int) -> Scores:
    if scores is None or scores.shape != (total,) or not np.isfinite(scores).all():
        got = "none" if scores is None else f"{scores.shape} with {np.isfinite(scores).sum()} finite"
        raise ValueError(f"need a finite score for each of {total} frames, got {got}")
    return scores
