"""What every critic must keep to. A new critic needs a case here."""

from atexit import register
from collections.abc import Callable
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.assemble import CRITICS, load
from extraction.critics_rules import RuleCritic
from extraction.plausibility import PlausibilityCritic
from extraction.plausibility_training import TrainingOptions, train_critic
from kg.ontology import load_ontology
from kg.protocols import Critic
from kg.records import Answer, Candidate, Claim, Generation, Prompt, Triple
from kg.rules import Atom, Rule, save_rules
from tests.tiny_models import write_encoder


@cache
def trained() -> Path:
    """The folder of a tiny critic, trained on a handful of labels."""
    folder = Path(mkdtemp())
    register(rmtree, folder, ignore_errors=True)
    labels = folder / "labels.tsv"
    labels.write_text("".join(f"PersonX eats {n}\txWant\tto eat\t{n % 2}\n" for n in range(12)))
    options = TrainingOptions(encoder=str(write_encoder(folder / "encoder")), folds=2, epochs=1)
    train_critic(labels, folder / "critic", options)
    return folder / "critic"


def plausibility() -> Critic:
    return PlausibilityCritic(PlausibilityCritic.Options(folder=str(trained()), minimum=0), load_ontology())


@cache
def mined() -> Path:
    """A file of rules."""
    folder = Path(mkdtemp())
    register(rmtree, folder, ignore_errors=True)
    chain = Rule(Atom("oReact", True), (Atom("xWant"), Atom("AtLocation", inverse=True)), 9, 9, 9, 9)
    save_rules([Rule(Atom("xWant", True), (Atom("AtLocation"),), 9, 9, 9, 9), chain], folder / "rules.json")
    return folder / "rules.json"


def rules() -> Critic:
    return RuleCritic(RuleCritic.Options(file=str(mined())), load_ontology())


CASES: dict[str, Callable[[], Critic]] = {
    name: lambda name=name: load(CRITICS[name])(load(CRITICS[name]).Options(), load_ontology())  # type: ignore[misc]
    for name in ("form", "ontology", "repetition", "near_duplicates", "contradictions", "coherence", "likelihood")
} | {"plausibility": plausibility, "rules": rules}
anything = st.text(alphabet=st.characters(blacklist_categories=[]), max_size=60)
tails = st.one_of(anything, st.sampled_from(["", "none", "PersonX", "to eat", "eat", "(", "the", "eat the", "___"]))
relations = st.sampled_from(["xWant", "AtLocation", "oReact", "nosuch", ""])
numbers = st.one_of(st.none(), st.floats(), st.floats(-50, 0))


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    triple = Triple(draw(tails), draw(relations), draw(tails), draw(st.booleans()))
    names = draw(st.sampled_from([(), (("PersonX", "Al"),)]))
    prompt = Prompt(triple.head, triple.relation, "t", draw(anything), names)
    starts = tuple(sorted(draw(st.lists(st.integers(0, 60), max_size=5))))
    generation = Generation(
        prompt.id, "t", draw(anything), draw(numbers), draw(st.integers(0, 5)), starts,
        tuple(draw(st.lists(st.floats(-50, 0), min_size=len(starts), max_size=len(starts)))),
    )
    start = draw(st.integers(0, 60))
    candidate = Candidate(triple, generation.id, "list", start, start + draw(st.integers(0, 60)))
    return Claim(candidate, Answer(prompt, generation))


def test_every_critic_has_a_case() -> None:
    assert set(CASES) == set(CRITICS)


@pytest.fixture(scope="module", params=list(CASES))
def critic(request: pytest.FixtureRequest) -> Critic:
    return CASES[request.param]()


def test_it_has_the_name_of_the_table_and_a_version(critic: Critic) -> None:
    assert critic.name in CRITICS
    assert critic.version
    assert CASES[critic.name]().version == critic.version


@settings(max_examples=150, deadline=None)
@given(given_claims=st.lists(claims(), max_size=6))
def test_one_verdict_a_claim_in_order_whatever_the_text(critic: Critic, given_claims: list[Claim]) -> None:
    verdicts = list(critic.judge(iter(given_claims)))
    assert [v.candidate_id for v in verdicts] == [c.candidate.id for c in given_claims]
    for v in verdicts:
        assert v.critic == critic.name
        assert v.decision in ("keep", "drop", "abstain")
        assert v.score is None or 0 <= v.score <= 1
        assert bool(v.reason) == (v.decision != "keep")
        assert len(v.reason) < 60
    assert verdicts == list(critic.judge(given_claims))


def test_it_streams(critic: Critic) -> None:
    read = 0

    def endless():  # type: ignore[no-untyped-def]
        nonlocal read
        while True:
            read += 1
            generation = Generation(f"p{read}", "t", "to eat")
            candidate = Candidate(Triple("PersonX cooks", "xWant", "to eat"), generation.id, "list", 0, 6)
            yield Claim(candidate, Answer(Prompt("PersonX cooks", "xWant", "t", "?"), generation))

    verdicts = critic.judge(endless())
    assert [next(verdicts).decision for _ in range(3)] in (["keep"] * 3, ["abstain"] * 3)
    assert read <= 3 + getattr(critic, "batch", 1)


def test_no_claims_give_no_verdicts(critic: Critic) -> None:
    assert list(critic.judge([])) == []
