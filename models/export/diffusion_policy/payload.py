"""What a `.ckpt` holds: a pickle, of which only tensors and plain data are taken.

It was written with `dill`, and its configuration is one of OmegaConf. Neither is needed: the names of their classes,
and of the few others that they refer to, stand for inert containers, and any other name is refused.
"""

import pickle
import re
from pathlib import Path

import torch
from torch import Tensor

from export.fields import Fields
from export.policy import ExportError

# Names in a configuration that stand only for data: its containers, and the declared types of its fields.
INERT = re.compile(r"omegaconf\.\w+\.\w+|typing\.\w+|collections\.defaultdict|dill\.\w+\._load_type")
UNREADABLE = (OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError, pickle.UnpicklingError)


class Inert(dict):
    """Inert replacement for a class in the pickle: stores its arguments, and does nothing."""

    def __init__(self, *_: object):
        super().__init__()


def read(path: Path, trusted: bool) -> tuple[dict, dict]:
    """The configuration, as plain data, and the states."""
    try:
        payload = torch.load(path, map_location="cpu", weights_only=False) if trusted else careful(path)
    except UNREADABLE as error:
        raise ExportError(f"{path}: cannot be read as a checkpoint ({error})") from error
    if not isinstance(payload, dict) or not {"cfg", "state_dicts"} <= payload.keys():
        raise ExportError(f"{path}: holds no cfg and state_dicts: not a checkpoint of Diffusion Policy")
    config, states = plain(payload["cfg"]), payload["state_dicts"]
    if not isinstance(config, dict) or not isinstance(states, dict):
        raise ExportError(f"{path}: cfg or state_dicts is no table")
    return config, states


def careful(path: Path) -> object:
    """The payload, loaded by PyTorch's own unpickler for tensors and plain data, with inert containers added."""
    names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    refused = [name for name in names if not INERT.fullmatch(name)]
    if refused:
        raise ExportError(
            f"{path}: refers to {refused[0]}, which could execute code; nothing was executed. "
            "Say --unsafe-pickle if you trust the file"
        )
    # A class each: the unpickler knows them by their names.
    stand_ins = [(type("Inert", (Inert,), {}), name) for name in names]
    with torch.serialization.safe_globals(stand_ins):
        return torch.load(path, map_location="cpu", weights_only=True)


def plain(node: object) -> object:
    """Plain data of OmegaConf's nodes, real ones or inert: their content, or their value."""
    state = getattr(node, "__dict__", {})
    if "_content" in state:
        content = state["_content"]
        if isinstance(content, dict):
            return {key: plain(value) for key, value in content.items()}
        return [plain(value) for value in content] if isinstance(content, list) else content
    return plain(state["_val"]) if "_val" in state else node


def target(fields: Fields, *known: str) -> str:
    """The class that `_target_` names, without its module."""
    name = str(fields.get("_target_")).rpartition(".")[2]
    return Fields(fields.where, {"_target_": name}).one_of("_target_", *known)


def weights(path: Path, states: dict, averaged: bool) -> dict[str, Tensor]:
    """The policy's state, without the variables that stand for nothing."""
    name = "ema_model" if averaged else "model"
    state = states.get(name)
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ExportError(f"{path}: state_dicts.{name} is missing, or no table of tensors")
    return {key: value for key, value in state.items() if not key.endswith("_dummy_variable")}
