"""Names for slots and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction.slots import disguise, pick_names, restore, slots_of, verbalise

NAMES = (("PersonX", "Alex"), ("PersonY", "Robin"))
TEXTS = st.text(max_size=60) | st.lists(
    st.sampled_from(["Alex", "Robin", "PersonX", "Person Y", "personx", "'s", " ", "Alexa", ".", "a"]), max_size=12
).map("".join)


def test_names_are_deterministic_distinct_and_not_in_the_head() -> None:
    names = pick_names("PersonX meets Alex and PersonZ", 7)
    assert names == pick_names("PersonX meets Alex and PersonZ", 7)
    assert [slot for slot, _ in names] == ["PersonX", "PersonY", "PersonZ"]
    assert len({name for _, name in names}) == 3
    assert "Alex" not in dict(names).values()


def test_person_y_always_has_a_name_and_person_z_only_where_needed() -> None:
    assert [slot for slot, _ in pick_names("PersonX sleeps")] == ["PersonX", "PersonY"]


def test_the_seed_changes_the_names() -> None:
    assert len({pick_names("PersonX sleeps", seed) for seed in range(20)}) > 5


def test_verbalise() -> None:
    assert verbalise("PersonX takes PersonY's hat", NAMES) == "Alex takes Robin's hat"
    assert verbalise("PersonZ and PersonXY stay", NAMES) == "PersonZ and PersonXY stay"


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        ("Alex's dog likes Robin", "PersonX's dog likes PersonY"),
        ("Alexander and alex are others", "Alexander and alex are others"),
        ("to be with personX", "to be with PersonX"),
        ("Person Y, of course", "PersonY, of course"),
        ("a person yells", "a person yells"),
    ],
)
def test_restore(text: str, restored: str) -> None:
    assert restore(text, NAMES).text == restored


def test_original_points_at_the_name() -> None:
    text = "so Alex's dog likes Robin a lot"
    found = restore(text, NAMES)
    start = found.text.index("dog")
    assert text[slice(*found.original(start, start + 3))] == "dog"
    start = found.text.index("PersonY")
    assert text[slice(*found.original(start, start + 7))] == "Robin"
    assert text[slice(*found.original(start + 2, start + 4))] == "Robin"


@given(TEXTS)
def test_every_span_maps_into_the_text_and_keeps_its_order(text: str) -> None:
    found = restore(text, NAMES)
    assert found.original(0, len(found.text)) == (0, len(text))
    ends = [found.original(0, i)[1] for i in range(len(found.text) + 1)]
    starts = [found.original(i, len(found.text))[0] for i in range(len(found.text) + 1)]
    assert ends == sorted(ends)
    assert starts == sorted(starts)
    assert all(0 <= i <= len(text) for i in starts + ends)


@given(TEXTS)
def test_characters_outside_of_slots_map_to_themselves(text: str) -> None:
    found = restore(text, NAMES)
    for i in range(len(found.text)):
        start, end = found.original(i, i + 1)
        assert text[start:end] in ("Alex", "Robin", found.text[i]) or slots_of(text[start:end])


@given(st.text(max_size=40), st.integers())
def test_names_of_any_head(head: str, seed: int) -> None:
    names = pick_names(head, seed)
    assert len({name for _, name in names}) == len(names) >= 2
    assert not any(name in head for _, name in names)


@given(st.lists(st.sampled_from(["PersonX", "PersonY", "PersonZ", "'s", "walks", "with", "the dog"]), max_size=8))
def test_round_trip(words: list[str]) -> None:
    head = " ".join(words).replace(" 's", "'s")
    names = pick_names(head)
    assert restore(verbalise(head, names), names).text == head


@given(
    st.lists(
        st.sampled_from(["PersonX", "PersonY", "PersonZ", "PersonXY", "Michael", "'s", " ", "walks"]), max_size=10
    ).map("".join)
)
def test_disguise_keeps_every_character_in_its_place(text: str) -> None:
    named, slots = disguise(text)
    assert len(named) == len(text)
    assert not set(slots) & set(text.split())
    for name, slot in slots.items():
        named = named.replace(name, slot)
    assert named == text
