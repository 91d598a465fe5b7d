"""Stores for tests. `embedded_store`, `neo4j_store` and `rdf_store` are empty and are closed after each test; the
servers behind the first two live as long as the session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli import set_environment
from kg.ontology import load_ontology
from loaders.bolt import BoltStore, connect
from loaders.embedded import EmbeddedEngine
from loaders.rdf import RdfStore
from tests.servers import Neo4jServer, empty

os.environ.setdefault("HF_HUB_OFFLINE", "1")
set_environment()  # before torch is imported


@pytest.fixture(autouse=True)
def _no_bolt_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own server is not for tests."""
    for name in ("URI", "USER", "PASSWORD", "DATABASE"):
        monkeypatch.delenv(f"KG_BOLT_{name}", raising=False)


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    """A real Neo4j without a password."""
    server = Neo4jServer(tmp_path_factory.mktemp("neo4j") / "home")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def neo4j_store(neo4j_server: Neo4jServer, tmp_path: Path) -> Iterator[BoltStore]:
    empty(neo4j_server.address)
    store = connect(load_ontology(), tmp_path / "unused", neo4j_server.uri)
    yield store
    store.close()


@pytest.fixture(scope="session")
def embedded_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    """An embedded engine that runs all the time."""
    engine = EmbeddedEngine(tmp_path_factory.mktemp("embedded"))
    engine.address()
    yield engine
    engine.kill()
    engine.close()


@pytest.fixture
def embedded_store(embedded_engine: EmbeddedEngine) -> Iterator[BoltStore]:
    empty(embedded_engine.address())
    store = connect(load_ontology(), embedded_engine.folder)
    yield store
    store.close()


@pytest.fixture
def rdf_store(tmp_path: Path) -> Iterator[RdfStore]:
    store = RdfStore(tmp_path / "rdf", load_ontology(), workers=1)
    yield store
    store.close()
