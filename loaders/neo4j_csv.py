"""The graph of a run as the files that `neo4j-admin database import full` takes: the quickest way into an empty Neo4j.

https://neo4j.com/docs/operations-manual/current/import/. What is imported has the same labels, types and properties as
what `loaders.bolt` writes. Texts may hold anything, so that every one is quoted; only an empty field is no value.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kg.errors import InputError
from kg.graph import GraphFiles
from kg.ontology import KINDS, Ontology
from loaders import cypher_text

NODES, RELATIONSHIPS, AFTER = "nodes.csv", "relationships.csv", "after_import.cypher"
COMMAND = (
    f"neo4j-admin database import full neo4j --nodes={NODES} --relationships={RELATIONSHIPS} --multiline-fields=true "
    "--overwrite-destination"
)
_NODE_HEADER = "id:ID,:LABEL,text,nothing:string[],entity,run_ids:string[]"
_EDGE_HEADER = (
    ":START_ID,:END_ID,:TYPE,id,relation,negated:boolean,score:double,level,sources:long,modalities:string[],"
    "run_ids:string[]"
)
_EMPTY = (
    "MATCH (n:{kind}) WHERE n.run_ids IS NOT NULL AND n.nothing IS NULL "
    "CALL {{ WITH n SET n.nothing = [] }} IN TRANSACTIONS OF 10000 ROWS"
)
_BETWEEN = ";"  # the elements of an array


def write_neo4j_csv(graph: GraphFiles, ontology: Ontology, out: Path) -> int:
    """Writes the folder `out`; returns the number of nodes and edges.

    `after_import.cypher` makes the constraints and indexes, and the empty lists, which CSV cannot hold: cypher-shell
    runs it when the server has started. The folder is there whole or not at all. Raises InputError when it holds
    something else already.
    """
    if out.exists() and (not out.is_dir() or {p.name for p in out.iterdir()} - {NODES, RELATIONSHIPS, AFTER}):
        raise InputError(f"{out} holds something else: name a new folder")
    if _BETWEEN in graph.run_id:
        raise InputError(f"the run's id {graph.run_id!r} holds {_BETWEEN!r}, which lists in CSV cannot")
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        count = _write(part / NODES, _NODE_HEADER, _nodes(graph))
        count += _write(part / RELATIONSHIPS, _EDGE_HEADER, _edges(graph, ontology))
        after = [*cypher_text.constraints(), *cypher_text.text_indexes(), *(_EMPTY.format(kind=kind) for kind in KINDS)]
        (part / AFTER).write_text("".join(f"{text};\n" for text in after))
        shutil.rmtree(out, ignore_errors=True)
        os.replace(part, out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return count


def _write(path: Path, header: str, rows: Iterator[tuple[Any, ...]]) -> int:
    count = 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(header + "\n")
        for count, row in enumerate(rows, 1):  # noqa: B007  (what is left is the number of rows)
            file.write(",".join(map(_field, row)) + "\n")
    return count


def _nodes(graph: GraphFiles) -> Iterator[tuple[Any, ...]]:
    for n in graph.nodes():
        yield n["id"], n["kind"], n["text"], n["nothing"], n["entity"], [graph.run_id]


def _edges(graph: GraphFiles, ontology: Ontology) -> Iterator[tuple[Any, ...]]:
    types = {relation.name: relation.cypher_type for relation in ontology}
    for e in graph.edges():
        yield (
            e["head"], e["tail"], types[e["relation"]], e["id"], e["relation"], e["negated"], e["score"], e["level"],
            e["sources"], e["modalities"], [graph.run_id],
        )


def _field(value: Any) -> str:
    """One value between two commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    text = _BETWEEN.join(value) if isinstance(value, list) else value
    return '"' + text.replace('"', '""') + '"'
