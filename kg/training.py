"""The training loop of a student: whole heads in batches, one schedule for steps or minutes, checkpoints that resume.

The triples of a head are in one batch, where `kg.packing` lets them share what they have in common.

An interrupted training that is started again with the same arguments goes on from its last checkpoint; on a CPU it
ends in the same weights as one that was never interrupted, unless it is limited by minutes.
"""

import json
import logging
import math
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from kg.decoding import Example, Layout
from kg.errors import StudentError
from kg.packing import common_prefix
from kg.parallel import ALONE, Workers
from kg.run import Progress, silent
from kg.splits import SplitOptions
from kg.student_folder import CHECKPOINT

log = logging.getLogger(__name__)

BEST = "best.safetensors"
BOARD = "tensorboard"
LOG_SECONDS = 5.0
LOSS_MEMORY = 0.9  # share of the running loss that a step leaves


class TrainingOptions(SplitOptions):
    """How to train.

    `batch_tokens` is the size of a batch in tokens, those that its triples share counted once; `accumulation` is the
    number of batches whose gradients make one step. `warm_up` is the share of the training in which the learning rate
    rises; then it falls as a cosine. The loss on held-out heads is taken `evaluations` times, on at most
    `evaluation_examples`; training stops after `patience` of them without a better one, and the best weights are kept.
    `compile` needs a C++ compiler, and pays where a training takes more than some minutes (`kg.compilation`).
    `tensorboard` writes losses, learning rate and speed where TensorBoard reads them: `tensorboard --logdir OUT`.
    """

    epochs: int = Field(3, ge=1)
    learning_rate: float = Field(5e-5, gt=0)
    batch_tokens: int = Field(512, ge=1)
    accumulation: int = Field(1, ge=1)
    warm_up: float = Field(0.06, gt=0, lt=1)
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(1.0, gt=0)
    evaluations: int = Field(4, ge=1)
    evaluation_examples: int = Field(128, ge=1)
    patience: int = Field(2, ge=1)
    checkpoint_seconds: float = Field(300.0, ge=0)
    compile: bool = False
    tensorboard: bool = False


@dataclass(slots=True)
class State:
    """Where a training is. `batch` counts the batches of the epoch, all else the whole training."""

    key: str
    epoch: int = 0
    batch: int = 0
    step: int = 0
    examples: int = 0
    tokens: int = 0
    seconds: float = 0.0
    loss: float | None = None
    evaluations: int = 0
    worse: int = 0
    best: float | None = None
    best_step: int = 0
    curve: list[tuple[int, float, float]] = field(default_factory=list)  # step, seconds, held-out loss


class Training:
    """One training of `layout.model`, in the folder `out`. `key` names everything that the result depends on."""

    def __init__(
        self, layout: Layout, train: Sequence[Example], dev: Sequence[Example], options: TrainingOptions,
        out: Path, key: str, minutes: float | None = None, seed: int = 0, progress: Progress = silent,
        workers: Workers = ALONE,
    ) -> None:
        self._workers = workers
        self._layout = layout
        self._train = train
        self._dev = random.Random(seed).sample(list(dev), min(len(dev), options.evaluation_examples))
        self._options = options
        self._out = out
        self._limit = math.inf if minutes is None else minutes * 60
        self._seed = seed
        self._progress = progress
        self._groups = groups_by_head(train, options.batch_tokens)
        self._total = len(train) * options.epochs
        self._parameters: dict[str, Tensor] = {n: p for n, p in layout.model.named_parameters() if p.requires_grad}
        self._optimizer = make_optimizer(self._parameters.values(), options)
        self._board = _open_board(out / BOARD) if options.tensorboard and workers.is_first else None
        self.state = State(key)
        self._began = self._saved = self._logged = time.monotonic()
        self._before = (0, 0, 0.0)  # examples, tokens and seconds at the last log line

    def run(self) -> State:
        """Trains until the epochs, the minutes or the patience are spent; leaves the best weights in the model."""
        torch.manual_seed(self._seed)
        if (self._out / CHECKPOINT).exists():
            self._resume()
        self._saved = self._logged = time.monotonic()
        self._began = self._saved - self.state.seconds  # so that the time before an interruption counts
        self._before = (self.state.examples, self.state.tokens, self.state.seconds)
        for batches in self._steps():
            self._step(batches)
            if self._fraction() * self._options.evaluations >= self.state.evaluations + 1 and self._dev:
                self._evaluate()
            self._tell()
            if self.state.worse >= self._options.patience:
                log.info("the held-out loss has not fallen %d times: stopping", self.state.worse)
                break
            if self.state.seconds >= self._limit:
                break
            if self._workers.is_first and time.monotonic() - self._saved >= self._options.checkpoint_seconds:
                self._save()
        self._tell(always=True)
        if self._board is not None:
            self._board.close()
        self._workers.wait()
        if self.state.best is not None and self.state.best_step != self.state.step:
            self._load_weights(self._out / BEST)
        return self.state

    def clean(self) -> None:
        """Removes the checkpoint, once the student is saved."""
        for name in (CHECKPOINT, BEST):
            (self._out / name).unlink(missing_ok=True)

    def _steps(self) -> Iterator[list[list[Example]]]:
        """The batches of each step that is still to come. Their order depends on seed and epoch alone."""
        state, size = self.state, self._options.accumulation * self._workers.size
        while state.epoch < self._options.epochs:
            order = epoch_batches(self._groups, self._options.batch_tokens, self._seed, state.epoch)
            while state.batch < len(order):
                step = order[state.batch : state.batch + size]
                state.batch += len(step)
                yield [[self._train[i] for i in batch] for batch in step]
            state.epoch, state.batch = state.epoch + 1, 0

    def _step(self, batches: list[list[Example]]) -> None:
        state = self.state
        self._layout.model.train()
        examples = [e for batch in batches for e in batch]
        state.examples += len(examples)
        state.tokens += sum(len(e.prompt) + len(e.target) for e in examples)
        for group in self._optimizer.param_groups:
            group["lr"] = self._options.learning_rate * self._schedule(self._fraction())
        value = optimize(self._optimizer, batches, self._layout.loss, self._options.clip, self._workers)
        state.step += 1
        state.seconds = self._seconds()
        state.loss = value if state.loss is None else LOSS_MEMORY * state.loss + (1 - LOSS_MEMORY) * value

    def _seconds(self) -> float:
        """How long the training has taken, all its starts together."""
        return self._workers.agree(time.monotonic() - self._began)

    def _fraction(self) -> float:
        """How much of the training is done, by examples or by time, whichever is further."""
        return min(1.0, max(self.state.examples / self._total, self.state.seconds / self._limit))

    def _schedule(self, fraction: float) -> float:
        """Share of the learning rate: a short rise, then a cosine to 0."""
        warm_up = self._options.warm_up
        if fraction < warm_up:
            return max(0.1, fraction / warm_up)
        return 0.5 * (1 + math.cos(math.pi * (fraction - warm_up) / (1 - warm_up)))

    def _evaluate(self) -> None:
        """Takes the held-out loss, and keeps the weights when it is the best so far."""
        state = self.state
        state.evaluations = int(self._fraction() * self._options.evaluations + 1e-9)
        loss = self._workers.agree(mean_loss(self._layout, self._dev))
        state.seconds = self._seconds()
        state.curve.append((state.step, round(state.seconds, 1), loss))
        log.info("step %d: held-out loss %.3f", state.step, loss)
        self._plot({"loss/held_out": loss})
        if state.best is not None and loss >= state.best:
            state.worse += 1
            return
        state.best, state.best_step, state.worse = loss, state.step, 0
        if self._workers.is_first and self._fraction() < 1.0:  # the last weights need no copy
            _write(self._out / BEST, dict(self._parameters), {})

    def _tell(self, always: bool = False) -> None:
        state = self.state
        self._progress("train", state.examples, self._total)
        if not always and time.monotonic() - self._logged < LOG_SECONDS:
            return
        examples, tokens, seconds = self._before
        passed = max(1e-6, state.seconds - seconds)
        left = state.seconds * (1 / max(self._fraction(), 1e-6) - 1)
        speed, loss = (state.examples - examples) / passed, state.loss or 0.0
        log.info(
            "step %d: loss %.3f, %.1f examples/s, %.0f tokens/s, %.0f s left", state.step, loss, speed,
            (state.tokens - tokens) / passed, left,
        )
        rate = self._optimizer.param_groups[0]["lr"]
        self._plot({"loss/train": loss, "examples_per_second": speed, "learning_rate": rate})
        self._logged, self._before = time.monotonic(), (state.examples, state.tokens, state.seconds)

    def _plot(self, values: dict[str, float]) -> None:
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, self.state.step)

    def _save(self) -> None:
        tensors: dict[str, Tensor] = {"rng": torch.get_rng_state()}
        if self._layout.device.type == "cuda":
            tensors["rng.cuda"] = torch.cuda.get_rng_state()
        for name, parameter in self._parameters.items():
            tensors[f"weight.{name}"] = parameter.detach()
            for key, value in self._optimizer.state[parameter].items():
                tensors[f"optimizer.{key}.{name}"] = value
        _write(self._out / CHECKPOINT, tensors, {"state": json.dumps(asdict(self.state))})
        self._saved = time.monotonic()

    def _resume(self) -> None:
        path = self._out / CHECKPOINT
        state, tensors = read_checkpoint(path)
        if state.key != self.state.key:
            raise StudentError(
                f"{path} is of a training with other data or options: give another --out, or delete that file"
            )
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(tensors[f"weight.{name}"])
                self._optimizer.state[parameter] = {
                    key: tensors[f"optimizer.{key}.{name}"].to(parameter.device if key != "step" else "cpu")
                    for key in ("step", "exp_avg", "exp_avg_sq")
                }
        torch.set_rng_state(tensors["rng"])
        if "rng.cuda" in tensors and self._layout.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["rng.cuda"])
        self.state = state
        log.info("going on from step %d, %d examples", state.step, state.examples)

    def _load_weights(self, path: Path) -> None:
        try:
            with safe_open(path, framework="pt") as file, torch.no_grad():
                for name, parameter in self._parameters.items():
                    parameter.copy_(file.get_tensor(name))
        except (SafetensorError, OSError) as error:
            raise StudentError(f"{path} with the best weights is gone or damaged ({error}): train again") from None


def _open_board(path: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise StudentError("tensorboard=true needs TensorBoard: pip install 'distilkg[tensorboard]'") from None
    return SummaryWriter(path)


def make_optimizer(parameters: Iterable[Tensor], options: TrainingOptions) -> torch.optim.Optimizer:
    """AdamW with the rate and the decay of the options."""
    return torch.optim.AdamW(
        list(parameters), lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
    )


def optimize(
    optimizer: torch.optim.Optimizer, batches: Sequence[list[Example]], loss: Callable[[list[Example]], Tensor],
    clip: float, workers: Workers = ALONE,
) -> float:
    """One step by the gradient of the mean loss a target token over all the batches; returns that mean.

    Each of the `workers` computes its share of the batches.
    `loss` gives the sum over a batch. Raises StudentError when the mean is no finite number; the weights stay.
    """
    targets, mean = sum(len(e.target) for batch in batches for e in batch), 0.0
    for batch in workers.share(batches):
        share = loss(batch) / targets
        share.backward()  # type: ignore[no-untyped-call]
        mean += share.item()
    mean = workers.sum(mean)
    if not math.isfinite(mean):
        raise StudentError(f"the loss is {mean}: lower learning_rate, or use dtype=float32")
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    workers.add_gradients(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return mean


def mean_loss(layout: Layout, examples: Sequence[Example]) -> float:
    """Mean negative log-probability a target token over all the examples, of which there is at least one."""
    tokens = [len(e.target) for e in examples]
    total = sum(-score * n for score, n in zip(layout.scores(examples), tokens, strict=True))
    return total / sum(tokens)


def groups_by_head(examples: Sequence[Example], budget: int) -> list[tuple[list[int], int]]:
    """(indices, size of their prefix tree) of the examples of each head; a tree above the budget is cut into several.

    Only an example that is above the budget by itself makes a group above it.
    """
    heads: dict[str, list[int]] = {}
    for i, example in enumerate(examples):
        heads.setdefault(example.head, []).append(i)
    found: list[tuple[list[int], int]] = []
    for members in heads.values():
        group: list[int] = []
        size, last = 0, list[int]()
        for i in sorted(members, key=lambda i: examples[i].read):
            read = examples[i].read
            new = len(read) - common_prefix(last, read)
            if group and size + new > budget:
                found.append((group, size))
                group, size, new = [], 0, len(read)
            group, size, last = [*group, i], size + new, read
        found.append((group, size))
    return found


def epoch_batches(groups: Sequence[tuple[list[int], int]], budget: int, seed: int, epoch: int) -> list[list[int]]:
    """Every index of the groups once, in batches of whole groups in shuffled order, filled up to the budget."""
    order = list(groups)
    random.Random(f"{seed} {epoch}").shuffle(order)
    found: list[list[int]] = []
    filled = budget + 1
    for group, size in order:
        if filled + size > budget:
            found.append([])
            filled = 0
        found[-1] += group
        filled += size
    return found


def read_checkpoint(path: Path) -> tuple[State, dict[str, Tensor]]:
    """Reads a checkpoint. Raises StudentError when it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            state: dict[str, Any] = json.loads((file.metadata() or {})["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return State(**state), tensors
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise StudentError(f"{path} cannot be read ({error}): delete it, and the training begins again") from None


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Replaces the file in one step: a killed process leaves the old one or the new one. Raises StudentError."""
    part = path.with_name(path.name + ".part")
    try:
        save_file({n: t.detach().contiguous() for n, t in tensors.items()}, part, metadata)
        os.replace(part, path)
    except (SafetensorError, OSError) as error:
        part.unlink(missing_ok=True)
        raise StudentError(f"{path} cannot be written ({error}): is the disk full?") from None
