"""A critic that holds what is said against rules that were mined from a graph (`kg rules`)."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import Field

from extraction.critics import _Critic
from kg.normal import normal_form
from kg.ontology import Kind, Ontology
from kg.recipe import Section
from kg.records import Claim, Triple, Verdict, digest
from kg.rules import Atom, Rule, load_rules

LONGEST = 59  # characters of a reason
Fact = tuple[Atom, str, str]
Ends = dict[tuple[Atom, str], set[str]]


class RuleCritic(_Critic):
    """Abstains where a confident rule and earlier answers give the denial of what is said, or of an earlier answer.

    It drops neither, because it cannot tell whether the rule, an earlier answer or this one is wrong. It remembers what
    it has read of the rules' relations and never reads ahead. The reason is the rule, cut to `LONGEST` characters.
    """

    name = "rules"
    reads_ontology = True

    class Options(Section):
        """`file` was written by `kg rules`, `minimum` is the lowest confidence of a rule that is used."""

        file: str
        minimum: float = Field(0.9, ge=0, le=1)

    def __init__(self, options: Options, ontology: Ontology) -> None:
        super().__init__(options, ontology)
        found = load_rules(Path(options.file).expanduser())
        self._rules = [rule for rule in found if rule.confidence >= options.minimum]
        self._used = {_positive(atom) for rule in self._rules for atom in (rule.head, *rule.body)}
        self.version = digest(self.name, self.revision, *map(repr, self._rules), *map(repr, ontology))

    def judge(self, claims: Iterable[Claim]) -> Iterator[Verdict]:
        """One verdict a claim, in order, streaming."""
        said: Ends = {}
        for claim in claims:
            fact = self._fact(claim.candidate.triple)
            broken = self._broken(said, fact) if _positive(fact[0]) in self._used else None
            if broken is None:
                yield Verdict(claim.candidate.id, self.name, "keep")
            else:
                yield Verdict(claim.candidate.id, self.name, "abstain", None, f"rule: {broken}"[:LONGEST])

    def _fact(self, triple: Triple) -> Fact:
        """The relation and the normal forms of both ends."""
        kinds: tuple[Kind, Kind] = ("Event", "Event")
        if triple.relation in self._ontology:
            relation = self._ontology[triple.relation]
            kinds = relation.head, relation.tail
        head, tail = normal_form(triple.head, kinds[0]), normal_form(triple.tail, kinds[1])
        return Atom(triple.relation, triple.negated), head, tail

    def _broken(self, said: Ends, fact: Fact) -> Rule | None:
        """The first rule that the fact breaks together with what was said; the fact is then said too."""
        atom, x, y = fact
        said.setdefault((atom, x), set()).add(y)
        said.setdefault((_turned(atom), y), set()).add(x)
        for rule in self._rules:
            denial = _denied(rule.head)
            if atom == denial and y in _reached(said, rule.body, x):
                return rule
            for u, v in _conclusions(said, rule.body, fact):
                if v in said.get((denial, u), ()):
                    return rule
        return None


def _conclusions(said: Ends, body: tuple[Atom, ...], fact: Fact) -> Iterator[tuple[str, str]]:
    """The pairs that the body joins with the fact as one of its atoms."""
    for place, atom in enumerate(body):
        if _positive(atom) != _positive(fact[0]) or atom.negated != fact[0].negated:
            continue
        start, end = fact[:0:-1] if atom.inverse else fact[1:]
        before = _reached(said, tuple(map(_turned, body[:place])), start)
        after = _reached(said, body[place + 1 :], end)
        yield from ((u, v) for u in before for v in after if len({u, start, end, v}) == len(body) + 1)


def _reached(said: Ends, body: tuple[Atom, ...], start: str) -> set[str]:
    """Where the body leads to from `start`, without coming to one place twice."""
    paths: set[tuple[str, ...]] = {(start,)}
    for atom in body:
        paths = {(*path, end) for path in paths for end in said.get((atom, path[-1]), ()) if end not in path}
    return {path[-1] for path in paths}


def _turned(atom: Atom) -> Atom:
    return Atom(atom.relation, atom.negated, not atom.inverse)


def _denied(atom: Atom) -> Atom:
    return Atom(atom.relation, not atom.negated)


def _positive(atom: Atom) -> Atom:
    return Atom(atom.relation)
