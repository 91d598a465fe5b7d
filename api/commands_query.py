"""kg query, questions."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.output import emit, print_csv, say, table

if TYPE_CHECKING:
    from kg.protocols import CypherStore, SparqlStore
    from kg.run import Run
    from loaders.questions import Question

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--cypher", help="A Cypher query; read-only.")
@click.option("--sparql", help="A SPARQL query; read-only.")
@click.option("--question", "name", help="A question by its name in `kg questions`.")
@click.option("--in", "language", type=click.Choice(["sparql", "cypher"]), help="Language of --question  [sparql]")
@click.option("--param", "params", multiple=True, metavar="KEY=VALUE", help="A parameter; JSON, or else a string.")
@click.option("--timeout", default=30.0, show_default=True, help="Seconds.")
@click.option("--limit", default=10_000, show_default=True, help="Most rows.", type=click.IntRange(1))
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")
@click.option("--bolt", metavar="URI", help="Bolt server  [default: KG_BOLT_URI, or else the embedded engine]")
@click.option("--rdf", type=click.Path(path_type=Path), help="Folder of the RDF store  [default: RUN/rdf]")
@click.option("--level", help="Ask only what passes this level: high, low, rec_0.7, prec_0.9, ...")
@_JSON
def query(
    run: Path, cypher: str | None, sparql: str | None, name: str | None, language: str | None, params: tuple[str, ...],
    timeout: float, limit: int, as_csv: bool, bolt: str | None, rdf: Path | None, level: str | None,
    as_json: bool,
) -> None:
    """Ask the graph in Cypher, in SPARQL, or by a named question.

    The parameters of a named question are texts and numbers as they stand; others are read as JSON where they are JSON
    (--param n=5 is a number, --param 'n="5"' a text).

    \b
    Example:
      kg query runs/demo-1a2b3c4d --question wants --param event='PersonX bakes a cake'
      kg query runs/demo-1a2b3c4d --param e='PersonX bakes a cake' \\
        --cypher 'MATCH (h:Event {text: $e})-[:X_WANT]->(t) RETURN t.text'
    """
    from api.assemble import open_cypher, open_rdf
    from api.levels import open_level
    from kg.run import Run

    if as_csv and as_json:
        raise click.UsageError("give one of --csv and --json")
    opened = Run.open(run)
    asked, text, values = _asked(opened, {"cypher": cypher, "sparql": sparql}, name, language, _parameters(params))
    if level is not None:
        store: CypherStore | SparqlStore = open_level(opened, level, asked, bolt, rdf)
    else:
        store = open_cypher(opened, bolt) if asked == "cypher" else open_rdf(opened, rdf)
    try:
        rows = store.query(text, values, timeout, limit)
    finally:
        store.close()
    if rows.truncated:
        say(f"only the first {limit:,} rows are shown: raise --limit for more")
    if not rows.rows and any(isinstance(value, str) for value in values.values()):
        say("texts must be equal to the letter: --question find --param word=... shows what there is")
    if as_csv:
        print_csv(rows.columns, rows.rows)
        return
    emit({"columns": rows.columns, "rows": rows.rows, "truncated": rows.truncated}, as_json,
         lambda: table(rows.columns, rows.rows) if rows.rows else "no rows")


@click.command()
@click.argument("name", required=False)
@_JSON
def questions(name: str | None, as_json: bool) -> None:
    """List the named questions, or show one in Cypher and SPARQL.

    \b
    Example:
      kg questions
      kg questions leads-to
    """
    from dataclasses import asdict

    from loaders.questions import load_questions, question

    if name is None:
        known = load_questions().values()
        rows = [(q.name, q.level, " ".join(p.name for p in q.parameters), q.title) for q in known]
        emit([asdict(q) for q in known], as_json, lambda: table(["name", "level", "parameters", "title"], rows, 90))
        return
    found = question(name)
    emit(asdict(found), as_json, lambda: "\n\n".join(_sections(found)))


def _sections(question: "Question") -> list[str]:
    """What there is to say of one question."""
    about = [f"{p.name}: {p.meaning}, {p.example or p.default}, say" for p in question.parameters]
    return ["\n".join([question.title, *about]), f"Cypher:\n{question.cypher}", f"SPARQL:\n{question.sparql}"]


def _asked(
    run: "Run", texts: dict[str, str | None], name: str | None, language: str | None, given: dict[str, str]
) -> tuple[str, str, dict[str, Any]]:
    """(language, text, values of the parameters) of what the options ask."""
    chosen = [(key, text) for key, text in texts.items() if text is not None]
    if len(chosen) + (name is not None) != 1:
        raise click.UsageError("give one of --cypher, --sparql and --question")
    if name is None:
        if language is not None:
            raise click.UsageError("--in is for --question")
        return *chosen[0], {key: _value(value) for key, value in given.items()}
    from api.assemble import ontology_of
    from loaders.questions import question

    found = question(name)
    values = found.values(given)
    for parameter in found.parameters:
        if parameter.kind == "relation":
            values[parameter.name] = ontology_of(run)[str(values[parameter.name])].name
    language = language or "sparql"
    return language, found.cypher if language == "cypher" else found.sparql, values


def _parameters(params: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in params:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"--param {text!r} must look like KEY=VALUE")
        if key in found:
            raise click.UsageError(f"--param {key} is given twice")
        found[key] = value
    return found


def _value(text: str) -> Any:
    """What a text means as JSON, or else the text itself; NaN and Infinity are texts."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return text


def _no_constant(name: str) -> Any:
    raise ValueError(name)


commands = {"query": query, "questions": questions}
