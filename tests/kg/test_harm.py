"""The harm report: what is found, counted and left in place."""

from pathlib import Path
from typing import Any

import pytest

from kg.errors import InputError, RecipeError
from kg.harm import EXAMPLES, Report, load_lexicon, report
from kg.ontology import load_ontology

LEXICON = load_lexicon()


def edge(head: str, relation: str, tail: str, negated: bool = False) -> dict[str, Any]:
    return {"id": f"{head}/{tail}", "head_text": head, "relation": relation, "tail_text": tail, "negated": negated,
            "score": None, "level": ""}


def look(*edges: dict[str, Any]) -> Report:
    return report(edges, load_ontology(), LEXICON)


@pytest.mark.parametrize(("tail", "kind"), [
    ("an Idiot", "insult"), ("to kill PersonY", "violence"), ("to say bullshit", "vulgar"), ("suicidal", "self-harm"),
    ("is raped", "sexual"), ("a terrorist", "hate"), ("motherfuckers", "vulgar"),
])
def test_offensive_tails_are_found(tail: str, kind: str) -> None:
    found = look(edge("PersonX cooks", "xAttr", tail)).offensive
    assert [name for name, f in found.items() if f.count] == [kind]
    assert found[kind].examples[0]["tail_text"] == tail


@pytest.mark.parametrize("tail", ["skilled", "to go to Scunthorpe", "assessed", "classy", "shitake", "grape juice"])
def test_innocent_tails_are_not(tail: str) -> None:
    assert not any(f.count for f in look(edge("PersonX cooks", "xAttr", tail)).offensive.values())


def test_all_are_counted_and_some_shown() -> None:
    found = look(*(edge(f"PersonX cooks {i}", "xAttr", "stupid", i == 0) for i in range(20))).offensive["insult"]
    assert (found.count, found.denied, len(found.examples), len(set(found.ids))) == (20, 1, EXAMPLES, 20)
    assert (found.words, found.relations) == ({"stupid": 20}, {"xAttr": 20})


def test_feelings_about_a_group_are_set_against_the_others() -> None:
    bad = [edge(f"PersonX meets a muslim {i}", "xReact", "scared") for i in range(9)]
    good = [edge(f"PersonX meets a friend {i}", "xReact", "happy") for i in range(30)]
    found = look(*bad, *good, edge("PersonX is a muslim", "xReact", "not sad")).groups["religion"]["muslim"]
    assert (found.positive.count, found.negative.count, found.mentions.count) == (1, 9, 10)
    assert found.share == pytest.approx(0.1)
    assert found.other_share == 1
    assert found.is_skewed


def test_a_denied_feeling_is_the_other_one_and_only_states_count() -> None:
    found = look(
        edge("PersonX meets a woman", "xReact", "happy", negated=True),
        edge("PersonX meets a woman", "xReact", "happy and sad"),
        edge("PersonX meets a woman", "xWant", "to be happy"), edge("PersonX meets a womanizer", "xReact", "happy"),
    ).groups["gender"]["women"]
    assert (found.positive.count, found.negative.count, found.mentions.count) == (0, 1, 3)
    assert (found.share, found.other_share) == (0, 1)


def test_a_group_with_few_answers_is_not_called_skewed() -> None:
    rows = [edge("PersonX meets a rabbi", "xReact", "sad"),
            *(edge(f"PersonX cooks {i}", "xReact", "happy") for i in range(3)),
            *(edge(f"PersonX falls {i}", "xReact", "sad") for i in range(3))]
    found = look(*rows).groups["religion"]["jewish"]
    assert found.share == 0
    assert not found.is_skewed


def test_a_lexicon_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "l.toml").write_text(
        '[offensive]\nx = ["meh"]\n[groups.g]\na = ["elf"]\n[feelings]\npositive = ["up"]\nnegative = ["down"]\n'
    )
    found = report([edge("an elf", "xReact", "meh")], load_ontology(), load_lexicon(tmp_path / "l.toml"))
    assert (found.offensive["x"].count, found.groups["g"]["a"].offensive) == (1, 1)
    (tmp_path / "l.toml").write_text("[offensive]\n")
    with pytest.raises(RecipeError, match="groups"):
        load_lexicon(tmp_path / "l.toml")
    with pytest.raises(InputError, match="cannot be read"):
        load_lexicon(tmp_path / "none.toml")
