"""The pictures that move of every kind of temporal video, and the table of them in docs/synthetic.md.

    python benchmarks/kinds.py docs/pictures/kinds

Writes NAME.webp for every kind and prints the table. Of the first videos of a kind the shortest is shown. Equal
versions of the encoder give equal files.
"""

import argparse
import io
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from retroflip.files.storage import write_bytes_atomic
from retroflip.synth.corpus import LEADS, CorpusSettings, Job, described
from retroflip.synth.episode import Episode
from retroflip.synth.raster import render_rgb
from retroflip.synth.registry import TEMPORAL_KINDS
from retroflip.synth.settings import SceneSettings

SIDE, RATE, HELD_MS, QUALITY = 256, 15, 1200, 60
"""pixels, pictures a second, how much longer the last one stands, WebP's quality"""
COLUMNS = 3
FIRST = 6
"""videos of a kind that are looked at"""
SETTINGS = CorpusSettings(per_task=FIRST, seed=3, scene=SceneSettings(object_scale=1.5))


@cache
def shown(kind: str) -> Episode:
    """Return the video of a kind that is shown: the shortest of the first, with its question."""
    drawn = [described(Job(SETTINGS, kind, turn))[0][0] for turn in range(FIRST)]
    return min(drawn, key=lambda episode: episode.animation.frames)


def picture(episode: Episode) -> bytes:
    """Return a video as an animated WebP that plays at its own speed and begins again."""
    animation = episode.animation
    shown_frames = [*range(0, animation.frames, animation.fps // RATE), animation.frames]
    frames = render_rgb(animation, SIDE, shown_frames[:-1]).pixels_TCHW
    pictures = [Image.fromarray(np.ascontiguousarray(one.transpose(1, 2, 0))) for one in frames]
    times = [animation.milliseconds(frame) for frame in shown_frames]
    stands = [after - before for before, after in pairwise(times)]
    stream = io.BytesIO()
    pictures[0].save(
        stream,
        "WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=[*stands[:-1], stands[-1] + HELD_MS],
        loop=0,
        quality=QUALITY,
    )
    return stream.getvalue()


def cell(kind: str) -> str:
    """Return what the table has of a kind: its picture, its name, the question and the right answer."""
    question = shown(kind).question
    image = f"![A video of the kind {kind}](pictures/kinds/{kind}.webp)"
    lead = max((lead for lead in LEADS if question.text.startswith(lead)), key=len)
    text = question.text.removeprefix(lead).strip()
    return f"{image}<br>**`{kind}`**<br>{text}<br>*{question.answer}*"


def table() -> str:
    """Return the table of all kinds in Markdown, in the order in which they are registered."""
    return "\n".join(_rows())


def _rows() -> Iterator[str]:
    yield "| " * COLUMNS + "|"
    yield "| --- " * COLUMNS + "|"
    kinds = list(TEMPORAL_KINDS)
    for start in range(0, len(kinds), COLUMNS):
        cells = [cell(kind) for kind in kinds[start : start + COLUMNS]]
        yield f"| {' | '.join([*cells, *[''] * (COLUMNS - len(cells))])} |"


def main() -> None:
    """Write the pictures and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for kind in TEMPORAL_KINDS:
        write_bytes_atomic(out / f"{kind}.webp", picture(shown(kind)))
    sys.stdout.write(f"{table()}\n")


if __name__ == "__main__":
    main()
