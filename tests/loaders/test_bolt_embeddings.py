"""Vectors of node texts in a real Neo4j, by the real encoder and by one of another length."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from api.cli import kg
from kg.errors import StoreError
from kg.metrics import Array
from kg.sentence_vectors import ENCODER, SentenceEncoder
from loaders.bolt import BoltStore
from tests.graphs import CAKE, ROWS, write_graph

NEAR = """MATCH (n:Event {text: $text})
CALL db.index.vector.queryNodes('kg_embedding_event', 3, n.embedding) YIELD node, score
RETURN node.text, score ORDER BY score DESC"""


class Lengths:
    """An encoder whose vectors tell the length of a text."""

    name, dimensions = "lengths", 3

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> Array:
        self.asked += texts
        return np.array([[len(text), 1.0, 0.0] for text in texts]).reshape(-1, 3)


@pytest.mark.neo4j
def test_nodes_are_found_by_what_is_near(neo4j_store: BoltStore, tmp_path: Path) -> None:
    graph, encoder = write_graph(tmp_path / "run", ROWS), SentenceEncoder()
    nodes = graph.counts()["nodes"]
    assert neo4j_store.write(graph, "demo-1", encoder=encoder)["embeddings"] == nodes
    neo4j_store.query("CALL db.awaitIndexes(60)")
    rows = neo4j_store.query(NEAR, {"text": CAKE}).rows
    assert rows[0] == [CAKE, pytest.approx(1, abs=1e-3)]  # Neo4j rounds the vectors of an index
    assert all(text != CAKE and score < 1 for text, score in rows[1:])
    text = "MATCH (n:Event {text: $text}) RETURN n.embedding, n.encoder"
    [[vector, made_by]] = neo4j_store.query(text, {"text": CAKE}).rows
    assert made_by == ENCODER
    assert np.allclose(vector, encoder([CAKE])[0], atol=1e-4)
    assert neo4j_store.write(graph, "demo-1", encoder=encoder)["embeddings"] == 0
    neo4j_store.unload("demo-1")
    assert neo4j_store.counts() == {"nodes": 0, "edges": 0}


@pytest.mark.neo4j
def test_another_encoder_takes_over(neo4j_store: BoltStore, tmp_path: Path) -> None:
    graph, lengths = write_graph(tmp_path / "run", ROWS), Lengths()
    nodes = graph.counts()["nodes"]
    neo4j_store.write(graph, "demo-1", encoder=SentenceEncoder())
    assert neo4j_store.write(graph, "demo-1", encoder=lengths)["embeddings"] == nodes == len(lengths.asked)
    sizes = neo4j_store.query("MATCH (n) RETURN DISTINCT size(n.embedding), n.encoder").rows
    assert sizes == [[3, "lengths"]]
    shown = neo4j_store.query(
        "SHOW VECTOR INDEXES YIELD name, options WHERE name STARTS WITH 'kg_embedding' "
        "RETURN DISTINCT options.indexConfig['vector.dimensions']"
    )
    assert shown.rows == [[3]]


def test_the_embedded_engine_says_that_it_cannot(embedded_store: BoltStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no vector indexes: load into a Neo4j"):
        embedded_store.write(write_graph(tmp_path / "run", ROWS), "demo-1", encoder=Lengths())


def test_the_command_wants_a_neo4j_before_it_loads(tmp_path: Path) -> None:
    graph = write_graph(tmp_path / "run", ROWS)
    done = CliRunner().invoke(kg, ["load", str(graph.path), "--embeddings", ENCODER])
    assert done.exit_code == 2
    assert "--bolt or KG_BOLT_URI" in done.output
    assert not (graph.path / "cypher").exists()
