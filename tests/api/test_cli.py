"""The command line as its users call it: in a process of its own, or through click where that shows the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import neo4j
import pytest
from click.testing import CliRunner
from neo4j.exceptions import Neo4jError

from api.cli import COMMANDS, kg

ANSWERS = [
    ("PersonX bakes a cake", "xWant", "What does PersonX want to do?", "to eat it; to share it with friends"),
    ("PersonX bakes a cake", "NotxWant", "What does PersonX not want to do?", "1. to burn it\n2. to waste flour"),
    ("PersonX bakes a cake", "xReact", "How does PersonX feel?", "happy; proud; happy"),
    ("PersonX sees \"quotes\" \\ and\n😀 lines", "xReact", "How does PersonX feel?", "puzzled"),
]


def run_kg(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", "from api.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=300, check=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run built from recorded answers and loaded into RDF."""
    folder = tmp_path_factory.mktemp("cli")
    rows = [dict(zip(("head", "relation", "prompt", "raw_answer"), a, strict=True)) for a in ANSWERS]
    (folder / "answers.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    done = run_kg("build", "recorded", "--set", "teacher.file=answers.jsonl", "--out", "run", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["asked"] == len(ANSWERS)
    assert run_kg("load", "run", "--only", "rdf", cwd=folder).returncode == 0
    return folder


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_and_json(name: str) -> None:
    result = CliRunner().invoke(kg, [name, "--help"])
    assert result.exit_code == 0
    assert f"  kg {name}" in result.output
    assert "--json" in result.output
    command = kg.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    assert (command.help or "").startswith(COMMANDS[name][1])


def test_every_command_is_in_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert [name for name in COMMANDS if f"kg {name}" not in readme] == []


def test_help_and_the_core_import_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'spacy', 'rdflib', 'pyarrow', 'fastapi', 'pydantic', 'neo4j'}"
    code = f"""
import sys, kg, api.cli
sys.argv = ["kg", "--help"]
try: api.cli.main()
except SystemExit: print({heavy} & set(sys.modules))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])
    assert done.stdout.strip().endswith("set()")


@pytest.mark.parametrize(("arguments", "code", "says"), [
    (["buidl"], 2, "did you mean build?"),
    (["build", "recordd"], 1, "did you mean recorded?"),
    (["build", "recorded", "--set", "teacher.fil=x"], 1, "did you mean file?"),
    (["build", "recorded", "--set", "teacher.kind=locl"], 1, "did you mean local?"),
    (["build", "demo", "--set", "critics.frm={}"], 1, "did you mean form?"),
    (["build", "recorded"], 1, "file: Field required"),
    (["build", "recorded", "--set", "teacher.file=missing.jsonl"], 1, "missing.jsonl"),
    (["status", "nowhere"], 1, "is no run"),
    (["import", __file__, "--format", "tsv", "--out", "run"], 1, "line 1"),
    (["import", "missing.tsv", "--format", "tsv", "--out", "run"], 1, "missing.tsv"),
    (["query", "nowhere"], 1, "is no run"),
    (["query", "nowhere", "--sparql", "ASK {}", "--csv", "--json"], 2, "give one of --csv and --json"),
    (["questions", "wnts"], 1, "did you mean wants"),
    (["serve", "run", "--service", "localhost/sparql"], 2, "is not the address of an endpoint"),
    (["serve", "run", "--service", "http://x/> { } #"], 2, "is not the address of an endpoint"),
    (["relations", "--ontology", "nowhere.toml"], 1, "no such file"),
    (["complete", "nowhere"], 2, "give --head or --tail (and perhaps --relation), or else --queries and --out"),
])
def test_errors_are_one_line_that_says_what_to_do(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    done = run_kg(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_an_error_with_json_is_json(tmp_path: Path) -> None:
    done = run_kg("status", "nowhere", "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert "is no run" in json.loads(done.stderr)["error"]


def test_building_again_asks_nothing_and_says_so(built: Path) -> None:
    done = run_kg("build", "recorded", "--set", "teacher.file=answers.jsonl", "--out", "run", cwd=built)
    assert done.returncode == 0
    assert f"The teacher was asked nothing: all {len(ANSWERS)} answers were on disk." in done.stderr


def test_dry_run_shows_prompts_and_writes_nothing(built: Path) -> None:
    before = sorted(p.name for p in built.iterdir())
    done = run_kg("build", "recorded", "--set", "teacher.file=answers.jsonl", "--dry-run", "--json", cwd=built)
    plan = json.loads(done.stdout)
    assert plan["prompts"] == len(ANSWERS)
    assert plan["prompt_tokens_estimate"] > 0
    assert sorted(p.name for p in built.iterdir()) == before


def test_status_says_what_was_dropped_and_why(built: Path) -> None:
    done = run_kg("status", "run", cwd=built)
    assert done.returncode == 0
    assert "repetition" in done.stdout
    assert json.loads(run_kg("status", "run", "--json", cwd=built).stdout)["stages"]["verdicts"]["critics"]


def test_queries_with_parameters_come_back_as_they_went_in(built: Path) -> None:
    sparql = """PREFIX kg: <https://w3id.org/distilkg/ns#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
        SELECT ?tail WHERE { ?h skos:prefLabel ?head ; kg:xReact ?t . ?t skos:prefLabel ?tail } ORDER BY ?tail"""
    for head, expected in ((ANSWERS[0][0], ["happy", "proud"]), (ANSWERS[3][0], ["puzzled"])):
        done = run_kg("query", "run", "--sparql", sparql, "--param", f"head={head}", "--json", cwd=built)
        assert done.returncode == 0, done.stderr
        assert [row[0] for row in json.loads(done.stdout)["rows"]] == expected


def test_a_named_question_is_asked_with_its_parameters(built: Path) -> None:
    asked = ("query", "run", "--question", "feelings", "--param", f"event={ANSWERS[0][0]}")
    done = run_kg(*asked, "--json", cwd=built)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == [["PersonX", "happy"], ["PersonX", "proud"]]
    assert run_kg(*asked, "--csv", cwd=built).stdout.splitlines() == ["who,feeling", "PersonX,happy", "PersonX,proud"]
    assert "PersonX  proud" in run_kg(*asked, cwd=built).stdout


@pytest.mark.parametrize(("arguments", "code", "says"), [
    ([], 2, "give one of --cypher, --sparql and --question"),
    (["--question", "wants", "--sparql", "ASK {}"], 2, "give one of --cypher, --sparql and --question"),
    (["--sparql", "ASK {}", "--in", "sparql"], 2, "--in is for --question"),
    (["--question", "wants"], 1, "--param event='PersonX adopts a stray dog'"),
    (["--question", "wants", "--param", "evnt=x"], 1, "did you mean event?"),
    (["--question", "wants", "--param", "event"], 2, "must look like KEY=VALUE"),
    (["--question", "wants", "--param", "event=a", "--param", "event=b"], 2, "given twice"),
    (["--question", "gaps", "--param", "relation=xWnat"], 1, "did you mean xWant"),
    (["--question", "busiest", "--param", "most=many"], 1, "takes a whole number"),
    (["--sparql", "ASK {}", "--limit", "0"], 2, "x>=1"),
])
def test_a_wrong_question_is_one_line_that_says_what_to_do(
    built: Path, arguments: list[str], code: int, says: str
) -> None:
    done = run_kg("query", "run", *arguments, cwd=built)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_text_that_is_in_no_node_is_hinted_at(built: Path) -> None:
    done = run_kg("query", "run", "--question", "wants", "--param", "event=nobody", cwd=built)
    assert (done.returncode, done.stdout) == (0, "no rows\n")
    assert "--question find" in done.stderr


def test_parameters_are_json_or_text(built: Path) -> None:
    for given, kind in (("5", int), ("0.5", float), ("true", bool), ('"5"', str), ("NaN", str), ("[", str)):
        done = run_kg("query", "run", "--sparql", "SELECT ?x { BIND($x AS ?x) }", "--param", f"x={given}", "--json",
                      cwd=built)
        assert type(json.loads(done.stdout)["rows"][0][0]) is kind, given


def test_questions_are_listed_and_shown(tmp_path: Path) -> None:
    from loaders.questions import load_questions

    listed = json.loads(run_kg("questions", "--json", cwd=tmp_path).stdout)
    assert [q["name"] for q in listed] == list(load_questions())
    shown = run_kg("questions", "leads-to", cwd=tmp_path).stdout
    assert load_questions()["leads-to"].cypher in shown
    assert load_questions()["leads-to"].sparql in shown
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert [name for name in load_questions() if f"`{name}`" not in readme] == []


def test_a_server_asks_for_the_key_and_logs_requests(built: Path) -> None:
    key = "a-key-that-is-long-enough"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "KG_API_KEY": key}
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve", "run", "--port", "0", "--json",
               "--rate", "0.01", "--access-log", "access.jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=built,
                          env=environment) as server:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        relations = f"{url}v1/relations"
        statuses = [httpx.get(f"{url}health").status_code, httpx.get(relations).status_code]
        statuses += [httpx.get(relations, auth=("me", key)).status_code for _ in range(10)]
        server.terminate()
        _, err = server.communicate(timeout=30)
    assert (statuses, server.returncode) == ([200, 401, *[200] * 9, 429], 0)
    lines = (built / "access.jsonl").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == statuses
    assert key not in err + "".join(lines)


def test_an_empty_key_is_no_open_door(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KG_API_KEY", "")
    done = run_kg("serve", "run", "--port", "0", cwd=built)
    assert done.returncode == 1
    assert "KG_API_KEY" in done.stderr


def test_export_and_explain(built: Path) -> None:
    done = run_kg("export", "run", "--format", "jsonl", "--out", "-", cwd=built)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    denied = {r["tail"] for r in rows if r["negated"]}
    assert denied == {"to burn it", "to waste flour"}
    burn = next(r for r in rows if r["tail"] == "to burn it")
    shown = run_kg("explain", "run", burn["id"], cwd=built)
    assert shown.returncode == 0, shown.stderr
    assert "«to burn it»" in shown.stdout
    assert run_kg("explain", "run", "no-such-id", cwd=built).returncode == 1


def test_a_run_made_of_other_files_replaces_what_it_was(tmp_path: Path) -> None:
    def load(rows: str, *options: str) -> int:
        (tmp_path / "x.tsv").write_text(rows)
        assert run_kg("import", "x.tsv", "--format", "tsv", "--out", "run", cwd=tmp_path).returncode == 0
        done = run_kg("load", "run", "--only", "rdf", "--json", *options, cwd=tmp_path)
        return int(json.loads(done.stdout)["rdf"]["edges"])

    one, two = "PersonX sings\txReact\thappy\n", "PersonX sings\txReact\tproud\n"
    assert load(one) == 1
    assert load(two) == 2
    assert load(two, "--replace") == 1
    assert load(one) == 2
    done = run_kg("unload", "run", "--only", "rdf", "--json", cwd=tmp_path)
    assert json.loads(done.stdout) == {"rdf": {"nodes": 0, "edges": 0}}


def test_any_driver_reaches_the_embedded_engine(built: Path) -> None:
    assert run_kg("load", "run", "--only", "cypher", cwd=built).returncode == 0
    code = "from api.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", code, "bolt", "run", "--json"],
        cwd=built, env=environment, stdout=subprocess.PIPE, text=True,
    ) as held:
        assert held.stdout is not None
        shown = json.loads(held.stdout.readline())
        auth = (shown["user"], shown["password"])
        with neo4j.GraphDatabase.driver(shown["uri"], auth=auth) as driver:
            found = driver.execute_query("MATCH (n) RETURN count(n) AS n", database_=shown["database"])
            assert found.records[0]["n"] > 0
            with pytest.raises(Neo4jError), driver.session(database=shown["database"]) as session:
                session.run("CREATE (:Event {id: 'x'})").consume()
        held.terminate()
        assert held.wait(30) == 0


def test_init_makes_a_recipe_that_works(tmp_path: Path) -> None:
    assert run_kg("init", "mine", cwd=tmp_path).returncode == 0
    done = run_kg("build", "mine/recipe.toml", "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["prompts"] == 9
    again = run_kg("init", "mine", cwd=tmp_path)
    assert again.returncode == 1
    assert "is there already" in again.stderr


def test_a_question_is_asked_of_what_is_loaded(built: Path) -> None:
    done = run_kg("ask", "run", "What would someone want after baking a cake?", "-k", "1", "--json", cwd=built)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["head"], found["relation"]) == ("PersonX bakes a cake", "xWant")
    assert [a["source"] for a in found["answers"]] == ["graph"]
    again = run_kg("query", "run", "--sparql", found["queries"][0]["sparql"], "--json", cwd=built)
    assert json.loads(again.stdout)["rows"][0][2] == found["answers"][0]["tail"]


def test_a_question_that_cannot_be_read_is_told_which_can(built: Path) -> None:
    done = run_kg("ask", "run", "Who won?", cwd=built)
    assert done.returncode == 1
    assert "where do you find ...?" in done.stderr


def test_a_run_completes_with_its_neighbours_and_a_student(built: Path) -> None:
    queries = [{"head": "PersonX bakes cookies", "relation": "xReact"}, {"tail": "happy", "n": 1}]
    (built / "queries.jsonl").write_text("".join(json.dumps(q) + "\n" for q in queries))
    assert run_kg("train", "run", "--student", "frequency", "--out", "often", cwd=built).returncode == 0
    files = ("--queries", "queries.jsonl", "--out", "out.jsonl")
    done = run_kg("complete", "run", "--student", "often", *files, cwd=built)
    assert done.returncode == 0, done.stderr
    new, tail = [json.loads(line) for line in (built / "out.jsonl").read_text().splitlines()]
    assert {source for c in new["completions"] for source in c["sources"]} <= {"neighbours", "frequency"}
    assert new["completions"]
    assert tail["n"] == 1
    assert [(c["head"], c["relation"], c["known"]) for c in tail["completions"]] == [
        ("PersonX bakes a cake", "xReact", True)
    ]
    alone = run_kg("complete", "often", "--head", "x", "--relation", "xReact", "--json", cwd=built)
    assert set(json.loads(alone.stdout)["completions"][0]) == {"tail", "score"}
