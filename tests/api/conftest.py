"""A small run that was really built, and an app over it with fakes for stores, student and extractor."""

import json
import shutil
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.assemble import OpenRun
from api.limits import Limits
from api.server import create_app
from kg.errors import AnswerFormError, QueryTimeoutError, StoreError, UnknownNameError
from kg.graph import GraphBuilder
from kg.ontology import load_ontology
from kg.pipeline import Head, Parts, build
from kg.protocols import Document, Rows, SparqlRequest
from kg.records import Answer, Candidate, Claim, Completion, Generation, Prompt, Triple, Verdict
from kg.run import Run

HEAD = "PersonX bakes a cake"
ANSWERS = {
    (HEAD, "xWant"): "to eat it; to eat «it»\x1b[31m; bad; to share the cake",
    (HEAD, "NotxWant"): "to burn it; bad",
    ("PersonX pays & leaves", "xWant"): "to go home <script>alert(1)</script>; bad",
    ("PersonX baked the cake", "xWant"): "eat it",
    ("\u202ePersonX يخبز 🎂", "xNeed"): 'to buy "flour"\nand \\ sugar',
    (HEAD, "xReact"): "to share the cake",  # a State with the text of an Event
}


class Source:
    version = "1"

    def head_prompts(self) -> list[Prompt]:
        return []

    def heads(self, answers: Iterable[Answer]) -> Iterator[Head]:
        yield from map(Head, dict.fromkeys(head for head, _ in ANSWERS))

    def prompts(self, heads: Iterable[str]) -> Iterator[Prompt]:
        return (Prompt(head, relation, "t", f"{head}: {relation}?") for head, relation in ANSWERS)


class Teacher:
    name, version, batch_size = "echo", "1", None

    def generate(self, prompts: Sequence[Prompt]) -> Generator[Generation]:
        for p in prompts:
            yield Generation(p.id, self.name, ANSWERS[p.head, p.relation], -1.0, 3)


class Extractor:
    version = "1"

    def extract(self, answers: Iterable[Answer]) -> Iterator[Candidate]:
        for answer in answers:
            found, negated = load_ontology().resolve(answer.prompt.relation or "xWant")
            start = 0
            for part in answer.generation.text.split("; "):
                triple = Triple(answer.prompt.head or "PersonX", found.name, part, negated)
                yield Candidate(triple, answer.generation.id, "split", start, start + len(part))
                start += len(part) + 2


@dataclass(frozen=True)
class Critic:
    name: str
    version: str = "1"

    def judge(self, claims: Iterable[Claim]) -> Iterator[Verdict]:
        for claim in claims:
            bad = claim.candidate.triple.tail == "bad"
            reason = "bad word" if bad else "looks well\x07"
            yield Verdict(claim.candidate.id, self.name, "drop" if bad else "keep", None if bad else 0.5, reason)


@dataclass
class Paper:
    """A Document; one above 64 KiB is streamed, and may break off."""

    media_type: str
    body: bytes
    ends: bool = True
    closed: bool = False

    @property
    def length(self) -> int | None:
        return len(self.body) if len(self.body) <= 1 << 16 else None

    def chunks(self) -> Iterator[bytes]:
        yield self.body
        if not self.ends:
            raise QueryTimeoutError("stopped after 5 s")

    def close(self) -> None:
        self.closed = True


@dataclass
class Store:
    """A GraphStore, and a store of SPARQL, that answers by keyword and keeps what it was asked."""

    language: str = "cypher"
    asked: list[tuple[str, Any, float, int]] = field(default_factory=list)
    requests: list[tuple[SparqlRequest, int]] = field(default_factory=list)
    closed: int = 0
    broken: bool = False
    warmed: bool = False
    services: Sequence[str] = ()
    release: threading.Event = field(default_factory=threading.Event)

    def write(self, graph: Any, run_id: str) -> dict[str, int]:
        raise AssertionError("the server never writes")

    def unload(self, run_id: str) -> None:
        raise AssertionError("the server never writes")

    def counts(self) -> dict[str, int]:
        return {"nodes": 1, "edges": 1}

    def triples(self, head: Any = None, relation: Any = None, tail: Any = None, limit: int = 1000) -> Iterator[Any]:
        return iter(())

    def query(
        self, text: str, parameters: Mapping[str, Any] | None = None, timeout: float = 30.0, limit: int = 10_000
    ) -> Rows:
        self.asked.append((text, parameters, timeout, limit))
        if self.broken:
            raise StoreError("the server at bolt://x cannot be reached: start it")
        if "WRONG" in text:
            raise StoreError("Invalid input 'WRONG'")
        if "FOREVER" in text:
            raise QueryTimeoutError(f"stopped after {timeout:g} s")
        if "CRASH" in text:
            raise RuntimeError("secret /path/in/traceback")
        if "SLEEP" in text:
            self.release.wait(20)
        if "PAUSE" in text:
            time.sleep(1.0)
        if "void:triples" in text:
            return Rows(["graph", "triples"], [["run:small-1", 9], ["run:other", None]])
        if "NAN" in text:
            return Rows(["x"], [[float("nan")], [float("-inf")], ["\ud800"], [2**80]])
        return Rows(["x"], [[1], [{"labels": ["Event"], "properties": {"text": HEAD}}]], truncated=limit < 5)

    def stream(
        self, text: str, parameters: Any, timeout: float, limit: int, take: Any, again: Any = lambda: False
    ) -> None:
        if "PARTS" in text:
            for i in range(3):
                take(Rows(["x"], [[i], ["\n"]]))
            take(Rows(["x"], []))
        elif "BREAK" in text:
            take(Rows(["x"], [[1]]))
            if not again():
                raise StoreError("the server went away")
            take(Rows(["x"], [[2]]))
        elif "FULL" in text:
            for _ in range(10**6):
                take(Rows(["x"], [["y" * 1_000_000]]))
        else:
            take(self.query(text, parameters, timeout, limit))

    def document(self, request: SparqlRequest, timeout: float, limit: int, most: int) -> Document:
        self.requests.append((request, most))
        if "CONSTRUCT" in request.text:
            return Paper(request.forms[0], b"<s:s> <p:p> <o:o> .\n")
        if "FORM" in request.text:
            raise AnswerFormError("SPARQL: this answer can only be had as text/csv")
        rows = self.query(request.text, None, timeout, limit)
        if "LONG" in request.text:
            return Paper(request.forms[0], b"x" * 100_000, ends="HALF" not in request.text)
        bindings = [{"x": {"type": "literal", "value": str(r[0])}} for r in rows.rows]
        body = {"head": {"vars": rows.columns}, "results": {"bindings": bindings}}
        return Paper(request.forms[0], json.dumps(body).encode())

    def begin(self, request: SparqlRequest, timeout: float, limit: int, most: int) -> None:
        """This one always has to be waited for."""

    def warm(self) -> None:
        self.warmed = True
        if self.broken:
            raise StoreError("the store is broken")

    def close(self) -> None:
        self.closed += 1


@dataclass
class Student:
    name: str = "tiny"
    tails: Sequence[tuple[str, float]] = (("eats it", 0.9), ("to sell it", 0.6), ("to sell the it", 0.5), ("x", 0.1))
    unlearned: str = "oReact"
    relations: Sequence[str] = ("xWant", "NotxWant")

    def complete(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        if any(relation == self.unlearned for _, relation in queries):
            raise UnknownNameError("relation (of this student)", self.unlearned, ["xWant"])
        return [[Completion(Triple(h, r, t), s, self.name) for t, s in self.tails][:k] for h, r in queries]

    def score(self, triples: Sequence[Triple]) -> list[float]:
        return [-1.0 for _ in triples]

    def save(self, path: Path) -> None:
        raise AssertionError("the server never saves")


class NoNeighbours:
    """A NeighbourIndex that finds nothing, and needs no encoder."""

    def __init__(self, *_: Any) -> None:
        pass

    def complete(self, queries: Sequence[tuple[str, str]], k: int) -> list[list[Completion]]:
        return [[] for _ in queries]


@pytest.fixture(autouse=True)
def _no_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.sources.NeighbourIndex", NoNeighbours)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium, driven by Playwright; as long as it is there no test may run an event loop of its own."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="pages are tested with Playwright: pip install it")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("pages are tested in Chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=[
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--no-first-run",
        ])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of five answers, judged by two critics."""
    made = Run.create(tmp_path_factory.mktemp("runs") / "small", "small-1", {"name": "small", "teacher": "x"})
    build(made, Parts(load_ontology(), Source(), Teacher(), Extractor(), [Critic("form"), Critic("second")]))
    return made


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run without answers: two rows of a file."""
    made = Run.create(tmp_path_factory.mktemp("runs") / "imported", "import-1", {"name": "import", "files": ["a.tsv"]})
    builder = GraphBuilder(load_ontology())
    builder.add(Triple(HEAD, "xWant", "to eat it"), "", "import:tsv:a.tsv", 7, 7)
    builder.add(Triple(HEAD, "xWant", "eat it"), "", "import:tsv:a.tsv", 9, 9)
    counts = builder.write(made)
    made.finish("graph", "key", ["nodes.parquet", "edges.parquet", "provenance.parquet"], 1, 0.0, counts=counts)
    return made


@pytest.fixture
def opened(run: Run) -> OpenRun:
    return OpenRun(run, load_ontology(), Store(), Store("sparql"), Student(), Extractor())


@pytest.fixture
def client(opened: OpenRun) -> Iterator[TestClient]:
    with TestClient(create_app(opened, Limits(query_seconds=5)), raise_server_exceptions=False) as made:
        yield made
