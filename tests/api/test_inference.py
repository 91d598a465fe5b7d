"""Rules and link models as sources of completions."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from api.assemble import OpenRun, open_inference
from api.cli import kg
from api.completion import read_query
from api.inference import LINKS, LinkSource, RuleSource
from api.server import create_app
from kg.errors import InputError
from kg.graph import FILES, GraphBuilder, GraphFiles
from kg.ontology import load_ontology
from kg.records import Triple
from kg.rules import Atom, Rule, save_rules
from kg.run import Run

ONTOLOGY = load_ontology()
HEAD = "PersonX bakes a cake"
RULES = [
    Rule(Atom("xWant"), (Atom("xIntent"),), 8, 10, 10, 20),
    Rule(Atom("oWant"), (Atom("xIntent"),), 1, 10, 10, 20),
    Rule(Atom("xWant"), (Atom("xEffect"),), 3, 10, 10, 20),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    builder = GraphBuilder(ONTOLOGY)
    rows = [(HEAD, "xIntent", "to eat"), (HEAD, "xEffect", "to eat"), (HEAD, "xEffect", "to rest"),
            (HEAD, "xIntent", "to win"), (HEAD, "xWant", "to win")]
    rows += [(f"PersonX cooks {n} eggs", "xIntent", f"to eat {n} of {m}") for n in range(8) for m in range(4)]
    for number, row in enumerate(rows):
        builder.add(Triple(*row), "", "made", number, number)
    run = Run.create(tmp_path_factory.mktemp("runs") / "made", "made", {"name": "made"})
    run.finish("graph", run.id, FILES, builder.write(run)["edges"], 0.0)
    return run


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "rules.json"
    save_rules(RULES, path)
    return path


def test_rules_complete_head_and_tail_with_what_the_graph_lacks(run: Run, rules: Path) -> None:
    queries = [
        read_query(ONTOLOGY, "personx bakes the cake", "xWant"), read_query(ONTOLOGY, HEAD, None),
        read_query(ONTOLOGY, None, "xWant", "to eat"), read_query(ONTOLOGY, HEAD, None, None, ["oWant"]),
        read_query(ONTOLOGY, "PersonX flies", "xWant"), read_query(ONTOLOGY, HEAD, None, "to eat"),
    ]
    found = RuleSource(run, rules).complete(queries, 3).found
    assert [(c.triple.tail, c.score) for c in found[0]] == [("to eat", 0.8), ("to rest", 0.3)]
    assert [list(c.triple)[1:] for c in found[1]] == [["xWant", "to eat"], ["xWant", "to rest"], ["oWant", "to eat"]]
    assert [list(c.triple) for c in found[2]] == [[HEAD, "xWant", "to eat"]]
    assert {c.triple.relation for c in found[3]} == {"oWant"}
    assert len(found[3]) == 2
    assert found[4] == found[5] == []
    assert {c.source for c in found[0]} == {"rules"}


def test_the_command_and_the_server_ask_the_rules(run: Run, rules: Path, opened: OpenRun) -> None:
    command = ["complete", str(run.path), "--rules", str(rules), "--head", HEAD, "--relation", "xWant", "--json"]
    said = CliRunner().invoke(kg, command)
    assert said.exit_code == 0, said.output
    tails = {c["tail"]: (c["sources"].get("rules"), c["known"]) for c in json.loads(said.stdout)["completions"]}
    assert (tails["to eat"], tails["to win"]) == ((0.8, False), (None, True))
    served = OpenRun(run, ONTOLOGY, None, None, None, opened.extractor, open_inference(run, rules, None))
    with TestClient(create_app(served)) as client:
        answer = client.post("/v1/complete", json={"head": HEAD, "relation": "xWant", "k": 5}).json()
    assert {"to eat", "to win"} <= {c["tail"] for c in answer["completions"]}


def test_a_file_that_holds_no_rules_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text("{}")
    with pytest.raises(InputError):
        open_inference(run, tmp_path / "rules.json", None)


def test_a_link_model_completes_what_it_learned(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("pykeen")
    from kg.links import LinkModel, LinkOptions

    triples = list(GraphFiles(run).triples())
    parts = {"train": triples, "valid": triples[:4], "test": triples[:4]}
    LinkModel.train(parts, LinkOptions(dimension=8, epochs=2)).save(tmp_path / "links")
    known = next(t for t in triples if t.relation == "xIntent")
    queries = [
        read_query(ONTOLOGY, known.head, "xIntent"), read_query(ONTOLOGY, None, "xIntent", known.tail),
        read_query(ONTOLOGY, known.head, None), read_query(ONTOLOGY, "PersonX flies", "xIntent"),
    ]
    found = LinkSource(tmp_path / "links").complete(queries, 4).found
    assert [len(part) for part in found] == [4, 4, 0, 0]
    assert {c.source for part in found for c in part} == {LINKS}
    assert {c.triple.head for c in found[0]} == {known.head}
    assert {c.triple.tail for c in found[1]} == {known.tail}
