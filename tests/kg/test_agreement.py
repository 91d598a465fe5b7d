"""Agreement, against the examples that the measures were published with."""

from pathlib import Path

import pytest

from kg.agreement import agreement, cohen_kappa, fleiss_kappa, krippendorff_alpha
from kg.records import Triple
from kg.reviews import Act, ReviewLog

# Krippendorff (2011), section C: four observers, twelve units, 0 for no label
OBSERVERS = ["123321412000", "123322412503", "033323422510", "123324412510"]
# Fleiss (1971), as in every textbook: ten units, 14 raters, how many chose each of five categories
FLEISS = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1), (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]


@pytest.mark.parametrize(("ordinal", "published"), [(True, 0.815), (False, 0.743)])
def test_alpha_of_the_published_example(ordinal: bool, published: float) -> None:
    units = [[int(label) for label in unit if label != "0"] for unit in zip(*OBSERVERS, strict=True)]
    assert krippendorff_alpha(units, ordinal) == pytest.approx(published, abs=5e-4)


def test_kappas_of_the_published_examples() -> None:
    units = [[c for c, count in enumerate(row) for _ in range(count)] for row in FLEISS]
    assert fleiss_kappa(units) == pytest.approx(0.210, abs=5e-4)
    grants = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert cohen_kappa(grants) == pytest.approx(0.4)


def test_nothing_is_said_where_nothing_can_be() -> None:
    for measure in (krippendorff_alpha, fleiss_kappa):
        assert measure([]) is None
        assert measure([[1], [2]]) is None
        assert measure([[1, 1], [1, 1, 1]]) is None
        assert measure([[1, 1], [2, 2]]) == pytest.approx(1.0)
    assert cohen_kappa([]) is None
    assert cohen_kappa([(1, 1)]) is None


def test_agreement_leaves_out_who_could_not_judge(tmp_path: Path) -> None:
    log = ReviewLog(tmp_path / "r.jsonl")
    labels = {"ann": [1, 2, 3, 4, 5, 1], "bob": [1, 1, 4, 4, 1, 3], "cy": [0, 0, 3, 0, 0, 0]}
    for who, given in labels.items():
        for i, label in enumerate(given):
            if label:
                log.append(Act(f"{who}{i}", who, "label", str(i), Triple("h", "r", str(i)), label))
    found = agreement(log)
    assert found["twice"] == 5
    assert [(c["reviewers"], c["triples"]) for c in found["cohen"]] == [
        (["ann", "bob"], 5), (["ann", "cy"], 1), (["bob", "cy"], 1),
    ]
    assert found["cohen"][0]["kappa"] == pytest.approx(cohen_kappa([(1, 1), (1, 1), (0, 0), (0, 0), (1, 0)]))
    assert found["alpha"] == pytest.approx(krippendorff_alpha([[1, 1], [2, 1], [3, 4, 3], [4, 4], [1, 3]]))
