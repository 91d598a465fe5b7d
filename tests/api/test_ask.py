"""Questions in words, asked of stores, near heads and a student."""

from api.ask import Said, ask, cypher_of, sparql_of
from api.completion import GRAPH
from api.neighbours import NEIGHBOURS
from extraction.asking import read_question
from extraction.questions import Asked
from kg.graph import node_id
from kg.ontology import load_ontology
from kg.protocols import Rows
from tests.api.conftest import HEAD, Store, Student

ATOMIC = load_ontology()
WANT = Asked(HEAD, ATOMIC["xWant"])


class Held(Store):
    """A store that has rows by the text of a query."""

    def __init__(self, language: str, rows: dict[str, list[tuple[str, str, float | None]]]) -> None:
        super().__init__(language)
        self.rows = {node_id(head, "Event"): (head, found) for head, found in rows.items()}

    def query(self, text, parameters=None, timeout=30.0, limit=10_000):
        found = [[i, head, t, score] for i, (head, rows) in self.rows.items() if i in text for t, score in rows]
        return Rows(["id", "head", "tail", "score"], found)


class Index:
    def near(self, head: str, label: str) -> list[tuple[str, float]]:
        return [("PersonX bakes a pie", 0.9), ("PersonX sleeps", 0.2)]


ROWS = {
    HEAD: [("eat it", 0.4), ("sell it", 0.7)], "PersonX bakes a pie": [("share it", None)],
    "PersonX sleeps": [("x", 1.0)],
}


def stores(other: dict | None = None) -> list[Held]:
    return [Held("cypher", ROWS), Held("sparql", other or ROWS)]


def test_the_graph_comes_first_then_near_heads_then_the_student() -> None:
    reply = ask(WANT, 3, stores(), Index, Student())
    assert reply.answers[:3] == [
        Said("sell it", 0.7, GRAPH, HEAD), Said("eat it", 0.4, GRAPH, HEAD),
        Said("share it", None, NEIGHBOURS, "PersonX bakes a pie", 0.9),
    ]
    assert {a.source for a in reply.answers[3:]} == {"tiny"}
    assert [set(q) for q in reply.queries] == [{"cypher", "sparql"}] * 2
    assert reply.notes == []


def test_near_heads_are_not_asked_when_the_graph_says_enough() -> None:
    def index():
        raise AssertionError

    reply = ask(WANT, 2, stores(), index, None)
    assert [a.source for a in reply.answers] == [GRAPH, GRAPH]


def test_stores_that_differ_are_told() -> None:
    assert "do not agree" in ask(WANT, 2, stores({HEAD: [("eat it", 0.4)]}), Index, None).notes[0]


def test_what_the_student_never_learned_is_told() -> None:
    reply = ask(Asked(HEAD, ATOMIC["oReact"]), 3, stores(), Index, Student())
    assert "the student never learned oReact" in reply.notes


def test_denied_relations_are_asked_as_such() -> None:
    asked = read_question("What does a cat not want?", ATOMIC)
    assert "r.negated" in cypher_of(asked, ["a"])
    assert "NOT r.negated" not in cypher_of(asked, ["a"])
    assert "NegativePropertyAssertion" in sparql_of(asked, ["a"])
