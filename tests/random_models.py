"""Small random-weight models of the real classes, for tests that must hold for every family."""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken
from transformers import (
    Glm4vConfig,
    Glm4vForConditionalGeneration,
    Glm4vImageProcessor,
    Glm4vProcessor,
    Glm4vVideoProcessor,
    Glm46VConfig,
    Glm46VForConditionalGeneration,
    Glm46VImageProcessor,
    Glm46VProcessor,
    Glm46VVideoProcessor,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLMoeConfig,
    Qwen3VLMoeForConditionalGeneration,
)

from retroflip.lab.tiny_model import corpus
from retroflip.models.encoding import Encoder
from retroflip.models.tiny.architecture import (
    CHAT_TEMPLATE,
    build_config,
    build_model,
    build_processor,
    build_tokenizer,
)

FAMILIES = ("qwen3_vl", "qwen2_5_vl")
"""those that every part is tested with"""
OTHER_FAMILIES = ("qwen2_vl", "qwen3_vl_moe", "glm4v", "glm46v")
"""those that are tested for what tells them from the first two"""
GLM_TOKENS = (
    "[gMASK]",
    "<sop>",
    *(f"<|{role}|>" for role in ("system", "user", "assistant", "observation")),
    *(f"<|{place}_of_{seen}|>" for seen in ("image", "video") for place in ("begin", "end")),
    "<|image|>",
    "<|video|>",
)
GLM_CLASSES = {
    "glm4v": (Glm4vConfig, Glm4vForConditionalGeneration),
    "glm46v": (Glm46VConfig, Glm46VForConditionalGeneration),
}
GLM_TEMPLATE = (
    "[gMASK]<sop>"
    "{%- for message in messages -%}"
    "{{ '<|' + message.role + '|>\n' }}"
    "{%- if message.role == 'system' -%}{{ message.content }}"  # whatever it is, as the released one does
    "{%- else -%}"
    "{%- for part in message.content -%}"
    "{%- if part.type == 'text' -%}{{ part.text }}"
    "{%- else -%}{{ '<|begin_of_' + part.type + '|><|' + part.type + '|><|end_of_' + part.type + '|>' }}{%- endif -%}"
    "{%- endfor -%}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|assistant|>\n' }}{%- endif -%}"
)

MARKED_TEMPLATE = CHAT_TEMPLATE.replace("<|video_pad|>", "<|vision_start|><|video_pad|><|vision_end|>")
"""Qwen2-VL and Qwen2.5-VL read markers around a whole video"""


@cache
def random_tokenizer() -> Qwen2Tokenizer:
    """Return a tokenizer with Qwen's special tokens, trained on a few hundred texts."""
    return build_tokenizer(corpus(seed=0, clips=300))


def random_model(family: str, seed: int = 0) -> tuple[Any, Any]:
    """Return (model, processor) of a family, with random weights, in float32 and evaluation mode."""
    if family == "qwen3_vl":
        tokenizer = random_tokenizer()
        return build_model(tokenizer, seed).eval(), build_processor(tokenizer)
    if family in GLM_CLASSES:
        return _glm(family, seed)
    makers = {"qwen2_vl": _qwen2_vl, "qwen2_5_vl": _qwen2_5_vl, "qwen3_vl_moe": _qwen3_vl_moe}
    return makers[family](seed)


def qwen_processor(family: str, tokenizer: Any) -> Any:
    """Return a family's processor around a tokenizer that has Qwen's special tokens."""
    if family.startswith("qwen3"):
        return build_processor(tokenizer)
    kind, videos = (
        (Qwen2VLProcessor, _size(1, 1)) if family == "qwen2_vl" else (Qwen2_5_VLProcessor, _size(2, 8))
    )
    return kind(
        image_processor=Qwen2VLImageProcessor(size=_size(1, 1)),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(size=videos),
        chat_template=MARKED_TEMPLATE,
    )


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


def _sizes(tokenizer: Qwen2Tokenizer) -> dict[str, Any]:
    """Return the settings of every random model's language part."""
    return {
        "vocab_size": -(-len(tokenizer) // 8) * 8,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "initializer_range": 0.1,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 3, 3]},
    }


def _markers(tokenizer: Qwen2Tokenizer) -> dict[str, Any]:
    """Return the ids of Qwen's visual tokens, by their names in a configuration."""
    names = {"image_token_id": "image_pad", "video_token_id": "video_pad"}
    names |= {f"vision_{end}_token_id": f"vision_{end}" for end in ("start", "end")}
    return {name: tokenizer.get_vocab()[f"<|{token}|>"] for name, token in names.items()}


def _ready(kind: Any, config: Any, tokenizer: Qwen2Tokenizer, seed: int) -> Any:
    torch.manual_seed(seed)
    model = kind(config).eval()
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def _size(fewest: int, most: int) -> dict[str, int]:
    """Return a pixel budget of so many frames of 56 x 56."""
    return {"shortest_edge": fewest * 56 * 56, "longest_edge": most * 56 * 56}


def _qwen2_vl(seed: int) -> tuple[Any, Any]:
    tokenizer = random_tokenizer()
    vision = {
        "depth": 2,
        "embed_dim": 64,
        "hidden_size": 64,
        "mlp_ratio": 2,
        "num_heads": 4,
        "patch_size": 14,
    }
    config = Qwen2VLConfig(
        text_config=_sizes(tokenizer),
        vision_config=vision | {"initializer_range": 0.1},
        **_markers(tokenizer),
    )
    return _ready(Qwen2VLForConditionalGeneration, config, tokenizer, seed), qwen_processor(
        "qwen2_vl", tokenizer
    )


def _qwen2_5_vl(seed: int) -> tuple[Any, Any]:
    tokenizer = random_tokenizer()
    config = Qwen2_5_VLConfig(
        text_config=_sizes(tokenizer),
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
        **_markers(tokenizer),
    )
    model = _ready(Qwen2_5_VLForConditionalGeneration, config, tokenizer, seed)
    return model, qwen_processor("qwen2_5_vl", tokenizer)


def _qwen3_vl_moe(seed: int) -> tuple[Any, Any]:
    tokenizer = random_tokenizer()
    dense: Any = build_config(tokenizer)
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 64}
    config = Qwen3VLMoeConfig(
        text_config=dense.text_config.to_dict() | experts,
        vision_config=dense.vision_config.to_dict(),
        tie_word_embeddings=True,
        **_markers(tokenizer),
    )
    return _ready(Qwen3VLMoeForConditionalGeneration, config, tokenizer, seed), build_processor(tokenizer)


@cache
def _glm_tokenizer() -> Qwen2Tokenizer:
    tokenizer = build_tokenizer(corpus(seed=0, clips=300))
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in GLM_TOKENS])
    return tokenizer


def _glm(family: str, seed: int) -> tuple[Any, Any]:
    """Return a GLM-4V; its members differ in little but how their processors write times."""
    tokenizer = _glm_tokenizer()
    ids = tokenizer.get_vocab()
    settings, kind = GLM_CLASSES[family]
    text = {
        "model_type": "glm4v_text",
        "pad_token_id": tokenizer.pad_token_id,
        "rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5, "mrope_section": [1, 1, 2]},
    }
    vision = {
        "model_type": "glm4v_vision",
        "depth": 2,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_heads": 4,
        "out_hidden_size": 64,
        "image_size": 56,
        "patch_size": 14,
        "initializer_range": 0.1,
    }
    markers: dict[str, Any] = {
        f"{seen}_{end}_token_id": ids[f"<|{place}_of_{seen}|>"]
        for seen in ("image", "video")
        for end, place in (("start", "begin"), ("end", "end"))
    }
    config = settings(
        text_config=_sizes(tokenizer) | text,
        vision_config=vision,
        image_token_id=ids["<|image|>"],
        video_token_id=ids["<|video|>"],
        **markers,
    )
    processor = _glm_processor(tokenizer, family)
    return _ready(kind, config, tokenizer, seed), processor


def _glm_processor(tokenizer: Qwen2Tokenizer, family: str) -> Any:
    whole, images, videos = (
        (Glm46VProcessor, Glm46VImageProcessor, Glm46VVideoProcessor)
        if family == "glm46v"
        else (Glm4vProcessor, Glm4vImageProcessor, Glm4vVideoProcessor)
    )
    return whole(
        image_processor=images(size=_size(2, 2)),  # an image counts as two frames
        tokenizer=tokenizer,
        video_processor=videos(size=_size(2, 8)),
        chat_template=GLM_TEMPLATE,
    )
