"""How good a trained critic is on judged triples: figures, levels, and two pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from extraction.labels import Labelled
from extraction.plausibility_model import PlausibilityModel
from extraction.plausibility_training import measure
from kg.metrics import Array, calibration_curve, precision_recall, wilson
from kg.ontology import Ontology
from kg.run import Progress, silent

POINTS = 200  # of the precision-recall curve that are kept


def report(
    model: PlausibilityModel, rows: Sequence[Labelled], ontology: Ontology, progress: Progress = silent
) -> dict[str, Any]:
    """Figures as JSON: AUC, calibration, the curves, and what each level of the critic keeps of these triples."""
    truth = np.array([row.plausible for row in rows], float)
    found = model.probabilities([row.triple for row in rows], ontology, progress)
    cuts, precision, recall = precision_recall(truth, found)
    step = max(1, len(cuts) // POINTS)
    return {
        "labels": len(rows), "plausible": int(truth.sum()),
        **measure(truth, found, found, [list(row.triple)[1] for row in rows], ontology),
        "levels": [
            level(truth, found, float(meant), cut)
            for meant, cut in model.settings["cut_offs"].items() if cut is not None
        ],
        "calibration": calibration_curve(truth, found),
        "precision_recall": [
            {"cut_off": float(c), "precision": float(p), "recall": float(r)}
            for c, p, r in zip(cuts[::step], precision[::step], recall[::step], strict=True)
        ],
    }


def level(truth: Array, probabilities: Array, meant: float, cut_off: float) -> dict[str, Any]:
    """What a level meant for a precision keeps; `low` and `high` bound the measured one (Wilson, 95%)."""
    kept = probabilities >= cut_off
    count, true = int(kept.sum()), int(truth[kept].sum())
    low, high = wilson(true, count)
    return {
        "meant": meant, "cut_off": cut_off, "kept": count, "precision": true / count if count else None,
        "low": low, "high": high, "holds": low <= meant <= high, "recall": true / max(truth.sum(), 1.0),
    }


def draw(figures: dict[str, Any], folder: Path) -> list[Path]:
    """Writes the precision-recall and the calibration curve as PNG and SVG; returns the files."""
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    curve, bins = figures["precision_recall"], figures["calibration"]
    for name, x, y, labels in (
        ("precision_recall", [p["recall"] for p in curve], [p["precision"] for p in curve], ("recall", "precision")),
        ("calibration", [b["probability"] for b in bins], [b["share"] for b in bins],
         ("probability", "share of plausible ones")),
    ):
        picture = Figure(figsize=(5, 4), layout="constrained")
        axes = picture.add_subplot(
            xlabel=labels[0], ylabel=labels[1], xlim=(0, 1), ylim=(0, 1.02),
            title=f"{figures['labels']:,} judged triples",
        )
        axes.plot(x, y, marker="o" if name == "calibration" else "")
        if name == "calibration":
            axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
        for ending in ("png", "svg"):
            files.append(folder / f"{name}.{ending}")
            picture.savefig(files[-1])
    return files
