"""The Cypher that writes and reads a graph. Labels and types come from the ontology alone, all else is a parameter."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from kg.graph import node_id
from kg.ontology import KINDS, Kind, Ontology, Relation

_MERGE_NODES = """
UNWIND $rows AS row
MERGE (n:{kind} {{id: row.id}})
SET n.text = row.text,
    n.nothing = CASE WHEN coalesce(n.run_ids, [$run_id]) = [$run_id] THEN row.nothing
                ELSE n.nothing + [x IN row.nothing WHERE NOT x IN n.nothing] END,
    n.run_ids = coalesce(n.run_ids, []) + [x IN [$run_id] WHERE NOT x IN coalesce(n.run_ids, [])]
RETURN count(*)"""
_MERGE_EDGES = """
UNWIND $rows AS row
MATCH (h:{head} {{id: row.head}})
MATCH (t:{tail} {{id: row.tail}})
MERGE (h)-[r:`{type}` {{id: row.id}}]->(t)
SET r.relation = row.relation, r.negated = row.negated, r.score = row.score, r.level = row.level,
    r.sources = row.sources,
    r.run_ids = coalesce(r.run_ids, []) + [x IN [$run_id] WHERE NOT x IN coalesce(r.run_ids, [])]
RETURN count(*)"""
_WITHDRAW_NODES = """
UNWIND $rows AS row
MATCH (n:{kind} {{id: row.id}})
SET n.run_ids = [x IN n.run_ids WHERE x <> $run_id]
WITH n WHERE size(n.run_ids) = 0 AND NOT (n)--()
DELETE n
RETURN count(*)"""
_WITHDRAW_EDGES = """
UNWIND $rows AS row
MATCH (:{head} {{id: row.head}})-[r:`{type}` {{id: row.id}}]->()
SET r.run_ids = [x IN r.run_ids WHERE x <> $run_id]
WITH r WHERE size(r.run_ids) = 0
DELETE r
RETURN count(*)"""


def constraints() -> list[str]:
    """Makes ids unique and nodes quick to find by them."""
    return [
        f"CREATE CONSTRAINT kg_{kind.lower()}_id IF NOT EXISTS FOR (n:{kind}) REQUIRE n.id IS UNIQUE" for kind in KINDS
    ]


def merge_nodes(kind: Kind) -> str:
    """Writes `$rows` of {id, text, nothing} for `$run_id`."""
    return _MERGE_NODES.format(kind=kind)


def merge_edges(relation: Relation) -> str:
    """Writes `$rows` of {id, head, tail, relation, negated, score, level, sources} for `$run_id`."""
    return _MERGE_EDGES.format(head=relation.head, tail=relation.tail, type=relation.cypher_type)


def withdraw_nodes(kind: Kind) -> str:
    """Takes `$run_id` from the nodes `$rows` of {id} and deletes those that no run and no edge needs."""
    return _WITHDRAW_NODES.format(kind=kind)


def withdraw_edges(relation: Relation) -> str:
    """Takes `$run_id` from the edges `$rows` of {id, head} and deletes those that no run has."""
    return _WITHDRAW_EDGES.format(head=relation.head, type=relation.cypher_type)


def counts(ontology: Ontology) -> tuple[list[str], list[str]]:
    """Queries whose answers add up to (nodes, edges); each is one that Neo4j answers without looking at the graph."""
    types = dict.fromkeys(relation.cypher_type for relation in ontology.asserted)
    return (
        [f"MATCH (n:{kind}) RETURN count(n)" for kind in KINDS],
        [f"MATCH ()-[r:`{name}`]->() RETURN count(r)" for name in types],
    )


def nodes_of_run(kind: Kind, answer: str) -> str:
    """`answer`, an expression of the node `n`, for the nodes of `kind` that `$run_id` has."""
    return f"MATCH (n:{kind}) WHERE $run_id IN n.run_ids RETURN {answer}"


def edges_of_run(relation: Relation, answer: str) -> str:
    """`answer`, an expression of the edge `r` and its head `h`, for the edges of `relation` that `$run_id` has."""
    return (
        f"MATCH (h)-[r:`{relation.cypher_type}`]->() "
        f"WHERE r.relation = '{relation.name}' AND $run_id IN r.run_ids RETURN {answer}"
    )


def triples(
    ontology: Ontology, head: str | None, relation: str | None, tail: str | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Queries for (head text, relation name, tail text, negated, score) of at most `$limit` triples, with parameters.

    A node is found by its id, which its kind and text give: the index leads there, and only for one label and one id.
    """
    known = ontology[relation] if relation is not None else None
    heads = [known.head] if known else KINDS if head is not None else [None]
    tails = [known.tail] if known else KINDS if tail is not None else [None]
    where = "r.relation = $relation" if known else "r.relation IS NOT NULL"
    type_ = f":`{known.cypher_type}`" if known else ""
    for head_kind, tail_kind in product(heads, tails):
        h, parameters = _node("h", head, head_kind)
        t, others = _node("t", tail, tail_kind)
        pattern = f"{h}-[r{type_}]->{t}" if head is not None else f"{t}<-[r{type_}]-{h}"  # begins at a known node
        yield (
            f"MATCH {pattern} WHERE {where} "
            "RETURN h.text, r.relation, t.text, r.negated, r.score LIMIT $limit",
            {"relation": relation, **parameters, **others},
        )


def _node(name: str, text: str | None, kind: Kind | None) -> tuple[str, dict[str, Any]]:
    """(pattern, parameters) of a node with this text, where it is given; several texts may share an id."""
    label = f":{kind}" if kind else ""
    if text is None or kind is None:
        return f"({name}{label})", {}
    return (
        f"({name}{label} {{id: ${name}_id, text: ${name}_text}})",
        {f"{name}_id": node_id(text, kind), f"{name}_text": text},
    )
