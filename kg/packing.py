"""Token sequences packed as prefix trees: what several sequences begin with is there once.

    PersonX bakes a cake , feels -> happy
                         |       -> proud
                         , wants -> to eat it

Every token is a node that sees itself and the nodes between it and the root, at the position that is its depth: a
causal model says at each node what it would say after that sequence alone. The trees stand in rows of about one
length, because attention costs the square of a row.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

ROW = 192  # tokens; a longer sequence makes longer rows


class Packed(NamedTuple):
    """Sequences as trees; the tensors are rows x width, and the end of a row is filled with lone nodes."""

    ids: Tensor
    depths: Tensor
    ends: Tensor  # of each node: the first column behind its descendants
    paths: list[list[int]]  # of each sequence: its nodes from the root on, as row * width + column

    def visible(self, window: int | None = None) -> Tensor:
        """Which node (third dimension) sees which (fourth), at most `window` nodes back: rows x 1 x width x width."""
        columns = torch.arange(self.ids.shape[1])
        seen = (columns <= columns[:, None]) & (columns[:, None] < self.ends[:, None])
        if window is not None:
            seen &= self.depths[:, :, None] - self.depths[:, None] < window
        return seen[:, None]


def pack(sequences: Sequence[list[int]], filler: int, row: int = ROW) -> Packed:
    """Packs sequences of token ids, none of them empty, in rows of at most `row` tokens or the longest sequence."""
    size = max(row, *map(len, sequences))
    ids: list[list[int]] = []
    depths: list[list[int]] = []
    ends: list[list[int]] = []
    places: dict[int, tuple[int, list[int]]] = {}  # of each sequence: its row and columns
    last: list[int] = []
    columns: list[int] = []
    for i in sorted(range(len(sequences)), key=sequences.__getitem__):
        sequence = sequences[i]
        shared = common_prefix(last, sequence)
        if not ids or len(ids[-1]) + len(sequence) - shared > size:
            shared = 0
            for lists in (ids, depths, ends):
                lists.append([])
        start = len(ids[-1])
        columns = [*columns[:shared], *range(start, start + len(sequence) - shared)]
        ids[-1] += sequence[shared:]
        depths[-1] += range(shared, len(sequence))
        ends[-1] += [0] * (len(sequence) - shared)
        for column in columns:
            ends[-1][column] = len(ids[-1])
        places[i] = len(ids) - 1, columns
        last = sequence
    width = max(map(len, ids))
    for n in range(len(ids)):
        filled = len(ids[n])
        ids[n] += [filler] * (width - filled)
        depths[n] += [0] * (width - filled)
        ends[n] += range(filled + 1, width + 1)
    paths = [[row * width + c for c in columns] for row, columns in (places[i] for i in range(len(sequences)))]
    return Packed(torch.tensor(ids), torch.tensor(depths), torch.tensor(ends), paths)


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    n = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        n += 1
    return n
