"""What goes over the wire to an OpenAI-compatible endpoint: answers, log-probabilities and faults, read with care.

Servers differ in what they leave out; nothing here takes a field for granted.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import accumulate
from typing import NamedTuple

from extraction.budget import Usage

_IMPOSSIBLE = 1e9  # no token has a log-probability below its negative


class Reply(NamedTuple):
    """An answer as the server gave it. `usage` is None where it does not tell."""

    text: str
    usage: Usage | None
    log_probability: float | None = None
    token_starts: tuple[int, ...] = ()
    token_log_probabilities: tuple[float, ...] = ()


def read_reply(body: bytes) -> Reply:
    """The answer in the body of a chat or text completion. Raises ValueError for anything that is none.

    A `content` of null (a refusal, or an answer of no tokens) is an empty answer.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON, or is cut off") from None
    if not isinstance(data, dict):
        raise ValueError("is no JSON object")
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ValueError(f"has no choices ({fault_text(data)})" if "error" in data else "has no choices")
    choice = choices[0]
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else choice.get("text")
    if text is None and (isinstance(message, dict) or "text" in choice):
        text = ""
    if not isinstance(text, str):
        raise ValueError("has a choice without text")
    return Reply(text, _usage(data.get("usage")), *_log_probabilities(choice.get("logprobs"), text))


def fault_text(body: object) -> str:
    """What the server says in the body of an error, at most 300 characters."""
    at = body
    for key in ("error", "message"):
        if isinstance(at, Mapping) and key in at:
            at = at[key]
    text = at if isinstance(at, str) else json.dumps(at, default=str)
    return " ".join(text.split())[:300] if at else "no reason given"


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that the header Retry-After asks to wait (RFC 9110 10.2.3: seconds or a date), or None."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = parsedate_to_datetime(value)
        except ValueError:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        seconds = (at - (now or datetime.now(UTC))).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def sendable(text: str) -> str:
    """`text` with each half surrogate, which no JSON in UTF-8 can hold, replaced by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    prompt, completion = value.get("prompt_tokens"), value.get("completion_tokens")
    if not isinstance(prompt, int) or not isinstance(completion, int) or min(prompt, completion) < 0:
        return None
    return Usage(int(prompt), int(completion))


def _log_probabilities(value: object, text: str) -> tuple[float | None, tuple[int, ...], tuple[float, ...]]:
    """(of the whole answer, character offsets of its tokens, of each token), or nothing where it makes no sense."""
    nothing: tuple[None, tuple[int, ...], tuple[float, ...]] = None, (), ()
    if not isinstance(value, dict):
        return nothing
    if isinstance(rows := value.get("content"), list):
        tokens = [_token_bytes(row) for row in rows]
        given = [row.get("logprob") if isinstance(row, dict) else None for row in rows]
    elif isinstance(names := value.get("tokens"), list) and isinstance(found := value.get("token_logprobs"), list):
        tokens, given = [_token_bytes({"token": name}) for name in names], found
    else:
        return nothing
    scores = [float(s) for s in given if isinstance(s, int | float) and abs(s) < _IMPOSSIBLE]
    if not tokens or not len(tokens) == len(given) == len(scores):
        return nothing
    starts = _starts(tokens, text)
    return sum(scores), starts, tuple(scores[: len(starts)])


def _token_bytes(row: object) -> bytes | None:
    if not isinstance(row, dict):
        return None
    raw, name = row.get("bytes"), row.get("token")
    if isinstance(raw, list) and all(isinstance(b, int) and 0 <= b < 256 for b in raw):
        return bytes(raw)
    return name.encode("utf-8", "surrogatepass") if isinstance(name, str) else None


def _starts(tokens: list[bytes | None], text: str) -> tuple[int, ...]:
    """Where the tokens begin in `text`; none unless the text is what they spell, perhaps without a stop at its end."""
    spelled = [t for t in tokens if t is not None]
    raw = text.encode("utf-8", "surrogatepass")
    if len(spelled) != len(tokens) or not raw or not b"".join(spelled).startswith(raw):
        return ()
    ends = list(accumulate(map(len, spelled), initial=0))
    begins = [b for b in ends[:-1] if b < len(raw)]
    character = list(accumulate((byte & 0xC0) != 0x80 for byte in raw))  # how many characters begin up to each byte
    return tuple(character[b] - 1 for b in begins)
