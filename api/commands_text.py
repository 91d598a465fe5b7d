"""kg extract, coverage."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.output import StderrProgress, emit, table

if TYPE_CHECKING:
    from extraction.coverage import Coverage


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="JSONL file to write.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(min=1), help="Parallel processes.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def extract(file: Path, out: Path, jobs: int, as_json: bool) -> None:
    """Read triples from texts.

    FILE has an object a line with "id" and "text", and "prompt" and "head" where they are known; OUT
    gets {"id", "triples"} for each, in the same order.

    \b
    Example:
      kg extract answers.jsonl --out triples.jsonl --jobs 2
    """
    from extraction.batch import extract_file

    counts = extract_file(file, out, jobs, StderrProgress())
    emit({**counts, "out": str(out)}, as_json,
         lambda: ", ".join(f"{n:,} {what}" for what, n in counts.items()) + f" in {out}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--top", default=20, show_default=True, type=click.IntRange(min=0), help="Constructions to show.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def coverage(file: Path, top: int, as_json: bool) -> None:
    """Tell which sentences of texts gave triples and which constructions gave none.

    FILE is JSONL as for kg extract, or any other text with one text a line.

    \b
    Example:
      kg coverage answers.jsonl --top 10
    """
    from extraction.batch import make_extractor
    from extraction.coverage import coverage_of
    from extraction.rows import text_rows

    found = coverage_of(text_rows(file), make_extractor(), StderrProgress())
    emit(found.as_dict(top), as_json, lambda: _coverage_text(found, top))


def _coverage_text(found: "Coverage", top: int) -> str:
    lines = [
        f"{found.texts:,} texts, {found.unparsed:,} of them without prose",
        f"{found.sentences:,} sentences, {found.productive:,} gave something ({found.share:.1%})",
    ]
    shown = found.commonest(top)
    if shown:
        rows = [(c.count, name, ", ".join(c.commonest_roots()), c.example) for name, c in shown]
        lines += ["", table(("count", "gave nothing", "roots", "example"), rows)]
    return "\n".join(lines)


commands = {"extract": extract, "coverage": coverage}
