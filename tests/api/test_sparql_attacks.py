"""Hostile requests to `/sparql` of the real server; `python -m tests.sparql_attacks` sends them all."""

from pathlib import Path

from tests.sparql_attacks import attack


def test_the_endpoint_stands(tmp_path: Path) -> None:
    result = attack(tmp_path, timeout=1, part=8)
    assert len(result.outcomes) > 250
    assert result.faults == []
