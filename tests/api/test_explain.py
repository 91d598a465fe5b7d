"""Explaining a triple from the files of a run."""

from dataclasses import asdict, replace

import pytest

from api.explain import SHOWN, Explanation, Source, UnknownTripleError, explain, render, visible
from api.problems import Json
from api.triples import Edges
from kg.run import Run
from tests.api.conftest import ANSWERS, HEAD


def edge_id(run: Run, tail: str, negated: bool = False) -> str:
    return next(e.id for e in Edges(run).find() if e.triple.tail == tail and e.triple.negated == negated)


def test_every_source_is_told_with_prompt_answer_characters_and_verdicts(run: Run) -> None:
    found = explain(run, edge_id(run, "eat it"))
    assert (found.head, found.relation, found.score) == (HEAD, "xWant", 0.5)
    assert [(s.head, s.tail) for s in found.sources] == [(HEAD, "to eat it"), ("PersonX baked the cake", "eat it")]
    for source in found.sources:
        assert source.answer in ANSWERS.values()
        assert source.answer[source.start : source.end] == source.tail
        assert source.prompt == f"{source.head}: xWant?"
        assert (source.teacher, source.rule, source.run_id) == ("echo", "split", "small-1")
        assert [(v.critic, v.decision, v.score) for v in source.verdicts] == [
            ("form", "keep", 0.5), ("second", "keep", 0.5),
        ]


def test_every_triple_of_a_run_has_its_characters_and_its_verdicts(run: Run) -> None:
    edges = Edges(run).find()
    assert len(edges) == 7
    for edge in edges:
        found = explain(run, edge.id)
        assert len(found.sources) == edge.sources
        assert all(s.answer[s.start : s.end] == s.tail and len(s.verdicts) == 2 for s in found.sources)


def test_an_imported_triple_tells_file_and_line(imported: Run) -> None:
    found = explain(imported, Edges(imported).find()[0].id)
    assert [(s.file, s.start, s.generation_id) for s in found.sources] == [("a.tsv", 7, ""), ("a.tsv", 9, "")]
    assert "line 7 of a.tsv" in render(found)


@pytest.mark.parametrize("wrong", ["", "nope", "0" * 32, "'; DROP", "\ud800", "x" * 100_000, "\0"])
def test_an_unknown_id_says_how_to_list_ids(run: Run, wrong: str) -> None:
    with pytest.raises(UnknownTripleError, match="list ids with") as raised:
        explain(run, wrong)
    assert len(str(raised.value)) < 500


def test_the_rendered_text_marks_the_characters_and_cannot_steer_a_terminal(run: Run) -> None:
    text = render(explain(run, edge_id(run, "to share the cake")))
    assert "bad; «to share the cake»" in text
    assert "form: keep 0.500  looks well\\x07" in text
    assert "\\x1b[31m" in text
    assert not {c for c in text if not c.isprintable()} - {"\n"}


def test_a_hedged_source_says_so(run: Run) -> None:
    found = explain(run, edge_id(run, "to share the cake"))
    assert "modality" not in render(found)
    hedged = replace(found, sources=(replace(found.sources[0], modality="likely"),))
    assert "   modality: likely\n" in render(hedged)


def test_several_lines_and_right_to_left_marks_stay_readable(run: Run) -> None:
    text = render(explain(run, edge_id(run, 'to buy "flour"\nand \\ sugar')))
    assert '«to buy "flour"\n      and \\ sugar»' in text
    assert "\\u202ePersonX يخبز 🎂" in text


def test_a_denied_triple_says_so(run: Run) -> None:
    text = render(explain(run, edge_id(run, "to burn it", negated=True)))
    assert text.startswith(f"NOT {HEAD}  --xWant->  to burn it\n")


def test_many_sources_are_cut_in_text_only(run: Run) -> None:
    found = explain(run, edge_id(run, "eat it"))
    many = replace(found, sources=found.sources * 20)
    assert f"... and {40 - SHOWN} more" in render(many)


def test_half_surrogates_can_be_shown_and_sent() -> None:
    source = Source("r", "run", 0, 1, "g", "t", "p", "\ud800 x")
    found = Explanation("i", "h", "xWant", "t", False, None, "", (source,))
    assert "«\\ud800» x" in render(found)
    assert b"\\ud800" in Json(asdict(found)).body


def test_visible_leaves_ordinary_text_alone() -> None:
    assert visible("Zoë bakt 🎂 שלום 👩\u200d🍳") == "Zoë bakt 🎂 שלום 👩\u200d🍳"
    assert visible("a\tb\x9b\ufeff") == "a\\tb\\x9b\\ufeff"
