"""What is done to the text of a SPARQL query before the engine sees it: parameters, and no SERVICE.

The engine's own substitution takes only variables that the query projects, so parameters are put in here: as whole
tokens, each a typed term in the engine's own spelling, never as bare text.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from pyoxigraph import Literal, NamedNode

from kg.errors import StoreError

_XSD = "http://www.w3.org/2001/XMLSchema#"
TOKEN = re.compile(
    r"""
    (?P<skip>
        \#[^\n\r]*
      | \"\"\"(?:"{0,2}(?:[^"\\]|\\.))*\"\"\" | '''(?:'{0,2}(?:[^'\\]|\\.))*'''
      | "(?:[^"\\\n\r]|\\.)*" | '(?:[^'\\\n\r]|\\.)*'
      | <<\(? | <[^<>"{}|^`\\\x00-\x20]*>
      | [\w.\-]*:(?:[\w.\-:%]|\\.)*
    )
  | [?$](?P<variable>\w+)
  | (?P<word>\w+)
  | (?P<mark>[(){}])
    """,
    re.VERBOSE | re.DOTALL,
)
# Looser than the grammar on purpose: no comment, string or odd spacing may hide the keyword. A variable that is
# called ?service is taken out first.
_SERVICE = re.compile(
    r"""[?$]\w+ | (?P<service>SERVICE)
    (?=(?:\s|\#[^\n\r]*)*+ (?:SILENT(?:\s|\#[^\n\r]*)*+)?
    (?:<(?P<address>[^<>"{}|^`\\\x00-\x20]*)> | <(?![\s=]) | [?$]\w | [^\s<>"'{}|^`\\()\[\],;:]*:))""",
    re.VERBOSE | re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U(00[01][0-9A-Fa-f]{5})")


def services(text: str, allowed: Collection[str] = ()) -> bool:
    """Whether a query asks other servers. Raises StoreError where one of them is not among the `allowed` addresses.

    An allowed address must be written out between angle brackets.
    """
    if "service" not in text.lower() and "\\" not in text:
        return False  # as nearly all queries: the patterns below take a while
    plain = _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16) % 0x110000), text)
    asked = [m["address"] for m in _SERVICE.finditer(plain) if m["service"]]
    if all(address in allowed for address in asked):
        return bool(asked)
    raise StoreError(
        f"SERVICE is only allowed with {', '.join(f'<{address}>' for address in allowed)}, written like this"
        if allowed else
        "SERVICE is not allowed: a query may not ask other servers. A text that only looks like it can be given as a "
        "parameter"
    )


def bind(text: str, parameters: Mapping[str, Any]) -> str:
    """The query with each `$name` of a parameter replaced by its value, wherever it stands.

    A query that has no `$name` may write `?name`; where it has both, `?name` is another variable. A projected parameter
    stays a column; GROUP BY and ORDER BY may name one. Raises StoreError for a value that has no RDF term and for a
    parameter that the query does not use.
    """
    terms = {name: _term(name, value) for name, value in parameters.items()}
    tokens = list(TOKEN.finditer(text)) if terms else []
    marked = {m["variable"] for m in tokens if m[0][0] == "$"}
    unused = set(terms)
    out: list[str] = []
    clause, depth, at = "", 0, 0
    for m in tokens:
        if (word := (m["word"] or "").upper()) in _CLAUSES:
            clause, depth = word, 0
        elif mark := m["mark"]:
            clause = "" if mark in "{}" else clause
            depth += {"(": 1, ")": -1}.get(mark, 0)
        elif (name := m["variable"]) in terms and (m[0][0] == "$" or name not in marked):
            unused.discard(name)
            term = _in_place(terms[name], name, clause if depth == 0 else "")
            spaces = [" " if side.strip() else "" for side in (text[m.start() - 1 : m.start()], text[m.end() :][:1])]
            out += [text[at : m.start()], term.join(spaces)]
            at = m.end()
    if unused:
        raise StoreError(f"the query does not use the parameter {', '.join(f'${n}' for n in sorted(unused))}")
    return "".join(out) + text[at:]


# Clauses whose bare variables are no expressions, and those that end them.
_CLAUSES = frozenset({"SELECT", "GROUP", "ORDER", "WHERE", "FROM", "HAVING", "LIMIT", "OFFSET", "VALUES"})


def _in_place(term: str, name: str, clause: str) -> str:
    if clause in ("LIMIT", "OFFSET") and term.endswith(f"{_XSD}integer>"):
        return term.split('"')[1]  # bare digits are all that the grammar takes there
    if clause == "SELECT":
        return f"({term} AS ?{name})"
    return f"({term})" if clause in ("GROUP", "ORDER") else term


def _term(name: str, value: Any) -> str:
    """A Python value as a typed term in N-Triples; its escapes hold in SPARQL too."""
    if isinstance(value, bool):
        return str(Literal(value))
    if isinstance(value, int):
        return str(Literal(str(value), datatype=NamedNode(_XSD + "integer")))
    try:
        if isinstance(value, str | float):
            return str(Literal(value))
    except ValueError:
        raise StoreError(f"parameter ${name} holds half a surrogate pair, which no RDF text can hold") from None
    raise StoreError(f"parameter ${name} is a {type(value).__name__}: only text, numbers and booleans have terms")
