"""Where results are kept that any run may use again."""

import os
from pathlib import Path

VARIABLE = "RETROFLIP_CACHE"


def cache_folder(kind: str) -> Path:
    """Return the folder of one kind of results: under $RETROFLIP_CACHE, by default ~/.cache/retroflip."""
    named = os.environ.get(VARIABLE)
    return (Path(named) if named else Path.home() / ".cache" / "retroflip") / kind
