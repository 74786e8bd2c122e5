"""What the models are told: the shipped texts, and how a sample is put into them."""

import json
import string
from collections.abc import Mapping
from typing import Any

from retroflip.data.prompts import user_text
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import RecipeError
from retroflip.recipes.reading import Origin
from retroflip.synth.sentence import derivation_texts

GENERATOR = """\
You watch a short video and answer a question about it. The right answer and the exact timeline are given, so that you \
can write the reasoning of somebody who watches attentively and reaches that answer by what is seen.

Question:
{question}

Right answer: {answer}

Timeline (times in seconds; trust it over the pictures):
{timeline}

Write the reasoning in the first person, in plain language, as a viewer of the video: never mention the timeline, \
metadata, or that the answer was given. Rules:
- Tell every event of the timeline in its order, each with the time at which it begins, to the tenth of a second, such \
as "At 00:02.5, the red circle turns left." or "From 00:02.5 to 00:04.0, ...".
- Say of an event what the timeline says of it, in its words or nearly so, one event a clause with its own time; add \
no colours, ways, numbers or events of your own.
- Give states (what is where, what holds what) exactly, or not at all. Leave out what the timeline does not give: \
where in the picture something is, that its speed is constant, what would happen if.
- Name places and things outright ("in row 1, column 3", "cup A"), never as "there", "the two" or "the others", and \
say of a number what it counts or adds up.
- Then conclude from what you told, and end with the answer.
- What you say of options names them by their letters and must be so of their words ("A and D begin with the line, so \
they are out").
- Use plain words and short sentences: what a program cannot look up is refused.

Give with every sentence its claims, what it states of the video, so that a program can check it. A claim is an object \
with some of the keys event, time, object, property, value and relation:
{examples}
A sentence may hold no time, number, colour, shape, object, way, place, doing, comparison or denial that none of its \
claims has: give every statement its claim, counts, comparisons, orders and conclusions too, in the order of the \
sentence. A sentence that states nothing of the video has no claims.

Answer with one JSON object and nothing else:
{{"sentences": [{{"text": "...", "claims": [...]}}, ...], "answer": "{box}"}}"""

CLAIMS = """\
- "At 00:02.5, the red circle turns left." {"event": "move", "time": 2.5, "object": "red circle", \
"property": "direction", "value": "left"}
- "It hits the left wall three times." {"event": "hit left wall", "property": "count", "value": 3}
- "The pile now reads 4, 7, 1." {"object": "pile", "property": "holds", "value": [4, 7, 1], "time": 6.3}
- "At the start cup A holds 12 and 5." {"object": "cup A", "property": "holds", "value": [12, 5], "relation": \
"at the start"}
- "So the star is in row 1, column 3." {"object": "star", "property": "cell", "value": [1, 3], "time": 5.2}
- "The star is slower than the cross." {"object": "star", "relation": "slower than", "value": "cross"}
- "It fades after the square jumps." {"event": "circle fades", "relation": "after", "value": "square jumps"}
- "It never turns right." {"event": "move", "property": "direction", "relation": "not", "value": "right"}
- "Before that, the pile was 9, 4, 7." {"object": "pile", "property": "holds", "value": [9, 4, 7], "time": 6.3, \
"relation": "before"}
- "It turns counter-clockwise at 1.2 s." {"event": "turn", "time": 1.2, "property": "sense", "value": \
"counter-clockwise"}
- "The third approach is 10 percent closer than the first." {"event": "third approach", "relation": "10 percent closer \
than", "value": "first approach"}
- "It hits the left wall more often than the right one." {"event": "hit left wall", "relation": "more often than", \
"value": "hit right wall"}
- "The cards are taken in the order 89, 83, 51." {"event": "take", "property": "order", "value": [89, 83, 51]}
- "The first hit is on the left wall." {"event": "first hit", "property": "wall", "value": "left"}
- "Until 1.8 s nothing happens." {"event": "nothing", "time": [0.0, 1.8]}
- "The swap at 3.0 s leaves the star alone." {"event": "swap", "time": 3.0, "object": "star", "relation": "not"}
- "B and D begin with the star, so they are out." {"property": "option", "value": ["B", "D"], "relation": "not"}
- "So the answer is 3." {"property": "answer", "value": 3}"""

EXTRACTOR = """\
List what this text states of a video, sentence by sentence, and add nothing to it. Each statement is a claim: an \
object with some of the keys event, time (seconds), object, property, value and relation, such as
{examples}

Text:
{trace}

Answer with one JSON object and nothing else:
{{"sentences": [{{"text": "the sentence as it stands", "claims": [...]}}, ...]}}"""

REFLECTION = """\
That reasoning has faults:
{feedback}

Write it again, whole, without them, by the same rules and in the same form. A fault quotes a sentence that is not \
true or that a program cannot look up: say it more plainly, or leave it out where it is only a remark. Keep every \
other sentence word for word, and every event and the conclusion."""

JUDGE = """\
You check whether a piece of reasoning about a video is true of the video's exact timeline.

Question:
{question}

Right answer: {answer}

Timeline (times in seconds):
{timeline}

Reasoning to be checked:
{trace}

Decide strictly, and only by the timeline:
- final_answer_correct: the reasoning reaches the right answer, by steps that agree with it, and the box holds it.
- event_order_correct: events are told in the order of the timeline; none is invented, and none is told otherwise than \
it happens.
- times_aligned: every time in the text lies within {tolerance} s of what it is told of.
- feedback: what is wrong and how to mend it, in a few sentences for the writer; an empty text where nothing is wrong.

Answer with one JSON object and nothing else, with exactly these keys: final_answer_correct, event_order_correct, \
times_aligned (true or false each) and feedback (a text)."""

POLISHER = """\
Make this reasoning about a video more natural and fluent to read. Keep every time, event, order, state, number, name \
and conclusion exactly as it is; add none and leave none out. Keep the form <think>...</think> with \\boxed behind it, \
and the content of the box.

Question:
{question}

Reasoning:
{trace}

Write the polished text in that form and nothing else."""

REPOLISH = """\
The polished text is no longer true:
{feedback}

Polish the original again, and keep what it says."""

_FIELDS = {
    "generator": {"question", "answer", "box", "timeline", "examples"},
    "extractor": {"trace", "examples"},
    "reflection": {"feedback"},
    "judge": {"question", "answer", "timeline", "trace", "tolerance"},
    "polisher": {"question", "trace"},
    "repolish": {"feedback"},
}
"""what each text may name in braces"""
_TOLD = ("type", "start_ms", "end_ms", "start_frame", "end_frame", "note")


def check(texts: Mapping[str, str], origin: Origin) -> None:
    """Raise RecipeError for a prompt that names what is not there."""
    for name, text in texts.items():
        try:
            named = {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}
        except ValueError as error:
            raise RecipeError(
                f"prompts.{name} {origin.of(f'prompts.{name}')}: {error}. Double the braces that are meant as such."
            ) from error
        if unknown := named - _FIELDS[name]:
            known = ", ".join(f"{{{field}}}" for field in sorted(_FIELDS[name]))
            raise RecipeError(
                f"prompts.{name} {origin.of(f'prompts.{name}')} names {{{sorted(unknown)[0]}}}, but only {known} are "
                "filled in. Double the braces that are meant as such."
            )


def boxed_answer(sample: Sample, metadata: Mapping[str, Any]) -> str:
    """Return what belongs into the box: the option's words, the number, or the text."""
    if sample.problem_type is ProblemType.MULTIPLE_CHOICE:
        return str(metadata["question"]["answer"])
    return sample.solution


def filling(sample: Sample, metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return what of a sample is filled into prompts."""
    answer = boxed_answer(sample, metadata)
    letter = f"{sample.solution}. " if sample.problem_type is ProblemType.MULTIPLE_CHOICE else ""
    return {
        "question": user_text(sample),
        "answer": f"{letter}{answer}",
        "box": answer,
        "timeline": timeline(metadata),
        "examples": CLAIMS,
    }


def timeline(metadata: Mapping[str, Any]) -> str:
    """Return the events and states of a video, one a line, and how the answer follows."""
    lines = [f"The video lasts {_seconds(metadata['video']['duration_ms'])} s."]
    for event in metadata["events"]:
        begins, ends = _seconds(event["start_ms"]), _seconds(event["end_ms"])
        when = begins if begins == ends else f"{begins} to {ends}"
        facts = {key: value for key, value in event.items() if key not in _TOLD}
        lines.append(f"- {when}: {event['note']} {json.dumps(facts, ensure_ascii=False)}")
    if metadata.get("term") == "long":
        lines.append("States (hidden ones too):")
        lines += [f"- {_seconds(state['ms'])}: {_facts_of(state)}" for state in metadata["states"]]
    lines += [
        "How the answer follows:",
        *(f"- {sentence}" for sentence in derivation_texts(metadata["derivation"])),
    ]
    return "\n".join(lines)


def _facts_of(state: Mapping[str, Any]) -> str:
    facts = {key: value for key, value in state.items() if key not in ("ms", "frame")}
    return json.dumps(facts, ensure_ascii=False)


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.1f}"
