"""A process that answers SPARQL queries over one on-disk store, one JSON line for each JSON line that it reads.

The engine cannot be told to stop a query, so the kernel does it: a timer with the default action of SIGALRM ends this
process when the query runs over its time, even when the process that asked is gone. This file is run as a script and
imports nothing of ours, so that it starts fast.

Request:  {"text", "prefixes", "timeout", "limit", "as": "rows" or "document"}
Reply:    {"columns", "rows", "truncated"} or {"document"} or {"error"}
"""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyoxigraph as ox

MEMORY = 4 << 30  # bytes that one query may take; beyond them the process ends
TRIES, PAUSE = 20, 0.05  # how often, and after how many seconds, a store is read again that could not be read
_XSD = "http://www.w3.org/2001/XMLSchema#"
_INTEGERS = frozenset(
    _XSD + name for name in (
        "integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger", "negativeInteger",
        "nonPositiveInteger", "unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte",
    )
)
_FLOATS = frozenset(_XSD + name for name in ("double", "float", "decimal"))


class Snapshot:
    """The store as it is on disk now: opened for reading, and again when its files have changed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: object = None
        self._store: ox.Store | None = None

    def query(self, text: str, prefixes: dict[str, str]) -> Any:
        """Starts the query on the store as it is now."""
        seen = self._state()
        if self._store is None or seen != self._seen:
            self._store, self._seen = ox.Store.read_only(self._path), seen
        return self._store.query(text, prefixes=prefixes)

    def forget(self) -> None:
        """Lets the next query open the store again."""
        self._store = None

    def _state(self) -> list[tuple[str, int, int]]:
        """Names, sizes and times of the store's files, without its log, which opening for reading may touch."""
        found = []
        for entry in os.scandir(self._path):
            if not entry.name.startswith("LOG"):
                stat = entry.stat()
                found.append((entry.name, stat.st_size, stat.st_mtime_ns))
        return sorted(found)


def answer(snapshot: Snapshot, request: dict[str, Any]) -> dict[str, Any]:
    """The reply to one request. A writer may remove files just when they are to be read: then once more."""
    shape = document if request["as"] == "document" else rows
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE)
        try:
            return shape(snapshot.query(request["text"], request["prefixes"]), request["limit"])
        except (OSError, RuntimeError) as error:
            problem = error
            snapshot.forget()
        except SyntaxError as error:
            return {"error": syntax(str(error))}
        except ValueError as error:
            return {"error": str(error)}
    return {"error": f"the store cannot be read: {problem}"}


def syntax(message: str) -> str:
    """A short form of a syntax error, whose own text may list every character that could stand there."""
    where, _, reason = message.partition(": ")
    if "Prefix not found" in reason or "IRI parsing failed" in reason:
        reason = "an unknown prefix, or an IRI that is not absolute"
    first = reason.split("\n")[0][:200]
    return f"{where}: {first} (a query is a SELECT, ASK, CONSTRUCT or DESCRIBE)"


def rows(result: Any, limit: int) -> dict[str, Any]:
    """At most `limit` rows of plain values, and whether there are more."""
    if isinstance(result, ox.QueryBoolean):
        return {"columns": ["answer"], "rows": [[bool(result)]], "truncated": False}
    if isinstance(result, ox.QueryTriples):
        columns = ["subject", "predicate", "object"]
    else:
        columns = [variable.value for variable in result.variables]
    found = [[plain(value) for value in row] for row in islice(result, limit)]
    return {"columns": columns, "rows": found, "truncated": len(found) == limit and next(result, None) is not None}


def document(result: Any, limit: int) -> dict[str, Any]:
    """SPARQL 1.1 results as JSON, or N-Triples when the query makes triples."""
    if isinstance(result, ox.QueryBoolean):
        return {"document": json.dumps({"head": {}, "boolean": bool(result)})}
    found = list(islice(result, limit + 1))
    if len(found) > limit:
        return {"error": f"the answer has more than {limit} rows: put a LIMIT into the query"}
    if isinstance(result, ox.QueryTriples):
        return {"document": (ox.serialize(found, format=ox.RdfFormat.N_TRIPLES) or b"").decode()}
    names = [variable.value for variable in result.variables]
    bindings = [dict(bound(names, row)) for row in found]
    head, body = json.dumps({"vars": names}), json.dumps(bindings, ensure_ascii=False)
    return {"document": f'{{"head": {head}, "results": {{"bindings": {body}}}}}'}


def bound(names: list[str], row: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The variables of a row that have a value, each with its term."""
    for name, value in zip(names, row, strict=True):
        if value is not None:
            yield name, json_term(value)


def json_term(value: Any) -> dict[str, Any]:
    """A term in SPARQL 1.2 Query Results JSON."""
    if isinstance(value, ox.NamedNode):
        return {"type": "uri", "value": value.value}
    if isinstance(value, ox.BlankNode):
        return {"type": "bnode", "value": value.value}
    if isinstance(value, ox.Triple):
        parts = {"subject": value.subject, "predicate": value.predicate, "object": value.object}
        return {"type": "triple", "value": {name: json_term(part) for name, part in parts.items()}}
    found = {"type": "literal", "value": value.value}
    if value.language:
        return {**found, "xml:lang": value.language}
    if value.datatype.value != _XSD + "string":
        found["datatype"] = value.datatype.value
    return found


def plain(value: Any) -> Any:
    """A term as a Python value: numbers and booleans as such, texts and IRIs as str, unbound as None."""
    if value is None or isinstance(value, ox.NamedNode):
        return value and value.value
    if isinstance(value, ox.Triple):
        return f"<<( {value} )>>"
    if not isinstance(value, ox.Literal):
        return str(value)
    kind, text = value.datatype.value, value.value
    try:
        if kind in _INTEGERS:
            return int(text)
        if kind in _FLOATS:
            return float(text)
    except ValueError:  # "abc"^^xsd:integer is a term too
        return text
    if kind == _XSD + "boolean":
        return text in ("true", "1")
    return text


def main() -> None:
    """Answers until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the asking process decides what an interrupt means
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    snapshot = Snapshot(sys.argv[1])
    for line in sys.stdin.buffer:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, request["timeout"])
        reply = json.dumps(answer(snapshot, request)).encode()
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.stdout.buffer.write(reply + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
