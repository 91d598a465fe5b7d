"""The recipes in the package: each can be read, and its parts and prompts be made, without any model."""

from pathlib import Path

import pytest

from api.assemble import make_critics, make_parts
from kg.ontology import load_ontology
from kg.pipeline import Parts
from kg.recipe import load_recipe, recipe_names

SEEDS_OF_OTHERS = Path(__file__).parents[2].parent / "shared" / "data" / "seed_events.txt"
ATOMIC_2019 = {"xIntent", "xNeed", "xAttr", "xWant", "xEffect", "xReact", "oWant", "oEffect", "oReact"}


@pytest.fixture(scope="module")
def demo() -> Parts:
    return make_parts(load_recipe("demo"))


@pytest.mark.parametrize("name", recipe_names())
def test_every_packaged_recipe_is_valid(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.description
    assert [c.name for c in make_critics(recipe, load_ontology(recipe.ontology))] == list(recipe.critics)


def test_the_demo_asks_thirty_events_about_twelve_relations(demo: Parts) -> None:
    recipe = load_recipe("demo")
    heads = [h.text for h in demo.source.heads([]) if not h.reason]
    assert heads == recipe.seeds.events
    assert len(heads) == 30
    prompts = list(demo.source.prompts(heads))
    assert {p.relation for p in prompts} == ATOMIC_2019 | {"isBefore", "isAfter", "HinderedBy"}
    assert len(prompts) == 30 * 12
    assert demo.source.head_prompts()


def test_the_demos_seeds_are_events_of_one_or_two_people(demo: Parts) -> None:
    heads = [h.text for h in demo.source.heads([])]
    assert all(h.startswith("PersonX ") for h in heads)
    assert 5 <= sum("PersonY" in h for h in heads) <= 15


def test_the_templates_do_not_show_what_the_demo_asks(demo: Parts) -> None:
    """An example with the head of a question would give its answer away."""
    for prompt in demo.source.prompts(h.text for h in demo.source.heads([])):
        asked = prompt.text[prompt.text.rindex("Event:") :].splitlines()[0].split(" ", 2)[2]
        assert asked not in prompt.text[: prompt.text.rindex("Event:")]


@pytest.mark.data
@pytest.mark.skipif(not SEEDS_OF_OTHERS.is_file(), reason=f"the data sets are not at {SEEDS_OF_OTHERS.parent}")
def test_the_demos_seeds_are_our_own() -> None:
    others = {line.strip().lower() for line in SEEDS_OF_OTHERS.read_text(encoding="utf-8").splitlines()}
    assert not others & {event.lower() for event in load_recipe("demo").seeds.events}
