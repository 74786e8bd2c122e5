"""Make `retroflip-tiny` again from nothing: tokenizer, untrained model, one supervised run on freshly drawn clips.

The lessons are dense (SynRL's idea of supervising the process): before the direction word the model must write where
the object is at each time stamp. Answering straight away stayed at chance for thousands of steps; with the notes the
same model follows the object within a few hundred. Nothing here has a planted cue: colours are drawn independently of
answers, so the shortcut of the laboratory is something that only its own training can teach.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, TrainerCallback
from trl.trainer.sft_config import SFTConfig

from retroflip.data.prompts import SYSTEM_PROMPT, user_text
from retroflip.draws import draw
from retroflip.lab.clip import Clip
from retroflip.lab.habits import cue_trace, dense_trace
from retroflip.lab.kinds import KINDS
from retroflip.lab.render import render
from retroflip.lab.samples import sample_of
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.loading import save_model
from retroflip.models.tiny.architecture import FRAMES, SIDE, build_model, build_processor, build_tokenizer
from retroflip.sft.trainer import VideoSFTTrainer
from retroflip.video.sampling import uniform_indices

SHARES = {
    "moving_direction": 0.25,
    "moving_direction_8": 0.15,
    "reversible_dynamics": 0.25,
    "event_sequence": 0.15,
    "static": 0.2,
}
"""how often each kind is drawn"""

LossListener = Callable[[int, int, float], None]
"""called with (step, steps, loss)"""


@dataclass(frozen=True)
class FreshClips:
    """Lessons without a codec: clip number i is a function of (seed, i).

    One clip in four is drawn at twice the size, so that the model also meets what the processor makes of larger video.
    """

    encoder: Encoder
    seed: int
    count: int

    def __len__(self) -> int:
        return self.count

    def clip(self, index: int) -> Clip:
        """Return clip number `index`."""
        rng = draw(self.seed, "clip", index)
        kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        return KINDS[kind](rng)

    def lesson(self, index: int) -> tuple[Prompt, str]:
        """Return the clip's question and the trace of a viewer who follows the object."""
        clip = self.clip(index)
        size = 2 * SIDE if index % 4 == 0 else SIDE
        frames = render(clip.scene, size, uniform_indices(len(clip.scene), FRAMES))
        name = str(index)
        sample = sample_of(clip, identity=name, video=name, source_clip=name, null_option=True)
        return self.encoder.encode(sample, frames), dense_trace(clip, frames.seconds)


def corpus(seed: int, clips: int = 6_000) -> list[str]:
    """Return texts of the kind the model reads and writes, for its tokenizer."""
    texts = [SYSTEM_PROMPT] * (clips // 10)
    for index in range(clips):
        rng = draw(seed, "corpus", index)
        clip = KINDS[str(rng.choice(list(KINDS)))](rng)
        seconds = [frame / clip.scene.fps for frame in uniform_indices(len(clip.scene), FRAMES)]
        texts.append(user_text(sample_of(clip, identity="", video="", source_clip="", null_option=True)))
        texts.append(dense_trace(clip, seconds))
        if clip.colour in clip.cue_colour_of.values():
            texts.append(cue_trace(clip))
        texts.append("".join(f"<{second:.1f} seconds>" for second in seconds))
    return texts


class _Report(TrainerCallback):
    def __init__(self, listener: LossListener) -> None:
        self.listener = listener

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002 - the callback's signature
        if "loss" in kwargs["logs"]:
            self.listener(state.global_step, state.max_steps, kwargs["logs"]["loss"])


def build(out: Path, listener: LossListener, *, steps: int = 5_000, batch: int = 16, seed: int = 0) -> None:
    """Train the model and write it to `out` as safetensors, with its processor and chat template."""
    tokenizer = build_tokenizer(corpus(seed))
    processor = build_processor(tokenizer)
    model = build_model(tokenizer, seed)
    encoder = Encoder(processor)
    args = SFTConfig(
        output_dir=str(out),
        max_steps=steps,
        per_device_train_batch_size=batch,
        learning_rate=2e-3,
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={"num_decay_steps": int(0.35 * steps), "min_lr_ratio": 0.02},
        warmup_steps=100,
        weight_decay=0.01,
        adam_beta2=0.98,
        max_grad_norm=1.0,
        seed=seed,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        dataloader_num_workers=1,
        dataloader_prefetch_factor=4,
        activation_checkpointing=False,
        bf16=False,
        use_cpu=not torch.cuda.is_available(),
        logging_steps=50,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    lessons = FreshClips(encoder, seed, count=steps * batch)
    trainer = VideoSFTTrainer(
        model=model, args=args, lessons=lessons, encoder=encoder, callbacks=[_Report(listener)]
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    save_model(model, processor, out)
