"""Tokenizers that need no download: they know single bytes and nothing learned. Random weights need no better words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MAX_TOKENS = 512
"""No tokenizer here has more tokens."""


def byte_letters() -> list[str]:
    """The letters that stand for bytes in the byte pairs of GPT-2 and those that followed."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {byte: chr(byte) for byte in plain} | {byte: chr(256 + at) for at, byte in enumerate(others)}
    return [letters[byte] for byte in range(256)]


def clip() -> dict[str, Any]:
    """Bytes, bytes at the end of a word, and two marks."""
    tokens = [*byte_letters(), *(f"{letter}</w>" for letter in byte_letters()), "<|startoftext|>", "<|endoftext|>"]
    return {"vocab": numbered(tokens), "merges": [], "model_max_length": 77}


def byte_pairs(*marks: str) -> dict[str, Any]:
    """Bytes and the marks of a chat."""
    return {"vocab": numbered([*byte_letters(), *marks]), "merges": []}


def pieces(*marks: str) -> list[tuple[str, float]]:
    """Letters as SentencePiece has them, with their scores."""
    letters = ["▁", *(chr(code) for code in range(33, 127))]
    return [(mark, 0.0) for mark in marks] + [(letter, -float(at + 1)) for at, letter in enumerate(letters)]


def numbered(tokens: list[str]) -> dict[str, int]:
    """Tokens with their numbers."""
    return {token: at for at, token in enumerate(tokens)}


def sentence_bytes(*marks: str) -> dict[str, Any]:
    """Byte pairs over SentencePiece's letters, as Llama and Gemma have them."""
    return {"vocab": numbered([piece for piece, _ in pieces(*marks)]), "merges": []}


def t5() -> dict[str, Any]:
    """Letters, three marks, and no sentinels."""
    return {"vocab": pieces("<pad>", "</s>", "<unk>"), "extra_ids": 0}


def bert() -> dict[str, Any]:
    """Letters, alone and within words."""
    letters = [chr(code) for code in range(33, 127)]
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return {"vocab": numbered([*marks, *letters, *(f"##{letter}" for letter in letters)])}


QWEN_MARKS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)

MAKERS: dict[str, Callable[[], dict[str, Any]]] = {
    "CLIPTokenizer": clip,
    "T5Tokenizer": t5,
    "T5TokenizerFast": t5,
    "Qwen2Tokenizer": lambda: byte_pairs(*QWEN_MARKS),
    "Qwen2TokenizerFast": lambda: byte_pairs(*QWEN_MARKS),
    "LlamaTokenizer": lambda: sentence_bytes("<unk>", "<s>", "</s>"),
    "LlamaTokenizerFast": lambda: sentence_bytes("<unk>", "<s>", "</s>"),
    "GemmaTokenizer": lambda: sentence_bytes("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"),
    "GemmaTokenizerFast": lambda: sentence_bytes("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"),
    "BertTokenizer": bert,
    "ByT5Tokenizer": dict,
}
"""Arguments of each class of tokenizer."""
