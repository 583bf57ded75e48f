"""What a `.ckpt` holds: a pickle, of which only tensors and plain data are taken.

It was written with `dill`, and its configuration is one of OmegaConf. Neither is needed: the names of their classes,
and of the few others that they refer to, stand for inert containers, and any other name is refused.
"""

import re
from pathlib import Path

import torch
from torch import Tensor

from export import pickles
from export.fields import Fields
from export.policy import ExportError
from export.reading import regular

# Names in a configuration that stand only for data: its containers, and the declared types of its fields.
INERT = re.compile(r"omegaconf\.\w+\.\w+|typing\.\w+|collections\.defaultdict|dill\.\w+\._load_type")
# A configuration has hundreds of values, ten deep.
MOST_VALUES, DEEPEST = 100_000, 50
# More than any number of a configuration.
LARGEST = 1 << 63
# Modules that a configuration takes its classes from.
PROJECTS = ("diffusion_policy", "diffusers")


def read(path: Path, trusted: bool) -> tuple[dict, dict]:
    """The configuration, as plain data, and the states."""
    payload = executed(path) if trusted else pickles.load(path, INERT)
    if not isinstance(payload, dict) or not {"cfg", "state_dicts"} <= payload.keys():
        raise ExportError(f"{path}: holds no cfg and state_dicts: not a checkpoint of Diffusion Policy")
    try:
        config, states = Plain().of(payload["cfg"]), payload["state_dicts"]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ExportError(f"{path}: cfg: {error}") from error
    if not isinstance(config, dict) or not isinstance(states, dict):
        raise ExportError(f"{path}: cfg or state_dicts is no table")
    return config, states


def executed(path: Path) -> object:
    """The payload of a file that is trusted, with all that it executes."""
    try:
        return torch.load(regular(path), map_location="cpu", weights_only=False)
    except Exception as error:  # whatever its code raises
        raise ExportError(f"{path}: cannot be read as a checkpoint ({error})") from error


class Plain:
    """Plain data of OmegaConf's nodes, real ones or inert: their content, or their value.

    Nodes may hold each other many times over, so they are counted.
    """

    def __init__(self):
        self.values = 0

    def of(self, node: object, depth: int = 0) -> object:
        self.values += 1
        if self.values > MOST_VALUES or depth > DEEPEST:
            raise ValueError(f"has more than {MOST_VALUES} values, or is more than {DEEPEST} deep")
        state = getattr(node, "__dict__", {})
        if "_content" in state:
            return self.of(state["_content"], depth + 1)
        if "_val" in state:
            return self.of(state["_val"], depth + 1)
        if isinstance(node, dict):
            return {self.name(name): self.of(value, depth + 1) for name, value in dict.items(node)}
        if isinstance(node, list | tuple):
            return [self.of(value, depth + 1) for value in node]
        if isinstance(node, bool | float | str | None) or (isinstance(node, int) and abs(node) < LARGEST):
            return node
        raise ValueError(f"holds a {type(node).__name__}, which is no plain value, or too large")

    def name(self, name: object) -> str:
        if not isinstance(name, str):
            raise ValueError(f"holds a name of type {type(name).__name__}, not str")
        return name


def target(fields: Fields, *known: str) -> str:
    """The class that `_target_` names, without its module, which is one of the project's or of `diffusers`."""
    full = str(fields.get("_target_"))
    module, _, name = full.rpartition(".")
    found = Fields(fields.where, {"_target_": name}).one_of("_target_", *known)
    if module.partition(".")[0] not in PROJECTS:
        raise fields.refuse("_target_", f"is {full!r}, but must be of {' or '.join(PROJECTS)}")
    return found


def weights(path: Path, states: dict, averaged: bool) -> dict[str, Tensor]:
    """The policy's state, without the variables that stand for nothing."""
    name = "ema_model" if averaged else "model"
    state = states.get(name)
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in dict.items(state)
    ):
        raise ExportError(f"{path}: state_dicts.{name} is missing, or no table of tensors")
    return {key: value for key, value in dict.items(state) if not key.endswith("_dummy_variable")}
