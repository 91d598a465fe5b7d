"""RDF files: what they hold, that any RDF tool reads them, and that they come back as the same graph."""

import gzip
import random
import tempfile
from pathlib import Path

import pyoxigraph as ox
import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import InputError
from kg.graph import FILES, GraphBuilder, GraphFiles
from kg.ontology import Ontology, Relation, load_ontology
from kg.records import MODALITIES, Modality, Triple
from kg.run import Run, write_lines
from loaders.exports import export_run
from loaders.imports import import_files
from loaders.rdf_statements import Statements
from loaders.vocabulary import PREFIXES, Source, excerpt_iri, parse_excerpt
from tests.graphs import CAKE, NASTY, ROWS, write_graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")
ENDINGS = {"turtle": "ttl", "trig": "trig", "ntriples": "nt", "nquads": "nq", "rdfxml": "rdf", "jsonld": "jsonld"}
TEXTS = st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    graph = write_graph(tmp_path / "run", ROWS)
    line = '{"id": "g0", "prompt_id": "p", "teacher": "local:tiny", "text": "to eat it \\ud800", "tokens": 3}'
    write_lines(graph.path / "generations.jsonl", [line])
    return Run.open(graph.path)


def exported(run: Run, format: str, name: str = "", classic: bool = False) -> Path:
    out = run.path.parent / (name or f"out.{ENDINGS[format]}")
    assert export_run(run, format, out, load_ontology(), classic) > 100
    return out


def imported(path: Path, folder: Path, *more: Path) -> GraphFiles:
    run = Run.create(folder, "again-1", {})
    import_files([path, *more], "rdf", run, load_ontology())
    return GraphFiles(run)


def same(one: Run, other: GraphFiles) -> bool:
    return one.digest("graph") == Run.open(other.path).digest("graph")


def ask(path: Path, query: str) -> list[list[str]]:
    store = ox.Store()
    store.load(path=str(path), to_graph=None)
    found = store.query(query, prefixes=PREFIXES, use_default_graph_as_union=True)
    return [[value.value for value in row] for row in found]


@pytest.mark.parametrize("format", ENDINGS)
@pytest.mark.parametrize("classic", [False, True])
def test_every_format_comes_back_with_the_same_bytes(run: Run, tmp_path: Path, format: str, classic: bool) -> None:
    assert same(run, imported(exported(run, format, classic=classic), tmp_path / "again"))


def test_a_second_way_back_keeps_the_first_run_of_the_sources(run: Run, tmp_path: Path) -> None:
    first = imported(exported(run, "turtle"), tmp_path / "one")
    second = imported(exported(Run.open(first.path), "turtle", "second.ttl"), tmp_path / "two")
    assert {row["run_id"] for row in second.provenance()} == {"demo-1"}
    assert same(run, second)


def test_gzip_holds_the_same_and_is_the_same_each_time(run: Run, tmp_path: Path) -> None:
    plain, packed = exported(run, "trig"), exported(run, "trig", "out.trig.gz")
    before = packed.read_bytes()
    assert gzip.decompress(before) == plain.read_bytes()
    assert exported(run, "trig", "other.trig.gz").read_bytes() == before
    assert same(run, imported(packed, tmp_path / "again"))


def test_the_order_and_the_number_of_files_do_not_matter(run: Run, tmp_path: Path) -> None:
    lines = exported(run, "ntriples").read_text(encoding="utf-8").splitlines(keepends=True)
    random.Random(3).shuffle(lines)
    parts = [tmp_path / "a.nt", tmp_path / "b.nt"]
    for part, some in zip(parts, (lines[:99], lines[99:]), strict=True):
        part.write_text("".join(some), encoding="utf-8")
    again = imported(parts[0], tmp_path / "again", parts[1])
    for rows in ("nodes", "edges", "provenance"):
        assert sorted(map(str, getattr(GraphFiles(run), rows)())) == sorted(map(str, getattr(again, rows)()))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(
        TEXTS, TEXTS, st.booleans(), st.none() | st.floats(0, 1), TEXTS, st.none() | st.sampled_from(MODALITIES),
        st.none() | st.sampled_from(["", "GPE", "ORG"]),
    ), min_size=1, max_size=6),
    st.sampled_from(["turtle", "ntriples", "jsonld"]),
)
def test_any_graph_comes_back(
    rows: list[tuple[str, str, bool, float | None, str, Modality | None, str | None]], format: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        builder = GraphBuilder(load_ontology())
        for i, (head, tail, negated, score, rule, modality, entity) in enumerate(rows):
            triple = Triple(head, "MadeUpOf", tail, negated)
            builder.add(triple, f"g{i % 2}" if i else "", rule, i, i + 1, score, modality, entity, entity)
        run = Run.create(Path(name) / "run", "any run / 1", {})
        counts = builder.write(run)
        run.finish("graph", "k", FILES, counts["edges"], 0.0, counts=counts)
        assert same(run, imported(exported(run, format), Path(name) / "again"))


@given(st.builds(
    Source, st.sampled_from(["", "a", "0f"]) | TEXTS, TEXTS, st.integers(0, 9), st.integers(0, 9), TEXTS,
    st.none() | st.sampled_from(MODALITIES),
))
def test_an_excerpt_tells_its_source(source: Source) -> None:
    assert parse_excerpt(excerpt_iri(source)) == source
    ox.NamedNode(excerpt_iri(source))


def test_rdflib_reads_classic_files_in_every_format(run: Run) -> None:
    counts = set()
    for format, ending in ENDINGS.items():
        graph = rdflib.Dataset(default_union=True)
        graph.parse(exported(run, format, f"classic.{ending}", classic=True))
        query = """SELECT ?text ?score { ?e rdf:subject ?h ; rdf:predicate kg:xWant ; rdf:object ?t ; kg:score ?score .
            ?h kg:xWant ?t . ?t skos:prefLabel ?text }"""
        found = graph.query(query, initNs=PREFIXES)
        assert [(str(text), float(score)) for text, score in found] == [("to eat it", 0.9)]
        counts.add(len(list(graph.triples((None, None, None)))))
    assert len(counts) == 1


def test_an_edge_leads_to_the_answer_and_its_teacher(run: Run) -> None:
    rows = ask(exported(run, "turtle"), """SELECT ?rule ?text ?name ?run {
        << ?h kg:xWant ?t ~ ?e >> kg:score 0.9e0 . ?e prov:hadPrimarySource ?place . ?place kg:rule ?rule ;
        prov:specializationOf ?answer . ?answer prov:value ?text ; prov:wasAttributedTo/rdfs:label ?name ;
        prov:wasGeneratedBy ?build . ?run a kg:Run ; prov:wasGeneratedBy ?build }""")
    assert rows == [["rule", "to eat it \ufffd", "local:tiny", PREFIXES["run"] + "demo-1"]]


def test_hedges_are_said_of_the_excerpt_and_entities_of_the_node(run: Run) -> None:
    path = exported(run, "turtle")
    assert ask(path, """SELECT ?text ?modality { << ?h kg:xWant ?t ~ ?e >> kg:sources ?n . ?t skos:prefLabel ?text .
        ?e prov:hadPrimarySource/kg:modality ?modality }""") == [["to share it", "likely"]]
    assert sorted(ask(path, "SELECT ?text ?entity { ?n kg:entity ?entity ; skos:prefLabel ?text }")) == [
        ["kitchen", "FAC"], ["oven", "PRODUCT"],
    ]


def test_one_place_may_state_one_edge_and_hedge_another(tmp_path: Path) -> None:
    builder, run = GraphBuilder(load_ontology()), Run.create(tmp_path / "run", "a-1", {})
    for head, modality in (("cat", None), ("dog", "often")):
        builder.add(Triple(head, "CapableOf", "sleep"), "g", "rule", 0, 5, None, modality)
    run.finish("graph", "k", FILES, 2, 0.0, counts=builder.write(run))
    again = imported(exported(run, "turtle"), tmp_path / "again")
    assert same(run, again)
    assert [e["modalities"] for e in again.edges()] == [None, ["often"]]


def test_every_modality_is_defined(run: Run) -> None:
    [[meaning]] = ask(exported(run, "turtle"), "SELECT ?meaning { kg:modality skos:definition ?meaning }")
    assert [name for name in MODALITIES if name not in meaning] == []


def test_a_run_tells_its_size_and_parts(run: Run) -> None:
    path = exported(run, "ntriples")
    assert ask(path, "SELECT ?n { run:demo-1 a void:Dataset, dcat:Dataset, prov:Entity ; void:triples ?n }") == [
        [str(len(path.read_text(encoding="utf-8").splitlines()))]
    ]
    parts = ask(path, "SELECT ?p ?n { run:demo-1 void:propertyPartition [ void:property ?p ; void:triples ?n ] }")
    assert sorted(parts) == [[PREFIXES["kg"] + name, n] for name, n in (
        ("AtLocation", "1"), ("xReact", "2"), ("xWant", "2"),
    )]
    assert ask(path, "SELECT (COUNT(*) AS ?n) { ?h kg:xWant ?t }") == [["2"]]


def test_an_import_tells_its_file(tmp_path: Path) -> None:
    (tmp_path / "a b.tsv").write_text(f"{CAKE}\txWant\tto eat it\n")
    run = Run.create(tmp_path / "run", "tsv-1", {})
    import_files([tmp_path / "a b.tsv"], "tsv", run, load_ontology())
    query = """SELECT ?place ?name { ?e prov:hadPrimarySource ?place . ?place prov:specializationOf ?file .
        ?file rdfs:label ?name ; kg:sha256 ?sum . ?build prov:used ?file }"""
    assert ask(exported(run, "turtle"), query) == [
        [PREFIXES["file"] + "a%20b.tsv?rule=import:tsv:a%20b.tsv#line=1,1", "a b.tsv"]
    ]


def test_relations_are_linked_to_other_vocabularies(run: Run) -> None:
    path = exported(run, "turtle")
    assert ask(path, "SELECT ?x { kg:AtLocation skos:exactMatch ?x } ORDER BY ?x") == [
        ["http://conceptnet.io/r/AtLocation"], ["https://allenai.org/data/atomic-2020#AtLocation"],
    ]
    assert ask(path, "SELECT ?x { kg:NotDesires owl:propertyDisjointWith ?x }") == [[PREFIXES["kg"] + "Desires"]]
    for relation in load_ontology():
        assert len(ask(path, f"""SELECT ?x {{ kg:{relation.name} rdfs:label ?x ; skos:definition ?d ; rdfs:domain ?a ;
            rdfs:range ?b ; skos:exactMatch ?atomic FILTER(STRENDS(STR(?atomic), '#{relation.name}')) }}""")) == 1


def test_nasty_texts_are_in_every_format_but_not_where_xml_forbids_them(tmp_path: Path) -> None:
    rows = [(Triple(f"says {text}", "xWant", f"wants {text}"), None) for text in NASTY]
    run = Run.open(write_graph(tmp_path / "run", rows).path)
    for format in ("turtle", "trig", "nquads", "jsonld"):
        assert same(run, imported(exported(run, format), tmp_path / format))
    with pytest.raises(InputError, match=r"RDF/XML cannot hold the character U\+0001"):
        exported(run, "rdfxml")
    assert not (tmp_path / "out.rdf").exists()


BROKEN = {
    "no RDF": (lambda t: t + "<a> <b .\n", "cannot be read as N-Triples"),
    "no run": (lambda t: _without(t, "ns#Run>"), "no kg:Run"),
    "two runs": (lambda t: t + f"<{PREFIXES['run']}x> <{PREFIXES['rdf']}type> <{PREFIXES['kg']}Run> .\n", "2 runs"),
    "no label": (lambda t: _without(t, "prefLabel", 1), "has no skos:prefLabel"),
    "no kind": (lambda t: _without(t, "ns#Event> .", 1, "/node/"), "has no kind"),
    "not asserted": (lambda t: _without(t, "/node/", 1, "xWant> <"), "described but not asserted"),
    "no edge": (lambda t: _without(t, "edge/"), "that tells their sources"),
    "score": (lambda t: t.replace('"0.9"', '"1.9"'), "not a number from 0 to 1"),
    "changed": (lambda t: t.replace("ns#AtLocation> <", "ns#Causes> <"), "has not the id"),
    "relation": (lambda t: t.replace("ns#AtLocation> <", "ns#AtLocatin> <"), "did you mean AtLocation"),
    "excerpt": (lambda t: t.replace("#char=0,1", "#chr=0,1"), "no excerpt"),
    "modality": (lambda t: t.replace("&modality=likely", "&modality=maybe"), "no excerpt"),
    "literal": (lambda t: t + f"<{PREFIXES['edge']}1> <{PREFIXES['rdf']}reifies> \"x\" .\n", "is no triple"),
}


def _without(text: str, part: str, count: int = 1000, also: str = "") -> str:
    kept = []
    for line in text.split("\n"):
        if part in line and also in line and count and (part == "edge/" or "<<(" not in line):
            count -= 1
        else:
            kept.append(line)
    return "\n".join(kept)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_with_the_reason(run: Run, tmp_path: Path, name: str) -> None:
    change, message = BROKEN[name]
    path = exported(run, "ntriples")
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        imported(path, tmp_path / "again")


def test_a_name_that_tells_no_format_is_refused(run: Run, tmp_path: Path) -> None:
    path = exported(run, "turtle").rename(tmp_path / "out.tsv")
    with pytest.raises(InputError, match=r"must end in \.ttl"):
        imported(path, tmp_path / "again")


def test_reification_is_for_rdf(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tsv has none"):
        export_run(run, "tsv", tmp_path / "x.tsv", load_ontology(), classic=True)


def test_an_ontology_of_ones_own_has_its_links(tmp_path: Path) -> None:
    relation = Relation("RisksOf", "has the risk that", "What could go wrong?", exact=("http://x.org/r",))
    graph = write_graph(tmp_path / "run", [])
    text = b"".join(Statements(graph, Ontology("mine", [relation])).chunks()).decode()
    assert "ns#RisksOf> <http://www.w3.org/2004/02/skos/core#exactMatch> <http://x.org/r> ." in text
