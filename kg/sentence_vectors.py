"""Texts as vectors of an encoder: in batches, or all at once and kept on disk, so that they are encoded once."""

from collections.abc import Sequence

import numpy as np

from kg.metrics import Array
from kg.models import load_encoder, load_tokenizer
from kg.packaged import cache_folder
from kg.records import digest
from kg.run import Progress, silent

ENCODER = "all-minilm-l6-v2"
BATCH = 128
LONGEST = 64  # tokens of a text that are read


class SentenceEncoder:
    """An encoder (BERT's kind) by name. Raises TeacherError for one that cannot be loaded."""

    def __init__(self, name: str = ENCODER) -> None:
        self.name = name
        self._tokenizer, self._model = load_tokenizer(name), load_encoder(name).eval()
        self.dimensions: int = self._model.config.hidden_size

    def __call__(self, texts: Sequence[str], progress: Progress = silent) -> Array:
        """(texts, dimensions) float32, rows of length 1: the mean of the encoder's last states over a text's tokens.

        Texts of like length side by side cost least.
        """
        import torch

        found = [np.empty((0, self.dimensions), np.float32)]
        with torch.inference_mode():
            for start in range(0, len(texts), BATCH):
                tokens = self._tokenizer(
                    list(texts[start : start + BATCH]), padding=True, truncation=True, max_length=LONGEST,
                    return_tensors="pt",
                ).to(self._model.device)
                states = self._model(**tokens).last_hidden_state
                mask = tokens["attention_mask"].unsqueeze(-1)
                mean = (states * mask).sum(1) / mask.sum(1)
                found.append(torch.nn.functional.normalize(mean, dim=1).cpu().numpy())
                progress("encoding", min(start + BATCH, len(texts)), len(texts))
        return np.concatenate(found)


def sentence_vectors(texts: Sequence[str], encoder: str = ENCODER, progress: Progress = silent) -> Array:
    """A row of length 1 for each text, kept in the cache for the next time that the same texts are asked for.

    Raises TeacherError for an encoder that cannot be loaded.
    """
    distinct = sorted(set(texts), key=lambda text: (len(text), text))
    file = cache_folder() / "vectors" / f"{digest(encoder, str(LONGEST), *distinct)}.npy"
    if file.is_file():
        vectors: Array = np.load(file, allow_pickle=False)
    else:
        vectors = SentenceEncoder(encoder)(distinct, progress)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part.npy")
        np.save(part, vectors, allow_pickle=False)
        part.replace(file)
    place = {text: i for i, text in enumerate(distinct)}
    return vectors[[place[text] for text in texts]]
