"""The graph of a run: merging judged candidates, and reading the three Parquet files back."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kg.normal import normal_form
from kg.ontology import NOTHING, Kind, Ontology, Relation
from kg.records import MODALITIES, Modality, Triple, digest
from kg.run import ROW_GROUP, Run, read_parquet, write_parquet
from kg.schemas import EDGES, NODES, PROVENANCE, complete

FILES = ["nodes.parquet", "edges.parquet", "provenance.parquet"]


def node_id(text: str, kind: Kind) -> str:
    """Id of the node of `kind` that `text` names: the same in every run and store."""
    return digest(kind, normal_form(text, kind))


@dataclass(slots=True)
class _Node:
    kind: Kind
    surfaces: dict[str, int] = field(default_factory=dict)
    nothing: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Edge:
    head: str
    relation: str
    tail: str
    negated: bool
    score: float | None
    wordings: dict[str, int] = field(default_factory=dict)  # of the tail
    sources: dict[tuple[str, str, int, int], Modality | None] = field(default_factory=dict)


class GraphBuilder:
    """Merges triples by normal form and keeps every source.

    A node's text is its commonest wording of all, the text of an edge's tail is the commonest one of its own sources:
    "to eat" where it is wanted and "eat" where it is a step may be one node. Holds the whole graph in memory, about
    1.3 kB a triple.
    """

    def __init__(self, ontology: Ontology) -> None:
        self._ontology = ontology
        self._nodes: dict[str, _Node] = {}
        self._edges: dict[str, _Edge] = {}
        self._ids: dict[tuple[str, Kind], str] = {}
        self._entities: dict[str, dict[str, int]] = {}  # of nodes that are things

    def add(
        self, triple: Triple, generation_id: str, rule: str, start: int, end: int, score: float | None = None,
        modality: Modality | None = None, head_entity: str | None = None, tail_entity: str | None = None,
    ) -> str:
        """Adds one source of one triple; returns the edge's id, or an empty string for the tail `none`.

        Modality and entities are as in `kg.records.Candidate`.
        """
        relation = self._ontology[triple.relation]
        head = self._node(triple.head, relation.head, head_entity)
        if triple.tail.strip().lower() == NOTHING and not triple.negated:
            self._say_nothing(head, relation)
            return ""
        tail = self._node(triple.tail, relation.tail, tail_entity)
        edge_id = Triple(head, relation.name, tail, triple.negated).id
        edge = self._edges.setdefault(edge_id, _Edge(head, relation.name, tail, triple.negated, None))
        edge.wordings[triple.tail] = edge.wordings.get(triple.tail, 0) + 1
        edge.sources.setdefault((generation_id, rule, start, end), modality)
        if score is not None:
            edge.score = score if edge.score is None else max(edge.score, score)
        return edge_id

    def write(self, run: Run, level_of: Callable[[float | None], str] | None = None) -> dict[str, int]:
        """Writes the three `.part` files of the run; returns rows by file. `level_of` gives a score's level."""
        edges = self._edges
        return {
            "nodes": write_parquet(run.part(FILES[0]), NODES, (
                {
                    "id": i, "kind": n.kind, "text": _commonest(n.surfaces), "nothing": n.nothing,
                    "entity": _commonest(self._entities.get(i, {"": 1})) or None,
                } for i, n in self._nodes.items()
            )),
            "edges": write_parquet(run.part(FILES[1]), EDGES, (
                {
                    "id": i, "head": e.head, "relation": e.relation, "tail": e.tail, "negated": e.negated,
                    "head_text": _commonest(self._nodes[e.head].surfaces), "tail_text": _commonest(e.wordings),
                    "score": e.score, "level": level_of(e.score) if level_of else "",
                    "sources": len(e.sources), "modalities": modalities(e.sources.values()),
                } for i, e in edges.items()
            )),
            "provenance": write_parquet(run.part(FILES[2]), PROVENANCE, (
                {
                    "triple_id": i, "generation_id": g, "rule": r, "start": s, "end": t, "run_id": run.id,
                    "modality": modality,
                } for i, e in edges.items() for (g, r, s, t), modality in e.sources.items()
            )),
        }

    def _node(self, text: str, kind: Kind, entity: str | None) -> str:
        found = self._ids.get((text, kind))
        if found is None:
            found = self._ids[text, kind] = node_id(text, kind)
        node = self._nodes.setdefault(found, _Node(kind))
        node.surfaces[text] = node.surfaces.get(text, 0) + 1
        if entity is not None and kind == "Thing":
            labels = self._entities.setdefault(found, {})
            labels[entity] = labels.get(entity, 0) + 1
        return found

    def _say_nothing(self, head: str, relation: Relation) -> None:
        if relation.name not in self._nodes[head].nothing:
            self._nodes[head].nothing.append(relation.name)


def _commonest(counts: dict[str, int]) -> str:
    """The commonest wording or label; of equally common ones the shortest, then the first in code point order."""
    return min(counts, key=lambda w: (-counts[w], len(w), w))


def modalities(sources: Iterable[Modality | None]) -> list[Modality] | None:
    """The modalities of the sources that have one, a word each, in the order of MODALITIES; None for none."""
    return sorted(filter(None, sources), key=MODALITIES.index) or None


class GraphFiles:
    """The graph of a finished run, read in batches; memory does not grow with the graph."""

    def __init__(self, run: Run) -> None:
        run.require("graph")
        self.run_id = run.id
        self.path: Path = run.path

    def counts(self) -> dict[str, int]:
        """{"nodes", "edges", "provenance"}: rows of the files."""
        return {file.split(".")[0]: pq.read_metadata(self.path / file).num_rows for file in FILES}

    def batches(self, name: str, size: int = ROW_GROUP) -> Iterator[pa.RecordBatch]:
        """Record batches of at most `size` rows of `nodes`, `edges` or `provenance`."""
        with pq.ParquetFile(self.path / f"{name}.parquet") as file:
            for batch in file.iter_batches(batch_size=size):
                yield complete(batch, f"{name}.parquet")

    def rows(self, name: str, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """The rows of `nodes`, `edges` or `provenance`, with all columns or these."""
        return read_parquet(self.path / f"{name}.parquet", columns)

    def nodes(self) -> Iterator[dict[str, Any]]:
        return read_parquet(self.path / FILES[0])

    def edges(self) -> Iterator[dict[str, Any]]:
        return read_parquet(self.path / FILES[1])

    def provenance(self) -> Iterator[dict[str, Any]]:
        return read_parquet(self.path / FILES[2])

    def triples(self) -> Iterator[Triple]:
        """The triples in the order of the file, each tail in the wording of its own sources."""
        for e in self.edges():
            yield Triple(e["head_text"], e["relation"], e["tail_text"], e["negated"])

    def nothings(self) -> Iterable[Triple]:
        """A triple with the tail `none` for each (head, relation) to which nothing applies."""
        for n in self.nodes():
            for relation in n["nothing"]:
                yield Triple(n["text"], relation, NOTHING)
