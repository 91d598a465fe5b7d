"""A student's scores on heads that it never saw, beside what asks no model: a constant, the commonest, the nearest."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import normalize

from kg.decoding import batches_by_length
from kg.errors import InputError, StudentError
from kg.models import load_encoder, load_tokenizer
from kg.normal import normal_form
from kg.ontology import load_ontology
from kg.records import Triple
from kg.splits import FRACTIONS, read_training_triples, split_heads
from kg.student import LanguageModelStudent, training_key
from kg.text_metrics import distinct, text_scores

NONE = "none"
ENCODER = "all-minilm-l6-v2"
CHOICES = 4  # completions that the student gives, of which one that is not `none` is taken
Query = tuple[str, str]


def score_student(folder: Path, data: Path, train: Path) -> dict[str, Any]:
    """{"with_none" and "without_none": {system: {relation or "all": scores}}} on the triples of `data`.

    Without `none`, queries whose only reference it is are left out, and every system gives its best other answer.
    `train` is what `train_student` made the student from. Raises StudentError when it is something else, or when the
    student learned from a head of `data`, by normal form.
    """
    student = LanguageModelStudent.load(folder)
    ontology = load_ontology()
    parts = split_heads(read_training_triples(train, ontology), FRACTIONS, student.settings["seed"])
    options = LanguageModelStudent.Options.model_validate(student.settings["options"])
    if student.settings["key"] != training_key(options, student.settings["seed"], [*parts["train"], *parts["dev"]]):
        raise StudentError(f"{folder} was not trained on {train}: give the --train that it was trained on")
    learned, asked = parts["train"], read_training_triples(data, ontology)
    seen = {normal_form(t.head) for t in learned} & {normal_form(t.head) for t in asked}
    if seen:
        raise StudentError(
            f"{len(seen)} heads of {data} are in {train}, which the student learned from (for example {min(seen)!r}): "
            "such scores would say nothing; give --data with other heads"
        )
    asked = student.known(asked)
    if not asked or not learned:
        raise InputError(f"{data if learned else train} has no triple of the student's relations on unseen heads")
    references: dict[Query, list[str]] = {}
    for head, relation, tail in asked:
        references.setdefault((head, relation), []).append(tail)
    systems: dict[str, Callable[[Sequence[Query]], list[list[str]]]] = {
        "student": lambda queries: _of_student(student, queries), "none": lambda queries: [[NONE] for _ in queries],
        "most frequent": lambda queries: _most_frequent(learned, queries),
        "nearest": lambda queries: _nearest(learned, queries),
    }
    answers = {name: dict(zip(references, answer(list(references)), strict=True)) for name, answer in systems.items()}
    tails = {t.tail for t in learned}
    return {"queries": len(references), "triples": len(asked)} | {
        name: {
            system: _scores(given, references, tails, none)
            for system, given in answers.items() if none or system != "none"
        }
        for name, none in (("with_none", True), ("without_none", False))
    }


def _scores(
    answers: dict[Query, list[str]], references: dict[Query, list[str]], tails: set[str], none: bool
) -> dict[str, dict[str, float]]:
    """Scores over all queries and over those of each relation."""
    rows = []
    for query, texts in references.items():
        wanted = [t for t in texts if none or t != NONE]
        given = [a for a in answers[query] if none or a != NONE]
        if wanted:
            rows.append((query[1], given[0] if given else "", wanted))
    groups = {"all": rows} | {r: [row for row in rows if row[0] == r] for r in sorted({row[0] for row in rows})}
    return {
        name: {
            "queries": len(part), **text_scores([a for _, a, _ in part], [w for _, _, w in part]),
            "distinct_1": distinct([a for _, a, _ in part], 1), "distinct_2": distinct([a for _, a, _ in part], 2),
            "novelty": sum(a not in tails for _, a, _ in part) / max(1, len(part)),
        }
        for name, part in groups.items()
    }


def _of_student(student: LanguageModelStudent, queries: Sequence[Query]) -> list[list[str]]:
    greedy, more = student.complete(queries, 1), student.complete(queries, CHOICES)
    return [[c.triple.tail for c in [*one, *several]] for one, several in zip(greedy, more, strict=True)]


def _most_frequent(learned: Sequence[Triple], queries: Sequence[Query]) -> list[list[str]]:
    """The commonest tails of the relation."""
    counts: dict[str, Counter[str]] = {}
    for _, relation, tail in learned:
        counts.setdefault(relation, Counter())[tail] += 1
    return [[tail for tail, _ in counts[relation].most_common(2)] for _, relation in queries]


def _nearest(learned: Sequence[Triple], queries: Sequence[Query]) -> list[list[str]]:
    """The commonest tails of the head most similar by the encoder's vectors, among the heads with the relation."""
    known: dict[str, dict[str, Counter[str]]] = {}
    for head, relation, tail in learned:
        known.setdefault(relation, {}).setdefault(head, Counter())[tail] += 1
    heads = {h: n for n, h in enumerate(dict.fromkeys([*(t.head for t in learned), *(h for h, _ in queries)]))}
    vectors = _vectors(list(heads))
    found: dict[Query, list[str]] = {}
    for relation in {r for _, r in queries}:
        near = list(known[relation])
        table = vectors[[heads[h] for h in near]]
        for query in dict.fromkeys(q for q in queries if q[1] == relation):
            order = (table @ vectors[heads[query[0]]]).topk(min(CHOICES, len(near))).indices.tolist()
            found[query] = [tail for i in order for tail, _ in known[relation][near[i]].most_common()]
    return [found[query] for query in queries]


@torch.inference_mode()
def _vectors(texts: Sequence[str]) -> torch.Tensor:
    """Unit vectors of texts, texts x size: the mean of the encoder's token vectors."""
    tokenizer, encoder = load_tokenizer(ENCODER), load_encoder(ENCODER)
    encoder.eval()
    rows: list[torch.Tensor] = [torch.empty(0)] * len(texts)
    for batch in batches_by_length([len(t.split()) + 2 for t in texts], 1024):
        inputs = tokenizer(
            [texts[i] for i in batch], return_tensors="pt", padding=True, truncation=True, max_length=64
        ).to(encoder.device)
        mask = inputs["attention_mask"].unsqueeze(2)
        hidden = encoder(**inputs).last_hidden_state
        mean = normalize((hidden * mask).sum(1) / mask.sum(1), dim=1).cpu()
        for i, vector in zip(batch, mean, strict=True):
            rows[i] = vector
    return torch.stack(rows)


def plot_scores(found: dict[str, Any], path: Path, metric: str = "bleu_2") -> None:
    """Writes a bar chart of one metric by relation and system, without `none`, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.add_subplot()
    systems: dict[str, Any] = found["without_none"]
    for n, (name, groups) in enumerate(systems.items()):
        places = [i + n / (len(systems) + 1) for i in range(len(groups))]
        axes.bar(places, [g[metric] for g in groups.values()], 1 / (len(systems) + 1), label=name, align="edge")
    axes.set_xticks([i + 0.4 for i in range(len(systems["student"]))], list(systems["student"]))
    axes.set_ylabel(metric)
    axes.legend()
    figure.savefig(path)
