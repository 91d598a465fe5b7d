import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.decoding import MAX_HEAD, MAX_TAIL, batches_by_length, head_text, layout_for
from tests.tiny_models import MODELS, one_thread

ROWS = [
    ("PersonX bakes a cake", "so PersonX is seen as", "kind"),
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


def test_the_loss_is_that_of_the_tail_alone_as_transformers_takes_it(layout):
    example = layout.examples(ROWS[1:2])[0]
    if layout.model.config.is_encoder_decoder:
        inputs = {"input_ids": torch.tensor([example.prompt]), "labels": torch.tensor([example.target])}
    else:
        ids = torch.tensor([example.prompt + example.target])
        labels = ids.clone()
        labels[:, : len(example.prompt)] = -100
        inputs = {"input_ids": ids, "labels": labels}
    with torch.inference_mode():
        expected = layout.model(**inputs).loss
        total, count = layout.loss([example])
    assert count == len(example.target)
    assert float(total / count) == pytest.approx(float(expected), rel=1e-4)


def test_padding_changes_nothing(layout):
    examples = layout.examples(ROWS)
    with torch.inference_mode():
        together, count = layout.loss(examples)
        alone = [layout.loss([e]) for e in examples]
    assert count == sum(n for _, n in alone)
    assert float(together) == pytest.approx(sum(float(loss) for loss, _ in alone), rel=1e-4)
    assert layout.scores(examples) == pytest.approx([-float(loss) / n for loss, n in alone], rel=1e-4)


def test_padding_changes_no_gradient(layout):
    examples = layout.examples(ROWS)

    def gradient(batches):
        layout.model.zero_grad()
        for batch in batches:
            layout.loss(batch)[0].backward()
        return torch.cat([p.grad.flatten() for p in layout.model.parameters() if p.grad is not None])

    assert torch.allclose(gradient([examples]), gradient([[e] for e in examples]), atol=1e-3, rtol=1e-3)


def test_examples_end_and_are_cut(layout):
    long = "cake " * 5000
    examples = layout.examples([("PersonX eats", "wants", "to sleep"), (long, "wants", long)])
    end = layout.tokenizer.eos_token_id
    for example in examples:
        assert example.target[-1] == end
        assert end not in example.target[:-1]
    assert len(examples[1].target) == MAX_TAIL
    assert len(examples[1].prompt) <= MAX_HEAD + 20
    assert examples[1].length == len(examples[1].prompt) + MAX_TAIL


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
