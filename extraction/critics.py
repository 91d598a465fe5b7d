"""Critics that need no training: form, ontology, repetition, and the teacher's own doubt.

Each judges candidates one at a time, in order. A reason is one of a few fixed phrases, so that a run can count them.
Critics err on the side of keeping: what is doubtful is left to a trained critic and to people.
"""

import re
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from math import exp, isfinite
from typing import ClassVar

from pydantic import Field

from extraction.slots import slots_of
from kg.normal import normal_form
from kg.ontology import NOTHING, Ontology, Relation
from kg.recipe import Section
from kg.records import Claim, Generation, Verdict, digest


class _Critic:
    """What the critics share: a name, and a version that changes with options, revision and, where read, ontology."""

    name: ClassVar[str]
    revision: ClassVar[str] = "1"  # raised with every change of what the critic does
    reads_ontology: ClassVar[bool] = False

    def __init__(self, options: Section, ontology: Ontology) -> None:
        rows = map(repr, ontology) if self.reads_ontology else ()
        self.version = digest(self.name, self.revision, options.model_dump_json(), *rows)
        self._ontology = ontology


class _Rules(_Critic, ABC):
    """A critic that looks at each claim by itself and drops it or keeps it."""

    def judge(self, claims: Iterable[Claim]) -> Iterator[Verdict]:
        """One verdict a claim, in order, streaming."""
        for claim in claims:
            reason = self.fault(claim)
            yield Verdict(claim.candidate.id, self.name, "drop" if reason else "keep", None, reason)

    @abstractmethod
    def fault(self, claim: Claim) -> str:
        """Why the candidate is dropped, or an empty string."""


# ---------------------------------------------------------------------------------------------------------- form

# What no phrase ends with, and what one may end with ("someone to talk to") unless the answer stops right there.
_NEVER_LAST = frozenset((
    "a", "an", "the", "and", "or", "but", "nor", "because", "my", "your", "his", "its", "our", "their",
    "every", "very", "if", "whether", "although", "unless",
))
_SELDOM_LAST = frozenset((
    "to", "of", "with", "from", "for", "at", "as", "be", "is", "are", "was", "were", "which", "who",
    "whose", "when", "than", "while",
))
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd-\uffff]")
_CONTROL_IN_HEAD = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffd-\uffff]")
_MARKUP = re.compile(
    r"(?i:https?://|www\.\w|</?[a-z][^>]*>|&[a-z]+;)|```|[{}]|\[/?[A-Z]+\]|\w\(\)|\\[a-z]|==|:=|^#|\*\*|\|"
)
_PLACEHOLDER = re.compile(r"_{2,}|\[[\s.]*\]|(?<!\w)(?:XXX+|TBD|N/A)(?!\w)")
_HALF_SLOT = re.compile(r"\bPerson(?! ?[XYZ]\b)(?=[A-Z]?\b)")
_LABEL = re.compile(r"(?i:questions?|answers?|events?|thing|q|a)\s*:")
_NAME = re.compile(r"\b[A-Z][a-z]+\b")
_PAIRS = (("(", ")"), ("[", "]"), ("“", "”"))


class FormCritic(_Rules):
    """Drops what is malformed, whatever the relation."""

    name = "form"

    class Options(Section):
        """`max_words` is the length of the longest tail that is kept."""

        max_words: int = Field(30, ge=1)

    def __init__(self, options: Options, ontology: Ontology) -> None:
        super().__init__(options, ontology)
        self._max_words = options.max_words

    def fault(self, claim: Claim) -> str:
        triple = claim.candidate.triple
        head, tail = triple.head, triple.tail.strip()
        if not tail:
            return "tail is empty"
        if _CONTROL.search(tail) or _CONTROL_IN_HEAD.search(head):
            return "control or broken characters"
        if not any(map(str.isalnum, tail)):
            return "tail has no letters"
        if len(tail.split()) > self._max_words:
            return "tail is too long"
        return _odd_text(tail) or _odd_answer(head, tail, claim)


def _odd_text(tail: str) -> str:
    """What is wrong with the tail by itself."""
    if any(tail.count(a) != tail.count(b) for a, b in _PAIRS) or tail.count('"') % 2:
        return "unbalanced brackets or quotes"
    if _MARKUP.search(tail):
        return "link, code or markup"
    if _PLACEHOLDER.search(tail):
        return "placeholder"
    if _HALF_SLOT.search(tail):
        return "unfinished person slot"
    return ""


def _odd_answer(head: str, tail: str, claim: Claim) -> str:
    """What is wrong with the tail as an answer to its prompt."""
    prompt, generation = claim.answer.prompt, claim.answer.generation
    at_end = not generation.text[claim.candidate.end :].strip()
    if ends_unfinished(tail, at_end):
        return "cut off"
    if tail.endswith("?") or _LABEL.match(tail):
        return "question instead of an answer"
    if not claim.candidate.triple.negated and _bare(head) == _bare(tail):
        return "repeats the head"
    if _is_latin(head) and not _is_latin(tail):
        return "another script than the head's"
    if prompt.names and any(n in prompt.text and n not in head for n in _NAME.findall(tail)):
        return "name or label from the prompt's examples"
    return ""


def ends_unfinished(text: str, at_end: bool = True) -> bool:
    """Whether the text stops in the middle of a phrase; `at_end` tells that nothing follows it in the answer."""
    text = text.rstrip()
    if text.endswith((",", "...", "…", "-", "'", "&", "(")) and not text.endswith("s'"):
        return True
    last = text[text.rfind(" ") + 1 :].lower()
    return last in _NEVER_LAST or (at_end and last in _SELDOM_LAST)


def _bare(text: str) -> str:
    """Normal form of an event without its subject."""
    return normal_form(text).removeprefix("personx ")


def _is_latin(text: str) -> bool:
    """Whether most letters are below U+0250, that is, of the Latin alphabet."""
    letters = [c for c in text if c.isalpha()]
    return sum(c < "\u0250" for c in letters) * 2 >= len(letters)


# ------------------------------------------------------------------------------------------------------ ontology


class OntologyCritic(_Rules):
    """Drops what the relation cannot join. Forms of words are not looked at."""

    name = "ontology"
    reads_ontology = True

    class Options(Section):
        """There are none."""

    def fault(self, claim: Claim) -> str:
        triple = claim.candidate.triple
        if triple.relation not in self._ontology:
            return "relation is not in the ontology"
        relation = self._ontology[triple.relation]
        if not triple.head.strip():
            return "head is empty"
        if triple.negated and triple.tail.strip().lower() == NOTHING:
            return "denies that nothing applies"
        if relation.head == "Thing" and _is_event(triple.head):
            return "head is an event, not a thing"
        if relation.tail == "Thing" and _is_event(triple.tail):
            return "tail is an event, not a thing"
        if relation.tail != "Thing" and _is_person(triple.tail):
            return "tail is a person, not an event or state"
        if _strangers(triple.head, triple.tail, relation):
            return "tail is about a person that the head lacks"
        return ""


def _is_event(text: str) -> bool:
    """Whether the text is a person slot that does something ("PersonX bakes a cake")."""
    words = text.split()
    return len(words) > 2 and bool(slots_of(words[0])) and not re.search(r"['’]s?\Z", words[0])


def _is_person(text: str) -> bool:
    return len(text.split()) == 1 and bool(slots_of(text))


def _strangers(head: str, tail: str, relation: Relation) -> set[str]:
    """Slots of the tail that head and relation do not bring in. A clause, or a thing, may bring in others."""
    known = slots_of(head) | {"PersonX", relation.subject}
    return set() if relation.form == "clause" or relation.tail == "Thing" else slots_of(tail) - known


# ---------------------------------------------------------------------------------------------------- repetition


class RepetitionCritic(_Critic):
    """Drops what the same answer has said before, by normal form. Repetition in other answers is support."""

    name = "repetition"
    reads_ontology = True

    class Options(Section):
        """There are none."""

    def judge(self, claims: Iterable[Claim]) -> Iterator[Verdict]:
        """One verdict a claim, in order, streaming; claims of one answer follow each other."""
        generation_id, said = "", set[tuple[str, ...]]()
        for claim in claims:
            if claim.candidate.generation_id != generation_id:
                generation_id, said = claim.candidate.generation_id, set()
            key = self._key(claim)
            reason = "said before in the same answer" if key in said else ""
            said.add(key)
            yield Verdict(claim.candidate.id, self.name, "drop" if reason else "keep", None, reason)

    def _key(self, claim: Claim) -> tuple[str, ...]:
        triple = claim.candidate.triple
        kind = self._ontology[triple.relation].tail if triple.relation in self._ontology else "Event"
        return (triple.head, triple.relation, normal_form(triple.tail, kind), "not" if triple.negated else "")


# ---------------------------------------------------------------------------------------------------- likelihood

CERTAIN = 2  # tokens of probability 1 that are counted with those of a tail


class LikelihoodCritic(_Critic):
    """Drops what the teacher itself finds unlikely; abstains where the teacher does not tell.

    The score is `likelihood`, in [0, 1]. With Gemma 3 270M and the packaged templates the default drops one
    candidate in fourteen; of 80 that it dropped a reader found about 60 wrong.
    """

    name = "likelihood"
    revision = "2"

    class Options(Section):
        """`minimum` is the lowest score that is kept."""

        minimum: float = Field(0.2, ge=0, le=1)

    def __init__(self, options: Options, ontology: Ontology) -> None:
        super().__init__(options, ontology)
        self._minimum = options.minimum

    def judge(self, claims: Iterable[Claim]) -> Iterator[Verdict]:
        """One verdict a claim, in order, streaming."""
        for claim in claims:
            candidate = claim.candidate
            score = likelihood(claim.answer.generation, candidate.start, candidate.end)
            if score is None:
                yield Verdict(candidate.id, self.name, "abstain", None, "the teacher tells no probability")
            elif score < self._minimum:
                yield Verdict(candidate.id, self.name, "drop", score, "unlikely to the teacher itself")
            else:
                yield Verdict(candidate.id, self.name, "keep", score)


def likelihood(generation: Generation, start: int, end: int) -> float | None:
    """Geometric mean probability of the tokens that overlap characters `start` to `end` and of CERTAIN more that are
    certain, in [0, 1]; that of the whole answer where the teacher gives no token by itself.

    Without the certain ones every one-word tail would score lowest: a first word is a choice among many good ones,
    and the words after it follow from it. None when the teacher tells neither, or tells no number.
    """
    starts, given = generation.token_starts, generation.token_log_probabilities
    first = max(bisect_right(starts, start) - 1, 0)
    found = given[first : max(bisect_left(starts, end), first + 1)] if len(starts) == len(given) else ()
    if found:
        total, tokens = sum(found), len(found)
    elif generation.log_probability is not None and generation.tokens > 0:
        total, tokens = generation.log_probability, generation.tokens
    else:
        return None
    return exp(min(total, 0.0) / (tokens + CERTAIN)) if isfinite(total) else None
