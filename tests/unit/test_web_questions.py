"""Answers in the viewer: the questions and videos that they are to, and the frames shown under each control."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from retroflip.bench.asking import Asking
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.bench.catalogue import Catalogue
from retroflip.bench.dybench.base import QUALITY
from retroflip.bench.records import Control, answer_record, append_answers
from retroflip.bench.requests import VIEWS, Asked, seeing_requests
from retroflip.data.dataset import VideoDataset
from retroflip.data.sample import ProblemType, Sample
from retroflip.inference.base import Sampling
from retroflip.video.samplers import Sampler
from retroflip.web.answered import Asked as AskedWith
from retroflip.web.views import seen_under
from viewer_server import asked, lines, serving, settled, told

CHOICE = "Which way does it go?\nA. to the left\nB. to the right\nC. nowhere"
CAPTION = "Which caption is right?\nOption 1: It goes up.\nOption 2: It goes down."
QUESTIONS: dict[str, Any] = {
    "multi-choice": {
        "7.mp4": {"direction": [{"question": CHOICE, "answer": "A. to the left"}]},
        "7_reverse.mp4": {"direction": [{"question": CHOICE, "answer": "B. to the right"}]},
    },
    "caption_matching": {"7.mp4": {"order": [{"question": CAPTION, "answer": "Option 2: It goes down."}]}},
}
"""in the form in which TempCompass is published: {video: {aspect: [{question, answer}]}}"""
SAID = {"caption_matching/7/order/0": "Option 2", "multi-choice/7/direction/0": "A. to the left"}
QUESTION = {
    "problem_id": "q",
    "problem": "Where?",
    "data_type": "video",
    "path": "./a.mp4",
    "problem_type": "multiple choice",
    "options": ["A. x", "B. y"],
    "solution": "<answer>A</answer>",
}
"""a record"""
PAIR = f"multi-choice/7/direction/{CHOICE}"


@pytest.fixture
def published(tmp_path: Path, clip: Path) -> Path:
    """A small TempCompass: a clip and its reverse."""
    root = tmp_path / "TempCompass"
    (root / "questions").mkdir(parents=True)
    (root / "videos").mkdir()
    for name, questions in QUESTIONS.items():
        (root / "questions" / f"{name}.json").write_text(json.dumps(questions))
    for name in ("7", "7_reverse"):
        shutil.copy(clip, root / "videos" / f"{name}.mp4")
    return root


def answered(root: Path, out: Path, *controls: Control) -> Path:
    """Write what a model answered to it, as generate does."""
    samples = [item.sample for item in benchmark("tempcompass").items(root)]
    out.mkdir()
    for control in (Control.FULL, *controls):
        append_answers(
            out / "answers.jsonl",
            [answer_record(sample, SAID.get(sample.id, "C"), control) for sample in samples],
        )
    asking = {"frames": 4, "sampler": "uniform, rounded linspace", "seed": 5}
    about = {"bench": "tempcompass", "root": str(root), "settings": asking}
    (out / "run.json").write_text(json.dumps({**about, "conditions": {"frames": {"value": 4}}}, indent=2))
    return out


def test_answers_to_a_published_benchmark_show_its_questions_and_videos(
    published: Path, tmp_path: Path
) -> None:
    answers = answered(published, tmp_path / "answers", Control.TEXT_ONLY)
    other = answered(published, tmp_path / "other")
    with serving(answers, other, published) as port:
        found = settled(port, "/api/pairs", place="answers")
        assert (found["total"], found["paired"], found["models"]) == (2, 1, ["answers", "other"])
        assert [one["question"] for one in found["pairs"]] == [
            "Which way does it go?",
            "Which caption is right?",
        ]
        pair = settled(port, "/api/pair", place="answers", pair=PAIR)
        assert [side["options"][side["gold"]] for side in pair["sides"]] == ["to the left", "to the right"]
        assert {one["control"] for one in pair["answers"]} == {"full", "text_only"}
        for side in pair["sides"]:
            (medium,) = side["media"]
            whole = asked(port, "/media", place="answers", path=medium["path"])
            assert (whole.status, whole.headers["Content-Type"]) == (200, "video/mp4")
        # Its own reading: "Option 2" is an answer to this benchmark, and to no other.
        caption = settled(port, "/api/pair", place="answers", pair="caption_matching/7/order/0")
        first = caption["answers"][0]
        assert (first["response"], first["answer"], first["correct"]) == ("Option 2", "B", True)
        assert found["pairs"][1]["outcome"] == "right"


def test_a_benchmark_that_is_not_in_the_folders_given_is_not_read(published: Path, tmp_path: Path) -> None:
    answers = answered(published, tmp_path / "answers")
    with serving(answers) as port:
        found = settled(port, "/api/pairs", place="answers")
        assert found["total"] == 2
        assert {one["question"] for one in found["pairs"]} == {
            "(The question is not stored with these answers.)"
        }
        pair = settled(port, "/api/pair", place="answers", pair=PAIR)
        assert (pair["shown"], str(published) in pair["lacking"]) == (False, True)
        assert asked(port, "/media", place="answers", path="videos/7.mp4").status == 404
        assert asked(port, "/api/frames", place="answers", pair=PAIR).status == 404


def test_a_benchmark_that_was_moved_is_found_in_the_folders_given(published: Path, tmp_path: Path) -> None:
    answers = answered(published, tmp_path / "answers")
    published.rename(tmp_path / "moved")
    (tmp_path / "all").mkdir()
    (tmp_path / "moved").rename(tmp_path / "all" / "tempcompass")
    for given in (tmp_path / "all", tmp_path / "all" / "tempcompass"):
        with serving(answers, given) as port:
            assert settled(port, "/api/pair", place="answers", pair=PAIR)["shown"] is True
            assert asked(port, "/media", place="answers", path="videos/7.mp4").status == 200


@pytest.mark.parametrize("name", ["questions/multi-choice.json", "questions", "videos/7.mp4", "videos"])
def test_links_in_a_benchmark_lead_nowhere_else(published: Path, tmp_path: Path, name: str) -> None:
    answers = answered(published, tmp_path / "answers")
    outside = tmp_path / "outside"
    (published / name).rename(outside)
    (published / name).symlink_to(outside)
    with serving(answers, published) as port:
        pair = settled(port, "/api/pair", place="answers", pair=PAIR)
        assert pair["shown"] is name.startswith("videos")
        assert asked(port, "/media", place="answers", path="videos/7.mp4").status == 404
        assert told(port, "/api/frames", place="answers", pair=PAIR).keys() == {"error"}


def test_a_benchmark_whose_files_are_damaged_shows_the_answers_and_says_so(
    published: Path, tmp_path: Path
) -> None:
    answers = answered(published, tmp_path / "answers")
    (published / "questions" / "multi-choice.json").write_text('{"7": ')
    with serving(answers, published) as port:
        assert settled(port, "/api/pairs", place="answers")["total"] == 2
        pair = settled(port, "/api/pair", place="answers", pair=PAIR)
        assert "multi-choice.json" in pair["lacking"]
        assert len(pair["answers"]) == 2


def test_answers_to_a_benchmark_are_not_about_records_of_other_questions(
    published: Path, tmp_path: Path
) -> None:
    answers = answered(published, tmp_path / "answers")
    (tmp_path / "data").mkdir()
    lines(tmp_path / "data" / "records.jsonl", [QUESTION])
    with serving(answers, tmp_path / "data") as port:
        assert told(port, "/api/pairs", place="data")["models"] == []


def test_videos_of_records_lie_where_the_answers_were_told(tmp_path: Path, clip: Path) -> None:
    for name in ("questions", "videos", "answers"):
        (tmp_path / name).mkdir()
    shutil.copy(clip, tmp_path / "videos" / "a.mp4")
    lines(tmp_path / "questions" / "mine.jsonl", [QUESTION])
    about = {"data": str(tmp_path / "questions" / "mine.jsonl"), "root": str(tmp_path / "videos")}
    (tmp_path / "answers" / "run.json").write_text(json.dumps(about, indent=2))
    append_answers(
        tmp_path / "answers" / "answers.jsonl", [answer_record(sample("q", "a.mp4"), "A", Control.FULL)]
    )
    with serving(tmp_path) as port:
        place = f"{tmp_path.name}/answers"
        assert settled(port, "/api/pair", place=place, pair="q")["shown"] is True
        assert asked(port, "/media", place=place, path="a.mp4").status == 200
    with serving(tmp_path / "questions", tmp_path / "answers") as port:
        pair = settled(port, "/api/pair", place="answers", pair="q")
        assert (pair["question"], pair["shown"]) == ("Where?", False)
        assert str(tmp_path / "videos") in pair["lacking"]


def test_a_pair_says_what_its_raters_shall_look_at(tmp_path: Path) -> None:
    place = tmp_path / "built"
    place.mkdir()
    sides = [{**QUESTION, "problem_id": f"q{side}", "pair": "p", "side": side} for side in (0, 1)]
    lines(place / "records.jsonl", [*sides, QUESTION])
    flag = {"flag": "text", "sure": "low", "why": "sharp edges at the bottom"}
    lines(place / QUALITY, [{"pair": "p", "flags": [flag, "odd"]}, {"pair": "q", "flags": 3}])
    with serving(place) as port:
        found = {name: told(port, "/api/pair", place="built", pair=name)["flags"] for name in ("p", "q")}
    assert found == {"p": ["text (low): sharp edges at the bottom"], "q": []}


def sample(name: str, video: str, **more: Any) -> Sample:
    """Return a question."""
    kind = ProblemType.MULTIPLE_CHOICE
    asking = {"question": "Where?", "options": ("x", "y"), "solution": "A", "problem_type": kind}
    return Sample.model_validate({"id": name, "video": video, "source_clip": name, **asking, **more})


def test_frames_are_those_that_the_engine_was_asked_with(tmp_path: Path, clip: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(clip, tmp_path / name)
    samples = [sample("one", "a.mp4"), sample("two", "b.mp4", start=0.2, end=0.9)]
    asking = Asking(Sampling(8), tuple(VIEWS), null_option=False, seed=11)
    dataset = VideoDataset(samples, tmp_path, None, 6)
    catalogue = Catalogue(samples, asking)
    found = 0
    for request in seeing_requests(dataset, catalogue, catalogue.videos()):
        assert isinstance(request, Asked)
        for missing in request.missing:
            (medium,) = request.request.media
            (seen,) = seen_under(
                missing.control, missing.sample, tmp_path, AskedWith(6, Sampler("uniform"), seed=11)
            )
            assert medium.frames is not None
            assert seen.frames.places == medium.frames.places
            assert seen.frames.seconds == medium.frames.seconds
            found += 1
    assert found == len(samples) * len(VIEWS)
    for control in set(Control) - set(VIEWS):
        assert seen_under(control, samples[0], tmp_path, AskedWith(6, Sampler("uniform"))) == []


def test_frames_under_each_control_by_their_seconds(published: Path, tmp_path: Path) -> None:
    answers = answered(published, tmp_path / "answers", *VIEWS)

    def shown(port: int, control: str) -> list[dict[str, Any]]:
        asking = {"place": "answers", "pair": PAIR, "model": "answers", "side": 1, "control": control}
        return list(told(port, "/api/frames", **asking)["videos"])

    with serving(answers, published) as port:
        (full,) = shown(port, "full")
        assert len(full["images"]) == 4
        (turned,) = shown(port, "reversed")
        assert (turned["taken"], turned["images"]) == (full["taken"][::-1], full["images"][::-1])
        assert turned["seconds"] == pytest.approx(full["seconds"])
        (mixed,) = shown(port, "shuffled_frames")
        assert sorted(mixed["taken"]) == full["taken"] != mixed["taken"]
        (still,) = shown(port, "single_frame")
        assert (len(set(still["taken"])), len(set(still["images"])), len(still["images"])) == (1, 1, 4)
        assert shown(port, "text_only") == shown(port, "oracle") == []


def test_frames_are_taken_by_the_models_number_and_sampler(published: Path, tmp_path: Path) -> None:
    answers = answered(published, tmp_path / "answers")
    conditions = {"frames": {"value": 3, "from": "flag"}, "sampler": {"value": "mvbench", "from": "flag"}}
    own = {"frames": None, "sampler": "the engine's own, of the file"}

    def with_settings(**more: Any) -> dict[str, Any]:
        about = {"bench": "tempcompass", "root": str(published), **more}
        (answers / "run.json").write_text(json.dumps(about, indent=2))
        return dict(told(port, "/api/frames", place="answers", pair=PAIR, model="answers"))

    with serving(answers, published) as port:
        found = with_settings(conditions=conditions, settings={})
        assert (len(found["videos"][0]["images"]), found["sampler"], found["itself"]) == (3, "mvbench", False)
        evenly = told(port, "/api/frames", place="answers", pair=PAIR)
        assert (len(evenly["videos"][0]["images"]), evenly["sampler"]) == (8, "uniform, rounded linspace")
        assert with_settings(settings=own)["itself"] is True
        assert "768" in with_settings(conditions={"frames": {"value": 10_000}})["error"]
        assert len(with_settings(conditions=7, settings="x")["videos"]) == 1


def test_a_question_with_several_videos_shows_all_of_them(tmp_path: Path, clip: Path) -> None:
    shutil.copy(clip, tmp_path / "a.mp4")
    shutil.copy(clip, tmp_path / "b.mp4")
    media = [{"kind": "video", "path": f"{name}.mp4"} for name in "ab"]
    both = sample("q", "a.mp4", media=media)
    seen = seen_under(Control.FULL, both, tmp_path, AskedWith(2, Sampler("uniform")))
    assert [len(one.frames) for one in seen] == [2, 2]
