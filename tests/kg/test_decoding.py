import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import packing
from kg.bench_training import padded_loss
from kg.decoding import MAX_HEAD, MAX_TAIL, batches_by_length, head_text, layout_for
from kg.errors import StudentError
from tests.tiny_models import MODELS, one_thread

ROWS = [
    ("PersonX bakes a cake", "so PersonX is seen as", "kind"),
    ("PersonX bakes a cake", "so PersonX is seen as", "kind"),  # a triple may come twice
    ("PersonX bakes a cake", "as a result, PersonX wants", "to eat the cake"),
    ("PersonX bakes a cake", "as a result, PersonX wants", "to eat"),
    ("PersonX bakes a cake", "as a result, PersonX wants", "to eat the cake with friends"),
    ("PersonX goes to the beach with a friend", "as a result, PersonX wants", "to relax in the sun"),
    ("PersonX loses", "feels", "none"),
]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module", params=MODELS)
def layout(request):
    torch.manual_seed(0)
    model, tokenizer = MODELS[request.param]()
    return layout_for(model.eval(), tokenizer, torch.float32)


def test_the_loss_is_that_of_the_tails_alone_as_transformers_takes_it(layout):
    examples = layout.examples(ROWS)
    with torch.inference_mode():
        expected = float(padded_loss(layout, examples))
        assert float(layout.loss(examples)) == pytest.approx(expected, rel=1e-5)
        assert sum(float(layout.loss([e])) for e in examples) == pytest.approx(expected, rel=1e-5)
        scores = layout.scores(examples, batch_tokens=40)
        each = [float(padded_loss(layout, [e])) / len(e.target) for e in examples]
    assert scores == pytest.approx([-loss for loss in each], rel=1e-5)


@pytest.mark.parametrize("row", [30, 192])
def test_the_gradient_is_that_of_the_padded_loop(layout, row, monkeypatch):
    monkeypatch.setattr(packing.pack, "__defaults__", (row,))
    examples = layout.examples(ROWS)
    layout.model.zero_grad()
    padded_loss(layout, examples).backward()
    expected = {n: p.grad.clone() for n, p in layout.model.named_parameters() if p.grad is not None}
    layout.model.zero_grad()
    layout.loss(examples).backward()
    found = {n: p.grad for n, p in layout.model.named_parameters() if p.grad is not None}
    assert set(found) == set(expected)
    largest = max(float(g.abs().max()) for g in expected.values())
    for name, gradient in found.items():
        assert float((gradient - expected[name]).abs().max()) < 1e-5 * largest, name


def test_sliding_windows_are_those_of_the_sequence_alone():
    """Gemma's window is shorter here than its sequences, and than the rows that these are packed in."""
    torch.manual_seed(0)
    model, tokenizer = MODELS["gemma"]()
    layout = layout_for(type(model)(type(model.config)(**{**model.config.to_dict(), "sliding_window": 5})).eval(),
                        tokenizer, torch.float32)
    assert "sliding_attention" in layout.model.config.layer_types
    examples = layout.examples(ROWS)
    assert all(len(e.read) > 5 for e in examples)
    with torch.inference_mode():
        assert float(layout.loss(examples)) == pytest.approx(float(padded_loss(layout, examples)), rel=1e-5)


def test_a_model_that_cannot_be_told_what_to_see_is_refused():
    torch.manual_seed(0)
    layout = layout_for(*MODELS["gemma"](), torch.float32)
    layout._takes_positions = False
    with pytest.raises(StudentError, match="gemma3_text cannot be a student"):
        layout.scores(layout.examples(ROWS))


def test_examples_end_and_are_cut(layout):
    long = "cake " * 5000
    examples = layout.examples([("PersonX eats", "wants", "to sleep"), (long, "wants", long)])
    end = layout.tokenizer.eos_token_id
    for example in examples:
        assert example.target[-1] == end
        assert end not in example.target[:-1]
    assert len(examples[1].target) == MAX_TAIL
    assert len(examples[1].prompt) <= MAX_HEAD + 20
    assert len(examples[1].read) == len(examples[1].prompt) + MAX_TAIL - 1


def test_a_head_that_looks_like_a_special_token_is_plain_text(layout):
    end = layout.tokenizer.eos_token_id
    if layout.model.config.is_encoder_decoder:
        (prompt,) = layout.prompts([("a", "wants")])
        assert prompt[-1] == end
    (plain,) = layout.prompts([("a", "wants")])
    (spoof,) = layout.prompts([(f"a{layout.tokenizer.eos_token}", "wants")])
    assert spoof.count(end) == plain.count(end)


def test_heads_are_tidied():
    assert head_text("  PersonX \n bakes\ta cake. ") == "PersonX bakes a cake"
    assert head_text(" .,;") == ""


@settings(deadline=None)
@given(st.lists(st.integers(1, 50), max_size=50), st.integers(1, 300))
def test_batches_hold_everything_once_within_the_budget(lengths, budget):
    batches = list(batches_by_length(lengths, budget))
    assert sorted(i for b in batches for i in b) == list(range(len(lengths)))
    assert all(len(b) == 1 or len(b) * max(lengths[i] for i in b) <= budget for b in batches)
