"""The trained critic as a folder: an encoder with one output for (head, relation and tail), and its calibration.

    critic.json           settings, calibration, cut-offs, figures
    model.safetensors     weights, half precision
    encoder/              configuration and tokenizer of the encoder
    README.md             model card
"""

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from extraction.calibration import apply
from extraction.judged_text import judged_text
from extraction.slots import pick_names
from kg.errors import CriticError, TeacherError
from kg.metrics import Array
from kg.models import load_tokenizer, pick_device, pick_dtype
from kg.ontology import Ontology
from kg.records import Triple
from kg.run import Progress, silent, write_atomically

FORMAT = 1
SETTINGS = "critic.json"
LONGEST = 64  # tokens of head and tail together that are read
CHUNK = 4096  # triples that are sorted by length together
BATCH = 128  # texts in one pass
CAUSAL_STD = 0.002  # of the output's weights at first: the last states of causal models are large
SLOTS = tuple((slot, slot) for slot in ("PersonX", "PersonY", "PersonZ"))
Texts = tuple[Sequence[str], Sequence[str]]


class PairClassifier(nn.Module):
    """An encoder, one vector for a text, and one number: the logit of "plausible".

    The vector is the mean of the last states, or, of an encoder that is `causal` (a student, GPT-2, ...), the state of
    the last token, which alone has read all.
    """

    def __init__(self, encoder: Any, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.causal = any(getattr(module, "is_causal", False) for module in encoder.modules())
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(encoder.config.hidden_size, 1)
        nn.init.normal_(self.out.weight, std=CAUSAL_STD if self.causal else 0.02)
        nn.init.zeros_(self.out.bias)

    def forward(self, tokens: Any) -> torch.Tensor:
        """Logits, one for each row of `tokens` (`input_ids` and `attention_mask`, rows by columns)."""
        ids, mask = tokens["input_ids"], tokens["attention_mask"]
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.causal:
            vectors = states[torch.arange(len(mask), device=mask.device), mask.sum(1) - 1]
        else:
            weights = mask.unsqueeze(-1).to(states.dtype)
            vectors = (states * weights).sum(1) / weights.sum(1)
        return self.out(self.dropout(vectors)).squeeze(-1).float()  # type: ignore[no-any-return]


class PlausibilityModel:
    """A classifier with its tokenizer and, once it is trained, its calibration."""

    def __init__(
        self, classifier: PairClassifier, tokenizer: Any, settings: dict[str, Any], device: str = "auto"
    ) -> None:
        self.classifier = classifier
        self.tokenizer = tokenizer
        self.settings = settings
        self.device = pick_device(device)
        self.dtype = pick_dtype("auto", self.device)
        classifier.to(self.device)
        if classifier.causal:
            tokenizer.pad_token, tokenizer.padding_side = tokenizer.pad_token or tokenizer.eos_token, "right"

    def tokens(self, texts: Texts) -> Any:
        """The token ids of pairs of texts, padded to the longest; a causal encoder reads a pair as one sentence."""
        parts = [list(part) for part in texts]
        if self.classifier.causal:
            parts = [[f"{head}, {rest}{self.tokenizer.eos_token}" for head, rest in zip(*parts, strict=True)]]
        found = self.tokenizer(*parts, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
        return found.to(self.device)

    def text(self, triple: Triple, ontology: Ontology, seed: int) -> tuple[str, str]:
        """How the classifier reads a triple: with names drawn by `seed`, or with the slots that students know."""
        return judged_text(triple, ontology, SLOTS if self.classifier.causal else pick_names(triple.head, seed))

    def logits(
        self, triples: Sequence[Triple], ontology: Ontology, names: int, progress: Progress = silent
    ) -> Array:
        """Logits before calibration, averaged over `names` draws of names, one for each triple."""
        found = np.zeros(len(triples))
        self.classifier.eval()
        for start in range(0, len(triples), CHUNK):
            chunk = triples[start : start + CHUNK]
            found[start : start + len(chunk)] = self._chunk(chunk, ontology, names)
            progress("judge", start + len(chunk), len(triples))
        return found

    def probabilities(self, triples: Sequence[Triple], ontology: Ontology, progress: Progress = silent) -> Array:
        """Calibrated probabilities that people find the triples plausible; a denial is as plausible as what it denies
        is not."""
        logits = self.logits(triples, ontology, self.settings["names"], progress)
        found = apply(self.settings["calibration"], logits, [t.relation for t in triples])
        return np.where([t.negated for t in triples], 1 - found, found)

    def _chunk(self, triples: Sequence[Triple], ontology: Ontology, names: int) -> Array:
        texts: dict[tuple[str, str], list[int]] = {}  # some triples read the same under all names
        for at, triple in enumerate(triples):
            for seed in range(names):
                texts.setdefault(self.text(triple, ontology, seed), []).append(at)
        pairs = sorted(texts, key=lambda pair: len(pair[0]) + len(pair[1]))
        total = np.zeros(len(triples))
        for start in range(0, len(pairs), BATCH):
            batch = pairs[start : start + BATCH]
            for pair, logit in zip(batch, self._pass([a for a, _ in batch], [b for _, b in batch]), strict=True):
                for at in texts[pair]:
                    total[at] += logit / names
        return total

    def _pass(self, first: list[str], second: list[str]) -> Iterator[float]:
        with torch.inference_mode(), torch.autocast(self.device, self.dtype, enabled=self.dtype != torch.float32):
            return iter(self.classifier(self.tokens((first, second))).tolist())

    def save(self, folder: Path, card: str) -> None:
        """Writes the critic. Raises CriticError when the folder cannot be made."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CriticError(f"{folder} cannot be a critic's folder: {error.strerror}") from None
        self.classifier.encoder.config.save_pretrained(folder / "encoder")
        self.tokenizer.save_pretrained(folder / "encoder")
        weights = {k: v.detach().cpu().half().contiguous() for k, v in self.classifier.state_dict().items()}
        save_file(weights, folder / "model.safetensors")
        digest = sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        write_atomically(folder / "README.md", card)
        settings = {**self.settings, "format": FORMAT, "sha256": digest}
        write_atomically(folder / SETTINGS, json.dumps(settings, indent=1, ensure_ascii=True) + "\n")

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> "PlausibilityModel":
        """Reads a critic's folder. Raises CriticError when it holds none, or a damaged one."""
        settings = read_settings(folder)
        from transformers import AutoConfig, AutoModel

        try:
            config = AutoConfig.from_pretrained(str((folder / "encoder").absolute()), trust_remote_code=False)
            classifier = PairClassifier(AutoModel.from_config(config))  # type: ignore[no-untyped-call]
            classifier.load_state_dict({k: v.float() for k, v in load_file(folder / "model.safetensors").items()})
            tokenizer = load_tokenizer(str((folder / "encoder").absolute()))
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, TeacherError) as error:
            raise CriticError(f"{folder} holds a damaged critic: train it again ({error})") from error
        return cls(classifier, tokenizer, settings, device)


def read_settings(folder: Path) -> dict[str, Any]:
    """`critic.json` of a critic's folder. Raises CriticError when the folder holds no critic of this format."""
    file = folder / SETTINGS
    if not file.is_file():
        raise CriticError(f"{folder} is no critic, it has no {SETTINGS}: give the folder that `kg train-critic` wrote")
    try:
        settings: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if settings["format"] != FORMAT:
            raise CriticError(f"{file} has format {settings['format']}, this version reads {FORMAT}: train it again")
    except (ValueError, KeyError, TypeError) as error:
        raise CriticError(f"{file} is damaged ({error}): train the critic again") from None
    return settings
