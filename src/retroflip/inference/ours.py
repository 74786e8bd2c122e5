"""Our own engine for the families that retroflip knows: a video is decoded, encoded and read once for all questions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from retroflip.inference.base import Answer, Capabilities, Loaded, Sampling, Wanted
from retroflip.inference.encoded import Encoded, EncodedEngine, prepare
from retroflip.inference.rollout import Roller
from retroflip.inference.shared_video import Group, write_groups
from retroflip.models.checkpoint import weights_digest
from retroflip.models.encoding import Encoder
from retroflip.models.features import encode_visuals
from retroflip.models.loading import load_model

NAME = "retroflip"
DRAWS_PER_REQUEST = 8
"""draws that are written together, for each request that is read at once"""


class OurEngine(EncodedEngine):
    """Answers with a model in this process."""

    name = NAME
    capabilities = Capabilities(log_probs=True, files=False, media=None, repeatable=True)

    def __init__(self, model: Any, encoder: Encoder, at_once: int = 8) -> None:
        super().__init__(encoder, at_once)
        self.model = model

    def about(self) -> Mapping[str, Any]:
        """Return what decides the model's answer to a prompt."""
        return {
            "weights_sha256": weights_digest(self.model),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "back_end": "transformers",
        }

    def write(self, encoded: Sequence[Encoded], sampling: Sampling) -> Iterator[Answer]:
        """Yield a reply for every draw of every prompt."""
        with torch.no_grad():
            features = encode_visuals(self.model, [one.prompts[0] for one in encoded])
        groups = [
            Group(one.prompts, seen, [one.request.questions[place].seeds for place in one.places])
            for one, seen in zip(encoded, features, strict=True)
        ]
        for draw in write_groups(self._roller(), groups, sampling, DRAWS_PER_REQUEST * self.at_once):
            one = encoded[draw.group]
            question = one.request.questions[one.places[draw.question]]
            reply = self.reply(question, one.prompts[draw.question], draw.completion, draw.first_V)
            yield Answer(one.number, one.places[draw.question], draw.draw, reply)

    def _roller(self) -> Roller:
        tokenizer = self.encoder.tokenizer
        ends = self.model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [tokenizer.eos_token_id if ends is None else ends]
        return Roller(
            self.model,
            pad_token=tokenizer.pad_token_id,
            end_tokens=ends,
            special_tokens=self.encoder.special_tokens,
        )


def load(wanted: Wanted) -> Loaded:
    """Return the engine of a model of a family that retroflip knows. Raises UsageError for others."""
    encoder, fits = prepare(wanted)
    model = load_model(wanted.model, dtype=wanted.dtype, revision=wanted.revision)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu")
    return Loaded(OurEngine(model, encoder, wanted.at_once), fits, str(model.device))
