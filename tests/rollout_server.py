"""A server that speaks as vLLM's does and writes rollouts with a model of transformers, over real connections."""

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch
from safetensors.torch import load, save

from retroflip.inference.base import Sampling
from retroflip.inference.rollout import Roller
from retroflip.inference.vllm_server import Item, Wire
from retroflip.models.encoding import Prompt
from retroflip.models.features import VisualFeatures, encode_visuals
from separate_rows import separate

PATHS = ("/inference/v1/generate", "/server_info", "/update_weights", "/update_weight_version")


def encoded(item: Item) -> str:
    """Return an item in the encoding of this server, which stands for vLLM's own."""
    tensors = {"pixels": item.pixels_PD.contiguous(), "grid": item.grid_thw}
    return base64.b64encode(save(tensors)).decode()


class PostedWeights:
    """Brings weights to the server by HTTP, in place of NCCL; otherwise used as TRL's client is."""

    def __init__(self, wire: Wire, group_port: int) -> None:
        self.wire = wire
        self.group_port = group_port

    def init_communicator(self, device: Any) -> None:
        """Do nothing: there is no group."""

    def update_named_params(
        self, metadata: Sequence[tuple[str, str, list[int]]], named: Iterator[tuple[str, torch.Tensor]]
    ) -> None:
        """Send the weights, which must be those that were announced."""
        tensors = {name: tensor.clone().contiguous() for name, tensor in named}
        said = [
            (name, str(one.dtype).removeprefix("torch."), list(one.shape)) for name, one in tensors.items()
        ]
        assert said == list(metadata)
        self.wire.post("/update_weights", {"weights": base64.b64encode(save(tensors)).decode()})

    def reset_prefix_cache(self) -> None:
        """Ask for it, as TRL does behind every change of weights."""
        self.wire.post("/reset_prefix_cache", None)


@dataclass
class RolloutServer:
    """What the server holds and was asked for.

    before: called with every path that is asked for, before the answer. says: answers in place of the server's own.
    """

    model: Any
    pad_token: int
    name: str = "policy"
    context: int = 2048
    weights: str = "default"
    bodies: list[Mapping[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    says: dict[str, Any] = field(default_factory=dict)
    before: Callable[[str], None] = lambda _: None
    lock: Any = field(default_factory=threading.Lock)
    kept: dict[tuple[str, ...], list[VisualFeatures | None]] = field(default_factory=dict)
    address: str = ""

    def answer(self, path: str, body: Any) -> Any:
        """Return the JSON values that a path is answered with."""
        path = path.partition("?")[0]
        self.paths.append(path)
        self.before(path)
        if path in self.says:
            return self.says[path]
        with self.lock:
            match path:
                case "/inference/v1/generate":
                    return self._generate(body)
                case "/update_weights":
                    self._load(load(base64.b64decode(body["weights"])))
                case "/update_weight_version":
                    self.weights = body["new_version"]
                case "/weight_info":
                    return {"weight_version": self.weights}
                case "/v1/models":
                    return {"data": [{"id": self.name, "root": self.name, "max_model_len": self.context}]}
                case "/openapi.json":
                    return {"paths": dict.fromkeys(PATHS)}
                case "/server_info":
                    config = {"model_config": {"logprobs_mode": "processed_logprobs"}}
                    return {"vllm_config": {**config, "weight_transfer_config": {"backend": "nccl"}}}
        return {}

    def _load(self, tensors: Mapping[str, torch.Tensor]) -> None:
        parameters = dict(self.model.named_parameters())
        assert tensors.keys() == parameters.keys()
        with torch.no_grad():
            for name, tensor in tensors.items():
                parameters[name].copy_(tensor)

    @torch.no_grad()
    def _generate(self, body: Mapping[str, Any]) -> Any:
        self.bodies.append(body)
        prompt, wanted = self.prompt_of(body), body["sampling_params"]
        roller = Roller(
            self.model,
            pad_token=self.pad_token,
            end_tokens=wanted["stop_token_ids"],
            special_tokens=[int(token) for token in wanted["logit_bias"]],
        )
        sampling = Sampling(wanted["max_tokens"], wanted["temperature"], wanted["top_p"])
        features = self._features(body, prompt)
        (rolled,) = roller.roll([prompt], features, [wanted["n"]], sampling, [wanted["seed"]])
        choices = []
        for index, one in enumerate(rolled):
            scores = separate(self.model, prompt, list(one.ids), self.pad_token, sampling.temperature)
            content = [
                {"token": f"token_id:{token}", "logprob": score}
                for token, score in zip(one.ids, scores.tolist(), strict=True)
            ]
            choices.append({"index": index, "token_ids": list(one.ids), "logprobs": {"content": content}})
        return {"prompt_token_ids": body["token_ids"], "choices": choices[::-1]}

    def _features(self, body: Mapping[str, Any], prompt: Prompt) -> list[VisualFeatures | None]:
        """Return a prompt's features, kept by their keys as vLLM keeps them: also when its weights change."""
        if "features" not in body:
            return [None]
        (keys,) = body["features"]["mm_hashes"].values()
        if tuple(keys) not in self.kept:
            self.kept[tuple(keys)] = encode_visuals(self.model, [prompt])
        return self.kept[tuple(keys)]

    def prompt_of(self, body: Mapping[str, Any]) -> Prompt:
        """Return the prompt that a request is about, its video put together again."""
        ids_L, config = torch.tensor(body["token_ids"]), self.model.config
        types_L = (ids_L == config.image_token_id) + 2 * (ids_L == config.video_token_id)
        if "features" not in body:
            return Prompt(ids_L, types_L)
        features = body["features"]
        places = [(one["offset"], one["length"]) for one in features["mm_placeholders"]["image"]]
        covered = torch.cat([types_L[offset : offset + length] for offset, length in places])
        assert int((covered > 0).sum()) == len(covered) == int((types_L > 0).sum())
        parts = [load(base64.b64decode(item)) for item in features["kwargs_data"]["image"]]
        grid_thw = torch.cat([part["grid"] for part in parts])
        whole = torch.tensor([[len(parts), *grid_thw[0, 1:].tolist()]])
        pixels_PD = torch.cat([part["pixels"] for part in parts])
        return Prompt(ids_L, types_L, pixels_PD, whole, is_image=bool((covered == 1).all()))


@contextmanager
def running(server: RolloutServer, port: int = 0) -> Iterator[RolloutServer]:
    """Let the server answer at its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(None)

        def do_POST(self) -> None:
            self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _reply(self, body: Any) -> None:
            answer = server.answer(self.path, body)
            status, text = (200, json.dumps(answer)) if not isinstance(answer, tuple) else answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    with Quiet(("127.0.0.1", port), Handler) as listening:
        server.address = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
