"""How a text hedges what it says: modal verbs, adverbs and quantifiers, which the triples leave out.

"Cats may sleep" and "most cats sleep" both give that a cat sleeps. What `kg.records.Modality` tells of either is found
here, by the words of a list's member or by the parse of a clause.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from extraction.grammar import SUBJECTS, Clause, clause, mark_of
from extraction.words import word_set
from kg.records import MODALITIES, Modality

if TYPE_CHECKING:
    from spacy.tokens import Token

_Words = dict[str, Modality]


def _words(**words: str) -> _Words:
    return {word: name for name in MODALITIES for word in word_set(words.get(name, ""))}


_MODALS = _words(possible="may might could", likely="likely", advisable="should ought", necessary="must", able="can")
_RAISING = _words(likely="seem appear", usually="tend")  # "tends to V"
_STATES = _words(possible="possible", likely="likely probable")  # "it is likely that P"
# Frequencies are graded as the adverbs of ConceptNet 4 are; words that it lacks stand with those of the same meaning.
_ADVERBS = _words(
    possible="possibly perhaps maybe", likely="probably likely presumably",
    rarely="rarely seldom infrequently hardly scarcely", sometimes="sometimes occasionally",
    often="often oftentimes frequently generally typically commonly", usually="usually mostly normally",
    always="always invariably",
)
_QUANTIFIERS = _words(
    rarely="few", sometimes="some several various", often="many numerous", usually="most", always="all every each",
)
_PARTS = _words(often="lot lots plenty", usually="majority")  # "a lot of N"
_EVERYONE = _words(always="everyone everybody everything")
_SAID: _Words = {**_MODALS, **_ADVERBS, **_words(able="able cannot can't")}
_ALMOST = frozenset({"almost", "nearly"})


def modality_of_words(text: str) -> Modality | None:
    """What modal verbs and adverbs in the words before a predicate say: "she may often"."""
    return _first(_SAID.get(word) for word in text.lower().split())


def modality_of(*clauses: Clause) -> Modality | None:
    """What modal verbs, adverbs and the quantifier of the subject say in clauses that are one statement."""
    return _first(cue for given in clauses for cue in _cues(given))


def _first(cues: Iterable[Modality | None]) -> Modality | None:
    said = set(cues)
    return next((name for name in MODALITIES if name in said), None)


def _cues(given: Clause) -> Iterator[Modality | None]:
    yield from (_MODALS.get(word) for word in given.modals)
    for verb in {given.finite, given.verb}:
        if verb != given.verb:
            yield _RAISING.get(verb.lemma_)
        if _is_obligation(verb, given):
            yield "necessary"
        for state in (t for t in verb.children if t.dep_ == "acomp"):
            yield _STATES.get(state.lower_)
            yield from (_graded(t, _ADVERBS) for t in state.children if t.dep_ == "advmod" and t.i < state.i)
    yield from (_graded(t, _ADVERBS) for t in _adverbs(given))
    if given.subject is not None:
        yield from _of_subject(given.subject)
    if given.outer is not None:
        yield from _cues(clause(given.outer))


def _adverbs(given: Clause) -> Iterator["Token"]:
    """The adverbs of a clause, and those that it shares.

    They stand before the first of joined verbs ("they often eat and sleep"), or say that a class fits of whose members
    the clause then tells ("a thief is usually someone who steals").
    """
    for verb in {given.finite, given.verb}:
        yield from (t for t in verb.children if t.dep_ == "advmod")
    verb = given.finite
    while verb.dep_ == "conj" and not any(t.dep_ in SUBJECTS for t in verb.children):
        verb = verb.head
        yield from (t for t in verb.children if t.dep_ == "advmod" and t.i < verb.i)
    if verb.dep_ in ("relcl", "acl") and verb.head.dep_ == "attr":
        yield from (t for t in verb.head.head.children if t.dep_ == "advmod")


def _of_subject(subject: "Token") -> Iterator[Modality | None]:
    """ "most cats", "most of the cats", "a lot of cats", "everyone"."""
    yield _EVERYONE.get(subject.lower_)
    if any(t.lower_ == "of" for t in subject.children):
        yield _PARTS.get(subject.lower_)
    for word in (subject, *(t for t in subject.children if t.dep_ in ("det", "predet", "amod", "nummod"))):
        few = word.lower_ == "few" and word.i > 0 and word.nbor(-1).lower_ == "a"
        yield "sometimes" if few else _graded(word, _QUANTIFIERS)


def _graded(word: "Token", words: _Words) -> Modality | None:
    """ "usually" of "almost always" and "almost all"."""
    said = words.get(word.lower_)
    return "usually" if said == "always" and any(t.lower_ in _ALMOST for t in word.children) else said


def _is_obligation(verb: "Token", given: Clause) -> bool:
    """ "needs to V", "has to V", "is required to V"."""
    owed = verb.lemma_ in ("need", "have") or (verb.lemma_ in ("require", "oblige") and given.passive)
    return owed and any(t.dep_ == "xcomp" and mark_of(t) == "to" for t in verb.children)
