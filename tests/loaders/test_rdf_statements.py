"""The text of a run's RDF: what is said, and how it is cut."""

from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.ontology import load_ontology
from kg.records import Triple
from loaders import rdf, rdf_statements
from loaders.rdf import RdfStore
from loaders.rdf_statements import Statements, pieces
from tests.graphs import ROWS, many, write_graph

WORDINGS = [
    (Triple("PersonX bakes a cake", "xWant", "to eat a cake"), None),
    (Triple("PersonX sings", "xWant", "to eat a cake"), None),
    (Triple("PersonX runs", "xWant", "to eat the cake"), None),
]


@pytest.mark.parametrize("batch", [1, 2, 5_000])
def test_a_wording_is_told_where_it_is_not_the_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(rdf_statements, "BATCH", batch)
    graph = write_graph(tmp_path / "run", [*WORDINGS, *ROWS])
    labels = {n["id"]: n["text"] for n in graph.nodes()}
    expected = {e["id"]: e["tail_text"] for e in graph.edges() if e["tail_text"] != labels[e["tail"]]}
    text = b"".join(Statements(graph, load_ontology()).chunks())
    said = [q for q in ox.parse(text, ox.RdfFormat.N_TRIPLES) if str(q.predicate).endswith("ns#wording>")]
    assert "to eat the cake" in expected.values()
    assert {str(q.subject.value).rpartition("/")[2]: q.object.value for q in said} == expected


def test_pieces_are_of_whole_chunks() -> None:
    chunks = [b"a" * 3, b"", b"b" * 4, b"c" * 9, b"d"]
    assert list(pieces(chunks, 5)) == [b"aaabbbb", b"ccccccccc", b"d"]
    assert list(pieces([], 5)) == []


def test_a_graph_in_many_pieces_is_the_graph_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = write_graph(tmp_path / "run", [*ROWS, *many(300)])
    found = []
    for name, size in (("whole", rdf.PIECE), ("pieces", 500)):
        monkeypatch.setattr(rdf, "PIECE", size)
        monkeypatch.setattr(rdf_statements, "BATCH", 20)
        store = RdfStore(tmp_path / name, load_ontology())
        store.write(graph, "demo-1")
        store.close()
        found.append(set(ox.Store.read_only(str(tmp_path / name))))
    assert found[0] == found[1]
    default = {q.triple for q in found[0] if q.graph_name == ox.DefaultGraph()}
    named = {q.triple for q in found[0] if q.graph_name != ox.DefaultGraph()}
    assert named < default
    assert len(default - named) == 2  # the digest, and that it is complete
