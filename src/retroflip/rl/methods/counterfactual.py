"""The counterfactual of a question: the same question about its video mirrored or played backwards.

The task type says which of the two have a known relation to the answer (CRPO, section 3): one that changes a dynamic
question's answer, or either of them for a static question, whose answer stays. A counterfactual's own answer need not
be among the options; the null option, "None of the above", is what a model can then say.

The type of a question about when something happens is that of the event. A span alone says nothing of it, since it lies
elsewhere in every reversed video: `moved` says where. Answers are compared behind that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retroflip.data.answers import Answer
from retroflip.data.answers.grounded import grounded_text, parts_of
from retroflip.data.answers.spans import Span, mirrored, read_spans, spans_text
from retroflip.data.prompts import with_null_option
from retroflip.data.sample import Modality, Sample, TaskType
from retroflip.errors import DataError
from retroflip.rl.methods.base import branch_draw
from retroflip.video.transforms import Transform

TRANSFORMS: Mapping[TaskType, tuple[Transform, ...]] = {
    TaskType.SPATIAL: (Transform.FLIP,),
    TaskType.TEMPORAL: (Transform.REVERSE,),
    TaskType.SPATIOTEMPORAL: (Transform.FLIP, Transform.REVERSE),
    TaskType.STATIC: (Transform.FLIP, Transform.REVERSE),
}
"""the transformations whose relation to the answer is known, by task type"""


@dataclass(frozen=True)
class Counterfactual:
    """A question as it is asked about its transformed video, and whether its answer must change there."""

    question: Sample
    transform: Transform
    answer_changes: bool


@dataclass(frozen=True)
class Counterfactuals:
    """The counterfactuals that training uses: both transformations and the null option, but for ablations."""

    flip: bool = True
    reverse: bool = True
    null_option: bool = True

    def transforms(self, task_type: TaskType) -> tuple[Transform, ...]:
        """Return what may be done to the video of a question of this type; nothing where an ablation leaves nothing."""
        kept = {Transform.FLIP: self.flip, Transform.REVERSE: self.reverse}
        return tuple(transform for transform in TRANSFORMS[task_type] if kept[transform])

    def choose(self, sample: Sample, rng: np.random.Generator) -> Transform | None:
        """Return one of a question's transformations, all with equal probability; None where there is none.

        A static question about text in the picture is not mirrored: the text stays what it is and cannot be read, so
        that only a guess would be paid. Raises DataError where the sample has no task type.
        """
        task_type = required_task_type(sample)
        if len(sample.shown) > 1 and task_type.dynamic and sample.counterfactual_solution is None:
            return None
        transforms = self.transforms(task_type)
        if task_type is TaskType.STATIC and sample.routing is not None and sample.routing.flip_unsafe:
            transforms = tuple(transform for transform in transforms if transform is not Transform.FLIP)
        return transforms[int(rng.integers(len(transforms)))] if transforms else None

    def drawn(self, sample: Sample, seed: int, epoch: int) -> Counterfactual | None:
        """Return the counterfactual that a run with this seed shows in this epoch, counted from 0.

        None for an image or a text, and where an ablation leaves none. Raises DataError as `choose` does.
        """
        if sample.modality is not Modality.VIDEO:
            return None
        transform = self.choose(sample, branch_draw(seed, sample.id, epoch))
        if transform is None:
            return None
        question = with_null_option(sample) if self.null_option else sample
        return Counterfactual(question, transform, required_task_type(sample).dynamic)


def moved(answer: Answer | None, transform: Transform, between: Span | None) -> Answer | None:
    """Return an answer as it would stand of the transformed video where the same thing happens in it.

    A span lies elsewhere in a reversed video, by the frames that are shown (`mirrored`); a mirror image leaves it, and
    all other answers stay. between: seconds of the first and the last frame. Raises ValueError for a span without them.
    """
    if answer is None or transform is not Transform.REVERSE or answer.kind not in ("span", "grounded"):
        return answer
    if between is None:
        raise ValueError("a span in a reversed video needs the seconds between which frames are shown")
    if answer.kind == "span":
        return Answer("span", _mirrored(read_spans(answer.value), between))
    letter, spans = parts_of(answer.value)
    return Answer("grounded", grounded_text(letter, _mirrored(spans, between)), answer.span_share)


def _mirrored(spans: Sequence[Span], between: Span) -> str:
    return spans_text([mirrored(span, between) for span in spans])


def required_task_type(sample: Sample) -> TaskType:
    """Return a sample's task type. Raises DataError where it has none."""
    if sample.task_type is None:
        kinds = ", ".join(f'"{kind.value}"' for kind in TaskType)
        raise DataError(
            f"Sample {sample.id!r} ({sample.video}) has no task type, and CRPO needs one to choose the "
            "counterfactual and to know whether the answer must change. Add the key 'task_type' to its "
            f"record with one of {kinds}, or train with the method grpo, which needs none."
        )
    return sample.task_type
