"""Coverage: which sentences gave triples."""

import pytest

from extraction.answers import AnswerExtractor
from extraction.batch import extract_rows, make_extractor
from extraction.coverage import QUESTION, construction, coverage_of
from extraction.sentences import load_model

TEXTS = [
    "Cats can climb trees.",
    "Cats can climb trees. The bell rang. Where did PersonX go?",
    "The bell rang. The dog barked.",
    "Birds are able to fly.",
    "fjdks dkfj 3829 ;; {}",
    "",
]


@pytest.fixture(scope="module")
def extractor() -> AnswerExtractor:
    return make_extractor()


def test_sentences_and_silent_constructions_are_counted(extractor: AnswerExtractor) -> None:
    found = coverage_of([{"text": text} for text in TEXTS], extractor)
    assert (found.texts, found.unparsed, found.sentences, found.productive) == (6, 2, 7, 3)
    assert found.share == pytest.approx(3 / 7)
    bells = found.silent["nsubj VERB(past)"]
    assert (bells.count, bells.example) == (3, "The bell rang.")
    assert bells.commonest_roots() == {"ring": 2, "bark": 1}
    assert found.silent[QUESTION].example == "Where did PersonX go?"
    assert [name for name, _ in found.commonest(1)] == ["nsubj VERB(past)"]


def test_as_json(extractor: AnswerExtractor) -> None:
    told = coverage_of([{"text": text} for text in TEXTS], extractor).as_dict(top=1)
    assert told["silent"] == [
        {"construction": "nsubj VERB(past)", "count": 3, "roots": {"ring": 2, "bark": 1}, "example": "The bell rang."}
    ]
    assert told["share"] == pytest.approx(3 / 7)


def test_nothing_to_read_covers_nothing(extractor: AnswerExtractor) -> None:
    assert coverage_of([], extractor).share == 0


def test_a_text_of_one_sentence_is_productive_when_it_gives_triples(extractor: AnswerExtractor) -> None:
    rows = [{"id": i, "text": text} for i, text in enumerate(TEXTS)]
    read = [bool(result["triples"]) for result in extract_rows(rows, extractor)]
    assert [coverage_of([row], extractor).productive > 0 for row in rows] == read


def test_members_of_lists_are_no_sentences(extractor: AnswerExtractor) -> None:
    row = {"prompt": "PersonX sleeps. What does PersonX want to do?", "head": "PersonX sleeps", "text": "eat; rest."}
    found = coverage_of([row], extractor)
    assert (found.texts, found.unparsed, found.sentences) == (1, 1, 0)


@pytest.mark.parametrize(("text", "expected"), [
    ("It is red.", "nsubj be acomp"),
    ("You can try to read a book.", "nsubj aux(can) VERB xcomp(to)"),
    ("If it rains, streets become wet.", "advcl(if) nsubj VERB acomp"),
    ("Lions live in Africa with other animals.", "nsubj VERB prep(in) prep(with)"),
    ("Really?", QUESTION),
])
def test_constructions(text: str, expected: str) -> None:
    sentence = next(load_model(AnswerExtractor.Options().model)(text).sents)
    assert construction(sentence) == expected
