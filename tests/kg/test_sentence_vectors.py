"""Texts as vectors, encoded once."""

from pathlib import Path

import numpy as np
import pytest

import kg.sentence_vectors
from kg.sentence_vectors import sentence_vectors


def test_like_texts_are_near_and_the_second_time_comes_from_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KG_CACHE", str(tmp_path))
    texts = ["PersonX eats a cake", "to pay the rent", "PersonX eats some cake", "PersonX eats a cake"]
    found = sentence_vectors(texts)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.array_equal(found[0], found[3])
    assert found[0] @ found[2] > 0.8 > 0.4 > found[0] @ found[1]
    monkeypatch.setattr(kg.sentence_vectors, "SentenceEncoder", None)
    assert np.array_equal(sentence_vectors(texts[::-1]), found[::-1])
    assert [p.suffix for p in (tmp_path / "vectors").iterdir()] == [".npy"]
