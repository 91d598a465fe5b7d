"""Training a critic, its folder, what it says of triples, its report."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer

from extraction.critic_report import draw, level, report
from extraction.labels import read_labelled
from extraction.plausibility import PlausibilityCritic
from extraction.plausibility_model import PlausibilityModel
from extraction.plausibility_training import PRETRAINED, TrainingOptions, train_critic
from kg.errors import CriticError, InputError
from kg.metrics import auc
from kg.ontology import load_ontology
from kg.records import Answer, Candidate, Claim, Generation, Prompt, Triple
from tests.tiny_models import one_thread, write_encoder, write_model

GOOD, BAD = ("happy", "kind", "relax"), ("keys", "beach", "locksmith")
HEADS = [f"PersonX {verb} the {thing}" for verb in ("bakes", "loses", "calls", "eats", "wants", "goes to")
         for thing in ("cake", "house", "friend", "sun", "beach", "keys")]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_encoder(tmp_path_factory.mktemp("encoder")))


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labels that hang on the tail's word alone, in two relations, of which the ontology lacks one."""
    path = tmp_path_factory.mktemp("labels") / "labels.tsv"
    path.write_text("head\trelation\ttail\tlabel\n" + "".join(
        f"{head}\t{relation}\t{tail}\t{int(tail in GOOD)}\n"
        for head in HEADS for relation in ("xReact", "general React") for tail in (*GOOD, *BAD)
    ))
    return path


@pytest.fixture(scope="module")
def trained(encoder: str, labels: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("critic")
    options = TrainingOptions(encoder=encoder, folds=2, epochs=12, batch=16, learning_rate=5e-3)
    return folder, train_critic(labels, folder, options)


def test_it_learns_what_the_labels_say(trained: tuple[Path, dict[str, Any]], labels: Path) -> None:
    folder, figures = trained
    assert figures["labels"] == 432
    assert figures["heads"] == 36
    assert set(figures["auc_within"]) == {"xReact", "general React"}
    assert figures["auc_macro"] > 0.95
    assert figures["calibration_error"] < 0.1
    model, ontology = PlausibilityModel.load(folder), load_ontology()
    rows = read_labelled(labels, ontology)
    found = model.probabilities([row.triple for row in rows], ontology)
    value = auc([row.plausible for row in rows], found)
    assert value is not None
    assert value > 0.95
    assert found.min() >= 0
    assert found.max() <= 1


@pytest.mark.parametrize("kind", ["gemma", "gpt2"])
def test_a_causal_model_is_an_encoder_too(kind: str, labels: Path, tmp_path: Path) -> None:
    model = str(write_model(kind, tmp_path / "model"))
    options = TrainingOptions(encoder=model, folds=2, epochs=12, batch=16, learning_rate=5e-3)
    assert train_critic(labels, tmp_path / "critic", options)["auc_macro"] > 0.9
    loaded, ontology = PlausibilityModel.load(tmp_path / "critic"), load_ontology()
    good, longer, bad = (
        Triple("PersonX eats the cake", "xReact", tail) for tail in ("happy", "kind " + "and happy " * 9, "keys")
    )
    alone = [loaded.logits([triple], ontology, 1).item() for triple in (good, longer, bad)]
    assert alone[0] > alone[2]
    assert np.allclose(loaded.logits([good, longer, bad], ontology, 3), alone, atol=1e-2)


@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_a_sequence_to_sequence_model_is_no_encoder(kind: str, labels: Path, tmp_path: Path) -> None:
    model = str(write_model(kind, tmp_path / "model"))
    with pytest.raises(CriticError, match="name an encoder or a causal model"):
        train_critic(labels, tmp_path / "critic", TrainingOptions(encoder=model, folds=2))


def test_a_causal_model_needs_a_token_for_the_end(labels: Path, tmp_path: Path) -> None:
    folder = write_model("gpt2", tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    tokenizer.eos_token = None
    tokenizer.save_pretrained(folder)
    with pytest.raises(CriticError, match="no end-of-sequence token"):
        train_critic(labels, tmp_path / "critic", TrainingOptions(encoder=str(folder), folds=2))


def test_the_folder_holds_weights_settings_and_a_card(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, figures = trained
    assert {"critic.json", "model.safetensors", "encoder", "README.md"} == {p.name for p in folder.iterdir()}
    settings = json.loads((folder / "critic.json").read_text())
    assert settings["figures"] == figures
    assert set(settings["calibration"]["shifts"]) == {"xReact", "general React"}
    card = (folder / "README.md").read_text()
    assert "general React" in card
    assert f"{figures['auc_macro']:.3f}" in card


def test_a_triple_gets_the_same_probability_alone_and_among_others(trained: tuple[Path, dict[str, Any]]) -> None:
    model, ontology = PlausibilityModel.load(trained[0]), load_ontology()
    triples = [Triple(head, "xReact", "kind " * n) for n, head in enumerate(HEADS)]
    together = model.probabilities(triples, ontology)
    alone = [model.probabilities([t], ontology)[0] for t in triples]
    assert together == pytest.approx(alone, abs=0.02)  # bfloat16 rounds
    assert len(model.probabilities([], ontology)) == 0


def test_a_denial_is_as_plausible_as_what_it_denies_is_not(
    trained: tuple[Path, dict[str, Any]], encoder: str, tmp_path: Path
) -> None:
    model, ontology = PlausibilityModel.load(trained[0]), load_ontology()
    pair = [Triple(HEADS[0], "xReact", "happy", negated) for negated in (False, True)]
    assert model.probabilities(pair, ontology).sum() == pytest.approx(1)
    figures = []
    for name, relation, turned in (("plain", "xReact", 0), ("denied", "NotxReact", 1)):
        (tmp_path / name).write_text("".join(
            f"{head}\t{relation}\t{tail}\t{int(tail in GOOD) ^ turned}\n" for head in HEADS for tail in (*GOOD, *BAD)
        ))
        figures.append(train_critic(tmp_path / name, tmp_path / f"c-{name}", TrainingOptions(encoder=encoder, folds=2)))
    assert {**figures[0], "seconds": 0} == {**figures[1], "seconds": 0}


def test_folds_are_by_head_and_the_seed_decides(encoder: str, labels: Path, tmp_path: Path) -> None:
    options = TrainingOptions(encoder=encoder, folds=2, epochs=1)
    one, two = (train_critic(labels, tmp_path / name, options, seed=3) for name in ("one", "two"))
    assert {**one, "seconds": 0} == {**two, "seconds": 0}
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two")]
    assert weights[0] == weights[1]


def test_pretraining_is_done_once(encoder: str, labels: Path, tmp_path: Path) -> None:
    holding = tmp_path / "holding.tsv"
    holding.write_text("PersonX bakes\t\tincomplete\n" + "".join(f"{head}\txReact\thappy\n" for head in HEADS))
    options = TrainingOptions(encoder=encoder, folds=2, epochs=1, pretrain=str(holding))
    stages: list[str] = []

    def watch(stage: str, done: int, total: int | None) -> None:
        stages.append(stage)

    train_critic(labels, tmp_path / "critic", options, progress=watch)
    assert (tmp_path / "critic" / PRETRAINED).is_file()
    assert "pretrain" in stages
    stages.clear()
    train_critic(labels, tmp_path / "critic", options, progress=watch)
    assert set(stages) == {"fold 1 of 2", "fold 2 of 2"}


@pytest.mark.parametrize("rows", ["PersonX eats\txWant\tmore\t1\n" * 9, "".join(f"{h}\txWant\tx\t1\n" for h in HEADS)])
def test_too_few_labels_are_an_error(rows: str, encoder: str, tmp_path: Path) -> None:
    (tmp_path / "labels.tsv").write_text(rows)
    with pytest.raises(CriticError, match="labels"):
        train_critic(tmp_path / "labels.tsv", tmp_path / "critic", TrainingOptions(encoder=encoder))


def test_folders_and_encoders_that_are_none(labels: Path, trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(CriticError, match="no critic"):
        PlausibilityModel.load(tmp_path)
    with pytest.raises(CriticError, match="no such folder"):
        train_critic(labels, tmp_path / "critic", TrainingOptions(encoder="./absent"))
    with pytest.raises(InputError):
        train_critic(tmp_path / "absent.csv", tmp_path / "critic", TrainingOptions())
    (tmp_path / "critic.json").write_text((trained[0] / "critic.json").read_text())
    with pytest.raises(CriticError, match="damaged"):
        PlausibilityModel.load(tmp_path)


def test_the_critic_drops_what_is_below_its_minimum(trained: tuple[Path, dict[str, Any]]) -> None:
    claims = []
    for tail in (*GOOD, *BAD):
        generation = Generation("p", "t", tail)
        candidate = Candidate(Triple(HEADS[0], "xReact", tail), generation.id, "list", 0, 3)
        claims.append(Claim(candidate, Answer(Prompt(HEADS[0], "xReact", "t", "?"), generation)))
    critic = PlausibilityCritic(PlausibilityCritic.Options(folder=str(trained[0])), load_ontology())
    verdicts = list(critic.judge(claims))
    assert [v.decision for v in verdicts] == ["keep"] * 3 + ["drop"] * 3
    assert {v.reason for v in verdicts[3:]} == {"implausible to the trained critic"}
    strict = PlausibilityCritic(PlausibilityCritic.Options(folder=str(trained[0]), minimum=1), load_ontology())
    assert strict.version != critic.version


def test_the_report_and_its_pictures(trained: tuple[Path, dict[str, Any]], labels: Path, tmp_path: Path) -> None:
    ontology = load_ontology()
    figures = report(PlausibilityModel.load(trained[0]), read_labelled(labels, ontology), ontology)
    assert figures["auc_macro"] > 0.95
    assert json.loads(json.dumps(figures)) == figures
    kept = [row["kept"] for row in figures["levels"]]
    assert kept == sorted(kept, reverse=True)
    assert all(0 <= row["low"] <= row["precision"] <= row["high"] <= 1 for row in figures["levels"] if row["kept"])
    files = draw(figures, tmp_path / "report")
    assert {f.name for f in files} == {f"{n}.{e}" for n in ("calibration", "precision_recall") for e in ("png", "svg")}
    assert all(f.stat().st_size > 1000 for f in files)


def test_a_level_holds_when_its_precision_is_in_the_interval() -> None:
    truth, found = np.array([1.0] * 90 + [0.0] * 30), np.array([0.8] * 100 + [0.2] * 20)
    row = level(truth, found, 0.9, 0.5)
    assert (row["kept"], row["precision"], row["recall"], row["holds"]) == (100, 0.9, 1.0, True)
    assert not level(truth, found, 0.7, 0.5)["holds"]
    assert level(truth, found, 0.9, 0.99)["precision"] is None
