"""A student's scores on heads that it never saw, beside what has no language model: a constant and `kg.floors`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kg.errors import InputError, StudentError
from kg.floors import FrequencyStudent, NearestStudent
from kg.metrics import Array
from kg.normal import normal_form
from kg.ontology import load_ontology
from kg.protocols import Student
from kg.run import Progress, silent
from kg.sentence_vectors import sentence_vectors
from kg.splits import read_training_triples, split_heads
from kg.student_folder import TrainedStudent, training_key
from kg.text_metrics import distinct, text_scores

NONE = "none"
CHUNK = 256  # queries that are asked at a time
CHOICES = 2  # completions that the student gives, of which one that is not `none` is taken
Query = tuple[str, str]


def score_student(
    student: TrainedStudent, data: Path, train: Path, unseen_only: bool = False, progress: Progress = silent
) -> dict[str, Any]:
    """{"with_none" and "without_none": {system: {relation or "all": scores}}} on the triples of `data`.

    Without `none`, queries whose only reference it is are left out, and every system gives its best other answer.
    `train` is what `train_student` made the student from. Raises StudentError when it is something else, or when the
    student learned from a head of `data`, by normal form; with `unseen_only` such heads are left out and counted.
    """
    ontology = load_ontology()
    options = student.Options.model_validate(student.settings["options"])
    parts = split_heads(read_training_triples(train, ontology), options.fractions, student.settings["seed"])
    if student.settings["key"] != training_key(options, student.settings["seed"], [*parts["train"], *parts["dev"]]):
        raise StudentError(f"the student was not trained on {train}: give the --train that it was trained on")
    learned, asked = parts["train"], read_training_triples(data, ontology)
    seen = {normal_form(t.head) for t in learned} & {normal_form(t.head) for t in asked}
    if seen and not unseen_only:
        raise StudentError(
            f"{len(seen)} heads of {data} are in {train}, which the student learned from (for example {min(seen)!r}): "
            "such scores would say nothing; give --data with other heads, or --unseen-only to leave these out"
        )
    asked = [t for t in student.known(asked) if normal_form(t.head) not in seen]
    if not asked or not learned:
        raise InputError(f"{data if learned else train} has no triple of the student's relations on unseen heads")
    references: dict[Query, list[str]] = {}
    for head, relation, tail in asked:
        references.setdefault((head, relation), []).append(tail)
    queries = list(references)
    given = {"student": _tails(student, queries, progress), "none": [[NONE] for _ in queries]} | {
        kind.name: _tails(kind.of(learned, ontology), queries) for kind in (FrequencyStudent, NearestStudent)
    }
    answers = {name: dict(zip(queries, tails, strict=True)) for name, tails in given.items()}
    tails = {t.tail for t in learned}
    vectors = _vectors([*(t.tail for t in asked), *(a for part in given.values() for own in part for a in own)])
    return {"queries": len(references), "triples": len(asked), "seen_heads": len(seen)} | {
        name: {
            system: _scores(given, references, tails, none, vectors)
            for system, given in answers.items() if none or system != "none"
        }
        for name, none in (("with_none", True), ("without_none", False))
    }


def _scores(
    answers: dict[Query, list[str]], references: dict[Query, list[str]], tails: set[str], none: bool,
    vectors: Mapping[str, Array],
) -> dict[str, dict[str, float]]:
    """Scores over all queries and over those of each relation.

    `similarity` is the cosine of an answer and the reference most like it (`kg.sentence_vectors`), 0 without an answer.
    """
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
            "similarity": sum(max(float(vectors[a] @ vectors[w]) for w in own) if a else 0.0 for _, a, own in part)
            / max(1, len(part)),
            "novelty": sum(a not in tails for _, a, _ in part) / max(1, len(part)),
        }
        for name, part in groups.items()
    }


def _vectors(texts: Sequence[str]) -> dict[str, Array]:
    """The vector of each text, of length 1."""
    distinct_texts = list(dict.fromkeys(texts))
    return dict(zip(distinct_texts, sentence_vectors(distinct_texts), strict=True))


def _tails(student: Student, queries: Sequence[Query], progress: Progress = silent) -> list[list[str]]:
    tails: list[list[str]] = []
    for start in range(0, len(queries), CHUNK):
        tails += [[c.triple.tail for c in found] for found in student.complete(queries[start : start + CHUNK], CHOICES)]
        progress("complete", len(tails), len(queries))
    return tails


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
