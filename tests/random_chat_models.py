"""Small random chat models of families that retroflip does not know, of transformers' own classes."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from tokenizers import AddedToken
from transformers import (
    GotOcr2ImageProcessor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
    Qwen2Tokenizer,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
    SmolVLMImageProcessor,
    SmolVLMProcessor,
    SmolVLMVideoProcessor,
)

from random_scorers import PATCH, SIDE, TOWER, random_llava_onevision
from retroflip.lab.tiny_model import corpus
from retroflip.models.tiny.architecture import build_tokenizer

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}{% else %}{{ '<' + part['type'] + '>' }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""reads a list of parts alone: a system prompt that is a string is lost, as in LLaVA-OneVision's template"""
INTERNVL_TOKENS = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}


@cache
def _tokenizer(*special: str) -> Qwen2Tokenizer:
    tokenizer = build_tokenizer(corpus(seed=0, clips=300))
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer


def _text(tokenizer: Qwen2Tokenizer, kind: str) -> dict[str, Any]:
    return {
        "model_type": kind,
        "vocab_size": -(-len(tokenizer) // 8) * 8,
        "num_key_value_heads": 2,
        "initializer_range": 0.1,
        "bos_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        **TOWER,
    }


def _internvl() -> tuple[Any, Any]:
    tokenizer = _tokenizer(*INTERNVL_TOKENS.values())
    for name, token in INTERNVL_TOKENS.items():
        setattr(tokenizer, name, token)
        setattr(tokenizer, f"{name}_id", tokenizer.convert_tokens_to_ids(token))
    config = InternVLConfig(
        vision_config={"image_size": (SIDE, SIDE), "patch_size": (PATCH, PATCH), **TOWER},
        text_config=_text(tokenizer, "qwen2"),
        image_token_id=tokenizer.get_vocab()["<IMG_CONTEXT>"],
        image_seq_length=4,
    )
    size = {"height": SIDE, "width": SIDE}
    processor = InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=size, crop_to_patches=False),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(size=size),
        image_seq_length=4,
        chat_template=CHAT_TEMPLATE.replace(
            "'<' + part['type'] + '>'", "'<video>' if part['type'] == 'video' else '<IMG_CONTEXT>'"
        ),
    )
    return InternVLForConditionalGeneration(config), processor


def _smolvlm() -> tuple[Any, Any]:
    tokenizer = _tokenizer(
        "<image>", "<video>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>"
    )
    config = SmolVLMConfig(
        vision_config={"image_size": SIDE, "patch_size": PATCH, **TOWER},
        text_config=_text(tokenizer, "llama"),
        image_token_id=tokenizer.get_vocab()["<image>"],
        scale_factor=2,
    )
    edge = {"longest_edge": SIDE}
    processor = SmolVLMProcessor(
        image_processor=SmolVLMImageProcessor(size=edge, max_image_size=edge, do_image_splitting=False),
        tokenizer=tokenizer,
        video_processor=SmolVLMVideoProcessor(size=edge, max_image_size=edge, num_frames=8, fps=1),
        image_seq_len=4,
        chat_template=CHAT_TEMPLATE,
    )
    return SmolVLMForConditionalGeneration(config), processor


def _llava_onevision() -> tuple[Any, Any]:
    model, processor = random_llava_onevision()
    processor.chat_template = CHAT_TEMPLATE
    return model, processor


CHAT_MODELS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "llava_onevision": _llava_onevision,
    "internvl": _internvl,
    "smolvlm": _smolvlm,
}


def random_chat_model(family: str) -> tuple[Any, Any]:
    """Return (model, processor) of a family, with random weights, in float32 and evaluation mode."""
    torch.manual_seed(0)
    model, processor = CHAT_MODELS[family]()
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    return model.eval(), processor
