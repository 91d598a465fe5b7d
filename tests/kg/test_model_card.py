import pytest

from kg.model_card import model_card


def settings(model):
    return {
        "options": {"model": model},
        "seed": 7,
        "relations": {"xWant": {}, "NotxWant": {}},
        "metrics": {"triples": {"train": 9, "test": 1}, "heads": {"train": 3, "test": 1}, "loss_after": 2.5},
    }


@pytest.mark.parametrize(
    ("model", "base", "licence", "terms"),
    [
        ("gemma-3-270m", "google/gemma-3-270m", "gemma", "Gemma Terms of Use"),
        ("facebook/bart-large", "facebook/bart-large", "other", "see the base model"),
    ],
)
def test_it_says_what_the_student_is_made_of(model, base, licence, terms):
    card = model_card(settings(model))
    assert card.startswith(f"---\nbase_model: {base}\nlicense: {licence}\n")
    assert terms in card
    assert "Seed 7" in card
    assert "| train | 9 | 3 |\n| test | 1 | 1 |" in card
    assert "| loss_after | 2.5 |" in card
    assert "Relations: xWant, NotxWant." in card
    assert "`{head}, {phrase}`" in card
