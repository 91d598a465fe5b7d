"""kg rules."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.output import StderrProgress, emit, table

if TYPE_CHECKING:
    from kg.records import Triple
    from kg.rules import Rule

SHOWN = 20  # rules in the table


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="JSON file of the rules.")
@click.option("--support", default=10, show_default=True, type=click.IntRange(min=1), help="Least pairs that agree.")
@click.option("--head-coverage", default=0.01, show_default=True, type=click.FloatRange(0, 1))
@click.option("--confidence", default=0.1, show_default=True, type=click.FloatRange(0, 1), help="Least standard one.")
@click.option("--pca-confidence", default=0.1, show_default=True, type=click.FloatRange(0, 1))
@click.option("--completions", type=click.Path(path_type=Path), help="JSONL file of what the rules add to the graph.")
@click.option("--json", "as_json", is_flag=True, help="Print all rules as JSON.")
def rules(
    source: Path, out: Path, support: int, head_coverage: float, confidence: float, pca_confidence: float,
    completions: Path | None, as_json: bool,
) -> None:
    """Mine Horn rules from a graph, and complete it by them.

    SOURCE is a run, or a TSV file of head, relation and tail. A rule has one or two conditions:
    uncle(x, y) <= brother(x, z), father(z, y). Each comes with its support, its standard confidence,
    that under the partial completeness assumption (PCA), and its head coverage, as in AMIE. The
    completions have the confidence of the best rule as their score, the rule, and the triples that it
    follows from.

    \\b
    Example:
      kg rules runs/demo-1a2b3c4d --out rules.json --completions more.jsonl
    """
    from kg.rule_mining import Thresholds, mine
    from kg.rules import save_rules

    triples = _read(source)
    found = mine(triples, Thresholds(support, head_coverage, confidence, pca_confidence), StderrProgress())
    save_rules(found, out)
    added = _complete(triples, found, completions) if completions is not None else None
    result = {"rules": [_row(rule) for rule in found], "out": str(out), "completions": added}
    emit(result, as_json, lambda: _show(found, added))


def _read(source: Path) -> "list[Triple]":
    """The triples of a run or file, without those that say that nothing applies."""
    from kg.graph import GraphFiles
    from kg.ontology import NOTHING, load_ontology
    from kg.run import Run
    from kg.splits import read_training_triples

    if source.is_dir():
        return list(GraphFiles(Run.open(source)).triples())
    return [t for t in read_training_triples(source, load_ontology()) if t.tail.strip().lower() != NOTHING]


def _complete(triples: "list[Triple]", rules: "Sequence[Rule]", path: Path) -> int:
    """Writes what the rules add, a triple a line; returns how many."""
    from kg.rule_completions import infer

    progress, count = StderrProgress(), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with open(part, "w", encoding="utf-8") as handle:
        for count, found in enumerate(infer(triples, rules), 1):
            row = asdict(found.completion.triple) | {
                "score": found.completion.score, "rule": str(found.rule), "because": [asdict(t) for t in found.facts],
            }
            handle.write(json.dumps(row, ensure_ascii=True) + "\n")
            progress("complete", count, None)
    part.replace(path)
    return count


def _row(rule: "Rule") -> dict[str, str | int | float]:
    return {"rule": str(rule), "support": rule.support, "confidence": rule.confidence,
            "pca_confidence": rule.pca_confidence, "head_coverage": rule.head_coverage}


def _show(found: "Sequence[Rule]", added: int | None) -> str:
    rows = [tuple(_row(rule).values()) for rule in found[:SHOWN]]
    lines = [table(("rule", "support", "confidence", "PCA", "head coverage"), rows, widest=100)]
    lines += [f"{len(found):,} rules" + (f", the best {SHOWN} are shown" if len(found) > SHOWN else "")]
    return "\n".join(lines + ([f"{added:,} completions"] if added is not None else []))


commands = {"rules": rules}
