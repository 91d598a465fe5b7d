"""Whether the named questions give the same rows in every store: `python -m tests.twins RUN...` loads and asks.

A row that differs, by so much as its place, ends the command with 1. Scores may differ in the last digits of a mean.
"""

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kg.graph import GraphFiles
from kg.ontology import load_ontology
from kg.protocols import GraphStore, Rows
from kg.run import Run
from loaders.bolt import connect
from loaders.questions import Question, load_questions
from loaders.rdf import RdfStore
from tests.servers import Neo4jServer

ANSWERS = 5  # values of each open parameter that are tried


def samples(graph: GraphFiles, question: Question, count: int = ANSWERS) -> list[dict[str, Any]]:
    """Values of a question's parameters that this graph has: the commonest ones, and the question's own examples."""
    edges = [e for e in graph.edges() if not e["negated"]]
    feelings = _commonest(e["tail_text"] for e in edges if e["relation"] == "xReact")
    columns: dict[str, list[Any]] = {
        "event": _commonest(e["head_text"] for e in edges), "tail": _commonest(e["tail_text"] for e in edges),
        "relation": _commonest(e["relation"] for e in edges), "feeling": feelings, "one": feelings,
        "other": feelings[1:], "word": ["dog", "PERSONX ", "é"],
    }
    columns["head"] = [*columns["event"][:2], *_commonest(e["head_text"] for e in graph.edges() if e["negated"])[:2],
                       *(n["text"] for n in islice((n for n in graph.nodes() if n["nothing"]), 2))]
    if question.name == "between":
        pairs = [{"head": e["head_text"], "tail": e["tail_text"]} for e in graph.edges()]
        return [question.values({**question.examples(), **p}) for p in pairs[:: max(1, len(pairs) // count)]]
    if question.name == "comes-from":
        heads = {e["head"] for e in edges}
        columns["event"] = _commonest(e["tail_text"] for e in edges if e["tail"] in heads)
    open_ = [p.name for p in question.parameters if p.default is None]
    rows = zip(*(columns[name][:count] for name in open_), strict=False)
    return [question.examples(), *({**question.examples(), **dict(zip(open_, row, strict=True))} for row in rows)]


def _commonest(texts: Iterator[Any]) -> list[Any]:
    return [text for text, _ in Counter(texts).most_common(ANSWERS)]


def ask(store: GraphStore, question: Question, values: dict[str, Any]) -> Rows:
    """The answer of one store."""
    text = question.cypher if store.language == "cypher" else question.sparql
    return store.query(text, values, timeout=120, limit=1_000_000)


def difference(left: Rows, right: Rows) -> str:
    """What differs first; an empty text when nothing does. The embedded engine names no columns of an empty answer."""
    if left.columns != right.columns and (left.rows or right.rows):
        return f"columns {left.columns} and {right.columns}"
    for number, (a, b) in enumerate(zip_longest(left.rows, right.rows)):
        if a is None or b is None or not all(map(_same, a, b)):
            return f"row {number}: {a} and {b}"
    return ""


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=1e-9)
    return type(a) is type(b) and bool(a == b)


def check(graph: GraphFiles, stores: dict[str, GraphStore], say: Callable[[str], None] = print) -> int:
    """Asks everything everywhere; returns how many answers differ from those of the first store."""
    wrong = 0
    for question in load_questions().values():
        rows, seconds = 0, Counter[str]()
        for values in samples(graph, question):
            answers = {}
            for name, store in stores.items():
                started = time.perf_counter()
                answers[name] = ask(store, question, values)
                seconds[name] += time.perf_counter() - started
            first, *others = answers
            rows += len(answers[first].rows)
            for other in others:
                if found := difference(answers[first], answers[other]):
                    wrong += 1
                    say(f"{question.name} {values}: {first} and {other} differ: {found}")
        say(f"{question.name:24} {rows:6,} rows  " + "  ".join(f"{n} {s:6.2f} s" for n, s in seconds.items()))
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Loads each run into RDF, the embedded engine and a Neo4j of its own, and compares; 0 when all is the same."""
    parser = argparse.ArgumentParser(prog="python -m tests.twins", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--without-neo4j", action="store_true")
    options = parser.parse_args(arguments)
    wrong = 0
    for path in options.runs:
        graph, run = GraphFiles(Run.open(path)), Run.open(path)
        with TemporaryDirectory() as folder, ExitStack() as stack:
            stores: dict[str, GraphStore] = {
                "rdf": RdfStore(Path(folder) / "rdf", load_ontology()),
                "embedded": connect(load_ontology(), Path(folder) / "cypher"),
            }
            if not options.without_neo4j:
                server = Neo4jServer(Path(folder) / "neo4j")
                stack.callback(server.kill)
                server.start()
                stores["neo4j"] = connect(load_ontology(), Path(folder), server.uri)
            for store in stores.values():
                stack.callback(store.close)
                store.write(graph, run.id)
            print(f"{path}: {graph.counts()}")
            wrong += check(graph, stores)
    print(f"{wrong} answers differ" if wrong else "every answer is the same")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
