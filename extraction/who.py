"""Whom or what a clause is about: things and kinds as heads, and the events that happen to an example person."""

from typing import TYPE_CHECKING

from extraction.grammar import SUBJECTS, Clause, clause, condition, coordinated, core, is_name, raised
from extraction.sentences import Sentence
from extraction.words import ABSTRACT_PARTS, EMPTY_HEADS, HUMANS, QUANTIFIERS, SITES, THINGS_IN_ING, word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

PLACED = word_set(
    "put hold find locate situate keep store station place house sell see display hide grow package pack buy "
    "purchase hang mount install"
)
LIVES = word_set("live lie sit exist belong occur stay stand hang grow reside happen")
PLACES = word_set("in at on near inside under outside along within")
MADE = frozenset({"make", "compose", "comprise", "construct", "build"})
MADE_FOR = word_set("design write mean intend make build create wear install")  # "designed to V"
_ROLE_ENDINGS = ("er", "or", "ist", "ent", "ian", "ant", "man", "ee", "child", "nurse", "chef", "guard")
_NO_ROLES = word_set(
    "water paper computer river flower letter weather government equipment plant event instrument number "
    "container restaurant order door floor color tree monitor motor mirror printer drawer theater center "
    "corner"
)
_NO_SITES = word_set(
    "case way order fact time need term contrast state form use elevation charge etc etc. process reference "
    "response addition general number direction past future danger trouble shape size part front color "
    "average condition type variety style kind cycle situation"
)
_NO_PLACES = ("DATE", "TIME", "PERCENT", "PERSON", "QUANTITY", "CARDINAL", "MONEY", "LANGUAGE")
_THINGS = frozenset({"it", "they"})
_GENERAL = {"people": "person", "humans": "human", "person": "person", "human": "human"}


def things(sentence: Sentence, clause: Clause) -> list[str]:
    """The things or kinds of agent that are the subject of a clause; nothing for persons and empty words."""
    subject = clause.subject
    if subject is None:
        return []
    if subject.dep_ == "csubj" and subject.tag_ == "VBG" and clause.verb.lemma_ == "be":
        return [p.text] if (p := sentence.gerund(subject)).text else []
    if any(t.dep_ == "det" and t.lower_ == "no" for t in subject.children):
        return []
    if subject.lower_ in _THINGS and subject.pos_ == "PRON":
        return _meant(sentence, subject)
    return [head for t in coordinated(subject) if (head := thing(sentence, core(t)))]


def _meant(sentence: Sentence, pronoun: "Token") -> list[str]:
    """What `it` or `they` mean: a subject before them, the prompt's thing, or the subject of the last sentence."""
    before = sentence.subject_before(pronoun)
    if before is not None and (named := thing(sentence, before)):
        return [named]
    context = sentence.context
    if context.event or before is not None:
        return []
    plural = pronoun.lower_ == "they"
    known = context.thing or (context.antecedent if plural == context.many else "")
    return [known] if known else []


def thing(sentence: Sentence, token: "Token") -> str:
    """The noun phrase of `token` as a thing, or an empty string when it is a person, a name or says nothing."""
    named = token.dep_ in SUBJECTS and any(t.dep_ == "det" for t in token.children)  # "a state's fair/ADJ"
    if not (token.pos_ in ("NOUN", "PROPN", "VERB") or (named and token.pos_ == "ADJ")):
        return ""
    if is_name(token) or sentence.person(token):
        return ""
    if token.pos_ == "VERB" and token.tag_ != "VBG":
        return ""
    if token.lemma_.lower() in EMPTY_HEADS or any(t.tag_ == "PRP$" for t in token.children):
        return ""
    return sentence.noun(token).text


def event(sentence: Sentence, clause: Clause) -> str:
    """The event that the clause tells a consequence of, or an empty string.

    It is said by a condition ("If you run, you ..."), by a relative clause ("People who run ..."), by what the person
    has or is ("Hungry people ..."), by a gerund ("Running makes you ..."), or it is the one that the prompt is about.
    """
    return (
        _conditional(sentence, clause)
        or _relative(sentence, clause)
        or _from_doing(sentence, clause)
        or (sentence.context.event if _is_about(sentence, clause) else "")
    )


def actor(sentence: Sentence, clause: Clause) -> str:
    """The slot of the person who is the subject, also through "people who ..." and "that person"."""
    subject = clause.subject
    if subject is None:
        return ""
    if described(subject) or (is_human(subject) and condition(clause) is not None):
        return sentence.slot
    return sentence.person(subject)


def is_human(token: "Token") -> bool:
    """Whether a noun is a kind of persons whom something can happen to: children, students."""
    return token.pos_ == "NOUN" and token.lemma_.lower() in HUMANS


def described(subject: "Token") -> "Token | None":
    """The word that says which persons: V of "people who V", "with" of "people with N", "hungry" of "hungry people"."""
    if subject.lemma_.lower() not in ("person", "people", "one", "those", "someone", "human", "individual", "anyone"):
        return None
    for t in subject.children:
        if t.dep_ in ("relcl", "acl") or (t.dep_ == "prep" and t.lower_ == "with"):
            return t
    return next(
        (
            t
            for t in subject.children
            if t.dep_ == "amod" and t.pos_ == "ADJ" and t.lower_ not in ("most", "many", "other", "more", "several")
        ),
        None,
    )


def _conditional(sentence: Sentence, main: Clause) -> str:
    verb = condition(main)
    if verb is None:
        return ""
    given = clause(verb)
    if given.subject is not None and sentence.person(given.subject) and sentence.context.event:
        return sentence.context.event
    if given.subject is None:
        return _without_subject(sentence, verb, main)
    if given.subject.lower_ in ("they", "he", "she") and main.subject is not None and is_human(main.subject):
        phrases = sentence.verbs(raised(given), "V-s", person=True)
        return f"{sentence.slot} {phrases[0].text}" if phrases and not given.negated else ""
    phrase = sentence.event(given)
    if phrase is None or phrase.text.endswith((" do", " does")):
        return ""
    return phrase.text


def _without_subject(sentence: Sentence, verb: "Token", main: Clause) -> str:
    """The event of "when bored, people ..." and "when waiting for a bus, people ..."."""
    if main.subject is None or not sentence.person(main.subject) or verb.tag_ in ("VB", "VBZ", "VBP", "VBD"):
        return ""
    if verb.tag_ == "VBG":
        return f"{sentence.slot} {p[0].text}" if (p := sentence.verbs(verb, "V-s", person=True)) else ""
    return f"{sentence.slot} is {sentence.gerund(verb).text.removeprefix('when ').removeprefix('if ')}"


def _relative(sentence: Sentence, main: Clause) -> str:
    if main.subject is None:
        return ""
    word = described(main.subject)
    if word is None:
        return ""
    slot = sentence.slot
    if word.dep_ == "prep":
        noun = next((t for t in word.children if t.dep_ == "pobj"), None)
        return f"{slot} has {sentence.noun(noun, whole=True).text}" if noun is not None else ""
    if word.dep_ == "amod":
        return f"{slot} is {word.lower_}"
    inner = clause(word)
    if inner.subject is not None and inner.subject.lower_ not in ("who", "that"):
        return ""
    phrases = sentence.verbs(word, "V-s", person=True)
    denial = "does not " if inner.negated and word.lemma_ != "be" else ""
    if not phrases:
        return ""
    text = sentence.verbs(word, "V", person=True)[0].text if denial else phrases[0].text
    return f"{slot} {denial}{text}"


def _from_doing(sentence: Sentence, main: Clause) -> str:
    """The event of "people become fat from eating too much" and "a person feels good after eating"."""
    if main.subject is None or not sentence.person(main.subject):
        return ""
    carriers = [main.verb, *(t for t in main.verb.children if t.dep_ == "acomp")]
    for word in (t for carrier in carriers for t in carrier.children):
        if word.dep_ == "prep" and word.lower_ in ("from", "after", "upon") and word.i > main.verb.i:
            for doing in (t for t in word.children if t.dep_ == "pcomp" and t.tag_ == "VBG"):
                return f"{sentence.slot} {p[0].text}" if (p := sentence.verbs(doing, "V-s", person=True)) else ""
    return ""


def _is_about(sentence: Sentence, main: Clause) -> bool:
    return bool(sentence.context.event) and main.subject is not None and bool(sentence.person(main.subject))


def is_described(main: Clause) -> bool:
    return main.subject is not None and described(main.subject) is not None


def _anyone(sentence: Sentence, main: Clause) -> str:
    """The kind that a clause about persons in general is about: "person" of "People are curious", "human"."""
    subject = main.subject
    if subject is None or sentence.context.event or condition(main) is not None:
        return ""
    if any(t.dep_ not in ("det", "punct") and t.lower_ not in QUANTIFIERS for t in subject.children):
        return ""
    if subject.tag_ == "NN" and not (main.modals or raised(main) is not main.verb):
        return ""
    return _GENERAL.get(subject.lower_, "")


def states(sentence: Sentence, main: Clause) -> list[str]:
    """Heads of a clause about things; the past tells of one occasion."""
    if main.past or is_described(main):
        return []
    anyone = _anyone(sentence, main)
    return [anyone] if anyone else things(sentence, main)


def agents(sentence: Sentence, main: Clause) -> list[str]:
    """Heads of a clause about what a kind does, persons in general included."""
    subject = main.subject
    if subject is None or main.past or sentence.context.event:
        return []
    if (anyone := _anyone(sentence, main)) and described(subject) is None:
        return [anyone]
    if is_name(subject):
        return []
    which = described(subject)
    if which is not None and which.dep_ != "amod":
        return []
    if described(subject) is not None and any(t.dep_ == "amod" for t in subject.children):
        return [sentence.noun(subject).text]
    return [] if subject.dep_ == "csubj" or is_doing(subject) else things(sentence, main)


def places(carrier: "Token", fronted: bool = False) -> list["Token"]:
    """Nouns of place that hang on a verb or adjective: "in banks and offices"; `fronted` also those before it."""
    first = [
        p
        for t in carrier.children
        if t.dep_ in ("prep", "advmod") and t.lower_ in PLACES and (fronted or t.i > carrier.i)
        for p in (*t.children, *(o for of in t.children if of.dep_ == "prep" for o in of.children))
        if p.dep_ == "pobj" and p.ent_type_ not in _NO_PLACES and p.pos_ != "PRON"
    ]
    return [m for p in first for m in coordinated(p) if m.lemma_ not in _NO_SITES]


def is_site(token: "Token") -> bool:
    """Whether a noun is plainly a place: a country, a city, a building, a room."""
    return token.ent_type_ in ("GPE", "LOC", "FAC") or token.lemma_.lower() in SITES


def has_goods(token: "Token") -> bool:
    """Whether what a place has is there and no part of it: a country, a shop, a library."""
    return token.ent_type_ in ("GPE", "LOC") or (token.lemma_.lower() in SITES - {"house", "building", "home"})


def is_part(token: "Token") -> bool:
    """Whether a noun names a part or material and no trait."""
    lemma = token.lemma_.lower()
    abstract = lemma in ABSTRACT_PARTS or lemma.endswith(("ity", "tion", "ness", "ment", "ance", "ence", "ship", "ism"))
    measured = any(p.pos_ == "NUM" for t in token.children if t.dep_ == "prep" for p in t.children)
    return token.pos_ in ("NOUN", "PROPN") and not abstract and not measured


def is_doing(token: "Token") -> bool:
    """Whether a noun says an action: "wiggling" and "running a race", but no "building"."""
    return token.tag_ == "VBG" or (
        token.tag_ == "NN" and token.lower_.endswith("ing") and len(token) > 5 and token.lower_ not in THINGS_IN_ING
    )


def is_role(token: "Token | None") -> bool:
    """Whether a noun names a role of a person: student, teacher, dentist, librarian, ..."""
    lemma = token.lemma_.lower() if token is not None else ""
    return lemma.endswith(_ROLE_ENDINGS) and lemma not in _NO_ROLES
