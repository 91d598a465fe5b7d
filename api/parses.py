"""The parse behind a triple that was read from a sentence: tokens, dependency arcs, entities; as table and SVG."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from api.assemble import make_extractor, ontology_of, recipe_of
from api.explain import SHOWN, Explanation, Source, answers_of, visible
from api.output import table
from extraction.answers import AnswerExtractor, Piece
from kg.errors import RunError
from kg.run import Run

if TYPE_CHECKING:
    from spacy.tokens import Span, Token

_DISTANCE = 110  # points between words in an SVG
_COMPACT = 25  # words from which a sentence is drawn with square arcs, closer together


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token of a sentence: `head` is the index of the token that it depends on, its own for the root."""

    i: int
    token: str
    lemma: str
    pos: str
    dep: str
    head: int
    entity: str


@dataclass(frozen=True, slots=True)
class Parse:
    """The sentence that a source was read from. `source` is its number, from 1; `svg` draws the sentence."""

    source: int
    rule: str
    sentence: str
    tokens: tuple[TokenRow, ...]
    svg: str


def run_parses(run: Run, explanation: Explanation) -> list[Parse]:
    """The parses of the sources that are shown, made again with the extractor that the run's recipe names."""
    if not any(source.generation_id for source in explanation.sources):
        return []
    extractor = make_extractor(recipe_of(run).extractor, ontology_of(run))
    return parses(run, explanation, extractor) if isinstance(extractor, AnswerExtractor) else []


def parses(run: Run, explanation: Explanation, extractor: AnswerExtractor) -> list[Parse]:
    """The sentences that the first sources were read from; none for members of lists, which are not parsed."""
    numbered = [(n, s) for n, s in enumerate(explanation.sources[:SHOWN], 1) if s.generation_id]
    answers = answers_of(run, {source.generation_id for _, source in numbered})
    found: list[Parse] = []
    for number, source in numbered:
        if source.generation_id in answers:
            pieces = next(extractor.parse_each([answers[source.generation_id]]))
            found += (_parse(number, source, *place) for place in _places(pieces, source))
    return found


def render_parse(parse: Parse) -> str:
    """The parse as text for a terminal."""
    rows = [list(asdict(token).values()) for token in parse.tokens]
    lines = table(("i", "token", "lemma", "POS", "dep", "head", "entity"), rows).splitlines()
    return "\n".join([f"parse of source {parse.source} ({parse.rule}): {parse.sentence}", *(f"   {x}" for x in lines)])


def require_parse(found: list[Parse]) -> Parse:
    """The first parse. Raises RunError when there is none."""
    if not found:
        raise RunError("no sentence was parsed for this triple: it comes from a list or a file, see the rule")
    return found[0]


def _places(pieces: list[Piece], source: Source) -> Iterator[tuple[Piece, "Span"]]:
    """The sentence that the source's characters begin in."""
    for piece in pieces:
        for sentence in piece.doc.sents:
            start, end = piece.original(sentence.start_char, sentence.end_char)
            if start <= source.start < end:
                yield piece, sentence
                return


def _parse(number: int, source: Source, piece: Piece, sentence: "Span") -> Parse:
    tokens = tuple(_row(token, sentence, piece.slots) for token in sentence if not token.is_space)
    begin = piece.offset + sentence.start_char
    said = piece.restored.text[begin : piece.offset + sentence.end_char]
    return Parse(number, source.rule, " ".join(said.split()), tokens, _svg(sentence, piece.slots))


def _row(token: "Token", sentence: "Span", slots: dict[str, str]) -> TokenRow:
    word = slots.get(token.text, token.text)
    lemma = word if token.text in slots else token.lemma_
    return TokenRow(
        token.i - sentence.start, word, lemma, token.pos_, token.dep_, token.head.i - sentence.start, token.ent_type_
    )


def _svg(sentence: "Span", slots: dict[str, str]) -> str:
    """displaCy's drawing of the sentence, with slots for the names that stood for them in the parse."""
    from spacy import displacy
    from spacy.displacy.render import DependencyRenderer

    drawing = displacy.parse_deps(sentence.as_doc(), {"collapse_punct": False})
    for word in drawing["words"]:
        word["text"] = visible(slots.get(word["text"], word["text"]).strip())
    compact = len(drawing["words"]) >= _COMPACT
    renderer = DependencyRenderer({"compact": compact, "distance": _DISTANCE})
    return renderer.render_svg("parse", drawing["words"], drawing["arcs"])
