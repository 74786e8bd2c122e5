"""Attribution by gradients: how much a frame's pixels matter to how well the policy foretells the question.

STRIVE, section 4.2: "the gradient of the language modeling loss (restricted to the question tokens) with respect to
the input video pixels. The spatially-averaged L2 norm of these spatiotemporal gradients directly serves as our
probabilistic sampling weights."

Shapes: L prompt tokens, P patches, F frames, C H W; T frames as encoded, in whole steps of the model.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError
from retroflip.models.encoding import Encoder, Prompt, batch_prompts
from retroflip.models.features import encode_visuals, sighted_inputs
from retroflip.models.scorers.base import Scores, scorer_id, undisturbed
from retroflip.video.frames import Frames

TINY = torch.finfo(torch.float64).tiny


class GradientScorer:
    """The logarithm of each frame's share of the gradient: with tau = 1, softmax(scores / tau) is the paper's weights.

    The prompt is the policy's own for a video, without a system prompt: what stands before the question besides the
    video would be part of what foretells it.
    """

    def __init__(self, model: Any, processor: Any) -> None:
        self.model = model
        self.encoder = Encoder(processor, system_prompt="")
        self.id = scorer_id("gradient", model, processor.video_processor)

    def scores(self, frames: Frames, question: str) -> Scores:
        """Return log(w_f / sum of w), w_f the mean over a frame's pixels of the L2 norm over its channels.

        A frame without any gradient has the smallest weight that a float64 can hold, and NaN stands for all frames
        where no frame has a gradient.
        """
        gradients_FCHW = self.gradients(frames, question).double().cpu()
        weights_F = gradients_FCHW.norm(dim=1).mean(dim=(1, 2))
        scores: Scores = (weights_F / weights_F.sum()).clamp(min=TINY).log().numpy()
        return scores

    def remark(self, questions: Sequence[str]) -> str | None:  # noqa: ARG002 - the protocol's
        """Return nothing: questions of any length are read whole."""
        return None

    def gradients(self, frames: Frames, question: str) -> Tensor:
        """Return the gradient of the mean loss of the question's tokens with respect to all pixels, (F, C, H, W).

        Pixels are those that the model is given: resized and normalised by its processor. Frames in one step of the
        model keep gradients of their own, because a step is not mixed before its patches are embedded. A last frame
        that is repeated to fill its step has the sum of its copies' gradients. Parameters keep the gradients they have.

        Raises DataError where the prompt does not hold the question as it is.
        """
        # A pool holds more frames than the model is shown at once, so the processor shrinks them to its budget.
        prompt = self.encoder.encode(_asked(question), replace(frames, fitted=False))
        first, end = self._place(question, prompt)
        with undisturbed(self.model), torch.enable_grad():
            pixels_PD = _of_video(prompt.pixels_PD).to(self.model.device).requires_grad_()
            cut = replace(
                prompt,
                input_ids_L=prompt.input_ids_L[:end],
                token_types_L=prompt.token_types_L[:end],
                pixels_PD=pixels_PD,
            )
            (gradient_PD,) = torch.autograd.grad(self._loss(cut, first), pixels_PD)
        gradients_TCHW = self._unpatched(gradient_PD, prompt)
        shown_FCHW = gradients_TCHW[: len(frames)].clone()
        shown_FCHW[-1] += gradients_TCHW[len(frames) :].sum(dim=0)
        return shown_FCHW

    def _place(self, question: str, prompt: Prompt) -> tuple[int, int]:
        """Return where the question's tokens begin and end: the first such place after the video."""
        wanted = self.encoder.tokenizer(question, add_special_tokens=False)["input_ids"]
        ids = prompt.input_ids_L.tolist()
        video = int(prompt.token_types_L.nonzero().max())
        for first in range(video + 1, len(ids) - len(wanted) + 1):
            if wanted and ids[first : first + len(wanted)] == wanted:
                return first, first + len(wanted)
        raise DataError(
            f"The question {question!r} does not stand in the model's prompt as it is, so the gradient scorer cannot "
            "tell its tokens from the others. Is it empty, or does it begin or end with spaces that the chat template "
            "removes? Mend it, or choose the scorer policy."
        )

    def _loss(self, prompt: Prompt, first: int) -> Tensor:
        """Return the mean negative log-probability of the tokens from `first` to the end of the prompt."""
        batch = batch_prompts(self.model, [prompt], self.encoder.tokenizer.pad_token_id)
        predicting = torch.arange(first - 1, len(prompt.input_ids_L) - 1, device=self.model.device)
        logits_LV = self.model(
            input_ids=batch.input_ids_RL,
            position_ids=batch.positions_3RL,
            use_cache=False,
            logits_to_keep=predicting,
            **sighted_inputs(self.model, batch.input_ids_RL, encode_visuals(self.model, [prompt])),
        ).logits[0]
        return cross_entropy(logits_LV.float(), batch.input_ids_RL[0, first:])

    def _unpatched(self, patches_PD: Tensor, prompt: Prompt) -> Tensor:
        """Return patches as frames, (T, C, H, W): the inverse of the video processors' `patchify`."""
        processor = self.encoder.processor.video_processor
        merge, patch, deep = processor.merge_size, processor.patch_size, processor.temporal_patch_size
        grid = _of_video(prompt.grid_thw)
        steps, rows, columns = int(grid[:, 0].sum()), *grid[0, 1:].tolist()
        parts = patches_PD.view(
            steps, rows // merge, columns // merge, merge, merge, -1, deep, patch, patch
        )  # step; block row and column; row and column in the block; channel; frame of the step; pixel row and column
        ordered = parts.permute(0, 6, 5, 1, 3, 7, 2, 4, 8)
        return ordered.reshape(steps * deep, -1, rows * patch, columns * patch)


def _asked(question: str) -> Sample:
    """Return a sample whose text is the question and nothing else."""
    return Sample(
        id="question",
        video="video",
        question=question,
        solution="",
        problem_type=ProblemType.FREE_FORM,
        source_clip="video",
    )


def _of_video(part: Tensor | None) -> Tensor:
    if part is None:
        raise ValueError("a prompt about frames has pixels")
    return part
