"""What is handed to the parser."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction.prose import MAX_PIECE, readable


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a" * 1_000_000,
        "for (int i = 0; i < n; i++) { a[i] = b[i]; }",
        "aGVsbG8gd29ybGQgdGhpcyBpcyBhIHRlc3Q=" * 50,
        "Der Hund schläft gern auf dem Sofa.",
        "これは日本語の文章です。",
        "\x00\x01\x02 the \x03",
        "<html><body><div></div></body></html>",
        "the dog \ud800 sleeps",
        "<<<<<< ((( [[[ {{{ the",
        "qwer asdf zxcv uiop",
    ],
)
def test_no_english_is_left_out(text: str) -> None:
    assert list(readable(text)) == []


@pytest.mark.parametrize(
    "text", ["Cats sleep a lot.", "PersonX sleeps.", "The dog, who is old, can't run any more (he is 15)."]
)
def test_english_is_kept(text: str) -> None:
    assert list(readable(text)) == [(text, 0)]


KNOWN = frozenset({"cow", "graze", "alcohol", "impair", "speech", "make", "noise", "loud"})


@pytest.mark.parametrize("text", ["Cows graze.", "Alcohol impairs speech.", "Cows making loud noises"])
def test_a_short_text_without_common_words_is_english_when_its_words_are_known(text: str) -> None:
    assert list(readable(text, lambda: KNOWN)) == [(text, 0)]
    assert list(readable(text)) == []


@pytest.mark.parametrize("text", ["Kühe grasen.", "cow qwer graze", "cow", "cow " * 50, "cow = graze"])
def test_other_short_texts_are_left_out(text: str) -> None:
    assert list(readable(text, lambda: KNOWN)) == []


def test_long_texts_are_cut_at_the_ends_of_sentences() -> None:
    text = "The dog sleeps on the sofa. " * 1000
    pieces = list(readable(text))
    assert max(len(piece) for piece, _ in pieces) <= MAX_PIECE
    assert "".join(piece for piece, _ in pieces) == text.rstrip() or sum(len(p) for p, _ in pieces) >= len(text) - len(
        pieces
    )
    assert all(text[offset : offset + len(piece)] == piece for piece, offset in pieces)


def test_a_megabyte_takes_no_time() -> None:
    started = time.monotonic()
    for text in ("a" * 1_000_000, "a " * 500_000, "." * 1_000_000, "\n" * 1_000_000, "1. " * 300_000, "([" * 500_000):
        list(readable(text))
    assert time.monotonic() - started < 5


@given(st.text(max_size=300))
def test_pieces_are_where_they_say(text: str) -> None:
    assert all(text[offset : offset + len(piece)] == piece for piece, offset in readable(text))
