import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.records import Candidate, Generation, Prompt, Triple, digest

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=[]))


@given(st.lists(ANY_TEXT, max_size=4), st.lists(ANY_TEXT, max_size=4))
def test_digests_are_equal_only_for_equal_ordered_parts(a: list[str], b: list[str]) -> None:
    assert (digest(*a) == digest(*b)) == (a == b)


def test_digest_sees_order_and_borders() -> None:
    assert len({digest("a", "b"), digest("b", "a"), digest("ab", ""), digest("", "ab"), digest("ab")}) == 5


def test_a_denial_is_another_triple() -> None:
    said, denied = Triple("h", "r", "t"), Triple("h", "r", "t", True)
    assert said.id != denied.id
    assert list(denied) == ["h", "Notr", "t"]


def test_equal_records_are_one_key() -> None:
    assert len({Triple("h", "r", "t"), Triple("h", "r", "t")}) == 1


def test_records_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Triple("h", "r", "t").head = "x"  # type: ignore[misc]


def test_every_field_of_a_prompt_is_part_of_its_id() -> None:
    base = Prompt("h", "r", "t", "x")
    others = [
        Prompt("g", "r", "t", "x"), Prompt("h", "s", "t", "x"), Prompt("h", "r", "u", "x"), Prompt("h", "r", "t", "y"),
        Prompt("h", "r", "t", "x", (("PersonX", "Alex"),)), Prompt("h", "r", "t", "x", (), 1),
    ]
    assert len({p.id for p in [base, *others]}) == 7


def test_a_candidates_place_is_part_of_its_id() -> None:
    t = Triple("h", "r", "t")
    assert Candidate(t, "g", "rule", 0, 4).id != Candidate(t, "g", "rule", 1, 4).id
    assert Generation("p", "a", "x").id != Generation("p", "b", "x").id
