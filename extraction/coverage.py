"""Which sentences of texts gave triples, and which constructions gave none: where the next pattern is worth most."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from extraction.answers import AnswerExtractor, Piece
from extraction.grammar import mark_of
from extraction.patterns import find
from extraction.rows import answer_of
from kg.run import Progress, silent

if TYPE_CHECKING:
    from spacy.tokens import Span, Token

QUESTION = "question"  # states nothing, whatever its construction
_LONGEST_EXAMPLE = 300  # characters
_ROOTS = 3  # commonest roots that are told of a construction
_OWN_WORD = frozenset({"be", "have", "do"})  # roots that are told by lemma
_LINKED = frozenset({"advcl", "ccomp", "xcomp", "acl", "pcomp"})  # labels told with the word that begins the clause
_LEFT_OUT = frozenset(
    "punct cc det predet amod advmod npadvmod compound poss nummod intj case quantmod dep meta".split()
)


@dataclass(slots=True)
class Construction:
    """Sentences of one build that gave nothing: how many, their roots, and the first of them."""

    count: int = 0
    roots: Counter[str] = field(default_factory=Counter)
    example: str = ""

    def commonest_roots(self) -> dict[str, int]:
        """The roots that occur most often, by lemma."""
        return dict(self.roots.most_common(_ROOTS))


@dataclass(slots=True)
class Coverage:
    """Sentences of prose that were parsed, those that gave a triple, and the constructions of the others.

    `unparsed` texts have no prose: they are lists alone, or no English.
    """

    texts: int = 0
    unparsed: int = 0
    sentences: int = 0
    productive: int = 0
    silent: dict[str, Construction] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """The share of sentences that gave something, 0 when there is none."""
        return self.productive / self.sentences if self.sentences else 0.0

    def commonest(self, top: int) -> list[tuple[str, Construction]]:
        """The constructions that gave nothing most often."""
        return sorted(self.silent.items(), key=lambda x: (-x[1].count, x[0]))[:top]

    def as_dict(self, top: int) -> dict[str, Any]:
        """As JSON, with the `top` commonest constructions that gave nothing."""
        return {
            "texts": self.texts, "unparsed": self.unparsed, "sentences": self.sentences,
            "productive": self.productive, "share": self.share,
            "silent": [
                {"construction": name, "count": c.count, "roots": c.commonest_roots(), "example": c.example}
                for name, c in self.commonest(top)
            ],
        }


def coverage_of(rows: Iterable[dict[str, Any]], extractor: AnswerExtractor, progress: Progress = silent) -> Coverage:
    """Reads the texts of rows (see `extraction.rows`) and counts sentences. Memory grows with the constructions."""
    coverage = Coverage()
    for pieces in extractor.parse_each(map(answer_of, rows)):
        coverage.texts += 1
        coverage.unparsed += not pieces
        for piece in pieces:
            for sentence, gave in _judged(piece):
                coverage.sentences += 1
                coverage.productive += gave
                if not gave:
                    _note(coverage, sentence, piece)
        progress("texts", coverage.texts, None)
    return coverage


def construction(sentence: "Span") -> str:
    """The build of a sentence: its root between the labels of what depends on it, "nsubj VERB dobj prep(for)"."""
    if "?" in sentence.text[-4:]:
        return QUESTION
    root = sentence.root
    around = sorted([*root.children, root], key=lambda t: t.i)
    return " ".join(filter(None, (_root(t) if t == root else _label(t) for t in around)))


def _judged(piece: Piece) -> Iterator[tuple["Span", bool]]:
    """The sentences of a piece, and whether a pattern read something in them."""
    starts = sorted(found.start for found in find(piece.doc, piece.asked, piece.slots))
    for sentence in piece.doc.sents:
        if any(c.isalnum() for c in sentence.text):
            yield sentence, any(sentence.start_char <= start < sentence.end_char for start in starts)


def _note(coverage: Coverage, sentence: "Span", piece: Piece) -> None:
    found = coverage.silent.setdefault(construction(sentence), Construction())
    found.count += 1
    found.roots[sentence.root.lemma_.lower()] += 1
    if not found.example:
        begin = piece.offset + sentence.start_char
        said = piece.restored.text[begin : piece.offset + sentence.end_char]
        found.example = " ".join(said.split())[:_LONGEST_EXAMPLE]


def _root(token: "Token") -> str:
    word = token.lemma_.lower()
    name = word if word in _OWN_WORD else token.pos_
    return f"{name}(past)" if token.tag_ == "VBD" else name


def _label(token: "Token") -> str:
    """How a dependent of the root is told; an empty string for what makes no construction."""
    if token.dep_ in _LEFT_OUT:
        return ""
    if token.dep_ == "aux":
        return f"aux({token.lemma_.lower()})" if token.tag_ == "MD" else ""
    if token.dep_ == "prep":
        return f"prep({token.lower_})"
    if token.dep_ in _LINKED:
        return f"{token.dep_}({mark_of(token) or token.tag_})"
    return token.dep_
