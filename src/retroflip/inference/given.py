"""What an engine was given; here and not in `base.py`, whose clients reading recorded answers does without."""

from enum import StrEnum


class Given(StrEnum):
    """What an engine was given of a video or image."""

    FRAMES = "frames"
    """pictures that were decoded here, with their times"""
    FILE = "file"
    """the file, from which it chooses frames itself"""
    NOTHING = "nothing"
