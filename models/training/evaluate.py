"""Scores an exported policy in gym-pusht: `python -m training.evaluate MODEL_DIR`; the report, on standard output, is
JSON.

As in Diffusion Policy (Chi et al. 2023): the published reset distribution and seeds, at most 300 control steps, and
the mean over episodes of the episode's largest reward. All episodes advance in lockstep, so that the network sees
them as one batch.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from training.policy import Policy
from training.pusht import DEMONSTRATED_SEEDS, MAX_STEPS, OBSERVATIONS, Episode
from training.schedule import SOLVERS


def noise_of(policy: Policy, seeds: range, file: Path | None) -> dict[int, Iterator[torch.Tensor]]:
    """Each episode's noise: seeded with the episode's seed, or read from `file`."""
    if file is None:
        return {seed: policy.generated(seed) for seed in seeds}
    with np.load(file) as recorded:
        initial, steps = recorded["initial"], recorded["steps"]
    wanted = (len(seeds), len(policy.scheduler.timesteps), policy.shape.horizon * len(policy.action.low))
    if (len(steps), *steps.shape[2:]) != wanted:
        raise ValueError(f"{file}: steps has shape {steps.shape}, expected (episodes, plans, steps, D) = {wanted}")
    return {seed: policy.recorded(*rows) for seed, *rows in zip(seeds, initial, steps, strict=True)}


def run(policy: Policy, seeds: range, noise: dict[int, Iterator[torch.Tensor]]) -> list[Episode]:
    """Plays one episode a seed to its end."""
    episodes = [Episode(seed) for seed in seeds]
    for name, length in policy.seen.items():
        if name not in OBSERVATIONS or len(episodes[0].observation((name,))) != length:
            raise ValueError(f"{name} of length {length} is observed, which gym-pusht does not have")
    history = {episode.seed: [episode.observation(policy.seen)] * policy.shape.n_obs_steps for episode in episodes}
    rounds = -(-MAX_STEPS // policy.shape.n_action_steps)
    progress = tqdm(range(rounds), "planning", unit="plan", disable=None)
    for _ in progress:
        playing = [episode for episode in episodes if not episode.done]
        if not playing:
            break
        observations = np.array([history[episode.seed] for episode in playing])
        plans = policy.plan(observations, [noise[episode.seed] for episode in playing])
        for episode, plan in zip(playing, plans, strict=True):
            for action in plan:
                episode.step(action)
                history[episode.seed] = [*history[episode.seed][1:], episode.observation(policy.seen)]
                if episode.done:
                    break
        mean = np.mean([episode.reward for episode in episodes])
        progress.set_postfix(reward=f"{mean:.3f}", playing=sum(not episode.done for episode in episodes))
    return episodes


def interval(values: np.ndarray, resamples: int = 10_000) -> list[float]:
    """95 % percentile bootstrap interval of the mean (Efron 1979, doi.org/10.1214/aos/1176344552)."""
    rows = np.random.default_rng(0).integers(len(values), size=(resamples, len(values)))
    return np.quantile(values[rows].mean(axis=1), (0.025, 0.975)).tolist()


def report(episodes: list[Episode]) -> dict:
    rewards = np.array([episode.reward for episode in episodes])
    successes = np.array([episode.success for episode in episodes], float)
    fields = ("seed", "reward", "success", "control_steps")
    return {
        "reward_mean": rewards.mean(),
        "reward_interval": interval(rewards),
        "success_rate": successes.mean(),
        "success_interval": interval(successes),
        "episodes": [{name: getattr(episode, name) for name in fields} for episode in episodes],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate", description="Score an exported policy in gym-pusht."
    )
    parser.add_argument("model", type=Path, help="folder with policy.json and its graph")
    parser.add_argument("--seeds", type=int, default=50, help="how many episodes")
    parser.add_argument("--first-seed", type=int, default=100_000, help="the default is the first published test seed")
    parser.add_argument("--solver", choices=SOLVERS, default="ddpm")
    parser.add_argument("--steps", type=int, default=100, help="denoising steps")
    parser.add_argument("--noise", type=Path, help="noise of the same episodes in another program (.npz), for DDPM")
    parser.add_argument("--threads", type=int, default=2, help="threads of ONNX Runtime")
    args = parser.parse_args()
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    if args.seeds < 1 or args.first_seed <= DEMONSTRATED_SEEDS[-1]:
        parser.error(
            f"choose at least one seed, from {len(DEMONSTRATED_SEEDS)} on: the policy was trained on the others"
        )
    if args.noise and args.solver != "ddpm":
        parser.error("--noise is for --solver ddpm: DDIM draws no noise after the first")
    try:
        policy = Policy(args.model, args.solver, args.steps, args.threads)
        noise = noise_of(policy, seeds, args.noise)
        started = time.monotonic()
        episodes = run(policy, seeds, noise)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"evaluate: {args.model}: {error}")
    scores = report(episodes)
    head = {"sha256": policy.sha256, "solver": args.solver, "steps": args.steps}
    json.dump({**head, "seconds": round(time.monotonic() - started, 1), **scores}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
