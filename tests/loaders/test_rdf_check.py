"""Checking RDF: a good graph passes in every form, and each kind of breakage is named with its node."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.errors import InputError, RunError
from kg.graph import FILES, GraphBuilder, node_id
from kg.ontology import Ontology, Relation, load_ontology
from kg.records import Triple
from kg.run import Run, write_lines
from loaders import rdf_check
from loaders.exports import export_run
from loaders.rdf import RdfStore
from loaders.rdf_check import Report, check_file, check_run, check_store
from loaders.vocabulary import NS, PREFIXES, run_iri
from tests.graphs import CAKE, NASTY, ROWS, write_graph

ONTOLOGY = load_ontology()
OVEN, KITCHEN = (PREFIXES["node"] + node_id(text, "Thing") for text in ("oven", "kitchen"))
BAKED, HAPPY = PREFIXES["node"] + node_id(CAKE, "Event"), PREFIXES["node"] + node_id("happy", "State")
EAT, SHARE, BURN = (node_id(text, "Event") for text in ("to eat it", "to share it", "to burn it"))
EATEN, SHARED, BURNT = (
    PREFIXES["edge"] + Triple(node_id(CAKE, "Event"), "xWant", tail, negated).id
    for tail, negated in ((EAT, False), (SHARE, False), (BURN, True))
)
STANDS = PREFIXES["edge"] + Triple(node_id("oven", "Thing"), "AtLocation", node_id("kitchen", "Thing")).id
XSD = PREFIXES["xsd"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with answers."""
    graph = write_graph(tmp_path / "run", ROWS)
    rows = (f'{{"id": "g{i}", "prompt_id": "p", "teacher": "local:tiny", "text": "x"}}' for i in range(len(ROWS)))
    write_lines(graph.path / "generations.jsonl", rows)
    return Run.open(graph.path)


def broken(run: Run, change: Callable[[str], str]) -> Report:
    """What is found in the run's N-Triples after a change."""
    path = run.path.parent / "out.nt"
    export_run(run, "ntriples", path, ONTOLOGY)
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, encoding="utf-8")
    return check_file(path, ONTOLOGY)


def swap(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


def cut(*parts: str) -> Callable[[str], str]:
    """Takes away the lines that have all the parts."""
    return lambda text: "".join(
        line for line in text.splitlines(keepends=True) if not all(part in line for part in parts)
    )


def add(*terms: str) -> Callable[[str], str]:
    return lambda text: text + " ".join(t if t[0] in '"<_' else f"<{t}>" for t in terms) + " .\n"


@pytest.mark.parametrize("name", ["out.ttl", "out.nq", "out.nt.gz", "classic.trig", "out.jsonld"])
def test_what_is_exported_is_as_it_should_be(run: Run, tmp_path: Path, name: str) -> None:
    form = {"ttl": "turtle", "nq": "nquads", "nt": "ntriples", "trig": "trig", "jsonld": "jsonld"}[name.split(".")[1]]
    export_run(run, form, tmp_path / name, ONTOLOGY, classic="classic" in name)
    report = check_file(tmp_path / name, ONTOLOGY)
    assert report.faults == []
    assert report.triples > 100


def test_a_run_its_store_and_nasty_texts_are_as_they_should_be(run: Run, rdf_store: RdfStore, tmp_path: Path) -> None:
    assert check_run(run, ONTOLOGY).faults == []
    nasty = write_graph(tmp_path / "nasty", [(Triple(f"says {t}", "xWant", f"has {t}"), 0.5) for t in NASTY], "n 1")
    rdf_store.write(nasty, nasty.run_id)
    rdf_store.write(write_graph(tmp_path / "other", ROWS[:3], "other-1"), "other-1")
    assert check_store(rdf_store.path, ONTOLOGY).faults == []
    assert check_run(Run.open(nasty.path), ONTOLOGY).faults == []


BROKEN: dict[str, tuple[Callable[[str], str], str, str]] = {  # change -> (focus, property)
    "score above 1": (swap('"0.9"', '"1.9"'), EATEN, "kg:score"),
    "score below 0": (swap('"0.9"', '"-0.1"'), EATEN, "kg:score"),
    "score no number": (swap('"0.9"', '"NaN"'), EATEN, "kg:score"),
    "score of another type": (swap(f'"0.9"^^<{XSD}double>', '"0.9"'), EATEN, "kg:score"),
    "two scores": (add(EATEN, f"{NS}score", f'"0.8"^^<{XSD}double>'), EATEN, "kg:score"),
    "no label": (cut(f"<{HAPPY}>", "prefLabel"), HAPPY, "skos:prefLabel"),
    "empty label": (swap('"happy"', '""'), HAPPY, "skos:prefLabel"),
    "label in a language": (swap('"happy"', '"happy"@en'), HAPPY, "skos:prefLabel"),
    "label of another type": (swap('"happy"', f'"7"^^<{XSD}integer>'), HAPPY, "skos:prefLabel"),
    "another label": (swap('"happy"', '"sad"'), HAPPY, "skos:prefLabel"),
    "no class": (cut(f"<{HAPPY}>", "#State"), HAPPY, "rdf:type"),
    "two classes": (add(HAPPY, PREFIXES["rdf"] + "type", f"{NS}Event"), HAPPY, "rdf:type"),
    "head of the wrong class": (swap(f"<{OVEN}> <{PREFIXES['rdf']}type> <{NS}Thing>",
                                     f"<{OVEN}> <{PREFIXES['rdf']}type> <{NS}Event>"), STANDS, "rdf:subject"),
    "tail of the wrong class": (swap(f"<{KITCHEN}> <{PREFIXES['rdf']}type> <{NS}Thing>",
                                     f"<{KITCHEN}> <{PREFIXES['rdf']}type> <{NS}State>"), STANDS, "rdf:object"),
    "tail of a denial": (swap(f"Individual> <{PREFIXES['node']}{BURN}>", f"Individual> <{HAPPY}>"), BURNT,
                         "owl:targetIndividual"),
    "tail that is no node": (swap(f"<{KITCHEN}> )>>", '"kitchen" )>>'), STANDS, "rdf:object"),
    "tail that is a triple": (swap(f"<{KITCHEN}> )>>", f"<<( <{OVEN}> <{NS}AtLocation> <{KITCHEN}> )>> )>>"), STANDS,
                              "rdf:object"),
    "unknown relation": (swap("#AtLocation> <", "#AtLocatin> <"), STANDS, "rdf:predicate"),
    "unknown relation denied": (swap(f"assertionProperty> <{NS}xWant>", f"assertionProperty> <{NS}xWnt>"), BURNT,
                                "owl:assertionProperty"),
    "unknown relation of nothing": (swap("#oReact> .", "#xReect> ."), BAKED, "kg:nothingFor"),
    "reifies a text": (swap(f"<<( <{OVEN}> <{NS}AtLocation> <{KITCHEN}> )>>", '"x"'), STANDS, "rdf:reifies"),
    "reifies nothing": (cut(f"<{STANDS}> <{PREFIXES['rdf']}reifies>"), STANDS, "rdf:type"),
    "no edge": (cut(f"<{STANDS}> "), OVEN, "kg:AtLocation"),
    "not asserted": (cut(f"<{OVEN}> <{NS}AtLocation> <{KITCHEN}> ."), STANDS, "rdf:predicate"),
    "no source": (cut(f"<{EATEN}>", "hadPrimarySource"), EATEN, "prov:hadPrimarySource"),
    "too few sources": (swap(f"<{EATEN}> <{NS}sources> \"1\"", f"<{EATEN}> <{NS}sources> \"2\""), EATEN, "kg:sources"),
    "no number of sources": (cut(f"<{EATEN}>", "#sources"), EATEN, "kg:sources"),
    "source of no answer": (cut("answer/g0?rule", "specializationOf"),
                            PREFIXES["answer"] + "g0?rule=rule#char=0,1", "prov:specializationOf"),
    "source without a rule": (cut("answer/g0?rule", "#rule> "),
                              PREFIXES["answer"] + "g0?rule=rule#char=0,1", "kg:rule"),
    "source in no answer that is there": (cut("<" + PREFIXES["answer"] + "g0> "),
                                          PREFIXES["answer"] + "g0?rule=rule#char=0,1", "prov:specializationOf"),
    "answer without a text": (cut("answer/g0>", "#value"), PREFIXES["answer"] + "g0", "prov:value"),
    "answer without a teacher": (cut("answer/g0>", "wasAttributedTo"), PREFIXES["answer"] + "g0",
                                 "prov:wasAttributedTo"),
    "teacher that is not there": (cut("#SoftwareAgent>"), PREFIXES["answer"] + "g0", "prov:wasAttributedTo"),
    "no run": (cut("#Run> ."), HAPPY, "prov:wasDerivedFrom"),
    "no build": (cut("demo-1>", "wasGeneratedBy"), run_iri("demo-1").value, "prov:wasGeneratedBy"),
    "unknown modality": (swap('"likely"', '"maybe"'), PREFIXES["answer"] + "g1?rule=rule&modality=likely#char=1,2",
                         "kg:modality"),
    "two modalities": (add(PREFIXES["answer"] + "g1?rule=rule&modality=likely#char=1,2", f"{NS}modality", '"able"'),
                       PREFIXES["answer"] + "g1?rule=rule&modality=likely#char=1,2", "kg:modality"),
    "entity that is no thing": (add(HAPPY, f"{NS}entity", '"GPE"'), HAPPY, "rdf:type"),
    "two entities": (add(KITCHEN, f"{NS}entity", '"GPE"'), KITCHEN, "kg:entity"),
    "empty entity": (swap('"FAC"', '""'), KITCHEN, "kg:entity"),
    "blank edge": (swap(f"<{STANDS}>", "_:b"), "_:b", ""),
    "edge of another name": (swap(f"<{STANDS}>", "<https://x.org/e>"), "https://x.org/e", ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named(run: Run, name: str) -> None:
    change, focus, path = BROKEN[name]
    prefix, _, local = path.partition(":")
    found = broken(run, change)
    expected = PREFIXES[prefix] + local if path else ""
    if focus == "_:b":  # a blank node has another name each time
        assert any(fault.focus.startswith("_:") and "an edge is an IRI" in fault.message for fault in found.faults)
    else:
        assert (focus, expected) in {(fault.focus, fault.path) for fault in found.faults}, found.faults
    assert all(": " in fault.message or "file" in fault.message for fault in found.faults)


def test_an_id_that_is_not_that_of_the_edge_is_named_with_the_right_one(run: Run) -> None:
    other = PREFIXES["edge"] + "0" * 32
    found = broken(run, swap(f"<{STANDS}>", f"<{other}>"))
    assert (other, STANDS.removeprefix(PREFIXES["edge"])) in {(fault.focus, fault.value) for fault in found.faults}


def test_what_is_said_in_another_slice_is_no_fault(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the slices are."""
    whole = check_run(run, ONTOLOGY).triples
    monkeypatch.setattr(rdf_check, "SLICE", 1)
    report = check_run(run, ONTOLOGY)
    assert (report.faults, report.triples) == ([], whole)


def test_faults_beyond_the_most_are_counted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    every = broken(run, cut("prefLabel> \"t"))
    monkeypatch.setattr(rdf_check, "MOST", 2)
    path = run.path.parent / "out.nt"
    some = check_file(path, ONTOLOGY)
    assert some.count == every.count == len(every.faults) == 3
    assert some.faults == every.faults[:2]


def test_each_graph_of_a_file_is_checked_for_itself(run: Run, tmp_path: Path) -> None:
    """What is an only score in each of two runs is no second score."""
    other = Run.open(write_graph(tmp_path / "other", [(ROWS[0][0], 0.1)], "other-1").path)
    for one in (run, other):
        export_run(one, "nquads", tmp_path / f"{one.id}.nq", ONTOLOGY)
    text = "".join((tmp_path / f"{one.id}.nq").read_text(encoding="utf-8") for one in (run, other))
    (tmp_path / "both.nq").write_text(text, encoding="utf-8")
    assert check_file(tmp_path / "both.nq", ONTOLOGY).faults == []
    (tmp_path / "both.nq").write_text(text.replace('"0.1"', '"1.1"'), encoding="utf-8")
    assert [fault.focus for fault in check_file(tmp_path / "both.nq", ONTOLOGY).faults] == [EATEN]


def test_relations_of_ones_own_are_checked(tmp_path: Path) -> None:
    mine = Ontology("mine", [Relation("RisksOf", "has the risk that", "What?", "Event", "State")])
    builder, run = GraphBuilder(mine), Run.create(tmp_path / "run", "mine-1", {})
    builder.add(Triple("PersonX climbs", "RisksOf", "tired"), "", "import:tsv:a", 1, 1)
    run.finish("graph", "k", FILES, 1, 0.0, counts=builder.write(run))
    assert check_run(run, mine).faults == []
    assert [fault.message for fault in check_run(run, ONTOLOGY).faults] == [
        "the ontology atomic2020 has no such relation: correct it, or give the ontology of the graph"
    ]
    other = Ontology('my "own"\n', [Relation("RisksOf", "has the risk that", "What?", "Event", "Event")])
    assert [(fault.path, fault.value) for fault in check_run(run, other).faults] == [
        (PREFIXES["rdf"] + "object", PREFIXES["node"] + node_id("tired", "State"))
    ]


def test_a_file_that_was_changed_after_the_run_was_finished_is_named(run: Run, tmp_path: Path) -> None:
    other = write_graph(tmp_path / "other", [(triple, 0.1) for triple, _ in ROWS])
    shutil.copy(other.path / "edges.parquet", run.path / "edges.parquet")
    assert [fault.focus for fault in check_run(run, ONTOLOGY).faults] == [str(run.path / "edges.parquet")]
    (run.path / "edges.parquet").write_bytes(b"PAR1" * 3)
    with pytest.raises(RunError, match=r"cannot be read.*build the run again"):
        check_run(run, ONTOLOGY)


def test_a_store_that_says_something_else_than_the_files_is_named(run: Run) -> None:
    with_store = RdfStore(run.path / "rdf", ONTOLOGY, workers=1)
    with_store.write(rdf_check.GraphFiles(run), run.id)
    assert check_run(run, ONTOLOGY).faults == []
    store = ox.Store(run.path / "rdf")
    lost = next(store.quads_for_pattern(ox.NamedNode(EATEN), ox.NamedNode(f"{NS}score"), None, run_iri(run.id)))
    store.remove(lost)
    store.add(ox.Quad(ox.NamedNode(HAPPY), ox.NamedNode(f"{NS}level"), ox.Literal("x"), run_iri(run.id)))
    store.flush()
    del store
    assert [(fault.focus, fault.path, fault.value) for fault in check_run(run, ONTOLOGY).faults] == [
        (HAPPY, f"{NS}level", "x"), (EATEN, f"{NS}score", "0.9"),
    ]


@pytest.mark.parametrize(("name", "content", "message"), [
    ("a.ttl", b"<a> <b .", "cannot be read as Turtle"), ("a.ttl", b"<a:b> <c:d> 1 .", "no graph of distilkg"),
    ("a.ttl.gz", gzip.compress(b"")[:9], "cannot be read"), ("a.csv", b"", "must end in"),
])
def test_what_is_no_graph_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        check_file(tmp_path / name, ONTOLOGY)
