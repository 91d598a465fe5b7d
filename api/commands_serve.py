"""kg serve, bench."""

import sys
from pathlib import Path

import click

from api.output import emit, say

BENCHES = {
    "extraction": "extraction.bench_extraction:bench_extraction",
    "teacher": "extraction.bench_teacher:bench_teacher",
}
OF_TEXTS = ("extraction",)  # benches that take texts of the user


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--student", type=click.Path(path_type=Path), help="Folder of a trained student.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--bolt", metavar="URI", help="Bolt server  [default: KG_BOLT_URI, or else the embedded engine]")
@click.option("--rdf", type=click.Path(path_type=Path), help="Folder of the RDF store  [default: RUN/rdf]")
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
def serve(
    run: Path, student: Path | None, host: str, port: int, bolt: str | None, rdf: Path | None, as_json: bool
) -> None:
    """Serve a run over HTTP: Cypher, SPARQL, completion, a page.

    \b
    Example:
      kg serve runs/demo-1a2b3c4d --student students/demo
    """
    from api.assemble import open_run
    from api.server import create_app
    from api.server import serve as run_server

    def ready(url: str) -> None:
        emit({"url": url}, as_json, lambda: f"{url}  (Ctrl-C stops it)")
        sys.stdout.flush()

    opened = open_run(run, student, bolt, rdf)
    try:
        run_server(create_app(opened), host, port, ready)
    finally:
        opened.close()
    say("stopped")


@click.command()
@click.argument("name", type=click.Choice(list(BENCHES)))
@click.option("--file", type=click.Path(path_type=Path), help="Texts to read, as for kg coverage  [extraction only]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def bench(name: str, file: Path | None, as_json: bool) -> None:
    """Measure a part against its limit, as a ratio in one run.

    \b
    Example:
      kg bench teacher
      kg bench extraction --file answers.jsonl
    """
    from api.assemble import load

    if file is not None and name not in OF_TEXTS:
        raise click.UsageError(f"--file is for {', '.join(OF_TEXTS)}: the bench {name!r} has its own texts")
    figures = load(BENCHES[name])(**({} if file is None else {"file": file}))
    emit(figures, as_json, lambda: "\n".join(f"{key}: {value}" for key, value in figures.items()))


commands = {"serve": serve, "bench": bench}
