"""Training on several processes or GPUs: each computes the gradient of a share of a step's batches, and they are added.

    torchrun --nproc-per-node 2 --no-python kg train triples.tsv --out students/mine

The same weights stand in every process at every step, so a step of n processes is one of a single process with n times
the `accumulation`. Processes find each other by what `torchrun` puts into the environment.
"""

import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, distributed

T = TypeVar("T")


class Workers:
    """The processes of one training: this one is number `rank` of `size`."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @classmethod
    def start(cls) -> "Workers":
        """Joins the processes that `torchrun` started; alone where there are none. Each takes a GPU of its own."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return cls(distributed.get_rank(), size)

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and tells people."""
        return self.rank == 0

    def share(self, batches: Sequence[T]) -> Sequence[T]:
        """The batches that this process computes."""
        return batches[self.rank :: self.size]

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Gives every process the sum of the gradients of all; a process without a share has gradients of 0."""
        if self.size > 1:
            for parameter in parameters:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                distributed.all_reduce(parameter.grad)

    def sum(self, value: float) -> float:
        """The sum of what all processes give."""
        return self._together(value) if self.size > 1 else value

    def agree(self, value: float) -> float:
        """What the first process gives."""
        return self._together(value if self.is_first else 0.0) if self.size > 1 else value

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            self._together(0.0)

    def _together(self, value: float) -> float:
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        found = torch.tensor(value, dtype=torch.float64, device=device)
        distributed.all_reduce(found)
        return found.item()


ALONE = Workers()
