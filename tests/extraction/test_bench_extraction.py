"""The bench of the extraction."""

from pathlib import Path

import pytest

from extraction import bench_extraction
from kg.errors import InputError


def test_the_ratio_is_that_of_the_speeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.txt").write_text("Cats can climb trees.\nBirds are able to fly south.\n")
    monkeypatch.setattr(bench_extraction, "PASSES", 1)
    figures = bench_extraction.bench_extraction(tmp_path / "t.txt")
    assert (figures["texts"], figures["words"], figures["triples"]) == (2, 10, 2)
    assert figures["ratio"] == pytest.approx(figures["words_per_second"] / figures["parser_words_per_second"])


def test_a_long_file_is_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.txt").write_text("Cats can climb trees.\n" * 50)
    monkeypatch.setattr(bench_extraction, "LIMIT", 9)
    monkeypatch.setattr(bench_extraction, "PASSES", 1)
    assert bench_extraction.bench_extraction(tmp_path / "t.txt")["texts"] == 3


def test_an_empty_file_has_nothing_to_time(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("\n")
    with pytest.raises(InputError, match="no words"):
        bench_extraction.bench_extraction(tmp_path / "t.txt")


def test_our_texts_differ() -> None:
    texts = [row["text"] for row in bench_extraction.bench_rows()]
    assert len(set(texts)) == len(texts) > 250
