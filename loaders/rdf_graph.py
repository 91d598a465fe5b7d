"""The RDF store as an rdflib graph, for Python programs and notebooks.

    from loaders.rdf_graph import open_graph

    graph = open_graph("runs/demo-1a2b3c4d")
    for row in graph.query("SELECT ?e ?t { ?h skos:prefLabel ?e ; kg:xWant ?w . ?w skos:prefLabel ?t } LIMIT 3"):
        print(row.e, "->", row.t)
"""

from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn, cast

import pyoxigraph as ox
from oxrdflib import OxigraphStore
from rdflib import XSD, Dataset, Literal
from rdflib.query import Result

from kg.errors import StoreError
from loaders.vocabulary import PREFIXES

_COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o FILTER(!isTRIPLE(?o)) }"


def open_graph(path: str | PathLike[str]) -> Dataset:
    """The RDF store of a run, or the one in the folder `path` itself, as it is now: read-only, nothing is copied.

    The default graph is the union of all runs, `graph(run_iri(id))` one of them. Queries are run by the store, with all
    of SPARQL 1.1 and the annotations `{| |}` of RDF 1.2, in this process and without a time-out. rdflib has no terms
    for reified triples: its own ways to look (`triples`, `value`, `serialize`) leave rdf:reifies out, so ask for scores
    in SPARQL. Raises StoreError where there is no store.
    """
    folder = Path(path)
    folder = folder if (folder / "CURRENT").is_file() else folder / "rdf"
    if not (folder / "CURRENT").is_file():
        raise StoreError(f"there is no RDF store in {path}: make it with `kg load`")
    dataset = Dataset(store=_ReadOnlyStore(store=ox.Store.read_only(str(folder))))
    for prefix, iri in PREFIXES.items():
        dataset.bind(prefix, iri)
    return dataset


class _ReadOnlyStore(OxigraphStore):
    """oxrdflib's store without writing, with texts as rdflib itself reads them from files, and with initBindings for
    every variable of a query."""

    def triples(self, triple_pattern: Any, context: Any = None) -> Iterator[Any]:
        for triple, contexts in super().triples(triple_pattern, context):
            if not isinstance(triple[2], tuple):
                yield (*triple[:2], _text(triple[2])), contexts

    def query(
        self, query: Any, initNs: Mapping[str, Any], initBindings: Mapping[str, Any], queryGraph: str,  # noqa: N803
        **options: Any,
    ) -> Result:
        prefixes = {prefix: str(namespace) for prefix, namespace in initNs.items()}
        if initBindings:
            names = " ".join(f"?{name}" for name in initBindings)
            terms = " ".join(term.n3() for term in initBindings.values())
            query = f"{query}\nVALUES ({names}) {{ ({terms}) }}"
        found: Result = super().query(query, prefixes, {}, queryGraph, **options)
        if found.type == "SELECT":
            found.bindings = ({name: _text(term) for name, term in row.items()} for row in found.bindings)
        return found

    def __len__(self, context: Any = None) -> int:
        (row,) = self.query(_COUNT, {}, {}, "__UNION__" if context is None else context.identifier)
        return int(cast(Any, row)[0])

    def add_graph(self, graph: Any) -> None:
        """Nothing: `Dataset.graph` calls it for every graph that is asked for."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("the graph is read-only: write with `kg load` and `kg unload`")

    add = addN = remove = update = remove_graph = destroy = _refuse  # noqa: N815


def _text(term: Any) -> Any:
    """A plain string without the datatype that it has anyway: rdflib holds the two to be different."""
    return Literal(str(term)) if isinstance(term, Literal) and term.datatype == XSD.string else term
