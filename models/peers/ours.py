"""Parapolicy, through its Python package."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import parapolicy

PROVIDERS = {"cpu": "ONNX Runtime", "native": "its engine"}
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

    def drawn(policy: parapolicy.Policy, sampling: dict) -> Callable[[np.ndarray, int], object]:
        return lambda observation, seed: policy.sample(observation, seed=seed, **sampling)

    return {
        f"Parapolicy on {runs}, {name}": drawn(policy, sampling)
        for provider, runs in PROVIDERS.items()
        for policy in [parapolicy.Policy(model, provider=provider, threads=threads)]
        for name, sampling in DRAWN.items()
    }
