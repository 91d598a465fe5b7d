"""A question in words, asked of a run's stores in Cypher and SPARQL, then of near heads, then of a student."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from api.completion import GRAPH
from api.neighbours import NEIGHBOURS, NeighbourIndex
from extraction.questions import Asked
from kg.errors import UnknownNameError
from kg.graph import node_id
from kg.protocols import GraphStore, Student

NEAR = 0.6  # cosine from which on a head is near
HEADS = 5  # near heads that are asked


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: the tail that `source` gives for `head`, which is `similarity` (a cosine) like the head asked for.

    `score` is in [0, 1], or None where the graph has none.
    """

    tail: str
    score: float | None
    source: str
    head: str
    similarity: float = 1.0


@dataclass(slots=True)
class Reply:
    """All answers, the queries that were run (`{"cypher", "sparql"}`), and what could not be done."""

    answers: list[Said] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def ask(
    asked: Asked, k: int, stores: Sequence[GraphStore], index: Callable[[], NeighbourIndex], student: Student | None
) -> Reply:
    """At most `k` answers of each source: the graph's, those of near heads when that is less than `k`, the student's.

    The stores hold the same graph; each is asked in its language. Raises StoreError, QueryTimeoutError, TeacherError.
    """
    reply = Reply()
    reply.answers += _run(asked, {node_id(asked.head, asked.relation.head): 1.0}, GRAPH, stores, reply)[:k]
    if len(reply.answers) < k:
        heads = index().near(asked.head, label_of(asked))[:HEADS]
        near = {node_id(h, asked.relation.head): cosine for h, cosine in heads if cosine >= NEAR}
        if near:
            reply.answers += _run(asked, near, NEIGHBOURS, stores, reply)[:k]
        else:
            reply.notes.append("no other head of the graph with this relation is like it")
    if student is not None:
        reply.answers += _of_student(asked, k, student, reply)
    return reply


def label_of(asked: Asked) -> str:
    """The relation's name, with the prefix `Not` when it is denied."""
    return f"Not{asked.relation.name}" if asked.negated else asked.relation.name


def cypher_of(asked: Asked, heads: Iterable[str]) -> str:
    """The Cypher query for the tails of heads, given by their ids: columns id, head, tail, score."""
    names = ", ".join(f"'{head}'" for head in heads)
    denied = "r.negated" if asked.negated else "NOT r.negated"
    return (
        f"MATCH (h:{asked.relation.head})-[r:{asked.relation.cypher_type}]->(t)\nWHERE h.id IN [{names}] AND {denied}\n"
        "RETURN h.id AS id, h.text AS head, t.text AS tail, r.score AS score\nORDER BY score DESC, tail"
    )


def sparql_of(asked: Asked, heads: Iterable[str]) -> str:
    """The SPARQL query for the tails of heads, given by their ids: columns id, head, tail, score."""
    names, relation = " ".join(f"node:{head}" for head in heads), f"kg:{asked.relation.name}"
    said = f"?h {relation} ?t . ?e rdf:reifies <<( ?h {relation} ?t )>> ."
    denied = (
        "?e a owl:NegativePropertyAssertion ; owl:sourceIndividual ?h ;\n"
        f"     owl:assertionProperty {relation} ; owl:targetIndividual ?t ."
    )
    return (
        f"SELECT ?id ?head ?tail (MAX(?s) AS ?score) {{\n  VALUES ?h {{ {names} }}\n"
        f"  {denied if asked.negated else said}\n"
        "  ?h skos:prefLabel ?head . ?t skos:prefLabel ?tail\n  OPTIONAL { ?e kg:score ?s }\n"
        "  BIND(STRAFTER(STR(?h), STR(node:)) AS ?id)\n} GROUP BY ?id ?head ?tail ORDER BY DESC(?score) ?tail"
    )


def _run(
    asked: Asked, heads: dict[str, float], source: str, stores: Sequence[GraphStore], reply: Reply
) -> list[Said]:
    """Runs the query in each store; answers of more similar heads come first. Says so when the stores differ."""
    texts = {"cypher": cypher_of(asked, heads), "sparql": sparql_of(asked, heads)}
    rows = {s.language: s.query(texts[s.language]).rows for s in stores}
    reply.queries.append({language: texts[language] for language in rows})
    if len({frozenset((r[0], r[2]) for r in found) for found in rows.values()}) > 1:
        reply.notes.append("the stores do not agree: load the run again with `kg load`")
    said = {
        (id_, tail): Said(tail, score, source, head, heads[id_])
        for found in rows.values() for id_, head, tail, score in found
    }
    return sorted(said.values(), key=lambda s: (-s.similarity, -1.0 if s.score is None else -s.score, s.tail))


def _of_student(asked: Asked, k: int, student: Student, reply: Reply) -> list[Said]:
    try:
        found = student.complete([(asked.head, label_of(asked))], k)[0]
    except UnknownNameError:
        reply.notes.append(f"the student never learned {label_of(asked)}")
        return []
    return [Said(c.triple.tail, c.score, student.name, asked.head) for c in found]
