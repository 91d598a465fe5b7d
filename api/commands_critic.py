"""kg train-critic, judge."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from api.output import StderrProgress, emit

_CHUNK = 16_384  # rows in memory at a time


@click.command(name="train-critic")
@click.argument("labels", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the critic.")
@click.option("--encoder", default="all-minilm-l6-v2", show_default=True, help="Encoder: name, hub id, folder.")
@click.option("--pretrain", type=click.Path(path_type=Path), help="Run or file of triples that hold, learned first.")
@click.option("--pairs", type=int, help="Pairs made from them at most  [default: 100000]")
@click.option("--epochs", type=int, help="Passes over the labels  [default: 2]")
@click.option("--learning-rate", type=float, help="[default: 0.0001]")
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def train_critic(labels: Path, out: Path, seed: int, as_json: bool, **given: Any) -> None:
    """Train a critic on triples that people judged.

    LABELS is a CSV, TSV or JSONL file with head, relation, tail, and label or valid. The figures are
    of heads that were not trained on.

    \b
    Example:
      kg train-critic labels.csv --out critics/mine --pretrain atomic.tsv
    """
    from api.commands_student import show_log
    from extraction.plausibility_training import TrainingOptions, train_critic
    from kg.recipe import parse

    show_log()
    chosen = {name: str(v) if isinstance(v, Path) else v for name, v in given.items() if v is not None}
    figures = train_critic(labels, out, parse(TrainingOptions, chosen, "options"), seed, StderrProgress())
    emit({"out": str(out), **figures}, as_json, lambda: "\n".join(
        [f"{k}: {v}" for k, v in figures.items() if not isinstance(v, dict)]
        + [f"next: kg judge TRIPLES_OR_RUN --critic {out} --out judged.jsonl"]
    ))


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--critic", required=True, type=click.Path(path_type=Path), help="Folder that kg train-critic wrote.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="JSONL file of the rows and probabilities.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def judge(source: Path, critic: Path, out: Path, as_json: bool) -> None:
    """Let a trained critic judge the triples of a run or a file.

    SOURCE is a run, or a CSV, TSV or JSONL file with head, relation and tail. Each row gets a
    "probability" that people find it plausible.

    \b
    Example:
      kg judge runs/demo-1a2b3c4d --critic critics/mine --out judged.jsonl
    """
    from extraction.labels import triple_of
    from extraction.plausibility_model import PlausibilityModel
    from kg.ontology import load_ontology

    model, ontology = PlausibilityModel.load(critic), load_ontology()
    rows, progress, count = _rows(source), StderrProgress(), 0
    part = out.with_name(out.name + ".part")
    with open(part, "w", encoding="utf-8") as handle:
        while chunk := list(islice(rows, _CHUNK)):
            found = model.probabilities([triple_of(row, ontology) for row in chunk], ontology)
            for row, probability in zip(chunk, found.tolist(), strict=True):
                handle.write(json.dumps({**row, "probability": round(probability, 6)}, ensure_ascii=True) + "\n")
            count += len(chunk)
            progress("judge", count, None)
    part.replace(out)
    emit({"triples": count, "out": str(out)}, as_json, lambda: f"{count:,} triples judged in {out}")


def _rows(source: Path) -> Iterator[dict[str, Any]]:
    """The triples of a run's graph, or the rows of a file."""
    if source.is_dir():
        from kg.graph import GraphFiles
        from kg.run import Run

        for t in GraphFiles(Run.open(source)).triples():
            yield {"id": t.id, "head": t.head, "relation": t.relation, "tail": t.tail, "negated": t.negated}
        return
    from extraction.labels import read_rows

    for _, row in read_rows(source):
        yield row


commands = {"train-critic": train_critic, "judge": judge}
