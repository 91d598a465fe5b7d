"""The records that flow through the system. All are immutable and compare by value."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, get_args

Decision = Literal["keep", "drop", "abstain"]
# How a source qualifies what it says. `possible` and `likely` (possible and probable in FactBank, Saurí and Pustejovsky
# 2009) say how certain it is, `rarely` to `always` how often it is so, or of how many (adverbs and quantifiers on the
# scale of ConceptNet 4), `advisable` and `necessary` that it ought to be (deontic in Palmer, Mood and Modality, 2001),
# `able` that it can be (dynamic there). Of several the first counts: those to the left take those to the right into
# their scope (Cinque, Adverbs and Functional Heads, 1999), and of one kind the weakest is what all of them allow.
Modality = Literal[
    "possible", "likely", "rarely", "sometimes", "often", "usually", "always", "advisable", "necessary", "able"
]
MODALITIES: tuple[Modality, ...] = get_args(Modality)


def digest(*parts: str) -> str:
    """BLAKE2b-128 of the ordered parts as 32 hexadecimal digits.

    Each part is preceded by its length, so that ("ab", "c") and ("a", "bc") differ.
    Half surrogates, which no UTF-8 text can hold, are hashed as they stand.
    """
    h = blake2b(digest_size=16)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        h.update(len(raw).to_bytes(8, "big"))
        h.update(raw)
    return h.hexdigest()


@dataclass(frozen=True, slots=True)
class Triple:
    """One statement: `head` `relation` `tail`, or its denial when `negated`.

    Scores and sources are not part of what a triple is.
    """

    head: str
    relation: str
    tail: str
    negated: bool = False

    @property
    def id(self) -> str:
        """BLAKE2b of the ordered parts."""
        return digest(self.head, self.relation, self.tail, "not" if self.negated else "")

    def __iter__(self) -> Iterator[str]:
        """Yields head, relation (with the prefix `Not` when negated) and tail, as in a TSV row."""
        yield self.head
        yield f"Not{self.relation}" if self.negated else self.relation
        yield self.tail


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question to a teacher about `head` and `relation`.

    `template` is the name and version of the template that rendered `text`; prompts of one
    template share their beginning. `names` are the (slot, name) pairs that stand for person
    slots in `text`. `sample` tells apart several questions with the same words.
    `relation` may carry the prefix `Not`; it is empty when new heads are asked for.
    """

    head: str
    relation: str
    template: str
    text: str
    names: tuple[tuple[str, str], ...] = ()
    sample: int = 0

    @property
    def id(self) -> str:
        """BLAKE2b of all fields."""
        names = [part for pair in self.names for part in pair]
        return digest(
            self.head, self.relation, self.template, self.text, str(self.sample), *names
        )


@dataclass(frozen=True, slots=True)
class Generation:
    """A teacher's answer, verbatim.

    `log_probability` is the natural log of the probability of the whole answer and `tokens` its
    length in tokens, both None or 0 where the teacher does not tell. `token_starts` are the
    character offsets of the tokens in `text`, `token_log_probabilities` go with them.
    `prompt_tokens` is the length of the prompt where the teacher charges for it, else 0.
    """

    prompt_id: str
    teacher: str
    text: str
    log_probability: float | None = None
    tokens: int = 0
    token_starts: tuple[int, ...] = ()
    token_log_probabilities: tuple[float, ...] = ()
    prompt_tokens: int = 0

    @property
    def id(self) -> str:
        """BLAKE2b of prompt, teacher and text."""
        return digest(self.prompt_id, self.teacher, self.text)


@dataclass(frozen=True, slots=True)
class Answer:
    """A prompt with the answer that it got."""

    prompt: Prompt
    generation: Generation


@dataclass(frozen=True, slots=True)
class Candidate:
    """A triple read from characters `start` to `end` of a generation's text by `rule`.

    `modality` is how the text qualifies it, None where it does not; where `rarely` is read as a denial, it is `rarely`
    all the same. `head_entity` and `tail_entity` are the labels that named entity recognition gives the head nouns of
    head and tail: empty for none, and None where no noun phrase was parsed.
    """

    triple: Triple
    generation_id: str
    rule: str
    start: int
    end: int
    modality: Modality | None = None
    head_entity: str | None = None
    tail_entity: str | None = None

    @property
    def id(self) -> str:
        """BLAKE2b of triple, generation, rule and characters."""
        return digest(
            self.triple.id, self.generation_id, self.rule, str(self.start), str(self.end)
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """What a critic judges: a candidate with the answer that it was read from."""

    candidate: Candidate
    answer: Answer


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one critic says of one candidate.

    `score` is in [0, 1] or None. `reason` says in a few fixed words why it is dropped or not judged, and is empty for
    one that is kept.
    """

    candidate_id: str
    critic: str
    decision: Decision
    score: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """One source of a triple of the graph.

    For an imported triple `generation_id` is empty and `start` is the row in the file. `modality` is as in Candidate.
    """

    triple_id: str
    generation_id: str
    rule: str
    start: int
    end: int
    run_id: str
    modality: Modality | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """A proposed triple: never mixed with asserted ones.

    `score` is in [0, 1]; `source` names who proposes it (`graph` or a student);
    `known` tells whether the graph already holds it.
    """

    triple: Triple
    score: float
    source: str
    known: bool = False
