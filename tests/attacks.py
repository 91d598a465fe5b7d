"""What the hostile texts of `cypher_attacks` and `sparql_attacks` are sent with, and how it is judged what they did."""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

SECRET = "the-content-of-a-secret-file"


@dataclass(frozen=True)
class Outcome:
    """What one text was answered: HTTP status (0 for an answer that was broken off), seconds, and the body's text."""

    text: str
    status: int
    seconds: float
    body: str


@dataclass
class Result:
    """What a whole attack led to; `faults` is empty when all held."""

    outcomes: list[Outcome] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0  # seconds above the time-out
    slowest_health: float = 0.0

    def judge(self, outcome: Outcome, timeout: float, statuses: tuple[int, ...]) -> None:
        """Takes an outcome, of a text that had `timeout` seconds and may have one of the statuses."""
        self.outcomes.append(outcome)
        self.slowest = max(self.slowest, outcome.seconds - timeout)
        if outcome.status not in statuses:
            self.faults.append(f"{outcome.status} for {outcome.text}: {outcome.body[:300]}")
        if SECRET in outcome.body:
            self.faults.append(f"a secret leaked by {outcome.text}")

    def print_and_exit(self) -> None:
        """Says what each text was answered; exits with 1 when anything changed, leaked, hung or failed."""
        for outcome in self.outcomes:
            print(f"{outcome.status} {outcome.seconds:5.2f} s  {outcome.text[:90]!r}")
            print(f"              {outcome.body[:160]!r}")
        print(f"{len(self.outcomes)} texts; slowest answer: time-out + {self.slowest:.2f} s; "
              f"slowest /health: {self.slowest_health:.2f} s")
        if self.slowest > 1:
            self.faults.append("an answer came later than 1 s after the time-out")
        print("\n".join(self.faults) or "nothing changed, nothing leaked, all answered")
        sys.exit(1 if self.faults else 0)


@contextlib.contextmanager
def listener() -> Iterator[tuple[int, list[object]]]:
    """(port, connections): a port that remembers who connects to it."""
    seen: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, address = server.accept()
                    seen.append(address)
                    connection.close()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], seen
        server.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def watched(url: str, part: str, result: Result) -> Iterator[None]:
    """Asks `/health` all the while whether the part of the server works."""
    stop = threading.Event()

    def watch() -> None:
        with httpx.Client(base_url=url, timeout=30) as client:
            while not stop.wait(0.1):
                started = time.monotonic()
                answer = client.get("/health")
                result.slowest_health = max(result.slowest_health, time.monotonic() - started)
                if answer.json()[part]["state"] != "ok":
                    result.faults.append(f"/health: {answer.text[:300]}")

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
