"""Chat templates: put into the release's form, and refused where they lose or double what they are given."""

from pathlib import Path

import pytest
from test_encoding import QUESTION, frames_at

from random_models import (
    FAMILIES,
    MARKED_TEMPLATE,
    OTHER_FAMILIES,
    random_encoder,
    random_model,
    save_random_model,
)
from retroflip.errors import UsageError
from retroflip.models.encoding import Encoder
from retroflip.models.loading import load_processor, save_model
from retroflip.models.tiny.architecture import CHAT_TEMPLATE

MARKED = "<|vision_start|><|video_pad|><|vision_end|>"
STYLES = {
    "as a string": MARKED_TEMPLATE,
    "as plain text": MARKED_TEMPLATE.replace(f"{{{{ '{MARKED}' }}}}", MARKED),
    "in several places": MARKED_TEMPLATE + f"{{%- if video_alone -%}}{{{{ '{MARKED}' }}}}{{%- endif -%}}",
    "in the release's form already": CHAT_TEMPLATE,
}
"""templates that say the same; the first two are the styles of the templates on the hub"""
PART = "{%- else -%}{{ part.text }}{%- endif -%}"
VIDEO = "{{ '<|video_pad|>' }}"
FAULTY = {
    "leaves out the question": CHAT_TEMPLATE.replace(PART, "{%- endif -%}"),
    "writes the question 2 times": CHAT_TEMPLATE.replace("{{ part.text }}", "{{ part.text }}{{ part.text }}"),
    "leaves out the system prompt": CHAT_TEMPLATE.replace(
        "in messages -%}", "in messages if message.role == 'user' -%}"
    ),
    "leaves out the video": CHAT_TEMPLATE.replace(VIDEO, ""),
    "writes the video 2 times": CHAT_TEMPLATE.replace(VIDEO, VIDEO * 2),
    "leaves out the image": CHAT_TEMPLATE.replace("<|image_pad|>", ""),
    "fails on a question about a video": CHAT_TEMPLATE.replace(VIDEO, "{{ raise_exception('no videos') }}"),
    "puts markers around": CHAT_TEMPLATE.replace(
        VIDEO, "{{ '<|vision_start|>' + '<|video_pad|>' + '<|vision_end|>' }}"
    ),
}
"""what is said of each template"""
RAISING = ["{{ 1 / 0 }}", "{{ 'a' + 1 }}", "{{ range(10 ** 9) }}", "{{ [].pop() }}", "{{ none.text.more }}"]
"""expressions that fail with errors of Python and of jinja"""


@pytest.mark.parametrize("template", STYLES.values(), ids=STYLES)
@pytest.mark.parametrize("family", ["qwen3_vl", "qwen3_vl_moe"])
def test_qwen3_is_read_in_the_form_of_its_release(tmp_path: Path, family: str, template: str) -> None:
    """And so it is outside, by plain transformers with the processor that a run saves."""
    folder = save_random_model(family, tmp_path / "there")
    (folder / "chat_template.jinja").write_text(template)
    processor = load_processor(str(folder))
    frames = frames_at([0.0, 1.0, 3.0, 7.0, 7.5, 8.5], 32, 32)
    prompt = Encoder(processor).encode(QUESTION, frames)
    steps = "".join(
        f"<{second} seconds><|vision_start|>{'<|video_pad|>' * 4}<|vision_end|>"
        for second in ("0.5", "5.0", "8.0")
    )
    assert f"<|im_start|>user\n{steps}Where does it go?" in processor.tokenizer.decode(prompt.input_ids_L)
    model, _ = random_model(family)
    save_model(model, processor, tmp_path / "saved")
    assert MARKED not in (tmp_path / "saved" / "chat_template.jinja").read_text()


@pytest.mark.parametrize("words", ["hi", "Which", "user", "to the left", "?"])
def test_a_system_prompt_may_stand_in_the_question_too(words: str) -> None:
    encoder = Encoder(random_encoder("qwen3_vl").processor, words)
    text = encoder.tokenizer.decode(encoder.encode(QUESTION, frames_at([0.0, 1.0], 32, 32)).input_ids_L)
    assert f"system\n{words}<|im_end|>" in text


@pytest.mark.parametrize("family", ["qwen2_vl", "qwen2_5_vl"])
def test_qwen2_keeps_its_markers(tmp_path: Path, family: str) -> None:
    processor = load_processor(str(save_random_model(family, tmp_path)))
    text = processor.tokenizer.decode(Encoder(processor).encode(QUESTION, frames_at([0.0, 1.0])).input_ids_L)
    assert text.count("<|vision_start|><|video_pad|>") == text.count("<|video_pad|><|vision_end|>") == 1


@pytest.mark.parametrize(("fault", "template"), FAULTY.items(), ids=FAULTY)
def test_a_template_that_changes_what_is_asked_is_refused(tmp_path: Path, fault: str, template: str) -> None:
    folder = save_random_model("qwen3_vl", tmp_path)
    (folder / "chat_template.jinja").write_text(template)
    processor = load_processor(str(folder))
    with pytest.raises(UsageError, match=fault) as caught:
        Encoder(processor)
    assert str(tmp_path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("expression", RAISING)
def test_whatever_a_template_raises_is_named_as_its_fault(expression: str) -> None:
    _, processor = random_model("qwen3_vl")
    processor.chat_template = CHAT_TEMPLATE + expression
    with pytest.raises(UsageError, match="fails on a question about"):
        Encoder(processor)


def test_a_processor_without_a_template_is_refused() -> None:
    _, processor = random_model("qwen3_vl")
    processor.chat_template = None
    with pytest.raises(UsageError, match="has no chat template"):
        Encoder(processor)


@pytest.mark.parametrize("family", [*FAMILIES, *OTHER_FAMILIES])
@pytest.mark.parametrize("system_prompt", [None, "", "  Answer at once.\n"])
def test_the_known_templates_pass(family: str, system_prompt: str | None) -> None:
    Encoder(random_encoder(family).processor, system_prompt)


def test_named_templates_are_all_put_into_the_releases_form(tmp_path: Path) -> None:
    folder = save_random_model("qwen3_vl", tmp_path)
    more = folder / "additional_chat_templates"
    more.mkdir()
    for path in (folder / "chat_template.jinja", more / "tool_use.jinja"):
        path.write_text(MARKED_TEMPLATE)
    processor = load_processor(str(folder))
    assert set(processor.chat_template) == {"default", "tool_use"}
    assert set(processor.chat_template.values()) == {CHAT_TEMPLATE}
    Encoder(processor)
