"""A real Neo4j and a real Fuseki for tests, fetched by Maven and started without Docker."""

import fcntl
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import neo4j
import pytest
from neo4j.exceptions import DriverError, Neo4jError

from loaders.embedded import Address

VERSION = "5.26.30"
FUSEKI = "5.6.0"
CACHE = Path(os.environ.get("KG_TEST_CACHE") or Path.home() / ".cache" / "distilkg-tests")
START_TIME = 300  # seconds; 8 to 24 are usual
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tests</groupId><artifactId>server</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>{}</dependencies></project>
"""
_DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
_OPENS = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.nio", "java.io", "sun.nio.ch")]


class Neo4jServer:
    """A Neo4j in the folder `home` on a free loopback port. With a password, its user is `neo4j`."""

    def __init__(self, home: Path, password: str = "") -> None:
        self.home, self.password = home, password
        self.port = free_port()
        self.uri = f"bolt://127.0.0.1:{self.port}"
        auth = ("neo4j", password) if password else None
        self.address = Address(self.uri, None, auth, auth)
        self._jars = f"{_fetch('neo4j', VERSION, ('org.neo4j', 'neo4j', VERSION))}/*"
        self._process: subprocess.Popen[bytes] | None = None
        (home / "conf").mkdir(parents=True)
        (home / "conf" / "neo4j.conf").write_text(_settings(self.port, bool(password)))
        if password:
            self.admin("dbms", "set-initial-password", password)

    def start(self) -> None:
        """Starts the server and returns when it answers."""
        command = [
            "java", "-Xms256m", "-Xmx512m", *_OPENS, "-cp", self._jars, "org.neo4j.server.CommunityEntryPoint",
            f"--home-dir={self.home}", f"--config-dir={self.home}/conf",
        ]
        with open(self.home / "server.log", "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIME
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"Neo4j does not start:\n{(self.home / 'server.log').read_text()[-2000:]}")
            time.sleep(0.25)

    def kill(self) -> None:
        """Ends the server with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                pass
            with neo4j.GraphDatabase.driver(self.uri, auth=self.address.auth) as driver, driver.session() as session:
                session.run("RETURN 1").consume()
        except (OSError, DriverError, Neo4jError):
            return False
        return True

    def admin(self, *arguments: str, folder: Path | None = None) -> None:
        """Runs `neo4j-admin` for this server, which must not run, in `folder`."""
        home = {"NEO4J_HOME": str(self.home), "NEO4J_CONF": str(self.home / "conf")}
        command = ["java", "-Xmx512m", _OPENS[0], "-cp", self._jars, "org.neo4j.cli.AdminTool", *arguments]
        done = subprocess.run(command, env=os.environ | home, cwd=folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


class FusekiServer:
    """An Apache Jena Fuseki in memory, with its dataset `/ds`, on a free loopback port. With a password, its user is
    `kg`; `url` is its Graph Store and `query_url` its SPARQL service."""

    def __init__(self, home: Path, password: str = "", heap: str = "512m") -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.url, self.query_url = f"{self.base}/ds/data", f"{self.base}/ds/sparql"
        self._home, self._heap = home, heap
        self._options: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        log4j = ("org.apache.logging.log4j", "log4j-slf4j2-impl", "2.25.1")
        self._jars = f"{_fetch('fuseki', FUSEKI, ('org.apache.jena', 'jena-fuseki-main', FUSEKI), log4j)}/*"
        home.mkdir(parents=True)
        if password:
            (home / "passwords").write_text(f"kg: {password}\n")
            self._options = [f"--passwd={home / 'passwords'}", "--auth=basic"]

    def start(self) -> None:
        """Starts the server and returns when it answers."""
        command = [
            "java", f"-Xmx{self._heap}", "-cp", self._jars, "org.apache.jena.fuseki.main.cmds.FusekiMainCmd",
            "--localhost", f"--port={self.port}", "--update", *self._options, "--mem", "/ds",
        ]
        with open(self._home / "server.log", "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIME
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"Fuseki does not start:\n{(self._home / 'server.log').read_text()[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """Ends the server with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def empty(address: Address) -> None:
    """Deletes all nodes and edges of the database at `address`."""
    with (
        neo4j.GraphDatabase.driver(address.uri, auth=address.auth) as driver,
        driver.session(database=address.database) as session,
    ):
        while session.execute_write(
            lambda tx: tx.run("MATCH (n) WITH n LIMIT 5000 DETACH DELETE n RETURN count(*)").single()[0]
        ):
            pass


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _fetch(name: str, version: str, *parts: tuple[str, str, str]) -> Path:
    """The folder with a server's jars, `parts` (group, artifact, version) and all they need; downloads them once.

    Skips the test where that is not possible.
    """
    for tool, package in (("java", "openjdk-17-jre-headless"), ("mvn", "maven")):
        if shutil.which(tool) is None:
            _missing(f"a real {name} needs `{tool}`: install Java 17 and Maven (Debian: apt-get install {package})")
    lib = CACHE / f"{name}-{version}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not lib.exists():
            _download(lib, "".join(_DEPENDENCY.format(*part) for part in parts))
    return lib


def _download(lib: Path, dependencies: str) -> None:
    pom, part = CACHE / "pom.xml", lib.with_name(f"{lib.name}.part")
    pom.write_text(_POM.format(dependencies))
    shutil.rmtree(part, ignore_errors=True)
    done = subprocess.run(
        ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime",
         f"-DoutputDirectory={part}"],
        capture_output=True, text=True, timeout=600,
    )
    if done.returncode:
        _missing(f"Maven cannot fetch {lib.name}: {(done.stdout + done.stderr)[-1000:]}")
    part.rename(lib)


def _missing(why: str) -> None:
    """Fails in continuous integration, skips elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def _settings(port: int, auth: bool) -> str:
    return f"""server.default_listen_address=127.0.0.1
server.bolt.enabled=true
server.bolt.listen_address=127.0.0.1:{port}
server.http.enabled=false
server.https.enabled=false
dbms.security.auth_enabled={str(auth).lower()}
dbms.usage_report.enabled=false
server.memory.pagecache.size=128m
"""
