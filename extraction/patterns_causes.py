"""What causes, results from and hinders what, persons' minds aside."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from extraction.grammar import Clause, clause, condition, coordinated, core, mark_of, members, objects_of, raised
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase, Sentence
from extraction.who import is_doing, is_human, thing, things
from extraction.words import EMPTY_HEADS, FEELING_NOUNS, FEELINGS, word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_NO_EFFECT = word_set(
    "be cause lead result contribute make require need involve include mean take use have bring refer prevent "
    "become seem "
    "signify indicate show suggest imply"
)


@pattern(
    "thing_consequence",
    2,
    yes={
        "Tires wear out when they are used for a long time.": (
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
    },
    no=("Cats are careful when they walk.",),
)
def thing_consequence(sentence: Sentence) -> Iterator[Found]:
    """ "When P, Q" about things."""
    for main in sentence.clauses:
        given = condition(main)
        if (
            given is None
            or main.subject is None
            or (sentence.person(main.subject) and main.subject.lower_ not in ("they",))
            or is_human(main.subject)
        ):
            continue
        first = clause(given)
        if main.modals & {"can", "could"} or main.verb.lemma_ == "be":
            continue
        if first.subject is None and given.tag_ == "VBN" and thing(sentence, main.subject):
            tail, state = sentence.event(main), sentence.gerund(given).text.split(" ", 1)[-1]
            be = "are" if main.subject.tag_ in ("NNS", "NNPS") else "is"
            if tail is not None:
                yield found(f"{sentence.subject_text(main.subject)} {be} {state}", "Causes", tail, main.negated)
        if first.subject is None:
            continue
        if sentence.person(first.subject) and first.subject.lower_ != "they":
            continue
        if (main.past and mark_of(given) != "if") or _lacks_auxiliary(main):
            continue
        leading, following = (first, main) if first.subject.i < main.subject.i else (main, first)
        if leading.subject is None or not thing(sentence, leading.subject):
            continue
        head, tail = sentence.event(first), sentence.event(main)
        if following.subject is not None and following.subject.pos_ == "PRON":
            if following.subject.lower_ != ("they" if leading.subject.tag_ in ("NNS", "NNPS") else "it"):
                continue
            head, tail = (_told_of(sentence, c, leading.subject, c is following) for c in (first, main))
        if head is not None and tail is not None:
            yield found(head.text, "Causes", tail, main.negated)


@pattern(
    "deed_consequence",
    1,
    yes={
        "Tires wear out if you drive too long.": ("PersonX drives too long", "Causes", "tires wear out"),
    },
    no=("If you run, you get tired.", "A store is open when you arrive."),
)
def deed_consequence(sentence: Sentence) -> Iterator[Found]:
    """ "If you V, Q" where Q is about a thing."""
    for main in sentence.clauses:
        given = condition(main)
        if given is None or main.subject is None or main.past or _lacks_auxiliary(main) or main.verb.lemma_ == "be":
            continue
        first = clause(given)
        if first.subject is None or not sentence.person(first.subject) or not thing(sentence, main.subject):
            continue
        if is_human(main.subject) or main.verb.lemma_ == "mean":
            continue
        head, tail = sentence.event(first), sentence.event(main)
        if head is not None and tail is not None and not main.modals & {"can", "could"}:
            yield found(sentence.context.event or head.text, "Causes", tail, main.negated)


@pattern(
    "causes",
    2,
    yes={
        "Smoking causes cancer.": ("smoking", "Causes", "cancer"),
        "Heavy rain leads to floods.": ("heavy rain", "Causes", "flood"),
        "Floods are caused by heavy rain.": ("heavy rain", "Causes", "flood"),
        "War is likely to lead to deaths.": ("war", "Causes", "death"),
        "Happiness comes from success.": ("success", "Causes", "happiness"),
        "The delay is due to the weather.": ("weather", "Causes", "delay"),
    },
    no=("Milk comes from cows.",),
)
def causes(sentence: Sentence) -> Iterator[Found]:
    """ "X causes Y", "leads to", "results in", "is caused by"."""
    for main in sentence.clauses:
        verb = raised(main)
        if main.subject is None or sentence.person(main.subject) or condition(main) is not None:
            continue
        for origin in _origins(main) if main.subject.pos_ != "PRON" else ():
            for cause in coordinated(origin):
                yield found(sentence.noun(cause).text, "Causes", sentence.noun(main.subject), main.negated)
        if main.passive:
            agent = next((p for t in verb.children if t.dep_ == "agent" for p in t.children if p.dep_ == "pobj"), None)
            if verb.lemma_ == "cause" and agent is not None:
                own = sentence.noun(main.subject)
                for cause in coordinated(agent):
                    for result in things(sentence, main):
                        source = sentence.noun(cause).text
                        yield Found(source, "Causes", result, own.start, own.end, main.negated)
            continue
        heads = [sentence.noun(t).text for t in coordinated(main.subject) if _can_cause(t)]
        for tail in _effects(sentence, main):
            for head in heads:
                yield found(head, "Causes", tail, main.negated)


@pattern(
    "gerund_effect",
    1,
    yes={
        "Bringing suit against a rival could aggravate the rivalry.": (
            "bringing suit against a rival",
            "Causes",
            "aggravate the rivalry",
        ),
        "Exercising helps relieve pain.": ("exercising", "Causes", "relieve pain"),
    },
    no=("Running is healthy.", "Losing a friend can cause sadness.", "Walking requires energy."),
)
def gerund_effect(sentence: Sentence) -> Iterator[Found]:
    """ "V-ing can V", "V-ing helps to V": what an action does."""
    for main in sentence.clauses:
        verb, subject = raised(main), main.subject
        if subject is None or not is_doing(subject) or condition(main) is not None:
            continue
        if any(t.i < subject.i and t.dep_ in ("det", "poss", "compound", "npadvmod", "amod") for t in subject.children):
            continue
        if verb.lemma_ == "help":
            verb = next((t for t in verb.children if t.dep_ in ("xcomp", "ccomp")), verb)
        if verb.pos_ != "VERB" or verb.lemma_ in _NO_EFFECT or main.past or main.passive:
            continue
        if verb.lemma_ != "help" and not any(t.dep_ in ("dobj", "ccomp") for t in verb.children):
            continue
        for tail in sentence.predicate(verb, "V"):
            yield found(sentence.gerund(subject).text, "Causes", tail, main.negated)


@pattern(
    "result_of",
    2,
    yes={
        "Frustration is the result of failing to win.": ("PersonX fails to win", "xReact", "frustration"),
        "The brightest areas are the result of light pollution.": ("light pollution", "Causes", "brightest area"),
    },
)
def result_of(sentence: Sentence) -> Iterator[Found]:
    """ "X is the result of Y", "X is the cause of Y"."""
    for main in sentence.clauses:
        attribute = main.child("attr")
        if (
            main.verb.lemma_ != "be"
            or main.subject is None
            or attribute is None
            or attribute.lemma_ not in ("result", "cause")
        ):
            continue
        subject = thing(sentence, main.subject)
        others = [
            p
            for t in attribute.children
            if t.dep_ == "prep" and t.lower_ == "of"
            for p in t.children
            if p.dep_ == "pobj"
        ]
        for doing in (p for t in attribute.children if t.dep_ == "prep" for p in t.children if p.dep_ == "pcomp"):
            if subject and attribute.lemma_ == "result" and main.subject.lemma_.lower() in FEELING_NOUNS:
                for p in sentence.verbs(doing, "V-s", person=True)[:1]:
                    yield found(f"{sentence.slot} {p.text}", "xReact", sentence.noun(main.subject), main.negated)
            elif subject and attribute.lemma_ == "result":
                yield found(sentence.gerund(doing).text, "Causes", sentence.noun(main.subject), main.negated)
        for other in (sentence.noun(m) for first in others for m in members(first)):
            own = sentence.noun(main.subject)
            if subject and attribute.lemma_ == "result":
                yield found(other.text, "Causes", own, main.negated)
            elif subject:
                yield found(subject, "Causes", other, main.negated)


@pattern(
    "hinders",
    1,
    yes={
        "Bad weather can prevent the flight.": ("flight", "HinderedBy", "bad weather"),
        "Vision can be obstructed by darkness.": ("vision", "HinderedBy", "darkness"),
    },
)
def hinders(sentence: Sentence) -> Iterator[Found]:
    """ "X prevents Y", "Y is hindered by X"."""
    for main in sentence.clauses:
        if (
            main.verb.lemma_ not in ("prevent", "hinder", "obstruct", "stop", "impede", "block", "interrupt")
            or main.subject is None
        ):
            continue
        if main.passive:
            agents = [p for t in main.verb.children if t.dep_ == "agent" for p in t.children if p.dep_ == "pobj"]
            about = sentence.context.event if main.subject.lower_ in ("it", "this") else thing(sentence, main.subject)
            for agent in (a for first in agents for a in members(first)):
                yield found(about, "HinderedBy", sentence.noun(agent), main.negated)
        elif (
            (obj := main.child("dobj")) is not None
            and thing(sentence, main.subject)
            and obj.pos_ == "NOUN"
            and main.child("prep") is None
        ):
            for target in coordinated(obj):
                yield found(sentence.noun(target).text, "HinderedBy", sentence.noun(main.subject), main.negated)


def _lacks_auxiliary(main: Clause) -> bool:
    """ "sold off" of "it is closed or sold off"."""
    return main.verb.tag_ == "VBN" and not any(t.dep_ in ("aux", "auxpass") for t in main.verb.children)


def _told_of(sentence: Sentence, given: Clause, subject: "Token", is_pronoun: bool) -> Phrase | None:
    """The event of a clause; its pronoun, if it has one, is written as the `subject` that it means."""
    if not is_pronoun:
        return sentence.event(given)
    one = subject.tag_ in ("NN", "NNP")
    name = sentence.noun(subject, whole=True).text if one else subject.lower_
    return next(
        (Phrase(f"{name} {p.text}", p.start, p.end) for p in sentence.verbs(raised(given), "V-s" if one else "plural")),
        None,
    )


def _can_cause(token: "Token") -> bool:
    return token.pos_ in ("NOUN", "PROPN", "VERB") and core(token).lemma_.lower() not in EMPTY_HEADS


def _origins(main: Clause) -> list["Token"]:
    """What a clause says that its subject comes from: "is due to N", "results from N", "comes from N" of a feeling."""
    verb, subject = main.verb, main.subject
    state = main.child("acomp")
    if verb.lemma_ == "be" and state is not None and state.lower_ == "due":
        return [t for t in objects_of(state, {"to"}) if t.pos_ in ("NOUN", "PROPN")]
    comes = verb.lemma_ == "come" and subject is not None and subject.lemma_.lower() in FEELING_NOUNS
    if comes or verb.lemma_ in ("result", "stem", "arise"):
        return [t for t in objects_of(verb, {"from"}) if t.pos_ in ("NOUN", "PROPN")]
    return []


def _effects(sentence: Sentence, main: Clause) -> Iterator[Phrase]:
    main = replace(main, verb=raised(main))
    verb = main.verb
    if verb.lemma_ == "make" and (inner := main.child("ccomp")) is not None and inner.lower_ not in FEELINGS:
        made = sentence.event(clause(inner))
        if made is not None and inner.pos_ == "VERB" and inner.lemma_ != "feel":
            yield made
        return
    if verb.lemma_ == "cause":
        inner = main.child("ccomp", "xcomp")
        if inner is not None:
            phrase = sentence.event(clause(inner))
            if phrase is not None and inner.lemma_ != "feel":
                yield phrase
            return
        obj = main.child("dobj")
    else:
        link = {"lead": "to", "result": "in", "contribute": "to"}.get(verb.lemma_)
        obj = next(
            (p for t in verb.children if t.dep_ == "prep" and t.lower_ == link for p in t.children if p.dep_ == "pobj"),
            None,
        )
        if obj is not None and verb.lemma_ == "lead" and obj.ent_type_ in ("GPE", "LOC", "FAC"):
            return
    if obj is not None and not (
        main.subject is not None and main.subject.tag_ == "VBG" and obj.lemma_ in FEELING_NOUNS
    ):
        yield from sentence.complements(obj)
