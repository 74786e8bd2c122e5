"""The viewer's server, asked over HTTP: what it shows, and what it refuses to."""

import json
import logging
import socket
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

pytest.importorskip("starlette")
from typer.testing import CliRunner

from retroflip.cli.app import app
from retroflip.data.sample import TaskType
from retroflip.errors import UsageError
from retroflip.files.storage import append_jsonl
from retroflip.progress import Silence
from retroflip.router.audit import read_table
from retroflip.synth.corpus import CorpusSettings, write_corpus
from retroflip.web.labels import Label, Labels
from retroflip.web.lines import GrowingFile, LineIndex
from retroflip.web.places import Folders
from retroflip.web.rating import author, compared, preferred, sided
from retroflip.web.runs import GroupFilter, RunView
from retroflip.workers import LocalEngine
from viewer_server import asked, lines, serving, settled, told


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
        "rewards": {"correct": float(answer == "A")},
        "total": 1.0,
        "advantage": advantage,
    }


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
        (chart,) = told(port, "/api/charts", place=name, preset="main")["charts"]
        assert (chart["title"], chart["keys"], chart["runs"]) == ("Correctness", ["reward/correct"], [name])
        (line,) = told(port, "/api/curves", place=name, key="reward/correct")["lines"]
        assert (line["steps"], line["mean"], line["low"]) == ([1, 2], [0.5, 1.0], [])
        first = next(
            one for one in settled(port, "/api/groups", place=name)["groups"] if one["sample"] == "a"
        )
        assert (first["right"], first["judged"], first["rollouts"]) == (1, 2, 2)
        silent = settled(port, "/api/groups", place=name, filter="zero_variance")
        assert [(one["step"], one["sample"], one["right"]) for one in silent["groups"]] == [(2, "b", 0)]
        apart = settled(port, "/api/groups", place=name, filter="disagreement")
        assert [one["sample"] for one in apart["groups"]] == ["a"]
        assert [row["rollout"] for row in told(port, "/api/group", place=name, step=1, sample="a")] == [0, 1]


def test_half_a_character_is_shown(run: Path) -> None:
    """A model's broken bytes, as JSON can hold them, have no UTF-8."""
    row = rollout(3, "c", 0, answer="A", advantage=1.0)
    with (run / "rollouts.jsonl").open("a") as stream:
        stream.write(json.dumps(row | {"text": "\ud83d"}) + "\n")
    with serving(run.parent) as port:
        (place,) = told(port, "/api/places")
        settled(port, "/api/groups", place=place["name"])
        (shown,) = told(port, "/api/group", place=place["name"], step=3, sample="c")
        assert shown["text"] == "\ud83d"


def test_rollouts_on_a_counterfactual_are_judged_right_by_nobody(run: Path) -> None:
    """Their reward is for a change, and the question's own answer is not right of the other clip."""
    row = rollout(3, "c", 0, answer="3.0", advantage=1.0) | {"gold": "3", "rewards": {"correct": 1.0}}
    other = rollout(3, "c", 1, answer="3", advantage=1.0) | {
        "branch": "counterfactual",
        "rewards": {"behave": 0.0},
    }
    append_jsonl(run / "rollouts.jsonl", row)
    append_jsonl(run / "rollouts.jsonl", other)
    with serving(run.parent) as port:
        (place,) = told(port, "/api/places")
        found = settled(port, "/api/groups", place=place["name"])["groups"]
        assert [(one["right"], one["judged"], one["rollouts"]) for one in found if one["sample"] == "c"] == [
            (1, 1, 2)
        ]


def test_the_frames_of_a_branch_are_made_again(corpus: Path, run: Path) -> None:
    first = json.loads((corpus / "records.jsonl").read_text().splitlines()[0])
    sample = first["problem_id"]
    row = rollout(5, sample, 0, answer="A", advantage=1.0)
    lines(run / "rollouts.jsonl", [{**row, "frames": [{"places": [3, 2, 1, 0], "mirrored": True}]}])
    recipe = {"data": {"records": str(corpus / "records.jsonl"), "frames": 4}}
    (run / "run.json").write_text(json.dumps({"recipe": recipe}))
    asking = {"step": 5, "sample": sample, "branch": "original"}
    with serving(run, corpus) as port:
        shown = told(port, "/api/shown", place="run", **asking)
        (video,) = shown["videos"]
        assert shown["question"] == first["problem"]
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
        return view.groups(GroupFilter.ALL, step=None, task_type="", sample="", page=0, wait=None)

    assert every()["total"] == 2
    with (run / "rollouts.jsonl").open("a") as stream:
        stream.write(json.dumps(rollout(3, "c", 0, answer="A", advantage=1.0)))
        stream.flush()
        assert every()["total"] == 2  # a line without its end may still be written
        stream.write("\n")
    assert every()["total"] == 3
    (run / "rollouts.jsonl").write_text(json.dumps(rollout(1, "z", 0, answer="A", advantage=1.0)) + "\n")
    assert [one["sample"] for one in every()["groups"]] == ["z"]


class Counted(GrowingFile):
    """Rows as they were read, and how many were read in all."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.rows: list[Any] = []
        self.read = 0

    def _keep(self, row: dict[str, Any], begin: int, length: int) -> None:
        self.read += 1
        self.rows.append((row["k"], begin, length))

    def _forget(self) -> None:
        self.rows.clear()


def test_what_was_read_is_not_read_again(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    lines(file, [{"k": number} for number in range(1000)])
    kept = Counted(file)
    assert kept.refresh() == 1.0
    lines(file, [{"k": 1000}])
    kept.refresh()
    assert (kept.read, len(kept.rows), kept.generation) == (1001, 1001, 0)
    key, begin, length = kept.rows[-1]
    assert json.loads(file.read_bytes()[begin : begin + length]) == {"k": key}


def test_a_file_that_was_cut_and_has_outgrown_its_old_length_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    lines(file, [{"k": 1}, {"k": 2}])
    kept = Counted(file)
    kept.refresh()
    with file.open("r+") as stream:
        stream.truncate(9)
    lines(file, [{"k": 3}, {"k": 4}])
    kept.refresh()
    assert ([row[0] for row in kept.rows], kept.generation) == ([1, 3, 4], 1)


def test_a_file_in_the_place_of_another_is_read_anew(tmp_path: Path) -> None:
    file, other = tmp_path / "rows.jsonl", tmp_path / "other"
    lines(file, [{"k": 1}, {"k": 2}])
    lines(other, [{"k": 9}, {"k": 2}, {"k": 3}])
    kept = Counted(file)
    kept.refresh()
    other.rename(file)
    kept.refresh()
    assert [row[0] for row in kept.rows] == [9, 2, 3]
    file.unlink()
    assert kept.refresh() == 1.0
    assert kept.rows == []


def test_a_page_of_a_hundred_thousand_rollouts_takes_under_a_tenth_of_a_second(tmp_path: Path) -> None:
    row = rollout(1, "s", 0, answer="A", advantage=1.0)
    with (tmp_path / "rollouts.jsonl").open("w") as stream:
        stream.writelines(
            json.dumps({**row, "step": n // 64, "sample": f"s{n // 8}"}) + "\n" for n in range(100_000)
        )
    view = RunView(tmp_path)
    asking: dict[str, Any] = {"step": None, "task_type": "", "sample": "s1", "page": 3, "wait": None}
    view.groups(GroupFilter.DISAGREEMENT, **asking)
    # Of this thread alone: what others do on the machine is not counted.
    begun = time.thread_time()
    assert view.groups(GroupFilter.ALL, **asking)["total"] > 1000
    assert len(view.group(100, "s801")) == 8
    assert time.thread_time() - begun < 0.1


def test_a_large_file_is_shown_while_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    with file.open("w") as stream:
        stream.writelines(f'{{"k": {number}, "text": "{"x" * 500}"}}\n' for number in range(20_000))
    kept = Counted(file)
    begun = time.monotonic()
    first = kept.refresh(0.0)
    assert time.monotonic() - begun < 0.5
    assert first < 1.0
    assert kept.refresh() == 1.0
    assert len(kept.rows) == 20_000


def test_damaged_lines_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(f'{{"k": 1}}\nnot json\n[1]\n{"[" * 100_000}\n{{"k": 2}}\n')
    index: LineIndex[int, None] = LineIndex(file, lambda row: row.get("k"), lambda *_: None)
    index.refresh()
    assert (index.damaged, index.rows([2, 1])) == (3, [{"k": 2}, {"k": 1}])


def test_pairs_their_videos_and_frames(corpus: Path) -> None:
    with serving(corpus.parent) as port:
        (place,) = told(port, "/api/places")
        name = place["name"]
        listed = settled(port, "/api/pairs", place=name)
        assert (listed["total"], listed["tasks"]) == (2, {"direction": 2})
        pair = settled(port, "/api/pair", place=name, pair=listed["pairs"][0]["id"])
        golds = {side["options"][side["gold"]] for side in pair["sides"]}
        assert len(golds) == 2
        video = pair["sides"][0]["media"][0]["path"]
        part = asked(port, "/media", {"Range": "bytes=0-99"}, place=name, path=video)
        assert (part.status, len(part.read())) == (206, 100)
        (frames,) = told(port, "/api/frames", place=name, pair=pair["id"], side=1)["videos"]
        assert len(frames["images"]) == len(frames["seconds"]) == 8
        assert frames["taken"] == frames["seconds"]
        assert asked(port, "/api/frames", place=name, pair=pair["id"], side=2).status == 404
        told_of = told(
            port, "/api/timeline", place=name, video=told(port, "/api/videos", place=name)[0]["name"]
        )
        assert told_of["events"][0]["end"] <= told_of["seconds"]


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "/etc/passwd",
        "videos/../../secret",
        "link",
        "..%2fsecret",
        "%2e%2e/secret",
        "%252e%252e%252fsecret",
        "..\\secret",
        "videos\0/../../secret",
        "",
        "videos",
    ],
)
def test_no_file_outside_of_the_folders_is_read(corpus: Path, path: str) -> None:
    (corpus.parent / "secret").write_text("secret")  # the folder given is the one inside
    link = corpus / "link"
    if not link.is_symlink():
        link.symlink_to("/etc/passwd")
    with serving(corpus) as port:
        (place,) = told(port, "/api/places")
        assert asked(port, "/media", place=place["name"], path=path).status == 404
        assert asked(port, f"/static/{path}".replace("\\", "%5c").replace("\0", "%00")).status == 404
        assert "error" in told(port, "/api/timeline", place=place["name"], video=f"../{path}")


FOREIGN_HOSTS = (
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:80",
    "",
    "[::2]:80",
    "127.0.0.1@evil",
    "127.0.0.1:80@evil.example",
    "127.0.0.1:evil.example",
    "localhost.",
    "127.1",
)


def test_foreign_names_and_pages_are_refused(run: Path) -> None:
    with serving(run.parent) as port:
        for host in FOREIGN_HOSTS:
            assert asked(port, "/api/places", {"Host": host}).status == 403
        for origin in ("http://evil.example", "null", f"https://127.0.0.1:{port}", "http://127.0.0.1:1"):
            assert asked(port, "/api/places", {"Origin": origin}).status == 403
        assert asked(port, "/api/places", {"Origin": f"http://127.0.0.1:{port}"}).status == 200
        refused = asked(port, "/api/places", {"Host": "evil.example"})
        assert refused.headers["X-Content-Type-Options"] == "nosniff"
        assert asked(port, "/api/places", {"Host": f"LOCALHOST:{port}"}).status == 200
        for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
            assert asked(port, "/api/places", {"Sec-Fetch-Site": site}).status == status
        # A link from elsewhere may open the first page, which reads nothing by itself.
        assert asked(port, "/", {"Sec-Fetch-Site": "cross-site"}).status == 200
        answer = asked(port, "/")
        assert answer.status == 200
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_labels_are_taken_of_the_viewers_own_page_alone(corpus: Path) -> None:
    json_alone = {"Content-Type": "application/json"}
    with serving(corpus) as port:
        for headers in (
            json_alone,
            {**json_alone, "Origin": "null"},
            {**json_alone, "Origin": "http://evil.example"},
            {**json_alone, "Origin": f"http://127.0.0.1:{port + 1}"},
            {**as_page(port), "Sec-Fetch-Site": "cross-site"},
        ):
            assert post(port, corpus.name, label(rater="evil"), headers) == 403
        assert (
            post(port, corpus.name, label(rater="evil"), {**as_page(port), "Content-Type": "text/plain"})
            == 415
        )
    assert [one for one in Labels(corpus).all("verify") if one["rater"] == "evil"] == []


@pytest.mark.parametrize(
    "name", ["page.html", "script.js", "drawn.svg", "style.css", "module.mjs", "data.xml"]
)
def test_no_file_of_somebody_elses_data_is_a_page_or_a_script(tmp_path: Path, name: str) -> None:
    (tmp_path / "records.jsonl").write_text("")
    (tmp_path / name).write_text("fetch('/api/places')")
    with serving(tmp_path) as port:
        found = asked(port, "/media", place=tmp_path.name, path=name)
        assert (found.status, found.headers["Content-Type"]) == (200, "application/octet-stream")
        assert found.headers["X-Content-Type-Options"] == "nosniff"


def test_a_folder_whose_files_are_links_to_elsewhere_is_not_shown(run: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    lines(outside / "rollouts.jsonl", [rollout(1, "secret", 0, answer="A", advantage=1.0)])
    (run / "rollouts.jsonl").unlink()
    (run / "rollouts.jsonl").symlink_to(outside / "rollouts.jsonl")
    with serving(run) as port:
        assert told(port, "/api/places") == []
        assert asked(port, "/api/groups", place="run").status == 404
    with serving(run, outside) as port:
        assert settled(port, "/api/groups", place="run")["total"] == 1


class Keeping(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.records.append(record)


def test_a_browser_that_leaves_in_the_middle_of_a_video_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text("")
    (tmp_path / "big.mp4").write_bytes(b"0" * 2**24)
    handler = Keeping(logging.WARNING)
    logging.getLogger("uvicorn.error").addHandler(handler)
    try:
        with serving(tmp_path) as port:
            (place,) = told(port, "/api/places")
            address = f"/media?{urlencode({'place': place['name'], 'path': 'big.mp4'})}"
            for _ in range(5):
                with socket.create_connection(("127.0.0.1", port)) as left:
                    left.sendall(f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                    assert left.recv(100).startswith(b"HTTP/1.1 200")
            assert asked(port, "/api/places").status == 200
    finally:
        logging.getLogger("uvicorn.error").removeHandler(handler)
    assert [fault.getMessage() for fault in handler.records] == []


@pytest.mark.parametrize(
    ("asked_for", "status", "length"),
    [
        ("bytes=0-0", 206, 1),
        ("bytes=-5", 206, 5),
        ("bytes=90-", 206, 10),
        ("bytes=100-", 416, None),
        ("bytes=0-99999999999999999999", 206, 100),
        ("bytes=-99999999999999999999", 206, 100),
        ("bytes=--5", 416, None),
        ("bytes=9-1", 400, None),
        ("bytes=0-50,20-99", 206, 100),
        ("bytes=" + ",".join(["0-"] * 1000), 200, 100),
    ],
)
def test_parts_of_videos(tmp_path: Path, asked_for: str, status: int, length: int | None) -> None:
    (tmp_path / "records.jsonl").write_text("")
    (tmp_path / "a.mp4").write_bytes(bytes(100))
    with serving(tmp_path) as port:
        part = asked(port, "/media", {"Range": asked_for}, place=tmp_path.name, path="a.mp4")
        assert part.status == status
        assert length is None or len(part.read()) == length


def test_a_token_is_asked_for_and_kept_in_a_cookie(run: Path) -> None:
    with serving(run.parent, token="right") as port:  # noqa: S106 - a test's own
        assert asked(port, "/api/places").status == 403
        assert asked(port, "/", token="wrong").status == 403  # noqa: S106
        entered = asked(port, "/", token="right")  # noqa: S106
        assert entered.status == 303
        cookie = entered.headers["Set-Cookie"].split(";")[0]
        assert (str(port) in cookie, "httponly" in entered.headers["Set-Cookie"].lower()) == (True, True)
        name = cookie.split("=")[0]
        for guessed in ("", "righ", "rightt", "RIGHT", "%72ight"):
            assert asked(port, "/", token=guessed).status == 403
            assert asked(port, "/api/places", {"Cookie": f"{name}={guessed}"}).status == 403
        assert asked(port, "//evil.example/", token="right").headers["Location"] == "/"  # noqa: S106
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
        items = [one["id"] for one in told(port, "/api/items", place=place["name"])]

        def rate(rater: str) -> None:
            for item in items:
                body = label(rater=rater, item=item).model_dump_json()
                found = HTTPConnection("127.0.0.1", port, timeout=30)
                found.request("POST", address, body, as_page(port))
                assert found.getresponse().status == 200

        threads = [threading.Thread(target=rate, args=(f"r{number}",)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert items
        assert len(told(port, "/api/labels", place=place["name"])) == 10 * len(items)


def test_what_is_not_there_is_not_labelled(tmp_path: Path) -> None:
    pairs, routed = tmp_path / "pairs", tmp_path / "routed.jsonl"
    traces = [tmp_path / f"{name}.jsonl" for name in ("a", "b")]
    pairs.mkdir()
    lines(pairs / "records.jsonl", [question("q0")])
    lines(routed, [question("q0", task_type="spatial")])
    for name, file in zip("ab", traces, strict=True):
        lines(file, [question("q0", process=f"<think>{name}</think>")])
    asked = {"verify": "accept", "audit": "spatial", "preference": "left"}
    with serving(pairs, routed, prefer=(traces[0], traces[1])) as port:
        names = {place["kind"]: place["name"] for place in told(port, "/api/places")}
        for task, kind in (("verify", "benchmark"), ("audit", "routed"), ("preference", "traces")):
            for item in ("q1", "q0 ", "../q0", "q0\N{GRINNING FACE}"):
                unknown = label(task=task, item=item, verdict=asked[task])
                assert post(port, names[kind], unknown) == 404, (task, item)
            assert told(port, "/api/labels", place=names[kind], task=task) == []
            assert post(port, names[kind], label(task=task, item="q0", verdict=asked[task])) == 200
            assert len(told(port, "/api/labels", place=names[kind], task=task)) == 1
    assert {path.name for path in tmp_path.rglob("*labels.sqlite")} == {
        "labels.sqlite", "routed.jsonl.labels.sqlite", "a.jsonl.labels.sqlite",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        '{"task": "verify"}',
        '{"task": "x", "item": "a", "rater": "r", "verdict": "v"}',
        '{"task": "verify", "item": "a", "rater": "r", "verdict": "static"}',
        '{"task": "audit", "item": "a", "rater": "r", "verdict": "accept"}',
    ],
)
def test_what_is_no_label_is_refused(corpus: Path, body: str) -> None:
    with serving(corpus.parent) as port:
        (place,) = told(port, "/api/places")
        found = HTTPConnection("127.0.0.1", port, timeout=30)
        address = f"/api/label?{urlencode({'place': place['name']})}"
        found.request("POST", address, body, as_page(port))
        answer = found.getresponse()
        assert answer.status == 422
        assert "error" in json.loads(answer.read())


def test_a_folder_that_cannot_be_written_keeps_no_label_and_says_so(corpus: Path) -> None:
    broken = corpus.parent / "broken"
    broken.mkdir()
    lines(broken / "records.jsonl", [question("p1")])
    (broken / "labels.sqlite").write_text("no database, and longer than the header of one" * 10)
    with serving(broken) as port:
        assert "cannot be kept" in told(port, "/api/labels", place="broken")["error"]
        assert post(port, "broken", label()) == 422


def test_only_what_is_labelled_has_labels(run: Path) -> None:
    with serving(run) as port:
        assert post(port, "run", label()) == 422
    assert not (run / "labels.sqlite").exists()


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        Folders((tmp_path / "none",))
    assert Folders((tmp_path,)).places() == []
    assert Folders((tmp_path,)).place("none") is None


def as_page(port: int) -> dict[str, str]:
    """Return what the viewer's own page says with a label."""
    return {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{port}"}


def post(port: int, place: str, one: Label, headers: dict[str, str] | None = None) -> int:
    """Send a label, and return the status. headers: by default the page's own."""
    found = HTTPConnection("127.0.0.1", port, timeout=30)
    address = f"/api/label?{urlencode({'place': place})}"
    body = one.model_dump_json().encode()
    found.request("POST", address, body, as_page(port) if headers is None else headers)
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
        assert post(port, place["name"], label(task="preference", item="q0", verdict="up")) == 422
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


def recipe(weight: float, seed: int) -> dict[str, Any]:
    """Return what run.json says."""
    method = {"name": "crpo", "lambda_d": weight, "lambda_s": weight}
    return {"recipe": {"kind": "rl", "train": {"seed": seed}, "method": method}}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Four runs, two weights with two seeds each, and what their models answered to ten pairs."""
    for weight in (0.0, 0.3):
        for seed in (0, 1):
            name = f"l{weight}-seed-{seed}"
            (tmp_path / name).mkdir()
            (tmp_path / name / "run.json").write_text(json.dumps(recipe(weight, seed), indent=2))
            rows = [
                {"step": n, "reward/correct": seed / 2, "zero_advantage": 0.0} for n in range(1, 4 + seed)
            ]
            lines(tmp_path / name / "metrics.jsonl", rows)
            answers = tmp_path / "eval" / name
            answers.mkdir(parents=True)
            (answers / "run.json").write_text("{}")
            right = 2 + seed + round(10 * weight)
            lines(
                answers / "answers.jsonl",
                [said(n, side, right=n < right) for n in range(10) for side in (0, 1)],
            )
    return tmp_path


def said(number: int, side: int, *, right: bool, **more: Any) -> dict[str, Any]:
    """Return a row of answers.jsonl: the right letter of a side, or the other side's."""
    gold = "AB"[side]
    answer = gold if right else "BA"[side]
    row = {
        "id": f"p{number}-{side}",
        "pair": f"p{number}",
        "side": side,
        "source_clip": f"p{number}",
        "gold": gold,
    }
    row |= {
        "options": ["left", "right"],
        "problem_type": "multiple choice",
        "response": f"\\boxed{{{answer}}}",
    }
    return {**row, "answer": answer, "correct": right, "video": f"{number}-{side}.mp4", **more}


def test_runs_of_several_seeds_are_one_line_in_its_band(study: Path) -> None:
    runs = [f"{study.name}/l0.0-seed-{seed}" for seed in (0, 1)]
    with serving(study) as port:
        found = told(port, f"/api/curves?{urlencode({'place': runs, 'key': 'reward/correct'}, doseq=True)}")
        (line,) = found["lines"]
        assert (line["name"], line["runs"]) == ("l0.0 (2 seeds)", runs)
        assert (line["steps"], line["mean"], line["low"], line["high"]) == (
            [1, 2, 3],
            [0.25] * 3,
            [0.0] * 3,
            [0.5] * 3,
        )
        assert found["notes"] == ["l0.0: 1 steps are not drawn, which not all 2 seeds have."]
        apart = {"place": runs, "key": "reward/correct", "seeds": "apart"}
        both = told(port, f"/api/curves?{urlencode(apart, doseq=True)}")["lines"]
        assert [(one["name"], one["mean"][0]) for one in both] == [(runs[0], 0.0), (runs[1], 0.5)]


def test_a_sweep_is_read_from_recipes_and_scores(study: Path) -> None:
    with serving(study) as port:
        runs = [place["name"] for place in told(port, "/api/places") if place["kind"] == "run"]
        found = told(port, f"/api/sweeps?{urlencode({'place': runs}, doseq=True)}")
        assert (found["metric"], found["scored"]) == ("p_acc", 4)
        (axis,) = found["axes"]
        assert axis["title"] == "lambda_d = lambda_s"
        (line,) = axis["lines"]
        points = [
            [round(point[name], 6) for name in ("at", "mean", "low", "high")] for point in line["points"]
        ]
        assert points == [[0.0, 0.25, 0.2, 0.3], [0.3, 0.55, 0.5, 0.6]]
        assert told(port, "/api/sweeps", place=runs[0])["axes"] == []


def test_a_sweep_has_no_scores_of_answers_without_the_video(study: Path) -> None:
    blind = study / "eval" / "l0.3-seed-0" / "answers.jsonl"
    blind.unlink()
    lines(blind, [said(n, side, right=True, control="text_only") for n in range(10) for side in (0, 1)])
    with serving(study) as port:
        runs = [place["name"] for place in told(port, "/api/places") if place["kind"] == "run"]
        found = told(port, f"/api/sweeps?{urlencode({'place': runs}, doseq=True)}")
        assert found["scored"] == 3
        named = [name for point in found["axes"][0]["lines"][0]["points"] for name in point["runs"]]
        assert not [name for name in named if name.endswith("l0.3-seed-0")]


def test_every_figure_of_the_papers_can_be_chosen(study: Path) -> None:
    with serving(study) as port:
        presets = dict(told(port, "/api/presets"))
        assert {"crpo_dynamics", "crpo_rewards", "strive_dynamics", "crpo_sensitivity"} <= presets.keys()
        found = told(port, "/api/charts", place=f"{study.name}/l0.0-seed-0", preset="crpo_dynamics")
        assert [one["title"] for one in found["charts"]] == ["Correctness reward", "Groups without a signal"]
        assert found["lacking"] == ["reward/original/crr, reward/original/temporal, reward/original/reverse"]


def test_a_long_line_keeps_its_peaks(tmp_path: Path) -> None:
    lines(tmp_path / "metrics.jsonl", [{"step": n, "loss": float(n == 7777)} for n in range(20_000)])
    with serving(tmp_path) as port:
        (line,) = told(port, "/api/curves", place=tmp_path.name, key="loss")["lines"]
    assert len(line["steps"]) < 1500
    assert (line["steps"][0], line["steps"][-1]) == (0, 19_999)
    assert dict(zip(line["steps"], line["mean"], strict=True))[7777] == 1.0


def test_of_a_step_that_was_written_twice_the_last_row_counts(tmp_path: Path) -> None:
    lines(
        tmp_path / "metrics.jsonl",
        [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 2.0}, {"step": 1, "loss": 3.0}],
    )
    with serving(tmp_path) as port:
        (line,) = told(port, "/api/curves", place=tmp_path.name, key="loss")["lines"]
        assert (line["steps"], line["mean"]) == ([1, 2], [3.0, 2.0])
        assert told(port, "/api/state", place=tmp_path.name)[tmp_path.name]["steps"] == 2


def pairs_with(folder: Path, answers: list[dict[str, Any]], about: dict[str, Any]) -> None:
    """Write ten pairs of questions, and answers about them."""
    (folder / "data").mkdir()
    lines(
        folder / "data" / "records.jsonl",
        [question(f"p{n}-{side}", pair=f"p{n}", side=side) for n in range(10) for side in (0, 1)],
    )
    (folder / "told").mkdir()
    lines(folder / "told" / "answers.jsonl", answers)
    (folder / "told" / "run.json").write_text(json.dumps(about, indent=2))


def test_pairs_by_what_a_model_made_of_them_while_it_answers(tmp_path: Path) -> None:
    answers = [
        *(said(0, side, right=True) for side in (0, 1)),
        *(said(1, side, right=False) for side in (0, 1)),
        said(2, 0, right=True),
        said(2, 1, right=True, answer="A", correct=False, response="\\boxed{A}"),
        said(3, 0, right=True),
        said(3, 1, right=True, answer=None, correct=False, response="none"),
        said(4, 0, right=True),
    ]
    pairs_with(tmp_path, answers, {})
    place = f"{tmp_path.name}/data"
    with serving(tmp_path) as port:
        found = settled(port, "/api/pairs", place=place)
        assert found["outcomes"] == {"both_right": 1, "swapped": 1, "same_answer": 1, "unparsed": 1}
        lines(
            tmp_path / "told" / "answers.jsonl",
            [said(4, 1, right=False, answer="C", options=["left", "right", "up"])],
        )
        grown = settled(port, "/api/pairs", place=place, filter="only_first")
        assert [one["id"] for one in grown["pairs"]] == ["p4"]
        assert settled(port, "/api/pair", place=place, pair="p2")["answers"][1]["answer"] == "A"


def test_answers_to_other_questions_of_the_same_names_are_not_mixed_in(tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text("")
    pairs_with(tmp_path, [said(0, 0, right=True)], {"data": str(tmp_path / "other.jsonl")})
    with serving(tmp_path) as port:
        assert told(port, "/api/pairs", place=f"{tmp_path.name}/data")["models"] == []


def test_answers_that_were_cut_or_damaged_show_the_others(tmp_path: Path) -> None:
    rows = [json.dumps(said(n, side, right=True)) for n in range(4) for side in (0, 1)]
    rows[2] = rows[2][:40]
    rows[3] = json.dumps({"id": "p1-1"})
    rows[7] = rows[7][:40]
    (tmp_path / "answers.jsonl").write_text("\n".join(rows))
    with serving(tmp_path) as port:
        found = settled(port, "/api/pairs", place=tmp_path.name)
        assert [one["id"] for one in found["pairs"]] == ["p0", "p2", "p3-0"]
        assert found["damaged"] == 1
        assert settled(port, "/api/pair", place=tmp_path.name, pair="p2")["answers"][0]["correct"] is True


@pytest.mark.parametrize(
    "odd", [{"options": 7}, {"options": ["x"] * 30}, {"options": ["x", "y"], "letters": ["A"]}]
)
def test_a_row_with_odd_options_hides_no_other(tmp_path: Path, odd: dict[str, Any]) -> None:
    later = [said(1, side, right=True) for side in (0, 1)]
    lines(tmp_path / "answers.jsonl", [{**said(0, 0, right=True), **odd}, *later])
    with serving(tmp_path) as port:
        found = settled(port, "/api/pairs", place=tmp_path.name)
        assert (found["answers"], found["outcomes"]["both_right"]) == (3, 1)


def test_a_question_of_ten_million_letters_is_short_in_a_list(tmp_path: Path) -> None:
    lines(tmp_path / "records.jsonl", [question("long", problem="x" * 10**7), question("short")])
    with serving(tmp_path) as port:
        found = asked(port, "/api/pairs", place=tmp_path.name).read()
        assert len(found) < 2000
        assert [one["id"] for one in json.loads(found)["pairs"]] == ["long", "short"]


def test_run_json_of_anything_is_no_fault_of_the_server(tmp_path: Path) -> None:
    odd: dict[str, Any] = {"bench": ["x"], "data": 7, "root": {}, "settings": [1], "conditions": "x"}
    pairs_with(tmp_path, [said(0, side, right=True) for side in (0, 1)], {**odd, "model": {}})
    (tmp_path / "run").mkdir()
    lines(
        tmp_path / "run" / "metrics.jsonl",
        [{"step": 1, "loss": None}, {"loss": 3}, {"step": "x"}, {"step": 2}],
    )
    lines(
        tmp_path / "run" / "rollouts.jsonl",
        [{"step": 1, "sample": "s"}, {"step": 1, "sample": "s", "rewards": 3}],
    )
    (tmp_path / "run" / "run.json").write_text(json.dumps({"recipe": [], "packages": 4}))
    with serving(tmp_path) as port:
        for kind in ("data", "told"):
            place = f"{tmp_path.name}/{kind}"
            for route in ("pairs", "items"):
                assert asked(port, f"/api/{route}", place=place).status == 200
            assert asked(port, "/api/pair", place=place, pair="p0").status == 200
        place = f"{tmp_path.name}/run"
        for route in ("run", "groups", "group", "state", "charts", "curves", "sweeps"):
            assert asked(port, f"/api/{route}", place=place, step=1, sample="s").status == 200
        assert asked(port, "/api/shown", place=place, step=1, sample="s", branch="b").status == 404


def test_answers_that_do_not_say_to_what_are_told_by_the_first(tmp_path: Path) -> None:
    pairs_with(tmp_path, [said(0, 0, right=True)], {})
    (tmp_path / "other").mkdir()
    lines(tmp_path / "other" / "answers.jsonl", [{**said(0, 0, right=True), "id": "another"}])
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "answers.jsonl").write_text('{"id": "p0')
    with serving(tmp_path) as port:
        assert told(port, "/api/pairs", place=f"{tmp_path.name}/data")["models"] == [f"{tmp_path.name}/told"]


def test_a_circle_of_links_and_paths_that_are_none_hide_nothing_else(study: Path) -> None:
    run = study / "l0.0-seed-0"
    (run / "rollouts.jsonl").symlink_to(run / "rollouts.jsonl")
    nul = {"bench": "tempcompass", "data": "\0", "root": "\0", "model": "\0"}
    (study / "eval" / "l0.3-seed-0" / "run.json").write_text(json.dumps(nul))
    section = {"data": {"records": "\0", "root": "\0", "frames": 4}}
    (study / "l0.3-seed-1" / "run.json").write_text(json.dumps({"recipe": section}))
    lines(
        study / "l0.3-seed-1" / "rollouts.jsonl",
        [{**rollout(1, "a", 0, answer="A", advantage=1.0), "frames": []}],
    )
    with serving(study) as port:
        names = {place["name"].split("/", 1)[1] for place in told(port, "/api/places")}
        assert "l0.0-seed-0" not in names
        assert {"l0.0-seed-1", "l0.3-seed-0", "eval/l0.3-seed-0"} <= names
        assert settled(port, "/api/pairs", place=f"{study.name}/eval/l0.3-seed-0")["total"] == 10
        asking = {"place": f"{study.name}/l0.3-seed-1", "step": 1, "sample": "a", "branch": "original"}
        assert "error" in told(port, "/api/shown", **asking)
        assert told(port, "/api/sweeps", place=asking["place"])["axes"] == []


def test_questions_that_are_in_no_pair_and_answers_without_their_questions(tmp_path: Path) -> None:
    lines(
        tmp_path / "answers.jsonl", [{**said(n, 0, right=n == 0), "pair": None, "side": None} for n in (0, 1)]
    )
    with serving(tmp_path) as port:
        found = settled(port, "/api/pairs", place=tmp_path.name)
        assert found["outcomes"] == {"right": 1, "wrong": 1}
        one = settled(port, "/api/pair", place=tmp_path.name, pair="p0-0")
        assert (one["shown"], len(one["sides"]), one["answers"][0]["correct"]) == (False, 1, True)
