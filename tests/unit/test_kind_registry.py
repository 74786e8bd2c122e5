"""Kinds by name and by label."""

from collections import Counter

import pytest

from retroflip.errors import UsageError
from retroflip.synth.names import Category, Domain, Term
from retroflip.synth.registry import TEMPORAL_KINDS, select


def names(*words: str) -> list[str]:
    return [kind.name for kind in select(words)]


def test_there_are_synrls_eighteen_kinds_in_its_eight_categories() -> None:
    assert Counter(kind.term for kind in TEMPORAL_KINDS.values()) >= Counter({Term.SHORT: 12, Term.LONG: 6})
    assert {kind.category for kind in TEMPORAL_KINDS.values()} == set(Category)
    assert {kind.domain for kind in TEMPORAL_KINDS.values()} == set(Domain)


def test_a_kinds_name_means_the_kind_and_not_the_category_of_that_name() -> None:
    assert names("speed") == ["speed"]
    assert set(names("category:speed")) == {"speed", "acceleration", "velocity_ranking"}
    assert names("code") == ["file_system"]


def test_labels_and_names_add_up_in_the_registrys_order() -> None:
    assert names("all") == list(TEMPORAL_KINDS)
    assert set(names("short", "long")) == set(TEMPORAL_KINDS)
    assert names("rotation", "direction") == ["direction", "rotation"]


def test_a_word_that_names_nothing_is_told_what_there_is() -> None:
    with pytest.raises(UsageError, match=r"'flying' is no kind of video\. There are direction"):
        select(["short", "flying"])
    with pytest.raises(UsageError, match=r"'spee' is no kind of video \(did you mean speed\?\)"):
        select(["spee"])
