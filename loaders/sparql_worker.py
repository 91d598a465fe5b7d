"""A process that answers SPARQL queries over one on-disk store, one request a line.

The engine cannot be told to stop a query, so the kernel does it: a timer with the default action of SIGALRM ends this
process when the query runs over its time, even when the process that asked is gone.

Arguments: the folder of the store, and the prefixes that every query knows, as JSON.
Request: {"text", "deadline", "limit"} and, for a document, {"forms", "base", "dataset", "most", "services"}; the
         deadline is of the system's monotonic clock, so that the time that this process takes to start counts
Reply:   {"columns", "rows", "truncated"}, or {"error", "kind"}, or a document: {"media_type", "length"}, a line, and
         then its bytes. Where `length` is null, the bytes come as frames: four bytes of length, and so many bytes; the
         last frame is empty. A frame of length `FAILED` says that the answer ends here, and a line why.
An empty line instead of a request, in the midst of frames, ends the document.
"""

import json
import os
import re
import resource
import select
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, Any, BinaryIO, cast

import pyoxigraph as ox

from kg.errors import StoreError
from loaders.sparql_engine import ask
from loaders.sparql_results import GRAPHS, ROWS, plain_xml
from loaders.sparql_text import services

MEMORY = 4 << 30  # bytes that one query may take; beyond them the process ends
HOLD = 1 << 20  # bytes of a document that are held back: as long as it is shorter, an error has a status of its own
FRAME = 1 << 16  # bytes
FAILED = 0xFFFFFFFF
CLOCK = 1_000_000_000  # nanoseconds: two changes of a folder within less may have the same time
TRIES, PAUSE = 20, 0.05  # how often, and after how many seconds, a store is read again that could not be read
_GROWING = re.compile(r"MANIFEST-|\d+\.log$")  # of RocksDB: the list of its files, and what is not in a table yet
_XSD = "http://www.w3.org/2001/XMLSchema#"
_INTEGERS = frozenset(
    _XSD + name for name in (
        "integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger", "negativeInteger",
        "nonPositiveInteger", "unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte",
    )
)
_FUNCTION = re.compile(r"function (<[^>]*>) is not supported")
_FLOATS = frozenset(_XSD + name for name in ("double", "float", "decimal"))


class Snapshot:
    """The store as it is on disk now: opened for reading, and again when its files have changed.

    `prefixes` are known to every query.
    """

    def __init__(self, path: str, prefixes: dict[str, str]) -> None:
        self.prefixes = prefixes
        self._path = path
        self._store: ox.Store | None = None
        self._files: list[tuple[str, int, int]] = []
        self._folder = 0  # when a file came or went; 0 while another one may have come at the same time
        self._growing: list[tuple[str, int]] = []  # the files that are appended to, and their sizes

    def query(self, request: dict[str, Any]) -> Any:
        """Starts a request's query on the store as it is now."""
        text = request["text"]
        # The engine reads each prefix anew for each query. One may be hidden by an escape: then all are given.
        used = {name: iri for name, iri in self.prefixes.items() if f"{name}:" in text or "\\" in text}
        return ask(self._now(), {**request, "prefixes": used})

    def forget(self) -> None:
        """Lets the next query open the store again."""
        self._store = None

    def _now(self) -> ox.Store:
        """The store. No file of it is written twice, but for those that grow, so few need to be looked at."""
        folder = os.stat(self._path).st_mtime_ns
        same = folder == self._folder and all(os.stat(path).st_size == size for path, size in self._growing)
        if self._store is None or not same:
            files = self._scan()
            if self._store is None or files != self._files:
                self._store = ox.Store.read_only(self._path)
            self._files = files
            self._folder = folder if time.time_ns() - folder > CLOCK else 0
            self._growing = [(f"{self._path}/{name}", size) for name, size, _ in files if _GROWING.match(name)]
        return self._store

    def _scan(self) -> list[tuple[str, int, int]]:
        """Names, sizes and times of the store's files, without its log, which opening for reading may touch."""
        found = []
        for entry in os.scandir(self._path):
            if not entry.name.startswith("LOG"):
                stat = entry.stat()
                found.append((entry.name, stat.st_size, stat.st_mtime_ns))
        return sorted(found)


class RefusedError(Exception):
    """An answer that is not given; `kind` tells those apart that a client should tell apart."""

    def __init__(self, message: str, kind: str = "query") -> None:
        super().__init__(message)
        self.kind = kind


class Outlet:
    """Where a document goes: its first `HOLD` bytes are kept back until it is longer or complete."""

    def __init__(self, pipe: BinaryIO, most: int) -> None:
        self.sent = False
        self.media_type = ""
        self._pipe = pipe
        self._most = most
        self._room = most
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        """Takes bytes of the document. Raises RefusedError when it becomes too long."""
        self._room -= len(data)
        if self._room < 0:
            raise RefusedError(f"the answer has more than {self._most:,} bytes: put a LIMIT into the query")
        self._held += data
        if len(self._held) >= (FRAME if self.sent else HOLD):
            self._send()
        return len(data)

    def flush(self) -> None:
        """What the engine calls at the end; `finish` does it."""

    def finish(self) -> None:
        """Sends what is left."""
        if not self.sent:
            self._pipe.write(self._head(len(self._held)) + self._held)
        else:
            if self._held:
                self._send()
            self._pipe.write(bytes(4))
        self._pipe.flush()

    def fail(self, reply: dict[str, Any]) -> None:
        """Says why there is no more of the document."""
        self._pipe.write(FAILED.to_bytes(4) if self.sent else b"")
        self._pipe.write(json.dumps(reply).encode() + b"\n")
        self._pipe.flush()

    def _send(self) -> None:
        if self.sent and select.select([sys.stdin], [], [], 0)[0]:
            raise RefusedError("nobody wants the rest")
        head = b"" if self.sent else self._head(None)
        self._pipe.write(head + len(self._held).to_bytes(4) + self._held)
        self._pipe.flush()
        self.sent = True
        self._held.clear()

    def _head(self, length: int | None) -> bytes:
        return json.dumps({"media_type": self.media_type, "length": length}).encode() + b"\n"


def answer(snapshot: Snapshot, request: dict[str, Any], pipe: BinaryIO) -> None:
    """Replies to one request. A writer may remove files just when they are to be read: then once more."""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE)
        outlet = Outlet(pipe, request.get("most", 0))
        try:
            if "forms" in request:
                request["federated"] = services(request["text"], request["services"])
                document(snapshot.query(request), request["forms"], request["limit"], snapshot.prefixes, outlet)
                outlet.finish()
            else:
                reply = rows(snapshot.query(request), request["limit"])
                pipe.write(json.dumps(reply).encode() + b"\n")
                pipe.flush()
            return
        except (OSError, RuntimeError) as error:
            if wrong := at_fault(error, request):
                problem = wrong
                break
            problem = {"error": f"the store cannot be read: {error}", "kind": "store"}
            snapshot.forget()
            if outlet.sent:
                break
        except SyntaxError as error:
            problem = {"error": syntax(str(error)), "kind": "query"}
            break
        except RefusedError as error:
            problem = {"error": str(error), "kind": error.kind}
            break
        except (ValueError, StoreError) as error:
            problem = {"error": str(error), "kind": "query"}
            break
    outlet.fail(problem)


def at_fault(error: OSError | RuntimeError, request: dict[str, Any]) -> dict[str, Any] | None:
    """The problem, where it is the query's and not the store's."""
    if found := _FUNCTION.search(str(error)):
        return {"error": f"there is no function {found[1]}", "kind": "query"}
    if request.get("federated"):
        return {"error": f"SERVICE was not answered: {error}", "kind": "query"}
    return None


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


def document(result: Any, forms: list[str], limit: int, prefixes: dict[str, str], outlet: Outlet) -> None:
    """Writes an answer in the first of the forms that it can have."""
    are_rows = isinstance(result, ox.QueryBoolean | ox.QuerySolutions)
    table: dict[str, Any] = ROWS if are_rows else GRAPHS
    outlet.media_type = next((form for form in forms if form in table), "")
    if not outlet.media_type:
        raise RefusedError(f"this answer can only be had as {', '.join(table)}", "form")
    if isinstance(result, ox.QueryBoolean):
        outlet.write(ROWS[outlet.media_type][1].format(str(bool(result)).lower()).encode())
    elif not are_rows:
        graph(capped(result, limit), prefixes, outlet)
    else:
        names = [variable.value for variable in result.variables]
        pieces = ROWS[outlet.media_type][0](names, capped(result, limit))
        while batch := "".join(islice(pieces, 256)):
            outlet.write(batch.encode())


def graph(triples: Iterable[ox.Triple], prefixes: dict[str, str], outlet: Outlet) -> None:
    """Writes triples."""
    form = GRAPHS[outlet.media_type]
    triples = plain_xml(triples) if form == ox.RdfFormat.RDF_XML else triples
    try:
        ox.serialize(triples, cast(IO[bytes], outlet), form, prefixes=prefixes)
    except OSError as error:
        if "RDF 1.2" in str(error):
            raise RefusedError(f"{outlet.media_type} cannot hold triple terms: ask for another form", "form") from None
        raise


def capped(rows: Iterable[Any], limit: int) -> Iterator[Any]:
    """The rows. Raises RefusedError after `limit` of them: a standard document cannot say that it was cut."""
    for count, row in enumerate(rows):
        if count == limit:
            raise RefusedError(f"the answer has more than {limit:,} rows: put a LIMIT into the query")
        yield row


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
    """Answers until the input ends. The process that asked comes first where processors are short."""
    os.nice(5)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the asking process decides what an interrupt means
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    snapshot = Snapshot(sys.argv[1], json.loads(sys.argv[2]))
    for line in sys.stdin.buffer:
        if not line.strip():  # the document was at its end already
            continue
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, max(request["deadline"] - time.monotonic(), 0.001))
        answer(snapshot, request, sys.stdout.buffer)
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    main()
