"""Hostile requests to `/sparql` of `kg serve`: nothing may change or leave the machine, and the server must answer all
the while, each request within the time-out and a second.

    python -m tests.sparql_attacks

Prints what each request was answered and how long it took. Exits with 1 when anything changed, leaked, hung or failed.
"""

import gzip
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import quote

import httpx
import pyoxigraph as ox

from kg.ontology import load_ontology
from loaders.rdf import RdfStore
from tests.attacks import SECRET, Outcome, Result, listener, watched
from tests.graphs import ROWS, many, write_graph
from tests.served import served

KEPT = 1 << 20  # bytes of an answer that are looked at
STATUSES = (0, 200, 400, 405, 406, 413, 415, 503, 504)
QUERY, UPDATE, FORM = "application/sparql-query", "application/sparql-update", "application/x-www-form-urlencoded"

COUNT = "SELECT (COUNT(*) AS ?n) { { ?edge rdf:reifies ?any } UNION { ?edge a owl:NegativePropertyAssertion } }"

UPDATES = """
INSERT DATA { <a:a> <a:b> <a:c> }
INSERT DATA { GRAPH <a:g> { <a:a> <a:b> <a:c> } }
DELETE DATA { <a:a> <a:b> <a:c> }
DELETE WHERE { ?s ?p ?o }
DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }
DELETE { ?s ?p ?o } INSERT { ?s ?p 'x' } WHERE { ?s ?p ?o }
WITH <https://w3id.org/distilkg/run/demo-1> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }
INSERT { ?s ?p 'x' } USING <https://w3id.org/distilkg/run/demo-1> WHERE { ?s ?p ?o }
CLEAR ALL
CLEAR SILENT DEFAULT
CLEAR NAMED
CLEAR GRAPH <https://w3id.org/distilkg/run/demo-1>
DROP ALL
DROP DEFAULT
DROP GRAPH <https://w3id.org/distilkg/run/demo-1>
CREATE GRAPH <a:g>
COPY DEFAULT TO <a:g>
MOVE <https://w3id.org/distilkg/run/demo-1> TO <a:g>
ADD <https://w3id.org/distilkg/run/demo-1> TO DEFAULT
LOAD <http://127.0.0.1:{port}/x>
LOAD SILENT <http://127.0.0.1:{port}/x> INTO GRAPH <a:g>
LOAD <file://{file}>
PREFIX a: <a:> INSERT DATA { a:a a:b a:c }
BASE <http://127.0.0.1:{port}/> LOAD <x>
""".strip().split("\n")
HIDDEN_UPDATES = """
SELECT * { ?s ?p ?o } ; DROP ALL
ASK {} INSERT DATA { <a:a> <a:b> <a:c> }
ASK {} ; INSERT DATA { <a:a> <a:b> <a:c> } ; ASK {}
DROP ALL ; ASK {}
SELECT * { DELETE WHERE { ?s ?p ?o } }
SELECT * { GRAPH <a:g> { INSERT DATA { <a:a> <a:b> <a:c> } } }
SELECT * { { SELECT * { CLEAR ALL } } }
CONSTRUCT { ?s ?p ?o } WHERE { INSERT DATA { <a:a> <a:b> <a:c> } }
DESCRIBE ?x { DELETE WHERE { ?x ?p ?o } }
ASK { FILTER(DROP ALL) }
ASK { BIND(CLEAR() AS ?x) }
# ASK {}¶DROP ALL
ASK {} # \rDROP ALL
ASK {} # \u2028DROP ALL
ASK { ?s ?p '\\' } ; DROP ALL # ' }
ASK { ?s ?p '''' } ; DROP ALL # ''' }
\\u0044ROP ALL
\\U00000044ROP ALL
ASK {} \\u003B DROP ALL
ＤＲＯＰ ＡＬＬ
D\u200bROP ALL
\u202eLLA PORD
\ufeffDROP ALL
EXPLAIN DROP ALL
VALUES ?x { 1 } DROP ALL
BEGIN DROP ALL COMMIT
""".strip().split("\n")
OUTSIDE = """
SELECT * { SERVICE <http://127.0.0.1:{port}/> { ?s ?p ?o } }
SELECT * { service silent <http://127.0.0.1:{port}/> { ?s ?p ?o } }
SELECT * { SERVICE#¶<http://127.0.0.1:{port}/> { ?s ?p ?o } }
SELECT * { VALUES ?u { <http://127.0.0.1:{port}/> } SERVICE ?u { ?s ?p ?o } }
SELECT * { BIND(IRI('http://127.0.0.1:{port}/') AS ?u) SERVICE ?u { ?s ?p ?o } }
PREFIX h: <http://127.0.0.1:{port}/> SELECT * { SERVICE h: { ?s ?p ?o } }
PREFIX h: <http://127.0.0.1:{port}/> SELECT * { SERVICEh:x { ?s ?p ?o } }
PREFIX silent: <http://127.0.0.1:{port}/> SELECT * { SERVICE silent:x { ?s ?p ?o } }
PREFIX 😀: <http://127.0.0.1:{port}/> SELECT * { SERVICE 😀:x { ?s ?p ?o } }
PREFIX : <http://127.0.0.1:{port}/> SELECT * { SERVICE : { ?s ?p ?o } }
BASE <http://127.0.0.1:{port}/> SELECT * { SERVICE <> { ?s ?p ?o } }
BASE <http://127.0.0.1:{port}/> SELECT * { SERVICE <=x> { ?s ?p ?o } }
BASE <http://127.0.0.1:{port}/> SELECT * { SERVICE <.> { ?s ?p ?o } }
SELECT * { \\u0053ERVICE <http://127.0.0.1:{port}/> { ?s ?p ?o } }
SELECT * { S\\U00000045RVICE <http://127.0.0.1:{port}/> { ?s ?p ?o } }
SELECT * { SERV\u0130CE <http://127.0.0.1:{port}/> { ?s ?p ?o } }
SELECT * { SERVICE <http://127.0.0.1\\u003A{port}/> { ?s ?p ?o } }
SELECT * { FILTER EXISTS { SERVICE <http://127.0.0.1:{port}/> { ?s ?p ?o } } }
SELECT (EXISTS { SERVICE <http://127.0.0.1:{port}/> { ?s ?p ?o } } AS ?x) {}
CONSTRUCT WHERE { SERVICE <http://127.0.0.1:{port}/> { ?s ?p ?o } }
DESCRIBE ?s { MINUS { SERVICE <http://127.0.0.1:{port}/> { ?s ?p ?o } } }
SELECT * { ?x ?y '# SERVICE' SERVICE <http://127.0.0.1:{port}/> { ?s ?p ?o } }
SELECT * { SERVICE <https://127.0.0.1:{port}/> { ?s ?p ?o } }
SELECT * { SERVICE <ftp://127.0.0.1:{port}/> { ?s ?p ?o } }
SELECT * { SERVICE <file://{file}> { ?s ?p ?o } }
SELECT * { SERVICE <http://user@127.0.0.1:{port}/> { ?s ?p ?o } }
SELECT * FROM <http://127.0.0.1:{port}/x> { ?s ?p ?o }
SELECT * FROM <http://127.0.0.1:{port}/x> FROM <http://127.0.0.1:{port}/y> { ?s ?p ?o }
SELECT * FROM NAMED <http://127.0.0.1:{port}/x> { GRAPH ?g { ?s ?p ?o } }
SELECT * FROM <file://{file}> { ?s ?p ?o }
SELECT * FROM <file://{file}> FROM NAMED <file://{file}> { GRAPH ?g { ?s ?p ?o } }
SELECT * { GRAPH <http://127.0.0.1:{port}/x> { ?s ?p ?o } }
SELECT * { GRAPH <file://{file}> { ?s ?p ?o } }
DESCRIBE <http://127.0.0.1:{port}/x>
DESCRIBE <file://{file}>
CONSTRUCT { ?s ?p ?o } FROM <jar:http://127.0.0.1:{port}/x!/y> WHERE { ?s ?p ?o }
SELECT (<http://127.0.0.1:{port}/f>('x') AS ?x) {}
SELECT (<java:java.lang.Runtime>('x') AS ?x) {}
SELECT (<http://www.w3.org/2005/xpath-functions#doc>('file://{file}') AS ?x) {}
SELECT (<http://www.w3.org/2005/xpath-functions#unparsed-text>('file://{file}') AS ?x) {}
SELECT * { ?x <http://jena.apache.org/text#query> 'x' }
SELECT * { ?x <http://127.0.0.1:{port}/property> ?y . ?y <file://{file}> ?z }
""".strip().split("\n")
HEAVY = """
SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }
SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }
SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?c ?f ?i
SELECT DISTINCT ?a ?d ?g { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }
SELECT ?a (COUNT(DISTINCT ?f) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } GROUP BY ?a ?g
SELECT (GROUP_CONCAT(?c) AS ?x) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }
ASK { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l FILTER(?a = 'x') }
CONSTRUCT { ?a ?e ?i } { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }
CONSTRUCT { [] <a:b> [] , [] , [] } { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }
CONSTRUCT { ?a ?e ?i } { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?i
DESCRIBE ?a ?d ?g { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }
DESCRIBE * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }
SELECT (COUNT(*) AS ?n) { ?a (!<a:b>)* ?b . ?b (!<a:b>)* ?c . ?c (!<a:b>)* ?d }
SELECT (COUNT(*) AS ?n) { ?a (<a:b>|!<a:b>|^<a:b>|!^<a:b>)* ?b . ?c (!<a:b>|!^<a:b>)+ ?d }
SELECT (COUNT(*) AS ?n) { ?a (((!<a:b>)*)*)* ?b . ?b (((!<a:b>)+)+)+ ?c . ?c (!<a:b>/!<a:b>)* ?d }
SELECT (COUNT(*) AS ?n) { ?a (!<a:b>)?/(!<a:b>)?/(!<a:b>)?/(!<a:b>)?/(!<a:b>)*/(^!<a:b>)* ?b . ?x !<a:c> ?y }
SELECT * { ?a ?b ?c OPTIONAL { ?d ?e ?f OPTIONAL { ?g ?h ?i OPTIONAL { ?j ?k ?l } } } }
SELECT * { ?a ?b ?c MINUS { ?d ?e ?f . ?g ?h ?i . ?j ?k ?c } }
SELECT * { ?a ?b ?c . ?d ?e ?f FILTER NOT EXISTS { ?g ?h ?i . ?j ?k ?l FILTER(?c = ?l && ?i = ?f) } }
SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(REGEX(CONCAT(STR(?a), STR(?d), STR(?g)), '(.*)*x(.*)*y$')) }
SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(STRLEN(REPLACE(STR(?a), '(.)', STR(?d))) < 0) }
SELECT * { BIND(REGEX('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '(a+)+b') AS ?x) }
SELECT * { BIND(REGEX('a', '((((((a{1,99}){1,99}){1,99}){1,99}){1,99}){1,99})') AS ?x) }
SELECT * { BIND(REGEX('a', '(?:a?){1000000}a{1000000}') AS ?x) }
SELECT * { BIND(REPLACE('aaaaaaaa', '(a*)*', '$1$1$1$1$1$1$1$1$1$1') AS ?x) }
SELECT (SUM(STRLEN(STR(?a)) * RAND()) AS ?x) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }
SELECT (STRUUID() AS ?x) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }
SELECT (SHA512(CONCAT(STR(?a), STR(?d))) AS ?x) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }
SELECT * { ?a ?b ?c . { SELECT * { ?d ?e ?f . { SELECT * { ?g ?h ?i . { SELECT * { ?j ?k ?l } } } } } } }
SELECT * { { ?a ?b ?c } UNION { ?d ?e ?f . ?g ?h ?i } UNION { ?j ?k ?l . ?a ?b ?c . ?d ?e ?f } } ORDER BY ?a ?d ?j
SELECT (99999999999999999999 * 99999999999999999999 AS ?x) (1/0 AS ?y) (1e308 * 1e308 AS ?z) {}
SELECT (xsd:dateTime('99999999999999999999-01-01T00:00:00Z') AS ?x) ('P99999999999999999999Y'^^xsd:duration AS ?y) {}
SELECT (SUBSTR('x', -9223372036854775808, 9223372036854775807) AS ?x) {}
SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } OFFSET 9223372036854775807 LIMIT 9223372036854775807
""".strip().split("\n")
_DOUBLING = " ".join(f"BIND(CONCAT(?x{i}, ?x{i}) AS ?x{i + 1})" for i in range(40))
_LISTS = " ".join(f"VALUES ?v{i} {{ {' '.join(map(str, range(100)))} }}" for i in range(8))
_BOMB = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>{}]><x>&l9;</x>".format(
    "".join(f"<!ENTITY l{i} '{f'&l{i - 1};' * 10 if i else '&a;' * 10}'>" for i in range(10))
)
MADE = {
    "10 MB of a string": "SELECT ('" + "x" * 10_000_000 + "' AS ?x) {}",
    "900 kB of a string": "SELECT ('" + "x" * 900_000 + "' AS ?x) {}",
    "900 kB of a comment": "#" + "x" * 900_000 + "\nDROP ALL",
    "900 kB of an IRI": "ASK { <a:" + "x" * 900_000 + "> ?p ?o }",
    "900 kB of a name": "ASK { ?" + "x" * 900_000 + " ?p ?o }",
    "900 kB of spaces": "ASK" + " " * 900_000 + "{}",
    "900 kB of quotation marks": "ASK { ?s ?p " + '"' * 900_000 + " }",
    "900 kB of apostrophes and backslashes": "CONSTRUCT WHERE { ?s ?p '" + "\\'" * 450_000 + " }",
    "900 kB of open brackets": "CONSTRUCT WHERE { ?s ?p " + "<" * 900_000 + " }",
    "900 kB of SERVICE": "ASK { " + "SERVICE" * 128_000 + " }",
    "900 kB of SERVICE in a comment": "ASK { # " + "SERVICE#" * 112_000 + "\n}",
    "900 kB of FROM": "SELECT * " + "FROM " * 180_000 + "{}",
    "900 kB of CONSTRUCT": "CONSTRUCT " * 90_000 + "{}",
    "deep groups": "SELECT * " + "{" * 200_000 + "}" * 200_000,
    "deep groups without an end": "CONSTRUCT " + "{" * 400_000,
    "deep brackets": "ASK { FILTER(" + "(" * 100_000 + "1" + ")" * 100_000 + ") }",
    "deep negation": "ASK { FILTER(" + "!" * 400_000 + "true) }",
    "deep minus": "ASK { FILTER(" + "- " * 200_000 + "1) }",
    "deep OPTIONAL": "SELECT * { " + "OPTIONAL { " * 20_000 + "}" * 20_000 + " }",
    "deep SELECT": "SELECT * { " + "{ SELECT * { " * 5_000 + "} }" * 5_000 + " }",
    "deep EXISTS": "ASK { " + "FILTER EXISTS { " * 5_000 + "}" * 5_000 + " }",
    "deep paths": "ASK { ?a " + "(" * 50_000 + "<a:b>" + ")*" * 50_000 + " ?b }",
    "deep triple terms": "ASK { ?a ?b " + "<<( ?s ?p " * 20_000 + "?o" + " )>>" * 20_000 + " }",
    "deep collections": "CONSTRUCT { ?s ?p " + "(" * 50_000 + ")" * 50_000 + " } { ?s ?p ?o }",
    "deep blank nodes": "ASK { ?s ?p " + "[ ?p " * 50_000 + "1" + "]" * 50_000 + " }",
    "deep IF": "SELECT (" + "IF(true, " * 20_000 + "1" + ", 1)" * 20_000 + " AS ?x) {}",
    "long path": "ASK { ?a " + "/".join(["!<a:b>"] * 50_000) + " ?b }",
    "long alternative": "ASK { ?a (" + "|".join(["!<a:b>"] * 50_000) + ")* ?b }",
    "long sum": "SELECT (" + "+".join(["1"] * 300_000) + " AS ?x) {}",
    "long IN": "SELECT * { ?s ?p ?o FILTER(?o IN (" + ",".join(map(str, range(100_000))) + ")) }",
    "many prefixes": "".join(f"PREFIX p{i}: <a:{i}>\n" for i in range(40_000)) + "SELECT * { ?s ?p ?o }",
    "one prefix again and again": "PREFIX p: <a:>\n" * 60_000 + "CONSTRUCT { ?s p:p ?o } { ?s ?p ?o }",
    "many values": "SELECT * { VALUES ?x { " + " ".join(map(str, range(150_000))) + " } ?s ?p ?o }",
    "many lists of values": f"SELECT * {{ {_LISTS} }}",
    "many lists of values, made": f"CONSTRUCT {{ <a:a> <a:b> ?v0 , ?v1 , ?v2 }} {{ {_LISTS} }}",
    "wide values": f"SELECT * {{ VALUES ({' '.join(f'?x{i}' for i in range(5_000))}) {{ ({'1 ' * 5_000}) }} }}",
    "many variables": "SELECT * { " + " . ".join(f"?a{i} ?b{i} ?c{i}" for i in range(10_000)) + " }",
    "many triples made": "CONSTRUCT { " + " . ".join(f"?s <a:{i}> ?o" for i in range(30_000)) + " } { ?s ?p ?o }",
    "many UNION": "SELECT * { " + " UNION ".join(["{ ?s ?p ?o }"] * 20_000) + " }",
    "many OPTIONAL": "SELECT * { " + "OPTIONAL { ?s ?p ?o } " * 20_000 + " }",
    "many FILTER": "SELECT * { ?s ?p ?o " + "FILTER(?o != 1) " * 20_000 + " }",
    "many columns": "SELECT " + " ".join(f"({i} AS ?x{i})" for i in range(30_000)) + " { ?s ?p ?o }",
    "many FROM": "SELECT * " + " ".join(f"FROM <a:{i}>" for i in range(30_000)) + " { ?s ?p ?o }",
    "many FROM of one graph": "SELECT * " + "FROM run:demo-1 " * 30_000 + " { ?s ?p ?o }",
    "many FROM NAMED": "ASK " + " ".join(f"FROM NAMED <a:{i}>" for i in range(30_000)) + " { GRAPH ?g { ?s ?p ?o } }",
    "doubling": f"SELECT * {{ BIND('xxxxxxxxxx' AS ?x0) {_DOUBLING} }}",
    "doubling, not shown": f"SELECT (STRLEN(?x40) AS ?n) {{ BIND('xxxxxxxxxx' AS ?x0) {_DOUBLING} }}",
    "a large number": f"SELECT ({'9' * 400_000} * {'9' * 400_000} AS ?x) {{}}",
    "a large pattern": "SELECT * { ?s ?p ?o FILTER(REGEX(STR(?o), '" + "(a|b*)*" * 100_000 + "')) }",
    "XML in a query": _BOMB,
    "an XML literal": f"SELECT ('''{_BOMB}'''^^rdf:XMLLiteral AS ?x) {{}}",
    "half a surrogate": "SELECT ('\ud800' AS ?x) {}",
    "half a surrogate, escaped": "SELECT ('\\ud800' AS ?x) {}",
    "beyond unicode": "SELECT ('\\U00110000' AS ?x) {}",
    "NUL": "SELECT ('\0' AS ?x) {}",
    "control characters": "SELECT ('\x01\x1b[2J\x7f\ufffe' AS ?x) {}",
}


@dataclass(frozen=True)
class Attack:
    """A request to /sparql."""

    label: str
    method: str = "POST"
    address: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""


def direct(text: str, label: str = "", kind: str = QUERY) -> Attack:
    """A query in the body."""
    return typed(kind, text.encode("utf-8", "surrogatepass"), label or text)


def a_form(name: str, text: str) -> Attack:
    """A text as the field of a form."""
    return typed(FORM, f"{name}={quote(text)}", f"{name}={text}")


def typed(kind: str, content: str | bytes, label: str = "", **headers: str) -> Attack:
    """A body of any type."""
    content = content.encode() if isinstance(content, str) else content
    label = label or f"{kind} {headers or ''}: {content[:60]!r}"
    return Attack(label[:100], headers={"Content-Type": kind, **headers}, content=content)


def odd_requests(port: int) -> Iterator[Attack]:
    """What a request can be beside its query: methods, fields, types, encodings, headers."""
    drop, listening = "DROP ALL", f"http://127.0.0.1:{port}"
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "MERGE"):
        yield Attack(f"{method} {drop}", method, f"?update={quote(drop)}", {"Content-Type": UPDATE}, drop.encode())
    for fields in (
        "update=DROP%20ALL", "query=ASK{}&update=DROP%20ALL", "query=DROP%20ALL", "QUERY=ASK{}", "query[]=ASK{}",
        "query=%", "query=%zz", "query=%00", "query=%ff%fe", "query=%c0%80", "query=%ed%a0%80", "query=%2541SK{}",
        "query=ASK%u007B%7D", "query=ASK{}&" * 1200, "query=ASK{}&query=DROP%20ALL", "query=" + "x" * 60_000,
        "query=ASK{}&using-graph-uri=a:b",
        f"query=ASK{{?s+?p+?o}}&default-graph-uri={listening}/x", "graph=a:b", "default",
        f"query=ASK{{?s+?p+?o}}&default-graph-uri={listening}/x&default-graph-uri={listening}/y",
        f"query=ASK{{GRAPH+?g{{?s+?p+?o}}}}&named-graph-uri={listening}/x", "query=ASK{}&named-graph-uri=",
        "query=ASK{}&default-graph-uri=no-iri", "query=ASK{}&default-graph-uri=%3E%20DROP",
        "query=SELECT*{?s+?p+?o}&default-graph-uri=file:///etc/passwd",
    ):
        yield Attack(f"GET {fields[:90]}", "GET", f"?{fields}")
        yield typed(FORM, fields, f"form {fields}")
    for kind in (
        UPDATE, f"{UPDATE}; charset=utf-8", "application/SPARQL-Update", f"{QUERY}, {UPDATE}", f"{QUERY};update=1",
        "text/plain", "text/turtle", "application/n-quads", "multipart/form-data; boundary=x", "application/json",
        "", "\xff",
    ):
        yield typed(kind, drop)
    yield Attack("a body without a type", content=drop.encode())
    part = f'--x\r\nContent-Disposition: form-data; name="update"\r\n\r\n{drop}\r\n--x--'
    yield typed("multipart/form-data; boundary=x", part)
    yield typed("application/json", '{"query": "ASK {}", "update": "DROP ALL"}')
    for kind in ("application/xml", "text/xml", "application/soap+xml", "application/rdf+xml", "image/svg+xml"):
        yield typed(kind, _BOMB)
    yield typed("application/xml", f'<!DOCTYPE x SYSTEM "{listening}/x"><x/>')
    yield typed(f"{QUERY}; charset=utf-16", drop.encode("utf-16"))
    yield typed(f"{QUERY}; charset=utf-7", "+AEQ-ROP ALL")
    yield typed(QUERY, "ASK {}".encode("utf-16"))
    yield typed(QUERY, b"ASK { \xff\xfe }")
    zeros = gzip.compress(b"SELECT ('" + b"0" * 50_000_000 + b"' AS ?x) {}")
    yield typed(QUERY, zeros, **{"Content-Encoding": "gzip"})
    for accept in ("text/html", "image/png", "*/*;q=0", ",".join(["a/b"] * 5_000), "text/csv;q=" + "9" * 1000, "\xff"):
        yield typed(QUERY, "SELECT * { ?s ?p ?o }", f"Accept: {accept}", Accept=accept)
    yield typed(QUERY, "ASK {}", **{"X-HTTP-Method-Override": "DELETE"})
    yield typed(QUERY, drop, Host=f"127.0.0.1:{port}")


def attacks(file: Path, port: int, part: int = 1) -> list[Attack]:
    """All attacks; of those that take long only every `part`-th.

    `file` is one that must not be read, `port` one that must not be connected to.
    """

    def filled(texts: Iterable[str]) -> list[str]:
        return [text.replace("{port}", str(port)).replace("{file}", str(file)).replace("¶", "\n") for text in texts]

    updates = filled(UPDATES)
    return [
        *map(direct, updates), *(direct(text, kind=UPDATE) for text in updates), *(a_form("query", u) for u in updates),
        *(a_form("update", text) for text in updates), *map(direct, filled([*HIDDEN_UPDATES, *OUTSIDE])),
        *odd_requests(port), *map(direct, HEAVY[::part]),
        *(direct(text, label) for label, text in list(MADE.items())[::part]),
    ]


def attack(folder: Path, timeout: float = 2.0, part: int = 1) -> Result:
    """Loads a small graph, serves it, and sends the attacks one by one, and then many that take long at once.

    `timeout` is in seconds for a query. Of the attacks that take long only every `part`-th is sent.
    """
    result = Result()
    graph = write_graph(folder / "run", [*ROWS, *many(300)])
    secret = folder / "secret.nt"
    secret.write_text(f'<a:a> <a:b> "{SECRET}" .\n')
    store = RdfStore(graph.path / "rdf", load_ontology())
    store.write(graph, "demo-1")
    before = set(ox.Store.read_only(str(store.path)))
    with listener() as (port, seen), served(graph.path, "--timeout", str(timeout)) as url:
        with watched(url, "sparql", result):
            for one in attacks(secret, port, part):
                send(url, one, timeout, result)
            with ThreadPoolExecutor(100) as threads:
                list(threads.map(lambda text: send(url, direct(text), timeout, result), HEAVY[:12:part] * 10))
        alive = [httpx.get(f"{url}/sparql", params={"query": COUNT}).text for _ in range(3)]
    if f'"value":"{graph.counts()["edges"]}"' not in alive[-1]:
        result.faults.append(f"the server no longer answers right: {alive}")
    if seen:
        result.faults.append(f"{len(seen)} connections left the server")
    if set(ox.Store.read_only(str(store.path))) != before:
        result.faults.append("the data changed")
    store.close()
    return result


def send(url: str, attack: Attack, timeout: float, result: Result) -> None:
    """Sends one attack, as it is, and takes what is answered, to its end."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=30)
    started, status, body = time.monotonic(), 0, b""
    try:
        connection.putrequest(attack.method, f"/sparql{attack.address}", skip_host="Host" in attack.headers)
        for name, value in {"Content-Length": str(len(attack.content)), **attack.headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        with suppress(ConnectionError):  # the answer may come before the whole request is sent
            connection.send(attack.content)
        response = connection.getresponse()
        status = response.status
        while data := response.read(KEPT):
            body = body or data
    except (HTTPException, ConnectionError) as error:  # broken off
        status, body = 0, body + repr(error).encode()
    finally:
        connection.close()
    outcome = Outcome(attack.label, status, time.monotonic() - started, body.decode("utf-8", "replace"))
    result.judge(outcome, timeout, STATUSES)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        found = attack(Path(where))
    found.print_and_exit()
