from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from kg import vocabulary
from kg.models import load_model, load_tokenizer
from tests.tiny_models import CORPUS, MODELS, byte_level, one_thread

TEXTS = [f" {line}" for line in CORPUS[:6]]
WORDS = sorted({f" {w}" for t in TEXTS for w in t.split()})


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module", params=["gemma", "gpt2"])
def pair(request):
    """(whole model, whole tokenizer, cut model, cut tokenizer)"""
    torch.manual_seed(0)
    whole_model, whole = MODELS[request.param]()
    torch.manual_seed(0)
    model, tokenizer = MODELS[request.param]()
    return whole_model, whole, model, vocabulary.cut(model, tokenizer, TEXTS, base_tokens=20)


def pieces(tokenizer, text, **options):
    return tokenizer.convert_ids_to_tokens(tokenizer(text, **options).input_ids)


def test_the_vocabulary_is_smaller(pair):
    _, whole, model, small = pair
    assert len(small) < len(whole)
    assert model.config.vocab_size == len(small) == model.get_input_embeddings().weight.shape[0]
    assert model.get_output_embeddings().weight.shape[0] == len(small)


@settings(deadline=None)
@given(words=st.lists(st.sampled_from(WORDS), max_size=12))
def test_text_of_kept_tokens_is_encoded_as_before(pair, words):
    _, whole, _, small = pair
    text = "".join(words)
    if set(pieces(whole, text, add_special_tokens=False)) <= set(small.get_vocab()):
        assert pieces(small, text) == pieces(whole, text)


@pytest.mark.parametrize("text", TEXTS)
def test_training_texts_are_encoded_as_before(pair, text):
    _, whole, _, small = pair
    assert pieces(small, text) == pieces(whole, text)


@settings(deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_comes_back(pair, text):
    _, whole, _, small = pair
    back = small.decode(small(text, add_special_tokens=False).input_ids)
    assert back == whole.decode(whole(text, add_special_tokens=False).input_ids)


def test_no_text_is_unknown(pair):
    _, _, _, small = pair
    ids = small("zugzwang 🙂 שלום \x01", add_special_tokens=False).input_ids
    assert ids
    assert small.unk_token_id not in ids or small.unk_token == small.eos_token


def test_kept_tokens_keep_their_logits(pair):
    whole_model, whole, model, small = pair
    text = TEXTS[0]
    with torch.inference_mode():
        old = whole_model.eval()(**whole(text, return_tensors="pt")).logits[0]
        new = model.eval()(**small(text, return_tensors="pt")).logits[0]
    columns = [whole.get_vocab()[t] for t in small.convert_ids_to_tokens(list(range(len(small))))]
    assert torch.allclose(new, old[:, columns], atol=1e-5)


def test_special_tokens_are_renumbered(pair):
    _, whole, model, small = pair
    assert small.eos_token == whole.eos_token
    for config in (model.config, model.generation_config):
        assert config.eos_token_id == small.eos_token_id
        assert config.pad_token_id == small.pad_token_id


def test_the_folder_works_with_from_pretrained(pair, tmp_path: Path):
    _, _, model, small = pair
    model.save_pretrained(tmp_path)
    small.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    inputs = tokenizer(TEXTS[0], return_tensors="pt")
    assert inputs.input_ids.tolist()[0] == small(TEXTS[0]).input_ids
    with torch.inference_mode():
        assert torch.equal(again(**inputs).logits, model.eval()(**inputs).logits)
    assert again.get_input_embeddings().weight.shape[0] == len(tokenizer)


def test_a_unigram_tokenizer_is_left_alone():
    model, tokenizer = MODELS["t5"]()
    assert vocabulary.cut(model, tokenizer, TEXTS, 10) is tokenizer
    assert model.config.vocab_size == len(tokenizer)


def test_what_looks_special_is_plain_text(pair):
    for tokenizer in (pair[1], pair[3]):
        text = f"a{tokenizer.eos_token}b"
        (ids,) = vocabulary.encode(tokenizer, [text])
        assert tokenizer.eos_token_id not in ids
        assert tokenizer.decode(ids) == text


def test_half_surrogates_become_question_marks(pair):
    tokenizer = pair[3]
    assert vocabulary.encode(tokenizer, ["a\ud800b"]) == vocabulary.encode(tokenizer, ["a?b"])
    assert vocabulary.encode(tokenizer, []) == []


def test_robertas_frame_is_renumbered():
    model, _ = MODELS["gpt2"]()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    framed = byte_level(special, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>")
    model.resize_token_embeddings(len(framed))
    small = vocabulary.cut(model, framed, [" cake"], base_tokens=0)
    assert len(small) < len(framed)
    assert pieces(small, " cake") == pieces(framed, " cake")


@pytest.mark.model
def test_the_packaged_model_encodes_atomic_as_before():
    data = Path(__file__).parents[2].parent / "shared" / "data" / "atomic2019" / "train.tsv"
    if not data.exists():
        pytest.skip("needs ../shared/data/atomic2019")
    rows = [line.rstrip("\n").split("\t") for line in data.open(encoding="utf-8").readlines()[::40]]
    texts = [f" {field}" for row in rows for field in (row[0], row[2])]
    whole, model = load_tokenizer("gemma-3-270m"), load_model("gemma-3-270m", "bfloat16", "cpu")
    small = vocabulary.cut(model, whole, texts, base_tokens=10_000)
    assert 10_000 < len(small) < 20_000
    for text in texts:
        assert pieces(small, text) == pieces(whole, text)
    for text in ("zugzwang 🙂", "\t\n\x01", "日本語"):
        assert small.decode(small(text, add_special_tokens=False).input_ids) == text
