"""The Task Router as a text model on this machine: a folder or a hub name, by the engine for texts.

It is asked as the model behind an endpoint is (`router.prompt`), greedily and several questions at a time, and once
more where its last line is not one of the four words.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from functools import lru_cache
from itertools import islice

from retroflip.data.sample import Modality, ProblemType, Routing, Sample
from retroflip.errors import UsageError
from retroflip.inference.base import Question, Reply, Request, Sampling, Wanted
from retroflip.inference.registry import load_engine
from retroflip.router.prompt import VERSION, messages_of, read_label
from retroflip.router.run import Routed


class ModelRouter:
    """Asks a text model about each question."""

    def __init__(self, name: str, *, batch: int, max_tokens: int) -> None:
        """Load a model. Raises UsageError where there is no such text model, or its weights are not whole."""
        self._name, self.at_once = name, batch
        self._sampling = Sampling(max_tokens, temperature=0.0)
        wanted = Wanted(name, dtype="auto", system_prompt="", at_once=batch)
        try:
            self._engine = load_engine(wanted, "text").engine
        except UsageError as error:
            raise UsageError(f"--router {name!r:.100} is neither rules nor llm. {error}") from error

    def __reduce__(self) -> tuple["Callable[[str, int, int], ModelRouter]", tuple[str, int, int]]:
        """Go to another process by name: the model is loaded there, once for all blocks."""
        return _loaded, (self._name, self.at_once, self._sampling.max_tokens)

    def route(self, samples: Iterable[Sample]) -> Generator[Routed, None, None]:
        """Yield what the model says of each question, in their order; one that cannot be read is named."""
        source = iter(samples)
        while batch := list(islice(source, self.at_once)):
            replies = self._replies(batch, again=False)
            unread = [index for index, reply in enumerate(replies) if read_label(reply.text) is None]
            repaired = self._replies([batch[index] for index in unread], again=True)
            for index, reply in zip(unread, repaired, strict=True):
                replies[index] = reply
            yield from map(self._routed, replies)

    def _routed(self, reply: Reply) -> Routed:
        label = read_label(reply.text)
        if label is None:
            return Routed(failure=reply.error or "no response ended in one of the four words")
        return Routed(
            Routing(
                label=label,
                flip=label.flip,
                reversal=label.reversal,
                reason="its last line",
                router=self._name,
                version=f"model {VERSION}",
            )
        )

    def _replies(self, samples: Sequence[Sample], *, again: bool) -> list[Reply]:
        requests = [Request((), (Question(_told(sample, again=again)),)) for sample in samples]
        return [answer.reply for answer in self._engine.answer(requests, self._sampling)]


@lru_cache(maxsize=2)
def _loaded(name: str, batch: int, max_tokens: int) -> ModelRouter:
    return ModelRouter(name, batch=batch, max_tokens=max_tokens)


def _told(sample: Sample, *, again: bool) -> Sample:
    """Return what is asked about a sample, as a question about a text."""
    (message,) = messages_of(sample, again=again)
    return Sample(
        id=sample.id,
        modality=Modality.TEXT,
        video="",
        question=str(message["content"]),
        solution="static",
        problem_type=ProblemType.FREE_FORM,
        source_clip=sample.id,
    )
