"""A run's graph as N-Triples, streaming: the one place that says what its rows are in RDF.

An edge is asserted as one plain triple between nodes; `edge/<id>` reifies it (RDF 1.2, rdf:reifies; or the classic
rdf:Statement) and carries score, level and sources. A denied edge is never asserted: `edge/<id>` is an
owl:NegativePropertyAssertion instead. Where an edge was read is prov:hadPrimarySource, an excerpt of an answer or of a
file, which tells how it qualifies the edge. Which runs nodes and edges are from is prov:wasDerivedFrom, so that the
union of many runs tells it too.

It is text and not objects, because text is made and read several times as fast.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from io import BufferedReader, RawIOBase
from itertools import islice
from math import inf
from typing import IO, Any
from urllib.parse import quote

import numpy as np
from pyoxigraph import RdfFormat, Triple, serialize

from kg.graph import GraphFiles
from kg.ontology import Ontology
from kg.run import Progress, Run, read_journal, silent
from loaders.rdf_description import Tally, describe
from loaders.vocabulary import BASE, NS, PREFIXES, Source, Vocabulary, excerpt_iri, origin_iri, run_iri

BATCH = 5_000  # rows that are made at a time
_UNFIT = {ord(c): f"\\{n}" for c, n in (('"', '"'), ("\\", "\\"), ("\n", "n"), ("\r", "r"))}
_DOUBLES = {inf: "INF", -inf: "-INF"}


def _iri(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"<{PREFIXES[prefix]}{local}>"


_TYPE, _DERIVED, _REIFIES = _iri("rdf:type"), _iri("prov:wasDerivedFrom"), _iri("rdf:reifies")
_LABEL, _NOTHING, _WORDING = _iri("skos:prefLabel"), _iri("kg:nothingFor"), _iri("kg:wording")
_ENTITY, _MODALITY = _iri("kg:entity"), _iri("kg:modality")
_SCORE, _LEVEL, _SOURCES, _RULE = _iri("kg:score"), _iri("kg:level"), _iri("kg:sources"), _iri("kg:rule")
_EXCERPT, _PART_OF = _iri("prov:hadPrimarySource"), _iri("prov:specializationOf")
_STATEMENT = [f"{_TYPE} {_iri('rdf:Statement')}", *(_iri(f"rdf:{p}") for p in ("subject", "predicate", "object"))]
_DENIAL = [
    f"{_TYPE} {_iri('owl:NegativePropertyAssertion')}",
    *(_iri(f"owl:{p}") for p in ("sourceIndividual", "assertionProperty", "targetIndividual")),
]


class Statements:
    """The RDF of a run's graph: ontology, nodes, edges, excerpts, answers, and a description of the whole.

    `count` is the number of triples that were made so far.
    """

    def __init__(self, graph: GraphFiles, ontology: Ontology, classic: bool = False) -> None:
        self.count = 0
        self._graph = graph
        self._run = Run.open(graph.path)
        self._ontology = ontology
        self._classic = classic
        self._derived = f"{_DERIVED} {run_iri(graph.run_id)} .\n"
        self._tally = Tally()
        self._labels = _Labels()

    def chunks(self, progress: Progress = silent) -> Iterator[bytes]:
        """Whole lines of UTF-8 N-Triples, in the order of the run's files."""
        self.count, self._tally, self._labels = 0, Tally(), _Labels()
        total, done = sum(self._graph.counts().values()), 0
        yield self._lines(Vocabulary(self._ontology).document())
        for name, make in (("nodes", self._nodes), ("edges", self._edges), ("provenance", self._excerpts)):
            for batch in self._graph.batches(name, BATCH):
                yield self._counted(make([column.to_pylist() for column in batch.columns]))
                done += batch.num_rows
                progress("rdf", done, total)
        answers = read_journal(self._run.path / "generations.jsonl")
        while rows := list(islice(answers, 1000)):
            yield self._counted([self._answer(row) for row in rows])
        yield self._lines(describe(self._run, self._tally, self.count))

    def _nodes(self, columns: list[list[Any]]) -> Iterator[str]:
        derived = self._derived
        for i, kind, text, nothing, entity in zip(*columns, strict=True):
            self._labels.add(i, text)
            self._tally.kinds[kind] += 1
            node = _thing("node", i)
            said = "".join(f"{node} {_NOTHING} <{NS}{_local(relation)}> .\n" for relation in nothing)
            if entity is not None:
                said += f"{node} {_ENTITY} {_text(entity)} .\n"
            yield f"{node} {_TYPE} <{NS}{_local(kind)}> .\n{node} {_LABEL} {_text(text)} .\n{said}{node} {derived}"

    def _edges(self, columns: list[list[Any]]) -> Iterator[str]:
        derived = self._derived
        as_labelled = self._labels.has(columns[3], columns[6])  # tails and their wordings
        for i, head, name, tail, negated, _, wording, score, level, sources, _, plain in zip(
            *columns, as_labelled, strict=True
        ):
            edge, relation = _thing("edge", i), f"<{NS}{_local(name)}>"
            self._tally.relations[name] += not negated
            lines = [
                self._statement(edge, _thing("node", head), relation, _thing("node", tail), negated),
                f'{edge} {_SOURCES} "{sources}"^^<{PREFIXES["xsd"]}integer> .\n{edge} {derived}',
            ]
            if score is not None:
                lines.append(f'{edge} {_SCORE} "{_double(score)}"^^<{PREFIXES["xsd"]}double> .\n')
            if level:
                lines.append(f"{edge} {_LEVEL} {_text(level)} .\n")
            if not plain:
                lines.append(f"{edge} {_WORDING} {_text(wording)} .\n")
            yield "".join(lines)

    def _statement(self, edge: str, head: str, relation: str, tail: str, negated: bool) -> str:
        if not negated and not self._classic:
            return f"{head} {relation} {tail} .\n{edge} {_REIFIES} <<( {head} {relation} {tail} )>> .\n"
        kind, *predicates = _DENIAL if negated else _STATEMENT
        parts = zip(predicates, (head, relation, tail), strict=True)
        said = "".join([f"{edge} {kind} .\n", *(f"{edge} {predicate} {part} .\n" for predicate, part in parts)])
        return said if negated else f"{head} {relation} {tail} .\n{said}"

    def _excerpts(self, columns: list[list[Any]]) -> Iterator[str]:
        own = self._graph.run_id
        for edge, generation_id, rule, start, end, run_id, modality in zip(*columns, strict=True):
            source = Source(generation_id, rule, start, end, "" if run_id == own else run_id, modality)
            excerpt = f"<{excerpt_iri(source)}>"
            hedged = f"{excerpt} {_MODALITY} {_text(modality)} .\n" if modality else ""
            yield (
                f"{_thing('edge', edge)} {_EXCERPT} {excerpt} .\n{excerpt} {_RULE} {_text(rule)} .\n{hedged}"
                f"{excerpt} {_PART_OF} <{origin_iri(generation_id, rule)}> .\n"
            )

    def _answer(self, row: dict[str, Any]) -> str:
        answer, teacher = f"<{origin_iri(row['id'], '')}>", row["teacher"]
        self._tally.teachers[teacher] += 1
        facts = {
            _TYPE: _iri("prov:Entity"), _iri("prov:value"): _text(_whole(row["text"])),
            _iri("prov:wasAttributedTo"): _thing("teacher", teacher),
            _iri("prov:wasGeneratedBy"): _thing("build", self._run.id),
        }
        return "".join(f"{answer} {predicate} {object} .\n" for predicate, object in facts.items())

    def _counted(self, lines: Iterable[str]) -> bytes:
        text = "".join(lines)
        self.count += text.count("\n")
        return text.encode()

    def _lines(self, triples: Iterable[Triple]) -> bytes:
        text = serialize(triples, format=RdfFormat.N_TRIPLES) or b""
        self.count += text.count(b"\n")
        return text


class _Labels:
    """Which text each node has, in 8 bytes a node: hashes of both.

    Among ten million nodes, the chance that a wording passes for a label that it is not is below 1 in 10^12.
    """

    def __init__(self) -> None:
        self._added = array("q")
        self._sorted = np.empty(0, np.int64)

    def add(self, node: str, text: str) -> None:
        self._added.append(hash((node, text)))

    def has(self, nodes: Sequence[str], texts: Sequence[str]) -> list[bool]:
        """Whether each node has the text at the same place."""
        if self._added:
            self._sorted = np.sort(np.concatenate([self._sorted, np.frombuffer(self._added, np.int64)]))
            self._added = array("q")
        asked = np.fromiter(map(hash, zip(nodes, texts, strict=True)), np.int64, len(nodes))
        found = np.searchsorted(self._sorted, asked)
        found[found == len(self._sorted)] = 0
        return (self._sorted[found] == asked).tolist() if len(self._sorted) else [False] * len(nodes)


def pieces(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The chunks put together to pieces of at least `size` bytes; the last one may be shorter."""
    held: list[bytes] = []
    for chunk in chunks:
        held.append(chunk)
        if sum(map(len, held)) >= size:
            yield b"".join(held)
            held = []
    if held:
        yield b"".join(held)


def as_file(chunks: Iterator[bytes]) -> IO[bytes]:
    """The chunks as a file to read; what making them raises, reading raises."""
    return BufferedReader(_Chunks(chunks), 1 << 20)


class _Chunks(RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            if (chunk := next(self._chunks, None)) is None:
                return 0
            self._left = memoryview(chunk)
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def _thing(kind: str, name: str) -> str:
    return f"<{BASE}{kind}/{_local(name)}>"


@lru_cache(10_000)
def _quoted(name: str) -> str:
    return quote(name, safe="")


def _local(name: str) -> str:
    """A name within an IRI: ids and names of relations as they are, what else there may be escaped."""
    return name if name.isalnum() else _quoted(name)


def _text(text: str) -> str:
    return f'"{text.translate(_UNFIT)}"'


def _double(value: float) -> str:
    return _DOUBLES.get(value) or ("NaN" if value != value else repr(value))


def _whole(text: str) -> str:
    """The text without half surrogates, which no RDF can hold; a teacher's answer may have some."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
