"""The embedded model: where its weights lie in the package."""

from pathlib import Path

NAME = "retroflip-tiny"
WEIGHTS = Path(__file__).parent / "weights"
