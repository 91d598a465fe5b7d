"""SERVICE: what a query gets from another endpoint when that is allowed, and what is said when it gets nothing."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from kg.errors import QueryTimeoutError, StoreError
from kg.ontology import load_ontology
from kg.records import Triple
from loaders.rdf import RdfStore
from tests.graphs import write_graph

ANSWER = {"head": {"vars": ["t"]}, "results": {"bindings": [{"t": {"type": "literal", "value": "from elsewhere"}}]}}


class Endpoint(BaseHTTPRequestHandler):
    """Answers /sparql with one row; /moved points to it, /broken fails, /slow does not answer in time."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/slow":
            time.sleep(3)
        body = json.dumps(ANSWER).encode() if self.path == "/sparql" else b"no results"
        self.send_response({"/moved": 302, "/broken": 500}.get(self.path, 200))
        self.send_header("Location", "/sparql")
        self.send_header("Content-Type", "application/sparql-results+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def store(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RdfStore]:
    folder: Path = tmp_path_factory.mktemp("rdf")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    allowed = [*(f"{url}/{path}" for path in ("sparql", "moved", "broken", "slow", "odd")), closed]
    made = RdfStore(folder / "rdf", load_ontology(), 1, allowed)
    made.write(write_graph(folder / "run", [(Triple("PersonX bakes", "xWant", "to eat"), None)]), "demo-1")
    yield made
    made.close()


def test_an_allowed_endpoint_is_asked(store: RdfStore, url: str) -> None:
    text = f"SELECT ?t ?h {{ ?n skos:prefLabel ?h ; kg:xWant ?x SERVICE <{url}/sparql> {{ ?s ?p ?t }} }}"
    assert store.query(text).rows == [["from elsewhere", "PersonX bakes"]]


def test_any_other_address_is_not(store: RdfStore, url: str) -> None:
    Endpoint.asked.clear()
    for address in (f"{url}/", f"{url}/sparql/", f"{url}/sparql?x=y", f"{url}/sparql#x"):
        with pytest.raises(StoreError, match="SERVICE is only allowed with"):
            store.query(f"SELECT * {{ SERVICE <{address}> {{ ?s ?p ?o }} }}")
    assert Endpoint.asked == []


def test_an_answer_that_points_elsewhere_is_not_followed(store: RdfStore, url: str) -> None:
    Endpoint.asked.clear()
    with pytest.raises(StoreError, match="SERVICE"):
        store.query(f"SELECT * {{ SERVICE <{url}/moved> {{ ?s ?p ?o }} }}")
    assert Endpoint.asked == ["/moved"]


def test_an_endpoint_that_fails_is_told_apart_from_the_store(store: RdfStore, url: str) -> None:
    for address in (f"{url}/broken", f"{url}/odd", list(store.services)[-1]):
        started = time.monotonic()
        with pytest.raises(StoreError, match="SERVICE was not answered"):
            store.query(f"SELECT * {{ SERVICE <{address}> {{ ?s ?p ?o }} }}")
        assert time.monotonic() - started < 3  # it is not asked again and again
        assert store.query(f"SELECT * {{ SERVICE SILENT <{address}> {{ ?s ?p ?o }} }}").rows == [[None, None, None]]


def test_an_endpoint_that_is_slow_ends_with_the_query(store: RdfStore, url: str) -> None:
    with pytest.raises(QueryTimeoutError):
        store.query(f"SELECT * {{ SERVICE <{url}/slow> {{ ?s ?p ?o }} }}", timeout=0.5)
