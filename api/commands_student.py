"""kg train, complete."""

import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from api.output import StderrProgress, emit, say, table
from kg.errors import InputError

Completer = Callable[[list[dict[str, Any]]], list[list[dict[str, Any]]]]

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


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--head", help="One head.")
@click.option("--relation", help="Its relation; with the prefix Not for a denial.")
@click.option("--tail", help="One tail, for its heads: runs and link models (kg eval links) know them.")
@click.option("--queries", type=click.Path(path_type=Path), help='JSONL file with {"head", "relation"} a line.')
@click.option("--out", type=click.Path(path_type=Path), help='JSONL file: the queries with "completions" added.')
@click.option("-k", default=5, show_default=True, type=click.IntRange(min=1), help="Completions for each query.")
@click.option("--student", type=click.Path(path_type=Path), help="A student to ask beside the run.")
@click.option("--level", help="Only what passes this level of the run: high, rec_0.7, prec_0.9, ...")
@click.option("--relations", help="With a run and no --relation: only these, with commas between them.")
@click.option("--new-only", is_flag=True, help="Leave out what the run has.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def complete(
    source: Path, head: str | None, relation: str | None, tail: str | None, queries: Path | None, out: Path | None,
    k: int, student: Path | None, level: str | None, relations: str | None, new_only: bool, as_json: bool,
) -> None:
    """Complete heads: by a student, or by a run with what is like it.

    SOURCE is the folder of a student or of a link model, or a run. A run's graph, its near neighbours
    and --student are merged into one list, and head, relation or tail may be left open.

    \b
    Example:
      kg complete students/demo --head 'PersonX bakes a cake' --relation xWant -k 3
      kg complete students/demo --queries queries.jsonl --out answers.jsonl
      kg complete runs/demo-1a2b3c4d --student students/demo --head 'PersonX bakes a cake' --relation xWant
      kg complete runs/demo-1a2b3c4d --tail happy --relation xReact
    """
    one, many = (head, relation, tail) != (None, None, None), queries is not None and out is not None
    is_run = (source / "manifest.json").is_file()
    if one == many or (one and not is_run and (relation is None or (head is None) == (tail is None))):
        raise click.UsageError("give --head (or --tail) and --relation, or --queries and --out")
    if not is_run and tail is not None:
        _complete_heads(source, relation or "", tail or "", k, as_json)
        return
    if is_run:
        complete_rows = _by_run(source, student, k, new_only, level, (relations or "").split(",") if relations else [])
    elif student is not None or level is not None or relations is not None or new_only:
        raise click.UsageError("--student, --level, --relations and --new-only are for a run")
    else:
        complete_rows = _by_student(source, k)
    if one:
        given = {"head": head, "relation": relation, "tail": tail} if is_run else {"head": head, "relation": relation}
        rows = complete_rows([given])[0]
        columns = ["head", "relation", "tail", "score", "source", "known"] if is_run else ["tail", "score"]
        cells = [[row[c] for c in columns] for row in rows]
        emit({**given, "completions": rows}, as_json, lambda: table(columns, cells, widest=100))
        return
    assert queries is not None
    assert out is not None
    count = _complete_file(complete_rows, _read_queries(queries, is_run), out)
    emit({"queries": count, "out": str(out)}, as_json, lambda: f"{count:,} queries completed in {out}")


def _complete_heads(folder: Path, relation: str, tail: str, k: int, as_json: bool) -> None:
    from api.assemble import load_student

    student: Any = load_student(folder)
    if not hasattr(student, "complete_heads"):
        raise InputError("a language model knows no heads of a tail: give the folder of kg eval links --out")
    rows = [{"head": c.triple.head, "score": c.score} for c in student.complete_heads([(relation, tail)], k)[0]]
    result = {"tail": tail, "relation": relation, "completions": rows}
    emit(result, as_json, lambda: table(["head", "score"], [(r["head"], r["score"]) for r in rows], widest=100))


def _by_student(folder: Path, k: int) -> Completer:
    from api.assemble import load_student

    student = load_student(folder)
    return lambda rows: [
        [{"tail": c.triple.tail, "score": c.score} for c in found]
        for found in student.complete([(row["head"], row["relation"]) for row in rows], k)
    ]


def _by_run(
    path: Path, student: Path | None, k: int, new_only: bool, level: str | None, relations: list[str]
) -> Completer:
    from api.assemble import load_student, ontology_of
    from api.completion import read_query
    from api.sources import Sources
    from kg.run import Run

    run = Run.open(path)
    ontology = ontology_of(run)
    sources = Sources(run, ontology, load_student(student) if student else None, progress=StderrProgress())

    def complete_rows(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        asked = [read_query(ontology, r.get("head"), r.get("relation"), r.get("tail"), relations) for r in rows]
        found, notes = sources.complete(asked, k, new_only, level)
        for note in notes:
            say(note)
        return [[asdict(merged) for merged in part] for part in found]

    return complete_rows


def _complete_file(complete_rows: Completer, rows: list[dict[str, Any]], out: Path, batch: int = 256) -> int:
    """Writes the rows with their completions as JSONL, `batch` at a time, in order; returns how many."""
    progress = StderrProgress()
    part = out.with_name(out.name + ".part")
    with open(part, "w", encoding="utf-8") as handle:
        for start in range(0, len(rows), batch):
            chunk = rows[start : start + batch]
            for row, found in zip(chunk, complete_rows(chunk), strict=True):
                handle.write(json.dumps({**row, "completions": found}, ensure_ascii=True) + "\n")
            progress("complete", start + len(chunk), len(rows))
    part.replace(out)
    return len(rows)


def _read_queries(path: Path, is_open: bool) -> list[dict[str, Any]]:
    """The rows of a JSONL file; `is_open`: fields may be missing."""
    rows: list[dict[str, Any]] = []
    with open(path, encoding="utf-8", errors="replace") as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}, line {number}: not JSON ({error})") from None
            fields = [f for f in ("head", "relation", "tail") if f in row] if is_open else ("head", "relation")
            if not isinstance(row, dict) or not fields or not all(isinstance(row.get(f), str) for f in fields):
                needed = '"head" or "tail"' if is_open else '"head" and "relation"'
                raise InputError(f"{path}, line {number}: a query needs the strings {needed}")
            rows.append(row)
    return rows


def show_log() -> None:
    """Sends the training's log lines to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("kg")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)


commands = {"train": train, "complete": complete}
