"""What things are made of: parts, members and materials."""

from collections.abc import Iterator

from extraction.grammar import SUBJECTS, Clause, clause, members, objects_of
from extraction.patterns import Found, found, pattern
from extraction.sentences import Sentence
from extraction.who import MADE, has_goods, is_part, is_role, thing, things
from extraction.words import STRUCTURE

PARTS = frozenset({"part", "component", "member", "constituent", "ingredient"})


@pattern(
    "parts",
    2,
    yes={
        "The solar system is made up of the sun and its planets.": ("solar system", "MadeUpOf", "sun"),
        "A wheel consists of a rim and spokes.": ("wheel", "MadeUpOf", "rim"),
        "A preface is a part of a book.": ("book", "MadeUpOf", "preface"),
        "Guitars have strings.": ("guitar", "MadeUpOf", "string"),
    },
    no=("People have dreams.", "The electron has a charge.", "London has many pubs."),
)
def parts(sentence: Sentence) -> Iterator[Found]:
    """ "X is made of Y", "X consists of Y", "X contains Y", "X has Y", "Y is a part of X"."""
    for main in sentence.clauses:
        verb = main.verb
        heads = things(sentence, main)
        if not heads or main.past:
            continue
        if (main.passive and verb.lemma_ in MADE) or verb.lemma_ in ("consist", "comprise"):
            parts_ = objects_of(verb, {"of", "from"})
            parts_ += [p for t in verb.children if t.dep_ == "prt" for p in objects_of(t, {"of"})]
        elif (
            verb.lemma_ == "include"
            or (verb.lemma_ == "contain" and not has_goods(main.subject or verb))
            or (verb.lemma_ == "have" and _has_part(main))
        ):
            parts_ = [t for t in verb.children if t.dep_ == "dobj" and is_part(t)]
        elif verb.lemma_ == "have":
            parts_ = [t for t in verb.children if t.dep_ == "dobj" and t.lemma_ in STRUCTURE]
        else:
            parts_ = []
        for head in heads:
            for member in (m for first in parts_ for m in members(first) if m.pos_ in ("NOUN", "PROPN")):
                whole_part = sentence.noun(member)
                bare = whole_part.text.split(" that ")[0].split(" which ")[0]
                yield Found(head, "MadeUpOf", bare, whole_part.start, whole_part.end, main.negated)
            attribute = main.child("attr")
            if verb.lemma_ == "be" and attribute is not None and attribute.lemma_ in PARTS:
                for whole in objects_of(attribute, {"of"}):
                    name = sentence.noun(whole)
                    part = sentence.noun(main.subject) if main.subject is not None else name
                    yield Found(name.text.split(" that ")[0], "MadeUpOf", head, part.start, part.end, main.negated)


def _has_part(main: Clause) -> bool:
    """Whether "X has Y" can tell a part: no role, country or mere possibility has one."""
    place = main.subject is not None and has_goods(main.subject)
    maybe = bool(main.modals & {"may", "might", "could", "must", "should"})
    return not (is_role(main.subject) or place or maybe) and main.child("xcomp", "ccomp") is None


@pattern(
    "part_can",
    1,
    yes={"Apples have a skin that can be peeled off.": ("apple skin", "CapableOf", "be peeled off")},
    no=("Apples have a skin that is red.",),
)
def part_can(sentence: Sentence) -> Iterator[Found]:
    """ "X has a Y that can V": what the part of X can do."""
    for main in sentence.clauses:
        if main.verb.lemma_ != "have" or not _has_part(main):
            continue
        for part in (t for t in main.verb.children if t.dep_ == "dobj" and is_part(t)):
            for inner in (clause(t) for t in part.children if t.dep_ == "relcl"):
                if inner.subject is None or inner.subject.lower_ not in ("that", "which") or "can" not in inner.modals:
                    continue
                for head in things(sentence, main):
                    for tail in sentence.predicate(inner.verb, "V"):
                        yield found(f"{head} {part.lemma_.lower()}", "CapableOf", tail, inner.negated)


@pattern(
    "part_in_relative",
    1,
    yes={
        "James works in a building that has an auditorium.": ("building", "MadeUpOf", "auditorium"),
    },
)
def part_in_relative(sentence: Sentence) -> Iterator[Found]:
    """ "a N that has Y": the part of a thing that is told on the way."""
    for verb in (
        t for t in sentence.span if t.dep_ == "relcl" and t.lemma_ in ("have", "contain") and t.tag_ in ("VBZ", "VBP")
    ):
        inner, whole = clause(verb), verb.head
        if inner.subject is None or inner.subject.lower_ not in ("that", "which") or whole.dep_ in SUBJECTS | {"attr"}:
            continue
        head = thing(sentence, whole).split(" that ")[0].split(" which ")[0]
        for part in (t for t in verb.children if t.dep_ == "dobj" and is_part(t)):
            for member in members(part):
                yield found(head, "MadeUpOf", sentence.noun(member), inner.negated)
