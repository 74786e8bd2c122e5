"""The project's own promises: pins for everything, no registry named, README and CI saying the same."""

import re
import shutil
import subprocess
import tomllib
from importlib import metadata, resources
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from retroflip.data.manifest import build_manifest, write_manifest
from retroflip.train import doctor
from retroflip.train.doctor import (
    EXTRAS,
    collect,
    extra,
    hub_cache,
    package,
    pinned,
    tiny_model,
    tracker,
)

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")

# Written in parts, or this file would name them itself.
REGISTRY_HOSTS = (
    "py" + "pi.org",
    "pythonhosted" + ".org",
    "download.py" + "torch.org",
    "npm" + "js.org",
    "cona" + "nda.org",
)


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    return [ROOT / name.decode() for name in listed.split(b"\0") if name]


def normalised(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def pins() -> dict[str, list[str]]:
    """Return the hashes of every pinned package, over all of its versions."""
    found: dict[str, list[str]] = {}
    for block in re.split(r"\n(?=[a-z0-9])", CONSTRAINTS):
        found.setdefault(normalised(block), []).extend(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", block))
    return found


def test_no_tracked_file_names_a_registry() -> None:
    guilty = [
        (path.name, host)
        for path in tracked_files()
        if path.is_file()
        for host in REGISTRY_HOSTS
        if host.encode() in path.read_bytes()
    ]
    assert not guilty


def test_every_dependency_is_pinned_with_hashes() -> None:
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    pinned = pins()
    assert [name for name in map(normalised, wanted) if name not in pinned] == []
    assert [name for name, hashes in pinned.items() if not hashes] == []
    assert "://" not in CONSTRAINTS
    assert "==" in CONSTRAINTS


def test_the_running_environment_is_the_pinned_one() -> None:
    names = [normalised(one) for one in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"])]
    versions = {name: metadata.version(name) for name in names}
    different = [
        f"{n}=={v}" for n, v in versions.items() if not re.search(rf"(?m)^{n}=={re.escape(v)} ", CONSTRAINTS)
    ]
    assert different == []


def test_readme_has_the_two_commands() -> None:
    lines = README.splitlines()
    assert lines.count(". ./setup.sh && uv run retroflip demo") == 1
    assert lines.count(". ./setup.sh && uv run pytest") == 1


def test_ci_takes_its_test_command_from_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r"test_command=\$\(grep -E '(.+)' README\.md\)", script)
    assert pattern
    assert [line for line in README.splitlines() if re.search(pattern[1], line)] == [
        ". ./setup.sh && uv run pytest"
    ]
    assert 'step "$test_command"' in script


@pytest.mark.parametrize("script", ["setup.sh", ".ci/run"])
def test_shell_scripts_parse(script: str) -> None:
    shell = "bash" if script == ".ci/run" else "sh"
    subprocess.run([shell, "-n", script], cwd=ROOT, check=True)


def test_setup_refuses_another_directory(tmp_path: Path) -> None:
    done = subprocess.run(["sh", str(ROOT / "setup.sh")], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "repository's root" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_command_is_found_after_set_up_however_often_it_is_read(tmp_path: Path) -> None:
    """With everything installed: a stamp that says so, and stand-ins for uv and the command."""
    (tmp_path / "src" / "retroflip").mkdir(parents=True)
    (tmp_path / "tools").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    made_from = ("setup.sh", "constraints.txt", "pyproject.toml")
    for name in made_from:
        shutil.copy(ROOT / name, tmp_path)
    for command in (tmp_path / "tools" / "uv", tmp_path / ".venv" / "bin" / "retroflip"):
        command.write_text("#!/bin/sh\n")
        command.chmod(0o755)
    stamp = "".join((tmp_path / name).read_text() for name in made_from)
    (tmp_path / ".venv" / "retroflip.stamp").write_text(f"{tmp_path} 3.11\n{stamp}")
    script = f". {ROOT}/setup.sh && . {ROOT}/setup.sh && command -v retroflip && echo $PATH"

    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PATH": f"{tmp_path}/tools:/usr/bin:/bin"},
    )  # fmt: skip

    command_found, path = done.stdout.splitlines()
    assert command_found == f"{tmp_path}/.venv/bin/retroflip"
    assert path == f"{tmp_path}/.venv/bin:{tmp_path}/tools:/usr/bin:/bin:{tmp_path}/.uv/bin"
    assert done.stderr == ""


def test_pre_commit_fetches_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    assert {hook["language"] for repo in config["repos"] for hook in repo["hooks"]} == {"system"}


def test_package_is_typed_and_of_the_projects_version() -> None:
    assert resources.files("retroflip").joinpath("py.typed").is_file()
    assert metadata.version("retroflip") == PROJECT["version"]
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_doctor_reports_every_check_with_a_fix_where_it_warns() -> None:
    found = collect()
    checks = {check["name"]: check for check in found["checks"]}
    assert {"Python", "cores", "memory", "torch", "trl", "h264 decoder", "av1 decoder", "free disk"} <= set(
        checks
    )
    assert checks["h264 decoder"]["status"] == "ok"
    assert checks["torch"]["value"].startswith(metadata.version("torch"))
    assert {"mpeg4 decoder", "tracker wandb"} <= set(checks)
    assert (checks["h264 encoder"]["status"], checks["h264 encoder"]["value"]) == ("ok", "libx264")
    assert checks["extra figures"]["value"] == f"matplotlib {metadata.version('matplotlib')}"
    assert all(bool(check["fix"]) == (check["status"] != "ok") for check in checks.values())
    assert found["ok"] == all(check["status"] != "warn" for check in checks.values())


def test_doctor_knows_every_extra_and_its_packages() -> None:
    extras = PROJECT["optional-dependencies"]
    needed = {
        name: {re.split("[<>=]", one)[0] for one in extras[name]} for name in extras.keys() - {"dev", "docs"}
    }
    assert {name: set(packages) for name, (packages, _) in EXTRAS.items()} == needed


def test_an_extra_that_is_not_installed_is_no_fault_and_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there: dict[str, str | None] = {"starlette": "1.10", "uvicorn": None, "vllm": "0.33.0"}
    monkeypatch.setattr(doctor, "version_of", there.get)
    web = extra("web")
    assert (web.status, web.value) == ("absent", "without uvicorn")
    assert web.fix == "The viewer: retroflip view. Install it with: uv pip install 'retroflip[web]'"
    there["uvicorn"] = "0.54"
    assert (extra("web").status, extra("web").value) == ("ok", "starlette 1.10, uvicorn 0.54")
    assert extra("vllm").status == "warn"
    assert "0.30 series" in extra("vllm").fix
    there["vllm"] = "0.30.2"
    assert extra("vllm").status == "ok"


def test_doctor_compares_versions_with_what_is_taken_and_what_is_pinned(tmp_path: Path) -> None:
    wanted = SpecifierSet(">=5.23,<5.24")
    assert package("transformers", None, wanted, None).value == "not installed"
    newer = package("transformers", "5.24.0", wanted, "5.23.0")
    assert newer.status == "warn"
    assert "retroflip takes transformers" in newer.fix
    assert package("transformers", "5.23.1", wanted, "5.23.0").value == "5.23.1; 5.23.0 is pinned"
    assert package("av", "18.1.0", None, "18.1.0").value == "18.1.0"
    (tmp_path / "constraints.txt").write_text(
        "av==18.1.0 ; python_version < '3' \\\n    --hash=sha256:0\n"
        "av==19.0.0 ; python_version >= '3' \\\n    --hash=sha256:1\n"
        "torch==2.15.0 \\\n    --hash=sha256:2\n"
    )
    assert pinned(tmp_path / "constraints.txt") == {"av": "19.0.0", "torch": "2.15.0"}
    assert pinned(tmp_path / "nowhere") == {}


def test_doctor_says_how_to_get_a_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "version_of", {"wandb": "0.31"}.get)
    assert (tracker("wandb").status, tracker("wandb").value) == ("ok", "0.31")
    assert tracker("trackio").fix.endswith("Install it with: uv pip install trackio")


def test_doctor_notices_one_changed_byte_in_the_model(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    assert tiny_model(tmp_path).status == "warn"
    weights.write_bytes(b"weights")
    assert "no manifest" in tiny_model(tmp_path).value
    write_manifest(tmp_path / "manifest.json", build_manifest(tmp_path, ["model.safetensors"]))
    assert tiny_model(tmp_path).status == "ok"
    weights.write_bytes(b"weightz")
    assert tiny_model(tmp_path).value == "missing or changed: model.safetensors"


def test_doctor_accepts_a_cache_that_can_be_made_and_not_one_under_a_file(tmp_path: Path) -> None:
    assert hub_cache(tmp_path / "not" / "yet").status == "ok"
    (tmp_path / "file").touch()
    assert hub_cache(tmp_path / "file" / "hub").status == "warn"
