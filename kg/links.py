"""Link prediction: a model of PyKEEN that ranks every entity of a graph as the tail, or the head, of a triple.

    triples or their parts -> LinkModel.train -> folder (links.json, links.safetensors) -> load -> complete, score

Each triple is learned in both directions (inverse relations), against all entities at once (PyKEEN's LCWA) with cross
entropy: the reciprocal setting of Lacroix et al., ICML 2018. The weights that rank the part `valid` best are kept.
"""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import Field

from kg.errors import StudentError, UnknownNameError
from kg.link_parts import PARTS, Label
from kg.recipe import Section
from kg.records import Completion, Triple
from kg.run import Progress, silent, write_atomically

FORMAT = 1
SETTINGS, WEIGHTS = "links.json", "links.safetensors"
EVERY = 5  # epochs between two looks at the part `valid`
PATIENCE = 5  # looks without a better rank, then training ends
BATCH = 256  # queries that are ranked at a time
METRICS = {"mrr": "inverse_harmonic_mean_rank", **{f"hits_at_{k}": f"hits_at_{k}" for k in (1, 3, 10)}}


class LinkOptions(Section):
    """`model` is a name of PyKEEN (ComplEx, TuckER, RotatE, ...), `dimension` the size of its embeddings."""

    model: str = "ComplEx"
    dimension: int = Field(256, ge=1)
    epochs: int = Field(100, ge=1)
    batch_size: int = Field(128, ge=1)
    seed: int = Field(0, ge=0)


class LinkModel:
    """A trained model with the names of its entities and relations, and the triples that it learned from."""

    def __init__(self, model: Any, entities: Sequence[str], relations: Sequence[Label], known: Any,
                 settings: dict[str, Any]) -> None:
        self.model = model
        self.entities = {e: n for n, e in enumerate(entities)}
        self.relations = {_label(r): n for n, r in enumerate(relations)}
        self._names, self._labels, self._known = list(entities), list(relations), known
        self.settings = settings
        self.name = str(settings["options"]["model"])

    @classmethod
    def train(
        cls, parts: Mapping[str, Sequence[Triple]], options: LinkOptions, progress: Progress = silent
    ) -> "LinkModel":
        """Trains on the part `train`, keeps the best epoch by `valid`, and measures on `test`.

        `settings["metrics"]` then has filtered ranks of both sides: MRR and Hits@1, 3 and 10 (of equal scores the mean
        rank counts), and how many test triples were left out because an entity or relation is not in `train`.
        Raises StudentError, UnknownNameError.
        """
        import torch

        _require()
        entities = sorted({e for t in parts["train"] for e in (t.head, t.tail)})
        relations = sorted({(t.relation, t.negated) for t in parts["train"]})
        ids = {e: n for n, e in enumerate(entities)}, {r: n for n, r in enumerate(relations)}
        mapped = {name: _mapped(parts[name], *ids) for name in PARTS}
        empty = [name for name in PARTS if not len(mapped[name])]
        if empty:
            raise StudentError(f"the part {empty[0]} has no triple of entities and relations that are in train: "
                               "give more triples, or another split")
        torch.manual_seed(options.seed)
        model = _make(options, mapped["train"], *ids)
        epochs = _fit(model, mapped, options, progress)
        metrics = _ranks(model, mapped["test"], [mapped["train"], mapped["valid"]])
        metrics |= {"epochs": epochs, "left_out": len(parts["test"]) - len(mapped["test"])}
        metrics |= {"entities": len(entities), "relations": len(relations)}
        metrics |= {name: len(mapped[name]) for name in PARTS}
        settings = {"format": FORMAT, "options": options.model_dump(), "metrics": metrics}
        return cls(model, entities, relations, mapped["train"], settings)

    def complete(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """For each (head, relation) the `k` best tails; the score is the softmax over all entities.

        Raises UnknownNameError for an entity or relation that the model did not learn.
        """
        pairs = [(self._entity(head), self._relation(relation)) for head, relation in queries]
        return self._best(pairs, self.model.predict_t, k, lambda pair, e: (pair[0], pair[1], e))

    def complete_heads(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """For each (relation, tail) the `k` best heads; as `complete`."""
        pairs = [(self._relation(relation), self._entity(tail)) for relation, tail in queries]
        return self._best(pairs, self.model.predict_h, k, lambda pair, e: (e, pair[0], pair[1]))

    def score(self, triples: Sequence[Triple]) -> list[float]:
        """Natural log-probability of each tail among all entities, given head and relation."""
        import torch

        rows = [(self._entity(t.head), self._relation(list(t)[1]), self._entity(t.tail)) for t in triples]
        found: list[float] = []
        with torch.inference_mode():
            for start in range(0, len(rows), BATCH):
                part = torch.tensor(rows[start : start + BATCH], device=self.model.device)
                scores = self.model.predict_t(part[:, :2]).log_softmax(1)
                found += scores.gather(1, part[:, 2:]).squeeze(1).tolist()
        return found

    def save(self, path: Path) -> None:
        """Writes the model to a folder: names and figures as JSON, weights and known triples as safetensors."""
        from safetensors.torch import save_file

        path.mkdir(parents=True, exist_ok=True)
        tensors = {f"model.{name}": t.detach().cpu().contiguous() for name, t in self.model.state_dict().items()}
        save_file(tensors | {"known": self._known.contiguous()}, path / WEIGHTS)
        settings = {**self.settings, "versions": {name: version(name) for name in ("torch", "pykeen")},
                    "entities": self._names, "relations": self._labels}
        write_atomically(path / SETTINGS, json.dumps(settings, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> "LinkModel":
        """Reads a folder that `save` wrote. Raises StudentError."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        _require()
        try:
            settings = json.loads((path / SETTINGS).read_text(encoding="utf-8"))
            if settings["format"] != FORMAT:
                raise StudentError(f"{path} is of another version: train it again")
            entities, relations = settings.pop("entities"), [(r, n) for r, n in settings.pop("relations")]
            tensors = load_file(path / WEIGHTS)
            known = tensors.pop("known")
            ids = {e: n for n, e in enumerate(entities)}, {r: n for n, r in enumerate(relations)}
            model = _make(LinkOptions.model_validate(settings["options"]), known, *ids)
            model.load_state_dict({name.removeprefix("model."): t for name, t in tensors.items()})
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise StudentError(f"{path} holds no link model, or a damaged one: train it with kg eval links --out "
                               f"({error})") from None
        return cls(model, entities, relations, known, settings)

    def _entity(self, name: str) -> int:
        if name not in self.entities:
            raise UnknownNameError("entity (of this model)", name, self.entities)
        return self.entities[name]

    def _relation(self, label: str) -> int:
        if label not in self.relations:
            raise UnknownNameError("relation (of this model)", label, self.relations)
        return self.relations[label]

    def _best(self, pairs: Sequence[tuple[int, int]], predict: Any, k: int, place: Any) -> list[list[Completion]]:
        """The entities that `predict` ranks highest for each pair; `place` puts one into the ids of a triple."""
        import torch

        known = set(map(tuple, self._known.tolist()))
        found = []
        with torch.inference_mode():
            for start in range(0, len(pairs), BATCH):
                part = pairs[start : start + BATCH]
                scores = predict(torch.tensor(part, device=self.model.device)).softmax(1)
                best = scores.topk(min(max(k, 0), scores.shape[1]))
                for pair, values, ids in zip(part, best.values.tolist(), best.indices.tolist(), strict=True):
                    rows = [(place(pair, e), value) for e, value in zip(ids, values, strict=True)]
                    found.append([self._completion(row, value, row in known) for row, value in rows])
        return found

    def _completion(self, row: tuple[int, int, int], score: float, known: bool) -> Completion:
        relation, negated = self._labels[row[1]]
        triple = Triple(self._names[row[0]], relation, self._names[row[2]], negated)
        return Completion(triple, min(1.0, score), self.name, known)


def _label(relation: Label) -> str:
    return f"Not{relation[0]}" if relation[1] else relation[0]


def _require() -> None:
    """Raises StudentError where PyKEEN is not installed; silences its log, of which no line helps the user."""
    try:
        import pykeen  # noqa: F401
    except ImportError:
        raise StudentError("link prediction needs PyKEEN: pip install 'distilkg[links]'") from None
    for name in ("pykeen", "torch_max_mem"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _mapped(triples: Sequence[Triple], entities: Mapping[str, int], relations: Mapping[Label, int]) -> Any:
    """The ids of the triples whose names are all known, n x 3."""
    import torch

    rows = [
        (entities[t.head], relations[t.relation, t.negated], entities[t.tail]) for t in triples
        if t.head in entities and t.tail in entities and (t.relation, t.negated) in relations
    ]
    return torch.tensor(rows, dtype=torch.long).reshape(-1, 3)


def _factory(known: Any, entities: Mapping[str, int], relations: Mapping[Label, int]) -> Any:
    from pykeen.triples import TriplesFactory

    ids = {_label(r): n for r, n in relations.items()}
    return TriplesFactory(known, dict(entities), ids, create_inverse_triples=True)


def _make(options: LinkOptions, known: Any, entities: Mapping[str, int], relations: Mapping[Label, int]) -> Any:
    """The untrained model. Raises UnknownNameError, StudentError when it cannot be made from triples alone."""
    from pykeen.models import model_resolver
    from torch.nn.init import normal_

    from kg.models import pick_device

    if options.model.lower() not in model_resolver.lookup_dict:
        raise UnknownNameError("link model", options.model, (c.__name__ for c in model_resolver))
    own: dict[str, Any] = {}
    if options.model.lower() == "complex":  # small at first and with N3 it generalizes, with PyKEEN's own it does not
        small = partial(normal_, std=1e-2)
        own = {"entity_initializer": small, "relation_initializer": small, "regularizer": "powersum",
               "regularizer_kwargs": {"weight": 0.01, "p": 3.0, "normalize": False}}
    try:
        return model_resolver.make(
            options.model, triples_factory=_factory(known, entities, relations), loss="crossentropy",
            embedding_dim=options.dimension, random_seed=options.seed, **own,
        ).to(pick_device())
    except (TypeError, ValueError, AttributeError) as error:
        raise StudentError(f"the model {options.model} cannot be made from triples and a dimension alone ({error}): "
                           "take ComplEx, TuckER, DistMult, RotatE or TransE") from None


def _fit(model: Any, mapped: Mapping[str, Any], options: LinkOptions, progress: Progress) -> int:
    """Trains, and leaves the model with the weights that rank `valid` best; returns their epoch."""
    from pykeen.training import LCWATrainingLoop
    from torch.optim import Adagrad, Adam

    weights = model.get_grad_params()
    optimizer = Adagrad(weights, lr=0.1) if options.model.lower() == "complex" else Adam(weights, lr=0.003)
    factory = _factory(mapped["train"], {str(n): n for n in range(model.num_entities)},
                       {(str(n), False): n for n in range(model.num_real_relations)})
    loop = LCWATrainingLoop(model=model, triples_factory=factory, optimizer=optimizer)
    best, kept, epoch = -1.0, 0, 0
    state: dict[str, Any] = {}
    while epoch < options.epochs and epoch - kept < EVERY * PATIENCE:
        progress("links", epoch, options.epochs)
        epoch = min(epoch + EVERY, options.epochs)
        with _quiet():
            loop.train(factory, num_epochs=epoch, batch_size=options.batch_size, continue_training=epoch > EVERY,
                       use_tqdm=False, pin_memory=False)
        reached = _ranks(model, mapped["valid"], [mapped["train"]])["mrr"]
        if reached > best:
            best, kept = reached, epoch
            state = {name: t.detach().clone() for name, t in model.state_dict().items()}
    model.load_state_dict(state)
    progress("links", options.epochs, options.epochs)
    return kept


def _ranks(model: Any, triples: Any, others: Sequence[Any]) -> dict[str, float]:
    """Filtered ranks of both ends of `triples`; `others` are true too and not counted as better."""
    from pykeen.evaluation import RankBasedEvaluator

    with _quiet():
        found = RankBasedEvaluator().evaluate(
            model, triples, additional_filter_triples=list(others), batch_size=BATCH, use_tqdm=False)
    return {name: float(found.get_metric(f"both.realistic.{metric}")) for name, metric in METRICS.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without PyTorch's warning that no memory is pinned where there is no GPU to pin it for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'pin_memory'")
        yield
