"""The HTTP interface over a small run and fakes."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.assemble import OpenRun
from api.health import FRESH
from api.limits import Limits
from api.models import MAX_K, MAX_QUERIES
from api.server import KEEP_ALIVE, create_app, serve
from kg.errors import InputError
from kg.protocols import Rows
from tests.api.conftest import HEAD, Store, Student

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DIRECT = {"Content-Type": "application/sparql-query"}
JSON = {"Content-Type": "application/json"}
KINDS = [*JSON.values(), *DIRECT.values(), *FORM.values(), "text/html", "\xff/;;", ""]


def is_problem(response: Any, status: int, *words: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "instance"} <= problem.keys()
    assert problem["status"] == status
    for word in words:
        assert word in problem["detail"]
    return problem


# --- queries ---------------------------------------------------------------------------------------------------------


def test_sparql_is_answered_by_get_form_and_direct_post(client: TestClient) -> None:
    query = "SELECT ?x { ?x ?p 'é & 🎂' }"
    for response in (
        client.get("/sparql", params={"query": query}),
        client.post("/sparql", data={"query": query}),
        client.post("/sparql", content=query.encode(), headers={"Content-Type": f"{KINDS[1]}; charset=utf-8"}),
    ):
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/sparql-results+json"
        assert response.json()["head"]["vars"] == ["x"]


def test_the_sparql_store_gets_the_text_and_the_caps(client: TestClient, opened: OpenRun) -> None:
    client.post("/sparql", data={"query": "ASK { ?s ?p 'a+b & c' }"})
    assert isinstance(opened.sparql, Store)
    seconds = pytest.approx(5, abs=0.5)
    assert opened.sparql.asked[-1] == ("ASK { ?s ?p 'a+b & c' }", None, seconds, Limits().document_rows)
    assert opened.sparql.requests[-1][1] == Limits().document_bytes


@pytest.mark.parametrize(("content", "headers", "status"), [
    (b"INSERT DATA {}", {"Content-Type": "application/sparql-update"}, 415),
    (b"update=INSERT+DATA+%7B%7D", FORM, 400),
    (b"query=ASK+%7B%7D&query=ASK+%7B%7D", FORM, 400),
    (b"", FORM, 400),
    (b"query=%ff", FORM, 400),
    (b"&".join([b"a=b"] * 1001), FORM, 400),
    (b"ASK {}", {"Content-Type": "application/sparql-query; charset=utf-16"}, 415),
    (b"", DIRECT, 400),
    (b"ASK { \xff }", DIRECT, 400),
    (b"ASK { \0 }", DIRECT, 400),
    (b"ASK WRONG", DIRECT, 400),
    (b"ASK FOREVER", DIRECT, 504),
    (b"ASK {}", {"Content-Type": "text/plain"}, 415),
    (b"ASK {}", {}, 415),
])
def test_what_is_no_sparql_query_is_a_problem(
    client: TestClient, content: bytes, headers: dict[str, str], status: int
) -> None:
    is_problem(client.post("/sparql", content=content, headers=headers), status)


@pytest.mark.parametrize("fields", [
    "?update=x&query=ASK{}", "?query=", "?query=a&query=b", "?default-graph-uri=a:b", "?query=%ff",
])
def test_a_get_needs_one_query(client: TestClient, fields: str) -> None:
    is_problem(client.get(f"/sparql{fields}"), 400)


def test_cypher_rows_come_as_json(client: TestClient, opened: OpenRun) -> None:
    body = {"query": "RETURN $x", "parameters": {"x": ["é", 1, None, {"y": 2.5}]}, "timeout": 2, "limit": 7}
    answer = client.post("/cypher", json=body).json()
    assert answer["columns"] == ["x"]
    assert answer["truncated"] is False
    assert answer["rows"][1] == [{"labels": ["Event"], "properties": {"text": HEAD}}]
    assert isinstance(opened.cypher, Store)
    assert opened.cypher.asked[-1] == ("RETURN $x", body["parameters"], 2, 7)


LINES = {"Accept": "application/x-ndjson"}


def test_cypher_rows_come_as_lines(client: TestClient) -> None:
    response = client.post("/cypher", json={"query": "PARTS"}, headers=LINES)
    assert response.headers["content-type"] == "application/x-ndjson"
    rows = '[0]\n["\\n"]\n[1]\n["\\n"]\n[2]\n["\\n"]\n'
    assert response.text == '{"columns":["x"]}\n' + rows + '{"rows":6,"truncated":false}\n'
    last = client.post("/cypher", json={"query": "RETURN 1", "limit": 2}, headers=LINES).text.splitlines()[-1]
    assert json.loads(last) == {"rows": 2, "truncated": True}
    assert client.post("/cypher", json={"query": "PARTS"}).json()["rows"] == [[0], ["\n"], [1], ["\n"], [2], ["\n"]]


def test_an_answer_that_breaks_off_begins_again_or_says_so(client: TestClient) -> None:
    assert client.post("/cypher", json={"query": "BREAK"}).json()["rows"] == [[2]]
    *rows, problem = client.post("/cypher", json={"query": "BREAK"}, headers=LINES).text.splitlines()
    assert rows == ['{"columns":["x"]}', "[1]"]
    assert json.loads(problem)["detail"] == "the server went away"


def test_what_fails_before_the_first_line_is_a_problem(client: TestClient) -> None:
    is_problem(client.post("/cypher", json={"query": "WRONG"}, headers=LINES), 400, "Invalid input 'WRONG'")
    is_problem(client.post("/cypher", json={"query": "FOREVER"}, headers=LINES), 504)


def test_an_answer_too_large_for_one_piece_says_so(client: TestClient) -> None:
    is_problem(client.post("/cypher", json={"query": "FULL"}), 400, "application/x-ndjson")


def test_a_client_that_goes_away_ends_its_query(opened: OpenRun) -> None:
    taken = 0

    def stream(text: Any, parameters: Any, timeout: Any, limit: Any, take: Any, again: Any = None) -> None:
        nonlocal taken
        for _ in range(10**9):
            take(Rows(["x"], [["y" * 1_000_000]]))
            taken += 1

    assert isinstance(opened.cypher, Store)
    opened.cypher.stream = stream  # type: ignore[method-assign]
    sent = 0

    async def receive() -> dict[str, Any]:
        if sent < 5:
            await anyio.sleep(0.01)
            return {"type": "http.request", "body": b'{"query": "x"}'}
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal sent
        sent += 1

    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/cypher", "query_string": b"",
        "headers": [(b"accept", b"application/x-ndjson"), (b"content-type", b"application/json")],
    }
    async def serve_one() -> None:
        await create_app(opened)(scope, receive, send)
        await anyio.sleep(0.2)  # for the thread, which finds that nobody takes its rows

    anyio.run(serve_one)
    assert 4 <= sent < 1000  # of a thousand million
    assert taken < 1000


def test_a_client_can_lower_the_caps_but_not_raise_them(client: TestClient, opened: OpenRun) -> None:
    client.post("/cypher", json={"query": "RETURN 1", "timeout": 1e6, "limit": 10**9})
    assert isinstance(opened.cypher, Store)
    assert opened.cypher.asked[-1][2:] == (5, 10_000)


def test_values_that_json_cannot_hold_do_not_break_an_answer(client: TestClient) -> None:
    rows = client.post("/cypher", json={"query": "NAN"}).json()["rows"]
    assert rows == [["NaN"], ["-Infinity"], ["\ud800"], [2**80]]


@pytest.mark.parametrize("body", [
    {}, [], None, "x", 1, {"query": ""}, {"query": "  "}, {"query": 1}, {"query": "a\0b"}, {"query": "\ud800"},
    {"query": "x", "surprise": 1}, {"query": "x", "timeout": 0}, {"query": "x", "timeout": "soon"},
    {"query": "x", "limit": 0}, {"query": "x", "limit": 1.5}, {"query": "x", "parameters": []},
    {"query": "x", "parameters": {"a": "\udc00"}}, {"query": "x", "parameters": {"\ud800": 1}},
    {"query": "x", "parameters": {"a": {"b": ["\0"]}}}, {"query": "x", "parameters": {"a": 2**63}},
    {"query": "x", "\ud800": 1},
])
def test_a_wrong_cypher_request_is_a_problem_with_its_faults(client: TestClient, body: Any) -> None:
    content = json.dumps(body, ensure_ascii=True)
    problem = is_problem(client.post("/cypher", content=content, headers=JSON), 422)
    assert problem["errors"]
    assert all(e["message"] and e["where"][0] == "body" for e in problem["errors"])


@pytest.mark.parametrize("content", [
    b"", b"{", b'{"query": }', b"\xff\xfe", b"[" * 100_000, b'{"query": ' + b"9" * 5000 + b"}", b"\0",
    b'{"query": "x", "timeout": NaN}', b'{"query": "x", "limit": 1e999}',
    b'{"query": "x", "parameters": {"a": ' + b"[" * 500 + b"]" * 500 + b"}}",
])
def test_malformed_bodies_are_problems(client: TestClient, content: bytes) -> None:
    response = client.post("/cypher", content=content, headers=JSON)
    is_problem(response, response.status_code)
    assert response.status_code in (400, 422)


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/xml"}, FORM])
def test_only_json_is_taken_where_json_is_asked_for(client: TestClient, headers: dict[str, str]) -> None:
    for path in ("/cypher", "/v1/complete", "/v1/extract"):
        is_problem(client.post(path, content=b'{"query": "x"}', headers=headers), 415, "application/json")


def test_large_bodies_are_refused(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    is_problem(client.post("/cypher", content=b"x" * 1_000_001, headers=headers), 413, "1,000,000")
    chunks = (b"x" * 100_000 for _ in range(11))
    is_problem(client.post("/cypher", content=chunks, headers=headers), 413)
    is_problem(client.post("/sparql", content=b"x" * 10_000_000, headers=DIRECT), 413)


def test_a_query_may_be_nearly_as_large_as_a_body(client: TestClient, opened: OpenRun) -> None:
    text = "RETURN '" + "🎂" * 200_000 + "'"
    assert client.post("/sparql", content=text.encode(), headers=DIRECT).status_code == 200
    assert isinstance(opened.sparql, Store)
    assert opened.sparql.asked[-1][0] == text


def test_the_stores_errors_are_told_in_words(client: TestClient) -> None:
    is_problem(client.post("/cypher", json={"query": "WRONG"}), 400, "Invalid input 'WRONG'")
    is_problem(client.post("/cypher", json={"query": "FOREVER", "timeout": 1}), 504, "stopped after 1 s")


def test_an_error_of_ours_leaks_nothing(client: TestClient) -> None:
    response = client.post("/cypher", json={"query": "CRASH"})
    is_problem(response, 500)
    assert "secret" not in response.text


def test_a_store_that_cannot_be_reached_is_not_the_querys_fault(client: TestClient, opened: OpenRun) -> None:
    assert isinstance(opened.cypher, Store)
    opened.cypher.broken = True
    is_problem(client.post("/cypher", json={"query": "RETURN 1"}), 503, "bolt://x")
    response = client.get("/health")
    assert response.status_code == 503
    assert response.json()["cypher"]["state"] == "error"
    assert "bolt://x cannot be reached" in response.json()["cypher"]["message"]
    assert response.json()["sparql"]["state"] == "ok"


@pytest.mark.parametrize("broken", [False, True])
def test_a_server_that_answers_has_read_its_store(opened: OpenRun, broken: bool) -> None:
    assert isinstance(opened.sparql, Store)
    opened.sparql.broken = broken
    with TestClient(create_app(opened)) as client:
        assert opened.sparql.warmed
        assert client.get("/").status_code == 200


def test_without_stores_and_student_what_is_left_still_works(opened: OpenRun) -> None:
    bare = replace(opened, cypher=None, sparql=None, student=None)
    with TestClient(create_app(bare)) as client:
        is_problem(client.post("/cypher", json={"query": "x"}), 503, "kg load")
        is_problem(client.get("/sparql", params={"query": "ASK {}"}), 503, "kg load")
        health = client.get("/health")
        assert health.status_code == 200
        assert {name: health.json()[name]["state"] for name in ("run", "cypher", "sparql", "student")} == {
            "run": "ok", "cypher": "absent", "sparql": "absent", "student": "absent",
        }
        answer = client.post("/v1/complete", json={"head": HEAD, "relation": "xWant"}).json()
        assert answer["student"] is None
        assert "no student" in answer["note"]
        assert {c["source"] for c in answer["completions"]} == {"graph"}


# --- the graph -------------------------------------------------------------------------------------------------------


def test_triples_are_listed_by_pages_with_what_explains_them(client: TestClient) -> None:
    first = client.get("/v1/triples", params={"limit": 4}).json()
    rest = client.get("/v1/triples", params={"limit": 4, "offset": first["next"]}).json()
    assert (len(first["triples"]), first["next"], len(rest["triples"]), rest["next"]) == (4, 4, 3, None)
    found = client.get("/v1/triples", params={"head": "PersonX baked a cake", "tail": "eats it"}).json()["triples"]
    assert [(t["tail"], t["sources"], t["score"]) for t in found] == [("eat it", 2, 0.5)]
    explained = client.get(f"/v1/triples/{found[0]['id']}/explain").json()
    assert [s["answer"][s["start"] : s["end"]] for s in explained["sources"]] == ["to eat it", "eat it"]


def test_triples_of_a_denied_relation_are_the_denied_ones(client: TestClient) -> None:
    def tails(relation: str) -> list[str]:
        return [t["tail"] for t in client.get("/v1/triples", params={"relation": relation}).json()["triples"]]

    assert tails("NotxWant") == ["to burn it"]
    assert "to burn it" in tails("xWant")
    assert tails("oReact") == []


@pytest.mark.parametrize("query", [
    "limit=0", "limit=1001", "limit=x", "offset=-1", "offset=99999999999999999999", "relation=xWnat",
])
def test_a_wrong_listing_is_a_problem(client: TestClient, query: str) -> None:
    is_problem(client.get(f"/v1/triples?{query}"), 422)


@pytest.mark.parametrize("id_", ["0" * 32, "%00", "%ED%A0%80", "'", "..", "x" * 5000])
def test_an_unknown_triple_is_not_found(client: TestClient, id_: str) -> None:
    is_problem(client.get(f"/v1/triples/{id_}/explain"), 404)


def test_relations_are_listed_with_their_cypher_names(client: TestClient) -> None:
    answer = client.get("/v1/relations").json()
    assert answer["ontology"] == "atomic2020"
    assert {"name": "xWant", "cypher_type": "X_WANT"}.items() <= next(
        r for r in answer["relations"] if r["name"] == "xWant"
    ).items()
    assert len(answer["relations"]) == 23


def test_completions_are_merged(client: TestClient) -> None:
    answer = client.post("/v1/complete", json={"head": "PersonX baked the cake", "relation": "xWant", "k": 10}).json()
    assert (answer["head"], answer["relation"], answer["student"]) == ("PersonX baked the cake", "xWant", "tiny")
    best = answer["completions"][0]
    assert best == {
        "tail": "eat it", "score": 0.9, "source": "tiny", "known": True, "id": best["id"],
        "sources": {"graph": 0.5, "tiny": 0.9}, "head": HEAD, "relation": "xWant", "provenance": best["provenance"],
    }
    assert [p["rule"] for p in best["provenance"]] == ["split", "split"]
    assert client.get(f"/v1/triples/{best['id']}/explain").status_code == 200
    assert [c["known"] for c in answer["completions"]] == [True, False, True, True, False]


def test_head_or_relation_may_be_left_open(client: TestClient) -> None:
    def triples(**body: Any) -> set[tuple[str, str, str]]:
        answer = client.post("/v1/complete", json=body).json()
        return {(c["head"], c["relation"], c["tail"]) for c in answer["completions"]}

    heads = triples(tail="eats it", relation="xWant")
    assert heads == {(HEAD, "xWant", "eat it")}
    assert triples(tail="to share the cake") == {(HEAD, name, "to share the cake") for name in ("xWant", "xReact")}
    assert triples(head=HEAD, tail="eats it") == heads
    assert {relation for _, relation, _ in triples(head=HEAD, k=50)} == {"xWant", "NotxWant", "xReact"}
    assert {relation for _, relation, _ in triples(head=HEAD, k=50, relations=["NotxWant"])} == {"NotxWant"}


def test_a_run_without_levels_says_how_to_make_them(client: TestClient) -> None:
    is_problem(client.post("/v1/complete", json={"head": HEAD, "level": "high"}), 503, "kg calibrate")


def test_several_queries_are_answered_in_their_order(client: TestClient) -> None:
    pairs = [{"head": HEAD, "relation": "NotxWant"}, {"head": "nobody", "relation": "xWant"}]
    answer = client.post("/v1/complete", json={"queries": pairs, "k": 1, "new_only": True}).json()
    assert [(r["head"], r["relation"]) for r in answer["results"]] == [(HEAD, "NotxWant"), ("nobody", "xWant")]
    assert [c["tail"] for r in answer["results"] for c in r["completions"]] == ["eats it", "eats it"]


def test_a_relation_the_student_never_learned_is_said(client: TestClient) -> None:
    answer = client.post("/v1/complete", json={"head": HEAD, "relation": "oReact"}).json()
    assert answer["completions"] == []
    assert "never learned oReact" in answer["note"]


@pytest.mark.parametrize("body", [
    {}, {"relation": "xWant"}, {"head": HEAD, "relation": "xWant", "tail": "x"}, {"queries": []},
    {"head": "", "relation": "xWant"},
    {"head": " \n", "relation": "xWant"}, {"head": HEAD, "relation": ""}, {"head": HEAD, "relation": "xWnat"},
    {"head": HEAD, "relation": "xWant", "k": 0}, {"head": HEAD, "relation": "xWant", "k": MAX_K + 1},
    {"head": HEAD, "relation": "xWant", "queries": [{"head": HEAD, "relation": "xWant"}]},
    {"queries": [{"head": HEAD, "relation": "xWant"}] * (MAX_QUERIES + 1)},
    {"queries": [{"head": HEAD, "relation": "xWant"}] * MAX_QUERIES, "k": MAX_K},
    {"queries": [{}]}, {"queries": [{"relation": "xWant"}]}, {"head": "\ud800", "relation": "xWant"},
    {"head": HEAD, "relation": "xWant", "relations": ["xNeed"]}, {"head": HEAD, "relations": ["xWnat"]},
    {"head": "a\0", "relation": "xWant"},
    {"head": "x" * 20_001, "relation": "xWant"}, {"head": HEAD, "relation": "xWant", "k": True, "x": 1},
])
def test_a_wrong_completion_is_a_problem(client: TestClient, body: Any) -> None:
    content = json.dumps(body, ensure_ascii=True)
    is_problem(client.post("/v1/complete", content=content, headers=JSON), 422)


def test_an_unknown_relation_names_the_nearest(client: TestClient) -> None:
    is_problem(client.post("/v1/complete", json={"head": HEAD, "relation": "xWnat"}), 422, "did you mean xWant")
    is_problem(client.post("/v1/extract", json={"text": "x", "relation": "xWnat"}), 422, "did you mean xWant")


@pytest.mark.parametrize("head", [
    "x" * 20_000, "🎂" * 5000, 'a"b\\c\n\x1b', "\u202eشلوم", "'}) DETACH DELETE n //", "!", "the",
])
def test_any_head_is_completed(client: TestClient, head: str) -> None:
    answer = client.post("/v1/complete", json={"head": head, "relation": "xWant"})
    assert answer.status_code == 200
    assert answer.json()["head"] == head


def test_triples_are_extracted_with_their_characters(client: TestClient) -> None:
    text = "to eat it; to sell it 🎂"
    answer = client.post("/v1/extract", json={"head": HEAD, "relation": "NotxWant", "text": text, "prompt": "?"}).json()
    assert [(t["tail"], t["negated"], text[t["start"] : t["end"]]) for t in answer["triples"]] == [
        ("to eat it", True, "to eat it"), ("to sell it 🎂", True, "to sell it 🎂"),
    ]
    assert answer["triples"][0]["rule"] == "split"
    is_problem(client.post("/v1/extract", json={"text": "x" * 100_001}), 422)


any_text = st.text(st.characters(), max_size=20)  # half surrogates too
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
bodies = st.one_of(
    json_values,
    st.fixed_dictionaries({"query": any_text}, optional={
        "parameters": json_values, "timeout": json_values, "limit": json_values,
    }),
    st.fixed_dictionaries({"head": any_text, "relation": st.sampled_from(["xWant", "NotxNeed", "x"])}, optional={
        "k": json_values, "new_only": json_values,
    }),
    st.fixed_dictionaries({"queries": json_values}),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies, path=st.sampled_from(["/cypher", "/v1/complete", "/v1/extract"]))
def test_no_body_is_an_internal_error(client: TestClient, body: Any, path: str) -> None:
    content = json.dumps(body, ensure_ascii=True)
    response = client.post(path, content=content, headers=JSON)
    assert response.status_code in (200, 422), response.text
    json.loads(response.content)
    if response.status_code == 422:
        is_problem(response, 422)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), path=st.sampled_from(["/cypher", "/v1/complete", "/sparql"]),
       kind=st.sampled_from(KINDS))
def test_no_bytes_are_an_internal_error(client: TestClient, content: bytes, path: str, kind: str) -> None:
    response = client.post(path, content=content, headers={"Content-Type": kind.encode("latin-1")})
    assert response.status_code < 500, response.text


# --- the server ------------------------------------------------------------------------------------------------------


def test_every_error_of_the_router_is_a_problem(client: TestClient) -> None:
    assert is_problem(client.get("/nowhere"), 404, "/docs")["instance"] == "/nowhere"
    is_problem(client.get("/static/nowhere.js"), 404)
    is_problem(client.get("/static/../server.py"), 404)
    is_problem(client.get("/static/%2e%2e/server.py"), 404)
    response = client.get("/cypher")
    is_problem(response, 405, "GET")
    assert response.headers["allow"] == "POST"
    for method in ("PUT", "DELETE", "PATCH"):
        is_problem(client.request(method, "/sparql"), 405)


def test_openapi_has_the_fixed_paths_with_summaries_examples_and_problems(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    wanted = {
        "/sparql": {"get", "post"}, "/cypher": {"post"}, "/v1/complete": {"post"}, "/v1/triples": {"get"},
        "/v1/triples/{id}/explain": {"get"}, "/v1/extract": {"post"}, "/v1/relations": {"get"}, "/health": {"get"},
        "/v1/questions": {"get"}, "/metrics": {"get"}, "/.well-known/void": {"get"},
        "/.well-known/sparql-examples": {"get"},
    }
    assert {path: set(operations) for path, operations in document["paths"].items()} == wanted
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            assert "422" not in operation["responses"]
    text = json.dumps(document)
    assert "HTTPValidationError" not in text
    for name in set(_references(document)):
        assert name in document["components"]["schemas"]
    assert "examples" in document["components"]["schemas"]["CompleteRequest"]
    assert "examples" in document["components"]["schemas"]["CypherRequest"]["properties"]["query"]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].rpartition("/")[2]
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _references(inner)


def test_metrics_count_by_route_template(client: TestClient) -> None:
    client.get("/v1/triples/abc/explain")
    client.get("/v1/triples/def/explain")
    client.get("/made/up/1")
    client.request("BREW", "/made/up/2")
    client.get("/static/style.css")
    text = client.get("/metrics").text
    assert 'kg_http_requests_total{method="GET",route="/v1/triples/{id}/explain",status="404"} 2.0' in text
    assert 'kg_http_request_seconds_count{method="GET",route="/v1/triples/{id}/explain",status="404"} 2.0' in text
    assert 'route="(none)"' in text
    assert "made" not in text
    assert "BREW" not in text


def test_two_apps_count_apart(opened: OpenRun) -> None:
    with TestClient(create_app(opened)) as one, TestClient(create_app(opened)) as two:
        one.get("/health")
        assert 'route="/health"' not in two.get("/metrics").text


def test_health_is_quick_while_queries_hang(opened: OpenRun) -> None:
    assert isinstance(opened.cypher, Store)
    with TestClient(create_app(opened, Limits(queries_at_once=2))) as client, ThreadPoolExecutor(4) as threads:
        hanging = [threads.submit(client.post, "/cypher", json={"query": "SLEEP"}) for _ in range(4)]
        time.sleep(0.3)
        started = time.monotonic()
        assert client.get("/health").status_code == 200
        assert time.monotonic() - started < 1
        opened.cypher.release.set()
        assert [h.result().status_code for h in hanging] == [200] * 4


def test_many_who_ask_for_health_ask_the_stores_once(client: TestClient, opened: OpenRun) -> None:
    assert isinstance(opened.cypher, Store)
    told = [client.get("/health").json() for _ in range(5)]
    assert told[0]["status"] == "ok"
    assert told == [told[0]] * 5
    assert len(opened.cypher.asked) == 1
    opened.cypher.broken = True
    time.sleep(FRESH)
    assert client.get("/health").status_code == 503


def test_a_store_that_hangs_is_busy_at_first_and_then_an_error() -> None:
    import anyio

    from api.health import Probe

    release = threading.Event()

    async def ask() -> list[str]:
        patient, impatient = Probe(release.wait, 60), Probe(release.wait, 0)
        said = [await probe.state() for probe in (patient, patient, impatient)]
        release.set()
        await anyio.sleep(0.1)
        return [f"{s.state} {s.message}" for s in [*said, await impatient.state()]]

    first, second, third, last = anyio.run(ask)
    assert (first, second, last) == ("ok busy", "ok busy", "ok ")
    assert third.startswith("error no answer for")


def test_a_query_that_its_store_does_not_stop_is_answered_all_the_same(opened: OpenRun) -> None:
    assert isinstance(opened.cypher, Store)
    with TestClient(create_app(opened, Limits(query_seconds=0.1))) as client:
        started = time.monotonic()
        is_problem(client.post("/cypher", json={"query": "SLEEP"}), 504)
        assert time.monotonic() - started < 4
        opened.cypher.release.set()


def test_stores_are_closed_with_the_app(opened: OpenRun) -> None:
    assert isinstance(opened.cypher, Store)
    assert isinstance(opened.sparql, Store)
    with TestClient(create_app(opened)):
        assert (opened.cypher.closed, opened.sparql.closed) == (0, 0)
    assert (opened.cypher.closed, opened.sparql.closed) == (1, 1)


def test_a_port_in_use_is_an_error_in_words(opened: OpenRun) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match="--port"):
        serve(create_app(opened), port=taken.getsockname()[1])
    with pytest.raises(InputError, match="no-such-host"):
        serve(create_app(opened), host="no-such-host.invalid", port=0)


def test_connections_are_kept_longer_than_clients_and_proxies_keep_them(
    opened: OpenRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or else the server closes one just when a request comes on it. httpx keeps them for 5 s, proxies for 60 s."""
    kept = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: kept.append(self.config.timeout_keep_alive))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    serve(create_app(opened), port=0)
    assert kept == [KEEP_ALIVE]
    assert KEEP_ALIVE > 60


_PROGRAM = """
import sys
from pathlib import Path
from api.assemble import OpenRun
from api.server import create_app, serve
from kg.ontology import load_ontology
from kg.protocols import Rows
from kg.run import Run
from tests.api.conftest import Extractor, Store, Student
store = Store()
opened = OpenRun(Run.open(Path(sys.argv[1])), load_ontology(), store, Store("sparql"), Student(), Extractor())
serve(create_app(opened), port=0, ready=lambda url: print(url, flush=True))
print("closed", store.closed, flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_after_the_requests_in_flight(opened: OpenRun, how: signal.Signals) -> None:
    command = [sys.executable, "-c", _PROGRAM, str(opened.run.path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with ThreadPoolExecutor(1) as threads:
            slow = threads.submit(httpx.post, f"{url}cypher", json={"query": "PAUSE"}, timeout=20)
            time.sleep(0.5)
            server.send_signal(how)
            assert slow.result().json()["columns"] == ["x"]
        out, err = server.communicate(timeout=20)
    assert (server.returncode, out, err) == (0, "closed 1\n", "")


def test_a_student_is_asked_by_one_thread_at_a_time(opened: OpenRun) -> None:
    at_work, most = 0, 0

    class Slow(Student):
        def complete(self, queries: Any, k: int = 5) -> Any:
            nonlocal at_work, most
            at_work += 1
            most = max(most, at_work)
            time.sleep(0.05)
            at_work -= 1
            return super().complete(queries, k)

    body = {"head": HEAD, "relation": "xWant"}
    with TestClient(create_app(replace(opened, student=Slow()))) as client, ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: client.post("/v1/complete", json=body).status_code, range(6)))
    assert (answers, most) == ([200] * 6, 1)
