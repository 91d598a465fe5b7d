"""What is asked in place of a query gives what the query asks for: compared with the engine's own answer."""

from itertools import islice
from typing import Any

import pyoxigraph as ox
import pytest

from loaders import sparql_engine
from loaders.sparql_engine import ask

PREFIXES = {"": "http://x/", "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}
DATA = """
@prefix : <http://x/> .
:a :p :b, "l", 1, _:z . :b :q :c . :c :p <<( :a :p :b )>> . _:z :q "z" .
:g { :a :p :b, :n . :only :in :g }
:h { :a :p :b, :m . :h :h :h }
:i { :a :p :b }
"""


@pytest.fixture(scope="module")
def store() -> ox.Store:
    made = ox.Store()
    made.load(DATA.encode(), ox.RdfFormat.TRIG)
    return made


def rows(store: ox.Store, text: str, **more: Any) -> list[tuple[str, ...]]:
    """The rows of an answer, without quotation marks, angle brackets, namespace and type."""
    found = ask(store, {"text": text, "prefixes": PREFIXES, **more})
    return [tuple(value.value.removeprefix("http://x/") for value in row) for row in found]


def canonical(triples: Any) -> set[str]:
    """The triples, with names for blank nodes that do not depend on how they were called."""
    found = ox.Dataset(ox.Quad(*triple) for triple in triples)
    found.canonicalize(ox.CanonicalizationAlgorithm.UNSTABLE)
    return {str(quad) for quad in found}


@pytest.mark.parametrize("text", [
    "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }",
    "CONSTRUCT WHERE { ?s ?p ?o }",
    "CONSTRUCT { ?s ?p ?o } { GRAPH ?g { ?s ?p ?o } }",
    "construct { ?o :is ?s ; :x [ :y ?o ] } where { ?s ?p ?o } # {",
    "CONSTRUCT { ?s ?o ?p } { ?s ?p ?o }",
    "CONSTRUCT { ?s ?p ?missing . ?s ?p ?x } { ?s ?p ?o OPTIONAL { ?o :q ?x } }",
    "CONSTRUCT { <<( ?s ?p ?o )>> :no 1 . :t :is <<( ?s ?p ?o )>> } { ?s ?p ?o }",
    "CONSTRUCT { ?s ?p ?o {| :score 1 |} } { ?s ?p ?o }",
    "CONSTRUCT { ?s ?p ?o . << ?s ?p ?o ~ ?s >> :k 'v' } { ?s ?p ?o FILTER(isIRI(?o)) }",
    "CONSTRUCT { ?s :n ?n } { SELECT ?s (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?s }",
    "CONSTRUCT { :a :b ( ?s 'x}' \"?o\" '''{''' ) } FROM :g WHERE { ?s ?p ?o }",
    "CONSTRUCT FROM :g WHERE { ?s ?p ?o }",
    "CONSTRUCT {} { ?s ?p ?o }",
    "CONSTRUCT { :a :b :c } {}",
    "PREFIX construct: <http://c/> CONSTRUCT { construct:a a construct:b } { } VALUES ?x { 1 2 }",
    "BASE <http://base/> CONSTRUCT { <a> <b> ?o } WHERE { ?s ?p ?o } VALUES ?o { 1 }",
    "CONSTRUCT { _:a :p ?o . _:a :q _:b } { ?s ?p ?o }",
    "CONSTRUCT WHERE { _:x :p ?o . ?o :q _:y }",
    "CONSTRUCT { ?s ?p ?o # }\n } { ?s ?p ?o FILTER(?o < 2 && 1 > 0) }",
    "CONSTRUCT { ?s ?p $o } { ?s ?p ?o } ORDER BY DESC(STR(?o)) LIMIT 2 OFFSET 1",
    "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o { SELECT ?s { ?s :q ?x } } }",
])
def test_a_construct_makes_the_engines_triples(store: ox.Store, text: str) -> None:
    made = ask(store, {"text": text, "prefixes": PREFIXES, "forms": ["text/turtle"]})
    assert not isinstance(made, ox.QueryTriples)
    assert canonical(made) == canonical(store.query(text, prefixes=PREFIXES))


def test_a_construct_groups_as_a_select_does(store: ox.Store) -> None:
    """The engine's own CONSTRUCT forgets to group."""
    text = "CONSTRUCT { ?s :is ?s } { ?s ?p ?o } GROUP BY ?s ORDER BY ?s LIMIT 1"
    made = ask(store, {"text": text, "prefixes": PREFIXES, "forms": ["text/turtle"]})
    assert len(list(made)) == 1


def test_a_construct_repeats_nothing_that_it_remembers(store: ox.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "CONSTRUCT { ?s a :Thing } { ?s ?p ?o } ORDER BY ?s"
    request = {"text": text, "prefixes": PREFIXES, "forms": ["text/turtle"]}
    assert len(list(ask(store, request))) == 4
    monkeypatch.setattr(sparql_engine, "REMEMBERED", 1)
    assert len(list(ask(store, request))) == 4  # in the order of ?s equal triples follow each other


@pytest.mark.parametrize("text", [
    "CONSTRUCT { ?s ?p } {}", "CONSTRUCT", "CONSTRUCT {", "CONSTRUCT { ?s ?p ?o } { ?s ?p",
])
def test_errors_are_of_the_text_as_it_was_written(store: ox.Store, text: str) -> None:
    said = []
    request = {"text": text, "prefixes": {}, "forms": ["text/turtle"]}
    for run in (lambda: store.query(text), lambda: ask(store, request)):
        with pytest.raises(SyntaxError) as error:
            run()
        said.append(str(error.value))
    assert said[0] == said[1]


@pytest.mark.parametrize(("text", "found"), [
    ("SELECT ?o FROM :g FROM :h { :a :p ?o } ORDER BY ?o", "bmn"),
    ("SELECT ?o FROM <http://x/g> # FROM\n FROM :h WHERE { :a :p ?o } ORDER BY ?o", "bmn"),
    ("BASE <http://x/> SELECT ?o FROM <h> FROM <g> { :a :p ?o } ORDER BY ?o", "bmn"),
    ("SELECT ?o FROM :i FROM :i { :a :p ?o }", "b"),
    ("SELECT (COUNT(*) AS ?n) FROM :g FROM :h FROM :i { ?s ?p ?o }", "5"),
    ("SELECT (EXISTS { ?from ?s ?o } AS ?x) FROM :nope FROM :h {}", ["true"]),
    ("SELECT ?g FROM :g FROM :h FROM NAMED :i { GRAPH ?g { ?s ?p ?o } }", "i"),
    ("SELECT ?g FROM NAMED :i FROM NAMED :i { GRAPH ?g { ?s ?p ?o } }", "i"),
    ("SELECT ?o FROM NAMED :g FROM NAMED :h { :a :p ?o }", ""),
    ("SELECT ?o FROM :g { :a :p ?o } ORDER BY ?o", "bn"),
    ("SELECT ?o FROM :nope FROM :neither { ?s ?p ?o }", ""),
])
def test_graphs_of_from_are_merged(store: ox.Store, text: str, found: Any) -> None:
    assert rows(store, text) == [(value,) for value in found]


def test_graphs_of_the_protocol_are_merged_and_outweigh_the_text(store: ox.Store) -> None:
    graphs = {"default_graph": ["http://x/g", "http://x/h", "http://x/g"], "named_graphs": ["http://x/i", "http://x/i"]}
    count = "SELECT (COUNT(*) AS ?n) FROM :i {{ {} }}"
    assert rows(store, count.format("?s ?p ?o"), dataset=graphs) == [("5",)]
    assert rows(store, count.format("GRAPH ?g { ?s ?p ?o }"), dataset=graphs) == [("1",)]


@pytest.mark.parametrize("clauses", ["FROM ?x FROM ?y", "FROM 'x' FROM 'y'", "FROM :g FROM", "FROM no:g FROM no:h"])
def test_a_from_that_is_wrong_is_a_syntax_error(store: ox.Store, clauses: str) -> None:
    with pytest.raises(SyntaxError):
        rows(store, f"SELECT * {clauses} {{ ?s ?p ?o }}")


def test_graphs_too_large_to_be_merged_are_refused(store: ox.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparql_engine, "MERGED", 6)
    assert rows(store, "SELECT (COUNT(*) AS ?n) FROM :g FROM :h { ?s ?p ?o }") == [("5",)]
    with pytest.raises(ValueError, match="more than 6 triples together"):
        rows(store, "SELECT (COUNT(*) AS ?n) FROM :g FROM :h FROM :i { ?s ?p ?o }")


def test_triples_come_as_they_are_made(store: ox.Store) -> None:
    """None waits for the last: 10^12 of them are made here."""
    numbers = " ".join(map(str, range(100)))
    values = " ".join(f"VALUES ?x{i} {{ {numbers} }}" for i in range(6))
    text = f"CONSTRUCT {{ :a :b [] }} {{ {values} }}"
    made = ask(store, {"text": text, "prefixes": PREFIXES, "forms": ["text/turtle"]})
    assert len(list(islice(made, 1000))) == 1000
