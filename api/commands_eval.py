"""kg eval extraction, critic."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.output import StderrProgress, emit, table

if TYPE_CHECKING:
    from extraction.scoring import Scores, Tally


@click.group(name="eval")
def eval_() -> None:
    """Measure a part against what careful readers marked.

    \b
    Example:
      kg eval extraction gold.jsonl
      kg eval extraction gold.jsonl --predicted triples.jsonl --json
      kg eval critic labels.csv --critic critics/mine --out report
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


@eval_.command()
@click.argument("labels", type=click.Path(path_type=Path))
@click.option("--critic", "folder", required=True, type=click.Path(path_type=Path), help="Folder of the critic.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for report.json and the curves as PNG and SVG.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def critic(labels: Path, folder: Path, out: Path | None, as_json: bool) -> None:
    """Measure a trained critic on triples that people judged.

    LABELS must be others than those that it was trained on. Prints AUC within each relation,
    calibration error, and what is kept at each level with 95% intervals.

    \b
    Example:
      kg eval critic reviews.jsonl --critic critics/mine --out report
    """
    from extraction.critic_report import draw, report
    from extraction.labels import read_labelled
    from extraction.plausibility_model import PlausibilityModel
    from kg.ontology import load_ontology
    from kg.run import write_atomically

    ontology = load_ontology()
    figures = report(PlausibilityModel.load(folder), read_labelled(labels, ontology), ontology, StderrProgress())
    if out is not None:
        draw(figures, out)
        write_atomically(out / "report.json", json.dumps(figures, indent=1) + "\n")
    emit(figures, as_json, lambda: render_critic(figures))


def render_critic(figures: dict[str, Any]) -> str:
    """The figures of a critic as three tables: in all, levels, relations."""
    whole = [(name, figures[name]) for name in ("labels", "plausible", "auc", "auc_macro", "calibration_error")]
    levels = [
        (v["meant"], v["cut_off"], v["kept"], v["precision"], f"{v['low']:.3f} to {v['high']:.3f}", v["recall"])
        for v in figures["levels"]
    ]
    errors = figures["calibration_error_within"]
    names = sorted({*figures["auc_within"], *errors})
    return "\n\n".join([
        table(("figure", "value"), whole),
        table(("meant for", "cut-off", "kept", "precision", "95%", "recall"), levels),
        table(("relation", "AUC", "calibration error"),
              [(name, figures["auc_within"].get(name), errors.get(name)) for name in names]),
    ])


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
