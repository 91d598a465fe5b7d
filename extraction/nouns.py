"""What nouns tell: persons and roles, places, parts, actions."""

from typing import TYPE_CHECKING

from extraction.grammar import coordinated
from extraction.words import ABSTRACT_PARTS, HUMANS, SITES, SURFACES, THINGS_IN_ING, word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

PLACED = word_set(
    "put hold find locate situate keep store station place house sell see display hide grow package pack buy "
    "purchase hang mount install hear enclose raise plant post carry serve speak encounter wear situate bury cage"
)
PARTS = frozenset({"part", "component", "member", "constituent", "ingredient"})
LIVES = word_set("live lie sit exist belong occur stay stand hang grow reside happen")
PLACES = word_set(
    "in at on near inside under outside along within between underneath beneath behind above below beside"
)
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
    "response addition general number direction past future danger trouble shape size part color "
    "writing rate climate average condition type variety style kind cycle situation"
)
_NO_PLACES = ("DATE", "TIME", "PERCENT", "PERSON", "QUANTITY", "CARDINAL", "MONEY", "LANGUAGE")


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


def is_passive(verb: "Token") -> bool:
    """Whether a verb is in the passive: "carried" of "to be carried"."""
    return any(t.dep_ == "auxpass" for t in verb.children)


def is_there(verb: "Token") -> bool:
    """Whether a copula has no complement but a place: "the mess is on the table"."""
    return not any(t.dep_ in ("attr", "acomp", "oprd") for t in verb.children)


def is_pointed_at(subject: "Token | None", later: bool = True) -> bool:
    """Whether a noun means certain things that were told of before: "these dogs", "someone", `later` "the workers"."""
    if subject is None or subject.lower_ in ("someone", "some", "one"):
        return True
    leading = {t.lower_ for t in subject.children if t.dep_ == "det"}
    many = later and subject.tag_ == "NNS" and "the" in leading
    return bool(leading & {"this", "that", "these", "those"}) or (many and _is_bare(subject))


def _is_bare(noun: "Token") -> bool:
    return not any(t.dep_ in ("amod", "compound", "prep", "relcl", "acl", "poss", "nmod") for t in noun.children)


def follows(verb: "Token") -> bool:
    """Whether a clause draws a conclusion: "so X is ..."."""
    return any(t.dep_ == "advmod" and t.i < verb.i and t.lower_ == "so" for t in verb.children)


def denies(noun: "Token") -> bool:
    """ "no ink" of "it has no ink"."""
    return any(t.dep_ == "det" and t.lower_ == "no" for t in noun.children)


def tells_part(token: "Token") -> bool:
    """Whether "X is a part of Y" tells a part, and not what kind of part: "the most important part of Y"."""
    told = any(t.dep_ == "amod" or (t.dep_ == "det" and t.lower_ == "the") for t in token.children)
    told = told or token.lemma_ == "member" or not any(t.dep_ == "det" for t in token.children)
    return not told and any(t.dep_ == "prep" and t.lower_ == "of" for t in token.children)


def is_site(token: "Token") -> bool:
    """Whether a noun is plainly a place: a country, a city, a building, a room."""
    return token.ent_type_ in ("GPE", "LOC", "FAC") or token.lemma_.lower() in SITES | SURFACES


def is_country(token: "Token") -> bool:
    """Whether what a place has is there and no part of it: a city or country."""
    return token.ent_type_ in ("GPE", "LOC")


def is_part(token: "Token") -> bool:
    """Whether a noun names a part or material and no trait."""
    lemma = token.lemma_.lower()
    abstract = lemma in ABSTRACT_PARTS or lemma.endswith(("ity", "tion", "ness", "ment", "ance", "ence", "ship", "ism"))
    measured = any(d.like_num for t in token.children if t.dep_ == "prep" for d in t.subtree)
    more = any(t.tag_ == "JJR" and t.dep_ == "amod" for t in token.children)
    return token.pos_ in ("NOUN", "PROPN") and not (abstract or measured or more)


def is_doing(token: "Token") -> bool:
    """Whether a noun says an action: "wiggling" and "running a race", but no "building"."""
    return token.tag_ == "VBG" or (
        token.tag_ == "NN" and token.lower_.endswith("ing") and len(token) > 5 and token.lower_ not in THINGS_IN_ING
    )


def is_activity(token: "Token") -> bool:
    """Whether a noun names an activity: "hunting", "construction", "agriculture"."""
    lemma = token.lemma_.lower()
    return is_doing(token) or (token.tag_ == "NN" and lemma.endswith(("tion", "ture", "ment", "try", "sport", "ics")))


def is_role(token: "Token | None") -> bool:
    """Whether a noun names a role of a person: student, teacher, dentist, librarian, ..."""
    lemma = token.lemma_.lower() if token is not None else ""
    return lemma.endswith(_ROLE_ENDINGS) and lemma not in _NO_ROLES
