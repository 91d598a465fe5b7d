"""The local teacher, on tiny random models of each architecture."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from extraction.prefix import PrefixDecoder, common_prefix
from extraction.teacher_local import LocalTeacher
from kg.errors import TeacherError
from kg.models import load_model, load_tokenizer
from kg.records import Generation, Prompt
from tests.tiny_models import one_thread, write_model

KINDS = ["gemma", "gpt2", "t5", "bart"]
SHOWN = "PersonX bakes a cake, so PersonX wants to eat the cake\nPersonX loses the keys, so PersonX wants a locksmith\n"
HEADS = ["goes to the beach", "bakes", "has fun with friends in the sun", "is kind", "feels 🤗", "",
         "goes to the beach with a friend to relax in the sun", "ÿ"]
PROMPTS = [Prompt(h, "xWant", "t", f"{SHOWN}PersonX {h}, so PersonX wants", sample=i) for i, h in enumerate(HEADS)]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {kind: write_model(kind, root / kind) for kind in KINDS}


def teacher(folder: Path, seed: int = 0, **options: Any) -> LocalTeacher:
    given = {"dtype": "float32", "device": "cpu", "max_tokens": 12, "stop": (), "temperature": 1.0, **options}
    return LocalTeacher(LocalTeacher.Options(model=str(folder), **given), seed)


def ask(asked: LocalTeacher, prompts: list[Prompt] = PROMPTS) -> dict[str, Generation]:
    found = {g.prompt_id: g for g in asked.generate(prompts)}
    assert set(found) == {p.id for p in prompts}
    return found


def plain(folder: Path, prompt: Prompt, max_tokens: int = 12) -> str:
    """The greedy answer of the model's own `generate` to one prompt."""
    model, tokenizer = load_model(str(folder), "float32", "cpu"), load_tokenizer(str(folder))
    inputs = tokenizer(prompt.text, return_tensors="pt")
    made = model.generate(
        input_ids=inputs.input_ids, attention_mask=inputs.attention_mask, do_sample=False, max_new_tokens=max_tokens
    )[0]
    if model.config.is_encoder_decoder:
        return str(tokenizer.decode(made, skip_special_tokens=True, clean_up_tokenization_spaces=False))
    asked = tokenizer.decode(inputs.input_ids[0], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    whole = tokenizer.decode(made, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return str(whole)[len(asked) :]


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_is_what_generate_says_prompt_by_prompt(folders: dict[str, Path], kind: str) -> None:
    found = ask(teacher(folders[kind], temperature=0))
    assert {p.head: found[p.id].text for p in PROMPTS} == {p.head: plain(folders[kind], p) for p in PROMPTS}


@pytest.mark.parametrize("kind", ["gemma", "gpt2"])
def test_causal_models_share_the_prefix(folders: dict[str, Path], kind: str) -> None:
    assert PrefixDecoder.fits(load_model(str(folders[kind]), "float32", "cpu"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("top_p", [0.8, 1.0])
def test_batch_and_order_do_not_change_an_answer(folders: dict[str, Path], kind: str, top_p: float) -> None:
    expected = ask(teacher(folders[kind], batch_size=8, top_p=top_p))
    for size, prompts in ((1, PROMPTS), (3, PROMPTS[::-1]), (5, PROMPTS)):
        found = ask(teacher(folders[kind], batch_size=size, top_p=top_p), prompts)
        assert {k: g.text for k, g in found.items()} == {k: g.text for k, g in expected.items()}
        for key, g in found.items():
            assert g.log_probability == pytest.approx(expected[key].log_probability, abs=1e-3)


def test_the_same_batch_gives_the_same_bytes_and_another_seed_others(folders: dict[str, Path]) -> None:
    first = list(teacher(folders["gemma"]).generate(PROMPTS))
    assert list(teacher(folders["gemma"]).generate(PROMPTS)) == first
    assert {g.text for g in teacher(folders["gemma"], seed=1).generate(PROMPTS)} != {g.text for g in first}


def test_samples_of_one_prompt_differ_and_share_all_but_its_last_token(folders: dict[str, Path]) -> None:
    same = [Prompt("h", "r", "t", SHOWN, sample=i) for i in range(6)]
    assert len({g.text for g in ask(teacher(folders["gemma"]), same).values()}) > 1


def test_log_probabilities_are_the_models_own(folders: dict[str, Path]) -> None:
    model, tokenizer = load_model(str(folders["gpt2"]), "float32", "cpu"), load_tokenizer(str(folders["gpt2"]))
    for prompt in PROMPTS:
        answer = ask(teacher(folders["gpt2"], temperature=0, max_tokens=6), [prompt])[prompt.id]
        ids = tokenizer(prompt.text, return_tensors="pt").input_ids
        made = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=6)
        logs = model(made).logits.log_softmax(-1)[0, ids.shape[1] - 1 : -1]
        own = logs.gather(1, made[0, ids.shape[1] :, None])[:, 0].tolist()[: answer.tokens]
        assert answer.token_log_probabilities == pytest.approx(own, abs=1e-4)
        assert answer.log_probability == pytest.approx(math.fsum(own), abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_token_places_lie_in_the_text_in_order(folders: dict[str, Path], kind: str) -> None:
    for g in ask(teacher(folders[kind], max_tokens=40, top_p=1.0, temperature=3.0)).values():
        assert len(g.token_starts) == len(g.token_log_probabilities) == g.tokens
        assert list(g.token_starts) == sorted(g.token_starts)
        assert all(0 <= start <= len(g.text) for start in g.token_starts)
        g.text.encode()


def test_an_answer_ends_before_the_stop_string(folders: dict[str, Path]) -> None:
    whole = ask(teacher(folders["gemma"], max_tokens=30))
    stops = (" ", "e")
    for key, g in ask(teacher(folders["gemma"], max_tokens=30, stop=stops)).items():
        cut = min([at for s in stops if (at := whole[key].text.find(s)) >= 0] or [len(whole[key].text)])
        assert g.text == whole[key].text[:cut]
        assert all(start < cut for start in g.token_starts)


def test_sliding_windows_shorter_than_the_prompt(folders: dict[str, Path]) -> None:
    """The tiny Gemma sees 32 tokens back in all but its full layers; these prompts have over 100."""
    long = [Prompt(h, "r", "t", SHOWN * 3 + h, sample=i) for i, h in enumerate(HEADS) if h and h.isascii()]
    found = ask(teacher(folders["gemma"], temperature=0), long)
    assert {p.head: found[p.id].text for p in long} == {p.head: plain(folders["gemma"], p) for p in long}


def test_prompts_without_a_common_beginning(folders: dict[str, Path]) -> None:
    apart = [Prompt(t, "r", "t", t) for t in ("goes to the beach", "x", "because PersonX wanted to be happy")]
    found = ask(teacher(folders["gpt2"], temperature=0), apart)
    assert {p.head: found[p.id].text for p in apart} == {p.head: plain(folders["gpt2"], p) for p in apart}


def test_prompts_that_cannot_be_answered_are_named(folders: dict[str, Path]) -> None:
    with pytest.raises(TeacherError, match=r"too-long.*more than the 512"):
        ask(teacher(folders["gpt2"]), [Prompt("too-long", "r", "t", SHOWN * 100)])
    with pytest.raises(TeacherError, match=r"'nothing'.*empty"):
        ask(teacher(folders["gpt2"]), [Prompt("nothing", "r", "t", "")])


@pytest.mark.parametrize("text", ["a\ud800b", "\x00\x01", "‏שלום 日本", "🤗" * 20])
def test_odd_prompts_get_an_answer(folders: dict[str, Path], text: str) -> None:
    assert ask(teacher(folders["gemma"]), [Prompt("h", "r", "t", text)])


def test_version_tells_options_seed_and_weights(folders: dict[str, Path], tmp_path: Path) -> None:
    one = teacher(folders["gpt2"])
    assert one.name == "local:gpt2"
    assert one.version == teacher(folders["gpt2"]).version
    moved = write_model("gpt2", tmp_path / "gpt2")
    assert teacher(moved).version == one.version
    weights = bytearray((moved / "model.safetensors").read_bytes())
    weights[-20_000:] = bytes(20_000)
    (moved / "model.safetensors").write_bytes(bytes(weights))
    others = [teacher(moved), teacher(folders["gpt2"], seed=1), teacher(folders["gpt2"], top_p=0.5),
              teacher(folders["gemma"])]
    assert len({one.version, *(t.version for t in others)}) == 5


def test_common_prefix_leaves_a_token_of_each() -> None:
    assert common_prefix([[1, 2, 3]]) == 2
    assert common_prefix([[1, 2, 3], [1, 2, 3]]) == 2
    assert common_prefix([[1, 2, 3], [1, 2, 4, 5], [1, 2]]) == 1
    assert common_prefix([[1], [2, 3]]) == 0


def test_no_model_is_loaded_before_the_first_prompt() -> None:
    missing = LocalTeacher(LocalTeacher.Options(model="/nowhere/at-all"), 0)
    with pytest.raises(TeacherError, match="no such folder"):
        list(missing.generate(PROMPTS))


@pytest.mark.model
def test_gemma_batched_greedy_is_what_generate_says(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(2)
    options = {"model": "gemma-3-270m", "dtype": "float32", "device": "cpu", "temperature": 0.0, "max_tokens": 10}
    asked = LocalTeacher(LocalTeacher.Options(**options), 0)
    found = ask(asked, PROMPTS[:4])
    model, tokenizer = load_model("gemma-3-270m", "float32", "cpu"), load_tokenizer("gemma-3-270m")
    for prompt in PROMPTS[:4]:
        inputs = tokenizer(prompt.text, return_tensors="pt")
        made = model.generate(**inputs, do_sample=False, max_new_tokens=10)[0, inputs.input_ids.shape[1] :]
        assert tokenizer.decode(made, skip_special_tokens=True).split("\n")[0] == found[prompt.id].text
