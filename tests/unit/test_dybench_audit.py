"""The audit of pairs finds every planted leak by its name, and nothing where there is none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from made_clips import moving
from retroflip.bench.dybench.audit.container import Container, container_of
from retroflip.bench.dybench.audit.sides import Pair, Side, course, read_pairs
from retroflip.bench.dybench.audit.verdict import ALL, Audit, audit
from retroflip.data.records import write_samples
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError, UsageError
from retroflip.progress import Silence
from retroflip.synth.audit.items import THUMBNAIL, VIEWED
from retroflip.video.encode import encode

PAIRS = 40


def sample_of(pair: int, side: int, *, task: str = "reversible_dynamics", options: int = 3) -> Sample:
    """Return a question whose right answers are dealt out over options that all look alike."""
    texts = ("opening it", "closing it", "turning it", "shaking it")[:options]
    gold = (pair + side * (1 + pair % (options - 1))) % options
    return Sample(
        id=f"{pair}-{side}",
        video=f"videos/{pair}-{side}.mp4",
        question="What happens?",
        options=texts,
        solution="ABCD"[gold],
        problem_type=ProblemType.MULTIPLE_CHOICE,
        task=task,
        source_clip=str(pair),
        pair=str(pair),
        side=side,
        labels={"axis": "reversal"},
    )


def side_of(sample: Sample, rng: np.random.Generator) -> Side:
    """Return a side whose pictures and files say nothing."""
    container = Container({"frames": 30.0}, {"bytes": 1000.0}, {"keys": 2.0}, {"first": 100.0}, ())
    return Side(
        sample,
        container,
        rng.random((3, THUMBNAIL, THUMBNAIL, 3)),
        rng.random((4, THUMBNAIL, THUMBNAIL, 3)),
        rng.random(20),
        sample.id,
    )


def clean(count: int = PAIRS) -> list[Pair]:
    rng = np.random.default_rng(1)
    return [(side_of(sample_of(pair, 0), rng), side_of(sample_of(pair, 1), rng)) for pair in range(count)]


def audited(pairs: list[Pair]) -> Audit:
    return audit(pairs, Silence())


def planted(plant: Callable[[Side, int], Side]) -> Audit:
    """Return the audit of pairs with something planted into both sides."""
    return audited([(plant(first, 0), plant(second, 1)) for first, second in clean()])


def lit(side: Side, *indices: int) -> Side:
    """Return a side with single frames whose corner tells the right answer."""
    stills = side.stills_SHW3.copy()
    stills[list(indices), :2, :2] = "ABC".index(side.sample.solution) / 2
    return replace(side, stills_SHW3=stills)


def heaped(side: Side) -> Side:
    heap = side.heap_4HW3.copy()
    heap[0, :2, :2] = "ABC".index(side.sample.solution) / 2
    return replace(side, heap_4HW3=heap)


def test_clean_pairs_pass() -> None:
    found = audited(clean())
    assert found.faults == ()
    assert not any("distractors" in note for note in found.notes)
    assert set(found.tried) == {ALL, "reversible_dynamics"}
    assert set(found.unlike.values()) == {0}


def test_planted_leaks_of_files_are_named() -> None:
    def leaky(side: Side, place: int) -> Side:
        changes = {
            "metadata": {"frames": 30.0 + place},
            "size": {"bytes": 1000.0 + 9 * place},
            "gop": {"keys": 2.0 + place},
        }
        return _filed(side, **changes)

    found = planted(leaky)
    assert named(found) == ["all: metadata", "all: size", "all: gop"]
    assert found.unlike == {"metadata": PAIRS, "size": PAIRS, "gop": PAIRS, "tags": 0}


def test_planted_leaks_of_pictures_are_named() -> None:
    cell = "reversible_dynamics"
    assert named(planted(lambda side, _: heaped(lit(side, 0, 1, 2)))) == [
        f"{cell}: {name}" for name in ("first_frame", "middle_frame", "last_frame", "shuffled_frames")
    ]
    assert named(planted(lambda side, _: lit(side, 1))) == [f"{cell}: middle_frame"]


def named(found: Audit) -> list[str]:
    return [fault.partition(" is right")[0] for fault in found.faults]


def _filed(side: Side, **changes: Any) -> Side:
    return replace(side, container=side.container._replace(**changes))


def test_the_arrow_of_time_is_reported_and_fails_nothing() -> None:
    def told(side: Side, place: int) -> Side:
        return replace(_filed(side, bitstream={"first": 100.0 + place}), course=side.course + 3 * place)

    found = planted(told)
    assert found.faults == ()
    assert any("told from playing backwards in 100.0%" in note for note in found.notes)


def test_a_text_that_differs_between_sides_is_a_fault_and_distractors_are_a_note() -> None:
    pairs = clean()
    first, second = pairs[0]
    other = replace(second, sample=second.sample.model_copy(update={"question": "What happens here?"}))
    assert audited([(first, other), *pairs[1:]]).faults == (
        "1 pairs do not ask the same with different answers, 0 first",
    )
    by_side = [(first, _asking(second, "What happens here?")) for first, second in _first_is_opening()]
    assert "reversible_dynamics: text" in named(audited(by_side))
    told = [tuple(_told(side) for side in pair) for pair in clean()]
    found = audited(told)  # type: ignore[arg-type]
    assert found.faults == ()
    assert any("distractors can be told by their words" in note for note in found.notes)


def test_a_text_is_right_on_half_of_single_questions_at_most() -> None:
    told = [tuple(_told(side) for side in pair) for pair in clean()]
    tried = {one.attack: one for one in audited(told).tried["reversible_dynamics"]}  # type: ignore[arg-type]
    text, single = tried["text"], tried["text_on_single_questions"]
    assert (text.judged, text.attempt.accuracy, text.attempt.chance) == (True, 0.5, 0.5)
    assert (single.judged, single.most) == (False, 0.5)
    assert single.attempt.accuracy == pytest.approx(0.5)
    assert single.attempt.chance == pytest.approx(1 / 3)


def _first_is_opening() -> list[Pair]:
    """Return pairs of which the first side always opens something, and the second one closes it."""
    return [(_right(first, "A"), _right(second, "B")) for first, second in clean()]


def _right(side: Side, letter: str) -> Side:
    return replace(side, sample=side.sample.model_copy(update={"solution": letter}))


def _asking(side: Side, question: str) -> Side:
    return replace(side, sample=side.sample.model_copy(update={"question": question}))


def _told(side: Side) -> Side:
    """Return a side whose third option is never right."""
    place = int(side.sample.side or 0)
    solution = "AB"[(int(side.sample.pair or 0) + place) % 2]
    return replace(side, sample=side.sample.model_copy(update={"solution": solution}))


def test_too_few_pairs_are_not_judged() -> None:
    found = audited(clean(5))
    assert found.small == {ALL: 5, "reversible_dynamics": 5}
    assert found.faults == ("no sub-task has 10 pairs or more, too few to judge any by",)


def test_files_are_read_for_what_they_tell(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    samples = [sample_of(0, side) for side in (0, 1)]
    encode(tmp_path / samples[0].video, moving(1), 12)
    encode(tmp_path / samples[1].video, moving(1, frames=30)[::-1], 12)
    write_samples(tmp_path / "records.jsonl", samples)
    ((first, second),) = read_pairs(tmp_path, Silence())
    assert (first.container.metadata["frames"], second.container.metadata["frames"]) == (24, 30)
    assert first.container.size["bytes"] == (tmp_path / samples[0].video).stat().st_size
    assert first.container.gop["keys"] == 1
    assert sum(first.container.bitstream[f"part_{index}"] for index in range(16)) == pytest.approx(1.0)
    write_samples(tmp_path / "records.jsonl", samples[:1])
    with pytest.raises(DataError, match="0 whole pairs and 1 with one side"):
        read_pairs(tmp_path, Silence())
    with pytest.raises(UsageError, match=r"holds no records\.jsonl"):
        read_pairs(tmp_path / "videos", Silence())
    (tmp_path / "x.mp4").write_bytes(b"no video")
    with pytest.raises(Exception, match="cannot be read as a video"):
        container_of(tmp_path / "x.mp4")


def test_a_course_is_another_backwards_and_the_same_mirrored_in_all_but_place() -> None:
    rng = np.random.default_rng(0)
    pictures = np.cumsum(rng.random((VIEWED, THUMBNAIL, THUMBNAIL, 3)), axis=0) / VIEWED
    forward, backward, mirrored = (course(one) for one in (pictures, pictures[::-1], pictures[:, :, ::-1]))
    assert not np.allclose(forward, backward)
    assert np.allclose(forward[: -(THUMBNAIL**2)], mirrored[: -(THUMBNAIL**2)])
    assert np.allclose(forward[-(THUMBNAIL**2) :], -backward[-(THUMBNAIL**2) :])
