"""What each export format holds."""

import json
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.errors import InputError, UnknownNameError
from kg.graph import FILES, GraphBuilder, GraphFiles
from kg.ontology import load_ontology
from kg.records import Triple
from kg.run import Run
from loaders.exports import FORMATS, export_run

ROWS = [
    Triple("PersonX bakes a cake", "xWant", "to eat it"),
    Triple("PersonX bakes a cake", "xWant", "to burn it", negated=True),
    Triple("PersonX bakes a cake", "oWant", "none"),
    Triple('tab\there "quoted" \\ back', "xReact", "two\nlines 😀 שלום"),
]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    builder = GraphBuilder(load_ontology())
    for i, triple in enumerate(ROWS):
        builder.add(triple, "", "import:tsv:x", i, i, 0.5 if i == 0 else None)
    run = Run.create(tmp_path / "run", "demo-1", {})
    counts = builder.write(run)
    run.finish("graph", "k", FILES, counts["edges"], 0.0, counts=counts)
    return run


def exported(run: Run, format: str) -> tuple[int, str]:
    out = run.path.parent / "deep" / f"out.{format}"
    rows = export_run(run, format, out, load_ontology())
    assert not list(out.parent.glob("*.part"))
    return rows, out.read_text(encoding="utf-8")


@pytest.mark.parametrize("format", ["tsv", "atomic2020"])
def test_tsv_is_one_line_a_triple(run: Run, format: str) -> None:
    assert exported(run, format) == (4, (
        "PersonX bakes a cake\txWant\tto eat it\n"
        "PersonX bakes a cake\tNotxWant\tto burn it\n"
        '\\"tab\\there \\"quoted\\" \\\\ back"\txReact\t\\"two\\nlines 😀 שלום"\n'
        "PersonX bakes a cake\toWant\tnone\n"
    ))


def test_jsonl_tells_score_sources_and_id(run: Run) -> None:
    rows, text = exported(run, "jsonl")
    found = [json.loads(line) for line in text.split("\n")[:-1]]
    assert rows == len(found) == 4
    assert list(found[0]) == ["id", "head", "relation", "tail", "negated", "score", "level", "sources"]
    assert [Triple(r["head"], r["relation"], r["tail"], r["negated"]) for r in found] == [
        ROWS[0], ROWS[1], ROWS[3], ROWS[2],
    ]
    assert [r["score"] for r in found] == [0.5, None, None, None]
    assert [r["id"] for r in found] == [*(e["id"] for e in GraphFiles(run).edges()), ""]


@pytest.mark.parametrize("format", ["turtle", "trig", "ntriples", "nquads", "rdfxml"])
def test_rdf_formats_hold_the_same_triples(run: Run, format: str) -> None:
    rows, text = exported(run, format)
    form = {
        "turtle": ox.RdfFormat.TURTLE, "trig": ox.RdfFormat.TRIG, "ntriples": ox.RdfFormat.N_TRIPLES,
        "nquads": ox.RdfFormat.N_QUADS, "rdfxml": ox.RdfFormat.RDF_XML,
    }[format]
    quads = list(ox.parse(text, form))
    assert rows == len(quads)
    plain = {str(q.triple) for q in quads}
    exported(run, "ntriples")
    reference = ox.parse((run.path.parent / "deep" / "out.ntriples").read_bytes(), ox.RdfFormat.N_TRIPLES)
    assert plain == {str(q.triple) for q in reference}
    graphs = {str(q.graph_name) for q in quads}
    assert graphs == ({"<https://w3id.org/distilkg/run/demo-1>"} if format in ("trig", "nquads") else {"DEFAULT"})


def test_standard_output(run: Run, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    import sys

    assert export_run(run, "tsv", Path("-"), load_ontology()) == 4
    sys.stdout.flush()
    assert capfdbinary.readouterr().out.decode() == exported(run, "tsv")[1]


def test_an_unknown_format_names_the_nearest(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean turtle"):
        export_run(run, "turtles", tmp_path / "x", load_ontology())
    assert not (tmp_path / "x").exists()


def test_a_target_that_cannot_be_written_is_an_error(run: Run, tmp_path: Path) -> None:
    for target in (tmp_path, run.path / "manifest.json" / "below"):
        for format in FORMATS:
            with pytest.raises(InputError, match=r"folder|written"):
                export_run(run, format, target, load_ontology())
