"""Texts as vectors of an encoder, kept on disk: the same texts are encoded once."""

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


def sentence_vectors(texts: Sequence[str], encoder: str = ENCODER, progress: Progress = silent) -> Array:
    """A row of length 1 for each text: the mean of the encoder's last states.

    Raises TeacherError for an encoder that cannot be loaded.
    """
    distinct = sorted(set(texts), key=lambda text: (len(text), text))
    file = cache_folder() / "vectors" / f"{digest(encoder, str(LONGEST), *distinct)}.npy"
    if file.is_file():
        vectors: Array = np.load(file, allow_pickle=False)
    else:
        vectors = _encode(distinct, encoder, progress)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part.npy")
        np.save(part, vectors, allow_pickle=False)
        part.replace(file)
    place = {text: i for i, text in enumerate(distinct)}
    return vectors[[place[text] for text in texts]]


def _encode(texts: Sequence[str], encoder: str, progress: Progress) -> Array:
    import torch

    tokenizer, model = load_tokenizer(encoder), load_encoder(encoder).eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(texts), BATCH):
            tokens = tokenizer(
                list(texts[start : start + BATCH]), padding=True, truncation=True, max_length=LONGEST,
                return_tensors="pt",
            ).to(model.device)
            states = model(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1)
            mean = (states * mask).sum(1) / mask.sum(1)
            found.append(torch.nn.functional.normalize(mean, dim=1).cpu().numpy())
            progress("encoding", min(start + BATCH, len(texts)), len(texts))
    return np.concatenate(found)
