"""From a clip to the record that training and evaluation read."""

from retroflip.data.prompts import NULL_OPTION
from retroflip.data.sample import Modality, ProblemType, Sample, option_letter
from retroflip.lab.clip import Clip


def sample_of(
    clip: Clip,
    *,
    identity: str,
    video: str,
    source_clip: str,
    null_option: bool = False,
    pair: str | None = None,
    side: int | None = None,
    trace: str | None = None,
) -> Sample:
    """Return the clip's question as a sample, one of text alone where `video` is ''.

    `null_option` appends "None of the above" to its options.
    """
    return Sample(
        id=identity,
        modality=Modality.VIDEO if video else Modality.TEXT,
        video=video,
        question=clip.question,
        options=(*clip.options, NULL_OPTION) if null_option else clip.options,
        solution=option_letter(clip.options.index(clip.answer)),
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source=f"retroflip/{clip.task}",
        task=clip.task,
        task_type=clip.task_type,
        source_clip=source_clip,
        pair=pair,
        side=side,
        trace=trace,
    )
