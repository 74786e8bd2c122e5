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

from retroflip.errors import UsageError
from retroflip.progress import Silence
from retroflip.synth.corpus import CorpusSettings, write_corpus
from retroflip.synth.engines import LocalEngine
from retroflip.web.app import Settings, make_app
from retroflip.web.labels import Label, Labels
from retroflip.web.lines import LineIndex
from retroflip.web.places import Folders, Kind
from retroflip.web.runs import GroupFilter, RunView

HOSTS = frozenset({"127.0.0.1"})


@contextmanager
def serving(folder: Path, token: str | None = None) -> Iterator[int]:
    """Serve a folder, and give the port."""
    app = make_app(Folders((folder,)), Settings(HOSTS, token))
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
    with pytest.raises(UsageError, match="is not a folder"):
        Folders((tmp_path / "none",))
    assert Folders((tmp_path,)).places() == []
    assert Folders((tmp_path,)).place("none") is None
    assert set(Kind) == {"run", "answers", "benchmark", "synthetic"}
