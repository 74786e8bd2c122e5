"""Small random-weight models of the real classes, for tests that must hold for every family."""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

from retroflip.models.encoding import Encoder
from retroflip.models.tiny.architecture import CHAT_TEMPLATE, build_model, build_processor, build_tokenizer
from retroflip.models.tiny.build import corpus

FAMILIES = ("qwen3_vl", "qwen2_5_vl")


@cache
def random_tokenizer() -> Qwen2Tokenizer:
    """Return a tokenizer with Qwen's special tokens, trained on a few hundred texts."""
    return build_tokenizer(corpus(seed=0, clips=300))


def random_model(family: str, seed: int = 0) -> tuple[Any, Any]:
    """Return (model, processor) of a family, with random weights, in float32 and evaluation mode."""
    tokenizer = random_tokenizer()
    if family == "qwen3_vl":
        return build_model(tokenizer, seed).eval(), build_processor(tokenizer)
    return _qwen2_5_vl(tokenizer, seed)


@cache
def random_encoder(family: str) -> Encoder:
    """Return the encoder of a family's processor, one for all tests: nothing changes it."""
    return Encoder(random_model(family)[1])


def save_random_model(family: str, folder: Path) -> Path:
    """Write a random model and its processor as `from_pretrained` reads them; return the folder."""
    model, processor = random_model(family)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _qwen2_5_vl(tokenizer: Qwen2Tokenizer, seed: int) -> tuple[Any, Any]:
    ids = tokenizer.get_vocab()
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": -(-len(tokenizer) // 8) * 8,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "initializer_range": 0.1,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 3, 3]},
        },
        vision_config={
            "depth": 2,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_heads": 4,
            "out_hidden_size": 64,
            "patch_size": 14,
            "window_size": 56,
            "fullatt_block_indexes": [1],
            "tokens_per_second": 2,
            "initializer_range": 0.1,
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(config).eval()
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    size = {"shortest_edge": 2 * 56 * 56, "longest_edge": 8 * 56 * 56}
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size={"shortest_edge": 56 * 56, "longest_edge": 56 * 56}),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(size=size),
        chat_template=CHAT_TEMPLATE,
    )
    return model, processor
