"""Rollouts by vLLM's own server, on other GPUs or machines than training, about the tokens and pixels that it scores.

The server is `vllm serve` as it is (`server_command`). TRL carries the weights to it (`VLLMGeneration.sync_weights`:
announced over HTTP, sent by NCCL); rollouts are asked for here, since TRL's requests hold images alone and take every
G-th prompt of a batch. Every process asks for its own branches' rollouts, one request a branch.

vLLM's interface cannot say which of a Qwen3-VL video's tokens are time stamps (it has no `is_embed`), so each step in
time travels as an image: patches, grid and place are the video's. To the model such a video is nothing else: each step
is attended to on its own in the vision tower, and takes an image's positions.

Bodies are JSON; pixels are in it as vLLM's own encoding (raw bytes in msgpack), of which nothing is executed.
"""

import importlib
import json
import math
import shlex
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import PurePath
from typing import Any, Literal
from urllib.parse import urlsplit

import torch
from torch import Tensor
from trl.generation.vllm_client import VLLMClient
from trl.generation.vllm_generation import VLLMGeneration

from retroflip.errors import RolloutServerError
from retroflip.inference.vllm_rollouts import Answer, Drawn, Request, Shown, require_vllm, visual_items
from retroflip.models import processes

AT_ONCE = 64
"""requests that a process has under way"""
QUOTED = 400
"""characters of a server's own words that a message repeats"""
GO_ON = (
    "Nothing was trained on this step, and the last checkpoint is intact. Look at the server's own log, start it again "
    "(docs/scale.md has the command), and go on with --resume."
)
NO_LOG_PROB = -9999.0
"""what vLLM's interface writes where a token has no log-probability"""


@dataclass(frozen=True)
class ServerSettings:
    """Where the server is. timeout: seconds for one answer. group_port: of the training process, for the weights."""

    address: str
    context: int
    timeout: float
    group_port: int


@dataclass(frozen=True)
class Item:
    """Something with tokens of its own in a prompt.

    kind: what vLLM takes it as. pixels_PD, grid_thw (1, 3) and seconds_per_grid: as in `Prompt`. offset, length: its
    tokens' first place and number.
    """

    kind: Literal["video", "image"]
    pixels_PD: Tensor
    grid_thw: Tensor
    seconds_per_grid: float | None
    offset: int
    length: int


def items_of(shown: Shown) -> list[Item]:
    """Return a Qwen3-VL video's steps in time, or what is whole: an image, a Qwen2.5-VL video.

    Raises ValueError where the tokens between text are not those of one item each.
    """
    steps, height, width = (int(size) for size in shown.grid_thw[0])
    split = shown.seconds_per_grid is None
    edges = torch.nn.functional.pad(shown.is_visual_K.int(), (1, 1)).diff()
    starts, ends = (edges == 1).nonzero()[:, 0].tolist(), (edges == -1).nonzero()[:, 0].tolist()
    lengths = {end - start for start, end in zip(starts, ends, strict=True)}
    if len(starts) != (steps if split else 1) or len(lengths) != 1:
        raise ValueError(
            f"a video of {steps} steps has {len(starts)} runs of tokens, of lengths {sorted(lengths)}"
        )
    return [
        Item(
            kind="image" if split else shown.kind,
            pixels_PD=pixels_PD,
            grid_thw=torch.tensor([[1 if split else steps, height, width]]),
            seconds_per_grid=shown.seconds_per_grid,
            offset=shown.start + start,
            length=end - start,
        )
        for pixels_PD, start, end in zip(
            shown.pixels_PD.split(height * width * (1 if split else steps)), starts, ends, strict=True
        )
    ]


def vllm_item(item: Item) -> str:
    """Return an item as vLLM's interface takes it: its own encoding of the model's inputs, in base64."""
    serde = importlib.import_module("vllm.entrypoints.scale_out.token_in_token_out.mm_serde")
    items = visual_items(item.kind, item.pixels_PD, item.grid_thw, item.seconds_per_grid)
    return str(serde.encode_mm_kwargs_item(items[item.kind][0]))


def body_of(request: Request, model: str, run: str, encode: Callable[[Item], str]) -> dict[str, Any]:
    """Return a request as JSON values.

    run: makes keys of features that no other run of this server has, whose weights may have been others.
    """
    body: dict[str, Any] = {
        "model": model,
        "token_ids": list(request.prompt_ids),
        "sampling_params": dict(request.arguments),
        "return_token_ids": True,
    }
    if request.shown is not None:
        items = items_of(request.shown)
        kind, key = items[0].kind, f"{run}-{request.shown.key}"
        body["features"] = {
            "mm_hashes": {kind: [f"{key}-{number}" for number in range(len(items))]},
            "mm_placeholders": {kind: [{"offset": one.offset, "length": one.length} for one in items]},
            "kwargs_data": {kind: [encode(one) for one in items]},
        }
    return body


def answer_in(body: Mapping[str, Any]) -> Answer:
    """Return what an answer of the server says. Raises KeyError, TypeError or ValueError where it is none."""
    rollouts = []
    for choice in sorted(body["choices"], key=lambda choice: int(choice["index"])):
        ids = tuple(int(token) for token in choice["token_ids"])
        scored = choice["logprobs"]["content"]
        named = [entry["token"] for entry in scored]
        if named != [f"token_id:{token}" for token in ids]:
            raise ValueError("log-probabilities of other tokens than those that were drawn")
        rollouts.append(Drawn(ids, tuple(_log_prob(entry["logprob"]) for entry in scored)))
    return Answer(tuple(int(token) for token in body["prompt_token_ids"]), tuple(rollouts))


def _log_prob(value: Any) -> float:
    return math.nan if float(value) <= NO_LOG_PROB else float(value)


def server_command(model: str, context: int) -> str:
    """Return the command that starts a server which this can work with."""
    words = [
        "vllm", "serve", model, "--host", "127.0.0.1", "--max-model-len", str(context), "--enable-scale-out",
        "--skip-mm-profiling", "--logprobs-mode", "processed_logprobs", "--weight-transfer-config",
        json.dumps({"backend": "nccl"}),
    ]  # fmt: skip
    return f"VLLM_SERVER_DEV_MODE=1 {shlex.join(words)}"


class Wire:
    """Asks a server, and says what is wrong with its answers in one paragraph (RolloutServerError).

    advice: sentences on what to do then.
    """

    def __init__(self, address: str, timeout: float, advice: str) -> None:
        self.address = address.rstrip("/")
        self.timeout = timeout
        self.advice = advice

    def get(self, path: str) -> Any:
        """Return the JSON that a GET is answered with."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Any) -> Any:
        """Return the JSON that a POST of a JSON body is answered with."""
        return self._ask("POST", path, json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        where = urlsplit(self.address)
        kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
        connection = kind(where.hostname or "", where.port, timeout=self.timeout)
        try:
            connection.request(method, where.path + path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            status, text = response.status, response.read().decode(errors="replace")
        except TimeoutError as error:
            raise self.fault(
                f"did not answer {path} within {self.timeout:g} seconds (train.engine.timeout)"
            ) from error
        except (OSError, HTTPException) as error:
            raise self.fault(
                f"could not be reached at {path} ({type(error).__name__}: {error}): it is not started, or it ended"
            ) from error
        finally:
            connection.close()
        if status != 200:
            raise self.fault(f"refused {path} with status {status}: {_quoted(text)}")
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise self.fault(f"answered {path} with what is no JSON: {_quoted(text)}") from error

    def fault(self, what: str) -> RolloutServerError:
        """Return the error to raise for something that the server did."""
        return RolloutServerError(f"The vLLM server at {self.address} {what}. {self.advice}")


def _quoted(text: str) -> str:
    return " ".join(text.split())[:QUOTED] or "(nothing)"


class WeightClient(VLLMClient):
    """TRL's client, which announces weights and sends them; what it asks for goes through `Wire`."""

    def __init__(self, wire: Wire, group_port: int) -> None:
        self.wire = wire
        super().__init__(base_url=wire.address, group_port=group_port)

    def _get(self, url: str, **_: Any) -> Any:
        return self.wire.get(url.removeprefix(self.wire.address))

    def _post(self, url: str, json: Any = None, **_: Any) -> Any:
        return self.wire.post(url.removeprefix(self.wire.address), json)


def check_server(settings: ServerSettings, policy: str) -> str:
    """Return the name that the server gives its model.

    policy: the name or path that the policy was loaded from. Raises RolloutServerError where there is no server, where
    it was started otherwise than `server_command` says, or has another model.
    """
    advice = f"Nothing was trained. Start it with: {server_command(policy, settings.context)}"
    wire = Wire(settings.address, settings.timeout, advice)
    served = wire.get("/v1/models")["data"][0]
    held = str(served.get("root") or served["id"])
    if PurePath(held).name != PurePath(policy).name:
        raise wire.fault(f"has the model {held}, and {policy} is trained")
    if served["max_model_len"] < settings.context:
        raise wire.fault(
            f"was started for {served['max_model_len']} tokens, and train.engine.context is {settings.context}"
        )
    paths = wire.get("/openapi.json")["paths"]
    for needed in ("/inference/v1/generate", "/server_info", "/update_weights", "/update_weight_version"):
        if needed not in paths:
            raise wire.fault(f"has no {needed}, which it was started without")
    config = wire.get("/server_info?config_format=json")["vllm_config"]
    mode = config["model_config"]["logprobs_mode"]
    if mode != "processed_logprobs":
        raise wire.fault(f"gives {mode}, not processed_logprobs, by which the loss could not be corrected")
    if config["weight_transfer_config"] is None:
        raise wire.fault("takes no weights, for it was started without --weight-transfer-config")
    return str(served["id"])


class Served(VLLMGeneration):
    """A server's engine, with the weights that TRL's `sync_weights` brings to it before every step.

    Every change of weights gets a name of this run's own, which the server is asked for around each step's requests:
    rollouts by a server that started anew, or that another run has brought its weights to, are refused.
    """

    def __init__(self, model: Any, accelerator: Any, processor: Any, settings: ServerSettings) -> None:
        require_vllm()
        self.settings = settings
        self.weights = 0
        self.wire = Wire(settings.address, settings.timeout, GO_ON)
        self.encode: Callable[[Item], str] = vllm_item
        self.served = check_server(settings, str(model.name_or_path))
        self.run = processes.from_main(lambda: uuid.uuid4().hex)
        super().__init__(model=model, accelerator=accelerator, processing_class=processor, mode="server")

    def _init_vllm(self) -> None:
        """Join the server's workers as TRL does (TRL 1.16), from the first process."""
        if self.accelerator.is_main_process:
            self.vllm_client: Any = WeightClient(self.wire, self.settings.group_port)
            self.vllm_client.init_communicator(device=self.accelerator.device)
        self.accelerator.wait_for_everyone()

    @property
    def context(self) -> int:
        """Return how many tokens a prompt and its completion may have together."""
        return self.settings.context

    @property
    def version(self) -> str:
        """Return the name of the weights that were brought last."""
        return f"{self.run}-{self.weights}"

    def sync_weights(self) -> None:
        """Bring the policy's weights to the server; all processes must, before the first roll of every step."""
        super().sync_weights()  # type: ignore[no-untyped-call]
        self.weights += 1
        if self.accelerator.is_main_process:
            self.wire.post("/update_weight_version", {"new_version": self.version})
        self.accelerator.wait_for_everyone()

    def write(self, requests: Sequence[Request]) -> dict[int, Answer]:
        """Send all requests at once and return their answers by their number."""
        self._check_weights()
        with ThreadPoolExecutor(max_workers=min(len(requests), AT_ONCE)) as pool:
            answers = list(pool.map(self._answer, requests))
        self._check_weights()
        return dict(enumerate(answers))

    def _answer(self, request: Request) -> Answer:
        path = "/inference/v1/generate"
        body = self.wire.post(path, body_of(request, self.served, self.run, self.encode))
        try:
            return answer_in(body)
        except (KeyError, TypeError, ValueError) as error:
            raise self.wire.fault(
                f"answered {path} otherwise than vLLM's 0.30 series does ({error!r})"
            ) from error

    def _check_weights(self) -> None:
        found = self.wire.get("/weight_info")["weight_version"]
        if found != self.version:
            raise self.wire.fault(
                f"has other weights ({found}) than this run brought to it ({self.version}): it was started anew, or "
                "another run uses it, and every run needs one of its own"
            )
