"""Chat templates: brought into the form that a family's weights were trained on, and checked before anything runs."""

from collections.abc import Callable, Mapping
from typing import Any

from jinja2.exceptions import TemplateError

from retroflip.data.prompts import user_text
from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.errors import UsageError
from retroflip.models.families import family_of

_OWN_TEMPLATE = (
    "Use the chat_template.jinja that the model was released with, or mend this one; nothing was started."
)
_RAISED = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""what a template may raise: jinja lets through what the expressions in it do"""


def use_released_form(processor: Any) -> None:
    """Let the chat template write a video's placeholder without markers around it, where a family's release does so.

    Qwen3-VL's release replaced the template's <|vision_start|><|video_pad|><|vision_end|> as a whole by one
    <t seconds><|vision_start|>...<|vision_end|> per step (transformers 4.57, and vLLM). transformers 5.10 and later
    replaces the placeholder alone, which leaves two markers that the weights never saw. With a template that writes
    the placeholder alone every version makes the release's form, so a processor that is saved with it makes it
    outside of retroflip too.
    """
    if not family_of(processor).markers_per_step:
        return

    def rewritten(template: str) -> str:
        return template.replace(_marked_video(processor), processor.video_token)

    template = processor.chat_template
    if isinstance(template, Mapping):
        processor.chat_template = {name: rewritten(one) for name, one in template.items()}
    elif template is not None:
        processor.chat_template = rewritten(template)


def check_template(
    processor: Any, render: Callable[..., str], system_prompt_of: Callable[[Sample], str]
) -> None:
    """Raise UsageError unless the chat template writes all it is given: prompts, and a placeholder for what is seen.

    render: writes a sample's prompt behind the visual parts given, with another system prompt where `system` has one. A
    template that drops or doubles the question, the system prompt or the video makes every answer worthless without a
    word.
    """
    if processor.chat_template is None:
        raise UsageError(
            f"{_named(processor)} has no chat template, so no question can be put. {_OWN_TEMPLATE}"
        )
    tokens = {Modality.VIDEO: processor.video_token, Modality.IMAGE: processor.image_token}
    for modality in Modality:
        sample = _probe(modality)
        system = system_prompt_of(sample).strip()
        system = system and f"Probe 4210: {system}"  # a short one may stand elsewhere in the prompt too
        try:
            text = render(
                sample, *([] if modality is Modality.TEXT else [{"type": modality.value}]), system=system
            )
        except _RAISED as error:
            raise UsageError(
                f"The chat template of {_named(processor)} fails on a question about a {modality.value}: {error}. "
                f"{_OWN_TEMPLATE}"
            ) from error
        wanted = {"question": user_text(sample), "system prompt": system}
        for part, words in wanted.items():
            if words:
                _require_count(processor, modality, f"the {part}", text.count(words), 1)
        for kind, token in tokens.items():
            _require_count(processor, modality, f"the {kind.value}", text.count(token), int(kind is modality))
        if family_of(processor).markers_per_step and _marked_video(processor) in text:
            raise UsageError(
                f"The chat template of {_named(processor)} puts markers around the whole video in a way that retroflip "
                f"does not recognise, and the model's weights were trained without: let it write "
                f"{processor.video_token} alone where it now writes {_marked_video(processor)}. Nothing was started."
            )


def _require_count(processor: Any, modality: Modality, part: str, found: int, wanted: int) -> None:
    if found == wanted:
        return
    fault = f"leaves out {part}" if not found else f"writes {part} {found} times"
    raise UsageError(
        f"The chat template of {_named(processor)} {fault} of a question about a {modality.value}, where {wanted} is "
        f"right, so the model would answer something else. {_OWN_TEMPLATE}"
    )


def _probe(modality: Modality) -> Sample:
    return Sample(
        id="probe",
        video="" if modality is Modality.TEXT else "probe",
        question="Which way does probe 7301 go?",
        options=("to the left", "to the right"),
        solution="A",
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source_clip="probe",
        modality=modality,
    )


def _marked_video(processor: Any) -> str:
    return f"{processor.vision_start_token}{processor.video_token}{processor.vision_end_token}"


def _named(processor: Any) -> str:
    return repr(processor.tokenizer.name_or_path or type(processor).__name__)
