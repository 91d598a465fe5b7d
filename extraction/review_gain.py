"""What labels buy: labels that people gave are replayed as if they were asked for one by one, in two orders.

A quarter of the heads is held out; the triples of the others are the pool. A cheap critic (logistic regression on
sentence vectors) is trained again after every `step` labels. `random` asks for the pool in a random order; `active`
asks next for the triples nearest to the cut-off of the graph that would be kept now, as `kg.review_queue` does with the
verdicts of a run. Both begin with the same `step` random labels. Measured after n labels, as means over `seeds`:

kept        precision of the kept graph, the pool's best triples in a fixed share of it: those that were reviewed and
            found valid, then those not reviewed by their probability; what was found invalid is not kept while there is
            anything else. A share of people's labels, all of which are known here.
held_out    precision of the same share of the held-out triples, which nobody reviewed, by probability alone
auc         AUC within each relation on the held-out triples, the mean over relations
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from extraction.labels import Labelled, fold_of
from kg.errors import InputError
from kg.metrics import Array, auc_within, mean_of
from kg.run import Progress, silent
from kg.sentence_vectors import sentence_vectors

MEASURES = ("kept", "held_out", "auc")
TITLES = {
    "kept": "precision of the kept graph", "held_out": "precision on unseen heads",
    "auc": "AUC within relations, unseen heads",
}
ORDERS = ("random", "active")
FOLDS = 4  # one of them is held out
_PRODUCT, _COSINE = 20.0, 3.0  # bring parts of the features to the size of the others

Rows = np.typing.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Gain:
    """`curves[order][measure]` has a value for each of `labels`, the numbers of labels given."""

    labels: list[int]
    keep: float
    pool: int
    curves: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def needed(self, measure: str) -> list[int | None]:
        """For each number of labels, after how many `active` is first as good as `random` was by then.

        None where it never is. The best value so far counts for both: chance moves them up and down.
        """
        random, active = (np.maximum.accumulate(self.curves[order][measure]).tolist() for order in ORDERS)
        return [
            next((n for n, value in zip(self.labels, active, strict=True) if value >= target), None)
            for target in random
        ]

    def as_dict(self) -> dict[str, Any]:
        return {
            "labels": self.labels, "keep": self.keep, "pool": self.pool, "curves": self.curves,
            "needed": {measure: self.needed(measure) for measure in MEASURES},
        }

    def draw(self, folder: Path) -> list[Path]:
        """Writes the curves as PNG and SVG; returns the files."""
        from matplotlib.figure import Figure

        folder.mkdir(parents=True, exist_ok=True)
        picture = Figure(figsize=(12, 4), layout="constrained")
        for axes, measure in zip(picture.subplots(1, len(MEASURES)), MEASURES, strict=True):
            axes.set(title=TITLES[measure], xlabel="labels")
            for order in ORDERS:
                axes.plot(self.labels, self.curves[order][measure], marker=".", label=f"{order} review")
            axes.grid(alpha=0.3)
            axes.legend()
        files = [folder / f"review_gain.{ending}" for ending in ("png", "svg")]
        for file in files:
            picture.savefig(file, dpi=120)
        return files


def review_gain(
    labelled: Sequence[Labelled], step: int = 25, most: int = 2000, keep: float = 0.5, seeds: int = 5,
    progress: Progress = silent,
) -> Gain:
    """Replays labels, `most` of them in all. Raises InputError for labels that are too few, or all alike."""
    truth = np.array([row.plausible for row in labelled], dtype=np.int64)
    if truth.min() == truth.max():
        raise InputError("all labels are the same: there is nothing to learn from them")
    x = features(labelled, progress)
    relations = [row.triple.relation for row in labelled]
    runs: dict[str, list[Array]] = {order: [] for order in ORDERS}
    pools = []
    for seed in range(seeds):
        out = np.array([fold_of(row.triple.head, FOLDS, seed) == 0 for row in labelled])
        trial = _Trial(x, truth, relations, np.flatnonzero(~out), np.flatnonzero(out), keep, seed)
        pools.append(len(trial.pool))
        if len(trial.pool) < 2 * step or not out.any():
            raise InputError(f"{len(labelled)} labels are too few for steps of {step}: give --step a smaller number")
        for order in ORDERS:
            runs[order].append(trial.run(order, step, min(most, len(trial.pool))))
            progress("replay", seed * len(ORDERS) + ORDERS.index(order) + 1, seeds * len(ORDERS))
    least = min(len(run) for found in runs.values() for run in found)
    means = {order: np.mean([run[:least] for run in found], axis=0) for order, found in runs.items()}
    curves = {
        order: {measure: mean[:, i].tolist() for i, measure in enumerate(MEASURES)} for order, mean in means.items()
    }
    return Gain([step * (i + 1) for i in range(least)], keep, round(float(np.mean(pools))), curves)


def features(labelled: Sequence[Labelled], progress: Progress = silent) -> Array:
    """A row for each triple: the vectors of head and tail, their products and distances, and what relation it is."""
    heads, tails = ([getattr(row.triple, part) for row in labelled] for part in ("head", "tail"))
    vectors = sentence_vectors([*heads, *tails], progress=progress)
    h, t = vectors[: len(heads)], vectors[len(heads) :]
    names = [f"{'Not' * row.triple.negated}{row.triple.relation}" for row in labelled]
    one = np.eye(len(set(names)))[np.unique(names, return_inverse=True)[1]]
    product = h * t
    return np.hstack([
        h, t, _PRODUCT * product, abs(h - t), one, _COSINE * one * product.sum(1, keepdims=True)
    ]).astype(np.float32)


class _Trial:
    """One division of the labels into a pool and held-out heads."""

    def __init__(
        self, x: Array, truth: Rows, relations: list[str], pool: Rows, out: Rows, keep: float, seed: int
    ) -> None:
        self.x, self.truth, self.pool, self.out = x, truth, pool, out
        self._relations = [relations[i] for i in out]
        self._keep = keep
        self._shuffled = np.random.default_rng(seed).permutation(pool)

    def run(self, order: str, step: int, most: int) -> Array:
        """Rows of measures, one for each `step` labels."""
        choose: Callable[[Array, Rows, int], Rows] = self._nearest if order == "active" else self._following
        given, rows = self._shuffled[:step], []
        while True:
            chance = self._learn(given)
            rows.append(self._measure(chance, given))
            if len(given) + step > most:
                return np.array(rows)
            given = np.concatenate([given, choose(chance, given, step)])

    def _learn(self, given: Rows) -> Array:
        """The probability of every triple after training on the given ones."""
        from sklearn.linear_model import LogisticRegression

        if len(set(self.truth[given])) == 1:
            return np.full(len(self.truth), float(self.truth[given[0]]))
        model = LogisticRegression(max_iter=300, tol=1e-3).fit(self.x[given], self.truth[given])
        chance: Array = model.predict_proba(self.x)[:, 1]
        return chance

    def _measure(self, chance: Array, given: Rows) -> tuple[float, float, float]:
        kept = self._ranked(chance, given)[: round(self._keep * len(self.pool))]
        best = self.out[np.argsort(-chance[self.out], kind="stable")][: round(self._keep * len(self.out))]
        auc = mean_of(auc_within(self.truth[self.out], chance[self.out], self._relations))
        return float(self.truth[kept].mean()), float(self.truth[best].mean()), float("nan") if auc is None else auc

    def _ranked(self, chance: Array, given: Rows) -> Rows:
        """The pool, best first: reviewed and valid, not reviewed, reviewed and invalid."""
        known = chance.copy()
        known[given] = np.where(self.truth[given] == 1, 2.0, -1.0)
        return self.pool[np.argsort(-known[self.pool], kind="stable")]

    def _following(self, _: Array, given: Rows, step: int) -> Rows:
        return self._shuffled[len(given) : len(given) + step]

    def _nearest(self, chance: Array, given: Rows, step: int) -> Rows:
        """The triples not reviewed whose probability is nearest to that at which the kept graph ends."""
        ranked = self._ranked(chance, given)
        rest = ranked[~np.isin(ranked, given)]
        valid = int(self.truth[given].sum())
        place = min(max(round(self._keep * len(self.pool)) - valid, 1), len(rest) - 1)
        cut = (chance[rest[place - 1]] + chance[rest[place]]) / 2
        return rest[np.argsort(abs(chance[rest] - cut), kind="stable")[:step]]
