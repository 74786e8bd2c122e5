"""Line charts and interval plots as inline SVG: no script, no font and no file from elsewhere.

Colours come from the page's style sheet (classes s0, s1, ...), so one drawing serves light and dark mode.
Every line carries its name at its end: a reader who cannot tell the colours apart needs no legend.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup

WIDTH, HEIGHT = 440, 216
"""narrow, so that a phone shows the words of a chart nearly at their own size"""
LEFT, RIGHT, TOP, BOTTOM = 44, 100, 10, 30
_LABEL_GAP = 15
_MAX_POINTS = 400
_CORNERS: dict[str, tuple[tuple[float, float], ...]] = {
    "circle": (),
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "diamond": ((0, -1.35), (1.35, 0), (0, 1.35), (-1.35, 0)),
    "triangle": ((0, -1.25), (1.25, 1), (-1.25, 1)),
    "inverted": ((0, 1.25), (1.25, -1), (-1.25, -1)),
}
"""of each mark's outline, in units of its radius; a circle has none"""
_ROW = 42


@dataclass(frozen=True)
class Series:
    """One line: a name, a style-sheet slot (0 is the muted one), and values over increasing steps.

    low, high: of a mean over several runs the band around it; its values are smoothed already.
    """

    name: str
    slot: int
    steps: tuple[float, ...]
    values: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    def smoothed(self, parts: int | None = 10) -> tuple[float, ...]:
        """Return the centred moving mean over about one of so many parts of the line; it does not lag behind. None: the
        values as they are."""
        if parts is None or self.low:
            return self.values
        window = max(1, len(self.values) // (2 * parts)) * 2 - 1
        half = window // 2
        sums = np.concatenate([[0.0], np.cumsum(self.values)])
        starts = np.maximum(np.arange(len(self.values)) - half, 0)
        ends = np.minimum(np.arange(len(self.values)) + half + 1, len(self.values))
        return tuple(float(mean) for mean in (sums[ends] - sums[starts]) / (ends - starts))


@dataclass(frozen=True)
class Mark:
    """One estimate in an interval plot, in 0..1; `shape` is circle, square, diamond, triangle or inverted."""

    name: str
    value: float
    interval: tuple[float, float] | None
    shape: str = "circle"


@dataclass(frozen=True)
class MarkRow:
    """The marks of one model, drawn on one line; the first is the main one. chance: what guessing would reach on its
    questions."""

    name: str
    slot: int
    marks: Sequence[Mark] = field(default_factory=tuple)
    chance: float | None = None


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def line_chart(title: str, series: Sequence[Series], *, share: bool = False) -> Markup:
    """Draw every line twice, faint as measured, or as its band, and strong as smoothed, with its name at the end.

    share: the values are shares, so the axis is 0 to 1. Raises ValueError when there is nothing to draw.
    """
    if not any(line.values for line in series):
        raise ValueError(f"chart {title!r} has no values")
    series = [line for line in series if line.values]
    x = _x_scale(series)
    y = _y_scale([value for line in series for value in (*line.values, *line.low, *line.high)], share)
    parts = [_y_axis(y), _x_axis(x)]
    parts += [_behind(line, x, y) for line in series]
    parts += [_path(line.steps, line.smoothed(), x, y, f"line s{line.slot}") for line in series]
    parts += _end_labels(series, y)
    body = Markup().join(parts)
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" class="chart">{}</svg>').format(
        WIDTH, HEIGHT, _spoken(title, series), body
    )


def interval_plot(title: str, rows: Sequence[MarkRow]) -> Markup:
    """Draw estimates in 0..1 with their intervals, one row per model, and a dashed line at chance level: one through
    all rows, or one in each where levels differ."""
    height = TOP + _ROW * len(rows) + 46
    x = _Scale(0.0, 1.0, 112, WIDTH - 22)
    bottom = height - 30
    parts = [_percent_grid(x, bottom), _chance_lines(rows, x, bottom)]
    for index, row in enumerate(rows):
        parts.append(_mark_row(row, x, TOP + _ROW * index + 32))
    spoken = "; ".join(f"{row.name} {row.marks[0].value:.1%}" for row in rows if row.marks)
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" class="chart">{}</svg>').format(
        WIDTH, height, f"{title}: {spoken}", Markup().join(parts)
    )


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return about `count` round numbers from `low` to `high`. Raises ValueError unless low < high."""
    if not low < high:
        raise ValueError(f"no ticks between {low} and {high}")
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart until neighbours are `gap` away, in the same order, within low..high if they fit."""
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    placed = [0.0] * len(positions)
    floor = low
    for index in order:
        placed[index] = max(positions[index], floor)
        floor = placed[index] + gap
    ceiling = high
    for index in reversed(order):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - gap
    return placed


def _x_scale(series: Sequence[Series]) -> _Scale:
    steps = [step for line in series for step in (line.steps[0], line.steps[-1])]
    low, high = min(steps), max(steps)
    return _Scale(low, high if high > low else low + 1, LEFT, WIDTH - RIGHT)


def _y_scale(values: Sequence[float], share: bool) -> _Scale:
    low, high = min(values), max(values)
    if share and low >= 0 and high <= 1:
        return _Scale(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    if 0 <= low < 0.5 * high:
        low = 0.0
    margin = (high - low) * 0.05 or max(abs(high), 1.0) * 0.05
    return _Scale(low if low == 0 else low - margin, high + margin, HEIGHT - BOTTOM, TOP)


def _y_axis(y: _Scale) -> Markup:
    grid = Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>')
    label = Markup('<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>')
    values = ticks(y.low, y.high)
    return Markup().join(
        grid.format(LEFT, WIDTH - RIGHT, y(v), y(v)) + label.format(LEFT - 8, y(v) + 4, f"{v:.4g}")
        for v in values
    )


def _x_axis(x: _Scale) -> Markup:
    label = Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>')
    whole = [v for v in ticks(x.low, x.high, 5) if v == int(v)]
    numbers = Markup().join(label.format(x(v), HEIGHT - BOTTOM + 18, f"{v:.0f}") for v in whole)
    return numbers + Markup('<text class="tick" x="{}" y="{}">step</text>').format(
        WIDTH - RIGHT + 12, HEIGHT - BOTTOM + 18
    )


def _behind(line: Series, x: _Scale, y: _Scale) -> Markup:
    """Return what stands behind a line: what was measured, or the band of a mean."""
    if not line.low:
        return _path(line.steps, line.values, x, y, f"raw s{line.slot}")
    kept = _kept(len(line.steps))
    there = [f"{x(line.steps[i]):.1f},{y(line.high[i]):.1f}" for i in kept]
    back = [f"{x(line.steps[i]):.1f},{y(line.low[i]):.1f}" for i in reversed(kept)]
    return Markup('<polygon class="band s{}" points="{}"/>').format(line.slot, " ".join([*there, *back]))


def _kept(count: int) -> list[int]:
    """Return which points are drawn: more of them than pixels make a large file and no better picture."""
    return sorted({*range(0, count, math.ceil(count / _MAX_POINTS)), count - 1})


def _path(steps: Sequence[float], values: Sequence[float], x: _Scale, y: _Scale, style: str) -> Markup:
    kept = _kept(len(steps))
    if len(kept) == 1:
        dot = Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="3"/>')
        return dot.format(style, x(steps[0]), y(values[0]))
    points = " ".join(f"{x(steps[i]):.1f},{y(values[i]):.1f}" for i in kept)
    return Markup('<polyline class="{}" points="{}"/>').format(style, points)


def _end_labels(series: Sequence[Series], y: _Scale) -> list[Markup]:
    ends = [y(line.smoothed()[-1]) for line in series]
    places = spread(ends, _LABEL_GAP, TOP + 4, HEIGHT - BOTTOM)
    label = Markup('<text class="label s{}" x="{}" y="{:.1f}">{}</text>')
    return [
        label.format(line.slot, WIDTH - RIGHT + 8, place + 4, _short(line.name))
        for line, place in zip(series, places, strict=True)
    ]


def _short(name: str, limit: int = 14) -> str:
    return name if len(name) <= limit else name[: limit - 1] + "…"


def _spoken(title: str, series: Sequence[Series]) -> str:
    spans = (f"{line.name} from {line.smoothed()[0]:.3g} to {line.smoothed()[-1]:.3g}" for line in series)
    return f"{title}: {'; '.join(spans)}"


def _percent_grid(x: _Scale, bottom: float) -> Markup:
    grid = Markup('<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>')
    label = Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{:.0%}</text>')
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    return Markup().join(
        grid.format(x(v), TOP + 14, bottom) + label.format(x(v), bottom + 18, v) for v in shares
    )


def _chance_lines(rows: Sequence[MarkRow], x: _Scale, bottom: float) -> Markup:
    places = [None if row.chance is None else f"{x(row.chance):.1f}" for row in rows]
    known = list(dict.fromkeys(place for place in places if place is not None))
    line = Markup('<line class="chance" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>')
    if len(known) == 1:
        drawn = [line.format(known[0], TOP + 14, bottom)]
    else:
        tops = [TOP + 14 + _ROW * index for index in range(len(rows))]
        drawn = [line.format(at, top, top + _ROW) for at, top in zip(places, tops, strict=True) if at]
    label = Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">chance</text>')
    return Markup().join([*drawn, *(label.format(place, TOP + 8) for place in known[:1])])


def _mark_row(row: MarkRow, x: _Scale, y: float) -> Markup:
    name = Markup('<text class="label s{}" x="100" y="{}" text-anchor="end">{}</text>')
    # Below the main mark, which they would hide where a handicapped model does as well as a seeing one.
    minor = [_shape(mark, x(mark.value), y + 14, f"minor s{row.slot}") for mark in row.marks[1:]]
    main = [_main_mark(mark, x, y, row.slot) for mark in row.marks[:1]]
    return name.format(row.slot, y + 4, _short(row.name)) + Markup().join([*main, *minor])


def _main_mark(mark: Mark, x: _Scale, y: float, slot: int) -> Markup:
    bar = Markup()
    if mark.interval is not None:
        bar = Markup('<line class="bar s{}" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>').format(
            slot, x(mark.interval[0]), x(mark.interval[1]), y, y
        )
    return bar + _shape(mark, x(mark.value), y, f"main s{slot}")


def _shape(mark: Mark, x: float, y: float, style: str) -> Markup:
    title = Markup("<title>{}: {:.1%}</title>").format(mark.name, mark.value)
    size = 6 if style.startswith("main") else 4
    corners = _CORNERS[mark.shape]
    if not corners:
        circle = Markup('<circle class="{}" cx="{:.1f}" cy="{}" r="{}">{}</circle>')
        return circle.format(style, x, y, size, title)
    points = " ".join(f"{x + dx * size:.1f},{y + dy * size:.1f}" for dx, dy in corners)
    return Markup('<polygon class="{}" points="{}">{}</polygon>').format(style, points, title)
