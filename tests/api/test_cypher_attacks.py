"""Hostile Cypher against the real server over both engines; `python -m tests.cypher_attacks` says what each got."""

from pathlib import Path

import pytest

from tests.cypher_attacks import attack
from tests.servers import Neo4jServer, empty


def test_the_embedded_engine_stands(tmp_path: Path) -> None:
    result = attack(tmp_path, None)
    assert len(result.outcomes) > 100
    assert result.faults == []


@pytest.mark.neo4j
def test_neo4j_stands(neo4j_server: Neo4jServer, tmp_path: Path) -> None:
    empty(neo4j_server.address)
    result = attack(tmp_path, neo4j_server.uri)
    neo4j_server.kill()  # some of the queries cannot be stopped: they would take a processor from the tests after this
    neo4j_server.start()
    assert len(result.outcomes) > 100
    assert result.faults == []
