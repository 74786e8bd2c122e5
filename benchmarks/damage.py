"""One changed byte in any file that retroflip keeps: is the file named, or used?

    python benchmarks/damage.py [--changes 1000] [--seed 0] [--json]

Makes small, real artefacts of every kind, changes one byte at a random place of one of them at a time, and runs the
code by which commands read it. A change counts as named where that code stops with an error of retroflip's own whose
text holds the file's path. Prints a Markdown table, kind by kind; with --json an object, which also lists what was
written and belongs to no kind. Takes about two minutes for 1,000 changes, half of it to make the artefacts.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retroflip.bench.clip_pairs import Spatiotemporal, make_pairs
from retroflip.bench.records import Control
from retroflip.bench.score import score_run
from retroflip.cot.trace_sets import Places, check_traces, read_tasks, write_embedded
from retroflip.data.dataset import VideoDataset
from retroflip.data.manifest import read_manifest
from retroflip.data.records import read_samples, write_samples
from retroflip.data.sample import Sample, TaskType
from retroflip.errors import RetroflipError
from retroflip.files.storage import read_json_object
from retroflip.jobs.recipes import load_recipe
from retroflip.lab.laboratory import Laboratory, LabSettings, write_laboratory
from retroflip.llm.client import Reply
from retroflip.llm.journal import Journal
from retroflip.models.loading import load_processor
from retroflip.models.scorers.base import Scores
from retroflip.progress import Silence
from retroflip.report.load import load_run_directories
from retroflip.rl.frame_scores import score_all
from retroflip.rl.recipe import RlRecipe
from retroflip.sft.recipe import SftRecipe
from retroflip.study.stages import ask, tiny_recipe, trained
from retroflip.synth.corpus import CorpusSettings, read_metadata, write_corpus
from retroflip.synth.names import Split
from retroflip.train.conditions import read_trained
from retroflip.train.run_directory import STEP_FILES, RunDirectory
from retroflip.video.frames import Frames
from retroflip.workers import LocalEngine

Read = Callable[[Path], object]
"""reads a file, and whatever belongs to it, as a command does"""


@dataclass(frozen=True)
class Kind:
    """Files of one kind, and how a command reads the one that was changed."""

    name: str
    files: Sequence[Path]
    read: Read


class Brightness:
    """A scorer of frames that needs no model."""

    id = "brightness@1"

    def scores(self, frames: Frames, question: str) -> Scores:  # noqa: ARG002 - a scorer's signature
        """Return each frame's mean."""
        means: Scores = frames.pixels_TCHW.mean(axis=(1, 2, 3), dtype=np.float64)
        return means

    def remark(self, questions: Sequence[str]) -> str | None:  # noqa: ARG002 - a scorer's signature
        """Say nothing."""
        return None


def written(samples: Sequence[Sample], folder: Path) -> Path:
    """Write records of these into a folder of their own; return the file."""
    folder.mkdir(exist_ok=True)
    write_samples(folder / "records.jsonl", samples)
    return folder / "records.jsonl"


@contextmanager
def scratch(kept: Path | None) -> Iterator[Path]:
    """Give a folder for the artefacts, which goes at the end unless it was named."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="retroflip-damage-") as folder:
        yield Path(folder)


def kinds_in(root: Path) -> list[Kind]:
    """Make artefacts of every kind and say how they are read."""
    settings = LabSettings(seed=1, sft_samples=2, train_samples=5, pairs_per_task=1, size=64)
    lab = write_laboratory(root / "lab", settings, Silence())
    run = root / "run"
    return [
        *run_kinds(root, lab),
        *adapter_kinds(root, lab),
        *model_kinds(run / "model"),
        *answer_kinds(root / "answers", run / "model", lab),
        *data_kinds(root),
        *pair_kinds(root / "mirrored", lab),
        *other_kinds(root, lab),
    ]


def unlisted(root: Path, kinds: Sequence[Kind]) -> list[str]:
    """Return the names of files under `root` that belong to no kind, but for videos, which are one kind wherever."""
    held = {path.name for kind in kinds for path in kind.files}
    there = {path.name for path in root.rglob("*") if path.is_file() and path.suffix != ".mp4"}
    return sorted(there - held)


def run_kinds(root: Path, lab: Laboratory) -> Iterator[Kind]:
    """Train for two steps, a video out of reach, and keep a copy of the run as a kill would have left it."""
    lost, *others = read_samples(lab.train / "records.jsonl")
    small = {
        "data.records": written([lost.model_copy(update={"video": "lost.mp4"}), *others], root / "asked"),
        "data.root": lab.train, "data.max_failed_share": 0.5, "train.steps": 2, "train.samples_per_step": 2,
        "train.save_every": 1, "train.max_completion_length": 24, "method.rollouts": 2,
    }  # fmt: skip
    run = root / "run"
    trained(tiny_recipe(RlRecipe, "grpo", small), run, Silence())
    killed, resume = as_killed(run, root / "killed")

    def report(_: Path) -> None:
        load_run_directories([run])

    yield from checkpoint_kinds(killed, resume, "checkpoint")
    for name in STEP_FILES:
        yield Kind(f"{name}, resumed", [killed / name], resume)
    for name in (*STEP_FILES, "run.json", "summary.json", "complete", "failures.jsonl"):
        yield Kind(f"{name}, reported", [run / name], report)
    yield Kind("run.json, as a recipe", [killed / "run.json"], load_recipe)


def as_killed(run: Path, copy: Path) -> tuple[Path, Read]:
    """Copy a finished run as a kill would have left it; return the copy and what reads its last checkpoint."""
    if not copy.exists():
        shutil.copytree(run, copy)
        (copy / "complete").unlink()
    kept = RunDirectory(copy, attempt=1)
    return copy, lambda _: kept.check_checkpoint(last_checkpoint(copy))


def last_checkpoint(run: Path) -> Path:
    """Return the folder of a run's last checkpoint."""
    found = RunDirectory(run, attempt=1).last_checkpoint()
    if found is None:
        raise FileNotFoundError(f"{run} has no checkpoint")
    return found[1]


def checkpoint_kinds(run: Path, resume: Read, name: str) -> Iterator[Kind]:
    """Return every file of a run's last checkpoint."""
    for path in sorted(path for path in last_checkpoint(run).rglob("*") if path.is_file()):
        yield Kind(f"{name}: {path.name}", [path], resume)


def adapter_kinds(root: Path, lab: Laboratory) -> Iterator[Kind]:
    """Train adapters on answers for a step."""
    small = {
        "data.records": lab.sft / "records.jsonl", "train.steps": 1, "train.batch_size": 2, "train.save_every": 1,
        "model.lora": {"rank": 2, "alpha": 4},
    }  # fmt: skip
    trained(tiny_recipe(SftRecipe, "sft", small), root / "adapters", Silence())
    killed, resume = as_killed(root / "adapters", root / "adapters-killed")
    for kind in checkpoint_kinds(killed, resume, "checkpoint of adapters"):
        if "adapter" in kind.files[0].name:
            yield kind


def model_kinds(model: Path) -> Iterator[Kind]:
    """Return the files of a trained model."""
    listed = [model / name for name in read_manifest(model / "manifest.json").files]
    for path in [*listed, model / "manifest.json"]:
        yield Kind(f"model: {path.name}", [path], lambda _: load_processor(str(model)))
    yield Kind("model: retroflip.json", [model / "retroflip.json"], lambda _: read_trained(str(model)))


def answer_kinds(answers: Path, model: Path, lab: Laboratory) -> Iterator[Kind]:
    """Ask a model about four videos."""
    asked = VideoDataset(read_samples(lab.pairs / "records.jsonl")[:4], lab.pairs)
    if not (answers / "scores.json").exists():
        ask(answers, model, asked, [Control.FULL], Silence(), {"max_tokens": 16})
    for name in ("answers.jsonl", "run.json"):
        yield Kind(f"answers: {name}", [answers / name], lambda _: score_run(answers))
    yield Kind("answers: scores.json", [answers / "scores.json"], read_json_object)


def data_kinds(root: Path) -> Iterator[Kind]:
    """Write temporal videos with reasoning traces."""
    folder = root / "corpus"
    settings = CorpusSettings(kinds=("speed", "event_order"), per_task=2, seed=7, split=Split.COT)
    write_corpus(folder, settings, engine=LocalEngine(1), progress=Silence())
    samples = read_samples(folder / "records.jsonl")
    videos = VideoDataset(samples, folder, read_manifest(folder / "manifest.json"), frames=2)
    by_video = {folder / sample.video: sample for sample in samples}
    traces = Places.of(root / "traces")
    if not traces.records.exists():
        write_embedded(folder, read_tasks(folder), traces, 0, Silence())

    def write_again(_: Path) -> None:
        write_corpus(folder, settings, engine=LocalEngine(1), progress=Silence())

    yield Kind("data: records.jsonl", [folder / "records.jsonl"], read_samples)
    yield Kind("data: dataset.json", [folder / "dataset.json"], write_again)
    yield Kind("data: manifest.json", [folder / "manifest.json"], read_manifest)
    metadata = sorted((folder / "metadata").iterdir())
    yield Kind("data: metadata", metadata, lambda path: read_metadata(folder, path.stem))
    yield Kind("data: videos", sorted(by_video), lambda path: videos.load(by_video[path]))
    tasks = read_tasks(folder)
    yield Kind("traces: records.jsonl", [traces.records], read_samples)
    yield Kind("traces: claims.jsonl", [traces.claims], lambda path: check_traces(tasks, path))
    yield Kind("traces: manifest.json", [traces.records.parent / "manifest.json"], read_manifest)


def pair_kinds(folder: Path, lab: Laboratory) -> Iterator[Kind]:
    """Write two clips of the laboratory mirrored, about which a record says how the answer changes."""
    changed = {"task_type": TaskType.SPATIAL, "solution": "A", "counterfactual_solution": "B"}
    known = [s.model_copy(update=changed) for s in read_samples(lab.train / "records.jsonl")[:2]]
    records = written(known, folder.with_name("known"))

    def write_again(_: Path) -> None:
        make_pairs(records, lab.train, folder, Spatiotemporal.MIRROR, 18, Silence())

    write_again(folder)
    samples = read_samples(folder / "records.jsonl")
    videos = VideoDataset(samples, folder, read_manifest(folder / "manifest.json"), frames=2)
    by_video = {folder / sample.video: sample for sample in samples}
    yield Kind("pairs: records.jsonl", [folder / "records.jsonl"], read_samples)
    yield Kind("pairs: manifest.json", [folder / "manifest.json"], read_manifest)
    yield Kind("pairs: journal.jsonl", [folder / "journal.jsonl"], write_again)
    yield Kind("pairs: videos", sorted(by_video), lambda path: videos.load(by_video[path]))


def other_kinds(root: Path, lab: Laboratory) -> Iterator[Kind]:
    """Write a journal of calls and scores of frames."""
    journal = root / "journal.jsonl"
    if not journal.exists():
        calls = Journal(journal)
        for number in range(20):
            reply = Reply(f"It moves {number} times.\n\\boxed{{A}}", "stop", 100 + number, 20, 0.5, ())
            calls.add(f"{number:064x}", {"role": "generator", "sample": f"s{number}", "round": 1}, reply)
    yield Kind("journal of calls", [journal], Journal)
    train = lab.train
    dataset = VideoDataset(
        read_samples(train / "records.jsonl"), train, read_manifest(train / "manifest.json")
    )
    score_all(dataset, Brightness(), root / "scores", Silence())
    files = sorted((root / "scores").rglob("scores-*.jsonl"))
    files = [path for path in files if path.stat().st_size]
    yield Kind(
        "scores of frames",
        files,
        lambda _: score_all(dataset, Brightness(), root / "scores", Silence()),
    )


def is_named(kind: Kind, path: Path, place: int, byte: int) -> bool:
    """Change one byte, read, and put it back; return whether the file was named."""
    content = path.read_bytes()
    path.write_bytes(content[:place] + bytes([byte]) + content[place + 1 :])
    try:
        kind.read(path)
    except RetroflipError as error:
        return str(path) in str(error)
    else:
        return False
    finally:
        path.write_bytes(content)


def measure(kinds: Sequence[Kind], changes: int, seed: int) -> list[dict[str, object]]:
    """Return for every kind how many bytes were changed, how many changes were named, and where the others were."""
    draws = np.random.default_rng(seed)
    rows = []
    for number, kind in enumerate(kinds):
        share = changes // len(kinds) + (number < changes % len(kinds))
        used = []
        for _ in range(share):
            path = kind.files[int(draws.integers(len(kind.files)))]
            content = path.read_bytes()
            place = int(draws.integers(len(content)))
            byte = (content[place] + int(draws.integers(1, 256))) % 256
            if not is_named(kind, path, place, byte):
                used.append(f"{path.name}[{place}]: {content[place]:#04x} -> {byte:#04x}")
        rows.append({"kind": kind.name, "changed": share, "named": share - len(used), "used": used})
    return rows


def main() -> int:
    """Print the table; exit with 1 where a damaged file was used."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--changes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--keep", type=Path, help="a folder for the artefacts, which are used again when there"
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with scratch(asked.keep) as root:
        kinds = kinds_in(root)
        beside = unlisted(root, kinds)
        rows = measure(kinds, asked.changes, asked.seed)
    total = {name: sum(int(str(row[name])) for row in rows) for name in ("changed", "named")}
    if asked.json:
        print(json.dumps({"seed": asked.seed, **total, "kinds": rows, "unlisted": beside}, indent=2))  # noqa: T201 - its result
    else:
        lines = [f"| {row['kind']} | {row['changed']} | {row['named']} |" for row in rows]
        head = ["| file | changed | named |", "| --- | ---: | ---: |"]
        print("\n".join([*head, *lines, f"| all | {total['changed']} | {total['named']} |"]))  # noqa: T201 - its result
    return int(total["changed"] != total["named"])


if __name__ == "__main__":
    sys.exit(main())
