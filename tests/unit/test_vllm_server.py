"""Rollouts by a server: what is asked of it, and rollouts and training over real connections to one of our own."""

import copy
import importlib
import json
import math
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import torch
import yaml
from accelerate import Accelerator
from pydantic import ValidationError
from test_vllm_rollouts import close, image_and_text, largest_gap, policy_for_vllm
from trl.generation.vllm_client import VLLMClient
from trl.generation.vllm_generation import VLLMGeneration
from trl.scripts.vllm_serve import ScriptArguments, build_command

from launched import launch
from random_models import FAMILIES, random_encoder, random_model, random_tokenizer
from retroflip.errors import RolloutServerError
from retroflip.files.storage import read_jsonl
from retroflip.inference import vllm_server
from retroflip.inference.base import Sampling
from retroflip.inference.rollout import Completion, Roller
from retroflip.inference.vllm_colocated import Colocated
from retroflip.inference.vllm_rollouts import DrawnCompletion, Request, VLLMWriter, Vocabulary, build_request
from retroflip.inference.vllm_server import (
    Served,
    ServerSettings,
    WeightClient,
    answer_in,
    body_of,
    check_server,
    items_of,
    server_command,
)
from retroflip.jobs.recipes import recipe_from
from retroflip.lab.laboratory import LabSettings, write_laboratory
from retroflip.models import processes
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.features import encode_visuals
from retroflip.models.loading import load_model, load_processor
from retroflip.progress import Silence
from retroflip.rl import train as rl_run
from retroflip.rl.generation import GroupRollouts
from retroflip.rl.methods.crpo import CrpoSettings
from retroflip.rl.recipe import EngineSection, RlRecipe
from rollout_server import PostedWeights, RolloutServer, encoded, running
from separate_rows import prompts_of, separate
from training_runs import make_trainer

SAMPLING = Sampling(max_tokens=8, temperature=0.7)
END = int(random_tokenizer().eos_token_id)
PAD = int(random_tokenizer().pad_token_id)


def all_prompts() -> list[Prompt]:
    encoder = random_encoder("qwen3_vl")
    return [*prompts_of(encoder), *image_and_text(encoder)]


def request_for(prompt: Prompt, rollouts: int = 2) -> Request:
    config = random_model("qwen3_vl")[0].config
    vocabulary = Vocabulary(
        frozenset({END}),
        frozenset({1, 2}),
        config.image_token_id,
        config.video_token_id,
    )
    return build_request(prompt, rollouts, SAMPLING, 5, vocabulary, weights=3)


# What is asked


def test_a_videos_steps_are_pictures_and_an_image_is_one() -> None:
    token = random_encoder("qwen3_vl").processor.video_token_id
    (*videos, image, _) = all_prompts()
    for prompt in videos:
        shown = request_for(prompt).shown
        assert shown is not None
        assert prompt.grid_thw is not None
        assert prompt.pixels_PD is not None
        steps = items_of(shown)
        assert len(steps) == int(prompt.grid_thw[0, 0]) > 1
        assert torch.equal(torch.cat([one.pixels_PD for one in steps]), prompt.pixels_PD)
        assert all(one.grid_thw.tolist() == [[1, *prompt.grid_thw[0, 1:].tolist()]] for one in steps)
        assert all(one.length * 4 == len(one.pixels_PD) for one in steps)
        places = [place for one in steps for place in range(one.offset, one.offset + one.length)]
        assert places == (prompt.input_ids_L == token).nonzero()[:, 0].tolist()
    shown = request_for(image).shown
    assert shown is not None
    (only,) = items_of(shown)
    assert torch.equal(only.pixels_PD, shown.pixels_PD)


def test_steps_of_unequal_length_are_refused() -> None:
    shown = request_for(all_prompts()[0]).shown
    assert shown is not None
    fewer = shown.is_visual_K.clone()
    fewer[0 if fewer[0] else int(fewer.nonzero()[0])] = False
    with pytest.raises(ValueError, match=r"runs of tokens, of lengths \[3, 4\]"):
        items_of(replace(shown, is_visual_K=fewer))


def test_a_body_is_json_with_keys_of_its_run() -> None:
    (video, *_, text) = all_prompts()
    request = request_for(video, rollouts=3)
    body = json.loads(json.dumps(body_of(request, "name", "run", encoded)))
    assert body["token_ids"] == video.input_ids_L.tolist()
    assert body["sampling_params"] == json.loads(json.dumps(dict(request.arguments)))
    assert (body["model"], body["sampling_params"]["n"]) == ("name", 3)
    keys = body["features"]["mm_hashes"]["image"]
    assert len(set(keys)) == len(keys) == len(body["features"]["kwargs_data"]["image"]) == 4
    others = body_of(request, "name", "other run", encoded)["features"]["mm_hashes"]["image"]
    assert not set(keys) & set(others)
    assert "features" not in body_of(request_for(text), "name", "run", encoded)


def test_an_answer_is_read_in_the_order_of_its_seeds() -> None:
    def choice(index: int, *scores: float) -> dict[str, Any]:
        content = [{"token": f"token_id:{place}", "logprob": score} for place, score in enumerate(scores)]
        return {"index": index, "token_ids": list(range(len(scores))), "logprobs": {"content": content}}

    answer = answer_in({"prompt_token_ids": [4, 5], "choices": [choice(1, -1.0), choice(0, -0.5, -9999.0)]})
    assert answer.prompt_ids == (4, 5)
    assert [one.ids for one in answer.rollouts] == [(0, 1), (0,)]
    assert answer.rollouts[0].log_probs[0] == -0.5
    assert math.isnan(answer.rollouts[0].log_probs[1])
    other = {
        "index": 0,
        "token_ids": [7],
        "logprobs": {"content": [{"token": "token_id:8", "logprob": -1.0}]},
    }
    with pytest.raises(ValueError, match="other tokens"):
        answer_in({"prompt_token_ids": [4], "choices": [other]})


def test_the_command_has_what_trl_starts_servers_with_and_stands_in_the_documents() -> None:
    command = server_command("MODEL", 12288)
    words = shlex.split(command)
    theirs = build_command(ScriptArguments(model="MODEL"))
    for option in ("--weight-transfer-config", "--logprobs-mode"):
        assert words[words.index(option) + 1] == theirs[theirs.index(option) + 1]
    documents = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
    (block,) = (part for part in documents.split("```") if "vllm serve" in part)
    assert shlex.split(block.replace("\\\n", ""))[-len(words) :] == words


def test_trl_still_has_what_the_client_replaces() -> None:
    used = VLLMGeneration.sync_weights.__code__.co_names
    assert {"vllm_client", "update_named_params", "_weight_metadata", "reset_prefix_cache"} <= set(used)
    for method in (VLLMClient.update_named_params, VLLMClient.reset_prefix_cache, VLLMClient.get_world_size):
        assert {"_post", "_get", "_start_weight_update"} & set(method.__code__.co_names)
    assert "_finish_weight_update" in VLLMClient.update_named_params.__code__.co_names


def test_settings_of_an_engine_in_the_process_are_refused_beside_a_server() -> None:
    whole = EngineSection(context=8, server="http://localhost:8000", timeout=5.0)
    assert EngineSection(**whole.model_dump()) == whole
    with pytest.raises(ValidationError, match="leave memory and eager out"):
        EngineSection(context=8, server="http://localhost:8000", memory=0.5, eager=True)
    with pytest.raises(ValidationError, match="server"):
        EngineSection(context=8, server="localhost:8000")


# Over real connections


def replace_vllm(patch: pytest.MonkeyPatch) -> None:
    """Bring weights and encode pixels without vLLM, which is not installed here."""
    patch.setattr(vllm_server, "require_vllm", lambda: None)
    patch.setattr(rl_run, "require_vllm", lambda: None)
    patch.setattr(vllm_server, "WeightClient", PostedWeights)
    patch.setattr(vllm_server, "vllm_item", encoded)


@pytest.fixture
def in_place_of_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do without vLLM."""
    replace_vllm(monkeypatch)


@pytest.fixture
def server(in_place_of_vllm: None) -> Iterator[RolloutServer]:  # noqa: ARG001 - needed, not used
    with running(RolloutServer(random_model("qwen3_vl", seed=9)[0], PAD)) as started:
        yield started


def settings_for(server: RolloutServer, timeout: float = 30.0) -> ServerSettings:
    return ServerSettings(server.address, server.context, timeout, group_port=1)


def served(server: RolloutServer, policy: Any, timeout: float = 30.0) -> Served:
    """Return an engine whose model was loaded from a folder of the name that the server gives its own."""
    policy.name_or_path = f"somewhere/else/{server.name}"
    return Served(policy, Accelerator(cpu=True), None, settings_for(server, timeout))


def written_by(engine: Served | Colocated, policy: Any) -> list[list[Completion]]:
    writer = VLLMWriter(engine, policy, end_tokens={END}, special_tokens={1, 2})
    return writer.roll(all_prompts(), [None] * 5, [3, 1, 2, 2, 1], SAMPLING, [40, 50, 60, 70, 80])


def written_here(policy: Any) -> list[list[Completion]]:
    roller = Roller(policy, pad_token=PAD, end_tokens={END}, special_tokens={1, 2})
    prompts = all_prompts()
    features = encode_visuals(policy, prompts)
    return roller.roll(prompts, features, [3, 1, 2, 2, 1], SAMPLING, [40, 50, 60, 70, 80])


def ids_of(rolled: list[list[Completion]]) -> list[list[tuple[tuple[int, ...], bool]]]:
    return [[(one.ids, one.truncated) for one in branch] for branch in rolled]


def test_a_server_writes_what_is_written_here(server: RolloutServer) -> None:
    """About videos, an image and a text: one request a branch, each with its number of rollouts."""
    policy = random_model("qwen3_vl")[0]
    engine = served(server, policy)
    engine.sync_weights()
    rolled = written_by(engine, policy)
    assert ids_of(rolled) == ids_of(written_here(policy))
    assert sorted(body["sampling_params"]["n"] for body in server.bodies) == [1, 1, 2, 2, 3]
    for prompt, branch in zip(all_prompts(), rolled, strict=True):
        for one in branch:
            assert isinstance(one, DrawnCompletion)
            with torch.no_grad():
                ours = separate(policy, prompt, list(one.ids), PAD, SAMPLING.temperature)
            torch.testing.assert_close(torch.tensor(one.log_probs), ours)


def test_a_server_follows_the_policys_weights(server: RolloutServer) -> None:
    policy = random_model("qwen3_vl")[0]
    engine = served(server, policy)
    engine.sync_weights()
    before = written_by(engine, policy)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.mul_(1.3)
    assert ids_of(written_by(engine, policy)) == ids_of(before) != ids_of(written_here(policy))
    engine.sync_weights()
    assert ids_of(written_by(engine, policy)) == ids_of(written_here(policy))
    keys = [set(body["features"]["mm_hashes"]["image"]) for body in server.bodies if "features" in body]
    assert len(set.union(*keys[:4]) & set.union(*keys[-4:])) == 0
    assert set.union(*keys[:4]) == set.union(*keys[4:8])


@pytest.mark.parametrize("lora", [False, True])
def test_training_with_a_server_is_training_without(
    server: RolloutServer, tmp_path: Path, lora: bool
) -> None:
    """Rollouts, metrics and weights of three steps, all written over the connection."""
    runs: list[tuple[list[GroupRollouts], Any]] = []
    for name in ("here", "there"):
        seen: list[GroupRollouts] = []
        trainer = make_trainer(tmp_path / name, CrpoSettings(rollouts=3), seen=seen, steps=3, lora=lora)
        if name == "there":
            policy: Any = trainer.model
            policy.name_or_path = server.name
            trainer.engine = Served(policy, trainer.accelerator, None, settings_for(server))
            trainer.use_vllm = True
        trainer.train()
        runs.append((seen, trainer))
    (here, local), (there, remote) = runs
    assert [[w.texts for w in group.branches] for group in here] == [
        [w.texts for w in group.branches] for group in there
    ]
    assert len(server.bodies) == 3 * 2 * 2
    gaps = [row["engine/log_prob_gap"] for row in remote.state.log_history if "engine/log_prob_gap" in row]
    assert len(gaps) == 3
    assert max(gaps) < 1e-5
    moved = 0.0
    start = random_model("qwen3_vl")[0].state_dict()
    for (key, ours), (_, theirs) in zip(
        local.policy.state_dict().items(), remote.policy.state_dict().items(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-3, msg=key)
        if key in start:
            moved = max(moved, float((ours - start[key]).abs().max()))
    assert lora or moved > 1e-3


# What goes wrong


def refused(work: Callable[[], Any], *words: str) -> None:
    """Assert that the work ends in one paragraph that holds these words."""
    with pytest.raises(RolloutServerError) as caught:
        work()
    said = str(caught.value)
    assert "\n" not in said
    assert [word for word in ("http://127.0.0.1:", *words) if word not in said] == [], said


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("/v1/models", {"data": [{"id": "x", "root": "big/other", "max_model_len": 9999}]}, ["big/other", "policy"]),
        ("/v1/models", {"data": [{"id": "policy", "max_model_len": 100}]}, ["100 tokens", "train.engine.context"]),
        ("/openapi.json", {"paths": {"/server_info": {}}}, ["has no /inference/v1/generate"]),
        ("/v1/models", (503, "warming up"), ["503", "warming up"]),
        ("/v1/models", (200, "<html>"), ["no JSON", "<html>"]),
    ],
)  # fmt: skip
def test_another_server_than_the_one_needed_is_refused_before_the_run(
    server: RolloutServer, path: str, answer: Any, words: list[str]
) -> None:
    server.says[path] = answer
    refused(
        lambda: check_server(settings_for(server), "policy"), *words, "Start it with: VLLM_SERVER_DEV_MODE=1"
    )


def test_a_server_that_was_started_for_other_work_is_refused(server: RolloutServer) -> None:
    for mode, transfer, words in (
        ("raw_logprobs", {"backend": "nccl"}, "raw_logprobs"),
        ("processed_logprobs", None, "--weight-transfer-config"),
    ):
        config = {"model_config": {"logprobs_mode": mode}, "weight_transfer_config": transfer}
        server.says["/server_info"] = {"vllm_config": config}
        refused(lambda: check_server(settings_for(server), "policy"), words, "Start it with")


def test_a_server_that_is_not_there_is_named_with_the_command_that_starts_it() -> None:
    settings = ServerSettings(f"http://127.0.0.1:{free_port()}", 64, 5.0, 1)
    refused(lambda: check_server(settings, "policy"), "could not be reached", "vllm serve policy", "len 64")


def dies(_: str) -> None:
    raise ConnectionAbortedError("the server's process ended")


def hangs(path: str) -> None:
    if "generate" in path:
        time.sleep(0.5)


@pytest.mark.parametrize(
    ("before", "says", "words"),
    [
        (lambda path: dies(path) if "generate" in path else None, {}, "could not be reached"),
        (hangs, {}, "did not answer /inference/v1/generate within 0.2 seconds"),
        (None, {"/inference/v1/generate": (500, '{"error":\n"engine is dead"}')}, "engine is dead"),
        (None, {"/inference/v1/generate": {"choices": [{"index": 0}]}}, "otherwise than vLLM's 0.30 series"),
        (None, {"/weight_info": {"weight_version": "default"}}, "other weights (default)"),
    ],
)
def test_a_failure_in_the_middle_says_how_to_go_on(
    server: RolloutServer, before: Callable[[str], None] | None, says: dict[str, Any], words: str
) -> None:
    policy = random_model("qwen3_vl")[0]
    engine = served(server, policy, timeout=0.2 if before is hangs else 30.0)
    engine.sync_weights()
    server.before = before or server.before
    server.says |= says
    refused(lambda: written_by(engine, policy), words, "last checkpoint is intact", "--resume")


def test_weights_of_another_run_that_come_in_between_are_noticed(server: RolloutServer) -> None:
    policy = random_model("qwen3_vl")[0]
    engine, other = served(server, policy), served(server, copy.deepcopy(policy))
    engine.sync_weights()

    def interfere(path: str) -> None:
        if "generate" in path:
            server.weights = other.version

    server.before = interfere
    refused(lambda: written_by(engine, policy), other.version, engine.version, "another run uses it")


def test_a_run_whose_server_dies_goes_on_with_a_new_one_and_ends_like_an_unbroken_one(
    in_place_of_vllm: None,  # noqa: ARG001 - needed, not used
    tmp_path: Path,
) -> None:
    port = free_port()
    recipe, model = recipe_and_model(tmp_path, port)

    def train(name: str, resume: bool = False, steps: int = 100) -> None:
        """Train with a new server, which dies after so many steps."""
        started = RolloutServer(copy.deepcopy(model), PAD)

        def before(_: str) -> None:
            if started.paths.count("/update_weight_version") > steps:
                dies("")

        started.before = before
        with running(started, port):
            rl_run.train(recipe, tmp_path / name, resume=resume, progress=Silence())

    train("unbroken")
    with pytest.raises(RolloutServerError, match="--resume"):
        train("broken", steps=3)
    rows = read_jsonl(tmp_path / "broken" / "metrics.jsonl")
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert max(row["grad_norm"] for row in rows) > 1e-3
    train("broken", resume=True)
    for name in ("metrics.jsonl", "rollouts.jsonl", "model/model.safetensors"):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes(), name


def train_with_a_server(recipe: RlRecipe, out: Path) -> None:
    """Train in this process, one of those that work together."""
    patch = pytest.MonkeyPatch()
    replace_vllm(patch)
    rl_run.train(recipe, out, resume=False, progress=Silence())
    processes.leave()


def test_two_processes_ask_one_server_for_what_one_asks_for(tmp_path: Path) -> None:
    recipe, model = recipe_and_model(tmp_path, free_port())
    written = []
    for count in (1, 2):
        server = RolloutServer(model, PAD)
        assert recipe.train.engine is not None
        with running(server, urlsplit(recipe.train.engine.server or "").port or 0):
            out = tmp_path / f"{count}"
            assert launch(count, train_with_a_server, recipe, out) == [0] * count
        assert len(server.bodies) == 4 * 2 * 2
        assert server.paths.count("/update_weights") == 4
        rows = read_jsonl(out / "rollouts.jsonl")
        written.append([(row["step"], row["sample"], row["branch"], row["text"]) for row in rows])
    assert written[0] == written[1]


def recipe_and_model(folder: Path, port: int) -> tuple[RlRecipe, Any]:
    """Return a recipe of four steps from the embedded model, and a model like it that has not its weights yet."""
    load_model("retroflip-tiny").save_pretrained(folder / "policy")
    load_processor("retroflip-tiny").save_pretrained(folder / "policy")
    settings = LabSettings(seed=1, sft_samples=1, train_samples=5, pairs_per_task=1, size=64)
    lab = write_laboratory(folder / "data", settings, Silence())
    text = f"""
    kind: rl
    model: {{path: {folder / "policy"}}}
    data: {{records: {lab.train / "records.jsonl"}}}
    method: {{name: crpo, rollouts: 2}}
    train:
      {{steps: 4, samples_per_step: 2, learning_rate: 1.0e-3, save_every: 2, beta: 0.01, epsilon: 0.2, temperature: 2.0,
      max_completion_length: 72, loss_type: grpo, engine: {{context: 512, server: "http://127.0.0.1:{port}"}}}}
    """
    recipe = recipe_from(yaml.safe_load(text))
    assert isinstance(recipe, RlRecipe)
    model = load_model("retroflip-tiny")
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    return recipe, model


# vLLM's own server


class ClientWithoutNccl(WeightClient):
    """TRL's client on a machine without CUDA."""

    def init_communicator(self, device: Any = None) -> None:  # noqa: ARG002 - TRL's signature
        """Join the server's workers. TRL touches no device of CUDA that has no number."""
        super().init_communicator(torch.device("cuda"))


def join(init_info: dict[str, Any]) -> Any:
    return importlib.import_module("vllm.distributed.utils").StatelessProcessGroup.create(
        host=init_info["master_address"],
        port=init_info["master_port"],
        rank=0,
        world_size=init_info["world_size"],
    )


def send(
    iterator: Iterator[Any], group: Any, src: int, post_iter_func: Callable[[Any], torch.Tensor]
) -> None:
    for item in iterator:
        group.broadcast_obj(post_iter_func(item).clone(), src)


def as_vllm_counts(prompt: Prompt) -> Prompt:
    """Return a video so short that vLLM and training agree on its positions."""
    return prompt if prompt.seconds_per_grid is None else replace(prompt, seconds_per_grid=0.3)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def start_vllm(folder: Path, port: int, log: Any) -> subprocess.Popen[bytes]:
    """Start the server by the command that messages name: on the second GPU, or on the processor and without NCCL."""
    (_, _, *words) = shlex.split(server_command(str(folder), 1024))
    more = ["--port", str(port), "--dtype", "float32", "--enforce-eager", "--max-num-seqs", "16"]
    environment = {
        **os.environ,
        "VLLM_SERVER_DEV_MODE": "1",
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "1",
    }
    if not torch.cuda.is_available():
        more += ["--worker-extension-cls", "vllm_worker_without_nccl.Worker"]
        tests = str(Path(__file__).parents[1])
        environment["PYTHONPATH"] = os.pathsep.join([tests, environment.get("PYTHONPATH", "")])
        environment |= {"CUDA_VISIBLE_DEVICES": "", "VLLM_CPU_KVCACHE_SPACE": "1"}
    command = [sys.executable, "-m", "vllm.entrypoints.cli.main", *words, *more]
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)


def wait_for(process: subprocess.Popen[bytes], settings: ServerSettings, policy: str) -> None:
    deadline = time.monotonic() + 240
    while True:
        try:
            check_server(settings, policy)
        except RolloutServerError:
            assert process.poll() is None, "vLLM's server ended before it was ready"
            assert time.monotonic() < deadline, "vLLM's server is not ready"
            time.sleep(1)
        else:
            return


@pytest.mark.gpu
@pytest.mark.parametrize("family", FAMILIES)
def test_vllms_own_server_writes_with_the_policys_probabilities_and_follows_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    """On a machine with two GPUs, or with vLLM's build for CPUs."""
    pytest.importorskip("vllm")
    with_nccl = torch.cuda.is_available()
    if with_nccl and torch.cuda.device_count() < 2:
        pytest.skip("NCCL needs a GPU for the server beside that of the policy")
    if not with_nccl:
        monkeypatch.setattr(vllm_server, "WeightClient", ClientWithoutNccl)
        monkeypatch.setattr("trl.generation.vllm_client.open_trainer_endpoint", join)
        monkeypatch.setattr("trl.generation.vllm_client.packed_nccl_broadcast_producer", send)
    policy, processor = policy_for_vllm(tmp_path / "policy", family)
    policy = policy.to("cuda") if with_nccl else policy
    settings = ServerSettings(f"http://127.0.0.1:{free_port()}", 1024, 60.0, free_port())
    log = (tmp_path / "vllm.log").open("wb")
    process = start_vllm(tmp_path / "policy", urlsplit(settings.address).port or 0, log)
    try:
        wait_for(process, settings, str(tmp_path / "policy"))
        engine = Served(policy, Accelerator(cpu=not with_nccl), processor, settings)
        (image, text) = image_and_text(Encoder(processor))
        prompts = [*map(as_vllm_counts, prompts_of(Encoder(processor))), image, text]
        writer = VLLMWriter(engine, policy, end_tokens={END}, special_tokens=set())

        def gap() -> float:
            rolled = writer.roll(prompts, [None] * 5, [3, 1, 2, 2, 2], SAMPLING, [2**63 - 1, 7, 8, 9, 10])
            assert [len(branch) for branch in rolled] == [3, 1, 2, 2, 2]
            assert len({one.ids for one in rolled[0]}) == 3
            return largest_gap(policy, prompts, rolled, SAMPLING.temperature)

        engine.sync_weights()
        for part in (policy, policy.model.visual):
            assert gap() < close()
            with torch.no_grad():
                for parameter in part.parameters():
                    parameter.mul_(1.1)
            assert gap() > 20 * close()
            engine.sync_weights()
        assert gap() < close()
        os.killpg(process.pid, signal.SIGKILL)
        refused(gap, "could not be reached", "--resume")
        engine.vllm_client.communicator = None  # TRL closes NCCL's, at the end of the process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        log.close()
