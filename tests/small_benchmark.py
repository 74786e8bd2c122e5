"""TempCompass in its own files, small: one clip and the same played backwards, and two questions about each."""

import json
from pathlib import Path

import numpy as np

from retroflip.video.encode import encode

QUESTION = "What way does the bar go?\nA. to the right\nB. to the left"
NATIVE = f"{QUESTION}\nPlease directly give the best option:"


def write_tempcompass(root: Path) -> Path:
    """Write the files under a root, which is returned."""
    asked = {"1": ["A", "right"], "1_reverse": ["B", "left"]}
    questions = {
        video: {"direction": [{"question": QUESTION, "answer": f"{letter}. to the {way}"}]}
        for video, (letter, way) in asked.items()
    }
    yes_no = {
        video: {"direction": [{"question": "Does the bar go to the right?", "answer": answer}]}
        for video, answer in (("1", "yes"), ("1_reverse", "no"))
    }
    (root / "questions").mkdir(parents=True)
    (root / "questions" / "multi-choice.json").write_text(json.dumps(questions))
    (root / "questions" / "yes_no.json").write_text(json.dumps(yes_no))
    (root / "videos").mkdir()
    pixels_TCHW = np.zeros((8, 3, 64, 64), dtype=np.uint8)
    for index in range(8):
        pixels_TCHW[index, :, :, 8 * index : 8 * index + 8] = 255
    encode(root / "videos" / "1.mp4", pixels_TCHW, 8)
    encode(root / "videos" / "1_reverse.mp4", pixels_TCHW[::-1], 8)
    return root
