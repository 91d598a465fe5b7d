"""API keys, the rate of a client, and what a crowd is told."""

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from api.access import CLIENTS, Rates, client_of, keys_of
from api.assemble import OpenRun
from api.limits import BodyLimitMiddleware, Limits
from api.server import create_app
from kg.errors import InputError
from tests.api.conftest import HEAD, Store

KEY, OTHER = "a-key-that-is-long-enough", "another-key-of-ours-42"
PATHS = ["/", "/docs", "/openapi.json", "/static/page.js", "/sparql?query=ASK{}", "/v1/relations", "/metrics", "/no"]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def locked(opened: OpenRun) -> Iterator[TestClient]:
    with TestClient(create_app(opened, Limits(), [KEY, OTHER])) as client:
        yield client


@pytest.mark.parametrize("headers", [
    {"Authorization": f"Bearer {KEY}"}, {"authorization": f"bearer   {OTHER} "}, {"X-API-Key": KEY},
    {"Authorization": basic("anyone", KEY)}, {"Authorization": basic("", OTHER)},
    {"Authorization": "Bearer wrong", "X-API-Key": KEY},
])
def test_a_key_opens_everything(locked: TestClient, headers: dict[str, str]) -> None:
    for path in PATHS[:-1]:
        assert locked.get(path, headers=headers).status_code == 200, path
    assert locked.post("/cypher", json={"query": "RETURN 1"}, headers=headers).status_code == 200


@pytest.mark.parametrize("headers", [
    {}, {"Authorization": ""}, {"Authorization": KEY}, {"Authorization": f"Bearer {KEY}x"}, {"X-API-Key": KEY[:-1]},
    {"Authorization": f"Bearer {KEY},{OTHER}"}, {"Authorization": basic(KEY, "")}, {"Authorization": "Basic ===="},
    {"Authorization": "Basic " + "A" * 10_000}, {"Authorization": "Bearer"}, {"X-API-Key": ""},
    {"Authorization": "Basic \xff"}, {"Cookie": f"key={KEY}"},
])
def test_without_a_key_only_health_answers(locked: TestClient, headers: dict[str, str]) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    for path in [*PATHS, f"/sparql?api_key={KEY}", "/health/", "//health"]:
        response = locked.get(path, headers=sent)
        assert response.status_code == 401, path
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["www-authenticate"].startswith("Basic ")
        assert "Bearer" in response.json()["detail"]
    assert locked.post("/cypher", json={"query": "RETURN 1"}, headers=sent).status_code == 401
    assert locked.get("/health").status_code == 200


def test_the_key_is_asked_for_before_anything_else(locked: TestClient) -> None:
    assert locked.post("/cypher", content=b"x" * 2_000_000).status_code == 401
    assert locked.put("/sparql").status_code == 401


def test_pages_elsewhere_may_ask_for_the_key(locked: TestClient) -> None:
    preflight = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST",
                 "Access-Control-Request-Headers": "authorization"}
    assert locked.options("/sparql", headers=preflight).status_code == 200
    refused = locked.get("/sparql?query=ASK{}", headers={"Origin": "https://a.example"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "*")


def test_keys_come_from_the_environment() -> None:
    assert keys_of({}) == []
    assert keys_of({"KG_API_KEY": f" {KEY} ,{OTHER}"}) == [KEY, OTHER]


@pytest.mark.parametrize("value", [
    "", " ", ",", f"{KEY},", "short", "with spaces in the key", "schlüssel" * 3, f"{KEY}\n{KEY}",
])
def test_a_key_that_keeps_nobody_out_is_refused(value: str) -> None:
    with pytest.raises(InputError, match="openssl rand") as caught:
        keys_of({"KG_API_KEY": value})
    assert KEY not in str(caught.value)


# --- rates -----------------------------------------------------------------------------------------------------------


@given(
    rate=st.floats(0.01, 1000), pauses=st.lists(st.floats(0, 30), max_size=200),
)
def test_no_client_gets_more_than_its_rate_and_what_it_saved(rate: float, pauses: list[float]) -> None:
    now, allowed = 0.0, list[float]()
    rates = Rates(rate, lambda: now)
    for pause in pauses:
        now += pause / rate
        if not rates.wait("client"):
            allowed.append(now)
    saved = max(10, 10 * rate)
    for i, begin in enumerate(allowed):
        for j in range(i, len(allowed)):
            assert j - i + 1 <= saved + rate * (allowed[j] - begin) + 1e-6 * (j + 1)


@given(rate=st.floats(0.01, 1000), count=st.integers(1, 50))
def test_who_waits_as_told_is_let_in(rate: float, count: int) -> None:
    now = 0.0
    rates = Rates(rate, lambda: now)
    for _ in range(count):
        while wait := rates.wait("client"):
            now += wait + 1e-9 * now + 1e-9
    assert now <= count / rate + 1


def test_clients_have_rates_of_their_own_and_are_forgotten_when_there_are_many() -> None:
    rates = Rates(1, lambda: 0.0)
    assert [bool(rates.wait("one")) for _ in range(12)] == [False] * 10 + [True] * 2
    assert not rates.wait("other")
    for i in range(CLIENTS + 10):
        rates.wait(str(i))
    assert len(rates) == CLIENTS


@pytest.mark.parametrize(("hosts", "same"), [
    (["10.0.0.1", "10.0.0.1", "::ffff:10.0.0.1"], True), (["10.0.0.1", "10.0.0.2"], False),
    (["2001:db8::1", "2001:db8::ffff:1"], True), (["2001:db8:0:1::1", "2001:db8:0:2::1"], False),
    (["fe80::1%eth0", "fe80::1%eth1"], True), (["testclient"], True),
])
def test_a_client_is_its_address_or_its_network(hosts: list[str], same: bool) -> None:
    assert (len({client_of({"client": (host, 5)}) for host in hosts}) == 1) == same
    assert client_of({}) == "unknown"


def test_who_asks_too_often_is_told_when_to_come_back(opened: OpenRun) -> None:
    with TestClient(create_app(opened, Limits(rate=0.5))) as client:
        answers = [client.get("/v1/relations") for _ in range(11)]
        assert [a.status_code for a in answers] == [200] * 10 + [429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 2
        assert answers[-1].headers["content-type"] == "application/problem+json"
        assert client.get("/health").status_code == 200


# --- crowds ----------------------------------------------------------------------------------------------------------


def test_a_crowd_is_told_to_come_back_and_health_answers(opened: OpenRun) -> None:
    assert isinstance(opened.cypher, Store)
    limits = Limits(queries_at_once=1, waiting=2)
    with TestClient(create_app(opened, limits)) as client, ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(client.post, "/cypher", json={"query": "SLEEP"}) for _ in range(8)]
        while sum(a.done() for a in answers) < 5:
            time.sleep(0.01)
        assert client.get("/health").status_code == 200
        opened.cypher.release.set()
        found = [a.result() for a in answers]
    assert sorted(a.status_code for a in found) == [200] * 3 + [503] * 5
    for refused in (a for a in found if a.status_code == 503):
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["title"] == "Busy"


def test_who_waited_in_vain_is_told_to_come_back(opened: OpenRun) -> None:
    assert isinstance(opened.cypher, Store)
    with TestClient(create_app(opened, Limits(queries_at_once=1, query_seconds=0.2))) as client:
        with ThreadPoolExecutor(2) as threads:
            answers = [threads.submit(client.post, "/cypher", json={"query": "SLEEP"}) for _ in range(2)]
            statuses = sorted(a.result().status_code for a in answers)
        opened.cypher.release.set()
    # The second one gets its turn when the first is given up: then it is late itself, or has not begun.
    assert statuses in ([503, 504], [504, 504])


def test_there_is_room_for_so_many_requests(opened: OpenRun) -> None:
    assert isinstance(opened.cypher, Store)
    with TestClient(create_app(opened, Limits(requests_at_once=1))) as client, ThreadPoolExecutor(1) as threads:
        slow = threads.submit(client.post, "/cypher", json={"query": "SLEEP"})
        while not opened.cypher.asked:
            time.sleep(0.01)
        refused = client.get("/v1/relations")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert client.get("/health").status_code == 200
        opened.cypher.release.set()
        assert slow.result().status_code == 200
        assert client.get("/v1/relations").status_code == 200


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    sent: list[Any] = []

    async def ask() -> None:
        parts = iter([{"type": "http.request", "body": b"{", "more_body": True}])

        async def receive() -> Any:
            return next(parts, None) or await anyio.sleep(60)

        async def send(message: Any) -> None:
            sent.append(message)

        async def app(*_: Any) -> None:
            raise AssertionError("half a body was passed on")

        scope = {"type": "http", "method": "POST", "path": "/cypher", "headers": []}
        await BodyLimitMiddleware(app, most=100, seconds=0.1)(scope, receive, send)

    anyio.run(ask)
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


# --- the log ---------------------------------------------------------------------------------------------------------


def test_each_request_is_a_line_without_secrets(opened: OpenRun) -> None:
    lines: list[str] = []
    with TestClient(create_app(opened, Limits(), [KEY], lines.append)) as client:
        client.get("/sparql?query=ASK{}&token=secret", headers={"X-API-Key": KEY})
        client.get("/v1/triples/no%0a%1b[31m/explain", headers={"X-API-Key": KEY})
        client.post("/cypher", json={"query": "secret"})
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert [(r["method"], r["route"], r["status"]) for r in rows] == [
        ("GET", "/sparql", 200), ("GET", "/v1/triples/{id}/explain", 404), ("POST", "(none)", 401),
    ]
    assert all(line.endswith("}\n") and line.count("\n") == 1 and "\x1b" not in line for line in lines)
    assert not any(word in line for word in ("secret", KEY) for line in lines)
    assert all(r["seconds"] > 0 and r["bytes"] > 0 and r["client"] and r["time"].endswith("+00:00") for r in rows)
    assert rows[0]["path"] == "/sparql"


def test_metrics_tell_requests_in_flight_and_the_process(opened: OpenRun) -> None:
    with TestClient(create_app(opened)) as client:
        client.post("/v1/complete", json={"head": HEAD, "relation": "xWant"})
        text = client.get("/metrics").text
    assert "kg_http_requests_in_flight 1.0" in text
    assert "process_resident_memory_bytes" in text
    assert 'kg_http_request_seconds_bucket{le="30.0",method="POST",route="/v1/complete",status="200"} 1.0' in text
