"""Cut-offs on judged triples, and views of a run at a level."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.errors import RunError, UnknownNameError
from kg.graph import FILES, GraphBuilder, GraphFiles
from kg.levels import PRECISIONS, RECALLS, Levels, find_cut_offs, view
from kg.ontology import load_ontology
from kg.records import Triple
from kg.run import Run

LEVELS = Levels({"rec_0.8": 0.4, "rec_0.5": 0.8, "prec_0.9": 0.6})


def graph_run(path: Path, levels: Levels = LEVELS, run_id: str = "r") -> Run:
    builder = GraphBuilder(load_ontology())
    for i, (tail, score) in enumerate([("to eat", 0.9), ("to rest", 0.5), ("to fly", 0.1), ("to sit", None)]):
        builder.add(Triple("PersonX cooks", "xWant", tail), f"g{i}", "rule", i, i + 1, score)
    builder.add(Triple("PersonX cooks", "xReact", "none"), "g9", "rule", 0, 1)
    run = Run.create(path, run_id, {})
    counts = builder.write(run, levels.of)
    run.finish("graph", run_id, FILES, counts["edges"], 0.0, counts=counts, levels=dict(levels.cut_offs))
    return run


def test_a_score_has_the_strictest_level_that_it_passes() -> None:
    assert [LEVELS.of(s) for s in (0.95, 0.8, 0.7, 0.4, 0.39, None)] == [
        "rec_0.5", "rec_0.5", "prec_0.9", "rec_0.8", "", "",
    ]


def test_a_level_holds_all_stricter_ones() -> None:
    assert LEVELS.within("rec_0.8") == ["rec_0.5", "prec_0.9", "rec_0.8"]
    assert LEVELS.within("high") == LEVELS.within("rec_0.5") == ["rec_0.5"]
    with pytest.raises(UnknownNameError, match="high"):
        LEVELS.within("hihg")


judged = st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.50001, 0.9]), st.booleans()), min_size=1, max_size=40)


@given(judged)
def test_cut_offs_keep_the_recall_and_the_precision_that_they_are_named_for(rows: list[tuple[float, bool]]) -> None:
    scores, valid = [s for s, _ in rows], [v for _, v in rows]
    if not any(valid):
        with pytest.raises(RunError, match="none of the judged"):
            find_cut_offs(scores, valid)
        return
    found = find_cut_offs(scores, valid).cut_offs
    above = {c: [v for s, v in rows if s >= c] for c in scores}
    for r in RECALLS:
        cut_off = found[f"rec_{r:g}"]
        assert sum(above[cut_off]) >= r * sum(valid) - 1e-9
        assert all(sum(above[c]) < r * sum(valid) for c in scores if c > cut_off)
    for p in PRECISIONS:
        good = [c for c in scores if sum(above[c]) >= p * len(above[c])]
        assert found.get(f"prec_{p:g}") == (min(good) if good else None)


def test_a_view_has_the_edges_of_its_level_with_their_nodes_and_sources(tmp_path: Path) -> None:
    run = graph_run(tmp_path / "r")
    part = view(run, "low", LEVELS)
    graph = GraphFiles(part)
    assert [t.tail for t in graph.triples()] == ["to eat", "to rest"]
    assert graph.counts() == {"nodes": 3, "edges": 2, "provenance": 2}
    assert list(graph.nothings()) == []
    assert (part.id, part.path) == ("r.rec_0.8", tmp_path / "r" / "levels" / "rec_0.8")
    assert [t.tail for t in GraphFiles(view(run, "high", LEVELS)).triples()] == ["to eat"]


def test_a_view_is_kept_until_the_graph_changes(tmp_path: Path) -> None:
    part = view(graph_run(tmp_path / "r"), "high", LEVELS)
    (part.path / "store").touch()
    assert (view(graph_run(tmp_path / "r"), "rec_0.5", LEVELS).path / "store").exists()
    stricter = Levels({"rec_0.5": 0.99})
    part = view(graph_run(tmp_path / "r", stricter, "other"), "high", stricter)
    assert not (part.path / "store").exists()
    assert list(GraphFiles(part).triples()) == []


def test_a_view_has_the_answers_of_the_run(tmp_path: Path) -> None:
    run = graph_run(tmp_path / "r")
    run.part("generations.jsonl").write_text("{}\n")
    run.finish("generations", "k", ["generations.jsonl"], 1, 0.0)
    part = view(run, "high", LEVELS)
    assert part.require("generations").read_text() == "{}\n"
