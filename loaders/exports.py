"""The graph of a run into files: TSV, JSONL, RDF, and the folder of CSV files that Neo4j imports."""

import gzip
import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, cast

from kg.errors import InputError, UnknownNameError
from kg.graph import GraphFiles
from kg.ontology import NOTHING, Ontology
from kg.run import Run
from loaders.tsv import encode

_RDF = ("turtle", "trig", "ntriples", "nquads", "rdfxml", "jsonld")
_FOLDER = "neo4j-csv"
FORMATS = ("tsv", "atomic2020", "jsonl", _FOLDER, *_RDF)


def export_run(run: Run, format: str, out: Path, ontology: Ontology, classic: bool = False) -> int:
    """Writes the graph of `run` to the file `out`, or to standard output for `-`; returns the number of rows.

    Rows are lines, or RDF triples, with classic reification on request; or nodes and edges for Neo4j, and `out` is a
    folder then. A name that ends in `.gz` is packed. What is written is there whole or not at all. Raises InputError,
    UnknownNameError.
    """
    if format not in FORMATS:
        raise UnknownNameError("format", format, FORMATS)
    if classic and format not in _RDF:
        raise InputError(f"reification is for RDF: {format} has none")
    if format == _FOLDER:
        return _write_folder(GraphFiles(run), ontology, out)
    write = partial(_write, GraphFiles(run), format, ontology=ontology, classic=classic)
    if str(out) == "-":
        return write(sys.stdout.buffer)
    if out.is_dir():
        raise InputError(f"{out} is a folder: name a file")
    try:
        if out.exists() and not out.is_file():  # a pipe or a device cannot be replaced
            with open(out, "wb") as handle:
                return write(handle)
        return _write_file(write, out)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error}") from None


def _write_folder(graph: GraphFiles, ontology: Ontology, out: Path) -> int:
    from loaders.neo4j_csv import write_neo4j_csv

    if str(out) == "-":
        raise InputError(f"{_FOLDER} is a folder of files: name one with --out")
    try:
        return write_neo4j_csv(graph, ontology, out)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error}") from None


def _write_file(write: Callable[[IO[bytes]], int], out: Path) -> int:
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    try:
        with open(part, "wb") as handle:
            rows = _write_packed(write, handle) if out.suffix == ".gz" else write(handle)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return rows


def _write_packed(write: Callable[[IO[bytes]], int], handle: IO[bytes]) -> int:
    """Without name and time, so that the same graph gives the same bytes."""
    with gzip.GzipFile("", "wb", 6, handle, mtime=0) as packed:
        return write(cast(IO[bytes], packed))


def _write(graph: GraphFiles, format: str, handle: IO[bytes], ontology: Ontology, classic: bool) -> int:
    if format in _RDF:
        from loaders.rdf_export import write_rdf

        return write_rdf(graph, format, handle, ontology, classic)
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
