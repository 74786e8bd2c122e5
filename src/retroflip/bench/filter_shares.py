"""The questions of a filter in shares, each asked by a process of its own, on whichever machine of a cluster.

FOLDER/share-0-of-4.jsonl   a share's questions: those about one file are in one share
FOLDER/share-0-of-4/        its answers, as those of `generate`; a share that was stopped goes on there, on any machine
"""

from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from retroflip.bench.job import Call, prepare, run
from retroflip.bench.questions import recorded_questions
from retroflip.data.columns import Columns
from retroflip.data.records import stream_samples, write_samples
from retroflip.data.sample import Modality, Sample
from retroflip.data.stored import StoredSamples
from retroflip.progress import Progress, Silence
from retroflip.workers import Engine


class Share(NamedTuple):
    """Some of the questions, whole in themselves: they are handed to other processes and machines."""

    call: Call
    questions: Path
    root: Path
    answers: Path


def ask(share: Share) -> Path:
    """Ask a share's questions, and return the folder of the answers. Raises as `bench.job.run` does."""
    questions = recorded_questions(share.questions, share.root, {}, tuple(Modality))
    run(share.call, prepare(share.call, questions), share.answers, Silence())
    return share.answers


def ask_in_shares(
    call: Call,
    data: tuple[Path, Path | None, Columns],
    folder: Path,
    count: int,
    engine: Engine,
    progress: Progress,
) -> list[Path]:
    """Ask the questions of a file in so many shares, and return the folders of their answers.

    data: the file, where its paths start (by default its folder) and its columns. Raises DataError as `stream_samples`
    does, and what goes wrong in a share.
    """
    file, root, columns = data
    folder.mkdir(parents=True, exist_ok=True)
    shares = _shares(call, file, (root or file.parent).absolute(), columns, folder.absolute(), count)
    progress.stage("asking", len(shares), "shares")
    for done, answers in enumerate(engine.run(ask, shares), start=1):
        progress.advance(done, answers.name)
    return [share.answers for share in shares]


def _shares(call: Call, file: Path, root: Path, columns: Columns, folder: Path, count: int) -> list[Share]:
    """Write the shares' questions, and return those that have some."""
    split = [StoredSamples() for _ in range(count)]
    for sample in stream_samples(file, columns):
        split[crc32(_about(sample).encode()) % count].append(sample)
    shares = []
    for number, samples in enumerate(split):
        if samples:
            place = folder / f"share-{number}-of-{count}"
            share = Share(call, place.with_name(f"{place.name}.jsonl"), root, place)
            write_samples(share.questions, samples)
            shares.append(share)
    return shares


def _about(sample: Sample) -> str:
    """Return which file a question is about, or its id where it is about none."""
    return sample.shown[0].path if sample.shown else sample.id
