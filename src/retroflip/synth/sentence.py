"""A sentence together with what it claims, in terms of the metadata, so that a program can check it without English."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

Claim = Mapping[str, Any]
"""one statement: some of `event`, `time` (seconds), `object`, `property`, `value`, `relation`; see docs/traces.md"""


@dataclass(frozen=True)
class Sentence:
    """One sentence of a trace and its claims. A sentence that states nothing about the video has none.

    >>> Sentence("It hops twice.", ({"event": "hop", "property": "count", "value": 2},)).claims[0]["value"]
    2
    """

    text: str
    claims: tuple[Claim, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return what metadata hold of it."""
        return {"text": self.text, "claims": [dict(claim) for claim in self.claims]}

    @classmethod
    def of(cls, told: "str | Mapping[str, Any] | Sentence") -> Self:
        """Return a sentence from what an episode or its metadata hold: a bare text has no claims yet."""
        if isinstance(told, str):
            return cls(told)
        if isinstance(told, Sentence):
            return cls(told.text, told.claims)
        return cls(told["text"], tuple(told["claims"]))


def derivation_texts(derivation: Iterable["str | Mapping[str, Any]"]) -> list[str]:
    """Return the bare texts of a derivation as metadata hold it."""
    return [Sentence.of(told).text for told in derivation]
