"""The named questions as a server offers them: filled in with what its graph has, ready to be asked."""

from collections.abc import Mapping
from dataclasses import dataclass

from api.triples import Edge, Edges
from loaders.questions import Question, Value, load_questions


@dataclass(frozen=True, slots=True)
class Offer:
    """A question, and its texts in both languages with a value for each parameter."""

    question: Question
    cypher: str
    sparql: str


def offers(edges: Edges) -> list[Offer]:
    """All questions, asked of a head, a relation and a tail of the graph; of what the file says where it is empty."""
    some = edges.find(relation="xWant", negated=False, limit=1) or edges.find(limit=1)
    found = []
    for question in load_questions().values():
        values = _values(question, some[0]) if some else question.examples()
        found.append(Offer(question, question.filled("cypher", values), question.filled("sparql", values)))
    return found


def _values(question: Question, edge: Edge) -> Mapping[str, Value]:
    triple = edge.triple
    own = {"event": triple.head, "head": triple.head, "relation": triple.relation, "tail": triple.tail}
    return {name: own.get(name, example) for name, example in question.examples().items()}
