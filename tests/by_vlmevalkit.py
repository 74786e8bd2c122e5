"""Asks a model a table of `retroflip dybench export vlmevalkit` as VLMEvalKit does, and has it score the answers.

    python by_vlmevalkit.py TABLE.tsv BENCHMARK-DIR MODEL-DIR SYSTEM-PROMPT OUT-DIR

It runs in an environment where VLMEvalKit can be imported, and needs nothing of retroflip. `Exported` is what a user
writes: frames, the loop over questions and the score (`answers_rating.json` in OUT-DIR) are VLMEvalKit's own.
"""

import ast
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
from vlmeval.dataset.utils import videomme as names
from vlmeval.dataset.videomme import VideoMME
from vlmeval.inference_video import infer_data_job_video
from vlmeval.vlm.base import BaseModel


class Exported(VideoMME):  # type: ignore[misc]
    """An exported table and the folder of its benchmark. Links to videos lie beside the table, frames under LMUData."""

    data: Any

    def __init__(self, table: Path, root: Path, frames: int) -> None:
        self.table = table
        super().__init__(dataset=table.stem, nframe=frames)
        # Video-MME looks for video/NAME.mp4, and breaks scores down by lists of its own.
        for name, path in zip(self.data["video"], self.data["video_path"], strict=True):
            link = Path(self.data_root, "video", f"{name}.mp4")
            link.unlink(missing_ok=True)
            link.symlink_to((root / path).resolve())
        self.data = self.data.assign(duration="short", domain="all", sub_category="all")
        names.DOMAINS.append("all")
        names.SUB_CATEGORIES.append("all")
        names.TASK_CATEGORIES.extend(self.data["task_type"].unique())

    def prepare_dataset(self, dataset_name: str) -> dict[str, str]:
        """Return where the table is, and the folder in which videos are looked for."""
        root = Path(self.table.parent, f"{dataset_name}-videos")
        (root / "video").mkdir(parents=True, exist_ok=True)
        return {"root": str(root), "data_file": str(self.table)}


class Asked(BaseModel):  # type: ignore[misc]
    """A model of transformers that is shown the frames of a prompt as one video, and asked in words of its own."""

    def __init__(self, weights: str, system: str) -> None:
        super().__init__()
        self.system = system
        self.processor: Any = AutoProcessor.from_pretrained(weights)
        self.model: Any = AutoModelForImageTextToText.from_pretrained(weights)

    def use_custom_prompt(self, _: str) -> bool:
        """Whether to ask in its own words; without, it is asked in Video-MME's."""
        return bool(self.system)

    def build_prompt(self, line: Any, dataset: VideoMME, video_llm: bool) -> list[dict[str, str]]:
        """Return the frames that VLMEvalKit takes, the question and its options."""
        frames, _, _ = dataset.save_video_frames(line["video"], video_llm)
        text = "\n".join([line["question"], "Options:", *ast.literal_eval(line["candidates"])])
        return [
            *({"type": "image", "value": frame} for frame in frames),
            {"type": "text", "value": text},
        ]

    def generate_inner(self, message: list[dict[str, Any]], _: str | None = None) -> str:
        """Return what the model says behind its reasoning, in which VLMEvalKit would look for an option's text, too."""
        frames = np.stack(
            [np.asarray(Image.open(part["value"])) for part in message if part["type"] == "image"]
        )
        text = "\n".join(part["value"] for part in message if part["type"] == "text")
        asked = [
            {"role": "system", "content": self.system},
            {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": text}]},
        ]
        prompt = self.processor.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
        metadata = {"fps": 2.0, "total_num_frames": len(frames), "frames_indices": list(range(len(frames)))}
        given = self.processor(
            text=[prompt],
            videos=[frames],
            video_metadata=[metadata],
            do_sample_frames=False,
            return_tensors="pt",
        )
        with torch.inference_mode():
            told = self.model.generate(**given, max_new_tokens=64, do_sample=False)
        said: str = self.processor.decode(told[0, given["input_ids"].shape[1] :], skip_special_tokens=True)
        return said.rpartition("</think>")[2].strip()


def main(table: str, root: str, weights: str, system: str, out: str) -> None:
    """Ask and score."""
    data = Exported(Path(table), Path(root), 8)
    answers = Path(out) / "answers.xlsx"
    infer_data_job_video(Asked(weights, system), out, "asked", data, result_file=str(answers))
    data.evaluate(str(answers), model="exact_matching")


if __name__ == "__main__":
    main(*sys.argv[1:])
