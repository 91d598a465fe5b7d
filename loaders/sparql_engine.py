"""What the engine is asked in place of a query that it would answer wrongly, or with too much memory.

- FROM with several graphs: the engine gives a triple once for each of them that has it. SPARQL 1.1 Query, section
  13.2.1, wants their merge, so they are copied into one graph in memory, as long as they are not too large.
- CONSTRUCT: the engine remembers up to a million triples that it made, half a gigabyte, so as not to repeat them. So it
  is asked for the rows alone, from which the triples are made here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pyoxigraph as ox

from loaders.sparql_outline import Outline
from loaders.sparql_text import TOKEN

MERGED = 250_000  # triples that are merged in memory, at about 0.6 kB each
REMEMBERED = 1 << 17  # triples made by a CONSTRUCT that are not repeated; each takes about 80 bytes
_MARK = "urn:x-distilkg-variable:"
Term = Callable[[ox.QuerySolution, "Blanks"], Any]


class TooLargeError(ValueError):
    """Graphs that cannot be merged."""


def ask(store: ox.Store, request: dict[str, Any]) -> Any:
    """The engine's result for a request of the query process; for a CONSTRUCT of a document, an iterator of triples.

    Raises what the engine raises, and TooLargeError.
    """
    text = request["text"]
    names = {"prefixes": request["prefixes"], "base_iri": request.get("base")}
    outline = Outline.of(text)
    store, dataset = _dataset(store, outline, request.get("dataset"), names)
    if outline and outline.template is not None and "forms" in request:
        try:
            return _constructed(store, outline, names, dataset)
        except SyntaxError:
            pass  # the engine tells of the text as it was written
    return store.query(text, **names, **dataset)


def _dataset(
    store: ox.Store, outline: Outline | None, given: dict[str, list[str]] | None, names: dict[str, Any]
) -> tuple[ox.Store, dict[str, Any]]:
    """The store to ask, and which of its graphs, none of them twice. What the protocol gives outweighs the text."""
    if given:
        default, named = ([ox.NamedNode(name) for name in given[part]] for part in ("default_graph", "named_graphs"))
    elif outline and len(outline.default) + len(outline.named) > 1:
        columns = " ".join(f"({iri} AS ?g{i})" for i, iri in enumerate((*outline.default, *outline.named)))
        try:
            [row] = _empty(f"{outline.prologue} SELECT {columns} {{}}", names)
        except SyntaxError:
            return store, {}
        graphs = [term for term in row if isinstance(term, ox.NamedNode)]
        if len(graphs) < len(outline.default) + len(outline.named):
            return store, {}
        default, named = graphs[: len(outline.default)], graphs[len(outline.default) :]
    else:
        return store, {}
    default, named = list(dict.fromkeys(default)), list(dict.fromkeys(named))
    if len(default) < 2:
        return store, {"default_graph": default, "named_graphs": named}
    return _merged(store, default, named), {"default_graph": ox.DefaultGraph(), "named_graphs": named}


def _merged(store: ox.Store, default: Iterable[ox.NamedNode], named: Iterable[ox.NamedNode]) -> ox.Store:
    """A store with the merge of some graphs for its default graph, and with the `named` ones."""
    room = MERGED
    merged = ox.Store()

    def copied(name: ox.NamedNode, to: Any) -> Iterator[ox.Quad]:
        nonlocal room
        for s, p, o, _ in store.quads_for_pattern(None, None, None, name):
            room -= 1
            if room < 0:
                raise TooLargeError(
                    f"the graphs named in FROM have more than {MERGED:,} triples together, too many to be merged for a "
                    "query: without FROM the merge of all runs is asked, and GRAPH ?g { ... } asks graph by graph"
                )
            yield ox.Quad(s, p, o, to)

    for name in default:
        merged.extend(copied(name, ox.DefaultGraph()))
    for name in named:
        merged.extend(copied(name, name))
    return merged


def _constructed(
    store: ox.Store, outline: Outline, names: dict[str, Any], dataset: dict[str, Any]
) -> Iterator[ox.Triple]:
    """The triples of a CONSTRUCT. Raises SyntaxError where it cannot be had as rows."""
    assert outline.template is not None
    variables = list(dict.fromkeys(m["variable"] for m in TOKEN.finditer(outline.template) if m["variable"]))
    columns = " ".join(f"?{name}" for name in variables) or "(1 AS ?none)"
    places = {f"{_MARK}{name}": place for place, name in enumerate(variables)}
    marked = TOKEN.sub(lambda m: f" <{_MARK}{m['variable']}> " if m["variable"] else m[0], outline.template)
    template = _empty(f"{outline.prologue} CONSTRUCT {{ {marked}\n}} {{}}", names)
    parts = [[_term(part, places) for part in triple] for triple in template]
    rows: Any = store.query(f"{outline.prologue} SELECT {columns} {outline.rest}", **names, **dataset)
    return _filled(parts, rows)


def _empty(text: str, names: dict[str, Any]) -> Iterable[Any]:
    """The rows or triples that a query gives of nothing. Raises SyntaxError."""
    found: Any = ox.Store().query(text, **names)
    return list(found)


class Blanks(dict[ox.BlankNode, ox.BlankNode]):
    """The blank nodes that one row puts in the place of those of the template."""

    def __missing__(self, node: ox.BlankNode) -> ox.BlankNode:
        self[node] = ox.BlankNode()
        return self[node]


def _term(term: Any, places: Mapping[str, int]) -> Term:
    """What makes the term for a row of a term of the template; `places` are those of the variables in a row."""
    if isinstance(term, ox.NamedNode) and (place := places.get(term.value)) is not None:
        return lambda row, _: row[place]
    if isinstance(term, ox.BlankNode):
        return lambda _, blanks: blanks[term]
    if isinstance(term, ox.Triple):
        s, p, o = (_term(part, places) for part in term)
        return lambda row, blanks: ox.Triple(s(row, blanks), p(row, blanks), o(row, blanks))
    return lambda *_: term


def _filled(parts: list[list[Term]], rows: Iterable[ox.QuerySolution]) -> Iterator[ox.Triple]:
    """The triples of each row; those with an unbound part, or with a literal where none may be, are left out."""
    seen: set[int] = set()
    for row in rows:
        blanks = Blanks()
        for s, p, o in parts:
            try:
                triple = ox.Triple(s(row, blanks), p(row, blanks), o(row, blanks))
            except TypeError:
                continue
            if (key := hash(triple)) not in seen:
                if len(seen) == REMEMBERED:
                    seen.clear()
                seen.add(key)
                yield triple
