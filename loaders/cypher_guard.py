"""What a query of people nobody knows may do, beside reading the graph: little.

That it writes nothing is the engine's to enforce. But both engines count as reading what a public endpoint must not
offer: LOAD CSV, which reads files and the network; procedures, some of which show settings or run for hours; SHOW and
TERMINATE, which show and stop the queries of others. Neo4j says by EXPLAIN what it has understood, so its plan is
judged. The embedded engine's plan does not tell all; its words are judged there, in the way that its lexer reads them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kg.errors import StoreError

PROCEDURES = {name.lower(): name for name in (
    "db.labels", "db.relationshipTypes", "db.propertyKeys", "db.schema.visualization", "db.schema.nodeTypeProperties",
    "db.schema.relTypeProperties", "db.index.fulltext.queryNodes", "db.index.vector.queryNodes",
)}
_SHOWN = {"ShowIndexes", "ShowConstraints", "ShowFunctions", "ShowProcedures"}
_TOKEN = re.compile(
    r"""//[^\n\r]*|/\*.*?\*/|(?P<string>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|(?P<name>`(?:``|[^`])*`|[^\W\d]\w*)|\S""",
    re.DOTALL,
)
_COMMANDS = {"SHOW", "TERMINATE"}
_AFTER_A_VARIABLE = {"AS", "AND", "OR", "XOR", "IN", "IS", "CONTAINS", "STARTS", "ENDS", "RETURN", "WITH", "WHERE"}
_CALLED = re.compile(r"\s*([\w.`]+)")


def refuse_by_plan(kind: str | None, plan: Mapping[str, Any] | None) -> None:
    """Raises StoreError when Neo4j's plan for a query does more than read the graph. `kind` is its query type."""
    if kind != "r":
        raise StoreError("queries may only read the graph, and the server says that this one does more")
    for operator in _operators(plan or {}):
        name = str(operator["operatorType"]).partition("@")[0]
        if name == "LoadCSV":
            raise _refusal("LOAD CSV")
        if name.startswith(("Show", "Terminate")) and name not in _SHOWN:
            raise _refusal(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).upper())
        if name == "ProcedureCall":
            called = _CALLED.match(str(operator.get("args", {}).get("Details", "")))
            _check_procedure(called[1] if called else "")


def refuse_by_words(text: str) -> None:
    """Raises StoreError when a query for the embedded engine shows, stops, loads, or calls others than PROCEDURES."""
    words = list(_words(text))
    upper = [word.upper() for word in words]
    first = next((word for word in upper if word not in ("EXPLAIN", "PROFILE")), "")
    if first in _COMMANDS:
        raise _refusal(first)
    if ";" in upper and any(word != ";" for word in upper[upper.index(";"):]):
        raise StoreError("one query at a time: the text goes on after a semicolon")
    for i, word in enumerate(upper):
        before, rest = upper[i - 1] if i else "", upper[i + 1 :]
        if word == "LOAD" and rest[:1] == ["CSV"]:
            raise _refusal("LOAD CSV")
        if word == "CALL" and before not in (".", ":", "$") and _is_call(rest):
            _check_procedure("".join(_dotted(words[i + 1 :])))


def _is_call(rest: list[str]) -> bool:
    """Whether CALL, before these tokens, calls a procedure: it is no subquery, and no variable of that name."""
    following = rest[0] if rest else ""
    return (following[:1].isalpha() or following[:1] in ("_", "`")) and following not in _AFTER_A_VARIABLE


def _dotted(words: list[str]) -> Iterator[str]:
    """The tokens of a dotted name at the beginning of `words`."""
    for i, word in enumerate(words):
        if (word == ".") != (i % 2 == 1):
            return
        yield word.strip("`")


def _words(text: str) -> Iterator[str]:
    """Names and signs; comments are nothing, and of a string only its quotes are left."""
    for token in _TOKEN.finditer(text):
        if token["name"]:
            yield token["name"]
        elif token["string"]:
            yield "''"
        elif not token[0].startswith(("//", "/*")):
            yield token[0]


def _operators(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All operators of a plan."""
    waiting = [plan] if plan else []
    while waiting:
        operator = waiting.pop()
        yield operator
        waiting += operator.get("children", [])


def _check_procedure(name: str) -> None:
    if name.replace("`", "").lower() not in PROCEDURES:
        allowed = ", ".join(sorted(PROCEDURES.values()))
        raise StoreError(f"the procedure {name[:100] or 'called'} is not offered here; these are: {allowed}")


def _refusal(what: str) -> StoreError:
    return StoreError(f"{what} is not offered here: queries may only read the graph")
