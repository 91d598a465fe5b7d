"""What is exported comes back as it was."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from kg.graph import FILES, GraphBuilder, GraphFiles
from kg.ontology import load_ontology
from kg.records import Triple
from kg.run import Run
from loaders.exports import export_run
from loaders.imports import import_files
from loaders.tsv import decode, encode

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from([
    '"', '\\"', '\\"a"', '\\"a', "a\tb", "a\nb", "\r", "a\r", "\\", "\\n", "\ufeffa", "\0", "none", "head", "x\u2028y",
])
TRIPLES = st.builds(
    Triple, TEXTS.filter(str.strip), st.sampled_from([r.name for r in load_ontology().asserted]),
    TEXTS.filter(str.strip), st.booleans(),
)


@given(TEXTS)
def test_any_text_is_one_field(text: str) -> None:
    field = encode(text)
    assert not set(field) & set("\t\n\r\0")
    assert decode(field) == text


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\0")))
def test_a_field_of_other_peoples_files_stands_for_itself(text: str) -> None:
    if not text.startswith('\\"'):
        assert decode(text) == text


@settings(max_examples=60, deadline=None)
@given(st.lists(TRIPLES, min_size=1, max_size=8))
def test_tsv_export_and_import_give_the_same_graph(triples: list[Triple]) -> None:
    ontology = load_ontology()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        builder = GraphBuilder(ontology)
        for i, triple in enumerate(triples):
            builder.add(triple, "", "rule", i, i)
        run = Run.create(folder / "a", "a", {})
        counts = builder.write(run)
        run.finish("graph", "k", FILES, counts["edges"], 0.0, counts=counts)
        rows = export_run(run, "tsv", folder / "out.tsv", ontology)
        again = Run.create(folder / "b", "b", {})
        assert import_files([folder / "out.tsv"], "tsv", again, ontology)["rows"] == rows
        first, second = GraphFiles(run), GraphFiles(again)
        assert sorted(map(tuple, first.triples())) == sorted(map(tuple, second.triples()))
        assert sorted(map(tuple, first.nothings())) == sorted(map(tuple, second.nothings()))
