"""Which tokens of a dependency subtree belong to a phrase that is written out of it."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from extraction.grammar import CONDITIONS, SUBJECTS, coordinated, is_misread, mark_of
from extraction.words import HEDGES, QUANTIFIERS

if TYPE_CHECKING:
    from spacy.tokens import Token

ADVERBIAL_MARKS = frozenset(
    {"if", "when", "whenever", "because", "since", "although", "though", "while", "whereas", "unless", "as", "so"}
)


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
