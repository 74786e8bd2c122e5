"""Questions about one video, which is read once, are answered as each is alone."""

from typing import Any

import numpy as np
import pytest
import torch

from random_models import FAMILIES, OTHER_FAMILIES, random_model
from retroflip.data.sample import Modality, Sample
from retroflip.errors import UsageError
from retroflip.inference import shared_video
from retroflip.inference.base import Medium, Question, Reply, Request, Sampling
from retroflip.inference.given import Given
from retroflip.inference.ours import OurEngine
from retroflip.inference.rollout import Roller
from retroflip.inference.shared_video import trunk_length
from retroflip.inference.vllm_engine import VLLMEngine
from retroflip.lab.kinds import KINDS
from retroflip.lab.render import render
from retroflip.lab.samples import sample_of
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.features import encode_visuals
from retroflip.video.frames import Frames
from retroflip.video.sampling import uniform_indices
from separate_rows import separate

LONGER = "Look at it from the first frame to the last, and then say which way the square goes in the end."


def shown(kind: str, size: int, frames: int) -> tuple[Sample, Frames]:
    clip = KINDS[kind](np.random.default_rng(frames))
    sample = sample_of(clip, identity=kind, video=kind, source_clip=kind)
    return sample, render(clip.scene, size, uniform_indices(len(clip.scene), frames))


def questions_of(sample: Sample) -> tuple[Question, ...]:
    """Return two draws of a question, a longer question, and its options in another order."""
    return (
        Question(sample, (1, 2)),
        Question(sample.model_copy(update={"question": LONGER}), (3,)),
        Question(sample.model_copy(update={"options": sample.options[::-1]}), (4, 5, 6)),
    )


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    """Return requests about videos of two lengths, an image, and nothing."""
    (one, video), (two, other) = shown("moving_direction", 64, 8), shown("static", 96, 5)
    image = two.model_copy(update={"modality": Modality.IMAGE})
    still = Frames(other.pixels_TCHW[:1], other.seconds[:1])
    return [
        Request((Medium(video),), questions_of(one)),
        Request((Medium(other),), questions_of(two)),
        Request((Medium(still, is_image=True),), questions_of(image)),
        Request((), questions_of(one)[:2]),
    ]


def replies(engine: OurEngine, requests: list[Request], sampling: Sampling) -> dict[tuple[int, ...], Reply]:
    return {answer[:3]: answer.reply for answer in engine.answer(requests, sampling)}


def roller_of(model: Any, encoder: Encoder) -> Roller:
    end = model.generation_config.eos_token_id
    return Roller(
        model,
        pad_token=encoder.tokenizer.pad_token_id,
        end_tokens=[encoder.tokenizer.eos_token_id]
        if end is None
        else [end]
        if isinstance(end, int)
        else end,
        special_tokens=encoder.special_tokens,
    )


@pytest.mark.parametrize(
    ("family", "temperature"),
    [("qwen3_vl", 0.0), *((family, 1.2) for family in (*FAMILIES, *OTHER_FAMILIES))],
)
def test_shared_questions_are_answered_as_each_alone(
    family: str, requests: list[Request], temperature: float
) -> None:
    """Alone: encoded by itself, read in one row by `Roller`, and its letters in the model's ordinary forward."""
    model, processor = random_model(family, seed=3)
    encoder = Encoder(processor)
    sampling = Sampling(8, temperature)
    found = replies(OurEngine(model, encoder, at_once=3), requests, sampling)
    roller, pad = roller_of(model, encoder), encoder.tokenizer.pad_token_id
    assert len(found) == sum(len(question.seeds) for request in requests for question in request.questions)
    for number, request in enumerate(requests):
        frames = request.media[0].frames if request.media else None
        for place, question in enumerate(request.questions):
            prompt = encoder.encode(question.sample, frames)
            features = encode_visuals(model, [prompt])
            of_question = [found[number, place, draw] for draw in range(len(question.seeds))]
            for seed, reply in zip(question.seeds, of_question, strict=True):
                ((alone,),) = roller.roll([prompt], features, [1], sampling, [seed])
                assert reply.text == encoder.decode(alone.ids)
                assert (reply.tokens, reply.truncated, reply.error) == (len(alone.ids), alone.truncated, None)
            letters = list(question.sample.lettered)
            ids = [encoder.tokenizer.encode(letter)[0] for letter in letters]
            expected = [float(separate(model, prompt, [token], pad, 1.0)[0].detach()) for token in ids]
            for reply in of_question:
                assert reply.log_probs is not None
                assert list(reply.log_probs) == letters
                np.testing.assert_allclose(list(reply.log_probs.values()), expected, atol=1e-5)


def test_a_video_is_encoded_and_read_once_for_all_its_questions(
    requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, processor = random_model("qwen3_vl", seed=3)
    engine = OurEngine(model, Encoder(processor))
    pixels: list[int] = []
    tokens: list[int] = []
    of_video = type(processor.video_processor)._preprocess

    def counted(self: Any, videos: Any, *args: Any, **kwargs: Any) -> Any:
        pixels.append(len(videos))
        return of_video(self, videos, *args, **kwargs)

    monkeypatch.setattr(type(processor.video_processor), "_preprocess", counted)
    towers: list[int] = []
    model.model.visual.register_forward_hook(lambda *_: towers.append(1))
    model.model.language_model.register_forward_pre_hook(
        lambda _, __, kwargs: tokens.append(kwargs["inputs_embeds"].shape[:2].numel()), with_kwargs=True
    )
    video = requests[0].media[0].frames
    assert video is not None
    found = replies(engine, requests[:1], Sampling(1, 0.0))
    assert (len(pixels), len(towers)) == (1, 1)
    prompts = engine.encoder.encode_all([question.sample for question in requests[0].questions], video)
    trunk = trunk_length(prompts)
    longest = max(len(prompt.input_ids_L) for prompt in prompts)
    assert tokens == [trunk, len(prompts) * (longest - trunk)]
    assert len(found) == 6


@pytest.mark.parametrize("limit", [1, 40_000])
def test_tails_that_are_read_a_part_at_a_time_are_the_same(
    requests: list[Request], monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    model, processor = random_model("qwen3_vl", seed=3)
    engine = OurEngine(model, Encoder(processor))
    whole = replies(engine, requests, Sampling(4, 0.0))
    monkeypatch.setattr(shared_video, "SCORES_BYTES", limit)
    parts = replies(engine, requests, Sampling(4, 0.0))
    assert [reply.text for reply in parts.values()] == [reply.text for reply in whole.values()]
    for one, other in zip(parts.values(), whole.values(), strict=True):
        assert one.log_probs == pytest.approx(other.log_probs, abs=1e-5)


def test_a_question_that_cannot_be_encoded_leaves_the_others_alone(requests: list[Request]) -> None:
    model, processor = random_model("qwen3_vl", seed=3)
    engine = OurEngine(model, Encoder(processor))
    good = requests[0].questions
    bad = good[0].sample.model_copy(update={"question": "What is <|video_pad|>?"})
    asked = Request(requests[0].media, (Question(bad, (1, 2)), *good))
    found = replies(engine, [asked], Sampling(4, 0.0))
    expected = replies(engine, requests[:1], Sampling(4, 0.0))
    assert "special token" in str(found[0, 0, 0].error)
    assert found[0, 0, 0] == found[0, 0, 1]
    assert {(0, key[1] - 1, key[2]): reply.text for key, reply in found.items() if key[1]} == {
        key: reply.text for key, reply in expected.items()
    }


def test_what_an_engine_cannot_do_is_said_before_anything_runs(
    requests: list[Request], tmp_path: Any
) -> None:
    model, processor = random_model("qwen3_vl", seed=3)
    engine = OurEngine(model, Encoder(processor))
    of_file = Request((Medium(file=tmp_path / "a.mp4"),), requests[0].questions)
    assert of_file.given is Given.FILE
    with pytest.raises(UsageError, match="takes frames and no files"):
        list(engine.answer([of_file], Sampling(1)))
    one_alone = VLLMEngine(Any, engine.encoder, {})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="takes 1 video or image a question, and one shows 2"):
        list(one_alone.answer([Request(requests[0].media * 2, requests[0].questions)], Sampling(1)))
    with pytest.raises(ValueError, match="by its frames or by its file"):
        Medium()


def test_prompts_that_part_before_the_end_of_the_video_are_refused() -> None:
    ids = torch.tensor([1, 5, 5, 2, 3])
    types = torch.tensor([0, 2, 2, 0, 0])
    assert (
        trunk_length([Prompt(ids, types), Prompt(torch.tensor([1, 5, 5, 2, 4, 4]), torch.zeros(6).long())])
        == 4
    )
    assert trunk_length([Prompt(ids, types)]) == 4
    with pytest.raises(ValueError, match="part before its end"):
        trunk_length([Prompt(ids, types), Prompt(torch.tensor([9, 5, 5, 2, 3]), types)])
