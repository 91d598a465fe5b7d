"""kg train, complete."""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import click

from api.output import StderrProgress, emit, table
from kg.errors import InputError


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--student", default="gemma-3-270m", show_default=True,
              help="Model to start from: name, hub id, folder; or nearest, frequency.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the student.")
@click.option("--minutes", type=float, help="Stop after this long  [default: when the epochs are done]")
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def train(source: Path, student: str, out: Path, minutes: float | None, seed: int, as_json: bool) -> None:
    """Train a student on a run or a file of triples.

    SOURCE is a run, or a TSV file of head, relation and tail. A tenth of the heads is kept out and
    measured. Two students have no language model: "nearest" lets the most similar heads vote,
    "frequency" proposes the commonest tails of the relation. An interrupted training goes on with the same command.

    \b
    Example:
      kg train runs/demo-1a2b3c4d --out students/demo --minutes 2
    """
    from api.assemble import STUDENTS, make_student_options
    from kg.recipe import Part
    from kg.run import silent
    from kg.student import train_student

    show_log()
    floor = student in STUDENTS and student != "causal"
    kind, options = make_student_options(Part(kind=student) if floor else Part(kind="causal", model=student))
    progress = StderrProgress() if floor else silent  # a training writes a log
    facts = train_student(source, out, options, minutes, seed, progress, kind)
    emit({"out": str(out), **facts}, as_json, lambda: "\n".join(
        [f"{k}: {v}" for k, v in facts.items() if not isinstance(v, list | dict)]
        + [f"next: kg complete {out} --head 'PersonX bakes a cake' --relation xWant"]
    ))


@click.command()
@click.argument("student", type=click.Path(path_type=Path))
@click.option("--head", help="One head.")
@click.option("--tail", help="One tail, for its heads: only link models (kg eval links) know them.")
@click.option("--relation", help="Its relation; with the prefix Not for a denial.")
@click.option("--queries", type=click.Path(path_type=Path), help='JSONL file with {"head", "relation"} a line.')
@click.option("--out", type=click.Path(path_type=Path), help='JSONL file: the queries with "completions" added.')
@click.option("-k", default=5, show_default=True, type=click.IntRange(min=1), help="Completions for each query.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def complete(
    student: Path, head: str | None, tail: str | None, relation: str | None, queries: Path | None, out: Path | None,
    k: int, as_json: bool,
) -> None:
    """Let a student complete heads.

    STUDENT is the folder of a student, or of a link model.

    \b
    Example:
      kg complete students/demo --head 'PersonX bakes a cake' --relation xWant -k 3
      kg complete students/demo --queries queries.jsonl --out answers.jsonl
    """
    from api.assemble import load_student

    if tail is not None and relation is not None and (head, queries, out) == (None, None, None):
        _complete_heads(load_student(student), relation, tail, k, as_json)
        return
    one, many = head is not None and relation is not None, queries is not None and out is not None
    if one == many:
        raise click.UsageError("give --head (or --tail) and --relation, or --queries and --out")
    if one:
        completions = load_student(student).complete([(head or "", relation or "")], k)[0]
        rows = [{"tail": c.triple.tail, "score": c.score} for c in completions]
        result = {"head": head, "relation": relation, "completions": rows}
        emit(result, as_json, lambda: table(["tail", "score"], [(r["tail"], r["score"]) for r in rows], widest=100))
        return
    assert queries is not None
    assert out is not None
    count = _complete_file(load_student(student), queries, out, k)
    emit({"queries": count, "out": str(out)}, as_json, lambda: f"{count:,} queries completed in {out}")


def _complete_heads(student: Any, relation: str, tail: str, k: int, as_json: bool) -> None:
    if not hasattr(student, "complete_heads"):
        raise InputError("a language model knows no heads of a tail: give the folder of kg eval links --out")
    rows = [{"head": c.triple.head, "score": c.score} for c in student.complete_heads([(relation, tail)], k)[0]]
    result = {"tail": tail, "relation": relation, "completions": rows}
    emit(result, as_json, lambda: table(["head", "score"], [(r["head"], r["score"]) for r in rows], widest=100))


def _complete_file(student: Any, queries: Path, out: Path, k: int, batch: int = 256) -> int:
    """Completes the queries of a JSONL file, `batch` at a time, in order; returns how many."""
    rows = _read_queries(queries)
    progress = StderrProgress()
    part = out.with_name(out.name + ".part")
    with open(part, "w", encoding="utf-8") as handle:
        for start in range(0, len(rows), batch):
            chunk = rows[start : start + batch]
            for row, found in zip(chunk, student.complete([(r["head"], r["relation"]) for r in chunk], k), strict=True):
                row["completions"] = [{"tail": c.triple.tail, "score": c.score} for c in found]
                handle.write(json.dumps(row, ensure_ascii=True) + "\n")
            progress("complete", start + len(chunk), len(rows))
    part.replace(out)
    return len(rows)


def _read_queries(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with open(path, encoding="utf-8", errors="replace") as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}, line {number}: not JSON ({error})") from None
            if not isinstance(row, dict) or not all(isinstance(row.get(f), str) for f in ("head", "relation")):
                raise InputError(f'{path}, line {number}: a query needs the strings "head" and "relation"')
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
