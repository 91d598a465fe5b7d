"""A run's graph as an RDF file, in any of the standard formats."""

import re
from collections.abc import Iterator
from typing import IO

from pyoxigraph import DefaultGraph, Quad, RdfFormat, parse, serialize

from kg.errors import InputError
from kg.graph import GraphFiles
from kg.ontology import Ontology
from loaders.rdf_statements import Statements, as_file
from loaders.vocabulary import PREFIXES, run_iri

FORMATS = {
    "turtle": RdfFormat.TURTLE, "trig": RdfFormat.TRIG, "ntriples": RdfFormat.N_TRIPLES, "nquads": RdfFormat.N_QUADS,
    "rdfxml": RdfFormat.RDF_XML, "jsonld": RdfFormat.JSON_LD,
}
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def write_rdf(graph: GraphFiles, format: str, handle: IO[bytes], ontology: Ontology, classic: bool = False) -> int:
    """Streams the graph; returns the number of triples. Formats with graphs put them into the run's graph.

    JSON-LD has no reifiers, so it is always `classic`. Raises InputError for a text that RDF/XML cannot hold.
    """
    form = FORMATS[format]
    statements = Statements(graph, ontology, classic or form == RdfFormat.JSON_LD)
    chunks = statements.chunks()
    if form == RdfFormat.N_TRIPLES:
        for chunk in chunks:
            handle.write(chunk)
    else:
        read = parse(as_file(_fit_for_xml(chunks) if form == RdfFormat.RDF_XML else chunks), RdfFormat.N_TRIPLES)
        name = run_iri(graph.run_id) if form.supports_datasets else DefaultGraph()
        quads = (Quad(quad.subject, quad.predicate, quad.object, name) for quad in read)
        serialize(quads, handle, form, prefixes=PREFIXES)
    return statements.count


def _fit_for_xml(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if found := _NO_XML.search(text := chunk.decode()):
            line = text[text.rfind("\n", 0, found.start()) + 1 :].split("\n", 1)[0]
            raise InputError(
                f"RDF/XML cannot hold the character U+{ord(found[0]):04X} in {line[:200]!r}: take another format"
            )
        yield chunk
