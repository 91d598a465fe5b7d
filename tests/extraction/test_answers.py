"""Answers of all kinds into candidates."""

import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extraction.answers import AnswerExtractor, distinct
from kg.errors import InputError
from kg.normal import normal_form
from kg.ontology import load_ontology
from kg.records import Answer, Candidate, Generation, Prompt
from kg.run import read_lines

DATA = Path(__file__).parents[2].parent / "shared" / "data"
HEAD = "PersonX bakes a cake"
ROW = tuple[str, str, str, bool]


@pytest.fixture(scope="module")
def extractor() -> AnswerExtractor:
    return AnswerExtractor(AnswerExtractor.Options(), load_ontology())


def answer(
    text: str, relation: str = "xWant", head: str = HEAD, names: tuple[tuple[str, str], ...] = (), question: str = ""
) -> Answer:
    prompt = Prompt(head, relation, "t", question, names)
    return Answer(prompt, Generation(prompt.id, "teacher", text))


def read(extractor: AnswerExtractor, given: Answer) -> list[Candidate]:
    return list(extractor.extract([given]))


def rows(found: Iterable[Candidate]) -> list[ROW]:
    return [(c.triple.head, c.triple.relation, c.triple.tail, c.triple.negated) for c in found]


def tails(found: Iterable[Candidate]) -> list[str]:
    return [c.triple.tail for c in found]


def test_a_list_takes_head_and_relation_of_the_prompt(extractor: AnswerExtractor) -> None:
    text = " to eat it; PersonX wants to share the cake; to rest."
    found = read(extractor, answer(text))
    assert rows(found) == [(HEAD, "xWant", t, False) for t in ("to eat it", "to share the cake", "to rest")]
    assert [text[c.start : c.end] for c in found] == tails(found)
    assert {c.rule for c in found} == {"list.semicolons@1"}


def test_names_become_slots_and_spans_stay_verbatim(extractor: AnswerExtractor) -> None:
    text = "to give Robin a slice; to see Robin's face"
    found = read(extractor, answer(text, names=(("PersonX", "Alex"), ("PersonY", "Robin"))))
    assert tails(found) == ["to give PersonY a slice", "to see PersonY's face"]
    assert [text[c.start : c.end] for c in found] == ["to give Robin a slice", "to see Robin's face"]


def test_a_denied_relation(extractor: AnswerExtractor) -> None:
    assert rows(read(extractor, answer("quit; get fired", "NotxWant"))) == [
        (HEAD, "xWant", "quit", True),
        (HEAD, "xWant", "get fired", True),
    ]
    assert rows(read(extractor, answer("fly; sing", "NotDesires", "cat"))) == [
        ("cat", "Desires", "fly", True),
        ("cat", "Desires", "sing", True),
    ]


@pytest.mark.parametrize(
    ("relation", "text", "tail"),
    [
        ("xWant", "to eat the cake", "to eat the cake"),
        ("xWant", "Alex wants to go home.", "to go home"),
        ("xWant", "Alex wants to go home because Alex is tired.", "to go home"),
        ("xReact", "happy", "happy"),
        ("xReact", "Alex feels very proud.", "very proud"),
        ("xReact", "Alex is tired.", "tired"),
        ("xEffect", "gets tired", "gets tired"),
        ("xEffect", "Alex gets tired.", "gets tired"),
        ("xNeed", "Alex needs to buy flour.", "to buy flour"),
        ("HinderedBy", "The oven is broken.", "The oven is broken"),
        ("isBefore", "Alex eats the cake", "PersonX eats the cake"),
    ],
)
def test_a_single_phrase_or_sentence_of_the_asked_relation(
    extractor: AnswerExtractor, relation: str, text: str, tail: str
) -> None:
    found = read(extractor, answer(text, relation, names=(("PersonX", "Alex"),)))
    assert (HEAD, relation, tail, False) in rows(found)


def test_sentences_before_a_list_say_more(extractor: AnswerExtractor) -> None:
    text = "PersonX wants to surprise PersonY. The answers are: eat; sleep."
    assert rows(read(extractor, answer(text))) == [
        (HEAD, "xWant", "eat", False),
        (HEAD, "xWant", "sleep", False),
        (HEAD, "xWant", "to surprise PersonY", False),
    ]


def test_steps_come_one_before_the_other(extractor: AnswerExtractor) -> None:
    found = read(extractor, answer("1. Mix. 2. Bake. 3. Eat.", "", "", question="How to: Make a cake"))
    assert rows(found) == [
        ("Make a cake", "HasSubEvent", "Mix", False),
        ("Make a cake", "HasSubEvent", "Bake", False),
        ("Mix", "isBefore", "Bake", False),
        ("Make a cake", "HasSubEvent", "Eat", False),
        ("Bake", "isBefore", "Eat", False),
    ]


def test_tools_in_steps(extractor: AnswerExtractor) -> None:
    text = "1. Use a razor to shave your beard. 2. Rinse."
    found = read(extractor, answer(text, "", "", question="How to: Shave"))
    assert ("razor", "ObjectUse", "shave your beard", False) in rows(found)
    assert all(text[c.start : c.end] for c in found)


def test_candidates_tell_hedges_and_entities(extractor: AnswerExtractor) -> None:
    found = read(extractor, answer("London has many pubs. Cats may sleep.", relation="", head=""))
    assert [(c.triple.tail, c.modality, c.head_entity, c.tail_entity) for c in found] == [
        ("london", None, "", "GPE"), ("sleep", "possible", "", None),
    ]
    found = read(extractor, answer("PersonX may want to eat it; to rest"))
    assert [(c.triple.tail, c.modality, c.tail_entity) for c in found] == [
        ("to eat it", "possible", None), ("to rest", None, None),
    ]


def test_prose_without_a_prompt(extractor: AnswerExtractor) -> None:
    found = read(extractor, answer("Cats can climb trees. Candles are used to give light.", "", ""))
    assert rows(found) == [("cat", "CapableOf", "climb trees", False), ("candle", "ObjectUse", "give light", False)]


@pytest.mark.parametrize("text", ["to eat it", "to eat it; to rest", "Alex wants to eat it."])
def test_the_next_example_that_a_model_makes_up_is_not_read(extractor: AnswerExtractor, text: str) -> None:
    told = text + "\n\nEvent: Alex wants to go to the moon.\nQuestion: What?\nAnswers: to fly; to land"
    names = (("PersonX", "Alex"),)
    assert tails(read(extractor, answer(told, names=names))) == tails(read(extractor, answer(text, names=names))) != []


def test_what_is_said_twice_comes_twice_for_a_critic_to_judge(extractor: AnswerExtractor) -> None:
    found = read(extractor, answer("to eat; eat; to  eat."))
    assert tails(found) == ["to eat", "eat", "to eat"]
    assert tails(list(distinct(found))) == ["to eat"]


@pytest.mark.parametrize(
    "text", ["", " ", "\n", "...", "\x00\x01", "\ud800", "`" * 50, "[", "{}", "[]", '[""]', "1.", ";;;", "-"]
)
def test_nothing_from_nothing(extractor: AnswerExtractor, text: str) -> None:
    assert read(extractor, answer(text)) == []


def test_candidates_come_in_the_order_of_the_answers(extractor: AnswerExtractor) -> None:
    given = [
        answer(t, r)
        for t, r in (("PersonX wants to eat the cake now.", "xNeed"), ("sad", "xReact"), ("Birds fly.", "xWant"))
    ]
    found = list(extractor.extract(given))
    order = [g.generation.id for g in given]
    assert [order.index(c.generation_id) for c in found] == sorted(order.index(c.generation_id) for c in found)


def test_reading_is_streaming(extractor: AnswerExtractor) -> None:
    drawn = 0

    def answers() -> Iterable[Answer]:
        nonlocal drawn
        for i in range(100_000):
            drawn += 1
            yield answer(f"to eat {i} cakes; to rest")

    next(iter(extractor.extract(answers())))
    assert drawn < 5_000


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "the " * 250_000,
        "; " * 100_000,
        "1. " * 100_000,
        "(" * 200_000,
        "[" * 200_000,
        '"' * 200_000,
        "The answers are: " * 20_000,
        "- \n" * 100_000,
        "\ud800" * 100_000,
        "a;" * 200_000,
        ", and " * 50_000,
    ],
    ids=lambda t: t[:10],
)
def test_hostile_texts_end_soon(extractor: AnswerExtractor, text: str) -> None:
    started = time.monotonic()
    assert all(0 <= c.start < c.end <= len(text) for c in read(extractor, answer(text)))
    assert time.monotonic() - started < 20


PIECES = [
    "PersonX",
    " wants",
    " to",
    " eat",
    "; ",
    ", ",
    " and ",
    ". ",
    "\n",
    "1. ",
    "- ",
    '["',
    '", "',
    "'s",
    " Alex",
    " because",
    " if",
    "\ud800",
    "The answers are: ",
    " cats",
    " are",
    " used",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
    st.sampled_from(["", "xWant", "NotxReact", "xEffect", "HasSubEvent", "CapableOf", "AtLocation", "nonsense"]),
    st.sampled_from(["", HEAD, "cat", "\ud800"]),
)
def test_any_text(extractor: AnswerExtractor, text: str, relation: str, head: str) -> None:
    found = read(extractor, answer(text, relation, head, (("PersonX", "Alex"),), "How to: live"))
    assert all(0 <= c.start < c.end <= len(text) for c in found)
    assert all(c.triple.tail.strip() and c.triple.head.strip() for c in found)


def test_an_unknown_model_says_what_to_do() -> None:
    broken = AnswerExtractor(AnswerExtractor.Options(model="no_such_model"), load_ontology())
    with pytest.raises(InputError, match=r"extractor\.model"):
        list(broken.extract([answer("Cats can climb the trees.", "", "")]))


def strict(text: str) -> str:
    words = text.lower().strip().rstrip(".;,").split()
    return " ".join(w for w in words if w not in ("a", "an", "the"))


@pytest.mark.data
def test_tails_that_people_took_from_recorded_answers(extractor: AnswerExtractor) -> None:
    if not DATA.exists():
        pytest.skip(f"needs the data sets in {DATA}")
    taken: dict[tuple[str, str, str, str], list[str]] = {}
    for row in read_lines(DATA / "gpt3_atomic.jsonl"):
        if row["raw_answer"].strip() and row["tail"].strip():
            taken.setdefault((row["head"], row["relation"], row["prompt"], row["raw_answer"]), []).append(row["tail"])
    given = [answer(t, r, h, question=p) for h, r, p, t in taken]
    loose = exact = total = 0
    for (head, relation, _, text), found in zip(taken, extractor.extract_each(given), strict=True):
        wanted = (head, relation.removeprefix("Not"), relation.startswith("Not"))
        mine = [c for c in found if (c.triple.head, c.triple.relation, c.triple.negated) == wanted]
        for tail in taken[head, relation, _, text]:
            total += 1
            words = strict(tail).split()
            spoken = [c for c in mine if all(w in text[c.start : c.end].lower() for w in words)]
            loose += any(normal_form(c.triple.tail) == normal_form(tail) for c in spoken)
            exact += any(strict(c.triple.tail) == strict(tail) for c in spoken)
    assert total > 1000
    assert loose / total >= 0.95
    assert exact / total >= 0.95
