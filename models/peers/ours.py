"""Parapolicy, through its Python package.

A process loads one ONNX Runtime, so the provider that has its own is asked in a process of its own; what that costs is
counted.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import parapolicy

PROVIDERS = {"cpu": "ONNX Runtime", "native": "its engine", "openvino": "OpenVINO"}
APART = "openvino"
DRAWN = {
    "sequential, DDPM-100": {"sampler": "sequential"},
    "picard, DDPM-100": {"sampler": "picard"},
    "sequential, DDIM-15": {"sampler": "sequential", "solver": "ddim", "steps": 15},
}


def observation_shape(model: Path) -> tuple[int, int]:
    """`[n_obs_steps, observation_dim]`."""
    policy = parapolicy.Policy(model, provider="native", threads=1)
    return policy.n_obs_steps, policy.observation_dim


def contestants(model: Path, threads: int) -> dict[str, Callable[[np.ndarray, int], object]]:
    """Every way of drawing on every provider."""
    return {
        f"Parapolicy on {runs}, {name}": partial(draws, sampling)
        for provider, runs in PROVIDERS.items()
        for draws in [drawing(model, provider, threads)]
        for name, sampling in DRAWN.items()
    }


def drawing(model: Path, provider: str, threads: int) -> Callable[[dict, np.ndarray, int], object]:
    """What draws plans by the provider, as a sampling says it."""
    if provider == APART:
        process = ProcessPoolExecutor(1, get_context("spawn"), opened, (model, provider, threads))
        return lambda sampling, observation, seed: process.submit(drawn, sampling, observation, seed).result()
    policy = parapolicy.Policy(model, provider=provider, threads=threads)
    return lambda sampling, observation, seed: policy.sample(observation, seed=seed, **sampling).actions


def opened(model: Path, provider: str, threads: int) -> None:
    """Loads the policy of a process of its own."""
    global here
    here = parapolicy.Policy(model, provider=provider, threads=threads)


def drawn(sampling: dict, observation: np.ndarray, seed: int) -> np.ndarray:
    """A plan of that policy."""
    return here.sample(observation, seed=seed, **sampling).actions
