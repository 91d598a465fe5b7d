"""Tiny random language models of several architectures, saved as `transformers` folders."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertModel,
    BertTokenizerFast,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

CORPUS = [
    "PersonX bakes a cake", "PersonX goes to the beach with a friend", "PersonX loses the keys to the house",
    "because PersonX wanted to be happy", "as a result, PersonX wants to eat the cake", "so PersonX is seen as kind",
    "to relax in the sun", "to call a locksmith", "feels tired and hungry", "none", "to have fun with friends",
] * 3
BYTES = [f"<0x{b:02X}>" for b in range(256)]
HEADS = {"gemma": ["<pad>", "<eos>", "<bos>", "<unk>"], "gpt2": ["<|endoftext|>"]}


def sentencepiece_like() -> PreTrainedTokenizerFast:
    """Gemma's kind: byte-pair encoding over whole texts with spaces as marks, falling back to bytes."""
    special = HEADS["gemma"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    words = [w for line in CORPUS for w in f" {line}".replace(" ", "  ▁").split("  ") if w]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=[*special, *BYTES], show_progress=False)
    tokenizer.train_from_iterator([w.replace(" ", "▁") for w in words], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B", special_tokens=[("<bos>", special.index("<bos>"))]
    )
    whole = json.loads(tokenizer.to_str())
    whole["added_tokens"] = [t for t in whole["added_tokens"] if t["content"] in special]  # bytes are plain tokens
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(whole)),
        pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>",
    )


def byte_level(special: list[str], **names: str) -> PreTrainedTokenizerFast:
    """GPT-2's and BART's kind: byte-pair encoding of words as bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    if "</s>" in special:
        ends = [("</s>", special.index("</s>")), ("<s>", special.index("<s>"))]
        tokenizer.post_processor = processors.RobertaProcessing(*ends)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def unigram() -> PreTrainedTokenizerFast:
    """T5's kind: a unigram model that ends every text."""
    words = sorted({f"▁{word}" for line in CORPUS for word in line.split()})
    letters = sorted({letter for word in words for letter in word})
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((w, -4.0) for w in words), *((c, -6.0) for c in letters)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


def gemma() -> tuple[Any, Any]:
    tokenizer = sentencepiece_like()
    config = Gemma3TextConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, sliding_window=32, max_position_embeddings=512,
        pad_token_id=0, eos_token_id=1, bos_token_id=2, tie_word_embeddings=True,
    )
    return Gemma3ForCausalLM(config), tokenizer


def gpt2() -> tuple[Any, Any]:
    tokenizer = byte_level(HEADS["gpt2"], eos_token="<|endoftext|>", bos_token="<|endoftext|>")
    config = GPT2Config(
        vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, n_positions=512, bos_token_id=0, eos_token_id=0
    )
    return GPT2LMHeadModel(config), tokenizer


def t5() -> tuple[Any, Any]:
    tokenizer = unigram()
    config = T5Config(
        vocab_size=len(tokenizer), d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, pad_token_id=0,
        eos_token_id=1, decoder_start_token_id=0,
    )
    return T5ForConditionalGeneration(config), tokenizer


def bart() -> tuple[Any, Any]:
    tokenizer = byte_level(
        ["<s>", "<pad>", "</s>", "<unk>"], bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=512,
        bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=2,
    )
    return BartForConditionalGeneration(config), tokenizer


def write_encoder(folder: Path) -> Path:
    """Saves a tiny random BERT; the same weights every time."""
    words = sorted({w for line in CORPUS for w in line.lower().replace(",", " ,").split()} | set(":.,'"))
    letters = sorted(set("abcdefghijklmnopqrstuvwxyz"))
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys([*words, *letters])]
    vocabulary += [f"##{letter}" for letter in letters]
    tokenizer = BertTokenizerFast(vocab={word: i for i, word in enumerate(vocabulary)})
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=128,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


MODELS: dict[str, Callable[[], tuple[Any, Any]]] = {"gemma": gemma, "gpt2": gpt2, "t5": t5, "bart": bart}


@contextmanager
def one_thread() -> Iterator[None]:
    """Tiny models are fastest in one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def write_model(kind: str, folder: Path) -> Path:
    """Saves a tiny random model of an architecture; the same weights every time."""
    torch.manual_seed(0)
    model, tokenizer = MODELS[kind]()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
