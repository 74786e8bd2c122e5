"""The viewer's server, asked over HTTP: what it shows, and what it refuses to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

pytest.importorskip("starlette")
import uvicorn
from typer.testing import CliRunner

from retroflip.cli.app import app
from retroflip.data.sample import TaskType
from retroflip.engines import LocalEngine
from retroflip.errors import UsageError
from retroflip.progress import Silence
from retroflip.router.audit import read_table
from retroflip.synth.corpus import CorpusSettings, write_corpus
from retroflip.web.app import Settings, make_app
from retroflip.web.labels import Label, Labels
from retroflip.web.lines import LineIndex
from retroflip.web.places import Folders
from retroflip.web.rating import author, compared, preferred, sided
from retroflip.web.runs import GroupFilter, RunView

HOSTS = frozenset({"127.0.0.1"})


@contextmanager
def serving(*given: Path, token: str | None = None, prefer: tuple[Path, ...] = ()) -> Iterator[int]:
    """Serve folders and files, and give the port."""
    app = make_app(Folders(given, prefer), Settings(HOSTS, token))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def asked(port: int, route: str, headers: dict[str, str] | None = None, **query: Any) -> HTTPResponse:
    """Return the response to a GET, read by the caller."""
    found = HTTPConnection("127.0.0.1", port, timeout=30)
    found.request("GET", f"{route}?{urlencode(query)}" if query else route, headers=headers or {})
    return found.getresponse()


def told(port: int, route: str, **query: Any) -> Any:
    """Return what is in a JSON response."""
    return json.loads(asked(port, route, **query).read())


def rollout(step: int, sample: str, number: int, *, answer: str | None, advantage: float) -> dict[str, Any]:
    """Return a row of rollouts.jsonl."""
    return {
        "step": step,
        "sample": sample,
        "branch": "original",
        "view": "identity",
        "rollout": number,
        "text": "<script>alert(1)</script>",
        "answer": answer,
        "gold": "A",
        "truncated": answer is None,
        "rewards": {"correct": 1.0},
        "total": 1.0,
        "advantage": advantage,
    }


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Add rows to a file of JSON lines."""
    with path.open("a") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with two steps, of which the second has a group without a signal."""
    folder = tmp_path / "run"
    folder.mkdir()
    lines(
        folder / "metrics.jsonl",
        [{"step": step, "reward/correct": step / 2, "check": "x"} for step in (1, 2)],
    )
    lines(
        folder / "rollouts.jsonl",
        [
            rollout(1, "a", 0, answer="A", advantage=1.0),
            rollout(1, "a", 1, answer=None, advantage=-1.0),
            rollout(2, "b", 0, answer="B", advantage=0.0),
            rollout(2, "b", 1, answer="B", advantage=0.0),
        ],
    )
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set of pairs."""
    folder = tmp_path_factory.mktemp("shown") / "pairs"
    settings = CorpusSettings(kinds=("direction",), per_task=2, seed=1)
    write_corpus(folder, settings, engine=LocalEngine(1), progress=Silence())
    return folder


def test_metrics_and_groups_of_a_run(run: Path) -> None:
    with serving(run.parent) as port:
        (place,) = told(port, "/api/places")
        name = place["name"]
        assert place["kind"] == "run"
        found = told(port, "/api/metrics", place=name, after=1)
        assert (found["steps"], found["rows"]) == ([2], [{"reward/correct": 1.0}])
        silent = told(port, "/api/groups", place=name, filter="zero_variance")
        assert [(one["step"], one["sample"], one["right"]) for one in silent["groups"]] == [(2, "b", 0)]
        apart = told(port, "/api/groups", place=name, filter="disagreement")
        assert [one["sample"] for one in apart["groups"]] == ["a"]
        assert [row["rollout"] for row in told(port, "/api/group", place=name, step=1, sample="a")] == [0, 1]


def test_the_frames_of_a_branch_are_made_again(corpus: Path, run: Path) -> None:
    (sample, *_) = [
        json.loads(line)["problem_id"] for line in (corpus / "records.jsonl").read_text().splitlines()
    ]
    row = rollout(5, sample, 0, answer="A", advantage=1.0)
    lines(run / "rollouts.jsonl", [{**row, "frames": [{"places": [3, 2, 1, 0], "mirrored": True}]}])
    recipe = {"data": {"records": str(corpus / "records.jsonl"), "frames": 4}}
    (run / "run.json").write_text(json.dumps({"recipe": recipe}))
    asking = {"step": 5, "sample": sample, "branch": "original"}
    with serving(run, corpus) as port:
        (video,) = told(port, "/api/shown", place="run", **asking)
        assert (video["places"], len(video["images"])) == ([3, 2, 1, 0], 4)
        assert (
            "did not note"
            in told(port, "/api/shown", place="run", step=1, sample="a", branch="original")["error"]
        )
    with serving(run) as port:
        assert "not in the folders given" in told(port, "/api/shown", place="run", **asking)["error"]


def test_a_run_that_grows_is_read_on_and_one_that_was_cut_anew(run: Path) -> None:
    view = RunView(run)

    def every() -> dict[str, Any]:
        return view.groups(GroupFilter.ALL, step=None, task_type="", sample="", page=0)

    assert every()["total"] == 2
    with (run / "rollouts.jsonl").open("a") as stream:
        stream.write(json.dumps(rollout(3, "c", 0, answer="A", advantage=1.0)))
        stream.flush()
        assert every()["total"] == 2  # a line without its end may still be written
        stream.write("\n")
    assert every()["total"] == 3
    (run / "rollouts.jsonl").write_text(json.dumps(rollout(1, "z", 0, answer="A", advantage=1.0)) + "\n")
    assert [one["sample"] for one in every()["groups"]] == ["z"]


def test_damaged_lines_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"k": 1}\nnot json\n[1]\n{"k": 2}\n')
    index: LineIndex[int, None] = LineIndex(file, lambda row: row.get("k"), lambda *_: None)
    index.refresh()
    assert (index.damaged, index.rows([2, 1])) == (2, [{"k": 2}, {"k": 1}])


def test_pairs_their_videos_and_frames(corpus: Path) -> None:
    with serving(corpus.parent) as port:
        (place,) = told(port, "/api/places")
        name = place["name"]
        listed = told(port, "/api/pairs", place=name)
        assert (listed["total"], listed["tasks"]) == (2, {"direction": 2})
        pair = told(port, "/api/pair", place=name, pair=listed["pairs"][0]["id"])
        golds = {side["options"][side["gold"]] for side in pair["sides"]}
        assert len(golds) == 2
        video = pair["sides"][0]["video"]
        part = asked(port, "/media", {"Range": "bytes=0-99"}, place=name, path=video)
        assert (part.status, len(part.read())) == (206, 100)
        frames = told(port, "/api/frames", place=name, path=video, frames=4)
        assert len(frames["images"]) == len(frames["seconds"]) == 4
        told_of = told(
            port, "/api/timeline", place=name, video=told(port, "/api/videos", place=name)[0]["name"]
        )
        assert told_of["events"][0]["end"] <= told_of["seconds"]


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "videos/../../secret", "link"])
def test_no_file_outside_of_the_folders_is_read(corpus: Path, path: str) -> None:
    (corpus.parent / "secret").write_text("secret")
    link = corpus / "link"
    if not link.is_symlink():
        link.symlink_to("/etc/passwd")
    with serving(corpus.parent) as port:
        (place,) = told(port, "/api/places")
        assert asked(port, "/media", place=place["name"], path=path).status == 404
        assert "error" in told(port, "/api/timeline", place=place["name"], video=f"../{path}")


def test_foreign_names_and_pages_are_refused(run: Path) -> None:
    with serving(run.parent) as port:
        assert asked(port, "/api/places", {"Host": "evil.example"}).status == 403
        assert asked(port, "/api/places", {"Origin": "http://evil.example"}).status == 403
        answer = asked(port, "/")
        assert answer.status == 200
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_a_token_is_asked_for_and_kept_in_a_cookie(run: Path) -> None:
    with serving(run.parent, token="right") as port:  # noqa: S106 - a test's own
        assert asked(port, "/api/places").status == 403
        assert asked(port, "/", token="wrong").status == 403  # noqa: S106
        entered = asked(port, "/", token="right")  # noqa: S106
        assert entered.status == 303
        cookie = entered.headers["Set-Cookie"].split(";")[0]
        assert asked(port, "/api/places", {"Cookie": cookie}).status == 200


def label(**more: Any) -> Label:
    """Return a label."""
    return Label.model_validate({"task": "verify", "item": "p1", "rater": "r", "verdict": "accept", **more})


def test_a_second_label_takes_the_place_of_the_first(tmp_path: Path) -> None:
    labels = Labels(tmp_path)
    labels.put(label())
    labels.put(label())
    labels.put(label(verdict="reject", note="a clock runs"))
    labels.put(label(rater="s"))
    assert [(one["rater"], one["verdict"], one["note"]) for one in labels.all("verify")] == [
        ("r", "reject", "a clock runs"),
        ("s", "accept", ""),
    ]


def test_labels_by_many_raters_at_once(corpus: Path) -> None:
    with serving(corpus.parent) as port:
        (place,) = told(port, "/api/places")
        address = f"/api/label?{urlencode({'place': place['name']})}"

        def rate(rater: str) -> None:
            for item in range(10):
                body = label(rater=rater, item=f"p{item}").model_dump_json()
                found = HTTPConnection("127.0.0.1", port, timeout=30)
                found.request("POST", address, body, {"Content-Type": "application/json"})
                assert found.getresponse().status == 200

        threads = [threading.Thread(target=rate, args=(f"r{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(told(port, "/api/labels", place=place["name"])) == 40


@pytest.mark.parametrize(
    "body", ["", "{", '{"task": "verify"}', '{"task": "x", "item": "a", "rater": "r", "verdict": "v"}']
)
def test_what_is_no_label_is_refused(corpus: Path, body: str) -> None:
    with serving(corpus.parent) as port:
        (place,) = told(port, "/api/places")
        found = HTTPConnection("127.0.0.1", port, timeout=30)
        address = f"/api/label?{urlencode({'place': place['name']})}"
        found.request("POST", address, body, {"Content-Type": "application/json"})
        answer = found.getresponse()
        assert answer.status == 422
        assert "error" in json.loads(answer.read())


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        Folders((tmp_path / "none",))
    assert Folders((tmp_path,)).places() == []
    assert Folders((tmp_path,)).place("none") is None


def post(port: int, place: str, one: Label) -> int:
    """Send a label, and return the status."""
    found = HTTPConnection("127.0.0.1", port, timeout=30)
    address = f"/api/label?{urlencode({'place': place})}"
    found.request("POST", address, one.model_dump_json(), {"Content-Type": "application/json"})
    return found.getresponse().status


def question(name: str, **more: Any) -> dict[str, Any]:
    """Return a record."""
    return {
        "problem_id": name,
        "problem": "Where does it go?",
        "data_type": "video",
        "problem_type": "multiple choice",
        "options": ["A. left", "B. right"],
        "solution": "<answer>A</answer>",
        "path": f"./{name}.mp4",
        **more,
    }


def test_an_audit_hides_the_routers_labels_and_its_table_is_read_back(tmp_path: Path) -> None:
    routed, table = tmp_path / "routed.jsonl", tmp_path / "audit.csv"
    lines(routed, [question(f"q{n}", task_type=kind) for n, kind in enumerate(["spatial", "temporal"] * 3)])
    with serving(routed) as port:
        (place,) = told(port, "/api/places")
        asked_of = told(port, "/api/audit", place=place["name"])
        assert len(asked_of) == 6
        assert "spatial" not in json.dumps(asked_of)
        for rater, verdict in (("r", "spatial"), ("s", "spatial"), ("t", "static")):
            one = label(task="audit", item="q0", rater=rater, verdict=verdict)
            assert post(port, place["name"], one) == 200
    assert (
        CliRunner().invoke(app, ["labels", str(routed), "--task", "audit", "--out", str(table)]).exit_code
        == 0
    )
    assert read_table(table) == {"q0": TaskType.SPATIAL}


def test_whose_trace_is_preferred_is_not_told(tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        files.append(tmp_path / f"{name}.jsonl")
        traces = [question(f"q{n}", process=f"<think>{name}{n}</think>") for n in range(20)]
        lines(files[-1], traces)
    two = compared(*files)[0]
    sides = {rater: sided(two, rater)["left"] for rater in map(str, range(20))}
    assert len(set(sides.values())) == 2
    for rater, left in sides.items():
        assert author(two.sample.id, rater, "left") == left[len("<think>")]
    with serving(prefer=(files[0], files[1])) as port:
        (place,) = told(port, "/api/places")
        shown = told(port, "/api/preference", place=place["name"], rater="r")
        for one in shown:
            side = "left" if "a" in one["left"].removeprefix("<think>")[0] else "right"
            said = label(task="preference", item=one["id"], rater="r", verdict=side)
            assert post(port, place["name"], said) == 200
        assert {
            one["verdict"] for one in told(port, "/api/labels", place=place["name"], task="preference")
        } == {""}
        assert post(port, place["name"], label(task="preference", verdict="up")) == 422
    found = preferred(Labels(files[0]).all("preference"))
    assert (found["a"], found["b"], found["win_rate_a"]) == (20, 0, 1.0)


def test_labels_are_written_as_a_release_reads_them(tmp_path: Path) -> None:
    Labels(tmp_path).put(label(criteria={"static": True}, verdict="reject"))
    out = tmp_path / "labels.jsonl"
    assert CliRunner().invoke(app, ["labels", str(tmp_path), "--out", str(out)]).exit_code == 0
    (row,) = [json.loads(line) for line in out.read_text().splitlines()]
    assert {key: row[key] for key in ("rater", "pair", "verdict", "criteria")} == {
        "rater": "r",
        "pair": "p1",
        "verdict": "reject",
        "criteria": {"static": True},
    }
    assert CliRunner().invoke(app, ["labels", str(tmp_path), "--task", "audit"]).exit_code == 2
