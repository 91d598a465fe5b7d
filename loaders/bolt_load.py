"""Loads the graph of a run over Bolt, and withdraws a run: ordered batches, each there whole or not at all."""

from typing import Any, Literal

from kg.errors import StoreError
from kg.graph import GraphFiles
from kg.ontology import KINDS, Ontology
from kg.run import Progress
from loaders import cypher_text
from loaders.bolt_embeddings import Encoder, embed_nodes
from loaders.bolt_link import PATIENCE, Link
from loaders.bolt_values import ahead, batches, chunks

_EDGE_COLUMNS = ["id", "head", "relation", "tail", "negated", "score", "level", "sources", "modalities"]


class Loader:
    """Writes and withdraws what one run says. Every step may be broken off, and done again."""

    def __init__(self, link: Link, ontology: Ontology, run_id: str, progress: Progress) -> None:
        self._link, self._ontology, self._run_id, self._progress = link, ontology, run_id, progress

    def load(self, graph: GraphFiles, encoder: Encoder | None) -> dict[str, int]:
        """Writes nodes, then edges by type, then withdraws what an earlier build of the run had and this one lacks."""
        for text in cypher_text.constraints():
            self._link.commit(text)
        counts = graph.counts()
        nodes = self._write_nodes(graph, counts["nodes"])
        edges = self._write_edges(graph, counts["edges"])
        self._withdraw_edges(graph)
        self._withdraw_nodes(graph)
        if not self._link.server.ours:  # the embedded engine makes no full-text index by Cypher
            for text in cypher_text.text_indexes():
                self._link.commit(text)
        written = {"nodes": nodes, "edges": edges}
        if encoder is not None:
            written["embeddings"] = embed_nodes(self._link, graph, encoder, self._progress)
        return written

    def unload(self) -> None:
        """Withdraws all that the run says: edges, then nodes."""
        self._withdraw_edges(None)
        self._withdraw_nodes(None)

    def _write_nodes(self, graph: GraphFiles, total: int) -> int:
        done = 0
        for kind, rows in ahead(batches(graph.rows("nodes"), "kind", "text")):
            if self._link.create(cypher_text.create_nodes(kind), rows=rows, run_id=self._run_id) < len(rows):
                self._link.commit(cypher_text.merge_nodes(kind), rows=rows, run_id=self._run_id)
            done += len(rows)
            self._progress("nodes", done, total)
        return done

    def _write_edges(self, graph: GraphFiles, total: int) -> int:
        done = 0
        for name, rows in ahead(batches(graph.rows("edges", _EDGE_COLUMNS), "relation")):
            relation = self._ontology[name]
            if self._link.create(cypher_text.create_edges(relation), rows=rows, run_id=self._run_id) < len(rows):
                [count] = self._link.commit(cypher_text.merge_edges(relation), rows=rows, run_id=self._run_id)
                if count != len(rows):
                    raise StoreError(f"{self._link.server.name} lacks nodes of some {name} edges: load the run again")
            done += len(rows)
            self._progress("edges", done, total)
        return done

    def _withdraw_edges(self, graph: GraphFiles | None) -> None:
        """Withdraws the run's edges that `graph` lacks; without a graph, all of them."""
        if graph and self._are_all(graph, "edges"):
            return
        relations = self._ontology.asserted
        counted = sum(self._count(cypher_text.edges_of_run(relation, "count(*)")) for relation in relations)
        if counted > (graph.counts()["edges"] if graph else 0):
            kept = _ids(graph, "edges") if graph else set()
            for relation in relations:
                found = self._stale(cypher_text.edges_of_run(relation, "r.id AS id, h.id AS head"), kept)
                self._withdraw(cypher_text.withdraw_edges(relation), found)

    def _withdraw_nodes(self, graph: GraphFiles | None) -> None:
        """Withdraws the run's nodes that `graph` lacks; without a graph, all of them."""
        if graph and self._are_all(graph, "nodes"):
            return
        counted = sum(self._count(cypher_text.nodes_of_run(kind, "count(*)")) for kind in KINDS)
        if counted > (graph.counts()["nodes"] if graph else 0):
            kept = _ids(graph, "nodes") if graph else set()
            for kind in KINDS:
                found = self._stale(cypher_text.nodes_of_run(kind, "n.id AS id"), kept)
                self._withdraw(cypher_text.withdraw_nodes(kind), found)

    def _are_all(self, graph: GraphFiles, what: Literal["nodes", "edges"]) -> bool:
        """Whether all that is there is the graph's, which the server knows without looking: at all, or of our kinds."""
        nodes, edges = cypher_text.counts(self._ontology)
        texts = {"nodes": ([cypher_text.NODES], nodes), "edges": ([cypher_text.EDGES], edges)}[what]
        return any(self._link.total(asked, PATIENCE) == graph.counts()[what] for asked in texts)

    def _count(self, text: str) -> int:
        return self._link.number(text, {"run_id": self._run_id}, PATIENCE)

    def _stale(self, text: str, kept: set[str]) -> list[dict[str, Any]]:
        """The rows with an `id` that is not to be kept."""
        found = self._link.records(text, {"run_id": self._run_id}, PATIENCE)
        return [row.data() for row in found if row["id"] not in kept]

    def _withdraw(self, text: str, found: list[dict[str, Any]]) -> None:
        done = 0
        for rows in chunks(found):
            self._link.commit(text, rows=rows, run_id=self._run_id)
            done += len(rows)
            self._progress("withdrawn", done, len(found))


def _ids(graph: GraphFiles, name: str) -> set[str]:
    return {i for batch in graph.batches(name) for i in batch.column("id").to_pylist()}
