"""Reading a dependency parse: clauses with their subjects, and what is joined, introduced or set apart in them.

Labels are spaCy's for English (ClearNLP style).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from extraction.words import FIRST_NAMES, MEASURES, QUANTIFIERS, word_set

if TYPE_CHECKING:
    from spacy.tokens import Span, Token

SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj", "csubjpass"})
CONDITIONS = frozenset({"if", "when", "whenever", "once"})
_PARTITIVES = frozenset({"part", "kind", "type", "form", "sort", "piece", "component", "group", "example", "one"})
_FACTS = frozenset({"because", "since", "although", "though", "while", "whereas", "so", "as"})
_INTRODUCES = frozenset({"mean", "assume", "imply", "show", "indicate", "signify", "suggest", "explain"})
_ASKS = word_set("ask know wonder see tell say decide determine check doubt matter remember mean be understand explain")
_STATES = {
    **dict.fromkeys(("likely", "prone", "bound", "sure", "apt", "liable", "certain"), "likely"),
    **dict.fromkeys(("able", "unable", "capable", "incapable"), "can"),
}
_RAISING = frozenset({"tend", "seem", "appear", "happen", "continue"})
_BELIEVED = frozenset({"know", "believe", "consider", "think", "expect", "find", "see", "say", "estimate", "suggest"})
_ANYTHING = frozenset({"someone", "person", "one", "something", "thing"})
_WRONG = frozenset({"misconception", "myth", "assumption", "question"})
_NOUNS = frozenset({"NN", "NNS", "NNP", "NNPS"})
_ONLY_PLURAL = word_set("clothes pants jeans scissors goggles stairs series species premises")
_SAYING = frozenset(
    {"it", "this", "that", "which", "question", "answer", "statement", "fact", "study", "research"}
)
_MODALS = {"ca": "can", "wo": "will", "'ll": "will", "'d": "would"}


@dataclass(frozen=True)
class Clause:
    """A predicate with what belongs to it.

    `verb` is the verb that is meant, or the copula; `finite` the one that it hangs on: "tend" of "cats tend to sleep",
    "be" of "dogs are able to swim". The two are one where nothing is raised.
    """

    verb: "Token"
    finite: "Token"
    subject: "Token | None"
    auxiliaries: tuple["Token", ...]
    negated: bool
    raised_modals: frozenset[str] = frozenset()  # what raising said: "likely", "can", "must"
    outer: "Token | None" = None  # the verb that introduces it: "means" of "it means that ..."
    inherited: bool = False  # said of a class and so of the subject: "bites" of "a dog is an animal that bites"

    @cached_property
    def modals(self) -> frozenset[str]:
        """Lower-case modal verbs, and what stands for one: can (able to), likely, must (needs to be V-ed)."""
        return self.raised_modals | {_MODALS.get(t.lower_, t.lower_) for t in self.auxiliaries if t.tag_ == "MD"}

    @cached_property
    def passive(self) -> bool:
        if self.verb.dep_ == "acl":  # "plants found in deserts"
            return self.verb.tag_ in ("VBN", "VBD")
        if any(t.dep_ == "auxpass" for t in self.verb.children):
            return True
        joined = self.verb.tag_ == "VBN" and self.verb.dep_ == "conj"  # "may be freestanding or designed to fit"
        return joined and self.auxiliaries[-1:] != () and self.auxiliaries[-1].lemma_ == "be"

    @cached_property
    def past(self) -> bool:
        """Whether the clause tells of the past, and so of one occasion."""
        if any(t.tag_ == "MD" for t in self.auxiliaries):  # "may have noticed"
            return any(t.lemma_ == "have" and t.tag_ == "VB" for t in self.auxiliaries)
        finite = [*self.auxiliaries] if self.finite.dep_ == "acl" else [*self.auxiliaries, self.finite]
        return any(t.tag_ == "VBD" and not self._looks_present(t) for t in finite)

    def _looks_present(self, verb: "Token") -> bool:
        """Whether a verb whose past looks like its present has a plural subject: "people put cups on tables"."""
        return verb.lower_ in (verb.lemma_, "lay") and self.subject is not None and self.subject.tag_ == "NNS"

    @cached_property
    def condition(self) -> "Token | None":
        """The verb of the if- or when-clause that belongs to the clause."""
        return next(self.adverbials(*CONDITIONS), None) or self._accompanied or _shared_condition(self)

    @cached_property
    def _accompanied(self) -> "Token | None":
        """The verb of "as P, Q": "as the plane descends, the air gets denser"."""
        if self.subject is None:
            return None
        return next((t for t in self.adverbials("as") if t.i < self.subject.i and t.tag_ in ("VBZ", "VBP")), None)

    def adverbials(self, *marks: str) -> Iterator["Token"]:
        """The verbs of the adverbial clauses that begin with one of the words."""
        return (t for mark, t in self._adverbials if mark in marks)

    @cached_property
    def _adverbials(self) -> list[tuple[str, "Token"]]:
        """The adverbial clauses that concede nothing: the word that each begins with, and its verb."""
        near = (t for carrier in self._carriers() for t in carrier.children)
        return [(mark_of(t), t) for t in near if (t.dep_ == "advcl" or is_misread(t)) and not _is_concession(t)]

    @cached_property
    def _by_label(self) -> dict[str, list["Token"]]:
        """The dependents of the verb by their labels, in order."""
        found: dict[str, list[Token]] = {}
        for t in self.verb.children:
            found.setdefault(t.dep_, []).append(t)
        return found

    def child(self, *labels: str) -> "Token | None":
        """The first dependent of the verb with one of the labels."""
        found = self.children(*labels)
        return found[0] if found else None

    def children(self, *labels: str) -> list["Token"]:
        """The dependents of the verb with one of the labels."""
        known = self._by_label
        found = [t for label in labels if label in known for t in known[label]]
        return found if len(found) < 2 or len(labels) == 1 else sorted(found, key=lambda t: t.i)

    def _carriers(self) -> Iterator["Token"]:
        chain = [self.finite, self.verb] if self.verb != self.finite else [self.verb]
        for verb in chain:
            yield verb
            yield from (t for t in verb.children if t.dep_ in ("xcomp", "acomp") and t != self.verb)
        if self.outer is not None:
            yield self.outer


def clauses_of(span: "Span") -> list[Clause]:
    """What a sentence asserts.

    The clauses of the root, what is joined to or set beside them, what they introduce or take for a fact, asides, and
    what is said of the class that a subject belongs to.
    """
    main = [clause(t) for t in _predicates(span.root)]
    told = [*main, *(inner for c in main for inner in (*_introduced(c), *_given(c)))]
    told += [clause for aside in _asides(span) for clause in (aside, *_introduced(aside))]
    inherited = [inner for c in told for inner in _inherited(c)]
    told += [clause for c in inherited for clause in (c, *(() if c.inherited else _introduced(c)))]
    return [c for c in told if not _is_doubted(c)]


def clause(verb: "Token") -> Clause:
    """The clause of a verb; a verb that is joined to another one has its subject and auxiliaries where it has none."""
    return _raise(_plain_clause(verb))


def _plain_clause(verb: "Token") -> Clause:
    subject = next((t for t in verb.children if t.dep_ in SUBJECTS), None)
    auxiliaries = tuple(t for t in verb.children if t.dep_ in ("aux", "auxpass"))
    if subject is None and verb.dep_ == "conj" and verb.head.pos_ in ("VERB", "AUX"):
        first = _plain_clause(verb.head)
        denied = _is_denied(verb) or (first.negated and not auxiliaries)
        return Clause(verb, verb, first.subject, auxiliaries or first.auxiliaries, denied)
    if subject is None and verb.dep_ == "xcomp" and verb.head.pos_ in ("VERB", "AUX", "ADJ"):
        subject = _plain_clause(verb.head).subject
    return Clause(verb, verb, subject, auxiliaries, _is_denied(verb))


def base_form(verb: "Token") -> str:
    """The base form of a verb; the lemmatizer takes "shines" for a form of "shin"."""
    lemma = verb.lemma_.lower()
    if verb.lower_ == "lay":  # of birds, more often than the past of "lie"
        return "lay"
    if verb.tag_ == "VBZ" and verb.lower_ == f"{lemma}es" and not lemma.endswith(("s", "x", "z", "ch", "sh", "o")):
        return f"{lemma}e"
    return lemma


def singular(noun: "Token") -> str:
    """The singular of a plural noun; the lemmatizer takes "ottomans" for a form of "othman"."""
    lemma, word = noun.lemma_.lower(), noun.lower_
    if word in _ONLY_PLURAL:
        return word
    strange = lemma[:4] != word[:4] and len(lemma) > 4 and word.endswith("s")
    return word[:-1] if strange else lemma


def _raise(given: Clause) -> Clause:
    """The clause with the verb that is meant: "go" of "is likely to go", "tends to go", "is able to go"."""
    for _ in range(3):  # "is likely to continue to go"
        step = _raising(given)
        if step is None:
            return given
        verb, modal, denied = step
        given = replace(
            given,
            verb=verb,
            negated=given.negated != (denied or _is_denied(verb)),
            raised_modals=given.raised_modals | ({modal} if modal else set()),
        )
    return given


def _raising(given: Clause) -> "tuple[Token, str, bool] | None":
    """The verb below the clause's verb, the modal that the clause stands for, and whether it denies it."""
    verb = given.verb
    state = given.child("acomp") if verb.lemma_ == "be" else None
    if state is not None:
        aim = next((t for t in state.children if t.dep_ == "xcomp" and mark_of(t) == "to"), None)
        if state.lower_ in ("capable", "incapable"):
            aim = next((p for t in state.children if t.lower_ == "of" for p in t.children if p.dep_ == "pcomp"), None)
        modal = _STATES.get(state.lower_)
        if aim is None or modal is None or aim.tag_ not in ("VB", "VBG", "VBN") or aim.lower_.endswith("ness"):
            return None
        return aim, modal, state.lower_ in ("unable", "incapable")
    if verb.lemma_ == "have" and (gift := given.child("dobj")) is not None and gift.lemma_ in ("ability", "capacity"):
        aim = next((t for t in gift.children if t.dep_ in ("acl", "relcl") and mark_of(t) == "to"), None)
        return (aim, "can", any(t.lower_ == "no" for t in gift.children)) if aim is not None else None
    aim = next((t for t in verb.children if t.dep_ == "xcomp" and mark_of(t) == "to"), None)
    if aim is None:
        return None
    if verb.lemma_ in _RAISING or verb.lower_ == "going" or (given.passive and verb.lemma_ in _BELIEVED):
        return aim, "", False
    passive = any(t.dep_ == "auxpass" for t in aim.children)
    return (aim, "must", False) if passive and verb.lemma_ in ("need", "have") else None


def coordinated(token: "Token") -> list["Token"]:
    """`token` and what is joined to it by commas, "and" and "or", in order."""
    found = [token]
    for t in found:
        found += [c for c in t.children if c.dep_ == "conj" and c not in found]
    found = [token, *(t for t in found[1:] if t.lower_ not in ("etc", "etc."))]
    return sorted(found, key=lambda t: t.i)


def _shared_condition(given: Clause) -> "Token | None":
    """The condition before the first of joined clauses: "if it rains, people go home and rest"."""
    verb = given.finite
    if verb.dep_ != "conj" or verb.head.pos_ not in ("VERB", "AUX"):
        return None
    first = _plain_clause(verb.head)
    own = any(t.dep_ in SUBJECTS for t in verb.children)
    if own and not (given.modals and given.modals == first.modals):
        return None
    return next((t for t in first.adverbials(*CONDITIONS) if t.i < first.verb.i), None)


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
        and not _begins_capitalised(token)
    )


def _begins_capitalised(token: "Token") -> bool:
    """Whether a word is written with a capital because it begins a sentence: "Koalas are ..."."""
    alone = token.is_sent_start and (token.i + 1 == len(token.doc) or token.nbor().ent_type_ != "PERSON")
    return bool(alone) and token.head.tag_ in ("VBP", "VBZ", "NNS", "NN")


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
    says = main.subject is not None and main.subject.lower_ in _SAYING
    carriers = [main.verb] if main.verb.lemma_ in _INTRODUCES and says else []
    if main.passive and main.verb.lemma_ in _BELIEVED and main.subject is not None and main.subject.lower_ == "it":
        carriers.append(main.verb)
    if main.verb.lemma_ == "be" and (main.subject is None or main.subject.lemma_ not in _WRONG):
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
            for inner in (clause(v) for v in coordinated(t) if v.pos_ in ("VERB", "AUX")):
                if inner.subject is not None and inner.subject.lower_ == "what" and main.subject is not None:
                    yield replace(inner, subject=main.subject)  # "a shell is what holds the bullet"
                else:
                    yield replace(inner, outer=main.verb)


def _given(main: Clause) -> Iterator[Clause]:
    """What a clause takes for a fact: "because P", "since P", "although P", "while P", "so P"."""
    carriers = [main.verb] if main.verb == main.finite else [main.finite, main.verb]
    for t in (t for carrier in carriers for t in carrier.children):
        if t.dep_ == "advcl" and t.pos_ in ("VERB", "AUX") and mark_of(t) in _FACTS:
            inner = clause(t)
            purpose = mark_of(t) == "so" and (
                "can" in inner.modals or any(d.dep_ == "mark" and d.lower_ == "that" for d in t.children)
            )
            if inner.subject is not None and not purpose:
                yield inner


def _inherited(main: Clause) -> Iterator[Clause]:
    """What is said of the class that the subject belongs to: "a dog is an animal that bites", "a tool used to cut"."""
    attribute = main.child("attr")
    if main.verb.lemma_ != "be" or attribute is None or main.negated or main.past or main.inherited:
        return
    kinds = [attribute, *(objects_of(attribute, {"of"}) if attribute.lemma_ in _PARTITIVES else ())]
    for verb in (t for kind in kinds for t in kind.children if t.dep_ in ("relcl", "acl")):
        if verb.pos_ not in ("VERB", "AUX") or mark_of(verb) == "to":
            continue
        for joined in coordinated(verb):
            inner = clause(joined)
            if inner.verb.lemma_ == "be" and attribute.lemma_ not in _ANYTHING and not is_aside(verb):
                continue  # a part of the class's own description
            plain = inner.subject is None or inner.subject.lower_ in ("that", "which", "who")
            if plain and (inner.subject is not None or verb.dep_ == "acl") and joined.pos_ in ("VERB", "AUX"):
                own = is_aside(verb) or attribute.lemma_ in _ANYTHING
                yield replace(inner, subject=main.subject, inherited=not own)


def is_misread(t: "Token") -> bool:
    """Whether an if- or when-clause was taken for what is said or asked: "you cannot shop if you have no money"."""
    return t.dep_ == "ccomp" and t.i > t.head.i and t.head.lemma_ not in _ASKS and mark_of(t) in CONDITIONS


def _is_concession(verb: "Token") -> bool:
    """ "even if P", "even when P"."""
    first = verb.left_edge
    return any(c.lower_ == "even" for c in verb.children) or (first.i > 0 and first.nbor(-1).lower_ == "even")


def _is_doubted(given: Clause) -> bool:
    """ "X is unlikely to V", "X is less likely a Y"."""
    state = next((t for t in given.finite.children if t.dep_ in ("acomp", "advmod") and t.i > given.finite.i), None)
    if state is None:
        return False
    less = state.lower_ == "likely" and any(t.lower_ in ("less", "least") for t in state.children)
    return state.lower_ == "unlikely" or less


def _asides(span: "Span") -> Iterator[Clause]:
    """ "X, which is Y": the clause with X as its subject."""
    for verb in span:
        if is_aside(verb) and verb.dep_ == "relcl" and verb.pos_ in ("VERB", "AUX") and verb.head.dep_ != "attr":
            for inner in (clause(v) for v in coordinated(verb) if v.pos_ in ("VERB", "AUX")):
                if inner.subject is not None and inner.subject.lower_ in ("which", "who") and verb.head.tag_ in _NOUNS:
                    yield replace(inner, subject=verb.head)


def _is_denied(verb: "Token") -> bool:
    return any(
        t.dep_ in ("neg", "advmod")
        and (t.lower_ in ("not", "n't", "never", "no", "n’t", "rarely", "seldom") or _is_no_longer(t))
        for t in verb.children
    )


def _is_no_longer(t: "Token") -> bool:
    return t.lower_ == "longer" and any(c.lower_ == "no" for c in t.children)
