"""Clients that ask an HTTP server one query after the other, each over a connection of its own that stays open.

One thread drives all of them with as little work as there can be for a request, for it shares the machine with the
server that it measures. Answers come with Content-Length or in chunks.
"""

import json
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote, urlsplit

from kg.errors import StoreError

JSON = "application/sparql-results+json"
PATIENCE = 600.0  # seconds without a byte of any answer
_PART = 1 << 18  # bytes read at a time


def request(url: str, query: str) -> bytes:
    """A GET of the SPARQL protocol that asks for JSON."""
    parts = urlsplit(url)
    head = f"GET {parts.path}?query={quote(query, safe='')} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: {JSON}\r\n\r\n"
    return head.encode()


def drive(url: str, requests: Iterator[bytes], clients: int, seconds: float) -> tuple[list[float], float]:
    """Lets the clients ask for so many seconds, and waits for the answers to what is asked by then.

    Returns the seconds that each answer took, and those that all took. Raises StoreError for an answer other than 200.
    """
    parts, latencies = urlsplit(url), list[float]()
    with selectors.DefaultSelector() as waiting:
        started = time.perf_counter()
        for _ in range(clients):
            client = _Client((str(parts.hostname), parts.port or 80), next(requests))
            waiting.register(client.socket, selectors.EVENT_READ, client)
        while waiting.get_map():
            ready = waiting.select(PATIENCE)
            if not ready:
                raise StoreError(f"{url} has said nothing for {PATIENCE:g} s")
            for key, _ in ready:
                client = key.data
                if (took := client.receive()) is None:
                    continue
                latencies.append(took)
                if time.perf_counter() - started < seconds:
                    client.ask(next(requests))
                else:
                    waiting.unregister(client.socket)
                    client.socket.close()
        return latencies, time.perf_counter() - started


class _Client:
    def __init__(self, address: tuple[str, int], first: bytes) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ask(first)

    def ask(self, request: bytes) -> None:
        self._answer = b""
        self._asked = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> float | None:
        """Seconds that the answer took; None while it is not complete."""
        part = self.socket.recv(_PART)
        self._answer += part
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not part or (end and not head.startswith(b"HTTP/1.1 200")):
            raise StoreError(f"a query was not answered: {self._answer[:500].decode(errors='replace')}")
        if not end:
            return None
        _, has_length, after = head.lower().partition(b"\r\ncontent-length:")
        complete = len(body) >= int(after.split(b"\r\n", 1)[0]) if has_length else body.endswith(b"0\r\n\r\n")
        return time.perf_counter() - self._asked if complete else None


def rows(url: str, query: str) -> list[dict[str, str]]:
    """The rows of an answer: the values of the bound variables. Raises StoreError."""
    answer = json.loads(b"".join(chunks(url, query)))
    bindings: list[dict[str, dict[str, Any]]] = answer["results"]["bindings"]
    return [{name: term["value"] for name, term in row.items()} for row in bindings]


def chunks(url: str, query: str) -> Iterator[bytes]:
    """The body of an answer, as it comes. Raises StoreError."""
    parts = urlsplit(url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE)
    try:
        connection.request("GET", f"{parts.path}?query={quote(query, safe='')}", headers={"Accept": JSON})
        response = connection.getresponse()
        if response.status != 200:
            raise StoreError(f"{url} answered {response.status}: {response.read(500).decode(errors='replace')}")
        while part := response.read(_PART):
            yield part
    except (OSError, HTTPException) as error:
        raise StoreError(f"{url} broke off: {error}") from None
    finally:
        connection.close()


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values is below."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]
