"""Every named question gives the same rows in every store: those that it should give of a graph of two runs."""

from pathlib import Path
from typing import Any

import pytest

from kg.protocols import GraphStore, Rows
from kg.records import Triple
from loaders.questions import load_questions
from tests.graphs import write_graph
from tests.twins import ask, difference

BAKES, EATS, DOG, SINGS = "PersonX bakes a cake", "PersonX eats the cake", "PersonX gets a dog", "PersonX sings"
ONE: list[tuple[Triple, float | None]] = [
    (Triple(BAKES, "xWant", EATS), 0.75),
    (Triple(BAKES, "xWant", "to sell it"), 0.5),
    (Triple(BAKES, "xWant", "to burn it", negated=True), 0.25),
    (Triple(BAKES, "xNeed", "to buy flour"), None),
    (Triple(BAKES, "xEffect", EATS), 0.5),
    (Triple(BAKES, "xIntent", "to celebrate"), None),
    (Triple(BAKES, "xReact", "happy"), 0.5),
    (Triple(BAKES, "xReact", "proud"), 0.25),
    (Triple(BAKES, "oReact", "hungry"), 0.5),
    (Triple(BAKES, "oReact", "none"), None),
    (Triple(BAKES, "oWant", "none"), None),
    (Triple(BAKES, "xAttr", "skilled"), None),
    (Triple(EATS, "xNeed", "to find a fork"), None),
    (Triple(EATS, "xWant", "to find a fork"), None),
    (Triple(EATS, "xEffect", BAKES), None),
    (Triple("to find a fork", "xEffect", "opens the drawer"), None),
    (Triple(SINGS, "xReact", "happy"), None),
    (Triple(SINGS, "xReact", "happy", negated=True), None),
    (Triple("oven", "AtLocation", "kitchen"), None),
]
TWO: list[tuple[Triple, float | None]] = [
    (Triple(BAKES, "xWant", EATS), 0.75),
    (Triple(DOG, "xWant", EATS), 0.125),
    (Triple(DOG, "xReact", "happy"), None),
    (Triple(DOG, "oEffect", "gets bitten 😀"), None),
]
ASKED: dict[str, dict[str, Any]] = {
    "others": {"event": DOG}, "denied": {"head": SINGS}, "nothing": {"head": BAKES}, "heads-of": {"tail": EATS},
    "between": {"head": SINGS, "tail": "happy"}, "find": {"word": "CAKE"}, "similar": {"event": DOG},
    "mixed-feelings": {"one": "happy", "other": "proud"}, "gaps": {"relation": "xNeed"},
    "comes-from": {"event": "to find a fork"}, "answers-a-head": {"relation": "xReact"},
    "confident": {"at_least": 0.5}, "well-supported": {"at_least": 1, "most": 1},
}
EXPECTED: dict[str, list[list[Any]]] = {
    "wants": [[EATS, 0.75], ["to sell it", 0.5]],
    "needs": [["to buy flour"]],
    "intents": [["to celebrate"]],
    "effects": [[EATS]],
    "feelings": [["PersonX", "happy"], ["PersonX", "proud"], ["others", "hungry"]],
    "traits": [["skilled"]],
    "others": [["oEffect", "gets bitten 😀"]],
    "everything": [
        ["oReact", "hungry", False, 0.5], ["xAttr", "skilled", False, None], ["xEffect", EATS, False, 0.5],
        ["xIntent", "to celebrate", False, None], ["xNeed", "to buy flour", False, None],
        ["xReact", "happy", False, 0.5], ["xReact", "proud", False, 0.25], ["xWant", EATS, False, 0.75],
        ["xWant", "to burn it", True, 0.25], ["xWant", "to sell it", False, 0.5],
    ],
    "denied": [["xReact", "happy"]],
    "nothing": [["oReact"], ["oWant"]],
    "heads-of": [["xEffect", BAKES], ["xWant", BAKES], ["xWant", DOG]],
    "between": [["xReact", False, 1], ["xReact", True, 1]],
    "find": [[BAKES, "Event"], [EATS, "Event"]],
    "needs-of-wants": [[EATS, "to find a fork"]],
    "same-want": [[EATS, DOG]],
    "similar": [[BAKES, 2], [SINGS, 1]],
    "wants-when-feeling": [[EATS, 2], ["to sell it", 1]],
    "mixed-feelings": [[BAKES]],
    "feelings-apart": [[BAKES, "hungry"]],
    "gaps": [[DOG, 3], [SINGS, 1], ["to find a fork", 1]],
    "effects-wanted": [[BAKES, EATS]],
    "confident": [
        [BAKES, "xWant", EATS, 0.75], [BAKES, "oReact", "hungry", 0.5], [BAKES, "xEffect", EATS, 0.5],
        [BAKES, "xReact", "happy", 0.5], [BAKES, "xWant", "to sell it", 0.5],
    ],
    "well-supported": [[BAKES, "oReact", "hungry", 1]],
    "chains": [[BAKES, EATS, "to find a fork", "opens the drawer"], [DOG, EATS, "to find a fork", "opens the drawer"]],
    "stories": [
        ["to buy flour", BAKES, EATS, EATS], ["to buy flour", BAKES, EATS, "to sell it"],
        ["to find a fork", EATS, BAKES, "to find a fork"],
    ],
    "leads-to": [[EATS, 1], ["to sell it", 1], [BAKES, 2], ["to find a fork", 2], ["opens the drawer", 3]],
    "comes-from": [[EATS, 1], [BAKES, 2], [DOG, 2]],
    "circles": [[BAKES], [EATS]],
    "contradictions": [[SINGS, "xReact", "happy"]],
    "nothing-and-something": [[BAKES, "oReact", 1]],
    "many-runs": [[BAKES, "Event", 2], [EATS, "Event", 2], ["happy", "State", 2]],
    "central": [
        [BAKES, 10], [EATS, 6], [DOG, 3], ["to find a fork", 3], [SINGS, 1], ["gets bitten 😀", 1],
        ["opens the drawer", 1], ["to buy flour", 1], ["to celebrate", 1], ["to sell it", 1],
    ],
    "busiest": [[BAKES, 9], [EATS, 3], [DOG, 3], [SINGS, 1], ["to find a fork", 1]],
    "commonest-tails": [
        ["happy", "State", 3], [EATS, "Event", 2], [BAKES, "Event", 1], ["gets bitten 😀", "Event", 1],
        ["hungry", "State", 1], ["kitchen", "Thing", 1], ["opens the drawer", "Event", 1], ["proud", "State", 1],
        ["skilled", "State", 1], ["to buy flour", "Event", 1], ["to celebrate", "Event", 1],
        ["to find a fork", "Event", 1], ["to sell it", "Event", 1],
    ],
    "joints": [[EATS, 3, 3], ["to find a fork", 2, 1], [BAKES, 1, 9]],
    "feelings-together": [["happy", "proud", 1]],
    "overlaps": [["xEffect", "xWant", 1], ["xNeed", "xWant", 1]],
    "relations": [
        ["xReact", 4, 3, 0.375, 0.25, 0.5], ["xWant", 4, 3, 0.458, 0.125, 0.75], ["xEffect", 3, 3, 0.5, 0.5, 0.5],
        ["xNeed", 2, 2, None, None, None], ["AtLocation", 1, 1, None, None, None], ["oEffect", 1, 1, None, None, None],
        ["oReact", 1, 1, 0.5, 0.5, 0.5], ["xAttr", 1, 1, None, None, None], ["xIntent", 1, 1, None, None, None],
    ],
    "levels": [["", False, 18], ["", True, 2]],
    "kinds": [["Event", 11], ["State", 4], ["Thing", 2]],
    "answers-a-head": [[1, 2], [2, 1]],
    "runs": [["demo-1", 15, 17], ["other-1", 5, 4]],
}


@pytest.fixture(params=["embedded_store", pytest.param("neo4j_store", marks=pytest.mark.neo4j), "rdf_store"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> GraphStore:
    found: GraphStore = request.getfixturevalue(request.param)
    found.write(write_graph(tmp_path / "one", ONE), "demo-1")
    found.write(write_graph(tmp_path / "two", TWO, "other-1"), "other-1")
    return found


def test_every_question_gives_the_expected_rows(store: GraphStore) -> None:
    for name, question in load_questions().items():
        default = {p.name: BAKES for p in question.parameters if p.name in ("event", "head")}
        values = question.values({**question.examples(), **default, **ASKED.get(name, {})})
        answer = ask(store, question, values)
        assert not difference(answer, Rows(answer.columns, EXPECTED[name])), name


def test_every_question_has_an_expected_answer_with_rows() -> None:
    assert set(EXPECTED) == set(load_questions())
    assert all(EXPECTED.values())


def test_a_difference_is_told() -> None:
    rows = Rows(["a"], [[1], [2.0]])
    assert not difference(rows, Rows(["a"], [[1], [2.0 + 1e-12]]))
    for other in (Rows(["b"], rows.rows), Rows(["a"], [[1]]), Rows(["a"], [[2.0], [1]]), Rows(["a"], [[True], [2.0]])):
        assert difference(rows, other)
