"""Reading what servers send."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction.openai_wire import fault_text, read_reply, retry_after, sendable

KEYS = [
    "choices", "message", "content", "text", "usage", "logprobs", "tokens", "token_logprobs", "prompt_tokens",
    "completion_tokens", "token", "logprob", "bytes", "error",
]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(KEYS), inner, max_size=4
    ),
)


@given(anything)
def test_any_json_is_an_answer_or_a_clear_error(data: object) -> None:
    try:
        reply = read_reply(json.dumps(data).encode())
    except ValueError as error:
        assert str(error).startswith(("is ", "has "))  # noqa: PT017
    else:
        assert isinstance(reply.text, str)
        assert len(reply.token_starts) == len(reply.token_log_probabilities)


@given(st.binary())
def test_any_bytes(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        read_reply(body)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1), st.booleans())
def test_token_starts(tokens: list[str], has_bytes: bool) -> None:
    rows = [{"token": t, "logprob": -1.0, **({"bytes": list(t.encode())} if has_bytes else {})} for t in tokens]
    body = {"choices": [{"message": {"content": "".join(tokens)}, "logprobs": {"content": rows}}]}
    reply = read_reply(json.dumps(body).encode())
    assert [reply.text[a:b] for a, b in zip(reply.token_starts, [*reply.token_starts[1:], None], strict=True)] == tokens
    assert reply.log_probability == -len(tokens)


def test_tokens_within_a_character() -> None:
    halves = [{"token": "?", "logprob": -1.0, "bytes": [b]} for b in "é".encode()]
    body = {"choices": [{"text": "é!", "logprobs": {"content": [*halves, {"token": "!", "logprob": -1.0}]}}]}
    assert read_reply(json.dumps(body).encode()).token_starts == (0, 0, 1)


@pytest.mark.parametrize(("value", "seconds"), [
    ("3", 3.0), ("0.5", 0.5), ("-4", 0.0), ("", None), ("soon", None), ("nan", None), ("inf", None),
    ("Wed, 21 Oct 2026 07:28:10 GMT", 10.0), ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0), ("Wed, 99 Oct 2026", None),
])
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, datetime(2026, 10, 21, 7, 28, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(("body", "said"), [
    ({"error": {"message": "a\n b"}}, "a b"), ({"message": "a"}, "a"), ("<html>", "<html>"), (None, "no reason given"),
    ({"detail": ["x"]}, '{"detail": ["x"]}'), ({"error": None}, "no reason given"), ("x" * 1000, "x" * 300),
])
def test_fault_text(body: object, said: str) -> None:
    assert fault_text(body) == said


@given(st.text())
def test_sendable_text_is_utf8_and_unchanged_when_it_was(text: str) -> None:
    sent = sendable(text)
    sent.encode()
    if not any("\ud800" <= c <= "\udfff" for c in text):
        assert sent == text
