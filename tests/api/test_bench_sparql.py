"""The bench of SPARQL servers: its data, its clients, and that all servers are asked the same."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pyoxigraph as ox
import pytest

from api import bench_servers, bench_sparql
from api.bench_client import drive, percentile, request
from kg.errors import InputError, StoreError
from kg.graph import FILES, GraphBuilder
from kg.ontology import load_ontology
from kg.records import Triple
from kg.run import Run
from loaders.vocabulary import PREFIXES

SERVERS = ["distilkg", "rdflib-endpoint"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is there in place of the folder for temporary files; and no Java."""
    monkeypatch.setattr(bench_sparql, "gettempdir", lambda: str(tmp_path / "tmp"))
    monkeypatch.setattr(bench_servers.shutil, "which", lambda _: None)
    return tmp_path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with 60 triples, one of them denied."""
    builder = GraphBuilder(load_ontology())
    for i in range(20):
        event = f'PersonX bakes cake "{i}"'
        builder.add(Triple(event, "xWant", f"to eat cake {i % 7}"), "", "made", i, i)
        builder.add(Triple(event, "xNeed", f"to buy flour {i}", negated=i == 3), "", "made", i, i)
        builder.add(Triple(event, "xReact", "happy"), "", "made", i, i)
    made = Run.create(tmp_path / "run", "made-1", {"name": "made"})
    made.finish("graph", "key", FILES, builder.write(made)["edges"], 0.0)
    return made.path


def test_servers_are_compared_on_the_same_data(run: Path, home: Path) -> None:
    figures = bench_sparql.bench_sparql(run, 130, clients=3, seconds=0.2, rounds=2)
    [missing] = figures["left_out"]
    assert "fuseki" in missing
    assert "install Java" in missing
    names = [kind.name for kind in (*bench_sparql.OF_EVENTS, bench_sparql.COUNT, bench_sparql.REGEX)]
    for name in names:
        figure = figures[name]
        assert all(figure[f"{server} {unit}"] > 0 for server in SERVERS for unit in ("/s", "p50 ms", "p99 ms"))
        assert figure["times rdflib-endpoint"] == pytest.approx(figure["distilkg /s"] / figure["rdflib-endpoint /s"])
    [file] = (home / "tmp").glob("*/*/data.nt")
    assert figures["stream, fresh"]["rows"] == figures["stream, warm"]["rows"] == len(file.read_text().splitlines())
    assert json.dumps(figures)
    assert not psutil.Process().children(recursive=True)


def test_the_data_are_copies_until_there_are_enough(run: Path, home: Path) -> None:
    data, kinds = bench_sparql._data(run, 130)
    store = ox.Store()
    store.bulk_load(path=data.file, format=ox.RdfFormat.N_TRIPLES)
    counted: Any = store.query("SELECT (COUNT(*) AS ?n) { ?h ?r ?t . ?t skos:prefLabel [] }", prefixes=PREFIXES)
    assert next(counted)["n"].value == "130"
    for kind, texts in kinds[:4]:
        answers: list[Any] = [list(store.query(text)) for text in texts[:50]]
        assert all(answers), kind
    before = data.file.stat().st_mtime_ns
    assert bench_sparql._data(run, 130)[0].file.stat().st_mtime_ns == before
    assert bench_sparql._data(run, 131)[0].file != data.file


def test_servers_that_answer_differently_are_not_compared(
    run: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_sparql, "rows", lambda url, _: [{"x": url[-1]}])
    with pytest.raises(StoreError, match="do not agree"):
        bench_sparql.bench_sparql(run, 57, clients=1, seconds=0.1, rounds=1)
    assert not psutil.Process().children(recursive=True)


def test_a_peer_that_is_missing_is_named(run: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_servers.sys, "executable", str(home / "python"))
    with pytest.raises(InputError, match=r"pip install 'distilkg\[bench\]'"):
        bench_servers.rdflib_endpoint(bench_sparql._data(run, 57)[0])


# --- clients ---------------------------------------------------------------------------------------------------------


class Answers(BaseHTTPRequestHandler):
    """Answers in one piece or in chunks, or refuses, as the path says."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[tuple[int, str]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.client_address[1], self.path))
        if "wrong" in self.path:
            self.send_error(503)
            return
        body = b'{"a": "\\r\\n"}' * 1000
        self.send_response(200)
        if "chunks" in self.path:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (body, body, b""):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that goes away is no news."""


@pytest.fixture
def url() -> Iterator[str]:
    Answers.asked.clear()
    with Quiet(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("path", ["/whole", "/chunks"])
def test_clients_keep_their_connections_and_share_the_queries(url: str, path: str) -> None:
    took, seconds = drive(url + path, cycle([request(url + path, f"ASK {{ {i} }}") for i in range(7)]), 3, 0.3)
    assert len(took) == len(Answers.asked) > 3
    assert len({port for port, _ in Answers.asked}) == 3
    assert len({asked for _, asked in Answers.asked}) == min(7, len(took))
    assert max(took) <= seconds


def test_a_refused_query_is_an_error(url: str) -> None:
    with pytest.raises(StoreError, match="503"):
        drive(f"{url}/wrong", cycle([request(f"{url}/wrong", "ASK {}")]), 2, 0.2)


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(i) for i in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (51.0, 100.0, 7.0)
