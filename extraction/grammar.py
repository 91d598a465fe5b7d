"""Reading a dependency parse: clauses with their subjects, and what is joined, introduced or set apart in them.

Labels are spaCy's for English (ClearNLP style).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from extraction.words import FIRST_NAMES, MEASURES, QUANTIFIERS

if TYPE_CHECKING:
    from spacy.tokens import Span, Token

SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj", "csubjpass"})
CONDITIONS = frozenset({"if", "when", "whenever", "once"})
_FACTS = frozenset({"because", "since", "although", "though", "while", "whereas", "so", "as"})
_INTRODUCES = frozenset({"mean", "assume", "imply", "show", "indicate", "signify", "suggest", "explain"})
_MODALS = {"ca": "can", "wo": "will", "'ll": "will", "'d": "would"}


@dataclass(frozen=True)
class Clause:
    """A predicate with what belongs to it. `verb` is the full verb, or the copula."""

    verb: "Token"
    subject: "Token | None"
    auxiliaries: tuple["Token", ...]
    negated: bool
    outer: "Token | None" = None  # the verb that introduces it: "means" of "it means that ..."

    @cached_property
    def modals(self) -> set[str]:
        """Lower-case modal verbs: can, may, will, ..."""
        return {_MODALS.get(t.lower_, t.lower_) for t in self.auxiliaries if t.tag_ == "MD"}

    @cached_property
    def passive(self) -> bool:
        return any(t.dep_ == "auxpass" for t in self.verb.children)

    @cached_property
    def past(self) -> bool:
        """Whether the clause tells of the past, and so of one occasion."""
        finite = [*self.auxiliaries, self.verb]
        if self.modals:  # "may have noticed"
            return any(t.lemma_ == "have" and t.tag_ == "VB" for t in self.auxiliaries)
        return any(t.tag_ == "VBD" and not self._looks_present(t) for t in finite)

    def _looks_present(self, verb: "Token") -> bool:
        """Whether a verb whose past looks like its present has a plural subject: "people put cups on tables"."""
        return verb.lower_ in (verb.lemma_, "lay") and self.subject is not None and self.subject.tag_ == "NNS"

    @cached_property
    def meant(self) -> "Token":
        """See `raised`."""
        return _find_meant(self)

    @cached_property
    def given(self) -> "Token | None":
        """See `condition`."""
        return _find_condition(self)

    def child(self, *labels: str) -> "Token | None":
        """The first dependent of the verb with one of the labels."""
        return next((t for t in self.verb.children if t.dep_ in labels), None)


def clauses_of(span: "Span") -> list[Clause]:
    """The clauses that a sentence asserts: the root, what is joined to or set beside it, what it introduces, asides."""
    main = [clause(t) for t in _predicates(span.root)]
    beside = [inner for c in main for inner in (*_introduced(c), *_given(c))]
    return [*main, *beside, *_asides(span)]


def clause(verb: "Token") -> Clause:
    """The clause of a verb; a verb that is joined to another one has its subject and auxiliaries where it has none."""
    subject = next((t for t in verb.children if t.dep_ in SUBJECTS), None)
    auxiliaries = tuple(t for t in verb.children if t.dep_ in ("aux", "auxpass"))
    if subject is None and verb.dep_ == "conj" and verb.head.pos_ in ("VERB", "AUX"):
        first = clause(verb.head)
        return Clause(
            verb,
            first.subject,
            auxiliaries or first.auxiliaries,
            _is_denied(verb) or (first.negated and not auxiliaries),
        )
    if subject is None and verb.dep_ == "xcomp" and verb.head.pos_ in ("VERB", "AUX", "ADJ"):
        subject = clause(verb.head).subject
    return Clause(verb, subject, auxiliaries, _is_denied(verb))


def base_form(verb: "Token") -> str:
    """The base form of a verb; the lemmatizer takes "shines" for a form of "shin"."""
    lemma = verb.lemma_.lower()
    if verb.lower_ == "lay":  # of birds, more often than the past of "lie"
        return "lay"
    if verb.tag_ == "VBZ" and verb.lower_ == f"{lemma}es" and not lemma.endswith(("s", "x", "z", "ch", "sh", "o")):
        return f"{lemma}e"
    return lemma


def raised(main: Clause) -> "Token":
    """The verb that is meant: "go" of "is likely to go", "tends to go", "is known to go", "needs to be kept"."""
    return main.meant


def _find_meant(main: Clause) -> "Token":
    state = main.child("acomp")
    if main.verb.lemma_ == "be" and state is not None and state.lower_ in ("likely", "prone", "bound", "sure"):
        return next((t for t in state.children if t.dep_ == "xcomp"), main.verb)
    aim = next((t for t in main.verb.children if t.dep_ == "xcomp" and mark_of(t) == "to"), None)
    if aim is None:
        return main.verb
    passive = any(t.dep_ == "auxpass" for t in aim.children)
    if main.verb.lemma_ in ("tend", "seem", "go", "happen") or (
        main.passive and main.verb.lemma_ in ("know", "believe")
    ):
        return aim
    return aim if passive and main.verb.lemma_ in ("need", "have") else main.verb


def coordinated(token: "Token") -> list["Token"]:
    """`token` and what is joined to it by commas, "and" and "or", in order."""
    found = [token]
    for t in found:
        found += [c for c in t.children if c.dep_ == "conj" and c not in found]
    found = [token, *(t for t in found[1:] if t.lower_ not in ("etc", "etc."))]
    return sorted(found, key=lambda t: t.i)


def condition(clause: Clause) -> "Token | None":
    """The verb of the if- or when-clause that belongs to the clause."""
    return clause.given


def _find_condition(clause: Clause) -> "Token | None":
    carriers = [clause.verb, *(t for t in clause.verb.children if t.dep_ in ("xcomp", "acomp")), raised(clause)]
    if clause.outer is not None:
        carriers.append(clause.outer)
    for t in (t for carrier in carriers for t in carrier.children):
        if t.dep_ == "advcl" and mark_of(t) in CONDITIONS:
            return t
    return _shared_condition(clause.verb)


def _shared_condition(verb: "Token") -> "Token | None":
    """The condition before the first of joined verbs: "if it rains, people go home and rest"."""
    if verb.dep_ != "conj" or any(t.dep_ in SUBJECTS for t in verb.children):
        return None
    first = verb.head
    return next(
        (t for t in first.children if t.dep_ == "advcl" and t.i < first.i and mark_of(t) in CONDITIONS),
        None,
    )


def members(token: "Token") -> list["Token"]:
    """What is joined at `token`, with the examples that are given: "materials such as wood and stone"."""
    found = [core(t) for t in coordinated(token)]
    for t in list(found):
        for word in (c for c in t.children if is_aside(c) and c.dep_ == "prep"):
            found += [m for p in word.children if p.dep_ == "pobj" for m in coordinated(p)]
    return found


def core(token: "Token") -> "Token":
    """ "books" of "a number of books"."""
    if token.lemma_ in MEASURES or (token.lower_ in QUANTIFIERS and token.pos_ in ("ADJ", "DET", "PRON")):
        for p in (
            p for t in token.children if t.dep_ == "prep" and t.lower_ == "of" for p in t.children if p.dep_ == "pobj"
        ):
            return p
    return token


def objects_of(token: "Token", prepositions: set[str]) -> list["Token"]:
    return [
        p
        for t in token.children
        if t.dep_ == "prep" and t.lower_ in prepositions and not is_aside(t)
        for p in t.children
        if p.dep_ == "pobj"
    ]


def is_name(token: "Token") -> bool:
    """Whether a token is a person's name; abstract nouns at the beginning of a sentence are often taken for names."""
    if token.tag_ == "NNP" and token.lower_ in FIRST_NAMES:
        return True
    return (
        token.ent_type_ == "PERSON"
        and token.pos_ == "PROPN"
        and not token.lower_.endswith(("ism", "tion", "ity", "ness", "ment", "ing"))
    )


def mark_of(verb: "Token") -> str:
    """The word that begins a subordinate clause: if, when, because, after, to, ..."""
    for t in verb.children:
        if t.dep_ in ("mark", "advmod") and t.i < verb.i and (t.dep_ == "mark" or t.lower_ in CONDITIONS):
            return t.lower_
    return "to" if any(t.dep_ == "aux" and t.lower_ == "to" for t in verb.children) else ""


def is_where(verb: "Token") -> bool:
    """Whether a relative clause tells what happens at a place, or an infinitive what the place is for."""
    return mark_of(verb) == "to" or any(t.lower_ in ("where", "which") for t in verb.subtree if t.i < verb.i)


def is_aside(t: "Token") -> bool:
    """Whether a part of a noun phrase is set apart from it: ", which ...", ", such as ...", ", including ..."."""
    if t.dep_ == "relcl":
        first = t.left_edge
        return first.lower_ in ("which", "who", "whose", "where") and first.i > 0 and first.nbor(-1).text == ","
    return t.dep_ == "prep" and (t.lower_ == "including" or (t.lower_ == "as" and t.left_edge.lower_ == "such"))


def _predicates(root: "Token") -> Iterator["Token"]:
    if root.pos_ in ("VERB", "AUX") or any(t.dep_ == "nsubjpass" for t in root.children):
        yield root
    for t in root.children:
        beside = t.dep_ in ("conj", "parataxis") or (t.dep_ == "ccomp" and t.i < root.i and mark_of(t) == "")
        if beside and t.pos_ in ("VERB", "AUX"):
            yield from _predicates(t)


def _introduced(main: Clause) -> Iterator[Clause]:
    """What a clause only introduces: "it means that P", "the question assumes that P", "it is likely that P"."""
    carriers = [main.verb] if main.verb.lemma_ in _INTRODUCES else []
    if main.verb.lemma_ == "be":
        carriers += [
            main.verb,
            *(
                t
                for t in main.verb.children
                if t.dep_ == "acomp" and t.lower_ in ("likely", "possible", "probable", "true")
            ),
        ]
    for t in (t for carrier in carriers for t in carrier.children):
        if t.dep_ == "ccomp" and t.i > main.verb.i and t.pos_ in ("VERB", "AUX"):
            yield from (replace(clause(v), outer=main.verb) for v in coordinated(t) if v.pos_ in ("VERB", "AUX"))


def _given(main: Clause) -> Iterator[Clause]:
    """What a clause takes for a fact: "because P", "since P", "although P", "while P", "so P"."""
    for t in main.verb.children:
        if t.dep_ == "advcl" and t.pos_ in ("VERB", "AUX") and mark_of(t) in _FACTS:
            inner = clause(t)
            purpose = mark_of(t) == "so" and (
                "can" in inner.modals or any(d.dep_ == "mark" and d.lower_ == "that" for d in t.children)
            )
            if inner.subject is not None and not purpose:
                yield inner


def _asides(span: "Span") -> Iterator[Clause]:
    """ "X, which is Y": the clause with X as its subject."""
    for verb in span:
        if is_aside(verb) and verb.dep_ == "relcl" and verb.pos_ in ("VERB", "AUX"):
            inner = clause(verb)
            if (
                inner.subject is not None
                and inner.subject.lower_ in ("which", "who")
                and verb.head.tag_ in ("NN", "NNS", "NNP", "NNPS")
            ):
                aside = replace(inner, subject=verb.head)
                yield from [aside, *_introduced(aside)]


def _is_denied(verb: "Token") -> bool:
    return any(
        t.dep_ in ("neg", "advmod") and t.lower_ in ("not", "n't", "never", "no", "n’t", "rarely", "seldom")
        for t in verb.children
    )
