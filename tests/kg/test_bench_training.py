import math
from pathlib import Path

import pytest

from kg.bench_training import bench_training
from kg.errors import InputError
from tests.tiny_models import one_thread, write_model


def write_triples(path: Path, heads: int) -> Path:
    rows = [
        f"PersonX bakes {n} cakes\t{relation}\t{tail}\n"
        for n in range(heads)
        for relation, tail in (("xWant", "to eat the cake"), ("xWant", "to have fun"), ("xAttr", "kind"))
    ]
    path.write_text("".join(rows))
    return path


@pytest.mark.parametrize("kind", ["gemma", "t5"])
def test_the_three_learn_alike_from_the_same_triples(tmp_path: Path, kind, capsys):
    data, base = write_triples(tmp_path / "t.tsv", 60), write_model(kind, tmp_path / "base")
    with one_thread():
        found = bench_training(data, model=str(base), triples=120, rounds=2, held_out=9, dtype="float32")
    assert 120 <= found["triples"] < 123
    for name in ("packed", "padded", "trainer"):
        curve = found[f"{name}_curve"]
        assert len(curve) == 3
        assert curve[0] == found["packed_curve"][0]
        assert curve[-1] < curve[0]
        assert curve == pytest.approx(found["packed_curve"], abs=0.03)
        assert math.isfinite(found[f"{name}_triples_per_second"])
    rates = found["packed_triples_per_second"], found["padded_triples_per_second"]
    assert capsys.readouterr().out == ""
    assert found["ratio"] == pytest.approx(rates[0] / rates[1])


def test_it_needs_triples_of_several_heads(tmp_path: Path):
    with pytest.raises(InputError, match="--file"):
        bench_training()
    with pytest.raises(InputError, match="too few heads"):
        bench_training(write_triples(tmp_path / "t.tsv", 1))
