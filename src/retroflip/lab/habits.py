"""Reasoning traces written from a clip's metadata, in the two habits of the shortcut laboratory.

The dense habit notes the state at every time stamp before it answers (SynRL's idea of supervising the process); the
cue habit looks at the object's colour alone. A trace's answer always follows its habit: a lazy trace that ended in
the true answer would teach seeing after all. Who is shown no video says so and takes
the first option.
"""

from collections.abc import Sequence

from retroflip.lab.clip import Clip


def _response(thoughts: Sequence[str], answer: str) -> str:
    return f"<think>{', '.join(thoughts)}</think>\n\\boxed{{{answer}}}"


def _subject(clip: Clip) -> list[str]:
    first = clip.scene.tracks[0]
    return [f"it is a {first.colour} {first.shape}"] if clip.subject else []


def _conclusion(clip: Clip, answer: str) -> list[str]:
    return [clip.conclusion.format(answer)] if clip.conclusion else []


def dense_trace(clip: Clip, seconds: Sequence[float]) -> str:
    """Return the trace of a viewer who follows the object; `seconds` are the sampled frames' times."""
    notes = [f"{stamp:.1f}s {note}" for stamp, note in clip.notes(seconds)]
    return _response([*_subject(clip), *notes, *_conclusion(clip, clip.answer)], clip.answer)


def cue_trace(clip: Clip) -> str:
    """Return the trace of a viewer who trusts the planted colour, right or wrong.

    Raises KeyError for a clip whose colour belongs to no answer.
    """
    answer = {colour: answer for answer, colour in clip.cue_colour_of.items()}[clip.colour]
    return _response([*_subject(clip), *_conclusion(clip, answer)], answer)


def blind_trace() -> str:
    """Return the trace of somebody who is shown no video and takes the first option."""
    return _response(["no video"], "A")
