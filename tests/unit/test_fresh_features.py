"""Rollouts after a change of weights never come from features of the old ones, whichever way vLLM is used.

vLLM keeps an image's features by their key, and also when its weights change (trl issue 7198, vLLM issue 44910). The
stand-in for it does the same, so that a key without the weights' number would show: the second test takes it out.
"""

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest
import torch
from accelerate import Accelerator
from test_vllm_server import PAD, ids_of, replace_vllm, served, written_by, written_here

from random_models import random_model
from retroflip.inference import vllm_colocated
from retroflip.inference.vllm_colocated import Colocated, EngineSettings
from retroflip.inference.vllm_rollouts import Answer, Request, build_request
from retroflip.inference.vllm_server import Served, answer_in, body_of
from rollout_server import RolloutServer, encoded, running

Engine: TypeAlias = Served | Colocated
GENERATE = "/inference/v1/generate"
SETTINGS = EngineSettings(
    context=2048, sequences=4, memory=0.3, batch_tokens=2048, dtype="float32", eager=True
)


class InProcess(Colocated):
    """The engine beside the policy, with a stand-in for vLLM's own; TRL brings the weights to it."""

    def _init_vllm(self) -> None:
        self.stand_in = RolloutServer(random_model("qwen3_vl", seed=9)[0], PAD)
        model = SimpleNamespace(load_weights=self._load)
        worker = SimpleNamespace(model_runner=SimpleNamespace(model=model))
        engine = SimpleNamespace(model_executor=SimpleNamespace(driver_worker=worker))
        self.llm = SimpleNamespace(llm_engine=engine, reset_prefix_cache=lambda: None)

    def _load(self, named: Sequence[tuple[str, torch.Tensor]]) -> None:
        parameters = dict(self.stand_in.model.named_parameters())
        with torch.no_grad():
            for name, tensor in named:
                parameters[name].copy_(tensor)

    def write(self, requests: Sequence[Request]) -> dict[int, Answer]:
        bodies = [body_of(request, "policy", "run", encoded) for request in requests]
        return {number: answer_in(self.stand_in.answer(GENERATE, body)) for number, body in enumerate(bodies)}


def in_process(policy: Any) -> Engine:
    return InProcess(policy, Accelerator(cpu=True), None, SETTINGS)


@pytest.fixture(params=["server", "colocate"])
def engine_for(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Any], Engine]]:
    """Return what makes an engine for a policy, in one of vLLM's two modes."""
    replace_vllm(monkeypatch)
    monkeypatch.setattr(vllm_colocated, "require_vllm", lambda: None)
    if request.param == "colocate":
        yield in_process
        return
    with running(RolloutServer(random_model("qwen3_vl", seed=9)[0], PAD)) as started:
        yield lambda policy: served(started, policy)


def change(policy: Any) -> None:
    """Change the vision tower alone, so that nothing but features tells the old weights from the new ones."""
    with torch.no_grad():
        for parameter in policy.model.visual.parameters():
            parameter.mul_(1.3)


def test_rollouts_after_a_change_of_weights_are_the_new_policys(engine_for: Callable[[Any], Engine]) -> None:
    policy = random_model("qwen3_vl")[0]
    engine = engine_for(policy)
    for _ in range(3):
        engine.sync_weights()
        first = written_by(engine, policy)
        assert ids_of(first) == ids_of(written_here(policy))
        assert ids_of(written_by(engine, policy)) == ids_of(first)  # from what is kept
        change(policy)
    assert ids_of(first) != ids_of(written_here(policy))


def test_without_the_weights_number_they_would_be_stale(
    engine_for: Callable[[Any], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: the same engines with keys of the pixels alone go on with the old features."""
    policy = random_model("qwen3_vl")[0]
    engine = engine_for(policy)
    engine.sync_weights()
    monkeypatch.setattr("retroflip.inference.vllm_rollouts.build_request", unnumbered)
    written_by(engine, policy)
    change(policy)
    engine.sync_weights()
    assert ids_of(written_by(engine, policy)) != ids_of(written_here(policy))


def unnumbered(*arguments: Any, weights: int) -> Request:  # noqa: ARG001 - what is taken out
    return build_request(*arguments, weights=0)
