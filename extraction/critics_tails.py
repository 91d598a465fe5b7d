"""Critics that look at a tail beside its head and beside the other tails of the head.

They remember what they have read and never read ahead: of two tails that clash, it is the later one that they judge.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files

from rapidfuzz.fuzz import ratio

from extraction.critics import _Critic, _Rules
from extraction.slots import slots_of
from kg.normal import normal_form, verb_lemma
from kg.ontology import Ontology
from kg.recipe import Section
from kg.records import Claim, Verdict, digest

_EMPTY = frozenset("a an the to some any his her their its my your our very really so just be".split())
_STEM = 3  # letters that two forms of a word begin with
_LEAST = 4  # letters of a word that may differ in its ending
SIMILAR = 88.0  # Levenshtein ratio of two forms of one word, of 100: "cake" and "cakes" have 88.9


class _NoOptions(Section):
    """There are none."""


class NearDuplicateCritic(_Critic):
    """Drops a tail that says with other forms of the same words what an earlier tail of head and relation says.

    Articles and the like do not count, the order of words does. Tails with one normal form are one node: no duplicates.
    """

    name = "near_duplicates"
    reads_ontology = True
    Options = _NoOptions

    def judge(self, claims: Iterable[Claim]) -> Iterator[Verdict]:
        """One verdict a claim, in order, streaming."""
        seen: dict[bytes, list[str]] = {}  # normal forms
        for claim in claims:
            triple = claim.candidate.triple
            tail = _normal(claim, self._ontology)
            words = _content(tail)
            place = _key(triple.head, triple.relation, str(triple.negated), *(w[:_STEM] for w in words))
            earlier = seen.setdefault(place, [])
            near = bool(words) and tail not in earlier and any(_alike(words, _content(other)) for other in earlier)
            if tail not in earlier:
                earlier.append(tail)
            reason = "nearly the same as an earlier tail" if near else ""
            yield Verdict(claim.candidate.id, self.name, "drop" if reason else "keep", None, reason)


class ContradictionCritic(_Critic):
    """Abstains where an earlier answer denies what is said, or says what is denied, or names the opposite.

    It drops neither, because it cannot tell which one is wrong: of 68 triples of GPT-3 that said the opposite of an
    earlier answer, and that people judged, 21 were wrong (31%; of all judged ones 17%).
    """

    name = "contradictions"
    reads_ontology = True
    Options = _NoOptions

    def judge(self, claims: Iterable[Claim]) -> Iterator[Verdict]:
        """One verdict a claim, in order, streaming."""
        said: set[bytes] = set()
        for claim in claims:
            triple = claim.candidate.triple
            tail = _normal(claim, self._ontology)
            about = (normal_form(triple.head), triple.relation)
            others = opposites().get(tail, ())
            if _key(*about, str(not triple.negated), tail) in said:
                verdict = Verdict(claim.candidate.id, self.name, "abstain", None, "an earlier answer denies it")
            elif any(_key(*about, str(triple.negated), other) in said for other in others):
                verdict = Verdict(claim.candidate.id, self.name, "abstain", None, "opposite of an earlier tail")
            else:
                verdict = Verdict(claim.candidate.id, self.name, "keep")
            said.add(_key(*about, str(triple.negated), tail))
            yield verdict


class CoherenceCritic(_Rules):
    """Drops a tail that tells nothing but its head, or is about another person than the relation asks of."""

    name = "coherence"
    reads_ontology = True
    Options = _NoOptions

    def fault(self, claim: Claim) -> str:
        triple = claim.candidate.triple
        if triple.relation not in self._ontology or triple.negated:
            return ""
        relation = self._ontology[triple.relation]
        head, tail = _content(normal_form(triple.head)), _content(normal_form(triple.tail, relation.tail))
        told = [w for w in tail if not slots_of(w)]
        if relation.head == "Event" and len(told) > 1 and all(any(_one(w, h) for h in head) for w in told):
            return "tail only repeats words of the head"
        words = triple.tail.split()
        if relation.subject and relation.form != "clause" and len(words) > 1 and words[1] != "to":
            told_of = slots_of(words[0])
            if words[0] in ("PersonX", "PersonY", "PersonZ") and relation.subject not in told_of:
                return "tail is about another person than asked"
        return ""


@cache
def opposites() -> dict[str, frozenset[str]]:
    """The packaged pairs, each word with all its opposites."""
    found: dict[str, set[str]] = {}
    for line in (files("extraction") / "opposites.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            one, other = line.split()
            found.setdefault(one, set()).add(other)
            found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


def _normal(claim: Claim, ontology: Ontology) -> str:
    triple = claim.candidate.triple
    return normal_form(triple.tail, ontology[triple.relation].tail if triple.relation in ontology else "Event")


def _content(text: str) -> tuple[str, ...]:
    """The words of a normal form that count."""
    return tuple(w for w in text.lower().split() if w not in _EMPTY and w.removesuffix("'s") not in ("personx",))


def _alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two tails have the same words, perhaps in other forms, in one order."""
    return len(one) == len(other) and all(map(_one, one, other))


def _one(word: str, other: str) -> bool:
    """Whether two words may be forms of one."""
    if word == other:
        return True
    if min(len(word), len(other)) < _LEAST or word[:_STEM] != other[:_STEM] or slots_of(word):
        return False
    return verb_lemma(word) == verb_lemma(other) or ratio(word, other) >= SIMILAR


def _key(*parts: str) -> bytes:
    """16 bytes in place of the texts."""
    return bytes.fromhex(digest(*parts))
