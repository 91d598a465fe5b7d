"""What every extractor must keep to."""

from collections.abc import Callable

import pytest

from api.assemble import EXTRACTORS, load
from kg.ontology import load_ontology
from kg.protocols import Extractor
from kg.records import Answer, Candidate, Generation, Prompt


def _answers() -> Extractor:
    kind = load(EXTRACTORS["answers"])
    return kind(kind.Options(), load_ontology())  # type: ignore[no-any-return]


CASES: dict[str, Callable[[], Extractor]] = {"answers": _answers}
TEXTS = [
    "to eat; to rest",
    "",
    "PersonX wants to sleep.",
    "1. eat\n2. rest",
    "\ud800\x00",
    '["eat", "rest"',
    "to eat; to rest",
]


def answers() -> list[Answer]:
    prompts = [Prompt("PersonX bakes", "xWant", "t", f"question {i}") for i in range(len(TEXTS))]
    return [Answer(p, Generation(p.id, "teacher", text)) for p, text in zip(prompts, TEXTS, strict=True)]


def test_every_extractor_has_a_case() -> None:
    assert set(CASES) == set(EXTRACTORS)


@pytest.fixture(scope="module", params=list(CASES))
def extractor(request: pytest.FixtureRequest) -> Extractor:
    return CASES[request.param]()


def test_candidates_come_in_the_order_of_the_answers(extractor: Extractor) -> None:
    order = [a.generation.id for a in answers()]
    places = [order.index(c.generation_id) for c in extractor.extract(answers())]
    assert places == sorted(places)
    assert places


def test_candidates_point_into_the_verbatim_text(extractor: Extractor) -> None:
    texts = {a.generation.id: a.generation.text for a in answers()}
    for c in extractor.extract(answers()):
        assert isinstance(c, Candidate)
        assert 0 <= c.start < c.end <= len(texts[c.generation_id])
        assert c.rule
        assert c.triple.head
        assert c.triple.tail


def test_the_same_answers_give_the_same_candidates(extractor: Extractor) -> None:
    once = list(extractor.extract(answers()))
    assert once == list(extractor.extract(iter(answers())))
    assert once == [c for a in answers() for c in extractor.extract([a])]


def test_it_has_a_version(extractor: Extractor) -> None:
    assert isinstance(extractor.version, str)
    assert extractor.version


def test_no_answers_give_nothing(extractor: Extractor) -> None:
    assert list(extractor.extract([])) == []
