"""How far reviewers agree beyond chance: Krippendorff's alpha, Cohen's and Fleiss' kappa.

All are 1 for full agreement, about 0 for labels given at random, and None where nothing can be said: no unit has two
labels, or all labels are the same. A unit is what was labelled; it has one label from each of its reviewers.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from kg.reviews import UNFAMILIAR, ReviewLog


def krippendorff_alpha(units: Iterable[Sequence[int]], ordinal: bool = True) -> float | None:
    """Alpha over the labels of each unit, which may be of any number, as ranks or (not `ordinal`) as mere names.

    Krippendorff, Computing Krippendorff's Alpha-Reliability (2011).
    """
    weights: dict[tuple[int, int], float] = {}  # what Krippendorff calls coincidences
    for unit in units:
        if len(unit) > 1:
            found = Counter(unit)
            for a in found:
                for b in found:
                    weight = found[a] * (found[b] - (a == b)) / (len(unit) - 1)
                    weights[a, b] = weights.get((a, b), 0.0) + weight
    values = sorted({a for a, _ in weights})
    totals = {a: sum(weights.get((a, b), 0.0) for b in values) for a in values}
    distance = _ordinal(values, totals) if ordinal else lambda _a, _b: 1.0
    expected = sum(totals[a] * totals[b] * distance(a, b) for a, b in combinations(values, 2))
    observed = sum(weights.get((a, b), 0.0) * distance(a, b) for a, b in combinations(values, 2))
    return 1 - (sum(totals.values()) - 1) * observed / expected if expected else None


def _ordinal(values: list[int], totals: Mapping[int, float]) -> Callable[[int, int], float]:
    """Krippendorff's distance of ranks: how many labels lie between the two, squared."""
    return lambda a, b: (sum(totals[v] for v in values if a <= v <= b) - (totals[a] + totals[b]) / 2) ** 2


def cohen_kappa(pairs: Sequence[tuple[Any, Any]]) -> float | None:
    """Kappa of two reviewers from their labels for the same units. Cohen, A Coefficient of Agreement (1960)."""
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    n = len(pairs)
    chance = sum(first[label] * second[label] for label in first) / n**2 if n else 1.0
    return (sum(a == b for a, b in pairs) / n - chance) / (1 - chance) if chance < 1 else None


def fleiss_kappa(units: Iterable[Sequence[Any]]) -> float | None:
    """Kappa of many reviewers, who need not be the same for each unit; units with one label are left out.

    Fleiss, Measuring Nominal Scale Agreement Among Many Raters (1971), for units with unequal numbers of labels.
    """
    counted = [Counter(unit) for unit in units if len(unit) > 1]
    totals = sum(counted, Counter[Any]())
    n = sum(totals.values())
    chance = sum((count / n) ** 2 for count in totals.values()) if n else 1.0
    if chance == 1:
        return None
    agreed = [sum(c * (c - 1) for c in u.values()) / (u.total() * (u.total() - 1)) for u in counted]
    return (sum(agreed) / len(agreed) - chance) / (1 - chance)


def agreement(log: ReviewLog) -> dict[str, Any]:
    """Agreement of a run's reviewers, without the labels of who could not judge.

    `alpha` is of the scale's four steps in their order, the kappas are of valid against not: `fleiss` of all and, by
    pair of names, `cohen`. `twice` counts the triples with two labels or more.
    """
    units = [{who: a.label for who, a in given.items() if a.label != UNFAMILIAR} for _, given in log.labels()]
    units = [unit for unit in units if len(unit) > 1]
    valid = [{who: label <= 2 for who, label in unit.items()} for unit in units]
    names = sorted({who for unit in units for who in unit})
    both = {(a, b): [(u[a], u[b]) for u in valid if a in u and b in u] for a, b in combinations(names, 2)}
    return {
        "twice": len(units),
        "alpha": krippendorff_alpha([list(unit.values()) for unit in units]),
        "fleiss": fleiss_kappa([list(unit.values()) for unit in valid]),
        "cohen": [
            {"reviewers": list(pair), "triples": len(found), "kappa": cohen_kappa(found)}
            for pair, found in both.items() if found
        ],
    }
