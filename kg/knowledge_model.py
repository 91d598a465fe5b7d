"""A knowledge model: a language model that completes triples and scores them (Hwang et al. 2021, arXiv 2010.05953).

It is asked in the words of its relations; `kg.decoding` writes and scores the texts.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import torch

from kg.constraints import Constraints
from kg.decoding import Example, Layout, Written, head_text
from kg.errors import StudentError, UnknownNameError
from kg.normal import normal_form
from kg.ontology import Kind
from kg.records import Completion, Triple
from kg.student_folder import Wording

SPARE_BEAMS = 3  # beams beyond k: some texts differ only in form
MAX_BEAMS = 100
HEAD_PHRASE = "when"  # between relation and tail, and the head that is asked for
BROKEN = "\N{REPLACEMENT CHARACTER}"  # what half a character is decoded to


class KnowledgeModel:
    """A causal or sequence-to-sequence language model over triples of the relations in `wordings`."""

    def __init__(self, layout: Layout, wordings: Mapping[str, Wording], name: str, gives_heads: bool = False) -> None:
        self.layout = layout
        self.wordings = dict(wordings)
        self.name = name
        self.gives_heads = gives_heads

    @property
    def relations(self) -> Collection[str]:
        """The names of the relations that it knows, with the prefix `Not` for denied ones."""
        return self.wordings

    def known(self, triples: Sequence[Triple]) -> list[Triple]:
        """The triples whose relations the student knows."""
        return [t for t in triples if list(t)[1] in self.wordings]

    def examples(self, triples: Sequence[Triple]) -> list[Example]:
        """The token ids of triples. Raises UnknownNameError for a relation that the student was not trained on."""
        return self.layout.examples([(head, self._wording(label).phrase, tail) for head, label, tail in triples])

    def head_examples(self, triples: Sequence[Triple]) -> list[Example]:
        """As `examples`, but with the heads for targets."""
        return self.layout.examples([(*self._tail_first(label, tail), head) for head, label, tail in triples])

    def complete(
        self, queries: Sequence[tuple[str, str]], k: int = 5, diversity: float = 0.0, beams: int | None = None
    ) -> list[list[Completion]]:
        """For each (head, relation) at most `k` completions (and `MAX_BEAMS`), distinct by normal form, best first.

        The score is the geometric mean of the probabilities of the tail's tokens, end included: it is in [0, 1] and
        compares across queries. An empty head gets none. Raises UnknownNameError for an unknown relation.

        `beams` are those of the search, as a rule k + `SPARE_BEAMS`; one is greedy decoding, and gives one tail.

        A `diversity` above 0 is the strength of diverse beam search: the nats that a token costs a beam for each beam
        before it that has it at the same place (Vijayakumar et al. 2018). It changes which tails are found, not scores.
        A weak one finds fewer than `k`: many beams then write the same text.
        """
        used = min(beams or k + SPARE_BEAMS, MAX_BEAMS)
        return self._answer(queries, k, lambda prompts: self.layout.write(prompts, used, diversity=diversity))

    def complete_within(
        self, queries: Sequence[tuple[str, str]], k: int, constraints: Constraints, diversity: float = 0.0,
        beams: int | None = None,
    ) -> list[list[Completion]]:
        """As `complete`, of the tails that the constraints allow, which may be fewer than `k`; with more beams."""
        used = min(beams or 2 * k + SPARE_BEAMS, MAX_BEAMS)
        texts = dict.fromkeys((head_text(h), self._wording(label).phrase) for h, label in queries if head_text(h))
        steer = self.layout.steer(constraints, [head for head, _ in texts])
        found = self._answer(
            queries, used, lambda prompts: self.layout.write(prompts, used, steer=steer, diversity=diversity)
        )
        return [[c for c in part if constraints.allow(c.triple.head, c.triple.tail)][: max(k, 0)] for part in found]

    def draw(
        self, queries: Sequence[tuple[str, str]], k: int = 5, temperature: float = 1.0, top_p: float = 0.9,
        seed: int = 0,
    ) -> list[list[Completion]]:
        """As `complete`, with what `k` draws by nucleus sampling give: often fewer, and less like each other."""
        return self._answer(queries, k, lambda prompts: self.layout.draw(prompts, k, temperature, top_p, seed))

    def complete_heads(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """For each (relation, tail) at most `k` heads, as `complete`.

        Raises StudentError when the student was not trained with `heads`.
        """
        if not self.gives_heads:
            raise StudentError(f"this {self.name} was not trained to give heads: `kg train` with --set heads=true")
        wordings = [self._wording(label) for label, _ in queries]
        texts = [self._tail_first(label, tail) if head_text(tail) else None for label, tail in queries]
        beams = min(k + SPARE_BEAMS, MAX_BEAMS)

        def triple(n: int, text: str) -> Triple:
            return Triple(text, wordings[n].relation, queries[n][1], wordings[n].negated)

        written = self._write(texts, lambda prompts: self.layout.write(prompts, beams)) if k > 0 else [[]] * len(texts)
        return [self._completions(found, partial(triple, n), "Event")[:k] for n, found in enumerate(written)]

    def complete_relations(self, pairs: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """For each (head, tail) the `k` most probable of its relations.

        By Bayes' rule: a relation's probability is proportional to that of the tail given head and relation.
        """
        labels = list(self.wordings)
        triples = [Triple(h, w.relation, t, w.negated) for h, t in pairs for w in self.wordings.values()]
        lengths = [len(e.target) for e in self.examples(triples)]
        sums = torch.tensor([mean * n for mean, n in zip(self.score(triples), lengths, strict=True)])
        shares = sums.view(len(pairs), len(labels)).softmax(1) if pairs else sums
        found = []
        for n, row in enumerate(shares.tolist()):
            best = sorted(range(len(labels)), key=lambda i: -row[i])[: max(k, 0)]
            found.append([Completion(triples[n * len(labels) + i], row[i], self.name) for i in best])
        return found

    def score(self, triples: Sequence[Triple]) -> list[float]:
        """Mean natural log-probability a token of each tail (end included), given head and relation."""
        return self.layout.scores(self.examples(triples))

    def _answer(
        self, queries: Sequence[tuple[str, str]], k: int, write: Callable[[list[list[int]]], list[list[Written]]]
    ) -> list[list[Completion]]:
        """At most `k` tails of each (head, relation), as `write` finds texts after prompts."""
        wordings = [self._wording(relation) for _, relation in queries]
        if k < 1:
            return [[] for _ in queries]
        heads = [head_text(head) for head, _ in queries]
        texts = [(head, w.phrase) if head else None for head, w in zip(heads, wordings, strict=True)]

        def triple(n: int, text: str) -> Triple:
            return Triple(queries[n][0], wordings[n].relation, text, wordings[n].negated)

        return [
            self._completions(found, partial(triple, n), wordings[n].tail)[:k]
            for n, found in enumerate(self._write(texts, write))
        ]

    def _write(
        self, texts: Sequence[tuple[str, str] | None], write: Callable[[list[list[int]]], list[list[Written]]]
    ) -> list[list[Written]]:
        """What is written after each (head, phrase), of which each is asked once; nothing after None."""
        asked = list(dict.fromkeys(text for text in texts if text))
        found = dict(zip(asked, write(self.layout.prompts(asked)), strict=True))
        return [found[text] if text else [] for text in texts]

    def _tail_first(self, label: str, tail: str) -> tuple[str, str]:
        """(what takes the place of the head, phrase) after which the head is written."""
        return f"{self._wording(label).phrase} {head_text(tail)}", HEAD_PHRASE

    def _wording(self, label: str) -> Wording:
        if label not in self.wordings:
            raise UnknownNameError("relation (of this student)", label, self.wordings)
        return self.wordings[label]

    def _completions(
        self, written: Sequence[Written], triple: Callable[[str], Triple], kind: Kind
    ) -> list[Completion]:
        """The texts, of nodes of this kind, as completions: cleaned, best first, one for each normal form."""
        best: dict[str, Completion] = {}
        for text, score in sorted(written, key=lambda w: -w.score):
            cleaned = " ".join(text.split())
            if cleaned and BROKEN not in cleaned:
                completion = Completion(triple(cleaned), min(1.0, math.exp(score)), self.name)
                best.setdefault(normal_form(cleaned, kind), completion)
        return list(best.values())
