"""How many triples a second a student learns, against a plain padded loop and `transformers.Trainer`, in one run.

All three train a copy of one model in the same arithmetic with the same optimizer, as many triples a step and the same
triples a round; they take turns, round by round, and after each round the loss on the same held-out heads is taken.
"""

import copy
import logging
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kg.decoding import Example, Layout
from kg.errors import InputError
from kg.ontology import load_ontology
from kg.records import Triple
from kg.splits import read_training_triples, split_heads
from kg.student import LanguageModelStudent
from kg.training import epoch_batches, groups_by_head, make_optimizer, mean_loss, optimize

log = logging.getLogger(__name__)
IGNORED = -100  # label that counts for nothing
Learner = Callable[[Sequence[list[Example]]], None]  # takes the batches of a round


def bench_training(
    file: Path | None = None, model: str = "gemma-3-270m", triples: int = 512, rounds: int = 4, held_out: int = 64,
    dtype: str = "auto", seed: int = 0,
) -> dict[str, Any]:
    """Times the three on about `triples` of the triples of `file` and returns the figures.

    `ratio` is triples a second over those of the padded loop, `ratio_trainer` over those of the Trainer. The curves
    are the held-out loss a token before the training and after each round. Raises InputError for too few heads.
    """
    if file is None:
        raise InputError("this bench learns from your triples: give --file TRIPLES.tsv")
    options = LanguageModelStudent.Options.model_validate({"model": model, "dtype": dtype})
    ontology = load_ontology()
    parts = split_heads(read_training_triples(file, ontology), {"train": 0.9, "dev": 0.1}, seed)
    chosen = {name: _heads(parts[name], n, seed) for name, n in (("train", triples), ("dev", held_out))}
    if not all(chosen.values()):
        raise InputError(f"{file} has too few heads to learn from some and to measure others")
    student = LanguageModelStudent.untrained(options, parts["train"], ontology, seed)
    train, dev = student.examples(chosen["train"]), student.examples(student.known(chosen["dev"]))
    batches = epoch_batches(groups_by_head(train, options.batch_tokens), options.batch_tokens, seed, 0)
    rounds = min(rounds, len(batches))
    layouts = {name: copy.deepcopy(student.layout) for name in ("packed", "padded", "trainer")}
    learners: dict[str, Learner] = {
        "packed": _loop(layouts["packed"], options, layouts["packed"].loss),
        "padded": _loop(layouts["padded"], options, lambda batch: padded_loss(layouts["padded"], batch)),
        "trainer": _trainer(layouts["trainer"], options),
    }
    seconds = dict.fromkeys(learners, 0.0)
    curves = {name: [mean_loss(layout, dev)] for name, layout in layouts.items()}
    for start, end in pairwise(len(batches) * n // rounds for n in range(rounds + 1)):
        whole = [[train[i] for i in batch] for batch in batches[start:end]]
        mixed = [e for batch in whole for e in batch]
        random.Random(f"{seed} {start}").shuffle(mixed)
        ends = [len(mixed) * n // len(whole) for n in range(len(whole) + 1)]
        single = [mixed[a:b] for a, b in pairwise(ends)]
        for name, learn in learners.items():
            layouts[name].model.train()
            began = time.perf_counter()
            learn(whole if name == "packed" else single)
            seconds[name] += time.perf_counter() - began
            curves[name].append(mean_loss(layouts[name], dev))
            log.info("%s: %d triples, held-out loss %.3f", name, sum(map(len, whole)), curves[name][-1])
    rates = {name: len(train) / taken for name, taken in seconds.items()}
    return {
        "ratio": rates["packed"] / rates["padded"], "ratio_trainer": rates["packed"] / rates["trainer"],
        **{f"{name}_triples_per_second": rate for name, rate in rates.items()},
        **{f"{name}_curve": [round(loss, 3) for loss in curve] for name, curve in curves.items()},
        "model": model, "triples": len(train), "steps": len(batches), "held_out": len(dev),
        "dtype": str(student.layout.dtype).removeprefix("torch."), "threads": torch.get_num_threads(),
    }


def padded_loss(layout: Layout, examples: Sequence[Example]) -> Tensor:
    """`layout.loss` as `transformers` takes it: every example a row of its own, padded on the right."""
    inputs = _padded(layout, examples)
    with layout.autocast():
        loss: Tensor = layout.model(**inputs, use_cache=False).loss
    return loss * sum(len(e.target) for e in examples)


def _padded(layout: Layout, examples: Sequence[Example]) -> dict[str, Tensor]:
    if layout.model.config.is_encoder_decoder:
        rows = [(e.prompt, e.target) for e in examples]
    else:
        rows = [(e.prompt + e.target, [IGNORED] * len(e.prompt) + e.target) for e in examples]
    ids, labels = ([torch.tensor(column) for column in columns] for columns in zip(*rows, strict=True))
    pad = torch.nn.utils.rnn.pad_sequence
    return {
        "input_ids": pad(ids, batch_first=True).to(layout.device),
        "attention_mask": pad([torch.ones_like(row) for row in ids], batch_first=True).to(layout.device),
        "labels": pad(labels, batch_first=True, padding_value=IGNORED).to(layout.device),
    }


def _loop(
    layout: Layout, options: LanguageModelStudent.Options, loss: Callable[[list[Example]], Tensor]
) -> Learner:
    optimizer = make_optimizer(layout.model.parameters(), options)

    def learn(batches: Sequence[list[Example]]) -> None:
        for batch in batches:
            optimize(optimizer, [batch], loss, options.clip)

    return learn


def _trainer(layout: Layout, options: LanguageModelStudent.Options) -> Learner:
    """`transformers.Trainer`, called anew for each round with the same optimizer; only its `train` is of interest."""
    from transformers import PrinterCallback, Trainer, TrainingArguments

    optimizer = make_optimizer(layout.model.parameters(), options)
    still = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)

    def learn(batches: Sequence[list[Example]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder, per_device_train_batch_size=max(map(len, batches)), num_train_epochs=1,
                max_grad_norm=options.clip, bf16=layout.dtype == torch.bfloat16, use_cpu=layout.device.type == "cpu",
                save_strategy="no", logging_strategy="no", report_to=[], disable_tqdm=True, remove_unused_columns=False,
            )
            trainer = Trainer(
                layout.model, arguments, lambda batch: _padded(layout, batch), [e for b in batches for e in b],
                optimizers=(optimizer, still),
            )
            trainer.remove_callback(PrinterCallback)
            trainer.train()

    return learn


def _heads(triples: Sequence[Triple], count: int, seed: int) -> list[Triple]:
    """All triples of randomly chosen heads, until there are at least `count` of them."""
    heads: dict[str, list[Triple]] = {}
    for triple in triples:
        heads.setdefault(triple.head, []).append(triple)
    order = list(heads)
    random.Random(seed).shuffle(order)
    found: list[Triple] = []
    for head in order:
        if len(found) >= count:
            break
        found += heads[head]
    return found
