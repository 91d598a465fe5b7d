"""Lists in every usual form, and texts that hold none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction.lists import clean, read_list

THREE = ["to rest", "to eat", "to sleep"]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("semicolons", "to rest; to eat; to sleep."),
        ("semicolons", " to rest; to eat; and to sleep."),
        ("semicolons", "Wood is hard. Therefore it burns. The answers are: to rest; to eat; to sleep."),
        ("semicolons", "The answers are: to rest; to eat; to sleep"),
        ("semicolons", "PersonX may want the following: to rest; to eat; to sleep."),
        ("commas", "to rest, to eat, and to sleep."),
        ("commas", "The answers are: to rest, to eat and to sleep."),
        ("commas", "Answer: to rest, to eat, to sleep"),
        ("numbered", "1. to rest\n2. to eat\n3. to sleep"),
        ("numbered", "1) to rest 2) to eat 3) to sleep."),
        ("numbered", "(1) to rest, (2) to eat, (3) to sleep."),
        ("numbered", "Step 1: to rest\nStep 2: to eat\nStep 3: to sleep"),
        ("numbered", "Here are three:\n\n1. **to rest**\n2. **to eat**\n3. **to sleep**\n\nI hope this helps."),
        ("numbered", "1. **to rest**: one is tired.\n2. **to eat**: one is hungry.\n3. **to sleep**: it is late."),
        ("lettered", "a) to rest b) to eat c) to sleep"),
        ("bullets", "- to rest\n- to eat\n- to sleep"),
        ("bullets", "* to rest\n* to eat\n* to sleep\n"),
        ("bullets", "• to rest • to eat • to sleep"),
        ("bullets", "・to rest\n・to eat\n・to sleep"),
        ("lines", "to rest\nto eat\nto sleep"),
        ("lines", "Alex wants:\nto rest\nto eat\nto sleep"),
        ("semicolons", "to rest; to eat; to sleep\n\nEvent: Alex bakes a cake\nAnswers: to share it; to eat it"),
        ("json", '["to rest", "to eat", "to sleep"]'),
        ("json", '```json\n["to rest", "to eat", "to sleep"]\n```'),
        ("json", '{"answers": ["to rest", "to eat", "to sleep"]}'),
        ("json", '[{"tail": "to rest", "why": "tired"}, {"tail": "to eat"}, {"tail": "to sleep"}]'),
        ("json", '["to rest", "to eat", "to sleep", "to wal'),
        ("json", 'The answers are: ["to rest", "to eat", "to sleep"]'),
        ("semicolons", "\"to rest\"; 'to eat'; (to sleep)."),
    ],
)
def test_forms(rule: str, text: str) -> None:
    found = read_list(text)
    assert found is not None
    assert (found.rule, [i.text for i in found.items]) == (rule, THREE)
    assert [text[i.start : i.end] for i in found.items] == THREE


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "to rest",
        "PersonX wants to rest.",
        "Wood is hard, and it burns, which is why people like it.",
        "After work, PersonX rests, eats a meal with PersonY, and sleeps.",
        "The answers are:",
        "...",
        "1.5 cups of milk",
        "[",
        "{}",
    ],
)
def test_no_list(text: str) -> None:
    found = read_list(text)
    assert found is None or [i.text for i in found.items] == [text.strip()]


def test_numbers_must_count_up() -> None:
    found = read_list("1. Boil 2. eggs for 5. minutes\n2. Peel them")
    assert found is not None
    assert len(found.items) == 2


def test_a_step_that_is_only_spoken_of_is_no_mark() -> None:
    found = read_list("1. Ask for the price. 2. If it is low, go on with step 3. If not, stop. 3. Pay.")
    assert found is not None
    assert [i.text for i in found.items][2] == "Pay"


def test_a_step_may_hold_several_sentences() -> None:
    found = read_list("1. Bet. 2. If you win, go on. If you lose, stop.")
    assert found is not None
    assert [i.text for i in found.items] == ["Bet", "If you win, go on. If you lose, stop"]


def test_the_lead_is_where_the_words_before_the_list_begin() -> None:
    text = "Wood is hard. The answers are: build; burn."
    found = read_list(text)
    assert found is not None
    assert text[: found.lead].strip() == "Wood is hard."


def test_json_escapes_point_at_the_raw_characters() -> None:
    text = '["say \\"hi\\"", "\\u00e9t\\u00e9"]'
    found = read_list(text)
    assert found is not None
    assert [i.text for i in found.items] == ['say "hi"', "été"]
    assert text[found.items[1].start : found.items[1].end] == "\\u00e9t\\u00e9"


@given(
    st.text()
    | st.lists(
        st.sampled_from(
            [
                "1.",
                "2. ",
                "3) ",
                "a)",
                "; ",
                ", ",
                "and ",
                "\n",
                "- ",
                '["',
                '", "',
                '"]',
                "{",
                "The answers are: ",
                "rest",
                "\ud800",
                "**",
            ]
        ),
        max_size=14,
    ).map("".join)
)
def test_items_lie_inside_the_text_in_order(text: str) -> None:
    found = read_list(text)
    if found is None:
        return
    assert found.items
    ends = [0, *(i.end for i in found.items)]
    for item, before in zip(found.items, ends, strict=False):
        assert before <= item.start < item.end <= len(text)
        assert item.text == item.text.strip() != ""
        item.text.encode()


@pytest.mark.parametrize("noise", [
    "wv4rtlLsFHod9aB", "x" * 61, "<br/>", "</p> tea", "i < n", "a[i] = b[i]", "これは日本語の文章です",
    "\U0006264c\U000fde32", '{"a": {"b"', "ErqedcmPUU8khmkoZOwmYSNm7EJr++Vw9Y8FU4Yaqj/B5Dk=",
])
def test_noise_is_no_member(noise: str) -> None:
    assert clean(noise, 0, len(noise)) is None


@pytest.mark.parametrize("words", [
    "an iPhone 15", "$20", "café in Zürich", "PersonX's YouTube", "COVID-19", "5 km", "a 3D4K TV", "C++", "50% off",
])
def test_unusual_words_are_members(words: str) -> None:
    assert clean(words, 0, len(words)) is not None
