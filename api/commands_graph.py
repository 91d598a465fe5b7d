"""kg import, load, unload, explain, export."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.output import StderrProgress, emit, say
from kg.errors import InputError, KGError

if TYPE_CHECKING:
    from kg.protocols import GraphStore
    from kg.run import Run
    from kg.sentence_vectors import SentenceEncoder
    from loaders.sparql_endpoint import SparqlEndpoint

_RUN = click.argument("run", type=click.Path(path_type=Path))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
_BOLT = click.option("--bolt", metavar="URI", help="Bolt server  [default: KG_BOLT_URI, or else the embedded engine]")
_ONLY = click.option("--only", type=click.Choice(["cypher", "rdf"]), help="One of the two stores only.")
_RDF = click.option("--rdf", type=click.Path(path_type=Path), help="Folder of the RDF store  [default: RUN/rdf]")

_ENDPOINT = click.option("--sparql-endpoint", "endpoint", metavar="URL", help=(
    "Graph Store of a SPARQL server (Fuseki: http://localhost:3030/DATASET/data), in place of the RDF store."
))

_COUNTED = {"edges": "triples", "embeddings": "new embeddings"}
_REIFICATION = click.option(
    "--reification", type=click.Choice(["rdf12", "classic"]), default="rdf12", show_default=True,
    help="How RDF says things of a triple: RDF 1.2 reifiers, or rdf:Statement for tools that do not know them.",
)


@click.command("import")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "file_format", required=True, help="atomic2019, atomic2020, skd, tsv or rdf.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the new run.")
@click.option("--ontology", default="atomic2020", show_default=True, help="Packaged name or TOML file.")
@_JSON
def import_(paths: tuple[Path, ...], file_format: str, out: Path, ontology: str, as_json: bool) -> None:
    """Make a run from a file of triples.

    \b
    Example:
      kg import train.tsv dev.tsv --format atomic2019 --out runs/atomic
      kg import demo.trig.gz --format rdf --out runs/again  (what kg export wrote)
    """
    from kg.ontology import load_ontology
    from kg.records import digest
    from kg.run import Run, sha256
    from loaders.imports import import_files

    known = load_ontology(ontology)
    name = digest(file_format, *(part for p in paths for part in (p.name, sha256(p))))[:8]
    recipe = {"name": "import", "format": file_format, "files": [p.name for p in paths], "ontology": ontology}
    is_new = not out.exists()
    run = Run.create(out, f"import-{file_format}-{name}", recipe)
    try:
        counts = import_files(list(paths), file_format, run, known, StderrProgress())
    except KGError:
        if is_new:
            shutil.rmtree(out)
        raise
    emit({"run": str(out), **counts}, as_json, lambda: "\n".join([
        ", ".join(f"{n:,} {what}" for what, n in counts.items()), f"next: kg load {out}"
    ]))


@click.command()
@_RUN
@_BOLT
@_RDF
@_ENDPOINT
@_ONLY
@click.option("--replace", is_flag=True, help="Withdraw first what earlier builds of this run put there.")
@click.option("--embeddings", metavar="ENCODER", help=(
    "Give the nodes of a Neo4j vectors of their texts by this encoder (all-minilm-l6-v2 is packaged), and an index."
))
@_JSON
def load(
    run: Path, bolt: str | None, rdf: Path | None, endpoint: str | None, only: str | None, replace: bool,
    embeddings: str | None, as_json: bool,
) -> None:
    """Load a run's graph into Cypher and RDF stores.

    Loading again changes nothing; other runs stay beside it. User and password of a Bolt server come from KG_BOLT_USER
    and KG_BOLT_PASSWORD, those of a SPARQL server from KG_SPARQL_USER and KG_SPARQL_PASSWORD. There the run becomes the
    named graph https://w3id.org/distilkg/run/ID, in place of what that graph held.

    \b
    Example:
      kg load runs/demo-1a2b3c4d
      KG_BOLT_PASSWORD=... kg load runs/demo-1a2b3c4d --bolt bolt://localhost:7687 --only cypher
      kg load runs/demo-1a2b3c4d --sparql-endpoint http://localhost:3030/ds/data --only rdf
      kg load runs/demo-1a2b3c4d --bolt bolt://localhost:7687 --embeddings all-minilm-l6-v2
    """
    from kg.graph import GraphFiles
    from kg.run import Run
    from loaders.bolt import BoltStore

    if embeddings is not None and (only == "rdf" or not (bolt or os.environ.get("KG_BOLT_URI"))):
        raise click.UsageError("--embeddings are for the nodes of a Neo4j: say where it is with --bolt or KG_BOLT_URI")
    opened = Run.open(run)
    graph, progress = GraphFiles(opened), StderrProgress()
    encoder = None if embeddings is None else _encoder(embeddings)

    def work(store: "GraphStore | SparqlEndpoint") -> dict[str, int]:
        for run_id in [*opened.earlier_ids, opened.id] if replace else []:
            store.unload(run_id, progress)
        if isinstance(store, BoltStore):
            written = store.write(graph, opened.id, progress, encoder)
        else:
            written = store.write(graph, opened.id, progress)
        return written | _counts(store)

    loaded = _with_stores(opened, bolt, rdf, endpoint, only, work)
    emit(loaded, as_json, lambda: "\n".join([
        *_count_lines(loaded),
        f"next: kg query {run} --cypher 'MATCH (h)-[r]->(t) RETURN h.text, type(r), t.text LIMIT 5'",
    ]))


@click.command()
@_RUN
@_BOLT
@_RDF
@_ENDPOINT
@_ONLY
@_JSON
def unload(
    run: Path, bolt: str | None, rdf: Path | None, endpoint: str | None, only: str | None, as_json: bool
) -> None:
    """Withdraw a run, and its earlier builds, from Cypher and RDF stores.

    What this run alone says is deleted; what other runs say stays as if this one had never been loaded. The run's own
    folder is left as it is.

    \b
    Example:
      kg unload runs/demo-1a2b3c4d
      kg unload runs/demo-1a2b3c4d --bolt bolt://localhost:7687 --only cypher
    """
    from kg.run import Run

    opened = Run.open(run)
    progress = StderrProgress()

    def work(store: "GraphStore | SparqlEndpoint") -> dict[str, int]:
        for run_id in [*opened.earlier_ids, opened.id]:
            store.unload(run_id, progress)
        return _counts(store)

    left = _with_stores(opened, bolt, rdf, endpoint, only, work)
    emit(left, as_json, lambda: "\n".join(["left:", *_count_lines(left)]))


def _encoder(name: str) -> "SentenceEncoder":
    from kg.sentence_vectors import SentenceEncoder

    return SentenceEncoder(name)


def _with_stores(
    run: "Run", bolt: str | None, rdf: Path | None, endpoint: str | None, only: str | None,
    work: "Callable[[GraphStore | SparqlEndpoint], dict[str, int]]",
) -> dict[str, dict[str, int]]:
    """What `work` answers for each store, one after the other; `only` names a single one."""
    from api.assemble import open_cypher, open_endpoint, open_rdf

    if endpoint is not None and (rdf is not None or only == "cypher"):
        raise click.UsageError("--sparql-endpoint is in place of the RDF store: leave --rdf and --only cypher out")
    done = {}
    for name in ("cypher", "rdf"):
        if only in (None, name):
            store: GraphStore | SparqlEndpoint
            if name == "cypher":
                store = open_cypher(run, bolt)
            else:
                store = open_rdf(run, rdf) if endpoint is None else open_endpoint(run, endpoint)
            try:
                done[name] = work(store)
            finally:
                store.close()
    return done


def _counts(store: "GraphStore | SparqlEndpoint") -> dict[str, int]:
    """How much is in the store; a Graph Store does not tell."""
    return store.counts() if hasattr(store, "counts") else {}


def _count_lines(counts: dict[str, dict[str, int]]) -> list[str]:
    return [
        f"{name}: " + ", ".join(f"{n:,} {_COUNTED.get(what, what)}" for what, n in c.items()) if c
        else f"{name}: the run is withdrawn"
        for name, c in counts.items()
    ]


@click.command()
@_RUN
@click.argument("triple_id")
@click.option("--parse", "with_parse", is_flag=True, help="Show the sentences with tokens, dependencies and entities.")
@click.option("--svg", type=click.Path(path_type=Path), help="As --parse, and draw the first sentence in this file.")
@_JSON
def explain(run: Path, triple_id: str, with_parse: bool, svg: Path | None, as_json: bool) -> None:
    """Show where a triple came from and what the critics said.

    \b
    Example:
      kg explain runs/demo-1a2b3c4d 5f0c...  (ids: kg export RUN --format jsonl --out -)
      kg explain runs/demo-1a2b3c4d 5f0c... --parse --svg parse.svg
    """
    from dataclasses import asdict

    from api.explain import explain as find
    from api.explain import render
    from kg.run import Run

    opened = Run.open(run)
    found = find(opened, triple_id)
    if not with_parse and svg is None:
        emit(asdict(found), as_json, lambda: render(found))
        return
    from api.parses import render_parse, require_parse, run_parses

    parses = run_parses(opened, found)
    if svg is not None:
        svg.write_text(require_parse(parses).svg, encoding="utf-8")
        say(f"drawn in {svg}")
    if not parses:
        say("no sentence was parsed for this triple: it comes from a list or a file, see the rule")
    emit({**asdict(found), "parses": [asdict(p) for p in parses]}, as_json,
         lambda: "\n\n".join([render(found).rstrip("\n"), *map(render_parse, parses)]))


@click.command()
@_RUN
@click.option("--format", "file_format", required=True, help=(
    "tsv, atomic2020, jsonl, neo4j-csv, or RDF: turtle, trig, ntriples, nquads, rdfxml, jsonld."
))
@click.option("--out", required=True, type=click.Path(path_type=Path), help=(
    "File to write, packed by gzip when it ends in .gz; - is standard output. For neo4j-csv a folder."
))
@_REIFICATION
@click.option("--level", help="Write only what passes this level: high, low, rec_0.7, prec_0.9, ...")
@_JSON
def export(run: Path, file_format: str, out: Path, reification: str, level: str | None, as_json: bool) -> None:
    """Write a run's graph to a file.

    \b
    Example:
      kg export runs/demo-1a2b3c4d --format tsv --out demo.tsv
      kg export runs/demo-1a2b3c4d --format turtle --reification classic --out demo.ttl.gz
      kg export runs/demo-1a2b3c4d --format neo4j-csv --out demo-csv
    """
    from api.assemble import ontology_of
    from api.levels import level_of
    from kg.run import Run
    from loaders.exports import export_run

    opened = Run.open(run) if level is None else level_of(Run.open(run), level)
    rows = export_run(opened, file_format, out, ontology_of(opened), reification == "classic")
    if str(out) == "-":
        return
    if not rows:
        raise InputError(f"{run} has no triples: {out} is empty")
    if file_format == "neo4j-csv":
        from loaders.neo4j_csv import AFTER, COMMAND

        say(f"next, in {out}: {COMMAND}; then start the server, and cypher-shell -f {AFTER}")
    emit({"rows": rows, "out": str(out)}, as_json, lambda: f"{rows:,} rows in {out}")


commands = {"import": import_, "load": load, "unload": unload, "explain": explain, "export": export}
