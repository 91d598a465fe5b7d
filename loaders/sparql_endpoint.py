"""A run as a named graph in any SPARQL 1.1 server, by the Graph Store HTTP Protocol.

https://www.w3.org/TR/sparql11-http-rdf-update/: PUT makes or replaces the graph of a run, DELETE removes it; no other
graph, nor the default graph, is touched. RDF 1.2 reifiers are sent first; a server that does not know them refuses the
text, and then gets classic reification, which says the same in RDF 1.1.
"""

import logging
import os
from collections.abc import Iterator
from typing import NamedTuple

import httpx

from kg.errors import StoreError
from kg.graph import GraphFiles
from kg.ontology import Ontology
from kg.run import Progress, silent
from loaders.rdf_statements import Statements
from loaders.vocabulary import run_iri

log = logging.getLogger(__name__)
# Seconds. A server may read nothing while it deletes the old graph, and answers when all is stored and indexed.
_TIMES = httpx.Timeout(900.0, connect=10.0)
_UNREAD = (400, 415, 422, 500, 501)  # what servers answer to a text that they cannot read
_ADDRESSES = (
    "give the address of its Graph Store: http://HOST:3030/DATASET/data of Fuseki, http://HOST:7878/store of Oxigraph, "
    "http://HOST:7200/repositories/NAME/rdf-graphs/service of GraphDB"
)


class _Answer(NamedTuple):
    """What a server answered: status, reason, the beginning of its text on one line, and where it has moved to."""

    status: int
    reason: str
    text: str
    location: str

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"{self.status} {self.reason}" + (f": {self.text}" if self.text else "")


class SparqlEndpoint:
    """The Graph Store at one address; user and password come from KG_SPARQL_USER and KG_SPARQL_PASSWORD."""

    def __init__(self, url: str, ontology: Ontology) -> None:
        """Raises StoreError when `url` is no address of a server."""
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL:
            self._url = httpx.URL()
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise StoreError(f"{url!r} is no address of a server: {_ADDRESSES}")
        if self._url.userinfo:
            raise StoreError("give user and password in KG_SPARQL_USER and KG_SPARQL_PASSWORD, not in the address")
        env = os.environ
        known = "KG_SPARQL_USER" in env or "KG_SPARQL_PASSWORD" in env
        auth = (env.get("KG_SPARQL_USER", ""), env.get("KG_SPARQL_PASSWORD", "")) if known else None
        self._client = httpx.Client(auth=auth, timeout=_TIMES, headers={"User-Agent": "distilkg"})
        self._ontology = ontology
        self.name = f"the SPARQL server at {url}"

    def write(self, graph: GraphFiles, run_id: str, progress: Progress = silent) -> dict[str, int]:
        """Makes the graph of the run hold this one, in place of what it held; returns {"nodes", "edges"}.

        It is streamed: memory does not grow with the graph. Raises StoreError, with what to do.
        """
        for classic in (False, True):
            statements = Statements(graph, self._ontology, classic)
            answer = self._request("PUT", run_id, statements, progress)
            if answer.good:
                break
            if classic or answer.status not in _UNREAD:
                raise self._refusal(answer)
            log.warning("%s does not take RDF 1.2 (%s): classic reification is sent", self.name, answer)
        counts = graph.counts()
        return {"nodes": counts["nodes"], "edges": counts["edges"]}

    def unload(self, run_id: str, progress: Progress = silent) -> None:
        """Removes the graph of a run; one that is not there is no error. Raises StoreError."""
        answer = self._request("DELETE", run_id)
        if answer.status == 404:  # there is no such graph, or no Graph Store: the default graph is in every one
            answer = self._request("GET", None)
        if not answer.good:
            raise self._refusal(answer)
        progress("withdrawn", 1, 1)

    def close(self) -> None:
        """Closes the connections; a second call does nothing."""
        self._client.close()

    def _request(
        self, method: str, run_id: str | None, statements: Statements | None = None, progress: Progress = silent
    ) -> _Answer:
        """Asks for something about the graph of a run, or else about the default graph."""
        query = b"default" if run_id is None else str(httpx.QueryParams({"graph": run_iri(run_id).value})).encode()
        url = self._url.copy_with(query=b"&".join(part for part in (self._url.query, query) if part))
        headers = {"Accept": "application/n-triples, */*;q=0.1"}
        body: Iterator[bytes] | None = None
        if statements is not None:
            headers["Content-Type"], body = "application/n-triples", statements.chunks(progress)
        try:
            with self._client.stream(method, url, content=body, headers=headers) as response:
                text = "" if response.is_success else next(response.iter_text(300), "")
                location = response.headers.get("Location", "").partition("?")[0]
                return _Answer(response.status_code, response.reason_phrase, " ".join(text.split()), location)
        except httpx.ConnectError as error:
            raise StoreError(f"{self.name} cannot be reached: start it, or correct the address ({error})") from None
        except httpx.TransportError as error:
            sent = f" after {statements.count:,} statements" if statements else ""
            raise StoreError(
                f"{self.name} broke the connection off{sent} ({type(error).__name__} {error}): see what its log says, "
                "and load again; what it has of the run is whole again then"
            ) from None

    def _refusal(self, answer: _Answer) -> StoreError:
        status = answer.status
        if status == 401:
            why = "refuses the user or the password: set KG_SPARQL_USER and KG_SPARQL_PASSWORD"
        elif status == 403:
            why = "does not let this user write, or is read-only"
        elif status in (404, 405):
            why = f"takes no graphs at this address ({status}): {_ADDRESSES}"
        elif status == 413:
            why = (
                "takes no graph as large as this one (413): raise its limit, or load the file that "
                "`kg export --format ntriples` writes with the server's own loader"
            )
        elif status in (429, 503):
            why = f"is busy ({status}): load again later"
        elif 300 <= status < 400:
            why = f"has moved to {answer.location}: give that address"
        else:
            why = f"answered {answer}"
        return StoreError(f"{self.name} {why}")
