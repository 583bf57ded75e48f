"""Policies of `models/training`: `policy-EPOCH.pt`."""

import pickle
from math import prod
from pathlib import Path

import torch

from export import rigid
from export.policy import Entry, ExportError, Policy, Shape, identity, min_max
from export.unet import ConditionalUnet

WANTED = {"weights", "widths", "task", "shape", "scheduler", "observation", "action"}
# Axes of an image: height, width, channel.
IMAGE = 3


def load(path: Path) -> Policy:
    """What `python -m training.train` wrote, or `training.image`, whose encoder is beside the denoiser."""
    try:
        trained = torch.load(path, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ExportError(f"{path}: not weights written by `python -m training.train` ({error})") from error
    if not isinstance(trained, dict) or not trained.keys() >= WANTED:
        raise ExportError(f"{path}: no weights in it; export a policy-EPOCH.pt, not the checkpoint")
    try:
        return built(trained, path)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ExportError(f"{path}: not what `python -m training.train` wrote ({error!r})") from error


def built(trained: dict, path: Path) -> Policy:
    """The policy of what is in the file."""
    shape, task = Shape(**trained["shape"]), trained["task"]
    numbers = len(trained["observation"]["min"])
    try:
        seeing = rigid.encoder(rigid.remade(trained["sight"]), after=numbers) if "sight" in trained else None
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ExportError(f"{path}: sight: not what `python -m training.image` wrote ({error!r})") from error
    denoiser = ConditionalUnet(
        action=len(trained["action"]["min"]),
        condition=shape.n_obs_steps * (seeing.features if seeing else numbers),
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
        encoder=seeing.eval() if seeing else None,
    )


def entries(shapes: dict[str, tuple[int, ...]], ranges: dict[str, list[float]]) -> list[Entry]:
    """The entries, each with its part of the concatenated ranges; images, which the encoder normalises, have none."""
    found, start = [], 0
    for name, shape in shapes.items():
        if len(shape) == IMAGE:
            found.append(Entry(name, tuple(shape), identity()))
            continue
        part = slice(start, start := start + prod(shape))
        found.append(Entry(name, tuple(shape), min_max(ranges["min"][part], ranges["max"][part])))
    return found
