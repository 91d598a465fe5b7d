"""Whether the RDF of a run, of a file or of a store is as it should be.

A graph lies on disk meanwhile, in its classic form (`Statements(classic=True)`), because SHACL knows no reifiers. It
is checked in slices: subjects with about `SLICE` triples, so that memory does not grow with the graph.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby, islice
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyoxigraph as ox
from pyarrow import ArrowException

from kg.errors import InputError, RunError
from kg.graph import GraphFiles
from kg.ontology import Ontology
from kg.run import Progress, Run, sha256, silent
from loaders.rdf_faults import PARTS, STATEMENT, Fault, Subjects, faults, plain
from loaders.rdf_import import read_quads
from loaders.rdf_statements import Statements, pieces
from loaders.shapes import shapes
from loaders.vocabulary import TYPE, run_iri, term

SLICE = 20_000  # triples
PIECE, BATCH = 8 << 20, 100_000  # bytes of N-Triples, or quads, that are put into the store at once
MOST = 1000  # faults that are kept; further ones are counted
_LOADED = ox.NamedNode("urn:distilkg:loaded")
_REIFIES, _ATTRIBUTED, _SIZE = term("rdf:reifies"), term("prov:wasAttributedTo"), term("void:triples")
_TEXT = term("skos:prefLabel")
_CHANGED = "the file is not the one that the run was finished with: restore it, or build or import the run again"


@dataclass(slots=True)
class Report:
    """What a check found: how many triples it read, how many faults there are, and the first `MOST` of these."""

    triples: int = 0
    count: int = 0
    faults: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Notes a fault."""
        self.count += 1
        if len(self.faults) < MOST:
            self.faults.append(fault)


def check_run(run: Run, ontology: Ontology, progress: Progress = silent) -> Report:
    """Checks the RDF of a run's files; and that these, and the run's graph in its RDF store, are as they were made.

    Raises RunError for files that cannot be read.
    """
    report, graph = Report(), run_iri(run.id)
    statements = Statements(GraphFiles(run), ontology, classic=True)
    for file, expected in (run.stage("graph") or {})["sha256"].items():
        if sha256(run.path / file) != expected:
            report.add(Fault(str(run.path / file), "", "", _CHANGED))
    with TemporaryDirectory(prefix="kg-check-") as folder:
        store = ox.Store(folder)
        try:
            for text in pieces(statements.chunks(progress), PIECE):
                store.bulk_load(text, ox.RdfFormat.N_TRIPLES, to_graph=graph, lenient=True)
        except (ArrowException, OSError) as error:
            raise RunError(f"{run.path}: a file of the graph cannot be read: {error}; build the run again") from None
        _check(store, [graph], ontology, report, progress)
        if (run.path / "rdf" / "CURRENT").is_file():
            loaded = ox.Store.read_only(str(run.path / "rdf"))
            _extend(store, _classic(loaded.quads_for_pattern(None, None, None, graph), _LOADED))
            _compare(store, graph, report, progress)
    return report


def check_file(path: Path, ontology: Ontology, progress: Progress = silent) -> Report:
    """Checks each graph of an RDF file, packed or not, whose name tells the format.

    Raises InputError for what is no RDF, or holds no graph of ours.
    """
    return _check_quads(read_quads(path), ontology, progress)


def check_store(path: Path, ontology: Ontology, progress: Progress = silent) -> Report:
    """Checks each run's graph in the RDF store in the folder `path`. Raises InputError where there is none."""
    store = ox.Store.read_only(str(path))
    graphs = (store.quads_for_pattern(None, None, None, name) for name in store.named_graphs())
    return _check_quads(chain.from_iterable(graphs), ontology, progress)


def _check_quads(quads: Iterable[ox.Quad], ontology: Ontology, progress: Progress) -> Report:
    report = Report()
    with TemporaryDirectory(prefix="kg-check-") as folder:
        store = ox.Store(folder)
        _extend(store, _classic(quads))
        if next(store.quads_for_pattern(None, _TEXT, None), None) is None:
            raise InputError("there is no graph of distilkg: no node with a skos:prefLabel")
        _check(store, [*store.named_graphs(), ox.DefaultGraph()], ontology, report, progress)
    return report


def _extend(store: ox.Store, quads: Iterator[ox.Quad]) -> None:
    """Adds quads, not too many at once: the store holds in memory what it is given."""
    while some := list(islice(quads, BATCH)):
        store.bulk_extend(some)


def _classic(quads: Iterable[ox.Quad], graph: Any = None) -> Iterator[ox.Quad]:
    """The quads, in `graph` when it is given, with an rdf:Statement for each triple that a reifier reifies."""
    for subject, predicate, value, name in quads:
        if predicate == _REIFIES and isinstance(value, ox.Triple):
            yield ox.Quad(subject, TYPE, STATEMENT, graph or name)
            for part, said in zip(PARTS[STATEMENT], value, strict=True):
                yield ox.Quad(subject, part, said, graph or name)
        else:
            yield ox.Quad(subject, predicate, value, graph or name)


def _check(store: ox.Store, graphs: Sequence[Any], ontology: Ontology, report: Report, progress: Progress) -> None:
    """Checks graphs, each for itself, slice by slice."""
    total = len(store)
    for graph in graphs:
        has_answers = next(store.quads_for_pattern(None, _ATTRIBUTED, None, graph), None) is not None
        known = shapes(ontology, has_answers)
        for subjects in _slices(store, graph):
            for fault in faults(store, graph, subjects, known):
                report.add(fault)
            report.triples += sum(map(len, subjects.values()))
            progress("check", report.triples, total)


def _slices(store: ox.Store, graph: Any) -> Iterator[Subjects]:
    """The triples of a graph by subject, about SLICE triples at a time."""
    found: Subjects = {}
    size = 0
    for subject, quads in groupby(store.quads_for_pattern(None, None, None, graph), attrgetter("subject")):
        found[subject] = list(quads)
        size += len(found[subject])
        if size >= SLICE:
            yield found
            found, size = {}, 0
    if found:
        yield found


def _compare(store: ox.Store, graph: ox.NamedNode, report: Report, progress: Progress) -> None:
    """Notes what the run's files say and its RDF store does not, and the other way round.

    But for the number of triples, which is another one in the classic form.
    """
    if next(store.quads_for_pattern(None, None, None, _LOADED), None) is None:
        return
    for one, other, message in (
        (_LOADED, graph, "the RDF store says this and the run's files do not: load them with `kg load --replace`"),
        (graph, _LOADED, "the run's files say this and the RDF store does not: load them with `kg load --replace`"),
    ):
        for number, (subject, predicate, value, _) in enumerate(store.quads_for_pattern(None, None, None, one)):
            if predicate != _SIZE and ox.Quad(subject, predicate, value, other) not in store:
                report.add(Fault(str(plain(subject)), str(plain(predicate)), str(plain(value)), message))
            if number % SLICE == 0:
                progress("compare", number, None)
