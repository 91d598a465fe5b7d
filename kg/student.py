"""A student: a small language model that completes (head, relation), trained on the triples of one graph.

    graph or TSV -> parts by head -> LanguageModelStudent.train -> folder -> load -> complete, score

The folder is a `transformers` model (safetensors, tokenizer, model card) plus `student.json`: its relations, options,
seed, figures, and the heads that it never saw.
"""

import json
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from pydantic import Field
from safetensors import SafetensorError

from kg.constraints import Constraints
from kg.decoding import Example, Layout, Written, head_text, layout_for, phrase_text, tail_text
from kg.errors import StudentError, TeacherError, UnknownNameError
from kg.model_card import model_card
from kg.models import load_model, load_tokenizer, pick_device, pick_dtype
from kg.normal import normal_form
from kg.ontology import Kind, Ontology, load_ontology
from kg.parallel import Workers
from kg.protocols import Student
from kg.recipe import Section
from kg.records import Completion, Triple, digest
from kg.run import Progress, Run, silent, write_atomically
from kg.score_calibration import calibrate, calibrate_heads
from kg.splits import FRACTIONS, read_training_triples, split_heads
from kg.trained_weights import choose_weights
from kg.training import CHECKPOINT, State, Training, TrainingOptions, mean_loss
from kg.vocabulary import cut

log = logging.getLogger(__name__)

FORMAT = 1
SETTINGS = "student.json"
MEASURED = 256  # held-out triples on which the loss before and after is taken
SPARE_BEAMS = 3  # beams beyond k: some texts differ only in form
MAX_BEAMS = 100
HEAD_PHRASE = "when"  # between relation and tail, and the head that is asked for
BROKEN = "\N{REPLACEMENT CHARACTER}"  # what half a character is decoded to


@dataclass(frozen=True, slots=True)
class Wording:
    """How a student reads one relation: `phrase` between head and tail, `tail` the kind of node that it proposes."""

    relation: str
    negated: bool
    phrase: str
    tail: Kind = "Event"


class TrainedStudent(Student, Protocol):
    """A Student with what `student.json` says of it: `settings` has its kind, options, seed, key and figures."""

    Options: type[Section]
    settings: dict[str, Any]

    def known(self, triples: Sequence[Triple]) -> list[Triple]:
        """The triples whose relations the student knows."""
        ...


class LanguageModelStudent:
    """A causal or sequence-to-sequence language model over triples of the relations in `wordings`."""

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
        self.layout = layout
        self.wordings = dict(wordings)
        self.settings = settings
        self.name = Path(str(settings["options"]["model"])).name
        self.gives_heads = bool(settings["options"].get("heads"))

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

    def known(self, triples: Sequence[Triple]) -> list[Triple]:
        """The triples whose relations the student knows."""
        return [t for t in triples if list(t)[1] in self.wordings]

    def examples(self, triples: Sequence[Triple]) -> list[Example]:
        """The token ids of triples. Raises UnknownNameError for a relation that the student was not trained on."""
        return self.layout.examples([(head, self._wording(label).phrase, tail) for head, label, tail in triples])

    def head_examples(self, triples: Sequence[Triple]) -> list[Example]:
        """As `examples`, but with the heads for targets."""
        return self.layout.examples([(*self._tail_first(label, tail), head) for head, label, tail in triples])

    def complete(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """For each (head, relation) at most `k` completions (and `MAX_BEAMS`), distinct by normal form, best first.

        The score is the geometric mean of the probabilities of the tail's tokens, end included: it is in [0, 1] and
        compares across queries. An empty head gets none. Raises UnknownNameError for an unknown relation.
        """
        beams = 1 if k == 1 else min(k + SPARE_BEAMS, MAX_BEAMS)
        return self._answer(queries, k, lambda prompts: self.layout.write(prompts, beams))

    def complete_within(
        self, queries: Sequence[tuple[str, str]], k: int, constraints: Constraints
    ) -> list[list[Completion]]:
        """As `complete`, of the tails that the constraints allow, which may be fewer than `k`."""
        beams = min(2 * k + SPARE_BEAMS, MAX_BEAMS)
        texts = dict.fromkeys((head_text(h), self._wording(label).phrase) for h, label in queries if head_text(h))
        steer = self.layout.steer(constraints, [head for head, _ in texts])
        found = self._answer(queries, beams, lambda prompts: self.layout.write(prompts, beams, steer=steer))
        return [[c for c in part if constraints.allow(c.triple.head, c.triple.tail)][: max(k, 0)] for part in found]

    def draw(
        self, queries: Sequence[tuple[str, str]], k: int = 5, temperature: float = 1.0, top_p: float = 0.9,
        seed: int = 0,
    ) -> list[list[Completion]]:
        """As `complete`, with what `k` draws by nucleus sampling give: often fewer, and less like each other."""
        return self._answer(queries, k, lambda prompts: self.layout.draw(prompts, k, temperature, top_p, seed))

    def complete_heads(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """For each (relation, tail) at most `k` heads, as `complete`.

        Raises StudentError when the student was not trained with `heads`.
        """
        if not self.gives_heads:
            raise StudentError(f"{self.name} was not trained to give heads: train it with --set heads=true")
        wordings = [self._wording(label) for label, _ in queries]
        texts = [self._tail_first(label, tail) if head_text(tail) else None for label, tail in queries]
        beams = min(k + SPARE_BEAMS, MAX_BEAMS)

        def triple(n: int, text: str) -> Triple:
            return Triple(text, wordings[n].relation, queries[n][1], wordings[n].negated)

        written = self._write(texts, lambda prompts: self.layout.write(prompts, beams)) if k > 0 else [[]] * len(texts)
        return [self._completions(found, partial(triple, n), "Event")[:k] for n, found in enumerate(written)]

    def complete_relations(self, pairs: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """For each (head, tail) the `k` most probable of its relations.

        By Bayes' rule: a relation's probability is proportional to that of the tail given head and relation.
        """
        labels = list(self.wordings)
        triples = [Triple(h, w.relation, t, w.negated) for h, t in pairs for w in self.wordings.values()]
        lengths = [len(e.target) for e in self.examples(triples)]
        sums = torch.tensor([mean * n for mean, n in zip(self.score(triples), lengths, strict=True)])
        shares = sums.view(len(pairs), len(labels)).softmax(1) if pairs else sums
        found = []
        for n, row in enumerate(shares.tolist()):
            best = sorted(range(len(labels)), key=lambda i: -row[i])[: max(k, 0)]
            found.append([Completion(triples[n * len(labels) + i], row[i], self.name) for i in best])
        return found

    def _answer(
        self, queries: Sequence[tuple[str, str]], k: int, write: Callable[[list[list[int]]], list[list[Written]]]
    ) -> list[list[Completion]]:
        """At most `k` tails of each (head, relation), as `write` finds texts after prompts."""
        wordings = [self._wording(relation) for _, relation in queries]
        if k < 1:
            return [[] for _ in queries]
        heads = [head_text(head) for head, _ in queries]
        texts = [(head, w.phrase) if head else None for head, w in zip(heads, wordings, strict=True)]

        def triple(n: int, text: str) -> Triple:
            return Triple(queries[n][0], wordings[n].relation, text, wordings[n].negated)

        return [
            self._completions(found, partial(triple, n), wordings[n].tail)[:k]
            for n, found in enumerate(self._write(texts, write))
        ]

    def _write(
        self, texts: Sequence[tuple[str, str] | None], write: Callable[[list[list[int]]], list[list[Written]]]
    ) -> list[list[Written]]:
        """What is written after each (head, phrase), of which each is asked once; nothing after None."""
        asked = list(dict.fromkeys(text for text in texts if text))
        found = dict(zip(asked, write(self.layout.prompts(asked)), strict=True))
        return [found[text] if text else [] for text in texts]

    def _tail_first(self, label: str, tail: str) -> tuple[str, str]:
        """(what takes the place of the head, phrase) after which the head is written."""
        return f"{self._wording(label).phrase} {head_text(tail)}", HEAD_PHRASE

    def score(self, triples: Sequence[Triple]) -> list[float]:
        """Mean natural log-probability a token of each tail (end included), given head and relation."""
        return self.layout.scores(self.examples(triples))

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

    def _wording(self, label: str) -> Wording:
        if label not in self.wordings:
            raise UnknownNameError("relation (of this student)", label, self.wordings)
        return self.wordings[label]

    def _completions(
        self, written: Sequence[Written], triple: Callable[[str], Triple], kind: Kind
    ) -> list[Completion]:
        """The texts, of nodes of this kind, as completions: cleaned, best first, one for each normal form."""
        best: dict[str, Completion] = {}
        for text, score in sorted(written, key=lambda w: -w.score):
            cleaned = " ".join(text.split())
            if cleaned and BROKEN not in cleaned:
                completion = Completion(triple(cleaned), min(1.0, math.exp(score)), self.name)
                best.setdefault(normal_form(cleaned, kind), completion)
        return list(best.values())


def train_student(
    source: Path, out: Path, options: Any, minutes: float | None = None, seed: int = 0, progress: Progress = silent,
    kind: Any = LanguageModelStudent,
) -> dict[str, Any]:
    """Trains a student of the class `kind` on a run or a TSV file and saves it in `out`.

    A tenth of the heads is never trained on; `options` are `kind.Options`.

    A student that was trained so before is left as it is. Returns the figures of `student.json`. Raises InputError,
    RunError, StudentError.
    """
    ontology = load_ontology()
    if source.is_dir():
        ontology = load_ontology(Run.open(source).manifest["recipe"].get("ontology", "atomic2020"))
    parts = split_heads(read_training_triples(source, ontology), FRACTIONS, seed)
    if (out / SETTINGS).is_file():
        old = read_settings(out)
        key = training_key(options, seed, [*parts["train"], *parts["dev"]])
        if (old.get("key"), old.get("minutes")) == (key, minutes):
            log.info("%s was trained on the same triples in the same way before: nothing to do", out)
            return dict(old["metrics"])
    student = kind.train(parts, out, options, ontology, minutes, seed, progress)
    metrics: dict[str, Any] = student.settings["metrics"]
    return metrics


def word_relations(triples: Iterable[Triple], ontology: Ontology) -> dict[str, Wording]:
    """The wording of each relation of the triples, by its name as in a TSV row, in the order of the names."""
    used = {label: (t.relation, t.negated) for t in triples for label in [list(t)[1]]}
    found: dict[str, Wording] = {}
    for label, (name, negated) in sorted(used.items()):
        phrase = ontology[name].phrase if name in ontology else name
        tail: Kind = ontology[name].tail if name in ontology else "Event"
        found[label] = Wording(name, negated, f"it is not true that {phrase}" if negated else phrase, tail)
    return found


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


def training_key(options: Section, seed: int, triples: Sequence[Triple]) -> str:
    """Digest of all that the trained weights depend on; minutes and checkpoints may change between two starts."""
    kept = options.model_dump(exclude={"checkpoint_seconds", "tensorboard"})
    return digest(json.dumps(kept), str(seed), *(field for triple in triples for field in triple))


def check_parts(parts: Mapping[str, Sequence[Triple]], minutes: float | None, out: Path) -> None:
    """Raises StudentError when a student cannot be trained so, or not be saved in `out`."""
    if not parts["train"]:
        raise StudentError("no head is left to train on: give more triples")
    if minutes is not None and not 0 < minutes < math.inf:
        raise StudentError(f"minutes must be more than 0, not {minutes}")
    make_folder(out)


def sizes(parts: Mapping[str, Sequence[Triple]]) -> dict[str, Any]:
    """Numbers of triples and heads by part."""
    return {
        "triples": {name: len(part) for name, part in parts.items()},
        "heads": {name: len({t.head for t in part}) for name, part in parts.items()},
    }


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


def make_folder(path: Path) -> None:
    """Makes a student's folder. Raises StudentError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudentError(f"{path} cannot be a student's folder: {error.strerror}") from None


def read_settings(path: Path) -> dict[str, Any]:
    """What `student.json` of a student's folder says. Raises StudentError when it is missing or damaged."""
    file = path / SETTINGS
    if not file.is_file():
        unfinished = (path / CHECKPOINT).exists()
        what = "its training was interrupted: run the same `kg train` again" if unfinished else (
            "give the folder that `kg train --out` wrote"
        )
        raise StudentError(f"{path} is no student, it has no {SETTINGS}: {what}")
    try:
        settings: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if settings["format"] != FORMAT:
            raise StudentError(f"{file} has format {settings['format']}, this version reads {FORMAT}: train it again")
    except (ValueError, KeyError, TypeError) as error:
        raise StudentError(f"{file} is damaged ({error}): train the student again") from None
    return settings
