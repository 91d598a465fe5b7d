"""kg eval extraction."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.output import emit, table

if TYPE_CHECKING:
    from extraction.scoring import Scores, Tally


@click.group(name="eval")
def eval_() -> None:
    """Measure a part against what careful readers marked.

    \b
    Example:
      kg eval extraction gold.jsonl
      kg eval extraction gold.jsonl --predicted triples.jsonl --json
    """


@eval_.command()
@click.argument("gold", type=click.Path(path_type=Path))
@click.option("--predicted", type=click.Path(path_type=Path), help='JSONL of {"id", "triples"}, as of kg extract.')
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def extraction(gold: Path, predicted: Path | None, as_json: bool) -> None:
    """Score triples read from texts, by source, relation and rule.

    Prints precision, recall and F1, and the true and false alarms of each rule.

    GOLD has an object a line with "id", "source", "text", "triples" and "optional" triples, and
    "prompt" and "head" where they are known. Without --predicted its texts are read now.

    \b
    Example:
      kg eval extraction gold.jsonl
    """
    from extraction.scoring import score_files

    scores = score_files(gold, predicted)
    emit(scores.as_dict(), as_json, lambda: render(scores))


def render(scores: "Scores") -> str:
    """The scores as two tables: groups of texts and relations, then rules."""
    groups = [("all", scores.everything), *scores.ranked("sources"), *scores.ranked("relations")]
    rules = [(name, t.found, t.optional, t.false, _share(t.precision)) for name, t in scores.ranked("rules")]
    return "\n\n".join([
        table(("", "gold", "found", "false", "optional", "P", "R", "F1"), [_line(*group) for group in groups]),
        table(("rule", "true", "optional", "false", "P"), rules),
    ])


def _line(name: str, t: "Tally") -> tuple[str | int, ...]:
    return name, t.gold, t.found, t.false, t.optional, _share(t.precision), _share(t.recall), _share(t.f1)


def _share(value: float) -> str:
    return f"{value:.3f}"


commands = {"eval": eval_}
