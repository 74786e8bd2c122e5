"""The event that a grounding question wants to be found, out of the words around it.

What a mirror or a reversal does to the answer is then a question about the event alone. Its span is known in either
clip: it stays, or lies at [T - end, T - start]. The right answer changes where the event is no longer what happens
there: "opening the door" is not seen backwards, "a ball on the table" is (ArrowGEV's time-sensitive and
time-insensitive events).
"""

import re

from retroflip.data.sample import Sample

_BEFORE = re.compile(
    r"""\A.*?\b(?:description|query|sentence|event|caption|moment|action)\b[^:"']{0,60}[:"']\s*"""
    r"|\A\W*(?:when|(?:at|in|during)\s+(?:what|which)\s+\w+|(?:find|locate|localize|ground|identify)\b.{0,60}?\b"
    r"(?:when|where|in which|of))\s+(?:exactly\s+)?(?:(?:does|do|did|is|are|was|were|can)\s+)?",
    re.IGNORECASE | re.DOTALL,
)
_BEHIND = re.compile(
    r"""["']?[.,?!]?\s*(?:(?:please|give|provide|answer|output|determine|return|respond|write)\b.*"""
    r"|(?:occur|happen|take place|start|end)s?\s*(?:in the (?:video|clip))?\W*)\Z",
    re.IGNORECASE | re.DOTALL,
)


def event_of(sample: Sample) -> str:
    """Return what a grounding question looks for; the whole question where it stands alone in it.

    >>> from retroflip.data.sample import ProblemType
    >>> question = "Locate the segment of the description: a man opens a door. Please give [start, end]."
    >>> event_of(Sample(id="s", video="v", question=question, solution="[1, 2]",
    ...                 problem_type=ProblemType.GROUNDING, source_clip="c"))
    'a man opens a door'
    """
    without = _BEFORE.sub("", sample.question, count=1)
    return _BEHIND.sub("", without).strip(" \n\"'?.") or sample.question
