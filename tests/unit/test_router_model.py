"""A text model on this machine as Task Router: a real class whose weights say one word, loaded and asked as any is."""

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from typer.testing import CliRunner

from retroflip.cli.app import app
from retroflip.data.records import read_samples
from retroflip.data.sample import TaskType

SPECIAL = {"unk_token": "<unk>", "eos_token": "</s>", "pad_token": "</s>"}
WORDS = ["<unk>", "</s>", "Static", "Temporal", "perhaps"]


def model_that_says(word: str, folder: Path) -> Path:
    """Write a Llama whose every next token is one word."""
    tokenizer = Tokenizer(
        WordLevel({word: place for place, word in enumerate(WORDS)}, **{"unk_token": "<unk>"})
    )
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL).save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
        tie_word_embeddings=False, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        # Every token has the same embedding, which the output layer knows as that word's.
        model.model.embed_tokens.weight.fill_(1.0)
        for layer in model.model.layers:
            for weight in layer.parameters():
                weight.zero_()
        model.lm_head.weight.zero_()
        model.lm_head.weight[WORDS.index(word)] = 1.0
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("word", "label"), [("Static", TaskType.STATIC), ("Temporal", TaskType.TEMPORAL), ("perhaps", None)]
)
def test_a_text_model_is_asked_and_read_strictly(tmp_path: Path, word: str, label: TaskType | None) -> None:
    file, out = tmp_path / "mine.jsonl", tmp_path / "routed.jsonl"
    base = {
        "problem": "Which way?",
        "problem_type": "multiple choice",
        "options": ["left", "right"],
        "solution": "A",
    }
    rows = [{**base, "problem_id": str(number), "path": "a.mp4"} for number in range(5)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = model_that_says(word, tmp_path / "model")
    more = ["--router", str(model), "--batch", "2", "--max-tokens", "1"]
    result = CliRunner().invoke(app, ["route", str(file), "--out", str(out), *more])
    assert result.exit_code == (0 if label else 1), result.output
    assert [sample.task_type for sample in read_samples(out)] == [label] * 5
    if label:
        routing = read_samples(out)[0].routing
        assert routing is not None
        assert (routing.router, routing.confidence) == (str(model), None)
    else:
        assert "could not be read: 5. Give" in result.output
