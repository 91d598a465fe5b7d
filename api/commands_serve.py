"""kg serve, bolt, bench."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click

from api.output import emit, say, table

BENCHES = {
    "complete": "api.bench_complete:bench_complete",
    "extraction": "extraction.bench_extraction:bench_extraction",
    "load": "loaders.bench_load:bench_load",
    "sparql": "api.bench_sparql:bench_sparql",
    "teacher": "extraction.bench_teacher:bench_teacher",
    "train": "kg.bench_training:bench_training",
}
BENCH_OPTIONS = {  # the benches that take each
    "file": ("extraction", "train"), "run": ("complete", "load", "sparql"), "bolt": ("load",),
    "triples": ("sparql", "train"), "student": ("complete",),
}
_ABOVE_0 = click.FloatRange(0, min_open=True)
_ADDRESS = re.compile(r"https?://[^\s/?#<>\"{}|^`\\]+[^\s<>\"{}|^`\\]*")


def _addresses(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses of endpoints, which must be written as in a query."""
    if wrong := [address for address in given if not _ADDRESS.fullmatch(address)]:
        raise click.BadParameter(f"{wrong[0]!r} is not the address of an endpoint, like https://example.org/sparql")
    return given


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--student", type=click.Path(path_type=Path), help="Folder of a trained student.")
@click.option("--rules", type=click.Path(path_type=Path), help="File of kg rules, for completions.")
@click.option("--links", type=click.Path(path_type=Path), help="Folder of kg eval links --out, for completions.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--bolt", metavar="URI", help="Bolt server  [default: KG_BOLT_URI, or else the embedded engine]")
@click.option("--rdf", type=click.Path(path_type=Path), help="Folder of the RDF store  [default: RUN/rdf]")
@click.option("--timeout", default=30.0, show_default=True, type=_ABOVE_0, help="Seconds that a query may take.")
@click.option("--at-once", default=8, show_default=True, type=click.IntRange(1), help="Queries answered at once.")
@click.option("--max-body", default=1_000_000, show_default=True, type=click.IntRange(1), help="Bytes of a request.")
@click.option("--rate", type=_ABOVE_0, help="Requests a second that one client may send  [default: any number]")
@click.option("--access-log", metavar="FILE", help="Append a line of JSON for each request; - is standard error.")
@click.option(
    "--service", "services", multiple=True, metavar="URL", callback=_addresses,
    help="SPARQL endpoint that queries may ask with SERVICE; may be given several times  [default: none]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
def serve(
    run: Path, student: Path | None, rules: Path | None, links: Path | None, host: str, port: int, bolt: str | None,
    rdf: Path | None, timeout: float, at_once: int, max_body: int, rate: float | None, access_log: str | None,
    services: tuple[str, ...], as_json: bool,
) -> None:
    """Serve a run over HTTP: Cypher, SPARQL, completion, a page.

    With KG_API_KEY set only who sends the key is answered: as `Authorization: Bearer KEY`, as `X-API-Key: KEY`, or as
    the password that a browser asks for.

    \b
    Example:
      kg serve runs/demo-1a2b3c4d --student students/demo
      KG_API_KEY=$(openssl rand -hex 24) kg serve runs/demo-1a2b3c4d --host 0.0.0.0 --rate 10 --access-log access.jsonl
    """
    from api.access import keys_of
    from api.assemble import open_run
    from api.limits import Limits
    from api.server import create_app
    from api.server import serve as run_server

    def ready(url: str) -> None:
        emit({"url": url}, as_json, lambda: f"{url}  (Ctrl-C stops it)")
        sys.stdout.flush()

    keys = keys_of(os.environ)
    if not keys and not _is_loopback(host):
        say(f"everyone who can reach {host} can ask this server: set KG_API_KEY to let in only who has the key")
    limits = Limits(query_seconds=timeout, queries_at_once=at_once, body_bytes=max_body, rate=rate or 0.0)
    with _log(access_log) as log:
        opened = open_run(run, student, bolt, rdf, services, at_once, rules, links)
        try:
            run_server(create_app(opened, limits, keys, log), host, port, ready)
        finally:
            opened.close()
    say("stopped")


@contextmanager
def _log(name: str | None) -> Iterator[Callable[[str], object] | None]:
    """What writes lines to the file; a full disk stops no answer."""
    if name is None:
        yield None
        return
    with nullcontext(sys.stderr) if name == "-" else open(name, "a", buffering=1, encoding="utf-8") as stream:
        def write(line: str) -> None:
            with suppress(OSError):
                stream.write(line)

        yield write


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--write", is_flag=True, help="Show the user who may write, in place of the one who may only read.")
@click.option("--json", "as_json", is_flag=True, help="Print address, database, user and password as JSON.")
def bolt(run: Path, write: bool, as_json: bool) -> None:
    """Show where Bolt tools reach the embedded Cypher engine, and keep it running.

    For cypher-shell and any driver, on this machine alone. Your own Neo4j is reached as ever.

    \b
    Example:
      kg bolt runs/demo-1a2b3c4d
    """
    import signal
    import threading

    from kg.run import Run
    from loaders.embedded import EmbeddedEngine

    engine = EmbeddedEngine(Run.open(run).path / "cypher")
    try:
        address = engine.address()
        user, password = (address.auth if write else address.read_auth) or ("", "")
        shown = {"uri": address.uri, "database": address.database, "user": user, "password": password}
        emit(shown, as_json, lambda: "\n".join([
            f"cypher-shell -a {address.uri} -d {address.database} -u {user} -p {password}", "(Ctrl-C stops it)",
        ]))
        sys.stdout.flush()
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        ended.wait()
    finally:
        engine.close()


@click.command()
@click.argument("name", type=click.Choice(list(BENCHES)))
@click.option("--file", type=click.Path(path_type=Path), help="Texts as for kg coverage, triples as for kg train.")
@click.option("--run", type=click.Path(path_type=Path), help=(
    "Run to take  [complete, load, sparql; default: a graph of our own]"
))
@click.option("--student", type=click.Path(path_type=Path), help="Folder of a trained student  [complete]")
@click.option("--bolt", metavar="URI", help="Bolt server with an empty database  [load only; default: embedded engine]")
@click.option("--triples", type=click.IntRange(1), help="[sparql, train; default: 1,000,000 and 512]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def bench(name: str, as_json: bool, **options: Any) -> None:
    """Measure a part against its limit, as a ratio in one run.

    \b
    Example:
      kg bench teacher
      kg bench extraction --file answers.jsonl
      kg bench train --file triples.tsv --triples 512
      kg bench load --run runs/demo-1a2b3c4d --bolt bolt://localhost:7687
      kg bench sparql --run runs/demo-1a2b3c4d --triples 1000000
      kg bench complete --student students/demo
    """
    from api.assemble import load

    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if name not in BENCH_OPTIONS[option]:
            raise click.UsageError(f"--{option} is for {', '.join(BENCH_OPTIONS[option])}, not for the bench {name!r}")
    figures = load(BENCHES[name])(**given)
    emit(figures, as_json, lambda: _shown(figures))


def _shown(figures: dict[str, Any]) -> str:
    """A line for each figure; then a table of the parts that have the same figures of their own."""
    parts = {name: part for name, part in figures.items() if isinstance(part, dict)}
    lines = [f"{name}: {figure}" for name, figure in figures.items() if name not in parts]
    for columns in dict.fromkeys(tuple(part) for part in parts.values()):
        rows = [[name, *part.values()] for name, part in parts.items() if tuple(part) == columns]
        lines += ["", table(["", *columns], rows)]
    return "\n".join(lines)


commands = {"serve": serve, "bolt": bolt, "bench": bench}
