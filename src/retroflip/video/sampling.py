"""Which frames of a video are looked at."""


def uniform_indices(total: int, count: int) -> list[int]:
    """Return `count` frame indices in 0..total-1, evenly spread from the first frame to the last.

    This is `linspace(0, total - 1, count)` rounded to the nearest integer, in exact integer arithmetic.
    Under it a reversed file gives the mirror image of the forward file's sample, `i[k] + i[-1-k] == total -
    1`, which truncation (lmms-eval) and fixed strides break. At a tie the first half rounds down and the
    second half up, so the mirror holds there too; the exact middle of an even `total` has no mirror and
    rounds down, as does `count == 1`. Where `count > total`, indices repeat: a short clip fills the frames
    asked for with copies.

    Raises ValueError when `total` or `count` is under 1.
    """
    if total < 1 or count < 1:
        raise ValueError(f"cannot choose {count} of {total} frames: both must be at least 1")
    if count == 1:
        return [(total - 1) // 2]
    half = [_round_half_down((total - 1) * k, count - 1) for k in range((count + 1) // 2)]
    mirrored = [total - 1 - index for index in half[: count // 2]]
    return half + mirrored[::-1]


def _round_half_down(numerator: int, denominator: int) -> int:
    return -((denominator - 2 * numerator) // (2 * denominator))
