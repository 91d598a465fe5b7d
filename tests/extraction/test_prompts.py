"""Prompts of both stages, and the gates of new heads."""

import re
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction.heads import HeadGate, NearDuplicates, lines_of, rouge_l
from extraction.prompts import TemplateSource, question_of
from extraction.slots import slots_of
from kg.errors import RecipeError
from kg.ontology import Ontology, Relation, load_ontology
from kg.recipe import Heads, Recipe
from kg.records import Answer, Generation, Prompt

SEEDS = [
    "PersonX bakes a cake", "PersonX helps PersonY move", "PersonX loses the keys", "PersonX runs a race",
    "PersonX paints PersonY's door",
]


def recipe(**sections: Any) -> Recipe:
    given = {
        "seeds": {"events": SEEDS}, "tails": {"relations": ["xWant", "HinderedBy"]}, "teacher": {"kind": "local"},
        **sections,
    }
    return Recipe(name="test", **given)


def source(**sections: Any) -> TemplateSource:
    return TemplateSource(recipe(**sections), load_ontology())


def answer(text: str) -> Answer:
    prompt = Prompt("", "", "heads@1", "?")
    return Answer(prompt, Generation(prompt.id, "t", text))


def test_a_prompt_for_each_head_relation_and_sample() -> None:
    made = list(source(tails={"relations": ["xWant", "oReact"], "samples": 3}).prompts(SEEDS))
    assert [(p.relation, p.head, p.sample) for p in made] == [
        (r, h, s) for r in ("xWant", "oReact") for h in SEEDS for s in range(3)
    ]
    assert len({p.id for p in made}) == len(made)


def test_all_23_relations_have_examples_of_their_own() -> None:
    names = [r.name for r in load_ontology()]
    made = {p.relation: p.text for p in source(tails={"relations": names}).prompts(["PersonX cooks ___", "a spoon"])}
    assert sorted(made) == sorted(names)
    questions = {r.name: r.question for r in load_ontology()}
    for name, text in made.items():
        asked = set(re.findall(r"Question: (.*)", text))
        pattern = re.escape(questions[name]).replace("PersonX", "[A-Z][a-z]+")
        assert all(re.fullmatch(pattern, q) for q in asked), name
        assert text.count("Question:") >= 6


def test_prompts_of_a_template_share_all_but_their_last_block() -> None:
    made = list(source().prompts(SEEDS))
    for _, group in groupby(made, key=lambda p: p.template):
        same = [p.text for p in group]
        starts = {text[: text.rindex("Event:")] for text in same}
        assert len(starts) == 1
        assert len(starts.pop()) > 300
    templates = [template for template, _ in groupby(made, key=lambda p: p.template)]
    assert templates == ["tails@1/xWant", "tails@1/HinderedBy"]


def test_prompts_hold_names_and_no_slots_and_end_where_the_answer_begins() -> None:
    for p in source().prompts(SEEDS):
        assert not slots_of(p.text)
        assert p.text == p.text.rstrip()
        names = dict(p.names)
        assert names["PersonX"] in p.text[p.text.rindex("Event:") :]
        assert ("PersonY" not in p.head) or names["PersonY"] in p.text[p.text.rindex("Event:") :]


def test_a_head_with_fields_newlines_and_braces_is_only_text() -> None:
    head = "PersonX says {question}\n{answer} {0} %s \\1"
    prompt = next(source().prompts([head]))
    assert prompt.head == head
    assert "says {question} {answer} {0} %s \\1\nQuestion: What" in prompt.text


def test_things_and_events_are_asked_what_fits_them() -> None:
    mixed = source(
        seeds={"events": ["bread", "PersonX bakes bread"]}, tails={"relations": ["AtLocation", "xWant"]}
    )
    assert [(p.head, p.relation) for p in mixed.prompts(["bread", "PersonX bakes bread"])] == [
        ("bread", "AtLocation"), ("PersonX bakes bread", "xWant"),
    ]
    only = source(seeds={"events": ["it rains"]}, tails={"relations": ["Causes"]})
    assert [p.head for p in only.prompts(["it rains"])] == ["it rains"]


def test_a_relation_of_the_users_own_needs_no_examples() -> None:
    own = Ontology("mine", [
        Relation("RisksOf", "has the risk that", "What could go wrong?"),
        Relation("ColourOf", "has the colour", "What colour is it?", head="Thing", tail="State"),
    ])
    made = TemplateSource(recipe(tails={"relations": ["RisksOf", "ColourOf"]}), own)
    event, thing = made.prompts(["PersonX skis", "snow"])
    assert event.text.endswith("Question: What could go wrong?\nAnswers:")
    assert thing.text.endswith("Thing: snow\nQuestion: What colour is it?\nAnswers:")
    assert event.text.count("Question:") == thing.text.count("Question:") == 7


@pytest.mark.parametrize(("question", "denied"), [
    ("What does PersonX want to do after this?", "What does PersonX not want to do after this?"),
    ("What happens to others as a result?", "What does not happen to others as a result?"),
    ("Where is it found?", "Where is it not found?"),
    ("What could stop this from happening?", "What could not stop this from happening?"),
    ("Name three.", "What would be a wrong answer? Name three."),
])
def test_questions_are_denied(question: str, denied: str) -> None:
    assert question_of(Relation("R", "r", question), True) == denied


def test_denied_relations_are_asked() -> None:
    made = source(tails={"relations": ["NotxWant", "NotDesires"]})
    (want,) = made.prompts([SEEDS[0]])
    assert want.relation == "NotxWant"
    assert "not want to do after this?\nAnswers:" in want.text
    (desires,) = source(seeds={"events": ["a cat"]}, tails={"relations": ["NotDesires"]}).prompts(["a cat"])
    assert desires.text.endswith("What does it not want?\nAnswers:")


def test_names_depend_on_the_sample_and_the_seed() -> None:
    names = [p.names for p in source(tails={"relations": ["xWant"], "samples": 8}).prompts(SEEDS[:1])]
    assert len(set(names)) > 4
    assert next(source().prompts(SEEDS)).text == next(source().prompts(SEEDS)).text


@pytest.mark.parametrize(("sections", "message"), [
    ({"seeds": {}}, "no seed events"),
    ({"seeds": {"events": [" ", ""]}}, "no seed events"),
    ({"tails": {"relations": ["xWnat"]}}, "did you mean xWant"),
    ({"tails": {"relations": []}}, "tails.relations is empty"),
    ({"tails": {"relations": ["xWant"], "template": "tials"}}, "did you mean tails"),
    ({"heads": {"template": "head"}}, "did you mean heads"),
    ({"heads": {"template": "tails"}}, "unknown key"),
    ({"seeds": {"file": "/nowhere/seeds.txt"}}, "seeds.file: cannot read"),
    ({"tails": {"relations": ["xWant"], "template": "nowhere.toml"}}, "tails.template: cannot read"),
])
def test_wrong_recipes_are_named(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        source(**sections)


@pytest.mark.parametrize(("content", "message"), [
    ("name = 'x'", "layout: Field required"),
    ("name = ", "is not TOML"),
    ("line = 'x'", "unknown key 'line'"),
    ("[layout]\nEvent = '{head} {question}'", "layout.Event"),
])
def test_wrong_templates_are_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "own.toml").write_text(content)
    with pytest.raises(RecipeError, match=message):
        source(tails={"relations": ["xWant"], "template": str(tmp_path / "own.toml")})


def test_a_template_of_the_users_own_is_named_in_its_prompts(tmp_path: Path) -> None:
    packaged = (files("extraction") / "templates" / "tails.toml").read_text(encoding="utf-8")
    (tmp_path / "own.toml").write_text(packaged.replace('"tails"', '"mine"').replace("Answers:", "A:"))
    made = source(tails={"relations": ["xWant"], "template": str(tmp_path / "own.toml")})
    prompt = next(made.prompts(SEEDS))
    assert prompt.template == f"mine@{prompt.template.split('@')[1]}"
    assert prompt.text.endswith("\nA:")


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"PersonX \xff", "is not UTF-8")])
def test_wrong_seed_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "seeds.txt").write_bytes(content)
    with pytest.raises(RecipeError, match=message):
        source(seeds={"file": str(tmp_path / "seeds.txt")})


def test_seeds_come_from_list_and_file(tmp_path: Path) -> None:
    (tmp_path / "seeds.txt").write_bytes("\ufeffPersonX waits\r\n\r\nPersonX bakes a cake\r\n".encode())
    made = source(seeds={"events": SEEDS[:1], "file": str(tmp_path / "seeds.txt")})
    assert [(h.text, h.reason) for h in made.heads([])] == [("PersonX bakes a cake", ""), ("PersonX waits", "")]


@pytest.mark.parametrize("sections", [
    {"seed": 1}, {"seeds": {"events": SEEDS[1:]}}, {"heads": {"count": 3}},
    {"tails": {"relations": ["xWant"]}}, {"tails": {"relations": ["xWant", "HinderedBy"], "samples": 2}},
])
def test_the_version_changes_with_what_is_asked(sections: dict[str, Any]) -> None:
    assert source(**sections).version != source().version
    assert source().version == source().version
    assert TemplateSource(recipe(), Ontology("mine", [
        Relation("xWant", "wants", "What now?"), Relation("HinderedBy", "h", "What stops it?"),
    ])).version != source().version


def test_no_new_heads_unless_asked() -> None:
    assert source().head_prompts() == []
    assert [h.text for h in source().heads([answer(" PersonX flies a kite")])] == SEEDS


def test_head_prompts_show_other_seeds_each_time() -> None:
    prompts = source(heads={"count": 4, "shots": 3}).head_prompts()
    assert len({p.id for p in prompts}) == len(prompts) >= 4
    assert len({p.text for p in prompts}) > 4
    for p in prompts:
        shown = re.findall(r"^\d+\. (.+)$", p.text, re.MULTILINE)
        assert len(shown) == 3
        assert set(shown) <= set(SEEDS)
        assert p.text.endswith("\n4.")


def test_new_heads_pass_the_gates_or_say_why_not() -> None:
    lines = [
        " PersonX flies a kite", "12. PersonX flies a kite.", "PersonX baked the cake", "Bob sings", "PersonXena sings",
        "PersonX", "PersonX eats a 🍕", "PersonX " + "very " * 20 + "long", "PersonX gives PersonY the",
        "PersonX helps PersonY to move", "PersonX sells flowers in the market", "PersonX opens a shop",
    ]
    found = list(source(heads={"count": 2}).heads(answer(line) for line in lines))[len(SEEDS) :]
    assert [(h.text, h.reason) for h in found] == [
        ("PersonX flies a kite", ""),
        ("PersonX flies a kite", "is there already"),
        ("PersonX baked the cake", "is there already"),
        ("Bob sings", "does not begin with PersonX"),
        ("PersonXena sings", "does not begin with PersonX"),
        ("PersonX", "has too few words"),
        ("PersonX eats a 🍕", "has characters that are not English prose"),
        ("PersonX " + "very " * 20 + "long", "has too many words"),
        ("PersonX gives PersonY the", "is cut off"),
        ("PersonX helps PersonY to move", "too similar to another head"),
        ("PersonX sells flowers in the market", ""),
    ]


def test_an_answer_may_hold_several_heads() -> None:
    text = " PersonX sings\n12. PersonX’s dog barks\n- PersonX naps;\n\n"
    assert list(lines_of(text)) == ["PersonX sings", "PersonX's dog barks", "PersonX naps"]


def test_heads_that_are_things_need_no_person() -> None:
    made = source(
        seeds={"events": ["bread", "a ladder"]}, tails={"relations": ["AtLocation"]},
        heads={"count": 1, "min_words": 1},
    )
    assert [h.text for h in made.heads([answer(" a spoon")])] == ["bread", "a ladder", "a spoon"]


words = st.lists(st.sampled_from("abcdefg"), max_size=9)


@given(words, words)
def test_rouge_l_is_that_of_the_table(a: list[str], b: list[str]) -> None:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    assert rouge_l(a, b) == pytest.approx(2 * table[-1][-1] / (len(a) + len(b)) if a or b else 0)


@given(st.lists(words, max_size=12), words, st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.75, 0.9, 1.0]))
def test_near_duplicates_are_those_that_comparing_with_all_finds(
    texts: list[list[str]], text: list[str], threshold: float
) -> None:
    near = NearDuplicates(threshold)
    for other in texts:
        near.add(other)
    assert near.has(text) == any(rouge_l(text, other) > threshold for other in texts)


@given(st.text())
def test_any_answer_gives_heads_or_reasons(text: str) -> None:
    gate = HeadGate(Heads(count=3), persons=True)
    for event in lines_of(text):
        assert isinstance(gate.reason(event), str)


@given(st.lists(st.text(alphabet=st.characters(blacklist_categories=[]), max_size=40), max_size=4))
def test_any_head_gives_prompts_of_one_shape(heads: list[str]) -> None:
    made = list(source(tails={"relations": ["xWant"]}).prompts(heads))
    assert [p.head for p in made] == heads
    assert all(p.text.count("\nAnswers:") == made[0].text.count("\nAnswers:") for p in made)
