"""Models for `retroflip cot` that are scripts: they read what they are asked and answer from the metadata."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from retroflip.cot.prompts import timeline
from retroflip.cot.trace_sets import read_tasks
from retroflip.draws import draw
from retroflip.synth.narration import Trace
from retroflip.synth.narration import narrated as told

Request = dict[str, Any]
AGREED = {"final_answer_correct": True, "event_order_correct": True, "times_aligned": True, "feedback": ""}


def text_of(message: dict[str, Any]) -> str:
    """Return the words of a message, without its pictures."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


class Models:
    """Answers as three models do. Tests replace one of `generate`, `judge`, `polish`."""

    def __init__(self, folder: Path) -> None:
        self._tasks = read_tasks(folder)
        self.generate: Callable[[Request, dict[str, Any]], str] = lambda _, metadata: draft(
            narrated(metadata)
        )
        self.extract: Callable[[Request], str] = self._extracted
        self.judge: Callable[[Request], str] = lambda _: json.dumps(AGREED)
        self.polish: Callable[[Request], str] = trace_asked_about

    def __call__(self, request: Request) -> str:
        """Return the response of the model that the request names."""
        if request["model"] == "judge":
            is_verdict = "final_answer_correct" in text_of(request["messages"][0])
            return self.judge(request) if is_verdict else self.extract(request)
        if request["model"] == "polisher":
            return self.polish(request)
        asked = text_of(request["messages"][0])
        (metadata,) = [task.metadata for task in self._tasks if timeline(task.metadata) in asked]
        return self.generate(request, metadata)

    def _extracted(self, request: Request) -> str:
        """Return the claims of whichever narrated trace has the most words in common with the text asked about."""
        asked = set(text_of(request["messages"][0]).split())
        traces = [narrated(task.metadata) for task in self._tasks]
        likest = max(traces, key=lambda trace: len(asked & set(trace.text.split())))
        return json.dumps({"sentences": sentences(likest)})


def narrated(metadata: dict[str, Any], style: str = "at") -> Trace:
    """Return a true trace."""
    return told(metadata, draw(0, "model", metadata["name"]), style)


def sentences(trace: Trace) -> list[dict[str, Any]]:
    """Return the sentences of a trace with their claims as JSON."""
    return [sentence.as_json() for sentence in trace.sentences]


def draft(trace: Trace) -> str:
    """Return a trace as a generator answers it."""
    return json.dumps({"sentences": sentences(trace), "answer": trace.answer})


def shifted(metadata: dict[str, Any], milliseconds: int = 700) -> str:
    """Return a fluent draft with every time off by the same amount, in its claims too."""
    events = [
        {**event, "start_ms": event["start_ms"] + milliseconds, "end_ms": event["end_ms"] + milliseconds}
        for event in metadata["events"]
    ]
    return draft(narrated({**metadata, "events": events}))


def trace_asked_about(request: Request) -> str:
    """Return the trace that a prompt holds."""
    found = re.search(r"<think>.*?</think>\n\\boxed\{[^}]*\}", text_of(request["messages"][0]), re.DOTALL)
    assert found
    # The prompt itself names the form; the trace is the last one in it.
    return found[0][found[0].rindex("<think>") :]


def write_recipe(path: Path, url: str, **sections: dict[str, Any]) -> Path:
    """Write a recipe about scripted models at that address that waits for nothing."""
    quick = {
        "base_url": url,
        "backoff_seconds": 0.01,
        "max_wait_seconds": 0.2,
        "timeout_seconds": 5.0,
        "retries": 3,
    }
    values: dict[str, Any] = {
        "kind": "cot",
        **{role: {**quick, "model": role} for role in ("generator", "judge", "polisher")},
        "video": {"frames": 2, "max_side": 32},
        "pipeline": {"workers": 1},
    }
    for name, section in sections.items():
        values[name] = {**values.get(name, {}), **section}
    path.write_text(yaml.safe_dump(values))
    return path
