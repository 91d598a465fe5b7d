"""Training a critic: pretraining on corrupted triples, then one classifier a fold of the labels' heads.

    triples that hold -> pairs -> pretrained weights
    labels -> folds by head -> fine-tuned on all folds but one -> logits of the one left out -> calibration, figures
                            -> the mean of the folds' weights is the critic

Weights that were tuned from one start for a short time can be averaged (model soup, Wortsman et al. 2022), so that the
critic has learned from all labels and costs no more than one classifier, while every figure is about heads that the
classifier behind it has not seen.
"""

import logging
import math
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from extraction import calibration
from extraction.corruptions import pairs
from extraction.labels import FIELDS, Labelled, fold_of, read_labelled, read_rows, triple_of
from extraction.plausibility_card import card
from extraction.plausibility_model import PairClassifier, PlausibilityModel
from kg.errors import CriticError, TeacherError
from kg.metrics import Array, auc, auc_within, calibration_error, cut_off_for, mean_of
from kg.models import load_encoder, load_tokenizer
from kg.ontology import Ontology, load_ontology
from kg.recipe import Section
from kg.records import Triple, digest
from kg.run import Progress, silent
from kg.splits import read_training_triples

log = logging.getLogger(__name__)

PRETRAINED = "pretrained.safetensors"
NAMES = 3  # draws of names that a probability is the mean of
BIN = 50  # rows in a bin of the calibration error at least
WINDOW = 16  # batches whose rows are sorted by length together
PRECISIONS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


class TrainingOptions(Section):
    """`pretrain` is a file or run of triples that hold, of which at most `pairs` pairs are used, once."""

    encoder: str = "all-minilm-l6-v2"
    pretrain: str = ""
    pairs: int = Field(100_000, ge=0)
    folds: int = Field(5, ge=2)
    epochs: int = Field(2, ge=1)
    batch: int = Field(32, ge=1)
    learning_rate: float = Field(1e-4, gt=0)
    device: str = "auto"


def train_critic(
    labels: Path, out: Path, options: TrainingOptions, seed: int = 0, progress: Progress = silent
) -> dict[str, Any]:
    """Trains a critic on judged triples and saves it in `out`; returns the figures of `critic.json`.

    Raises InputError for a wrong file, CriticError when there is too little to learn or the encoder cannot be loaded.
    """
    began = time.monotonic()
    ontology = load_ontology()
    rows = [_undenied(row) for row in read_labelled(labels, ontology)]
    folds = np.array([fold_of(row.triple.head, options.folds, seed) for row in rows])
    truth = np.array([row.plausible for row in rows], float)
    _check(truth, folds)
    model = _fresh(options, seed)
    if options.pretrain:
        _pretrain(model, options, ontology, out, seed, progress)
    logits, weights = _folds(model, rows, folds, options, ontology, seed, progress)
    model.classifier.load_state_dict(weights)
    relations = [row.triple.relation for row in rows]
    apart = calibration.across_folds(logits, truth, relations, folds)
    figures: dict[str, Any] = {
        "labels": len(rows), "plausible": int(truth.sum()), "heads": len({row.triple.head for row in rows}),
        **measure(truth, apart, logits, relations, ontology), "seconds": round(time.monotonic() - began, 1),
    }
    model.settings.update(
        options=options.model_dump(), seed=seed, names=NAMES,
        calibration=calibration.fit(logits, truth, relations),
        cut_offs={str(p): cut_off_for(truth, apart, p) for p in PRECISIONS},
        figures=figures,
    )
    model.save(out, card(model.settings))
    return figures


def measure(
    truth: Array, probabilities: Array, scores: Array, relations: Sequence[str], ontology: Ontology
) -> dict[str, Any]:
    """AUC of the scores, pooled and within each relation, and calibration error of the probabilities, in all and by
    group: relations whose tails have one form, and those that the ontology lacks."""
    names = [r.removeprefix("Not") for r in relations]
    groups = np.array([ontology[n].form if n in ontology else "others" for n in names], object)
    within = auc_within(truth, scores, relations)
    return {
        "auc": auc(truth, scores), "auc_macro": mean_of(within), "auc_within": within,
        "calibration_error": calibration_error(truth, probabilities),
        "calibration_error_within": {
            g: calibration_error(truth[groups == g], probabilities[groups == g], _bins(int((groups == g).sum())))
            for g in sorted(set(groups))
        },
    }


def _bins(rows: int) -> int:
    """Ten, or fewer where a bin would hold less than BIN rows, whose chance alone would look like an error."""
    return max(1, min(10, rows // BIN))


def _undenied(row: Labelled) -> Labelled:
    """A judgement of a denial as one of what it denies."""
    if not row.triple.negated:
        return row
    return Labelled(Triple(row.triple.head, row.triple.relation, row.triple.tail), not row.plausible)


def _fresh(options: TrainingOptions, seed: int) -> PlausibilityModel:
    torch.manual_seed(seed)
    try:
        encoder, tokenizer = load_encoder(options.encoder, options.device), load_tokenizer(options.encoder)
    except TeacherError as error:
        raise CriticError(str(error)) from error
    if encoder.config.is_encoder_decoder:
        raise CriticError(f"{options.encoder} writes from what it reads (T5's kind): name an encoder or a causal model")
    classifier = PairClassifier(encoder)
    if classifier.causal and tokenizer.eos_token is None:
        raise CriticError(f"{options.encoder} has no end-of-sequence token: name another encoder")
    return PlausibilityModel(classifier, tokenizer, {}, options.device)


def _pretrain(
    model: PlausibilityModel, options: TrainingOptions, ontology: Ontology, out: Path, seed: int, progress: Progress
) -> None:
    """Pretrains, or reads the weights that a training with the same pairs left in `out`."""
    rows = pairs(_holding(Path(options.pretrain), ontology), seed)[: options.pairs]
    if not rows:
        raise CriticError(f"{options.pretrain} holds no triples to pretrain on")
    key = digest(options.encoder, str(options.learning_rate), str(seed), *(
        part for row in rows for part in (*row.triple, str(row.plausible))
    ))
    file = out / PRETRAINED
    if file.is_file():
        try:
            with safe_open(str(file), "pt") as saved:
                if (saved.metadata() or {}).get("key") == key:
                    model.classifier.load_state_dict({name: saved.get_tensor(name) for name in saved.keys()})  # noqa: SIM118
                    log.info("pretrained before on the same pairs")
                    return
        except SafetensorError:
            log.warning("%s is damaged: pretraining anew", file)
    log.info("pretraining on %d pairs", len(rows))
    _fit(model, rows, options.learning_rate, 1, 2 * options.batch, ontology, seed, "pretrain", progress)
    out.mkdir(parents=True, exist_ok=True)
    state = {name: value.cpu().contiguous() for name, value in model.classifier.state_dict().items()}
    save_file(state, file, {"key": key})


def _holding(source: Path, ontology: Ontology) -> list[Triple]:
    """The triples of a run, or the complete rows of a file."""
    if source.is_dir():
        return read_training_triples(source, ontology)
    rows = (row for _, row in read_rows(source) if all(row[field].strip() for field in FIELDS))
    return [triple_of(row, ontology) for row in rows]


def _folds(
    model: PlausibilityModel, rows: Sequence[Labelled], folds: Array, options: TrainingOptions, ontology: Ontology,
    seed: int, progress: Progress,
) -> tuple[Array, dict[str, torch.Tensor]]:
    """(logits of each row by the classifier that has not seen its head, mean of the classifiers' weights)."""
    start = {name: value.clone() for name, value in model.classifier.state_dict().items()}
    mean = {name: torch.zeros_like(value, dtype=torch.float32) for name, value in start.items()}
    logits = np.zeros(len(rows))
    for fold in range(options.folds):
        model.classifier.load_state_dict(start)
        seen = [row for row, f in zip(rows, folds, strict=True) if f != fold]
        left = np.flatnonzero(folds == fold).tolist()
        _fit(model, seen, options.learning_rate, options.epochs, options.batch, ontology, seed + fold,
             f"fold {fold + 1} of {options.folds}", progress)
        logits[left] = model.logits([rows[i].triple for i in left], ontology, NAMES)
        for name, value in model.classifier.state_dict().items():
            mean[name] += value.float() / options.folds
    return logits, {name: value.to(start[name].dtype) for name, value in mean.items()}


def _fit(
    model: PlausibilityModel, rows: Sequence[Labelled], rate: float, epochs: int, batch: int, ontology: Ontology,
    seed: int, stage: str, progress: Progress,
) -> None:
    """Trains in place: AdamW, the output five times faster, a tenth of the steps to warm up, then down to 0."""
    torch.manual_seed(seed)
    draw = random.Random(seed)
    model.classifier.train()
    optimizer = torch.optim.AdamW(_groups(model.classifier, rate), betas=(0.9, 0.98))
    total = math.ceil(len(rows) / batch) * epochs
    warm = max(1, total // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (total - step) / max(1, total - warm))
    )
    done = 0
    for _ in range(epochs):
        for chosen in _batches(rows, batch, draw):
            texts = [model.text(r.triple, ontology, draw.getrandbits(30)) for r in chosen]
            labels = torch.tensor([float(r.plausible) for r in chosen], device=model.device)
            with torch.autocast(model.device, model.dtype, enabled=model.dtype != torch.float32):
                logits = model.classifier(model.tokens(([a for a, _ in texts], [b for _, b in texts])))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.classifier.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
            done += len(chosen)
            progress(stage, done, len(rows) * epochs)


def _batches(rows: Sequence[Labelled], size: int, draw: random.Random) -> list[list[Labelled]]:
    """The rows in random batches, in each of which the texts are about as long as each other."""
    order = draw.sample(range(len(rows)), len(rows))
    found = []
    for start in range(0, len(order), WINDOW * size):
        window = [rows[i] for i in order[start : start + WINDOW * size]]
        window.sort(key=lambda row: len(row.triple.head) + len(row.triple.tail))
        found += [window[i : i + size] for i in range(0, len(window), size)]
    draw.shuffle(found)
    return found


def _groups(classifier: PairClassifier, rate: float) -> list[dict[str, Any]]:
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, value in classifier.named_parameters():
        speed = rate * (1 if name.startswith("encoder.") else 5)
        groups.setdefault((speed, 0.01 if value.ndim > 1 else 0.0), []).append(value)
    return [{"params": values, "lr": speed, "weight_decay": decay} for (speed, decay), values in groups.items()]


def _check(truth: Array, folds: Array) -> None:
    for fold in np.unique(folds):
        if len(np.unique(truth[folds != fold])) < 2:
            raise CriticError("there are too few labels: the labels of most heads must hold both plausible and not")
    if len(np.unique(folds)) < 2:
        raise CriticError("the labels need more heads: they are parted by head")
