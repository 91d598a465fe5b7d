"""The Cypher that writes and reads a graph. Labels and types come from the ontology alone, all else is a parameter."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from kg.graph import node_id
from kg.ontology import KINDS, Kind, Ontology, Relation

# What a single run says stands in the properties themselves. Where several runs meet, lists parallel to `run_ids` keep
# what each of them says, so that any one can be withdrawn; a score of -1 or an entity of '' there is none,
# `run_nothing` has "relation run", and an item of `run_modalities` all those of one run, with spaces between. In one
# SET Neo4j sees what the items before have set, the embedded engine does not: no item may read what one before it sets.
_ALONE = "all(x IN {x}.run_ids WHERE x = $run_id)"
_OTHERS = "[i IN range(0, size({x}.run_ids) - 1) WHERE {x}.run_ids[i] <> $run_id | {each}]"
_RELATION = "split(x, ' ')[0]"
_NOTHING_OF_OTHERS = (
    f"[x IN coalesce(n.run_nothing, [y IN n.nothing | y + ' ' + n.run_ids[0]]) WHERE x <> {_RELATION} + ' ' + $run_id]"
)
_DISTINCT = f"reduce(all = [], x IN n.run_nothing | CASE WHEN {_RELATION} IN all THEN all ELSE all + [{_RELATION}] END)"


def _others(item: str, kept: str, said: str) -> str:
    """What the other runs say, in the order of their ids: from the list `kept`, or else the property's value `said`."""
    return _OTHERS.format(x=item, each=f"coalesce(coalesce({item}.{kept}, [])[i], {said})")


_NODE_ALONE, _EDGE_ALONE = _ALONE.format(x="n"), _ALONE.format(x="r")
_NODE_RUNS, _EDGE_RUNS = (_OTHERS.format(x=x, each=f"{x}.run_ids[i]") for x in "nr")
_TEXTS = _others("n", "run_texts", "n.text")
_SCORES = _others("r", "run_scores", "r.score, -1.0")
_LEVELS = _others("r", "run_levels", "r.level")
_SOURCES = _others("r", "run_sources", "r.sources")
_ENTITIES = _others("n", "run_entities", "n.entity, ''")
_JOINED = "reduce(all = '', x IN coalesce({x}.modalities, []) | all + CASE WHEN all = '' THEN '' ELSE ' ' END + x)"
_MODALITIES = _others("r", "run_modalities", _JOINED.format(x="r"))

NODES, EDGES = "MATCH (n) RETURN count(n) AS n", "MATCH ()-[r]->() RETURN count(r) AS n"  # how many a server has in all
# What is new is the common case, and the short text for it is quicker than the one that knows the others.
_CREATE_NODES = """
UNWIND $rows AS row
MERGE (n:{kind} {{id: row.id}})
ON CREATE SET n.text = row.text, n.nothing = row.nothing, n.entity = row.entity, n.run_ids = [$run_id]"""
_CREATE_EDGES = """
UNWIND $rows AS row
MATCH (h:{head} {{id: row.head}})
MATCH (t:{tail} {{id: row.tail}})
MERGE (h)-[r:`{type}` {{id: row.id}}]->(t)
ON CREATE SET r.relation = row.relation, r.negated = row.negated, r.score = row.score, r.level = row.level,
  r.sources = row.sources, r.modalities = row.modalities, r.run_ids = [$run_id]"""
_MERGE_NODES = f"""
UNWIND $rows AS row
MERGE (n:{{kind}} {{{{id: row.id}}}})
ON CREATE SET n.text = row.text, n.nothing = row.nothing, n.entity = row.entity, n.run_ids = [$run_id]
ON MATCH SET
  n.run_texts = CASE WHEN {_NODE_ALONE} THEN null ELSE {_TEXTS} + [row.text] END,
  n.run_nothing = CASE WHEN {_NODE_ALONE} THEN null
                  ELSE {_NOTHING_OF_OTHERS} + [x IN row.nothing | x + ' ' + $run_id] END,
  n.run_entities = CASE WHEN {_NODE_ALONE} THEN null ELSE {_ENTITIES} + [coalesce(row.entity, '')] END,
  n.text = row.text, n.entity = row.entity,
  n.run_ids = {_NODE_RUNS} + [$run_id]
WITH n, row WHERE n.run_nothing IS NOT NULL OR n.nothing <> row.nothing
SET n.nothing = CASE WHEN n.run_nothing IS NULL THEN row.nothing ELSE {_DISTINCT} END"""
_MERGE_EDGES = f"""
UNWIND $rows AS row
MATCH (h:{{head}} {{{{id: row.head}}}})
MATCH (t:{{tail}} {{{{id: row.tail}}}})
MERGE (h)-[r:`{{type}}` {{{{id: row.id}}}}]->(t)
ON CREATE SET r.relation = row.relation, r.negated = row.negated, r.score = row.score, r.level = row.level,
  r.sources = row.sources, r.modalities = row.modalities, r.run_ids = [$run_id]
ON MATCH SET
  r.run_scores = CASE WHEN {_EDGE_ALONE} THEN null ELSE {_SCORES} + [coalesce(row.score, -1.0)] END,
  r.run_levels = CASE WHEN {_EDGE_ALONE} THEN null ELSE {_LEVELS} + [row.level] END,
  r.run_sources = CASE WHEN {_EDGE_ALONE} THEN null ELSE {_SOURCES} + [row.sources] END,
  r.run_modalities = CASE WHEN {_EDGE_ALONE} THEN null ELSE {_MODALITIES} + [{_JOINED.format(x="row")}] END,
  r.score = row.score, r.level = row.level, r.sources = row.sources, r.modalities = row.modalities,
  r.run_ids = {_EDGE_RUNS} + [$run_id]
RETURN count(*)"""
_WITHDRAW_NODES = f"""
UNWIND $rows AS row
MATCH (n:{{kind}} {{{{id: row.id}}}}) WHERE $run_id IN n.run_ids
SET n.run_texts = {_TEXTS},
  n.run_entities = {_ENTITIES},
  n.run_nothing = {_NOTHING_OF_OTHERS},
  n.run_ids = {_NODE_RUNS}
WITH n
SET n.text = coalesce(last(n.run_texts), n.text),
  n.entity = CASE WHEN last(n.run_entities) <> '' THEN last(n.run_entities) END,
  n.nothing = {_DISTINCT}
WITH n
SET n.run_texts = CASE WHEN size(n.run_ids) > 1 THEN n.run_texts END,
  n.run_entities = CASE WHEN size(n.run_ids) > 1 THEN n.run_entities END,
  n.run_nothing = CASE WHEN size(n.run_ids) > 1 THEN n.run_nothing END
WITH n WHERE size(n.run_ids) = 0 AND NOT (n)--()
DELETE n
RETURN count(*)"""
_WITHDRAW_EDGES = f"""
UNWIND $rows AS row
MATCH (:{{head}} {{{{id: row.head}}}})-[r:`{{type}}` {{{{id: row.id}}}}]->() WHERE $run_id IN r.run_ids
SET r.run_scores = {_SCORES},
  r.run_levels = {_LEVELS},
  r.run_sources = {_SOURCES},
  r.run_modalities = {_MODALITIES},
  r.run_ids = {_EDGE_RUNS}
WITH r
SET r.score = CASE WHEN last(r.run_scores) >= 0 THEN last(r.run_scores) END,
  r.level = last(r.run_levels),
  r.sources = last(r.run_sources),
  r.modalities = CASE WHEN last(r.run_modalities) <> '' THEN split(last(r.run_modalities), ' ') END
WITH r
SET r.run_scores = CASE WHEN size(r.run_ids) > 1 THEN r.run_scores END,
  r.run_levels = CASE WHEN size(r.run_ids) > 1 THEN r.run_levels END,
  r.run_sources = CASE WHEN size(r.run_ids) > 1 THEN r.run_sources END,
  r.run_modalities = CASE WHEN size(r.run_ids) > 1 THEN r.run_modalities END
WITH r WHERE size(r.run_ids) = 0
DELETE r
RETURN count(*)"""


def constraints() -> list[str]:
    """Makes ids unique and nodes quick to find by them."""
    return [
        f"CREATE CONSTRAINT kg_{kind.lower()}_id IF NOT EXISTS FOR (n:{kind}) REQUIRE n.id IS UNIQUE" for kind in KINDS
    ]


def text_indexes() -> list[str]:
    """Makes nodes findable by words of their texts: `CALL db.index.fulltext.queryNodes('kg_text', 'cake')`."""
    kinds = "|".join(KINDS)
    return [f"CREATE FULLTEXT INDEX kg_text IF NOT EXISTS FOR (n:{kinds}) ON EACH [n.text]"]


def without_embedding(kind: Kind) -> str:
    """(id, text) of the nodes among `$rows` of {id} that have no embedding by `$encoder`."""
    return (
        f"UNWIND $rows AS row MATCH (n:{kind} {{id: row.id}}) "
        "WHERE n.embedding IS NULL OR n.encoder <> $encoder RETURN n.id AS id, n.text AS text"
    )


def set_embedding(kind: Kind) -> str:
    """Gives the nodes `$rows` of {id, vector} their embeddings by `$encoder`, as 32-bit numbers."""
    return (
        f"UNWIND $rows AS row MATCH (n:{kind} {{id: row.id}}) SET n.encoder = $encoder "
        "WITH n, row CALL db.create.setNodeVectorProperty(n, 'embedding', row.vector) RETURN count(*)"
    )


def vector_index(kind: Kind) -> tuple[str, str]:
    """(name, text that makes it) of the index by which nodes near a vector of `$dimensions` numbers are found."""
    name = f"kg_embedding_{kind.lower()}"
    return name, (
        f"CREATE VECTOR INDEX {name} IF NOT EXISTS FOR (n:{kind}) ON (n.embedding) "
        "OPTIONS {indexConfig: {`vector.dimensions`: $dimensions, `vector.similarity_function`: 'cosine'}}"
    )


def create_nodes(kind: Kind) -> str:
    """Writes those of `$rows` that are not there yet, as `merge_nodes` would."""
    return _CREATE_NODES.format(kind=kind)


def create_edges(relation: Relation) -> str:
    """Writes those of `$rows` that are not there yet, as `merge_edges` would."""
    return _CREATE_EDGES.format(head=relation.head, tail=relation.tail, type=relation.cypher_type)


def merge_nodes(kind: Kind) -> str:
    """Writes `$rows` of {id, text, nothing, entity} for `$run_id`."""
    return _MERGE_NODES.format(kind=kind)


def merge_edges(relation: Relation) -> str:
    """Writes `$rows` of {id, head, tail, relation, negated, score, level, sources, modalities} for `$run_id`."""
    return _MERGE_EDGES.format(head=relation.head, tail=relation.tail, type=relation.cypher_type)


def withdraw_nodes(kind: Kind) -> str:
    """Takes `$run_id` from the nodes `$rows` of {id} and deletes those that no run and no edge needs."""
    return _WITHDRAW_NODES.format(kind=kind)


def withdraw_edges(relation: Relation) -> str:
    """Takes `$run_id` from the edges `$rows` of {id, head} and deletes those that no run has."""
    return _WITHDRAW_EDGES.format(head=relation.head, type=relation.cypher_type)


def counts(ontology: Ontology) -> tuple[list[str], list[str]]:
    """Queries whose answers `n` add up to (nodes, edges), each one that Neo4j answers without looking at the graph."""
    types = dict.fromkeys(relation.cypher_type for relation in ontology.asserted)
    return (
        [f"MATCH (n:{kind}) RETURN count(n) AS n" for kind in KINDS],
        [f"MATCH ()-[r:`{name}`]->() RETURN count(r) AS n" for name in types],
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
