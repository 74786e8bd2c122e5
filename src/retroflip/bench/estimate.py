"""What asking a data set takes, before a model is loaded: answers, tokens, hours and money.

Tokens of a video follow from the frames shown, their size within the pixel budget, and the size of a model's visual
tokens, which a preset says; the sizes of a few videos are looked up in their files. Words are counted by letters. It is
an estimate, and responses are counted at their limit.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from retroflip.bench.asking import MODEL_FREE
from retroflip.bench.catalogue import Catalogue
from retroflip.bench.presets import Preset
from retroflip.bench.records import Control
from retroflip.data.dataset import VideoDataset
from retroflip.data.media import MediumKind, ShownMedium
from retroflip.data.prompts import system_text, user_text
from retroflip.data.root import resolve
from retroflip.data.sample import Sample
from retroflip.errors import RetroflipError
from retroflip.train.conditions import Conditions
from retroflip.video.container import opened
from retroflip.video.decode import one_file
from retroflip.video.fit import BudgetFit

LOOKED_AT = 16
"""samples whose videos are opened, and whose words are counted"""
LETTERS_PER_TOKEN = 4.0
TEMPLATE = 12
"""tokens that a chat template puts around a question"""
PATCH = 28
"""side of a visual token of a model without a preset: Qwen2.5-VL's"""
SIZE = (360, 640)
"""height and width of a video that cannot be opened"""
FLOPS = 4e14
"""a second, of a large GPU at work"""
WRITING = 0.1
"""how fast responses are written, as a share of how fast prompts are read"""
PARAMETERS = 8.0
"""billions, of a model without a preset"""


class Load(NamedTuple):
    """What one control takes. read: tokens that are computed, where a video is read once for all its questions; sent:
    tokens of all prompts, as a server counts them; written: tokens of the responses at most."""

    answers: int
    read: int
    sent: int
    written: int


def estimate(
    dataset: VideoDataset,
    catalogue: Catalogue,
    conditions: Conditions,
    max_tokens: int,
    preset: Preset,
    prices: tuple[float, float] | None = None,
    gpus: int = 1,
) -> dict[str, Any]:
    """Return what asking takes, as JSON values.

    prices: of a million tokens read and written. gpus: as many processes work at once.
    """
    samples = _some(dataset.samples)
    video = fmean(_visual_tokens(dataset, one, conditions, preset) for one in samples)
    words = fmean(_word_tokens(catalogue.asking.as_asked(one), conditions) for one in samples)
    loads = {
        control.value: _load(catalogue, control, video, words, max_tokens)
        for control in catalogue.asking.controls
    }
    read, sent, written = (sum(getattr(one, name) for one in loads.values()) for name in Load._fields[1:])
    on_server = preset.endpoint is not None
    return {
        "questions": len(catalogue.samples),
        "videos": len(catalogue.videos()),
        "answers": sum(one.answers for one in loads.values()),
        "tokens_per_video": round(video),
        "tokens_per_question": round(words),
        "tokens_in": sent if on_server else read,
        "tokens_out_at_most": written,
        "hours_at_most": None if on_server else _hours(read, written, preset, gpus),
        "money_at_most": prices and round((sent * prices[0] + written * prices[1]) / 1e6, 2),
        "controls": {name: one._asdict() for name, one in loads.items()},
        "assumes": _assumptions(preset, gpus, on_server=on_server),
    }


def _some(samples: Sequence[Sample]) -> list[Sample]:
    step = max(1, len(samples) // LOOKED_AT)
    return [samples[number] for number in range(0, len(samples), step)][:LOOKED_AT]


def _word_tokens(sample: Sample, conditions: Conditions) -> float:
    text = system_text(sample, conditions.system_prompt) + user_text(sample)
    return TEMPLATE + len(text) / LETTERS_PER_TOKEN


def _visual_tokens(dataset: VideoDataset, sample: Sample, conditions: Conditions, preset: Preset) -> float:
    return sum(_of_medium(dataset, medium, conditions, preset) for medium in sample.shown)


def _of_medium(dataset: VideoDataset, medium: ShownMedium, conditions: Conditions, preset: Preset) -> float:
    frames = 1 if medium.is_image else conditions.frames
    if preset.tokens_per_frame is not None:
        return frames * preset.tokens_per_frame
    fit = BudgetFit(conditions.budget, None if medium.is_image else frames)
    try:
        height, width = fit.size(*_size(dataset, medium))
    except RetroflipError:
        height, width = SIZE
    patch = preset.patch or PATCH
    merged = 1 if medium.is_image else preset.merge
    return max(1.0, height * width / patch**2) * frames / merged


def _size(dataset: VideoDataset, medium: ShownMedium) -> tuple[int, int]:
    """Return a video's height and width as its file says; a usual size for what is no video file."""
    if medium.kind is not MediumKind.VIDEO:
        return SIZE
    path = resolve(dataset.root, medium.path)
    if not path.is_file():
        return SIZE
    with one_file(path), opened(path) as (_, stream):
        return stream.height, stream.width


def _load(catalogue: Catalogue, control: Control, video: float, words: float, max_tokens: int) -> Load:
    questions, draws = len(catalogue.samples), catalogue.asking.draws
    if control in MODEL_FREE:
        return Load(questions, 0, 0, 0)
    answers = questions * draws
    if control is Control.TEXT_ONLY:
        prompts = len(catalogue.prompts())
        return Load(
            answers, round(prompts * words), round(prompts * draws * words), prompts * draws * max_tokens
        )
    own_view = control in (Control.SINGLE_FRAME, Control.SHUFFLED_FRAMES)
    views = questions if own_view else len(catalogue.videos())
    read, sent = views * video + questions * words, answers * (video + words)
    return Load(answers, round(read), round(sent), answers * max_tokens)


def _hours(read: int, written: int, preset: Preset, gpus: int) -> float:
    speed = FLOPS / (2e9 * (preset.parameters or PARAMETERS))
    return round((read / speed + written / (WRITING * speed)) / 3600 / gpus, 3)


def _assumptions(preset: Preset, gpus: int, *, on_server: bool) -> Mapping[str, Any]:
    said: dict[str, Any] = {"letters_per_token": LETTERS_PER_TOKEN}
    if preset.tokens_per_frame is None:
        said |= {"patch": preset.patch or PATCH, "merge": preset.merge}
    if not on_server:
        said |= {"flops": FLOPS, "billions_of_parameters": preset.parameters or PARAMETERS, "gpus": gpus}
    return said
