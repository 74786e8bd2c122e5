"""The embedded Task Router: both tests by rules, as a pure function of a question, its options and its right answer.

What makes it more than a search for words: the mirror and reversal maps are applied to the right answer first. "Left,
then right" played backwards is what it was; "does not move" makes a question about direction static; an answer whose
image is another option is a certain yes, and that option is then the answer to the other clip, which is kept.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from retroflip.data.answers.answer import read_selection
from retroflip.data.answers.grounded import divided
from retroflip.data.sample import ProblemType, Sample, TaskType
from retroflip.errors import DataError
from retroflip.router.backwards import reversal_test
from retroflip.router.events import event_of
from retroflip.router.mirrored import flip_test
from retroflip.router.reading import Asked, Verdict, is_english
from retroflip.router.vocabulary import has, listed

_WRITTEN = listed(
    "written writing text word words subtitle subtitles caption captions headline plate logo spell spelled jersey "
    "label labels labelled labeled digit digits letter letters sign signs printed slogan banner poster scoreboard clock"
)
"""what is asked of text in the picture"""


class Conventions(BaseModel):
    """What the paper leaves open about the two tests, as settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    written_text: bool = Field(
        default=True, description="text in the picture marks a question as unsafe to mirror"
    )
    directional_counts: bool = Field(
        default=True, description="counts of entries, openings and the like are temporal"
    )
    objects_of_actions: bool = Field(
        default=True, description="what is put down, taken or opened is temporal: played backwards it is not"
    )
    body_sides: bool = Field(default=True, description="hands, feet and sides of the body change in a mirror")
    middle: bool = Field(
        default=False, description="the middle one of an odd number counted from a side changes in a mirror"
    )
    windows_are_cut: bool = Field(
        default=True, description="a part named in seconds is cut out before the clip is changed"
    )
    causes: bool = Field(default=True, description="causes, predictions and hypothetical events are temporal")


DEFAULT = Conventions()


class Decision(NamedTuple):
    """Both tests of one question. flip_unsafe: the mirror leaves the answer, but not the text it is read from."""

    flip: Verdict
    reversal: Verdict
    flip_unsafe: bool = False

    @property
    def label(self) -> TaskType:
        """The task type that the tests come to."""
        return TaskType.of(flip=self.flip.changes, reversal=self.reversal.changes)

    @property
    def confidence(self) -> float:
        """How sure both tests are: as sure as the less sure one."""
        return min(self.flip.confidence, self.reversal.confidence)

    @property
    def counterfactual(self) -> int | None:
        """The option that is right of the other clip; None where that is not known, or not the same for both clips."""
        found = {test.answer for test in (self.flip, self.reversal) if test.changes}
        return found.pop() if len(found) == 1 else None

    @property
    def reason(self) -> str:
        """The rules that decided, in words."""
        return f"flip: {self.flip.rule}; reversal: {self.reversal.rule}"


def decide(asked: Asked, conventions: Conventions = DEFAULT) -> Decision:
    """Return both tests of a question with one right answer."""
    flip = flip_test(asked, body_sides=conventions.body_sides, middle=conventions.middle)
    backwards = reversal_test(
        asked,
        counts=conventions.directional_counts,
        objects=conventions.objects_of_actions,
        causes=conventions.causes,
        windows_cut=conventions.windows_are_cut,
    )
    unsafe = conventions.written_text and not flip.changes and has(asked.words, _WRITTEN)
    return Decision(flip, backwards, unsafe)


def decide_sample(sample: Sample, conventions: Conventions = DEFAULT) -> Decision:
    """Return both tests of a sample. Of several right options each is tried, and one that changes is enough.

    Raises DataError for a question in another language than English, of which the rules know nothing.
    """
    is_span = sample.problem_type is ProblemType.GROUNDING
    if not is_english(event_of(sample) if is_span else sample.question):
        raise DataError(
            f"the question {sample.question!r:.60} does not seem to be English, and the rules read English alone. "
            "Give it a 'task_type', or name a model as the router."
        )
    decisions = [decide(asked, conventions) for asked in _asked(sample)]
    if len(decisions) == 1:
        return decisions[0]
    flip, backwards = (_any([getattr(one, test) for one in decisions]) for test in ("flip", "reversal"))
    return Decision(flip, backwards, not flip.changes and any(one.flip_unsafe for one in decisions))


def _asked(sample: Sample) -> list[Asked]:
    """Return a sample's question with each of its right answers; of a span, the event as what is told."""
    if sample.problem_type is ProblemType.GROUNDING:
        return [Asked("What happens in the video?", (), event_of(sample))]
    if not sample.problem_type.has_options:
        return [Asked(sample.question, (), sample.solution)]
    if sample.problem_type is not ProblemType.MULTI_SELECT:
        return [_with_option(sample, divided(sample.solution)[0])]
    right = read_selection(sample.solution, list(sample.lettered)) or sample.solution
    return [_with_option(sample, letter) for letter in right.split(", ")]


def _with_option(sample: Sample, letter: str) -> Asked:
    index = sample.letters.index(letter) if sample.letters else ord(letter) - ord("A")
    return Asked(sample.question, sample.options, sample.options[index], index)


def _any(tests: Sequence[Verdict]) -> Verdict:
    """Return that of several right options' verdicts which holds for the answer as a whole; its image is not known."""
    changing = [test for test in tests if test.changes]
    surest = max(changing, key=lambda test: test.confidence) if changing else None
    found = surest or min(tests, key=lambda test: test.confidence)
    return found._replace(answer=None)
