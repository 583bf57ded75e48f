"""Control steps a second through gymnasium's own `step`: gym-pusht and parapolicy, alternately, on the same actions.

    pip install ./crates/python gym-pusht==0.1.8 "pymunk<7"
    python crates/python/benches/steps.py

Both environments come from `gym.make` (or `gym.make_vec`, of eight environments) with state observations, so
gymnasium's wrappers are in the figures of both. The actions are those of the reference traces.
"""

import argparse
import statistics
import time
import warnings
from pathlib import Path

import gymnasium as gym
import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import gym_pusht  # noqa: F401  (registers the environment)

import parapolicy  # noqa: F401  (registers the environment)

TRACES = Path(__file__).parents[3] / "sims" / "traces"
IDS = ("gym_pusht/PushT-v0", "parapolicy/PushT-v0")
# The seed of the first episode of each trace.
SEEDS = {"random_targets": 1000, "shoves": 2000, "long_pushes": 3000, "spins": 4000}


def episodes(name):
    """The actions of a trace, `[episode, step, 2]`: all of its episodes are of one length."""
    with np.load(TRACES / f"{name}.npz") as file:
        actions, ends = file["action"].astype(np.float32), file["episode_ends"]
    return np.stack(np.split(actions, ends[:-1]))


def one_by_one(id, actions, seed):
    env = gym.make(id, obs_type="state")
    elapsed = 0.0
    for episode, targets in enumerate(actions):
        env.reset(seed=seed + episode)
        begin = time.perf_counter()
        for target in targets:
            env.step(target)
        elapsed += time.perf_counter() - begin
    return actions.shape[0] * actions.shape[1] / elapsed


def together(id, actions, seed):
    envs = gym.make_vec(id, num_envs=len(actions), obs_type="state")
    envs.reset(seed=seed)
    targets = np.ascontiguousarray(actions.swapaxes(0, 1))
    begin = time.perf_counter()
    for target in targets:
        envs.step(target)
    return actions.shape[0] * actions.shape[1] / (time.perf_counter() - begin)


def spread(values, digits=0):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def row(name, theirs, ours):
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    print(f"| {name} | {spread(theirs)} | {spread(ours)} | {spread(ratios, 1)} |", flush=True)


def compare(measure, rounds):
    print("| trace | gym-pusht | parapolicy | ratio |\n|---|---|---|---|")
    sides = []
    for name, seed in SEEDS.items():
        actions = episodes(name)
        rates = [[measure(id, actions, seed) for id in IDS] for _ in range(rounds)]
        theirs, ours = zip(*rates, strict=True)
        row(f"`{name}`", theirs, ours)
        sides.append((theirs, ours))
    # Equal numbers of steps: the harmonic mean is the rate over all of them.
    pooled = (
        [statistics.harmonic_mean(rates) for rates in zip(*side, strict=True)] for side in zip(*sides, strict=True)
    )
    row("all four", *pooled)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    print(f"Control steps a second, median of {rounds} rounds (least to most).\n\nOne environment, `step`:\n")
    compare(one_by_one, rounds)
    print("\nEight environments, vectorised:\n")
    compare(together, rounds)


if __name__ == "__main__":
    main()
