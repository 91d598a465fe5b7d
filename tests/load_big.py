"""Whether a graph of ten million triples, made of copies of real ones, loads into RDF within 4 GB of memory.

    kg import train.tsv dev.tsv --format atomic2019 --out R
    python -m tests.load_big R --triples 10000000 --folder DIR

Prints seconds and peak memory of the loading process and all its children together; ends with 1 when they needed more
than `--limit` MB or the store does not have what the files have. Needs about 3 kB of disk a triple, in DIR.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from kg.graph import FILES, GraphFiles, node_id
from kg.records import Triple
from kg.run import Run, write_parquet
from kg.schemas import EDGES, NODES, PROVENANCE

LOAD = "from api.cli import main; main()"


def enlarge(graph: GraphFiles, triples: int, out: Path) -> GraphFiles:
    """A run at `out` with `triples` edges at most: whole copies of `graph`, each with its number in every text."""
    counts = graph.counts()
    copies = range(max(1, triples // counts["edges"]))
    run = Run.create(out, f"copies-{len(copies)}", {"name": "copies", "ontology": "atomic2020"})
    ids: dict[str, str] = {}  # of the nodes of the copy that is being written

    def text(of: str, number: int) -> str:
        return f"{of} {number}" if number else of

    def nodes(number: int) -> Iterator[dict[str, Any]]:
        for n in graph.nodes():
            label = text(n["text"], number)
            yield n | {"id": node_id(label, n["kind"]), "text": label}

    def edges(number: int) -> Iterator[dict[str, Any]]:
        ids.update((n["id"], node_id(text(n["text"], number), n["kind"])) for n in graph.nodes())
        for e in graph.edges():
            head, tail = ids[e["head"]], ids[e["tail"]]
            texts = {f"{side}_text": text(e[f"{side}_text"], number) for side in ("head", "tail")}
            yield e | texts | {"id": edge_id(e), "head": head, "tail": tail}

    def edge_id(e: dict[str, Any]) -> str:
        return Triple(ids[e["head"]], e["relation"], ids[e["tail"]], e["negated"]).id

    def sources(number: int) -> Iterator[dict[str, Any]]:
        ids.update((n["id"], node_id(text(n["text"], number), n["kind"])) for n in graph.nodes())
        new = {e["id"]: edge_id(e) for e in graph.edges()}
        for p in graph.provenance():
            yield p | {"triple_id": new[p["triple_id"]], "run_id": run.id}

    tables = zip(FILES, (NODES, EDGES, PROVENANCE), (nodes, edges, sources), strict=True)
    rows = {
        name: write_parquet(run.part(name), schema, (row for number in copies for row in make(number)))
        for name, schema, make in tables
    }
    run.finish("graph", run.id, FILES, rows[FILES[1]], 0.0, counts={"edges": rows[FILES[1]]})
    return GraphFiles(run)


def peak(process: psutil.Popen) -> int:
    """The most memory (bytes, resident) that the process and its children had together until it ended."""
    most = 0
    while process.poll() is None:
        used = 0
        for one in (process, *_children(process)):
            try:
                used += one.memory_info().rss
            except psutil.Error:
                continue  # it has just ended
        most = max(most, used)
        time.sleep(0.05)
    return most


def _children(process: psutil.Popen) -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = process.children(recursive=True)
        return found
    except psutil.Error:
        return []


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load_big", description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--triples", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="where the disk is large enough")
    parser.add_argument("--limit", type=int, default=4096, help="MB")
    options = parser.parse_args(arguments)
    with TemporaryDirectory(dir=options.folder) as folder:
        big = enlarge(GraphFiles(Run.open(options.run)), options.triples, Path(folder) / "run")
        counts = big.counts()
        print(f"made {counts}", flush=True)
        started = time.monotonic()
        out = Path(folder) / "out.json"
        with out.open("wb") as stream:
            command = [sys.executable, "-c", LOAD, "load", str(big.path), "--only", "rdf", "--json"]
            process = psutil.Popen(command, stdout=stream)
            most = peak(process) / 2**20
        seconds = time.monotonic() - started
        loaded = json.loads(out.read_text())["rdf"] if process.returncode == 0 else None
    print(f"{counts['edges']:,} triples in {seconds:,.0f} s, {counts['edges'] / seconds:,.0f}/s, peak {most:,.0f} MB")
    if loaded != {name: counts[name] for name in ("nodes", "edges")}:
        print(f"the store has {loaded}")
        return 1
    return int(most > options.limit)


if __name__ == "__main__":
    sys.exit(main())
