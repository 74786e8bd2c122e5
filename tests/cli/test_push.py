"""`retroflip push` against a server that speaks the hub's endpoints, and what it says where that fails."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from retroflip.cli.quiet import quiet
from retroflip.data import hub
from retroflip.data.hub import planned
from retroflip.data.manifest import MANIFEST_NAME, build_manifest, first_changed, write_manifest
from retroflip.data.records import read_samples
from retroflip.errors import UsageError
from retroflip.files.storage import read_json_object
from retroflip.lab.laboratory import LabSettings, write_laboratory
from retroflip.models import tiny
from retroflip.progress import Silence
from retroflip.recipes.shipped import recipe_file

TOKEN = "hf_secretsecretsecret"  # noqa: S105 - of a server of our own
CARD = "---\nlicense: apache-2.0\ntags: [retroflip]\n---\n\n# A model\n"


class Hub(ThreadingHTTPServer):
    """A hub with one repository. fail: how often, and how, each endpoint fails first."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Speaks)
        self.private: bool | None = None
        self.stored: dict[str, bytes] = {}
        self.committed: dict[str, bytes] = {}
        self.lines: list[str] = []
        self.fail: dict[str, list[int]] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Speaks(BaseHTTPRequestHandler):
    """The hub's answers; status 0 cuts the connection."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        endpoints = ("create", "validate", "preupload", "batch", "blob", "commit")
        what = next((part for part in endpoints if part in self.path), "info")
        self.server.lines.append(f"{what} {self.headers.get('Authorization', '')}")
        failing = self.server.fail.get(what, [])
        status = failing.pop(0) if failing else 200
        if status == 0:
            self.close_connection = True
            self.connection.close()
            return
        found = {"error": f"refused {TOKEN}"} if status != 200 else getattr(self, f"on_{what}")(body)
        sent = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PUT = answer

    def on_create(self, body: bytes) -> dict[str, Any]:
        if self.server.private is None:
            asked = json.loads(body)
            self.server.private = asked.get("visibility") == "private" or bool(asked.get("private"))
        return {"url": f"{self.server.address}/me/it", "id": "1"}

    def on_info(self, _: bytes) -> dict[str, Any]:
        return {"id": "me/it", "private": self.server.private, "sha": "0" * 40, "siblings": []}

    def on_validate(self, _: bytes) -> dict[str, Any]:
        return {"errors": [], "warnings": []}

    def on_preupload(self, body: bytes) -> dict[str, Any]:
        names = [one["path"] for one in json.loads(body)["files"]]
        return {"files": [{"path": n, "uploadMode": self.mode(n), "shouldIgnore": False} for n in names]}

    @staticmethod
    def mode(path: str) -> str:
        return "lfs" if path.endswith((".safetensors", ".mp4")) else "regular"

    def on_batch(self, body: bytes) -> dict[str, Any]:
        objects = json.loads(body)["objects"]
        for one in objects:
            if one["oid"] not in self.server.stored:
                one["actions"] = {"upload": {"href": f"{self.server.address}/blob/{one['oid']}"}}
        return {"transfer": "basic", "objects": objects}

    def on_blob(self, body: bytes) -> dict[str, Any]:
        self.server.stored[hashlib.sha256(body).hexdigest()] = body
        return {}

    def on_commit(self, body: bytes) -> dict[str, Any]:
        for line in body.decode().splitlines():
            row = json.loads(line)
            if row["key"] == "file":
                self.server.committed[row["value"]["path"]] = b64decode(row["value"]["content"])
            elif row["key"] == "lfsFile":
                self.server.committed[row["value"]["path"]] = self.server.stored[row["value"]["oid"]]
        return {
            "success": True,
            "commitOid": "1" * 40,
            "commitUrl": f"{self.server.address}/me/it/commit/{'1' * 40}",
            "hookOutput": "",
        }


@pytest.fixture
def server() -> Iterator[Hub]:
    found = Hub()
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"a": np.arange(12, dtype=np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text("{}")
    (folder / "README.md").write_text(CARD)
    (folder / ".lock").write_text("held")
    write_manifest(folder / MANIFEST_NAME, build_manifest(folder, ["config.json", "model.safetensors"]))
    return folder


def run(server: Hub, *arguments: str, **changed: str) -> "subprocess.CompletedProcess[str]":
    return command(server, "push", *arguments, **{"HF_HUB_OFFLINE": "0", **changed})


def command(server: Hub, *words: str, **changed: str) -> "subprocess.CompletedProcess[str]":
    own = {"HF_ENDPOINT": server.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    source = Path(hub.__file__).parents[2]
    there = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    return subprocess.run(
        [sys.executable, "-m", "retroflip", *words],
        env={**there, **own, "PYTHONPATH": str(source), **changed},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_a_model_is_private_and_whole(server: Hub, model: Path) -> None:
    done = run(server, str(model), "--to", "me/it")
    assert (done.returncode, server.private) == (0, True), done.stderr
    assert sorted(server.committed) == ["README.md", "config.json", "manifest.json", "model.safetensors"]
    assert server.committed["model.safetensors"] == (model / "model.safetensors").read_bytes()
    assert "4 files in the private model me/it" in done.stdout
    assert all(TOKEN in line for line in server.lines if not line.startswith(("blob", "validate")))
    assert TOKEN not in done.stdout + done.stderr


def test_a_cut_connection_is_one_paragraph_and_the_next_start_goes_on(server: Hub, model: Path) -> None:
    server.fail = {"commit": [0] * 20}
    cut = run(server, str(model), "--to", "me/it")
    assert cut.returncode == 1
    assert "The same command goes on where this one stopped" in cut.stderr
    assert "Traceback" not in cut.stderr
    server.fail = {}
    blobs = [line for line in server.lines if line.startswith("blob")]
    assert run(server, str(model), "--to", "me/it").returncode == 0
    assert [line for line in server.lines if line.startswith("blob")] == blobs, (
        "the weights are not sent again"
    )
    assert len(server.committed) == 4


@pytest.mark.parametrize(
    ("endpoint", "status", "said"),
    [
        ("create", 401, "refused the token"),
        ("create", 500, "answered 500"),
        ("info", 403, "refused the token"),
    ],
)
def test_a_refusal_is_one_paragraph_without_the_token(
    server: Hub, model: Path, endpoint: str, status: int, said: str
) -> None:
    server.fail = {endpoint: [status] * 20, "info": [status] * 20}
    done = run(server, str(model), "--to", "me/it", "--json")
    assert done.returncode == 1
    assert said in done.stderr
    assert TOKEN not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_nothing_is_sent_where_the_hub_is_off_or_a_public_repository_would_show_it(
    server: Hub, model: Path
) -> None:
    off = run(server, str(model), "--to", "me/it", HF_HUB_OFFLINE="1")
    assert (off.returncode, server.lines) == (2, [])
    assert "HF_HUB_OFFLINE is set" in off.stderr
    none = run(server, str(model), "--to", "me/it", HF_TOKEN="")
    assert (none.returncode, server.lines) == (2, [])
    assert "HF_TOKEN" in none.stderr
    listed = run(server, str(model), "--to", "me/it", "--dry-run", "--json", HF_TOKEN="", HF_HUB_OFFLINE="1")
    assert (listed.returncode, server.lines) == (0, [])
    assert [one["path"] for one in json.loads(listed.stdout)["files"]][-1] == "config.json"
    server.private = False
    open_ = run(server, str(model), "--to", "me/it")
    assert (open_.returncode, server.committed) == (2, {})
    assert "Add --public" in open_.stderr


def test_a_benchmark_goes_with_its_records_last(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    for name in ("a", "b"):
        (tmp_path / "videos" / f"{name}.mp4").write_bytes(b"v")
    (tmp_path / "records.jsonl").write_text("{}\n")
    (tmp_path / "journal.jsonl").write_text('{"path": "/home/me/clips"}\n')
    (tmp_path / "README.md").write_text(CARD)
    upload = planned(tmp_path, "me/bench", public=True)
    assert (upload.kind.value, upload.public) == ("dataset", True)
    assert [name for name, _ in upload.files] == [
        "README.md",
        "videos/a.mp4",
        "videos/b.mp4",
        "records.jsonl",
    ]


def test_what_must_not_go_out_is_refused(model: Path, tmp_path: Path) -> None:
    def refusal(folder: Path, name: str = "me/it") -> str:
        with pytest.raises(UsageError) as caught:
            planned(folder, name, public=False)
        return str(caught.value)

    assert "names no owner" in refusal(model, "it")
    assert "no repository's name" in refusal(model, "me/../it")
    assert "is no folder" in refusal(tmp_path / "nowhere")
    assert "Push its model" in refusal(tmp_path)
    (model / "leak").symlink_to("/etc/passwd")
    assert "is a link" in refusal(model)
    (model / "leak").unlink()
    (model / "README.md").write_text("# no head\n")
    assert "no head in YAML" in refusal(model)
    (model / "README.md").write_text("---\nlicense: [\n---\n")
    assert "cannot be read by the hub" in refusal(model)
    (model / "README.md").unlink()
    assert "There is no" in refusal(model)
    (model / "README.md").write_text(CARD)
    (model / "config.json").write_text('{"changed": 1}')
    assert "is not the file that" in refusal(model)
    (tmp_path / "empty").mkdir()
    assert "nothing to push" in refusal(tmp_path / "empty")


def test_a_local_model_is_loaded_without_the_hub_unless_a_push_comes_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    quiet(tiny.NAME, online=True)
    assert "HF_HUB_OFFLINE" not in os.environ
    quiet(tiny.NAME)
    assert os.environ["HF_HUB_OFFLINE"] == "1"


@pytest.mark.slow
def test_training_ends_in_a_push_that_cannot_cost_the_model(server: Hub, tmp_path: Path) -> None:
    """The model lies on this machine, for which runs do without the network: the push needs it all the same."""
    settings = LabSettings(seed=1, sft_samples=2, train_samples=1, pairs_per_task=1, size=64)
    lab = write_laboratory(tmp_path / "lab", settings, Silence())
    recipe = ["sft", str(recipe_file("tiny/sft.yaml")), f"data.records={lab.sft / 'records.jsonl'}"]
    small = ["train.steps=1", "train.batch_size=1", "train.save_every=1"]
    out = tmp_path / "run"
    words = [*recipe, *small, "--out", str(out), "--push", "me/it"]

    early = command(server, *words, HF_TOKEN="")
    assert (early.returncode, out.exists(), server.lines) == (2, False, []), early.stderr

    server.fail = {"create": [500] * 20}
    failed = command(server, *words)
    assert failed.returncode == 1, failed.stderr
    assert "The run is finished." in failed.stdout
    assert f"retroflip push {out / 'model'} --to me/it" in failed.stderr
    assert "answered 500" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert first_changed(out / "model") is None
    assert read_json_object(out / "push.json")["sent"] is False

    server.fail = {}
    again = command(server, *words, "--resume", "--json")
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout)["push"]
    assert (told["sent"], told["repository"], server.private) == (True, "me/it", True)
    assert read_json_object(out / "push.json")["address"] == told["address"]
    weights = server.committed["model.safetensors"]
    assert weights == (out / "model" / "model.safetensors").read_bytes()
    assert "push.json" not in server.committed
    shown = failed.stdout + failed.stderr + again.stdout + again.stderr
    assert TOKEN not in shown + (out / "push.json").read_text()


def test_a_benchmark_is_built_and_released_into_a_repository(server: Hub, tmp_path: Path) -> None:
    built, released = tmp_path / "built", tmp_path / "released"
    small = ["quotas.synthetic.synthetic=2", "sources.synthetic.settings.scene.size=64"]
    recipe = str(recipe_file("dybench/synthetic.yaml"))
    done = command(
        server, "dybench", "build", recipe, *small, "--out", str(built), "--push", "me/it", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["push"]["sent"] is True
    assert server.committed["records.jsonl"] == (built / "records.jsonl").read_bytes()
    assert len([name for name in server.committed if name.endswith(".mp4")]) == 4

    labels = tmp_path / "labels.jsonl"
    pairs = dict.fromkeys(sample.pair for sample in read_samples(built / "records.jsonl"))
    labels.write_text(
        "".join(json.dumps({"rater": "a", "pair": pair, "verdict": "accept"}) + "\n" for pair in pairs)
    )
    server.fail = {"commit": [403] * 20}
    words = [
        "dybench",
        "release",
        str(built),
        "--labels",
        str(labels),
        "--out",
        str(released),
        "--push",
        "me/it",
    ]
    failed = command(server, *words)
    assert failed.returncode == 1, failed.stderr
    assert "2 pairs kept" in failed.stdout
    assert f"retroflip push {released} --to me/it" in failed.stderr
    server.fail, server.committed = {}, {}
    assert command(server, *words).returncode == 0
    assert server.committed["records.jsonl"] == (released / "records.jsonl").read_bytes()
    assert "push.json" not in server.committed
