from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import InputError, RunError, StudentError
from kg.graph import GraphBuilder
from kg.normal import normal_form
from kg.ontology import load_ontology
from kg.records import Triple
from kg.run import Run
from kg.splits import FRACTIONS, SplitOptions, part_of, read_training_triples, split_heads

ONTOLOGY = load_ontology()
HEADS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["PersonX bakes a cake", "PersonX baked the cake.", "PersonX  bakes cake", "PersonX eats"]),
)


@settings(deadline=None)
@given(st.lists(HEADS, max_size=30), st.integers(0, 5))
def test_parts_are_disjoint_by_normal_form_and_lose_nothing(heads, seed):
    triples = [Triple(h, "xWant", str(i)) for i, h in enumerate(heads)]
    parts = split_heads(triples, seed=seed)
    assert sorted(t.tail for part in parts.values() for t in part) == sorted(t.tail for t in triples)
    normal = [{normal_form(t.head) for t in part} for part in parts.values()]
    assert sum(map(len, normal)) == len(set().union(*normal))


@settings(deadline=None)
@given(st.lists(HEADS, max_size=10), HEADS)
def test_a_head_keeps_its_part_whatever_else_there_is(others, head):
    parts = split_heads([Triple(h, "xWant", "t") for h in [*others, head]])
    assert any(t.head == head for t in parts[part_of(head, FRACTIONS)])


def test_shares_are_about_those_asked_for():
    triples = [Triple(f"PersonX counts to {i}", "xWant", "to stop") for i in range(3000)]
    parts = split_heads(triples, {"a": 3, "b": 1})
    assert 0.22 < len(parts["b"]) / 3000 < 0.28
    assert split_heads(triples, {"a": 0, "b": 1})["a"] == []


def test_less_held_out_moves_heads_to_training_alone():
    triples = [Triple(f"PersonX counts to {i}", "xWant", "to stop") for i in range(2000)]
    many, few = (split_heads(triples, SplitOptions(held_out=share).fractions) for share in (0.1, 0.02))
    assert 0.01 < len(few["dev"]) / 2000 < 0.03
    assert 0.01 < len(few["test"]) / 2000 < 0.03
    assert set(many["train"]) < set(few["train"])
    assert split_heads(triples) == many


def test_another_seed_parts_otherwise():
    triples = [Triple(f"PersonX counts to {i}", "xWant", "to stop") for i in range(200)]
    assert split_heads(triples, seed=0) != split_heads(triples, seed=1)
    assert split_heads(triples, seed=1) == split_heads(triples, seed=1)


@pytest.mark.parametrize("fractions", [{}, {"a": 0.0}, {"a": 2.0, "b": -1.0}])
def test_wrong_shares_are_refused(fractions):
    with pytest.raises(StudentError, match="shares"):
        split_heads([], fractions)


def test_a_tsv_is_read(tmp_path: Path):
    file = tmp_path / "t.tsv"
    file.write_text(
        "PersonX eats\txWant\tto sleep\n"
        "PersonX eats\tNotxWant\tto cook\r\n"
        "\n"
        "PersonX eats\txWant\tto sleep\n"
        "PersonX runs\tNotDesires\tto stop\n"
        "PersonX runs\tNotNearTo\ta \\t tab and a \\\\ backslash\n"
        "PersonX runs\txReact\tnone\n",
        encoding="utf-8",
    )
    assert read_training_triples(file, ONTOLOGY) == [
        Triple("PersonX eats", "xWant", "to sleep"),
        Triple("PersonX eats", "xWant", "to cook", negated=True),
        Triple("PersonX runs", "Desires", "to stop", negated=True),
        Triple("PersonX runs", "NearTo", "a \t tab and a \\ backslash", negated=True),
        Triple("PersonX runs", "xReact", "none"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no triples"),
        (b"\n \n", "no triples"),
        (b"a\txWant\tb\na\txWant\n", "line 2: expected head TAB relation TAB tail, found 2 columns"),
        (b"a\txWant\tb\tc\n", "line 1: .*found 4"),
        (b"a\t\tb\n", "line 1: the relation is empty"),
        (b"a\txWant\t \n", "no triples"),
        (b"a\txWant\t\xff\xfe\n", "not UTF-8"),
        (b"\x00\x01\x02", "line 1"),
    ],
)
def test_a_wrong_tsv_is_refused(tmp_path: Path, content, message):
    file = tmp_path / "t.tsv"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_training_triples(file, ONTOLOGY)


def test_rows_without_a_head_or_a_tail_are_left_out(tmp_path: Path, caplog):
    file = tmp_path / "t.tsv"
    file.write_text("a\txWant\t\n \txWant\tb\na\txWant\tb\n")
    assert read_training_triples(file, ONTOLOGY) == [Triple("a", "xWant", "b")]
    assert "2 rows without a head or a tail are left out" in caplog.text


def test_a_missing_file_or_run_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_training_triples(tmp_path / "absent.tsv", ONTOLOGY)
    with pytest.raises(RunError, match="no run"):
        read_training_triples(tmp_path, ONTOLOGY)


def test_a_run_gives_its_triples_and_its_nothings(tmp_path: Path):
    run = Run.create(tmp_path / "run", "test", {})
    builder = GraphBuilder(ONTOLOGY)
    for i, (relation, tail, negated) in enumerate(
        [("xWant", "to sleep", False), ("xWant", "to cook", True), ("oReact", "none", False)]
    ):
        builder.add(Triple("PersonX eats", relation, tail, negated), "", "import", i, i)
    builder.write(run)
    run.finish("graph", "key", ["nodes.parquet", "edges.parquet", "provenance.parquet"], 2, 0.0)
    assert read_training_triples(tmp_path / "run", ONTOLOGY) == [
        Triple("PersonX eats", "xWant", "to sleep"),
        Triple("PersonX eats", "xWant", "to cook", negated=True),
        Triple("PersonX eats", "oReact", "none"),
    ]
