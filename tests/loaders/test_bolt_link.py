"""A link to a real server through a wire that is cut at the worst moments."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from loaders.bolt_link import Link
from loaders.bolt_server import RemoteServer
from tests.servers import Neo4jServer

COMMIT = b"\x00\x02\xb0\x12\x00\x00"  # the whole message, in one chunk


class Wire:
    """Passes bytes on to a server; cuts the connection when a COMMIT comes, before or after the server has it."""

    def __init__(self, port: int, before: bool) -> None:
        self._port, self._before = port, before
        self.cuts = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.uri = f"bolt://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, here: socket.socket, there: socket.socket, sent: bool) -> None:
        with suppress(OSError):
            while data := here.recv(65536):
                cut = sent and COMMIT in data and not self.cuts
                if not (cut and self._before):
                    there.sendall(data)
                if cut:
                    self.cuts += 1
                    if not self._before:
                        there.recv(1, socket.MSG_PEEK)  # until the server has answered, which nobody will hear
                    break
        for end in (here, there):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listening.close()


@pytest.fixture(params=[True, False], ids=["before", "after"])
def wire(request: pytest.FixtureRequest, neo4j_server: Neo4jServer) -> Iterator[Wire]:
    made = Wire(int(neo4j_server.uri.rsplit(":", 1)[1]), request.param)
    yield made
    made.close()


@pytest.mark.neo4j
@pytest.mark.usefixtures("neo4j_store")
def test_a_commit_whose_answer_is_lost_is_done_again(wire: Wire) -> None:
    link = Link(RemoteServer(wire.uri))
    try:
        assert link.commit("MERGE (n:Thing {id: 'a'}) RETURN 7") == [7]
        assert wire.cuts == 1
        assert link.number("MATCH (n:Thing {id: 'a'}) RETURN count(n)") == 1
    finally:
        link.close()
