"""What follows, or does not, when something is so: "when P, Q" about things, "you cannot V if P"."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from extraction.grammar import Clause, clause, mark_of
from extraction.nouns import is_human, is_role
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase, Sentence
from extraction.statements import Statement, thing
from extraction.words import FEELINGS, word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_COMES = word_set("occur begin start happen arise form become get appear end develop need require recommend")


@pattern(
    "thing_consequence",
    4,
    yes={
        "Tires will wear out when they are used for a long time.": (
            "tires are used for a long time",
            "Causes",
            "tires wear out",
        ),
        "Clothes become torn when caught on a nail.": (
            "clothes are caught on a nail",
            "Causes",
            "clothes become torn",
        ),
        "When a ball rebounds, it bounces back.": ("ball rebounds", "Causes", "ball bounces back"),
        "If the battery is dead, the car will not start.": ("car starts", "HinderedBy", "battery is dead"),
        "If the windows are opened, the pressure will be lost and the flow of air will stop.": (
            "windows are opened",
            "Causes",
            "flow of air stops",
        ),
    },
    no=("Cats are careful when they walk.", "Candles emit light when they burn."),
)
def thing_consequence(s: Statement) -> Iterator[Found]:
    """ "When P, Q" about things."""
    given, subject = s.condition, s.subject
    if given is None or subject is None or s.lemma == "be" or is_human(subject) or s.main.inherited:
        return
    if (s.sentence.person(subject) and subject.lower_ != "they") or s.modals - {"will", "likely"}:
        return
    if given.i > s.verb.i and not s.modals and mark_of(given) != "if" and s.lemma not in ("become", "get"):
        return
    first = clause(given)
    if first.subject is None:
        yield from _of_state(s, given)
        return
    if s.sentence.person(first.subject) and first.subject.lower_ != "they":
        return
    if (s.past and mark_of(given) != "if") or _lacks_auxiliary(s.main):
        return
    if _follows_person(s, first):
        for effect in s.feelings or s.predicate("V-s"):
            yield found(s.of_clause(given), "xReact" if s.feelings else "xEffect", effect, s.negated)
        return
    leading, following = (first, s.main) if first.subject.i < subject.i else (s.main, first)
    if leading.subject is None or not thing(s.sentence, leading.subject):
        return
    head, tail = s.sentence.event(first), s.told
    if following.subject is not None and following.subject.pos_ == "PRON":
        if following.subject.lower_ != ("they" if leading.subject.tag_ in ("NNS", "NNPS") else "it"):
            return
        head, tail = (_told_of(s.sentence, c, leading.subject, c is following) for c in (first, s.main))
    if head is None or tail is None or (mark_of(given) == "as" and s.lemma not in ("become", "get")):
        return
    if s.negated:
        yield from _stopped(s, leading.subject, head)
    else:
        yield found(head.text, "Causes", tail)


@pattern(
    "does_when",
    1,
    yes={
        "Candles emit light when they burn.": ("candle", "CapableOf", "emit light when they burn"),
        "Airplanes glide when the engines fail.": ("airplane", "CapableOf", "glide when the engines fail"),
        "Unions usually strike when they are not satisfied.": ("unions are not satisfied", "xEffect", "strikes"),
    },
    no=("Candles will melt when they burn.", "People run when they are late.", "Shows begin when a bell rings."),
)
def does_when(s: Statement) -> Iterator[Found]:
    """ "X V-s when P": what a thing does on an occasion, and what an agent does in a state of mind."""
    given, subject = s.condition, s.subject
    if given is None or subject is None or s.verb.pos_ != "VERB" or s.modals or s.passive or s.past:
        return
    if given.i < s.verb.i or mark_of(given) == "if" or s.sentence.person(subject) or is_human(subject):
        return
    if s.lemma in _COMES or _lacks_auxiliary(s.main):
        return
    first = clause(given)
    if first.subject is not None and first.subject.lower_ in ("they", "it") and _is_mind(first):
        state = _told_of(s.sentence, first, subject, True)
        for effect in s.predicate("V-s") if state is not None else ():
            yield found(state.text if state is not None else "", "xEffect", effect, s.negated)
        return
    occasion = s.sentence.gerund(given)
    for head in s.agents:
        for tail in s.predicate("V"):
            yield Found(head, "CapableOf", f"{tail.text} {occasion.text}", tail.start, occasion.end, s.negated)


@pattern(
    "deed_consequence",
    3,
    yes={
        "If you drive too long, tires wear out.": ("PersonX drives too long", "Causes", "tires wear out"),
        "When you sleep, your body rests.": ("PersonX sleeps", "xEffect", "body rests"),
    },
    no=("If you run, you get tired.", "A store is open when you arrive.", "The phone rings when you are called."),
)
def deed_consequence(s: Statement) -> Iterator[Found]:
    """ "If you V, Q" where Q is about a thing."""
    if s.condition is None or s.subject is None or s.past or _lacks_auxiliary(s.main) or s.lemma in ("be", "mean"):
        return
    first = clause(s.condition)
    if first.subject is None or not s.sentence.person(first.subject) or not thing(s.sentence, s.subject):
        return
    if first.verb.lemma_ == "be" or s.passive or s.condition.i > s.verb.i or s.modals - {"will", "likely"}:
        return
    head = s.sentence.event(first)
    if head is None or s.told is None or is_human(s.subject):
        return
    owner = next((t for t in s.subject.children if t.tag_ == "PRP$"), None)
    about = s.sentence.context.event or head.text
    if owner is None:
        yield found(about, "Causes", s.told, s.negated)
        return
    for effect in s.predicate("V-s", person=True):  # "your body rests"
        own = f"{s.sentence.subject_text(s.subject).removeprefix(owner.lower_).strip()} {effect.text}"
        yield Found(about, "xEffect", own, s.subject.idx, effect.end, s.negated)


@pattern(
    "cannot_if",
    1,
    yes={
        "If you do not have money, you cannot shop.": (
            "PersonX shops",
            "HinderedBy",
            "PersonX does not have money",
        ),
        "You cannot sleep if you are not comfortable.": ("PersonX sleeps", "HinderedBy", "PersonX is not comfortable"),
    },
    no=("Cats cannot fly.", "If you have money, you can shop."),
)
def cannot_if(s: Statement) -> Iterator[Found]:
    """ "X cannot V if P": P hinders V-ing."""
    if s.condition is None or not s.negated or s.modals != {"can"} or s.past or s.subject is None:
        return
    hindrance = s.of_clause(s.condition)
    who = s.sentence.person(s.subject) or thing(s.sentence, s.subject)
    for deed in s.predicate("V-s", person=bool(s.person)) if who else ():
        if hindrance and not hindrance.startswith(("it ", "they ")):
            given = s.sentence.gerund(s.condition)
            yield Found(f"{who} {deed.text}", "HinderedBy", hindrance, given.start, given.end)


def _follows_person(s: Statement, first: Clause) -> bool:
    """ "When a prisoner tries to escape, they ...": what comes of it for a kind of persons."""
    pronoun = s.subject is not None and s.subject.lower_ in ("they", "he", "she")
    return pronoun and first.subject is not None and (is_human(first.subject) or is_role(first.subject))


def _of_state(s: Statement, given: "Token") -> Iterator[Found]:
    """ "Clothes become torn when caught on a nail"."""
    if given.tag_ == "VBN" and s.subject is not None and thing(s.sentence, s.subject) and s.told is not None:
        state = s.sentence.gerund(given).text.split(" ", 1)[-1]
        be = "are" if s.subject.tag_ in ("NNS", "NNPS") else "is"
        yield found(f"{s.sentence.subject_text(s.subject)} {be} {state}", "Causes", s.told, s.negated)


def _stopped(s: Statement, leading: "Token", hindrance: Phrase) -> Iterator[Found]:
    """ "When P, X does not V": P hinders that X V-s."""
    subject = s.subject
    if subject is not None and subject.pos_ == "PRON":
        subject = leading
    done = s.sentence.event(replace(s.main, subject=subject, negated=False))
    if done is not None:
        yield found(done.text, "HinderedBy", hindrance)


def _lacks_auxiliary(main: Clause) -> bool:
    """ "sold off" of "it is closed or sold off"."""
    return main.verb.tag_ == "VBN" and not any(t.dep_ in ("aux", "auxpass") for t in main.verb.children)


def _is_mind(given: Clause) -> bool:
    """Whether a clause tells a state of mind: "they are happy", "it wants food", "they feel threatened"."""
    state = given.child("acomp")
    felt = given.verb.lemma_ == "be" and state is not None and state.lower_ in FEELINGS | {"satisfied"}
    return felt or given.verb.lemma_ in ("feel", "want", "need") or given.verb.lower_ in FEELINGS


def _told_of(sentence: Sentence, given: Clause, subject: "Token", is_pronoun: bool) -> Phrase | None:
    """The event of a clause; its pronoun, if it has one, is written as the `subject` that it means."""
    if not is_pronoun:
        return sentence.event(given)
    one = subject.tag_ in ("NN", "NNP")
    name = sentence.noun(subject, whole=True).text if one else subject.lower_
    phrases = sentence.verbs(given.verb, "V-s" if one else "plural")
    if given.negated:
        event = sentence.event(replace(given, subject=subject))
        return Phrase(event.text, event.start, event.end) if event is not None else None
    return next((Phrase(f"{name} {p.text}", p.start, p.end) for p in phrases), None)
