"""The votes of all critics, with their abstentions and scores, into one probability that a triple is valid.

A logistic regression on what each critic said: a weight for a drop, one for an abstention, one for the log-odds of its
score. The weights are fitted together on people's labels, so that two critics that say the same are not counted twice.
It is a sum over critics: a verdict's weight of evidence can be added as it is read.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np

from kg.errors import RunError
from kg.levels import Levels, find_cut_offs
from kg.run import write_atomically
from kg.splits import part_of

FILE = "calibration.json"
FOLDS = 5
_EDGE = 0.001  # a score is taken to be no nearer to 0 and 1
_FEATURES = ("drop", "abstain", "score")

Votes = Mapping[str, tuple[str, float | None]]  # critic -> (decision, score)


@dataclass(frozen=True, slots=True)
class LabelModel:
    """`weights` of each critic: of a drop, of an abstention, and of a score's log-odds."""

    bias: float
    weights: Mapping[str, Mapping[str, float]]

    def evidence(self, critic: str, decision: str, score: float | None) -> float:
        """What one verdict adds to the log-odds."""
        weights = self.weights[critic]
        return sum(weights[f] * x for f, x in zip(_FEATURES, _features(decision, score), strict=True))

    def probability(self, evidence: float) -> float:
        """The probability that a triple with this sum of evidence is valid."""
        return 1 / (1 + exp(-max(min(self.bias + evidence, 700.0), -700.0)))

    def judge(self, votes: Votes) -> float:
        """The probability that the votes give."""
        return self.probability(sum(self.evidence(critic, *vote) for critic, vote in votes.items()))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a run's `calibration.json` holds: the label model, the levels, and how many labels they were made of."""

    model: LabelModel
    levels: Levels
    labels: int

    def write(self, folder: Path) -> None:
        write_atomically(folder / FILE, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Calibration | None":
        """The calibration in a run's folder, or None. Raises RunError for a damaged one."""
        path = folder / FILE
        if not path.is_file():
            return None
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return cls(LabelModel(**found["model"]), Levels(**found["levels"]), found["labels"])
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path} is damaged ({error}): remove it, or run `kg calibrate` again") from None


def fit(votes: Sequence[Votes], valid: Sequence[bool]) -> LabelModel:
    """The label model of judged triples; all have votes of the same critics. Raises RunError when all labels agree."""
    from sklearn.linear_model import LogisticRegression

    if len(set(valid)) < 2:
        raise RunError("the labels are all alike: some triples must be valid and some not")
    critics = list(votes[0])
    rows = np.array([[x for c in critics for x in _features(*v[c])] for v in votes])
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(rows, np.asarray(valid))
    weights = iter(fitted.coef_[0].tolist())
    return LabelModel(float(fitted.intercept_[0]), {c: {f: next(weights) for f in _FEATURES} for c in critics})


def fold_of(head: str) -> int:
    """The fold of a head; heads of one normal form are always together."""
    return int(part_of(head, {str(i): 1.0 for i in range(FOLDS)}))


def calibrate(votes: Sequence[Votes], valid: Sequence[bool]) -> Calibration:
    """The label model of judged triples, and the cut-offs on the probabilities of those that no critic drops."""
    model = fit(votes, valid)
    passed = [i for i, v in enumerate(votes) if not is_dropped(v)]
    levels = find_cut_offs([model.judge(votes[i]) for i in passed], [valid[i] for i in passed])
    return Calibration(model, levels, len(votes))


def held_out(votes: Sequence[Votes], valid: Sequence[bool], heads: Sequence[str]) -> list[tuple[float, Levels]]:
    """The probability of each triple, with the levels, from a calibration that saw no label of its fold of heads."""
    folds = [fold_of(head) for head in heads]
    made: dict[int, Calibration] = {}
    for fold in set(folds):
        rest = [i for i, f in enumerate(folds) if f != fold]
        if not rest:
            raise RunError("the labels are of too few heads: some must be left over to measure on")
        made[fold] = calibrate([votes[i] for i in rest], [valid[i] for i in rest])
    return [(made[f].model.judge(v), made[f].levels) for v, f in zip(votes, folds, strict=True)]


def majority(votes: Votes) -> float:
    """The share of those who keep among the critics that do not abstain; 0.5 when all abstain."""
    said = [decision == "keep" for decision, _ in votes.values() if decision != "abstain"]
    return sum(said) / len(said) if said else 0.5


def is_dropped(votes: Votes) -> bool:
    """Whether a critic drops it: then it is not in the graph, whatever its probability."""
    return any(decision == "drop" for decision, _ in votes.values())


def alone(decision: str, score: float | None) -> float:
    """What one critic's verdict is worth by itself, in [0, 1]: its score, or else its vote."""
    return {"keep": 1.0, "drop": 0.0}.get(decision, 0.5) if score is None else score


def _features(decision: str, score: float | None) -> tuple[float, float, float]:
    if score is None:
        odds = 0.0
    else:
        kept = min(max(score, _EDGE), 1 - _EDGE)
        odds = log(kept / (1 - kept))
    return float(decision == "drop"), float(decision == "abstain"), odds
