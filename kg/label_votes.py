"""Critics against people: the verdicts on judged triples, and how well each critic and their label model tell them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from kg.errors import RunError
from kg.graph import node_id
from kg.label_model import Votes, alone, held_out, is_dropped, majority
from kg.levels import Levels
from kg.metrics import auc, calibration_error, wilson
from kg.ontology import Ontology
from kg.records import Triple
from kg.run import Run, read_parquet
from kg.schemas import candidate_from


class Judged(NamedTuple):
    """A candidate that people judged, with the verdicts of all critics."""

    head: str
    valid: bool
    votes: Votes


class Measure(NamedTuple):
    """How well one judge tells valid triples: area under the ROC curve, and mean squared error of its values."""

    judge: str
    auc: float
    brier: float
    abstained: int


class Kept(NamedTuple):
    """What passes a level: how many judged triples, the share of them that is valid with its 95% Wilson interval, and
    the share of all valid ones that no critic drops."""

    level: str
    cut_off: float
    triples: int
    precision: float
    low: float
    high: float
    recall: float


def judged(run: Run, ontology: Ontology, labels: Iterable[tuple[Triple, bool]]) -> list[Judged]:
    """The candidates of a built run whose triples, by normal form, people have judged. Raises RunError for none."""
    known = {key: valid for triple, valid in labels if (key := _key(triple, ontology))}
    found: dict[str, tuple[str, bool]] = {}
    for candidate in map(candidate_from, read_parquet(run.require("candidates"))):
        if (key := _key(candidate.triple, ontology)) in known:
            found[candidate.id] = (candidate.triple.head, known[key])
    votes: dict[str, dict[str, tuple[str, float | None]]] = {i: {} for i in found}
    for v in read_parquet(run.require("verdicts"), ["candidate_id", "critic", "decision", "score"]):
        if v["candidate_id"] in votes:
            votes[v["candidate_id"]][v["critic"]] = (v["decision"], v["score"])
    if not found:
        raise RunError(f"none of the judged triples is among the candidates of {run.path}")
    return [Judged(head, valid, votes[i]) for i, (head, valid) in found.items()]


def measure(rows: Sequence[Judged]) -> tuple[list[Measure], list[Kept], float]:
    """(each critic, their majority and the label model, best first; what each level keeps; calibration error).

    The label model and the cut-offs saw no label of the heads that they are measured on.
    """
    valid = np.array([row.valid for row in rows])
    votes = [row.votes for row in rows]
    scored = held_out(votes, valid.tolist(), [row.head for row in rows])
    ours = np.array([probability for probability, _ in scored])
    judges = [_measure(c, valid, np.array([alone(*v[c]) for v in votes]),
                       sum(v[c][0] == "abstain" for v in votes)) for c in votes[0]]
    judges.append(_measure("(majority)", valid, np.array(list(map(majority, votes)))))
    judges.append(_measure("(label model)", valid, ours))
    return sorted(judges, key=lambda m: -m.auc), _kept(rows, scored), calibration_error(valid, ours) or 0.0


def _measure(name: str, valid: np.ndarray, values: np.ndarray, abstained: int = 0) -> Measure:
    return Measure(name, auc(valid, values) or 0.5, float(np.mean((values - valid) ** 2)), abstained)


def _kept(rows: Sequence[Judged], held: Sequence[tuple[float, Levels]]) -> list[Kept]:
    """What each level that all folds have keeps of what no critic drops, the strictest first."""
    passing = [i for i, row in enumerate(rows) if not is_dropped(row.votes)]
    scored, valid = [held[i] for i in passing], np.array([rows[i].valid for i in passing])
    common = set.intersection(*(set(levels.cut_offs) for _, levels in scored))
    found = []
    for name in common:
        cut_offs = [levels.cut_offs[name] for _, levels in scored]
        passed = np.array([p >= c for (p, _), c in zip(scored, cut_offs, strict=True)])
        count, hits = int(passed.sum()), int(valid[passed].sum())
        found.append(Kept(name, sum(cut_offs) / len(cut_offs), count, hits / max(count, 1), *wilson(hits, count),
                          hits / max(int(valid.sum()), 1)))
    return sorted(found, key=lambda k: (-k.cut_off, k.level))


def _key(triple: Triple, ontology: Ontology) -> tuple[str, str, str, bool] | None:
    """What is equal for triples that are one edge; None for a relation that the ontology lacks."""
    if triple.relation not in ontology:
        return None
    relation = ontology[triple.relation]
    return (
        node_id(triple.head, relation.head), relation.name, node_id(triple.tail, relation.tail), triple.negated
    )
