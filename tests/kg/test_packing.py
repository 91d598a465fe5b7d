import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.packing import common_prefix, pack

SEQUENCES = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=8), min_size=1, max_size=12)


@settings(deadline=None)
@given(SEQUENCES, st.integers(1, 20))
def test_every_node_sees_its_own_sequence_and_nothing_else(sequences, row):
    packed = pack(sequences, filler=0, row=row)
    ids, depths, seen = packed.ids.flatten(), packed.depths.flatten(), packed.visible()
    width = packed.ids.shape[1]
    assert width <= max(row, *map(len, sequences))
    for sequence, path in zip(sequences, packed.paths, strict=True):
        assert ids[path].tolist() == sequence
        assert depths[path].tolist() == list(range(len(sequence)))
        row_number = path[0] // width
        for depth, node in enumerate(path):
            columns = seen[row_number, 0, node % width].nonzero().flatten()
            assert (row_number * width + columns).tolist() == path[: depth + 1]


@settings(deadline=None)
@given(SEQUENCES)
def test_a_row_holds_each_prefix_once(sequences):
    packed = pack(sequences, filler=0, row=1000)
    prefixes = {tuple(s[:n]) for s in sequences for n in range(1, len(s) + 1)}
    assert packed.ids.shape == (1, len(prefixes))


@settings(deadline=None)
@given(SEQUENCES, st.integers(1, 20), st.integers(1, 8))
def test_a_window_hides_what_is_further_back(sequences, row, window):
    packed = pack(sequences, filler=0, row=row)
    back = packed.depths[:, :, None] - packed.depths[:, None]
    assert torch.equal(packed.visible(window)[:, 0], packed.visible()[:, 0] & (back < window))


def test_the_end_of_a_row_is_filled_with_nodes_that_see_themselves():
    packed = pack([[1, 2, 3], [4]], filler=9, row=3)
    assert packed.ids.tolist() == [[1, 2, 3], [4, 9, 9]]
    assert packed.visible()[1, 0].tolist() == torch.eye(3, dtype=torch.bool).tolist()


@pytest.mark.parametrize(("a", "b", "n"), [([], [], 0), ([1], [], 0), ([1, 2], [1, 3], 1), ([1, 2], [1, 2, 3], 2)])
def test_common_prefix(a, b, n):
    assert common_prefix(a, b) == common_prefix(b, a) == n
