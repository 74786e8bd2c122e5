"""`benchmarks/damage.py`: no changed byte of any kind of file goes unnamed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_changed_byte_is_named() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "damage.py"), "--changes", "220", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert [kind for kind in found["kinds"] if kind["used"]] == []
    assert found["named"] == found["changed"] == 220
    assert done.returncode == 0
