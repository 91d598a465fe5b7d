"""kg extract."""

from pathlib import Path

import click

from api.output import StderrProgress, emit


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


commands = {"extract": extract}
