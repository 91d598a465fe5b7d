from pathlib import Path

import pytest

from kg.errors import InputError, RecipeError, UnknownNameError
from kg.recipe import load_recipe, recipe_names

MINIMAL = 'name = "mine"\n[teacher]\nkind = "recorded"\nfile = "answers.jsonl"\n'


def write(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("name", recipe_names())
def test_packaged_recipes_are_valid_and_described(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.description


def test_paths_are_relative_to_the_recipes_folder(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, MINIMAL))
    assert recipe.teacher.options == {"file": str(tmp_path / "answers.jsonl")}


@pytest.mark.parametrize(("override", "value"), [
    ("seed=7", 7), ("heads.count=3", 3), ('tails.relations=["xWant"]', ["xWant"]), ("ontology=other", "other"),
    ("critics.form.max_words=9", {"max_words": 9}),
])
def test_overrides_are_toml_values_or_strings(tmp_path: Path, override: str, value: object) -> None:
    data = load_recipe(write(tmp_path, MINIMAL), [override]).model_dump()
    for key in override.split("=")[0].split(".")[:2]:
        data = data[key]
    assert data == value


@pytest.mark.parametrize(("text", "says"), [
    ("teachr = 1\n" + MINIMAL, "unknown key 'teachr': did you mean teacher"),
    (MINIMAL + "[tails]\nrelation = []\n", "unknown key 'tails.relation': did you mean relations"),
    (MINIMAL + "[heads]\ncount = -1\n", "heads.count: Input should be greater than or equal to 0"),
    ('name = "x"\n', "teacher: Field required"),
    ('name = "../x"\n[teacher]\nkind = "recorded"\n', "name: String should match"),
    ("name = \n", "not TOML"),
])
def test_a_wrong_recipe_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        load_recipe(write(tmp_path, text))


@pytest.mark.parametrize("override", ["seed", "=1", "a..b=1", "seed.x=1"])
def test_a_wrong_override_says_what_is_wrong(tmp_path: Path, override: str) -> None:
    with pytest.raises(RecipeError, match="override"):
        load_recipe(write(tmp_path, MINIMAL), [override])


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean recorded"):
        load_recipe("recordd")
    with pytest.raises(InputError, match="no such file"):
        load_recipe("missing.toml")


def test_the_hash_sees_what_matters(tmp_path: Path) -> None:
    one = load_recipe(write(tmp_path, MINIMAL))
    assert one.hash == load_recipe(write(tmp_path, MINIMAL.replace("mine", "other"))).hash
    assert one.hash != load_recipe(write(tmp_path, MINIMAL), ["seed=1"]).hash
    both = ["critics.form={}", "critics.ontology={}"]
    assert load_recipe(write(tmp_path, MINIMAL), both).hash != load_recipe(write(tmp_path, MINIMAL), both[::-1]).hash
