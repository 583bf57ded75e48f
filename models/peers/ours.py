"""Parapolicy, through its Python package.

A process loads one ONNX Runtime, so OpenVINO, which has its own, is asked in a process of its own; what that costs is
counted.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import parapolicy

RUNS = {
    "ONNX Runtime": {"provider": "cpu"},
    "its engine": {"provider": "native"},
    "its engine in bf16": {"provider": "native", "precision": "bf16"},
    "OpenVINO": {"provider": "openvino"},
}
APART = "OpenVINO"
DRAWN = {
    "sequential, DDPM-100": {"sampler": "sequential"},
    "picard, DDPM-100": {"sampler": "picard"},
    "sequential, DDIM-10": {"sampler": "sequential", "solver": "ddim", "steps": 10},
}


def observation_shape(model: Path) -> tuple[int, int]:
    """`[n_obs_steps, observation_dim]`."""
    policy = parapolicy.Policy(model, provider="native", threads=1)
    return policy.n_obs_steps, policy.observation_dim


def contestants(model: Path, threads: int) -> dict[str, Callable[[np.ndarray, int], object]]:
    """Every sampling, on every provider that runs on this processor."""
    return {
        f"Parapolicy on {runs}, {name}": partial(draws, sampling)
        for runs in RUNS
        for draws in [drawing(model, runs, threads)]
        if draws
        for name, sampling in DRAWN.items()
    }


def drawing(model: Path, runs: str, threads: int) -> Callable[[dict, np.ndarray, int], object] | None:
    """What draws plans, as a sampling says it; nothing where the processor does not compute in the precision."""
    if runs == APART:
        process = ProcessPoolExecutor(1, get_context("spawn"), opened, (model, runs, threads))
        return lambda sampling, observation, seed: process.submit(drawn, sampling, observation, seed).result()
    try:
        policy = parapolicy.Policy(model, threads=threads, **RUNS[runs])
    except (ValueError, RuntimeError) as error:
        if "precision" not in RUNS[runs]:
            raise
        print(f"left out: {runs} ({error})")
        return None
    return lambda sampling, observation, seed: policy.sample(observation, seed=seed, **sampling).actions


def opened(model: Path, runs: str, threads: int) -> None:
    """Loads the policy of a process of its own."""
    global here
    here = parapolicy.Policy(model, threads=threads, **RUNS[runs])


def drawn(sampling: dict, observation: np.ndarray, seed: int) -> np.ndarray:
    """A plan of that policy."""
    return here.sample(observation, seed=seed, **sampling).actions
