"""A server under mixed load: `python -m tests.mixed_load RUN --minutes 20 --rate 50` starts one and asks it everything.

Queries in both languages, whose answers are compared with the run's files, long answers that are streamed, clients that
leave in the middle of one, completions, triples, extraction, health, and bad requests, which must be refused as such.
Requests are sent at the rate whether earlier ones are answered or not. Ends with 1 when an answer is wrong or fails,
or when the memory of the server and its processes has grown since it settled.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, quantiles
from typing import Any

import httpx
import psutil

from kg.graph import GraphFiles
from kg.ontology import load_ontology
from kg.run import Run
from loaders.vocabulary import NS

SETTLED = 180.0  # seconds after which memory may not grow
GROWTH = 0.05  # of the memory then, which the mean of the last fifth may be above it
ROWS = 20_000  # of a long answer
_EVERY = 5.0  # seconds between two looks at the memory
_SPARQL = f"PREFIX kg: <{NS}> PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "


@dataclass(slots=True)
class Load:
    """What one run of the load saw. `memory` has (seconds, MiB of the server and its processes)."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: list[tuple[float, float]] = field(default_factory=list)

    def growth(self, settled: float) -> float:
        """How much more memory the last fifth takes than the time after `settled` seconds, as a ratio."""
        after = [size for moment, size in self.memory if moment >= settled]
        part = max(len(after) // 5, 1)
        return mean(after[-part:]) / mean(after[:part]) - 1 if after else 0.0


class Client:
    """Asks one server about the graph of one run; each method is a kind of request, and raises when it goes wrong."""

    def __init__(self, url: str, graph: GraphFiles, http: httpx.AsyncClient, seed: int = 1) -> None:
        self._url = url
        self._http = http
        self._random = random.Random(seed)
        edges = [edge for edge in graph.edges() if not edge["negated"]]
        self._relation = Counter(edge["relation"] for edge in edges).most_common(1)[0][0]
        texts = {node["id"]: node["text"] for node in graph.nodes()}
        self._tails: dict[str, list[str]] = defaultdict(list)
        for edge in edges:
            if edge["relation"] == self._relation:
                self._tails[texts[edge["head"]]].append(texts[edge["tail"]])
        self._heads = sorted(self._tails)
        self._type = load_ontology()[self._relation].cypher_type

    async def sparql(self) -> None:
        head = self._head()
        query = _SPARQL + f"""SELECT ?tail {{ ?h skos:prefLabel {json.dumps(head)} ; kg:{self._relation} ?t .
            ?t skos:prefLabel ?tail }}"""
        body = (await self._get("/sparql", query=query)).json()
        self._same(head, [row["tail"]["value"] for row in body["results"]["bindings"]])

    async def sparql_hops(self) -> None:
        query = _SPARQL + f"""SELECT ?other (COUNT(*) AS ?n) {{ ?h skos:prefLabel {json.dumps(self._head())} ;
            kg:{self._relation} ?t . ?o kg:{self._relation} ?t ; skos:prefLabel ?other }}
            GROUP BY ?other ORDER BY DESC(?n) LIMIT 10"""
        response = await self._send("POST", "/sparql", data={"query": query}, headers={"Accept": "text/csv"})
        assert response.text.startswith("other,n\r\n"), response.text[:100]

    async def sparql_stream(self) -> None:
        query = f"SELECT ?s ?p ?o {{ ?s ?p ?o }} LIMIT {ROWS}"
        response = await self._get("/sparql", query=query, headers={"Accept": "text/tab-separated-values"})
        assert response.text.count("\n") > 1000, response.text[-200:]

    async def sparql_left(self) -> None:
        """A client that goes away in the middle of an answer."""
        query = "SELECT ?s ?p ?o ?q ?v { ?s ?p ?o . ?o ?q ?v } LIMIT 500000"
        async with self._http.stream("GET", self._url + "/sparql", params={"query": query}) as response:
            assert response.status_code == 200
            await anext(response.aiter_bytes())

    async def cypher(self) -> None:
        head = self._head()
        query = f"MATCH ({{text: $head}})-[r:{self._type}]->(t) WHERE NOT r.negated RETURN t.text"
        response = await self._send("POST", "/cypher", json={"query": query, "parameters": {"head": head}})
        self._same(head, [row[0] for row in response.json()["rows"]])

    async def cypher_stream(self) -> None:
        query = f"MATCH (h)-[r]->(t) RETURN h, r, t LIMIT {ROWS // 10}"
        headers = {"Accept": "application/x-ndjson"}
        response = await self._send("POST", "/cypher", json={"query": query}, headers=headers)
        last = json.loads(response.text.splitlines()[-1])
        assert last.get("rows", 0) > 100, last

    async def triples(self) -> None:
        head = self._head()
        listed = (await self._get("/v1/triples", head=head, relation=self._relation, limit=5)).json()["triples"]
        assert listed, head
        assert {row["relation"] for row in listed} == {self._relation}

    async def explain(self) -> None:
        listed = await self._get("/v1/triples", limit=1, offset=self._random.randrange(500))
        for row in listed.json()["triples"]:
            await self._get(f"/v1/triples/{row['id']}/explain")

    async def complete(self) -> None:
        head = self._head()
        body = {"head": head, "relation": self._relation, "k": 5}
        found = (await self._send("POST", "/v1/complete", json=body)).json()["completions"]
        assert any(row["known"] for row in found), found

    async def extract(self) -> None:
        body = {"text": "1. to eat it\n2. to share it with friends", "head": self._head(), "relation": self._relation}
        found = (await self._send("POST", "/v1/extract", json=body)).json()["triples"]
        assert len(found) == 2, found

    async def health(self) -> None:
        assert (await self._get("/health")).json()["status"] == "ok"

    async def page(self) -> None:
        for path in ("/", "/metrics", "/v1/relations", "/openapi.json", "/.well-known/void"):
            await self._get(path)

    async def bad(self) -> None:
        """One of the requests that are to be refused, each with its status."""
        method, path, status, more = self._random.choice(BAD)
        response = await self._http.request(method, self._url + path, **more)
        assert response.status_code == status, (path, more, response.status_code, response.text[:200])
        assert response.headers["content-type"] == "application/problem+json"

    def _head(self) -> str:
        return self._random.choice(self._heads)

    def _same(self, head: str, tails: list[str]) -> None:
        assert sorted(tails) == sorted(self._tails[head]), (head, tails, self._tails[head])

    async def _get(self, path: str, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        return await self._send("GET", path, params=fields, headers=headers)

    async def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        response = await self._http.request(method, self._url + path, **more)
        assert response.status_code == 200, (path, response.status_code, response.text[:200])
        return response


BAD: list[tuple[str, str, int, dict[str, Any]]] = [
    ("POST", "/cypher", 400, {"json": {"query": "MATCH (n RETURN n"}}),
    ("POST", "/cypher", 400, {"json": {"query": "CREATE (n) RETURN n"}}),
    ("POST", "/cypher", 400, {"content": b"{", "headers": {"Content-Type": "application/json"}}),
    ("POST", "/cypher", 422, {"json": {"query": "RETURN 1", "other": 1}}),
    ("GET", "/sparql", 400, {"params": {"query": "SELECT WHERE"}}),
    ("POST", "/sparql", 400, {"data": {"update": "CLEAR ALL"}}),
    ("POST", "/sparql", 415, {"content": b"CLEAR ALL", "headers": {"Content-Type": "application/sparql-update"}}),
    ("GET", "/sparql", 406, {"params": {"query": "ASK {}"}, "headers": {"Accept": "image/png"}}),
    ("GET", "/v1/triples", 422, {"params": {"relation": "xWnat"}}),
    ("GET", "/v1/triples", 422, {"params": {"limit": "many"}}),
    ("POST", "/v1/complete", 422, {"json": {"head": " ", "relation": "xWant"}}),
    ("GET", "/no/such/path", 404, {}),
    ("DELETE", "/v1/triples", 405, {}),
]
# how many of a hundred requests are of each kind
MIX = {
    "sparql": 25, "sparql_hops": 6, "sparql_stream": 2, "sparql_left": 1, "cypher": 20, "cypher_stream": 2,
    "triples": 12, "explain": 4, "complete": 6, "extract": 6, "health": 8, "page": 1, "bad": 7,
}


async def drive(url: str, graph: GraphFiles, pid: int, seconds: float, rate: float, seed: int = 1) -> Load:
    """Sends `rate` requests a second for so many seconds to the server at `url`, whose process is `pid`."""
    load, started, kinds = Load(), time.monotonic(), random.Random(seed)
    names, weights = list(MIX), list(MIX.values())
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
    async with httpx.AsyncClient(timeout=60, limits=limits) as http, asyncio.TaskGroup() as group:
        client = Client(url, graph, http, seed)
        group.create_task(_watch(load, pid, started, seconds))
        for number in range(int(seconds * rate)):
            await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
            kind = names[number] if number < len(names) else kinds.choices(names, weights)[0]  # each at least once
            group.create_task(_time(load, kind, getattr(client, kind)))
    return load


async def _time(load: Load, kind: str, ask: Callable[[], Awaitable[None]]) -> None:
    started = time.monotonic()
    try:
        await ask()
    except (httpx.HTTPError, AssertionError, ValueError, KeyError) as error:
        load.errors.append(f"{kind}: {type(error).__name__} {str(error)[:400]}")
    load.counts[kind] += 1
    load.seconds[kind].append(time.monotonic() - started)


async def _watch(load: Load, pid: int, started: float, seconds: float) -> None:
    while (now := time.monotonic() - started) < seconds:
        load.memory.append((now, await asyncio.to_thread(tree_memory, pid)))
        await asyncio.sleep(_EVERY)


def tree_memory(pid: int) -> float:
    """MiB of a process and all below it, shared pages counted once (where the system tells)."""
    total, parent = 0, psutil.Process(pid)
    for process in [parent, *parent.children(recursive=True)]:
        try:
            total += getattr(process.memory_full_info(), "pss", 0) or process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / (1 << 20)


@contextmanager
def serving(run: Path, *more: str) -> Iterator[tuple[str, int]]:
    """(address, process id) of a `kg serve` of its own."""
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve", str(run), "--port", "0", "--json"]
    with subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())["url"].rstrip("/"), server.pid
        finally:
            server.terminate()
            server.wait(60)


def report(load: Load, minutes: float, settled: float) -> str:
    """The figures, for people."""
    lines = [f"{'kind':14} {'count':>7} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'max ms':>8}"]
    for kind, times in sorted(load.seconds.items()):
        cuts = quantiles(times, n=100) if len(times) > 1 else times * 99
        figures = (cuts[49], cuts[94], cuts[98], max(times))
        lines.append(f"{kind:14} {len(times):7,} " + " ".join(f"{1000 * s:8.0f}" for s in figures))
    by_minute: dict[int, list[float]] = defaultdict(list)
    for moment, size in load.memory:
        by_minute[int(moment // 60)].append(size)
    lines.append("memory (MiB) by minute: " + " ".join(f"{mean(sizes):.0f}" for sizes in by_minute.values()))
    total = load.counts.total()
    lines.append(f"{total:,} requests in {minutes:g} minutes, {len(load.errors):,} errors, memory after "
                 f"{settled:.0f} s: {100 * load.growth(settled):+.1f}%")
    return "\n".join([*lines, *load.errors[:20]])


def main(arguments: Sequence[str] | None = None) -> int:
    """Loads a server of the run, which must be in its stores, and prints what came of it; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.mixed_load", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--student", type=Path)
    options = parser.parse_args(arguments)
    more = ["--student", str(options.student)] if options.student else []
    with serving(options.run, *more) as (url, pid):
        graph = GraphFiles(Run.open(options.run))
        load = asyncio.run(drive(url, graph, pid, 60 * options.minutes, options.rate))
    print(report(load, options.minutes, SETTLED))
    return 1 if load.errors or load.growth(SETTLED) > GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
