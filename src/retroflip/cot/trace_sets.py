"""`retroflip cot`: reasoning traces for a data set of temporal videos, by models or written from the metadata alone.

    OUT/records.jsonl   the questions whose traces were accepted; written last
    OUT/journal.jsonl   every finished call, only ever added to: a run that was killed repeats none
    OUT/stats.json      calls, tokens, cost, acceptance, and why and in which round texts were refused

    OUT/claims.jsonl    their traces with the claims of each sentence, as `retroflip cot check` reads them

Where `--out` names a FILE.jsonl, the others are FILE.journal.jsonl, FILE.stats.json and FILE.claims.jsonl beside it.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retroflip.cot.pipeline import Models, Outcome, Status, Task, reasoned
from retroflip.cot.prompts import filling
from retroflip.cot.recipe import ROLES, CotRecipe, Model
from retroflip.cot.verify import VerifierSettings, verify
from retroflip.data.folder import RECORDS_NAME
from retroflip.data.manifest import check_listed, extend_manifest, manifest_beside
from retroflip.data.records import read_samples, write_samples
from retroflip.data.root import resolve
from retroflip.draws import draw
from retroflip.errors import DataError, UsageError
from retroflip.files.locks import hold
from retroflip.files.storage import drop_unfinished, read_jsonl, write_json_atomic, write_jsonl_atomic
from retroflip.llm.client import StoppedError
from retroflip.llm.journal import DISCARDED, Journal
from retroflip.progress import Progress
from retroflip.synth.corpus import METADATA, read_metadata
from retroflip.synth.names import Split
from retroflip.synth.narration import narrated

FORMAT = "retroflip cot 1"
CHARACTERS_PER_TOKEN = 3.0
"""of English and JSON; low, so that the estimate is high"""


@dataclass(frozen=True)
class Places:
    """Where a run's files go."""

    records: Path
    journal: Path
    stats: Path
    claims: Path

    @classmethod
    def of(cls, out: Path) -> "Places":
        """Return the files of an --out that names a folder or a FILE.jsonl."""
        if out.suffix == ".jsonl":
            beside = (out.with_suffix(f".{name}") for name in ("journal.jsonl", "stats.json", "claims.jsonl"))
            return cls(out, *beside)
        return cls(out / RECORDS_NAME, out / "journal.jsonl", out / "stats.json", out / "claims.jsonl")


def read_tasks(folder: Path, *, any_split: bool = False) -> list[Task]:
    """Return the samples of a data set with their truth. any_split: take it, whatever it is meant for.

    Raises UsageError for a folder that holds no such data set or one that is not meant for reasoning traces, DataError
    for a record without metadata.
    """
    if not (folder / METADATA).is_dir() or not (folder / RECORDS_NAME).is_file():
        raise UsageError(
            f"{folder}: no finished data set of temporal videos ({RECORDS_NAME} and {METADATA}/). Write one with: "
            f"retroflip synth --out {folder} --per-task 50 --seed 7 --split cot"
        )
    tasks = []
    for sample in read_samples(folder / RECORDS_NAME):
        metadata = read_metadata(folder, sample.id)
        if not any_split and metadata.get("split") != Split.COT:
            raise UsageError(
                f"{folder}: its split is {metadata.get('split')!r}. Reasoning traces are written for videos of the "
                "split 'cot' alone, which shares no question with the others, so that reinforcement learning never "
                "asks what a trace has answered. Write one with: retroflip synth --out NEW --per-task 50 --seed 7 "
                "--split cot"
            )
        tasks.append(Task(sample, metadata, resolve(folder, sample.video)))
    return tasks


def check_apart(tasks: Sequence[Task], others: Iterable[Path]) -> None:
    """Raise DataError where a video's content, its file or a question also stands in another data set."""
    for folder in others:
        names = [path.stem for path in sorted((folder / METADATA).glob("*.json"))]
        if not names:
            raise UsageError(
                f"{folder}: holds no data set of temporal videos (no {METADATA}/*.json) to keep apart from."
            )
        theirs = {mark: name for name in names for mark in _marks(read_metadata(folder, name))}
        for task in tasks:
            shared = next((mark for mark in _marks(task.metadata) if mark in theirs), None)
            if shared is not None:
                raise DataError(
                    f"{task.sample.id} has the same {shared[0]} as {theirs[shared]} of {folder}. Data for traces and "
                    "for reinforcement learning must share nothing: write one of the two with another --split, or with "
                    "--apart-from."
                )


def _marks(metadata: dict[str, Any]) -> list[tuple[str, str]]:
    """Return by what two videos are the same."""
    question = metadata["question"]
    asked = "\x1f".join([question["text"], *sorted(question["options"])])
    return [
        ("content", metadata["content_sha256"]),
        ("file", metadata["video"]["sha256"]),
        ("question", asked),
    ]


def claim(places: Places) -> None:
    """Take the place of a run. Raises UsageError where its records would overwrite something else's."""
    if places.records.exists() and not places.stats.exists():
        raise UsageError(
            f"{places.records} is there and was not written by `retroflip cot` (no {places.stats.name} beside it). "
            "Name another place with --out."
        )
    places.records.parent.mkdir(parents=True, exist_ok=True)
    folder = places.records.parent
    manifest_beside(
        folder
    )  # one that cannot be read would have no place for the traces, when all are written
    hold(folder, tidy=False)
    drop_unfinished(folder, [places.records.name, places.journal.name, places.stats.name])


def write_embedded(
    folder: Path, tasks: Sequence[Task], places: Places, seed: int, progress: Progress
) -> dict[str, Any]:
    """Write traces from the metadata alone, each checked, and return the statistics."""
    claim(places)
    progress.stage("writing traces", len(tasks), "traces")
    outcomes = []
    for done, task in enumerate(tasks, start=1):
        trace = narrated(task.metadata, draw(seed, "cot", task.sample.id))
        report = verify(trace.text, task.metadata, task.sample, VerifierSettings(), trace.claims)
        outcome = Outcome(task.sample.id, rounds=1)
        if report.is_true:
            outcome.status, outcome.trace, outcome.claims = Status.ACCEPTED, trace.text, trace.claims
        else:
            outcome.refuse("verify", 1, report.reasons)
        outcomes.append(outcome)
        progress.advance(done)
    return _conclude(folder, tasks, outcomes, places, None, [])


def write_by_models(
    folder: Path, tasks: Sequence[Task], places: Places, recipe: CotRecipe, progress: Progress
) -> dict[str, Any]:
    """Have models write traces, and return the statistics; finished calls of an earlier run are taken from its journal.

    Raises EndpointError where an endpoint cannot be used; what is finished is kept.
    """
    claim(places)
    journal = Journal(places.journal)
    stop = threading.Event()
    models = Models(recipe, journal, stop)
    progress.stage("writing traces", len(tasks), "traces")
    outcomes: dict[str, Outcome] = {}
    pool = ThreadPoolExecutor(recipe.pipeline.workers)
    try:
        futures: list[Future[Outcome]] = [pool.submit(_work, task, recipe, models, stop) for task in tasks]
        for future in as_completed(futures):
            outcome = future.result()
            outcomes[outcome.sample] = outcome
            accepted = sum(one.status is Status.ACCEPTED for one in outcomes.values())
            progress.advance(len(outcomes), f"{accepted} accepted")
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        models.close()
    return _conclude(
        folder, tasks, [outcomes[task.sample.id] for task in tasks], places, recipe, journal.rows()
    )


def _work(task: Task, recipe: CotRecipe, models: Models, stop: threading.Event) -> Outcome:
    if stop.is_set():
        raise StoppedError
    return reasoned(task, recipe, models)


def _conclude(
    folder: Path,
    tasks: Sequence[Task],
    outcomes: Sequence[Outcome],
    places: Places,
    recipe: CotRecipe | None,
    rows: Iterable[dict[str, Any]],
) -> dict[str, Any]:
    """Write statistics and records, and return the statistics."""
    prefix, root = _root(folder, places.records.parent)
    traced = [
        task.sample.model_copy(update={"trace": outcome.trace, "video": f"{prefix}{task.sample.video}"})
        for task, outcome in zip(tasks, outcomes, strict=True)
        if outcome.status is Status.ACCEPTED
    ]
    stats = statistics(outcomes, recipe, rows)
    stats = {"format": FORMAT, "data": str(folder), "root": root, **stats}
    write_json_atomic(places.stats, stats)
    if not traced:
        raise DataError(
            f"None of the {len(tasks)} traces was accepted; {places.stats} says why. No records are written."
        )
    rows = [{"id": o.sample, "process": o.trace, "claims": o.claims} for o in outcomes if o.trace]
    write_jsonl_atomic(places.claims, rows, seal=False)  # to be changed, and checked again
    write_samples(places.records, traced)
    theirs = manifest_beside(folder) if prefix else None
    videos = {f"{prefix}{name}": entry for name, entry in theirs.files.items()} if theirs else {}
    extend_manifest(
        places.records.parent, [p.name for p in (places.records, places.claims, places.stats)], videos
    )
    return stats


def check_traces(tasks: Sequence[Task], file: Path) -> dict[str, Any]:
    """Judge given traces: {"accepted": [ids], "refused": {id: reason}}.

    An id is that of a question, or begins with it, so that there may be several traces of one. Raises DataError for a
    file that cannot be read, is not JSON or is not what the manifest beside it lists.
    """
    try:
        rows = read_jsonl(file, torn=False)
    except OSError as error:
        raise DataError(f"{file}: the traces cannot be read ({error.strerror}). Check the path.") from error
    check_listed(file)
    by_id = {task.sample.id: task for task in tasks}
    accepted: list[str] = []
    refused: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        name = str(row.get("id", f"line {number}"))
        task = by_id.get(max((one for one in by_id if name.startswith(one)), key=len, default=""))
        if task is None or not isinstance(row.get("process"), str):
            refused[name] = f"line {number}: " + (
                "no question has this id" if task is None else "`process` is no text"
            )
            continue
        report = verify(row["process"], task.metadata, task.sample, VerifierSettings(), row.get("claims"))
        if report.is_true:
            accepted.append(name)
        else:
            refused[name] = "; ".join(problem.sentence for problem in report.problems)
    return {"accepted": accepted, "refused": refused}


def _root(folder: Path, beside: Path) -> tuple[str, str | None]:
    """Return what paths begin with, and the root that a recipe must name, None where that is the records' folder."""
    data, records = folder.resolve(), beside.resolve()
    if data == records:
        return "", None
    if data.is_relative_to(records):
        return f"{data.relative_to(records).as_posix()}/", None
    return "", str(data)


def statistics(
    outcomes: Sequence[Outcome], recipe: CotRecipe | None, rows: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    """Return what a run came to, as stats.json holds it."""
    states = Counter(outcome.status.value for outcome in outcomes)
    refusals = [refusal for outcome in outcomes for refusal in outcome.refusals]
    by_reason: Counter[str] = Counter()
    by_round: dict[str, Counter[str]] = {}
    for refusal in refusals:
        named = [f"{refusal.stage}: {reason.removeprefix('judge: ')}" for reason in refusal.reasons]
        by_reason.update(named)
        by_round.setdefault(str(refusal.round), Counter()).update(named)
    calls = _calls(recipe, rows) if recipe else {}
    lost = [outcome for outcome in outcomes if outcome.status is not Status.ACCEPTED and outcome.refusals]
    return {
        "samples": len(outcomes),
        **{status.value: states[status.value] for status in Status},
        "acceptance": states[Status.ACCEPTED.value] / max(1, len(outcomes)),
        "polished": sum(outcome.is_polished for outcome in outcomes),
        "accepted_in_round": _counted(o.rounds for o in outcomes if o.status is Status.ACCEPTED),
        "refused_texts": dict(sorted(by_reason.items())),
        "refused_texts_by_round": {
            number: dict(sorted(found.items())) for number, found in sorted(by_round.items())
        },
        "lost_samples": _counted(reason for outcome in lost for reason in outcome.refusals[-1].reasons),
        "calls": calls,
        "cost": sum((call["cost"] for call in calls.values()), 0.0),
    }


def _counted(values: Iterable[Any]) -> dict[str, int]:
    return {
        str(value): count for value, count in sorted(Counter(values).items(), key=lambda item: str(item[0]))
    }


@dataclass
class _Calls:
    """What one role's calls came to."""

    finishes: Counter[str] = field(default_factory=Counter)
    latency: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    prompt: int = 0
    completion: int = 0

    def add(self, row: dict[str, Any]) -> None:
        """Count a call, as a row of the journal has it."""
        self.finishes[row["finish"]] += 1
        self.latency[row["latency"]] += 1
        self.faults.update(row["faults"])
        self.prompt += row["prompt_tokens"]
        self.completion += row["completion_tokens"]

    def as_json(self, model: Model) -> dict[str, Any]:
        """Return the counts, as stats.json holds them."""
        discarded = self.finishes[DISCARDED]
        return {
            "finished": self.finishes.total() - discarded,
            "discarded": discarded,
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "cost": model.cost(self.prompt, self.completion),
            "cut_off": self.finishes["length"],
            "latency": dict(sorted(self.latency.items())),
            "faults_before": dict(sorted(self.faults.items())),
        }


def _calls(recipe: CotRecipe, rows: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what each role's calls came to, those of earlier runs of the same journal included."""
    found = {role: _Calls() for role in ROLES}
    for row in rows:
        found[row["role"]].add(row)
    return {role: calls.as_json(getattr(recipe, role)) for role, calls in found.items()}


def estimate(tasks: Sequence[Task], recipe: CotRecipe) -> dict[str, Any]:
    """Return how many calls and tokens a run takes at most, where every text is refused until the last."""
    pipeline, video = recipe.pipeline, recipe.video
    texts = [filling(task.sample, task.metadata) for task in tasks]
    told = sum(len(text["timeline"]) + len(text["question"]) for text in texts) / CHARACTERS_PER_TOKEN
    count, written = len(tasks), recipe.generator.max_tokens
    drafts, verdicts = pipeline.rounds, pipeline.rounds * pipeline.verdict_attempts
    fixed = {name: len(getattr(recipe.prompts, name)) / CHARACTERS_PER_TOKEN for name in ROLES}
    again = recipe.prompts.reflection, recipe.prompts.repolish
    reflected, repolished = (len(text) / CHARACTERS_PER_TOKEN + 2 * written for text in again)
    generated = (
        drafts * (told + count * (fixed["generator"] + video.tokens)) + (drafts - 1) * count * reflected
    )
    attempts, extractions = pipeline.polish_attempts, pipeline.polish_attempts * pipeline.verdict_attempts
    judged = verdicts * (told + count * (fixed["judge"] + written))
    judged += extractions * count * (len(recipe.prompts.extractor) / CHARACTERS_PER_TOKEN + written)
    polished = attempts * count * (fixed["polisher"] + written + repolished)
    rows = {}
    for role, calls, prompt in zip(
        ROLES, (drafts, verdicts + extractions, attempts), (generated, judged, polished), strict=True
    ):
        endpoint = getattr(recipe, role)
        completion = calls * count * endpoint.max_tokens
        rows[role] = {
            "calls": calls * count,
            "prompt_tokens": round(prompt),
            "completion_tokens": completion,
            "cost": endpoint.cost(round(prompt), completion),
        }
    return {
        "samples": count,
        "calls": sum(row["calls"] for row in rows.values()),
        "tokens": sum(row["prompt_tokens"] + row["completion_tokens"] for row in rows.values()),
        "cost": sum(row["cost"] for row in rows.values()),
        "by_role": rows,
    }
