"""Contact sheets: a few frames of each video in a row, with its question and answer, for a person to look over."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from retroflip.data.root import resolve
from retroflip.data.sample import ProblemType, Sample
from retroflip.video.decode import decode

SHOWN = 12
"""frames of a video in its row"""
SIDE = 80
"""pixels of each"""
GAP = 4
LINE = 15
"""pixels of a line of text"""
WIDTH = SHOWN * (SIDE + GAP) - GAP
_PAPER = (250, 250, 248)
_INK = (28, 30, 34)


def strip(path: Path) -> Image.Image:
    """Return SHOWN evenly spread frames of a video side by side. Raises VideoError for one that cannot be read."""
    frames = decode(path, SHOWN, max_side=SIDE)
    row = Image.new("RGB", (WIDTH, SIDE), _PAPER)
    for index, picture_CHW in enumerate(frames.pixels_TCHW):
        shown = Image.fromarray(np.ascontiguousarray(picture_CHW.transpose(1, 2, 0)))
        shown.thumbnail((SIDE, SIDE))
        row.paste(shown, (index * (SIDE + GAP), 0))
    return row


def jpeg(image: Image.Image) -> bytes:
    """Return a picture as a JPEG file; equal pictures give equal bytes."""
    stream = io.BytesIO()
    image.save(stream, format="JPEG", quality=75, optimize=True)
    return stream.getvalue()


def answer_line(sample: Sample) -> str:
    """Return the options, the right one marked, or the answer."""
    if sample.problem_type is not ProblemType.MULTIPLE_CHOICE:
        return f"answer: {sample.solution}"
    right = ord(sample.solution) - ord("A")
    return "   ".join(f"[{one}]" if index == right else one for index, one in enumerate(sample.options))


def contact_sheet(root: Path, samples: Sequence[Sample]) -> Image.Image:
    """Return one picture with a row for every sample: its question, its frames, its options."""
    font = ImageFont.load_default(11)
    rows = [_row(root, sample, font) for sample in samples]
    sheet = Image.new("RGB", (WIDTH, sum(row.height + 2 * GAP for row in rows)), _PAPER)
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height + 2 * GAP
    return sheet


def _row(root: Path, sample: Sample, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Image.Image:
    lines = [f"{sample.id}: {sample.question}", answer_line(sample)]
    texts = [part for line in lines for part in _wrapped(line, font)]
    row = Image.new("RGB", (WIDTH, SIDE + LINE * len(texts)), _PAPER)
    row.paste(strip(resolve(root, sample.video)), (0, 0))
    pen = ImageDraw.Draw(row)
    for number, text in enumerate(texts):
        pen.text((0, SIDE + number * LINE), text, fill=_INK, font=font)
    return row


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """Return the text in lines that fit the sheet."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if font.getlength(longer) <= WIDTH:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
