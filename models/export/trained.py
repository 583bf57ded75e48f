"""Policies of `models/training`: `policy-EPOCH.pt`."""

import pickle
from math import prod
from pathlib import Path

import torch

from export.policy import Entry, ExportError, Policy, Shape, min_max
from export.unet import ConditionalUnet

WANTED = {"weights", "widths", "task", "shape", "scheduler", "observation", "action"}


def load(path: Path) -> Policy:
    """What `python -m training.train` wrote."""
    try:
        trained = torch.load(path, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ExportError(f"{path}: not weights written by `python -m training.train` ({error})") from error
    if not isinstance(trained, dict) or not trained.keys() >= WANTED:
        raise ExportError(f"{path}: no weights in it; export a policy-EPOCH.pt, not the checkpoint")
    shape, task = Shape(**trained["shape"]), trained["task"]
    denoiser = ConditionalUnet(
        action=len(trained["action"]["min"]),
        condition=shape.n_obs_steps * len(trained["observation"]["min"]),
        widths=tuple(trained["widths"]),
    )
    denoiser.load_state_dict(trained["weights"])
    return Policy(
        name=task["name"],
        shape=shape,
        observations=entries(task["observations"], trained["observation"]),
        actions=entries(task["actions"], trained["action"]),
        scheduler=trained["scheduler"],
        denoiser=denoiser.eval(),
    )


def entries(shapes: dict[str, tuple[int, ...]], ranges: dict[str, list[float]]) -> list[Entry]:
    """The entries, each with its part of the concatenated ranges."""
    found, start = [], 0
    for name, shape in shapes.items():
        part = slice(start, start := start + prod(shape))
        found.append(Entry(name, tuple(shape), min_max(ranges["min"][part], ranges["max"][part])))
    return found
