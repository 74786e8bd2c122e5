"""The client against a server that misbehaves: what is repeated, what is not, and what an error says."""

import asyncio
import email.utils
import json
import socket
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from misbehaving_server import (
    CUT,
    DRIPPING,
    DRIPPING_HEADERS,
    EMPTY,
    ENDLESS,
    GARBAGE,
    RESET,
    SLOW,
    TRUNCATED,
    Fault,
    MisbehavingServer,
    completion,
    status,
)
from retroflip.errors import DataError, UsageError
from retroflip.llm.client import CallFailedError, Client, EndpointError, Reply, StoppedError
from retroflip.llm.journal import Journal, key_of
from retroflip.llm.settings import Endpoint
from retroflip.llm.structured import GarbledError, parse_structured

ASKED = [{"role": "user", "content": "Say hello."}]
KEY = "sk-very-secret-0123456789"


def endpoint(url: str, **more: Any) -> Endpoint:
    quick = {
        "model": "m",
        "backoff_seconds": 0.01,
        "max_wait_seconds": 0.5,
        "timeout_seconds": 5.0,
        "retries": 3,
    }
    return Endpoint(base_url=url, **{**quick, **more})


def hello(_: dict[str, Any]) -> str:
    return "hello"


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    """Make a call, so that what it imports is not on the time of the tests' calls."""
    with MisbehavingServer(hello) as server:
        client = Client(endpoint(server.url, timeout_seconds=120.0))
        client.complete(ASKED)
        client.close()


AGAIN: dict[str, tuple[Fault, str]] = {
    "rate limit": (status(429), "rate limit"),
    "time-out of the request": (status(408), "status 408"),
    "conflict": (status(409), "status 409"),
    "fault of the server": (status(500), "status 500"),
    "overloaded": (status(503), "status 503"),
    "no response in time": (SLOW, "time-out"),
    "a body of a byte now and then": (DRIPPING, "time-out"),
    "headers of a byte now and then": (DRIPPING_HEADERS, "time-out"),
    "connection reset": (RESET, "connection"),
    "not even JSON": (GARBAGE, "garbage"),
    "JSON that is cut off": (TRUNCATED, "garbage"),
    "a body that ends early": (CUT, "connection"),
    "no choices": (EMPTY, "garbage"),
    "a body without an end": (ENDLESS, "refused response"),
    "a packed body": (status(200, completion("hello"), Content_Encoding="gzip"), "refused response"),
    "a rate limit in a body of status 200": (
        status(200, '{"error": {"code": 429, "message": "slow"}}'),
        "rate limit",
    ),
    "a fault in a body of status 200": (status(200, '{"error": {"message": "overloaded"}}'), "status 500"),
    "a fault beside an empty choice": (
        status(200, completion("").replace('"id"', '"error": {"code": 502}, "id"')),
        "status 502",
    ),
}


@pytest.mark.parametrize("name", AGAIN)
def test_a_passing_fault_is_called_again(name: str) -> None:
    fault, cause = AGAIN[name]
    with MisbehavingServer(hello, [fault, fault], slow_seconds=4.0) as server:
        client = Client(endpoint(server.url, timeout_seconds=1.0))
        reply = client.complete(ASKED)
    assert (reply.text, reply.faults) == ("hello", (cause, cause))
    assert (reply.prompt_tokens, reply.completion_tokens, reply.finish) == (100, 10, "stop")
    assert len(server.requests) == 3
    assert server.requests[0] == server.requests[2]


@pytest.mark.parametrize("number", [400, 413, 422])
def test_a_refused_request_is_not_repeated(number: int) -> None:
    with (
        MisbehavingServer(hello, [status(number, '{"error": {"message": "too long"}}')]) as server,
        pytest.raises(CallFailedError, match="too long") as caught,
    ):
        Client(endpoint(server.url)).complete(ASKED)
    assert (caught.value.cause, len(server.requests)) == ("refused", 1)


@pytest.mark.parametrize(
    ("number", "words"), [(401, "does not accept the key"), (403, "TEST_KEY"), (404, "knows no model 'm'")]
)
def test_a_wrong_key_or_model_ends_the_run_with_one_paragraph(
    number: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    body = f'{{"error": {{"message": "Incorrect key {KEY}"}}}}'
    with (
        MisbehavingServer(hello, [status(number, body)]) as server,
        pytest.raises(EndpointError, match=words) as caught,
    ):
        Client(endpoint(server.url, api_key_env="TEST_KEY")).complete(ASKED)
    assert len(server.requests) == 1
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "text", "tokens"),
    [
        (completion([{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]), "hello", (100, 10)),
        (completion([{"type": "image", "url": "x"}, {"type": "text", "text": "hello"}]), "hello", (100, 10)),
        (completion("hello", usage=None), "hello", (0, 0)),
        (completion("hello", usage={"prompt_tokens": None, "completion_tokens": 3}), "hello", (0, 3)),
        (completion(None), "", (100, 10)),
    ],
)
def test_forms_of_a_response_that_servers_send(body: str, text: str, tokens: tuple[int, int]) -> None:
    with MisbehavingServer(hello, [status(200, body)]) as server:
        client = Client(endpoint(server.url))
        reply = client.complete(ASKED)
        client.close()
    assert (reply.text, (reply.prompt_tokens, reply.completion_tokens)) == (text, tokens)
    assert reply.faults == ()


def test_an_endless_body_is_let_go_behind_what_its_tokens_can_take() -> None:
    with MisbehavingServer(hello, [ENDLESS]) as server:
        client = Client(endpoint(server.url, max_tokens=16, timeout_seconds=60.0))
        assert client.complete(ASKED).faults == ("refused response",)
        client.close()
        assert server.left == 1


def test_a_request_is_not_sent_on_to_another_address() -> None:
    with MisbehavingServer(hello) as other:
        away = status(307, "", Location=f"{other.url}/chat/completions")
        with MisbehavingServer(hello, [away]) as server:
            client = Client(endpoint(server.url))
            with pytest.raises(EndpointError, match=rf"sends its calls on to {other.url}.*Set `base_url`"):
                client.complete(ASKED)
            client.close()
        assert other.requests == []


def test_an_error_of_the_request_in_a_body_of_status_200_is_not_repeated() -> None:
    refused = status(200, '{"error": {"type": "invalid_request_error", "message": "too many images"}}')
    with MisbehavingServer(hello, [refused]) as server:
        client = Client(endpoint(server.url))
        with pytest.raises(CallFailedError, match="too many images"):
            client.complete(ASKED)
        client.close()
        assert len(server.requests) == 1


def test_what_is_charged_and_cannot_be_used_is_told() -> None:
    charged = '{"choices": [], "usage": {"prompt_tokens": 70, "completion_tokens": 5}}'
    told: list[Reply] = []
    with MisbehavingServer(hello, [status(200, charged), GARBAGE]) as server:
        client = Client(endpoint(server.url))
        reply = client.complete(ASKED, discarded=told.append)
        client.close()
    assert [(one.prompt_tokens, one.completion_tokens, one.finish) for one in told] == [(70, 5, "discarded")]
    assert reply.faults == ("garbage", "garbage")


def test_an_account_without_money_ends_the_run() -> None:
    body = '{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}'
    with (
        MisbehavingServer(hello, [status(429, body)]) as server,
        pytest.raises(EndpointError, match="exceeded your quota"),
    ):
        Client(endpoint(server.url)).complete(ASKED)
    assert len(server.requests) == 1


def test_nobody_at_the_address_is_said_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(EndpointError, match="cannot be reached"):
            Client(endpoint(url, retries=50)).complete(ASKED)


def test_the_server_says_how_long_to_wait() -> None:
    with MisbehavingServer(hello, [status(429, Retry_After="0.4")]) as server:
        Client(endpoint(server.url)).complete(ASKED)
    assert server.times[1] - server.times[0] >= 0.4


def test_the_server_says_until_when_to_wait() -> None:
    until = int(time.time()) + 4
    asked = email.utils.formatdate(until, usegmt=True)
    with MisbehavingServer(hello, [status(503, Retry_After=asked)]) as server:
        Client(endpoint(server.url, max_wait_seconds=30.0)).complete(ASKED)
    assert until <= time.time() < until + 15


@pytest.mark.parametrize(
    "until",
    [
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Wed, 21 Oct 2015 07:28:00 -0000",
        "soon",
        "Wed, 21 Oct 99999999999999999999 07:28:00 GMT",
    ],
)
def test_a_date_that_is_past_or_none_asks_for_no_wait(until: str) -> None:
    with MisbehavingServer(hello, [status(503, Retry_After=until)]) as server:
        assert Client(endpoint(server.url, max_wait_seconds=60.0)).complete(ASKED).faults == ("status 503",)
    assert server.times[1] - server.times[0] < 10.0


@pytest.mark.parametrize("fault", [DRIPPING, DRIPPING_HEADERS])
def test_a_call_that_is_over_time_lets_go_of_its_connection_and_its_turn(fault: Fault) -> None:
    with MisbehavingServer(hello, [fault]) as server:
        client = Client(endpoint(server.url, timeout_seconds=1.0, retries=0, concurrency=1))
        began = time.monotonic()
        with pytest.raises(CallFailedError, match="no whole response within 1 s") as caught:
            client.complete(ASKED)
        assert caught.value.cause == "time-out"
        assert 1.0 <= time.monotonic() - began < 10.0
        assert client.complete(ASKED).text == "hello"
        for _ in range(200):
            if server.left:
                break
            time.sleep(0.05)
        assert server.left == 1


def test_a_closed_client_leaves_no_thread_behind() -> None:
    before = threading.enumerate()
    with MisbehavingServer(hello) as server:
        client = Client(endpoint(server.url))
        client.complete(ASKED)
        assert len(callers_since(before)) == 1
        client.close()
        client.close()
    assert not callers_since(before)


def callers_since(before: list[threading.Thread]) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "calls" and thread not in before]


def test_connections_that_do_not_close_fail_no_run_and_leave_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = threading.enumerate()
    client = Client(endpoint("http://127.0.0.1:9/v1"))
    monkeypatch.setattr("retroflip.llm.client._CLOSING_SECONDS", 0.1)
    monkeypatch.setattr(client._api, "close", lambda: asyncio.sleep(60.0))
    began = time.monotonic()
    client.close()
    client.close()
    assert 0.1 <= time.monotonic() - began < 10.0
    assert not callers_since(before)


def test_no_wait_is_longer_than_allowed() -> None:
    with MisbehavingServer(hello, [status(503, Retry_After="3600")]) as server:
        began = time.monotonic()
        Client(endpoint(server.url, max_wait_seconds=0.2)).complete(ASKED)
    assert time.monotonic() - began < 3.0


def test_waits_grow_from_time_to_time() -> None:
    with MisbehavingServer(hello, [status(500)] * 3) as server:
        Client(endpoint(server.url, backoff_seconds=0.1, max_wait_seconds=10.0)).complete(ASKED)
    waits = [later - earlier for earlier, later in zip(server.times, server.times[1:], strict=False)]
    assert waits[0] >= 0.07
    assert waits[1] >= 0.14
    assert waits[2] >= 0.28


def test_a_fault_that_stays_fails_the_call_and_many_in_a_row_the_run() -> None:
    with MisbehavingServer(hello, [status(500)] * 4) as server:
        client = Client(endpoint(server.url, retries=1, give_up_after=2))
        with pytest.raises(CallFailedError) as caught:
            client.complete(ASKED)
        assert caught.value.cause == "status 500"
        with pytest.raises(EndpointError, match="failed 2 calls in a row"):
            client.complete(ASKED)
        assert client.complete(ASKED).text == "hello"
    assert len(server.requests) == 5


def test_no_more_calls_at_once_than_allowed() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def counted(_: dict[str, Any]) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return "hello"

    with MisbehavingServer(counted) as server:
        client = Client(endpoint(server.url, concurrency=2))
        threads = [threading.Thread(target=client.complete, args=(ASKED,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.requests) == 8
    assert most == 2


def test_told_to_stop_a_client_waits_no_longer() -> None:
    stop = threading.Event()
    with MisbehavingServer(hello, [status(429)] * 9) as server:
        client = Client(endpoint(server.url, backoff_seconds=60.0, max_wait_seconds=60.0), stop)
        threading.Timer(0.2, stop.set).start()
        began = time.monotonic()
        with pytest.raises(StoppedError):
            client.complete(ASKED)
    assert time.monotonic() - began < 10.0


def test_told_to_stop_a_client_ends_the_calls_under_way() -> None:
    """With one turn for two callers, of whom one is served by drips and the other waits for the turn."""
    stop, stopped = threading.Event(), list[str]()
    with MisbehavingServer(hello, [DRIPPING] * 2) as server:
        client = Client(endpoint(server.url, timeout_seconds=60.0, concurrency=1), stop)

        def call() -> None:
            with pytest.raises(StoppedError):
                client.complete(ASKED)
            stopped.append("one")

        callers = [threading.Thread(target=call, daemon=True) for _ in range(2)]
        for caller in callers:
            caller.start()
        while not server.requests:
            time.sleep(0.02)
        began = time.monotonic()
        stop.set()
        for caller in callers:
            caller.join(20.0)
        assert (len(stopped), len(server.requests)) == (2, 1)
        assert time.monotonic() - began < 10.0
        client.close()
        for _ in range(200):
            if server.left:
                break
            time.sleep(0.05)
        assert server.left == 1


def test_the_key_goes_into_its_header_and_nothing_else_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "OPENAI_ADMIN_KEY",
        "OPENAI_WEBHOOK_SECRET",
    ):
        monkeypatch.setenv(name, "for-another-server")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with MisbehavingServer(hello) as server:
        Client(endpoint(server.url, api_key_env="TEST_KEY")).complete(ASKED)
        Client(endpoint(server.url)).complete(ASKED)
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in server.headers[1]
    assert not [value for sent in server.headers for value in sent.values() if "for-another-server" in value]


def test_a_key_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY", raising=False)
    with pytest.raises(UsageError, match="TEST_KEY"):
        Client(endpoint("http://127.0.0.1:9/v1", api_key_env="TEST_KEY"))


class Answer(BaseModel):
    """A form."""

    right: bool
    why: str


def test_a_request_says_what_the_recipe_says() -> None:
    settings = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 7, "extra_body": {"top_k": 20}}
    with MisbehavingServer(hello) as server:
        Client(endpoint(server.url, **settings)).complete(ASKED, Answer)
        Client(endpoint(server.url, structured="none")).complete(ASKED, Answer)
    first, second = server.requests
    schema = first.pop("response_format")
    assert first == {
        "model": "m",
        "messages": ASKED,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "top_k": 20,
    }
    assert schema["json_schema"]["schema"] == Answer.model_json_schema()
    assert "response_format" not in second


@pytest.mark.parametrize(
    "text",
    ['{"right": true, "why": "x"}', '```json\n{"right": true, "why": "x"}\n```',
     '<think>{"a"</think>\n{"right": true, "why": "x"}'],
)  # fmt: skip
def test_json_is_read_from_a_response(text: str) -> None:
    assert parse_structured(text, Answer) == Answer(right=True, why="x")


@pytest.mark.parametrize(
    "text",
    ["", "yes", '{"right": true', '{"right": "true", "why": "x"}', '{"right": 1, "why": "x"}', '{"right": true}',
     'Sure: {"right": true, "why": "x"}', '[{"right": true, "why": "x"}]'],
)  # fmt: skip
def test_what_is_not_that_json_is_garbled(text: str) -> None:
    with pytest.raises(GarbledError):
        parse_structured(text, Answer)


@pytest.mark.parametrize(
    "url", ["localhost:8000/v1", "ftp://x/v1", "http://me:secret@x/v1", "http://x/v1?key=secret"]
)
def test_an_address_is_http_and_holds_no_key(url: str) -> None:
    with pytest.raises(ValidationError):
        endpoint(url)


def test_a_journal_gives_back_what_it_was_given_and_survives_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    reply = Reply("text \u2028 und Umlaute ä", "stop", 3, 4, 12.0, ("rate limit",))
    Journal(path).add("k1", {"role": "judge", "sample": "a"}, reply)
    with path.open("ab") as stream:
        stream.write(b'{"key": "k2", "te')
    again = Journal(path)
    assert (again.text_of("k1"), again.text_of("k2"), len(again)) == (reply.text, None, 1)
    again.add("k2", {"role": "judge", "sample": "a"}, reply)
    (first, second) = Journal(path).rows()
    assert (first["latency"], second["key"], second["faults"]) == ("10 to 60 s", "k2", ["rate limit"])


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(json.dumps(ROW) + '\nnot json\n{"key": "k2"}\n')
    with pytest.raises(DataError, match="line 2"):
        Journal(path)


ROW = {
    "key": "k1",
    "role": "judge",
    "text": "x",
    "finish": "stop",
    "prompt_tokens": 1,
    "completion_tokens": 2,
    "latency": "under 1 s",
    "faults": [],
}
FOREIGN = {
    "no key": (json.dumps({"step": 1, "loss": 0.5}) + "\n", "line 1: .*key: it is missing"),
    "no tokens": (
        "\n" + json.dumps({name: value for name, value in ROW.items() if name != "prompt_tokens"}) + "\n",
        "line 2: .*prompt_tokens",
    ),
    "tokens in words": (
        json.dumps({**ROW, "completion_tokens": "two"}) + "\n",
        "line 1: .*completion_tokens",
    ),
    "text of nothing": (json.dumps(ROW) + "\n" + json.dumps({**ROW, "text": None}) + "\n", "line 2: .*text"),
    "no JSON lines": ("Dear diary, today", "line 1: .*Dear"),
    "another's torn line": (json.dumps(ROW) + "\n" + '{"step": 2', "line 2: "),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_journal_is_named_and_left_as_it_is(name: str, tmp_path: Path) -> None:
    text, words = FOREIGN[name]
    path = tmp_path / "journal.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        Journal(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_text() == text


@pytest.mark.parametrize("torn", [b"", b"{", b'{"key": "k', b"\0\0\0", b'{"key\0\0'])
def test_what_a_kill_or_a_power_cut_leaves_of_the_last_row_is_no_damage(torn: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(json.dumps(ROW).encode() + b"\n" + torn)
    assert list(Journal(path).rows()) == [ROW]


def test_calls_are_known_by_what_they_ask() -> None:
    assert key_of({"a": 1, "b": [2]}) == key_of({"b": [2], "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})


def test_a_journal_holds_places_and_not_responses_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    text = "é" * 20_000
    for number in range(50):
        journal.add(f"k{number}", {"role": "router"}, Reply(f"{number} {text}", "stop", 3, 4, 0.1, ()))
    journal.add("lost", {"role": "router"}, Reply("?", "discarded", 1, 0, 0.1, ()))
    tracemalloc.start()
    again = Journal(path)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 50_000
    assert [again.text_of(f"k{number}") for number in (0, 49, 7)] == [f"{n} {text}" for n in (0, 49, 7)]
    assert again.text_of("lost") is None
    assert (again.finished, again.discarded, again.prompt_tokens, again.completion_tokens) == (
        50,
        1,
        151,
        200,
    )
    path.write_bytes(path.read_bytes().replace("7 é".encode(), "8 é".encode(), 1))
    with pytest.raises(DataError, match="damaged, or changed since it was read"):
        again.text_of("k7")


def test_calls_go_through_the_proxy_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    with MisbehavingServer(hello) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        client = Client(endpoint("http://models.invalid/v1"))
        assert client.complete(ASKED).text == "hello"
        client.close()
    assert proxy.headers[0]["host"] == "models.invalid"


def test_there_are_as_many_connections_as_calls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults between them included: a call whose response was refused leaves its connection to the next one."""
    taken: list[object] = []
    together = threading.Barrier(3, timeout=20)
    with MisbehavingServer(hello, [status(500), GARBAGE, EMPTY]) as server:
        accept = server._server.process_request

        def counted(request: Any, address: Any) -> None:
            taken.append(address)
            accept(request, address)

        monkeypatch.setattr(server._server, "process_request", counted)
        client = Client(endpoint(server.url))
        for _ in range(4):
            client.complete(ASKED)
        assert len(taken) == 1

        def at_once(_: dict[str, Any]) -> str:
            together.wait()
            return "hello"

        server.answer = at_once
        threads = [threading.Thread(target=client.complete, args=(ASKED,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.close()
    assert len(taken) == 3
