"""The parse behind a triple, from a run that was read by the real extractor."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import pytest

from api.assemble import make_parts
from api.explain import explain
from api.parses import Parse, render_parse, require_parse, run_parses
from api.triples import Edges
from kg.errors import RunError
from kg.pipeline import build
from kg.recipe import load_recipe
from kg.run import Run

ANSWERS = [
    ("PersonX bakes a cake", "xWant", "What does PersonX want?", "1. to eat it\n2. to share it"),
    ("PersonX bakes a cake", "xReact", "How does PersonX feel?",
     "Well.\n\nWhen PersonX bakes a cake & tea in Paris, PersonX feels happy. Ovens\x0b are found in \"kitchens\"."),
]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("parses")
    rows = [dict(zip(("head", "relation", "prompt", "raw_answer"), a, strict=True)) for a in ANSWERS]
    (folder / "answers.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    recipe = load_recipe("recorded", [f"teacher.file={folder / 'answers.jsonl'}"])
    run = Run.create(folder / "run", "r-1", recipe.model_dump(mode="json"))
    build(run, make_parts(recipe))
    return run


def parses_of(run: Run, tail: str) -> list[Parse]:
    return run_parses(run, explain(run, next(e.id for e in Edges(run).find() if e.triple.tail == tail)))


def words(svg: str) -> list[str]:
    spans = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}tspan")
    return [s.text or "" for s in spans if "displacy-word" in s.get("class", "")]


def test_the_sentence_is_told_by_its_tokens_with_slots(read: Run) -> None:
    (parse,) = parses_of(read, "happy")
    assert parse.source == 1
    assert parse.sentence.endswith("PersonX feels happy.")
    first = next(t for t in parse.tokens if t.token == "PersonX")
    assert (first.lemma, first.dep, first.entity) == ("PersonX", "nsubj", "PERSON")
    feels = next(t for t in parse.tokens if t.token == "feels")
    assert (feels.lemma, feels.pos, feels.dep, feels.head) == ("feel", "VERB", "ROOT", feels.i)
    happy = next(t for t in parse.tokens if t.token == "happy")
    assert (happy.dep, happy.head) == ("acomp", feels.i)
    assert next(t for t in parse.tokens if t.token == "Paris").entity


def test_the_drawing_is_xml_with_every_word(read: Run) -> None:
    (parse,) = parses_of(read, "happy")
    drawn = words(parse.svg)
    assert [t.token for t in parse.tokens] == [w for w in drawn if w]
    assert "PersonX" in drawn
    assert parses_of(read, "happy") == [parse]  # the same drawing each time


def test_control_characters_do_not_break_the_drawing(read: Run) -> None:
    (parse,) = parses_of(read, "kitchen")
    assert "Ovens" in words(parse.svg)
    assert not {c for c in render_parse(parse) if not c.isprintable()} - {"\n"}


def test_the_table_has_a_line_a_token(read: Run) -> None:
    (parse,) = parses_of(read, "happy")
    lines = render_parse(parse).splitlines()
    assert lines[0].startswith(f"parse of source 1 ({parse.rule}): ")
    assert lines[1].split() == ["i", "token", "lemma", "POS", "dep", "head", "entity"]
    assert len(lines) == 3 + len(parse.tokens)
    assert json.loads(json.dumps(asdict(parse)))["tokens"][0]["i"] == 0


@pytest.mark.parametrize("tail", ["to eat it", "to share it"])
def test_members_of_lists_have_no_parse(read: Run, tail: str) -> None:
    assert parses_of(read, tail) == []


def test_imported_triples_have_no_parse(imported: Run) -> None:
    found = run_parses(imported, explain(imported, Edges(imported).find()[0].id))
    assert found == []
    with pytest.raises(RunError, match="no sentence was parsed"):
        require_parse(found)


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_the_command_shows_and_draws_only_when_asked(read: Run, tmp_path: Path, arguments: Iterable[str]) -> None:
    from click.testing import CliRunner

    from api.cli import kg

    edge = next(e.id for e in Edges(read).find() if e.triple.tail == "happy")
    command = ["explain", str(read.path), edge, *arguments]
    plain = CliRunner().invoke(kg, command)
    drawn = CliRunner().invoke(kg, [*command, "--svg", str(tmp_path / "s.svg")])
    parsed = CliRunner().invoke(kg, [*command, "--parse"])
    assert plain.exit_code == drawn.exit_code == parsed.exit_code == 0
    assert "nsubj" not in plain.output
    assert "nsubj" in parsed.output
    assert "PersonX" in words((tmp_path / "s.svg").read_text())
