"""kg review, labels."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import click

from api.output import emit, say

COLUMNS = ("head", "relation", "tail", "label", "reviews", "reviewers", "outdated", "offensive")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--terminal", is_flag=True, help="Review here instead of on a page.")
@click.option("--reviewer", metavar="NAME", help="Your name  [default: it is asked for]")
@click.option("--budget", type=click.IntRange(min=1), help="Labels to ask for in all  [default: no end]")
@click.option("--per-triple", default=1, show_default=True, type=click.IntRange(1), help="Reviewers of each triple.")
@click.option("--port", default=8001, show_default=True, type=click.IntRange(0, 65535))
@click.option("--json", "as_json", is_flag=True, help="Print the page's address as JSON.")
def review(
    run: Path, terminal: bool, reviewer: str | None, budget: int | None, per_triple: int, port: int, as_json: bool
) -> None:
    """Let people judge triples, those first that the critics doubt.

    Serves a page to this machine alone; several reviewers may work at once. Every label is on the disk before the
    next triple is shown, in RUN/reviews.jsonl.

    \b
    Example:
      kg review runs/demo-1a2b3c4d --budget 200 --per-triple 2
      kg review runs/demo-1a2b3c4d --terminal --reviewer ann
    """
    from urllib.parse import urlencode

    from api.review_desk import Desk
    from kg.ontology import load_ontology
    from kg.run import Run

    opened = Run.open(run)
    desk = Desk(opened, load_ontology(opened.manifest["recipe"].get("ontology", "atomic2020")), budget, per_triple)
    if terminal:
        from api.review_terminal import review_in_terminal

        emit({"labels": review_in_terminal(desk, reviewer or click.prompt("Your name"))}, as_json, lambda: "")
        return
    from api.review_server import create_review_app
    from api.server import serve

    def ready(url: str) -> None:
        address = f"{url}?{urlencode({'reviewer': reviewer})}" if reviewer else url
        emit({"url": address}, as_json, lambda: f"{address}  (Ctrl-C stops it)")
        sys.stdout.flush()

    serve(create_review_app(desk), "127.0.0.1", port, ready)
    say("stopped")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="CSV, TSV or JSONL file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def labels(run: Path, out: Path, as_json: bool) -> None:
    """Write the labels of a run's reviewers as examples for a critic.

    A row for each triple: label is 1 when more reviewers chose 1 or 2 than 3 or 4, and 0 when fewer did; triples
    without a majority are left out. A denied relation has the prefix Not.

    \b
    Example:
      kg labels runs/demo-1a2b3c4d --out labels.csv
    """
    from kg.errors import InputError
    from kg.reviews import FILE, ReviewLog, is_valid
    from kg.run import Run

    if out.suffix not in (".csv", ".tsv", ".jsonl"):
        raise InputError(f"{out}: the name must end in .csv, .tsv or .jsonl")
    log = ReviewLog(Run.open(run).path / FILE)
    rows: list[dict[str, Any]] = []
    undecided = 0
    for _, given in log.labels():
        acts = list(given.values())
        votes = [act.label for act in acts]
        valid = is_valid(votes)
        if valid is None:
            undecided += 1
            continue
        head, relation, tail = acts[0].triple
        marks = (any(act.outdated for act in acts), any(act.offensive for act in acts))
        rows.append(dict(zip(COLUMNS, (head, relation, tail, int(valid), votes, list(given), *marks), strict=True)))
    _write(out, rows)
    counts = {"rows": len(rows), "valid": sum(row["label"] for row in rows), "undecided": undecided, "out": str(out)}
    emit(counts, as_json, lambda: "\n".join([
        f"{len(rows):,} labelled triples in {out}, {counts['valid']:,} of them valid",
        f"{undecided:,} triples without a majority were left out",
        f"next: kg train-critic {out} --out critic",
    ]))


def _write(out: Path, rows: list[dict[str, Any]]) -> None:
    with open(out, "w", encoding="utf-8", newline="") as handle:
        if out.suffix == ".jsonl":
            handle.writelines(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)
            return
        writer = csv.writer(handle, delimiter="," if out.suffix == ".csv" else "\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow([json.dumps(v) if isinstance(v, list | bool) else v for v in row.values()])


commands = {"review": review, "labels": labels}
