"""Batches grow while that pays, and shrink where memory does not suffice; every question is answered once."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from retroflip.data.record_notes import Notes
from retroflip.data.sample import ProblemType, Sample
from retroflip.files import memory
from retroflip.inference import batches
from retroflip.inference.base import Answer, Capabilities, Question, Reply, Request, Sampling
from retroflip.inference.batches import Batches, is_short_of_memory

GREEDY = Sampling(4, temperature=0.0)


class Narrow:
    """An engine that holds so many questions at a time; it answers some of a batch before it runs out."""

    name = "narrow"
    capabilities = Capabilities(log_probs=False, files=False, media=None, repeatable=True)

    def __init__(self, most: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
        self.most, self.error = most, error
        self.notes: Notes | None = None
        self.sizes: list[int] = []

    def settings(self) -> dict[str, Any]:
        return {}

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:  # noqa: ARG002
        self.sizes.append(len(requests))
        every = [
            (number, place, draw)
            for number, request in enumerate(requests)
            for place, question in enumerate(request.questions)
            for draw in range(len(question.seeds))
        ]
        for done, (number, place, draw) in enumerate(every):
            if len(every) > self.most and done == self.most // 2:
                raise self.error("CUDA out of memory. Tried to allocate 2 GiB.\nMore")
            yield Answer(number, place, draw, Reply(requests[number].questions[place].sample.id))


def request(name: str, questions: int = 1, draws: int = 1) -> Request:
    asked = [
        Sample(
            id=f"{name}.{number}",
            video="v.mp4",
            question="?",
            solution="x",
            problem_type=ProblemType.FREE_FORM,
            source_clip="c",
        )
        for number in range(questions)
    ]
    return Request((), tuple(Question(one, tuple(range(draws))) for one in asked))


def told(engine: Narrow, requests: Sequence[Request], sizes: Batches) -> dict[tuple[int, int, int], str]:
    answers = list(sizes.answer(engine, requests, GREEDY))
    found = {answer[:3]: answer.reply.error or answer.reply.text for answer in answers}
    assert len(found) == len(answers)
    return found


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError, RuntimeError])
def test_what_does_not_fit_is_asked_in_parts(error: type[Exception]) -> None:
    requests = [request("a", 5), request("b", 1, draws=2), request("c", 3)]
    found = told(Narrow(2, error), requests, Batches(3, fixed=True))
    assert found == {
        (number, place, draw): question.sample.id
        for number, one in enumerate(requests)
        for place, question in enumerate(one.questions)
        for draw in range(len(question.seeds))
    }


def test_one_question_that_does_not_fit_alone_fails_and_no_other() -> None:
    found = told(Narrow(2), [request("a", 1, draws=3), request("b", 2)], Batches(2, fixed=True))
    assert "memory does not suffice for this question alone" in found[0, 0, 2]
    assert "Tried to allocate" in found[0, 0, 2]
    assert "\n" not in found[0, 0, 2]
    assert (found[0, 0, 0], found[1, 0, 0], found[1, 1, 0]) == ("a.0", "b.0", "b.1")


def test_other_errors_are_raised() -> None:
    class Broken(Narrow):
        def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
            yield from super().answer(requests[:0], sampling)
            raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        told(Broken(1), [request("a")], Batches())
    assert not is_short_of_memory(RuntimeError("shapes differ"))


def test_batches_grow_while_that_pays_and_stay_behind_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_memory_taken", lambda: 0.1)
    monkeypatch.setattr(batches, "NO_FASTER", 0.0)
    engine = Narrow(10)
    told(engine, [request(str(number)) for number in range(40)], Batches(2))
    # 16 are too many: five are answered before memory ends, the other eleven are asked in halves.
    assert engine.sizes == [2, 4, 8, 16, 5, 6, 8, 2]


def test_batches_that_were_slower_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_memory_taken", lambda: 0.1)
    # A batch of 4 takes one second, one of 8 four: half as many a second.
    clock = iter([0.0, 1.0, 1.0, 5.0, *map(float, range(6, 20))])
    monkeypatch.setattr(batches, "perf_counter", lambda: next(clock))
    engine = Narrow(100)
    found = told(engine, [request(str(number)) for number in range(21)], Batches(4))
    assert engine.sizes == [4, 8, 4, 4, 1]
    assert list(found.values()) == [f"{number}.0" for number in range(21)]


def test_without_a_gpu_the_machines_memory_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n")
    monkeypatch.setattr(memory, "MEMORY", tmp_path / "meminfo")
    assert batches._memory_taken() == pytest.approx(0.75)
    monkeypatch.setattr(memory, "MEMORY", tmp_path / "none")
    assert 0 < batches._memory_taken() < 0.75
    monkeypatch.setattr(memory, "host_memory", lambda: None)
    assert batches._memory_taken() == 1.0


def test_batches_stop_growing_where_memory_is_half_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_memory_taken", lambda: 0.6)
    engine = Narrow(10)
    told(engine, [request(str(number)) for number in range(9)], Batches(4))
    assert engine.sizes == [4, 4, 1]
