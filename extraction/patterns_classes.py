"""What things are: the classes that they belong to, and what is said of them with "to be"."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import clause, coordinated, is_name, is_where, objects_of
from extraction.nouns import PARTS, follows, is_pointed_at, is_site, is_there, places, tells_part
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase
from extraction.statements import Statement, thing
from extraction.words import FIRST_NAMES, NO_STATE, word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_KINDS = frozenset({"type", "kind", "form", "sort", "example"})
_NO_CLASS = word_set("answer question option choice statement reason result cause number name time someone")
_SITES = word_set("place building area location spot")
_DOUBTS = word_set("should would may might could must")


@pattern(
    "is",
    5,
    yes={
        "Pi is a transcendental number.": ("pi", "HasProperty", "transcendental number"),
        "A weasel is a small mammal.": ("weasel", "HasProperty", "small mammal"),
        "Friends can be deceitful.": ("friend", "HasProperty", "deceitful"),
        "An activity is a type of action.": ("activity", "HasProperty", "action"),
        "Ice is not warm.": ("ice", "HasProperty", "warm"),
        "Cats are careful when they walk.": ("cat", "HasProperty", "careful"),
        "Milk is high in sugar.": ("milk", "HasProperty", "high in sugar"),
        "Balcony railings are more common in flats than in houses.": (
            "balcony railing",
            "HasProperty",
            "more common in flats than in houses",
        ),
        "The Office is a sitcom that aired from 2005 to 2013.": ("office", "HasProperty", "sitcom"),
        "Kanji is a form of writing.": ("kanji", "HasProperty", "writing"),
        "A hurricane is a type of storm that can cause harm.": (
            "hurricane",
            "HasProperty",
            "type of storm that can cause harm",
        ),
        "People who hike are fit.": ("person who hike", "HasProperty", "fit"),
        "Submarines are likely to be a type of ship.": ("submarine", "HasProperty", "ship"),
        "Snakes are usually considered to be cold.": ("snake", "HasProperty", "cold"),
        "A ferry is a ship, not a sailboat.": ("ferry", "HasProperty", "sailboat"),
        "To forgive is nice.": ("forgive", "HasProperty", "nice"),
        "An idiot is someone who is not clever.": ("idiot", "HasProperty", "clever"),
        "A castle was a medieval fortress.": ("castle", "HasProperty", "medieval fortress"),
        "A mirror is a smooth surface, used to reflect light.": ("mirror", "HasProperty", "smooth surface"),
        "Stabbing is a violent way to die.": ("stabbing", "HasProperty", "violent way to die"),
    },
    no=("The answer is a tribe.", "She is tall.", "It is unlikely to be a ship.", "Sally is a nurse."),
)
def is_(s: Statement) -> Iterator[Found]:
    """ "X is a Y", "X is ADJ": class and property."""
    if s.lemma != "be" or s.main.inherited or s.modals & _DOUBTS or _depends(s) or is_there(s.verb):
        return
    if is_pointed_at(s.subject, s.sentence.context.antecedent != "") or follows(s.verb):
        return
    heads = s.states or _named(s) or ([] if s.feelings else s.which_persons)
    for state in (t for t in (*s.children("attr", "acomp"), *_joined_behind(s)) if t.i > s.verb.i):
        if state.lower_ in ("present", "available", "common") and any(map(is_site, (*places(state), *places(s.verb)))):
            continue
        if s.subject is not None and not s.past and _is_inverted(s.subject, state):
            yield found(s.sentence.noun(state).text, "HasProperty", s.sentence.noun(s.subject), s.negated)
            continue
        for tail in _properties(s, state):
            for head in heads:
                yield found(head, "HasProperty", tail, s.negated)
        for other in (t for t in state.children if t.dep_ in ("appos", "conj") and _is_excluded(state, t)):
            for head in heads:
                yield found(head, "HasProperty", s.sentence.kind(other), not s.negated)


@pattern(
    "like",
    1,
    yes={"Anemones are like flowers.": ("anemone", "HasProperty", "like flowers")},
    no=("She is like him.",),
)
def like(s: Statement) -> Iterator[Found]:
    """ "X is like Y"."""
    if s.lemma != "be" or s.main.inherited or s.child("attr", "acomp") is not None:
        return
    for word in (t for t in s.children("prep") if t.lower_ == "like" and t.i > s.verb.i):
        if not any(t.pos_ == "NOUN" and t.lemma_ != "other" for t in word.children):
            continue
        for head in s.states:
            yield found(head, "HasProperty", s.sentence.gerund(word), s.negated)


@pattern(
    "defined_as",
    3,
    yes={
        "A second is defined as a unit of time.": ("second", "HasProperty", "unit of time"),
        "Winter is known as the season of cold.": ("winter", "HasProperty", "season of cold"),
        'The term "sleep" is used to describe a state of mind.': ("sleep", "HasProperty", "state of mind"),
        "Sleep refers to a state of mind.": ("sleep", "HasProperty", "state of mind"),
        "The academy defines a short film as a picture of forty minutes.": (
            "short film",
            "HasProperty",
            "picture of forty minutes",
        ),
    },
)
def defined_as(s: Statement) -> Iterator[Found]:
    """ "X is defined as Y", "Z defines X as Y", "X refers to Y"."""
    if s.past or s.lemma not in ("define", "know", "describe", "refer", "use"):
        return
    if s.subject is not None and s.subject.pos_ == "PRON":
        return
    if s.lemma == "use":
        yield from _meant_by(s)
        return
    if s.passive:
        heads = s.states
    else:
        heads = [thing(s.sentence, t) for t in s.children("dobj")] if s.lemma == "define" else []
        heads = s.states if s.lemma == "refer" and not s.may_be and not s.main.inherited else heads
    for kind in (t for t in objects_of(s.verb, {"as", "to"}) if t.tag_ in ("NN", "NNS")):
        for head in heads:
            yield found(head, "HasProperty", s.sentence.kind(kind), s.negated)


def _meant_by(s: Statement) -> Iterator[Found]:
    """What "the term X is used to describe (refer to)": its meaning."""
    for aim in (t for t in s.children("xcomp") if s.passive and t.lemma_ in ("describe", "refer", "denote", "mean")):
        for kind in (t for t in (*aim.children, *objects_of(aim, {"to"})) if t.dep_ in ("dobj", "pobj")):
            for head in s.things:
                word = head.removeprefix("term ").removeprefix("word ").removeprefix("phrase ")
                yield found(word, "HasProperty", s.sentence.kind(kind), s.negated)


@pattern(
    "apposition",
    1,
    yes={
        "Nails protect the epidermis, the outermost layer of the skin.": (
            "epidermis",
            "HasProperty",
            "outermost layer of the skin",
        ),
    },
    no=("He met Ann, a nurse.", "We use wood, stone and metal."),
)
def apposition(s: Statement) -> Iterator[Found]:
    """ "X, a Y": the class or description that is set beside a noun."""
    for kind in (t for t in s.verb.subtree if t.dep_ == "appos" and t.pos_ == "NOUN"):
        named = kind.head
        article = kind.left_edge.lower_ in ("a", "an", "the")
        alone = not any(t != kind and t.dep_ in ("appos", "conj") for t in (*named.children, *kind.children))
        if not article or not alone or is_name(named) or not any(t.i > kind.i for t in kind.children):
            continue
        if kind.left_edge.nbor(-1).text in (",", "(") and named.pos_ in ("NOUN", "PROPN") and named.dep_ != "conj":
            heads = s.things if named.dep_ == "attr" and named.head == s.verb else [thing(s.sentence, named)]
            for head in heads:
                yield found(head, "HasProperty", s.sentence.kind(kind), clauses=(clause(kind),))


@pattern(
    "is_when",
    1,
    yes={"A strike is when a player misses the ball.": ("strike", "HasProperty", "when a player misses the ball")},
    no=("That is when it rains.",),
)
def is_when(s: Statement) -> Iterator[Found]:
    """ "X is when P": what is meant by X."""
    if s.lemma != "be" or s.past or s.child("attr", "acomp") is not None:
        return
    for given in (t for t in s.children("advcl", "ccomp") if t.i > s.verb.i):
        if given.left_edge.lower_ == "when" and given.left_edge.i == s.verb.i + 1:
            for head in s.states:
                yield found(head, "HasProperty", s.sentence.gerund(given), s.negated)


@pattern(
    "called",
    2,
    yes={
        "The act of talking to someone is called a conversation.": (
            "conversation",
            "HasProperty",
            "act of talking to someone",
        ),
        "Houses outside the center are usually called suburbs.": (
            "suburb",
            "HasProperty",
            "house outside the center",
        ),
    },
    no=("He is called Bob.", "The city is called Rome."),
)
def called(s: Statement) -> Iterator[Found]:
    """ "X is called Y", where X tells what Y is."""
    name, subject = s.child("oprd", "attr", "dobj"), s.subject
    if not s.passive or s.past or s.lemma != "call" or name is None or subject is None:
        return
    told = any(t.dep_ in ("relcl", "prep", "acl") for t in subject.children)
    if name.tag_ in ("NN", "NNS") and subject.pos_ == "NOUN" and told and name.lemma_ != subject.lemma_:
        yield found(s.sentence.noun(name).text, "HasProperty", s.sentence.kind(subject), s.negated)


def _joined_behind(s: Statement) -> list["Token"]:
    """ "a trait" of "X is an attitude, and a trait", where the parser joins it to the verb."""
    nouns = [t for t in s.children("conj") if t.pos_ == "NOUN" and s.child("attr") is not None]
    return [t for t in nouns if not _is_excluded(s.verb, t) and any(d.lower_ in ("a", "an", "the") for d in t.children)]


def _is_excluded(state: "Token", other: "Token") -> bool:
    """ "a sailboat" of "a cruise ship, not a sailboat"."""
    return any(t.lower_ == "not" for t in state.doc[state.i + 1 : other.i])


def _depends(s: Statement) -> bool:
    """Whether a copula only holds on a condition that is about something else than its subject."""
    if s.condition is None:
        return False
    subject = clause(s.condition).subject
    own = subject is None or (subject.lower_ in ("it", "they") and subject.i > s.verb.i)
    return not own or s.subject is None or bool(s.sentence.person(s.subject))


def _named(s: Statement) -> list[str]:
    """A subject that was taken for a person's name, but is said to be of a class of things: "Kanji is a form ..."."""
    subject, state = s.subject, s.child("attr")
    if subject is None or state is None or s.past or not is_name(subject):
        return []
    if not any(t.lower_ in ("a", "an") for t in state.children):
        return []
    full = any(t.dep_ == "compound" and t.pos_ == "PROPN" for t in subject.children)
    if not full and subject.lower_ in FIRST_NAMES:
        return []
    return [s.sentence.noun(subject).text]


def _properties(s: Statement, state: "Token") -> Iterator[Phrase]:
    """The classes or properties that a complement says.

    What is joined by "or" without articles of its own is one class: "area or space".
    """
    joined = coordinated(state)
    either = any(t.lower_ == "or" for m in joined for t in m.children if t.dep_ == "cc")
    if state.pos_ == "NOUN" and either and not all(any(t.dep_ == "det" for t in m.children) for m in joined):
        joined = [state]
    for member in joined:
        if _says_property(member, state):
            kind = _class(member)
            phrase = s.sentence.kind(kind, whole=len(joined) == 1 and kind.tag_ == "NN" and kind.pos_ == "NOUN")
            behind = next((t for t in s.children("prep") if t.i == member.i + 1 and t.lower_ != "because"), None)
            if member.pos_ == "ADJ" and behind is not None and member is joined[-1]:
                more = s.sentence.gerund(behind)
                phrase = Phrase(f"{phrase.text} {more.text}", phrase.start, more.end)
            if phrase.text not in ("place", "area", "person") and not _is_measured(member):
                yield phrase


def _is_inverted(subject: "Token", state: "Token") -> bool:
    """ "A fruit that is easily peeled is an orange", "the capital of Ohio is Columbus": the class comes first."""
    if state.pos_ == "PROPN" and subject.pos_ == "NOUN":
        return any(t.dep_ == "prep" and t.lower_ == "of" for t in subject.children)
    bare = all(t.dep_ == "det" for t in state.children) and state.pos_ == "NOUN"
    told = any(t.dep_ == "relcl" for t in subject.children)
    return bare and told and any(t.lower_ in ("a", "an") for t in subject.children)


def _says_property(member: "Token", state: "Token") -> bool:
    lemma = member.lemma_.lower()
    if member.lower_ in NO_STATE or lemma in _NO_CLASS or (member.pos_ == "NUM" and not _is_one_of(member)):
        told = any(t.dep_ == "amod" and t.lower_ != "such" for t in member.children)
        return lemma == "number" and told  # "a transcendental number"
    if lemma in PARTS and tells_part(member):
        return False
    if lemma in _SITES and any(t.dep_ in ("relcl", "acl") and is_where(t) for t in member.children):
        return any(t.dep_ == "amod" for t in member.children)
    bare = member.pos_ == "ADJ" and lemma != "same"
    if bare and any(t.dep_ == "det" and t.lower_ == "the" for t in member.children):
        return False
    return member.pos_ in ("NOUN", "ADJ", "PROPN", "VERB") or member == state


def _is_measured(member: "Token") -> bool:
    """Whether a complement is a figure: "91 people", "20% smaller"."""
    near = (member, *(t for c in member.children if c.i < member.i for t in c.subtree))
    return any(c.isdigit() for t in near for c in t.text)


def _is_one_of(member: "Token") -> bool:
    """ "one of the largest planets"."""
    return member.lower_ == "one" and any(t.lower_ == "of" for t in member.children)


def _class(member: "Token") -> "Token":
    """ "action" of "a type of action"; "a type of cat that purrs" stays as it is."""
    told = any(t.dep_ in ("relcl", "acl") for t in member.children)
    if member.lemma_ in _KINDS and not told:
        return next(iter(objects_of(member, {"of"})), member)
    return member
