"""Horn rules with their counts, as `kg.rule_mining` finds them in a graph.

    uncle(x, y) <= brother(x, z), father(z, y)

A rule is closed and connected: a path of one or two atoms, each in either direction, leads from x to y. That covers
implication, inverse, symmetry, transitivity and chains; a denied relation is a relation of its own. Variables stand for
different entities, as in AnyBURL (Meilicke et al., IJCAI 2019): triples with one entity on both sides are left out.
Measures are those of AMIE (Galárraga et al., WWW 2013 and VLDB Journal 2015), over distinct pairs (x, y).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kg.errors import InputError
from kg.run import write_atomically

FORMAT = 1


@dataclass(frozen=True, slots=True, order=True)
class Atom:
    """One condition of a body, from a variable to the next one; `inverse` when the triple goes the other way."""

    relation: str
    negated: bool = False
    inverse: bool = False

    @property
    def label(self) -> str:
        """The relation, with the prefix `Not` when it is denied."""
        return f"Not{self.relation}" if self.negated else self.relation


@dataclass(frozen=True, slots=True)
class Rule:
    """`head` (never inverse) holds of x and y where a path `body` leads from x to y.

    `support` counts pairs for which body and head hold, `predictions` those for which the body does. `pca_predictions`
    counts of these only the pairs of whose x (or of whose y, where the head is the more functional in that direction)
    some head triple is known: the partial completeness assumption. `triples` is how many triples the head has.
    """

    head: Atom
    body: tuple[Atom, ...]
    support: int
    predictions: int
    pca_predictions: int
    triples: int

    @property
    def confidence(self) -> float:
        """Standard confidence: the share of predictions that are known."""
        return self.support / self.predictions

    @property
    def pca_confidence(self) -> float:
        return self.support / self.pca_predictions

    @property
    def head_coverage(self) -> float:
        """The share of the head's triples that the rule predicts."""
        return self.support / self.triples

    def __str__(self) -> str:
        ends = [("x", "y")] if len(self.body) == 1 else [("x", "z"), ("z", "y")]
        atoms = (f"{a.label}({', '.join(pair[::-1] if a.inverse else pair)})"
                 for a, pair in zip(self.body, ends, strict=True))
        return f"{self.head.label}(x, y) <= {', '.join(atoms)}"


def rank(rule: Rule) -> tuple[float, int, str]:
    """Sorts the most confident first, of equally confident ones that with the most support."""
    return -rule.confidence, -rule.support, str(rule)


def save_rules(rules: Sequence[Rule], path: Path) -> None:
    """Writes rules with their counts, and the measures for the reader's eye, as JSON."""
    rows = [
        asdict(r) | {"text": str(r), "confidence": r.confidence, "pca_confidence": r.pca_confidence,
                     "head_coverage": r.head_coverage}
        for r in rules
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps({"format": FORMAT, "rules": rows}, indent=1) + "\n")


def load_rules(path: Path) -> list[Rule]:
    """Reads what `save_rules` wrote. Raises InputError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise InputError(f"{path} is of another version: write it again with kg rules")
        return [
            Rule(Atom(**r["head"]), tuple(Atom(**a) for a in r["body"]), *(int(r[f]) for f in (
                "support", "predictions", "pca_predictions", "triples")))
            for r in data["rules"]
        ]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} holds no rules of kg rules ({error})") from None
