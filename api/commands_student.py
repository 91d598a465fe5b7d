"""kg train, complete."""

import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.output import StderrProgress, emit, say, table
from kg.errors import InputError
from kg.records import Completion

if TYPE_CHECKING:
    from kg.constraints import Constraints

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
@click.option("--tail", help="One tail, for its heads, or with --head for the relations between them.")
@click.option("--queries", type=click.Path(path_type=Path), help='JSONL file with {"head", "relation"} a line.')
@click.option("--out", type=click.Path(path_type=Path), help='JSONL file: the queries with "completions" added.')
@click.option("-k", default=5, show_default=True, type=click.IntRange(min=1), help="Completions for each query.")
@click.option("--student", type=click.Path(path_type=Path), help="A student to ask beside the run.")
@click.option("--rules", type=click.Path(path_type=Path), help="A file of kg rules to ask beside the run.")
@click.option("--links", type=click.Path(path_type=Path), help="A folder of kg eval links --out, likewise.")
@click.option("--level", help="Only what passes this level of the run: high, rec_0.7, prec_0.9, ...")
@click.option("--relations", help="With a run and no --relation: only these, with commas between them.")
@click.option("--new-only", is_flag=True, help="Leave out what the run has.")
@click.option("--top-p", type=click.FloatRange(0, 1, True), help=(
    "Draw k tails by nucleus sampling from this mass  [default: the most probable ones]"
))
@click.option("--seed", default=0, show_default=True, help="Of the draws.")
@click.option("--must", multiple=True, metavar="WORD", help="Only tails with this word; may be given several times.")
@click.option("--must-not", multiple=True, metavar="WORD", help="No tails with this word; likewise.")
@click.option("--new-words", is_flag=True, help="No tails with two consecutive words of the head.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def complete(
    source: Path, head: str | None, relation: str | None, tail: str | None, queries: Path | None, out: Path | None,
    k: int, student: Path | None, rules: Path | None, links: Path | None, level: str | None, relations: str | None,
    new_only: bool, top_p: float | None, seed: int, must: tuple[str, ...], must_not: tuple[str, ...], new_words: bool,
    as_json: bool,
) -> None:
    """Complete heads: by a student, or by a run with what is like it.

    SOURCE is the folder of a student or of a link model, or a run. A run's graph, its near neighbours
    --student, --rules and --links are merged into one list, and head, relation or tail may be left open.

    \b
    Example:
      kg complete students/demo --head 'PersonX bakes a cake' --relation xWant -k 3
      kg complete students/demo --head 'PersonX bakes a cake' --relation xWant -k 10 --top-p 0.9
      kg complete students/demo --head 'PersonX bakes a cake' --relation xWant --must-not eat --new-words
      kg complete students/demo --head 'PersonX bakes a cake' --tail 'to eat it'
      kg complete students/demo --queries queries.jsonl --out answers.jsonl
      kg complete runs/demo-1a2b3c4d --student students/demo --head 'PersonX bakes a cake' --relation xWant
      kg complete runs/demo-1a2b3c4d --tail happy --relation xReact
      kg complete runs/demo-1a2b3c4d --rules rules.json --head 'PersonX bakes a cake'
    """
    one, many = (head, relation, tail) != (None, None, None), queries is not None and out is not None
    is_run = (source / "manifest.json").is_file()
    if one == many or (one and not is_run and [head, relation, tail].count(None) != 1):
        raise click.UsageError("give two of --head, --relation and --tail, or --queries and --out")
    if not is_run and tail is not None:
        _complete_other(source, head, relation or "", tail, k, as_json)
        return
    bound = bool(must or must_not or new_words)
    if (top_p is not None or bound) and (is_run or (top_p is not None and bound)):
        raise click.UsageError("--top-p, or else --must, --must-not and --new-words, are for a student")
    if is_run:
        models = student, rules, links
        complete_rows = _by_run(source, models, k, new_only, level, (relations or "").split(",") if relations else [])
    elif any(given is not None for given in (student, rules, links, level, relations)) or new_only:
        raise click.UsageError("--student, --rules, --links, --level, --relations and --new-only are for a run")
    else:
        complete_rows = _by_student(source, k, top_p, seed, _constraints(must, must_not, new_words) if bound else None)
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


def _complete_other(folder: Path, head: str | None, relation: str, tail: str, k: int, as_json: bool) -> None:
    """The heads of a tail, or the relations between a head and a tail."""
    from api.assemble import load_student

    student: Any = load_student(folder)
    what = "head" if head is None else "relation"
    if not hasattr(student, f"complete_{what}s"):
        raise InputError(f"{folder} gives no {what}s: give a student with a language model"
                         + (", or the folder of kg eval links --out" if head is None else ""))
    found: list[Completion] = (
        student.complete_heads([(relation, tail)], k) if head is None
        else student.complete_relations([(head, tail)], k)
    )[0]
    rows = [{what: c.triple.head if head is None else list(c.triple)[1], "score": c.score} for c in found]
    given = {"relation": relation} if head is None else {"head": head}
    result = {**given, "tail": tail, "completions": rows}
    emit(result, as_json, lambda: table([what, "score"], [tuple(r.values()) for r in rows], widest=100))


def _by_student(
    folder: Path, k: int, top_p: float | None, seed: int, constraints: "Constraints | None"
) -> Completer:
    """The most probable tails, or draws, or the most probable ones that keep to the constraints."""
    from api.assemble import load_bare_student, load_student
    from kg.score_calibration import calibrated

    if top_p is None and constraints is None:
        plain = load_student(folder)
        return lambda rows: _tails(plain.complete(_pairs(rows), k))
    from kg.student import LanguageModelStudent

    student = load_bare_student(folder)
    if not isinstance(student, LanguageModelStudent):
        raise InputError(f"{folder} has no language model: only such a student draws tails or keeps to words")

    def complete_rows(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        found = (
            student.draw(_pairs(rows), k, top_p=top_p or 1.0, seed=seed) if constraints is None
            else student.complete_within(_pairs(rows), k, constraints)
        )
        return _tails(calibrated(found, student.settings.get("calibration")))

    return complete_rows


def _constraints(must: tuple[str, ...], must_not: tuple[str, ...], new_words: bool) -> "Constraints":
    from kg.constraints import Constraints

    return Constraints(must, must_not, new_words)


def _pairs(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["head"], row["relation"]) for row in rows]


def _tails(answers: list[list[Completion]]) -> list[list[dict[str, Any]]]:
    return [[{"tail": c.triple.tail, "score": c.score} for c in found] for found in answers]


def _by_run(
    path: Path, models: tuple[Path | None, Path | None, Path | None], k: int, new_only: bool, level: str | None,
    relations: list[str],
) -> Completer:
    """`models` are student, rules and links."""
    from api.assemble import load_student, ontology_of, open_inference
    from api.completion import read_query
    from api.sources import Sources
    from kg.run import Run

    run = Run.open(path)
    ontology = ontology_of(run)
    student, *inference = models
    learned, more = load_student(student) if student else None, open_inference(run, *inference)
    sources = Sources(run, ontology, learned, progress=StderrProgress(), more=more)

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
            given = [f for f in ("head", "relation", "tail") if isinstance(row, dict) and f in row]
            fields = given if is_open else ["head", "relation"]
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
