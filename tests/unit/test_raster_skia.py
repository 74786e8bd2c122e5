"""Drawing by Skia, against the NumPy rasteriser, which is held to exact pixels itself."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from retroflip.errors import UsageError
from retroflip.progress import Silence
from retroflip.synth.animation import BACKGROUNDS, MARKS, SHAPES, Actor, Animation, Background, actor
from retroflip.synth.corpus import CorpusSettings, read_metadata, write_corpus
from retroflip.synth.engines import LocalEngine
from retroflip.synth.raster import i420_frames, render_rgb, write_mp4
from retroflip.synth.settings import SceneSettings

Floats = npt.NDArray[np.float64]
DRAWN = SHAPES + MARKS[:-1]
SIZE = 160
WHITE = (255, 255, 255)
BLACK = Background("plain", (0, 0, 0))
MISSING = """
import sys
sys.modules["skia"] = None
from retroflip.errors import UsageError
from retroflip.synth.corpus import CorpusSettings, write_corpus
from retroflip.synth.engines import LocalEngine
from retroflip.progress import Silence
from pathlib import Path
settings = CorpusSettings(kinds=("direction",), per_task=1, seed=0, renderer="skia")
out = Path(sys.argv[1])
try:
    write_corpus(out, settings, engine=LocalEngine(1), progress=Silence())
except UsageError as error:
    assert "retroflip[skia]" in str(error) and "\\n" not in str(error), error
    assert not out.exists()
else:
    raise AssertionError("drawn without Skia")
"""
BROKEN = "raise ImportError('libEGL.so.1: cannot open shared object file: No such file or directory')\n"


def clip(*actors: Actor, background: Background = BLACK, noise: float = 0.0) -> Animation:
    return Animation(actors, background, 30, len(actors[0]), noise, 5)


def share(one: Actor, renderer: str) -> Floats:
    """Coverage of a white actor on black."""
    name = "skia" if renderer == "skia" else "numpy"
    drawn: Floats = render_rgb(clip(one), SIZE, [0], renderer=name).pixels_TCHW[0, 0] / 255.0  # type: ignore[arg-type]
    return drawn


def centroid(cover: Floats) -> Floats:
    at = np.arange(len(cover)) + 0.5
    middle: Floats = np.array([(cover * at).sum(), (cover * at[:, None]).sum()]) / cover.sum()
    return middle


def at_random(shape: str, seed: int) -> Actor:
    """A shape anywhere near the middle; every third stands level, and every third is upright or lies on its side."""
    rng = np.random.default_rng((seed, len(shape), 1))
    x, y, width = rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6), rng.uniform(0.12, 0.24)
    angle = (rng.uniform(-4, 4), 0.0, np.pi / 2 * rng.integers(4))[seed % 3]
    return actor("o", shape, WHITE, frames=1, x=x, y=y, half_width=width, angle=angle)


def busy(noise: float = 0.0, pattern: str = "gradient") -> Animation:
    """Every shape and a text, moving, turning, fading and changing colour."""
    frames = 5
    phase = np.linspace(0.0, 1.0, frames)
    actors = [
        actor(
            shape,
            shape,
            np.outer(1.0 - phase, (222, 58, 52)) + np.outer(phase, (40, 80, 230)),
            frames=frames,
            x=0.12 + 0.19 * (index % 5) + 0.02 * phase,
            y=0.15 + 0.3 * (index // 5),
            half_width=0.06,
            half_height=0.08,
            angle=0.0 if index % 2 else 3.0 * phase,
            opacity=1.0 - 0.6 * phase,
            text="ab" if index == 3 else "",
            text_height=0.03,
        )
        for index, shape in enumerate(DRAWN)
    ]
    word = actor(
        "w",
        "text",
        WHITE,
        frames=frames,
        x=0.5 + 0.1 * phase,
        y=0.9,
        half_width=0.1,
        half_height=0.04,
        text="Go",
    )
    return clip(*actors, word, background=Background(pattern, (30, 32, 36), (90, 60, 50), 3), noise=noise)


def needs_skia() -> None:
    """Skip the test where Skia is not installed."""
    pytest.importorskip("skia", exc_type=ImportError)


with_skia = pytest.fixture(needs_skia, name="with_skia")


@pytest.fixture
def by_skia_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Skia draw all shapes, however small."""
    needs_skia()
    monkeypatch.setattr("retroflip.synth.raster.skia_painter.large_from", lambda *_: 0.0)


@pytest.mark.usefixtures("by_skia_alone")
@pytest.mark.parametrize("shape", DRAWN)
def test_shapes_are_where_numpy_draws_them(shape: str) -> None:
    off = []
    for seed in range(12):
        one = at_random(shape, seed)
        drawn, expected = share(one, "skia"), share(one, "numpy")
        assert drawn.sum() == pytest.approx(expected.sum(), rel=0.008)
        assert np.abs(drawn - expected).mean() <= 0.004
        assert np.abs(drawn - expected).max() <= 0.5
        off.append(centroid(drawn) - centroid(expected))
    assert np.sqrt(np.square(off).mean()) <= 0.04
    assert np.abs(off).max() <= 0.09


@pytest.mark.usefixtures("by_skia_alone")
@pytest.mark.parametrize("shape", ["square", "rectangle"])
def test_level_boxes_are_placed_to_a_hundredth_of_a_pixel(shape: str) -> None:
    for shift in np.linspace(0.0, 1.0, 7):
        one = actor("o", shape, WHITE, frames=1, x=0.5, y=0.5 + shift / SIZE, half_width=0.2, half_height=0.1)
        assert np.abs(share(one, "skia") - share(one, "numpy")).max() <= 0.02


@pytest.mark.usefixtures("by_skia_alone")
def test_both_mirror_images_of_an_arrow_turn_the_same_way_as_numpys() -> None:
    for angle in (0.7, -0.7):
        one = actor(
            "o", "arrow", WHITE, frames=1, x=0.5, y=0.5, half_width=0.2, half_height=0.35, angle=angle
        )
        assert np.abs(share(one, "skia") - share(one, "numpy")).mean() <= 0.004


@pytest.mark.usefixtures("by_skia_alone")
@pytest.mark.parametrize("pattern", BACKGROUNDS)
def test_planes_and_frames_differ_little(pattern: str) -> None:
    scene = busy(pattern=pattern, noise=2.0)
    for renderer in ("rgb", "i420"):
        if renderer == "rgb":
            drawn, expected = (
                render_rgb(scene, SIZE, renderer=name).pixels_TCHW for name in ("skia", "numpy")
            )
        else:
            drawn, expected = (
                np.stack([frame.copy() for frame in i420_frames(scene, SIZE, renderer=name)])
                for name in ("skia", "numpy")
            )
        apart = np.abs(drawn.astype(int) - expected)
        assert apart.mean() <= 1.0
        assert np.quantile(apart, 0.99) <= 20
        assert apart.max() <= 110


@pytest.mark.usefixtures("by_skia_alone")
def test_solid_colours_are_exact_and_mixtures_to_one_step() -> None:
    below = actor("a", "hexagon", (200, 0, 101), frames=1, x=0.4, y=0.5, half_width=0.3)
    above = actor("b", "circle", (0, 100, 200), frames=1, x=0.6, y=0.5, half_width=0.2, opacity=0.25)
    scene = clip(below, above, background=Background("plain", (40, 60, 80)))
    for y, x in ((32, 10), (32, 36), (32, 45), (3, 3), (32, 48)):
        drawn, expected = (
            render_rgb(scene, 64, renderer=name).pixels_TCHW[0, :, y, x].astype(int)
            for name in ("skia", "numpy")
        )
        assert np.abs(drawn - expected).max() <= 1
    assert tuple(render_rgb(scene, 64, renderer="skia").pixels_TCHW[0, :, 32, 10]) == (200, 0, 101)


@pytest.mark.usefixtures("by_skia_alone")
def test_a_clip_backwards_is_its_frames_backwards_and_flipped_nearly_the_mirror_image() -> None:
    scene = busy(pattern="plain")
    plain = Animation(scene.actors[:-1], scene.background, 30, scene.frames)
    forward = render_rgb(plain, SIZE, renderer="skia").pixels_TCHW
    assert np.array_equal(render_rgb(plain.reversed(), SIZE, renderer="skia").pixels_TCHW, forward[::-1])
    wordless = Animation(
        tuple(one for one in plain.actors if not one.text), plain.background, 30, plain.frames
    )
    forward = render_rgb(wordless, SIZE, renderer="skia").pixels_TCHW
    mirrored = render_rgb(wordless.flipped(), SIZE, renderer="skia").pixels_TCHW[..., ::-1]
    apart = np.abs(mirrored.astype(int) - forward)
    assert apart.mean() <= 1.0
    assert apart.max() <= 110


@pytest.mark.usefixtures("by_skia_alone")
def test_equal_clips_give_equal_bytes_whatever_frames_are_drawn(tmp_path: Path) -> None:
    scene = busy(noise=2.0)
    for name in ("a", "b"):
        write_mp4(tmp_path / name, scene, SIZE, renderer="skia")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    every = render_rgb(scene, SIZE, renderer="skia").pixels_TCHW
    assert np.array_equal(render_rgb(scene, SIZE, [3], renderer="skia").pixels_TCHW[0], every[3])


@pytest.mark.usefixtures("with_skia")
@pytest.mark.parametrize("shape", DRAWN)
def test_small_shapes_are_numpys_and_large_ones_skias(shape: str) -> None:
    ground = Background("gradient")
    for half_width, is_small in ((0.08, True), (0.6, False)):
        moving = actor(
            "o", shape, (200, 60, 9), frames=3, x=(0.4, 0.5, 0.62), y=0.51, half_width=half_width, angle=0.4
        )
        one = clip(moving, background=ground)
        by_skia, by_numpy = (
            np.stack([frame.copy() for frame in i420_frames(one, 320, renderer=name)])
            for name in ("skia", "numpy")
        )
        assert np.array_equal(by_skia, by_numpy) == is_small
        assert np.abs(by_skia.astype(int) - by_numpy).mean() <= 0.3


@pytest.mark.usefixtures("with_skia")
def test_small_shapes_that_grow_large_are_drawn_by_one_of_the_two() -> None:
    growing = actor(
        "o", "hexagon", WHITE, frames=4, x=0.5, y=0.5, half_width=(0.02, 0.1, 0.4, 0.5), angle=0.3
    )
    scene = clip(growing)
    every = render_rgb(scene, 256, renderer="skia").pixels_TCHW
    for frame in range(4):
        assert np.array_equal(render_rgb(scene, 256, [frame], renderer="skia").pixels_TCHW[0], every[frame])
        assert not np.array_equal(render_rgb(scene, 256, [frame]).pixels_TCHW[0], every[frame])


@pytest.mark.usefixtures("by_skia_alone")
def test_what_is_off_the_picture_or_has_no_size_does_no_harm() -> None:
    for x, half_width in ((-3.0, 0.1), (0.5, 0.0), (1.05, 0.1), (0.5, 4.0), (0.5, -0.1)):
        for shape in DRAWN:
            one = actor("o", shape, WHITE, frames=1, x=x, y=0.5, half_width=half_width, angle=0.3)
            drawn = share(one, "skia").mean()
            assert drawn == pytest.approx(share(one, "numpy").mean(), abs=0.003)


@pytest.mark.usefixtures("with_skia")
def test_a_data_set_says_what_drew_it(tmp_path: Path) -> None:
    settings = CorpusSettings(
        kinds=("direction",), per_task=1, seed=3, scene=SceneSettings(size=64), renderer="skia"
    )
    samples = write_corpus(tmp_path / "d", settings, engine=LocalEngine(1), progress=Silence())
    assert read_metadata(tmp_path / "d", samples[0].id)["video"]["renderer"] == "skia"
    other = settings.model_copy(update={"renderer": "numpy"})
    with pytest.raises(UsageError, match="renderer"):
        write_corpus(tmp_path / "d", other, engine=LocalEngine(1), progress=Silence())


def test_without_the_library_it_is_a_usage_error_before_anything_is_written(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", MISSING, str(tmp_path / "d")], check=True)


def test_without_the_systems_libraries_the_error_names_them(tmp_path: Path) -> None:
    (tmp_path / "skia.py").write_text(BROKEN)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import retroflip.synth.raster.skia_painter"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "UsageError" in done.stderr
    assert "libEGL.so.1" in done.stderr
    assert "libegl1 libgl1" in done.stderr


def test_without_being_asked_for_it_is_never_imported() -> None:
    code = (
        "import sys, retroflip.synth.corpus, retroflip.cli.synth, retroflip.synth.raster as raster;"
        "raster.painter_of('numpy'); assert 'skia' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
