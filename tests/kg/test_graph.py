from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kg.graph import FILES, GraphBuilder, GraphFiles, node_id
from kg.ontology import load_ontology
from kg.records import Triple
from kg.run import Run


def built(path: Path, *rows: tuple[str, str, str]) -> GraphFiles:
    """The graph of these (head, relation, tail) rows; a relation may have the prefix Not."""
    ontology = load_ontology()
    builder = GraphBuilder(ontology)
    for i, (head, name, tail) in enumerate(rows):
        relation, negated = ontology.resolve(name)
        builder.add(Triple(head, relation.name, tail, negated), f"g{i}", "rule", i, i + 1, score=i / 10)
    run = Run.create(path, "r", {})
    counts = builder.write(run)
    run.finish("graph", "k", FILES, counts["edges"], 0.0, counts=counts)
    return GraphFiles(run)


def test_duplicates_merge_and_keep_every_source(tmp_path: Path) -> None:
    graph = built(
        tmp_path, ("PersonX bakes a cake", "xWant", "to eat it"), ("PersonX baked the cake", "xWant", "eat it."),
        ("PersonX bakes a cake", "xNeed", "to eat it"),
    )
    assert graph.counts() == {"nodes": 2, "edges": 2, "provenance": 3}
    edges = list(graph.edges())
    assert [e["sources"] for e in edges] == [2, 1]
    assert edges[0]["score"] == 0.1
    assert {p["generation_id"] for p in graph.provenance() if p["triple_id"] == edges[0]["id"]} == {"g0", "g1"}


def test_the_commonest_wording_names_the_node(tmp_path: Path) -> None:
    graph = built(tmp_path, *[("PersonX cooks", "xWant", t) for t in ("Eats", "to eat", "to eat", "eat")])
    assert [t.tail for t in graph.triples()] == ["to eat"]


def test_an_edge_keeps_the_wording_of_its_own_sources(tmp_path: Path) -> None:
    rows = [("PersonX cooks", "xWant", "to eat"), ("PersonX sits down", "HasSubEvent", "eat")]
    graph = built(tmp_path, *rows, ("PersonX begins", "HasSubEvent", "eat"))
    assert [t.tail for t in graph.triples()] == ["to eat", "eat", "eat"]
    assert [n["text"] for n in graph.nodes() if n["text"].endswith("eat")] == ["eat"]


def test_a_denial_is_an_edge_of_its_own(tmp_path: Path) -> None:
    graph = built(tmp_path, ("PersonX rests", "xWant", "to run"), ("PersonX rests", "NotxWant", "to run"))
    assert [t.negated for t in graph.triples()] == [False, True]


def test_none_is_a_property_and_not_a_node(tmp_path: Path) -> None:
    graph = built(tmp_path, *[("PersonX sleeps", "oWant", t) for t in ("none", "None", "to be quiet")])
    assert graph.counts() == {"nodes": 2, "edges": 1, "provenance": 1}
    assert list(graph.nothings()) == [Triple("PersonX sleeps", "oWant", "none")]


def test_kinds_follow_the_ontology(tmp_path: Path) -> None:
    graph = built(tmp_path, ("oven", "AtLocation", "kitchen"), ("PersonX cooks", "xAttr", "skilled"))
    assert {n["text"]: n["kind"] for n in graph.nodes()} == {
        "oven": "Thing", "kitchen": "Thing", "PersonX cooks": "Event", "skilled": "State",
    }
    assert node_id("The Oven", "Thing") in {n["id"] for n in graph.nodes()}
    assert node_id("oven", "Thing") != node_id("oven", "State")


@given(st.lists(st.tuples(st.sampled_from(["PersonX a", "PersonX b"]), st.sampled_from(["xWant", "NotxWant", "oReact"]),
                          st.sampled_from(["to x", "x", "y", "none"])), max_size=8))
def test_ids_do_not_depend_on_the_order(rows: list[tuple[str, str, str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        one = built(Path(folder) / "1", *rows)
        two = built(Path(folder) / "2", *reversed(rows))
        assert {e["id"] for e in one.edges()} == {e["id"] for e in two.edges()}
        assert sorted(n["text"] for n in one.nodes()) == sorted(n["text"] for n in two.nodes())
