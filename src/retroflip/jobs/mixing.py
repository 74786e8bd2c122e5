"""What a recipe's data comes to before it is trained on: shares, lengths, the balance of answers, tokens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from retroflip.data.dataset import VideoDataset
from retroflip.data.mixture import MixedDataset, shard
from retroflip.data.sample import Sample
from retroflip.data.tally import tally_of
from retroflip.errors import MediaError
from retroflip.files.storage import write_jsonl_atomic
from retroflip.jobs.cost import prompt_of
from retroflip.jobs.recipes import AnyRecipe
from retroflip.models.encoding import Encoder
from retroflip.rl.recipe import RlRecipe
from retroflip.train.datasets import dataset_of
from retroflip.train.loop import sight_of

LOOKED_AT = 4
"""samples of each part whose prompts are made to estimate those of all"""


class _Part(NamedTuple):
    """A part's samples, and how many of them an epoch has."""

    samples: Sequence[Sample]
    quota: int


def mix_report(recipe: AnyRecipe, *, look: bool = True) -> dict[str, Any]:
    """Return what the data of a recipe comes to. look: whether a few prompts of each part are made, to count tokens.

    Raises DataError and UsageError as `dataset_of` does.
    """
    sight = sight_of(recipe.model, recipe.data)
    dataset = dataset_of(recipe.data, sight.fits).dataset
    encoder = Encoder(sight.processor, recipe.prompt.system) if look else None
    parts = {name: _described(part, recipe, dataset, encoder) for name, part in _parts(dataset).items()}
    return {
        "questions": len(dataset),
        "epoch": dataset.epoch_length,
        "epochs": round(recipe.train.steps * _per_step(recipe) / dataset.epoch_length, 2),
        "parts": parts,
        "tokens": _budget(recipe, dataset.epoch_length, parts),
    }


def _per_step(recipe: AnyRecipe) -> int:
    return recipe.train.samples_per_step if isinstance(recipe, RlRecipe) else recipe.train.batch_size


def _parts(dataset: VideoDataset) -> dict[str, _Part]:
    if not isinstance(dataset, MixedDataset):
        return {"data": _Part(dataset.examples, dataset.epoch_length)}
    quotas = dataset.quotas()
    return {
        name: _Part([dataset.samples[int(index)] for index in places], quotas[name])
        for name, places in dataset.members.items()
    }


def _described(
    part: _Part, recipe: AnyRecipe, dataset: VideoDataset, encoder: Encoder | None
) -> dict[str, Any]:
    counts = tally_of(part.samples).as_json()
    keys = (
        "by_modality",
        "by_type",
        "by_task_type",
        "options",
        "answers",
        "question_characters",
        "pass_rates",
    )
    return {
        "questions": len(part.samples),
        "of_an_epoch": part.quota,
        "share": round(part.quota / dataset.epoch_length, 4),
        "laps_an_epoch": round(part.quota / len(part.samples), 3),
        "prompt_tokens": None if encoder is None else _tokens(part.samples, recipe, dataset, encoder),
        **{key: counts[key] for key in keys},
    }


def _tokens(
    samples: Sequence[Sample], recipe: AnyRecipe, dataset: VideoDataset, encoder: Encoder
) -> float | None:
    """Return how long prompts are on average, by a few of them; None where no file can be looked at."""
    indices = np.linspace(0, len(samples) - 1, min(LOOKED_AT, len(samples))).round()
    try:
        seen = dataset.working([samples[int(index)] for index in indices])
    except MediaError:
        return None
    lengths = [len(prompt_of(recipe, dataset, encoder, sample).input_ids_L) for sample in seen]
    return round(float(np.mean(lengths)), 1)


def _budget(recipe: AnyRecipe, epoch: int, parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the tokens of an epoch: prompts as estimated, and completions at the most (RL)."""
    known = [part for part in parts.values() if part["prompt_tokens"] is not None]
    prompts = round(sum(part["prompt_tokens"] * part["of_an_epoch"] for part in known))
    longest = (
        {"completion_tokens_at_most": recipe.train.max_completion_length}
        if isinstance(recipe, RlRecipe)
        else {}
    )
    return {
        "prompts_an_epoch": prompts if len(known) == len(parts) else None,
        "prompt_tokens_mean": round(prompts / epoch, 1) if len(known) == len(parts) else None,
        **longest,
    }


def write_order(recipe: AnyRecipe, out: Path, epoch: int, rank: int, ranks: int) -> None:
    """Write the ids of what one of `ranks` processes takes of an epoch, in its order."""
    dataset = dataset_of(recipe.data, None).dataset
    order = shard(dataset.epoch_order(recipe.train.seed, epoch), rank, ranks)
    write_jsonl_atomic(out, ({"id": dataset.samples[int(index)].id} for index in order), seal=False)
