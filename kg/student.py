"""A student: a small language model that completes (head, relation), trained on the triples of one graph.

    graph or TSV -> parts by head -> LanguageModelStudent.train -> folder -> load -> complete, score

The folder is a `transformers` model (safetensors, tokenizer, model card) plus `student.json`: its relations, options,
seed, figures, and the heads that it never saw.
"""

import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from safetensors import SafetensorError

from kg.decoding import Example, Layout, head_text, layout_for, phrase_text, tail_text
from kg.errors import StudentError, TeacherError
from kg.knowledge_model import HEAD_PHRASE, KnowledgeModel
from kg.model_card import model_card
from kg.models import load_model, load_tokenizer, pick_device, pick_dtype
from kg.ontology import Ontology, load_ontology
from kg.parallel import Workers
from kg.records import Triple
from kg.run import Progress, Run, silent, write_atomically
from kg.score_calibration import calibrate, calibrate_heads
from kg.splits import read_training_triples, split_heads
from kg.student_folder import (
    FORMAT,
    SETTINGS,
    Wording,
    check_parts,
    make_folder,
    read_settings,
    sizes,
    training_key,
    word_relations,
)
from kg.trained_weights import choose_weights
from kg.training import State, Training, TrainingOptions, mean_loss
from kg.vocabulary import cut

log = logging.getLogger(__name__)

MEASURED = 256  # held-out triples on which the loss before and after is taken


class LanguageModelStudent(KnowledgeModel):
    """A knowledge model that is trained here, and kept in a folder."""

    class Options(TrainingOptions):
        """What to train. `cut` drops the tokens that the triples do not use, except `base_tokens` common ones; it
        works for causal models with byte-pair encoding, other models keep their vocabulary.

        With a `lora_rank` above 0 low-rank adapters of the layers' matrices are trained in place of all weights (LoRA,
        Hu et al. 2022, with alpha twice the rank), and merged into the weights when the student is saved. `layers` are
        the numbers, from 0, of the layers that are trained, adapted or whole; with none named, all weights are.
        With `heads` the student also learns to give the heads of a relation and a tail, from twice as many examples.
        """

        model: str = "gemma-3-270m"
        lora_rank: int = Field(0, ge=0)
        layers: tuple[int, ...] = ()
        heads: bool = False
        cut: bool = True
        base_tokens: int = Field(12_000, ge=0)
        dtype: Literal["auto", "float32", "bfloat16"] = "auto"
        device: str = "auto"

    def __init__(self, layout: Layout, wordings: Mapping[str, Wording], settings: dict[str, Any]) -> None:
        options = settings["options"]
        super().__init__(layout, wordings, Path(str(options["model"])).name, bool(options.get("heads")))
        self.settings = settings

    @classmethod
    def train(
        cls, parts: Mapping[str, Sequence[Triple]], out: Path, options: Options, ontology: Ontology,
        minutes: float | None = None, seed: int = 0, progress: Progress = silent,
    ) -> "LanguageModelStudent":
        """Trains on the part `train`, stops early by `dev`, measures on `test`; saves in `out`.

        `minutes` limits the training loop, whatever is left of the epochs. Relations that are not in `train` are left
        out of the figures. A checkpoint in `out` is gone on from.
        Raises StudentError when there is nothing to learn, or the model or the checkpoint does not fit.
        """
        check_parts(parts, minutes, out)
        began, workers = time.monotonic(), Workers.start()
        progress("load", 0, None)
        key = training_key(options, seed, [*parts["train"], *parts["dev"]])
        student = cls.untrained(options, parts["train"], ontology, seed)
        student.settings |= {"seed": seed, "key": key, "minutes": minutes}
        layout = student.layout
        train, dev, test = (student.examples(student.known(parts[name])) for name in ("train", "dev", "test"))
        train += student.head_examples(parts["train"]) if options.heads else []
        measured = _sample(test, MEASURED)
        before = mean_loss(layout, measured) if measured else None
        merge = choose_weights(layout.model, options.lora_rank, options.layers)
        if options.compile:
            from kg.compilation import compile_layers  # takes a second to import

            compile_layers(layout.model)
        training = Training(layout, train, dev, options, out, key, minutes, seed, progress, workers)
        state = training.run()
        merge()
        layout.model.to(layout.dtype)
        after = mean_loss(layout, measured) if measured else None
        losses = {"loss_before": before, "loss_after": after, "loss_dev": state.best}
        seconds = {"seconds": round(time.monotonic() - began, 1)}
        student.settings["metrics"] = sizes(parts) | losses | _figures(state, layout.model) | seconds
        student.settings["curve"] = state.curve
        kinds = {label: w.tail for label, w in student.wordings.items()}
        student.settings["calibration"] = calibrate(student.complete, student.known(parts["dev"]), kinds)
        if student.gives_heads:
            held_out = student.known(parts["dev"])
            student.settings["calibration_heads"] = calibrate_heads(student.complete_heads, held_out)
        for name in ("dev", "test"):
            student.settings[f"heads_{name}"] = list(dict.fromkeys(t.head for t in parts[name]))
        if workers.is_first:
            student.save(out)
            training.clean()
        workers.wait()
        return student

    @classmethod
    def untrained(
        cls, options: Options, triples: Sequence[Triple], ontology: Ontology, seed: int = 0
    ) -> "LanguageModelStudent":
        """The student before its training on `triples`. Raises StudentError when the model cannot be one."""
        torch.manual_seed(seed)
        wordings = word_relations(triples, ontology)
        settings = {"format": FORMAT, "options": options.model_dump()}
        return cls(_fresh_layout(options, triples, wordings), wordings, settings)

    def save(self, path: Path) -> None:
        """Writes the student to a folder that `load` and `transformers`' `from_pretrained` read."""
        make_folder(path)
        self.layout.model.save_pretrained(path)
        self.layout.tokenizer.save_pretrained(path)
        settings = {
            **self.settings,
            "versions": {name: version(name) for name in ("torch", "transformers")},
            "relations": {label: asdict(w) for label, w in self.wordings.items()},
        }
        write_atomically(path / "README.md", model_card(settings))
        write_atomically(path / SETTINGS, json.dumps(settings, indent=1, ensure_ascii=True) + "\n")

    @classmethod
    def load(cls, path: Path, device: str = "auto") -> "LanguageModelStudent":
        """Reads a student's folder. Raises StudentError when it holds none, or a damaged one."""
        settings = read_settings(path)
        try:
            wordings = {label: Wording(**w) for label, w in settings.pop("relations").items()}
            model = load_model(str(path.absolute()), settings["options"]["dtype"], device)
            layout = layout_for(model, load_tokenizer(str(path.absolute())), model.dtype)
            return cls(layout, wordings, settings)
        except (TeacherError, SafetensorError, KeyError, TypeError, AttributeError) as error:
            raise StudentError(f"{path} holds a damaged student: train it again ({error})") from error

def train_student(
    source: Path, out: Path, options: Any, minutes: float | None = None, seed: int = 0, progress: Progress = silent,
    kind: Any = LanguageModelStudent,
) -> dict[str, Any]:
    """Trains a student of the class `kind` on a run or a TSV file and saves it in `out`.

    `options` are `kind.Options`; twice `options.held_out` of the heads are not trained on.

    A student that was trained so before is left as it is. Returns the figures of `student.json`. Raises InputError,
    RunError, StudentError.
    """
    ontology = load_ontology()
    if source.is_dir():
        ontology = load_ontology(Run.open(source).manifest["recipe"].get("ontology", "atomic2020"))
    parts = split_heads(read_training_triples(source, ontology), options.fractions, seed)
    if (out / SETTINGS).is_file():
        old = read_settings(out)
        key = training_key(options, seed, [*parts["train"], *parts["dev"]])
        if (old.get("key"), old.get("minutes")) == (key, minutes):
            log.info("%s was trained on the same triples in the same way before: nothing to do", out)
            return dict(old["metrics"])
    student = kind.train(parts, out, options, ontology, minutes, seed, progress)
    metrics: dict[str, Any] = student.settings["metrics"]
    return metrics


def _fresh_layout(
    options: LanguageModelStudent.Options, triples: Sequence[Triple], wordings: Mapping[str, Wording]
) -> Layout:
    """The untrained model with 32-bit weights, its vocabulary cut to these triples where that is asked and works."""
    try:
        device = pick_device(options.device)
        dtype = pick_dtype(options.dtype, device)
        tokenizer = load_tokenizer(options.model)
        model = load_model(options.model, "float32", device)
    except TeacherError as error:
        raise StudentError(str(error)) from error
    if tokenizer.eos_token_id is None:
        raise StudentError(f"model {options.model!r} has no end-of-sequence token: it cannot be a student")
    if options.cut and not model.config.is_encoder_decoder:
        texts = dict.fromkeys(
            text for t in triples for text in (head_text(t.head), tail_text(t.tail))
        ) | dict.fromkeys(phrase_text(w.phrase) for w in wordings.values())
        if options.heads:
            phrases = [w.phrase for w in wordings.values()]
            texts |= dict.fromkeys([*map(tail_text, {t.head for t in triples}), *phrases, phrase_text(HEAD_PHRASE)])
        tokenizer = cut(model, tokenizer, texts, options.base_tokens)
        log.info("vocabulary of %d tokens", len(tokenizer))
    return layout_for(model, tokenizer, dtype)


def _figures(state: State, model: Any) -> dict[str, Any]:
    seconds = max(state.seconds, 1e-6)
    return {
        "steps": state.step,
        "examples": state.examples,
        "training_seconds": round(state.seconds, 1),
        "examples_per_second": round(state.examples / seconds, 1),
        "tokens_per_second": round(state.tokens / seconds, 1),
        "vocabulary": model.get_input_embeddings().weight.shape[0],
        "parameters": model.num_parameters(),
    }


def _sample(examples: Sequence[Example], count: int) -> Sequence[Example]:
    """At most `count` of them, evenly spread."""
    return examples[:: max(1, math.ceil(len(examples) / count))]
