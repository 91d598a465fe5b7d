"""SPARQL servers that are measured side by side: ours, `rdflib-endpoint` and Apache Jena Fuseki.

Each is started as its documentation tells its users to, on a free port of this machine, and ended after.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from pyoxigraph import RdfFormat, Store

from kg.errors import InputError
from kg.packaged import cache_folder

FUSEKI = "5.6.0"
START = 900.0  # seconds; rdflib-endpoint reads its file at each start
STOP = 10.0  # seconds
_ROOT = Path(__file__).parents[1]
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>bench</groupId><artifactId>fuseki</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.jena</groupId><artifactId>jena-fuseki-main</artifactId><version>{FUSEKI}</version>
</dependency><dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j2-impl</artifactId>
<version>2.25.1</version></dependency></dependencies></project>
"""


@dataclass(frozen=True, slots=True)
class Data:
    """The data set: an N-Triples file, the folder for the stores that are made of it, and a run to serve."""

    file: Path
    folder: Path
    run: Path


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs: its endpoint and its process."""

    url: str
    process: subprocess.Popen[bytes]

    def wait(self) -> "Served":
        """Returns when it answers, whatever it says. Raises InputError when it ends or takes too long."""
        deadline = time.monotonic() + START
        while True:
            try:
                connection = HTTPConnection(urlsplit(self.url).netloc, timeout=START)
                with closing(connection):
                    connection.request("GET", "/")
                    connection.getresponse().read()
                return self
            except OSError:  # nobody listens yet
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise InputError(f"the server does not start: {self.process.args!r}")
            time.sleep(0.1)


def distilkg(data: Data) -> tuple[list[str], str]:
    """`kg serve`, over a store that is bulk-loaded from the file; queries may take as long as those of the others."""
    store = data.folder / "store"
    with _made(store) as part:
        if part:
            fresh = Store(part)
            fresh.bulk_load(path=data.file, format=RdfFormat.N_TRIPLES)
            fresh.optimize()
    code = "from api.cli import main; main()"
    return [sys.executable, "-c", code, "serve", str(data.run), "--rdf", str(store), "--timeout", "3600",
            "--port", "{port}"], "/sparql"


def rdflib_endpoint(data: Data) -> tuple[list[str], str]:
    """`rdflib-endpoint serve FILE`, the first command of its documentation: rdflib's own store, in memory.

    Its other store, Oxigraph, is no faster: rdflib evaluates the query all the same, and asks the store for triples.
    """
    program = Path(sys.executable).parent / "rdflib-endpoint"
    if not program.exists():
        raise InputError("rdflib-endpoint is not installed: pip install 'distilkg[bench]'")
    return [str(program), "serve", "--host", "127.0.0.1", "--port", "{port}", str(data.file)], "/"


def fuseki(data: Data) -> tuple[list[str], str]:
    """Fuseki over TDB2, with 2 GB of heap."""
    java = ["java", "-Xmx2g", "-cp", f"{_fuseki_jars()}/*"]
    store = data.folder / "tdb2"
    with _made(store) as part:
        if part:
            _run([*java, "tdb2.tdbloader", "--loc", str(part), str(data.file)])
    main = "org.apache.jena.fuseki.main.cmds.FusekiMainCmd"
    return [*java, main, "--localhost", "--port={port}", "--tdb2", f"--loc={store}", "/ds"], "/ds/sparql"


SERVERS: dict[str, Callable[[Data], tuple[list[str], str]]] = {
    "distilkg": distilkg, "rdflib-endpoint": rdflib_endpoint, "fuseki": fuseki,
}


@contextmanager
def started(name: str, data: Data) -> Iterator[Served]:
    """A server of `SERVERS`, on its way up. Raises InputError where it is not installed."""
    command, path = SERVERS[name](data)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    plain = {key: value for key, value in os.environ.items() if key != "KG_API_KEY"}
    python_path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [part.replace("{port}", str(port)) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={**plain, "PYTHONPATH": python_path},
    )
    try:
        yield Served(f"http://127.0.0.1:{port}{path}", process)
    finally:
        process.terminate()
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _fuseki_jars() -> Path:
    """The folder with Fuseki's jars, fetched by Maven once."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise InputError(f"Fuseki needs `{tool}`: install Java 17 and Maven")
    folder = cache_folder() / f"fuseki-{FUSEKI}"
    with _made(folder) as part:
        if part:
            part.mkdir(parents=True)
            (part / "pom.xml").write_text(_POM)
            _run(["mvn", "-q", "-B", "-f", f"{part}/pom.xml", "dependency:copy-dependencies",
                  "-DincludeScope=runtime", f"-DoutputDirectory={part}"])
    return folder


@contextmanager
def _made(path: Path) -> Iterator[Path | None]:
    """Where to make what will be at `path` when that is done; None when it is there already."""
    if path.exists():
        yield None
        return
    part = path.with_name(f"{path.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    yield part
    part.rename(path)


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"`{command[0]}` failed: {(done.stdout + done.stderr)[-500:]}")
