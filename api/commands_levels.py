"""kg calibrate."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.output import StderrProgress, emit, table

if TYPE_CHECKING:
    from kg.label_votes import Kept, Measure


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("labels", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def calibrate(run: Path, labels: tuple[Path, ...], as_json: bool) -> None:
    """Turn critics' verdicts into probabilities and levels, by people's labels.

    LABELS are CSV, TSV or JSONL files of head, relation, tail and `label` or `valid`. The scores of the run's graph
    become probabilities, and each triple gets the strictest level that it passes: rec_0.5 keeps half of what people
    find valid, prec_0.9 is nine tenths valid. Load the run again to have them in its stores.

    \b
    Example:
      kg calibrate runs/mine labels.csv && kg export runs/mine --level high --format tsv --out high.tsv
    """
    from api.assemble import ontology_of
    from extraction.labels import read_labelled
    from kg.label_model import calibrate as fit
    from kg.label_votes import judged, measure
    from kg.pipeline import merge
    from kg.run import Run

    opened = Run.open(run)
    ontology = ontology_of(opened)
    rows = judged(opened, ontology, ((row.triple, row.plausible) for p in labels for row in read_labelled(p, ontology)))
    measures, kept, error = measure(rows)
    fit([r.votes for r in rows], [r.valid for r in rows]).write(run)
    counts = merge(opened, ontology, StderrProgress())
    result: dict[str, Any] = {
        "labels": len(rows), "valid": sum(r.valid for r in rows), "judges": [m._asdict() for m in measures],
        "calibration_error": error, "levels": [k._asdict() for k in kept], **counts,
    }
    emit(result, as_json, lambda: _show(result, measures, kept))


def _show(result: dict[str, Any], measures: "list[Measure]", kept: "list[Kept]") -> str:
    judges = table(["judge", "AUC", "squared error", "abstained"], [list(m) for m in measures])
    levels = table(
        ["level", "cut-off", "triples", "precision", "from", "to", "recall"], [list(k) for k in kept]
    )
    return "\n".join([
        f"{result['labels']:,} candidates that people judged, {result['valid']:,} of them valid", "", judges, "",
        f"calibration error of the label model {result['calibration_error']:.3f}", "", levels,
    ])


commands = {"calibrate": calibrate}
