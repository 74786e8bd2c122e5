"""One sample's way to a reasoning trace: generate, verify, reflect, polish (SynRL, section 2.2).

A draft comes sentence by sentence with its claims. It must pass the programmatic check first and the judge second; what
either finds goes back to the generator. The judge then extracts the claims of the polished text, which it sees alone,
and with these the polished text must pass the check again. Every step is a function of the responses before it, and
finished calls are read from the journal, so a run that was killed goes the same way again without repeating one.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from retroflip.cot.media import shown_video
from retroflip.cot.prompts import CLAIMS, filling
from retroflip.cot.recipe import ROLES, CotRecipe, LocalModel
from retroflip.cot.verify import Report, verify
from retroflip.data.prompts import later_messages
from retroflip.data.sample import Modality, Sample
from retroflip.errors import MediaError
from retroflip.inference.base import Medium, Question, Request, Sampling, Wanted, worded
from retroflip.inference.endpoint import EndpointEngine
from retroflip.llm.client import CallFailedError, StoppedError
from retroflip.llm.client import Reply as Call
from retroflip.llm.journal import Journal, key_of
from retroflip.llm.settings import Endpoint
from retroflip.llm.structured import GarbledError, parse_structured

if TYPE_CHECKING:
    from retroflip.inference.shared import SharedEngine

_JUDGED = ("question", "answer", "timeline")
Json = str | float | bool | list[Any] | None


class ClaimForm(BaseModel):
    """One claim, as models write it (`retroflip.cot.claims`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event: str | None = Field(default=None, description="what happens, in a word or two")
    time: Json = Field(default=None, description="in seconds, or [from, to]")
    object: Json = Field(default=None, description="what it is about, by its name")
    property: str | None = Field(
        default=None, description="which property is told, such as direction or count"
    )
    value: Json = Field(default=None, description="its value")
    relation: str | None = Field(default=None, description="such as before, left of, faster than, not")


class SentenceForm(BaseModel):
    """One sentence with its claims."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(description="the sentence")
    claims: list[ClaimForm] = Field(description="what it states; empty where it states nothing of the video")


class Draft(BaseModel):
    """Reasoning sentence by sentence, and the answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sentences: list[SentenceForm] = Field(description="the reasoning, in its order")
    answer: str = Field(description="what stands in the box")

    @property
    def text(self) -> str:
        """The trace."""
        told = " ".join(sentence.text.strip() for sentence in self.sentences)
        return f"<think>{told}</think>\n\\boxed{{{self.answer}}}"


class Extraction(BaseModel):
    """The claims of a text, sentence by sentence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sentences: list[SentenceForm] = Field(description="every sentence, as it stands, with what it states")


def claims_of(told: Draft | Extraction) -> list[list[dict[str, Any]]]:
    """Return the claims of each sentence as JSON, without what is left open."""
    return [[one.model_dump(exclude_none=True) for one in sentence.claims] for sentence in told.sentences]


class Verdict(BaseModel):
    """What a judge says of a draft."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    final_answer_correct: bool = Field(description="whether the reasoning reaches the right answer")
    event_order_correct: bool = Field(
        description="whether events are told as and in the order in which they happen"
    )
    times_aligned: bool = Field(
        description="whether every time lies within the tolerance of what it is told of"
    )
    feedback: str = Field(description="what is wrong and how to mend it; empty where nothing is")

    @property
    def faults(self) -> list[str]:
        """The names of what is not so."""
        named = {
            "answer": self.final_answer_correct,
            "order": self.event_order_correct,
            "time": self.times_aligned,
        }
        return [f"judge: {name}" for name, is_right in named.items() if not is_right]


class Status(StrEnum):
    """How a sample ended."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    """a call failed for good; the next run tries again"""


@dataclass(frozen=True)
class Task:
    """One sample to be reasoned about, with its truth and its video."""

    sample: Sample
    metadata: dict[str, Any]
    video: Path


@dataclass(frozen=True)
class Refusal:
    """One draft, verdict or polished text that was not taken."""

    stage: str
    round: int
    reasons: tuple[str, ...]


@dataclass
class Outcome:
    """How one sample went. rounds: drafts written; refusals: all, in their order."""

    sample: str
    status: Status = Status.REJECTED
    trace: str | None = None
    claims: list[list[dict[str, Any]]] = field(default_factory=list)
    rounds: int = 0
    is_polished: bool = False
    refusals: list[Refusal] = field(default_factory=list)

    def refuse(self, stage: str, number: int, reasons: Sequence[str]) -> None:
        """Note a refusal."""
        self.refusals.append(Refusal(stage, number, tuple(reasons)))


class Models:
    """The models of a recipe, each asked by its engine, and the journal of what was asked."""

    def __init__(self, recipe: CotRecipe, journal: Journal, stop: threading.Event) -> None:
        """Connect, or load. Raises UsageError where a key, an extra or a model is not there."""
        self._recipe, self._journal, self._stop = recipe, journal, stop
        self._engines: dict[Any, EndpointEngine | SharedEngine] = {}  # by `_place`
        for role in ROLES:
            if self._place(role) not in self._engines:
                self._engines[self._place(role)] = self._engine(getattr(recipe, role))

    def ask(
        self,
        role: str,
        messages: Sequence[str],
        about: dict[str, Any],
        *,
        form: type[BaseModel] | None = None,
        shown: Task | None = None,
    ) -> str:
        """Return the response to a conversation, from the journal where it was asked for before.

        messages: words, a response, and so on. about: sample, stage, round and attempt, which tell equal calls apart.
        shown: whose video stands before the first words; it is read only for a call that is really made. Raises
        CallFailedError for one that failed, EndpointError as the client does, and StoppedError after `stop` is set.
        """
        model = getattr(self._recipe, role)
        key = key_of([model.identity(), about, _asked(messages, form), self._identity(shown)])
        found = self._journal.text_of(key)
        if found is not None:
            return found
        if self._stop.is_set():
            raise StoppedError
        media = (self._medium(shown),) if shown else ()
        sample = worded(about["sample"], messages[0], Modality.VIDEO if shown else Modality.TEXT)
        question = Question(
            sample, (int(key[:8], 16),), tuple(messages[1:]), form, (key, {"role": role, **about})
        )
        reply = self._engines[self._place(role)].ask(Request(media, (question,)), _sampling(model))
        if reply.error is not None:
            raise CallFailedError(reply.cause, reply.error)
        self._journal.add(key, {"role": role, **about}, reply.charged)
        return reply.text

    def close(self) -> None:
        """Close the connections."""
        for engine in self._engines.values():
            engine.close()

    def _place(self, role: str) -> Any:
        """Return what two roles share that one engine serves: an endpoint has one for each, with limits of its own."""
        model = getattr(self._recipe, role)
        return (model.model, model.engine, model.dtype) if isinstance(model, LocalModel) else role

    def _engine(self, model: Endpoint | LocalModel) -> "EndpointEngine | SharedEngine":
        if isinstance(model, LocalModel):
            from retroflip.inference.shared import load_shared  # imports torch, which endpoints do without

            wanted = Wanted(model.model, model.dtype, frames=self._recipe.video.frames, system_prompt="")
            return load_shared(wanted, model.engine)
        return EndpointEngine(
            model,
            system_prompt="",
            as_set=True,
            quality=self._recipe.video.quality,
            discarded=self._note_discarded,
            stop=self._stop,
        )

    def _note_discarded(self, question: Question, reply: Call) -> None:
        """Write down a response that could not be used, since it is charged; the call itself is made again."""
        key, about = question.about
        own = key_of([key, len(self._journal), reply.prompt_tokens, reply.completion_tokens])
        self._journal.add(own, about, reply)

    def _identity(self, shown: Task | None) -> list[Any] | None:
        """Return what decides how a video is shown."""
        if shown is None:
            return None
        return [shown.metadata["video"]["sha256"], self._recipe.video.model_dump(exclude={"tokens"})]

    def _medium(self, shown: Task) -> Medium:
        """Return a video. Raises CallFailedError where it cannot be shown."""
        try:
            return shown_video(shown.video, shown.metadata["video"]["sha256"], self._recipe.video)
        except MediaError as error:
            raise CallFailedError("video", str(error)) from error


def _asked(messages: Sequence[str], form: type[BaseModel] | None) -> dict[str, Any]:
    """Return what is asked, as a journal's key has it."""
    first, *turns = messages
    conversation = [{"role": "user", "content": first}, *later_messages(turns, str)]
    return {"messages": conversation, "form": form.__name__ if form else None}


def _sampling(model: Endpoint | LocalModel) -> Sampling:
    """Return how tokens are drawn. What an endpoint leaves to its server, the server chooses (`as_set`)."""
    temperature = 1.0 if model.temperature is None else model.temperature
    return Sampling(model.max_tokens, temperature, 1.0 if model.top_p is None else model.top_p)


def reasoned(task: Task, recipe: CotRecipe, models: Models) -> Outcome:
    """Return how a sample goes through all stages. Raises EndpointError where no call can succeed."""
    outcome = Outcome(task.sample.id)
    try:
        draft = _draft(task, recipe, models, outcome)
        if draft is None:
            return outcome
        polished = _polished(draft, task, recipe, models, outcome)
    except CallFailedError as error:
        outcome.status = Status.FAILED
        outcome.refuse("call", outcome.rounds, [error.cause])
        return outcome
    outcome.is_polished = polished is not None
    if polished is not None or recipe.pipeline.keep_unpolished or not recipe.pipeline.polish_attempts:
        outcome.status = Status.ACCEPTED
        outcome.trace, outcome.claims = polished or (draft.text, claims_of(draft))
    return outcome


def _draft(task: Task, recipe: CotRecipe, models: Models, outcome: Outcome) -> Draft | None:
    """Return a draft that passed the check and the judge, None where every round failed."""
    opening = recipe.prompts.generator.format(**filling(task.sample, task.metadata))
    messages = [opening]
    for number in range(1, recipe.pipeline.rounds + 1):
        about = {"sample": task.sample.id, "stage": "generate", "round": number, "attempt": 1}
        response = models.ask("generator", messages, about, form=Draft, shown=task)
        outcome.rounds = number
        try:
            draft = parse_structured(response, Draft)
        except GarbledError as error:
            outcome.refuse("draft", number, ["garbled draft"])
            feedback = f"- it is not the JSON asked for: {error}"
        else:
            report = verify(draft.text, task.metadata, task.sample, recipe.verifier, claims_of(draft))
            if report.is_true:
                verdict = _verdict(draft.text, number, task, recipe, models, outcome)
                if verdict is None:
                    return None
                if not verdict.faults:
                    return draft
                outcome.refuse("judge", number, verdict.faults)
                feedback = verdict.feedback or ", ".join(verdict.faults)
            else:
                outcome.refuse("verify", number, report.reasons)
                feedback = told_faults(report)
        messages = [opening, response, recipe.prompts.reflection.format(feedback=feedback)]
    return None


def _verdict(
    text: str, number: int, task: Task, recipe: CotRecipe, models: Models, outcome: Outcome
) -> Verdict | None:
    """Return the judge's verdict, None where none of the attempts can be read."""
    tolerance = f"{recipe.verifier.tolerance_ms / 1000:g}"
    told = {name: text for name, text in filling(task.sample, task.metadata).items() if name in _JUDGED}
    content = recipe.prompts.judge.format(trace=text, tolerance=tolerance, **told)
    for attempt in range(1, recipe.pipeline.verdict_attempts + 1):
        about = {"sample": task.sample.id, "stage": "judge", "round": number, "attempt": attempt}
        response = models.ask("judge", [content], about, form=Verdict)
        try:
            return parse_structured(response, Verdict)
        except GarbledError:
            outcome.refuse("verdict", number, ["garbled verdict"])
    return None


def _polished(
    draft: Draft, task: Task, recipe: CotRecipe, models: Models, outcome: Outcome
) -> tuple[str, list[list[dict[str, Any]]]] | None:
    """Return the draft in better words that are still true, with the claims found in them; None where none is."""
    question = filling(task.sample, task.metadata)["question"]
    opening = recipe.prompts.polisher.format(question=question, trace=draft.text)
    messages = [opening]
    for attempt in range(1, recipe.pipeline.polish_attempts + 1):
        about = {"sample": task.sample.id, "stage": "polish", "round": outcome.rounds, "attempt": attempt}
        response = models.ask("polisher", messages, about)
        text = trace_in(response)
        claims = _extracted(text, attempt, task, recipe, models, outcome)
        if claims is None:
            return None
        report = verify(text, task.metadata, task.sample, recipe.verifier, claims)
        if report.is_true:
            return text, claims
        outcome.refuse("polish", attempt, report.reasons)
        messages = [opening, response, recipe.prompts.repolish.format(feedback=told_faults(report))]
    return None


def _extracted(
    text: str, number: int, task: Task, recipe: CotRecipe, models: Models, outcome: Outcome
) -> list[list[dict[str, Any]]] | None:
    """Return the claims that the judge finds in a text alone, None where none of the attempts can be read."""
    content = recipe.prompts.extractor.format(trace=text, examples=CLAIMS)
    for attempt in range(1, recipe.pipeline.verdict_attempts + 1):
        about = {"sample": task.sample.id, "stage": "extract", "round": number, "attempt": attempt}
        response = models.ask("judge", [content], about, form=Extraction)
        try:
            return claims_of(parse_structured(response, Extraction))
        except GarbledError:
            outcome.refuse("extract", number, ["garbled claims"])
    return None


def trace_in(response: str) -> str:
    """Return the trace in a response: a thought of the model's own before it is left out."""
    head, opening, rest = response.strip().rpartition("<think>")
    return opening + rest if head and opening else response.strip()


def told_faults(report: Report) -> str:
    """Return the faults of a text as a list for its writer."""
    return "\n".join(f"- {problem.sentence}" for problem in report.problems)
