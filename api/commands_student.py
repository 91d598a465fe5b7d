"""kg train."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

import click

from api.output import StderrProgress, emit


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--student", default="gemma-3-270m", show_default=True,
              help="Model to start from: name, hub id, folder; or nearest, frequency.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the student.")
@click.option("--minutes", type=float, help="Stop after this long  [default: when the epochs are done]")
@click.option("--seed", default=0, show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=(
    "Option of the student: epochs, learning_rate, batch_tokens, accumulation, lora_rank, layers, cut, dtype, ..."
))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def train(
    source: Path, student: str, out: Path, minutes: float | None, seed: int, overrides: tuple[str, ...], as_json: bool
) -> None:
    """Train a student on a run or a file of triples.

    SOURCE is a run, or a TSV file of head, relation and tail. A tenth of the heads is kept out and
    measured. Two students have no language model: "nearest" lets the most similar heads vote,
    "frequency" proposes the commonest tails of the relation. An interrupted training goes on with the same command.

    \b
    Example:
      kg train runs/demo-1a2b3c4d --out students/demo --minutes 2
      kg train triples.tsv --student facebook/bart-large --out students/bart --set lora_rank=16 --set epochs=2
      torchrun --nproc-per-node 4 --no-python kg train triples.tsv --out students/mine  (4 GPUs)
    """
    from api.assemble import STUDENTS, make_student_options
    from kg.recipe import Part, set_value
    from kg.run import silent
    from kg.student import train_student

    is_first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun starts
    if is_first:
        show_log()
    floor = student in STUDENTS and student != "causal"
    given: dict[str, Any] = {"kind": student} if floor else {"kind": "causal", "model": student}
    for text in overrides:
        set_value(given, text)
    kind, options = make_student_options(Part(**given))
    progress = StderrProgress() if floor else silent  # a training writes a log
    facts = train_student(source, out, options, minutes, seed, progress, kind)
    if is_first:
        emit({"out": str(out), **facts}, as_json, lambda: "\n".join(
            [f"{k}: {v}" for k, v in facts.items() if not isinstance(v, list | dict)]
            + [f"next: kg complete {out} --head 'PersonX bakes a cake' --relation xWant"]
        ))


def show_log() -> None:
    """Sends the training's log lines to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("kg")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)


commands = {"train": train}
