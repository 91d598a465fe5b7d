"""What things are made of: parts, members and materials."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import SUBJECTS, clause, core, members, objects_of
from extraction.nouns import MADE, PARTS, denies, is_country, is_part, is_role, is_site, tells_part
from extraction.patterns import Found, found, pattern
from extraction.statements import Statement, thing
from extraction.words import STRUCTURE

if TYPE_CHECKING:
    from spacy.tokens import Token

@pattern(
    "parts",
    5,
    yes={
        "People only have one pair of eyes.": ("person", "MadeUpOf", "one pair of eyes"),
        "The solar system is made up of the sun and its planets.": ("solar system", "MadeUpOf", "sun"),
        "A wheel consists of a rim and spokes.": ("wheel", "MadeUpOf", "rim"),
        "A preface is a part of a book.": ("book", "MadeUpOf", "preface"),
        "Guitars have strings.": ("guitar", "MadeUpOf", "string"),
        "Balloons are filled with air.": ("balloon", "MadeUpOf", "air"),
        "The system is divided into planets and moons.": ("system", "MadeUpOf", "moon"),
        "Candy is a confection made from sugar.": ("candy", "MadeUpOf", "sugar"),
        "Most snakes lack legs.": ("snake", "MadeUpOf", "leg"),
        "A restaurant would have a kitchen.": ("restaurant", "MadeUpOf", "kitchen"),
    },
    no=(
        "The stem is the lowest part of the brain.",
        "People have dreams.",
        "The electron has a charge.",
        "London has many pubs.",
        "Vehicles include cars.",
        "Cats are members of a family.",
    ),
)
def parts(s: Statement) -> Iterator[Found]:
    """ "X is made of Y", "X consists of Y", "X contains Y", "X has Y", "Y is a part of X"."""
    heads = s.things or _bodies(s)
    if s.past or not heads or (s.subject is not None and s.subject.tag_ == "VB"):
        return
    for head in heads:
        for member in (m for first in _parts(s) for m in members(first) if m.pos_ in ("NOUN", "PROPN")):
            part = s.sentence.kind(member)
            negated = (s.negated or denies(member)) != (s.lemma == "lack")
            bare = part.text.split(" that ")[0].split(" which ")[0]
            yield Found(head, "MadeUpOf", bare, part.start, part.end, negated)
    attribute = s.child("attr")
    if s.lemma == "be" and attribute is not None and attribute.lemma_ in PARTS and s.subject is not None:
        if not tells_part(attribute):
            return
        part = s.sentence.noun(s.subject)
        for whole in (s.sentence.noun(w).text.split(" that ")[0] for w in objects_of(attribute, {"of"})):
            for head in s.things:
                yield Found(whole, "MadeUpOf", head, part.start, part.end, s.negated)


@pattern(
    "with_parts",
    1,
    yes={"A square is a shape with four equal sides.": ("square", "MadeUpOf", "four equal sides")},
    no=("Hockey is a sport with contact.", "She is a woman with two jobs."),
)
def with_parts(s: Statement) -> Iterator[Found]:
    """ "X is a Y with N Zs"."""
    attribute = s.child("attr")
    if s.lemma != "be" or s.past or attribute is None:
        return
    for part in (m for first in objects_of(attribute, {"with"}) for m in members(first)):
        if part.tag_ == "NNS" and is_part(part) and any(t.dep_ == "nummod" for t in part.children):
            for head in s.things:
                yield found(head, "MadeUpOf", s.sentence.noun(part), s.negated)


@pattern(
    "part_can",
    1,
    yes={"Apples have a skin that can be peeled off.": ("apple skin", "CapableOf", "be peeled off")},
    no=("Apples have a skin that is red.",),
)
def part_can(s: Statement) -> Iterator[Found]:
    """ "X has a Y that can V": what the part of X can do."""
    if s.lemma != "have" or not _has_part(s):
        return
    for part in (t for t in s.children("dobj") if is_part(t)):
        for inner in (clause(t) for t in part.children if t.dep_ == "relcl"):
            if inner.subject is None or inner.subject.lower_ not in ("that", "which") or "can" not in inner.modals:
                continue
            for head in s.things:
                for tail in s.sentence.predicate(inner.verb, "V"):
                    part_ = f"{head} {part.lemma_.lower()}"
                    yield found(part_, "CapableOf", tail, inner.negated, (s.main, inner))


@pattern(
    "part_in_relative",
    2,
    yes={"James works in a building that has an auditorium.": ("building", "MadeUpOf", "auditorium")},
)
def part_in_relative(s: Statement) -> Iterator[Found]:
    """ "a N that has Y": the part of a thing that is told on the way."""
    for verb in (t for t in s.verb.subtree if t.dep_ == "relcl" and t.lemma_ in ("have", "contain")):
        inner, whole = clause(verb), verb.head
        if inner.subject is None or inner.subject.lower_ not in ("that", "which") or whole.dep_ in SUBJECTS | {"attr"}:
            continue
        head = thing(s.sentence, whole).split(" that ")[0].split(" which ")[0]
        if verb.tag_ in ("VBZ", "VBP"):
            for member in (m for t in inner.children("dobj") if is_part(t) for m in members(t)):
                if member.tag_ == "NNS" or any(t.lower_ in ("a", "an") for t in member.children):
                    yield found(head, "MadeUpOf", s.sentence.noun(member), inner.negated, (inner,))


def _parts(s: Statement) -> list["Token"]:
    """The first of the parts that a clause tells of its subject."""
    if (s.passive and s.lemma in MADE) or s.lemma in ("consist", "comprise"):
        particles = [p for t in s.children("prt") for p in objects_of(t, {"of"})]
        using = [t for v in s.children("advcl") if v.lower_ == "using" for t in v.children if t.dep_ == "dobj"]
        return [*objects_of(s.verb, {"of", "from", "with"}), *using, *particles]
    if s.passive and s.lemma in ("separate", "divide"):
        return objects_of(s.verb, {"into", "in"})
    if s.passive and s.lemma == "form":
        return [p for t in s.children("agent", "prep") if t.lower_ in ("by", "of") for p in t.children]
    if s.passive and s.lemma == "fill" and s.subject is not None and not is_site(s.subject):
        return objects_of(s.verb, {"with"})
    goods = s.subject is not None and is_country(s.subject)
    if s.lemma == "contain" and not goods:
        return s.children("dobj")
    if s.lemma == "include":  # plural ones are kinds and no parts: "vehicles include cars"
        return [t for t in s.children("dobj") if is_part(core(t)) and t.tag_ != "NNS"]
    if s.lemma in ("have", "lack") and _has_part(s):
        return [t for t in s.children("dobj") if is_part(core(t))]
    return [t for t in s.children("dobj") if t.lemma_ in STRUCTURE] if s.lemma == "have" else []


def _bodies(s: Statement) -> list[str]:
    """Persons in general who have a number of parts: "humans have two eyes"."""
    counted = any(t.dep_ == "nummod" for part in s.children("dobj") for t in part.children)
    return s.states if s.lemma == "have" and counted else []


def _has_part(s: Statement) -> bool:
    """Whether "X has Y" can tell a part: no role, country or mere possibility has one."""
    place = s.subject is not None and is_country(s.subject)
    maybe = bool(s.modals & {"may", "might", "could", "must", "should"})
    return not (is_role(s.subject) or place or maybe) and s.child("xcomp", "ccomp") is None
