"""README's moving picture: one pair of a finished demo, played, with what GRPO and CRPO answered.

    python benchmarks/moving_picture.py runs/demo docs/pictures/pair.webp

The pair is the first, in the order of names, to whose two clips GRPO gives the same answer and CRPO the right ones.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from retroflip.report.load import load_run_directories
from retroflip.report.pairs import PairView, SideView
from retroflip.video.decode import decode

SIDE, GAP, LINE = 256, 16, 26
FRAMES, MILLISECONDS = 16, 125
INK, GOOD, BAD, PAPER = "#1a1a1a", "#1b7837", "#b2182b", "white"
MODELS = ("grpo", "crpo")


def chosen(pairs: list[PairView]) -> PairView:
    """Return the pair to show. Raises SystemExit where there is none like it."""
    for pair in sorted(pairs, key=lambda one: one.id):
        first, second = pair.sides
        if not set(MODELS) <= set(pair.models) or any(side.video is None for side in pair.sides):
            continue
        same = first.answers["grpo"].answer is not None and first.label(
            first.answers["grpo"].answer
        ) == second.label(second.answers["grpo"].answer)
        if same and pair.right("crpo"):
            return pair
    raise SystemExit("No pair is answered alike by GRPO and rightly by CRPO.")


def drawn(pair: PairView, moment: int, clips: list[list[Image.Image]]) -> Image.Image:
    """Return one moment: both clips, and the answers under them."""
    height = LINE + SIDE + LINE * (len(MODELS) + 1) + GAP
    picture = Image.new("RGB", (2 * SIDE + 3 * GAP, height), PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    pen.text((GAP, 5), pair.question, INK, font)
    for number, (side, clip) in enumerate(zip(pair.sides, clips, strict=True)):
        left = GAP + number * (SIDE + GAP)
        picture.paste(clip[moment], (left, LINE))
        told(pen, font, side, left)
    return picture


def told(
    pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, side: SideView, left: int
) -> None:
    """Write under a clip what is right and what the models answered."""
    top = LINE + SIDE + 4
    pen.text((left, top), f"right: {side.label(side.gold)}", INK, font)
    for line, model in enumerate(MODELS, start=1):
        answer = side.answers[model]
        mark = "right" if answer.correct else "wrong"
        text = f"{model.upper()}: {side.label(answer.answer)} ({mark})"
        pen.text((left, top + line * LINE), text, GOOD if answer.correct else BAD, font)


def frames_of(side: SideView) -> list[Image.Image]:
    """Return a clip's frames as they are shown. Raises SystemExit for a clip that is not there."""
    if side.video is None:
        raise SystemExit("The demo's videos are not there.")
    pixels_TCHW = decode(side.video, FRAMES).pixels_TCHW
    pictures = [Image.fromarray(np.ascontiguousarray(one.transpose(1, 2, 0))) for one in pixels_TCHW]
    return [one.resize((SIDE, SIDE), Image.Resampling.LANCZOS) for one in pictures]


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("demo", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    pair = chosen(load_run_directories([asked.demo]).pairs)
    clips = [frames_of(side) for side in pair.sides]
    moments = [drawn(pair, moment, clips) for moment in range(min(map(len, clips)))]
    still = [MILLISECONDS] * (len(moments) - 1) + [1200]
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    moments[0].save(asked.out, save_all=True, append_images=moments[1:], duration=still, loop=0)


if __name__ == "__main__":
    main()
