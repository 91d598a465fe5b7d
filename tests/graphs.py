"""Small graphs for tests, written as runs."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from kg.graph import FILES, GraphBuilder, GraphFiles
from kg.ontology import load_ontology
from kg.records import MODALITIES, Triple
from kg.run import Run, sha256, write_atomically
from kg.schemas import FILES as SCHEMAS

CAKE = "PersonX bakes a cake"
ROWS: list[tuple[Triple, float | None]] = [
    (Triple(CAKE, "xWant", "to eat it"), 0.9),
    (Triple(CAKE, "xWant", "to share it"), None),
    (Triple(CAKE, "xWant", "to burn it", negated=True), 0.25),
    (Triple("PersonX sings", "xReact", "happy"), None),
    (Triple(CAKE, "xReact", "happy"), 0.5),
    (Triple(CAKE, "oReact", "none"), None),
    (Triple("oven", "AtLocation", "kitchen"), None),
]
LATER = ("modality", "modalities", "entity", "head_entity", "tail_entity")  # columns that came later
NASTY = [
    'say "hi"', "it's", "back\\slash", "ends in \\", "#",
    "two\nlines\r\n", "tab\t", "😀👩‍👩‍👧", "שלום עולם", "\u202eabc", "é e\u0301",
    "a" * 10_000, "\x01\x1f\x7f", "\u0000x", "\ufffe\U0010ffff", "' OR 1=1 //", "`}) DETACH DELETE n //", "$rows",
    "{{}}", "MATCH (n) DETACH DELETE n", "}} DELETE WHERE { ?s ?p ?o }", '" . } INSERT DATA { <a:a> <b:b> "', "# x",
    "\\u0022",
]


def write_graph(path: Path, rows: list[tuple[Triple, float | None]], run_id: str = "demo-1") -> GraphFiles:
    """A run at `path` with the graph of these triples and scores.

    Each third source is hedged; of things, every second head is of one kind of named entity and each tail of another.
    """
    builder = GraphBuilder(load_ontology())
    for i, (triple, score) in enumerate(rows):
        hedge = MODALITIES[i % len(MODALITIES)] if i % 3 == 1 else None
        builder.add(triple, f"g{i}", "rule", i, i + 1, score, hedge, "" if i % 2 else "PRODUCT", "FAC")
    run = Run.create(path, run_id, {})
    counts = builder.write(run)
    run.finish("graph", run_id, FILES, counts["edges"], 0.0, counts=counts)
    return GraphFiles(run)


def aged(run: Run) -> Run:
    """The run as an earlier version wrote it: without the columns that may be missing."""
    for name in (name for name in SCHEMAS if (run.path / name).exists()):
        table = pq.read_table(run.path / name)
        pq.write_table(table.drop_columns([c for c in LATER if c in table.column_names]), run.path / name)
    for stage in run.manifest["stages"].values():
        stage["sha256"] = {name: sha256(run.path / name) for name in stage["sha256"]}
    write_atomically(run.path / "manifest.json", json.dumps(run.manifest))
    return Run.open(run.path)


def many(count: int) -> list[tuple[Triple, float | None]]:
    """`count` triples about as many heads, whose tails meet in a few nodes."""
    return [
        (Triple(f"PersonX sees bird {i}", ("xWant", "xReact", "xAttr")[i % 3], f"word{i % 101}"), None)
        for i in range(count)
    ]


def contents(graph: GraphFiles) -> set[tuple[Triple, float | None]]:
    """The triples of a graph with their scores: what a store that holds it must answer."""
    text = {n["id"]: n["text"] for n in graph.nodes()}
    return {(Triple(text[e["head"]], e["relation"], text[e["tail"]], e["negated"]), e["score"]) for e in graph.edges()}
