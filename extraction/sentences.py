"""Phrases of a parsed sentence, written in the graph's form.

A phrase is written out of the tokens of a dependency subtree: verbs in the asked form, no articles or hedges, person
slots for persons. Each keeps the characters that it was made from.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

from extraction.grammar import (
    SUBJECTS,
    Clause,
    base_form,
    clauses_of,
    coordinated,
    is_aside,
    is_name,
    mark_of,
    members,
    singular,
)
from extraction.phrase_tokens import (
    ADVERBIAL_MARKS,
    agreeing,
    each_object,
    is_after_comma,
    is_agent,
    is_degree,
    is_detail,
    is_edge_article,
    is_set_apart,
    joint_objects,
    leads_noun,
    leaves_verb,
    own_tokens,
    points_back,
    shares_object,
    without_brackets,
)
from extraction.words import HEDGES, PERSON_NOUNS, PERSON_PRONOUNS, QUANTIFIERS, third_person
from kg.errors import InputError

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span, Token

VerbForm = Literal["V", "to V", "V-s", "plural"]
_EXAMPLES = re.compile(r"[\s,;(]+(?:e\.g\.|i\.e\.|etc\b)|\s?—|\s--\s")
_CONTRAST = re.compile(  # what only sets off, behind a comma
    r", (?:(?:not|either|rather than|while|whereas|unlike|which|as well as|in addition to|such that)\b"
    r"|(?:especially|particularly|like|in this case)\b[^,]*$)"
)
_LONG = 14  # words; a class that is longer loses the clauses within its clauses
_SOMEONE = frozenset({"man", "woman", "boy", "girl", "lady", "guy"})
_POSSESSIVES = frozenset({"their", "his", "her", "your", "our", "my"})
_REFLEXIVES = frozenset({"yourself", "yourselves", "oneself", "himself", "herself", "ourselves", "myself"})
_CIRCUMSTANCES = frozenset({"advcl", "xcomp", "ccomp", "aux", "auxpass", "mark", "npadvmod", "dep", "relcl"})
_OF_STATES = frozenset({"of", "about", "with", "at", "to", "toward", "towards", "by", "in", "around"})
_PERSONAL = frozenset({"you", "they", "he", "she", "one"})
_UNNAMED = frozenset({"it", "they", "this", "that", "these", "those", "there", "who", "which", "what"})


@lru_cache(maxsize=2)
def load_model(name: str) -> "Language":
    """The spaCy pipeline called `name`. Raises InputError when it is not installed."""
    import spacy
    from spacy.language import Language

    try:
        nlp = spacy.load(name)
    except OSError:
        raise InputError(f"no spaCy model {name!r}: install it, or name another one as extractor.model") from None
    missing = {"tagger", "parser", "ner"} - set(nlp.pipe_names)
    if missing:
        raise InputError(f"the spaCy model {name!r} lacks {', '.join(sorted(missing))}: name one that has them")
    Language.component("semicolons", func=_begin_after_semicolons)
    nlp.add_pipe("semicolons", first=True)
    return nlp


@lru_cache(maxsize=2)
def known_words(name: str) -> frozenset[str]:
    """The base forms that the lemmatizer of the pipeline called `name` knows, in lower case; none of some pipelines."""
    nlp = load_model(name)
    lemmatizer = nlp.get_pipe("lemmatizer") if nlp.has_pipe("lemmatizer") else None
    lookups = getattr(lemmatizer, "lookups", None)
    if lookups is None or not lookups.has_table("lemma_index"):
        return frozenset()
    return frozenset(word.lower() for part in lookups.get_table("lemma_index").values() for word in part)


def _begin_after_semicolons(doc: "Doc") -> "Doc":
    """Lets a sentence begin after a semicolon, so that the parser reads each part by itself."""
    for token in doc[1:] if ";" in doc.text else ():
        if token.nbor(-1).text == ";":
            token.is_sent_start = True
    return doc


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in the graph's form and the characters of the text that they were made from."""

    text: str
    start: int
    end: int


def after_be(phrase: Phrase) -> Phrase:
    """ "run by people" of "be run by people"."""
    for word in ("be ", "get "):
        if phrase.text.startswith(word):
            return Phrase(phrase.text.removeprefix(word), phrase.start, phrase.end)
    return phrase


@dataclass(frozen=True, slots=True)
class Context:
    """What is known around a sentence.

    `event` is the event that the prompt is about, `thing` the thing; `antecedent` is what `it` or, if it is `many`,
    `they` mean: the subject of the sentence before; `known_as` says of whom a class was told ("film": "year one"), for
    "the film" after it; `slots` are the slots that names stand for.
    """

    event: str = ""
    thing: str = ""
    antecedent: str = ""
    many: bool = False
    known_as: Mapping[str, str] = field(default_factory=dict)
    slots: Mapping[str, str] = field(default_factory=dict)


class Sentence:
    """A parsed sentence in its context. `slot` is whom the pronouns of persons mean.

    `entities` has the noun phrases that were written so far, each with the entity label of its head noun, or an empty
    string: persons are slots and no entities.
    """

    slot = "PersonX"

    def __init__(self, span: "Span", context: Context) -> None:
        self.span = span
        self.context = context
        self.entities: dict[str, str] = {}

    @cached_property
    def clauses(self) -> list[Clause]:
        """What the sentence asserts (see `clauses_of`)."""
        return clauses_of(self.span)

    @cached_property
    def text(self) -> str:
        """The sentence as it stands."""
        return str(self.span.text)

    @cached_property
    def is_question(self) -> bool:
        return "?" in self.text[-4:]

    def noun(self, token: "Token", whole: bool = False, plural: bool = False) -> Phrase:
        """The noun phrase of `token`: singular, no article or quantifier.

        `whole` keeps what is joined to it, `plural` its number. Left out are examples ("such as ..."), asides
        (", which ...") and an agent ("by ...").
        """
        return self._noun(token, whole, plural, set())

    def _noun(self, token: "Token", whole: bool, plural: bool, without: set[int]) -> Phrase:
        drop = without | {t.i for t in token.children if leads_noun(t)}
        drop |= {d.i for t in token.children if t.dep_ in SUBJECTS or is_degree(t, token) for d in t.subtree}
        drop |= {d.i for t in token.subtree if is_aside(t) or is_agent(t, token) for d in t.subtree}
        if not whole:
            drop |= {d.i for t in token.children if is_set_apart(t, token) or points_back(t) for d in t.subtree}
        tokens = [t for t in own_tokens(token, whole) if t.i not in drop]
        counted = whole or plural or any(t.dep_ == "nummod" for t in token.children)
        one = token.tag_ == "NNS" and not counted
        phrase = self._write(tokens, {token.i: singular(token), **agreeing(token)} if one else {})
        label = token.ent_type_ if token.ent_type_ != "PERSON" else ""
        self.entities[phrase.text] = label or self.entities.get(phrase.text, "")
        return phrase

    def brief(self, token: "Token") -> Phrase:
        """As `noun`, without relative clauses."""
        clauses = [t for t in token.children if t.dep_ == "relcl" and t.i > token.i]
        return self._noun(token, False, False, {d.i for t in clauses for d in t.subtree})

    def state(self, token: "Token") -> Phrase:
        """As `noun`, for a state of mind: "happy with it" of "be happy with it when he comes"."""
        drop = [t for t in token.children if t.dep_ in _CIRCUMSTANCES or t.dep_ in SUBJECTS]
        drop += [t for t in token.children if t.dep_ == "prep" and t.lower_ not in _OF_STATES]
        return self._noun(token, False, False, {d.i for t in drop for d in t.subtree})

    def kind(self, token: "Token", whole: bool = False) -> Phrase:
        """As `noun`, for a class that something belongs to.

        Left out are names, dates, clauses within long clauses, and what is set apart by a comma: ", used to cut".
        """
        details = [t for t in token.children if is_detail(t) or is_set_apart(t, token)]
        long = len(list(token.subtree)) - sum(len(list(t.subtree)) for t in details) > _LONG
        if long:
            clauses = [t for t in token.subtree if t.dep_ in ("relcl", "acl") and t.head == token]
            details += [t for c in clauses for t in c.subtree if t != c and t.dep_ in ("relcl", "acl", "advcl")]
        return self._noun(token, whole, False, {d.i for t in details for d in t.subtree})

    def verbs(self, token: "Token", form: VerbForm, person: bool = False) -> list[Phrase]:
        """The verb phrases of `token` and of the verbs joined to it, one for each of their joined objects.

        `person`: the phrases are about a person, and the pronouns of persons in them are written as the slot.
        """
        verbs = [
            v
            for v in coordinated(token)
            if v == token or (v.pos_ in ("VERB", "AUX") and not any(t.dep_ in SUBJECTS for t in v.children))
        ]
        return [phrase for verb in verbs for phrase in self.predicate(verb, form, person)]

    def predicate(self, verb: "Token", form: VerbForm, person: bool = False) -> list[Phrase]:
        """As `verbs`, for this one verb."""
        found = [self._write(*self._verb(verb, form, keep), person) for keep in each_object(verb)]
        if (last := shares_object(verb)) is not None:
            found = [self._write(*self._shared(verb, last, form, keep), person) for keep in each_object(last)]
        return [p for p in found if p.text]

    def _shared(
        self, verb: "Token", last: "Token", form: VerbForm, keep: "Token | None"
    ) -> tuple[list["Token"], dict[int, str]]:
        """As `_verb`, with the objects of the last of joined verbs: "design gardens" of "design and create gardens"."""
        tokens, words = self._verb(verb, form, None)
        return tokens + [t for t in self._verb(last, form, keep)[0] if t.i > last.i], words

    def complements(self, token: "Token") -> list[Phrase]:
        """The adjectives or nouns joined at `token`, one phrase each."""
        return [p for t in members(token) if (p := self.noun(t)).text]

    def gerund(self, token: "Token") -> Phrase:
        """A gerund with what belongs to it, as it stands: "attending meetings"."""
        return self._write(own_tokens(token, whole=False), {})

    def event(self, clause: Clause, resolved: bool = False) -> Phrase | None:
        """The clause as an event in the present: "PersonX is accused of a crime", "keys are lost".

        `resolved`: "it" and "they" as its subject are written as the things that they mean.
        """
        if clause.subject is None:
            return None
        named = clause.subject
        person = self.person(named)
        subject, plural = (person, False) if person else self._subject(named, resolved)
        tokens, words = self._verb(clause.verb, "plural" if plural else "V-s", None)
        if clause.negated:
            words = self._denied(clause, words, plural)
        predicate = self._write(tokens, words, bool(person))
        if not subject or not predicate.text:
            return None
        return Phrase(f"{subject} {predicate.text}", min(named.idx, predicate.start), predicate.end)

    def subject_text(self, token: "Token") -> str:
        """A noun phrase as the subject of an event: its number stays."""
        apart = {d.i for t in token.children if is_set_apart(t, token) for d in t.subtree}
        return self._write([t for t in own_tokens(token, whole=True) if t.pos_ != "DET" and t.i not in apart], {}).text

    def _subject(self, named: "Token", resolved: bool) -> tuple[str, bool]:
        """The subject of an event, no person, and whether it is plural."""
        if resolved and named.lower_ in ("it", "they") and named.pos_ == "PRON":
            before, known = self.subject_before(named), self.context
            if before is not None and not self._is_someone(before):
                named = before
            elif before is None and known.antecedent and known.many == (named.lower_ == "they"):
                return known.antecedent, False
        return self.subject_text(named), named.tag_ in ("NNS", "NNPS") or named.lower_ in ("they", "we")

    def person(self, token: "Token") -> str:
        """The slot of a person who acts as an example ("someone", "you", PersonX), or an empty string."""
        if token.text in self.context.slots:
            return self.context.slots[token.text]
        if token.lower_ == "they":
            return self.slot if self._means_person(token) else ""
        if token.lower_ in PERSON_PRONOUNS or (token.lower_ == "one" and token.pos_ in ("PRON", "NOUN", "NUM")):
            return self.slot
        if is_name(token):
            return self.slot
        if token.lemma_.lower() in _SOMEONE and [t.lower_ for t in token.children] == ["the"]:
            return self.slot
        bare = all(
            t.dep_ in ("det", "punct", "relcl", "prep", "poss", "acl") or t.lower_ in QUANTIFIERS
            for t in token.children
        )
        return self.slot if token.lemma_.lower() in PERSON_NOUNS and bare else ""

    def subject_before(self, token: "Token") -> "Token | None":
        """The last noun before a pronoun in its sentence that is a subject, of the pronoun's number."""
        plural = token.lower_ in ("they", "these")
        before = [
            t
            for t in self.span
            if t.i < token.i and t.dep_ in SUBJECTS and t.pos_ in ("NOUN", "PROPN", "PRON") and t.lower_ not in _UNNAMED
        ]
        fitting = [t for t in before if plural == (t.tag_ in ("NNS", "NNPS")) or self._is_someone(t)]
        return fitting[-1] if fitting else None

    def _means_person(self, they: "Token") -> bool:
        """Whether "they" are persons: after "people", "someone" or a name, or in a text about a person's event."""
        before = self.subject_before(they)
        if before is not None:
            return self._is_someone(before)
        return bool(self.context.event) or not (self.context.thing or self.context.antecedent)

    def _is_someone(self, token: "Token") -> bool:
        return token.lemma_.lower() in PERSON_NOUNS or (token.lower_ != "they" and bool(self.person(token)))

    def _denied(self, clause: Clause, words: dict[int, str], plural: bool) -> dict[int, str]:
        """The words that replace some of a denied verb phrase: "is not", "does not V"."""
        verb = clause.verb
        if verb.lemma_ == "be" or clause.passive:
            at = next((t for t in verb.children if t.dep_ == "auxpass"), verb)
            return {**words, at.i: f"{words[at.i]} not"}
        helper = "cannot" if "can" in clause.modals else "do not" if plural else "does not"
        return {**words, verb.i: f"{helper} {base_form(verb)}"}

    def _verb(self, verb: "Token", form: VerbForm, keep: "Token | None") -> tuple[list["Token"], dict[int, str]]:
        """Tokens of a verb phrase and the words that replace some of them. `keep` is the joined object to write."""
        left_out: set[int] = set()
        for t in (d for d in verb.subtree if d != verb):
            result = t.dep_ == "advcl" and t.head == verb and t.tag_ == "VBG" and is_after_comma(t)
            nested = t.head != verb and t.dep_ == "advcl" and mark_of(t) in ADVERBIAL_MARKS
            if result or nested or is_aside(t) or (t.head == verb and leaves_verb(t, verb)):
                left_out.update(d.i for d in t.subtree)
        tokens = [t for t in own_tokens(verb, whole=False) if t.i not in left_out and t.lower_ not in HEDGES]
        tokens = [
            t for t in tokens if not (t.dep_ == "neg" and t.head.dep_ in ("dobj", "pobj") and t.head.head == verb)
        ]
        if keep is not None:
            first = next(t for t in joint_objects(verb) if t in keep.conjuncts or t == keep)
            group = {d.i for d in first.subtree}
            own = {t.i for t in own_tokens(keep, whole=False)}
            tokens = [t for t in tokens if t.i not in group or t.i in own]
            tokens += [t for t in keep.subtree if t.i in own and t not in tokens]
            tokens.sort(key=lambda t: t.i)
        passive = next((t for t in verb.children if t.dep_ == "auxpass"), None)
        finite = passive if passive is not None else verb
        if passive is not None:
            tokens = sorted({*tokens, passive}, key=lambda t: t.i)
        base = "be" if finite.lemma_ == "be" or finite.lower_ in ("'s", "'re", "are", "is") else base_form(finite)
        written = {
            "V": base,
            "to V": f"to {base}",
            "V-s": third_person(base),
            "plural": "are" if base == "be" else base,
        }
        return tokens, {finite.i: written[form]}

    def _write(self, tokens: list["Token"], words: dict[int, str], person: bool = False) -> Phrase:
        tokens = [t for t in without_brackets(tokens) if t.text not in ('"', "“", "”", "``", "''")]
        while tokens and (tokens[0].is_punct or tokens[0].dep_ == "cc" or is_edge_article(tokens[0], words)):
            tokens = tokens[1:]
        while tokens and ((tokens[-1].is_punct and tokens[-1].text != "%") or tokens[-1].dep_ == "cc"):
            tokens = tokens[:-1]
        if not tokens:
            return Phrase("", 0, 0)
        out = ""
        for token, after in zip(tokens, [*tokens[1:], None], strict=True):
            out += words.get(token.i) or self._word(token, person)
            if after is not None and (token.whitespace_ or after.i != token.i + 1):
                out += " "
        out = _CONTRAST.split(_EXAMPLES.split(out)[0])[0]
        text = " ".join(out.replace(" ,", ",").replace(",,", ",").replace(" 's", "'s").split())
        return Phrase(text, tokens[0].idx, tokens[-1].idx + len(tokens[-1]))

    def _word(self, token: "Token", person: bool) -> str:
        if token.text in self.context.slots:
            return self.context.slots[token.text]
        if person and token.tag_ == "PRP$" and token.lower_ in _POSSESSIVES:
            return f"{self.slot}'s"
        if person and token.tag_ == "PRP" and token.lower_ in _PERSONAL:
            return self.slot
        if person and token.lower_ in _REFLEXIVES:
            return "themselves"
        if person and token.lower_ in ("'re", "are") and token.i > 0 and token.nbor(-1).lower_ in _PERSONAL:
            return " is" if token.lower_ == "'re" else "is"
        if person and token.tag_ == "VBP" and token.i > 0 and token.nbor(-1).lower_ in _PERSONAL:
            return " has" if token.lower_ == "'ve" else third_person(base_form(token))
        return token.lower_
