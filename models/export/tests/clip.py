"""A CLIP of random weights, with a tokenizer of letters, in a folder: nothing is downloaded."""

import json
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel

IMAGE = 16
LAYERS = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
START, END = "<|startoftext|>", "<|endoftext|>"
TOKENIZER = {
    **{"tokenizer_class": "CLIPTokenizer", "model_max_length": 77},
    **{"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END},
}


def letters() -> dict[str, int]:
    """A token for each letter, within a word and at its end."""
    plain = "abcdefghijklmnopqrstuvwxyz0123456789.,"
    tokens = [*plain, *(f"{letter}</w>" for letter in plain), START, END]
    return {token: number for number, token in enumerate(tokens)}


def small(folder: Path, act: str = "quick_gelu") -> Path:
    """One that is small, in the folder, whose name has to have `clip` in it."""
    text, vision = ({**LAYERS, "hidden_act": act} for _ in range(2))
    return saved(folder, text, {"image_size": IMAGE, "patch_size": 8, **vision})


def of_full_size(folder: Path) -> Path:
    """One of the size that LeRobot takes by default: ViT-B/16."""
    return saved(folder, {}, {"patch_size": 16})


def saved(folder: Path, text: dict, vision: dict) -> Path:
    vocabulary = letters()
    ends = {"bos_token_id": vocabulary[START], "eos_token_id": vocabulary[END], "pad_token_id": vocabulary[END]}
    text = {"vocab_size": len(vocabulary), "max_position_embeddings": 77, **ends, **text}
    torch.manual_seed(1)
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision)).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(TOKENIZER))
    return folder
