"""The rules of the Task Router: what must hold for every question, whatever its words."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from retroflip.data.text_maps import mirror, reverse, say_the_same
from retroflip.router.reading import Asked
from retroflip.router.rules import decide

WAYS = st.sampled_from(
    ["left", "right", "up", "down", "clockwise", "counter-clockwise", "toward the door", "away from the door"]
)
PATHS = st.lists(WAYS, min_size=1, max_size=3).map(", then ".join)
QUESTIONS = st.sampled_from(
    ["How does it move?", "In which direction does the dot travel?", "Describe its motion."]
)
WORDS = st.lists(
    st.sampled_from(
        [
            "left",
            "right",
            "turn",
            "the",
            "of",
            "man",
            "is",
            "on",
            "what",
            "which",
            "first",
            "last",
            "before",
            "after",
            "open",
            "closes",
            "walks",
            "into",
            "how",
            "many",
            "and",
            "or",
            "red",
            "does",
            "hand",
            "up",
            "down",
            "then",
            "from",
            "to",
            "why",
            "did",
            "will",
            "change",
            "sign",
            "cup",
        ]
    ),
    max_size=12,
).map(" ".join)


@given(QUESTIONS, PATHS, st.lists(PATHS, max_size=3))
def test_the_exact_maps_decide_paths(question: str, path: str, others: Sequence[str]) -> None:
    options = list(dict.fromkeys([path, *others, str(mirror(path)), str(reverse(path))]))
    found = decide(Asked(question, options, path, 0))
    assert found.flip.changes is not say_the_same(path, str(mirror(path)))
    assert found.reversal.changes is not say_the_same(path, str(reverse(path)))


@given(QUESTIONS, PATHS, PATHS)
def test_the_answer_to_the_other_clip_has_this_one_as_its_own(question: str, path: str, other: str) -> None:
    options = list(dict.fromkeys([path, other, str(reverse(path))]))
    found = decide(Asked(question, options, path, 0))
    if (image := found.reversal.answer) is not None:
        assert decide(Asked(question, options, options[image], image)).reversal.answer == 0


@given(WORDS, WORDS, st.lists(WORDS, max_size=3), st.permutations(range(4)))
def test_the_order_of_options_and_spelling_do_not_matter(
    question: str, gold: str, others: list[str], order: Sequence[int]
) -> None:
    options = [gold, *others]
    shuffled = [options[index] for index in order if index < len(options)]
    plain = decide(Asked(question, options, gold, 0))
    other = decide(Asked(question.upper(), shuffled, gold, shuffled.index(gold)))
    assert (plain.label, plain.reason) == (other.label, other.reason)
