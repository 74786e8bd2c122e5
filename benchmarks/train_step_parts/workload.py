"""What every contestant is given: the model, the video, the question, and the completions it is made to write.

Shapes: G rollouts, C tokens of a completion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    GenerationConfig,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from retroflip.data.dataset import VideoDataset
from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.models import tiny
from retroflip.models.loading import DTYPES, load_processor
from retroflip.models.tiny.architecture import CHAT_TEMPLATE
from retroflip.video.encode import encode
from retroflip.video.frames import Pixels

OURS, UNPACKED, TRL, TRL_HALF = "ours", "unpacked", "trl", "trl_half"
"""the contestants"""
PATCH = 16
MERGE = 2
TOKEN_SIDE = PATCH * MERGE
"""side in pixels of what one visual token stands for"""
TEXT_TOKENS = 100
"""about how many tokens of a prompt are its texts"""
STAMP_TOKENS = 10
"""about how many tokens the time stamp of two frames takes"""
WARM_UP_TOKENS = 300
"""prompt of a contestant's first step, which is not counted"""
PIXELS = {"shortest_edge": TOKEN_SIDE**2, "longest_edge": 2**31}
"""a budget that leaves every picture as it is"""


@dataclass(frozen=True)
class Preset:
    """A Qwen3-VL by its numbers. width: of the language model. tower: width of the vision tower."""

    width: int
    layers: int
    heads: int
    key_heads: int
    head_width: int
    feed_forward: int
    vocabulary: int
    tower: int
    tower_layers: int
    tower_heads: int
    tapped: tuple[int, ...]
    positions: int = 2304
    dtype: str = "float32"
    mrope: tuple[int, int, int] = (12, 10, 10)


PRESETS = {
    "tiny": Preset(64, 2, 2, 1, 64, 128, 1024, 64, 2, 2, (0,)),
    "small": Preset(384, 4, 6, 2, 64, 1408, 8192, 128, 3, 2, (0,)),
    "qwen3-vl-4b": Preset(
        2560, 36, 32, 8, 128, 9728, 151_936, 1024, 24, 16, (5, 11, 17), dtype="bfloat16", mrope=(24, 20, 20)
    ),
}
"""tiny is for tests; the last one's numbers are those of Qwen/Qwen3-VL-4B-Instruct's config.json"""


@dataclass(frozen=True)
class Workload:
    """One size at which all contestants are measured.

    tokens: of the prompt, about; 0 asks the question without a video. steps: how many are counted. rows_at_once:
    tokens that contestants with separate rows may hold in one backward pass where they can cut it.
    """

    preset: str
    tokens: int
    rollouts: int
    completion: int
    device: str
    threads: int
    iterations: int
    steps: int
    rows_at_once: int
    beta: float = 0.04
    learning_rate: float = 1e-6
    seed: int = 0

    @property
    def frames(self) -> int:
        """How many frames of the video are shown."""
        return frames_of(self.tokens)

    @property
    def dtype(self) -> torch.dtype:
        """What the model's weights are held in."""
        return DTYPES[PRESETS[self.preset].dtype]


def frames_of(tokens: int) -> int:
    """Return how many frames a prompt of this length shows."""
    return 8 if tokens < 700 else 16 if tokens < 3000 else 32


def picture_size(tokens: int) -> tuple[int, int]:
    """Return the (height, width) in pixels at which a video fills a prompt of about this many tokens."""
    steps = frames_of(tokens) // 2
    each = max((tokens - TEXT_TOKENS) // steps - STAMP_TOKENS, 1)
    rows = max(int(each**0.5), 1)
    return rows * TOKEN_SIDE, max(each // rows, 1) * TOKEN_SIDE


def processor() -> Any:
    """Return a Qwen3-VL processor with the embedded model's tokenizer, which changes no picture's size."""
    tokenizer = load_processor(tiny.NAME).tokenizer
    shape: dict[str, Any] = {
        "patch_size": PATCH,
        "temporal_patch_size": 2,
        "merge_size": MERGE,
        "size": PIXELS,
    }
    return Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(**shape),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(**shape, cap_pixels_per_frame=False),
        chat_template=CHAT_TEMPLATE,
    )


def model_config(name: str, tokenizer: Any) -> Qwen3VLConfig:
    """Return a preset's configuration; special tokens have the tokenizer's numbers."""
    preset, ids = PRESETS[name], tokenizer.get_vocab()
    return Qwen3VLConfig(
        text_config={
            "vocab_size": preset.vocabulary,
            "hidden_size": preset.width,
            "intermediate_size": preset.feed_forward,
            "num_hidden_layers": preset.layers,
            "num_attention_heads": preset.heads,
            "num_key_value_heads": preset.key_heads,
            "head_dim": preset.head_width,
            "max_position_embeddings": 262_144,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 5_000_000.0,
                "mrope_section": list(preset.mrope),
                "mrope_interleaved": True,
            },
            "pad_token_id": tokenizer.pad_token_id,
            "tie_word_embeddings": True,
        },
        vision_config={
            "depth": preset.tower_layers,
            "hidden_size": preset.tower,
            "intermediate_size": 4 * preset.tower,
            "num_heads": preset.tower_heads,
            "patch_size": PATCH,
            "temporal_patch_size": 2,
            "spatial_merge_size": MERGE,
            "out_hidden_size": preset.width,
            "num_position_embeddings": preset.positions,
            "deepstack_visual_indexes": list(preset.tapped),
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )


def build_model(name: str, tokenizer: Any) -> Any:
    """Return a preset's model with random weights, on the device and of the type that torch makes tensors with."""
    model = Qwen3VLForConditionalGeneration(model_config(name, tokenizer))
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    return model


def write_model(workload: Workload, folder: Path) -> None:
    """Write the preset's random weights as `from_pretrained` reads them."""
    torch.manual_seed(workload.seed)
    model = build_model(workload.preset, processor().tokenizer)
    model.to(workload.dtype).save_pretrained(folder)


def write_videos(workloads: Sequence[Workload], folder: Path) -> None:
    """Write the warm-up's video and the workloads' own, each twice as long as what is shown of it."""
    for tokens in {WARM_UP_TOKENS, *(workload.tokens for workload in workloads)} - {0}:
        height, width = picture_size(tokens)
        pixels = drifting_texture(2 * frames_of(tokens), height, width, workloads[0].seed)
        encode(folder / f"{tokens}.mp4", pixels, 8)


def drifting_texture(frames: int, height: int, width: int, seed: int) -> Pixels:
    """Return uint8 (T, 3, H, W): coarse random colours under fine grain, moving by 4 pixels a frame."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 200, (3, -(-height // 16), -(-width // 16) + frames // 4 + 1))
    wide = np.kron(coarse, np.ones((1, 16, 16), dtype=np.int64))[:, :height]
    grain = rng.integers(0, 24, wide.shape)
    picture = (wide + grain).astype(np.uint8)
    return np.stack([picture[:, :, 4 * frame : 4 * frame + width] for frame in range(frames)])


def dataset(workload: Workload, folder: Path, first: int) -> VideoDataset:
    """Return as many questions as steps may be begun; number `first` is the warm-up's."""
    warm_up = min(workload.tokens, WARM_UP_TOKENS)
    lengths = [warm_up if number == first else workload.tokens for number in range(workload.steps + 4)]
    samples = [_sample(number, tokens) for number, tokens in enumerate(lengths)]
    return VideoDataset(samples=samples, root=folder, frames=workload.frames)


def _sample(number: int, tokens: int) -> Sample:
    return Sample(
        id=f"question-{number}",
        modality=Modality.VIDEO if tokens else Modality.TEXT,
        video=f"{tokens}.mp4" if tokens else "",
        question="Which way does the picture move?",
        options=("to the left", "to the right", "upwards", "downwards"),
        solution="A",
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source_clip=str(tokens),
    )


def completions_GC(workload: Workload, tokenizer: Any) -> torch.Tensor:
    """Return the tokens (G, C) that every contestant is made to write: ordinary ones, never the end of a turn."""
    special = {int(token_id) for token_id in tokenizer.added_tokens_decoder}
    ordinary = torch.tensor([token_id for token_id in range(len(tokenizer)) if token_id not in special])
    generator = torch.Generator().manual_seed(workload.seed)
    drawn = torch.randint(len(ordinary), (workload.rollouts, workload.completion), generator=generator)
    return ordinary[drawn]


def rewards_G(rollouts: int) -> list[float]:
    """Return rewards that differ between the rollouts of a group, since a random model earns none."""
    return [float(number) for number in range(rollouts)]
