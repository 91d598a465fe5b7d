"""A run in somebody else's SPARQL server: a real Fuseki, and servers that misbehave."""

import http.server
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest
from click.testing import CliRunner

from api.cli import kg
from kg.errors import StoreError
from kg.graph import GraphFiles
from kg.ontology import load_ontology
from loaders import rdf_statements
from loaders.rdf_statements import Statements
from loaders.sparql_endpoint import SparqlEndpoint
from loaders.vocabulary import run_iri
from tests.graphs import NASTY, ROWS, Triple, many, write_graph
from tests.servers import FusekiServer, free_port


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USER", "PASSWORD"):
        monkeypatch.delenv(f"KG_SPARQL_{name}", raising=False)


@pytest.fixture(scope="module")
def fuseki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FusekiServer]:
    server = FusekiServer(tmp_path_factory.mktemp("fuseki") / "home")
    server.start()
    yield server
    server.kill()


def held(server: FusekiServer, run_id: str) -> set[ox.Triple]:
    """The statements of a run's graph, as the server gives them."""
    answer = httpx.get(
        server.url, params={"graph": run_iri(run_id).value}, headers={"Accept": "application/n-triples"}, timeout=60
    )
    return {q.triple for q in ox.parse(answer.content, ox.RdfFormat.N_TRIPLES)} if answer.is_success else set()


def said(graph: GraphFiles, classic: bool = False) -> set[ox.Triple]:
    text = b"".join(Statements(graph, load_ontology(), classic).chunks())
    return {q.triple for q in ox.parse(text, ox.RdfFormat.N_TRIPLES)}


def endpoint(url: str) -> SparqlEndpoint:
    return SparqlEndpoint(url, load_ontology())


@pytest.mark.neo4j
def test_fuseki_holds_a_run_as_its_graph(fuseki: FusekiServer, tmp_path: Path) -> None:
    rows = [*ROWS, *((Triple(f"PersonX says {text}!", "xWant", f"to say {text}!"), 0.5) for text in NASTY)]
    one, two = write_graph(tmp_path / "one", rows, "one-1"), write_graph(tmp_path / "two", ROWS[:2], "two-1")
    store = endpoint(fuseki.url)
    for _ in range(2):
        assert store.write(one, "one-1") == {name: one.counts()[name] for name in ("nodes", "edges")}
        assert held(fuseki, "one-1") == said(one)
    store.write(two, "two-1")
    rebuilt = write_graph(tmp_path / "one", ROWS[3:], "one-1")
    store.write(rebuilt, "one-1")
    assert (held(fuseki, "one-1"), held(fuseki, "two-1")) == (said(rebuilt), said(two))
    text = "SELECT ?score { GRAPH ?g { ?e <http://www.w3.org/1999/02/22-rdf-syntax-ns#reifies> <<( ?h ?r ?t )>> ; " \
           "<https://w3id.org/distilkg/ns#score> ?score } }"
    answer = httpx.post(fuseki.query_url, data={"query": text}, headers={"Accept": "text/csv"})
    assert sorted(answer.text.split()[1:]) == ["0.5", "0.9"]
    for _ in range(2):
        store.unload("one-1")
        assert (held(fuseki, "one-1"), held(fuseki, "two-1")) == (set(), said(two))
    store.close()


@pytest.mark.neo4j
def test_commands_load_and_withdraw(fuseki: FusekiServer, tmp_path: Path) -> None:
    run = write_graph(tmp_path / "run", ROWS, "cli-1").path
    options = [str(run), "--sparql-endpoint", fuseki.url, "--only", "rdf"]
    result = CliRunner().invoke(kg, ["load", *options])
    assert (result.exit_code, "rdf: 8 nodes, 6 triples" in result.stdout) == (0, True), result.output
    assert held(fuseki, "cli-1")
    result = CliRunner().invoke(kg, ["unload", *options])
    assert (result.exit_code, "rdf: the run is withdrawn" in result.stdout) == (0, True), result.output
    assert not held(fuseki, "cli-1")
    assert not (run / "rdf").exists()
    result = CliRunner().invoke(kg, ["load", *options, "--rdf", str(tmp_path / "rdf")])
    assert (result.exit_code, "leave --rdf" in result.output) == (2, True)


@pytest.mark.neo4j
def test_fuseki_wants_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = FusekiServer(tmp_path / "home", password="correct-password")
    server.start()
    try:
        graph = write_graph(tmp_path / "run", [*ROWS, *many(2_000)])
        with pytest.raises(StoreError, match=r"refuses the user or the password: set KG_SPARQL_USER"):
            endpoint(server.url).write(graph, "demo-1")
        monkeypatch.setenv("KG_SPARQL_USER", "kg")
        monkeypatch.setenv("KG_SPARQL_PASSWORD", "correct-password")
        assert endpoint(server.url).write(graph, "demo-1")["edges"] == graph.counts()["edges"]
        with pytest.raises(StoreError, match=r"takes no graphs at this address \(405\): .*/data of Fuseki"):
            endpoint(server.query_url).write(graph, "demo-1")
        for call in (lambda s: s.write(graph, "demo-1"), lambda s: s.unload("demo-1")):
            with pytest.raises(StoreError, match=r"takes no graphs at this address \(40[45]\)"):
                call(endpoint(f"{server.base}/other/data"))
    finally:
        server.kill()


class Fake:
    """A server on loopback that answers as `answer(handler)` says; `asked` are the requests."""

    def __init__(self, answer: "Callable[[http.server.BaseHTTPRequestHandler], None]") -> None:
        self.asked: list[tuple[str, str]] = []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                fake.asked.append((self.command, urllib.parse.unquote(self.path)))
                answer(self)

            do_DELETE = do_GET = do_PUT  # noqa: N815  (the base class calls them)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/store"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def fake() -> Iterator[Callable[..., Fake]]:
    made: list[Fake] = []

    def make(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Fake:
        made.append(Fake(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


def body(handler: http.server.BaseHTTPRequestHandler) -> Iterator[bytes]:
    """The chunks of a request's body."""
    while size := int(handler.rfile.readline(), 16):
        yield handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()


def reply(handler: http.server.BaseHTTPRequestHandler, status: int, text: str = "", **headers: str) -> None:
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(text)), "Connection": "close"}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(text.encode())
    handler.close_connection = True


@pytest.fixture
def graph(tmp_path: Path) -> GraphFiles:
    return write_graph(tmp_path / "run", ROWS)


def test_a_server_without_rdf12_gets_classic_reification(
    fake: Callable[..., Fake], graph: GraphFiles, caplog: pytest.LogCaptureFixture
) -> None:
    texts: list[bytes] = []

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        texts.append(b"".join(body(handler)))
        reply(handler, 400, "line 7: unexpected <<(") if b"<<(" in texts[-1] else reply(handler, 201)

    server = fake(answer)
    endpoint(server.url).write(graph, "demo-1")
    assert len(texts) == 2
    assert {q.triple for q in ox.parse(texts[1], ox.RdfFormat.N_TRIPLES)} == said(graph, classic=True)
    assert server.asked == [("PUT", f"/store?graph={run_iri('demo-1').value}")] * 2
    assert "does not take RDF 1.2 (400 Bad Request: line 7: unexpected <<()" in caplog.text


@pytest.mark.parametrize(("status", "why", "headers"), [
    (400, "answered 400 Bad Request: no <b> here", {}),
    (401, "KG_SPARQL_PASSWORD", {}),
    (403, "does not let this user write", {}),
    (404, "takes no graphs at this address", {}),
    (413, "takes no graph as large as this one", {}),
    (503, "is busy", {}),
    (507, "answered 507", {}),
    (301, "has moved to https://other/store: give that address", {"Location": "https://other/store?graph=x"}),
])
def test_refusals_say_what_to_do(
    fake: Callable[..., Fake], graph: GraphFiles, status: int, why: str, headers: dict[str, str]
) -> None:
    server = fake(lambda handler: (list(body(handler)), reply(handler, status, "no <b>\nhere", **headers)))
    with pytest.raises(StoreError) as caught:
        endpoint(server.url).write(graph, "demo-1")
    assert why in str(caught.value)
    assert server.url in str(caught.value)


def test_a_refusal_before_the_end_is_heard(fake: Callable[..., Fake], tmp_path: Path) -> None:
    large = write_graph(tmp_path / "large", many(20_000))
    server = fake(lambda handler: (next(body(handler)), reply(handler, 413)))
    with pytest.raises(StoreError, match=r"as large as this one|broke the connection off after [\d,]+ statements"):
        endpoint(server.url).write(large, "demo-1")


def test_a_server_that_is_lost_midway_is_told(fake: Callable[..., Fake], tmp_path: Path) -> None:
    large = write_graph(tmp_path / "large", many(20_000))

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        next(body(handler))
        handler.close_connection = True

    with pytest.raises(StoreError, match=r"broke the connection off after [\d,]+ statements .* load again"):
        endpoint(fake(answer).url).write(large, "demo-1")


def test_a_graph_is_made_as_it_is_sent(
    fake: Callable[..., Fake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the server has read nothing, only what fits between the two is made: memory is bounded."""
    monkeypatch.setattr(rdf_statements, "BATCH", 500)
    large, going, most = write_graph(tmp_path / "large", many(20_000)), threading.Event(), [0]
    seen: list[int] = []

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        going.wait(30)
        most[0] = max(seen, default=0)
        list(body(handler))
        reply(handler, 201)

    threading.Timer(3.0, going.set).start()
    endpoint(fake(answer).url).write(large, "demo-1", lambda stage, done, total: seen.append(done))
    assert 0 < most[0] < max(seen) / 2


@pytest.mark.parametrize("url", ["", "localhost:3030", "ftp://localhost/ds", "http://", "http://[::1/x"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(StoreError, match="is no address of a server"):
        endpoint(url)


def test_passwords_are_not_for_addresses() -> None:
    with pytest.raises(StoreError, match="KG_SPARQL_PASSWORD") as caught:
        endpoint("http://kg:secret@localhost/ds")
    assert "secret" not in str(caught.value)


def test_an_address_keeps_its_own_query(fake: Callable[..., Fake], graph: GraphFiles) -> None:
    server = fake(lambda handler: (list(body(handler)) if handler.command == "PUT" else None, reply(handler, 204)))
    store = endpoint(f"{server.url}?db=a%26b")
    store.write(graph, "demo 1")
    store.unload("demo 1")
    path = f"/store?db=a&b&graph={run_iri('demo 1').value}"
    assert server.asked == [("PUT", path), ("DELETE", path)]


def test_nobody_there(graph: GraphFiles) -> None:
    with pytest.raises(StoreError, match="cannot be reached: start it, or correct the address"):
        endpoint(f"http://127.0.0.1:{free_port()}/ds/data").write(graph, "demo-1")
