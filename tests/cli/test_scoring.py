"""`score` and `compare` as commands: what they load, and how often they read what."""

import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from retroflip.bench import records
from retroflip.bench.records import AnswerRecord, append_answers
from retroflip.cli import app
from retroflip.files.memory import uncollected
from retroflip.files.storage import each_row


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Answers of two models to three pairs; the second is right more often."""
    made = [tmp_path / "base", tmp_path / "crpo"]
    for folder, said in zip(made, ("AAAAAA", "ABABAA"), strict=True):
        folder.mkdir()
        append_answers(folder / "answers.jsonl", [_answer(*one) for one in enumerate(said)])
    return made


def _answer(number: int, said: str) -> AnswerRecord:
    pair, side = divmod(number, 2)
    return AnswerRecord(
        id=str(number),
        pair=str(pair),
        side=side,
        source_clip=f"clip {pair}",
        gold="AB"[side],
        options=("left", "right"),
        response=said,
        answer=None,
        correct=False,
        video="x.mp4",
    )


def test_scoring_loads_no_more_than_it_needs(folders: list[Path]) -> None:
    heavy = "{'torch', 'av', 'asyncio', 'xml.etree.ElementTree', 'retroflip.bench.benchmarks.registry'}"
    code = f"import sys, atexit; atexit.register(lambda: print({heavy} & set(sys.modules), file=sys.stderr));"
    code += "from retroflip.cli import main; main()"
    command = [sys.executable, "-c", code, "score", str(folders[0]), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["n_answers"] == 6
    assert done.stderr == "set()\n"


def test_two_folders_are_read_once_each(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(path: Path) -> Iterator[dict[str, Any]]:
        read.append(path.parent.name)
        return each_row(path)

    monkeypatch.setattr(records, "each_row", counted)
    done = CliRunner().invoke(app, ["score", *map(str, folders), "--json"])
    found = json.loads(done.stdout)
    assert read == ["base", "crpo"]
    assert (found["scores"]["base"]["p_acc"], found["scores"]["crpo"]["p_acc"]) == (0.0, pytest.approx(2 / 3))
    assert found["comparison"]["p_acc_difference"] == pytest.approx(2 / 3)


def test_collection_goes_on_behind_a_command(folders: list[Path]) -> None:
    assert CliRunner().invoke(app, ["compare", *map(str, folders)]).exit_code == 0
    assert CliRunner().invoke(app, ["score", str(folders[0] / "absent")]).exit_code == 1
    assert gc.isenabled()
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


@pytest.mark.parametrize("command", ["score", "compare"])
def test_a_folder_without_a_whole_answer_is_named(folders: list[Path], command: str) -> None:
    (folders[1] / "answers.jsonl").write_text('{"id": "torn')
    done = CliRunner().invoke(app, [command, *map(str, folders), "--json"])
    assert done.exit_code == 1
    assert "crpo/answers.jsonl holds no complete answer" in done.stderr
