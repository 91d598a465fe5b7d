"""Link prediction on a graph with a rule: who likes whom is liked back."""

import sys
from math import exp
from pathlib import Path

import pytest

from kg.errors import StudentError, UnknownNameError
from kg.link_parts import read_parts
from kg.ontology import load_ontology
from kg.records import Triple

DATA = Path(__file__).parents[3] / "shared" / "data" / "kinship_umls_nations" / "src" / "pykeen" / "datasets"
pykeen = pytest.importorskip("pykeen", reason="PyKEEN is not installed: pip install 'distilkg[links]'")

from kg.links import LinkModel, LinkOptions  # noqa: E402

PAIRS = [(f"a{n}", f"b{n}") for n in range(12)]
TRAIN = [Triple(x, "likes", y) for x, y in PAIRS] + [Triple(y, "likedBy", x) for x, y in PAIRS[:9]]
TRAIN += [Triple("a0", "likes", y, True) for _, y in PAIRS[1:4]]
PARTS = {
    "train": TRAIN, "valid": [Triple("b9", "likedBy", "a9")],
    "test": [Triple("b10", "likedBy", "a10"), Triple("b11", "likedBy", "a11"), Triple("b11", "likedBy", "stranger")],
}
OPTIONS = LinkOptions(dimension=16, epochs=20, batch_size=8)


@pytest.fixture(scope="module")
def model():
    return LinkModel.train(PARTS, OPTIONS)


def test_its_figures_are_in_their_ranges_and_strangers_are_counted(model):
    figures = model.settings["metrics"]
    assert (figures["train"], figures["valid"], figures["test"], figures["left_out"]) == (24, 1, 2, 1)
    assert 0 < figures["hits_at_1"] <= figures["mrr"] <= 1
    assert figures["hits_at_1"] <= figures["hits_at_3"] <= figures["hits_at_10"] <= 1
    assert 1 <= figures["epochs"] <= 20


def test_tails_and_heads_are_completed_and_known_ones_marked(model):
    [[tail, *others]] = model.complete([("a5", "likes")], 3)
    assert tail.triple == Triple("a5", "likes", "b5")
    assert tail.known
    assert [c.known for c in others] == [False, False]
    assert tail.score >= others[0].score >= others[1].score >= 0
    [[head, *_]] = model.complete_heads([("likes", "b5")], 3)
    assert head.triple == Triple("a5", "likes", "b5")
    [denials] = model.complete([("a0", "Notlikes")], 100)
    assert all(c.triple.negated for c in denials)
    assert sum(c.score for c in denials) == pytest.approx(1, abs=1e-4)
    assert model.complete([("a0", "likes")], 0) == [[]]
    assert model.complete([], 3) == []


def test_a_score_is_the_logarithm_of_that_of_the_completion(model):
    [[best]] = model.complete([("a5", "likes")], 1)
    assert exp(model.score([best.triple])[0]) == pytest.approx(best.score, rel=1e-4)


def test_it_is_saved_without_pickle_and_read_back(model, tmp_path: Path):
    model.save(tmp_path / "links")
    assert {f.name for f in (tmp_path / "links").iterdir()} == {"links.json", "links.safetensors"}
    again = LinkModel.load(tmp_path / "links")
    queries = [("a3", "likes"), ("b11", "likedBy")]
    assert again.complete(queries, 4) == model.complete(queries, 4)
    (tmp_path / "links" / "links.safetensors").write_bytes(b"?")
    with pytest.raises(StudentError, match="damaged"):
        LinkModel.load(tmp_path / "links")


def test_the_same_seed_gives_the_same_model(model):
    again = LinkModel.train(PARTS, OPTIONS)
    assert again.settings == model.settings
    assert again.complete([("b11", "likedBy")], 4) == model.complete([("b11", "likedBy")], 4)


@pytest.mark.parametrize("name", ["TuckER", "rotate"])
def test_other_models_of_pykeen_learn_too(name):
    options = LinkOptions(model=name, dimension=8, epochs=1, batch_size=8)
    assert LinkModel.train(PARTS, options).settings["metrics"]["mrr"] > 0


def test_unknown_names_are_met_with_the_nearest(model):
    with pytest.raises(UnknownNameError, match="ComplEx"):
        LinkModel.train(PARTS, LinkOptions(model="ComplExx"))
    with pytest.raises(UnknownNameError, match="a11"):
        model.complete([("a111", "likes")])
    with pytest.raises(UnknownNameError, match="likedBy"):
        model.complete_heads([("likedby", "a1")])


def test_a_part_without_known_names_is_refused():
    with pytest.raises(StudentError, match="part test"):
        LinkModel.train(PARTS | {"test": [Triple("nobody", "likes", "a1")]}, OPTIONS)


def test_without_pykeen_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pykeen", None)
    with pytest.raises(StudentError, match=r"distilkg\[links\]"):
        LinkModel.train(PARTS, OPTIONS)


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="the data sets are not beside the repository")
@pytest.mark.parametrize(("name", "published"), [("kinships", 0.83), ("umls", 0.94)])
def test_ranks_are_as_good_as_published_ones(name, published):
    """Published for ConvE by its authors: the README of TimDettmers/ConvE. 20 of the 100 epochs are enough."""
    parts = read_parts(DATA / name, load_ontology())
    assert LinkModel.train(parts, LinkOptions(epochs=20)).settings["metrics"]["mrr"] > published - 0.02
