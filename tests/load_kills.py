"""Kills a load, or the server that it loads into, with SIGKILL at random moments; loads again; compares everything.

    python -m tests.load_kills RUN --kills 20

Ends with 1 when the second load leaves other counts, or another hash of all that the store holds, than an unbroken one
into a new store. The RDF store has no server: there it is always the loader that is killed.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

import pyoxigraph as ox

from kg.graph import GraphFiles
from kg.ontology import load_ontology
from kg.protocols import GraphStore, Rows
from kg.run import Run
from loaders.bolt import BoltStore, connect
from loaders.embedded_child import LOCK
from loaders.rdf import RdfStore
from tests.servers import Neo4jServer, empty

ENGINES = ("rdf", "embedded", "neo4j")
LOADER = """
import sys
from pathlib import Path
from kg.graph import GraphFiles
from kg.run import Run
from loaders import rdf, rdf_statements
from tests.load_kills import open_store
rdf.PIECE, rdf_statements.BATCH = 500_000, 200  # many pieces of a small graph
run = Run.open(Path(sys.argv[1]))
store = open_store(sys.argv[2], Path(sys.argv[3]), sys.argv[4])
print("ready", flush=True)
store.write(GraphFiles(run), run.id)
store.close()
"""
_NODES = "MATCH (n) RETURN labels(n), properties(n)"
_EDGES = "MATCH (h)-[r]->(t) RETURN h.id, type(r), properties(r), t.id"


def open_store(engine: str, folder: Path, uri: str) -> GraphStore:
    """The store of an engine: in `folder`, or for Neo4j at `uri`."""
    if engine == "rdf":
        return RdfStore(folder, load_ontology(), workers=1)
    return connect(load_ontology(), folder, uri or None)


def fingerprint(store: GraphStore) -> tuple[dict[str, int], str]:
    """Counts, and a hash of every statement, or of every node and edge with all its properties."""
    total = 0
    for text in _contents(store):
        total += int.from_bytes(blake2b(text.encode(), digest_size=16).digest())
    return store.counts(), f"{total % 2**128:032x}"


def _contents(store: GraphStore) -> Iterator[str]:
    if isinstance(store, RdfStore):
        yield from map(str, ox.Store.read_only(str(store.path)))
        return
    assert isinstance(store, BoltStore)
    texts: list[str] = []

    def take(rows: Rows) -> None:
        texts.extend(json.dumps(row, sort_keys=True) for row in rows.rows)

    for query in (_NODES, _EDGES):
        store.stream(query, None, 600, 10**9, take)
    yield from texts


class Bench:
    """One engine, in new folders below `home`, and the graph that is loaded."""

    def __init__(self, engine: str, graph: GraphFiles, home: Path, neo4j: Neo4jServer | None = None) -> None:
        self.engine, self.graph, self.home, self.neo4j = engine, graph, home, neo4j
        self._made = 0

    def new(self) -> tuple[Path, str]:
        """(folder, address) of an empty store."""
        self._made += 1
        if self.neo4j is not None:
            empty(self.neo4j.address)
        return self.home / f"{self.engine}-{self._made}", self.neo4j.uri if self.neo4j else ""

    def load(self, folder: Path, uri: str) -> tuple[tuple[dict[str, int], str], float]:
        """Loads to the end; returns the fingerprint, and the seconds that the load took."""
        store = open_store(self.engine, folder, uri)
        try:
            started = time.monotonic()
            store.write(self.graph, self.graph.run_id)
            seconds = time.monotonic() - started
            return fingerprint(store), seconds
        finally:
            store.close()

    def kill(self, folder: Path, uri: str, victim: str, moment: float) -> bool:
        """Kills the victim `moment` seconds after a load has begun; False when the load was quicker."""
        command = [sys.executable, "-c", LOADER, str(self.graph.path), self.engine, str(folder), uri]
        root = Path(__file__).parents[1]
        loader = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert loader.stdout is not None
        loader.stdout.readline()
        time.sleep(moment)
        early = loader.poll() is None
        if victim == "loader":
            loader.kill()
        elif self.neo4j is not None:
            self.neo4j.kill()
            self.neo4j.start()
        else:
            os.kill(json.loads((folder / LOCK).read_text())["pid"], signal.SIGKILL)
        _, errors = loader.communicate(timeout=300)
        if victim == "server" and loader.returncode:
            raise SystemExit(f"the loader did not outlive its server: {errors.decode()[-2000:]}")
        return early


def check(bench: Bench, kills: int, dice: random.Random, say: Callable[[str], object] = print) -> int:
    """Kills at `kills` random moments; returns how many second loads left something else."""
    whole, seconds = bench.load(*bench.new())
    say(f"{bench.engine}: unbroken in {seconds:.1f} s: {whole}")
    wrong = 0
    for number in range(kills):
        victim = "loader" if bench.engine == "rdf" or number % 2 else "server"
        place, moment = bench.new(), dice.uniform(0, seconds)
        early = bench.kill(*place, victim, moment)
        found, _ = bench.load(*place)
        wrong += found != whole
        what = "same" if found == whole else f"OTHER: {found}"
        say(f"{bench.engine}: {victim} killed after {moment:.2f} s{'' if early else ' (too late)'}: {what}")
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load_kills", description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--kills", type=int, default=20, help="of each engine")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    graph, wrong = GraphFiles(Run.open(options.run)), 0
    for engine in options.engines:
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder, ExitStack() as stack:
            home, server = Path(folder), None
            if engine == "neo4j":
                server = Neo4jServer(home / "server")
                stack.callback(server.kill)
                server.start()
            dice = random.Random(f"{engine} {options.seed}")
            wrong += check(Bench(engine, graph, home, server), options.kills, dice, _say)
    print(f"{wrong} differ" if wrong else "every second load left the same")
    return int(wrong > 0)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
