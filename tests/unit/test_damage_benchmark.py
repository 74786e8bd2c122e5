"""`benchmarks/damage.py`: no changed byte of any kind of file goes unnamed, and no file that is read is left out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_READ = [".lock", "environment.json", "stats.json", "unknown.jsonl"]
"""what is written for people, and locks"""


@pytest.mark.slow
def test_every_changed_byte_is_named() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "damage.py"), "--changes", "220", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert [kind for kind in found["kinds"] if kind["used"]] == []
    assert found["named"] == found["changed"] == 220
    assert found["unlisted"] == NOT_READ
    assert done.returncode == 0
