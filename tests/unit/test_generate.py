"""Answers are keyed on (question, control): any order, batch size or number of goes gives the same ones."""

import hashlib
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from random_models import random_model
from retroflip.bench.answer_folder import AnswerFolder
from retroflip.bench.asking import Asking, parse_controls
from retroflip.bench.catalogue import Catalogue
from retroflip.bench.generate import generate
from retroflip.bench.records import AnswerRecord, Control, answer_record, append_answers, read_answers
from retroflip.bench.score import score_records, score_run
from retroflip.data.dataset import VideoDataset
from retroflip.data.manifest import build_manifest
from retroflip.data.prompts import NULL_OPTION
from retroflip.data.records import format_record
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import RunDirectoryError, TooManyFailuresError, UsageError
from retroflip.files.seals import SEAL
from retroflip.files.storage import read_jsonl
from retroflip.inference.base import Answer, Capabilities, Engine, Reply, Request, Sampling
from retroflip.inference.ours import OurEngine
from retroflip.models.checkpoint import weights_digest
from retroflip.models.encoding import Encoder
from retroflip.progress import Silence

Model = tuple[Any, Encoder]
SEEN = ("full", "text_only", "single_frame", "shuffled_frames", "reversed")
QUESTIONS = (
    "Which way does it move?",
    "Which way?",
    "Where does the square go, in the end, from where it was at first?",
)


@pytest.fixture(scope="module")
def model() -> Model:
    model, processor = random_model("qwen3_vl", seed=1)
    return model, Encoder(processor)


@pytest.fixture
def dataset(tmp_path: Path, clips: Path) -> VideoDataset:
    """Three questions of different lengths about two clips of different sizes."""
    for name in ("h264.mp4", "vp9.webm"):
        (tmp_path / name).write_bytes((clips / name).read_bytes())
    samples = [
        Sample(
            id=f"q{index}",
            video=("h264.mp4", "vp9.webm")[index % 2],
            question=question,
            options=("left", "right"),
            solution="B",
            problem_type=ProblemType.MULTIPLE_CHOICE,
            source_clip=f"clip{index}",
        )
        for index, question in enumerate(QUESTIONS)
    ]
    return VideoDataset(samples, tmp_path, frames=4)


def ask(model: Model, dataset: VideoDataset, out: Path, **settings: Any) -> list[AnswerRecord]:
    """Answer by our own engine; return the records of the controls and draws asked for, in the order of the data."""
    return ask_engine(OurEngine(*model, settings.pop("batch_size", 4)), dataset, out, **settings)


def ask_engine(engine: Engine, dataset: VideoDataset, out: Path, **settings: Any) -> list[AnswerRecord]:
    controls = parse_controls(settings.pop("controls", SEEN))
    sampling = Sampling(settings.pop("max_tokens", 6), settings.pop("temperature", 0.0))
    about = {name: settings.pop(name) for name in ("about", "max_failed_share") if name in settings}
    asking = Asking(sampling, tuple(controls), **settings)
    counts = generate(engine, dataset, out, asking, progress=Silence(), **about)
    found = {record.key: record for record in read_answers(out / "answers.jsonl").records}
    keys = [
        (sample.id, control, draw)
        for control in controls
        for sample in dataset.samples
        for draw in range(asking.draws)
    ]
    records = [found[key] for key in keys if key in found]
    assert counts.answers == sum(record.error is None for record in records)
    return records


def same(records: Sequence[AnswerRecord], others: Sequence[AnswerRecord]) -> bool:
    """Say whether records are the same but for the rounding of log-probabilities."""
    bare = [[replace(one, logprobs=None) for one in of] for of in (records, others)]
    return bare[0] == bare[1] and all(
        one.logprobs == pytest.approx(other.logprobs, abs=1e-5)
        for one, other in zip(records, others, strict=True)
    )


def by_key(records: Sequence[AnswerRecord]) -> dict[tuple[str, Control], str]:
    return {(record.id, record.control): record.response for record in records}


def test_every_question_is_answered_under_every_control_in_the_order_of_the_data(
    model: Model, dataset: VideoDataset, tmp_path: Path
) -> None:
    records = ask(model, dataset, tmp_path / "out", controls=(*SEEN, "oracle", "random"))

    assert [(record.control.value, record.id) for record in records] == [
        (control, f"q{index}") for control in (*SEEN, "oracle", "random") for index in range(3)
    ]
    assert sorted(by_key(read_answers(tmp_path / "out" / "answers.jsonl").records)) == sorted(by_key(records))
    assert all(record.options == ("left", "right", NULL_OPTION) for record in records)
    assert all(record.correct for record in records if record.control is Control.ORACLE)
    assert all(
        record.truncated == (len(record.response) > 0) for record in records if record.control is Control.FULL
    )
    assert len({record.response for record in records if record.id == "q0"}) > 3


def test_the_batch_size_changes_no_answer(model: Model, dataset: VideoDataset, tmp_path: Path) -> None:
    alone = ask(model, dataset, tmp_path / "one", batch_size=1)
    together = ask(model, dataset, tmp_path / "many", batch_size=12)

    assert same(alone, together)


HOLD_FOLDER = """
import sys
from pathlib import Path
from retroflip.files.locks import hold
hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked on Windows")
def test_two_processes_do_not_answer_into_one_folder(
    model: Model, dataset: VideoDataset, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_FOLDER, str(tmp_path / "out")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RunDirectoryError, match=f"in use by process {other.pid} on"):
            ask(model, dataset, tmp_path / "out")
        other.kill()
    assert len(ask(model, dataset, tmp_path / "out", controls=("oracle",))) == 3


def test_a_rerun_answers_only_what_is_missing(
    model: Model, dataset: VideoDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ask(model, dataset, tmp_path / "whole")
    ask(model, dataset, tmp_path / "cut")
    file = tmp_path / "cut" / "answers.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    kept = lines[:7:2]
    file.write_bytes(b"".join(kept) + lines[1][:30])  # in another order, with the torn line of a kill
    asked: list[str] = []
    monkeypatch.setattr(OurEngine, "answer", _counting(asked))

    resumed = ask(model, dataset, tmp_path / "cut", batch_size=2)

    assert same(resumed, whole)
    assert len(asked) == len(whole) - len(kept)
    assert len(read_jsonl(file)) == len(whole)

    asked.clear()
    assert ask(model, dataset, tmp_path / "cut") == resumed
    assert asked == []


def _counting(asked: list[str]) -> Any:
    answer = OurEngine.answer

    def counted(self: OurEngine, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
        asked.extend(question.sample.id for request in requests for question in request.questions)
        return answer(self, requests, sampling)

    return counted


def test_another_control_is_added_to_what_is_there(
    model: Model, dataset: VideoDataset, tmp_path: Path
) -> None:
    full = ask(model, dataset, tmp_path / "out", controls=("full",))
    both = ask(model, dataset, tmp_path / "out", controls=("text_only", "full"))

    assert both[3:] == full
    assert [record.control.value for record in both[:3]] == ["text_only"] * 3


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"max_tokens": 7}, r"max_tokens \(was 6, now 7\)"),
        ({"null_option": False}, r"null_option \(was true, now false\)"),
        ({"seed": 3}, r"seed \(was 0, now 3\)"),
    ],
)
def test_answers_made_with_other_settings_are_not_mixed(
    model: Model, dataset: VideoDataset, tmp_path: Path, changed: dict[str, Any], named: str
) -> None:
    ask(model, dataset, tmp_path / "out", controls=("oracle",))
    with pytest.raises(RunDirectoryError, match=named):
        ask(model, dataset, tmp_path / "out", controls=("oracle",), **changed)


def test_other_frames_data_or_weights_are_named_as_differing(
    model: Model, dataset: VideoDataset, tmp_path: Path
) -> None:
    ask(model, dataset, tmp_path / "out", controls=("oracle",))
    other, processor = random_model("qwen3_vl", seed=2)
    manifest = build_manifest(dataset.root, ["h264.mp4"])
    with pytest.raises(RunDirectoryError, match=r"frames \(was 4, now 2\)"):
        ask(model, replace(dataset, frames=2), tmp_path / "out")
    changed = [sample.model_copy(update={"question": "When?"}) for sample in dataset.samples]
    with pytest.raises(RunDirectoryError, match="the question 'q0' was another one"):
        ask(model, replace(dataset, samples=changed), tmp_path / "out")
    with pytest.raises(RunDirectoryError, match="manifest_sha256"):
        ask(model, replace(dataset, manifest=manifest), tmp_path / "out")
    with pytest.raises(RunDirectoryError, match="weights_sha256"):
        ask((other, Encoder(processor)), dataset, tmp_path / "out")


def test_run_json_holds_what_a_score_must_carry(model: Model, dataset: VideoDataset, tmp_path: Path) -> None:
    ask(model, dataset, tmp_path / "out", controls=("oracle",), about={"data": "records.jsonl"})

    run = json.loads((tmp_path / "out" / "run.json").read_text())

    assert run["data"] == "records.jsonl"
    assert run["packages"]["transformers"]
    settings = run["settings"]
    assert settings["frames"] == 4
    assert settings["sampler"] == "uniform, rounded linspace"
    assert settings["pixel_budget"] == {
        "video": {"shortest_edge": 8192, "longest_edge": 32768},
        "image": {"shortest_edge": 4096, "longest_edge": 4096},
    }
    assert settings["weights_sha256"] == weights_digest(model[0])
    assert {"null_option", "max_tokens", "back_end", "dtype"} <= settings.keys()


def test_a_directory_that_holds_something_else_is_refused(
    model: Model, dataset: VideoDataset, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "run.json").write_text('{"schema": 1, "recipe": {}}')
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    for name, message in {
        "file": "is a file",
        "full": "is not empty",
        "training": "run of another kind",
        "broken": "not JSON",
    }.items():
        with pytest.raises(RunDirectoryError, match=message):
            ask(model, dataset, tmp_path / name)


def test_a_video_that_fails_is_recorded_and_asked_again_when_it_works(
    model: Model, dataset: VideoDataset, clips: Path, tmp_path: Path
) -> None:
    (dataset.root / "vp9.webm").write_bytes(b"\x00" * 500)
    with pytest.raises(TooManyFailuresError, match=r"1 of 3 samples"):
        ask(model, dataset, tmp_path / "out", controls=("full",))
    records = ask(model, dataset, tmp_path / "out", controls=("full", "text_only"), max_failed_share=0.5)

    assert [record.id for record in records] == ["q0", "q1", "q2", "q0", "q1", "q2"]
    assert [record.error is None for record in records] == [True, False, True] * 2
    assert "vp9.webm" in str(records[1].error)
    assert (records[1].response, records[1].answer, records[1].correct) == ("", None, False)
    file = tmp_path / "out" / "answers.jsonl"
    found = score_records(read_answers(file).records)
    assert (found["n_answers"], found["n_failed"], found["controls"]["text_only"]["n_failed"]) == (3, 1, 1)

    (failure,) = read_jsonl(tmp_path / "out" / "failures.jsonl")
    assert (failure["id"], failure["path"], failure["error"]) == ("q1", "vp9.webm", "DecodeError")

    again = ask(model, dataset, tmp_path / "out", controls=("full", "text_only"), max_failed_share=0.5)
    assert again == records
    assert len(file.read_text().splitlines()) == 6

    (dataset.root / "vp9.webm").write_bytes((clips / "vp9.webm").read_bytes())
    mended = ask(model, dataset, tmp_path / "out", controls=("full", "text_only"))
    assert [record.error for record in mended] == [None] * 6
    assert read_answers(file).records == sorted(mended, key=read_answers(file).records.index)
    ask(model, dataset, tmp_path / "out", controls=("full", "text_only"))
    assert len(file.read_text().splitlines()) == 8


def test_controls_that_need_no_model_answer_questions_whose_video_fails_too(
    model: Model, dataset: VideoDataset, tmp_path: Path
) -> None:
    (dataset.root / "vp9.webm").write_bytes(b"\x00" * 500)
    controls = ("full", "oracle", "random")
    records = ask(model, dataset, tmp_path / "out", controls=controls, max_failed_share=0.5)
    assert [(record.control, record.id) for record in records if record.error is None] == [
        *[(Control.FULL, "q0"), (Control.FULL, "q2")],
        *[(control, f"q{index}") for control in (Control.ORACLE, Control.RANDOM) for index in range(3)],
    ]
    found = score_records(read_answers(tmp_path / "out" / "answers.jsonl").records)
    oracle = found["controls"]["oracle"]
    assert (oracle["n_answers"], oracle["acc"], found["n_failed"]) == (3, 1.0, 1)
    assert ask(model, dataset, tmp_path / "out", controls=controls, max_failed_share=0.5) == records


def test_controls_are_read_by_name() -> None:
    assert parse_controls(["full", "random", "full"]) == [Control.FULL, Control.RANDOM]
    with pytest.raises(
        UsageError, match=r"'blind'.*full, text_only, single_frame, shuffled_frames, reversed, oracle, random"
    ):
        parse_controls(["full", "blind"])
    with pytest.raises(UsageError, match="at least one"):
        parse_controls([])


def test_the_model_is_handed_back_in_the_mode_it_came_in(
    model: Model, dataset: VideoDataset, tmp_path: Path
) -> None:
    model[0].train()
    ask(model, dataset, tmp_path / "out", controls=("full",))
    assert model[0].training
    model[0].eval()


def test_greedy_answers_are_what_the_model_writes_alone(
    model: Model, dataset: VideoDataset, tmp_path: Path
) -> None:
    (record, *_) = ask(model, dataset, tmp_path / "out", controls=("text_only",), null_option=False)
    network, encoder = model
    sample = dataset.samples[0]
    prompt = encoder.encode(sample, None)
    forbidden = sorted(encoder.special_tokens - {encoder.tokenizer.eos_token_id})
    with torch.no_grad():
        written = network.generate(
            input_ids=prompt.input_ids_L[None],
            attention_mask=torch.ones_like(prompt.input_ids_L)[None],
            do_sample=False,
            max_new_tokens=6,
            suppress_tokens=forbidden,
        )[0, len(prompt.input_ids_L) :]

    expected = answer_record(sample, encoder.decode(written), Control.TEXT_ONLY, truncated=True)
    assert (record.response, record.answer, record.truncated) == (expected.response, expected.answer, True)


def test_questions_may_come_in_another_order_and_with_others(
    model: Model, dataset: VideoDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = replace(dataset, samples=dataset.samples[1:])
    first = ask(model, part, tmp_path / "out", controls=("full",))
    asked: list[str] = []
    monkeypatch.setattr(OurEngine, "answer", _counting(asked))
    every = ask(model, replace(dataset, samples=dataset.samples[::-1]), tmp_path / "out", controls=("full",))
    assert asked == ["q0"]
    assert [record.id for record in every] == ["q2", "q1", "q0"]
    assert every[:2] == first[::-1]


def test_a_folder_of_schema_1_goes_on_with_the_same_file_alone(
    model: Model, dataset: VideoDataset, tmp_path: Path
) -> None:
    """It kept a hash of its data file, in the file's order, and none of each question."""
    first = ask(model, dataset, tmp_path / "out", controls=("oracle",))
    records = json.dumps([format_record(sample) for sample in dataset.samples], sort_keys=True)
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    run["schema"], run["settings"]["data_sha256"] = 1, hashlib.sha256(records.encode()).hexdigest()
    del run[SEAL]
    (tmp_path / "out" / "run.json").write_text(json.dumps(run))
    rows = list(read_jsonl(tmp_path / "out" / "answers.jsonl"))
    lines = [json.dumps({key: row[key] for key in row if key != "question_sha256"}) for row in rows]
    (tmp_path / "out" / "answers.jsonl").write_text("".join(f"{line}\n" for line in lines))

    again = ask(model, dataset, tmp_path / "out", controls=("oracle", "random"))
    assert [record.response for record in again[:3]] == [record.response for record in first]
    with pytest.raises(RunDirectoryError, match="data_sha256"):
        ask(model, replace(dataset, samples=dataset.samples[:2]), tmp_path / "out", controls=("oracle",))


def test_records_say_what_was_shown(model: Model, dataset: VideoDataset, tmp_path: Path) -> None:
    records = ask(model, dataset, tmp_path / "out", controls=(*SEEN, "oracle"))
    by_name = {(record.id, record.control.value): record for record in records}
    full, still, blind = (by_name["q0", name] for name in ("full", "single_frame", "text_only"))
    assert full.engine == blind.engine == "retroflip"
    assert full.frames_sha256 != still.frames_sha256
    assert (full.prompt_sha256, full.frames_sha256) == (still.prompt_sha256, full.frames_sha256)
    assert full.frames_sha256 == by_name["q2", "full"].frames_sha256  # the same file
    assert full.prompt_sha256 not in {blind.prompt_sha256, by_name["q2", "full"].prompt_sha256}
    assert blind.frames_sha256 is None
    oracle = by_name["q0", "oracle"]
    assert (oracle.engine, oracle.prompt_sha256, oracle.frames_sha256) == (None, None, None)


def test_a_folder_of_schema_1_is_scored_as_it_was(tmp_path: Path) -> None:
    """Written by `retroflip generate` and `score` before records had draws, errors and hashes."""
    folder = Path(__file__).parents[1] / "fixtures" / "answers_schema_1"
    for name in ("answers.jsonl", "run.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    then, now = json.loads((folder / "scores.json").read_text()), score_run(tmp_path)
    assert part_of(then, {**now, "reader": then["reader"]}) == then


def part_of(then: Any, now: Any) -> Any:
    """Return what of today's scores there was then; metrics that came since are left out, at every depth."""
    if not isinstance(then, dict):
        return now
    return {key: part_of(value, now[key]) for key, value in then.items() if key in now}


def test_a_folder_holds_keys_and_no_answers_in_memory(dataset: VideoDataset, tmp_path: Path) -> None:
    samples = [dataset.samples[0].model_copy(update={"id": f"q{number}"}) for number in range(400)]
    long = "because it moves to the right, " * 300  # 9 kB
    append_answers(tmp_path / "answers.jsonl", (answer_record(one, long, Control.FULL) for one in samples))

    tracemalloc.start()
    asking = Asking(Sampling(6, 0.0), null_option=False)
    folder = AnswerFolder(tmp_path, Catalogue(samples, asking)).read()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert folder.counted == 400
    assert held < 400 * 400


def test_questions_about_one_video_are_one_request_and_other_views_are_each_their_own(
    model: Model, dataset: VideoDataset, tmp_path: Path
) -> None:
    """Decoded once for all of them: with the whole video, and with the two views that each question has."""
    asked: list[Request] = []

    class Listening(OurEngine):
        def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
            asked.extend(requests)
            return super().answer(requests, sampling)

    engine = Listening(*model)
    ask_engine(engine, dataset, tmp_path / "out", controls=SEEN)
    shown = sorted((len(request.questions), len(request.media)) for request in asked)
    # q0 and q2 are about one clip, as it is and backwards; each of the three is other words without it.
    assert shown == [*[(1, 0)] * 3, *[(1, 1)] * 8, (2, 1), (2, 1)]


class Guessing:
    """An engine whose every answer is another one, as a server's may be."""

    name = "guessing"
    capabilities = Capabilities(log_probs=False, files=False, media=None, repeatable=False)

    def __init__(self) -> None:
        self.notes: Any = None
        self.asked: list[tuple[str, bool]] = []

    def settings(self) -> dict[str, Any]:
        return {}

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:  # noqa: ARG002
        for number, request in enumerate(requests):
            for place, question in enumerate(request.questions):
                for draw in range(len(question.seeds)):
                    self.asked.append((question.sample.id, bool(request.media)))
                    letter = "AB"[len(self.asked) % 2]
                    yield Answer(number, place, draw, Reply(text=letter, tokens=len(self.asked)))


@pytest.fixture
def pairs(dataset: VideoDataset) -> VideoDataset:
    """Four pairs of the same words about both clips, in words that two pairs share each."""
    samples = [
        dataset.samples[0].model_copy(
            update={
                "id": f"p{pair}-{side}",
                "video": ("h264.mp4", "vp9.webm")[side],
                "question": f"Which way does number {pair % 2} go?",
                "pair": f"p{pair}",
                "side": side,
                "solution": "AB"[side],
                "source_clip": f"p{pair}",
            }
        )
        for pair in range(4)
        for side in range(2)
    ]
    return replace(dataset, samples=samples)


def test_a_prompt_without_a_video_is_asked_once_so_that_no_pair_is_right_by_luck(
    pairs: VideoDataset, tmp_path: Path
) -> None:
    engine = Guessing()
    records = ask_engine(engine, pairs, tmp_path / "out", controls=("text_only",), draws=3, temperature=1.0)
    assert len(engine.asked) == 2 * 3
    assert len(records) == 8 * 3
    found = score_records(records)
    assert (found["p_acc"], found["acc"], found["outcomes"]["same_answer"]) == (0.0, 0.5, 4)
    assert found["passes"]["pair_pass"] == {"1": 0.0, "2": 0.0, "3": 0.0}
    for one in records:
        assert one.tokens == next(
            other.tokens for other in records if (other.draw, other.prompt_sha256) == (one.draw, None)
            and int(other.id[1]) % 2 == int(one.id[1]) % 2
        )  # fmt: skip


def test_a_kill_between_the_copies_of_an_answer_asks_nothing_again(
    pairs: VideoDataset, tmp_path: Path
) -> None:
    whole = ask_engine(Guessing(), pairs, tmp_path / "out", controls=("text_only",))
    file = tmp_path / "out" / "answers.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:2], lines[-1], lines[3][:50]]))
    again = Guessing()
    assert ask_engine(again, pairs, tmp_path / "out", controls=("text_only",)) == whole
    assert again.asked == []
    assert file.read_bytes() == b"".join(lines)


def test_a_failure_without_a_video_is_that_of_every_question_of_these_words(
    pairs: VideoDataset, tmp_path: Path
) -> None:
    class Failing(Guessing):
        def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
            for one in super().answer(requests, sampling):
                number = requests[one.request].questions[one.question].sample.question
                yield one._replace(reply=Reply(error="down")) if "1" in number else one

    settings = {"controls": ("text_only",), "max_failed_share": 0.6}
    records = ask_engine(Failing(), pairs, tmp_path / "out", **settings)
    assert [one.error for one in records] == [None, None, "down", "down"] * 2
    mended = ask_engine(Guessing(), pairs, tmp_path / "out", **settings)
    assert [one.error for one in mended] == [None] * 8
    assert mended[:2] == records[:2]


def test_a_reversed_video_is_shown_backwards_while_time_runs_on(
    model: Model, dataset: VideoDataset, tmp_path: Path
) -> None:
    asked: list[Request] = []

    class Listening(OurEngine):
        def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
            asked.extend(requests)
            return super().answer(requests, sampling)

    engine = Listening(*model)
    ask_engine(engine, dataset, tmp_path / "full", controls=("full",))
    ask_engine(engine, dataset, tmp_path / "reversed", controls=("reversed",))
    frames = [request.media[0].frames for request in asked]
    half = len(frames) // 2
    for forward, backward in zip(frames[:half], frames[half:], strict=True):
        assert forward is not None
        assert backward is not None
        assert (backward.pixels_TCHW == forward.pixels_TCHW[::-1]).all()
        assert list(backward.seconds) == sorted(backward.seconds)


def test_draws_are_added_to_those_that_are_there(model: Model, dataset: VideoDataset, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"controls": ("full", "oracle"), "temperature": 1.2}
    two = ask(model, dataset, tmp_path / "out", draws=2, **settings)
    assert len(two) == 9
    four = ask(model, dataset, tmp_path / "out", draws=4, **settings)
    whole = ask(model, dataset, tmp_path / "whole", draws=4, **settings)
    assert same(four, whole)
    assert [record for record in four if record.draw < 2] == two
    assert len({record.response for record in four if record.id == "q0"}) > 3
    with pytest.raises(RunDirectoryError, match=r"decoding \(was .temperature 1.2, top_p 1., now .greedy.\)"):
        ask(model, dataset, tmp_path / "out", controls=("full",))
