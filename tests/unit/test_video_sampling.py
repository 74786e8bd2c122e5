import pytest

from retroflip.video.sampling import uniform_indices


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [
        (12, 4, [0, 4, 7, 11]),  # 0, 3.67, 7.33, 11
        (300, 8, [0, 43, 85, 128, 171, 214, 256, 299]),  # steps of 42.71
        (5, 5, [0, 1, 2, 3, 4]),
        (2, 5, [0, 0, 0, 1, 1]),  # 0, .25, .5, .75, 1
        (6, 11, [0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 5]),  # halves round towards the nearer end, the middle down
        (1, 3, [0, 0, 0]),
        (9, 1, [4]),
        (10, 1, [4]),
    ],
)
def test_rounds_an_even_spread(total: int, count: int, expected: list[int]) -> None:
    assert uniform_indices(total, count) == expected


@pytest.mark.parametrize(("total", "count"), [(0, 4), (4, 0), (-1, 1)])
def test_refuses_nothing(total: int, count: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        uniform_indices(total, count)
