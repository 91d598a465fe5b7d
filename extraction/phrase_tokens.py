"""Which tokens of a dependency subtree belong to a phrase that is written out of it."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from extraction.grammar import CONDITIONS, SUBJECTS, base_form, coordinated, is_misread, mark_of
from extraction.words import HEDGES, QUANTIFIERS, third_person, word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

ADVERBIAL_MARKS = frozenset(
    {"if", "when", "whenever", "because", "since", "although", "though", "while", "whereas", "unless", "as", "so"}
)
_ALONE = word_set(  # verbs that need no object
    "go come run walk swim fly sleep sit stand live die grow work rest play relax wait move jump talk sing dance eat "
    "drink travel arrive stop listen look speak happen exist occur fall rise bark lie laugh cry think breathe be feel "
    "become return smile shout sweat hide survive jog exercise"
)
_POINTING = frozenset({"this", "that", "these", "those"})


def own_tokens(token: "Token", whole: bool) -> list["Token"]:
    """The subtree of `token`, without what is joined to it (unless `whole`) and without appositions and asides."""
    out: list[Token] = []
    for t in sorted([*token.children, token], key=lambda t: t.i):
        if t is token or t == token:
            out.append(t)
        elif (t.dep_ in ("conj", "cc", "preconj") and not whole) or t.dep_ in ("appos", "parataxis", "meta"):
            continue
        else:
            out += list(t.subtree)
    joined = [t.left_edge.i for t in token.children if t.dep_ in ("conj", "cc") and t.i > token.i]
    if joined and not whole:
        out = [t for t in out if not (t.is_punct and t.head == token and t.i >= min(joined) - 1)]
    return out


def joint_objects(verb: "Token") -> list["Token"]:
    """The heads of joined objects of the verb: "carpets and ropes", of a direct object or of its preposition."""
    direct = [t for t in verb.children if t.dep_ in ("dobj", "attr", "acomp", "oprd")]
    through = [p for t in verb.children if t.dep_ == "prep" for p in t.children if p.dep_ == "pobj"]
    return [
        t
        for t in [*direct, *through]
        if t.i > verb.i and any(c.dep_ == "conj" and c.pos_ == t.pos_ for c in t.children)
    ]


def each_object(verb: "Token") -> list["Token | None"]:
    joint = joint_objects(verb)
    return list(coordinated(joint[-1])) if joint else [None]


def shares_object(verb: "Token") -> "Token | None":
    """The last of joined verbs, if its object is also that of `verb`: "create" of "design and create gardens"."""
    if verb.lemma_ in _ALONE or any(t.i > verb.i and t.dep_ not in ("cc", "conj", "punct") for t in verb.children):
        return None
    if any(t.dep_ == "auxpass" for t in verb.children) or verb.tag_ == "VBN":
        return None
    joined = [t for t in verb.subtree if t.dep_ == "conj" and t.i > verb.i and t in coordinated(verb)]
    if not joined and verb.dep_ == "conj":
        joined = [t for t in coordinated(verb.head) if t.i > verb.i]
    last = next((t for t in joined if any(c.dep_ == "dobj" for c in t.children)), None)
    if (
        last is None
        or last.lemma_ == "do"
        or not _same_form(last, verb)
        or any(c.dep_ in SUBJECTS for c in last.children)
    ):
        return None
    between = verb.doc[verb.i + 1 : last.i]
    return last if all(t in joined or t.dep_ in ("cc", "punct") or t.lower_ in HEDGES for t in between) else None


def _same_form(one: "Token", other: "Token") -> bool:
    return one.tag_ == other.tag_ or {one.tag_, other.tag_} == {"VB", "VBP"}


def agreeing(noun: "Token") -> dict[int, str]:
    """The verbs of "people who hike" in the singular: of the relative clause whose subject is the plural noun."""
    found: dict[int, str] = {}
    if noun.lower_ == "people":
        return found
    for first in (t for t in noun.children if t.dep_ == "relcl"):
        if not any(t.dep_ in SUBJECTS and t.lower_ in ("who", "that", "which") for t in first.children):
            continue
        for verb in coordinated(first):
            if verb == first or not any(t.dep_ in SUBJECTS for t in verb.children):
                finite = [t for t in (*verb.children, verb) if t == verb or t.dep_ in ("aux", "auxpass")]
                found |= {t.i: third_person(base_form(t)) for t in finite if t.tag_ == "VBP"}
    return found


def points_back(t: "Token") -> bool:
    """Whether a part of a noun phrase says at what, told of before: "at these venues", "beyond it"."""
    if t.dep_ != "prep" or t.lower_ == "of":
        return False
    return any(p.dep_ == "pobj" and is_told(p) for p in t.children)


def is_told(noun: "Token") -> bool:
    """Whether a noun or pronoun means what was told of before: "them", "these venues"."""
    pointing = noun.lower_ in _POINTING or any(t.dep_ == "det" and t.lower_ in _POINTING for t in noun.children)
    return pointing or noun.lower_ in ("it", "them")


def is_detail(t: "Token") -> bool:
    """Whether a part of a class tells names or dates: "1939", "by Agatha Christie", "that aired from 2005 to 2013"."""
    if t.ent_type_ == "DATE" and t.dep_ in ("nummod", "amod", "compound") and any(c.isdigit() for c in t.text):
        return True
    if t.dep_ not in ("relcl", "acl", "prep"):
        return False
    if t.dep_ == "prep" and t.lower_ not in ("by", "from", "with", "starring"):
        return False
    return any(d.ent_type_ == "PERSON" or (d.ent_type_ == "DATE" and d.like_num) for d in t.subtree)


def is_degree(t: "Token", token: "Token") -> bool:
    """ "so" and "that it floats" of "so light that it floats"."""
    so = token.pos_ == "ADJ" and any(c.lower_ == "so" for c in token.children)
    return so and (t.lower_ == "so" or (t.dep_ == "ccomp" and t.i > token.i))


def is_set_apart(t: "Token", noun: "Token") -> bool:
    return t.i > noun.i and t.dep_ in ("acl", "prep", "advcl", "appos", "relcl", "amod") and is_after_comma(t)


def leads_noun(t: "Token") -> bool:
    return (
        t.dep_ == "det"
        or t.lower_ in HEDGES
        or (t.lower_ in QUANTIFIERS and t.dep_ in ("amod", "det", "predet"))
        or (t.lower_ in QUANTIFIERS - {"more", "most"} and t.dep_ == "advmod")
        or t.dep_ in ("predet",)
    )


def is_after_comma(t: "Token") -> bool:
    first = t.left_edge
    return first.i > 0 and first.nbor(-1).text == ","


def leaves_verb(t: "Token", verb: "Token") -> bool:
    """Whether a dependent does not belong to the verb phrase: subject, auxiliary, denial, hedge, adverbial clause."""
    if t.dep_ in SUBJECTS or t.dep_ in ("aux", "auxpass", "neg", "mark", "expl", "intj", "dep"):
        return True
    if t.dep_ == "advmod" and (
        t.lower_ in HEDGES
        or t.lower_ in ("never", "rarely", "seldom")
        or (t.lower_ == "longer" and t.left_edge.lower_ == "no")
        or t.lower_ in CONDITIONS
        or t.lower_ in ("why", "how", "where")
    ):
        return True
    if t.dep_ == "advcl":
        during = mark_of(t) == "while" and t.tag_ == "VBG" and t.i > verb.i
        return (mark_of(t) in ADVERBIAL_MARKS and not during) or t.i < verb.i or mark_of(t) == "that"
    if t.dep_ in ("prep", "npadvmod", "advmod") and t.i < verb.i:
        subject = next((s for s in verb.children if s.dep_ in SUBJECTS), None)
        return subject is None or t.i < subject.i
    return t.dep_ in ("ccomp", "parataxis") and (t.i < verb.i or is_misread(t))


def is_agent(t: "Token", token: "Token") -> bool:
    """Whether `t` says by whom: "by the noise" of "surprised by the noise"."""
    by = t.dep_ == "prep" and t.lower_ == "by" and token.pos_ in ("ADJ", "VERB")
    return t.head == token and (t.dep_ == "agent" or by)


def is_edge_article(token: "Token", words: dict[int, str]) -> bool:
    return token.i not in words and token.dep_ == "det" and token.lower_ in ("a", "an", "the")


def without_brackets(tokens: Iterable["Token"]) -> Iterator["Token"]:
    depth = 0
    for t in tokens:
        depth += t.text in "([" and t.is_punct
        if depth == 0:
            yield t
        depth = max(0, depth - (t.text in ")]" and t.is_punct))
