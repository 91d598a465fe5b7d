"""Answers from a language model on this machine: any causal or sequence-to-sequence model of `transformers`.

Causal models whose attention fits decode a whole batch over one shared prefix (`extraction.prefix`). All others are
driven through `model.generate`: sequence-to-sequence models in batches, other causal models prompt by prompt.
"""

import hashlib
import logging
import math
from collections.abc import Generator, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from pydantic import Field

from kg import models
from kg.errors import TeacherError
from kg.packaged import FORMAT, PACKAGED
from kg.recipe import Section
from kg.records import Generation, Prompt, digest

if TYPE_CHECKING:
    from extraction.decoding import Row

log = logging.getLogger(__name__)
VERSION = "1"  # raise it when the same options and prompt are answered otherwise
CONTEXT = 8  # tokens of the prompt that are decoded together with the answer
SAMPLES, SAMPLE_BYTES = 64, 4096  # of a weight file, to tell one training from another


class LocalTeacher:
    """A Teacher that runs a model itself. The model is loaded when the first prompt is asked.

    Each prompt draws from a random stream of its own, seeded by `seed` and the prompt's id: in float32 an answer
    depends neither on the batch nor on the order, but for rounding.
    """

    class Options(Section):
        """`model` is a packaged name, a folder or a hub id; `dtype` and `device` are as in `kg.models.load_model`.

        `temperature` 0 takes the most probable token each time. An answer ends before the first string of `stop`.
        """

        model: str = "gemma-3-270m"
        dtype: str = "auto"
        device: str = "auto"
        batch_size: int = Field(64, ge=1)
        max_tokens: int = Field(24, ge=1)
        temperature: float = Field(1.0, ge=0, le=100)
        top_p: float = Field(0.9, gt=0, le=1)
        stop: tuple[str, ...] = ("\n",)

    def __init__(self, options: Options, seed: int) -> None:
        self.options = options
        self.seed = seed
        self.batch_size = options.batch_size
        folder = Path(models.resolve(options.model)) if options.model not in PACKAGED else None
        local = folder is not None and folder.is_dir()
        self.name = f"local:{folder.name if folder is not None and local else options.model}"
        identity = fingerprint(folder) if folder is not None and local else options.model
        rest = options.model_copy(update={"model": identity}).model_dump_json()
        self.version = digest(VERSION, FORMAT, rest, str(seed))

    def generate(self, prompts: Sequence[Prompt]) -> Generator[Generation]:
        """One generation a prompt, as each is finished. Raises TeacherError."""
        import torch

        try:
            for start in range(0, len(prompts), self.batch_size):
                yield from map(self._generation, self._loaded.answer(prompts[start : start + self.batch_size]))
        except torch.OutOfMemoryError as error:
            raise TeacherError(
                f"{self.name}: out of memory with batch_size {self.batch_size}: set a smaller one"
            ) from error

    def load(self) -> Any:
        """Loads the model, unless it is loaded, and returns it. Raises TeacherError."""
        return self._loaded.model

    @cached_property
    def _loaded(self) -> "_Loaded":
        return _Loaded(self.options, self.seed)

    def _generation(self, row: "Row") -> Generation:
        answer = row.transcript
        return Generation(
            row.prompt_id, self.name, answer.text, math.fsum(answer.log_probabilities), len(answer.starts),
            tuple(answer.starts), tuple(answer.log_probabilities),
        )


class _Loaded:
    """A model in memory with its tokenizer, and the way to decode with it."""

    def __init__(self, options: LocalTeacher.Options, seed: int) -> None:
        from extraction.decoding import Sampling
        from extraction.prefix import PrefixDecoder

        self._options, self._seed = options, seed
        self.tokenizer = models.load_tokenizer(options.model)
        self.model = models.load_model(options.model, options.dtype, options.device)
        own = self.model.generation_config
        ends = {*_ids(own.eos_token_id), *_ids(self.tokenizer.eos_token_id)}
        self._sampling = Sampling(options.temperature, options.top_p, options.max_tokens, frozenset(ends))
        self._padding = next(iter([*_ids(own.pad_token_id), *_ids(self.tokenizer.pad_token_id), *sorted(ends), 0]))
        self._encodes = bool(self.model.config.is_encoder_decoder)
        fits = not self._encodes and PrefixDecoder.fits(self.model)
        self._decoder = PrefixDecoder(self.model) if fits else None
        if not fits and not self._encodes:
            log.warning("%s: its attention is of a kind that cannot share a prefix: asking prompt by prompt, slowly",
                        options.model)

    def answer(self, prompts: Sequence[Prompt]) -> Iterator["Row"]:
        """The rows of a batch, each when its answer is finished."""
        from extraction.decoding import decode_by_generate, decode_shared

        rows = self._rows(prompts)
        if self._decoder is not None:
            yield from decode_shared(self._decoder, rows, self._sampling)
        elif self._encodes:
            yield from decode_by_generate(self.model, rows, self._sampling, self._padding)
        else:  # padding would not be safe in an attention, or a recurrence, that we do not know
            for row in rows:
                yield from decode_by_generate(self.model, [row], self._sampling, self._padding)

    def _rows(self, prompts: Sequence[Prompt]) -> list["Row"]:
        from extraction.decoding import Row
        from extraction.transcript import Transcript

        texts = [p.text.encode("utf-8", "replace").decode() for p in prompts]  # half surrogates become "?"
        rows = []
        for prompt, ids in zip(prompts, self.tokenizer(texts).input_ids, strict=True):
            self._check(prompt, ids)
            transcript = Transcript(self.tokenizer, [] if self._encodes else ids[-CONTEXT:], self._options.stop)
            rows.append(Row(prompt.id, list(ids), Random(f"{self._seed} {prompt.id}"), transcript))
        return rows

    def _check(self, prompt: Prompt, ids: Sequence[int]) -> None:
        """Raises TeacherError for a prompt that the model cannot read."""
        config = self.model.config.get_text_config()
        where = f"{self._options.model}: the prompt about {prompt.head[:80]!r}, {prompt.relation!r}"
        room = 0 if self._encodes else self._options.max_tokens
        limit = getattr(config, "max_position_embeddings", None)
        if not ids:
            raise TeacherError(f"{where} is empty")
        if limit is not None and len(ids) + room > limit:
            raise TeacherError(
                f"{where} has {len(ids)} tokens; with {room} for the answer that is more than the {limit} that the "
                "model reads: use fewer examples in the template, or a smaller max_tokens"
            )
        if max(ids) >= self.model.get_input_embeddings().num_embeddings:
            raise TeacherError(f"{where} has a token that the model does not know: its tokenizer is another model's")


def _ids(value: int | list[int] | None) -> list[int]:
    """Token ids of a setting that may be one, several or none."""
    return [] if value is None else [value] if isinstance(value, int) else list(value)


def fingerprint(folder: Path) -> str:
    """Digest of a model's folder: its small files, and samples of its weight files, which training changes all over."""
    seen = hashlib.blake2b(digest_size=16)
    for path in sorted(p for p in folder.iterdir() if p.suffix in {".json", ".safetensors", ".model", ".txt"}):
        size = path.stat().st_size
        seen.update(f"{path.name} {size} ".encode())
        with path.open("rb") as file:
            if path.suffix != ".safetensors":
                seen.update(file.read())
                continue
            for sample in range(SAMPLES):
                file.seek(size * sample // SAMPLES)
                seen.update(file.read(SAMPLE_BYTES))
    return seen.hexdigest()
