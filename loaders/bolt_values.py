"""Between Bolt and the rest: plain Python values out, bounded batches in, errors that say what to do."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import orjson
from neo4j import Result
from neo4j import exceptions as bolt
from neo4j.graph import Node, Path, Relationship
from neo4j.spatial import Point
from neo4j.time import Date, DateTime, Duration, Time

from kg.errors import QueryTimeoutError, StoreError
from kg.protocols import Rows
from loaders.bolt_server import Server

T = TypeVar("T")
BATCH = 10_000  # rows a transaction
HELD = 5 * BATCH
BATCH_CHARACTERS = 4_000_000  # of text a transaction: a server with little memory must hold it all

PART = 500  # rows of an answer handed over at once
PART_CHARACTERS = 200_000

_KEPT = ("_nodes", "_relationships", "_legacy_nodes", "_legacy_relationships")  # of the driver's graph; the last: 5.x
_AS_IT_IS = frozenset([str, bool, int, type(None)])
_NAMES = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}  # of the numbers that JSON has no form for
_STOPPED = ("TransactionTimedOut", "TransactionTimedOutClientConfiguration", "Terminated")
_REFUSED = ("Forbidden", "AccessMode", "ForbiddenOnReadOnlyDatabase")


def plain(value: Any) -> Any:
    """A value of the driver as plain Python: dicts for what makes up a graph, ISO 8601 strings for times.

    Numbers that JSON lacks are "NaN", "Infinity" and "-Infinity", bytes are hexadecimal digits and points
    {"srid", "coordinates"}.
    """
    if type(value) in _AS_IT_IS:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else _NAMES[str(value)]
    if type(value) is list:
        return [plain(v) for v in value]
    if isinstance(value, Node):
        return {"id": value.element_id, "labels": sorted(value.labels), "properties": _plain_map(value)}
    if isinstance(value, Relationship):
        return _relationship(value)
    if isinstance(value, Path):
        return {
            "nodes": [plain(node) for node in value.nodes],
            "relationships": [_relationship(relationship) for relationship in value.relationships],
        }
    if isinstance(value, (Date, DateTime, Duration, Time)):
        return value.iso_format()
    if isinstance(value, Point):
        return {"srid": value.srid, "coordinates": list(value)}
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, Mapping):
        return _plain_map(value)
    if isinstance(value, Iterable):
        return [plain(v) for v in value]
    return str(value)


def _plain_map(value: Any) -> dict[str, Any]:
    return {k: v if type(v) in _AS_IT_IS else plain(v) for k, v in value.items()}


def _relationship(value: Relationship) -> dict[str, Any]:
    start, end = value.nodes
    return {
        "id": value.element_id,
        "type": value.type,
        "start": start.element_id if start else None,
        "end": end.element_id if end else None,
        "properties": _plain_map(value),
    }


def hand_over(result: Result, limit: int, take: Callable[[Rows], None]) -> bool:
    """Gives the first `limit` rows, as plain values, to `take` in bounded parts; returns whether rows are left.

    There is at least one part; the last one says whether rows are left. EXPLAIN has one row, `plan`.
    """
    columns, rows, count, size = list(result.keys()), list[list[Any]](), 0, 0
    for record in result:
        if count == limit:
            take(Rows(columns, rows, truncated=True))
            return True
        if len(rows) == PART or size >= PART_CHARACTERS:
            take(Rows(columns, rows))
            rows, size = [], 0
            _forget(result)
        rows.append([plain(value) for value in record.values()])
        count, size = count + 1, size + _length(rows[-1])
    _forget(result)
    plan = None if count else result.consume().plan
    take(Rows(["plan"], [[plan["args"]["string-representation"]]]) if plan else Rows(columns, rows))
    return False


def _forget(result: Result) -> None:
    """Lets go of nodes and relationships that the driver keeps as long as the answer, and then in reference cycles."""
    graph = cast(Any, result)._hydration_scope.get_graph()
    for name in _KEPT:
        getattr(graph, name, {}).clear()


def _length(row: list[Any]) -> int:
    """About how many characters a row has."""
    try:
        return len(orjson.dumps(row))  # a tenth of what repr takes
    except orjson.JSONEncodeError:  # half surrogates
        return len(repr(row))


def chunks(rows: Iterable[dict[str, Any]], text: str = "") -> Iterator[list[dict[str, Any]]]:
    """Cuts rows, in order, into lists for one transaction each; the key `text` holds their long strings, if any."""
    chunk: list[dict[str, Any]] = []
    characters = 0
    for row in rows:
        chunk.append(row)
        characters += len(row[text]) if text else 0
        if len(chunk) == BATCH or characters >= BATCH_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def batches(rows: Iterable[dict[str, Any]], key: str, text: str = "") -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """(value of `key`, rows that have it) for one transaction each, in the order of the rows and as large as can be.

    At most `HELD` rows wait for others of their kind. `text` is as in `chunks`.
    """
    waiting: dict[Any, list[dict[str, Any]]] = {}
    characters: Counter[Any] = Counter()
    held = 0
    for row in rows:
        group = row[key]
        waiting.setdefault(group, []).append(row)
        characters[group] += len(row[text]) if text else 0
        held += 1
        full = len(waiting[group]) == BATCH or characters[group] >= BATCH_CHARACTERS
        if full or held == HELD:
            found = group if full else max(waiting, key=lambda name: len(waiting[name]))
            held -= len(waiting[found])
            del characters[found]
            yield found, waiting.pop(found)
    yield from waiting.items()


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The items; while one is in use, a thread makes the next."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield cast(T, item)


def store_error(error: Exception, server: Server) -> StoreError:
    """What `error` of the driver means to a user of the server, and what to do."""
    if isinstance(error, bolt.AuthError):
        return StoreError(f"{server.name} refuses the user or the password: set KG_BOLT_USER and KG_BOLT_PASSWORD")
    unknown_host = isinstance(error, ValueError) and "DNS resolve" in str(error)
    if unknown_host or isinstance(error, bolt.ServiceUnavailable | bolt.SessionExpired):
        return StoreError(f"{server.name} cannot be reached: {server.help} ({' '.join(str(error).split())})")
    if isinstance(error, bolt.Neo4jError):
        return _server_error(error, server)
    if isinstance(error, bolt.DriverError):
        return StoreError(f"{server.name}: {error}")
    return StoreError(f"the query or a parameter cannot be sent ({error}); text, 64-bit numbers, lists and maps can")


def _server_error(error: bolt.Neo4jError, server: Server) -> StoreError:
    message, kind = error.message or str(error), str(error.code).rpartition(".")[2]
    if kind in _STOPPED:
        return QueryTimeoutError(f"{server.name} stopped the query: {message}")
    if kind in _REFUSED:
        return StoreError(f"queries may only read, and the server refused this one ({message}): `kg load` writes")
    if kind == "DatabaseNotFound":
        return StoreError(f"{server.name}: {message} Set KG_BOLT_DATABASE to one that it has")
    return StoreError(f"{server.name} refused: {message}")
