"""Options of `kg complete`, of students that are asked alone; runs are in test_cli.py and test_inference.py."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from api.cli import kg
from kg.errors import KGError
from tests.tiny_models import one_thread, write_model

HEAD = ["--head", "PersonX bakes a cake"]
WANT = [*HEAD, "--relation", "xWant"]
TAILS = {"xWant": "to eat the cake", "NotxWant": "to sleep", "xAttr": "kind"}


@pytest.fixture(scope="module")
def students(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a language model student, `model`, and one without, `floor`."""
    folder = tmp_path_factory.mktemp("students")
    rows = [f"PersonX bakes {n} cakes\t{relation}\t{tail}\n" for n in range(12) for relation, tail in TAILS.items()]
    (folder / "triples.tsv").write_text("".join(rows))
    base = write_model("gemma", folder / "base")
    options = ("epochs=30", "learning_rate=1e-2", "dtype=float32", "batch_tokens=100")
    learn = [part for text in options for part in ("--set", text)]
    for name, more in (("model", ["--student", str(base), *learn]), ("floor", ["--student", "frequency"])):
        with one_thread():
            made = CliRunner().invoke(kg, ["train", str(folder / "triples.tsv"), "--out", str(folder / name), *more])
        assert made.exit_code == 0, made.output
    return folder


def invoke(folder: Path, *options: str) -> Result:
    with one_thread():
        return CliRunner().invoke(kg, ["complete", str(folder), *options])


def found(folder: Path, *options: str) -> list[dict[str, Any]]:
    result = invoke(folder, *options, "--json")
    assert result.exit_code == 0, result.output
    completions: list[dict[str, Any]] = json.loads(result.stdout)["completions"]
    assert all(0 <= c["score"] <= 1 for c in completions)
    return completions


def test_tails_are_drawn(students: Path) -> None:
    once, again = (found(students / "model", *WANT, "-k", "4", "--top-p", "1", "--seed", "1") for _ in range(2))
    assert once == again != []


def test_tails_keep_to_words(students: Path) -> None:
    kept = found(students / "model", *WANT, "--must-not", "eat")
    assert kept
    assert not any("eat" in c["tail"].split() for c in kept)


def test_tails_are_diverse(students: Path) -> None:
    greedy = found(students / "model", *WANT, "-k", "4", "--beams", "1")
    assert len(greedy) == 1
    plain, diverse = (found(students / "model", *WANT, "-k", "4", *more) for more in ([], ["--diversity", "5"]))
    assert {c["tail"] for c in diverse} != {c["tail"] for c in plain}
    assert diverse[0]["tail"] == plain[0]["tail"] == TAILS["xWant"]
    kept = found(students / "model", *WANT, "-k", "4", "--diversity", "5", "--must-not", "eat")
    assert kept
    assert not any("eat" in c["tail"].split() for c in kept)


@pytest.mark.parametrize("name", ["model", "floor"])
def test_a_head_alone_gets_the_best_tails_of_all_relations(students: Path, name: str) -> None:
    best = found(students / name, *HEAD, "-k", "4")
    each = [{"relation": r, **c} for r in sorted(TAILS) for c in found(students / name, *HEAD, "--relation", r)]
    expected = sorted(each, key=lambda c: -c["score"])[:4]
    assert [(c["relation"], c["tail"]) for c in best] == [(c["relation"], c["tail"]) for c in expected]
    assert [c["score"] for c in best] == pytest.approx([c["score"] for c in expected], rel=1e-3)
    assert {"xAttr", "xWant"} <= {c["relation"] for c in best}
    two = found(students / name, *HEAD, "-k", "2", "--relations", "NotxWant, xAttr")
    assert {c["relation"] for c in two} == {"NotxWant", "xAttr"}
    table = invoke(students / name, *HEAD, "-k", "3").stdout.splitlines()
    assert table[0].split() == ["relation", "tail", "score"]
    assert len(table) == 5


def test_heads_alone_and_with_relations_are_read_from_a_file(students: Path, tmp_path: Path) -> None:
    queries = [{"head": HEAD[1], "n": 1}, {"head": HEAD[1], "relation": "xAttr", "tail": "not looked at"}]
    (tmp_path / "queries.jsonl").write_text("".join(json.dumps(q) + "\n" for q in queries))
    files = ["--queries", str(tmp_path / "queries.jsonl"), "--out", str(tmp_path / "out.jsonl")]
    assert invoke(students / "floor", *files).exit_code == 0
    alone, related = (json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines())
    assert alone["n"] == 1
    assert {c["relation"] for c in alone["completions"]} == set(TAILS)
    assert related["tail"] == "not looked at"
    assert [set(c) for c in related["completions"]] == [{"tail", "score"}]
    assert "without a relation" in str(invoke(students / "floor", *files, "--relations", "xWant").exception)


def test_relations_between_a_head_and_a_tail(students: Path) -> None:
    between = found(students / "model", *HEAD, "--tail", "kind")
    assert between[0]["relation"] == "xAttr"
    assert len(between) == 3
    two = found(students / "model", *HEAD, "--tail", "kind", "--relations", "xWant,NotxWant")
    assert {c["relation"] for c in two} == {"xWant", "NotxWant"}


@pytest.mark.parametrize(("options", "says"), [
    ([], "give --head or --tail"),
    (["--relation", "xWant"], "give a head or a tail"),
    (["--head", " ", "--relation", "xWant"], "must not be empty"),
    ([*WANT, "--tail", "x"], "leave something open"),
    ([*HEAD, "--queries", "q.jsonl", "--out", "o.jsonl"], "or else --queries and --out"),
    (["--queries", "q.jsonl"], "or else --queries and --out"),
    (["--tail", "kind"], "--tail needs --head or --relation"),
    ([*WANT, "--relations", "xAttr"], "--relations: only for queries without --relation"),
    ([*WANT, "--rules", "r.json", "--new-only"], "--rules, --new-only: only for a run, which"),
    ([*HEAD, "--tail", "kind", "--top-p", "0.9"], "--top-p: only for tails: leave --tail out"),
    ([*WANT, "--top-p", "0.9", "--must", "eat", "--diversity", "1"], "--diversity, --must: only for beam search"),
    ([*WANT, "--diversity", "0"], "0.0 is not in the range"),
])
def test_options_that_do_not_go_together(students: Path, options: list[str], says: str) -> None:
    result = invoke(students / "model", *options)
    assert result.exit_code == 2
    assert says in result.output


@pytest.mark.parametrize(("name", "options", "says"), [
    ("nowhere", WANT, "no such folder; give a student, a link model or a run"),
    (".", WANT, "is no student"),
    ("model", [*HEAD, "--relation", "xWnat"], "did you mean xWant"),
    ("model", [*HEAD, "--relations", "xWant,xAtr"], "did you mean xAttr"),
    ("model", ["--relation", "xWant", "--tail", "kind"], "--set heads=true"),
    ("model", [*WANT, "--must", "!"], "is no word"),
    ("floor", ["--relation", "xWant", "--tail", "kind"], "gives no heads"),
    ("floor", [*HEAD, "--tail", "kind"], "gives no relations"),
    ("floor", [*WANT, "--top-p", "1"], "has no language model"),
    ("floor", [*WANT, "--diversity", "1"], "has no language model"),
    ("floor", [*WANT, "--beams", "1"], "has no language model"),
])
def test_what_cannot_be_answered_is_said(students: Path, name: str, options: list[str], says: str) -> None:
    error = invoke(students / name, *options).exception
    assert isinstance(error, KGError)
    assert says in str(error)


def test_help_has_every_option_once_under_a_heading() -> None:
    told = CliRunner().invoke(kg, ["complete", "--help"]).output
    command = kg.get_command(None, "complete")  # type: ignore[arg-type]
    assert command is not None
    shown = [line.split()[0].rstrip(",") for line in told.splitlines() if line.startswith("  -")]
    assert sorted(shown) == sorted(["-h", *(p.opts[0] for p in command.params if p.name != "source")])
    assert "\nOptions:" not in told
