"""How many SPARQL queries a second `kg serve` answers, against other servers with the same data, in one run.

The data are copies of a run's triples: each as one RDF triple, with label and class of each node, and with the number
of the copy in every text. Scores and sources are left out, for a peer holds everything in memory. The same clients ask
all servers the same queries, of which no two within thousands are equal; the servers take turns, several times, and
of each the median counts. Clients and servers share the machine.
"""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count, cycle, islice
from pathlib import Path
from statistics import median
from tempfile import gettempdir
from threading import Event, Thread
from time import perf_counter
from typing import Any

import psutil
from pyoxigraph import Literal

from api.bench_client import chunks, drive, percentile, request, rows
from api.bench_servers import SERVERS, Data, Served, started
from api.output import say
from kg.errors import InputError, StoreError
from kg.graph import GraphFiles, node_id
from kg.records import digest
from kg.run import Run
from loaders.bench_load import made_graph
from loaders.vocabulary import NS, PREFIXES

LAYOUT = "1"  # of the data; changes when the same run would give others
CHECKED = 20  # queries of a kind that all servers must answer alike before they are measured
DISTINCT = 10_000  # queries of a kind
WARM_UP = 1.0  # seconds, which are not counted
WORDS = 100  # the most frequent ones are searched: the limit is reached before all texts are
OURS = "distilkg"
_PREFIXES = f"PREFIX kg: <{NS}> PREFIX skos: <{PREFIXES['skos']}> "
_ALL = "SELECT ?s ?p ?o WHERE { ?s ?p ?o } LIMIT 1000000"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of query: a text with a place for a `{word}`; `whole` tells that all rows are asked for, not any few."""

    name: str
    text: str
    whole: bool = True


OF_EVENTS = [
    Kind("point", 'SELECT ?want WHERE {{ ?h skos:prefLabel {word} ; kg:xWant ?t . ?t skos:prefLabel ?want }}'),
    Kind("2-hop", "SELECT DISTINCT ?other WHERE {{ ?h skos:prefLabel {word} ; kg:xWant ?t . "
                  "?o kg:xWant ?t ; skos:prefLabel ?other }}"),
    Kind("optional", "SELECT ?want ?need WHERE {{ ?h skos:prefLabel {word} ; kg:xWant ?t . ?t skos:prefLabel ?want "
                     "OPTIONAL {{ ?h kg:xNeed ?n . ?n skos:prefLabel ?need }} }}"),
    Kind("path", "SELECT DISTINCT ?text WHERE {{ ?h skos:prefLabel {word} ; (kg:xWant|kg:xNeed|kg:xEffect)+ ?t . "
                 "?t skos:prefLabel ?text }}"),
]
COUNT = Kind("count", "SELECT (COUNT(*) AS ?n) WHERE {{ ?h kg:{word} ?t }}")
REGEX = Kind(
    "regex", "SELECT ?node ?text WHERE {{ ?node skos:prefLabel ?text FILTER(REGEX(?text, {word}, 'i')) }} LIMIT 20",
    whole=False,
)


def bench_sparql(
    run: Path | None = None, triples: int = 1_000_000, clients: int = 8, seconds: float = 3.0, rounds: int = 3
) -> dict[str, Any]:
    """Measures all servers that are there, and returns for each kind of query its figures.

    The triples are copies of those of `run`, or else of a graph of our own. "stream" has the figures of an answer with
    a million rows: `more_mb` is by how much the memory of the server and its processes grew meanwhile, when it was the
    first query and when it was the last. "left_out" says which servers are missing, and why. Raises InputError,
    RunError; StoreError when the servers do not agree.
    """
    data, kinds = _data(run, triples)
    left_out: list[str] = []
    with ExitStack() as stack:
        servers: dict[str, Served] = {}
        for name in SERVERS:
            try:
                servers[name] = stack.enter_context(started(name, data))
            except InputError as error:
                left_out.append(f"{name}: {error}")
        for name, server in servers.items():
            say(f"waiting for {name}")
            server.wait()
        figures: dict[str, Any] = {"triples": triples, "clients": clients, "rounds": rounds, "left_out": left_out}
        figures["stream, fresh"] = _stream(servers[OURS])
        for kind, texts in kinds:
            _check(kind, texts, servers)
        for kind, texts in kinds:
            say(f"measuring {kind.name}")
            figures[kind.name] = _measured(texts, servers, clients, seconds, rounds)
        figures["stream, warm"] = _stream(servers[OURS])
    return figures


def _measured(
    texts: list[str], servers: dict[str, Served], clients: int, seconds: float, rounds: int
) -> dict[str, float]:
    """Requests a second (the median of the rounds) and latencies (of all) of each server, for one kind of query."""
    rates: dict[str, list[float]] = {name: [] for name in servers}
    latencies: dict[str, list[float]] = {name: [] for name in servers}
    requests = {name: cycle([request(server.url, text) for text in texts]) for name, server in servers.items()}
    for name, server in servers.items():  # all processes of a server are started, and have read what they keep
        drive(server.url, requests[name], clients, WARM_UP)
    for turn in range(rounds):
        order = list(servers)
        for name in order[turn % len(order) :] + order[: turn % len(order)]:
            took, all_of_it = drive(servers[name].url, requests[name], clients, seconds)
            rates[name].append(len(took) / all_of_it)
            latencies[name] += took
    figures: dict[str, float] = {}
    for name in servers:
        rate = median(rates[name])
        figures[f"{name} /s"] = rate
        figures[f"{name} p50 ms"], figures[f"{name} p99 ms"] = (
            1000 * percentile(latencies[name], share) for share in (0.5, 0.99)
        )
        if name != OURS:
            figures[f"times {name}"] = median(rates[OURS]) / rate
    return figures


def _check(kind: Kind, texts: list[str], servers: dict[str, Served]) -> None:
    """Raises StoreError when the servers do not give the same answers."""
    for text in islice(texts, CHECKED if kind in OF_EVENTS else 3):
        answers = {name: rows(server.url, text) for name, server in servers.items()}
        seen = {name: sorted(sorted(row.items()) for row in found) if kind.whole else len(found)
                for name, found in answers.items()}
        if any(found != seen[OURS] for found in seen.values()):
            raise StoreError(f"the servers do not agree on {text}: {answers}")


def _stream(server: Served) -> dict[str, float]:
    """Reads an answer of a million rows, and watches the server's memory."""
    process, done = psutil.Process(server.process.pid), Event()
    idle = most = _memory(process)

    def watch() -> None:
        nonlocal most
        while not done.wait(0.02):
            most = max(most, _memory(process))

    watcher, begun, size, lines = Thread(target=watch), perf_counter(), 0, 1
    watcher.start()
    try:
        for part in chunks(server.url, _ALL):
            size += len(part)
            lines += part.count(b"\n")
    finally:
        done.set()
        watcher.join()
    return {"rows": lines, "mb": size / 1e6, "seconds": perf_counter() - begun, "more_mb": (most - idle) / 1e6}


def _memory(process: psutil.Process) -> int:
    """Resident bytes of a process and its children."""
    used = 0
    for one in (process, *process.children(recursive=True)):
        try:
            used += one.memory_info().rss
        except psutil.Error:
            continue  # it has just ended
    return used


def _data(run: Path | None, triples: int) -> tuple[Data, list[tuple[Kind, list[str]]]]:
    """The data, made once and kept in the folder for temporary files, and the queries."""
    home = Path(gettempdir()) / "distilkg-bench"
    if run is None:
        run = home / "made"
        if not run.exists():
            made_graph(run)
    graph = GraphFiles(Run.open(run))
    edges = [edge for edge in graph.edges() if not edge["negated"]]
    if not edges:
        raise InputError(f"{run} has no triples")
    folder = home / digest(LAYOUT, Run.open(run).digest("graph"), str(triples))
    file = folder / "data.nt"
    if not file.exists():
        say(f"making {triples:,} triples of {len(edges):,}")
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        with part.open("w", encoding="utf-8") as stream:
            stream.writelines(_copies(list(graph.nodes()), edges, triples))
        part.rename(file)
    return Data(file, folder, run), _kinds(edges, max(1, triples // len(edges)))


def _copies(nodes: list[dict[str, Any]], edges: list[dict[str, Any]], triples: int) -> Iterator[str]:
    """N-Triples of as many copies of the graph as make so many edges."""
    left = triples
    for number in count():
        ids = {}
        for node in nodes:
            text = _text(node["text"], number)
            ids[node["id"]] = iri = f"<{PREFIXES['node']}{node_id(text, node['kind'])}>"
            yield f"{iri} <{PREFIXES['rdf']}type> <{NS}{node['kind']}> .\n"
            yield f"{iri} <{PREFIXES['skos']}prefLabel> {Literal(text)} .\n"
        for edge in islice(edges, left):
            yield f"{ids[edge['head']]} <{NS}{edge['relation']}> {ids[edge['tail']]} .\n"
        left -= len(edges)
        if left <= 0:
            return


def _kinds(edges: list[dict[str, Any]], copies: int) -> list[tuple[Kind, list[str]]]:
    """The kinds with their queries, always the same for the same graph."""
    chance = random.Random(0)
    events = sorted({edge["head_text"] for edge in edges if edge["relation"] == "xWant"})
    if not events:
        raise InputError("the run has no triples of the relation xWant, of which the queries ask")
    asked = chance.sample(events, len(events))
    events = [_text(event, chance.randrange(copies)) for event in islice(cycle(asked), DISTINCT)]
    texts = {edge[f"{side}_text"] for edge in edges for side in ("head", "tail")}
    often = Counter(word for text in texts for word in set(text.split()) if len(word) > 3 and word.isalpha())
    words = sorted(word for word, _ in often.most_common(WORDS))
    relations = sorted({edge["relation"] for edge in edges})
    made = [(kind, [str(Literal(event)) for event in events]) for kind in OF_EVENTS]
    made += [(COUNT, relations), (REGEX, [str(Literal(word)) for word in chance.sample(words, len(words))])]
    return [(kind, [_PREFIXES + kind.text.format(word=word) for word in found]) for kind, found in made]


def _text(text: str, number: int) -> str:
    """The text of a node in a copy; the first is as it was."""
    return f"{text} ({number})" if number else text
