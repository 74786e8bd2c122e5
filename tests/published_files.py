"""A few rows of each of VideoAuto-R1's filtered files, in their own forms."""

import json
from pathlib import Path
from typing import Any

FILES: dict[str, Any] = {
    "Video-R1/Video-R1-filter-17k.json": [
        {
            "problem_id": number,
            "problem": "In which direction does the ball move?",
            "data_type": "video",
            "problem_type": "multiple choice",
            "options": ["A. left", "B. right"],
            "solution": "<answer>A</answer>",
            "path": f"./CLEVRER/{number}.mp4",
            "data_source": "CLEVRER",
        }
        for number in range(3)
    ],
    "TVBench/filter_json/action_sequence.json": [
        {
            "video": "1.mp4",
            "question": "What first?",
            "candidates": ["sit", "go"],
            "answer": "go",
            "start": 1,
            "end": 3,
        }
    ],
    "STI-Bench/stibench-filter-1.5k.json": [
        {
            "Video": "s.mp4",
            "Question": "How far?",
            "Candidates": {"A": "1 m", "B": "2 m"},
            "Answer": "B",
            "time_start": 1,
            "time_end": 2,
        }
    ],
    "MMR-VBench/mmrv-filter-0.5k.json": [
        {"video": "m.mp4", "question": "Why?", "options": ["(A) x", "", "(C) y"], "correctAnswer": "(C)"}
    ],
    "ViRL/virl-filter-23k.json": [
        {"question": "<image>How many?", "answer": "\\boxed{7}", "image": ["images/1.jpg"]}
    ],
    "ThinkLite-VL-Hard/thinklite-filter-4k.json": [
        {"problem": "<image>What is x?", "ground_truth": "42", "image": "x.png", "problem_type": "math"}
    ],
    "DAPO-Math/dapo_math_filter-6k.json": [{"prompt": "What is 1 + 1?", "solution": "2"}],
}


def publish(root: Path) -> Path:
    """Write VideoAuto-R1's files, a few rows of each."""
    for name, rows in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(rows))
    for image in ("ViRL/images/1.jpg", "ThinkLite-VL-Hard/x.png"):
        (root / image).parent.mkdir(exist_ok=True)
        (root / image).write_bytes(b"")
    return root
