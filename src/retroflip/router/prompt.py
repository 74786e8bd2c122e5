"""What a language model is asked when it is the Task Router, and how its response is read.

It is told question, options and right answer, and never sees the video (CRPO, section 3 and appendix C). The words are
our own: two worlds to imagine, then the table of both tests, then one word on the last line.
"""

import re

from retroflip.data.sample import ProblemType, Sample, TaskType
from retroflip.router.events import event_of

VERSION = "1"
_PROMPT = """\
Somebody answered a question about a video correctly. You cannot see the video. Decide from the question, its options \
and the right answer alone whether that answer would still be right in two imagined worlds.

World 1, the mirror: every frame is flipped, so that left and right change places. Nothing else does.
- The answer changes where it, or what the question points at, depends on left or right: sides, hands and feet, \
sideways motion, turning clockwise, letters and arrows whose mirror image is another.
- It does not where it is about up and down, near and far, colours, things, people, numbers, sizes, or the middle.

World 2, backwards: the frames are shown from the last to the first.
- The answer changes where what happens turns into something else (opening into closing, putting down into picking up, \
entering into leaving, growing into shrinking, moving one way into the other), and where the question is about order, \
about what is first, last, before or after, about a moment, or about a cause or what comes next.
- It does not where the answer is the same both ways: what lasts or repeats, how often, how fast, how long, what \
things look like, motion back and forth, no motion at all.

Apply both tests to the right answer itself: "up" to the question "left, right or up?" is the same in the mirror.

| mirror changes it | backwards changes it | word |
| --- | --- | --- |
| yes | no | Spatial |
| no | yes | Temporal |
| yes | yes | Spatiotemporal |
| no | no | Static |

Question: {question}
{options}Right answer: {answer}

Think briefly about each world. Then write the word, and nothing else, on the last line."""
_PLACE = re.compile(r"\{(question|options|answer)\}")
_AGAIN = (
    "\n\nYour last answer to this did not end in one of the four words alone. Leave the thinking out this time: write "
    "one line that holds nothing but Spatial, Temporal, Spatiotemporal or Static."
)


def words_of(sample: Sample, *, again: bool = False) -> str:
    """Return what a model is asked about a sample. again: after a response that could not be read."""
    options = "".join(f"({letter}) {text}\n" for letter, text in sample.lettered.items())
    is_span = sample.problem_type is ProblemType.GROUNDING
    parts = {
        "question": f"Does this happen in the video: {event_of(sample)}?" if is_span else sample.question,
        "options": f"Options:\n{options}" if options else "",
        "answer": "Yes" if is_span else sample.solution,
    }
    prompt = _PLACE.sub(lambda found: parts[found[1]], _PROMPT)
    return prompt + _AGAIN if again else prompt


def read_label(response: str) -> TaskType | None:
    """Return the label on a response's last line; None where that line is anything but one of the four words.

    >>> read_label("Neither test.\\n\\nStatic"), read_label("The answer is Static.")
    (<TaskType.STATIC: 'static'>, None)
    """
    lines = response.strip().splitlines()
    word = lines[-1].strip().strip("*_`").rstrip(".").casefold() if lines else ""
    return TaskType(word) if word in set(TaskType) else None
