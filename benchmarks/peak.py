"""The estimate of memory beside what a run really takes, on a CPU: one step of CRPO on a random Qwen3-VL.

    python benchmarks/peak.py

Each line is a run of the command line in a process of its own, whose largest resident size the system reports. The
model has 36 million parameters, half of them in a vocabulary of 20,000: large enough that the step outweighs the
libraries, small enough for a minute a line. Prints Markdown.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from transformers import GenerationConfig, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from retroflip.lab.clip_sets import write_pairs
from retroflip.models.loading import load_processor
from retroflip.models.tiny.architecture import build_config
from retroflip.progress import Silence

GIB = 2**30
RECIPE = Path(__file__).parents[1] / "recipes" / "tiny" / "crpo.yaml"
STEP = ["train.steps=1", "train.samples_per_step=2", "train.gradient_accumulation=1", "train.save_every=100"]
STEP += ["train.max_completion_length=200", "method.rollouts=4", "train.beta=0.04"]
VARIANTS: dict[str, list[str]] = {
    "one pass": [],
    "two passes": ["train.gradient_accumulation=2"],
    "checkpointing": ["train.gradient_checkpointing=true"],
    "both, one branch at once": [
        "train.gradient_accumulation=2",
        "train.gradient_checkpointing=true",
        "train.branches_at_once=1",
    ],
    "bfloat16 passes": ["train.precision=bfloat16"],
    "trained vision tower": ["model.vision=trained"],
    "LoRA": ["model.lora={rank: 16, alpha: 32}"],
}


def write_model(folder: Path) -> None:
    """Write the random model."""
    processor = load_processor("retroflip-tiny")
    tokenizer = processor.tokenizer
    config = build_config(tokenizer).to_dict()
    config["text_config"] |= {
        "vocab_size": 20_000,
        "hidden_size": 512,
        "intermediate_size": 1536,
        "num_hidden_layers": 8,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 64,
    }
    config["text_config"]["rope_parameters"]["mrope_section"] = [12, 10, 10]
    config["vision_config"]["out_hidden_size"] = 512
    model = Qwen3VLForConditionalGeneration(Qwen3VLConfig.from_dict(config))
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def estimated_and_measured(arguments: Sequence[str], out: Path) -> tuple[float, float]:
    """Return GiB of a run: its peak by the dry run, and the largest resident size of its process."""
    command = [sys.executable, "-m", "retroflip", "train", *arguments]
    dry = subprocess.run(  # noqa: S603 - our own command
        [*command, "--dry-run", "--json"], capture_output=True, text=True, check=True
    )
    estimate = float(json.loads(dry.stdout)["cost"]["memory_estimate_gib"]["peak"])
    started = subprocess.Popen(  # noqa: S603
        [*command, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(started.pid, 0)
    if status:
        raise SystemExit(f"the run ended with status {status}: {' '.join(command)}")
    return estimate, usage.ru_maxrss * 1024 / GIB


def main() -> None:
    """Print the table."""
    print("| one step | estimate, GiB | measured, GiB |\n| --- | ---: | ---: |")  # noqa: T201 - its result
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_model(folder / "model")
        write_pairs(folder / "pairs", per_task=2, seed=0, size=64, progress=Silence())
        records = folder / "pairs" / "records.jsonl"
        base = [str(RECIPE), f"model.path={folder / 'model'}", f"data.records={records}", *STEP]
        for number, (variant, settings) in enumerate(VARIANTS.items()):
            estimate, measured = estimated_and_measured([*base, *settings], folder / str(number))
            print(f"| {variant} | {estimate:.2f} | {measured:.2f} |", flush=True)  # noqa: T201 - its result


if __name__ == "__main__":
    main()
