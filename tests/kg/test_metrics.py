"""Measures of scores against labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.metrics import auc, auc_within, calibration_curve, calibration_error, cut_off_for, mean_of, wilson

rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=1, max_size=40)


@given(rows)
def test_auc_counts_the_pairs_in_the_right_order(found: list[tuple[int, int]]) -> None:
    true = [s for y, s in found if y]
    false = [s for y, s in found if not y]
    pairs = [(a > b) + (a == b) / 2 for a in true for b in false]
    value = auc([y for y, _ in found], [s for _, s in found])
    assert value is None if not pairs else value == pytest.approx(sum(pairs) / len(pairs))


def test_auc_within_groups_leaves_out_those_of_one_label() -> None:
    found = auc_within([1, 0, 1, 0, 1], [3, 1, 0, 2, 5], ["a", "a", "b", "b", "c"])
    assert found == {"a": 1.0, "b": 0.0}
    assert mean_of(found) == 0.5
    assert mean_of({}) is None


def test_calibration_error_is_the_distance_from_the_shares() -> None:
    labels = [1, 0] * 50
    assert calibration_error(labels, [0.5] * 100) == pytest.approx(0)
    assert calibration_error(labels, [0.9] * 100) == pytest.approx(0.4)
    assert calibration_error([], []) is None
    assert [b["rows"] for b in calibration_curve(labels, np.linspace(0, 1, 100))] == [10] * 10


def test_wilson_interval_by_its_textbook_example() -> None:
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-4)  # Newcombe 1998, table I
    assert wilson(0, 0) == (0.0, 1.0)


@given(rows, st.floats(0.1, 1))
def test_the_cut_off_reaches_its_precision_and_is_the_lowest(found: list[tuple[int, int]], wanted: float) -> None:
    def precision(cut: float) -> float:
        kept = [y for y, s in found if s >= cut]
        return sum(kept) / len(kept)

    scores = {s for _, s in found}
    cut = cut_off_for([y for y, _ in found], [s for _, s in found], wanted)
    reaching = [s for s in scores if precision(s) >= wanted]
    assert cut == (min(reaching) if reaching else None)
