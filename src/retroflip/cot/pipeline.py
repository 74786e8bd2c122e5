"""One sample's way to a reasoning trace: generate, verify, reflect, polish (SynRL, section 2.2).

A draft comes sentence by sentence with its claims. It must pass the programmatic check first and the judge second; what
either finds goes back to the generator. The judge then extracts the claims of the polished text, which it sees alone,
and with these the polished text must pass the check again. Every step is a function of the responses before it, and
finished calls are read from the journal, so a run that was killed goes the same way again without repeating one.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from retroflip.cot.media import video_parts
from retroflip.cot.prompts import CLAIMS, filling
from retroflip.cot.recipe import CotRecipe
from retroflip.cot.verify import Report, verify
from retroflip.data.sample import Sample
from retroflip.errors import MediaError
from retroflip.llm.client import CallFailedError, Client, Reply
from retroflip.llm.journal import Journal, key_of
from retroflip.llm.structured import GarbledError, parse_structured

Message = dict[str, Any]
_JUDGED = ("question", "answer", "timeline")
ROLES = ("generator", "judge", "polisher")


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
    """The three models of a recipe, each behind a client of its own, and the journal of their calls."""

    def __init__(self, recipe: CotRecipe, journal: Journal, stop: threading.Event) -> None:
        """Connect. Raises UsageError where a key is not set or the extra is not installed."""
        self._journal = journal
        self._clients = {role: Client(getattr(recipe, role), stop) for role in ROLES}

    def ask(
        self,
        role: str,
        messages: Sequence[Message],
        about: dict[str, Any],
        *,
        form: type[BaseModel] | None = None,
        shown: "Shown | None" = None,
    ) -> str:
        """Return the response to a call, from the journal where it was made before.

        about: sample, stage, round and attempt, which tell equal calls apart. shown: the video that the first message
        shows. Raises CallFailedError and EndpointError as the client does.
        """
        client = self._clients[role]
        asked = {"messages": list(messages), "form": form.__name__ if form else None}
        key = key_of([client.endpoint.identity(), about, asked, shown.identity if shown else None])
        found = self._journal.text_of(key)
        if found is None:
            reply = client.complete(
                shown.put_into(messages) if shown else messages,
                form,
                partial(self._note_discarded, key, role, about),
            )
            self._journal.add(key, {"role": role, **about}, reply)
            found = reply.text
        return found

    def _note_discarded(self, key: str, role: str, about: Mapping[str, Any], reply: Reply) -> None:
        """Write down a response that could not be used, since it is charged; the call itself is made again."""
        own = key_of([key, len(self._journal), reply.prompt_tokens, reply.completion_tokens])
        self._journal.add(own, {"role": role, **about}, reply)

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()


@dataclass(frozen=True)
class Shown:
    """A video in a message. It is read only for a call that is really made."""

    task: Task
    recipe: CotRecipe

    @property
    def identity(self) -> list[Any]:
        """What decides the parts."""
        return [self.task.metadata["video"]["sha256"], self.recipe.video.model_dump(exclude={"tokens"})]

    def put_into(self, messages: Sequence[Message]) -> list[Message]:
        """Return the messages with the video before the first one's text. Raises CallFailedError without it."""
        try:
            parts = video_parts(self.task.video, self.identity[0], self.recipe.video)
        except MediaError as error:
            raise CallFailedError("video", str(error)) from error
        first, *rest = messages
        return [{**first, "content": [*parts, {"type": "text", "text": first["content"]}]}, *rest]


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
    opening = {
        "role": "user",
        "content": recipe.prompts.generator.format(**filling(task.sample, task.metadata)),
    }
    messages: list[Message] = [opening]
    shown = Shown(task, recipe)
    for number in range(1, recipe.pipeline.rounds + 1):
        about = {"sample": task.sample.id, "stage": "generate", "round": number, "attempt": 1}
        response = models.ask("generator", messages, about, form=Draft, shown=shown)
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
        again = {"role": "user", "content": recipe.prompts.reflection.format(feedback=feedback)}
        messages = [opening, {"role": "assistant", "content": response}, again]
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
        response = models.ask("judge", [{"role": "user", "content": content}], about, form=Verdict)
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
    opening = {"role": "user", "content": recipe.prompts.polisher.format(question=question, trace=draft.text)}
    messages: list[Message] = [opening]
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
        again = {"role": "user", "content": recipe.prompts.repolish.format(feedback=told_faults(report))}
        messages = [opening, {"role": "assistant", "content": response}, again]
    return None


def _extracted(
    text: str, number: int, task: Task, recipe: CotRecipe, models: Models, outcome: Outcome
) -> list[list[dict[str, Any]]] | None:
    """Return the claims that the judge finds in a text alone, None where none of the attempts can be read."""
    content = recipe.prompts.extractor.format(trace=text, examples=CLAIMS)
    for attempt in range(1, recipe.pipeline.verdict_attempts + 1):
        about = {"sample": task.sample.id, "stage": "extract", "round": number, "attempt": attempt}
        response = models.ask("judge", [{"role": "user", "content": content}], about, form=Extraction)
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
