"""What the queries of people nobody knows may do: the words for the embedded engine, the plan for Neo4j."""

from typing import Any

import pytest

from kg.errors import StoreError
from loaders.cypher_guard import refuse_by_plan, refuse_by_words

GOOD = [
    "MATCH (n) RETURN n", "EXPLAIN MATCH (n) RETURN n", "CALL { RETURN 1 AS x } RETURN x",
    "CALL (n) { RETURN 1 AS x } RETURN x",
    "CALL db.labels()", "call DB.Labels() YIELD label RETURN label", "CALL `db`.`labels`()", "RETURN 'CALL dbms.x()'",
    'RETURN "SHOW TRANSACTIONS"', "// CALL dbms.x()\nRETURN 1",
    "RETURN 1 /* LOAD CSV */", "MATCH (n:CALL) RETURN n.call",
    "WITH 1 AS call RETURN call", "RETURN $call", "RETURN 1;", "MATCH (show) RETURN show", "RETURN `CALL x()`",
    "MATCH (n)-[:LOAD]->() RETURN n", "OPTIONAL CALL db.labels() YIELD label RETURN label", "RETURN 'it\\'s; a' AS x",
]
BAD = [
    "SHOW TRANSACTIONS", "show transactions", "/* */ SHOW USERS", "EXPLAIN SHOW USERS", "\u017fHOW USERS",
    "TERMINATE TRANSACTIONS 'x'", "CALL dbms.x()", "CALL dbms.x", "CALL/**/dbms.x()", "CALL dbms . x ()",
    "CALL `dbms`.x()", "CALL `dbms.x`()", "RETURN 1 UNION CALL algo.pagerank()", "CALL { CALL dbms.x() } RETURN 1",
    "LOAD CSV FROM 'x' AS l RETURN l", "LOAD /* */ CSV FROM 'x' AS l RETURN l", "RETURN 1; MATCH (n) RETURN n",
    "RETURN '\\\\' CALL dbms.x() //'", "RETURN `a``` CALL dbms.x()", "// x\rCALL dbms.x()",
]


@pytest.mark.parametrize("text", GOOD)
def test_reading_is_not_refused(text: str) -> None:
    refuse_by_words(text)


@pytest.mark.parametrize("text", BAD)
def test_words_that_show_stop_load_or_call_are_refused(text: str) -> None:
    with pytest.raises(StoreError):
        refuse_by_words(text)


def plan(*operators: str, details: str = "") -> dict[str, Any]:
    """Operators below one another, as the driver gives them."""
    found: dict[str, Any] = {}
    for name in reversed(operators):
        found = {"operatorType": f"{name}@neo4j", "args": {"Details": details}, "children": [found] if found else []}
    return found


@pytest.mark.parametrize(("kind", "operators", "details"), [
    ("r", ["ProduceResults", "NodeByLabelScan"], ""), ("r", ["ProduceResults", "ShowIndexes"], ""),
    ("r", ["ProduceResults", "ProcedureCall"], "db.labels() :: (label :: STRING)"),
])
def test_plans_that_read_are_not_refused(kind: str, operators: list[str], details: str) -> None:
    refuse_by_plan(kind, plan(*operators, details=details))


@pytest.mark.parametrize(("kind", "operators", "details"), [
    ("rw", ["ProduceResults", "Create"], ""), ("w", ["EmptyResult"], ""), ("s", ["AdministrationCommand"], ""),
    (None, [], ""), ("r", ["ProduceResults", "Apply", "LoadCSV"], ""), ("r", ["ProduceResults", "ShowSettings"], ""),
    ("r", ["ProduceResults", "TerminateTransactions"], ""), ("r", ["ProduceResults", "ProcedureCall"], ""),
    ("r", ["ProduceResults", "ProcedureCall"], "apoc.load.json($a) :: (value :: MAP)"),
])
def test_other_plans_are_refused(kind: str | None, operators: list[str], details: str) -> None:
    with pytest.raises(StoreError):
        refuse_by_plan(kind, plan(*operators, details=details))
