"""Questions in many wordings: choices filled in by hand, and every wording of every kind read over by rules."""

import re

import numpy as np
import pytest

from retroflip.synth.episode import Draw
from retroflip.synth.registry import TEMPORAL_KINDS
from retroflip.synth.settings import SceneSettings
from retroflip.synth.wording import phrasings, worded, wordings

TEMPLATE = "[Where|In which cell] is the {name}[| now]?"


def drawing(seed: int) -> Draw:
    return Draw(seed, "none", 0, SceneSettings(), np.random.default_rng(seed))


def test_wordings_by_hand() -> None:
    assert list(wordings(TEMPLATE)) == [
        "Where is the {name}?",
        "Where is the {name} now?",
        "In which cell is the {name}?",
        "In which cell is the {name} now?",
    ]


def test_every_wording_is_drawn_with_its_names_filled_in() -> None:
    drawn = {worded(drawing(seed), [TEMPLATE], name="red star") for seed in range(60)}
    assert drawn == {wording.format(name="red star") for wording in wordings(TEMPLATE)}


@pytest.mark.parametrize("kind", TEMPORAL_KINDS)
def test_every_wording_of_a_kind_reads_as_a_sentence(kind: str) -> None:
    every = [
        wording for group in phrasings(kind).values() for template in group for wording in wordings(template)
    ]
    assert len(every) >= 18
    for wording in every:
        assert wording[0].isupper()
        assert wording.endswith(("?", "."))
        assert not re.search(r"  |[\[\]|]| [?.,:]|\b(\w+) \1\b", wording), wording
