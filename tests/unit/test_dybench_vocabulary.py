"""Actions and their reverse: the paper's list is whole, every name is known, and no option gives an answer away."""

import re

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from retroflip.bench.dybench.asking import Asker
from retroflip.bench.dybench.sources.ssv2 import table
from retroflip.bench.dybench.vocabulary import DOMAINS, Entry, ask_action, entries, find, with_article
from retroflip.errors import DataError

HUMAN = """opening/closing, picking up/putting down, lifting/throwing, hanging/taking down, raising/lowering,
folding/unfolding, pushing/pulling, plugging in/unplugging, zipping/unzipping, rolling/unrolling, tying/untying,
fastening/unfastening, turning on/turning off, getting in/getting out, putting on/taking off, inserting/removing,
stacking/unstacking, sitting down/standing up from a seat, lying down/standing up from lying,
kneeling down/standing up from kneeling, squatting down/standing up from a squat, inflating/deflating,
tightening/loosening, assembling/disassembling, leaning forward/leaning back, bowing/straightening up,
drawing curtain open/drawing curtain closed, walking forward/walking backward, opening eyes/closing eyes"""
ANIMAL = """standing up/lying down, jumping up/landing, jumping into water/leaping out, spreading wings/folding wings,
ears up/ears flattened, arching back/relaxing back, retracting into shell/extending out,
stretching neck out/retracting neck, opening mouth/closing mouth, extending tongue/retracting tongue,
elephant raising trunk/elephant lowering trunk,
raising head/lowering head"""
PLANT = "flower blooming/flower closing, leaf unfolding/leaf folding"


def pairs(text: str) -> list[tuple[str, str]]:
    return [tuple(pair.split("/")) for pair in re.split(r",\s+", text)]


APPENDIX = [
    *(("human", *pair) for pair in pairs(HUMAN)),
    *(("animal", *pair) for pair in pairs(ANIMAL)),
    *(("plant", *pair) for pair in pairs(PLANT)),
]
"""CRPO's appendix A.2, word for word but where it leaves a word out"""


class TestFind:
    @pytest.mark.parametrize(("domain", "forward", "backward"), APPENDIX)
    def test_appendix_is_whole(self, domain: str, forward: str, backward: str) -> None:
        one, other = find(forward, domain), find(backward, domain)
        assert one.entry is other.entry
        assert (one.is_reversed, other.is_reversed) == (False, True)
        assert (one.phrase, one.other_phrase) == (other.other_phrase, other.phrase)

    def test_every_pair_is_the_papers_or_an_objects(self) -> None:
        there = {id(find(forward, domain).entry) for domain, forward, _ in APPENDIX}
        assert len(there) == len(APPENDIX) == 29 + 12 + 2
        assert there == {id(entry) for domain in DOMAINS[:3] for entry in entries(domain)}

    @pytest.mark.parametrize(
        ("said", "phrase", "other"),
        [
            ("opens a drawer", "opening a drawer", "closing a drawer"),
            ("Opening_the_door.", "opening the door", "closing the door"),
            ("closing", "closing something", "opening something"),
            ("picking cup up", "picking up the cup", "putting down the cup"),
            ("takes the shelf apart", "taking the shelf apart", "assembling the shelf"),
            ("turning the lamp off", "turning off the lamp", "turning on the lamp"),
            ("lifting up box", "lifting the box", "throwing the box down"),
            ("get out of the car", "getting out of the car", "getting into the car"),
            ("raising its head", "raising its head", "lowering its head"),
            ("close the eyes", "closing the eyes", "opening the eyes"),
        ],
    )
    def test_other_names(self, said: str, phrase: str, other: str) -> None:
        found = find(said)
        assert (found.phrase, found.other_phrase) == (phrase, other)

    @pytest.mark.parametrize(
        ("said", "domain", "why"),
        [
            ("standing up", None, "may be 'standing up from a seat' \\(human\\), 'standing up from lying'"),
            ("standing up", "human", "Write the one that is meant"),
            ("lying down", None, "'lying down' \\(human\\), 'lying down' \\(animal\\)"),
            ("sittin down", "human", "Those most like it are: 'sitting down'"),
            ("pouring milk", None, "in no vocabulary"),
            ("", None, "in no vocabulary"),
            ("opening", "fungus", "no domain of actions"),
        ],
    )
    def test_what_names_none_or_two(self, said: str, domain: str | None, why: str) -> None:
        with pytest.raises(DataError, match=why):
            find(said, domain)

    def test_a_label_without_end(self) -> None:
        with pytest.raises(DataError) as raised:
            find("dancing " * 100_000)
        assert len(str(raised.value)) < 400

    def test_every_name_finds_its_own_side(self) -> None:
        for domain in DOMAINS:
            for entry in entries(domain):
                for is_reversed, action in ((False, entry.forward), (True, entry.reversed)):
                    for name in action.names:
                        if domain == "human" and re.fullmatch(r"\w+ up", name) and "stand" in action.phrase:
                            continue
                        found = find(name.replace("{thing}", "a box"), domain)
                        assert (found.entry, found.is_reversed) == (entry, is_reversed), name


class TestOptions:
    def test_have_one_form(self) -> None:
        for domain in DOMAINS:
            for entry in entries(domain):
                texts = [entry.forward.phrase, entry.reversed.phrase, *entry.distractors]
                actor = re.match(r"the \w+ ", texts[0])
                bare = [text.removeprefix(actor[0]) if actor else text for text in texts]
                assert all(re.match(r"\w+ing\b", text) for text in bare), texts
                assert all(text.startswith(actor[0]) for text in texts) if actor else True
                words = [len(text.split()) for text in texts]
                assert max(words) - min(words) <= 4, texts

    def test_are_three_and_told_apart(self) -> None:
        for domain in DOMAINS:
            for entry in entries(domain):
                found = find(entry.forward.phrase.replace("{thing}", "a box"), domain)
                asked = ask_action(Asker(3, "folder", entry.forward.phrase), found)
                assert set(asked.options) == {found.phrase, found.other_phrase, *asked.options}
                assert len(set(asked.options)) == 3
                assert asked.options[asked.gold] == found.phrase
                assert asked.options[asked.other_gold] == found.other_phrase

    def test_order_and_wording_are_drawn_from_the_candidate_alone(self) -> None:
        found = find("opening a door")
        asked = [ask_action(Asker(0, "folder", str(index)), found) for index in range(200)]
        assert asked == [ask_action(Asker(0, "folder", str(index)), found) for index in range(200)]
        assert {one.gold for one in asked} == {one.other_gold for one in asked} == {0, 1, 2}
        assert len({one.question for one in asked}) > 8
        assert not any(re.search(r"[{}\[\]|]", one.question) for one in asked)

    def test_a_pair_needs_two_answers(self) -> None:
        with pytest.raises(ValueError, match="no pair"):
            Asker(0, "folder", "1").ask("action", ["a", "b", "c"], 1, 1)
        with pytest.raises(ValueError, match="no pair"):
            Asker(0, "folder", "1").ask("action", ["a", "b", "a"], 0, 1)


class TestEntry:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("{forward: {phrase: a}, reversed: {phrase: b}, distractors: [c]}", "at least 2"),
            ("{forward: {phrase: a}, reversed: {phrase: A}, distractors: [c, d]}", "are the same"),
            ('{forward: {phrase: "a {thing}"}, reversed: {phrase: b}, distractors: [c, d]}', "must all act"),
            ('{forward: {phrase: "a {x}"}, reversed: {phrase: b}, distractors: [c, d]}', "no braces"),
            ("{forward: {phrase: a}, reversed: {phrase: b}, distractors: [c, d], thong: x}", "Extra inputs"),
        ],
    )
    def test_faults_of_a_file_are_told(self, text: str, why: str) -> None:
        with pytest.raises(ValidationError, match=why):
            TypeAdapter(Entry).validate_python(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("thing", "named"),
    [("red cup", "the red cup"), ("a cup", "a cup"), ("2 cups", "2 cups"), ("Another cup", "Another cup")],
)
def test_with_article(thing: str, named: str) -> None:
    assert with_article(thing) == named


def test_no_template_is_its_own_reverse_or_stands_twice() -> None:
    listed = [
        template
        for pair in {id(one.pair): one.pair for one in table().values()}.values()
        for template in pair.templates
    ]
    assert len(set(listed)) == len(listed) == len(table())
    assert not any(re.search("pretending|trying|failing", text, re.IGNORECASE) for text in listed)
