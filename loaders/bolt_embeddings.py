"""Embeddings of node texts in Neo4j, and the vector indexes that find nodes by them."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from kg.errors import StoreError
from kg.graph import GraphFiles
from kg.metrics import Array
from kg.ontology import KINDS, Kind
from kg.run import Progress
from loaders import cypher_text
from loaders.bolt_link import PATIENCE, Link

BATCH = 1_000  # nodes a transaction: some 3 MB of numbers


class Encoder(Protocol):
    """Makes vectors of texts."""

    name: str
    dimensions: int

    def __call__(self, texts: Sequence[str]) -> Array:
        """(texts, dimensions)"""
        ...


def embed_nodes(link: Link, graph: GraphFiles, encoder: Encoder, progress: Progress) -> int:
    """Gives the nodes of `graph` the properties `embedding` and `encoder`, and makes an index for each kind.

    Nodes that have an embedding by this encoder are left as they are. Returns how many vectors were made; broken off,
    it is finished by the next call. Raises StoreError; on the embedded engine always, for it has no vector indexes.
    """
    if link.server.ours:
        raise StoreError(f"{link.server.name} makes no vector indexes: load into a Neo4j (--bolt or KG_BOLT_URI)")
    _make_indexes(link, encoder.dimensions)
    made, done, total = 0, 0, graph.counts()["nodes"]
    for kind, rows in _nodes(graph):
        parameters = {"rows": rows, "encoder": encoder.name}
        found = link.records(cypher_text.without_embedding(kind), parameters, PATIENCE)
        by_length = sorted((row.data() for row in found), key=lambda node: len(node["text"]))
        vectors = encoder([node["text"] for node in by_length]).tolist()
        given = [{"id": node["id"], "vector": vector} for node, vector in zip(by_length, vectors, strict=True)]
        if given:
            link.commit(cypher_text.set_embedding(kind), rows=given, encoder=encoder.name)
        made, done = made + len(given), done + len(rows)
        progress("embeddings", done, total)
    return made


def _nodes(graph: GraphFiles) -> Iterator[tuple[Kind, list[dict[str, Any]]]]:
    """(kind, at most `BATCH` rows of {id})"""
    for batch in graph.batches("nodes"):
        rows = batch.select(["id", "kind"]).to_pylist()
        for kind in KINDS:
            ids = [{"id": row["id"]} for row in rows if row["kind"] == kind]
            for start in range(0, len(ids), BATCH):
                yield kind, ids[start : start + BATCH]


def _make_indexes(link: Link, dimensions: int) -> None:
    """Makes the index of each kind; one of ours that is for longer or shorter vectors is made anew."""
    shown = link.records(
        "SHOW VECTOR INDEXES YIELD name, options RETURN name, options.indexConfig['vector.dimensions'] AS dimensions",
        {}, PATIENCE,
    )
    there = {row["name"]: row["dimensions"] for row in shown}
    for kind in KINDS:
        name, text = cypher_text.vector_index(kind)
        if there.get(name, dimensions) != dimensions:
            link.commit(f"DROP INDEX {name} IF EXISTS")
        link.commit(text, dimensions=dimensions)
