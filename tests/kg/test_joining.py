"""Joining runs: the graph of several is that of one build with the answers of all."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from api.assemble import make_parts
from api.explain import explain
from kg.errors import RunError
from kg.graph import GraphFiles
from kg.joining import join
from kg.ontology import load_ontology
from kg.pipeline import build
from kg.recipe import load_recipe
from kg.run import Run

ANSWERS = [
    {"head": "PersonX bakes a cake", "relation": "xWant", "answer": "1. to eat it\n2. to share it"},
    {"head": "PersonX bakes a cake", "relation": "xReact", "answer": "proud"},
    {"head": "PersonX sings", "relation": "xReact", "answer": "happy; !"},
    {"head": "PersonX bakes a cake", "relation": "xWant", "answer": "to eat it"},
]


def built(folder: Path, answers: Sequence[dict[str, str]]) -> Run:
    folder.mkdir(parents=True)
    (folder / "answers.jsonl").write_text("".join(json.dumps(a) + "\n" for a in answers))
    recipe = load_recipe("recorded", [f"teacher.file={folder / 'answers.jsonl'}"])
    run = Run.create(folder / "run", recipe.run_id, recipe.model_dump(), recipe.seed)
    build(run, make_parts(recipe))
    return run


def triples(run: Run) -> dict[tuple[str, ...], int]:
    return {(e["head_text"], e["relation"], e["tail_text"]): e["sources"] for e in GraphFiles(run).edges()}


def test_it_is_the_graph_of_all_answers_with_all_sources(tmp_path: Path) -> None:
    runs = [built(tmp_path / str(n), part) for n, part in enumerate((ANSWERS[:2], ANSWERS[2:]))]
    whole = Run.create(tmp_path / "whole", "whole", {"name": "whole"})
    counts = join(whole, runs, load_ontology())
    assert triples(whole) == triples(built(tmp_path / "one", ANSWERS))
    assert triples(whole)["PersonX bakes a cake", "xWant", "to eat it"] == 2
    assert counts["edges"] == len(triples(whole))
    edge = next(e["id"] for e in GraphFiles(whole).edges() if e["tail_text"] == "to eat it")
    assert [source.answer for source in explain(whole, edge).sources] == ["1. to eat it\n2. to share it", "to eat it"]


def test_counts_of_critics_and_rules_are_added(tmp_path: Path) -> None:
    runs = [built(tmp_path / str(n), part) for n, part in enumerate((ANSWERS[:2], ANSWERS[2:]))]
    whole = Run.create(tmp_path / "whole", "whole", {"name": "whole"})
    join(whole, runs, load_ontology())
    one = built(tmp_path / "one", ANSWERS)
    for stage, names in (("candidates", ["rules"]), ("verdicts", ["critics", "drops", "abstentions"])):
        for name in names:
            assert (whole.stage(stage) or {})[name] == (one.stage(stage) or {})[name]
    assert (whole.stage("verdicts") or {})["joined"] == [run.id for run in runs]


def test_a_second_time_only_what_changed_is_written(tmp_path: Path) -> None:
    first, second = (built(tmp_path / str(n), part) for n, part in enumerate((ANSWERS[:2], ANSWERS[2:])))
    whole = Run.create(tmp_path / "whole", "whole", {"name": "whole"})
    join(whole, [first], load_ontology())
    times = {p.name: p.stat().st_mtime_ns for p in whole.path.iterdir() if p.suffix in (".jsonl", ".parquet")}
    join(whole, [first], load_ontology())
    assert {p: (whole.path / p).stat().st_mtime_ns for p in times} == times
    join(whole, [first, second], load_ontology())
    assert all((whole.path / p).stat().st_mtime_ns > times[p] for p in times)


def test_runs_that_are_not_there_say_so(tmp_path: Path) -> None:
    whole = Run.create(tmp_path / "whole", "whole", {"name": "whole"})
    with pytest.raises(RunError, match="no runs to join"):
        join(whole, [], load_ontology())
    with pytest.raises(RunError, match="has no prompts yet"):
        join(whole, [Run.create(tmp_path / "bare", "bare", {})], load_ontology())
