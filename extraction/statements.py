"""Statements: the clauses of a sentence with whom or what they are about, as patterns see them."""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from extraction.grammar import SUBJECTS, Clause, base_form, clause, coordinated, core, is_name, mark_of, objects_of
from extraction.nouns import described, is_doing, is_human, is_role
from extraction.phrase_tokens import is_told
from extraction.sentences import Phrase, Sentence, VerbForm
from extraction.words import EMPTY_HEADS, FEELING_NOUNS, FEELINGS, QUANTIFIERS, third_person

if TYPE_CHECKING:
    from spacy.tokens import Token

_THINGS = frozenset({"it", "they"})
_ILLS = frozenset({"sick", "hurt", "ill", "better", "worse", "weak"})
_OWNS = frozenset({"det", "poss", "compound", "amod"})
_GENERAL = {
    **dict.fromkeys(("people", "person", "everyone", "everybody"), "person"),
    **dict.fromkeys(("humans", "human"), "human"),
}


class Statement:
    """A clause with what it is about: things and kinds, an example person, and the event that it follows from."""

    def __init__(self, sentence: Sentence, main: Clause) -> None:
        self.sentence = sentence
        self.main = main
        self.verb = main.verb
        self.lemma = main.verb.lemma_
        self.subject = main.subject
        self.modals = main.modals
        self.negated = main.negated
        self.passive = main.passive
        self.past = main.past
        self.child = main.child
        self.children = main.children

    @cached_property
    def condition(self) -> "Token | None":
        """The verb of the if- or when-clause that it depends on."""
        return self.main.condition

    @property
    def may_be(self) -> bool:
        """Whether it is only possible: can, could, may, might."""
        return bool(self.modals & {"can", "could", "may", "might"})

    @cached_property
    def person(self) -> str:
        """The slot of the person who is the subject, also of "people who ..." and of "children" in an event."""
        if self.subject is None:
            return ""
        if described(self.subject) or (is_human(self.subject) and self.condition is not None):
            return self.sentence.slot
        if self._is_conditioned_role():
            return self.sentence.slot
        return self.sentence.person(self.subject)

    def _is_conditioned_role(self) -> bool:
        """ "job applicants" of "job applicants feel excited if they get the job"."""
        if self.condition is None or not is_role(self.subject):
            return False
        other = clause(self.condition).subject
        return other is not None and other.lower_ in ("they", "he", "she")

    @cached_property
    def things(self) -> list[str]:
        """The things or kinds of agent that are the subject; nothing for persons and empty words."""
        subject = self.subject
        if subject is None or any(t.dep_ == "det" and t.lower_ == "no" for t in subject.children):
            return []
        if subject.dep_ == "csubj" and subject.tag_ == "VBG":
            return [p.text for t in coordinated(subject) if (p := self.sentence.gerund(t)).text]
        if subject.dep_ == "csubj" and mark_of(subject) == "to" and self.lemma == "be":
            return [p.text for p in self.sentence.verbs(subject, "V", person=True)[:1]]
        if subject.lower_ in _THINGS and subject.pos_ == "PRON":
            return self._meant(subject)
        named = [m for t in coordinated(subject) for m in (coordinated(core(t)) if core(t) != t else [t])]
        return [head for t in named if (head := thing(self.sentence, t))]

    @cached_property
    def states(self) -> list[str]:
        """Heads of what a thing or kind is; persons in general included. The past tells of one occasion."""
        if self.subject is None or described(self.subject) is not None:
            return []
        kind = any(t.lower_ in ("a", "an") for t in self.subject.children)
        if self.past and not (kind and self.lemma == "be"):
            return []
        return [self._anyone] if self._anyone else self.things

    @cached_property
    def agents(self) -> list[str]:
        """Heads of what a thing or kind of agent does or can do; persons in general included."""
        subject = self.subject
        if subject is None or self.past or self.sentence.context.event or is_name(subject):
            return []
        if described(subject) is None:
            if self._anyone:
                return [self._anyone]
            return [] if subject.dep_ == "csubj" or is_doing(subject) else self.things
        if any(t.dep_ == "amod" for t in subject.children):
            return [self.sentence.noun(subject).text]
        return []

    @cached_property
    def which_persons(self) -> list[str]:
        """ "person who V-s": the persons that "people who V" tells of, as a kind."""
        subject = self.subject
        if subject is None or self.sentence.context.event or self.past or described(subject) is None:
            return []
        name = self.sentence.noun(subject).text
        return [f"person{name[6:]}" if name.startswith("people") else name.replace(" people", " person")]

    @cached_property
    def event(self) -> str:
        """The event that it tells a consequence of, or an empty string.

        It is said by a condition ("If you run, you ..."), by a relative clause ("People who run ..."), by what the
        person has or is ("Hungry people ..."), by a gerund ("You get fat from eating"), or it is the prompt's own.
        """
        about = self.sentence.context.event if self.person else ""
        return self._conditional() or self._relative() or self._from_doing() or about

    @cached_property
    def is_other(self) -> bool:
        """Whether it is about another person than the one whom the sentence is about.

        That is PersonY, or "the teacher" of "if a student lies, the teacher gets angry".
        """
        if not self.person:
            return False
        return self.person != self.sentence.slot or self._is_affected()

    def _is_affected(self) -> bool:
        """Whether a kind of person is the subject, and an event of somebody else its condition."""
        if self.condition is None or self.subject is None or not is_human(self.subject):
            return False
        actor = clause(self.condition).subject
        if actor is None or not (is_human(actor) or self.sentence.person(actor)):
            return False
        before = actor.i < self.subject.i
        return actor.lemma_ != self.subject.lemma_ and (before or actor.pos_ != "PRON")

    def predicate(self, form: VerbForm, person: bool = False) -> list[Phrase]:
        """Its verb phrase, once for each of its joined objects."""
        return self.sentence.predicate(self.verb, form, person)

    def doing(self, verb: "Token") -> str:
        """An event of the example person: "PersonX eats cake" of "eating cake", or an empty string."""
        phrases = self.sentence.verbs(verb, "V-s", person=True)
        return f"{self.sentence.slot} {phrases[0].text}" if phrases else ""

    @cached_property
    def deed(self) -> str:
        """The event that a gerund as the subject says: "PersonX eats cake" of "eating cake", or an empty string."""
        subject = self.subject
        if subject is None:
            return ""
        first = subject.left_edge
        if subject.tag_ == "VBG":
            owned = any(t.i < subject.i and t.dep_ in _OWNS for t in subject.children)
            return "" if owned else self.doing(subject)
        if first.dep_ != "amod" or first.tag_ != "VBG" or first.head != subject or not first.is_title:
            return ""
        object_ = self.sentence.noun(subject, plural=True).text.removeprefix(first.lower_).strip()
        return f"{self.sentence.slot} {third_person(base_form(first))} {object_}"  # "playing/ADJ music/SUBJECT"

    @cached_property
    def told(self) -> Phrase | None:
        """The statement itself as an event in the present."""
        return self.sentence.event(self.main, resolved=True)

    def of_clause(self, verb: "Token") -> str:
        """The clause of `verb` as an event: "PersonX eats" of "before they eat", "race starts"."""
        phrase = self.sentence.event(clause(verb), resolved=True)
        return phrase.text if phrase is not None else ""

    @cached_property
    def feelings(self) -> list[Phrase]:
        """What it says that its subject feels."""
        return list(feelings_of(self.sentence, self.main))

    def _meant(self, pronoun: "Token") -> list[str]:
        """What `it` or `they` mean: a subject before them, the prompt's thing, or the subject of the last sentence."""
        before = self.sentence.subject_before(pronoun)
        if before is not None and (named := thing(self.sentence, before)):
            return [named]
        context = self.sentence.context
        if context.event or before is not None:
            return []
        plural = pronoun.lower_ == "they"
        known = context.thing or (context.antecedent if plural == context.many else "")
        return [known] if known else []

    @cached_property
    def _anyone(self) -> str:
        """The kind that is meant by persons in general: "person" of "People are curious", "human"."""
        subject = self.subject
        if subject is None or self.sentence.context.event or self.condition is not None:
            return ""
        if any(t.dep_ not in ("det", "punct") and t.lower_ not in QUANTIFIERS for t in subject.children):
            return ""
        if subject.tag_ == "NN" and subject.lower_ in ("person", "human"):
            one = any(t.lower_ in ("a", "every", "each") for t in subject.children)
            if not one or not (self.modals or self.verb is not self.main.finite):
                return ""
        return _GENERAL.get(subject.lower_, "")

    def _conditional(self) -> str:
        verb = self.condition
        if verb is None:
            return ""
        given, sentence = clause(verb), self.sentence
        if given.subject is None:
            return self._without_subject(verb)
        if sentence.person(given.subject) and sentence.context.event:
            return sentence.context.event
        if given.subject.lower_ in ("they", "he", "she") and self.subject is not None and is_human(self.subject):
            return "" if given.negated else self.doing(given.verb)
        phrase = sentence.event(given, resolved=True)
        return "" if phrase is None or phrase.text.endswith((" do", " does")) else phrase.text

    def _without_subject(self, verb: "Token") -> str:
        """The event of "when bored, people ..." and "when waiting for a bus, people ..."."""
        if self.subject is None or not self.person or verb.tag_ in ("VB", "VBZ", "VBP", "VBD"):
            return ""
        if verb.tag_ == "VBG":
            return self.doing(verb)
        state = self.sentence.gerund(verb).text.removeprefix("when ").removeprefix("if ")
        return f"{self.sentence.slot} is {state}"

    def _relative(self) -> str:
        word = described(self.subject) if self.subject is not None else None
        if word is None:
            return ""
        slot = self.sentence.slot
        if word.dep_ == "prep":
            noun = next((t for t in word.children if t.dep_ == "pobj"), None)
            return f"{slot} has {self.sentence.noun(noun, whole=True).text}" if noun is not None else ""
        if word.dep_ == "amod":
            passing = word.lower_ in FEELINGS or self.modals & {"likely", "would"}
            return f"{slot} is {word.lower_}" if passing else ""  # "hungry people", but no "Spanish people"
        inner = clause(word)
        if inner.subject is not None and inner.subject.lower_ not in ("who", "that"):
            return ""
        denied = inner.negated and word.lemma_ != "be"
        phrases = self.sentence.verbs(word, "V" if denied else "V-s", person=True)
        return f"{slot} {'does not ' if denied else ''}{phrases[0].text}" if phrases else ""

    def _from_doing(self) -> str:
        """The event of "people become fat from eating too much" and "a person feels good after eating"."""
        if self.subject is None or not self.person:
            return ""
        for word in (t for carrier in (self.verb, *self.children("acomp")) for t in carrier.children):
            if word.dep_ == "prep" and word.lower_ in ("from", "after", "upon") and word.i > self.verb.i:
                for doing in (t for t in word.children if t.dep_ == "pcomp" and t.tag_ == "VBG"):
                    return self.doing(doing)
        return ""


def statements_of(sentence: Sentence) -> Iterator[Statement]:
    """What the sentence asserts, clause by clause."""
    return (Statement(sentence, main) for main in sentence.clauses)


def thing(sentence: Sentence, token: "Token") -> str:
    """The noun phrase of `token` as a thing, or an empty string when it is a person, a name or says nothing."""
    named = token.dep_ in SUBJECTS and any(t.dep_ == "det" for t in token.children)  # "a state's fair/ADJ"
    if not (token.pos_ in ("NOUN", "PROPN", "VERB") or (named and token.pos_ == "ADJ")):
        return ""
    if is_name(token) or sentence.person(token):
        return ""
    if token.pos_ == "VERB" and token.tag_ != "VBG":
        return ""
    if token.lower_ in ("term", "word", "phrase") and (named_ := _quoted(token)):
        return named_
    if token.lemma_.lower() in EMPTY_HEADS or any(t.tag_ == "PRP$" and t.lower_ != "your" for t in token.children):
        return ""
    if any(t.lower_ in ("same", "such") for t in token.children):
        return ""
    if any(is_told(p) or any(t.tag_ == "PRP$" for t in p.children) for p in objects_of(token, {"of"})):
        return ""
    pointed = [t.lower_ for t in token.children] in (["the"], ["this"])
    if pointed and (meant := sentence.context.known_as.get(token.lemma_.lower())):
        return meant
    return sentence.noun(token).text.removeprefix("your ")


def _quoted(token: "Token") -> str:
    """ "sleep" of "the term "sleep"", or an empty string."""
    following = [t for t in token.doc[token.i + 1 : token.i + 8] if not t.is_space]
    if not following or following[0].text not in ('"', "“", "``"):
        return ""
    words: list[str] = []
    for t in following[1:]:
        if t.text in ('"', "”", "''"):
            return " ".join(words).lower()
        words.append(t.text)
    return ""


def role(sentence: Sentence, subject: "Token") -> str:
    """The event of being what an obligation is of: "PersonX is a student in engineering", or an empty string."""
    if not (is_role(subject) or is_human(subject)) or described(subject) is not None:
        return ""
    name = thing(sentence, subject)
    return f"{sentence.slot} is {'an' if name[0] in 'aeiou' else 'a'} {name}" if name else ""


def feelings_of(sentence: Sentence, main: Clause) -> Iterator[Phrase]:
    """What a clause says that its subject feels."""
    verb = main.verb
    if verb.lemma_ == "feel":
        yield from _felt(sentence, main)
    elif verb.lemma_ in ("experience", "have", "suffer"):
        any_ = verb.lemma_ == "experience"
        for state in main.children("dobj"):
            yield from (sentence.noun(t) for t in coordinated(state) if any_ or t.lemma_.lower() in FEELING_NOUNS)
    elif verb.lemma_ in ("be", "become", "get"):
        ills = _ILLS if verb.lemma_ != "be" else frozenset()
        for state in main.children("acomp", "attr"):
            yield from (sentence.state(t) for t in coordinated(state) if t.lower_ in FEELINGS - ills)
    elif verb.tag_ in ("VBN", "JJ") and verb.lower_ in FEELINGS:
        yield from (sentence.state(t) for t in coordinated(verb) if t.lower_ in FEELINGS)


def _felt(sentence: Sentence, main: Clause) -> Iterator[Phrase]:
    verb, inner = main.verb, main.child("ccomp")
    if inner is not None and inner.i > verb.i and inner.lemma_ == "be":
        given = clause(inner)
        if given.subject is not None and given.subject.pos_ == "PRON":
            for state in given.children("acomp", "attr"):
                yield from sentence.complements(state)
    for state in main.children("acomp", "oprd", "dobj", "attr"):
        if state.i > verb.i:
            yield from (p for t in coordinated(state) if _is_feeling(t) and (p := sentence.state(t)).text)
    for state in main.children("advcl"):
        if state.i > verb.i and state.tag_ in ("VBN", "VBD") and not mark_of(state):
            yield from (sentence.state(t) for t in coordinated(state))


def _is_feeling(t: "Token") -> bool:
    return t.pos_ in ("ADJ", "VERB") or t.lemma_.lower() in FEELING_NOUNS
