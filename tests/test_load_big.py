"""Copies of a graph, and the memory of a load; `python -m tests.load_big` makes ten million triples."""

import sys
from pathlib import Path

import psutil
import pytest

from kg.graph import node_id
from loaders.rdf import RdfStore
from tests.graphs import ROWS, contents, write_graph
from tests.load_big import enlarge, main, peak


def test_a_graph_is_made_larger_by_whole_copies(tmp_path: Path, rdf_store: RdfStore) -> None:
    graph = write_graph(tmp_path / "run", ROWS)
    one = graph.counts()
    big = enlarge(graph, 3 * one["edges"] + 1, tmp_path / "big")
    assert big.counts() == {name: 3 * count for name, count in one.items()}
    assert contents(graph) < contents(big)
    assert {n["id"] for n in big.nodes()} == {node_id(n["text"], n["kind"]) for n in big.nodes()}
    assert {p["triple_id"] for p in big.provenance()} == {e["id"] for e in big.edges()}
    rdf_store.write(big, big.run_id)
    assert set(rdf_store.triples()) == contents(big)


def test_memory_is_that_of_the_whole_family() -> None:
    child = "x = bytearray(b'1') * 60_000_000; import time; time.sleep(2)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert peak(psutil.Popen([sys.executable, "-c", code])) > 60_000_000
    assert 0 < peak(psutil.Popen([sys.executable, "-c", "import time; time.sleep(1)"])) < 60_000_000


def test_too_much_memory_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(write_graph(tmp_path / "run", ROWS).path)
    assert main([run, "--triples", "12", "--folder", str(tmp_path)]) == 0
    assert "12 triples in" in capsys.readouterr().out
    assert main([run, "--triples", "12", "--folder", str(tmp_path), "--limit", "1"]) == 1
