"""The graph of a run into files: TSV, JSONL and RDF."""

import json
import os
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO

from kg.errors import InputError, UnknownNameError
from kg.graph import GraphFiles
from kg.ontology import NOTHING, Ontology
from kg.run import Run
from loaders.tsv import encode

_RDF = {
    "turtle": "TURTLE", "trig": "TRIG", "ntriples": "N_TRIPLES", "nquads": "N_QUADS", "rdfxml": "RDF_XML",
}
FORMATS = ("tsv", "atomic2020", "jsonl", *_RDF)


def export_run(run: Run, format: str, out: Path, ontology: Ontology) -> int:
    """Writes the graph of `run` to the file `out`, or to standard output for `-`; returns the number of rows.

    Rows are lines, or RDF triples. The file is there whole or not at all. Raises InputError, UnknownNameError.
    """
    if format not in FORMATS:
        raise UnknownNameError("format", format, FORMATS)
    graph = GraphFiles(run)
    if str(out) == "-":
        return _write(graph, format, sys.stdout.buffer, ontology)
    if out.is_dir():
        raise InputError(f"{out} is a folder: name a file")
    try:
        if out.exists() and not out.is_file():  # a pipe or a device cannot be replaced
            with open(out, "wb") as handle:
                return _write(graph, format, handle, ontology)
        return _write_file(graph, format, out, ontology)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error}") from None


def _write_file(graph: GraphFiles, format: str, out: Path, ontology: Ontology) -> int:
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    try:
        with open(part, "wb") as handle:
            rows = _write(graph, format, handle, ontology)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return rows


def _write(graph: GraphFiles, format: str, handle: IO[bytes], ontology: Ontology) -> int:
    if format in _RDF:
        return _write_rdf(graph, _RDF[format], handle, ontology)
    lines = _json_lines(graph) if format == "jsonl" else _tsv_lines(graph)
    count = 0
    for line in lines:
        handle.write(line.encode() + b"\n")
        count += 1
    return count


def _tsv_lines(graph: GraphFiles) -> Iterator[str]:
    """head TAB relation TAB tail; a denial has the prefix `Not`, and the tail `none` says that nothing applies."""
    for triple in chain(graph.triples(), graph.nothings()):
        head, relation, tail = triple
        yield f"{encode(head)}\t{relation}\t{encode(tail)}"


def _json_lines(graph: GraphFiles) -> Iterator[str]:
    for e in graph.edges():
        yield _json(
            e["id"], e["head_text"], e["relation"], e["tail_text"], e["negated"], e["score"], e["level"], e["sources"]
        )
    for n in graph.nodes():
        for relation in n["nothing"]:
            yield _json("", n["text"], relation, NOTHING, False, None, "", 0)


def _json(
    id: str, head: str, relation: str, tail: str, negated: bool, score: float | None, level: str, sources: int
) -> str:
    row = {
        "id": id, "head": head, "relation": relation, "tail": tail, "negated": negated, "score": score, "level": level,
        "sources": sources,
    }
    return json.dumps(row, ensure_ascii=False)


def _write_rdf(graph: GraphFiles, format: str, handle: IO[bytes], ontology: Ontology) -> int:
    """Streams the RDF triples; formats with graphs put them into the run's graph."""
    import pyoxigraph as ox

    from loaders.rdf_statements import Statements, as_file
    from loaders.vocabulary import PREFIXES, run_iri

    form: ox.RdfFormat = getattr(ox.RdfFormat, format)
    name = run_iri(graph.run_id)
    statements = Statements(graph, ontology)
    if form == ox.RdfFormat.N_TRIPLES:
        for chunk in statements.chunks():
            handle.write(chunk)
        return statements.count
    quads = ox.parse(as_file(statements.chunks()), ox.RdfFormat.N_TRIPLES, lenient=True)
    triples = (ox.Quad(q.subject, q.predicate, q.object, name) if form.supports_datasets else q.triple for q in quads)
    ox.serialize(triples, handle, form, prefixes=PREFIXES)
    return statements.count
