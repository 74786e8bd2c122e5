"""Masks in COCO's run-length form, and the camera that is fitted to them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dybench_roots import candidates_of, clevrer, clevrer_object, written
from retroflip.bench.dybench.masks import FEWEST, Place, centre, fitted
from retroflip.errors import DataError

CAMERA = ((0.06, 0.22, 0.5), (0.15, 0.01, 0.45))


def coco(runs: list[int]) -> str:
    """Return the text that COCO's own code writes for runs of pixels."""
    text = ""
    for place, run in enumerate(runs):
        value, more = run - (runs[place - 2] if place > 2 else 0), True
        while more:
            code = value & 31
            value >>= 5
            more = value != -1 if code & 16 else value != 0
            text += chr(48 + (code | 32 if more else code))
    return text


def mask_at(u: float, v: float, height: int = 100, width: int = 150) -> dict[str, Any]:
    """Return a mask of a square of 9 pixels about a place."""
    picture = np.zeros((height, width), dtype=np.int8)
    row, column = int(v * height), int(u * width)
    picture[max(row - 4, 0) : row + 5, max(column - 4, 0) : column + 5] = 1
    flat = picture.T.reshape(-1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat])))
    runs = np.diff(np.concatenate([[0], edges, [len(flat)]])).tolist()
    return {"size": [height, width], "counts": coco(runs)}


class TestMasks:
    def test_by_hand(self) -> None:
        # 25 is 11001: its five bits have the sign's bit set, so another sign follows: 57 + 48 is "i", then "0".
        assert coco([25]) == "i0"
        assert centre({"size": [5, 5], "counts": "i0"}) is None
        # A column of three pixels, the second of four columns: rows 0 to 2 of three.
        assert centre({"size": [3, 4], "counts": [3, 3, 6]}) == (1.5 / 4, 0.5)
        assert centre({"size": [3, 4], "counts": coco([3, 3, 6])}) == (1.5 / 4, 0.5)

    @given(st.lists(st.integers(0, 300), min_size=1, max_size=12))
    def test_text_and_numbers_say_the_same(self, runs: list[int]) -> None:
        whole = sum(runs)
        if whole:
            size = [1, whole]
            assert centre({"size": size, "counts": coco(runs)}) == centre({"size": size, "counts": runs})

    @pytest.mark.parametrize("counts", ["i0", "~~", [3, -3, 9], "", [5]])
    def test_what_is_no_mask(self, counts: Any) -> None:
        with pytest.raises(ValueError, match=r"runs|sign"):
            centre({"size": [3, 3], "counts": counts})

    def test_one_of_more_pixels_than_memory_has(self) -> None:
        with pytest.raises(ValueError, match="runs"):
            centre({"size": [2**30, 2**30], "counts": [2**60]})


def places(count: int, seed: int = 0) -> list[Place]:
    """Places of the world as CAMERA sees them, a tenth of which are elsewhere on the picture."""
    rng = np.random.default_rng(seed)
    world = rng.uniform(-3, 3, (count, 2))
    u, v = (world @ np.array(row[:2]) + row[2] + rng.normal(0, 0.003, count) for row in CAMERA)
    u[: count // 10] += 0.3
    return [Place(*one) for one in np.stack([*world.T, u, v], axis=1).tolist()]


class TestFit:
    def test_outliers_are_left_out(self) -> None:
        assert np.allclose(fitted(places(400)), CAMERA, atol=2e-3)

    def test_too_few(self) -> None:
        with pytest.raises(ValueError, match=f"{FEWEST} are needed"):
            fitted(places(FEWEST - 1))


def proposed(root: Path, index: int, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Add a scene with one rolling sphere, and the masks of it that CAMERA sees."""
    rolling = clevrer_object(0, "red metal sphere", start, end)
    clevrer(root, index, [rolling])
    frames = []
    for number, (x, y, _) in enumerate(rolling["path"]):
        u, v = (row[0] * x + row[1] * y + row[2] for row in CAMERA)
        look = {"color": "red", "material": "metal", "shape": "sphere", "mask": mask_at(u, v)}
        frames.append({"frame_index": number, "objects": [look]})
    written(root / f"proposals/proposal_{index:05d}.json", {"video_index": index, "frames": frames})


class TestScenes:
    def test_the_camera_is_fitted_to_a_roots_own_masks(self, tmp_path: Path) -> None:
        proposed(tmp_path, 10000, (0.0, -1.0), (0.0, 1.0))
        proposed(tmp_path, 10001, (-1.5, 0.4), (1.5, -0.4))
        wrong = [[0.2, 0.0, 0.5], [0.0, 0.2, 0.5]]
        assert not candidates_of("clevrer", tmp_path, fit=wrong)[0]
        made, _ = candidates_of("clevrer", tmp_path, fit=wrong, proposals=2, axes=["reversal"])
        assert [one.options[one.gold] for one in made] == ["right", "down"]

    def test_masks_that_do_not_suffice(self, tmp_path: Path) -> None:
        clevrer(tmp_path, 10000, [])
        with pytest.raises(DataError, match=r"0 places are too few .* of 0 scenes with proposals"):
            candidates_of("clevrer", tmp_path, proposals=5)
        written(tmp_path / "proposal_10000.json", {"frames": [{"objects": [{"color": "red"}]}]})
        with pytest.raises(DataError, match=r"annotation_10000\.json: the camera cannot be fitted"):
            candidates_of("clevrer", tmp_path, proposals=5)
