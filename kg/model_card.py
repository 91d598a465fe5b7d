"""The model card (README.md) of a student's folder."""

from collections.abc import Mapping
from typing import Any

from kg.packaged import PACKAGED

_CARD = """\
---
base_model: {base}
license: {licence_tag}
library_name: transformers
language: en
tags: [knowledge-graph, commonsense, distilkg]
---

# A student of a knowledge graph

It completes (head, relation) with tails. Base model: `{model}`; its terms hold for this model too: {licence}.
Its vocabulary may be cut to the tokens in use: any text can be encoded, rare words in more pieces.

## Use

    kg complete THIS_FOLDER --head 'PersonX bakes a cake' --relation {example}

Relations: {relations}. What the model reads is `{{head}}, {{phrase}}`; the phrases are in `student.json`.

## Data

Parted by head, by normal form: no head is in two parts.

| part | triples | heads |
|---|---|---|
{parts}

## Training

Seed {seed}. Losses are nats a tail token, on heads that were not trained on.

| figure | value |
|---|---|
{figures}

## Limits

It proposes what is likely in its data, which is not what is true. Check before you rely on it.
"""


def model_card(settings: Mapping[str, Any]) -> str:
    """README.md for a student with the settings of `student.json`."""
    model, metrics = str(settings["options"]["model"]), settings["metrics"]
    packaged, heads = PACKAGED.get(model), metrics["heads"]
    return _CARD.format(
        base=f"google/{model}" if packaged else model,
        licence_tag="gemma" if packaged else "other",
        model=model,
        licence=packaged.licence if packaged else "see the base model",
        example=next(iter(settings["relations"])),
        relations=", ".join(settings["relations"]),
        parts="\n".join(f"| {part} | {n} | {heads[part]} |" for part, n in metrics["triples"].items()),
        seed=settings["seed"],
        figures="\n".join(f"| {name} | {value} |" for name, value in metrics.items() if not isinstance(value, dict)),
    )
