"""The model card (README.md) of a trained critic's folder."""

from collections.abc import Mapping
from typing import Any

from kg.packaged import PACKAGED

_CARD = """\
---
base_model: {encoder}
license: {licence}
language: en
tags: [knowledge-graph, commonsense, critic, distilkg]
---

# A critic of (head, relation, tail)

The probability that people find a triple plausible. Encoder: `{encoder}`. It reads the head, and the relation's phrase
with the tail; persons get names, and the logit is the mean over {names} draws of names (a causal encoder reads one
sentence with `PersonX`).

## Use

    kg judge TRIPLES_OR_RUN --critic THIS_FOLDER --out judged.jsonl

## Data

{labels:,} judged triples of {heads:,} heads, {plausible:,} of them plausible, in {folds} folds by head.{pretrained}

## Figures

Each row is judged by a classifier, and calibrated by labels, that have not seen its head. The saved weights are the
mean of these classifiers' weights.

| figure | value |
|---|---|
| AUC within a relation, mean over relations | {auc_macro} |
| AUC of all together (the relation alone may predict the label) | {auc} |
| expected calibration error | {calibration_error} |

| relation | AUC |
|---|---|
{within}

| group | calibration error |
|---|---|
{errors}

## Limits

Plausible is what the labels call so. On triples of another kind, or of relations that the labels lack, the probability
is not calibrated: measure it with `kg eval critic`.
"""


def card(settings: Mapping[str, Any]) -> str:
    """README.md for a critic with the settings of `critic.json`."""
    options, figures = settings["options"], settings["figures"]
    packaged = PACKAGED.get(options["encoder"])
    return _CARD.format(
        encoder=options["encoder"], licence=packaged.licence.lower() if packaged else "other", names=settings["names"],
        labels=figures["labels"], heads=figures["heads"], plausible=figures["plausible"], folds=options["folds"],
        pretrained=" Pretrained on triples that hold and on corruptions of them." if options["pretrain"] else "",
        **{name: _figure(figures[name]) for name in ("auc", "auc_macro", "calibration_error")},
        within="\n".join(f"| {name} | {_figure(value)} |" for name, value in figures["auc_within"].items()),
        errors="\n".join(f"| {name} | {_figure(v)} |" for name, v in figures["calibration_error_within"].items()),
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
