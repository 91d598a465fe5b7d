"""kg ask."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.output import StderrProgress, emit, say, table

if TYPE_CHECKING:
    from kg.protocols import GraphStore
    from kg.run import Run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("question")
@click.option("--student", type=click.Path(path_type=Path), help="A student that answers too, marked as such.")
@click.option("-k", default=5, show_default=True, type=click.IntRange(min=1), help="Answers of each source.")
@click.option("--bolt", metavar="URI", help="Bolt server  [default: KG_BOLT_URI, or else the embedded engine]")
@click.option("--rdf", type=click.Path(path_type=Path), help="Folder of the RDF store  [default: RUN/rdf]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def ask(
    run: Path, question: str, student: Path | None, k: int, bolt: str | None, rdf: Path | None, as_json: bool
) -> None:
    """Ask the graph a question in plain English.

    The question is read into a head and a relation, and asked in Cypher and in SPARQL, which are shown.
    When the graph says less than -k of it, near heads are asked too. A question that cannot be read is
    answered with the kinds that can.

    \b
    Example:
      kg ask runs/demo-1a2b3c4d 'why would someone bake a cake?'
      kg ask runs/demo-1a2b3c4d 'how would Anna feel after winning?' --student students/demo
    """
    from api.ask import ask as ask_all
    from api.ask import label_of
    from api.assemble import load_student, ontology_of
    from api.neighbours import NeighbourIndex
    from api.triples import Edges
    from extraction.asking import read_question
    from kg.run import Run

    opened = Run.open(run)
    opened.require("graph")
    ontology = ontology_of(opened)
    asked = read_question(question, ontology)
    known = load_student(student) if student else None
    stores = _stores(opened, bolt, rdf)
    try:
        reply = ask_all(asked, k, stores, lambda: NeighbourIndex(Edges(opened), ontology, StderrProgress()), known)
    finally:
        for store in stores:
            store.close()
    for note in reply.notes:
        say(note)
    emit({"question": question, "head": asked.head, "relation": label_of(asked), **asdict(reply)}, as_json,
         lambda: _text(asked.head, label_of(asked), asdict(reply)))


def _stores(run: "Run", bolt: str | None, rdf: Path | None) -> "list[GraphStore]":
    """The stores that the run was loaded into. Raises StoreError when there is none."""
    from api.assemble import open_cypher, open_rdf
    from kg.errors import StoreError

    found: list[GraphStore] = []
    for name, store in (("Cypher", open_cypher(run, bolt)), ("RDF", open_rdf(run, rdf))):
        if store.counts()["edges"]:
            found.append(store)
        else:
            store.close()
            say(f"the {name} store is empty and was not asked: `kg load {run.path}` fills it")
    if not found:
        raise StoreError(f"nothing is loaded: `kg load {run.path}` first")
    return found


def _text(head: str, relation: str, reply: dict[str, Any]) -> str:
    rows = [[a["tail"], a["score"], a["source"], a["head"], a["similarity"]] for a in reply["answers"]]
    queries = [f"{language}:\n{text}" for asked in reply["queries"] for language, text in asked.items()]
    answers = table(["tail", "score", "source", "head", "similarity"], rows) if rows else "no answers"
    return "\n\n".join([f"{head}  --{relation}->  ?", *queries, answers])


commands = {"ask": ask}
