"""What each critic drops, and above all what it must keep."""

import json
from math import exp, log
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from extraction.critics import (
    FormCritic,
    LikelihoodCritic,
    OntologyCritic,
    RepetitionCritic,
    ends_unfinished,
    likelihood,
)
from kg.ontology import load_ontology
from kg.records import Answer, Candidate, Claim, Generation, Prompt, Triple

DATA = Path(__file__).parents[2].parent / "shared" / "data"
ONTOLOGY = load_ontology()
FORM = FormCritic(FormCritic.Options(), ONTOLOGY)
ONTOLOGICAL = OntologyCritic(OntologyCritic.Options(), ONTOLOGY)


def claim(
    tail: str, head: str = "PersonX bakes a cake", relation: str = "xWant", negated: bool = False, rest: str = "",
    prompt: str = "What next?", names: tuple[tuple[str, str], ...] = (),
) -> Claim:
    asked = Prompt(head, relation, "t", prompt, names)
    generation = Generation(asked.id, "t", tail + rest)
    candidate = Candidate(Triple(head, relation, tail, negated), generation.id, "list", 0, len(tail))
    return Claim(candidate, Answer(asked, generation))


@pytest.mark.parametrize(("tail", "reason"), [
    ("", "tail is empty"),
    ("  ", "tail is empty"),
    ("...", "tail has no letters"),
    ("--", "tail has no letters"),
    ("to eat\x00", "control or broken characters"),
    ("to eat \ufffd", "control or broken characters"),
    (f"to eat {chr(0xD83D)}", "control or broken characters"),
    ("to " + "eat " * 40, "tail is too long"),
    ("to eat (the cake", "unbalanced brackets or quotes"),
    ('to say "hi', "unbalanced brackets or quotes"),
    ("see https://example.org", "link, code or markup"),
    ("<b>to eat</b>", "link, code or markup"),
    ("eat()", "link, code or markup"),
    ("**to eat**", "link, code or markup"),
    ("to eat ___", "placeholder"),
    ("Person eats", "unfinished person slot"),
    ("PersonA eats", "unfinished person slot"),
    ("to eat the", "cut off"),
    ("to eat and", "cut off"),
    ("to go to", "cut off"),
    ("to eat...", "cut off"),
    ("what does PersonX want?", "question instead of an answer"),
    ("Answers: to eat", "question instead of an answer"),
    ("PersonX baked the cake", "repeats the head"),
    ("to bake a cake", "repeats the head"),
    ("хочет съесть торт", "another script than the head's"),
])
def test_malformed_tails_are_dropped(tail: str, reason: str) -> None:
    (verdict,) = FORM.judge([claim(tail)])
    assert (verdict.decision, verdict.reason) == ("drop", reason)


@pytest.mark.parametrize("tail", [
    "to eat the cake", "eat", "happy", "PersonX's friends come", "to ask PersonY to come", "it's 5 o'clock",
    "to go to the café", "someone to talk to (again)", 'PersonY says "come in"', "cake & coffee", "a 3-year-old child",
    "personal growth", "to be a person", "to feel like a new person", "Persons in the house leave", "PersonX eats",
    "Person X eats", "his parents' house", "to work at 9:30", "to share it w/ friends", "to tell Paul about it",
    "to save $20", "none", "to be in love",
])
def test_well_formed_tails_are_kept(tail: str) -> None:
    assert [v.reason for v in FORM.judge([claim(tail)])] == [""]


def test_a_preposition_may_end_a_tail_that_others_follow() -> None:
    assert FORM.fault(claim("to have someone to talk to", rest="; to rest")) == ""
    assert FORM.fault(claim("to have someone to talk to")) == "cut off"


def test_the_act_itself_may_be_denied() -> None:
    assert FORM.fault(claim("to bake a cake", negated=True)) == ""


def test_names_of_the_examples_are_no_part_of_an_answer() -> None:
    names, prompt = (("PersonX", "Alex"),), "Event: Robin sings\nAnswers: to rest\n\nEvent: Alex bakes\nAnswers:"
    assert FORM.fault(claim("to thank Robin", names=names, prompt=prompt)).startswith("name or label")
    assert FORM.fault(claim("to thank Robin", head="PersonX meets Robin", names=names, prompt=prompt)) == ""
    assert FORM.fault(claim("to thank Toni", names=names, prompt=prompt)) == ""


def test_other_scripts_answer_heads_of_their_own() -> None:
    assert FORM.fault(claim("съесть торт", head="Он печёт торт")) == ""
    assert FORM.fault(claim("לאכול", head="הוא אופה")) == ""


def test_the_longest_tail_is_an_option() -> None:
    short = FormCritic(FormCritic.Options(max_words=2), ONTOLOGY)
    assert short.fault(claim("to eat cake")) == "tail is too long"
    assert short.version != FORM.version
    with pytest.raises(ValidationError):
        FormCritic.Options.model_validate({"max_word": 2})


@pytest.mark.parametrize(("text", "at_end", "cut"), [
    ("to eat the", False, True), ("to talk to", False, False), ("to talk to", True, True), ("to eat,", False, True),
    ("the house is broken into", True, False),
    ("to eat", True, False), ("his parents'", True, False), ("", True, False),
])
def test_unfinished_phrases(text: str, at_end: bool, cut: bool) -> None:
    assert ends_unfinished(text, at_end) == cut


@pytest.mark.parametrize(("bad", "reason"), [
    (claim("to eat", relation="xWnat"), "relation is not in the ontology"),
    (claim("to eat", head=" "), "head is empty"),
    (claim("none", negated=True), "denies that nothing applies"),
    (claim("oven", relation="AtLocation"), "head is an event, not a thing"),
    (claim("PersonX is at home", head="oven", relation="AtLocation"), "tail is an event, not a thing"),
    (claim("PersonX"), "tail is a person, not an event or state"),
    (claim("to thank PersonY"), "tail is about a person that the head lacks"),
])
def test_what_a_relation_cannot_join_is_dropped(bad: Claim, reason: str) -> None:
    (verdict,) = ONTOLOGICAL.judge([bad])
    assert (verdict.decision, verdict.reason) == ("drop", reason)


@pytest.mark.parametrize("good", [
    claim("to thank PersonY", head="PersonX bakes PersonY a cake"),
    claim("PersonY eats it", relation="oEffect"),
    claim("PersonZ ate the flour", relation="HinderedBy"),
    claim("none", relation="oReact"),
    claim("kitchen", head="oven", relation="AtLocation"),
    claim("PersonX's house", head="oven", relation="AtLocation"),
    claim("PersonX is kind", relation="xAttr"),
    claim("PersonY", head="PersonX calls ___", relation="isFilledBy"),
])
def test_what_a_relation_may_join_is_kept(good: Claim) -> None:
    assert ONTOLOGICAL.fault(good) == ""


def test_repetition_counts_within_one_answer() -> None:
    critic = RepetitionCritic(RepetitionCritic.Options(), ONTOLOGY)
    asked = Prompt("PersonX cooks", "xWant", "t", "?")
    one, two = Generation(asked.id, "t", "to eat; To eat."), Generation(asked.id, "t", "to eat the")

    def said(generation: Generation, tail: str, start: int) -> Claim:
        triple = Triple(asked.head, asked.relation, tail)
        return Claim(Candidate(triple, generation.id, "list", start, start + 6), Answer(asked, generation))

    verdicts = critic.judge([said(one, "to eat", 0), said(one, "To eat.", 8), said(two, "to eat", 0)])
    assert [v.decision for v in verdicts] == ["keep", "drop", "keep"]


def test_likelihood_is_that_of_the_candidates_tokens() -> None:
    text, starts = " to eat; to fly", (0, 3, 7, 8, 11)
    generation = Generation("p", "t", text, -10.0, 5, starts, (log(0.5), log(0.5), log(0.9), log(0.1), log(0.001)))
    assert likelihood(generation, 1, 7) == pytest.approx((0.5 * 0.5) ** (1 / 4))
    assert likelihood(generation, 9, 15) == pytest.approx((0.1 * 0.001) ** (1 / 4))
    assert likelihood(generation, 12, 15) == pytest.approx(0.001 ** (1 / 3))
    assert likelihood(generation, 0, len(text)) == pytest.approx((0.5 * 0.5 * 0.9 * 0.1 * 0.001) ** (1 / 7))


def test_likelihood_falls_back_to_the_answer_and_then_abstains() -> None:
    critic = LikelihoodCritic(LikelihoodCritic.Options(minimum=0.3), ONTOLOGY)

    def about(generation: Generation) -> Claim:
        candidate = Candidate(Triple("h", "xWant", "to eat"), generation.id, "list", 0, 6)
        return Claim(candidate, Answer(Prompt("h", "xWant", "t", "?"), generation))

    given = [
        Generation("p", "t", "to eat", 4 * log(0.5), 4), Generation("q", "t", "to eat", 4 * log(0.1), 4),
        Generation("r", "t", "to eat"), Generation("s", "t", "to eat", float("nan"), 4),
    ]
    verdicts = list(critic.judge(map(about, given)))
    assert [v.decision for v in verdicts] == ["keep", "drop", "abstain", "abstain"]
    assert [v.score for v in verdicts] == [pytest.approx(0.5 ** (4 / 6)), pytest.approx(0.1 ** (4 / 6)), None, None]


@given(st.lists(st.floats(-60, 0), min_size=1, max_size=8), st.integers(0, 40), st.integers(0, 40))
def test_likelihood_is_between_the_worst_token_and_one(given: list[float], start: int, length: int) -> None:
    starts = tuple(3 * i for i in range(len(given)))
    found = likelihood(Generation("p", "t", "x" * 3 * len(given), sum(given), len(given), starts, tuple(given)),
                       start, start + length)
    assert found is not None
    assert exp(min(given)) * (1 - 1e-9) <= found <= 1


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason=f"the data sets are not at {DATA}")
def test_what_people_took_from_a_teachers_answers_is_kept() -> None:
    kept = total = 0
    for line in (DATA / "gpt3_atomic.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        relation = row["relation"].removeprefix("Not")
        tail = row["tail"].strip()
        if relation not in ONTOLOGY or not tail:
            continue
        asked = claim(tail, row["head"], relation, relation != row["relation"], rest="; and more")
        kept += not (FORM.fault(asked) or ONTOLOGICAL.fault(asked))
        total += 1
    assert total > 1500
    assert kept / total >= 0.98


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason=f"the data sets are not at {DATA}")
def test_what_people_wrote_in_atomic_is_kept() -> None:
    kept = total = 0
    for line in (DATA / "atomic2019" / "dev.tsv").read_text(encoding="utf-8").splitlines():
        head, relation, tail = line.split("\t")
        asked = claim(tail, head, relation, rest="; and more")
        kept += not (FORM.fault(asked) or ONTOLOGICAL.fault(asked))
        total += 1
    assert kept / total >= 0.98
