"""How a pair is asked: one of several wordings, and options in an order that a draw decides, alike for both sides.

The wordings are data (`vocabulary/questions.yaml`). What is drawn depends on the seed, the source and the candidate
alone, so that no source's choices move with another's.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import yaml
from pydantic import Field

from retroflip.draws import draw
from retroflip.recipes.schema import Section
from retroflip.synth.wording import wordings


class SourceSettings(Section):
    """What every source can be told by a recipe."""

    seed: int = Field(
        default=0, ge=0, description="decides wordings, the order of options and what is sampled"
    )


class Asked(NamedTuple):
    """A question about both sides, with the right option of each."""

    question: str
    options: tuple[str, ...]
    gold: int
    other_gold: int


class Asker(NamedTuple):
    """Asks for one candidate. what: a key of `questions.yaml`."""

    seed: int
    source: str
    identity: str

    def one_of(self, among: Sequence[str], purpose: str) -> str:
        """Return one of several texts, drawn for this candidate and purpose."""
        return among[int(draw(self.seed, self.source, self.identity, purpose).integers(len(among)))]

    def ask(self, what: str, options: Sequence[str], gold: int, other_gold: int, **named: str) -> Asked:
        """Return a question with its options in a drawn order. gold, other_gold: indices into `options` as given.

        named: what the wordings have between braces. Raises ValueError where both sides have the same right option, or
        two options are the same.
        """
        if gold == other_gold or len(set(options)) < len(options):
            raise ValueError(f"no pair can be asked with {list(options)}, {gold} and {other_gold}")
        order = draw(self.seed, self.source, self.identity, "options").permutation(len(options)).tolist()
        template = self.one_of(_questions()[what], "wording")
        question = self.one_of(list(wordings(template)), "words").format(**named)
        return Asked(
            question, tuple(options[index] for index in order), order.index(gold), order.index(other_gold)
        )


@cache
def _questions() -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = yaml.safe_load(
        (files("retroflip.bench.dybench") / "vocabulary/questions.yaml").read_text("utf-8")
    )
    return found
