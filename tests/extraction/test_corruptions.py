"""Pairs to pretrain on."""

from extraction.corruptions import pairs
from kg.records import Triple

TRIPLES = [Triple(f"PersonX buys a {w}", r, f"{v} the {w} with joy") for w in "car book house dog cat".split()
           for r, v in (("xWant", "to use"), ("xAttr", "fond of"))]


def test_plausible_are_the_given_alone() -> None:
    rows = pairs(TRIPLES * 40)  # given twice is given once
    held = {(t.head, t.tail) for t in TRIPLES}
    assert len(rows) < 60
    assert {(row.triple.head, row.triple.tail) for row in rows if row.plausible} == held
    assert any(not row.plausible for row in rows)
    assert not any(row.triple.negated for row in rows)


def test_denials_and_nothings_are_left_out() -> None:
    assert pairs([Triple("PersonX eats", "xWant", "none"), Triple("PersonX eats", "xWant", "to cry", True)]) == []


def test_what_follows_is_added_and_the_seed_decides() -> None:
    many = [Triple(f"PersonX buys {n}", "xWant", f"to use {n}") for n in range(50)]
    assert {row.triple.relation for row in pairs(many)} == {"xWant", "isBefore"}
    assert pairs(many, 1) == pairs(many, 1) != pairs(many, 2)
