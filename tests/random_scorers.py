"""Small random-weight models of the frame scorers' real classes, in the layout of the published checkpoints."""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken
from transformers import (
    GemmaTokenizer,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
    Qwen2Tokenizer,
    Siglip2Config,
    Siglip2ImageProcessor,
    Siglip2Model,
    Siglip2Processor,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
)

from retroflip.lab.tiny_model import corpus
from retroflip.models.tiny.architecture import build_tokenizer

SIDE = 32
PATCH = 8
TEXT_LENGTH = 64
SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")
TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def random_llava_onevision(seed: int = 0) -> tuple[Any, Any]:
    """Return (model, processor) of LLaVA-OneVision: a SigLIP tower, two projecting layers and a Qwen2."""
    tokenizer = _llava_tokenizer()
    ids = tokenizer.get_vocab()
    config = LlavaOnevisionConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            "image_size": SIDE,
            "patch_size": PATCH,
            "vision_use_head": False,
            **TOWER,
        },
        text_config={
            "model_type": "qwen2",
            "vocab_size": -(-len(tokenizer) // 8) * 8,
            "num_key_value_heads": 2,
            "initializer_range": 0.1,
            "bos_token_id": tokenizer.pad_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            **TOWER,
        },
        image_token_index=ids["<image>"],
        video_token_index=ids["<video>"],
        image_grid_pinpoints=[[SIDE, SIDE]],
    )
    torch.manual_seed(seed)
    model = LlavaOnevisionForConditionalGeneration(config).eval()
    size = {"height": SIDE, "width": SIDE}
    processor = LlavaOnevisionProcessor(
        image_processor=LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=[[SIDE, SIDE]]),
        tokenizer=tokenizer,
        video_processor=LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=(SIDE // PATCH) ** 2,
        vision_feature_select_strategy="full",
    )
    return model, processor


def random_siglip2(seed: int = 0) -> tuple[Any, Any]:
    """Return (model, processor) as checkpoints of a fixed size are: SigLIP's classes with Gemma's tokenizer."""
    tokenizer = _gemma_tokenizer()
    vision = {"image_size": SIDE, "patch_size": PATCH, **TOWER}
    torch.manual_seed(seed)
    model = SiglipModel(SiglipConfig(text_config=_text(tokenizer), vision_config=vision)).eval()
    images = SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    return model, SiglipProcessor(image_processor=images, tokenizer=tokenizer)


def random_siglip2_naflex(seed: int = 0) -> tuple[Any, Any]:
    """Return (model, processor) as checkpoints are that keep a picture's proportions."""
    tokenizer = _gemma_tokenizer()
    vision = {"patch_size": PATCH, "num_patches": 16, **TOWER}
    torch.manual_seed(seed)
    model = Siglip2Model(Siglip2Config(text_config=_text(tokenizer), vision_config=vision)).eval()
    images = Siglip2ImageProcessor(patch_size=PATCH, max_num_patches=16)
    return model, Siglip2Processor(image_processor=images, tokenizer=tokenizer)


def save_scorer(made: tuple[Any, Any], folder: Path) -> Path:
    """Write a model and its processor as `from_pretrained` reads them; return the folder."""
    for part in made:
        part.save_pretrained(folder)
    return folder


@cache
def _llava_tokenizer() -> Qwen2Tokenizer:
    tokenizer = build_tokenizer(corpus(seed=0, clips=300))
    tokenizer.add_tokens(
        [AddedToken(token, special=True, normalized=False) for token in ("<image>", "<video>")]
    )
    return tokenizer


@cache
def _gemma_tokenizer() -> GemmaTokenizer:
    """Return a tokenizer of bytes and small letters which, like the published one, leaves capitals as they are."""
    tokens = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *"▁abcdefghijklmnopqrstuvwxyz.?"]
    return GemmaTokenizer(
        vocab={token: index for index, token in enumerate(tokens)},
        merges=[],
        add_bos_token=False,
        add_eos_token=True,
    )


def _text(tokenizer: GemmaTokenizer) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": TEXT_LENGTH,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        **TOWER,
    }
