"""What stands around the pattern of a SPARQL query, found by its tokens: verb, template, FROM clauses.

Only well-formed queries need be understood: what is made of the parts goes through the engine's parser.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from loaders.sparql_text import TOKEN

_WORTH_A_LOOK = re.compile(r"\b(?:FROM|CONSTRUCT)\b", re.IGNORECASE)
_VERBS = frozenset({"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"})


@dataclass(frozen=True, slots=True)
class Outline:
    """A query cut into `prologue`, `verb` (in capitals), a CONSTRUCT's `template`, and the `rest`.

    A CONSTRUCT that has no template of its own has its pattern for one, which stays in `rest` too. `default` and
    `named` are the IRIs of FROM and FROM NAMED, as they are written.
    """

    prologue: str
    verb: str
    template: str | None
    rest: str
    default: list[str]
    named: list[str]

    @classmethod
    def of(cls, text: str) -> "Outline | None":
        """The outline of a query; None for one that has neither FROM nor CONSTRUCT, or that is not understood."""
        if not _WORTH_A_LOOK.search(text):
            return None
        tokens = [m for m in TOKEN.finditer(text) if m[0][0] != "#"]
        at = next((i for i, m in enumerate(tokens) if _word(m) in _VERBS), None)
        if at is None:
            return None
        verb, after, template, begin = _word(tokens[at]), tokens[at + 1 :], None, tokens[at].end()
        if verb == "CONSTRUCT":
            opening = next((i for i, m in enumerate(after) if m["mark"] == "{"), None)
            closing = None if opening is None else _closing(after, opening)
            if opening is None or closing is None:
                return None
            template = text[after[opening].end() : after[closing].start()]
            if opening == 0:
                after, begin = after[closing + 1 :], after[closing].end()
        return cls(text[: tokens[at].start()], verb, template, text[begin:], *_graphs(after))


def _word(token: re.Match[str]) -> str:
    return (token["word"] or "").upper()


def _closing(tokens: Sequence[re.Match[str]], opening: int) -> int | None:
    """Where the brace closes that opens at `opening`."""
    depth = 0
    for i in range(opening, len(tokens)):
        depth += {"{": 1, "}": -1}.get(tokens[i]["mark"] or "", 0)
        if depth == 0:
            return i
    return None


def _graphs(tokens: Sequence[re.Match[str]]) -> tuple[list[str], list[str]]:
    """The IRIs of FROM, and those of FROM NAMED, that are not inside of anything."""
    default: list[str] = []
    named: list[str] = []
    depth = 0
    for token, *following in zip(tokens, tokens[1:], tokens[2:], strict=False):
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(token["mark"] or "", 0)
        if depth == 0 and _word(token) == "FROM":
            is_named = _word(following[0]) == "NAMED"
            (named if is_named else default).append(following[is_named][0])
    return default, named
