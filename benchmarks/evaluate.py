"""Several questions about one video: answered together behind one reading of it, and each alone.

    python benchmarks/evaluate.py --json                    # about three minutes on two idle cores
    python benchmarks/evaluate.py --tokens 8000 --questions 20 --draws 4

A Qwen3-VL with random weights is asked about the same videos by the same engine: once with all questions in a request
(half of them ask what another one does with the options in another order), once with a request for each. Both start
from the file. They take turns; a speed-up is the median over the rounds of (seconds of the other / seconds of ours),
and its `_cpu` the same in seconds that processors worked.

- speedup_vs_separate: against each question alone; logprob_max_diff: largest difference between the log-probabilities
  of the options' letters; equal_answers: whether all texts are the same, letter for letter.
- speedup_vs_transformers: against `generate` of the model's own class, through its own processor (`--engine
  transformers`), each question alone. Its answers are others where ours leaves out special tokens.
- speedup_vs_lmms_eval, with `--lmms-eval VENV` (an environment in which lmms-eval is installed): against its own
  command line, each question alone, once; without its start, its loading of the model and the first answer. It computes
  in bfloat16: `--dtype bfloat16` makes all others do so too. Where it does not run, lmms_eval says why.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import torch

from evaluate_parts import lmms
from evaluate_parts.lmms import Seconds
from retroflip.data.dataset import VideoDataset
from retroflip.data.sample import ProblemType, Sample
from retroflip.inference.base import Engine, Medium, Question, Reply, Request, Sampling
from retroflip.inference.ours import OurEngine
from retroflip.inference.plain import PlainEngine
from retroflip.models.encoding import Encoder
from retroflip.models.loading import DTYPES
from retroflip.video.encode import encode
from train_step_parts.workload import (
    TOKEN_SIDE,
    build_model,
    drifting_texture,
    frames_of,
    picture_size,
    processor,
)

WAYS = ("to the left", "to the right", "upwards", "downwards")
WORDS = ("picture", "pattern", "ground", "grain", "texture")
Replies: TypeAlias = Mapping[tuple[str, int], Reply]
"""by question and draw"""


def samples_of(videos: Sequence[str], questions: int) -> list[list[Sample]]:
    """Return the questions about each video."""
    return [[_sample(video, number) for number in range(questions)] for video in videos]


def _sample(video: str, number: int) -> Sample:
    word, turn = WORDS[number // 2 % len(WORDS)], number % 2
    return Sample(
        id=f"{video}-{number}",
        video=video,
        question=f"Which way does the {word} move in part {number // (2 * len(WORDS)) + 1} of the video?",
        options=WAYS[::-1] if turn else WAYS,
        solution="A",
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source_clip=video,
    )


def requests_of(dataset: VideoDataset, samples: Sequence[Sample], draws: int) -> list[Request]:
    """Return one request with all questions about a video, which is decoded for it."""
    medium = Medium(dataset.load(samples[0]))
    questions = tuple(Question(sample, tuple(range(draws))) for sample in samples)
    return [Request((medium,), questions)]


def answers(
    engine: Engine, dataset: VideoDataset, asked: Sequence[Sequence[Sample]], sampling: Sampling, draws: int
) -> Replies:
    """Return all replies by question and draw; each entry of `asked` is one request."""
    found = {}
    for samples in asked:
        for answer in engine.answer(requests_of(dataset, samples, draws), sampling):
            found[samples[answer.question].id, answer.draw] = answer.reply
    return found


def timed(work: Callable[[], Any]) -> tuple[Seconds, Any]:
    """Return what a work takes and gives."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu), found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="small", choices=("tiny", "small"))
    parser.add_argument("--tokens", type=int, default=2000, help="of a prompt with its video, about")
    parser.add_argument("--questions", type=int, default=10, help="about each video")
    parser.add_argument("--videos", type=int, default=2)
    parser.add_argument("--draws", type=int, default=1, help="of each question; several at temperature 1")
    parser.add_argument("--max-tokens", type=int, default=16, help="of an answer")
    parser.add_argument("--repeats", type=int, default=3, help="counted rounds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    parser.add_argument("--lmms-eval", type=Path, metavar="VENV", help="environment that has lmms-eval")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    found = measure(given)
    table = "\n".join(f"{name}: {value}" for name, value in found.items())
    print(json.dumps(found) if given.json else table)  # noqa: T201 - its result


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Return all that is printed."""
    torch.manual_seed(0)
    seen = processor()
    model = build_model(given.preset, seen.tokenizer).to(DTYPES[given.dtype]).eval()
    sampling = Sampling(given.max_tokens, temperature=0.0 if given.draws == 1 else 1.0)
    with tempfile.TemporaryDirectory() as name:
        every = samples_of(write_videos(Path(name), given.videos, given.tokens), given.questions)
        alone = [[sample] for of_video in every for sample in of_video]
        dataset = VideoDataset([], Path(name), frames=frames_of(given.tokens))
        ours = OurEngine(model, Encoder(seen))
        ways = {
            "together": partial(answers, ours, dataset, every, sampling, given.draws),
            "separate": partial(answers, ours, dataset, alone, sampling, given.draws),
            "transformers": partial(answers, PlainEngine(model, seen), dataset, alone, sampling, given.draws),
        }
        rounds = [{way: timed(work) for way, work in ways.items()} for _ in range(given.repeats + 1)]
        theirs = lmms_eval(given, every, model, seen, Path(name)) if given.lmms_eval else None
    replies = {way: found for way, (_, found) in rounds[0].items()}
    counted = [{way: seconds for way, (seconds, _) in one.items()} for one in rounds[1:]]
    texts = {way: {key: reply.text for key, reply in found.items()} for way, found in replies.items()}
    found = {
        "speedup_vs_separate": speedup(counted, "separate"),
        "speedup_vs_transformers": speedup(counted, "transformers"),
        "logprob_max_diff": largest_difference(replies["together"], replies["separate"]),
        "equal_answers": texts["together"] == texts["separate"],
        "speedup_vs_separate_cpu": speedup(counted, "separate", cpu=True),
        "speedup_vs_transformers_cpu": speedup(counted, "transformers", cpu=True),
        "logprob_max_diff_transformers": largest_difference(replies["together"], replies["transformers"]),
        "equal_answers_transformers": texts["together"] == texts["transformers"],
    }
    for way in ways:
        found[f"seconds_{way}"] = statistics.median(one[way].wall for one in counted)
    if theirs is not None:
        found |= against(theirs, [one["together"] for one in counted])
    return found | {
        "sizes": {name: value for name, value in vars(given).items() if name not in ("json", "lmms_eval")},
        "machine": {
            "processors": os.cpu_count(),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }


def speedup(rounds: Sequence[Mapping[str, Seconds]], other: str, *, cpu: bool = False) -> float:
    """Return the median over the rounds of (seconds of the other / seconds of ours)."""
    index = Seconds._fields.index("cpu" if cpu else "wall")
    return statistics.median(one[other][index] / one["together"][index] for one in rounds)


def lmms_eval(
    given: argparse.Namespace, every: Sequence[Sequence[Sample]], model: Any, seen: Any, folder: Path
) -> Seconds | str:
    """Return what all questions take lmms-eval, or why it does not answer them."""
    model.save_pretrained(folder / "model")
    seen.save_pretrained(folder / "model")
    one_more = _sample(every[0][0].video, given.questions)
    run = lmms.Run(
        given.lmms_eval, folder, frames_of(given.tokens), TOKEN_SIDE**2, given.max_tokens, given.threads
    )
    try:
        return lmms.seconds(run, [one_more, *chain.from_iterable(every)])
    except lmms.NotRunError as error:
        return str(error)


def against(theirs: Seconds | str, ours: Sequence[Seconds]) -> dict[str, Any]:
    """Return lmms-eval's seconds beside those of our rounds, or why there are none."""
    if isinstance(theirs, str):
        return {"lmms_eval": theirs}
    return {
        "speedup_vs_lmms_eval": theirs.wall / statistics.median(one.wall for one in ours),
        "speedup_vs_lmms_eval_cpu": theirs.cpu / statistics.median(one.cpu for one in ours),
        "seconds_lmms_eval": theirs.wall,
    }


def write_videos(folder: Path, count: int, tokens: int) -> list[str]:
    """Write videos that fill a prompt of about so many tokens; return their names."""
    height, width = picture_size(tokens)
    names = [f"{number}.mp4" for number in range(count)]
    for seed, name in enumerate(names):
        encode(folder / name, drifting_texture(2 * frames_of(tokens), height, width, seed), 8)
    return names


def largest_difference(ours: Replies, others: Replies) -> float:
    """Return the largest difference between log-probabilities of options' letters."""
    differences = [
        abs(value - (others[key].log_probs or {})[letter])
        for key, reply in ours.items()
        for letter, value in (reply.log_probs or {}).items()
    ]
    return max(differences)


if __name__ == "__main__":
    main()
