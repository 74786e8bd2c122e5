"""Metadata of temporal videos written by hand, for tests of what is true of them."""

from typing import Any

from retroflip.data.sample import Sample
from retroflip.synth.corpus import sample_from


def metadata_of(
    events: list[dict[str, Any]],
    *,
    question: str,
    options: list[str],
    answer: str,
    derivation: list[str],
    objects: list[dict[str, Any]],
    states: list[dict[str, Any]] | None = None,
    seconds: float = 6.0,
    form: str = "choice",
    numeric: float | None = None,
) -> dict[str, Any]:
    """Return metadata as a data set has them, 30 frames a second."""
    timed = [
        {**event, "start_frame": event["start_ms"] * 30 // 1000, "end_frame": event["end_ms"] * 30 // 1000}
        for event in events
    ]
    return {
        "format": 1, "kind": "direction", "category": "direction", "term": "short", "domain": "spatial", "form": form,
        "name": "x-00000-0", "pair": None, "side": None, "split": "cot",
        "video": {"fps": 30, "frames": round(30 * seconds), "duration_ms": round(1000 * seconds),
                  "path": "videos/x.mp4"},
        "objects": objects, "events": timed, "states": states or [{"ms": 0, "frame": 0}], "derivation": derivation,
        "question": {
            "text": question, "mode": "perception", "parameters": {"object": "o1"}, "options": options,
            "answer": answer, "numeric": numeric, "task_type": "temporal",
        },
    }  # fmt: skip


def look(identity: str, colour: str, shape: str, role: str = "target") -> dict[str, Any]:
    """Return an object as metadata list it."""
    return {"id": identity, "shape": shape, "colour": colour, "name": f"{colour} {shape}", "role": role}


def event(kind: str, start_ms: int, end_ms: int, note: str, **facts: Any) -> dict[str, Any]:
    """Return an event as metadata list it."""
    return {"type": kind, "start_ms": start_ms, "end_ms": end_ms, "note": note, **facts}


TURN = metadata_of(
    [
        event("move", 0, 2167, "the purple diamond moves up", object="o1", direction="up"),
        event("move", 2167, 4300, "the purple diamond moves left", object="o1", direction="left"),
    ],
    question="Which directions does the purple diamond take?",
    options=["first up, then right", "first up, then left", "first right, then down", "first left, then up"],
    answer="first up, then left",
    derivation=["It goes up and then left, so the answer is: first up, then left."],
    objects=[look("o1", "purple", "diamond"), look("o2", "pink", "cross", "distractor")],
    seconds=4.333,
)
HITS = metadata_of(
    [
        event("hit", 500, 500, "the yellow circle hits the upper wall", object="o1", wall="upper"),
        event("hit", 1533, 1533, "the yellow circle hits the left wall", object="o1", wall="left"),
        event("hit", 2600, 2600, "the yellow circle hits the upper wall", object="o1", wall="upper"),
        event("hit", 3633, 3633, "the yellow circle hits the right wall", object="o1", wall="right"),
    ],
    question="How often does the yellow circle bounce off the upper wall?",
    options=["1", "2", "3", "4"],
    answer="2",
    derivation=["Counting the hits of the upper wall alone, the answer is: 2."],
    objects=[look("o1", "yellow", "circle"), look("o2", "red", "square", "distractor")],
    seconds=5.0,
    numeric=2.0,
)
CUPS = metadata_of(
    [
        event("reveal", 0, 1967, "the cups are transparent: A holds 6, 10; B holds 29", cups={"A": [6, 10], "B": [29]}),
        event("put", 2133, 2867, "chip 23 is dropped into the cup at B", place="B", chip=23),
        event("pour", 3933, 4667, "the cup at B is poured out into the cup at A", place="B", other="A"),
        event("blank", 5000, 5967, "the cups are opaque"),
    ],
    question="How many chips are in the cup at A at the end?",
    options=["1", "2", "3", "4"],
    answer="4",
    derivation=[
        "At the start, A holds 6, 10; B holds 29.",
        "When chip 23 is dropped into the cup at B: A holds 6, 10; B holds 23, 29.",
        "So for the cup at A the answer is: 4.",
    ],
    objects=[
        {"id": "cup A", "shape": "rectangle", "colour": "", "name": "cup at A"},
        {"id": "cup B", "shape": "rectangle", "colour": "", "name": "cup at B"},
        *({"id": f"chip {n}", "shape": "circle", "colour": "white", "name": f"chip {n}"} for n in (6, 10, 23, 29)),
    ],
    states=[
        {"ms": 2100, "frame": 63, "done": 0, "cups": {"A": [6, 10], "B": [29]}},
        {"ms": 3000, "frame": 90, "done": 1, "cups": {"A": [6, 10], "B": [23, 29]}},
        {"ms": 4800, "frame": 144, "done": 2, "cups": {"A": [6, 10, 23, 29], "B": []}},
    ],
    numeric=4.0,
)  # fmt: skip


def sample(metadata: dict[str, Any]) -> Sample:
    """Return the record of hand-written metadata."""
    return sample_from(metadata)
