"""A model that sees every second row and column of what it is shown, for tests of what resizes pictures, and when."""

from typing import ClassVar

from retroflip.video.frames import Fits, Pixels


class Half:
    """Refuses pictures that were resized before."""

    key: ClassVar[str] = "half"

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return half of each side."""
        return height // 2, width // 2

    def resize(self, picture_HWC: Pixels, size: tuple[int, int]) -> Pixels:
        """Return every second row and column."""
        height, width, _ = picture_HWC.shape
        assert size == self.size(height, width)
        return picture_HWC[::2, ::2]


HALF = Fits(Half(), Half())
